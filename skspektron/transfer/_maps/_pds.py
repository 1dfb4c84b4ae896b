"""Piecewise direct standardization."""

from __future__ import annotations

from typing import ClassVar

from numpy.typing import ArrayLike

from ..._fitting import unfitted_on_failure
from ..._parameters import Integer, Rules, Several, check_parameters
from .._algorithms._windows import Windows
from ._base import AXIS, N_COMPONENTS, PairedMap, check_pairs, opposite_channels

ODD = Integer(1, odd=True)
WINDOW_LENGTH = ODD | Several(ODD, length=2, name="a pair of such")


class PDS(PairedMap):
    r"""Map target spectra to the source by piecewise direct standardization.

    Every source channel `j` is regressed on a window of target channels around it by partial
    least squares, both centred by the means of the standards [1]_, [2]_, [3]_:
    :math:`\hat x_j = \bar x_{s,j} + (x_t - \bar x_t)_{W_j} b_j`.

    Parameters
    ----------
    window_length : int or (int, int), default=11
        Number of target channels in the window of a source channel; odd. Typical: 3 to 15. 1
        corrects each channel separately; a window over all channels is direct standardization. A
        pair is double-window PDS: the regression of a source channel pools the windows of the
        source channels around it, their number given by the second entry, odd, so that a few
        standards give many rows.
    n_components : int or None, default=2
        Largest number of components of a window's regression, at least 1. Typical: 1 to 4; larger
        numbers fit the noise of the standards, on raw spectra those above 1. None: least squares
        in all directions in which the standards differ.
    target_axis, source_axis : array-like of shape (n_features,), default=None
        Axes of both instruments in one unit, nm or cm-1, strictly monotonic; source channels
        must lie within the range of the target. None: both span the same range.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix; column `j` is zero outside the window of source channel `j`.
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
    between its two spectra. Cost: O(p n w k) for p channels, n standards, windows of w channels and
    k components; O(p w^3) with ``n_components=None``.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    .. [2] Wang, Lysaght & Kowalski, Anal. Chem. 64 (1992) 562-564.
    .. [3] Bouveresse & Massart, Chemom. Intell. Lab. Syst. 32 (1996) 201-213.

    Examples
    --------
    >>> from skspektron.transfer import PDS
    >>> pds = PDS(window_length=1).fit([[1.0, 2.0], [3.0, 6.0]], [[2.0, 2.5], [4.0, 4.5]])
    >>> pds.transform([[2.0, 4.0], [5.0, 8.0]])
    array([[3. , 3.5],
           [6. , 5.5]])
    """

    _parameters: ClassVar[Rules] = {
        "window_length": WINDOW_LENGTH,
        "n_components": N_COMPONENTS,
        "target_axis": AXIS,
        "source_axis": AXIS,
    }

    def __init__(
        self,
        *,
        window_length: int | tuple[int, int] = 11,
        n_components: int | None = 2,
        target_axis: ArrayLike | None = None,
        source_axis: ArrayLike | None = None,
    ):
        self.window_length = window_length
        self.n_components = n_components
        self.target_axis = target_axis
        self.source_axis = source_axis

    @unfitted_on_failure
    def fit(self, X: ArrayLike, y: ArrayLike) -> PDS:
        """Learn from standards, paired by row: `X` from the target, `y` from the source."""
        check_parameters(self)
        target, source = check_pairs(self, X, y)
        axes = self.target_axis, self.source_axis
        centres = opposite_channels(target.shape[1], source.shape[1], *axes)
        windows = Windows.around(centres, self.window_length, target.shape[1])
        banded = windows.regress(target, source, self.n_components)[-1]
        self.coef_ = windows.spread(banded)
        self.intercept_ = source.mean(axis=0) - target.mean(axis=0) @ self.coef_
        return self
