"""Instruments whose spectra are in different units are named in a warning."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skspektron.transfer import MeanCentredTransfer, NoTransfer, PDSTransfer
from tests.transfer.methods import fit


@pytest.fixture
def stack(make_stack):
    return make_stack(20)


def with_factor(stack, factors):
    """Return the stack with the spectra of some instruments multiplied."""
    X, y, instrument, ids = stack
    size = np.array([factors.get(label, 1.0) for label in instrument])
    return X * size[:, None], y, instrument, ids


@pytest.mark.parametrize("factor", [1e-3, 0.01, 100, 1e6])
@pytest.mark.parametrize("method", [NoTransfer, MeanCentredTransfer, PDSTransfer])
def test_a_target_in_another_unit_warns(method, factor, stack):
    model = method(Ridge(), source="A", target="B", n_transfer=6)
    with pytest.warns(UserWarning, match=r"spectra of the target vary .* as in another unit"):
        fit(model, with_factor(stack, {"B": factor}))


@pytest.mark.parametrize("factors", [{}, {"B": 5}, {"A": 1e-3, "B": 1e-3}])
def test_units_of_both_and_sizes_of_instruments_do_not_warn(factors, stack):
    X, *rest = with_factor(stack, factors)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* as in another unit")
        fit(MeanCentredTransfer(Ridge(), source="A", target="B"), (X + 100, *rest))


def test_a_second_source_in_another_unit_warns(stack):
    X, y, instrument, ids = stack
    more = instrument == "A"
    rows = [np.concatenate([values, values[more]]) for values in (X, y, instrument, ids)]
    rows[2][len(X) :] = "C"
    rows[0][len(X) :] *= 1e3
    model = MeanCentredTransfer(Ridge(), source=["A", "C"], target="B", n_transfer=6)
    with pytest.warns(UserWarning, match=r"spectra of source 2 vary 1e\+03 times"):
        fit(model, tuple(rows))


def test_flat_spectra_do_not_warn(stack):
    X, y, instrument, ids = stack
    X = np.where((instrument == "B")[:, None], 0.3, X)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* as in another unit")
        fit(MeanCentredTransfer(Ridge(), source="A", target="B"), (X, y, instrument, ids))
