"""The objective beside closed-form features: features, unlike spectra, loss and gradients."""

import numpy as np
import pytest
import torch
from scipy.signal import savgol_filter
from torch.testing import assert_close

from skspektron import SNV
from skspektron._nn.architecture import Architecture
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.objectives import complement
from skspektron._nn.objectives.calibration import ridge
from skspektron._nn.objectives.complement import Complement, complete, derivatives, fixed_features
from skspektron._nn.views import Views


def draw(n, p=60, seed=0):
    """Return spectra (n, p) that vary smoothly over the channels."""
    return torch.tensor(1 + np.cumsum(np.random.default_rng(seed).standard_normal((n, p)), axis=1))


def spectra_of(X, valid=None):
    """Return spectra on one axis as a batch, with two channels of padding."""
    n, p = X.shape
    axis = torch.linspace(4000, 9000, p, dtype=torch.float64)
    padding = torch.full((n, 2), torch.nan)
    valid = torch.ones(n, p, dtype=torch.bool) if valid is None else valid
    return {
        "values": torch.cat([X.where(valid, torch.nan), padding], 1).nan_to_num().float(),
        "valid": torch.cat([valid, padding.isfinite()], 1),
        "wavenumber": torch.cat([axis.expand(n, -1), padding], 1),
        "grid": torch.zeros(n, dtype=torch.long),
        "derivative_scale": torch.ones(n),
    }


def episode_of(X, n_train=30, valid=None):
    y = torch.linspace(-1, 1, n_train, dtype=torch.float64)
    y_query = torch.linspace(-1, 1, len(X) - n_train, dtype=torch.float64)
    spectra = spectra_of(X, valid)
    return {"spectra": spectra, "y": y, "y_query": y_query, "autoscaled": torch.tensor(False)}


@pytest.mark.parametrize(("n_channels", "window"), [(60, 11), (11, 11), (10, 9), (4, 3)])
def test_derivatives_are_those_of_savitzky_and_golay(n_channels, window):
    X = draw(5, n_channels)
    for order, found in enumerate(derivatives(X), start=1):
        expected = savgol_filter(X.numpy(), window, 2, deriv=order, mode="interp")
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("X", [draw(8, 1), draw(8, 2), draw(1).expand(8, -1)])
def test_short_and_equal_spectra_have_finite_features(X):
    assert fixed_features(X, 5).isfinite().all()


def test_features_are_seven_views_of_unit_size():
    X = draw(30)
    F = fixed_features(X, 20)
    views = F.split([60] * 5 + [complement.N_FOURIER] * 2, dim=1)
    for view in views:
        assert_close(view[:20].mean(0), torch.zeros_like(view[0]), atol=1e-12, rtol=0)
        assert_close(view[:20].square().sum(1).mean().item(), 1.0)
    corrected = SNV().fit_transform(X.numpy())
    scaled = corrected / corrected[:20].std(axis=0)
    slope = savgol_filter(corrected, 11, 2, deriv=1, mode="interp")
    for number, values in {0: corrected, 3: slope, 4: scaled}.items():
        centred = values - values[:20].mean(axis=0)
        centred /= np.sqrt((centred[:20] ** 2).sum(axis=1).mean())
        np.testing.assert_allclose(views[number].numpy(), centred, atol=1e-9)


def test_fourier_features_approximate_a_gaussian_kernel(monkeypatch):
    monkeypatch.setattr(complement, "N_FOURIER", 20_000)
    X = torch.tensor(np.random.default_rng(0).standard_normal((12, 5)))
    F = complement.fourier(X, 12)
    K = torch.exp(-(torch.cdist(X, X) ** 2) / (2 * torch.pdist(X).median() ** 2))
    H = torch.eye(12, dtype=X.dtype) - 1 / 12
    centred = H @ K @ H
    assert_close(F @ F.T, centred / centred.diagonal().mean(), rtol=0, atol=0.05)


def test_missing_channels_are_on_straight_lines_and_padding_is_left_out():
    X = torch.linspace(1, 2, 20, dtype=torch.float64).expand(3, -1)
    valid = torch.ones(3, 20, dtype=torch.bool)
    valid[1, 5:9] = False
    assert_close(complete(spectra_of(X, valid)), X.contiguous(), atol=1e-6, rtol=0)


def test_objective_is_the_log_error_of_a_ridge_on_embedding_and_features():
    X = draw(40)
    episode = episode_of(X)

    class EmbedsFew:
        batch = {"episodes": [episode]}  # noqa: RUF012

        @staticmethod
        def embed(spectra):
            return spectra["values"][:, :7]

    objective = Complement(None, 1)
    F = objective.features(EmbedsFew, episode)
    own, rest = F[:, :7], F[:, 7:]
    assert_close(own[:30].square().sum(1).mean().item(), complement.WEIGHT)
    assert_close(rest, fixed_features(complete(episode["spectra"]), 30))
    predicted = ridge(F[:30], episode["y"], F[30:], F[:0])
    error = (predicted - episode["y_query"]).square().mean()
    expected = (error / (1 + error / 10) + 2e-3).log()
    assert_close(objective(EmbedsFew), expected)


def test_gradients_reach_the_network_despite_gaps_and_padding():
    network = SpektronNetwork(
        Architecture(
            tokenizer="raw", kernel_length=9, patch_length=4, d_model=8, d_state=4, n_layers=1
        )
    )
    valid = torch.rand(40, 60, generator=torch.Generator().manual_seed(0)) > 0.1
    views = Views(network, {"episodes": [episode_of(draw(40), valid=valid)]})
    loss = Complement(network, 1)(views)
    assert loss.isfinite()
    loss.backward()
    gradients = [p.grad for p in network.tokens.parameters() if p.grad is not None]
    assert gradients and all(g.isfinite().all() for g in gradients)
    assert max(g.abs().max() for g in gradients) > 0
