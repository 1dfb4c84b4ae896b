"""Error of small calibrations on the embedding beside closed-form features of the spectra."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..interpolation import interpolate
from ..tokens.derivative import standard_normal
from .calibration import Calibration, column_scale

WEIGHT = 2.0  # squared size of the embedding, that of every other view being 1
HALF_WINDOW = 5  # channels on either side of a Savitzky-Golay filter of degree 2
N_FOURIER = 200
TINY = 1e-12


class Complement(Calibration):
    """The objective "calibration" with other views of the spectra beside the embedding.

    They are those that an average of kernel calibrations works with: spectra after SNV, first and
    second derivatives, the derivative of SNV, SNV with scaled channels, and random Fourier features
    of the first two. A network is then trained for what they lack. All views have the same size,
    but the embedding, which has `WEIGHT`. Its columns are always scaled.
    """

    def features(self, views, episode: Mapping[str, Any]) -> Tensor:
        """Return the rows (n, D) of an episode: embedding, then fixed features."""
        n_train = len(episode["y"])
        Z = views.embed(episode["spectra"]).double()
        centre, scale = column_scale(Z[:n_train], torch.ones_like(episode["autoscaled"]))
        own = WEIGHT**0.5 * of_unit_size((Z - centre) / scale, n_train)
        return torch.cat([own, fixed_features(complete(episode["spectra"]), n_train)], 1)


def complete(spectra: Mapping[str, Tensor]) -> Tensor:
    """Return the spectra (n, p) of one axis in double precision, with gaps on straight lines."""
    values, axis = spectra["values"].double(), spectra["wavenumber"]
    return interpolate(values, spectra["valid"], axis).line[:, axis[0].isfinite()]


def fixed_features(X: Tensor, n_train: int) -> Tensor:
    """Return features of spectra (n, p), of which the first `n_train` are the calibration's."""
    corrected = standard_normal(X, torch.ones_like(X, dtype=torch.bool))[0]
    first, second = derivatives(X)
    found = [corrected, first, second, derivatives(corrected)[0]]
    found.append(corrected / (TINY + corrected[:n_train].std(0, correction=0)))
    linear = [of_unit_size(each, n_train) for each in found]
    return torch.cat([*linear, *(fourier(each, n_train) for each in linear[:2])], 1)


def derivatives(X: Tensor) -> tuple[Tensor, Tensor]:
    """Return first and second derivatives of spectra (n, p) by channel, of local parabolas [1]_.

    Those of the first and last channels are of the first and last parabola. Spectra of fewer than
    11 channels have a shorter window, those of fewer than 3 derivatives of 0.

    References
    ----------
    .. [1] Savitzky & Golay, Anal. Chem. 36 (1964) 1627-1639.
    """
    half = min(HALF_WINDOW, (X.shape[1] - 1) // 2)
    if half < 1:
        return torch.zeros_like(X), torch.zeros_like(X)
    x = torch.arange(-half, half + 1, dtype=X.dtype, device=X.device)
    fit = torch.linalg.pinv(torch.stack([x**0, x, x**2], 1))  # (3, window)
    _, slope, bend = (X.unfold(1, 2 * half + 1, 1) @ fit.T).unbind(-1)  # of every inner channel
    left = slope[:, :1] + 2 * bend[:, :1] * x[:half]
    right = slope[:, -1:] + 2 * bend[:, -1:] * x[-half:]
    ends = torch.ones_like(x[:half])
    second = torch.cat([bend[:, :1] * ends, bend, bend[:, -1:] * ends], 1)
    return torch.cat([left, slope, right], 1), 2 * second


def of_unit_size(X: Tensor, n_train: int) -> Tensor:
    """Return rows centred, and divided by their root mean square size in the calibration."""
    X = X - X[:n_train].mean(0)
    return X / (X[:n_train].square().sum(1).mean() + TINY).sqrt()


def fourier(X: Tensor, n_train: int) -> Tensor:
    """Return random features of a Gaussian kernel with the median distance as its length [1]_.

    References
    ----------
    .. [1] Rahimi & Recht, NIPS (2007) 1177-1184.
    """
    generator = torch.Generator().manual_seed(0)
    length = torch.pdist(X[:n_train]).median().clamp(min=TINY)
    draws = torch.randn(X.shape[1], N_FOURIER, dtype=X.dtype, generator=generator).to(X.device)
    phase = 2 * torch.pi * torch.rand(N_FOURIER, dtype=X.dtype, generator=generator).to(X.device)
    return of_unit_size(torch.cos(X @ (draws / length) + phase), n_train)
