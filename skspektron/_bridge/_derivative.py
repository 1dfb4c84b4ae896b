"""What the derivatives of spectra are divided by."""

import torch
from torch import Tensor

from .._nn.tokens.derivative import first_derivative, row_size
from ._spectra import Rows

CHUNK_SIZE = 1024  # spectra in memory at once


def derivative_sizes(spectra: Rows) -> Tensor:
    """Return the root mean square derivative of every spectrum, (n_samples,)."""
    sizes = []
    for rows in torch.arange(spectra.n_samples).split(CHUNK_SIZE):
        batch = spectra.batch(rows)
        values, valid = batch["values"], batch["valid"]
        sizes.append(row_size(first_derivative(values, valid, batch["wavenumber"]), valid))
    return torch.cat(sizes) if sizes else torch.empty(0)


def derivative_scale(sizes: Tensor) -> float:
    """Return the median of the sizes (n,) above 0, which a bad spectrum does not change.

    1 if there are none.
    """
    sizes = sizes[sizes > 0]
    return sizes.median().item() if len(sizes) else 1.0
