"""Windows: cutting and joining, filling of hidden channels, usable windows."""

import pytest
import torch

from skspektron._nn.tokens.windows import fill, join, n_windows, usable_windows, windows


def spectra(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_mask(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.7


@pytest.mark.parametrize(
    ("n_channels", "n_patches"), [(256, 10), (650, 25), (700, 26), (2048, 76), (3501, 130)]
)
def test_join_inverts_windows_without_overlap(n_channels, n_patches):
    x = spectra(2, n_channels)
    patches = windows(x, 27, 27)
    assert patches.shape == (2, n_patches, 27)
    assert torch.equal(join(patches, n_channels, 27), x)
    assert patches.reshape(2, -1)[:, n_channels:].eq(0).all()


@pytest.mark.parametrize(("span", "stride"), [(32, 16), (7, 3), (5, 1)])
@pytest.mark.parametrize("n_channels", [1, 4, 33, 100])
def test_join_inverts_overlapping_windows(n_channels, span, stride):
    x = spectra(2, n_channels)
    cut = windows(x, span, stride)
    assert cut.shape == (2, n_windows(n_channels, span, stride), span)
    torch.testing.assert_close(join(cut, n_channels, stride), x)


def test_join_averages_over_usable_windows():
    patches = torch.tensor([[[1.0, 2, 3, 4], [5.0, 6, 7, 8], [9.0, 10, 11, 12]]])
    assert join(patches, 8, 2).tolist() == [[1, 2, 4, 5, 8, 9, 11, 12]]
    middle = torch.tensor([[True, False, True]])
    assert join(patches, 8, 2, middle).tolist() == [[1, 2, 3, 4, 9, 10, 11, 12]]
    first = torch.tensor([[True, False, False]])
    assert join(patches, 8, 2, first).tolist() == [[1, 2, 3, 4, 0, 0, 0, 0]]


def test_join_ignores_windows_in_the_padding():
    valid = torch.arange(80) < 48
    usable = usable_windows(valid[None], 32, 16, torch.tensor([48]))
    patches = spectra(1, 4, 32)
    alone = join(patches[:, :2], 48, 16)
    assert torch.equal(join(patches, 80, 16, usable)[:, :48], alone)


@pytest.mark.parametrize("patch_length", [1, 4, 5, 40])
def test_fill_uses_the_mean_of_the_seen_channels_of_a_patch(patch_length):
    values, seen = spectra(3, 23), random_mask(3, 23)
    filled = fill(values, seen, patch_length)
    for row, mask, out in zip(values, seen, filled, strict=True):
        for start in range(0, 23, patch_length):
            patch = slice(start, start + patch_length)
            good = row[patch][mask[patch]]
            mean = good.mean() if len(good) else torch.tensor(0.0)
            expected = torch.where(mask[patch], row[patch], mean)
            torch.testing.assert_close(out[patch], expected)


@pytest.mark.parametrize("hidden", [torch.nan, torch.inf, 1e6])
def test_fill_ignores_values_that_are_not_seen(hidden):
    values, seen = spectra(2, 20), random_mask(2, 20)
    assert torch.equal(fill(values, seen, 5), fill(values.masked_fill(~seen, hidden), seen, 5))


def test_fill_has_gradients_for_seen_channels_only():
    values = spectra(1, 10).masked_fill(torch.arange(10) == 3, torch.nan).requires_grad_()
    seen = torch.arange(10)[None] != 3
    fill(values, seen, 5).square().sum().backward()
    assert values.grad.isfinite().all()
    assert torch.equal(values.grad.ne(0), seen)


@pytest.mark.parametrize(("n_bad", "usable"), [(0, True), (5, True), (6, False), (10, False)])
def test_patch_is_usable_with_at_most_half_of_its_channels_bad(n_bad, usable):
    valid = torch.ones(1, 10, dtype=torch.bool)
    valid[0, 3 : 3 + n_bad] = False
    assert usable_windows(valid.roll(-3, 1), 10, 10).item() is usable


@pytest.mark.parametrize(("tail", "usable"), [(4, False), (5, True)])
def test_padding_counts_as_bad(tail, usable):
    valid = torch.ones(1, 10 + tail, dtype=torch.bool)
    assert usable_windows(valid, 10, 10).tolist() == [[True, usable]]


@pytest.mark.parametrize(("span", "stride"), [(16, 16), (32, 16), (1, 1)])
@pytest.mark.parametrize("length", [1, 7, 16, 24, 48, 49, 60])
def test_usable_windows_do_not_depend_on_padding(length, span, stride):
    valid = random_mask(1, length)
    alone = usable_windows(valid, span, stride)
    padded = torch.nn.functional.pad(valid, (0, 80 - length))
    together = usable_windows(padded, span, stride, torch.tensor([length]))
    assert torch.equal(together[:, : alone.shape[1]], alone)
    assert not together[:, alone.shape[1] :].any()


@pytest.mark.parametrize(("n_bad", "usable"), [(0, True), (3, True), (4, False)])
@pytest.mark.parametrize("padding", [0, 73])
def test_window_longer_than_a_spectrum_needs_half_of_the_spectrum_good(n_bad, usable, padding):
    valid = torch.nn.functional.pad(torch.arange(7)[None] >= n_bad, (0, padding))
    actual = usable_windows(valid, 16, 16, torch.tensor([7]))
    assert actual.tolist() == [[usable] + [False] * (actual.shape[1] - 1)]
