"""Every objective trains, is recorded, and raises for missing requirements."""

from functools import partial

import numpy as np
import pytest
import torch

from skspektron._nn.architecture import Architecture
from skspektron._nn.objectives import OBJECTIVES
from skspektron.datasets import make_instruments
from skspektron.preprocessing import SNV
from tests.foundation.weights import weights

SIZES = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 1}
RICH = Architecture(**SIZES, n_experts=2, d_expert=8, latent="vib", d_latent=6, d_instrument=4)


@pytest.fixture
def stacked(bunch):
    """Spectra of both instruments, with their labels."""
    X = np.concatenate([bunch.X["a"], bunch.X["b"]])
    return X, np.repeat(["a", "b"], 24), np.tile(np.arange(24), 2)


@pytest.mark.filterwarnings("ignore:No objective trains the latent")
@pytest.mark.parametrize("name", [n for n, o in OBJECTIVES.items() if "labels" not in o.NEEDS])
def test_objective_trains_and_is_recorded(make_pretrainer, stacked, name):
    X, instrument, sample_id = stacked
    objectives = {"masked": 1.0, name: 0.5}
    alone = make_pretrainer(architecture=RICH, objectives={"masked": 1.0})
    together = make_pretrainer(architecture=RICH, objectives=objectives)
    for pretrainer in (alone, together):
        pretrainer.fit(X, instrument=instrument, sample_id=sample_id)
    last = together.history_[-1]
    total = sum(weight * last[key] for key, weight in objectives.items())
    assert last["train_loss"] == pytest.approx(total, rel=1e-5)
    assert np.isfinite(last[name])
    if name != "masked":
        assert alone.network_.digest != together.network_.digest


@pytest.fixture(scope="module")
def world():
    """40 samples on two instruments, with reference values."""
    data = make_instruments(40, ("a", "b"), wavelength=range(1100, 1400, 10), random_state=0)
    rows = {"instrument": np.repeat(["a", "b"], 40), "sample_id": np.tile(data.sample_id, 2)}
    return np.concatenate([data.X["a"], data.X["b"]]), np.tile(data.y, (2, 1)), rows


@pytest.mark.parametrize("objective", ["calibration", "complement"])
def test_calibrations_train_on_y_and_are_recorded(make_pretrainer, world, objective):
    X, y, rows = world
    objectives = {objective: 1.0, "masked": 0.5}
    settings = {"wavelength": range(1100, 1400, 10), "objectives": objectives}
    make = partial(make_pretrainer, **settings)
    model, again, other = (
        make().fit(X, labels, **rows) for labels in (y, y, np.roll(y, 1, axis=0))
    )
    last = model.history_[-1]
    total = sum(weight * last[key] for key, weight in objectives.items())
    assert last["train_loss"] == pytest.approx(total, rel=1e-5)
    assert model.network_.digest == again.network_.digest != other.network_.digest
    n_steps = model.n_steps_
    assert model.partial_fit(X, y[:, 0], **rows).n_steps_ == 2 * n_steps


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "'complement' predicts y, and y is None"),
        (np.full((80, 2), np.nan), "none of its 160 values is finite"),
        (np.ones(79), r"inconsistent numbers of samples: \[80, 79\]"),
        (np.r_[np.arange(20.0), np.full(60, np.nan)], "need 35 labelled .* got at most 20"),
    ],
)
def test_calibration_without_reference_values_is_refused(make_pretrainer, world, y, message):
    X, _, rows = world
    model = make_pretrainer(wavelength=range(1100, 1400, 10), objectives={"complement": 1.0})
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **rows)
    assert not hasattr(model, "network_")


def test_only_calibration_uses_y(make_pretrainer, stacked):
    X = stacked[0]
    ignored = make_pretrainer().fit(X, ["no"] * len(X))
    assert ignored.network_.digest == make_pretrainer().fit(X).network_.digest


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("byol", "sample_id", "'byol' compares the same samples on several instruments"),
        ("infonce", "instrument", "'infonce' compares the same samples"),
        ("sinkhorn", "instrument", "'sinkhorn' compares instruments, .* come from 1"),
        ("bottleneck", "instrument", "'bottleneck' compares instruments"),
    ],
)
def test_objective_without_its_labels_is_refused(make_pretrainer, stacked, name, missing, message):
    X, instrument, sample_id = stacked
    labels = {"instrument": instrument, "sample_id": sample_id} | {missing: None}
    pretrainer = make_pretrainer(architecture=RICH, objectives={name: 1.0})
    with pytest.raises(ValueError, match=message):
        pretrainer.fit(X, **labels)
    assert not hasattr(pretrainer, "network_")


@pytest.mark.parametrize("name", [n for n, o in OBJECTIVES.items() if "absorbance" in o.NEEDS])
def test_physical_objectives_require_absorbance(make_pretrainer, X, name):
    pretrainer = make_pretrainer(objectives={name: 1.0})
    with pytest.raises(ValueError, match=rf"'{name}' requires absorbance, and \d\d% of the val"):
        pretrainer.fit(SNV().fit_transform(X))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("balance", "'balance' balances experts, and the network has n_experts=0"),
        ("bottleneck", "'bottleneck' trains a variational bottleneck, .* latent='plain'"),
    ],
)
def test_objective_without_its_part_of_the_network_is_refused(
    make_pretrainer, stacked, name, message
):
    X, instrument, sample_id = stacked
    with pytest.raises(ValueError, match=message):
        make_pretrainer(objectives={name: 1.0}).fit(X, instrument=instrument, sample_id=sample_id)


def test_parts_of_objectives_are_drawn_from_the_random_state(make_pretrainer, stacked):
    X, instrument, sample_id = stacked
    state = torch.get_rng_state()
    first, again = (
        make_pretrainer(architecture=RICH, objectives={"bottleneck": 1.0, "infonce": 1.0}).fit(
            X, instrument=instrument, sample_id=sample_id
        )
        for _ in range(2)
    )
    assert torch.equal(weights(first), weights(again))
    assert torch.equal(torch.get_rng_state(), state)


def test_noise_weights_channels(make_pretrainer, X):
    flat, doubled = (
        make_pretrainer(noise=np.full(60, sigma)).fit(X).history_[0]["masked"]
        for sigma in (1.0, 2.0)
    )
    assert doubled == pytest.approx(flat / 4, rel=0.05)
    some = np.where(np.arange(60) < 30, 1.0, np.nan)
    changed = X.copy()
    changed[:, 30:] = changed[::-1, 30:]
    # What does not count is still seen, so only its own error vanishes.
    assert make_pretrainer(noise=some).fit(X).history_[0]["masked"] != pytest.approx(flat)


def test_domain_requires_a_domain_token(make_pretrainer, bunch, X):
    with pytest.raises(ValueError, match=r"domain must be None .*, got 'NIR'"):
        make_pretrainer(domain="NIR").fit(X)
    sizes = Architecture(**SIZES, domain_token=True)
    nir, raman = (make_pretrainer(architecture=sizes, domain=d).fit(X) for d in ("NIR", "RAMAN"))
    assert nir.network_.digest != raman.network_.digest
