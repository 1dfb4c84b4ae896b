"""The two baselines beside the masked loss."""

import numpy as np
import pytest

from skspektron._nn.objectives import masked_error
from skspektron._training._batches import instructive, masked_batch
from tests import oracles


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_recorded_errors_equal_their_definitions(run, tiny_network, make_spectra, noise):
    X = noise + np.sin(np.arange(40))
    X[3, 10] = np.nan
    spectra = make_spectra(X)
    record = run(tiny_network, spectra)[-1]
    batch = masked_batch(spectra, tiny_network, 0.35, 0, -1, np.arange(20))
    hidden = tiny_network.hidden_channels(batch["mask"], batch["valid"]).numpy()
    X = batch["values"].double().numpy()
    mean, channels, interpolation = (
        np.nanmean(np.where(batch["valid"], X, np.nan), 0),
        range(40),
        [],
    )
    for i, j in np.argwhere(hidden):
        seen = [k for k in channels if batch["valid"][i, k] and not hidden[i, k]]
        interpolation.append((np.interp(j, seen, X[i, seen]) - X[i, j]) ** 2)
    assert record["interpolation_mse"] == pytest.approx(np.mean(interpolation), rel=1e-5)
    assert record["mean_mse"] == pytest.approx(
        np.mean([(mean[j] - X[i, j]) ** 2 for i, j in np.argwhere(hidden)]), rel=1e-5
    )
    masked = masked_error(tiny_network.eval(), batch).mean().item()
    assert record["masked_mse"] == pytest.approx(masked, rel=1e-5)
    assert oracles.normalised_error(masked, X, mean, hidden) == pytest.approx(
        masked / record["mean_mse"], rel=1e-5
    )


def test_warns_where_interpolation_is_enough(run, tiny_network, make_spectra):
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(20, 1)) * np.sin(np.linspace(0, 3, 40)) + rng.normal(size=(20, 1))
    with pytest.warns(UserWarning, match=r"Linear interpolation .* longer patches"):
        run(tiny_network, make_spectra(smooth))


@pytest.mark.filterwarnings("error")
def test_silent_on_noise(run, tiny_network, make_spectra, noise):
    assert len(run(tiny_network, make_spectra(noise))) == 2


def test_spectra_that_teach_nothing_are_left_out(run, tiny_network, make_spectra, noise):
    dead = noise.copy()
    dead[4], dead[7, 4:] = np.nan, np.nan  # no patch; one patch, which is never hidden
    spectra = make_spectra(dead)
    with pytest.warns(UserWarning, match="in 2 of 20 spectra"):
        kept = instructive(spectra, tiny_network, 0.35)
    assert kept.values.shape == (18, 40)
    with pytest.warns(UserWarning, match="in 2 of 20 spectra"):
        history = run(tiny_network, spectra, batch_size=1, max_steps=25)
    assert np.isfinite([list(record.values()) for record in history]).all()


def test_spectra_of_one_patch_train_nothing(run, tiny_network, make_spectra, noise):
    before = {name: t.clone() for name, t in tiny_network.state_dict().items()}
    with pytest.warns(UserWarning, match=r"n_features = 4.*shorter patches"):
        assert run(tiny_network, make_spectra(noise[:, :4])) == []
    assert all((before[name] == t).all() for name, t in tiny_network.state_dict().items())


def test_spectra_that_would_be_hidden_whole_train_nothing(run, tiny_network, make_spectra, noise):
    with pytest.warns(UserWarning, match=r"mask_ratio=0.96 hides none or all"):
        assert run(tiny_network, make_spectra(noise), mask_ratio=0.96) == []
