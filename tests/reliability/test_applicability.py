"""Applicability domain: T2, Q and channel residual, and the level of the limits."""

import pickle

import numpy as np
import pytest
import sklearn
from chemotools.feature_selection import RangeCut
from scipy.stats import chi2, gumbel_r
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron import SNV, PDSTransfer, SpektronEmbedder, stack_instruments
from skspektron._samples import number_samples
from skspektron.datasets import make_instruments
from skspektron.reliability import ApplicabilityDomain

from ..oracles import channel_residual, t2_and_squared_residuals

WAVELENGTH = np.linspace(1100, 2498, 140)
LEVEL = 0.95 ** (1 / 3)


@pytest.fixture(scope="module")
def lab():
    """Simulate 480 samples on two instruments that drift from row to row."""
    return make_instruments(480, ("old", "new"), wavelength=WAVELENGTH, random_state=1)


@pytest.fixture(scope="module")
def rows(lab):
    """Return 80 spectra of the source for a calibration, their reference values, and 400 others."""
    order = np.random.default_rng(0).permutation(480)
    X, y = lab.X["old"][order], lab.y[order, 0]
    X.flags.writeable = y.flags.writeable = False
    return X[:80], y[:80], X[80:]


@parametrize_with_checks(
    [
        ApplicabilityDomain(),
        ApplicabilityDomain(make_pipeline(PCA(1)), confidence_level=0.9),
    ]
)
def test_contract(estimator, check):
    check(estimator)


def expected_limit(values):
    """Return the quantile of the scaled chi-square with the mean and the variance of `values`."""
    m = sum(values) / len(values)
    v = sum((value - m) ** 2 for value in values) / (len(values) - 1)
    g, h = v / (2 * m), 2 * m**2 / v
    return g * chi2.ppf(LEVEL, h)


def expected_channel_limit(values):
    """Return the quantile of the log-Gumbel distribution with the moments of log `values`."""
    logs = [np.log(max(value, 1.0)) for value in values]
    m = sum(logs) / len(logs)
    v = sum((value - m) ** 2 for value in logs) / (len(logs) - 1)
    scale = np.sqrt(6 * v) / np.pi
    return np.exp(gumbel_r.ppf(LEVEL, m - np.euler_gamma * scale, scale))


def pca_parts(pca, Z):
    P = pca.components_.T
    return Z.mean(axis=0), np.ones(Z.shape[1]), P, P, np.var((Z - Z.mean(axis=0)) @ P, 0, ddof=1)


def pls_parts(pls, Z):
    scores = pls.x_scores_
    return (
        Z.mean(axis=0),
        Z.std(axis=0, ddof=1),
        pls.x_rotations_,
        pls.x_loadings_,
        np.var(scores, axis=0, ddof=0),
    )


@pytest.mark.parametrize(
    ("model", "parts"), [(PCA(3), pca_parts), (PLSRegression(4), pls_parts)], ids=["PCA", "PLS"]
)
def test_statistics_and_limits_equal_their_definitions(model, parts, rows):
    X, y, new = rows[0][:30, ::4], rows[1][:30], rows[2][:5, ::4]
    domain = ApplicabilityDomain(make_pipeline(SNV(), model)).fit(X, y)
    Z, Z_new = SNV().fit_transform(X), SNV().fit_transform(new)
    found = domain.statistics(new)
    fitted = parts(clone(model).fit(Z, y), Z)
    t2, squares = zip(*(t2_and_squared_residuals(z, *fitted) for z in Z_new), strict=True)
    np.testing.assert_allclose(found.hotelling_t2, t2)
    np.testing.assert_allclose(found.q_residuals, [sum(row) for row in squares])
    held_out = [()] * 30
    numbers, _, _ = number_samples(Z, np.arange(30), y)
    for train, test in GroupKFold(10).split(Z, groups=numbers):
        without = parts(clone(model).fit(Z[train], y[train]), Z[train])
        for i in test:
            held_out[i] = t2_and_squared_residuals(Z[i], *without)
    t2, of_good = zip(*held_out, strict=True)
    assert domain.hotelling_t2_limit_ == pytest.approx(expected_limit(t2))
    q = [sum(row) for row in of_good]
    assert domain.q_residuals_limit_ == pytest.approx(expected_limit(q))
    largest, channel = zip(*(channel_residual(row, of_good) for row in squares), strict=True)
    np.testing.assert_allclose(found.channel_residual, largest)
    np.testing.assert_array_equal(found.channel, channel)
    of_others = [channel_residual(of_good[i], of_good[:i] + of_good[i + 1 :])[0] for i in range(30)]
    assert domain.channel_residual_limit_ == pytest.approx(expected_channel_limit(of_others))


def test_nested_pipelines_equal_flat_ones(rows):
    X, _, new = rows
    flat = ApplicabilityDomain(make_pipeline(SNV(), SNV(ddof=0), PCA(3))).fit(X)
    nested = ApplicabilityDomain(make_pipeline(SNV(), make_pipeline(SNV(ddof=0), PCA(3)))).fit(X)
    np.testing.assert_array_equal(nested.score_samples(new), flat.score_samples(new))


def test_inside_is_below_all_limits(rows):
    X, _, new = rows
    domain = ApplicabilityDomain().fit(X)
    found = domain.statistics(new)
    ratios = [
        found.hotelling_t2 / domain.hotelling_t2_limit_,
        found.q_residuals / domain.q_residuals_limit_,
        found.channel_residual / domain.channel_residual_limit_,
    ]
    assert all((ratio > 1).any() for ratio in ratios)
    farthest = [max(values) for values in zip(*ratios, strict=True)]
    np.testing.assert_array_equal(found.inside, np.array(farthest) <= 1)
    np.testing.assert_array_equal(domain.predict(new) == 1, found.inside)
    np.testing.assert_allclose(domain.score_samples(new), np.negative(farthest))
    np.testing.assert_allclose(domain.decision_function(new), 1 - np.array(farthest))


@pytest.mark.parametrize("confidence_level", [0.8, 0.95])
@pytest.mark.parametrize(
    "model",
    [None, make_pipeline(SNV(), PCA(0.99)), make_pipeline(SNV(), PLSRegression(6))],
    ids=["default", "SNV, PCA", "SNV, PLS"],
)
def test_fraction_of_false_alarms_is_that_of_the_level(model, confidence_level):
    alarms = []
    for seed in range(4):
        lab = make_instruments(460, ("A",), wavelength=WAVELENGTH, random_state=seed)
        order = np.random.default_rng(seed).permutation(460)
        X, y = lab.X["A"][order], lab.y[order, 0]
        domain = ApplicabilityDomain(model, confidence_level=confidence_level).fit(X[:60], y[:60])
        alarms.append(np.mean(domain.predict(X[60:]) == -1))
    assert np.mean(alarms) == pytest.approx(1 - confidence_level, abs=0.05)


@pytest.mark.parametrize("n_good", [30, 100])
def test_false_alarms_of_the_channel_residual_with_few_and_many_spectra(n_good):
    lab = make_instruments(3000, ("A",), wavelength=WAVELENGTH, random_state=0)
    Z = SNV().fit_transform(lab.X["A"][:, ::2])
    alone, all_three = [], []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(3000)
        good, new = Z[order[:n_good]], Z[order[n_good:][:300]]
        domain = ApplicabilityDomain().fit(good)
        found = domain.statistics(new)
        alone.append(np.mean(found.channel_residual > domain.channel_residual_limit_))
        all_three.append(np.mean(~found.inside))
    assert np.mean(alone) == pytest.approx(1 - LEVEL, abs=0.015)
    assert np.mean(all_three) == pytest.approx(0.05, abs=0.025)


def test_a_spike_that_t2_and_q_miss_is_found_with_its_channel(rows):
    X, _, new = rows
    domain = ApplicabilityDomain(make_pipeline(SNV(), PCA(0.99))).fit(X)
    spiked = new[domain.predict(new) == 1][:50].copy()
    spiked[:, 77] += 0.004
    found = domain.statistics(spiked)
    missed = (found.hotelling_t2 <= domain.hotelling_t2_limit_) & (
        found.q_residuals <= domain.q_residuals_limit_
    )
    assert missed.mean() > 0.9
    assert np.mean(domain.predict(spiked) == -1) > 0.9
    assert np.mean(found.channel == 77) > 0.9


def test_a_damaged_spectrum_in_fit_hides_no_other(rows):
    X, _, new = rows
    X, spiked = X.copy(), new[:50].copy()
    X[0, 77] += 0.1
    spiked[:, 30] += 0.02
    domain = ApplicabilityDomain(make_pipeline(SNV(), PCA(5))).fit(X)
    found = domain.statistics(spiked)
    assert np.mean(found.channel_residual > domain.channel_residual_limit_) > 0.9


def test_a_channel_that_is_constant_in_fit_does_not_decide(rows):
    X, _, new = rows
    X, new = X.copy(), new.copy()
    X[:, 5] = new[:, 5] = 0
    expected = ApplicabilityDomain(PCA(3)).fit(X)
    new[:, 5] = 1e-6
    found = expected.statistics(new)
    assert not np.any(found.channel == 5)
    new[:, 5] = 1
    assert np.all(expected.statistics(new).channel == 5)


def test_the_channel_is_named_by_the_columns_of_a_frame(rows):
    pd = pytest.importorskip("pandas")
    X, new = rows[0][:30], rows[2][:3].copy()
    new[[0, 1, 2], [10, 60, 110]] += 0.1
    names = [f"{nm:.1f} nm" for nm in WAVELENGTH]
    frame, expected = pd.DataFrame(X, columns=names), [names[k] for k in (10, 60, 110)]
    for step in (SNV(), FunctionTransformer(), RangeCut(start=5, end=130)):
        domain = ApplicabilityDomain(make_pipeline(step, PCA(3))).fit(frame)
        found = domain.statistics(pd.DataFrame(new, columns=names)[names[::-1]])
        assert found.channel_name.tolist() == expected
    assert found.channel.tolist() == [5, 55, 105]  # of the range
    cut = FunctionTransformer(lambda X: np.asarray(X)[:, 5:])  # does not name its channels
    domain = ApplicabilityDomain(make_pipeline(cut, PCA(3))).fit(frame)
    assert domain.statistics(pd.DataFrame(new, columns=names)).channel_name is None
    assert ApplicabilityDomain(PCA(3)).fit(X).statistics(new).channel_name is None


@pytest.mark.filterwarnings("error:X does not have valid feature names")
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_calibration_that_was_fitted_on_a_frame_takes_mapped_spectra(kind, lab):
    """The map returns arrays; their channels are those of the frame."""
    pd = pytest.importorskip(kind)
    names = [f"{nm:.1f} nm" for nm in WAVELENGTH]
    rows = np.r_[lab.X["old"][:40], lab.X["new"][:10]]
    frame = pd.DataFrame(dict(zip(names, rows.T, strict=True)))
    transfer = PDSTransfer(make_pipeline(SNV(), PLSRegression(3)), source="old", target="new")
    instrument, ids = ["old"] * 40 + ["new"] * 10, np.r_[:40, :10]
    transfer.fit(frame, lab.y[ids, 0], instrument=instrument, sample_id=ids)
    Z = transfer.transform(pd.DataFrame(dict(zip(names, lab.X["new"][40:80].T, strict=True))))
    found = ApplicabilityDomain(FrozenEstimator(transfer.estimator_)).fit(Z).statistics(Z[:5])
    assert found.channel_name.tolist() == [names[k] for k in found.channel]


def distort(X, kind, height=0.02):
    """Return spectra unlike those of the calibration."""
    if kind == "unknown band":
        return X + height * np.exp(-(((WAVELENGTH - 1800) / 20) ** 2) / 2)
    if kind == "saturated":
        return np.minimum(X, 0.8 * X.max())
    return np.stack([np.interp(WAVELENGTH + 4, WAVELENGTH, x) for x in X])  # 4 nm


@pytest.mark.parametrize("kind", ["unknown band", "saturated", "shifted"])
def test_distorted_spectra_are_outside(kind, rows):
    X, _, new = rows
    domain = ApplicabilityDomain(make_pipeline(SNV(), PCA(0.99))).fit(X)
    assert np.mean(domain.predict(new) == -1) < 0.1
    assert np.mean(domain.predict(distort(new, kind)) == -1) > 0.85


def test_extrapolation_raises_t2_and_an_unknown_band_raises_q(rows):
    X, _, new = rows
    domain = ApplicabilityDomain(make_pipeline(SNV(), PCA(0.99))).fit(X)
    Z = SNV().fit_transform(new[:20])
    components = domain.estimator_[-1]
    outlying = domain.statistics(distort(new[:20], "unknown band"))
    assert (outlying.q_residuals > domain.q_residuals_limit_).all()
    frozen = ApplicabilityDomain(FrozenEstimator(components)).fit(SNV().fit_transform(X))
    far = frozen.statistics(components.mean_ + 6 * (Z - components.mean_))
    near = frozen.statistics(Z)
    np.testing.assert_allclose(far.hotelling_t2, 36 * near.hotelling_t2)
    assert np.mean(far.hotelling_t2 > frozen.hotelling_t2_limit_) > 0.9


def test_limits_from_transformed_target_spectra(lab):
    order = np.random.default_rng(1).permutation(480)
    old, new, y = lab.X["old"][order], lab.X["new"][order], lab.y[order, 0]
    ids, known = np.arange(480), slice(0, 60)
    X, y_rows, instrument, sample_id = stack_instruments(
        {"old": (old[known], y[known], ids[known]), "new": (new[known], y[known], ids[known])}
    )
    model = make_pipeline(SNV(), PLSRegression(6))
    transfer = PDSTransfer(model, source="old", target="new")
    transfer.fit(X, y_rows, instrument=instrument, sample_id=sample_id)
    seen = transfer.transform(new)
    domain = ApplicabilityDomain(FrozenEstimator(transfer.estimator_)).fit(seen[60:100])
    assert domain.estimator_ is transfer.estimator_
    assert np.mean(domain.predict(seen[100:]) == -1) < 0.12
    banded = transfer.transform(distort(new[100:], "unknown band", height=0.1))
    assert np.mean(domain.predict(banded) == -1) > 0.9
    by_source = ApplicabilityDomain(transfer.estimator_).fit(old[known], y[known])
    assert np.mean(by_source.predict(seen[100:]) == -1) > 0.3  # see the notes of the class


def test_limits_of_a_frozen_estimator_are_those_of_the_spectra_in_fit(rows):
    X, _, new = rows
    pca = PCA(3).fit(X)
    domain = ApplicabilityDomain(FrozenEstimator(pca)).fit(new[:50])
    q = domain.statistics(new[:50]).q_residuals
    assert domain.q_residuals_limit_ == pytest.approx(expected_limit(q))


def test_limits_of_many_channels_are_the_same_in_every_fit():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5)) @ rng.standard_normal((5, 600))
    X += 0.1 * rng.standard_normal(X.shape)
    first, second = (ApplicabilityDomain().fit(X) for _ in range(2))
    for name in ("hotelling_t2_limit_", "q_residuals_limit_", "channel_residual_limit_"):
        assert getattr(first, name) == getattr(second, name)


def test_replicates_are_held_out_together(rows):
    X = np.repeat(rows[0][:20], 5, axis=0)
    X += 1e-5 * np.random.default_rng(0).normal(size=X.shape)
    ids = np.repeat(np.arange(20), 5)
    apart = ApplicabilityDomain(PCA(10)).fit(X)
    together = ApplicabilityDomain(PCA(10)).fit(X, sample_id=ids)
    assert together.q_residuals_limit_ > 1.5 * apart.q_residuals_limit_
    assert together.channel_residual_limit_ > 1.1 * apart.channel_residual_limit_


def test_embedder_takes_the_axis_from_column_names(rows):
    pd = pytest.importorskip("pandas")
    X, new = rows[0][:20], rows[2][:8]
    embedding = make_pipeline(SNV().set_output(transform="pandas"), SpektronEmbedder(), PCA(2))
    frame = pd.DataFrame(X, columns=[f"{nm:.3f} nm" for nm in WAVELENGTH])
    named = ApplicabilityDomain(embedding).fit(frame)
    given = make_pipeline(SNV(), SpektronEmbedder(wavelength=WAVELENGTH.round(3)), PCA(2))
    domain = ApplicabilityDomain(given).fit(X)
    scores = domain.score_samples(new)
    np.testing.assert_allclose(
        named.score_samples(pd.DataFrame(new, columns=frame.columns)), scores, rtol=1e-5
    )
    assert (domain.predict(distort(new, "shifted")) == -1).all()


def test_output_configuration_and_pickle_do_not_change_scores(rows):
    X, y, new = rows
    model = make_pipeline(SNV(), PLSRegression(4))
    domain = ApplicabilityDomain(model).fit(X, y)
    scores = domain.score_samples(new)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(domain)).score_samples(new), scores)
    with sklearn.config_context(transform_output="pandas"):
        again = ApplicabilityDomain(model).fit(X, y)
        np.testing.assert_allclose(again.score_samples(new), scores)
    assert not hasattr(model[-1], "coef_")  # a clone was fitted


@pytest.mark.parametrize("level", [0, 1, -0.5, "high"])
def test_confidence_level_outside_0_to_1_raises(level, rows):
    with pytest.raises(ValueError, match=rf"confidence_level must be .*, got {level!r}"):
        ApplicabilityDomain(confidence_level=level).fit(rows[0])


def test_invalid_input_raises(rows):
    X = rows[0]
    with pytest.raises(TypeError, match=r"must be PCA or PLSRegression, .* got Ridge"):
        ApplicabilityDomain(make_pipeline(SNV(), Ridge())).fit(X)
    with pytest.raises(ValueError, match=r"must have whiten=False, got whiten=True"):
        ApplicabilityDomain(PCA(2, whiten=True)).fit(X)
    with pytest.raises(ValueError, match=r"y must be given for PLS, got None for 80 spectra"):
        ApplicabilityDomain(make_pipeline(SNV(), PLSRegression(2))).fit(X)
    with pytest.raises(ValueError, match=r"y is NaN in 3 of the 80 reference values that PLS"):
        ApplicabilityDomain(PLSRegression(2)).fit(X, np.r_[[np.nan] * 3, rows[1][3:]])
    with pytest.raises(ValueError, match=r"The 5 spectra are identical"):
        ApplicabilityDomain(PCA(1)).fit(np.ones((5, 3)))
    with pytest.raises(NotFittedError):
        ApplicabilityDomain(FrozenEstimator(PCA(1))).fit(X)
    with pytest.raises(ValueError, match=r"got 8 components for 8 spectra"):
        ApplicabilityDomain(PCA()).fit(X[:8])
    with pytest.raises(ValueError, match=r"at least 4 different samples, got 2"):
        ApplicabilityDomain().fit(X, sample_id=["a", "b"] * 40)
    with pytest.raises(ValueError, match=r"minimum of 4 is required"):
        ApplicabilityDomain().fit(X[:3])
    with pytest.raises(ValueError, match="NaN"):
        ApplicabilityDomain().fit(X).predict(np.full((1, 140), np.nan))


def test_folds_of_lower_rank_give_finite_limits():
    X = np.array([[0, 0, 0, 1, 1], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1], [0, 0, 0, 0, 0.0]])
    domain = ApplicabilityDomain().fit(X)
    assert np.isfinite(domain.score_samples(X)).all()
    with pytest.raises(ValueError, match=r"4 of the 5 spectra are identical"):
        ApplicabilityDomain().fit(np.eye(5, 3)[[0, 0, 0, 0, 1]])


@pytest.mark.parametrize("model", [None, PLSRegression(3)])
def test_names_and_order_of_samples_do_not_change_the_limits(model, rows):
    X, y = rows[0][:30, ::4], rows[1][:30]
    ids = np.repeat(np.arange(15), 2)
    order = np.random.default_rng(0).permutation(30)
    names = np.random.default_rng(1).permutation(15)[ids]
    reference = ApplicabilityDomain(model).fit(X, y, sample_id=ids)
    other = ApplicabilityDomain(model).fit(X[order], y[order], sample_id=names[order])
    assert other.hotelling_t2_limit_ == pytest.approx(reference.hotelling_t2_limit_, rel=1e-9)
    assert other.q_residuals_limit_ == pytest.approx(reference.q_residuals_limit_, rel=1e-9)
    expected = reference.channel_residual_limit_
    assert other.channel_residual_limit_ == pytest.approx(expected, rel=1e-9)


def test_components_without_variance_raise(rows):
    X, y, _ = rows
    match = r"T2 or Q of 80 of the 80 spectra of fit is not finite"
    with (
        pytest.raises(ValueError, match=match),
        pytest.warns(UserWarning),
        np.errstate(all="ignore"),
    ):
        ApplicabilityDomain(PLSRegression(3)).fit(X, np.ones_like(y))


@pytest.mark.parametrize(("unit", "offset"), [(1.0, 1e6), (1e-9, 0.0), (1e9, 1e9)])
def test_the_domain_follows_unit_and_offset_of_the_spectra(unit, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 20)) + 0.01 * rng.normal(size=(30, 20))
    moved = unit * X + offset
    without = moved - offset  # with the same rounding, without the offset
    expected = ApplicabilityDomain().fit(without).score_samples(without)
    scores = ApplicabilityDomain().fit(moved).score_samples(moved)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
