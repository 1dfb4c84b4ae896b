"""Piecewise direct standardization around a calibration."""

from ._mapped import MappedTransfer
from ._pds import PDS, check_window
from ._standards import Rows, Standards


class PDSTransfer(MappedTransfer):
    """Map target spectra to the source by piecewise direct standardization, then predict.

    Corrects gain, offset, wavelength shift and line width channel by channel [1]_ and keeps the
    source calibration; the standards need no labels.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration that is transferred. None: ``PLSRegression(scale=False)``, the number of
        components chosen by cross-validation.
    source, target : str or int, default=None
        Labels of the instrument of the calibration and of the instrument it moves to. `source`
        None: the most frequent label other than `target`. `target` None: the one that is not
        `source`, where there are two.
    n_transfer : int or None, default=10
        Number of paired standards. 0: as `NoTransfer`. None: every paired sample.
    selection : {"kennard-stone", "random"} or callable, default="kennard-stone"
        Order in which candidates become standards; a callable takes spectra of shape
        (n_candidates, n_features) and returns a permutation. The standards for 5 are among those
        for 10.
    random_state : int, RandomState instance or None, default=None
        Draws the order when `selection` is "random".
    window_length : int, default=11
        Number of target channels behind one source channel; odd. Typical: 3 to 15.
    n_components : int or None, default=3
        Largest rank of a window's regression, at least 1. Typical: 1 to 4. None: as many as the
        standards support.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : PDS
        The map from target to source, fitted on the standards; absent without standards.
    source_, target_ : str or int
        Labels of the two instruments; None where fit got no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Samples of the paired standards, in order of selection.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    PDS : The map by itself.
    MeanCentredTransfer : The same difference at every sample.

    Notes
    -----
    On raw spectra a rank above 1 amplifies noise; take a first derivative before the transfer, in
    a pipeline, for a higher one. NaN is refused.

    References
    ----------
    .. [1] Wang, Veltkamp & Kowalski, Anal. Chem. 63 (1991) 2750-2756.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import PDSTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = PDSTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[6.5]]).round(6)
    array([1.5])
    """

    _needs_pairs = True
    _takes_nan = False

    def __init__(
        self,
        estimator=None,
        *,
        source=None,
        target=None,
        n_transfer: int | None = 10,
        selection="kennard-stone",
        random_state=None,
        window_length: int = 11,
        n_components: int | None = 3,
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
        )
        self.window_length = window_length
        self.n_components = n_components

    def _check_parameters(self) -> None:
        """Refuse a bad window even where there is no standard to fit it on."""
        super()._check_parameters()
        check_window(self.window_length, self.n_components)

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the map on the paired standards."""
        pds = PDS(window_length=self.window_length, n_components=self.n_components)
        self.map_ = pds.fit(standards.X_target, standards.X_source)

    def _map(self, X):
        """Map target spectra to the source."""
        return self.map_.transform(X)
