"""The moving average of the weights: formula and use."""

import pytest
import torch
from skorch.callbacks import Callback


class Weights(Callback):
    """Record the weights of every step, and the evaluated ones of every window."""

    def __init__(self):
        self.steps, self.evaluated = [], []

    def on_train_begin(self, net, **kwargs):
        self.steps.append(net.module_.weight.detach().clone())

    def on_batch_end(self, net, **kwargs):
        self.steps.append(net.module_.weight.detach().clone())

    def on_epoch_end(self, net, **kwargs):
        before = net.module_.weight.detach().clone()
        with net.evaluated() as module:
            assert not module.training
            self.evaluated.append(module.weight.detach().clone())
        assert torch.equal(net.module_.weight, before)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_run_returns_and_evaluates_the_average(line, fit_points, decay):
    weights = Weights()
    fit_points(line, ema_decay=decay, callbacks=[weights])
    expected, *rest = (w.double() for w in weights.steps)
    for step, weight in enumerate(rest, 1):
        expected = decay * expected + (1 - decay) * weight
        if step % 5 == 0:
            found = weights.evaluated[step // 5 - 1].double()
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(line.weight.detach().double(), expected, rtol=1e-6, atol=0)
    assert (line.weight - weights.steps[-1]).abs().max() > 1e-2


def test_average_does_not_change_the_steps(line, fit_points):
    state = {name: t.clone() for name, t in line.state_dict().items()}
    plain, averaged = Weights(), Weights()
    fit_points(line, callbacks=[plain])
    assert torch.equal(plain.evaluated[-1], plain.steps[-1])
    line.load_state_dict(state)
    fit_points(line, ema_decay=0.9, callbacks=[averaged])
    assert all(map(torch.equal, plain.steps, averaged.steps))


def test_recorded_error_is_that_of_the_average(run, tiny_network, make_spectra, noise):
    spectra, before = make_spectra(noise), tiny_network.state_dict()
    before = {name: t.clone() for name, t in before.items()}
    untrained = run(tiny_network, spectra, learning_rate=0.0)[-1]
    tiny_network.load_state_dict(before)
    kept = run(tiny_network, spectra, learning_rate=1e-2, ema_decay=1.0)[-1]
    tiny_network.load_state_dict(before)
    free = run(tiny_network, spectra, learning_rate=1e-2)[-1]
    assert kept["masked_mse"] == pytest.approx(untrained["masked_mse"], rel=1e-6)
    assert free["masked_mse"] != pytest.approx(untrained["masked_mse"], rel=1e-3)
    assert kept["masked"] == free["masked"]  # of the weights that are trained
