"""Source rows replayed as the target would have measured them."""

import numpy as np

from skspektron._validation import check_axis
from skspektron.transfer._adaptation._replay import as_on_target
from skspektron.transfer._core._grids import find_grids


def test_source_rows_are_interpolated_at_the_channels_of_the_target(make_grids):
    X, _, instrument, _ = make_grids()
    axis, rows = check_axis(n_features=X.shape[1], feature_names=X.columns), X.to_numpy()
    source, target = rows[instrument == "A"], rows[instrument == "B"]
    on_own_grid = as_on_target(source, source[:5], source[:5] + 0.3, axis)
    np.testing.assert_allclose(on_own_grid, source + 0.3)
    flat = np.where(np.isnan(target), np.nan, 0.7)[:5]
    moved = as_on_target(source, source[:5], flat, axis)
    grids = find_grids(target, source, wavenumber=axis)
    measured = np.flatnonzero(np.isfinite(moved).all(axis=0))
    np.testing.assert_array_equal(measured, grids.source)
    interpolated = grids.to_source(source)
    expected = interpolated + 0.7 - interpolated[:5].mean(axis=0)
    np.testing.assert_allclose(moved[:, measured], expected)
