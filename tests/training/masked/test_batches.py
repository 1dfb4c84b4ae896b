"""Partners: rows of the same sample on another instrument, with equal probability."""

import numpy as np
import pytest
import torch

from skspektron._bridge import to_spectra
from skspektron._training.masked._batches import Partners


def spectra_of(sample, instrument):
    """Return spectra whose values are the numbers of their rows."""
    n = len(sample)
    return to_spectra(
        np.arange(n, dtype=float)[:, None] + np.zeros(4),
        [np.linspace(4000, 9000, 4)],
        np.zeros(n, dtype=int),
        sample=np.asarray(sample),
        instrument=np.asarray(instrument),
    )


def drawn(partners, step, rows):
    """Return the partner of every row, and whether there is one."""
    batch = partners.batch(step, rows)
    return batch["partner"]["values"][:, 0].long(), batch["paired"]


@pytest.fixture
def labels():
    """Return samples and instruments of 60 shuffled rows: with replicates and unpaired samples."""
    rng = np.random.default_rng(0)
    return rng.choice([0, 1, 2, 3, 5], 60, p=[0.4, 0.3, 0.2, 0.05, 0.05]), rng.integers(0, 4, 60)


def test_partners_are_drawn_with_equal_probability(labels):
    sample, instrument = labels
    sample[7], sample[8:10], instrument[8:10] = 8, 9, 2  # alone; alone on its instrument, twice
    partners, n_draws = Partners(spectra_of(sample, instrument), seed=0), 2000
    rows = torch.arange(60).repeat(n_draws)
    partner, paired = drawn(partners, 3, rows)
    counts = torch.zeros(60, 60).index_put_((rows, partner), torch.tensor(1.0), accumulate=True)
    for row in range(60):
        others = (sample == sample[row]) & (instrument != instrument[row])
        assert paired[row] == others.any()
        if not others.any():
            assert counts[row, row] == n_draws
            continue
        expected = np.where(others, n_draws / others.sum(), 0)
        # Five standard deviations of a Poisson count.
        assert (np.abs(counts[row].numpy() - expected) <= 5 * np.sqrt(expected)).all()


def test_partners_depend_on_seed_and_step_only(labels):
    spectra, rows = spectra_of(*labels), torch.tensor([5, 3, 44, 3])
    first, again = (drawn(Partners(spectra, seed=1), 7, rows)[0] for _ in range(2))
    assert torch.equal(first, again)
    rows = torch.arange(60)
    assert not torch.equal(
        drawn(Partners(spectra, 1), 7, rows)[0], drawn(Partners(spectra, 1), 8, rows)[0]
    )
    assert not torch.equal(
        drawn(Partners(spectra, 1), 7, rows)[0], drawn(Partners(spectra, 2), 7, rows)[0]
    )


def test_memory_is_linear_in_replicates_of_one_sample():
    n = 20_000  # every row has 10 000 partners: all pairs would be 200 million numbers
    partners = Partners(spectra_of(np.zeros(n, dtype=int), np.arange(n) % 2), seed=0)
    kept = [value for value in vars(partners).values() if isinstance(value, torch.Tensor)]
    assert kept and sum(tensor.numel() for tensor in kept) <= 5 * n
    rows = torch.arange(0, n, 7)
    partner, paired = drawn(partners, 0, rows)
    assert paired.all() and ((partner - rows) % 2 == 1).all()


def test_partners_are_drawn_without_a_loop_over_rows(labels, monkeypatch):
    spectra = spectra_of(*labels)
    monkeypatch.setattr(torch.Tensor, "tolist", None)
    monkeypatch.setattr(torch.Tensor, "__iter__", None)
    assert Partners(spectra, seed=0).count.sum() > 60
