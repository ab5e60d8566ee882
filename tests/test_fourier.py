"""Frequency filtration: conventions pinned, identities, and a dense projector beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.analytic import exact_nets, random_phase_nets
from modnoise.fourier import (
    angles,
    dominant_frequency,
    filtrate,
    frequencies,
    keep_frequency,
    largest_product,
    parts,
    phase_mse,
    random_frequency,
    smallest_frequency,
    sparsity,
    spectrum,
    without_mu,
)
from modnoise.nets import NetStack, new_nets
from modnoise.spec import Run


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
    }
    assert list(found) == list(expected)
    for name, (like, act, mu) in expected.items():
        assert found[name].act == act, name
        for key, x in (("U", like.U), ("V", like.V), ("W", like.W), ("mu", mu)):
            assert torch.equal(getattr(found[name], key), x), name
    assert list(parts(nets, everything=False)) == list(expected)[:5]


def test_sparsity_is_1_for_a_cosine_and_one_over_the_count_for_a_flat_spectrum():
    flat = torch.zeros(13, dtype=torch.float64)
    flat[0] = 1.0  # all coefficients equal
    two = wave(13, 2, 0.3, 2.0) + wave(13, 5, 0.1, 1.0)  # powers 4 and 1
    x = torch.stack([wave(13, 6, 1.0) + 5.0, flat, two])[None]
    assert sparsity(x)[0].tolist() == pytest.approx([1.0, 1 / 6, 0.8])
