"""Conversion between arrays and tensors, and between weights and files."""

from ._arrays import to_array, to_tensor
from ._derivative import derivative_scale, derivative_sizes
from ._device import is_device, resolve_device, seeded
from ._frozen import (
    POOLINGS,
    FrozenNetwork,
    embed_batch,
    embeddings_not_cached,
    oscillator_banks,
    oscillators,
    patch_kernels,
)
from ._spectra import LazySpectra, Rows, Spectra, to_lazy_spectra, to_spectra
from ._tensor_files import check_version, load_tensors, save_tensors
from ._threads import one_torch_thread, work_of
from ._weights import check_weights

__all__ = [
    "POOLINGS",
    "FrozenNetwork",
    "LazySpectra",
    "Rows",
    "Spectra",
    "check_version",
    "check_weights",
    "derivative_scale",
    "derivative_sizes",
    "embed_batch",
    "embeddings_not_cached",
    "is_device",
    "load_tensors",
    "one_torch_thread",
    "oscillator_banks",
    "oscillators",
    "patch_kernels",
    "resolve_device",
    "save_tensors",
    "seeded",
    "to_array",
    "to_lazy_spectra",
    "to_spectra",
    "to_tensor",
    "work_of",
]
