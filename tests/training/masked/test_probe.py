"""The masked error and its two baselines."""

import numpy as np
import pytest
import torch

from skspektron._bridge import to_spectra
from skspektron._nn.views import Views
from skspektron._training.masked._batches import keep_maskable, masked_batch
from tests import oracles


def on_axis(X, sigma=None):
    """Return spectra and the deviations of their noise as tensors."""
    return to_spectra(X, [np.linspace(4000, 9000, 40)], np.zeros(len(X), dtype=int), noise=sigma)


def probed(network, spectra):
    """Return the batch of the probe and its hidden channels."""
    batch = masked_batch(spectra, network, 0.35, 0, -1, torch.arange(20))
    return batch, network.hidden_channels(batch["mask"], batch["valid"]).numpy()


def squared_errors(network, batch):
    """Return the squared errors of the reconstruction, (B, n)."""
    with torch.inference_mode():
        views = Views(network.eval(), batch)
        return (views.reconstruction - batch["values"]).double().numpy() ** 2


@pytest.mark.filterwarnings("ignore:Linear interpolation")
@pytest.mark.parametrize("unknown", [slice(0), slice(20, None)])
def test_recorded_errors_equal_their_definitions(run, tiny_network, noise, unknown):
    X, sigma = noise + np.sin(np.arange(40)), np.full((20, 40), 0.5)
    X[3, 10] = np.nan
    X[:, unknown] *= 1e3
    sigma[:, unknown] = np.nan  # such channels are seen, but their error does not count
    spectra = on_axis(X, sigma)
    record = run(tiny_network, spectra)[-1]
    batch, hidden = probed(tiny_network, spectra)
    X = batch["values"].double().numpy()
    counts = hidden & np.isfinite(sigma)
    mean, channels, interpolation = (
        np.nanmean(np.where(batch["valid"], X, np.nan), 0),
        range(40),
        [],
    )
    for i, j in np.argwhere(counts):
        seen = [k for k in channels if batch["valid"][i, k] and not hidden[i, k]]
        interpolation.append((np.interp(j, seen, X[i, seen]) - X[i, j]) ** 2)
    assert record["interpolation_mse"] == pytest.approx(np.mean(interpolation), rel=1e-5)
    assert record["mean_mse"] == pytest.approx(
        np.mean([(mean[j] - X[i, j]) ** 2 for i, j in np.argwhere(counts)]), rel=1e-5
    )
    masked = squared_errors(tiny_network, batch)[counts].mean()
    assert record["masked_mse"] == pytest.approx(masked, rel=1e-5)
    assert oracles.normalized_error(masked, X, mean, counts) == pytest.approx(
        masked / record["mean_mse"], rel=1e-5
    )


@pytest.mark.filterwarnings("ignore:Linear interpolation")
@pytest.mark.parametrize(
    ("settings", "most"), [({}, 8), ({"micro_batch_size": 3}, 3), ({"batch_size": 32}, 20)]
)
def test_no_more_rows_at_once_than_in_training(
    run, tiny_network, make_spectra, noise, settings, most
):
    sizes = []
    tiny_network.register_forward_hook(lambda *call: sizes.append(len(call[-1].tokens)))
    X = noise * np.geomspace(0.1, 10, 20)[:, None]
    X[::3, 8:20] = np.nan
    record = run(tiny_network, make_spectra(X), max_steps=1, **settings)[-1]
    assert max(sizes) == most
    batch, hidden = probed(tiny_network, make_spectra(X))
    whole = squared_errors(tiny_network, batch)[hidden].mean()
    assert record["masked_mse"] == pytest.approx(whole, rel=1e-5)


def test_warns_if_interpolation_is_better(run, tiny_network, make_spectra):
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(20, 1)) * np.sin(np.linspace(0, 3, 40)) + rng.normal(size=(20, 1))
    with pytest.warns(UserWarning, match=r"Linear interpolation .* longer patches"):
        run(tiny_network, make_spectra(smooth))


@pytest.mark.filterwarnings("error")
def test_no_warning_on_noise(run, tiny_network, make_spectra, noise):
    assert len(run(tiny_network, make_spectra(noise))) == 2


def test_spectra_that_cannot_be_masked_are_ignored(run, tiny_network, make_spectra, noise):
    dead = noise.copy()
    dead[4], dead[7, 4:] = np.nan, np.nan  # no patch; one patch, which is never hidden
    spectra = make_spectra(dead)
    with pytest.warns(UserWarning, match="in 2 of 20 spectra"):
        kept = keep_maskable(spectra, tiny_network, 0.35)
    assert kept.values.shape == (18, 40)
    with pytest.warns(UserWarning, match="in 2 of 20 spectra"):
        history = run(tiny_network, spectra, batch_size=1, max_steps=25)
    assert np.isfinite([list(record.values()) for record in history]).all()


def test_spectra_of_one_patch_are_ignored(run, tiny_network, make_spectra, noise):
    before = {name: t.clone() for name, t in tiny_network.state_dict().items()}
    with pytest.warns(UserWarning, match=r"n_features = 4.*shorter patches"):
        assert run(tiny_network, make_spectra(noise[:, :4])) == []
    assert all((before[name] == t).all() for name, t in tiny_network.state_dict().items())


def test_completely_hidden_spectra_are_ignored(run, tiny_network, make_spectra, noise):
    with pytest.warns(UserWarning, match=r"mask_ratio=0.96 hides none or all"):
        assert run(tiny_network, make_spectra(noise), mask_ratio=0.96) == []
