"""Direct standardization."""

from __future__ import annotations

from .._algorithms._pairs import shrinkage
from ._base import LowRankRegression


class DS(LowRankRegression):
    r"""Map target spectra to the source by direct standardization.

    The difference between source and target is regressed on all target channels by ridge
    regression [2]_, and added to the target spectrum:
    :math:`\hat x = x_t + \bar d + (x_t - \bar x_t) X^T (X X^T + \lambda I)^{-1} D`, where :math:`X`
    are the target spectra of the standards and :math:`D` their differences, source minus target,
    both centred, and :math:`\bar d` is the mean difference. As published [1]_, the source spectrum
    itself is regressed with a pseudo-inverse:
    :math:`\hat x = \bar x_s + (x_t - \bar x_t)(X_t - \bar x_t)^+ (X_s - \bar x_s)`.

    Parameters
    ----------
    learns : {"difference", "spectrum"}, default="difference"
        What is regressed on the target spectra. "difference": the difference between source and
        target, with a ridge penalty. "spectrum": the source spectrum, as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"`` as a multiple of the mean squared norm of the
        centred target spectra of the standards; at least 0. ``inf`` corrects an offset alone.
        "auto": 0.1.
    n_components : int or None, default=None
        Largest number of principal components of the target spectra that are used, at least 1;
        lower if the centred standards have a lower rank. None: all.
    target_axis, source_axis : array-like of shape (n_features,), default=None
        Axes of both instruments in one unit, nm or cm-1, strictly monotonic, for the interpolation
        of ``learns="difference"``; source channels must lie within the range of the target. None:
        both span the same range.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_, n_features_source)
        Transfer matrix, computed on access.
    intercept_ : ndarray of shape (n_features_source,)
        Offset in the unit of the source spectra.
    left_, right_ : ndarray of shape (n_features_in_, k) and (k, n_features_source)
        Thin factors of the regression.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, if they are all strings.

    See Also
    --------
    PDS : Regresses on a window of target channels instead.
    DSTransfer : This map before a calibration, with the choice of standards and of the penalty.

    Notes
    -----
    The two instruments may have different channels: the target spectrum that the difference is
    added to is then interpolated linearly at those of the source.
    A single standard gives the offset between its two spectra. With ``learns="spectrum"``,
    variation that the standards do not span is lost: a mapped spectrum is a combination of their
    source spectra, and a single standard maps every spectrum to its source spectrum. Cost:
    O(n^2 p) for n standards and p channels.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.
    .. [2] Hoerl & Kennard, Technometrics 12 (1970) 55-67.

    Examples
    --------
    >>> from skspektron.transfer import DS
    >>> target = [[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]]
    >>> source = [[3.0, 0.0], [7.0, 2.0], [8.0, 4.0]]
    >>> for penalty in (0, 1, float("inf")):
    ...     print(DS(penalty=penalty).fit(target, source).transform([[4.0, 4.0]]).round(3))
    [[12.  6.]]
    [[10.769  5.385]]
    [[8. 4.]]
    """

    def _factors(self, pairs, penalty, n_components):
        """Return the factors of ridge regression on principal components."""
        values, U = pairs.target_axes
        kept = shrinkage(values, penalty, values.sum() / pairs.size)[:n_components]
        values, U = values[:n_components], U[:, :n_components]
        return pairs.X.T @ (U * (kept / values)), U.T @ self._response(pairs)
