"""TTTTransfer with a small network trained for the tests."""

import pickle
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.transfer import NoTransfer, TTTTransfer
from tests.transfer.conftest import WAVELENGTH, ridge_on
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


@pytest.fixture(scope="module")
def adapted(pretrainer, stack):
    """Return a function that fits the transfer of `calibration` once for each setting.

    No test may change what it returns.
    """

    @cache
    def fitted(**parameters):
        return fit(make(ridge_on(pretrainer), **parameters), stack)

    return fitted


def target_rows(stack, n_rows=6):
    return stack[0][stack[2] == "B"][:n_rows]


@pytest.mark.filterwarnings("ignore:No axis", "ignore:.*do not vary with y")
@parametrize_with_checks([TTTTransfer(max_steps=1)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_training_passes_the_domain_of_the_spectra(knows_domains, stack, reset):
    almost_no_steps = {"learning_rate": 1e-12, "max_steps": 1, "reset": reset, "align": None}
    adapted = fit(make(knows_domains, **almost_no_steps), stack).predict(target_rows(stack))
    model = fit(make(knows_domains, max_steps=0, reset=reset), stack)
    np.testing.assert_allclose(adapted, model.predict(target_rows(stack)), atol=1e-6)


@pytest.mark.parametrize("trainable", ["norm", "lora", "all"])
def test_the_loss_of_target_spectra_falls(calibration, stack, trainable):
    history = fit(make(calibration, max_steps=10, trainable=trainable), stack).history_
    assert [record["step"] for record in history] == list(range(11))
    assert history[-1]["masked_mse"] < history[0]["masked_mse"]


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_summary_lists_settings_and_the_loss(calibration, stack, reset):
    model = fit(make(calibration, reset=reset), stack)
    text = str(model.summary())
    assert text.startswith("TTTTransfer from 'A' to 'B'") and f"{reset}\n" in text
    losses = [record["masked_mse"] for record in getattr(model, "history_", [])]
    assert ("masked_mse" in text) == bool(losses)
    assert not losses or f"{losses[0]:.4g}, {losses[-1]:.4g}" in text


@pytest.mark.parametrize(("reset", "trainable"), COMBINATIONS)
def test_predictions_change_and_the_original_weights_do_not(
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
def test_with_input_a_prediction_does_not_depend_on_other_spectra(adapted, stack, trainable):
    X = target_rows(stack)
    model = adapted(reset="input", trainable=trainable)
    together = model.predict(X)
    # The embeddings are identical; the head sums in another order.
    np.testing.assert_allclose(model.predict(X[::-1])[::-1], together, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X[3:4]), together[3:4], rtol=1e-12)


def test_with_input_target_rows_of_fit_are_not_used(calibration, adapted, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    one = adapted(reset="input")
    other = fit(make(calibration, reset="input"), (changed, *stack[1:]))
    np.testing.assert_array_equal(*(m.predict(target_rows(stack)) for m in (one, other)))
    assert not hasattr(one, "history_")


def test_with_fold_target_rows_of_fit_are_used(calibration, adapted, stack):
    X, _, instrument, _ = stack
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    other = fit(make(calibration), (changed, *stack[1:]))
    difference = adapted().predict(target_rows(stack)) - other.predict(target_rows(stack))
    assert np.abs(difference).max() > 1e-6


@pytest.mark.parametrize("replacement", [np.nan, 1e6])
def test_target_labels_are_not_used(calibration, adapted, stack, replacement):
    X, y, instrument, sample_id = stack
    unlabelled = (X, np.where(instrument == "B", replacement, y), instrument, sample_id)
    other = fit(make(calibration), unlabelled)
    np.testing.assert_array_equal(adapted().predict(X), other.predict(X))


def test_row_order_and_sample_ids_do_not_matter(calibration, adapted, stack):
    X, y, instrument, _ = stack
    order = np.random.default_rng(0).permutation(len(X))
    other = fit(make(calibration), [part[order] for part in stack])
    np.testing.assert_array_equal(adapted().predict(X), other.predict(X))
    unpaired = make(calibration).fit(X, y, instrument=instrument)
    assert unpaired.transfer_ids_.size == 0
    assert np.isfinite(unpaired.predict(X)).all()


def test_the_head_is_refitted_on_adapted_embeddings_of_the_source_rows(calibration, stack):
    X, y, instrument, _ = stack
    model = fit(make(calibration, trainable="all", align=None), stack)
    source = instrument == "A"
    Z = model.target_estimator_[:2].transform(X[source])
    expected = clone(calibration[-1]).fit(Z, y[source]).predict(Z)
    np.testing.assert_allclose(model.target_estimator_.predict(X[source]), expected, rtol=1e-10)
    assert np.abs(model.target_estimator_[-1].coef_ - model.estimator_[-1].coef_).max() > 1e-3


@pytest.mark.parametrize("align", ["tokens", "mean"])
def test_aligned_target_rows_have_the_mean_of_the_source_rows(adapted, stack, align):
    X, y, instrument, _ = stack
    model = adapted(align=align)
    Z = model.target_estimator_[:-1].transform(X[instrument == "B"])
    Z_source = model.target_estimator_[:2].transform(X[instrument == "A"])
    np.testing.assert_allclose(Z.mean(axis=0), Z_source.mean(axis=0), atol=1e-9)
    scores = [
        r2_score(y[instrument == "B"], other.predict(X[instrument == "B"]))
        for other in (model, adapted(align=None))
    ]
    assert scores[0] > 0.5 > scores[1]


def test_a_frozen_calibration_keeps_its_head(calibration, stack):
    X, y, instrument, sample_id = stack
    source = instrument == "A"
    frozen = FrozenEstimator(calibration.fit(X[source], y[source]))
    model = fit(make(frozen, trained_on=np.unique(sample_id)), stack)
    assert model.target_estimator_[-1] is calibration[-1]
    assert np.abs(model.predict(X[~source]) - calibration.predict(X[~source])).max() > 1e-6


def test_source_rows_are_predicted_by_the_source_calibration(adapted, stack):
    X, _, instrument, _ = stack
    model = adapted()
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
def test_parameters_matter(adapted, stack, name, value):
    X = target_rows(stack)
    one, other = adapted(trainable="lora"), adapted(trainable="lora", **{name: value})
    assert np.abs(one.predict(X) - other.predict(X)).max() > 0


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_pickle_clone_and_seed(adapted, stack, reset):
    X = target_rows(stack)
    model = adapted(reset=reset)
    expected, state = model.predict(X), torch.get_rng_state()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    np.testing.assert_array_equal(fit(clone(model), stack).predict(X), expected)
    assert torch.equal(torch.get_rng_state(), state)
    other = fit(clone(model).set_params(random_state=1), stack)
    assert np.abs(other.predict(X) - expected).max() > 0


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_spectra_too_short_to_be_masked_do_not_change_the_network(calibration, stack, reset):
    X, *rest = stack
    X = np.where((rest[1] == "B")[:, None] & (np.arange(X.shape[1]) >= 8), np.nan, X)
    model = make(calibration, reset=reset, align=None)
    with pytest.warns(UserWarning, match="The weights are not changed"):
        y = fit(model, (X, *rest)).predict(X[rest[1] == "B"][:2])
    assert getattr(model, "history_", []) == []
    assert len(model.source_channels_) == len(model.target_channels_) == 8
    np.testing.assert_allclose(y, model.estimator_.predict(X[rest[1] == "B"][:2, :8]), rtol=1e-4)


@pytest.mark.parametrize("reset", ["fold", "input"])
def test_two_targets_with_the_default_pipeline(stack, reset):
    X, y, instrument, sample_id = stack
    model = make(None, wavelength=WAVELENGTH, reset=reset, max_steps=1)
    fit(model, (X, np.stack([y, -2 * y], axis=1), instrument, sample_id))
    predicted = model.predict(target_rows(stack, 2))
    np.testing.assert_allclose(predicted[:, 1], -2 * predicted[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trainable": "bias"}, "trainable must be 'norm', 'lora' or 'all', got 'bias'"),
        ({"reset": "batch"}, "reset must be 'fold' or 'input', got 'batch'"),
        ({"align": True}, "align must be 'tokens', 'mean' or None, got True"),
        ({"max_steps": -1}, "max_steps must be an int of at least 0, got -1"),
        ({"rank": 0}, "rank must be an int of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be an int of at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a finite number above 0, got 0.0"),
        ({"mask_ratio": 1}, "mask_ratio must be a finite number above 0 and below 1, got 1"),
        ({"wavelength": WAVELENGTH}, "wavelength must be None with an estimator"),
    ],
)
def test_refuses_invalid_parameters(calibration, stack, parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(make(calibration, **parameters), stack)


def test_refuses_an_estimator_without_an_embedder(stack):
    with pytest.raises(
        ValueError, match=r"0 SpektronEmbedder steps, and TTTTransfer needs exactly one"
    ):
        fit(make(PLSRegression(2)), stack)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("reset", "trainable"), COMBINATIONS)
def test_gpu_and_cpu_agree(calibration, stack, reset, trainable):
    X, y = target_rows(stack), stack[1]
    settings = {"reset": reset, "trainable": trainable}
    on_cpu, on_gpu = (
        fit(make(calibration, device=device, **settings), stack) for device in ("cpu", "cuda")
    )
    assert on_gpu.device_ == "cuda"
    np.testing.assert_allclose(on_gpu.predict(X), on_cpu.predict(X), atol=0.02 * y.std(ddof=1))
