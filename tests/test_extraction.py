"""Extraction without a prior: planted groups, identities, hand arithmetic, controls."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from judging import said

from modnoise import judge
from modnoise.arithmetic.extraction.net import extract
from modnoise.arithmetic.extraction.planes import (
    diagonal,
    fourier_planes,
    ica_planes,
    known_planes,
    label_moment,
    logarithm_planes,
    moment_planes,
    net_moment,
    overlap,
    partner,
    random_planes,
    strongest,
    unit_rows,
)
from modnoise.arithmetic.extraction.rows import extraction
from modnoise.arithmetic.fourier import every_frequency, label_prior
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table, true_labels
from modnoise.spec import SpecError
from modnoise.training.loop import train

P = 13
RNG = np.random.default_rng(5)


def rule_net(op="add", p=P, each=40, jitter=0.0, seed=0):
    """Neurons of one frequency each, angle_u +- angle_v = angle_w: a net of the rule alone."""
    rng = np.random.default_rng(seed)
    k = np.repeat(np.arange(1, (p + 1) // 2), each)[:, None]
    a, b = (rng.uniform(0, 2 * np.pi, (len(k), 1)) for _ in range(2))
    angle, sign = 2 * np.pi * k * np.arange(p) / p, -1 if op == "sub" else 1
    rows = (np.cos(angle + a), np.cos(angle + b), np.cos(angle + a + sign * b))
    U, V, W = (torch.from_numpy(x + jitter * rng.standard_normal(x.shape))[None] for x in rows)
    return NetStack(U.float(), V.float(), W.float(), torch.zeros(1, p), "quadratic")


def rule_tensor(op="add", p=P):
    """1 where c is the answer to (a, b), axes centred."""
    T = torch.nn.functional.one_hot(torch.from_numpy(true_labels(op, p)), p).double()
    for axis in range(3):
        T = T - T.mean(axis, keepdim=True)
    return T.float()


def test_the_moment_is_the_sum_over_neurons_of_unit_rows():
    nets = rule_net(each=2, jitter=0.5)
    U, V, W = (unit_rows(x[0]) for x in (nets.U, nets.V, nets.W))
    for x in (U, V, W):
        torch.testing.assert_close(x.sum(1), torch.zeros_like(x[:, 0]), atol=1e-12, rtol=0)
        torch.testing.assert_close(x.norm(dim=1), torch.ones_like(x[:, 0]))
    expected = torch.einsum("ma,mb,mc->abc", U, V, W).float()
    torch.testing.assert_close(net_moment(nets), expected, atol=1e-6, rtol=1e-5)
    order = torch.arange(nets.width).roll(1)
    expected = torch.einsum("ma,mb,mc->abc", U, V, W[order]).float()
    torch.testing.assert_close(net_moment(nets, order), expected, atol=1e-6, rtol=1e-5)


def test_a_constant_row_says_nothing():
    assert unit_rows(torch.full((2, 5), 3.0)).tolist() == [[0.0] * 5] * 2


def test_the_moment_of_labels_is_the_centred_table_of_given_labels():
    table = noisy_table(Run(p=5, noise=0.4))
    T = np.zeros((5, 5, 5))
    for a in range(5):
        for b in range(5):
            if table.train[0, a, b]:
                T[a, b, int(table.given[0, a, b])] = 1
    centre = np.eye(5) - 1 / 5
    expected = np.einsum("abc,ai,bj,ck->ijk", T, centre, centre, centre)
    np.testing.assert_allclose(label_moment(table).numpy(), expected, atol=1e-6)
    pairs = np.argwhere(table.train[0].numpy())
    order = RNG.permutation(len(pairs))
    T = np.zeros((5, 5, 5))
    for (a, b), other in zip(pairs, pairs[order], strict=True):
        T[a, b, int(table.given[0, *other])] = 1
    expected = np.einsum("abc,ai,bj,ck->ijk", T, centre, centre, centre)
    here = label_moment(table, torch.from_numpy(order)).numpy()
    np.testing.assert_allclose(here, expected, atol=1e-6)


def test_the_diagonal_of_labels_answers_as_the_filter_without_a_net_does():
    table = noisy_table(Run(p=P, noise=0.3))
    here = diagonal(label_moment(table), fourier_planes(P)).argmax(-1)
    assert (here == label_prior(table)[0]).double().mean() > 0.99


def test_the_diagonal_of_a_net_is_every_frequency_apart_less_terms_of_one_input():
    nets = rule_net(each=3, jitter=0.4)
    unit = [unit_rows(x[0]).float()[None] for x in (nets.U, nets.V, nets.W)]
    unit = NetStack(*unit, torch.zeros(1, P), "quadratic")
    logits = every_frequency(unit).logits(slice(None))[0]
    for axis in (0, 1):
        logits = logits - logits.mean(axis, keepdim=True)
    here = 2 * diagonal(net_moment(nets), fourier_planes(P))
    torch.testing.assert_close(here, logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "planes", [fourier_planes(P), random_planes(P, 4, 3)], ids=["Fourier", "random"]
)
def test_planes_are_orthonormal_and_have_no_constant(planes):
    flat = planes.permute(1, 0, 2).flatten(1).double()
    torch.testing.assert_close(flat.T @ flat, torch.eye(flat.shape[1]).double(), atol=1e-6, rtol=0)
    assert flat.sum(0).abs().max() < 1e-6


def test_planes_over_logarithms_are_characters_of_multiplication():
    planes = logarithm_planes(P)
    assert planes[:, 0].abs().max() == 0
    assert planes[-1, :, 1].abs().max() < 1e-6  # the last is its own mirror
    torch.testing.assert_close(planes.norm(dim=1)[:-1], torch.ones(P // 2 - 1, 2))
    assert float(planes[-1, :, 0].norm()) == pytest.approx(1)
    T = diagonal(rule_tensor("mul"), planes)
    truth = torch.from_numpy(true_labels("mul", P))
    assert (T.argmax(-1) == truth)[1:, 1:].all()
    with pytest.raises(ValueError, match="p = 12 is not allowed"):
        logarithm_planes(12)


def test_more_planes_than_fit_are_refused():
    with pytest.raises(ValueError, match="n = 7 is not allowed: 13 dimensions hold 6 planes"):
        random_planes(13, 7, 0)


def test_power_iteration_finds_the_largest_of_planted_directions():
    q = np.linalg.qr(RNG.standard_normal((9, 9)))[0]
    x = torch.from_numpy(q[:, :3].T.copy()).float()
    T = sum(
        size * torch.einsum("a,b,c->abc", v, v, v) for size, v in zip((2, 5, 3), x, strict=True)
    )
    starts = torch.from_numpy(RNG.standard_normal((64, 9))).float()
    value, found = strongest(T, starts)
    assert value == pytest.approx(5, rel=1e-4)
    assert float(found @ x[1]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_partner_and_the_sum_are_found_whichever_letter_is_the_sum(axis):
    x, y = fourier_planes(P)[2].T
    orders = {
        2: [(x, x, x, 1), (y, y, x, -1), (x, y, y, 1), (y, x, y, 1)],
        1: [(x, x, x, 1), (y, x, y, -1), (x, y, y, 1), (y, y, x, 1)],
        0: [(x, x, x, 1), (x, y, y, -1), (y, x, y, 1), (y, y, x, 1)],
    }
    T = sum(sign * torch.einsum("a,b,c->abc", u, v, w) for u, v, w, sign in orders[axis])
    found, where = partner(T, x)
    assert where == axis
    assert float((found @ y).abs()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("op", "axis"), [("add", 2), ("sub", 0)])
def test_every_plane_of_a_net_of_the_rule_is_found_and_answers(op, axis):
    nets = rule_net(op, jitter=0.3)
    found = extract(nets)
    assert len(found.planes) == (P - 1) // 2
    assert found.axes == [axis] * len(found.planes)
    assert (found.answers == torch.from_numpy(true_labels(op, P))).all()


def test_other_names_of_the_residues_change_nothing():
    """The method knows no order of residues: a renamed group is found as well."""
    nets, name = rule_net(jitter=0.3), torch.from_numpy(RNG.permutation(P))
    back = name.argsort()
    renamed = NetStack(nets.U[..., back], nets.V[..., back], nets.W[..., back], nets.mu, nets.act)
    truth = torch.from_numpy(true_labels("add", P))
    expected = name[truth[back][:, back]]
    assert (extract(renamed).answers == expected).all()


def test_multiplication_is_found_as_well_as_addition():
    T = rule_tensor("mul")
    planes, axes = moment_planes(T, [torch.zeros_like(T)], 0)
    assert max(axes, key=axes.count) == 2
    truth = torch.from_numpy(true_labels("mul", P))
    right = (diagonal(T, planes).argmax(-1) == truth)[1:, 1:]
    assert right.double().mean() > 0.9


def test_nothing_is_found_in_noise_nor_where_a_null_is_as_strong():
    rng = np.random.default_rng(3)
    U, V, W = (torch.from_numpy(rng.standard_normal((1, 300, P))).float() for _ in range(3))
    nets = NetStack(U, V, W, torch.zeros(1, P))
    found = extract(nets)
    assert len(found.planes) <= 2  # chance has a chance at every plane
    rule = net_moment(rule_net())
    assert len(moment_planes(rule, [2 * rule], 0)[0]) == 0
    assert (extract(NetStack(U * 0, V, W, nets.mu)).answers == -1).all()


def test_independent_components_find_the_planes_of_sparse_neurons():
    nets = rule_net(each=60)
    planes = ica_planes(nets, 0)
    assert (overlap(planes, fourier_planes(P)).amax(0) > 0.9).all()


def test_extract_takes_one_net():
    two = rule_net(each=2)
    two = NetStack(*(torch.cat([x, x]) for x in (two.U, two.V, two.W, two.mu)), two.act)
    with pytest.raises(SpecError, match="nets of 2 are not allowed: it must be a stack of one"):
        extract(two)


def test_rows_hold_every_extraction_with_its_controls():
    run = Run(p=P, noise=0.0, train_frac=0.6, test_frac=0.2)
    nets, table = rule_net(jitter=0.3), noisy_table(run)
    rows = pd.DataFrame(extraction(nets, table, "add", 1)).set_index("part")
    assert rows.accuracy_test["planes_moment"] == rows.accuracy_test["planes_known"] == 1
    assert rows.accuracy_test["labels_known"] == 1
    assert rows.accuracy_test["planes_random"] < 0.6
    moment = rows.loc["planes_moment"]
    assert moment.planes == moment.named == (P - 1) // 2
    assert moment.sum_axis == 2
    assert moment["rule"] > moment["chance"] > 0
    T = net_moment(nets)
    kept = diagonal(T, known_planes("add", P)).square().sum() / T.square().sum()
    assert moment.diagonal == pytest.approx(float(kept), rel=1e-5)
    x = fourier_planes(P)[:, :, 0]
    mean = torch.einsum("abc,ka,kb,kc->k", T, x, x, x).mean()
    assert moment["rule"] == pytest.approx(float(mean), rel=1e-5)


def test_a_training_records_them_at_its_end_and_only_if_asked():
    runs = [Run(p=7, width=16, steps=3, noise=x, record_extraction=True) for x in (0.0, 0.5)]
    rows = train(runs, progress=False).history
    late = rows[rows.part.str.contains("_", regex=False)]
    assert set(late.step) == {3}
    assert late.groupby("run").part.nunique().tolist() == [6, 6]
    plain = train(Run(p=7, width=16, steps=3), progress=False).history
    assert set(plain.part) == {"full"}


# --- claims


def frame(**values):
    """Rows of every part of three seeds; ``values``: test accuracy by part, else 1."""
    base = {"planes_random": 0.02, **values}
    return pd.DataFrame(
        {"part": part, "seed": seed, "op": op, "noise": noise, "steps": 1500, "step": 1500,
         "p": 59, "width": 513, "accuracy_test": base.get(part, 1.0)}
        for part in ("full", "planes_moment", "planes_ica", "planes_known", "planes_random",
                     "labels_moment", "labels_known")
        for seed in (71, 72, 73) for op in ("add", "mul") for noise in (0.3, 0.5)
    )  # fmt: skip


def state(id, rows):
    return said(judge.check(id, rows, scale="laptop"))


@pytest.mark.parametrize(
    ("id", "part"),
    [("X-moment-3", "planes_moment"), ("X-moment-5", "planes_moment"), ("X-ica", "planes_ica"),
     ("X-known", "planes_known"), ("X-labels", "labels_moment")],
)  # fmt: skip
def test_claims_of_every_seed_ask_each_of_them(id, part):
    rows = frame()
    assert state(id, rows) == "holds"
    one = (rows.part == part) & (rows.seed == 72)
    worse = rows.assign(accuracy_test=rows.accuracy_test.where(~one, 0.89))
    assert state(id, worse) == "fails"
    assert state(id, rows[rows.noise > 0.6]) == "not tested"
    longer = rows.assign(steps=9000, step=9000, accuracy_test=0.0)
    assert state(id, pd.concat([rows, longer])) == "holds"  # about the shortest


def test_the_labels_claim_compares_the_same_prior_with_and_without_a_net():
    assert state("X-data", frame()) == "holds"
    assert state("X-data", frame(labels_known=0.985)) == "fails"
    assert state("X-data", frame(labels_known=0.995)) == "holds"


def test_more_than_the_labels_needs_a_longer_training_at_noise_8():
    short = frame()
    long = frame(labels_moment=0.05).assign(noise=0.8, steps=10_000)
    assert state("X-beyond", short) == "not tested"
    assert state("X-beyond", pd.concat([short, long])) == "holds"
    known = frame(labels_moment=0.2).assign(noise=0.8, steps=10_000)
    assert state("X-beyond", pd.concat([short, known])) == "fails"
    lost = frame(labels_moment=0.05, planes_moment=0.4).assign(noise=0.8, steps=10_000)
    assert state("X-beyond", pd.concat([short, lost])) == "fails"


def test_controls_need_all_three_and_each_can_refute():
    start = frame(planes_moment=0.02).assign(steps=0)
    wrong = frame(planes_moment=0.02).assign(noise=1.0)
    assert state("X-controls", pd.concat([frame(), start])) == "not tested"
    assert state("X-controls", pd.concat([frame(), start, wrong])) == "holds"
    for bad in (
        [frame(planes_random=0.2), start, wrong],
        [frame(), frame(planes_moment=0.2).assign(steps=0), wrong],
        [frame(), start, frame(planes_moment=0.2).assign(noise=1.0)],
    ):
        assert state("X-controls", pd.concat(bad)) == "fails"


# --- what mutations asked for


def test_fewer_neurons_than_components_give_fewer_planes():
    few = rule_net(each=1)  # 18 rows for p = 13 would do; three neurons have 9
    few = NetStack(few.U[:, :3], few.V[:, :3], few.W[:, :3], few.mu, few.act)
    assert ica_planes(few, 0).shape == (4, P, 2)


def test_a_plane_is_removed_from_the_null_as_well():
    planes = fourier_planes(P)
    first, second, third = (diagonal(rule_tensor(), plane[None]) for plane in planes[:3])
    found, _ = moment_planes(5 * first + second, [3 * first + third / 2], 0)
    assert len(found) == 2
    assert (overlap(found, planes[:2]).amax(0) > 0.99).all()


def test_known_planes_are_asked_of_the_net_and_of_its_labels_apart():
    table = noisy_table(Run(p=P, noise=1.0, train_frac=0.6, test_frac=0.2))
    rows = pd.DataFrame(extraction(rule_net(jitter=0.3), table, "add", 1)).set_index("part")
    assert rows.accuracy_test["planes_known"] == 1
    assert rows.accuracy_test["labels_known"] < 0.5


def test_a_net_that_diverged_is_recorded_without_extractions():
    run = Run(p=7, width=8, steps=30, act="quadratic", optimizer="sgd", lr=1e6,
              record_extraction=True)  # fmt: skip
    trained = train([run, run.but(lr=1e-3)], progress=False).history
    assert trained.groupby("run").part.nunique().tolist() == [1, 7]
