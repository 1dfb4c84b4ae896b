"""The summary of a fitted transfer says what the fit used and found."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skspektron.model_selection import TransferGroupKFold
from skspektron.transfer import (
    DSTransfer,
    EnsembleTransfer,
    EPOTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests.transfer.methods import METHODS, SMALL_FNO, fit, make


def section(model, title):
    """Return the rows of the sections whose title contains a word, {first cell: other cells}."""
    found = [each for each in model.summary().sections if title in each.title]
    return {row[0]: row[1:] for each in found for row in each.rows}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_lists_instruments_calibration_and_standards(method, reference):
    model = reference(method)
    summary = model.summary()
    assert str(summary) == repr(summary)
    assert str(summary).startswith(f"{type(model).__name__} from 'A' to 'B'\n\nInstruments\n")
    assert section(model, "Instruments") == {
        "'A' (source)": ("30", "30", "24 channels"),
        "'B' (target)": ("30", "30", "24 channels"),
    }
    assert list(section(model, "Calibration")) == ["Ridge(alpha=0.001)"]
    rows = section(model, "standards, selection")
    assert list(rows) == model.transfer_ids_.tolist()
    for name, row in rows.items():
        at = list(model.standards_.id).index(name)
        assert row[0] == f"{model.standards_.weight[at]:.2f}"
        assert re.search(rf"^  {name}  +{row[0]}  ", str(summary), re.MULTILINE)
    html = summary._repr_html_()
    cells = [cell for each in summary.sections for row in each.rows for cell in row]
    assert [cell for cell in cells if f"<td>{cell}</td>".replace("'", "&#x27;") not in html] == []


@pytest.mark.parametrize("method", METHODS)
def test_an_unfitted_method_has_none(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make(method).summary()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (NARTransfer, {"difference_penalty": lambda model: model.difference_penalty_}),
        (EPOTransfer, {"n_components": lambda model: len(model.map_.components_)}),
        (DSTransfer, {"penalty": lambda model: model.map_.penalty, "n_components": "all"}),
        (PDSTransfer, {"window_length": lambda model: model.map_.window_length}),
        (SlopeBiasTransfer, {"slope": lambda model: model.slope_}),
        (SMALL_FNO, {"passes": lambda model: model.map_.n_epochs_}),
        (EnsembleTransfer, {"weight of 'SNV'": lambda model: model.view_weights_["SNV"]}),
    ],
)
def test_choices_are_the_values_that_were_used(method, expected, reference):
    model = reference(method)
    found = section(model, "Choices")
    for name, value in expected.items():
        assert found[name] == (value if isinstance(value, str) else f"{value(model):.4g}",)
    assert ("auto",) not in found.values()


def test_a_given_value_and_a_fit_without_standards(reference):
    given = section(reference(NARTransfer, difference_penalty=3.0), "Choices")
    assert given == {"difference_penalty": ("3",)}
    model = reference(NARTransfer, n_transfer=0)
    assert section(model, "Choices") == section(model, "standards") == {}


def test_held_out_errors_are_in_the_unit_of_y(make_stack):
    """RMSECV of the default calibration is the literal one, and scales with y."""
    X, y, instrument, sample_id = make_stack(n_targets=2)
    scale, found = np.array([1.0, 1000.0]), []
    for unit in (1.0, scale):
        model = NARTransfer(source="A", target="B")
        found.append(fit(model, (X, y * unit, instrument, sample_id)).summary())
    rows = [
        {row[0]: np.array(row[1].split(", "), dtype=float) for row in each.rows}
        for summary in found
        for each in summary.sections
        if each.title == "Held-out errors"
    ]
    assert list(rows[0]) == [
        "source samples, calibration",
        "source samples, after the transfer",
        "standards, target minus source spectrum",
    ]
    for name, errors in rows[0].items():
        np.testing.assert_allclose(rows[1][name], errors * scale, rtol=2e-3)


def test_the_error_of_an_ensemble_is_that_of_held_out_standards(reference, make_stack):
    """It is far above that of the standards it was fitted on, and near that of other samples."""
    model = reference(EnsembleTransfer)
    X, y, instrument, sample_id = make_stack()
    is_standard = np.isin(sample_id, model.transfer_ids_)
    errors = np.abs(model.predict(X) - y)[(instrument == "B") & ~is_standard]
    rmsep = np.sqrt(np.mean(errors**2))
    held_out = float(section(model, "Held-out")["standards, reference values"][0])
    assert 0.3 * rmsep < held_out < 3 * rmsep


def test_a_method_without_a_choice_has_no_held_out_error(reference):
    assert section(reference(TargetOnly), "Held-out") == {}


def test_ids_are_escaped_in_html(make_stack):
    X, y, instrument, sample_id = make_stack()
    ids = np.array([f"<b>{name}</b>&" for name in sample_id])
    summary = fit(make(NARTransfer), (X, y, instrument, ids)).summary()
    assert "<b>s" not in summary._repr_html_() and "&lt;b&gt;s" in summary._repr_html_()
    assert "<b>s" in str(summary)


@pytest.fixture
def with_bad_standard(make_stack):
    """Return stacked rows with one spectrum of B that is of another sample."""
    X, y, instrument, sample_id = make_stack()
    X, row = X.copy(), np.flatnonzero((instrument == "B") & (sample_id == "s03"))
    X[row] += 3 * np.sin(np.arange(24))
    return X, y, instrument, sample_id


@pytest.mark.filterwarnings("ignore:1 of the")
def test_bad_standards_are_named_also_after_a_search(with_bad_standard):
    X, y, instrument, sample_id = with_bad_standard
    metadata = {"instrument": instrument, "sample_id": sample_id}
    model = make(NARTransfer, n_transfer=None)
    cv = list(TransferGroupKFold(2, target="B").split(X, y, **metadata))
    search = GridSearchCV(model, {"difference_penalty": [10.0, 100.0]}, cv=cv)
    for each in (model.fit(X, y, **metadata), search.fit(X, y, **metadata).best_estimator_):
        [message] = section(each, "Warnings")
        assert message.startswith("1 of the 30 standards disagree") and "'s03'" in message
    assert section(model.set_params(bad_standards="keep").fit(X, y, **metadata), "Warnings") == {}


def test_without_instruments_all_rows_are_those_of_the_calibration(make_stack):
    X, y, _, sample_id = make_stack()
    model = make(NARTransfer).set_params(source=None, target=None)
    summary = model.fit(X, y, sample_id=sample_id).summary()
    assert "fitted without instruments" in str(summary)
    assert section(model, "Instruments") == {"all rows": ("60", "30", "24 channels")}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([f"{1100 + 2 * j} nm" for j in range(24)], "24 channels, 1100 to 1146 nm"),
        ([f"{9000 - 2 * j} cm-1" for j in range(24)], "24 channels, 9000 to 8954 cm-1"),
        ([str(1100.5 + 2 * j) for j in range(24)], "24 channels, 1100.5 to 1146.5 nm"),
        ([f"channel {j}" for j in range(24)], "24 channels"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*were taken")
def test_the_axis_is_in_the_unit_of_the_columns(names, expected, make_stack):
    X, y, instrument, sample_id = make_stack()
    model = fit(make(NoTransfer), (pd.DataFrame(X, columns=names), y, instrument, sample_id))
    assert section(model, "Instruments")["'A' (source)"][-1] == expected


@pytest.mark.parametrize("unit", ["wavelength", "wavenumber"])
def test_the_axis_is_in_the_unit_of_the_parameter(unit, make_stack):
    axis = np.linspace(1100, 1560, 24) if unit == "wavelength" else np.linspace(9000, 6700, 24)
    model = fit(make(EnsembleTransfer, n_transfer=2, **{unit: axis}), make_stack())
    expected = {"wavelength": "1100 to 1560 nm", "wavenumber": "9000 to 6700 cm-1"}[unit]
    assert section(model, "Instruments")["'A' (source)"][-1] == f"24 channels, {expected}"


def test_each_instrument_has_its_channels(reference_on_grids):
    rows = section(reference_on_grids(DSTransfer), "Instruments")
    assert rows["'A' (source)"][-1].startswith("18 channels, 1100 to 1440")
    assert rows["'B' (target)"][-1].startswith("28 channels, 1050 to 1455")


def test_all_sources_are_listed(make_stack):
    X, y, instrument, sample_id = make_stack()
    rows = np.concatenate([np.arange(60), np.arange(20)])
    instrument = np.concatenate([instrument, np.repeat("C", 20)])
    model = NARTransfer(Ridge(1e-3), source=["A", "C"], target="B", n_transfer=5)
    model = fit(model, (X[rows], y[rows], instrument, sample_id[rows]))
    assert "from 'A' and 'C' to 'B'" in str(model.summary())
    found = section(model, "Instruments")
    assert [found[f"'{name}' (source)"][:2] for name in "AC"] == [("30", "30"), ("20", "20")]


def test_the_default_calibration_shows_its_rmsecv(make_stack):
    model = fit(NoTransfer(source="A", target="B"), make_stack())
    assert section(model, "Held-out") == {
        "source samples, calibration": (f"{model.estimator_.rmsecv_[0]:.4g}",)
    }
