"""bfloat16: devices that refuse it, and its accuracy."""

import pytest
import torch

from skspektron._training.engine import _net, _precision
from skspektron._training.engine._precision import check_precision, has_bfloat16_units


def test_cpu_without_units_is_refused(run, tiny_network, make_spectra, noise, monkeypatch):
    monkeypatch.setattr(_precision, "has_bfloat16_units", lambda device: False)
    match = r"precision must be 'float32' on the device 'cpu', .* got 'bfloat16'"
    with pytest.raises(ValueError, match=match):
        run(tiny_network, make_spectra(noise), precision="bfloat16")
    assert len(run(tiny_network, make_spectra(noise), precision="float32")) == 2


@pytest.mark.parametrize(("avx", "amx"), [(False, False), (True, False), (False, True)])
def test_units_of_a_cpu(monkeypatch, avx, amx):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    assert has_bfloat16_units("cpu") is (avx or amx)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert not has_bfloat16_units("cpu")
    check_precision("float32", "cpu")


@pytest.fixture
def emulated(monkeypatch):
    """Run bfloat16 on any CPU."""
    monkeypatch.setattr(_net, "check_precision", lambda precision, device: None)


def test_forward_is_in_bfloat16_and_weights_are_not(line, fit_points, emulated):
    seen = set()
    line.register_forward_pre_hook(lambda *args: seen.add(torch.is_autocast_enabled("cpu")))
    net = fit_points(line, precision="bfloat16", micro_batch_size=16, ema_decay=0.5)
    assert seen == {True} and not torch.is_autocast_enabled("cpu")
    assert line.weight.dtype == net.average.average_["weight"].dtype == torch.float32
    assert net.optimizer_.state[line.weight]["exp_avg"].dtype == torch.float32


def test_losses_agree_with_float32_to_bfloat16(run, tiny_network, make_spectra, noise, emulated):
    before = {name: t.clone() for name, t in tiny_network.state_dict().items()}
    exact = run(tiny_network, make_spectra(noise), max_steps=5)[-1]
    tiny_network.load_state_dict(before)
    rounded = run(tiny_network, make_spectra(noise), max_steps=5, precision="bfloat16")[-1]
    assert rounded["masked"] == pytest.approx(exact["masked"], rel=0.02)
    assert rounded["masked"] != exact["masked"]
    assert rounded["n_skipped"] == 0
