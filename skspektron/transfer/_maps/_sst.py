"""Spectral space transformation."""

from __future__ import annotations

import numpy as np

from .._algorithms._pairs import shrinkage
from ._base import LowRankRegression


class SST(LowRankRegression):
    r"""Map target spectra to the source by spectral space transformation.

    The joint loadings :math:`P = [P_s\; P_t]` of the concatenated, centred spectra of the standards
    relate the two instruments. A target spectrum is changed by the difference between their source
    and target parts; what lies outside the loadings is not changed [1]_:
    :math:`\hat x = \bar x_s + z + z P_t^+ F (P_s - P_t)` with :math:`z = x_t - \bar x_t`. As
    published, :math:`F` is the identity. By default, it shrinks the change along the component with
    singular value :math:`s` by :math:`s^2 / (s^2 + \lambda)`, as ridge regression does [2]_.

    Parameters
    ----------
    learns : {"difference", "spectrum"}, default="difference"
        "difference": the changes are shrunk by a ridge penalty. "spectrum": as published.
    penalty : float or "auto", default="auto"
        Ridge penalty of ``learns="difference"`` as a multiple of the mean squared norm of the
        concatenated, centred spectra of the standards; at least 0. ``inf`` corrects an offset
        alone. "auto": 0.1.
    n_components : int or None, default=None
        Largest number of joint components, at least 1; lower if the centred standards have a lower
        rank. None: the rank of the standards.
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
        Thin factors of the change.
    n_features_in_ : int
        Number of channels of the target instrument.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the target spectra, if they are all strings.

    See Also
    --------
    DS : Uses the components of the target spectra alone.
    SSTTransfer : This map before a calibration, with the choice of standards.

    Notes
    -----
    The two instruments may have different channels: the target spectrum that the change is
    added to is then interpolated linearly at those of the source.
    With ``learns="spectrum"``, what lies outside the loadings is then lost. A single standard gives
    the offset between its two spectra. Cost: O(n^2 p) for n standards and
    p channels.

    References
    ----------
    .. [1] Du, Chen, Zhong, Wang, Li, Nordon, Littlejohn & Holden, Anal. Chim. Acta 690 (2011)
       64-70.
    .. [2] Hoerl & Kennard, Technometrics 12 (1970) 55-67.

    Examples
    --------
    >>> from skspektron.transfer import SST
    >>> sst = SST(learns="spectrum", n_components=1)
    >>> sst = sst.fit([[1.0, 2.0], [3.0, 2.0]], [[2.0, 5.0], [6.0, 5.0]])
    >>> sst.transform([[2.5, 2.5]]).round(6)
    array([[5. , 5.5]])
    """

    _keeps_rest = True

    def _factors(self, pairs, penalty, n_components):
        """Return the pseudo-inverse of the target loadings, and the changes of the loadings."""
        values, U = pairs.joint_axes
        kept = shrinkage(values, penalty, values.sum() / pairs.size)[:n_components]
        U = U[:, :n_components] / np.sqrt(values[:n_components])
        P_t = U.T @ pairs.X
        left = P_t.T @ np.linalg.pinv(P_t @ P_t.T, hermitian=True)
        return left * kept, U.T @ self._response(pairs)
