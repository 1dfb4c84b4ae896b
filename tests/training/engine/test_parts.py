"""Micro-batches: a step equals that of the whole batch, and is counted once."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skspektron._bridge import to_spectra
from skspektron._training import _pretraining
from skspektron._training.engine._net import StepNet
from skspektron._training.engine._parts import n_rows, parts, take_rows


def n_weighted(batch):
    return batch["weight"].sum()


class Gradients(Callback):
    """Record the gradient of every step."""

    def __init__(self):
        self.steps = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.steps.append([p.grad.clone() for _, p in named_parameters if p.grad is not None])


class Reports(Callback):
    """Count windows and forward passes."""

    def __init__(self):
        self.steps, self.n_passes = [], 0

    def on_train_begin(self, net, **kwargs):
        net.module_.register_forward_hook(self.count)

    def count(self, *args):
        self.n_passes += 1

    def on_epoch_end(self, net, **kwargs):
        self.steps.append((net.sampler.step, self.n_passes))


@pytest.fixture
def gradient(make_ragged, tiny_network, run, monkeypatch):
    """Return a function that computes the gradient of one step of pretraining."""

    def compute(noise=None, size=None, **settings):
        recorder = Gradients()
        counted = {} if size is None else {"size": size}

        def with_recorder(*args, callbacks, **kwargs):
            return StepNet(*args, callbacks=[*callbacks, recorder], **kwargs | counted)

        monkeypatch.setattr(_pretraining, "StepNet", with_recorder)
        before = {name: t.clone() for name, t in tiny_network.state_dict().items()}
        spectra = make_ragged(64, noise)
        (record,) = run(tiny_network, spectra, batch_size=64, max_steps=1, **settings)
        tiny_network.load_state_dict(before)
        (gradients,) = recorder.steps
        return torch.cat([g.flatten() for g in gradients]), record["masked"]

    return compute


@pytest.fixture
def make_ragged():
    """Return a function that draws spectra of two grids with missing channels."""

    def make(n_samples, noise=None):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(n_samples, 40)) * np.geomspace(0.1, 10, n_samples)[:, None]
        X[rng.random(X.shape) < 0.1] = np.nan
        grid = np.arange(n_samples) % 2
        X[grid == 1, 20:] = np.nan
        axes = [np.linspace(4000, 9000, 40), np.linspace(4000, 6000, 20)]
        return to_spectra(X, axes, grid, noise=noise)

    return make


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_gradient_of_four_micro_batches_is_that_of_the_batch(gradient):
    whole, loss = gradient()
    accumulated, same_loss = gradient(micro_batch_size=16)
    scale = whole.abs().max()
    assert scale > 0
    torch.testing.assert_close(accumulated / scale, whole / scale, atol=1e-5, rtol=0)
    assert same_loss == pytest.approx(loss, rel=1e-5)
    # The parts count by their hidden channels: by rows, their means add up to something else.
    by_rows, other_loss = gradient(micro_batch_size=16, size=n_rows)
    assert (by_rows - whole).abs().max() > 1e-3 * scale
    assert other_loss != pytest.approx(loss, rel=1e-3)


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_micro_batches_count_what_noise_leaves_in_the_loss(gradient):
    noise = np.ones((64, 40))
    noise[:16, :20] = np.nan  # an instrument of which half the channels are unknown
    whole, loss = gradient(noise)
    accumulated, same_loss = gradient(noise, micro_batch_size=16)
    scale = whole.abs().max()
    torch.testing.assert_close(accumulated / scale, whole / scale, atol=1e-5, rtol=0)
    assert same_loss == pytest.approx(loss, rel=1e-5)


def test_recorded_loss_is_that_of_all_micro_batches(line, fit_points, points):
    net = fit_points(line, max_steps=1, micro_batch_size=7, size=n_weighted)
    error = (points["x"].sum(1) - points["y"])[points["weight"]].square().mean()
    assert net.history[-1, "error"] == pytest.approx(error.item(), rel=1e-5)
    assert net.history[-1, "train_loss"] == pytest.approx(error.item(), rel=1e-5)


def test_reports_are_counted_in_completed_steps(line, fit_points):
    reports = Reports()
    net = fit_points(line, window=2, micro_batch_size=16, callbacks=[reports])
    # 40 micro-batches of 4 to a step, a report every 2 steps, none at step 0.
    assert reports.steps == [(2, 8), (4, 16), (6, 24), (8, 32), (10, 40)]
    assert len(net.history) == 5
    assert line.progress == pytest.approx(np.arange(1, 11) / 10)


def test_parts_cover_every_row_of_every_tensor_once(points):
    batch = points | {"partner": {"x": points["x"] + 1}}
    cut = list(parts(batch, range(10, 64), 16, n_weighted))
    shares = [share for _, share in cut]
    for tensor, whole in (
        (torch.cat([part["x"] for part, _ in cut]), batch["x"][10:]),
        (torch.cat([part["partner"]["x"] for part, _ in cut]), batch["partner"]["x"][10:]),
    ):
        torch.testing.assert_close(tensor, whole)
    assert all(part["progress"] is points["progress"] for part, _ in cut)
    expected = points["weight"][10:].sum() / points["weight"].sum()
    assert sum(shares) == pytest.approx(expected.item())
    assert n_rows({"progress": points["progress"], "x": points["x"]}) == 64


def test_whole_batch_is_not_cut_and_empty_parts_are_skipped(points):
    assert list(parts(points, range(64), None, n_weighted)) == [(points, 1.0)]
    assert list(parts(points, range(64), 64, n_weighted)) == [(points, 1.0)]
    assert list(parts(points, range(0), 16, n_weighted)) == []
    points["weight"][:32] = False
    assert len(list(parts(points, range(64), 16, n_weighted))) == 2
    points["weight"][:] = False
    assert all(np.isnan(share) for _, share in parts(points, range(64), 16, n_weighted))
    assert take_rows(points, slice(3, 5))["y"].tolist() == points["y"][3:5].tolist()
