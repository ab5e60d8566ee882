"""Frequency filtration: conventions pinned, identities, and a dense projector beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.analytic import exact_nets, random_phase_nets
from modnoise.arithmetic.fourier import (
    angles,
    dominant_frequency,
    every_frequency,
    filtrate,
    filtrate_log,
    frequencies,
    keep_frequency,
    label_prior,
    largest_product,
    logarithms,
    parts,
    phase_coherence,
    phase_mse,
    random_frequency,
    smallest_frequency,
    sparsity,
    spectrum,
    without_mu,
)
from modnoise.arithmetic.metrics import predictions
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table, true_labels


def wave(p: int, k: int, phase: float, size: float = 1.0) -> torch.Tensor:
    return size * torch.cos(2 * torch.pi * k * torch.arange(p, dtype=torch.float64) / p + phase)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def random_nets(p: int = 13, width: int = 6, runs: int = 2, **fields) -> NetStack:
    rows = [
        Run(p=p, width=width, dtype="float64", init="normal", seed=s, **fields)
        for s in range(runs)
    ]
    return new_nets(rows)


def dense_projector(p: int, k: int) -> torch.Tensor:
    """Onto the span of cos and sin of frequency k, by normalized columns."""
    columns = [wave(p, k, 0.0), wave(p, k, -torch.pi / 2)]
    columns = [x / x.norm() for x in columns if x.norm() > 1e-6]  # at k = p / 2 the sine is 0
    return sum(torch.outer(x, x) for x in columns)


@pytest.mark.parametrize("k", [1, 56])
@pytest.mark.parametrize("phase", [0.4, -3.0, 3.1])
def test_the_angle_of_a_cosine_is_its_phase_at_both_ends_of_the_spectrum(k, phase):
    found = spectrum(wave(113, k, phase, size=2.0))
    assert found.shape == (56,)
    assert found[k - 1].angle().item() == pytest.approx(phase, abs=1e-10)
    assert found[k - 1].abs().item() == pytest.approx(2.0 * 113**0.5 / 2)  # unitary
    found[k - 1] = 0
    assert found.abs().max() < 1e-10


@pytest.mark.parametrize("p", [7, 8, 113])
def test_the_spectrum_is_unitary_with_the_mean_beside_it(p):
    x = noise(3, p)
    power = spectrum(x).abs().square()
    mean = x.sum(-1).square() / p  # |x^_0|^2
    twice = torch.full((p // 2,), 2.0, dtype=torch.float64)  # k and p - k
    if p % 2 == 0:
        twice[-1] = 1.0  # k = p / 2 is its own mirror image
    torch.testing.assert_close(mean + (power * twice).sum(-1), x.square().sum(-1))


def test_there_are_56_frequencies_for_113_and_the_last_can_be_dominant():
    assert list(frequencies(113)) == list(range(1, 57))
    for k in (1, 56):
        w = wave(113, k, 1.0) + 0.9 * wave(113, 20, 0.3) + 100.0  # the mean does not count
        assert dominant_frequency(w[None, None]).item() == k


def test_the_frequency_comes_from_w_alone():
    p, k_u, k_v, k_w = 31, 3, 8, 11
    U = (wave(p, k_u, 0.1, 5.0) + wave(p, k_w, 0.7, 0.2))[None, None]
    V = (wave(p, k_v, 0.2, 5.0) + wave(p, k_w, 0.5, 0.3))[None, None]
    W = (wave(p, k_w, 0.3, 1.0) + wave(p, k_u, 0.9, 0.5))[None, None]
    g, r = filtrate(NetStack(U, V, W, torch.zeros(1, p, dtype=torch.float64)))
    torch.testing.assert_close(g.U[0, 0], wave(p, k_w, 0.7, 0.2))
    torch.testing.assert_close(g.V[0, 0], wave(p, k_w, 0.5, 0.3))
    torch.testing.assert_close(g.W[0, 0], wave(p, k_w, 0.3, 1.0))
    torch.testing.assert_close(r.U[0, 0], wave(p, k_u, 0.1, 5.0))


@pytest.mark.parametrize("p", [13, 14])
def test_filtration_is_a_dense_projection_at_the_dominant_frequency(p):
    nets = random_nets(p)
    g, _r = filtrate(nets)
    for run in range(2):
        for m in range(nets.width):
            w = nets.W[run, m]
            # the dominant frequency by the energy of the dense transform, k and p - k as one
            dense = torch.exp(-2j * torch.pi * torch.outer(torch.arange(p), torch.arange(p)) / p)
            size = (dense.to(torch.complex128) @ w.to(torch.complex128)).abs()[1 : p // 2 + 1]
            k = int(size.argmax()) + 1
            assert dominant_frequency(nets.W)[run, m] == k
            for x, x_g in ((nets.U, g.U), (nets.V, g.V), (nets.W, g.W)):
                torch.testing.assert_close(x_g[run, m], dense_projector(p, k) @ x[run, m])


@pytest.mark.parametrize("p", [13, 14])
@pytest.mark.parametrize("tied", [False, True])
def test_the_parts_add_up_neuron_by_neuron_to_rounding(p, tied):
    nets = random_nets(p, tied=tied)
    g, r = filtrate(nets)
    for name in ("U", "V", "W"):
        whole = getattr(nets, name)
        difference = getattr(g, name) + getattr(r, name) - whole
        assert difference.abs().max() <= 1e-15 * whole.abs().max()
    assert g.tied == r.tied == tied
    assert torch.equal(g.mu, nets.mu)
    assert torch.equal(r.mu, nets.mu)
    assert (g.act, r.act) == (nets.act, nets.act)


def test_the_functions_of_the_parts_do_not_add_up():
    nets = without_mu(random_nets())
    g, r = filtrate(nets)
    assert (g.logits() + r.logits() - nets.logits()).abs().max() > 0.1 * nets.logits().std()


def test_filtration_leaves_an_exact_net_as_it_is_and_is_idempotent():
    nets = exact_nets(31, (1, 5, 15))
    g, r = filtrate(nets)
    torch.testing.assert_close(g.W, nets.W)
    assert r.U.abs().max() < 1e-13
    once = filtrate(random_nets())[0]
    torch.testing.assert_close(filtrate(once)[0].V, once.V)


@pytest.mark.parametrize("p", [12, 13])
def test_frequencies_outside_1_to_half_p_are_refused(p):
    x = noise(1, 2, p)
    assert keep_frequency(x, torch.tensor([[1, p // 2]])).shape == x.shape
    for k in (0, -1, p // 2 + 1):
        with pytest.raises(ValueError, match=rf"frequencies must lie in 1 \.\.\. {p // 2}"):
            keep_frequency(x, torch.tensor([[1, k]]))


def test_an_even_modulus_has_the_alternating_frequency_too():
    p = 8
    assert list(frequencies(p)) == [1, 2, 3, 4]
    x = wave(p, 4, 0.0) + 0.5 * wave(p, 1, 0.3)
    assert dominant_frequency(x[None, None]).item() == 4
    kept = keep_frequency(x[None, None], torch.tensor([[4]]))[0, 0]
    torch.testing.assert_close(kept, torch.tensor([1.0, -1.0] * 4, dtype=torch.float64))


@pytest.mark.parametrize("op", ["add", "sub"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_phase_mse_of_exact_nets_is_zero(op, weighted):
    for nets in (exact_nets(31, (1, 5, 15), op=op), random_phase_nets(31, 50, op=op)):
        assert phase_mse(nets, op=op, weighted=weighted).item() < 1e-20
        other = "sub" if op == "add" else "add"
        assert phase_mse(nets, op=other, weighted=weighted).item() > 1


def test_the_phase_mse_of_unrelated_angles_is_pi_squared_over_3():
    # the wrapped miss is uniform on (-pi, pi]: mean square pi^2/3, its sigma pi^2 sqrt(4/45)
    nets = NetStack(*(noise(1, 20_000, 7, seed=s) for s in (1, 2, 3)), noise(1, 7))
    sigma = np.pi**2 * (4 / 45 / 20_000) ** 0.5
    assert phase_mse(nets).item() == pytest.approx(np.pi**2 / 3, abs=4 * sigma)


def test_the_phase_mse_wraps_and_weights():
    p, k = 31, 4

    def stack(*phases: tuple[float, float, float, float]) -> NetStack:
        U, V, W = (
            torch.stack([wave(p, k, row[i], row[3] if i == 2 else 1.0) for row in phases])[None]
            for i in range(3)
        )
        return NetStack(U, V, W, torch.zeros(1, p, dtype=torch.float64))

    # 3 + 3 - (-0.2) = 6.2, that is 6.2 - 2 pi away from a whole turn
    assert phase_mse(stack((3.0, 3.0, -0.2, 1.0))).item() == pytest.approx((6.2 - 2 * np.pi) ** 2)
    # misses 0.5 and 0 with output sizes 1 and 3: plain mean 0.125, weighted 0.0625
    nets = stack((0.5, 0.0, 0.0, 1.0), (0.4, 0.6, 1.0, 3.0))
    assert phase_mse(nets).item() == pytest.approx(0.125)
    assert phase_mse(nets, weighted=True).item() == pytest.approx(0.0625)
    with pytest.raises(ValueError, match="op = 'mul' is not allowed"):
        phase_mse(nets, op="mul")


def test_angles_are_read_at_the_frequency_of_w():
    p = 31
    U, V, W = wave(p, 2, 0.3) + wave(p, 9, 1.1, 7.0), wave(p, 2, -0.4), wave(p, 2, 2.9)
    nets = NetStack(*(x[None, None] for x in (U, V, W)), torch.zeros(1, p, dtype=torch.float64))
    assert [x.item() for x in angles(nets)] == pytest.approx([0.3, -0.4, 2.9])
    at_9 = angles(nets, torch.tensor([[9]]))
    assert at_9[0].item() == pytest.approx(1.1)


def test_the_controls_choose_what_they_say():
    p = 31
    w = wave(p, 3, 0.1, 2.0) + sum(wave(p, k, 0.2) for k in range(1, 16) if k != 7)
    u = wave(p, 5, 0.3, 9.0) + wave(p, 3, 0.2)
    nets = NetStack(*(x[None, None] for x in (u, u, w)), torch.zeros(1, p, dtype=torch.float64))
    assert smallest_frequency(nets.W).item() == 7
    assert dominant_frequency(nets.W).item() == 3
    assert largest_product(nets).item() == 5  # 9 * 9 * 1 > 1 * 1 * 3
    wide = random_nets(width=5000, p=13, runs=2)
    k = random_frequency(wide, seed=3)
    assert torch.equal(k, random_frequency(wide, seed=3))
    assert torch.equal(k[0], k[1])
    counts = torch.bincount(k[0])[1:]
    sigma = (5000 * 1 / 6 * 5 / 6) ** 0.5
    assert len(counts) == 6
    assert ((counts - 5000 / 6).abs() < 4 * sigma).all()


def test_the_parts_are_the_filtrations_and_swaps_of_their_names():
    nets = random_nets()
    found = parts(nets)
    g, r = filtrate(nets)
    zero = torch.zeros_like(nets.mu)
    random = filtrate(nets, random_frequency(nets))[0]
    weakest = filtrate(nets, smallest_frequency(nets.W))[0]
    expected = {
        "full": (nets, "relu", nets.mu),
        "G": (g, "relu", nets.mu),
        "R": (r, "relu", nets.mu),
        "G_quadratic": (g, "quadratic", zero),
        "G_random": (random, "quadratic", zero),
        "G_mu0": (g, "relu", zero),
        "G_random_relu": (random, "relu", nets.mu),
        "G_smallest": (weakest, "quadratic", zero),
        "quadratic": (nets, "quadratic", nets.mu),
        "quadratic_mu0": (nets, "quadratic", zero),
        "reverse_relu": (nets, "reverse_relu", nets.mu),
        "every": (every_frequency(nets), "relu", nets.mu),
        "every_quadratic": (every_frequency(nets), "quadratic", zero),
    }
    assert list(found) == list(expected)
    for name, (like, act, mu) in expected.items():
        assert found[name].act == act, name
        for key, x in (("U", like.U), ("V", like.V), ("W", like.W), ("mu", mu)):
            assert torch.equal(getattr(found[name], key), x), name
    assert list(parts(nets, everything=False)) == list(expected)[:5]
    log, rest = filtrate_log(nets)
    random = filtrate_log(nets, random_frequency(nets))[0]
    expected = {
        "G_log": (log, "relu", nets.mu),
        "R_log": (rest, "relu", nets.mu),
        "G_log_quadratic": (log, "quadratic", zero),
        "G_log_random": (random, "quadratic", zero),
    }
    found = parts(nets, log=True)
    assert list(found)[-4:] == list(expected)
    for name, (like, act, mu) in expected.items():
        assert (found[name].act, found[name].mu.tolist()) == (act, mu.tolist()), name
        for key in "UVW":
            assert torch.equal(getattr(found[name], key), getattr(like, key)), name


def test_sparsity_is_1_for_a_cosine_and_one_over_the_count_for_a_flat_spectrum():
    flat = torch.zeros(13, dtype=torch.float64)
    flat[0] = 1.0  # all coefficients equal
    two = wave(13, 2, 0.3, 2.0) + wave(13, 5, 0.1, 1.0)  # powers 4 and 1
    x = torch.stack([wave(13, 6, 1.0) + 5.0, flat, two])[None]
    assert sparsity(x)[0].tolist() == pytest.approx([1.0, 1 / 6, 0.8])


@pytest.mark.parametrize("op", ["add", "sub"])
def test_the_coherence_of_an_exact_net_is_1_and_0_under_the_other_sign(op):
    nets = exact_nets(31, (1, 5, 15), op=op, scale=np.repeat([1.0, 0.2, 3.0], 16))
    assert phase_coherence(nets, op=op)["coherence"].item() == pytest.approx(1.0)
    assert phase_coherence(nets, op=op)["coherence_dominant"].item() == pytest.approx(1.0)
    # under the other sign the miss is 2 phi_b, half of the quarter turns 0 and half of them pi
    other = "sub" if op == "add" else "add"
    assert phase_coherence(nets, op=other)["coherence"].item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("op", "sign"), [("add", 1), ("sub", -1)])
def test_the_coherence_by_hand_of_one_neuron_with_two_frequencies(op, sign):
    p = 31

    def two(at_3: tuple[float, float], at_8: tuple[float, float]) -> torch.Tensor:
        return (wave(p, 3, at_3[1], at_3[0]) + wave(p, 8, at_8[1], at_8[0]) + 5.0)[None, None]

    # k = 3 dominates w: product 1 * 2 * 4 = 8, miss 0.1 + 0.2 - 0.3 = 0;
    # k = 8: product 3 * 4 * 1 = 12, miss 0.4 + 0.5 - (-0.2) = 1.1
    U, V = two((1, 0.1), (3, 0.4)), two((2, sign * 0.2), (4, sign * 0.5))
    W = two((4, 0.3), (1, -0.2))
    nets = NetStack(U, V, W, torch.zeros(1, p, dtype=torch.float64))
    found = phase_coherence(nets, op=op)
    assert found["coherence_dominant"].item() == pytest.approx(1.0)
    assert found["coherence_other"].item() == pytest.approx(np.cos(1.1))
    assert found["coherence"].item() == pytest.approx((8 + 12 * np.cos(1.1)) / 20)


def test_the_coherence_of_untrained_nets_is_0_to_its_sampling_error():
    nets = random_nets(p=29, width=400, runs=3)
    size = (spectrum(nets.U) * spectrum(nets.V) * spectrum(nets.W)).abs()
    own = torch.zeros_like(size).scatter(-1, dominant_frequency(nets.W)[..., None] - 1, 1.0)
    for name, weight in {
        "coherence": torch.ones_like(own),
        "coherence_dominant": own,
        "coherence_other": 1 - own,
    }.items():
        # independent uniform angles: each term is |.| cos(angle), of variance |.|^2 / 2
        size_here = (size * weight).flatten(1)
        sigma = (size_here.square().sum(1) / 2).sqrt() / size_here.sum(1)
        for op in ("add", "sub"):
            assert (phase_coherence(nets, op=op)[name].abs() < 4 * sigma).all(), (name, op)


def test_the_coherence_has_no_meaning_for_multiplication():
    with pytest.raises(ValueError, match="op = 'mul' is not allowed"):
        phase_coherence(random_nets(), op="mul")


@pytest.mark.parametrize("act", ["relu", "quadratic", "gelu"])
def test_keeping_every_frequency_of_pure_cosines_changes_nothing(act):
    nets = random_phase_nets(13, 30, act=act)
    nets.mu.copy_(noise(1, 13))
    every = every_frequency(nets)
    assert every.width == 30 * 6
    torch.testing.assert_close(every.logits(), nets.logits())


@pytest.mark.parametrize("p", [12, 13])
@pytest.mark.parametrize("tied", [False, True])
def test_keeping_every_frequency_is_the_sum_of_the_filters_at_each(p, tied):
    nets = random_nets(p, tied=tied)
    nets.mu.copy_(noise(2, p))
    total = nets.mu[:, None, None].clone()
    for k in frequencies(p):
        same = torch.full((2, nets.width), k)
        total = total + without_mu(filtrate(nets, same)[0]).logits()
    every = every_frequency(nets)
    torch.testing.assert_close(every.logits(), total)
    assert every.tied == tied
    assert (every.logits() - nets.logits()).abs().max() > 0.1  # and it is not the net


@pytest.mark.parametrize(("p", "root"), [(3, 2), (7, 3), (23, 5), (59, 2), (113, 3)])
def test_multiplication_is_addition_of_positions_in_the_order_of_powers(p, root):
    powers = logarithms(p)
    assert sorted(powers.tolist()) == list(range(1, p))
    assert powers[1] == root  # the smallest primitive root
    i = np.arange(p - 1)
    product = powers[:, None] * powers[None] % p
    assert (product == powers[(i[:, None] + i[None]) % (p - 1)]).all()


@pytest.mark.parametrize("p", [0, 1, 2, 9, 91])
def test_without_an_odd_prime_there_is_no_logarithm(p):
    with pytest.raises(ValueError, match=f"p = {p} is not allowed"):
        logarithms(p)


def reindexed(nets: NetStack, p: int) -> NetStack:
    """A net modulo p - 1 as one on the nonzero residues modulo p, g^i in place of i."""
    order = torch.from_numpy(logarithms(p))

    def moved(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(*x.shape[:2], p, dtype=x.dtype)
        out[..., order] = x
        return out

    mu = torch.zeros(1, p, dtype=nets.mu.dtype)
    return NetStack(moved(nets.U), moved(nets.V), moved(nets.W), mu, nets.act)


@pytest.mark.parametrize("act", ["relu", "quadratic"])
def test_ff_over_the_logarithm_finds_an_exact_multiplier_under_noise(act):
    p = 23
    exact = reindexed(exact_nets(22, (1, 4, 7, 10), act=act), p)
    right = torch.from_numpy(true_labels("mul", p))[1:, 1:]
    assert (predictions(exact)[0, 1:, 1:] == right).all()
    g, r = filtrate_log(exact)
    torch.testing.assert_close(g.logits(), exact.logits())
    assert max(x.abs().max() for x in (r.U, r.V, r.W)) < 1e-13
    noisy = NetStack(
        *(x + 0.5 * noise(*x.shape, seed=s) for s, x in enumerate((exact.U, exact.V, exact.W))),
        exact.mu,
        act,
    )
    assert (predictions(noisy)[0, 1:, 1:] == right).double().mean() < 0.9
    assert (predictions(filtrate_log(noisy)[0])[0, 1:, 1:] == right).double().mean() > 0.99
    # the additive filter sees nothing here
    assert (predictions(filtrate(noisy)[0])[0, 1:, 1:] == right).double().mean() < 0.5


@pytest.mark.parametrize("tied", [False, True])
def test_ff_over_the_logarithm_is_a_projection_of_the_reordered_vectors(tied):
    p = 11
    nets = random_nets(p, tied=tied)
    order = torch.from_numpy(logarithms(p))
    g, r = filtrate_log(nets)
    assert g.tied == r.tied == tied
    k = dominant_frequency(nets.W[..., order])
    for name in "UVW":
        x, x_g, x_r = (getattr(n, name) for n in (nets, g, r))
        torch.testing.assert_close(x_g + x_r, x)
        assert torch.equal(x_g[..., 0], x[..., 0])  # 0 has no logarithm and stays in G
        for run, m in np.ndindex(2, nets.width):
            kept = dense_projector(p - 1, int(k[run, m])) @ x[run, m, order]
            torch.testing.assert_close(x_g[run, m, order], kept)
    other = filtrate_log(nets, torch.full_like(k, 2))[0]
    kept = keep_frequency(nets.V[..., order], torch.full_like(k, 2))
    torch.testing.assert_close(other.V[..., order], kept)
    assert torch.equal(g.mu, nets.mu)
    assert torch.equal(r.mu, nets.mu)
    with pytest.raises(ValueError, match="p = 9 is not allowed"):
        filtrate_log(random_nets(9))


ALL = {"train_frac": 1.0, "val_frac": 0.0, "test_frac": 0.0}


@pytest.mark.parametrize("op", ["add", "sub"])
@pytest.mark.parametrize("p", [5, 12, 23])
def test_the_filter_alone_reads_a_clean_table(op, p):
    table = noisy_table(Run(p=p, op=op, noise=0.0, **ALL))
    assert (label_prior(table) == table.true).all()


def test_the_filter_alone_averages_along_the_four_sums_and_differences():
    p = 7
    tables = noisy_table([Run(p=p, noise=x, seed=s) for x, s in ((0.4, 1), (1.0, 2))])
    a, b, c = np.indices((p, p, p))
    for run, answer in enumerate(label_prior(tables)):
        T = np.zeros((p, p, p))
        given, train = tables.given[run].numpy(), tables.train[run].numpy()
        T[a[..., 0], b[..., 0], given] = train
        # modes of frequencies (k, k, -k): functions of a + b - c without mean; and so on
        kept = np.zeros_like(T)
        for sa, sb, sc in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)):
            d = (sa * a + sb * b + sc * c) % p
            kept += np.array([T[d == x].mean() for x in range(p)])[d] - T.mean()
        best = np.sort(kept, -1)
        clear = best[..., -1] - best[..., -2] > 1e-9
        assert clear.mean() > 0.5
        assert (answer.numpy() == kept.argmax(-1))[clear].all()


def test_the_filter_alone_is_at_chance_on_labels_without_a_rule():
    p, seeds = 7, 300
    table = noisy_table(
        [Run(p=p, noise=1.0, noise_kind="any", seed=s, **ALL) for s in range(seeds)]
    )
    right = (label_prior(table) == table.true).double().mean((1, 2))
    # labels uniform and independent of the true ones: 1/p in expectation, seeds are independent
    sigma = right.std().item() / seeds**0.5
    assert right.mean().item() == pytest.approx(1 / p, abs=4 * sigma)
    assert sigma < 0.03
