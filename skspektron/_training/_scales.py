"""What the derivatives of training spectra are divided by."""

from dataclasses import replace

import torch

from .._bridge import Rows, derivative_scale, derivative_sizes
from .._nn.network import SpektronNetwork


def with_derivative_scales(
    spectra: Rows, network: SpektronNetwork, *, keeps_corpus: bool = False
) -> Rows:
    """Return spectra with the scale of their instrument, or axis, if the network divides by it.

    The scale of the corpus is stored in the network, unless it `keeps_corpus`. Networks that read
    no derivative are not changed.
    """
    if "derivative" not in network.architecture.inputs:
        return spectra
    sizes = derivative_sizes(spectra)
    if not keeps_corpus:
        network.derivative_scale.fill_(derivative_scale(sizes))
    if network.architecture.derivative_scale == "corpus":
        return spectra
    label = spectra.grid if spectra.instrument is None else spectra.instrument
    names, number = label.unique(return_inverse=True)
    scales = [derivative_scale(sizes[number == k]) for k in range(len(names))]
    return replace(spectra, derivative_scale=torch.tensor(scales)[number])
