"""Episodes: disjoint training and predicted samples, standards, random numbers."""

import numpy as np
import pytest
import torch

from skspektron._bridge import to_spectra
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network
from skspektron._training.masked import _episodes
from skspektron._training.masked._episodes import (
    MIN_LABELLED,
    N_STANDARDS,
    Episodes,
    components,
    standardize,
)

N = 50  # samples of a product
OBJECTIVES = {"calibration": 1.0, "masked": 0.1}


def make(instrument, sample, y, grid=None, X=None):
    """Return spectra whose values, unless given, are the numbers of their rows."""
    n = len(y)
    X = np.arange(n, dtype=float)[:, None] + np.zeros(40) if X is None else X
    grid = np.zeros(n, dtype=int) if grid is None else np.asarray(grid)
    axes = [np.linspace(4000, 9000 + which, X.shape[1]) for which in range(grid.max() + 1)]
    labels = {"instrument": instrument, "sample": sample}
    labels = {name: None if part is None else np.asarray(part) for name, part in labels.items()}
    return to_spectra(X, axes, grid, targets=np.asarray(y, float).reshape(n, -1), **labels)


@pytest.fixture
def two():
    """Two products, of three instruments and of two; every second sample is measured twice."""
    rng = np.random.default_rng(0)
    rows = [(i, s) for i in range(3) for s in range(N)]
    rows += [(i, N + s) for i in (3, 4) for s in range(N)]
    rows += [(i, s) for i, s in rows if s % 2]
    instrument, sample = np.array(rows)[rng.permutation(len(rows))].T
    scores = rng.normal(size=(2 * N, 3))
    y = scores[sample]
    y[sample < N, 2] = np.nan  # a column of the other product alone
    y[(sample >= N) & (sample < N + 5), 0] = np.nan
    return make(instrument, sample, y)


def drawn(spectra, n_episodes=200, seed=0):
    """Return episodes with the rows of training samples, standards and predicted samples."""
    episodes = Episodes(spectra, torch.arange(spectra.n_samples), seed)
    for episode in episodes.batch(0, 64 * n_episodes):
        rows = episode["spectra"]["values"][:, 0].long()
        n_train, n_query = len(episode["y"]), len(episode["y_query"])
        yield (
            *rows.split([n_train, len(rows) - n_train - n_query, n_query]),
            episode,
        )


def test_training_and_predicted_samples_are_disjoint(two):
    for train, standards, query, _ in drawn(two):
        samples = [two.sample[part] for part in (train, standards, query)]
        assert not torch.isin(samples[2], samples[0]).any()
        assert all(len(part.unique()) == len(part) for part in samples)
        assert 25 <= len(train) <= 55 and 10 <= len(query) <= 30


def test_standards_are_the_first_training_samples_on_the_target(two):
    sizes = []
    for train, standards, query, _ in drawn(two):
        k = len(standards)
        assert torch.equal(two.sample[standards], two.sample[train[:k]])
        source, target = two.instrument[train].unique(), two.instrument[query].unique()
        assert len(source) == len(target) == 1
        assert (two.instrument[standards] == target).all()
        if source == target:
            assert k == 0
        else:
            sizes.append(k)
        assert (two.sample[torch.cat([train, query])] < N).unique().numel() == 1
    assert set(sizes) == set(N_STANDARDS)
    assert 50 < len(sizes) < 110  # 40 % of 200


def test_targets_are_columns_or_combinations_in_standard_deviations(two):
    n_columns = 0
    for train, _, query, episode in drawn(two):
        rows, target = torch.cat([train, query]), torch.cat([episode["y"], episode["y_query"]])
        assert target.isfinite().all() and 0.5 < target.std() < 1.6
        known = two.targets[rows]
        known = known[:, known.isfinite().all(0)]
        columns = torch.cat([known, torch.ones(len(rows), 1)], 1)
        left = target - columns @ torch.linalg.lstsq(columns, target[:, None]).solution[:, 0]
        assert left.abs().max() < 1e-9
        n_columns += torch.corrcoef(torch.cat([known.T, target[None]]))[-1, :-1].max() > 1 - 1e-9
    assert 120 < n_columns < 180


def test_an_instrument_may_lack_samples_of_the_other():
    instrument = np.repeat([0, 1], [60, 40])
    sample = np.concatenate([np.arange(60), np.arange(50, 90)])  # ten in common
    spectra = make(instrument, sample, np.random.default_rng(0).normal(size=100))
    for train, standards, query, _ in drawn(spectra):
        assert torch.equal(spectra.sample[standards], spectra.sample[train[: len(standards)]])
        assert not torch.isin(spectra.sample[query], spectra.sample[train]).any()


def test_products_are_kept_apart_by_axis_and_joined_by_samples():
    label = components(torch.tensor([0, 1, 2, 3, 3]), torch.tensor([5, 5, 6, 7, 6]))
    assert label[0] == label[1] and label[2] == label[3] == label[4] and label[0] != label[2]
    y = np.random.default_rng(0).normal(size=120)
    spectra = make(None, None, y, grid=np.repeat([0, 1], 60))
    episodes = Episodes(spectra, torch.arange(120), 0)
    assert [len(product.rows) for product in episodes.products] == [60, 60]
    one = Episodes(make(np.zeros(60, int), None, y[:60]), torch.arange(60), 0)
    assert len(one.products) == 1
    for train, _, query, episode in drawn(spectra, 20):
        assert len(episode["spectra"]["grid"].unique()) == 1
        assert not torch.isin(query, train).any()


def test_episodes_depend_on_seed_and_step_only(two):
    def rows(seed, step):
        batch = Episodes(two, torch.arange(two.n_samples), seed).batch(step, 128)
        assert len(batch) == 2
        return torch.cat([episode["spectra"]["values"][:, 0] for episode in batch])

    assert torch.equal(rows(1, 7), rows(1, 7))
    assert not torch.equal(rows(1, 7)[:25], rows(1, 8)[:25])
    assert not torch.equal(rows(1, 7)[:25], rows(2, 7)[:25])


def test_one_episode_per_64_rows(two):
    episodes = Episodes(two, torch.arange(two.n_samples), 0)
    assert [len(episodes.batch(0, n)) for n in (1, 64, 100, 256)] == [1, 1, 2, 4]


def test_held_out_rows_are_in_no_episode(two):
    kept = (two.sample % 7 > 0).nonzero().flatten()
    for episode in Episodes(two, kept, 0).batch(0, 64 * 50):
        assert torch.isin(episode["spectra"]["values"][:, 0].long(), kept).all()


def test_constant_targets_are_nan():
    y = torch.tensor([[1.0, 5.0], [3.0, 5.0], [torch.nan, 5.0]])
    expected = torch.tensor([[-1.0, torch.nan], [1.0, torch.nan], [torch.nan, torch.nan]])
    torch.testing.assert_close(standardize(y), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("y", "most"),
    [
        (np.arange(MIN_LABELLED - 1.0), MIN_LABELLED - 1),
        (np.ones(80), 0),
        (np.r_[np.arange(20.0), [np.nan] * 50], 20),
    ],
)
def test_too_few_samples_are_refused(y, most):
    with pytest.raises(ValueError, match=rf"need {MIN_LABELLED} .* got at most {most}\."):
        Episodes(make(None, None, y), torch.arange(len(y)), 0)
    assert _episodes.MIN_LABELLED == 35


@pytest.fixture
def labelled():
    """Spectra in which the target varies less than interferents."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(60, 3))
    bands = np.exp(-0.5 * ((np.arange(40) - np.array([[8], [20], [26]])) / 3) ** 2)
    X = (scores * [0.3, 3, 3]) @ bands + 0.03 * rng.normal(size=(60, 40))
    return make(None, None, scores[:, 0], X=X)


def network():
    return new_network(Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1), seed=0)


@pytest.mark.parametrize("objective", ["calibration", "complement"])
def test_the_loss_falls(run, labelled, objective):
    history = run(
        network(),
        labelled,
        objectives={objective: 1.0},
        max_steps=120,
        batch_size=64,
        learning_rate=1e-2,
        report_every=30,
    )
    losses = [record[objective] for record in history]
    assert losses[-1] < losses[0] - 0.2


def test_a_resumed_run_ends_at_the_same_weights(run, labelled, stop_at, tmp_path):
    settings = {"objectives": OBJECTIVES, "max_steps": 12, "report_every": 3, "batch_size": 64}
    whole, resumed = network(), network()
    history = run(whole, labelled, **settings)
    stop_at(7)
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(network(), labelled, checkpoint=path, **settings)
    again = run(resumed, labelled, checkpoint=path, **settings)
    for name in ("calibration", "masked", "masked_mse"):
        assert [record[name] for record in again] == [record[name] for record in history]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_a_batch_that_is_cut_is_refused(run, labelled, monkeypatch):
    settings = {"objectives": OBJECTIVES, "batch_size": 64}
    with pytest.raises(ValueError, match="batch_size=64 is split into parts of 16 in 1 processes"):
        run(network(), labelled, micro_batch_size=16, **settings)
    run(network(), labelled, micro_batch_size=64, max_steps=1, **settings)
