"""Batches that are not finite are skipped and counted; ten in a row stop the run."""

import math

import pytest
import torch
from skorch.callbacks import Callback

from skspektron._training.engine._guard import GradientGuard


class States(Callback):
    """Record weights and optimizer state after every step."""

    def __init__(self):
        self.after = {}

    def on_batch_end(self, net, **kwargs):
        state = net.optimizer_.state[net.module_.weight]
        tensors = [net.module_.weight.detach(), *state.values()]
        self.after[net.sampler.step] = [tensor.clone() for tensor in tensors]


@pytest.fixture
def spoiled(points):
    """Return a function that makes the batches of a run with NaN in some steps."""

    def make(steps, value=math.nan):
        bad = points | {"y": torch.full_like(points["y"], value)}
        return lambda step, rows: bad if step in steps else points

    return make


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_bad_batch_is_skipped_and_counted(line, fit_points, spoiled, value):
    states = States()
    net = fit_points(line, make_batch=spoiled({3}, value), callbacks=[states], ema_decay=0.5)
    assert all(map(torch.equal, states.after[2], states.after[3]))
    assert not torch.equal(states.after[3][0], states.after[4][0])
    assert [window["n_skipped"] for window in net.history] == [1, 0]
    assert all(math.isfinite(window["error"]) for window in net.history)
    assert net.sampler.step == 10
    assert line.progress == pytest.approx([s / 10 for s in range(1, 11) if s != 4])
    assert line.unused == 1  # it took no part


def test_window_of_a_skipped_step_has_a_nan_loss(line, fit_points, spoiled):
    net = fit_points(line, max_steps=2, window=1, make_batch=spoiled({0}))
    assert math.isnan(net.history[0, "error"]) and math.isfinite(net.history[1, "error"])
    assert [window["n_skipped"] for window in net.history] == [1, 0]


def test_infinite_loss_with_finite_gradient_is_skipped(fit_points):
    class NoLoss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3))

        def forward(self, **batch):
            return {"error": self.weight.sum() + torch.inf}

    module = NoLoss()
    net = fit_points(module, max_steps=5)
    assert net.history[-1, "n_skipped"] == 5
    assert (module.weight == 1).all()


def test_ten_skipped_steps_in_a_row_stop_the_run(line, fit_points, spoiled):
    fit_points(line, max_steps=19, make_batch=spoiled(set(range(19)) - {9}))
    match = r"not finite in 10 steps in a row, up to step 15 of 20\. Pass a lower learning_rate"
    with pytest.raises(FloatingPointError, match=match):
        fit_points(line, max_steps=20, make_batch=spoiled(set(range(5, 20))))


def test_gradient_is_clipped_to_norm_five():
    class Net:
        weights = ()
        history = type("History", (), {"record_batch": staticmethod(lambda *args: None)})

    parameter = torch.nn.Parameter(torch.zeros(2))
    for gradient, expected in (([30.0, 40.0], [3.0, 4.0]), ([0.3, 0.4], [0.3, 0.4])):
        parameter.grad = torch.tensor(gradient)
        GradientGuard().on_grad_computed(Net(), [("weight", parameter)])
        torch.testing.assert_close(parameter.grad, torch.tensor(expected))
