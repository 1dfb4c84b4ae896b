"""Transfer methods of other packages, for `bench_transfer.py --method`.

Each function under `peer` calls the code of another package with that package's defaults, on the
standards and the PLS calibration of the protocol. Where a function has no default, it gets the
value of its own docstring. `<name>` reads the first derivative, as the methods of this package do;
`<name>_best` reads the spectra as measured, preprocessed in the way with the smallest RMSECV of
the source rows.

    python -m benchmarks.bench_transfer --data simulated --n-transfer 5 --methods ds \
        --method benchmarks.peers.wrappers:chemotools_ds_best

No package is imported before its method is fitted.
"""

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron.preprocessing import SNV
from skspektron.transfer._algorithms._pls import cross_validated_pls
from skspektron.transfer._core._base import BaseTransfer
from skspektron.transfer._core._standards import Rows, Standards

PACKAGES = ("pycaltransfer", "pynir", "diPLSlib", "nirs4all", "nirs4all-methods")
Predict = Callable[[NDArray], NDArray]


def preprocessings() -> dict:
    """Return the steps before the calibration of which `<name>_best` chooses one."""
    derivative = SavitzkyGolay(window_length=11, polyorder=2, mode="interp")
    return {
        "none": make_pipeline("passthrough"),
        "snv": make_pipeline(SNV()),
        "derivative": make_pipeline(derivative),
        "snv-derivative": make_pipeline(SNV(), derivative),
    }


class Calibration(RegressorMixin, BaseEstimator):
    """PLS with the components, and the preprocessing among those named, of smallest RMSECV."""

    def __init__(self, names: tuple[str, ...] = ("none",)):
        self.names = names

    def fit(self, X, y, sample_id=None):
        """Choose the preprocessing and the components by cross-validation over samples."""
        ids = np.arange(len(X)) if sample_id is None else sample_id
        candidates = [preprocessings()[name].fit(X) for name in self.names]
        fits = [cross_validated_pls(each.transform(X), y, ids) for each in candidates]
        errors = [np.sum(getattr(pls, "rmsecv_", np.inf)) for pls in fits]
        best = int(np.argmin(errors))
        self.preprocessing_, self.pls_ = candidates[best], fits[best]
        return self

    def predict(self, X):
        """Return the predictions of preprocessed spectra."""
        return np.ravel(self.pls_.predict(self.preprocessing_.transform(X)))


class Peer(BaseTransfer):
    """A method of another package, after the calibration and the standards of the protocol."""

    _needs_pairs = True
    _learns_unlabelled = True
    _uses_labels = True

    def __init__(self, learn=None, names=("none",), **parameters):
        super().__init__(Calibration(names), bad_standards="keep", **parameters)
        self.learn = learn
        self.names = names

    def _learn(self, source, target, standards):
        """Give preprocessed rows to the method, and keep the predictions that it returns."""
        clean = self.estimator_.preprocessing_.transform
        spectra = Rows(clean(source.X), source.y, source.ids)
        if len(standards):
            pairs = clean(standards.X_source), clean(standards.X_target)
        else:  # all target spectra, without their reference values
            pairs = spectra.X, clean(target.X)
        known = Standards(standards.ids, *pairs, standards.y_source, standards.y)
        self.predict_ = self.learn(spectra, known, self.estimator_.pls_)

    def _predict_target(self, X):
        """Return the predictions of the method for preprocessed target spectra."""
        y = self.predict_(self.estimator_.preprocessing_.transform(X))
        return np.reshape(y, (len(X), *self._n_outputs))

    def __sklearn_tags__(self):
        """Return the tags of the calibration, which refuses NaN."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


def peer(learn: Callable[[Rows, Standards, PLSRegression], Predict]) -> partial:
    """Return the transfer of a method on the first derivative, and add that with `_best`."""
    globals()[f"{learn.__name__}_best"] = partial(_best, learn)
    return partial(_on_derivative, learn)


def _on_derivative(learn, *, source, target, n_transfer=10, random_state=None):
    """Return a transfer that gets the first derivative."""
    known = {"n_transfer": n_transfer, "random_state": random_state}
    return Peer(learn, source=source, target=target, **known)


def _best(learn, *, source, target, wavelength=None, n_transfer=10, random_state=None):
    """Return a transfer that gets the spectra as measured, because it takes their axis."""
    known = {"n_transfer": n_transfer, "random_state": random_state}
    return Peer(learn, tuple(preprocessings()), source=source, target=target, **known)


# chemotools


def _mapped(map_, pls) -> Predict:
    """Return the predictions of target spectra after a map to the source."""
    return lambda X: pls.predict(map_.transform(X))


@peer
def chemotools_ds(rows, standards, pls):
    """Return the predictions after chemotools' direct standardization."""
    from chemotools.adaptation import DirectStandardization

    map_ = DirectStandardization().fit(standards.X_target, X_source=standards.X_source)
    return _mapped(map_, pls)


@peer
def chemotools_pds(rows, standards, pls):
    """Return the predictions after chemotools' piecewise direct standardization."""
    from chemotools.adaptation import PiecewiseDirectStandardization

    map_ = PiecewiseDirectStandardization().fit(standards.X_target, X_source=standards.X_source)
    return _mapped(map_, pls)


@peer
def chemotools_sst(rows, standards, pls):
    """Return the predictions after chemotools' spectral space transformation."""
    from chemotools.adaptation import SpectralSpaceTransform

    map_ = SpectralSpaceTransform().fit(standards.X_target, X_source=standards.X_source)
    return _mapped(map_, pls)


# pycaltransfer


class OldPLS(PLSRegression):
    """PLSRegression with `coef_` (n_features, n_targets), as before scikit-learn 1.3."""

    def fit(self, X, y):
        """Fit, and transpose the coefficients."""
        super().fit(X, y)
        self.coef_ = self.coef_.T
        return self


def _affine(matrix, offset, pls) -> Predict:
    """Return the predictions of target spectra after a product with a matrix and an offset."""
    return lambda X: pls.predict(X @ matrix + offset)


@peer
def pycaltransfer_ds(rows, standards, pls):
    """Return the predictions after DS; as many components as the centred standards have."""
    from pycaltransfer.caltransfer import ds_pc_transfer_fit

    n_components = len(standards) - 1
    fitted = ds_pc_transfer_fit(standards.X_source, standards.X_target, max_ncp=n_components)
    return _affine(*fitted, pls)


@peer
def pycaltransfer_pds(rows, standards, pls):
    """Return the predictions after PDS, one component in windows of three channels."""
    from pycaltransfer import caltransfer

    with patch.object(caltransfer, "PLSRegression", OldPLS):
        fit = caltransfer.pds_pls_transfer_fit
        fitted = fit(standards.X_source, standards.X_target, max_ncp=1, ww=1)
    return _affine(*fitted, pls)


@peer
def pycaltransfer_sst(rows, standards, pls):
    """Return the predictions after SST with two components."""
    from pycaltransfer.caltransfer import sst

    return _affine(*sst(standards.X_source, standards.X_target, ncomp=2), pls)


@peer
def pycaltransfer_epo(rows, standards, pls):
    """Return the predictions of a calibration on spectra without one direction."""
    from pycaltransfer.caltransfer import epo_fit

    matrix, offset = epo_fit(standards.X_source, standards.X_target)
    again = cross_validated_pls(rows.X @ matrix + offset, rows.y, rows.ids)
    return _affine(matrix, offset, again)


@peer
def pycaltransfer_joint_y(rows, standards, pls):
    """Return the predictions of Joint-Y PLS, which reads the labels of the standards."""
    from pycaltransfer.caltransfer import jointypls_regression

    mean, rotation = rows.X.mean(axis=0), pls.x_rotations_
    scores = [(X - mean) @ rotation for X in (rows.X, standards.X_target)]
    q, intercept = jointypls_regression(*scores, rows.y, standards.y)
    return lambda X: (X - mean) @ rotation @ q + intercept


# pynir


def _coefficients(rows, pls) -> NDArray:
    """Return the intercept and the coefficients of a calibration."""
    intercept = pls.predict(np.zeros((1, rows.X.shape[1])))
    return np.concatenate([np.ravel(intercept), np.ravel(pls.coef_)])


@peer
def pynir_pfce_ns(rows, standards, pls):
    """Return the predictions of PFCE without labels."""
    from pynir.CalibrationTransfer import NS_PFCE

    b = _coefficients(rows, pls)
    return NS_PFCE().fit(standards.X_source, standards.X_target, b).transform


@peer
def pynir_pfce_ss(rows, standards, pls):
    """Return the predictions of PFCE with the labels of the standards alone."""
    from pynir.CalibrationTransfer import SS_PFCE

    return SS_PFCE().fit(standards.X_target, standards.y, _coefficients(rows, pls)).transform


@peer
def pynir_pfce_fs(rows, standards, pls):
    """Return the predictions of PFCE with the spectra and the labels of the standards."""
    from pynir.CalibrationTransfer import FS_PFCE

    pairs = standards.X_source, standards.X_target
    return FS_PFCE().fit(*pairs, standards.y, _coefficients(rows, pls)).transform


# diPLSlib: the number of components is that of the calibration


@peer
def diplslib_dipls(rows, standards, pls):
    """Return the predictions of di-PLS with its default penalty of zero."""
    from diPLSlib.models import DIPLS

    model = DIPLS(A=pls.n_components)
    return model.fit(rows.X, rows.y, standards.X_source, standards.X_target).predict


@peer
def diplslib_dipls_heuristic(rows, standards, pls):
    """Return the predictions of di-PLS with the penalties of its heuristic."""
    from diPLSlib.models import DIPLS

    model = DIPLS(A=pls.n_components, heuristic=True)
    return model.fit(rows.X, rows.y, standards.X_source, standards.X_target).predict


@peer
def diplslib_gctpls(rows, standards, pls):
    """Return the predictions of graph-based transfer with the penalties of its heuristic."""
    from diPLSlib.models import GCTPLS

    model = GCTPLS(A=pls.n_components, heuristic=True)
    return model.fit(rows.X, rows.y, standards.X_source, standards.X_target).predict


# nirs4all; DS and PDS are in nirs4all-methods, which it requires


@peer
def nirs4all_ds(rows, standards, pls):
    """Return the predictions after nirs4all's direct standardization."""
    from n4m.domain_adaptation.standardization import DirectStandardization

    return _mapped(DirectStandardization().fit(standards.X_target, standards.X_source), pls)


@peer
def nirs4all_pds(rows, standards, pls):
    """Return the predictions after nirs4all's piecewise direct standardization."""
    from n4m.domain_adaptation.standardization import PiecewiseDirectStandardization

    map_ = PiecewiseDirectStandardization().fit(standards.X_target, standards.X_source)
    return _mapped(map_, pls)


@peer
def nirs4all_epo(rows, standards, pls):
    """Return the predictions after EPO; the external parameter is the instrument."""
    from nirs4all.operators.transforms import EPO

    X = np.vstack([standards.X_source, standards.X_target])
    map_ = EPO().fit(X, np.repeat([0.0, 1.0], len(standards)))
    return _mapped(map_, cross_validated_pls(map_.transform(rows.X), rows.y, rows.ids))
