"""An estimator whose last fit failed is not fitted, whatever it was before."""

from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.utils.validation import check_is_fitted

from skspektron import LoRATransfer, SpektronEmbedder, SpektronPretrainer
from skspektron.calibration import KernelEnsembleRegressor
from skspektron.cluster import CosineKMeans, VonMisesFisherMixture
from skspektron.foundation import SpektronRegressor
from skspektron.reliability import ApplicabilityDomain, ConformalTransfer
from skspektron.transfer import DS, EPO, FNO, PDS, SST, CCAMap, NoTransfer, TTTTransfer
from tests.transfer.methods import METHODS, WITH_STANDARDS, fit, make


class Failing(RegressorMixin, BaseEstimator):
    """A calibration that cannot be fitted."""

    def fit(self, X, y):
        """Fail."""
        raise RuntimeError("no licence")


def with_missing_labels(model, stack):
    """Return a fit whose source rows have no reference values."""
    X, y, *metadata = stack
    return model, (X, np.full(y.shape, np.nan), *metadata)


def with_infinity(model, stack):
    """Return a fit on an infinite spectrum."""
    X, *rest = stack
    return model, (np.where(np.arange(len(X))[:, None] == 3, np.inf, X), *rest)


def with_too_few_standards(model, stack):
    """Return a fit with more standards than there are samples."""
    return model.set_params(n_transfer=1000), stack


def with_a_wrong_parameter(model, stack):
    """Return a fit with a negative number of standards."""
    return model.set_params(n_transfer=-1), stack


def with_short_labels(model, stack):
    """Return a fit with metadata of the wrong length."""
    X, y, instrument, sample_id = stack
    return model, (X, y, instrument[:-1], sample_id)


def with_an_unknown_source(model, stack):
    """Return a fit of an instrument that no row has."""
    return model.set_params(source="C"), stack


def with_a_failing_estimator(model, stack):
    """Return a fit of a calibration that raises."""
    return model.set_params(estimator=Failing()), stack


CAUSES = [
    with_missing_labels,
    with_infinity,
    with_too_few_standards,
    with_a_wrong_parameter,
    with_short_labels,
    with_an_unknown_source,
    with_a_failing_estimator,
]


def check_not_fitted(model, X):
    """Assert that the model has no fitted attribute and says that it is not fitted."""
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    for name in ("predict", "transform", "predict_interval"):
        if hasattr(model, name):
            with pytest.raises(NotFittedError):
                getattr(model, name)(X)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("method", METHODS)
def test_a_failed_fit_leaves_no_fitted_transfer(method, cause, make_stack, reference):
    stack = make_stack()
    if cause is with_too_few_standards and method not in WITH_STANDARDS:
        pytest.skip("needs no standards")
    for model in (make(method), deepcopy(reference(method))):
        failing, spoilt = cause(model, stack)
        with pytest.raises((ValueError, RuntimeError)):
            fit(failing, spoilt)
        check_not_fitted(failing, stack[0])


@pytest.mark.parametrize("method", [LoRATransfer, TTTTransfer])
@pytest.mark.parametrize("cause", [with_missing_labels, with_infinity, with_an_unknown_source])
def test_a_failed_fit_leaves_no_fitted_network(method, cause, calibration, stack):
    steps = {"max_epochs": 1} if method is LoRATransfer else {"max_steps": 1}
    model = fit(method(calibration, source="A", target="B", random_state=0, **steps), stack)
    failing, spoilt = cause(model, stack)
    with pytest.raises(ValueError, match=r"NaN|infinity|source must be"):
        fit(failing, spoilt)
    check_not_fitted(failing, stack[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_failure_while_learning_leaves_no_fitted_transfer(
    method, make_stack, reference, monkeypatch
):
    stack = make_stack()
    model = deepcopy(reference(method))

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "_calibrate", fail)
    with pytest.raises(KeyboardInterrupt):
        fit(model, stack)
    check_not_fitted(model, stack[0])


@pytest.mark.parametrize(
    ("estimator", "wrong"),
    [
        (DS(), {"n_components": 0}),
        (PDS(window_length=3), {"window_length": 4}),
        (SST(), {"n_components": 0}),
        (CCAMap(), {"n_components": 0}),
        (EPO(), {"n_components": 0}),
        (FNO(width=4, n_modes=4, n_layers=1, max_epochs=1, device="cpu"), {"width": 0}),
        (CosineKMeans(2, random_state=0), {"n_clusters": 0}),
        (VonMisesFisherMixture(2, random_state=0), {"n_components": 0}),
        (ApplicabilityDomain(), {"confidence_level": 2.0}),
        (KernelEnsembleRegressor(kernels="linear"), {"kernels": "cubic"}),
        (ConformalTransfer(NoTransfer(Ridge()), confidence_level=0.5), {"confidence_level": 2.0}),
    ],
)
@pytest.mark.parametrize("cause", ["parameter", "spectra"])
def test_a_failed_fit_leaves_no_fitted_estimator(estimator, wrong, cause):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6)) + 3.0
    is_map = isinstance(estimator, DS | PDS | SST | CCAMap | EPO | FNO)
    y = X + 0.1 * rng.normal(size=X.shape) if is_map else X[:, 0]
    estimator = clone(estimator).fit(X, y)
    with pytest.raises(ValueError):
        if cause == "parameter":
            estimator.set_params(**wrong).fit(X, y)
        else:
            estimator.fit(np.full(X.shape, np.inf), y)
    check_not_fitted(estimator, X)


@pytest.mark.parametrize("cause", ["parameter", "spectra"])
def test_a_failed_fit_leaves_no_fitted_network_estimator(cause, pretrainer, stack):
    X, y, *_ = stack
    axis = pretrainer.wavelength
    for model, wrong in (
        (SpektronEmbedder(pretrainer, wavelength=axis), {"pooling": "sum"}),
        (SpektronRegressor(pretrainer, wavelength=axis, max_epochs=1), {"batch_size": 0}),
        (SpektronPretrainer("tiny", wavelength=axis, max_steps=1), {"batch_size": 0}),
    ):
        model.fit(X, y)
        with pytest.raises(ValueError):
            if cause == "parameter":
                model.set_params(**wrong).fit(X, y)
            else:
                model.fit(np.full(X.shape, np.inf), y)
        check_not_fitted(model, X)
