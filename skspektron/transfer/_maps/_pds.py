"""Piecewise direct standardization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._parameters import Integer, Rules, Several
from .._algorithms._pairs import Pairs
from .._algorithms._windows import Windows
from ._base import N_COMPONENTS, RegressionMap, opposite_channels

ODD = Integer(1, odd=True)
WINDOW_LENGTH = ODD | Several(ODD, length=2, name="a pair of such")
DEFAULT_COMPONENTS = 2


class PDS(RegressionMap):
    r"""Map target spectra to the source by piecewise direct standardization.

    For every source channel `j`, the difference between source and target is regressed on a window
    of target channels around it by ridge regression [4]_, and added to the target spectrum:
    :math:`\hat x_j = x_{t,j} + \bar d_j + (x_t - \bar x_t)_{W_j} b_j`, where :math:`\bar d` is the
    mean difference of the standards. As published [1]_, [2]_, [3]_, the source channel itself is
    regressed by partial least squares:
    :math:`\hat x_j = \bar x_{s,j} + (x_t - \bar x_t)_{W_j} b_j`.

    Parameters
    ----------
    learns : {"difference", "spectrum"}, default="difference"
        What is regressed on the windows. "difference": the difference between source and target,
        with a ridge penalty. "spectrum": the source spectrum, as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"`` as a multiple of the squared norm of a window of
        the centred target spectra of the standards, its mean over standards and windows; at least
        0. ``inf`` corrects an offset alone. "auto": 0.1.
    window_length : int or (int, int), default=11
        Number of target channels in the window of a source channel; odd. Typical: 3 to 21. 1
        corrects each channel separately; a window over all channels is direct standardization. A
        pair is double-window PDS: the regression of a source channel pools the windows of the
        source channels around it, their number given by the second entry, odd, so that a few
        standards give many rows.
    n_components : int, None or "auto", default="auto"
        Largest number of components of a window's regression, at least 1: principal components with
        ``learns="difference"``, those of partial least squares with "spectrum". None: all
        directions in which the standards differ. "auto": all with "difference", where the penalty
        shrinks those of little signal, and 2 with "spectrum"; there, 1 to 4 are typical, and larger
        numbers fit the noise of the standards, on raw spectra those above 1.
    target_axis, source_axis : array-like of shape (n_features,), default=None
        Axes of both instruments in one unit, nm or cm-1, strictly monotonic; source channels
        must lie within the range of the target. None: both span the same range.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix; column `j` is zero outside the window of source channel `j` and the two
        channels that are interpolated.
    intercept_ : ndarray of shape (n_features_source,)
        Background correction, in the unit of the source spectra.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, if they are all strings.

    See Also
    --------
    PDSTransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    Windows are truncated at the edges; in a double window, deviations beyond the edge count as
    zero. A constant channel is corrected by an offset only; a single standard gives the offset
    between its two spectra. Between instruments with different channels, the target spectrum that
    the difference is added to is interpolated linearly at those of the source. Cost: O(p m^3) for p
    channels and the smaller number m of standards and of channels in a window; as published,
    O(p n w k) with k components.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    .. [2] Wang, Lysaght & Kowalski, Anal. Chem. 64 (1992) 562-564.
    .. [3] Bouveresse & Massart, Chemom. Intell. Lab. Syst. 32 (1996) 201-213.
    .. [4] Hoerl & Kennard, Technometrics 12 (1970) 55-67.

    Examples
    --------
    >>> from skspektron.transfer import PDS
    >>> pds = PDS(window_length=1, penalty=0)
    >>> pds = pds.fit([[1.0, 2.0], [3.0, 6.0]], [[2.0, 2.5], [4.0, 4.5]])
    >>> pds.transform([[2.0, 4.0], [5.0, 8.0]])
    array([[3. , 3.5],
           [6. , 5.5]])
    """

    _parameters: ClassVar[Rules] = {
        "window_length": WINDOW_LENGTH,
        "n_components": N_COMPONENTS | "auto",
    }

    def __init__(
        self,
        *,
        learns: str = "difference",
        penalty: float | str = "auto",
        window_length: int | tuple[int, int] = 11,
        n_components: int | str | None = "auto",
        target_axis: ArrayLike | None = None,
        source_axis: ArrayLike | None = None,
    ):
        self.learns = learns
        self.penalty = penalty
        self.window_length = window_length
        self.n_components = n_components
        self.target_axis = target_axis
        self.source_axis = source_axis

    def _map_path(self, pairs: Pairs, X: NDArray[Any], values: Sequence[Any]) -> NDArray[Any]:
        """Return `X` under the map with each penalty, or with each number of components."""
        windows, Z = self._windows(pairs), X - pairs.X_mean
        if self.learns == "difference":
            banded = self._ridge(windows, pairs, values)
            return pairs.Y_mean + pairs.interpolation(Z) + windows.apply(Z, banded)
        # Components are nested, so the regression with the largest number gives all others.
        steps = windows.regress(pairs.X, pairs.Y, None if None in values else max(values))
        chosen = [-1 if k is None else min(k, len(steps)) - 1 for k in values]
        return pairs.Y_mean + windows.apply(Z, steps[chosen])

    def _solve(self, pairs: Pairs) -> None:
        """Set the coefficients."""
        windows = self._windows(pairs)
        if self.learns == "difference":
            [banded] = self._ridge(windows, pairs, [self._used_penalty])
            self.coef_ = windows.spread(banded, pairs.interpolation(np.eye(self.n_features_in_)))
        else:
            n_components: Any = self.n_components
            n_components = DEFAULT_COMPONENTS if n_components == "auto" else n_components
            self.coef_ = windows.spread(windows.regress(pairs.X, pairs.Y, n_components)[-1])

    def _ridge(self, windows: Windows, pairs: Pairs, penalties: Sequence[float]) -> NDArray[Any]:
        """Return the coefficients of ridge regressions of the difference."""
        n_components: Any = None if self.n_components == "auto" else self.n_components
        return windows.ridge(pairs.X, pairs.D, penalties, pairs.size, n_components)

    def _windows(self, pairs: Pairs) -> Windows:
        """Return the windows around the target channels nearest to the source channels."""
        n_target, n_source = pairs.X.shape[1], pairs.Y.shape[1]
        centres = opposite_channels(n_target, n_source, self.target_axis, self.source_axis)
        return Windows.around(centres, self.window_length, n_target)
