"""A network that learned no features: frozen layers, and a readout in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.fourier import (
    filtrate,
    label_prior,
    label_vote,
    random_frequency,
    without_mu,
)
from modnoise.arithmetic.lazy import (
    RIDGE,
    expected_filtered,
    filtered_mean,
    hidden,
    interpolate,
    mean_dual,
    moments,
    ridge_readout,
)
from modnoise.arithmetic.metrics import accuracy
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import NoisyTable, noisy_table
from modnoise.studies import EXPERIMENTS
from modnoise.training.loop import train

BASE = {"p": 11, "width": 13, "dtype": "float64", "frozen": "UV", "noise": 0.4}
SOLVED = {"steps": 0, "ridge": RIDGE}
STACK = [Run(**BASE, seed=1, lr=1e-2), Run(**BASE, seed=2, lr=3e-3, weight_decay=0.0)]


@pytest.mark.parametrize("engine", [FastEngine, ReferenceEngine])
def test_gradients_of_the_readout_are_those_of_the_whole_net_and_of_frozen_layers_zero(engine):
    whole = [run.but(frozen="") for run in STACK]
    nets, table = new_nets(STACK), noisy_table(STACK)
    lookup, *readout = engine(STACK, nets, table).gradients()
    all_of, *expected = ReferenceEngine(whole, nets, table).gradients()
    assert lookup.shape == all_of.shape
    assert not lookup.any()
    assert all_of.abs().max() > 1e-4
    for found, right in zip(readout, expected, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "muon"])
def test_frozen_layers_keep_every_bit_and_the_readout_learns(engine, optimizer):
    runs = [run.but(optimizer=optimizer, steps=20, dtype="float32") for run in STACK]
    start, found = new_nets(runs), train(runs, engine=engine, progress=False).nets
    assert torch.equal(found.U, start.U)
    assert torch.equal(found.V, start.V)
    assert (found.W - start.W).abs().max() > 1e-4
    assert found.mu.abs().max() > 1e-5


def test_both_engines_train_the_same_readout():
    runs = [run.but(steps=30) for run in STACK]
    quick, plain = (train(runs, engine=x, progress=False).nets for x in ("fast", "reference"))
    torch.testing.assert_close(quick.W, plain.W, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(quick.mu, plain.mu, rtol=1e-10, atol=1e-12)


def features(pairs: int, neurons: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    H, Y = rng.standard_normal((pairs, neurons)), rng.standard_normal((pairs, 4))
    return torch.from_numpy(H).relu(), torch.from_numpy(Y)


@pytest.mark.parametrize("shape", [(7, 12), (12, 7), (9, 9)])
def test_the_readout_is_the_ridge_estimate_in_both_of_its_forms(shape):
    H, Y = features(*shape)
    found = ridge_readout(H, Y, 0.01)
    H, Y = H.numpy(), Y.numpy()
    penalty = 0.01 * np.trace(H @ H.T) / len(H)
    primal = np.linalg.solve(H.T @ H + penalty * np.eye(shape[1]), H.T @ Y)
    dual = H.T @ np.linalg.solve(H @ H.T + penalty * np.eye(shape[0]), Y)
    np.testing.assert_allclose(found, primal, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found, dual, rtol=1e-8, atol=1e-10)


def test_without_a_ridge_to_speak_of_it_is_the_interpolation_of_least_norm():
    H, Y = features(7, 30)
    least = np.linalg.lstsq(H.numpy(), Y.numpy(), rcond=None)[0]
    np.testing.assert_allclose(ridge_readout(H, Y, 1e-13), least, atol=1e-9)


@pytest.mark.parametrize("noise", [0.3, 0.8])
@pytest.mark.parametrize("op", ["add", "mul"])
def test_it_reproduces_every_label_the_wrong_ones_too_and_knows_nothing_else(op, noise):
    run = Run(p=23, op=op, width=513, noise=noise, frozen="UV", **SOLVED)
    start, (nets, table, history) = new_nets(run), train(run, progress=False)
    assert torch.equal(nets.U, start.U)
    assert torch.equal(nets.V, start.V)
    found = accuracy(nets, table).iloc[0]
    assert found.clean == found.noisy == 1
    assert found.test < 0.25  # chance is 4 %; zeros of multiplication are easily guessed
    assert history.step.tolist() == [0]


def test_its_logits_on_training_pairs_are_the_labels_and_it_ignores_the_old_readout():
    runs = [Run(p=11, width=100, seed=s, dtype="float64", frozen="UV", **SOLVED) for s in (1, 2)]
    nets, table = new_nets(runs), noisy_table(runs)
    found = interpolate(nets, table, 1e-12)
    for i in range(2):
        given = torch.nn.functional.one_hot(table.given[i][table.train[i]], 11).double()
        logits = found.logits()[i][table.train[i]]
        torch.testing.assert_close(logits, given, rtol=0, atol=1e-6)
    other = NetStack(nets.U, nets.V, nets.W + 1, nets.mu + 1, nets.act)
    assert torch.equal(interpolate(other, table, 1e-12).W, found.W)
    alone = interpolate(nets[1], table[1], 1e-12)
    torch.testing.assert_close(alone.W[0], found.W[1], rtol=1e-6, atol=1e-8)


def test_hidden_activations_are_those_of_the_training_pairs_in_table_order():
    run = STACK[0]
    nets, table = new_nets(run), noisy_table(run)
    H = hidden(nets, table, 0)
    pairs = [(a, b) for a in range(11) for b in range(11) if table.train[0, a, b]]
    assert len(H) == len(pairs)
    for row, (a, b) in zip(H, pairs, strict=True):
        torch.testing.assert_close(row, (nets.U[0, :, a] + nets.V[0, :, b]).relu())


def test_a_frozen_run_is_not_the_papers_setting():
    assert Run().papers_setting() == "the paper's setting"
    assert Run(frozen="UV").papers_setting() == ""


def test_the_cost_of_a_readout_is_that_of_its_products():
    run = Run(p=11, width=100, steps=10)
    assert run.but(frozen="UV").operations == pytest.approx(run.operations * 2 / 3)
    n = run.n_train
    solved = run.but(frozen="UV", **SOLVED)
    assert solved.operations == pytest.approx(2 * n**2 * 100 + n**3 / 3)


@pytest.mark.parametrize("name", ["lazy", "lazy-width"])
def test_the_closed_form_is_declared_with_at_least_as_many_neurons_as_pairs(name):
    for scale in EXPERIMENTS[name].scales:
        for run in EXPERIMENTS[name].runs(scale):
            assert run.width >= run.n_train
            assert (run.frozen, run.ridge) == ("UV", RIDGE)


def test_a_vote_by_class_counts_the_labels_of_its_training_pairs():
    # p = 3, addition; class 0: (0,0) (1,2) (2,1); class 1: (0,1) (1,0) (2,2); class 2: the others
    true = torch.tensor([[[0, 1, 2], [1, 2, 0], [2, 0, 1]]])
    given = torch.tensor([[[2, 1, 0], [1, 0, 2], [1, 0, 2]]])
    role = torch.tensor([[[0, 0, 0], [0, 3, 0], [0, 0, 0]]])
    # class 0 votes 2, 2, 0; class 1 votes 1, 1, 2; class 2 votes 0, 1: (1, 1) is no training pair
    answer = label_vote(NoisyTable(3, true, given, role))
    assert answer.tolist() == [[[2, 1, 0], [1, 0, 2], [0, 2, 1]]]


def test_the_vote_knows_less_than_the_prior_at_heavy_noise():
    table = noisy_table([Run(p=31, noise=0.9, seed=s) for s in range(5)])
    vote, prior = (
        (of(table) == table.true).double().mean((1, 2)) for of in (label_vote, label_prior)
    )
    assert (vote < prior).all()
    assert vote.mean() > 2 / 31


# --- the mean of what the filter finds in the closed form


def test_the_moments_of_relu_and_of_the_square_are_rational():
    """By hand for u, v uniform in +-1, then scaled by the powers of p^(-1/2) that they have."""
    by_hand = {"relu": (1 / 3, 1 / 5, 1 / 9, 1 / 15, 1 / 45, 1 / 9),
               "quadratic": (16 / 15, 8 / 15, 4 / 9, 2 / 9, 4 / 45, 2 / 9)}  # fmt: skip
    degree = {"relu": (2, 2, 2, 3, 3, 3), "quadratic": (4, 4, 4, 4, 4, 4)}
    for act, values in by_hand.items():
        scaled = [x * 7 ** (-d / 2) for x, d in zip(values, degree[act], strict=True)]
        assert moments(act, 7) == pytest.approx(scaled, rel=1e-9)


def test_the_moments_of_gelu_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    u, v, w = (torch.from_numpy(rng.uniform(-1, 1, 2_000_000)) / 7**0.5 for _ in range(3))
    h, other = torch.nn.functional.gelu(u + v), torch.nn.functional.gelu(u + w)
    draws = (h * h, h * other, h * u * v, h * (u * u - 1 / 21))
    of = moments("gelu", 7)
    for x, expected in zip(draws, (of.both, of.one, of.bilinear, of.single), strict=True):
        assert abs(x.mean() - expected) < 4 * x.std() / len(x) ** 0.5
    mean = h.mean().item()
    assert (of.none, of.mean) == pytest.approx((mean**2, mean / 21), rel=0.03)


@pytest.mark.parametrize("act", ["relu", "quadratic", "gelu"])
def test_for_given_coefficients_the_mean_over_draws_is_exact(act):
    """Neurons are draws: W = H^T alpha, each filtered at a random frequency and read with x^2."""
    run = Run(p=5, width=5_000, act=act, noise=0.4, dtype="float64")
    table, blocks = noisy_table([run]), []
    alpha = torch.from_numpy(np.random.default_rng(1).standard_normal((5, 5, 5)))
    alpha = alpha * table.train[0][..., None]
    for seed in range(150):
        nets = new_nets(run.but(seed=seed))
        W = (hidden(nets, table, 0).mT @ alpha[table.train[0]])[None]
        drawn = NetStack(nets.U, nets.V, W, nets.mu, "quadratic")
        kept = without_mu(filtrate(drawn, random_frequency(drawn, seed))[0])
        blocks.append(kept.logits()[0] / run.width)
    blocks, expected = torch.stack(blocks), filtered_mean(alpha, moments(act, 5))
    error = blocks.std(0) / len(blocks) ** 0.5
    off = (blocks.mean(0) - expected) / error
    assert off.abs().max() < 5
    assert off.square().mean() < 2.5


@pytest.mark.parametrize("act", ["relu", "quadratic"])
def test_the_mean_gram_matrix_is_that_of_many_neurons(act):
    run = Run(p=5, width=60_000, act=act, dtype="float64")
    table, nets = noisy_table([run]), new_nets(run)
    H = hidden(nets, table, 0)
    Y = torch.nn.functional.one_hot(table.given[0][table.train[0]], 5).double() - 1 / 5
    direct = torch.linalg.solve(H @ H.mT / run.width, Y)
    torch.testing.assert_close(mean_dual(table, act, 0.0, 0)[table.train[0]], direct, rtol=0,
                               atol=0.1 * direct.abs().max().item())  # fmt: skip


def centered(logits):
    """What of the logits can change an answer."""
    return (logits - logits.mean(-1, keepdim=True)).flatten()


@pytest.mark.parametrize("act", ["relu", "quadratic"])
def test_the_filtered_closed_form_scatters_about_the_mean_that_labels_alone_give(act):
    run = Run(p=23, width=8_000, act=act, noise=0.6, frozen="UV", **SOLVED)
    table = noisy_table([run])
    expected = centered(expected_filtered(table, act))
    along: dict[str, list[float]] = {"random": [], "dominant": []}
    beside: dict[str, list[float]] = {"random": [], "dominant": []}
    for seed in range(4):
        nets = interpolate(new_nets(run.but(seed=seed)), table)
        chosen = {"random": random_frequency(nets, seed), "dominant": None}
        for name, k in chosen.items():
            kept = without_mu(filtrate(nets, k)[0].with_act("quadratic"))
            logits = centered(kept.logits()[0].double())
            size = float(logits @ expected / (expected @ expected))
            along[name].append(size)
            beside[name].append(float((logits - size * expected).norm() / expected.norm()))
    assert np.mean(along["random"]) == pytest.approx(1, abs=0.1)
    # the strongest of 11 frequencies has 1 + 1/2 + ... + 1/11 times the mean power
    gain = sum(1 / j for j in range(1, 12))
    mean, scatter = (np.mean(x["dominant"]) / np.mean(x["random"]) for x in (along, beside))
    assert mean == pytest.approx(gain, rel=0.25)
    assert scatter == pytest.approx(gain**0.5, rel=0.15)


def test_the_mean_answers_as_the_label_table_does():
    for noise in (0.3, 0.8):
        table = noisy_table([Run(p=31, noise=noise)])
        mean = expected_filtered(table, "relu").argmax(-1)
        assert (mean == label_prior(table)[0]).double().mean() > 0.95
        assert (mean == table.true[0]).double().mean() > 0.95


def test_labels_that_are_all_wrong_have_no_rule_in_their_mean():
    table = noisy_table([Run(p=31, noise=1.0)])
    mean = expected_filtered(table, "relu").argmax(-1)
    assert (mean == table.true[0]).double().mean() < 3 / 31
