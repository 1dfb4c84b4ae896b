"""Spectra are predicted in the order in which they were measured, or with a warning."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron._frames import with_text_names
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronEmbedder
from skspektron.model_selection import stack_instruments
from skspektron.preprocessing import SNV
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import (
    DS,
    PDS,
    SST,
    LoRATransfer,
    MeanCentredTransfer,
    NoTransfer,
    PDSTransfer,
    SSTTransfer,
    TTTTransfer,
)
from skspektron.transfer._core._channel_order import TrainingSpectra, in_order_of_fit
from tests.transfer.methods import MAPPED, METHODS, fit, make

AXES = {"A": np.arange(1100.0, 1700.0, 15.0), "B": np.arange(1110.0, 1690.0, 20.0)}  # nm
FITS = (("wavelength", False), ("wavenumber", True))  # unit, and whether the axes descend
LAB = make_instruments(16, ("A", "B"), wavelength=AXES, random_state=0)


@cache
def stack(unit="wavelength", descending=False, own=True):
    """Stack both instruments, on one grid unless the target has its `own`."""
    names = {"A": "A", "B": "B" if own else "A"}
    step = -1 if descending else 1
    axes = {name: AXES[grid][::step] for name, grid in names.items()}
    X = dict(LAB.X) if own else {"A": LAB.X["A"], "B": 1.1 * LAB.X["A"] + 0.1}
    rows = {name: (X[name][:, ::step], LAB.y[:, 0], LAB.sample_id) for name in names}
    if unit == "wavenumber":
        axes = {name: 1e7 / axis for name, axis in axes.items()}
    return stack_instruments(rows, **{unit: axes})


@cache
def fitted(method, unit="wavelength", descending=False, own=True):
    """Return a transfer that is fitted once for all tests."""
    return fit(make(method, n_transfer=4), stack(unit, descending, own))


def target_rows(*arguments, **keywords):
    """Return the target rows of a stack as a frame with the target's channels."""
    X, _, instrument, _ = stack(*arguments, **keywords)
    return X[instrument == "B"].dropna(axis=1)


def warned(function, *arguments, **keywords):
    """Return what a function returns, and the messages of its warnings."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = function(*arguments, **keywords)
    return result, [str(warning.message) for warning in said]


@pytest.mark.parametrize("unit", ["wavelength", "wavenumber"])
def test_stacked_channels_descend_if_all_axes_do(unit):
    rows = {name: (np.ones((1, 3)), None, [1]) for name in "ab"}
    axes = {"a": np.array([1100.0, 1102, 1104]), "b": np.array([1101.0, 1102, 1103])}
    ascending = stack_instruments(rows, **{unit: axes})[0]
    fallen = {name: axis[::-1] for name, axis in axes.items()}
    descending = stack_instruments(rows, **{unit: fallen})[0]
    assert list(descending.columns) == list(ascending.columns)[::-1]
    pd.testing.assert_frame_equal(descending[ascending.columns], ascending)
    mixed = stack_instruments(rows, **{unit: axes | {"b": fallen["b"]}})[0]
    assert list(mixed.columns) == list(ascending.columns)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_predictions_follow_neither_direction_nor_unit_nor_container(method, own):
    first, other = (fitted(method, *how, own=own) for how in FITS)
    X, Y = (target_rows(*how, own=own) for how in FITS)
    expected = first.predict(X)
    atol = 1e-9 * np.std(expected)
    shuffled = np.random.default_rng(0).permutation(X.shape[1])
    for model, rows in ((first, X), (other, Y)):
        same = [rows, X, Y, rows.iloc[:, shuffled], pl.from_pandas(rows.iloc[:, shuffled])]
        numbers = [name.split()[0] for name in rows.columns[shuffled]]
        bare = rows.iloc[:, shuffled].set_axis(numbers, axis=1)
        for frame in [*same, bare, bare.set_axis(map(float, bare.columns), axis=1)]:
            predicted, said = warned(model.predict, frame)
            np.testing.assert_allclose(predicted, expected, rtol=0, atol=atol)
            assert not said
        for values, is_reversed in ((rows.to_numpy(), False), (rows.to_numpy()[:, ::-1], True)):
            predicted, said = warned(model.predict, values)
            np.testing.assert_allclose(predicted, expected, rtol=0, atol=atol)
            assert sum("reversed" in message for message in said) == is_reversed


@pytest.mark.parametrize(
    ("method", "parameters"),
    [(LoRATransfer, {"n_transfer": 4, "max_epochs": 1}), (TTTTransfer, {"max_steps": 2})],
)
def test_networks_follow_neither_direction_nor_container(method, parameters):
    both = {"source": "A", "target": "B", "random_state": 0, "device": "cpu"}
    first, other = (fit(method(**both, **parameters), stack(*how)) for how in FITS)
    X, Y = (target_rows(*how) for how in FITS)
    expected = first.predict(X)
    for model, rows in ((first, X), (other, Y)):
        for same in (X, Y, rows[rows.columns[::-1]], rows.to_numpy(), rows.to_numpy()[:, ::-1]):
            np.testing.assert_allclose(warned(model.predict, same)[0], expected, rtol=1e-9)


def test_an_axis_against_the_order_of_the_columns_warns():
    rows = {name: (LAB.X["A"], LAB.y[:, 0], LAB.sample_id) for name in "AB"}
    falling = {name: AXES["A"][::-1] for name in "AB"}
    X, y, instrument, sample_id = stack_instruments(rows, wavelength=falling)
    for axis, n_warnings in ((AXES["A"], 1), (AXES["A"][::-1], 0)):
        calibration = make_pipeline(SNV(), SpektronEmbedder(wavelength=axis), Ridge())
        model = MeanCentredTransfer(calibration, source="A", target="B", n_transfer=4)
        _, said = warned(model.fit, X, y, instrument=instrument, sample_id=sample_id)
        assert sum("although the column names" in message for message in said) == n_warnings


@pytest.mark.parametrize("method", MAPPED)
def test_mapped_spectra_follow_no_direction(method):
    model, rows = fitted(method), target_rows()
    expected = model.transform(rows)
    for same in (rows.to_numpy(), rows[rows.columns[::-1]], rows.to_numpy()[:, ::-1]):
        np.testing.assert_array_equal(warned(model.transform, same)[0], expected)


def test_an_array_of_all_columns_is_reversed_where_only_its_reverse_fits():
    X, _, instrument, _ = stack()
    model = fitted(SSTTransfer)
    expected = model.predict(X, instrument=instrument)
    for values in (X.to_numpy(), X.to_numpy()[:, ::-1]):
        predicted = warned(model.predict, values, instrument=instrument)[0]
        np.testing.assert_array_equal(predicted, expected)
    plain = NoTransfer(Ridge()).fit(target_rows(), LAB.y[:, 0])
    predicted, said = warned(plain.predict, target_rows().to_numpy()[:, ::-1])
    np.testing.assert_array_equal(predicted, plain.predict(target_rows()))
    assert sum("only when they are reversed" in message for message in said) == 1


def test_an_instrument_against_the_direction_of_the_stack_is_predicted_as_measured():
    X = {"A": LAB.X["A"], "B": LAB.X["B"][:, ::-1]}
    axes = {"A": AXES["A"], "B": AXES["B"][::-1]}
    rows = {name: (X[name], LAB.y[:, 0], LAB.sample_id) for name in X}
    model = fit(make(SSTTransfer, n_transfer=4), stack_instruments(rows, wavelength=axes))
    predicted, said = warned(model.predict, X["B"])
    np.testing.assert_allclose(predicted, fitted(SSTTransfer).predict(target_rows()), rtol=1e-9)
    assert len(said) == 1 and "run from '1110.0 nm' to '1670.0 nm'" in said[0]


def test_a_frame_of_other_channels_is_refused():
    rows, model = target_rows(), fitted(PDSTransfer)
    shifted = rows.set_axis([f"{float(n.split()[0]) + 1} nm" for n in rows.columns], axis=1)
    other_unit = rows.set_axis([n.replace("nm", "cm-1") for n in rows.columns], axis=1)
    twice = rows.set_axis([rows.columns[0], *rows.columns[:-1]], axis=1)
    for frame in (shifted, other_unit, twice, rows.add_prefix("x")):
        with pytest.raises(ValueError, match="columns of X are not named as in fit"):
            model.predict(frame)


def test_names_that_are_no_axis_keep_the_order_of_fit():
    X = pd.DataFrame(LAB.X["B"]).add_prefix("x")
    model = NoTransfer(Ridge()).fit(X, LAB.y[:, 0])
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(X[X.columns[::-1]])
    values = X.to_numpy()[:, ::-1]  # in the order of fit as far as anyone knows
    np.testing.assert_array_equal(
        model.predict(values), model.predict(pd.DataFrame(values, columns=X.columns))
    )


def test_intervals_are_those_of_spectra_in_order_with_one_warning():
    X, y, instrument, sample_id = stack()
    transfer = MeanCentredTransfer(Ridge(1e-3), source="A", target="B", n_transfer=4)
    model = ConformalTransfer(transfer, confidence_level=0.8, n_splits=3)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    rows = target_rows()
    (expected, bounds), said = warned(model.predict_interval, rows)
    assert not said
    (predicted, found), said = warned(model.predict_interval, rows.to_numpy()[:, ::-1])
    np.testing.assert_array_equal(predicted, expected)
    np.testing.assert_array_equal(found, bounds)
    assert len(said) == 1


def test_spectra_that_fit_in_no_order_are_left_alone_with_a_question():
    rng = np.random.default_rng(0)
    model, width = fitted(PDSTransfer), len(AXES["B"])
    frame = target_rows().iloc[[0] * 5]
    for values in (rng.normal(size=(5, width)), np.full((5, width), 0.3), 1e6 * np.eye(5, width)):
        predicted, said = warned(model.predict, values)
        np.testing.assert_array_equal(predicted, model.predict(frame * 0 + values))
        assert len(said) == 1 and "in neither order clearly" in said[0]


def summaries(X):
    """Return what is remembered of training spectra."""
    found = TrainingSpectra.of(X)
    return () if found is None else (found,)


@pytest.mark.parametrize("seed", range(5))
def test_only_spectra_that_resemble_the_reverse_are_reversed(seed):
    rng = np.random.default_rng(seed)
    channel = np.linspace(0, 1, 40)
    bands = np.exp(-(((channel - rng.uniform(size=(3, 1))) / 0.1) ** 2))
    drawn = rng.uniform(0.5, 1, size=(16, 3)) @ bands + 1e-3 * rng.normal(size=(16, 40))
    training, X = summaries(drawn[:12]), drawn[12:]

    def order(X):
        return warned(in_order_of_fit, X, np.asarray, training, "", ask=False)[0]

    np.testing.assert_array_equal(order(X), X)
    np.testing.assert_array_equal(order(X[:, ::-1]), X)
    others = [
        rng.normal(size=(4, 40)),
        np.ones((4, 40)),
        X + X[:, ::-1],  # symmetric
        -X[:, ::-1],
        100 * X[:, ::-1],
        X[:, rng.permutation(40)],
        X[:0],
    ]
    for other in others:
        np.testing.assert_array_equal(order(other), other)


def test_spectra_without_a_direction_are_not_remembered():
    assert not summaries(np.ones((5, 2)))
    assert not summaries(np.ones((5, 9)))
    assert not summaries(np.full((5, 9), np.nan))
    assert summaries(np.arange(9.0)[None])


def test_a_public_set_of_every_kind_is_found_in_both_orders(data_dir):
    path = data_dir / "sugarcane_chaix.npz"
    if not path.exists():
        pytest.skip("sugarcane_chaix.npz is not available")
    data = np.load(path)
    for name in [name for name in data.files if name.startswith("X_")]:
        training, X = summaries(data[name][:12]), data[name][12:]
        for values in (X, X[:, ::-1]):
            found, said = warned(in_order_of_fit, values, np.asarray, training, "", ask=True)
            np.testing.assert_array_equal(found, X)
            assert len(said) == (values is not X)


def test_a_pipeline_before_the_calibration_changes_nothing():
    transfer = SSTTransfer(make_pipeline(SNV(), Ridge(1e-3)), source="A", target="B", n_transfer=4)
    model, rows = fit(transfer, stack()), target_rows()
    expected = model.predict(rows)
    np.testing.assert_array_equal(model.predict(rows[rows.columns[::-1]]), expected)
    np.testing.assert_array_equal(warned(model.predict, rows.to_numpy()[:, ::-1])[0], expected)


@pytest.mark.parametrize("numbers", [np.arange(1700, 1100, -15), np.linspace(9000.5, 4000.5, 40)])
def test_columns_that_are_numbers_are_names(numbers):
    X, y, instrument, sample_id = stack(own=False)
    X = pd.DataFrame(X.to_numpy(), columns=numbers)
    model = fit(make(SSTTransfer, n_transfer=4), (X, y, instrument, sample_id))
    rows = X[instrument == "B"]
    np.testing.assert_array_equal(model.predict(rows.iloc[:, ::-1]), model.predict(rows))
    assert list(X.columns) == list(numbers)  # the user's frame is not changed


@pytest.mark.parametrize("columns", [None, range(1, 41), range(200, 240), [*range(3, 43)]])
def test_columns_that_may_count_channels_are_not_names(columns):
    X = pd.DataFrame(np.zeros((2, 40)), columns=columns)
    assert with_text_names(X) is X


def test_an_array_in_the_order_of_fit_does_not_warn():
    X, _, instrument, _ = stack(own=False)
    model = fitted(SSTTransfer, own=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictions = model.predict(X[instrument == "B"].to_numpy())
    np.testing.assert_array_equal(predictions, model.predict(X[instrument == "B"]))


@pytest.mark.parametrize("method", [PDSTransfer, SSTTransfer])
def test_raman_shifts_around_zero(method):
    axes = {name: axis - 1300 for name, axis in AXES.items()}
    rows = {name: (LAB.X[name], LAB.y[:, 0], LAB.sample_id) for name in AXES}
    stacked = stack_instruments(rows, wavenumber=axes)
    other = stack_instruments(rows, wavenumber={name: 1300 + axis for name, axis in axes.items()})
    models = [fit(make(method, n_transfer=4), each) for each in (stacked, other)]
    np.testing.assert_allclose(*(model.predict(LAB.X["B"]) for model in models), rtol=1e-8)


@pytest.mark.parametrize("make_map", [DS, PDS, SST])
def test_maps_put_the_columns_of_a_frame_in_order(make_map):
    X, *_ = stack(own=False)
    source, target = X.iloc[: len(X) // 2], X.iloc[len(X) // 2 :]
    fitted_map = make_map().fit(target, source.to_numpy())
    np.testing.assert_array_equal(
        fitted_map.transform(target.iloc[:, ::-1]), fitted_map.transform(target)
    )
