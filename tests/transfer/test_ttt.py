"""Test-time training on an instrument, with small weights trained for the test."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron import SNV, SpektronEmbedder
from skspektron.transfer import NoTransfer, TTTTransfer
from tests.transfer.conftest import WAVELENGTH
from tests.transfer.methods import fit

COMBINATIONS = [
    ("fold", "norm"),
    ("fold", "lora"),
    ("fold", "all"),
    ("input", "norm"),
    ("input", "lora"),
]


def make(calibration, **parameters):
    small = {"max_steps": 3, "learning_rate": 1e-2, "batch_size": 8, "random_state": 0}
    return TTTTransfer(calibration, source="A", target="B", **small | parameters)


def target_rows(stack, n_rows=6):
    return stack[0][stack[2] == "B"][:n_rows]


@pytest.mark.filterwarnings("ignore:No axis", "ignore:.*do not vary with y")
@parametrize_with_checks([TTTTransfer(max_steps=1)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_spectra_are_adapted_to_as_what_they_are(knows_domains, stack, reset):
    still = {"learning_rate": 1e-12, "max_steps": 1, "reset": reset, "align": False}
    moved = fit(make(knows_domains, **still), stack).predict(target_rows(stack))
    model = fit(make(knows_domains, max_steps=0, reset=reset), stack)
    np.testing.assert_allclose(moved, model.predict(target_rows(stack)), atol=1e-6)


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_the_loss_of_target_spectra_falls(calibration, stack, trainable):
    history = fit(make(calibration, max_steps=10, trainable=trainable), stack).history_
    assert [record["step"] for record in history] == list(range(11))
    assert history[-1]["masked_mse"] < history[0]["masked_mse"]


@pytest.mark.parametrize(("reset", "trainable"), COMBINATIONS)
def test_it_changes_predictions_and_never_the_weights(
    calibration, pretrainer, stack, reset, trainable
):
    before = {name: tensor.clone() for name, tensor in pretrainer.network_.tensors().items()}
    model = fit(make(calibration, reset=reset, trainable=trainable), stack)
    X = target_rows(stack)
    digest = model.estimator_[1].network_.digest
    once, again = model.predict(X), model.predict(X)
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - model.estimator_.predict(X)).max() > 1e-6
    assert model.estimator_[1].network_ is pretrainer.network_
    assert model.estimator_[1].network_.digest == digest
    assert all(torch.equal(before[name], t) for name, t in pretrainer.network_.tensors().items())


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_without_steps_it_is_no_transfer(calibration, stack, reset):
    X = target_rows(stack, 40)
    model = fit(make(calibration, reset=reset, max_steps=0), stack)
    plain = fit(NoTransfer(calibration, source="A", target="B"), stack)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    assert [record["step"] for record in model.history_] == [0]


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_alone_or_among_others_a_spectrum_is_predicted_the_same(calibration, stack, trainable):
    X = target_rows(stack)
    model = fit(make(calibration, reset="input", trainable=trainable), stack)
    together = model.predict(X)
    # The embeddings are the same to the bit; the head sums their rows in another order.
    np.testing.assert_allclose(model.predict(X[::-1])[::-1], together, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X[3:4]), together[3:4], rtol=1e-12)


def test_per_input_nothing_is_learnt_from_the_target_rows_of_fit(calibration, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    one, other = (
        fit(make(calibration, reset="input"), (rows, *stack[1:])) for rows in (X, changed)
    )
    np.testing.assert_array_equal(*(m.predict(target_rows(stack)) for m in (one, other)))
    assert not hasattr(one, "history_")


def test_target_spectra_of_the_fold_are_learnt_from(calibration, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    one, other = (fit(make(calibration), (rows, *stack[1:])) for rows in (X, changed))
    difference = one.predict(target_rows(stack)) - other.predict(target_rows(stack))
    assert np.abs(difference).max() > 1e-6


@pytest.mark.parametrize("replacement", [np.nan, 1e6])
def test_no_label_of_the_target_is_read(calibration, stack, replacement):
    X, y, instrument, sample_id = stack
    unlabelled = (X, np.where(instrument == "B", replacement, y), instrument, sample_id)
    one, other = fit(make(calibration), stack), fit(make(calibration), unlabelled)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_row_order_and_ids_change_nothing(calibration, stack):
    X, y, instrument, _ = stack
    order = np.random.default_rng(0).permutation(len(X))
    one, other = fit(make(calibration), stack), fit(make(calibration), [p[order] for p in stack])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    unpaired = make(calibration).fit(X, y, instrument=instrument)
    assert unpaired.transfer_ids_.size == 0
    assert np.isfinite(unpaired.predict(X)).all()


def test_the_head_is_fitted_on_source_rows_as_the_adapted_network_sees_them(calibration, stack):
    X, y, instrument, _ = stack
    model = fit(make(calibration, trainable="all", align=False), stack)
    source = instrument == "A"
    Z = model.target_estimator_[:2].transform(X[source])
    expected = clone(calibration[-1]).fit(Z, y[source]).predict(Z)
    np.testing.assert_allclose(model.target_estimator_.predict(X[source]), expected, rtol=1e-10)
    assert np.abs(model.target_estimator_[-1].coef_ - model.estimator_[-1].coef_).max() > 1e-3


def test_aligned_target_rows_have_the_mean_of_the_source_rows(calibration, stack):
    X, y, instrument, _ = stack
    model = fit(make(calibration), stack)
    Z = model.target_estimator_[:-1].transform(X[instrument == "B"])
    Z_source = model.target_estimator_[:2].transform(X[instrument == "A"])
    np.testing.assert_allclose(Z.mean(axis=0), Z_source.mean(axis=0), atol=1e-9)
    scores = [
        r2_score(y[instrument == "B"], fit(other, stack).predict(X[instrument == "B"]))
        for other in (make(calibration), make(calibration, align=False))
    ]
    assert scores[0] > 0.5 > scores[1]


def test_a_frozen_calibration_keeps_its_head(calibration, stack):
    X, y, instrument, sample_id = stack
    source = instrument == "A"
    frozen = FrozenEstimator(calibration.fit(X[source], y[source]))
    model = fit(make(frozen, trained_on=np.unique(sample_id)), stack)
    assert model.target_estimator_[-1] is calibration[-1]
    assert np.abs(model.predict(X[~source]) - calibration.predict(X[~source])).max() > 1e-6


def test_source_rows_pass_unadapted(calibration, stack):
    X, _, instrument, _ = stack
    model = fit(make(calibration), stack)
    source = instrument == "A"
    mixed = model.predict(X, instrument=instrument)
    np.testing.assert_allclose(mixed[source], model.estimator_.predict(X[source]).ravel())
    np.testing.assert_allclose(mixed[~source], model.predict(X[~source]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 2),
        ("mask_ratio", 0.6),
        ("batch_size", 3),
        ("learning_rate", 1e-3),
        ("max_steps", 5),
    ],
)
def test_parameters_matter(calibration, stack, name, value):
    X = target_rows(stack)
    model, other = make(calibration, trainable="lora"), make(calibration, trainable="lora")
    difference = fit(model, stack).predict(X) - fit(
        other.set_params(**{name: value}), stack
    ).predict(X)
    assert np.abs(difference).max() > 0


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_pickle_clone_and_seed(calibration, stack, reset):
    X = target_rows(stack)
    model = fit(make(calibration, reset=reset), stack)
    expected, state = model.predict(X), torch.get_rng_state()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    np.testing.assert_array_equal(fit(clone(model), stack).predict(X), expected)
    assert torch.equal(torch.get_rng_state(), state)
    other = fit(clone(model).set_params(random_state=1), stack)
    assert np.abs(other.predict(X) - expected).max() > 0


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_spectra_too_short_to_be_masked_are_left_unadapted(calibration, stack, reset):
    X, *rest = stack
    X = np.where((rest[1] == "B")[:, None] & (np.arange(X.shape[1]) >= 8), np.nan, X)
    model = make(calibration, reset=reset, align=False)
    with pytest.warns(UserWarning, match="The weights stay as they are"):
        y = fit(model, (X, *rest)).predict(X[rest[1] == "B"][:2])
    assert getattr(model, "history_", []) == []
    np.testing.assert_allclose(y, model.estimator_.predict(X[rest[1] == "B"][:2]), rtol=1e-4)


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_two_targets_with_the_recommended_pipeline(stack, reset):
    X, y, instrument, sample_id = stack
    model = make(None, wavelength=WAVELENGTH, reset=reset, max_steps=1)
    fit(model, (X, np.stack([y, -2 * y], axis=1), instrument, sample_id))
    predicted = model.predict(target_rows(stack, 2))
    np.testing.assert_allclose(predicted[:, 1], -2 * predicted[:, 0], rtol=1e-6)


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_it_goes_from_one_grid_to_the_other(make_grids, reset):
    X, *_ = stack = make_grids()
    axis = [float(name.removesuffix(" nm")) for name in X.columns]
    embedder = SpektronEmbedder(wavelength=axis, pooling="mean")
    model = fit(make(make_pipeline(SNV(), embedder, Ridge(1e-3)), reset=reset, max_steps=1), stack)
    predicted = model.predict(X[24:27])
    assert np.isfinite(predicted).all()
    assert np.abs(predicted - model.estimator_.predict(X[24:27])).max() > 1e-6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trainable": "bias"}, "trainable is 'bias'. Pass one of 'norm', 'lora', 'all'"),
        ({"reset": "batch"}, "reset is 'batch'. Pass one of 'fold', 'input'"),
        ({"max_steps": -1}, "max_steps must be an int of at least 0, got -1"),
        ({"rank": 0}, "rank must be an int of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be an int of at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"mask_ratio": 1}, "mask_ratio is 1"),
        ({"wavelength": WAVELENGTH}, "has its own"),
    ],
)
def test_bad_parameters_are_refused(calibration, stack, parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(make(calibration, **parameters), stack)


def test_an_estimator_without_an_embedder_is_refused(stack):
    with pytest.raises(ValueError, match=r"0 SpektronEmbedder steps .* TTTTransfer adapts exactly"):
        fit(make(PLSRegression(2)), stack)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("reset", "trainable"), COMBINATIONS)
def test_a_gpu_predicts_as_the_cpu_does(calibration, stack, reset, trainable):
    X, y = target_rows(stack), stack[1]
    settings = {"reset": reset, "trainable": trainable}
    on_cpu, on_gpu = (
        fit(make(calibration, device=device, **settings), stack) for device in ("cpu", "cuda")
    )
    assert on_gpu.device_ == "cuda"
    np.testing.assert_allclose(on_gpu.predict(X), on_cpu.predict(X), atol=0.02 * y.std(ddof=1))
