"""The numbers recorded at the end of a training, on nets for which they are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from modnoise.arithmetic.analytic import exact_nets
from modnoise.arithmetic.fourier import (
    angles,
    dominant_frequency,
    filtrate,
    label_prior,
    logarithms,
    phase_mse,
    spectrum,
)
from modnoise.arithmetic.metrics import ROLES, scores
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.partition import ipr, partition, random_partitions, strength
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.structure import (
    SHUFFLES,
    frequency_norms,
    ipr_logarithm,
    neuron_table,
    prior_rows,
    pruning_table,
    rank_correlation,
    structure,
    structure_rows,
)
from modnoise.arithmetic.tables import TEST, noisy_table
from modnoise.frames import curves
from modnoise.training.loop import train

RUN = Run(p=13, width=12, noise=0.3, dtype="float64", init="normal")
TABLE = noisy_table(RUN)
RANKINGS = ("strength", "ipr", "reversed", "random")
ANGLES = {
    "phase_mse", "phase_mse_weighted", "coherence", "coherence_dominant", "coherence_other"
}  # fmt: skip


def right(nets: NetStack) -> float:
    """Test accuracy on `TABLE`."""
    return float(scores(nets, TABLE)[0][0, ROLES.index("test")])


def beside(nets: NetStack, other: NetStack) -> NetStack:
    """One net with the neurons of both, mu of the first."""
    U, V, W = (torch.cat([getattr(n, x) for n in (nets, other)], 1) for x in "UVW")
    return replace(nets, U=U, V=V, W=W)


def hum(width: int, size: float) -> NetStack:
    """Neurons of white noise."""
    rng = np.random.default_rng(3)
    x = [torch.from_numpy(size * rng.standard_normal((1, width, 13))) for _ in range(3)]
    return NetStack(*x, torch.zeros(1, 13, dtype=torch.float64), "quadratic")


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1.0, 2.0, 9.0], [0.1, 0.2, 0.3], 1.0),
        ([1.0, 2.0, 9.0], [9.0, 2.0, 1.0], -1.0),
        # ranks 1.5, 1.5, 3 and 1, 2, 3: deviations (-.5, -.5, 1) and (-1, 0, 1), 1.5/sqrt(1.5 * 2)
        ([5.0, 5.0, 7.0], [1.0, 2.0, 3.0], 0.75**0.5),
        # ranks 2, 1, 4, 3: 1 - 6 * (1 + 1 + 1 + 1) / (4 * 15)
        ([2.0, 1.0, 4.0, 3.0], [10.0, 20.0, 30.0, 40.0], 0.6),
    ],
)
def test_rank_correlation_by_hand(x, y, expected):
    assert rank_correlation(torch.tensor(x), torch.tensor(y)) == pytest.approx(expected)


def test_the_rank_correlation_with_a_constant_is_not_defined():
    assert np.isnan(rank_correlation(torch.ones(3), torch.tensor([1.0, 2.0, 3.0])))


def test_the_norms_per_frequency_of_an_exact_net_by_hand():
    # 16 cosines of size lambda: each |w^_k| = lambda sqrt(p) / 2, so the row is 2 lambda sqrt(p)
    nets = exact_nets(13, (2, 6), scale=np.repeat([1.0, 3.0], 16))
    expected = [0, 2 * 13**0.5, 0, 0, 0, 6 * 13**0.5]
    assert frequency_norms(nets)[0].tolist() == pytest.approx(expected, abs=1e-12)


def test_the_norms_per_frequency_are_rows_of_the_transform_of_the_filtered_matrix():
    nets = new_nets([RUN, RUN.but(seed=1)])
    W = filtrate(nets)[0].W
    rows = torch.fft.fft(W, norm="ortho").abs().square().sum(1).sqrt()[:, 1:7]  # 13: two-sided
    torch.testing.assert_close(frequency_norms(nets), rows)


@pytest.mark.parametrize("op", ["add", "sub"])
def test_an_exact_net_has_the_numbers_of_the_analytical_solution(op):
    nets = exact_nets(13, range(1, 7), op=op)
    found = structure(nets, noisy_table(RUN.but(op=op)), op)
    for name in ("covered", "sparsity", "ff", "strength_test", "coherence", "coherence_dominant"):
        assert found[name] == pytest.approx(1.0), name
    for name in ("norm_cv", "phase_mse", "phase_mse_weighted"):
        assert found[name] == pytest.approx(0.0, abs=1e-12), name
    assert found["periodic"] == 96
    other = structure(nets, TABLE, "sub" if op == "add" else "add")
    assert other["phase_mse"] == pytest.approx(np.pi**2 / 2)  # misses 0 and pi, half and half
    assert other["coherence"] == pytest.approx(0.0, abs=1e-12)


def test_missing_frequencies_lower_the_cover_and_raise_the_variation():
    # norms (x, 0, 0, 0, x, 0): mean x/3, variance x^2/3 - x^2/9, their ratio sqrt(2)
    found = structure(exact_nets(13, (1, 5)), TABLE, "add")
    assert found["covered"] == pytest.approx(2 / 6)
    assert found["norm_cv"] == pytest.approx(2**0.5)


def test_white_noise_is_as_far_from_an_exact_net_as_chance():
    found = structure(hum(2000, 1.0), TABLE, "add")
    assert found["periodic"] < 1000
    assert found["covered"] == 1
    # misses uniform on (-pi, pi]: mean square pi^2/3, variance of the square pi^4 4/45
    sigma = np.pi**2 * (4 / 45 / 2000) ** 0.5
    assert found["phase_mse"] == pytest.approx(np.pi**2 / 3, abs=4 * sigma)
    assert abs(found["coherence_dominant"]) < 0.1
    # equally likely frequencies: their norms differ by sampling alone, about 1/sqrt(2000/6) / 2
    assert found["norm_cv"] < 0.1


def test_strong_exact_neurons_are_ranked_before_weak_white_noise():
    exact = exact_nets(13, range(1, 7), scale=np.linspace(1.0, 2.0, 6).repeat(16))
    nets = beside(exact, hum(96, 0.25))
    found = structure(nets, TABLE, "add")
    score = torch.stack([strength(nets)[0], ipr(nets)[0]])
    assert (score[:, :96].amin(1) > score[:, 96:].amax(1)).all()  # what the net was built for
    for name in ("strength", "ipr"):
        assert found[f"{name}_gamma_g"] <= 0.5
        assert found[f"{name}_test"] == found[f"{name}_ff"] == 1.0
    assert found["periodic"] == int((score[1] > 0.5).sum()) >= 96
    assert found["ipr_strength"] == pytest.approx(
        pd.DataFrame(score.T.numpy()).corr("spearman").iloc[0, 1]
    )
    assert found["reversed_gamma_g"] > 0.5
    assert found["random_gamma_g"] > found["strength_gamma_g"]
    assert found["ff"] == pytest.approx(right(filtrate(nets)[0]))


def test_the_rankings_are_those_of_algorithm_1_and_its_controls():
    nets = beside(exact_nets(13, (1, 5)), hum(60, 0.5))
    found = structure(nets, TABLE, "add")
    by_strength = partition(nets, TABLE, strength(nets))
    one = {
        "strength": [by_strength],
        "ipr": [partition(nets, TABLE, ipr(nets))],
        "reversed": [by_strength.reversed],
        "random": random_partitions(nets, TABLE, shuffles=SHUFFLES),
    }
    for name, some in one.items():
        for key in ("gamma_g", "gamma_r", "gamma_r99"):
            mean = np.mean([getattr(x, key)[0] for x in some])
            assert found[f"{name}_{key}"] == pytest.approx(mean), (name, key)
        kept = [nets.keep(x.masks()[0]) for x in some]
        assert found[f"{name}_test"] == pytest.approx(np.mean([right(x) for x in kept])), name
        ff = np.mean([right(filtrate(x)[0]) for x in kept])
        assert found[f"{name}_ff"] == pytest.approx(ff), name
    assert len({found[f"{name}_test"] for name in RANKINGS}) > 2  # so that a mix-up would be seen


def test_ff_is_judged_on_test_pairs_and_sparsity_is_a_median():
    nets = beside(exact_nets(13, (1, 5)), hum(200, 2.0))
    found = structure(nets, TABLE, "add")
    accuracy = scores(filtrate(nets)[0], TABLE)[0][0]
    test, val = (float(accuracy[ROLES.index(role)]) for role in ("test", "val"))
    assert found["ff"] == test != val
    power = spectrum(nets.W).abs().square()
    share = (power.amax(-1) / power.sum(-1))[0].numpy()
    assert found["sparsity"] == pytest.approx(np.sort(share)[115])  # the lower of 232's middle two
    assert abs(share.mean() - found["sparsity"]) > 0.01


def test_only_the_first_net_of_a_stack_is_looked_at():
    nets = new_nets([RUN, RUN.but(seed=1)])
    assert structure(nets, TABLE, "add") == structure(nets[0], TABLE, "add")


def test_multiplication_has_no_angles_and_no_validation_pairs_no_partition():
    nets = new_nets(RUN)
    everything = set(structure(nets, TABLE, "add"))
    ranked = {x for x in everything if x.startswith(tuple(f"{name}_" for name in RANKINGS))}
    ranked -= {"ipr_strength"}
    assert len(ranked) == 20
    assert everything > ANGLES | ranked
    product = structure(nets, noisy_table(RUN.but(op="mul")), "mul")
    assert set(product) == everything - ANGLES
    whole = noisy_table(RUN.but(val_frac=0.0))
    assert set(structure(nets, whole, "add")) == everything - ranked


def test_without_noisy_pairs_gamma_r_is_not_defined():
    found = structure(new_nets(RUN), noisy_table(RUN.but(noise=0.0)), "add")
    missing = {name for name, value in found.items() if np.isnan(value)}
    assert missing == {f"{name}_{key}" for name in RANKINGS for key in ("gamma_r", "gamma_r99")}


def test_weighting_the_phase_mse_silences_weak_neurons():
    nets = beside(exact_nets(13, (1, 5)), hum(200, 1e-3))
    found = structure(nets, TABLE, "add")
    assert found["phase_mse"] > 2
    k = dominant_frequency(nets.W)
    size = spectrum(nets.W).abs().gather(-1, k[..., None] - 1)[0, :, 0]
    # the weak ones miss by at most pi
    assert found["phase_mse_weighted"] < np.pi**2 * float(size[32:].sum() / size.sum())


@pytest.mark.parametrize("op", ["add", "sub"])
def test_the_table_of_neurons_holds_what_the_phase_mse_is_made_of(op):
    nets = beside(exact_nets(13, (2, 5), op=op), hum(50, 0.5))
    table = neuron_table(nets, op)
    assert len(table) == 82
    weighted = (table["size"] * table.miss**2).sum() / table["size"].sum()
    assert (table.miss**2).mean() == pytest.approx(phase_mse(nets, op=op).item())
    assert weighted == pytest.approx(phase_mse(nets, op=op, weighted=True).item())
    u, v, w = (x[0].numpy() for x in angles(nets))
    turns = (table.angle_sum - (u + v if op == "add" else u - v)) / (2 * np.pi)
    assert turns.to_numpy() == pytest.approx(turns.round().to_numpy())
    assert table.angle_sum.between(-np.pi - 1e-12, np.pi + 1e-12).all()
    assert table.angle_w.to_numpy() == pytest.approx(w)
    assert table.frequency[:32].tolist() == [2] * 16 + [5] * 16
    assert table["size"][:32].to_numpy() == pytest.approx(13**0.5 / 2)
    assert table.strength.to_numpy() == pytest.approx(strength(nets)[0].numpy())
    assert table.ipr.to_numpy() == pytest.approx(ipr(nets)[0].numpy())


def test_the_table_of_neurons_has_no_angles_for_multiplication():
    columns = neuron_table(new_nets([RUN, RUN.but(seed=1)]), "mul").columns
    assert list(columns) == ["frequency", "size", "strength", "ipr"]


def test_the_pruning_table_holds_both_ends_of_each_order_and_the_mean_of_several():
    nets = beside(exact_nets(13, (1, 5)), hum(60, 0.5))
    one = partition(nets, TABLE, ipr(nets))
    some = random_partitions(nets, TABLE, shuffles=3)
    table = pruning_table({"IPR": [one], "random": some}).set_index(["order", "kept", "gamma"])
    assert len(table) == 2 * 2 * 93
    test = ROLES.index("test")
    for kept, key in (("best", "top"), ("worst", "bottom")):
        shown = table.loc[("IPR", kept)]
        assert shown.drop(columns="pruned").to_numpy() == pytest.approx(getattr(one, key)[0])
        assert shown.pruned.to_numpy() == pytest.approx(1 - np.arange(93) / 92)
        mean = sum(getattr(x, key)[0, :, test] for x in some) / 3
        assert table.loc[("random", kept)].accuracy_test.to_numpy() == pytest.approx(mean)
    best = table.loc[("IPR", "best")].iloc[[0, -1]]
    assert best.pruned.tolist() == [1.0, 0.0]  # nothing kept, everything kept
    assert best.accuracy_test.iloc[1] == pytest.approx(right(nets))


def test_the_priors_rows_are_its_accuracies_by_role_beside_the_runs_fields():
    runs = [Run(p=23, noise=noise, seed=3) for noise in (0.0, 0.5)]
    rows = prior_rows(runs)
    assert rows.part.tolist() == ["label_prior", "label_vote"] * 2
    vote = rows[rows.part == "label_vote"].reset_index(drop=True)
    assert vote.accuracy_test[0] == 1
    assert 0.5 < vote.accuracy_test[1] < 1  # of some classes a wrong label has as many votes
    rows = rows[rows.part == "label_prior"].reset_index(drop=True)
    assert rows.key.tolist() == [run.key for run in runs]
    assert rows.noise.tolist() == [0.0, 0.5]
    assert rows.accuracy_test[0] == 1
    table = noisy_table(runs[1])
    answer, test = label_prior(table)[0], table.role[0] == TEST
    right = (answer == table.true[0])[test].double().mean()
    assert rows.accuracy_test[1] == pytest.approx(float(right))
    assert np.isnan(rows.accuracy_noisy[0])
    assert rows.accuracy_noisy[1] < 0.2 < rows.accuracy_recovered[1]


def test_the_ipr_over_the_logarithm_is_1_for_a_cosine_of_the_logarithm():
    p = 13
    power = torch.tensor(logarithms(p))
    w = torch.zeros(1, 3, p, dtype=torch.float64)
    turn = 2 * torch.pi * torch.arange(p - 1, dtype=torch.float64) / (p - 1)
    w[0, 0, power] = torch.cos(3 * turn + 0.4)
    w[0, 0, 0] = 7.0  # residue 0 has no logarithm
    w[0, 1, power] = torch.cos(3 * turn) + torch.cos(5 * turn + 1.0)  # equal powers
    w[0, 2] = torch.cos(2 * 2 * torch.pi * torch.arange(p) / p)  # additive
    nets = NetStack(w, w, w, torch.zeros(1, p, dtype=torch.float64))
    found = ipr_logarithm(nets)[0]
    assert found[:2].tolist() == pytest.approx([1.0, 0.5])
    assert found[2] < 0.5
    assert ipr(nets)[0, 2].item() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="p = 12 is not allowed"):
        ipr_logarithm(NetStack(*(x[..., :12] for x in (w, w, w)), torch.zeros(1, 12)))


def test_rows_computed_from_weights_are_those_recorded_at_the_end_of_a_training():
    runs = [RUN.but(steps=3, record_structure=True, op=op) for op in ("add", "mul")]
    trained = [train(run, progress=False) for run in runs]
    recorded = curves(runs, trained)
    recorded = recorded[recorded.step == 3].reset_index(drop=True)
    bare = [run.but(record_structure=False) for run in runs]
    rows = structure_rows(bare, [train(run, progress=False) for run in bare])
    for i, run in enumerate(runs):
        for name in structure(trained[i].nets, trained[i].table, run.op):
            assert rows[name][i] == pytest.approx(recorded[name][i], nan_ok=True), name
    assert np.isnan(rows.phase_mse[1])
    assert rows.op.tolist() == ["add", "mul"]
