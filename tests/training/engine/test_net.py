"""The engine: rows and learning rates of the steps, and records."""

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skspektron._training import _pretraining
from skspektron._training.engine._callbacks import WarmupCosine
from skspektron._training.engine._net import StepNet
from skspektron._training.engine._steps import StepSampler


class Recorder(Callback):
    """Record parameter groups, masks and losses of every step."""

    def __init__(self):
        self.groups, self.masks, self.losses, self.first_step = [], [], [], None

    def on_train_begin(self, net, **kwargs):
        self.first_step = len(net.history)

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.masks.append(batch[0]["mask"])

    def on_grad_computed(self, net, named_parameters, training=None, **kwargs):
        names = {id(p): name for name, p in net.module_.named_parameters()}
        self.groups.append(
            [
                (g["lr"], g["weight_decay"], {names[id(p)] for p in g["params"]})
                for g in net.optimizer_.param_groups
            ]
        )

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.losses.append((len(batch[0]["grid"]), net.history[-1, "batches", -1, "masked"]))


@pytest.fixture
def recorder(monkeypatch):
    """Add a recorder to the callbacks of `pretrain`."""
    recorder = Recorder()

    def with_recorder(*args, callbacks, **kwargs):
        return StepNet(*args, callbacks=[*callbacks, recorder], **kwargs)

    monkeypatch.setattr(_pretraining, "StepNet", with_recorder)
    return recorder


def test_mask_token_learns_ten_times_as_fast_at_every_step(
    run, tiny_network, make_spectra, noise, recorder
):
    run(tiny_network, make_spectra(noise))
    assert len(recorder.groups) == 10
    for step, groups in enumerate(recorder.groups):
        (token,) = [g for g in groups if "network.mask_token" in g[2]]
        others = [g for g in groups if g is not token]
        assert token[2] == {"network.mask_token"} and token[1] == 0
        rate = 1e-3 * WarmupCosine(10, 3).factor(step)
        np.testing.assert_allclose([g[0] for g in others], rate)
        np.testing.assert_allclose(token[0], 10 * rate)


def test_learning_rate_schedule():
    schedule = WarmupCosine(max_steps=100, warmup_steps=20)
    factors = np.array([schedule.factor(step) for step in range(100)])
    assert factors[[0, 20, 99]] == pytest.approx([0.01, 1.0, 0.01])
    assert (np.diff(factors[:21]) > 0).all() and (np.diff(factors[20:]) < 0).all()
    half = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * 40 / 79))
    assert factors[60] == pytest.approx(half)


def test_masks_differ_between_spectra_and_steps(run, tiny_network, make_spectra, noise, recorder):
    run(tiny_network, make_spectra(noise), batch_size=20, max_steps=6)
    masks = torch.cat(recorder.masks)
    assert masks.sum(1).unique().tolist() == [4]  # round(0.35 * 10), ties to even
    assert len(masks.unique(dim=0)) > 0.6 * len(masks)  # 210 masks exist, 120 were drawn
    assert not any(
        torch.equal(a, b) for a, b in zip(recorder.masks, recorder.masks[1:], strict=False)
    )


def test_losses_are_averaged_over_a_window(run, tiny_network, make_spectra, noise, recorder):
    history = run(tiny_network, make_spectra(noise), batch_size=8, report_every=4)
    assert [record["step"] for record in history] == [4, 8, 10]  # nothing at step 0
    for record, window in zip(history, (slice(4), slice(4, 8), slice(8, 10)), strict=True):
        sizes, losses = zip(*recorder.losses[window], strict=True)
        expected = pytest.approx(np.average(losses, weights=sizes))
        assert record["train_loss"] == expected and record["masked"] == expected


def test_total_loss_is_the_weighted_sum(run, tiny_network, make_spectra, noise):
    (record,) = run(tiny_network, make_spectra(noise), objectives={"masked": 0.25}, report_every=10)
    assert record["train_loss"] == pytest.approx(0.25 * record["masked"])


def draw(sampler):
    return [(step, rows.tolist()) for _ in range(3) for step, rows in sampler]


def make_sampler(width, seed=0):
    return StepSampler(torch.tensor(width), 4, seed=seed, max_steps=9, window=3)


def test_every_pass_visits_every_row_once_in_another_order():
    steps = draw(make_sampler([7.0] * 10))
    assert [step for step, _ in steps] == list(range(9))
    passes = [[row for _, rows in steps[i : i + 3] for row in rows] for i in (0, 3, 6)]
    assert all(sorted(rows) == list(range(10)) for rows in passes)
    assert passes[0] != passes[1] != passes[2]


def test_rows_depend_on_seed_and_step_only():
    width = [7.0] * 10
    whole = draw(make_sampler(width))
    resumed = make_sampler(width)
    resumed.step = 5
    assert draw(resumed) == whole[5:]
    assert draw(make_sampler(width)) == whole
    assert draw(make_sampler(width, seed=1)) != whole


def test_rows_of_similar_length_are_batched_together():
    steps = draw(make_sampler([700.0, 650.0] * 4))
    assert all(len({row % 2 for row in rows}) == 1 for _, rows in steps)
