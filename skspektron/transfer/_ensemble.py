"""An ensemble of kernel ridge calibrations on several preprocessings."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._parameters import Rules
from .._pipelines import front_pipeline
from .._typing import VERBOSE, InstrumentName, MemoryLike, RandomState, Selection, Sources
from .._validation import WAVELENGTH, WAVENUMBER, check_axis
from ._algorithms._svd import is_flat
from ._averaging._ensemble import Ensemble
from ._averaging._views import fit_views
from ._core._fronts import amplifies_rounding, is_supervised
from ._core._frozen import refuse_frozen
from ._core._last_step import LastStepTransfer
from ._core._standards import Rows, Standards
from ._core._tuning import OF_LABELS


class EnsembleTransfer(LastStepTransfer):
    r"""Average many ridge calibrations, weighted by their errors on held-out samples.

    For each of several preprocessings (*views*) and kernels, ridge regressions are fitted to the
    source rows and to the difference spectra D of the standards with the value zero [1]_:

    .. math:: \min_b \|y - \Phi b\|^2 + \lambda \|D b\|^2 + \eta \|b\|^2 ,

    where Phi are the spectra or features of a kernel, and the offset between the instruments is
    estimated too. Others are fitted to the source rows alone and predict target spectra after a
    map that adds a ridge regression of the difference on the target spectrum. Predictions are
    their weighted mean [2]_. With :math:`e_s` the mean squared error of held-out source rows and
    :math:`e_d` the mean squared difference between the predictions for both spectra of held-out
    standards, in units of the variance of `y`, the weight of a calibration is

    .. math:: (e_s + e_d)^{-0.4 \sqrt n} (e_s + m)^{-0.4 (\sqrt{N} - \sqrt n)} ,

    for n standards and N source samples, with m the smallest :math:`e_s + e_d`. Half of the ridge
    regressions on differences have the labelled target spectra as further rows. If n > 5, a second
    mean of calibrations that use labels replaces this one if it predicts held-out reference values
    much better (User Guide, *Ensembles*).

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration to transfer; it predicts source rows, and target rows without standards. The
        steps of a `Pipeline` before the last are one more view, in which ridge regression replaces
        the last step, unless a step is fitted to `y`: its cross-validated error would be too small.
        None: ``PLSRegression(scale=False)`` with the number of components chosen by
        cross-validation.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=10
        Number of paired standards. 0: no transfer, as `NoTransfer`. None: every paired sample.
    selection : str or callable, default="kennard-stone"
        Order in which samples are chosen as standards: "kennard-stone", "kennard-stone-pls",
        "duplex", "spxy" or "random"; a callable takes spectra of shape (n_candidates, n_features)
        and returns a permutation. The first 5 of 10 standards are those of ``n_transfer=5``.
        "kennard-stone-pls" and "spxy" use the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the order with ``selection="random"``.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        As in the other methods, for a `FrozenEstimator`, which is refused with standards.
    bad_standards : {"warn", "drop", "keep"}, default="warn"
        What happens to standards that disagree with what the others predict, see `standards_`.
        "warn": they get less weight, down to none, and a warning names them. "drop": they are left
        out without a warning. "keep": all have full weight.
    wavelength, wavenumber : array-like of shape (n_features,), default=None
        Axis of the spectra in nm or in cm-1; by default the axis in the column names, if any. An
        axis adds views of the derivatives at the bands of water, O-H, N-H and C-H [4]_.
    verbose : int, default=0
        1 shows a progress bar with one step per view.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    view_weights_ : dict of str to float
        Weight of each view in the mean; they add up to 1. Absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection.
    standards_ : Bunch of ndarray of shape (n_transfer,)
        Table of the standards: `id`, `spectral_disagreement`, `label_disagreement`, `leverage`,
        `weight` and `label_weight`, see `StandardsDisplay`.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` used for either instrument; all columns if both measure all of them.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    NARTransfer : One of these calibrations, without labels.
    LoRATransfer : The same ensemble with the adapted embedding of a pretrained network.

    Notes
    -----
    The views are the spectra, SNV, first derivatives (Savitzky-Golay, 11 channels) and second
    derivatives (21 channels) of both; the kernels are linear, and RBF on autoscaled channels. All
    errors on held-out samples are exact for the offset estimated again without each sample, with
    the scales, lengths and maps of all samples. A standard without a reference value on the target
    gets that of its source rows. NaN is refused. Several targets are predicted one by one. At most
    300 features represent each kernel, and 150 if source rows and spectra of the standards are more
    than 1000, so that the time of a fit is proportional to their number [3]_.

    References
    ----------
    .. [1] Kalivas, Siano, Andries & Goicoechea, Appl. Spectrosc. 63 (2009) 800-809.
    .. [2] Xu, Zhou, Tang, Wu, Jiang, Shen & Yu, Anal. Chim. Acta 616 (2008) 138-143.
    .. [3] Williams & Seeger, Advances in Neural Information Processing Systems 13 (2001) 682-688.
    .. [4] Workman & Weyer, Practical Guide and Spectral Atlas for Interpretive
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

    _parameters: ClassVar[Rules] = {
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "verbose": VERBOSE,
    }

    _needs_pairs = True
    _uses_labels = True
    _takes_weights = True
    _when_slow = (
        "In a search, pass n_jobs= for parallel fits and memory= to fit each calibration once. "
        "verbose=1 shows progress."
    )

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        verbose: int = 0,
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
            bad_standards=bad_standards,
        )
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.verbose = verbose

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit one member for each view."""
        refuse_frozen(self)
        self._views = fit_views(source.X, self._axis())
        front = front_pipeline(self.estimator_)
        given = self._layout.as_given(source.X)
        spectra = source.X, standards.X_source, standards.X_target
        # Steps on constant spectra return rounding errors of unknown size.
        are_flat = any(len(X) > 1 and is_flat(X).all() for X in spectra)
        has_steps = front is not None and not are_flat
        self._has_own_view = has_steps and not (
            is_supervised(front, given) or amplifies_rounding(self._transform_front, source.X)
        )
        self._ensemble = Ensemble.fit(
            self._transform_views, source, standards, verbose=self.verbose
        )
        self.view_weights_ = self._ensemble.weights
        self._errors[OF_LABELS] = self._ensemble.held_out_error

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

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the weighted mean of the regressions."""
        return self._ensemble.predict(self._transform_views, X).reshape(len(X), *self._n_outputs)
