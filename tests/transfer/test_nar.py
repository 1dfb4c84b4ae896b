"""NARTransfer against the normal equations, with any regressor after any preprocessing."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import EPOTransfer, NARTransfer, NoTransfer
from skspektron.transfer._nar import AUTO_PENALTIES, AUTO_RIDGES, augment
from tests import oracles
from tests.transfer.methods import fit, make
from tests.transfer.standards import expected_error, sample_numbers, standard_spectra

rng = np.random.default_rng(0)
X = rng.normal(size=(15, 6))
Y = X @ rng.normal(size=(6, 2)) + 0.1 * rng.normal(size=(15, 2)) + 5.0
DIFFERENCES = rng.normal(size=(3, 6))


def scaled(differences, X=X):
    """Return differences scaled to the root mean square norm of the centred spectra `X`."""
    mean_square_norm = np.mean(np.sum((X - X.mean(axis=0)) ** 2, axis=1))
    return differences * np.sqrt(mean_square_norm / np.mean(np.sum(differences**2, axis=1)))


@pytest.mark.parametrize("penalty", [0.1, 1.0, 1e4])
def test_ridge_on_augmented_rows_equals_the_normal_equations(penalty):
    ridge = Ridge(alpha=0.3).fit(*augment(X, Y, scaled(DIFFERENCES), penalty))
    b, intercept = oracles.nar(X, Y, DIFFERENCES, penalty, 0.3)
    np.testing.assert_allclose(ridge.coef_.T, b, atol=1e-8)
    np.testing.assert_allclose(ridge.intercept_, intercept, atol=1e-8)


@pytest.mark.parametrize("n_targets", [None, 2])
def test_transfer_equals_the_normal_equations(n_targets, make_stack):
    X, y, instrument, _ = stack = make_stack(n_targets=n_targets)
    model = fit(make(NARTransfer, 6, difference_penalty=30.0), stack)
    target, source = standard_spectra(model, stack)
    rows = instrument == "A"
    b, intercept = oracles.nar(X[rows], y[rows], source - target, 30.0, 1e-3)
    np.testing.assert_allclose(model.predict(X), X @ b + intercept, atol=1e-6)
    assert model.difference_penalty_ == 30.0


def test_a_large_penalty_makes_both_instruments_agree(make_stack):
    stack = make_stack()
    disagreement = []
    for penalty in (1e-3, 1.0, 1e6):
        model = fit(make(NARTransfer, 6, difference_penalty=penalty), stack)
        target, source = standard_spectra(model, stack)
        disagreement.append(np.abs(model.predict(target) - model.predict(source)).max())
    assert disagreement[0] > 10 * disagreement[1] and disagreement[2] < 1e-4


def test_a_vanishing_penalty_gives_the_source_calibration(make_stack):
    X, *_ = stack = make_stack()
    model = fit(make(NARTransfer, 6, difference_penalty=1e-9), stack)
    np.testing.assert_allclose(model.predict(X), model.estimator_.predict(X), atol=1e-4)


def test_beats_no_transfer_on_unseen_samples(make_stack):
    X, y, instrument, sample_id = make_stack()
    held_out = np.isin(sample_id, [f"s{i:02d}" for i in range(8)])
    train, test = ~held_out, held_out & (instrument == "B")
    stack = X[train], y[train], instrument[train], sample_id[train]
    for estimator in (None, Ridge(alpha=1e-3)):
        plain, model = (
            fit(method(estimator, source="A", target="B"), stack).score(X[test], y[test])
            for method in (NoTransfer, NARTransfer)
        )
        assert plain < 0.9 and model > 0.99


@pytest.mark.parametrize(
    "final", [Ridge(alpha=1e-3), PLSRegression(3)], ids=lambda final: type(final).__name__
)
def test_any_regressor_is_fitted_on_augmented_rows_after_the_preprocessing(final, make_stack):
    X, y, instrument, _ = stack = make_stack()
    pipeline = make_pipeline(StandardScaler(), final)
    model = NARTransfer(pipeline, source="A", target="B", n_transfer=6, difference_penalty=10.0)
    fit(model, stack)
    rows = instrument == "A"
    scaler = StandardScaler().fit(X[rows])
    target, source = (scaler.transform(part) for part in standard_spectra(model, stack))
    Z, D = scaler.transform(X[rows]), source - target
    half = np.sqrt(10.0 / 2) * scaled(D, Z)
    added = np.concatenate([Z.mean(axis=0) + half, Z.mean(axis=0) - half])
    y_mean = np.full(12, y[rows].mean())
    final.fit(np.concatenate([Z, added]), np.concatenate([y[rows], y_mean]))
    np.testing.assert_allclose(model.predict(X), final.predict(scaler.transform(X)), atol=1e-6)
    assert isinstance(model.target_estimator_, type(final))


def test_auto_minimizes_the_expected_error(make_stack):
    chosen = set()
    for seed in range(4):
        X, y, instrument, sample_id = make_stack(random_state=seed)
        y = y + 0.2 * np.random.default_rng(seed).normal(size=len(y))
        stack = X, y, instrument, sample_id
        model = fit(make(NARTransfer, 4), stack)
        target, source = standard_spectra(model, stack)
        rows = instrument == "A"
        data = X[rows], y[rows], sample_numbers(stack)[rows], target, source
        errors = [expected_error(ridge_candidate(p, X[rows]), *data) for p in AUTO_PENALTIES]
        assert model.difference_penalty_ == AUTO_PENALTIES[int(np.argmin(errors))]
        chosen.add(model.difference_penalty_)
    assert len(chosen) > 1


def ridge_candidate(penalty, X_all, ridge=1e-3):
    """Return a function that fits one penalty; differences are scaled by all source rows."""
    mean_square_norm = np.mean(np.sum((X_all - X_all.mean(axis=0)) ** 2, axis=1))

    def fit_one(X, y, target, source):
        own = np.mean(np.sum((X - X.mean(axis=0)) ** 2, axis=1))
        b, intercept = oracles.nar(X, y, source - target, penalty * mean_square_norm / own, ridge)
        return lambda X: X @ b + intercept

    return fit_one


def test_the_default_chooses_penalty_and_ridge_together(make_stack):
    X, y, instrument, sample_id = make_stack()
    y = y + 0.2 * np.random.default_rng(0).normal(size=len(y))
    stack = X, y, instrument, sample_id
    model = fit(NARTransfer(source="A", target="B", n_transfer=4), stack)
    target, source = standard_spectra(model, stack)
    rows = instrument == "A"
    mean_square_norm = np.mean(np.sum((X[rows] - X[rows].mean(axis=0)) ** 2, axis=1))
    data = X[rows], y[rows], sample_numbers(stack)[rows], target, source
    errors = {
        (penalty, ridge): expected_error(ridge_candidate(penalty, X[rows], ridge), *data)
        for penalty in AUTO_PENALTIES
        for ridge in AUTO_RIDGES * mean_square_norm
    }
    chosen = model.difference_penalty_, model.target_estimator_.alpha
    assert chosen == pytest.approx(min(errors, key=errors.get), rel=1e-9)


def test_target_labels_are_not_used(make_stack):
    X, y, instrument, sample_id = make_stack()
    for estimator in (None, Ridge()):
        model = NARTransfer(estimator, source="A", target="B", n_transfer=5)
        changed = np.where(instrument == "B", np.nan, y)
        np.testing.assert_array_equal(
            fit(model, (X, changed, instrument, sample_id)).predict(X),
            fit(model, (X, y, instrument, sample_id)).predict(X),
        )


@pytest.mark.parametrize("estimator", [Ridge(alpha=1e-3), None])
def test_one_standard_uses_one_penalty(estimator, make_stack):
    stack = make_stack()
    model = fit(NARTransfer(estimator, source="A", target="B", n_transfer=1), stack)
    target, source = standard_spectra(model, stack)
    assert model.difference_penalty_ == 100.0
    before = np.abs(model.estimator_.predict(target) - model.estimator_.predict(source))
    assert np.abs(model.predict(target) - model.predict(source)) < 0.05 * before


def test_identical_instruments_give_the_source_calibration(make_stack):
    X, y, instrument, sample_id = make_stack()
    same = np.concatenate([X[:30], X[:30]]), np.tile(y[:30], 2), instrument, [*sample_id[:30]] * 2
    model = fit(make(NARTransfer, 5), (*same[:3], np.array(same[3])))
    np.testing.assert_allclose(model.predict(X), model.estimator_.predict(X), atol=1e-8)


def test_a_very_large_penalty_gives_epo(make_stack):
    X, *_ = stack = make_stack()
    nar = fit(make(NARTransfer, 2, difference_penalty=1e9), stack)
    epo = fit(make(EPOTransfer, 2, n_components=None), stack)
    np.testing.assert_allclose(nar.predict(X), epo.predict(X), atol=0.01)


@pytest.mark.parametrize("penalty", [0, -1.0, np.inf, np.nan, None, "large", [1.0]])
def test_refuses_invalid_penalties(penalty, make_stack):
    with pytest.raises(
        ValueError, match="difference_penalty must be a finite number above 0 or 'auto', got"
    ):
        fit(make(NARTransfer, 0, difference_penalty=penalty), make_stack())


@pytest.mark.parametrize("n_channels", [24, 80])  # fewer and more than rows
def test_both_algorithms_give_the_same_path(n_channels, monkeypatch, make_stack):
    X, y, instrument, sample_id = make_stack()
    noise = np.random.default_rng(0).normal(size=(len(X), n_channels))
    X = np.resize(X, noise.shape) + 0.1 * noise
    stack, models = (X, y, instrument, sample_id), []
    for limit in (60, 5):
        monkeypatch.setattr("skspektron.transfer._nar.MAX_INVERSION_ROWS", limit)
        models.append(fit(NARTransfer(source="A", target="B", n_transfer=12), stack))
    assert models[0].target_estimator_.alpha == models[1].target_estimator_.alpha
    np.testing.assert_allclose(models[0].predict(X), models[1].predict(X), atol=1e-8)
