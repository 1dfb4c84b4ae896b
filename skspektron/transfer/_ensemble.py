"""An ensemble of ridge calibrations behind many preprocessings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from .._pipelines import is_supervised
from .._typing import InstrumentName, MemoryLike, RandomState, Selection
from .._validation import check_axis
from ._averaging._views import spectral_views, viewed_rows
from ._averaging._weights import fit_members
from ._core._base import LastStepTransfer
from ._core._frozen import refuse_frozen
from ._core._standards import Rows, Standards


class EnsembleTransfer(LastStepTransfer):
    r"""Average many calibrations, each as much as it fares well on what was left out.

    Behind each of several preprocessings (*views*), ridge regressions predict the reference
    values of the source rows, zero for the difference spectra D of the standards [1]_, and the
    reference values of the standards from their target spectra, moved by the mean difference:

    .. math:: \min_b \|y - Xb\|^2 + \lambda \|D b\|^2 + \omega \|y_n - X_n b\|^2 + \eta \|b\|^2 .

    All views, :math:`\lambda` (1 and 1000), :math:`\omega` (0, 3 and 30) and :math:`\eta` enter
    the mean of the predictions [2]_. The weight of a calibration is the fifth power of its inverse
    expected error: the mean square in cross-validation on the source rows, plus that of the
    disagreement between both spectra of standards that are left out, plus, in proportion to
    (n - 5) / (n + 10) of n standards, the squared error in their reference values. The
    weights of those that read no label are multiplied by ``exp(12 / (n + 3))``. Where, with
    more than five standards, the calibrations with the largest :math:`\omega` and PLS on the
    target spectra alone predict left-out reference values much better than this mean, they replace
    it: then the target resolves what the source does not.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration of the source, which predicts source rows, and target rows without standards.
        Of a `Pipeline`, the steps before the last are one more view, behind which ridge regression
        takes the place of the last step, unless one of them is fitted to `y`: it would be judged on
        rows that it knows. None: ``PLSRegression(scale=False)``, the number of
        components chosen by cross-validation.
    source, target : str or int, default=None
        Labels of the instrument of the calibration and of the instrument it moves to. `source`
        None: the most frequent label other than `target`. `target` None: the one that is not
        `source`, where there are two.
    n_transfer : int or None, default=10
        Number of paired standards. 0: as `NoTransfer`. None: every paired sample.
    selection : {"kennard-stone", "duplex", "spxy", "random"} or callable, default="kennard-stone"
        Order in which candidates become standards; a callable takes spectra of shape
        (n_candidates, n_features) and returns a permutation. The standards for 5 are among those
        for 10. "spxy" reads the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Draws the order when `selection` is "random".
    memory : str or joblib.Memory, default=None
        Where the fitted calibration is cached, so that a search over parameters of the transfer
        fits it once for every fold.
    trained_on : array-like of sample ids, default=None
        As in the other methods; a `FrozenEstimator`, which it is for, is refused here.
    wavelength, wavenumber : array-like of shape (n_features,), default=None
        Axis of the spectra in nm or in cm-1; string column names are read as one. With an axis,
        the derivatives at the bands of water, O-H, N-H and C-H [3]_ are views too.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    view_weights_ : dict of str to float
        Share of every view in the mean, adding up to 1; absent without standards.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Samples of the paired standards, in order of selection.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` that are used of either instrument: all of them where both measure all.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    NARTransfer : One of these calibrations, without labels.
    LoRATransfer : The same ensemble with the views of a pretrained network.

    Notes
    -----
    The views are the spectra, SNV, first derivatives (Savitzky-Golay, 11 channels) of both, and
    second derivatives (21 channels). D is scaled so that a difference spectrum is as long as a
    centred source spectrum (root mean square). A standard without a reference value on the target
    has that of its source rows. NaN is refused. Reference values of several targets are predicted
    one by one. Time grows with the third power of the number of standards: it is made for tens,
    not for hundreds. With more than 200 source samples, those that are standards stay among the
    source rows while their target spectra are left out.

    References
    ----------
    .. [1] Kalivas, Siano, Andries & Goicoechea, Appl. Spectrosc. 63 (2009) 800-809.
    .. [2] Xu, Zhou, Tang, Wu, Jiang, Shen & Yu, Anal. Chim. Acta 616 (2008) 138-143.
    .. [3] Workman & Weyer, Practical Guide and Spectral Atlas for Interpretive
       Near-Infrared Spectroscopy, 2nd ed., CRC Press (2012).

    Examples
    --------
    >>> from skspektron import stack_instruments
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.transfer import EnsembleTransfer
    >>> data = make_instruments(40, random_state=0)
    >>> X, y, instrument, sample_id = stack_instruments(
    ...     {name: (X, data.y[:, 0], data.sample_id) for name, X in data.X.items()})
    >>> transfer = EnsembleTransfer(wavelength=data.wavelength, source="A", target="B")
    >>> transfer = transfer.fit(X, y, instrument=instrument, sample_id=sample_id)
    >>> len(transfer.transfer_ids_), round(sum(transfer.view_weights_.values()), 6)
    (10, 1.0)
    """

    _needs_pairs = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: InstrumentName = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
            memory=memory,
            trained_on=trained_on,
        )
        self.wavelength = wavelength
        self.wavenumber = wavenumber

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit one member for each view."""
        refuse_frozen(self)
        views = spectral_views(source.X.shape[1], self._axis())
        self._views = {name: view.fit(source.X) for name, view in views.items()}
        self._has_own_view = self._has_front()
        spectra = source.X, standards.X_source, standards.X_target
        viewed = viewed_rows(*map(self._transform_views, spectra))
        self._members = fit_members(viewed, source, standards)
        self.view_weights_ = {name: member.weight for name, member in self._members.items()}

    def _axis(self) -> NDArray[Any] | None:
        """Return the axis of the channels that are used, in cm-1, or None."""
        axis = check_axis(
            wavelength=self.wavelength,
            wavenumber=self.wavenumber,
            n_features=self.n_features_in_,
            feature_names=getattr(self, "feature_names_in_", None),
        )
        return None if axis is None else axis[self.source_channels_]

    def _transform_views(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return spectra in every view, "estimator" for the steps of the pipeline."""
        viewed = {name: np.asarray(view.transform(X)) for name, view in self._views.items()}
        if self._has_own_view:
            viewed["estimator"] = np.asarray(self._transform_front(X))
        return viewed

    def _has_front(self) -> bool:
        """Return whether the estimator has steps before the last, none of them fitted to `y`.

        A supervised step has seen the rows that its view would be judged on.
        """
        estimator = self.estimator_
        return (
            isinstance(estimator, Pipeline)
            and len(estimator) > 1
            and not is_supervised(estimator[:-1])
        )

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the sum of the weighted members."""
        parts = [self._members[name].predict(Z) for name, Z in self._transform_views(X).items()]
        return np.sum(parts, axis=0).reshape(len(X), *self._n_outputs)
