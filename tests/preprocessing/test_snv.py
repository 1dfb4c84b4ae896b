"""SNV: norm, invariances, missing channels, pipelines with chemotools."""

import numpy as np
import pandas as pd
import pytest
from chemotools.derivative import SavitzkyGolay
from chemotools.scatter import MultiplicativeScatterCorrection
from sklearn import config_context
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.preprocessing import SNV
from tests import oracles


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(1, 0.2, size=(6, 50))


@parametrize_with_checks([SNV(), SNV(ddof=0)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("ddof", [0, 1])
def test_equals_literal_formula(X, ddof):
    X[2, [3, 7]] = np.nan
    np.testing.assert_allclose(SNV(ddof=ddof).fit_transform(X), oracles.snv(X, ddof))


@pytest.mark.parametrize("ddof", [0, 1])
def test_norm_depends_on_ddof_only(X, ddof):
    Z = SNV(ddof=ddof).fit_transform(X)
    np.testing.assert_allclose(Z.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), np.sqrt(50 - ddof), rtol=1e-12)


def test_is_invariant_to_offset_and_positive_gain(X):
    np.testing.assert_allclose(SNV().fit_transform(3 + 7 * X), SNV().fit_transform(X), atol=1e-12)


def test_spectra_are_transformed_independently(X):
    np.testing.assert_array_equal(SNV().fit_transform(X)[2:3], SNV().fit_transform(X[2:3]))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_constant_spectrum_becomes_zero(value):
    np.testing.assert_array_equal(SNV().fit_transform(np.full((1, 700), value)), np.zeros((1, 700)))


def test_single_channel_becomes_zero():
    np.testing.assert_array_equal(SNV().fit_transform([[2.0], [3.0]]), [[0.0], [0.0]])


@pytest.mark.filterwarnings("error")
def test_missing_channels_stay_nan_and_are_ignored(X):
    X[0] = np.nan
    X[1, ::2] = np.nan
    Z = SNV().fit_transform(X)
    np.testing.assert_array_equal(np.isnan(Z), np.isnan(X))
    np.testing.assert_allclose(Z[1, 1::2], SNV().fit_transform(X[1:2, 1::2])[0])


def test_float32_is_kept_and_input_is_not_modified(X):
    before = X.copy()
    assert SNV().fit_transform(X.astype(np.float32)).dtype == np.float32
    SNV().fit_transform(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("snv", [SNV(), SNV().set_output(transform="pandas")])
def test_frames_keep_their_column_names(X, snv):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[f"{1100 + 2 * i}.0" for i in range(50)], index=list("abcdef"))
    out = snv.fit_transform(frame)
    assert out.columns.equals(frame.columns)
    assert out.index.equals(frame.index)
    np.testing.assert_allclose(out, SNV().fit_transform(X), atol=1e-12)


def test_arrays_are_returned_for_arrays_and_where_the_user_asks_for_them(X):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[f"{1100 + 2 * i}.0" for i in range(50)])
    asked = SNV().set_output(transform="default").fit(frame)
    without_names = SNV().fit(pd.DataFrame(X))
    for out in (asked.transform(frame), without_names.transform(pd.DataFrame(X))):
        assert not isinstance(out, pd.DataFrame)
    with config_context(transform_output="polars"):
        assert type(SNV().fit_transform(frame)).__module__.startswith("polars")


@pytest.mark.parametrize(
    "steps",
    [
        (SNV(), SavitzkyGolay(window_length=7, deriv=1)),
        (SavitzkyGolay(window_length=7, deriv=1), SNV()),
        (MultiplicativeScatterCorrection(), SNV()),
    ],
)
def test_pipeline_with_chemotools(X, steps):
    model = make_pipeline(*steps, PLSRegression(2)).fit(X, X[:, 10])
    np.testing.assert_allclose(model.predict(X[:1]), model.predict(X)[:1])


@pytest.mark.parametrize("ddof", [2, -1, "1"])
def test_invalid_ddof_raises(X, ddof):
    with pytest.raises(ValueError, match="ddof must be 0 or 1, got"):
        SNV(ddof=ddof).fit(X)


def test_infinity_raises(X):
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        SNV().fit(X)


@pytest.mark.parametrize("level", [1.0, 1000.0, 60000.0])
def test_float16_counts_are_not_summed_in_float16(level):
    """Sums over a spectrum exceed the largest float16."""
    X = (level + level / 30 * np.random.default_rng(0).normal(size=(4, 700))).clip(max=65000)
    X = X.astype(np.float16)
    scaled = SNV().fit_transform(X)
    assert scaled.dtype == np.float16
    np.testing.assert_allclose(scaled, SNV().fit_transform(X.astype(float)), rtol=1e-3, atol=1e-6)


def test_columns_that_are_numbers_are_names():
    X = pd.DataFrame(
        np.random.default_rng(0).normal(size=(3, 4)), columns=[1100.5, 1101, 1102, 1103]
    )
    snv = SNV().fit(X)
    np.testing.assert_array_equal(snv.transform(X), SNV().fit_transform(X.to_numpy()))
    with pytest.raises(ValueError, match="names should match"):
        snv.transform(X.iloc[:, ::-1])
