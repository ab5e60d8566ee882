"""Algorithm 1 against the definition, one sub-net after the other; strength and IPR pinned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic import partition as module
from modnoise.arithmetic.analytic import exact_nets
from modnoise.arithmetic.fourier import without_mu
from modnoise.arithmetic.metrics import ROLES, scores
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.partition import (
    Partition,
    grid,
    ipr,
    mean_and_spread,
    partition,
    random_partitions,
    strength,
)
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table

RUNS = [Run(p=11, width=20, init="normal", dtype="float64", noise=0.4, seed=s) for s in (1, 2)]


def some() -> tuple[NetStack, module.NoisyTable, torch.Tensor]:
    """Nets whose mu is smaller than what a few neurons add, so that every neuron counts."""
    nets = new_nets(RUNS)
    nets.mu.copy_(0.05 * torch.from_numpy(np.random.default_rng(5).standard_normal((2, 11))))
    return nets, noisy_table(RUNS), strength(nets)


def wave(p: int, k: int, phase: float = 0.3) -> torch.Tensor:
    return torch.cos(2 * torch.pi * k * torch.arange(p, dtype=torch.float64) / p + phase)


@pytest.mark.parametrize(("p", "k"), [(113, 1), (113, 56), (8, 4)])
def test_the_ipr_of_a_cosine_is_1_and_the_mean_does_not_count(p, k):
    w = torch.stack([wave(p, k), wave(p, k) + 10.0])[None]
    nets = NetStack(w, w, w, torch.zeros(1, p, dtype=torch.float64))
    assert ipr(nets)[0].tolist() == pytest.approx([1.0, 1.0])


def test_the_ipr_of_equal_cosines_is_one_over_their_number():
    p = 13
    two = wave(p, 2) + wave(p, 6, 1.0)
    spike = torch.zeros(p, dtype=torch.float64)
    spike[4] = 3.0  # flat spectrum, 6 frequencies
    uneven = 2 * wave(p, 1) + wave(p, 3)  # powers 4 and 1: (16 + 1) / 25
    w = torch.stack([two, spike, uneven])[None]
    other = torch.ones_like(w)
    nets = NetStack(other, other, w, torch.zeros(1, p, dtype=torch.float64))
    assert ipr(nets)[0].tolist() == pytest.approx([1 / 2, 1 / 6, 17 / 25])


@pytest.mark.parametrize(
    ("act", "expected"),
    [("relu", 4 * 5.0), ("reverse_relu", 4 * 5.0), ("quadratic", 4 * 25.0), ("gelu", 20.0)],
)
def test_strength_by_hand(act, expected):
    # ||u|| = 2, ||v|| = 3, ||w|| = 4; gelu(5) = 4.9999986
    u, v, w = ([1.0, -2.0, 0.0], [3.0, 0.5, -1.0], [-4.0, 1.0, 2.0])
    U, V, W = (torch.tensor([[x]], dtype=torch.float64) for x in (u, v, w))
    nets = NetStack(U, V, W, torch.zeros(1, 3, dtype=torch.float64), act)
    assert strength(nets).item() == pytest.approx(expected, rel=1e-6)


def test_strength_ranks_exact_neurons_by_their_scale():
    scale = np.repeat([1.0, 3.0, 2.0], 16)
    nets = exact_nets(113, (1, 7, 20), act="relu", scale=scale)
    # lambda phi(2 lambda), up to a cosine that misses its peak between two residues
    assert strength(nets)[0].numpy() == pytest.approx(2 * scale**2, rel=1e-3)


@pytest.mark.parametrize("chunk", [1, 3000, 2**20])
@pytest.mark.parametrize("block", [1, 3, 64])
def test_every_point_of_the_curves_is_the_accuracy_of_that_sub_net(monkeypatch, chunk, block):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    monkeypatch.setattr(module, "_BLOCK", block)
    nets, table, score = some()
    found = partition(nets, table, score)
    assert found.count.tolist() == list(range(21))
    assert (found.top != found.bottom)[:, 1:-1].any(2).all()  # no point is the same by accident
    ranked = score.sort(dim=1, descending=True).values
    for j, n in enumerate(found.count):
        # the definition: scores at least, or at most, as high as the n-th from either end
        best = score > (ranked[:, n, None] if n < 20 else -1)
        worst = score < (ranked[:, 20 - n - 1, None] if n < 20 else 1e9)
        for mask, curve in ((best, found.top), (worst, found.bottom)):
            assert mask.sum(1).tolist() == [n, n]
            assert curve[:, j] == pytest.approx(scores(nets.keep(mask), table)[0].numpy())


def test_the_ends_are_mu_alone_and_the_whole_net():
    nets, table, score = some()
    found = partition(nets, table, score)
    whole = scores(nets, table)[0].numpy()
    nothing = scores(nets.keep(torch.zeros(2, 20, dtype=torch.bool)), table)[0].numpy()
    for curve in (found.top, found.bottom):
        assert curve[:, 0] == pytest.approx(nothing)
        assert curve[:, -1] == pytest.approx(whole)
    assert found.test_full == pytest.approx(whole[:, ROLES.index("test")])


def test_mu_can_be_left_out():
    nets, table, score = some()
    found, bare = partition(nets, table, score, mu=False), partition(
        without_mu(nets), table, score
    )  # fmt: skip
    assert np.array_equal(found.top, bare.top)
    assert not np.array_equal(found.top, partition(nets, table, score).top)


def by_hand(val: list[float], noise: list[float], test: list[float]) -> Partition:
    top, bottom = np.zeros((1, 5, len(ROLES))), np.zeros((1, 5, len(ROLES)))
    top[0, :, ROLES.index("val")] = val
    top[0, :, ROLES.index("test")] = test
    bottom[0, :, ROLES.index("noisy")] = noise
    return Partition(torch.tensor([[3, 1, 0, 2]]), np.arange(5), top, bottom)


def test_gammas_are_the_smallest_that_attain_the_maximum():
    found = by_hand([0.1, 0.9, 0.9, 0.8, 0.9], [0.0, 0.2, 0.995, 1.0, 1.0], [0, 0.7, 0.6, 1, 0.5])
    assert found.gamma.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.gamma_g.tolist() == [0.25]
    assert found.gamma_r.tolist() == [0.75]
    assert found.gamma_r99.tolist() == [0.5]
    assert found.test_g.tolist() == [0.7]  # chosen by val, though 0.75 has the best test accuracy
    assert found.test_full.tolist() == [0.5]
    g, r = found.masks()
    assert g.tolist() == [[False, False, False, True]]  # the first of the order 3 1 0 2
    assert r.tolist() == [[True, True, True, False]]  # its last three


def test_gamma_r_is_nan_without_noise():
    run = RUNS[0].but(noise=0.0)
    nets = new_nets(run)
    found = partition(nets, noisy_table(run), strength(nets))
    assert np.isnan(found.gamma_r).all()
    assert np.isnan(found.gamma_r99).all()
    assert np.isfinite(found.test_g).all()
    assert not found.masks()[1].any()


def test_the_masks_rebuild_the_two_sub_nets():
    nets, table, score = some()
    found = partition(nets, table, score)
    g, r = found.masks()
    assert g.sum(1).tolist() == pytest.approx((found.gamma_g * 20).tolist())
    test = scores(nets.keep(g), table)[0][:, ROLES.index("test")]
    assert found.test_g == pytest.approx(test.numpy())
    noisy = scores(nets.keep(r), table)[0][:, ROLES.index("noisy")]
    assert found.noise.max(1) == pytest.approx(noisy.numpy())


def test_the_reversed_control_is_the_partition_by_minus_the_score():
    nets, table, score = some()
    found, other = partition(nets, table, score).reversed, partition(nets, table, -score)
    assert torch.equal(found.order, other.order)
    assert np.array_equal(found.top, other.top)
    assert np.array_equal(found.bottom, other.bottom)


def test_a_partition_finds_the_rule_among_noise_neurons_and_its_controls_do_not():
    p, rng = 31, np.random.default_rng(1)
    rule = exact_nets(p, (1, 5, 11), act="relu", scale=0.5)  # 48 neurons
    U, V, W = (
        torch.cat([x, 0.6 * torch.from_numpy(rng.standard_normal((1, 150, p)))], 1)
        for x in (rule.U, rule.V, rule.W)
    )
    nets, table = NetStack(U, V, W, rule.mu, "relu"), noisy_table(Run(p=p))
    found = partition(nets, table, ipr(nets))
    assert found.gamma_g.item() <= 48 / 198
    assert found.test_g.item() == 1.0
    assert found.test_full.item() < 0.8
    shuffles = random_partitions(nets, table, shuffles=3)
    assert mean_and_spread(shuffles, "test_g")[0].item() < 0.8
    assert found.reversed.val[0, 150] < 0.3  # all noise neurons, no rule


def test_random_orders_are_seeded_and_blind_to_the_stack():
    nets, table, _ = some()
    found = random_partitions(nets, table, shuffles=4, seed=1)
    again = random_partitions(nets, table, shuffles=4, seed=1)
    assert all(torch.equal(x.order, y.order) for x, y in zip(found, again, strict=True))
    assert torch.equal(found[0].order[0], found[0].order[1])
    assert len({tuple(x.order[0].tolist()) for x in found}) == 4
    other = random_partitions(nets, table, shuffles=4, seed=2)
    assert not torch.equal(found[0].order, other[0].order)
    assert len(random_partitions(nets[0], noisy_table(RUNS[0]))) == 20
    mean, spread = mean_and_spread(found, "val")
    curves = np.stack([x.val for x in found])
    assert mean == pytest.approx(curves.mean(0))
    assert spread.max() > 0.01
    assert spread == pytest.approx(((curves - mean) ** 2).sum(0) ** 0.5 / 3**0.5)  # n - 1 = 3


@pytest.mark.parametrize("width", [1, 17, 257, 258, 513, 4097])
def test_the_grid_has_every_neuron_up_to_257_and_128_steps_above(width):
    count = grid(width)
    assert (count[0], count[-1]) == (0, width)
    assert (np.diff(count) > 0).all()
    assert len(count) == (width + 1 if width <= 257 else 129)
    assert np.abs(count / width - np.linspace(0, 1, len(count))).max() <= 0.5 / width + 1e-12


def test_equal_scores_keep_the_order_of_the_neurons():
    nets, table, score = some()
    assert partition(nets, table, torch.ones_like(score)).order[1].tolist() == list(range(20))


def test_a_dead_neuron_ranks_last():
    nets, table, _ = some()
    nets.W[0, 3] = 0.0
    score = ipr(nets)
    assert score.isnan().nonzero().tolist() == [[0, 3]]
    order = partition(nets, table, score).order
    assert order[0, -1] == 3
    assert order[0, 0] == score[0].nan_to_num(0).argmax()


def test_a_diverged_net_is_nan_and_its_stack_mate_is_not():
    nets, table, score = some()
    before = partition(nets, table, score)
    nets.W[1, 3, 4] = torch.nan
    found = partition(nets, table, score)
    assert np.isnan(found.top[1]).all()
    assert np.isnan(found.test_g[1])
    assert np.array_equal(found.top[0], before.top[0])


def test_what_cannot_be_ranked_is_refused():
    nets, table, score = some()
    with pytest.raises(ValueError, match=r"shape \(2, 19\): it must be .* = \(2, 20\)"):
        partition(nets, table, score[:, 1:])
    run = RUNS[0].but(val_frac=0.0)
    with pytest.raises(ValueError, match="val_frac must be above 0"):
        partition(new_nets(run), noisy_table(run), strength(new_nets(run)))
