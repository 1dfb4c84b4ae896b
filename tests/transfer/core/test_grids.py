"""Source and target on different grids: which channels are used, and nothing is extrapolated."""

import numpy as np
import pytest

from skspektron.transfer._core._grids import find_grids

N = np.nan
NAMES = ["1000 nm", "1010 nm", "1020 nm", "1030 nm", "1040 nm", "1050 nm"]


def pchip_end(h, d):
    """Return the slope at an end from its two intervals, none or bounded where it overshoots."""
    slope = ((2 * h[0] + h[1]) * d[0] - h[0] * d[1]) / (h[0] + h[1])
    if slope * d[0] <= 0:
        return 0.0
    return 3 * d[0] if d[0] * d[1] < 0 and abs(slope) > 3 * abs(d[0]) else slope


def pchip(x, y, at):
    """Interpolate one spectrum by monotone cubics (Fritsch & Butland), channel after channel."""
    h, d = np.diff(x), np.diff(y) / np.diff(x)
    slope = [0.0] * len(x)
    for k in range(1, len(x) - 1):
        if d[k - 1] * d[k] > 0:
            w = 2 * h[k] + h[k - 1], h[k] + 2 * h[k - 1]
            slope[k] = sum(w) / (w[0] / d[k - 1] + w[1] / d[k])
    slope[0] = pchip_end(h[:2], d[:2])
    slope[-1] = pchip_end(h[:-3:-1], d[:-3:-1])
    values = []
    for point in at:
        k = max(i for i in range(len(h)) if x[i] <= point)
        t = (point - x[k]) / h[k]
        values.append(
            (1 + 2 * t) * (1 - t) ** 2 * y[k]
            + t**2 * (3 - 2 * t) * y[k + 1]
            + h[k] * t * (1 - t) * ((1 - t) * slope[k] - t * slope[k + 1])
        )
    return values


def columns(mask):
    """Return one row that measures the columns of a mask such as "110"."""
    return np.array([[1.0 if character == "1" else np.nan for character in mask]])


@pytest.mark.parametrize(
    ("source", "target", "expected_source", "expected_target", "has_axis"),
    [
        ("111111", "111111", [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], False),
        ("111111", "011110", [1, 2, 3, 4], [1, 2, 3, 4], True),
        ("101010", "110101", [0, 2, 4], [0, 1, 3, 5], True),
        ("111100", "001111", [2, 3], [2, 3, 4, 5], True),
        ("010101", "101010", [1, 3], [0, 2, 4], True),
        ("101000", "010110", [2], [1, 3, 4], None),
        ("110110", "101010", [0, 1, 3, 4], [0, 2, 4], True),
        ("110110", "110110", [0, 1, 3, 4], [0, 1, 3, 4], False),
    ],
)
@pytest.mark.parametrize("names", [NAMES, [f"{c} cm-1" for c in (9, 8, 7, 6, 5, 4)]])
def test_channels_of_source_and_target(
    names, source, target, expected_source, expected_target, has_axis
):
    parts = columns(source), columns(target)
    if has_axis is None:
        with pytest.raises(ValueError, match=r"1 of the 2 channels of the source .* at least 2"):
            find_grids(*parts, feature_names=names)
        return
    grids = find_grids(*parts, feature_names=names)
    assert grids.source.tolist() == expected_source
    assert grids.target.tolist() == expected_target
    assert (grids.axis is not None) == has_axis
    assert grids.leave_gaps == (min(len(grids.source), len(grids.target)) < 6)


def test_a_column_is_measured_if_any_row_has_a_value():
    X = np.where(np.eye(6), 1.0, np.nan)
    assert not find_grids(X, X[::-1]).leave_gaps


def test_a_column_without_values_is_left_to_the_estimator_without_an_axis():
    assert len(find_grids(columns("110"), columns("110")).source) == 3


@pytest.mark.parametrize("names", [None, ["a", "b", "c", "d", "e", "f"], list("012345")])
def test_grids_without_an_axis_are_refused(names):
    with pytest.raises(ValueError, match=r"source measures 4 of the 6 columns of X and the targ"):
        find_grids(columns("111100"), columns("001111"), feature_names=names)


def test_ranges_that_do_not_overlap_are_refused_with_both():
    match = r"0 of the 3 channels .* \(1000 to 1020 nm\) .* \(1030 to 1050 nm\)"
    with pytest.raises(ValueError, match=match):
        find_grids(columns("111000"), columns("000111"), feature_names=NAMES)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("n_target", [3, 9, 40])
def test_interpolation_equals_the_literal_loop(n_target, descending):
    rng = np.random.default_rng(n_target)
    axis = np.sort(rng.uniform(4000, 10000, size=n_target + 20))
    axis = axis[::-1] if descending else axis
    is_target = np.isin(np.arange(len(axis)), rng.permutation(len(axis))[:n_target])
    X = np.where(is_target, rng.normal(size=(4, len(axis))), np.nan)
    grids = find_grids(np.where(is_target, np.nan, 1.0)[None], X, wavenumber=axis)
    known, wanted = axis[grids.target], axis[grids.source]
    assert len(wanted) and known.min() <= wanted.min() and wanted.max() <= known.max()
    order = np.argsort(known)
    expected = [pchip(known[order], row[grids.target][order], wanted) for row in X]
    np.testing.assert_allclose(grids.to_source(X), expected, atol=1e-12)


def test_two_target_channels_are_interpolated_linearly():
    X = np.array([[N, 1.0, N, N, N, 3.0]])
    grids = find_grids(columns("101110"), X, wavenumber=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    np.testing.assert_allclose(grids.to_source(X), [[1.5, 2.0, 2.5]])
