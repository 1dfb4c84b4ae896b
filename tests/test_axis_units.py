"""Axes in another unit than the stated one are refused, or warned about once."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import Ridge

from skspektron import SpektronEmbedder, SpektronPretrainer
from skspektron._validation import check_axis
from skspektron.datasets import SpektraArchive, make_instruments
from skspektron.foundation import SpektronRegressor
from skspektron.inspection import TransferSpectraDisplay
from skspektron.io import LinearCalibration
from skspektron.model_selection import stack_instruments
from skspektron.transfer import EnsembleTransfer, LoRATransfer, TTTTransfer

OURS = re.compile("was taken in|were taken in|was used as the axis")
TAKEN, WARNED, REFUSED = "taken", "warned", "refused"
MICRO, STATE_CM, STATE_NM = "Multiply it by 1000", "State it as wavenumber=", "as wavelength="

# First and last channel, whether the steps are even in the other unit, and what happens.
NM = [
    ((1.1, 2.5), False, REFUSED, MICRO),
    ((2.5, 25), False, REFUSED, MICRO),
    ((25, 2.5), True, REFUSED, MICRO),
    ((50, 3500), False, REFUSED, STATE_CM),  # a Raman shift
    ((1.1e6, 2.5e6), False, REFUSED, "Divide it by 1000"),
    ((10000, 4000), False, WARNED, STATE_CM),
    ((4000, 12500), False, WARNED, STATE_CM),
    ((4000, 400), False, WARNED, STATE_CM),
    ((3998, 650), False, WARNED, STATE_CM),
    ((800, 3600), False, WARNED, STATE_CM),
    ((180, 1100), False, TAKEN, ""),
    ((350, 2500), False, TAKEN, ""),
    ((300, 2600), False, TAKEN, ""),
    ((400, 1800), False, TAKEN, ""),
    ((1100, 2498), False, TAKEN, ""),
    ((2500, 1000), True, TAKEN, ""),
    ((2500, 25000), False, TAKEN, ""),
    ((2500, 25000), True, TAKEN, ""),
    ((5263, 12500), True, TAKEN, ""),  # 1900 to 800 cm-1
    ((10000, 4166), True, TAKEN, ""),  # 1000 to 2400 cm-1
]
CM = [
    ((4e5, 1e6), False, REFUSED, "Divide it by 100"),
    ((1.1, 2.5), False, WARNED, STATE_NM),
    ((2.5, 25), False, WARNED, STATE_NM),
    ((1100, 2498), False, WARNED, STATE_NM),
    ((780, 2500), False, WARNED, STATE_NM),
    ((2500, 1000), True, WARNED, STATE_NM),
    ((0, 139), False, WARNED, "counts the channels"),
    ((1, 140), False, WARNED, "counts the channels"),
    ((350, 2500), False, TAKEN, ""),  # a Raman shift
    ((400, 2300), False, TAKEN, ""),
    ((400, 1100), False, TAKEN, ""),
    ((900, 1700), False, TAKEN, ""),
    ((650, 4000), False, TAKEN, ""),
    ((2200, 2400), False, TAKEN, ""),
    ((-50, 3500), False, TAKEN, ""),
    ((0, 3500), False, TAKEN, ""),
    ((5, 200), False, TAKEN, ""),
    ((10, 700), False, TAKEN, ""),
    ((4000, 400), False, TAKEN, ""),
    ((10000, 4000), False, TAKEN, ""),
    ((9090, 4000), True, TAKEN, ""),
    ((4000, 12500), False, TAKEN, ""),
    ((33333, 3000), False, TAKEN, ""),
]
TABLE = [("wavelength", *row) for row in NM] + [("wavenumber", *row) for row in CM]


def axis_of(ends, is_converted, n=140):
    """Return an axis with these ends, even in its own unit or in the other."""
    return 1e7 / np.linspace(*1e7 / np.array(ends), n) if is_converted else np.linspace(*ends, n)


def outcome(function, *arguments, **keywords):
    """Return what happened, and the messages."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            function(*arguments, **keywords)
        except ValueError as error:
            return REFUSED, str(error)
    said = [str(each.message) for each in said if OURS.search(str(each.message))]
    assert len(said) < 2
    return (WARNED, said[0]) if said else (TAKEN, "")


@pytest.mark.parametrize(("kind", "ends", "is_converted", "expected", "way_out"), TABLE)
def test_stated_units(kind, ends, is_converted, expected, way_out):
    axis = axis_of(ends, is_converted)
    unit = "nm" if kind == "wavelength" else "cm-1"
    seen, message = outcome(check_axis, **{kind: axis}, n_features=140)
    assert seen == expected and way_out in message
    if seen != TAKEN:
        assert f"{axis[0]:g} to {axis[-1]:g}" in message
    names = [f"{value} {unit}" for value in axis]
    assert outcome(check_axis, feature_names=names, n_features=140)[0] == expected


@pytest.mark.parametrize(
    ("ends", "unit", "expected"),
    [
        ((1100, 2498), "nm", TAKEN),
        ((350, 2500), "nm", TAKEN),
        ((400, 1100), "nm", WARNED),
        ((900, 1700), "nm", WARNED),
        ((799, 1897), "nm", WARNED),
        ((600, 3200), "cm-1", WARNED),
        ((2500, 25000), "cm-1", WARNED),
        ((10000, 4000), "cm-1", TAKEN),
        ((4000, 400), "cm-1", TAKEN),
        ((100, 3500), "cm-1", TAKEN),
        ((-100, 3500), "cm-1", TAKEN),
        ((1.1, 2.5), None, TAKEN),
        ((0, 139), None, TAKEN),
        ((1, 140), None, TAKEN),
    ],
)
def test_names_without_a_unit_are_taken_where_one_is_plausible(ends, unit, expected):
    axis = np.linspace(*ends, 140)
    seen, message = outcome(check_axis, feature_names=axis.astype(str), n_features=140)
    assert seen == expected
    if seen == WARNED:
        assert f"taken in {unit}" in message and "Add the unit" in message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_axis(feature_names=axis.astype(str), n_features=140)
    if unit is None:
        assert found is None
    else:
        np.testing.assert_allclose(found, axis if unit == "cm-1" else 1e7 / axis)


@pytest.mark.parametrize(
    ("names", "stated", "expected"),
    [
        ("{:.0f} nm", {"wavelength": np.linspace(1100, 2500, 15)}, TAKEN),
        ("{:.0f} nm", {"wavelength": np.linspace(1100.2, 2500.2, 15)}, TAKEN),
        ("{:.0f} nm", {"wavenumber": 1e7 / np.linspace(1100, 2500, 15)}, TAKEN),
        ("{:.0f}", {"wavenumber": np.linspace(1100, 2500, 15)}, WARNED),  # nm as cm-1
        ("{:.0f} nm", {"wavelength": np.linspace(2500, 1100, 15)}, WARNED),
        ("{:.0f}", {"wavelength": np.linspace(2500, 1100, 15)}, WARNED),
        ("{:.0f} cm-1", {"wavelength": np.linspace(1100, 2500, 15)}, WARNED),
        ("x{:.0f}", {"wavelength": np.linspace(2500, 1100, 15)}, TAKEN),
    ],
)
def test_names_of_another_axis_than_the_stated_one(names, stated, expected):
    names = [names.format(value) for value in np.linspace(1100, 2500, 15)]
    seen, _ = outcome(check_axis, **stated, feature_names=names, n_features=15)
    assert seen == expected
    X = pd.DataFrame(np.ones((2, 15)), columns=names)
    by_name = {kind: {"a": axis} for kind, axis in stated.items()}
    assert outcome(stack_instruments, {"a": (X, None, [1, 2])}, **by_name)[0] == expected


X = np.random.default_rng(0).normal(size=(16, 48)).cumsum(axis=1)
Y = X[:, 3] + 0.1 * X[:, 9]
ROWS = {"instrument": np.repeat(["A", "B"], 8), "sample_id": np.tile(np.arange(8), 2)}
BOTH = {"source": "A", "target": "B", "n_transfer": 3}
SMALL = {"max_steps": 1, "warmup_steps": 0, "batch_size": 4}


def display(**axis):
    """Draw two panels with an axis."""
    axes = Figure().subplots(2)
    return TransferSpectraDisplay(X, X, X, **axis).plot(axes)


def display_of_a_transfer(**axis):
    """Draw the spectra of a fitted transfer with an axis."""
    from skspektron.transfer import MeanCentredTransfer

    model = MeanCentredTransfer(Ridge(), **BOTH).fit(X, Y, **ROWS)
    axes = Figure().subplots(2)
    return TransferSpectraDisplay.from_estimator(model, X, **ROWS, **axis, ax=axes)


def predict_after_fit(model, **fit):
    """Fit and predict."""
    return model.fit(X, Y, **fit).predict(X)


DOORS = {
    "embedder": lambda **axis: SpektronEmbedder(**axis).fit_transform(X),
    "regressor": lambda **axis: (
        SpektronRegressor(**axis, trainable="all", max_epochs=1, n_iter_no_change=None)
        .fit(X, Y)
        .predict(X)
    ),
    "pretrainer": lambda **axis: SpektronPretrainer("tiny", **axis, **SMALL).fit(X),
    "pretrainer, dict": lambda **axis: SpektronPretrainer(
        "tiny", **{kind: dict.fromkeys("AB", values) for kind, values in axis.items()}, **SMALL
    ).fit(X, instrument=ROWS["instrument"]),
    "stack": lambda **axis: stack_instruments(
        {name: (X, None, np.arange(16)) for name in "ab"},
        **{kind: dict.fromkeys("ab", values) for kind, values in axis.items()},
    ),
    "ensemble": lambda **axis: predict_after_fit(EnsembleTransfer(**axis, **BOTH), **ROWS),
    "lora": lambda **axis: predict_after_fit(LoRATransfer(max_epochs=0, **axis, **BOTH), **ROWS),
    "ttt": lambda **axis: predict_after_fit(TTTTransfer(max_steps=1, **axis, **BOTH), **ROWS),
    "calibration": lambda **axis: LinearCalibration(X[0], intercept=1.0, **axis).predict(X),
    "display": display,
    "display of a transfer": display_of_a_transfer,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_or_warns_once(door):
    micrometres = {"wavelength": np.linspace(1.1, 2.5, 48)}
    seen, message = outcome(DOORS[door], **micrometres)
    assert seen == REFUSED and re.search(r"wavelength must be in nm, got 1\.1 to 2\.5", message)
    seen, message = outcome(DOORS[door], wavelength=np.linspace(10000, 4000, 48))
    assert seen == WARNED and "wavelength from 10000 to 4000 was taken in nm" in message
    assert outcome(DOORS[door], wavenumber=np.linspace(-50, 3500, 48))[0] == TAKEN


def test_simulator_and_archive_refuse_and_warn_once(tmp_path):
    assert outcome(make_instruments, 2, wavelength=np.linspace(1.1, 2.5, 48))[0] == REFUSED
    assert outcome(make_instruments, 2, wavelength=np.linspace(10000, 4000, 48))[0] == WARNED
    assert outcome(make_instruments, 2, wavenumber=np.linspace(-50, 3500, 48))[0] == REFUSED
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", X=X, wavelength=np.linspace(10000, 4000, 48))
    assert outcome(SpektraArchive, tmp_path)[0] == WARNED
    np.savez(tmp_path / "c.npz", X=X, wavelength=np.linspace(1.1, 2.5, 48))
    seen, message = outcome(SpektraArchive, tmp_path)
    assert seen == REFUSED and "c.npz" in message


def test_warnings_name_the_line_of_the_user():
    with pytest.warns(UserWarning, match="was taken in nm") as said:
        SpektronEmbedder(wavelength=np.linspace(10000, 4000, 48)).fit(X)
    assert said[0].filename == __file__
