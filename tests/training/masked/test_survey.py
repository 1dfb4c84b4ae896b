"""The pass over all spectra before training, in chunks of any size."""

import numpy as np
import pytest
import torch

from skspektron._bridge import to_spectra
from skspektron._training.masked import _survey
from skspektron._training.masked._survey import MeanSpectra, scan_spectra


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_result_does_not_depend_on_chunk_size(tiny_network, noise, monkeypatch, piece):
    monkeypatch.setattr(_survey, "CHUNK_SIZE", piece)
    grid = np.arange(20) % 2
    noise[:, 3], noise[5] = np.nan, np.nan
    noise[grid == 1, 20:] = np.nan
    noise[0, 4:] = np.nan  # one patch, which is never hidden
    axes = [np.linspace(4000, 9000, 40), np.linspace(4000, 6000, 20)]
    spectra = to_spectra(noise, axes, grid)
    teaching, mean = scan_spectra(spectra, tiny_network, 0.35)
    assert (~teaching).nonzero().flatten().tolist() == [0, 5]
    mean.remove(spectra, torch.tensor([2, 7]))
    used = teaching.numpy() & ~np.isin(np.arange(20), [2, 7])
    for index, length in enumerate([40, 20]):
        own = noise[used & (grid == index), :length].copy()
        own[:, 3] = 0  # no good value
        np.testing.assert_allclose(mean.mean()[index, :length], own.mean(0), atol=1e-6)


def test_spectra_that_were_not_added_have_the_mean_zero():
    assert not MeanSpectra((2, 5)).mean().any()
