"""Contrastive objectives: formulas, pairs, gradients, moving average."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skspektron._nn.heads.latents import Latent
from skspektron._nn.objectives.contrastive import BYOL, InfoNCE, momentum, nt_xent

D_LATENT = 6


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Toy(nn.Module):
    """Multilayer perceptron with a buffer and dropout, whose output is the latent."""

    d_latent = D_LATENT

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Linear(12, 16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, D_LATENT)
        )
        self.register_buffer("count", torch.zeros(()))

    def latent_of(self, values, valid, wavenumber, grid):
        return Latent(self.encode(values.masked_fill(~valid, 0)))


@pytest.fixture
def network():
    return Toy().eval()


def spectra(values):
    return {
        "values": values,
        "valid": torch.ones_like(values, dtype=torch.bool),
        "wavenumber": torch.linspace(4000, 9000, 12, dtype=torch.float64).expand(len(values), -1),
        "grid": torch.zeros(len(values), dtype=torch.long),
    }


def make_views(network, values, partner, paired=None, sample=None):
    """Return the views of a batch of spectra (B, 12) and their partners."""
    n = len(values)
    paired = torch.ones(n, dtype=torch.bool) if paired is None else paired
    sample = torch.arange(n) if sample is None else sample
    batch = spectra(values) | {"partner": spectra(partner), "paired": paired, "sample": sample}
    return SimpleNamespace(
        batch=batch,
        network=network,
        latent=network.latent_of(**spectra(values)),
        partner_latent=network.latent_of(**spectra(partner)),
    )


def pairs(n=5):
    values = torch.randn(n, 12)
    return values, values + 0.1 * torch.randn(n, 12)


def test_byol_equals_its_formula(network):
    objective, (a, b) = BYOL(network, 2), pairs()
    nn.init.normal_(objective.target_projector[0].weight)  # makes target and online differ
    loss = objective(make_views(network, a, b))

    def one_way(online, target):
        p = objective.predictor(objective.projector(network.encode(online)))
        z = objective.target_projector(objective.target.encode(target))
        return torch.stack(
            [2 - 2 * (x @ y) / (x.norm() * y.norm()) for x, y in zip(p, z, strict=True)]
        )

    torch.testing.assert_close(loss, (one_way(a, b).mean() + one_way(b, a).mean()) / 2)
    assert 0 <= loss <= 4


def test_byol_is_between_0_and_4(network):
    objective, (a, _) = BYOL(network, 2), pairs()
    objective.projector = objective.target_projector = nn.Identity()
    objective.predictor = nn.Linear(D_LATENT, D_LATENT, bias=False)
    for sign, loss in ((1, 0), (-1, 4)):
        objective.predictor.weight.data = sign * torch.eye(D_LATENT)
        assert objective(make_views(network, a, a)).item() == pytest.approx(loss, abs=1e-5)


def test_only_the_target_network_has_no_gradient(network):
    objective, (a, b) = BYOL(network, 2), pairs()
    objective(make_views(network, a, b)).backward()
    targets = [*objective.target.parameters(), *objective.target_projector.parameters()]
    assert all(p.grad is None and not p.requires_grad for p in targets)
    trained = [*network.parameters(), *objective.projector.parameters()]
    trained += objective.predictor.parameters()
    assert all(p.grad.abs().max() > 0 for p in trained)


def test_network_is_not_a_submodule_of_the_objective(network):
    own = {id(p) for p in BYOL(network, 2).parameters()}
    assert own.isdisjoint(id(p) for p in network.parameters())


def test_momentum_grows_from_0_996_to_1():
    assert momentum(0.0, 0.996) == 0.996 and momentum(1.0, 0.996) == 1.0
    assert momentum(0.5, 0.996) == pytest.approx(0.998)
    assert momentum(0.25, 0.99) == pytest.approx(1 - 0.01 * (math.cos(math.pi / 4) + 1) / 2)


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_moving_average_is_exact(network, progress):
    objective = BYOL(network, 2)
    before = {name: t.clone() for name, t in objective.state_dict().items()}
    with torch.no_grad():
        for parameter in (*network.parameters(), *objective.projector.parameters()):
            parameter.add_(torch.randn_like(parameter))
        network.count.fill_(7)
    objective.after_step(network, progress)
    tau, state = momentum(progress, 0.996), objective.state_dict()
    online = {f"target.{name}": t for name, t in network.state_dict().items()}
    online |= {f"target_projector.{n}": t for n, t in objective.projector.state_dict().items()}
    assert objective.target.count == 7
    for name in online.keys() - {"target.count"}:
        expected = tau * before[name].double() + (1 - tau) * online[name].double()
        torch.testing.assert_close(state[name].double(), expected, rtol=0, atol=1e-6)


def test_target_network_has_no_dropout(network):
    objective, (a, b) = BYOL(network, 2), pairs()
    seen = make_views(network, a, b)
    objective.train()
    assert torch.equal(objective(seen), objective(seen))


@pytest.mark.parametrize("objective", [BYOL, InfoNCE])
def test_only_paired_rows_count(network, objective):
    objective, (a, b) = objective(network, 2), pairs(6)
    paired = torch.tensor([True, False, True, True, False, False])
    changed = a.clone()
    changed[~paired] = 1e3
    seen = make_views(network, changed, torch.where(paired[:, None], b, changed), paired)
    few = make_views(network, a[paired], b[paired])
    torch.testing.assert_close(objective(seen), objective(few))
    assert objective(seen) > 0


@pytest.mark.parametrize("objective", [BYOL, InfoNCE])
def test_batch_without_pairs_has_zero_loss_and_gradient(network, objective):
    objective, (a, b) = objective(network, 2), pairs()
    loss = objective(make_views(network, a, b, torch.zeros(5, dtype=torch.bool)))
    loss.backward()
    trained = [p for p in objective.parameters() if p.requires_grad]
    assert loss == 0 and all(p.grad.eq(0).all() for p in (*trained, *network.parameters()))


def test_byol_does_not_collapse_in_200_steps():
    network = Toy()
    objective = BYOL(network, 2)
    parameters = [*network.parameters(), *objective.projector.parameters()]
    parameters += objective.predictor.parameters()
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    losses = []
    for step in range(200):
        loss = objective(make_views(network, *pairs(16)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective.after_step(network, step / 200)
        losses.append(loss.item())
    z = F.normalize(network.eval().encode(torch.randn(100, 12)), dim=1)
    assert z.std(0).mean() > 0.1 / math.sqrt(D_LATENT)
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_nt_xent_equals_the_explicit_sum():
    z1, z2 = F.normalize(torch.randn(2, 5, 4), dim=2)
    sample = torch.tensor([0, 1, 2, 1, 3])  # rows 1 and 3 are one sample
    z, label = torch.cat([z1, z2]), sample.tolist() * 2
    terms = []
    for i in range(10):
        j = (i + 5) % 10
        others = [k for k in range(10) if label[k] != label[i]]
        similarity = {k: torch.exp(z[i] @ z[k] / 0.1) for k in (*others, j)}
        terms.append(-torch.log(similarity[j] / sum(similarity.values())))
    torch.testing.assert_close(nt_xent(z1, z2, sample, 0.1), sum(terms) / 10)


def test_infonce_is_smaller_for_correct_than_for_wrong_pairs(network):
    objective, (a, b) = InfoNCE(network, 2), pairs(16)
    correct, wrong = (objective(make_views(network, a, x)) for x in (b, b.roll(1, 0)))
    assert correct < wrong


def test_infonce_without_negatives_is_0(network):
    objective, (a, b) = InfoNCE(network, 2), pairs()
    loss = objective(make_views(network, a, b, sample=torch.zeros(5, dtype=torch.long)))
    loss.backward()
    assert loss == 0 and all(p.grad.isfinite().all() for p in network.parameters())
