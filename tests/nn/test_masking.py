"""Masks: number of hidden patches, uniformity, reproducibility."""

import numpy as np
import pytest
import torch

from skspektron._nn.masking import count_hidden, draw_patch_mask
from tests import oracles


def draw(usable, mask_ratio, seed):
    return draw_patch_mask(usable, mask_ratio, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mask_ratio", [0.2, 0.35, 0.5])
@pytest.mark.parametrize("n_patches", [7, 20, 44, 128])
def test_every_mask_hides_the_same_number_of_patches(mask_ratio, n_patches):
    mask = draw(torch.ones(1000, n_patches, dtype=torch.bool), mask_ratio, 0)
    assert mask.sum(1).unique().tolist() == [oracles.n_hidden(n_patches, mask_ratio)]
    assert abs(mask.double().mean() - mask_ratio) <= 0.5 / n_patches


def test_only_usable_patches_are_hidden_and_counted():
    usable = torch.rand(200, 30, generator=torch.Generator().manual_seed(0)) < 0.6
    mask = draw(usable, 0.35, 1)
    assert not (mask & ~usable).any()
    expected = [oracles.n_hidden(int(n), 0.35) for n in usable.sum(1)]
    assert mask.sum(1).tolist() == expected
    assert count_hidden(usable, 0.35).flatten().tolist() == expected


def test_all_patches_are_hidden_equally_often():
    fraction = draw(torch.ones(20_000, 20, dtype=torch.bool), 0.35, 0).double().mean(0)
    np.testing.assert_allclose(fraction, 0.35, atol=0.02)


def test_spectra_and_seeds_differ_and_equal_seeds_reproduce():
    usable = torch.ones(64, 44, dtype=torch.bool)
    masks = [draw(usable, 0.35, seed) for seed in range(10)]
    assert len(masks[0].unique(dim=0)) == 64
    equal = [(a == b).all(1).double().mean() for i, a in enumerate(masks) for b in masks[:i]]
    assert max(equal) < 0.02
    assert torch.equal(masks[3], draw(usable, 0.35, 3))
