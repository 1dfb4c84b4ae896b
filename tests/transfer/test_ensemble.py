"""EnsembleTransfer: what its members predict, and what decides how much they count."""

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.transfer import EnsembleTransfer, NARTransfer, TargetOnly
from skspektron.transfer._averaging._fits import (
    LABEL_WEIGHT,
    MANY,
    MAX_OWN_COMPONENTS,
    PENALTY,
    RIDGES,
    TargetPLS,
    _source_residuals,
    fit_view,
)
from skspektron.transfer._averaging._views import spectral_views
from skspektron.transfer._averaging._weights import ViewedRows, fit_members, fit_weights
from skspektron.transfer._core._standards import Rows, Standards
from tests.transfer.methods import fit

N_RIDGES = len(PENALTY) * len(RIDGES)


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
@parametrize_with_checks([EnsembleTransfer()])
def test_sklearn_contract(estimator, check):
    check(estimator)


def make(n_transfer=10, estimator=None, **parameters):
    return EnsembleTransfer(estimator, source="A", target="B", n_transfer=n_transfer, **parameters)


def draw(n_standards, n_source=14, n_channels=6, n_targets=2, n_unpaired=0):
    """Return source rows and standards, most of them among the source rows."""
    rng = np.random.default_rng(n_standards)
    X = rng.normal(size=(n_source, n_channels)) + 2.0
    y = X @ rng.normal(size=(n_channels, n_targets)) + 0.3 * rng.normal(size=(n_source, n_targets))
    chosen = rng.permutation(n_source)[:n_standards]
    X_target = 1.1 * X[chosen] + 0.5 + 0.1 * rng.normal(size=(n_standards, n_channels))
    y_target = y[chosen] + 0.1 * rng.normal(size=(n_standards, n_targets))
    ids = np.arange(n_source)
    return Rows(X, y, ids), Standards(ids[chosen], X[chosen], X_target, y[chosen], y_target)


def literal(source, standards, labelled):
    """Return functions of source and of target spectra: predictions (m, n, q) of all ridges."""
    Z, y, X_source = source.X, source.y, standards.X_source
    offset = X_source.mean(axis=0) - standards.X_target.mean(axis=0)
    aligned = standards.X_target + offset
    length = np.mean(np.sum((Z - Z.mean(axis=0)) ** 2, axis=1))
    D = X_source - aligned
    size = np.mean(np.sum(D**2, axis=1))
    D = D * np.sqrt(length / size) if len(D) > 1 else 0 * D  # one is where it is moved to
    rows = np.concatenate([Z - Z.mean(axis=0), D, aligned[labelled] - Z.mean(axis=0)])
    level = y.mean(axis=0)
    right = np.concatenate([y - level, 0 * standards.y, standards.y[labelled] - level])
    coefs = []
    for penalty, weight in zip(PENALTY, LABEL_WEIGHT, strict=True):
        parts = [1.0, penalty, weight]
        W = np.repeat(parts, [len(Z), len(D), np.count_nonzero(labelled)])[:, None]
        for ridge in RIDGES * length:
            A = rows.T @ (W * rows) + ridge * np.eye(Z.shape[1])
            coefs.append(np.linalg.solve(A, rows.T @ (W * right)))
    coef = np.stack(coefs)
    return (
        lambda X: (X - Z.mean(axis=0)) @ coef + level,
        lambda X: (X + offset - Z.mean(axis=0)) @ coef + level,
    )


@pytest.mark.parametrize("n_standards", [2, 5, 12])  # 12: two of the ten folds hold two
def test_errors_are_those_of_calibrations_that_were_not_shown_the_sample(n_standards):
    source, standards = draw(n_standards)
    trial = fit_view(source, standards)
    n_own = max(0, min(MAX_OWN_COMPONENTS, n_standards - 3))
    on_target = np.empty((N_RIDGES + n_own, n_standards, 2))
    on_source = np.empty((N_RIDGES, n_standards, 2))
    for k in range(min(10, n_standards)):
        test = np.arange(n_standards) % 10 == k
        others, rest = ~np.isin(source.ids, standards.ids[test]), standards[~test]
        rows = Rows(source.X[others], source.y[others], source.ids[others])
        of_source, of_target = literal(rows, rest, np.ones(len(rest), dtype=bool))
        on_target[:N_RIDGES, test] = of_target(standards.X_target[test])
        on_source[:, test] = of_source(standards.X_source[test])
        for i, target in np.ndindex(n_own, 2):
            pls = PLSRegression(i + 1, scale=False).fit(rest.X_target, rest.y[:, target])
            on_target[N_RIDGES + i, test, target] = pls.predict(standards.X_target[test])
    variance = source.y.var(axis=0, ddof=0)
    np.testing.assert_allclose(trial.left_out, on_target, atol=1e-7)
    np.testing.assert_allclose(
        trial.label_error, ((on_target - standards.y) ** 2).mean(axis=1) / variance, atol=1e-7
    )
    differences = on_target[:N_RIDGES] - on_source
    np.testing.assert_allclose(
        trial.disagreement[:N_RIDGES], (differences**2).mean(axis=1) / variance, atol=1e-7
    )
    assert np.isinf(trial.disagreement[N_RIDGES:]).all()


@pytest.mark.parametrize("n_standards", [1, 2, 5])
def test_source_errors_are_of_samples_that_are_left_out_as_standards_too(n_standards):
    source, standards = draw(n_standards)
    trial = fit_view(source, standards)
    residuals = np.empty((N_RIDGES, *source.y.shape))
    for train, test in GroupKFold(5).split(source.X, groups=source.ids):
        rows = Rows(source.X[train], source.y[train], source.ids[train])
        predict, _ = literal(rows, standards, ~np.isin(standards.ids, source.ids[test]))
        residuals[:, test] = predict(source.X[test]) - source.y[test]
    expected = (residuals**2).mean(axis=1) / source.y.var(axis=0, ddof=0)
    np.testing.assert_allclose(trial.source_error[:N_RIDGES], expected, atol=1e-7)


def with_changed_sample(source, standards, at):
    """Return the same rows and standards, another label and source spectrum in the sample `at`."""
    sample = standards.ids[at]
    row = np.isin(source.ids, sample)
    X, y = source.X.copy(), source.y.copy()
    X[row] += 3.0 * np.arange(X.shape[1])
    y[row] -= 7.0
    X_source, y_source, y_target = (
        values.copy() for values in (standards.X_source, standards.y_source, standards.y)
    )
    X_source[at], y_source[at], y_target[at] = X[row][0], y[row][0], 100.0
    changed = Standards(standards.ids, X_source, standards.X_target, y_source, y_target)
    return Rows(X, y, source.ids), changed


def test_what_is_known_of_a_left_out_standard_does_not_change_its_prediction():
    source, standards = draw(6)
    before = fit_view(source, standards).left_out
    changed, changed_standards = with_changed_sample(source, standards, at=2)
    after = fit_view(changed, changed_standards).left_out
    np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-8)
    difference = np.abs(np.delete(after - before, 2, axis=1)).max(axis=(1, 2))
    assert (difference > 0.1).all()  # but it counts for the others


@pytest.mark.parametrize("is_standard", [True, False])
def test_the_label_of_a_left_out_source_row_does_not_change_its_prediction(is_standard):
    source, standards = draw(6)
    member = np.isin(source.ids, standards.ids)
    row = np.flatnonzero(member == is_standard)[0]
    y = source.y.copy()
    y[row] += 50.0
    y_target = np.where((standards.ids == source.ids[row])[:, None], 100.0, standards.y)
    changed = Standards(
        standards.ids, standards.X_source, standards.X_target, standards.y_source, y_target
    )
    before = _source_residuals(source, standards) + source.y
    after = _source_residuals(Rows(source.X, y, source.ids), changed) + y
    np.testing.assert_allclose(after[:, :, row], before[:, :, row], atol=1e-8)
    assert np.abs(after - before).max() > 1.0


@pytest.mark.parametrize("n_standards", [1, 2, 5, 12])
def test_a_weighted_trial_is_the_weighted_sum_of_its_members(n_standards):
    source, standards = draw(n_standards)
    trial = fit_view(source, standards)
    weights = np.random.default_rng(0).uniform(size=trial.source_error.shape)
    X_target = np.random.default_rng(1).normal(size=(4, 6))
    _, predict = literal(source, standards, np.ones(n_standards, dtype=bool))
    members = list(predict(X_target))
    for i in range(len(weights) - N_RIDGES):
        pls = [PLSRegression(i + 1, scale=False).fit(standards.X_target, y) for y in standards.y.T]
        members.append(np.stack([fitted.predict(X_target) for fitted in pls], axis=1))
    expected = np.einsum("mq,mnq->nq", weights, np.stack(members))
    coef, intercept = trial.combine(weights)
    np.testing.assert_allclose(X_target @ coef + intercept, expected, atol=1e-6)


@pytest.mark.parametrize("n_standards", [1, 2, 3, 5, 12])
def test_weights_add_up_to_1_for_each_target(n_standards):
    trials, standards, source = draw_trials(n_standards)
    weights = fit_weights(trials, standards.y, source.y)
    assert weights.shape == (2, len(trials[0].source_error), 2)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=(0, 1)), 1.0)
    if n_standards < 4:
        assert weights[:, N_RIDGES:].size == 0


def draw_trials(n_standards):
    """Return two trials, on all channels and on the first three, and what they were made of."""
    source, standards = draw(n_standards)
    few = {name: getattr(standards, name)[:, :3] for name in ("X_source", "X_target")}
    on_few = replace(source, X=source.X[:, :3]), replace(standards, **few)
    return [fit_view(source, standards), fit_view(*on_few)], standards, source


@pytest.mark.parametrize("n_standards", [1, 5, 12])
def test_weights_equal_the_formula(n_standards):
    trials, standards, source = draw_trials(n_standards)
    weights = fit_weights(trials, standards.y, source.y)
    n = n_standards
    for target in range(2):
        share, expert, left_out = [], [], []
        for trial in trials:
            for m in range(len(trial.source_error)):
                error = trial.source_error[m, target] + trial.disagreement[m, target]
                label = trial.label_error[m, target]
                error += max(0, n - 5) / (n + 10) * label
                label_weight = LABEL_WEIGHT[m // len(RIDGES)] if m < N_RIDGES else np.inf
                prior = np.exp(4 * 3 / (n + 3)) if label_weight == 0 else 1.0
                share.append(prior * error**-5)
                expert.append((label_weight >= 30) * (label + 1e-3) ** (-n / 4))
                left_out.append(trial.left_out[m, :, target])
        share, expert = np.array(share) / np.sum(share), np.array(expert) / np.sum(expert)
        if n > 5:
            y, variance = standards.y[:, target], source.y[:, target].var(ddof=0)
            of_share, of_expert = (
                np.mean((part @ np.array(left_out) - y) ** 2) / variance + 1e-3
                for part in (share, expert)
            )
            odds = 0.02 * (of_share / of_expert) ** (n / 4)
            share = (share + odds * expert) / (1 + odds)
        np.testing.assert_allclose(weights[:, :, target].ravel(), share, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pls_has_no_more_components_than_the_standards_support(rank):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, rank)) @ rng.normal(size=(rank, 5)) + 1.0
    y = rng.normal(size=(9, 2))
    path = TargetPLS.of(X, y, 6)
    assert path.coef.shape == (6, 5, 2)
    predictions = path.predict(X)
    np.testing.assert_allclose(predictions[rank - 1 :], predictions[[rank - 1] * (7 - rank)])
    least_squares = np.column_stack([X, np.ones(9)])
    expected = least_squares @ np.linalg.lstsq(least_squares, y, rcond=1e-10)[0]
    np.testing.assert_allclose(predictions[-1], expected, atol=1e-8)


@pytest.mark.parametrize("n_transfer", [0, 1, 2, 3, 5, 12, None])
def test_any_number_of_standards(n_transfer, make_stack):
    X, y, instrument, _ = stack = make_stack()
    model = fit(make(n_transfer), stack)
    target = instrument == "B"
    score = r2_score(y[target], model.predict(X[target]))
    if n_transfer == 0:
        np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X).ravel())
        assert not hasattr(model, "view_weights_")
    else:
        assert sum(model.view_weights_.values()) == pytest.approx(1.0)
        assert score > {1: 0.5, 2: 0.9}.get(n_transfer, 0.99)


def test_is_as_good_as_nar_where_that_is_right(make_stack):
    X, y, instrument, sample_id = make_stack(random_state=1)
    y = y + 0.2 * np.random.default_rng(0).normal(size=len(y))
    held_out = np.isin(sample_id, np.unique(sample_id)[::3])
    train, test = (
        [part[~held_out] for part in (X, y, instrument, sample_id)],
        held_out & (instrument == "B"),
    )
    ensemble, nar = (
        np.mean((fit(model, train).predict(X[test]) - y[test]) ** 2)
        for model in (make(8), NARTransfer(source="A", target="B", n_transfer=8))
    )
    assert ensemble < 1.2 * nar


@pytest.mark.parametrize("n_transfer", [1, 2, 5, 12])
def test_a_constant_offset_is_taken_off(n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    order = np.argsort(sample_id[30:])
    X_a = X[:30]
    same = (np.concatenate([X_a, X_a]), y[[*range(30), *(30 + order)]], instrument)
    ids = np.concatenate([sample_id[:30], sample_id[30:][order]])
    moved = (np.concatenate([X_a, X_a + 0.7]), *same[1:])
    alike, offset = (fit(make(n_transfer), (*stack, ids)) for stack in (same, moved))
    np.testing.assert_allclose(offset.predict(X_a + 0.7), alike.predict(X_a), atol=1e-4)
    assert r2_score(y[:30], offset.predict(X_a + 0.7)) > 0.99


def test_an_unlabelled_standard_has_the_label_of_its_source_rows(make_stack):
    X, y, instrument, sample_id = make_stack(n_targets=2)
    reference = fit(make(8), (X, y, instrument, sample_id))
    chosen = reference.transfer_ids_
    holes = y.copy()
    holes[(instrument == "B") & np.isin(sample_id, chosen[:4])] = np.nan
    holes[(instrument == "B") & np.isin(sample_id, chosen[4:6]), 1] = np.nan
    model = fit(make(8), (X, holes, instrument, sample_id))
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))
    shifted = np.where((instrument == "B")[:, None], y + 1.0, y)
    other = fit(make(12), (X, shifted, instrument, sample_id))
    assert (
        np.abs(other.predict(X) - fit(make(12), (X, y, instrument, sample_id)).predict(X)).max()
        > 0.1
    )


@pytest.mark.parametrize("n_transfer", [3, 12])
def test_two_targets_are_two_fits(n_transfer, make_stack):
    X, y, *rest = make_stack(n_targets=2)
    y = y + 0.1 * np.random.default_rng(0).normal(size=y.shape)
    both = fit(make(n_transfer), (X, y, *rest))
    alone = [fit(make(n_transfer), (X, column, *rest)) for column in y.T]
    expected = np.stack([model.predict(X) for model in alone], axis=1)
    np.testing.assert_allclose(both.predict(X), expected, atol=1e-6)
    for name, share in both.view_weights_.items():
        assert share == pytest.approx(np.mean([m.view_weights_[name] for m in alone]), abs=1e-6)


def test_units_of_y_do_not_matter(make_stack):
    X, y, *rest = make_stack()
    y = y + 0.1 * np.random.default_rng(0).normal(size=y.shape)
    model, other = fit(make(12), (X, y, *rest)), fit(make(12), (X, 1e3 * y - 50.0, *rest))
    np.testing.assert_allclose(other.predict(X), 1e3 * model.predict(X) - 50.0, rtol=1e-5)


@pytest.fixture
def sharp_target():
    """Return rows whose source hardly resolves `y`, and whose target does."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(90, 4))
    channel = np.linspace(0, 4, 40)
    bands = np.exp(-((channel - np.array([[0.5], [1.5], [2.5], [3.5]])) ** 2) / 0.1)
    bands[3] *= 0.1  # of what is to be predicted
    clean = scores @ bands
    X_a = clean + 0.3 * rng.normal(size=clean.shape)
    X_b = 1.1 * clean + 0.2 + 1e-3 * rng.normal(size=clean.shape)
    ids = np.array([f"s{i:02d}" for i in range(90)])
    train = (
        np.concatenate([X_a[:50], X_b[:50]]),
        np.tile(scores[:50, 3], 2),
        np.repeat(["A", "B"], 50),
        np.tile(ids[:50], 2),
    )
    return train, X_b[50:], scores[50:, 3]


def test_labels_take_over_where_the_target_resolves_more(sharp_target):
    train, X, y = sharp_target
    ensemble, own, nar = (
        r2_score(y, fit(method(source="A", target="B", n_transfer=20), train).predict(X))
        for method in (EnsembleTransfer, TargetOnly, NARTransfer)
    )
    assert own > 0.98 and nar < 0.6
    assert ensemble > own - 0.02


def test_poor_labels_do_not_take_over(make_stack):
    X, y, instrument, sample_id = make_stack()
    target = instrument == "B"
    noise = np.random.default_rng(0).normal(size=len(y))
    stack = X, np.where(target, y + 0.5 * noise, y), instrument, sample_id
    ensemble, own = (
        r2_score(
            y[target], fit(method(source="A", target="B", n_transfer=12), stack).predict(X)[target]
        )
        for method in (EnsembleTransfer, TargetOnly)
    )
    assert ensemble > 0.95 > own


@pytest.mark.parametrize(("n_channels", "n_views"), [(1, 2), (4, 2), (5, 5), (6, 5), (12, 5)])
def test_few_channels(n_channels, n_views, make_stack):
    X, y, instrument, sample_id = make_stack()
    every = X[:, :: 24 // n_channels][:, :n_channels]
    model = fit(make(12), (every, y, instrument, sample_id))
    assert len(model.view_weights_) == n_views
    predictions = model.predict(every)
    assert np.isfinite(predictions).all()
    if n_channels >= 4:
        assert r2_score(y[30:], predictions[30:]) > 0.9


WAVELENGTH = np.arange(1100.0, 2500.0, 2.0)


def test_bands_are_looked_at_where_there_is_an_axis():
    plain = spectral_views(len(WAVELENGTH), None)
    assert not any("at" in name.split() for name in plain)
    X = np.tile(WAVELENGTH, (2, 1))  # its derivative is flat, so look at what is chosen
    views = spectral_views(len(WAVELENGTH), 1e7 / WAVELENGTH)
    at = {name.rsplit(" ", 1)[1]: view for name, view in views.items() if name not in plain}
    assert set(at) == {"water", "O-H", "N-H", "C-H"}
    near = at["water"][-1].transform(X)[0]
    first, second = np.split(near, np.flatnonzero(np.diff(near) > 2.0) + 1)
    assert (first[0], first[-1]) == pytest.approx((1410, 1492), abs=3)
    assert (second[0], second[-1]) == pytest.approx((1864, 2012), abs=3)


@pytest.mark.parametrize(
    ("wavelength", "absent"),
    [
        (np.linspace(250, 290, 100), {"water", "O-H", "N-H", "C-H"}),  # beyond every overtone
        (np.linspace(1100, 2500, 40), {"water", "C-H"}),  # few channels at narrow bands
        (np.linspace(1420, 1480, 60), {"water"}),  # all of them are water
    ],
)
def test_bands_of_too_few_or_of_nearly_all_channels_are_no_view(wavelength, absent):
    names = {name.rsplit(" ", 1)[-1] for name in spectral_views(len(wavelength), 1e7 / wavelength)}
    assert names.isdisjoint(absent)


def test_the_axis_is_read_from_parameters_or_columns(stack):
    X, *rest = stack
    axis = np.linspace(1100, 2498, X.shape[1])
    plain = fit(make(5), stack)
    given = fit(make(5, wavelength=axis), stack)
    in_wavenumbers = fit(make(5, wavenumber=1e7 / axis), stack)
    named = fit(make(5), (pd.DataFrame(X, columns=[f"{w} nm" for w in axis]), *rest))
    assert len(plain.view_weights_) == 5 < len(given.view_weights_)
    assert list(given.view_weights_) == list(named.view_weights_)
    expected = given.predict(X)
    np.testing.assert_allclose(in_wavenumbers.predict(X), expected, rtol=1e-9)
    frame = pd.DataFrame(X, columns=named.feature_names_in_)
    np.testing.assert_allclose(named.predict(frame), expected, rtol=1e-5)


def test_missing_channels_are_refused(make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    holes = X.copy()
    holes[40, 3] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        fit(make(), (holes, y, instrument, sample_id))
    with pytest.raises(ValueError, match="contains NaN"):
        fit(make(), stack).predict(holes)


def test_the_steps_before_the_last_are_a_view(make_stack):
    X, y, *_ = stack = make_stack()
    pipeline = make_pipeline(PCA(3, random_state=0), Ridge(1e-3))
    model = fit(make(8, pipeline), stack)
    assert list(model.view_weights_)[-1] == "estimator"
    assert 0 < model.view_weights_["estimator"] < 1
    assert "estimator" not in fit(make(8, make_pipeline(Ridge())), stack).view_weights_
    assert r2_score(y[30:], model.predict(X[30:])) > 0.99
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("as_frame", [False, True])
def test_steps_that_read_columns_are_fitted_as_in_the_calibration(as_frame, make_stack):
    X, *rest = make_stack()
    if as_frame:
        X = pd.DataFrame(X, columns=[f"{1100 + 2 * j} nm" for j in range(24)])
    scaler = StandardScaler().set_output(transform="pandas" if as_frame else None)
    model = fit(make(8, make_pipeline(scaler, Ridge(1e-3))), (X, *rest))
    assert np.isfinite(model.predict(X)).all()
    assert model.view_weights_["estimator"] > 0


def test_steps_that_were_fitted_to_y_are_no_view(make_stack):
    stack = make_stack()
    selection = make_pipeline(SelectKBest(f_regression, k=8), Ridge(1e-3))
    assert "estimator" not in fit(make(8, selection), stack).view_weights_


def test_left_out_replicates_are_left_out_as_one_sample(make_stack):
    source, standards = draw(6)
    scans = Rows(*(np.repeat(part, 20, axis=0) for part in (source.X, source.y, source.ids)))
    assert len(scans.X) > MANY
    label = scans.ids == standards.ids[0]
    spoilt = replace(scans, y=np.where(label[:, None], 50.0, scans.y))
    y = np.where((standards.ids == standards.ids[0])[:, None], 50.0, standards.y)
    before, after = (
        fit_view(rows, std).left_out[:N_RIDGES, 0]
        for rows, std in ((scans, standards), (spoilt, replace(standards, y=y)))
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


def member_predictions(source, standards, X):
    """Return what an ensemble behind one view predicts."""
    seen = {"spectra": ViewedRows(source.X, standards.X_source, standards.X_target, size=0.0)}
    (member,) = fit_members(seen, source, standards).values()
    assert member.share == pytest.approx(1.0)
    return member.predict(X)


def test_a_flat_y_is_one_target():
    source, standards = draw(12, n_targets=1)
    flat = Standards(
        standards.ids,
        standards.X_source,
        standards.X_target,
        standards.y_source[:, 0],
        standards.y[:, 0],
    )
    X = source.X[:3]
    expected = member_predictions(source, standards, X)
    np.testing.assert_array_equal(
        member_predictions(Rows(source.X, source.y[:, 0], source.ids), flat, X), expected
    )


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
@pytest.mark.parametrize("n_transfer", [1, 2, 12])
def test_spectra_that_tell_nothing_give_the_mean(n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    flat = np.where((instrument == "B")[:, None], 2.0, np.ones_like(X))
    predictions = fit(make(n_transfer), (flat, y, instrument, sample_id)).predict(flat[30:])
    assert np.abs(predictions - y[:30].mean()).max() < 0.2 * y.std(ddof=1)


def test_constant_channels_do_no_harm(make_stack):
    X, y, instrument, sample_id = make_stack()
    wide = np.concatenate([np.full((60, 6), 3.0), X, np.zeros((60, 6))], axis=1)
    model = fit(make(8), (wide, y, instrument, sample_id))
    assert r2_score(y[30:], model.predict(wide)[30:]) > 0.99


@pytest.mark.filterwarnings("ignore:.*do not vary with y", "ignore:y residual is constant")
@pytest.mark.parametrize("n_transfer", [1, 5, 12])
def test_a_constant_target_is_that_constant(n_transfer, make_stack):
    X, y, *rest = make_stack()
    constant = np.full_like(y, 4.0)
    np.testing.assert_allclose(
        fit(make(n_transfer), (X, constant, *rest)).predict(X), 4.0, atol=1e-8
    )
    both = np.stack([y, constant], axis=1)
    predictions = fit(make(n_transfer), (X, both, *rest)).predict(X)
    np.testing.assert_allclose(predictions[:, 1], 4.0, atol=1e-8)
    np.testing.assert_allclose(
        predictions[:, 0], fit(make(n_transfer), (X, y, *rest)).predict(X), atol=1e-6
    )


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
def test_a_source_of_one_sample_predicts_its_label(make_stack):
    X, y, instrument, sample_id = make_stack()
    rows = (sample_id == "s07") | (instrument == "B")
    stack = [part[rows] for part in (X, y, instrument, sample_id)]
    model = fit(make(1), stack)
    np.testing.assert_allclose(model.predict(X), y[7], atol=1e-8)
    assert sum(model.view_weights_.values()) == pytest.approx(1.0)


def test_more_source_rows_than_many_keep_a_left_out_sample():
    source, standards = draw(4, n_source=210, n_channels=4)
    whole = fit_view(source, standards).left_out
    changed, changed_standards = with_changed_sample(source, standards, at=1)
    after = fit_view(changed, changed_standards).left_out
    assert np.abs(after[:, 1] - whole[:, 1]).max() > 1e-6


def test_a_view_that_is_flat_in_training_is_not_fitted(make_stack):
    X, y, instrument, sample_id = make_stack()
    flat = np.concatenate([X, np.full((60, 6), 0.1)], axis=1)  # a mean of 0.1 is not quite 0.1
    band = FunctionTransformer(partial(np.take, indices=range(24, 30), axis=1))
    model = EnsembleTransfer(make_pipeline(band, Ridge()), source="A", target="B", n_transfer=8)
    fit(model, (flat, y, instrument, sample_id))
    below = flat[30:] - np.where(np.arange(30) < 24, 0.0, 1e-9)
    np.testing.assert_allclose(model.predict(below), model.predict(flat[30:]), atol=1e-6)
