"""The unified view: data, engine with two tasks, dynamics by hand, what is recorded, claims."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from judging import cells as cells_of
from judging import said
from torch.nn.functional import cross_entropy, relu

from modnoise.frames import curves
from modnoise.judge import check
from modnoise.spec import SpecError
from modnoise.store.records import Store
from modnoise.sweep import SCALES
from modnoise.training.loop import train
from modnoise.training.schedule import schedule
from modnoise.transformer import TransformerEngine
from modnoise.unified.cells import (
    at_budget,
    averages,
    cells,
    critical_sizes,
    dip,
    mirrored,
    recorded,
)
from modnoise.unified.data import labels, task_table
from modnoise.unified.deep import DeepStack, new_deep
from modnoise.unified.experiments import EXPERIMENTS, as_many, at_setting
from modnoise.unified.net import CircuitStack, gate, key_share, new_circuits
from modnoise.unified.run import UnifiedRun
from modnoise.unified.training import measured, stack_size
from modnoise.unified.zones import ZONES, classified

EXPERIMENTS_BY = {sweep.name: sweep.runs("smoke") for sweep in EXPERIMENTS}
TINY = UnifiedRun(p=11, d_model=8, n_train=70, lr=1e-2, steps=20, dtype="float64", seed=1)
BOTH = TINY.but(n_memory=50)


def members(run: UnifiedRun) -> list[UnifiedRun]:
    """Two members that differ in everything members may differ in."""
    return [run, run.but(task="square", seed=2, lr=3e-3, weight_decay=0.1)]


def shaken(runs: list[UnifiedRun]) -> CircuitStack:
    """Nets whose biases are not zero either."""
    rng = np.random.default_rng(0)
    return CircuitStack(
        **{name: x + 0.1 * torch.from_numpy(rng.standard_normal(x.shape))
           for name, x in new_circuits(runs).named.items()}
    )  # fmt: skip


def plain(net: dict[str, torch.Tensor], tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Logits behind the last of three tokens, all places computed, a causal mask; (pair, p)."""
    x = net["W_E"][tokens] + net["W_pos"]
    q, k, v = (torch.einsum("npd,hkd->nhpk", x, net[W]) for W in ("W_Q", "W_K", "W_V"))
    scores = q @ k.mT / net["W_Q"].shape[1] ** 0.5
    scores = scores.masked_fill(torch.ones(3, 3, dtype=torch.bool).triu(1), -torch.inf)
    x = x + torch.einsum("nhpk,hkd->npd", scores.softmax(-1) @ v, net["W_O"])
    hidden = relu(x @ net["W_in"].T + net["b_in"]) * mask[:, None]
    return ((x + hidden @ net["W_out"] + net["b_out"]) @ net["W_U"])[:, -1]


def tokens_of(examples, i: int, p: int) -> torch.Tensor:
    return torch.stack([examples.a[i], examples.b[i], p + examples.end[i]], 1)


def seen(run: UnifiedRun, end: torch.Tensor) -> torch.Tensor:
    mask = gate(run)
    return torch.ones(len(end), run.d_mlp).double() if mask is None else mask[end].double()


# --- what a run is


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"d_model": 6}, "heads = 4 is not allowed with d_model = 6: it must divide it"),
        ({"p": 7, "n_train": 50}, "n_train = 50 is not allowed with p = 7: it must be at most"),
        ({"p": 7, "n_train": 9, "n_memory": 50}, "n_memory = 50 is not allowed with p = 7"),
        ({"split": True}, "split = True is not allowed with n_memory = 0: there is one task"),
        ({"task": "cube"}, "task = 'cube' is not allowed"),
        ({"n_train": 0}, "n_train = 0 is not allowed"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(fields, text):
    with pytest.raises(SpecError, match="^[^\n]*$") as error:
        UnifiedRun(**fields)
    assert text in str(error.value)


@given(
    st.dictionaries(
        st.sampled_from([*UnifiedRun.model_fields, "width"]),
        st.one_of(
            st.integers(-5, 10**6), st.floats(), st.text(max_size=3), st.none(), st.booleans()
        ),
        max_size=4,
    )
)
def test_any_fields_make_a_run_or_one_line(fields):
    try:
        run = UnifiedRun(**fields)
    except SpecError as error:
        run, line = None, str(error)
    if run is None:
        assert "\n" not in line
    else:
        assert run.d_model % run.heads == 0
        assert max(run.n_train, run.n_memory) <= run.p**2


def test_every_default_has_a_source_and_the_weights_are_counted():
    assert all(row["source"] for row in UnifiedRun.provenance())
    for run in (TINY, BOTH):
        nets = new_circuits([run])
        assert sum(x.numel() for x in nets.named.values()) == run.n_weights
        assert run.weight_bytes == 8 * run.n_weights
        assert (nets.p, nets.ends) == (11, run.ends)


def test_experiments_have_runs_at_every_scale_and_bounded_ones_on_a_laptop():
    for sweep in EXPERIMENTS:
        assert sweep.scales == SCALES
        for scale in SCALES:
            runs = sweep.runs(scale)
            assert len({run.key for run in runs}) == len(runs)
    laptop = [run for sweep in EXPERIMENTS for run in sweep.runs("laptop")]
    assert sum(run.operations for run in laptop) < 4e14


# --- data


def test_labels_are_those_of_the_task():
    a, b = np.indices((11, 11))
    assert (labels(TINY) == (a + b) % 11).all()
    assert (labels(TINY.but(task="square")) == (a + b) ** 2 % 11).all()
    drawn = labels(TINY.but(task="random"))
    assert (drawn == drawn.T).all()
    assert np.bincount(drawn[np.triu_indices(11)], minlength=11).max() < 20
    assert not (drawn == labels(TINY.but(task="random", seed=2))).all()


def test_more_pairs_hold_the_fewer_and_the_counts_are_exact():
    few, many = (task_table(BOTH.but(n_train=n)) for n in (30, 70))
    assert int(few.train.sum()) == 30
    assert int(many.train.sum()) == 70
    assert bool((many.train | ~few.train).all())
    assert int(many.memory.sum()) == 50
    both = many.fresh[0]
    assert both.equal(~many.train[0] & ~many.train[0].T)
    assert both.equal(both.T)


@pytest.mark.parametrize("n", [30, 31, 70, 121])
def test_pairs_drawn_with_both_orders_leave_at_most_one_mirror_behind(n):
    drawn = BOTH.but(n_train=n, drawn="unordered")
    train, more = (task_table(x).train[0] for x in (drawn, drawn.but(n_train=121)))
    assert int(train.sum()) == n
    assert int((train & ~train.T).sum()) <= 1
    assert bool((more | ~train).all())
    assert drawn.key != BOTH.but(n_train=n).key
    whole = {drawn.but(n_train=m).key: task_table(drawn.but(n_train=m)) for m in (30, 70)}
    few, many = (x.train[0] for x in whole.values())
    assert bool((many | ~few).all())
    other = task_table(drawn.but(seed=2)).train[0]
    assert n == 121 or not other.equal(train)


def test_as_many_different_sums_are_counted():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(50):
        one = np.zeros(59**2, bool)
        one[rng.permutation(59**2)[:1400]] = True
        one = one.reshape(59, 59)
        found.append((one | one.T).sum())  # both orders of all that were drawn
    assert as_many(1400, 59) == pytest.approx(np.mean(found), rel=0.01)
    assert (as_many(59**2, 59), as_many(1, 59)) == (59**2, 2)


def test_examples_are_the_pairs_with_their_labels_behind_their_token():
    table = task_table(members(BOTH))
    examples = table.examples()
    assert examples.a.shape == (2, 120)
    for i in range(2):
        for a, b, end, label in zip(*(x[i].tolist() for x in examples), strict=True):
            assert (table.given if end else table.label)[i, a, b] == label
            assert (table.memory if end else table.train)[i, a, b]
    assert examples.end.sum(1).tolist() == [50, 50]


# --- the engine


@pytest.mark.parametrize("run", [TINY, BOTH, BOTH.but(split=True)], ids=["one", "two", "split"])
def test_the_trick_is_the_plain_forward_of_three_tokens(run):
    runs = members(run)
    nets, examples = shaken(runs), task_table(runs).examples()
    mask = gate(run)
    for i in range(2):
        net = {name: x[i] for name, x in nets.named.items()}
        expected = plain(net, tokens_of(examples, i, 11), seen(run, examples.end[i]))
        for end in range(run.ends):
            at = examples.end[i] == end
            logits = nets.logits(end=end, gate=None if mask is None else mask[end].double())
            found = logits[i, examples.a[i, at], examples.b[i, at]]
            torch.testing.assert_close(found, expected[at], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("run", [TINY, BOTH, BOTH.but(split=True)], ids=["one", "two", "split"])
def test_gradients_are_autograds_of_the_plain_forward(run):
    runs = members(run)
    nets, examples = shaken(runs), task_table(runs).examples()
    mask = gate(run)
    engine = TransformerEngine(runs, nets, examples, gate=mask)
    for i in range(2):
        net = {name: x[i].clone().requires_grad_() for name, x in nets.named.items()}
        logits = plain(net, tokens_of(examples, i, 11), seen(run, examples.end[i]))
        cross_entropy(logits, examples.label[i]).backward()
        for (name, x), found in zip(net.items(), engine.gradients(), strict=True):
            torch.testing.assert_close(found[i], x.grad, rtol=1e-10, atol=1e-12, msg=name)


def test_a_stack_is_its_members():
    runs = members(BOTH)
    together = train(runs, progress=False)
    for i, run in enumerate(runs):
        alone = train(run, progress=False)
        for name, x in alone.nets.named.items():
            torch.testing.assert_close(together.nets.named[name][i], x[0], rtol=1e-8, atol=1e-10)
        of = together.history[together.history.run == i].reset_index(drop=True)
        pd.testing.assert_frame_equal(
            of.drop(columns="run"), alone.history.drop(columns="run"), rtol=1e-6
        )


def test_a_training_goes_on_from_a_checkpoint_bit_for_bit():
    run, kept = BOTH.but(split=True, dtype="float32"), []

    def keep(state):
        if state.step == 11:
            kept.append(state)
            kept[0].tensors = {name: x.clone() for name, x in state.tensors.items()}
            kept[0].rows = list(state.rows)

    whole = train(run, progress=False, on_checkpoint=keep, checkpoint_every=0.0)
    rest = train(run, progress=False, state=kept[0])
    assert all(x.equal(rest.nets.named[name]) for name, x in whole.nets.named.items())
    pd.testing.assert_frame_equal(whole.history, rest.history, check_exact=True)


def test_a_split_net_has_a_half_for_each_task():
    mask = gate(BOTH.but(split=True))
    assert mask.sum(0).tolist() == [1.0] * 32
    assert mask.sum(1).tolist() == [16.0, 16.0]
    assert gate(BOTH) is None
    trained = train(BOTH.but(split=True, weight_decay=0.0), progress=False).nets
    fresh = new_circuits([BOTH.but(split=True)])
    logits = trained.logits(gate=mask[0].double())
    half = CircuitStack(**{**trained.named, "W_out": trained.W_out.clone()})
    half.W_out[:, 16:] = fresh.W_out[:, 16:] + 7  # what the other task has does not matter
    torch.testing.assert_close(half.logits(gate=mask[0].double()), logits)
    assert not torch.allclose(half.logits(), trained.logits())


# --- what is recorded


def test_what_is_measured_is_counted_by_hand():
    run = BOTH
    nets, table = shaken([run]), task_table(run)
    found = measured(nets, table, None)
    right = nets.logits()[0].argmax(-1) == table.label[0]
    for role, of in {
        "clean": table.train[0],
        "test": ~table.train[0],
        "fresh": table.fresh[0],
    }.items():
        assert found[f"accuracy_{role}"].item() == pytest.approx(right[of].double().mean().item())
    at = table.memory[0].nonzero(as_tuple=True)
    memory = nets.logits(end=1)[0][at]
    expected = (memory.argmax(-1) == table.given[0][at]).double().mean()
    assert found["accuracy_noisy"].item() == pytest.approx(expected.item())
    loss = cross_entropy(memory, table.given[0][at])
    assert found["cross_entropy_noisy"].item() == pytest.approx(loss.item())
    norm = torch.cat([x.flatten() for x in nets.named.values()]).norm()
    assert found["norm"].item() == pytest.approx(norm.item())


def test_energy_in_five_frequencies_of_known_waves():
    nets = new_circuits([TINY.but(p=13, n_train=9)])
    c = torch.arange(13).double()
    wave = sum(torch.cos(2 * torch.pi * k * c / 13) for k in (1, 2, 3, 4, 5, 6))
    W_U = wave.expand(1, 8, 13).clone()
    W_E = nets.W_E.clone()
    W_E[:, :13] = torch.cos(2 * torch.pi * 3 * c / 13)[:, None]
    net = CircuitStack(**{**nets.named, "W_U": W_U, "W_E": W_E})
    found = measured(net, task_table(TINY.but(p=13, n_train=9)), None)
    assert found["fourier_embedding"].item() == pytest.approx(1.0)
    assert found["fourier_unembedding"].item() == pytest.approx(5 / 6)


def test_rows_are_of_the_schedule_and_columns_are_named():
    history = train(BOTH, progress=False).history
    assert history.step.tolist() == schedule(20)
    assert "accuracy_noisy" in history
    assert "accuracy_noisy" not in train(TINY, progress=False).history
    assert stack_size(TINY, "cpu") == 2**22 // (70 * 32)


def test_a_small_net_learns_addition_and_holds_random_labels():
    run = UnifiedRun(p=17, n_train=230, d_model=32, lr=1e-2, steps=500)
    last = train(run, progress=False).history.iloc[-1]
    assert last.accuracy_clean > 0.99
    assert last.accuracy_test > 0.8
    assert last.fourier_unembedding > 1.2 * key_share(new_circuits([run]).W_U).item()
    drawn = run.but(task="random", n_train=289, steps=300, weight_decay=0.1)
    assert train(drawn, progress=False).history.iloc[-1].accuracy_clean > 0.9


# --- dynamics


def curve(train_at: dict, test_at: dict, steps=(0, 10, 20, 40, 80, 160)) -> pd.DataFrame:
    """Steps, with accuracies that jump at the given steps."""
    rows = []
    for step in steps:
        train, test = (
            max([0.0, *(x for at, x in jumps.items() if at <= step)])
            for jumps in (train_at, test_at)
        )
        rows.append({"step": step, "accuracy_clean": train, "accuracy_test": test,
                     "accuracy_fresh": test, "norm": 10.0 + step, "fourier_embedding": 0.2,
                     "fourier_unembedding": 0.3, "part": "full"})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("train_at", "test_at", "zone"),
    [
        ({10: 0.4, 80: 0.9}, {40: 0.5}, "progression"),
        ({10: 0.4, 80: 1.0}, {20: 0.2, 160: 0.95}, "grokking"),  # late, whatever came before
        ({10: 0.4, 80: 1.0}, {20: 0.2, 80: 0.95}, "progression"),
        ({10: 0.6, 80: 1.0}, {20: 0.2, 80: 0.95}, "at once"),
        ({10: 1.0}, {}, "ungrokking"),
        ({10: 1.0}, {20: 0.8}, "semi-grokking"),
        ({10: 1.0}, {20: 0.95}, "grokking"),
        ({20: 1.0}, {20: 0.95}, "at once"),
        ({20: 0.8}, {20: 0.05}, "neither"),
    ],
)
def test_dynamics_by_hand(train_at, test_at, zone):
    assert classified(curve(train_at, test_at)).zone == zone
    assert zone in ZONES


def test_times_and_the_change_of_the_norm_by_hand():
    one = curve({10: 1.0}, {20: 0.2, 80: 0.95})
    found = classified(one.sample(frac=1, random_state=0))
    assert found[1:] == (10.0, 20.0, 80.0, 1.0, 0.95)
    row = cells(one.assign(key="x", **TINY.model_dump())).iloc[0]
    assert row.norm_change == pytest.approx(90 / 30 - 1)
    later = one.assign(accuracy_fresh=[0, 0, 0, 0, 0.5, 0.9])
    found = cells(later.assign(key="x", **TINY.model_dump())).iloc[0]
    assert found.norm_change_fresh == pytest.approx(170 / 90 - 1)
    assert (row.zone, row.step, row.n_train) == ("grokking", 160, 70)
    assert np.isnan(
        cells(curve({}, {20: 0.2}).assign(key="x", **TINY.model_dump())).norm_change[0]
    )


def test_the_depth_of_a_dip_by_hand():
    assert dip(np.array([16, 4, 8]), np.array([0.9, 0.6, 0.2])) == (pytest.approx(0.4), 8)
    assert dip(np.array([4, 8, 16]), np.array([0.1, 0.5, 0.9]))[0] == 0
    assert dip(np.array([4, 8, 16]), np.array([0.9, 0.5, 0.1]))[0] == 0
    assert dip(np.array([4, 8]), np.array([0.9, 0.1])) == (0.0, 4)


def test_a_budget_is_the_last_row_within_it_and_means_have_their_interval():
    two = pd.concat([curve({10: 1.0}, {}).assign(key=k) for k in "ab"])
    assert at_budget(two, 79).step.tolist() == [40, 40]
    rows = pd.DataFrame({"d": [4, 4, 4, 8], "x": [0.0, 0.5, 1.0, 0.3]})
    found = averages(rows, "x", ["d"])
    assert found["mean"].tolist() == [0.5, 0.3]
    assert found.error[0] == pytest.approx(1.96 * 0.5 / np.sqrt(3))
    assert np.isnan(found.error[1])


# --- claims


def runs(zone="grokking", seeds=(42, 43, 44), **fields) -> pd.DataFrame:
    """Rows of the seeds of one cell."""
    base = TINY.model_dump() | {
        "p": 59, "part": "full", "zone": zone, "t_memory": 100.0, "t_rule": 900.0, "train": 1.0,
        "test": 1.0, "accuracy_clean": 1.0, "accuracy_fresh": 1.0, "norm_change": -0.2,
        "fourier_unembedding": 0.9, "key": "x",
    }  # fmt: skip
    fields = {"accuracy_fresh": fields.get("test", 1.0)} | fields
    return pd.DataFrame([base | fields | {"seed": seed} for seed in seeds])


def grid(value, sizes=(4, 8, 16, 32, 64), pairs=(1000, 2200), **fields) -> pd.DataFrame:
    """Cells with held-out accuracy ``value(d, n)``, of pairs with a mirror in training or not."""
    return pd.concat(
        runs(d_model=d, n_train=n, test=value(d, n), **fields) for d in sizes for n in pairs
    )


SEVEN = tuple(range(42, 49))
ELEVEN = tuple(range(1000, 2001, 100))


def rising(start, width=400):
    """Held-out accuracy that rises in a line from 0 at start(d) pairs to 1."""
    return lambda d, n: min(1.0, max(0.0, (n - start(d)) / width))


def zoned(zones, n=1000) -> pd.DataFrame:
    """Three seeds of each dynamics at growing sizes."""
    return pd.concat(runs(zone, d_model=8 * 2**i, n_train=n) for i, zone in enumerate(zones))


def dipping(depth: float):
    return lambda d, n: 1.0 - (depth if d == 16 and n == 1000 else 0.0)


CASES = {
    "U-1": (
        grid(lambda d, n: 1.0 if n * d >= 30_000 else 0.2, pairs=range(500, 4001, 350)),
        grid(lambda d, n: 1.0 if n / d >= 60 else 0.2, pairs=range(500, 4001, 350)),
        grid(lambda d, n: 1.0 if n * d >= 30_000 else 0.2, pairs=(500, 1000, 2000, 4000)),
    ),
    "U-2": (
        pd.concat(runs(task="random", n_train=3481, d_model=d, accuracy_clean=d / 100)
                  for d in (8, 16, 32)),
        pd.concat(runs(task="random", n_train=3481, d_model=d, accuracy_clean=1 / d)
                  for d in (8, 16, 32)),
        runs(task="random", n_train=3481),
    ),
    "U-3": (
        pd.concat(runs(zone, d_model=4 * (i + 1)) for i, zone in enumerate(ZONES)),
        pd.concat(runs(zone, d_model=4 * (i + 1)) for i, zone in enumerate([*ZONES][1:])),
        runs().iloc[:2],
    ),
    "U-4": (
        pd.concat([runs("progression", norm_change=0.3), runs("grokking", d_model=16)]),
        pd.concat([runs("progression"), runs("grokking", d_model=16)]),
        runs("grokking"),
    ),
    "U-5": (
        grid(dipping(0.5), seeds=SEVEN), grid(dipping(0.1), seeds=SEVEN), grid(dipping(0.5)),
    ),
    "U-6": (
        pd.concat([grid(dipping(0.2), pairs=(1000,), seeds=SEVEN),
                   grid(dipping(0.3), pairs=(1000,), task="square", seeds=SEVEN)]),
        pd.concat([grid(dipping(0.2), pairs=(1000,), seeds=SEVEN),
                   grid(dipping(0.2), pairs=(1000,), task="square", seeds=SEVEN)]),
        pd.concat([grid(dipping(0.2), pairs=(1000,)),
                   grid(dipping(0.3), pairs=(1000,), task="square")]),
    ),
    "U-7": (
        pd.concat([grid(lambda d, n: 1.0, (32, 64), (1700,)),
                   grid(lambda d, n: 0.02 + 0.98 * (d == 64), (32, 64), (1700,), n_memory=1700)]),
        pd.concat([grid(lambda d, n: 1.0, (32, 64), (1700,)),
                   grid(lambda d, n: 1.0, (32, 64), (1700,), n_memory=1700)]),
        grid(lambda d, n: 1.0, (32, 64), (1700,)),
    ),
    "U-8": (
        pd.concat([runs(n_memory=9, test=0.1), runs(n_memory=9, split=True)]),
        pd.concat([runs(n_memory=9, test=0.6), runs(n_memory=9, split=True)]),
        runs(n_memory=9, split=True),
    ),
    "U-span": (
        grid(rising(lambda d: 1100, 300), pairs=ELEVEN),
        grid(rising(lambda d: 1100, 800), pairs=ELEVEN),
        grid(rising(lambda d: 1100, 300), pairs=ELEVEN[:10]),
    ),
    "U-order": (
        zoned(["progression", "ungrokking", "at once", "grokking"]),
        zoned(["ungrokking", "progression", "grokking"]),
        runs().iloc[:2],
    ),
    "U-budget": (
        pd.concat([grid(dipping(0.3), pairs=(1000,)).assign(budget=9),
                   grid(dipping(0), pairs=(1000,)).assign(budget=99)]),
        pd.concat([grid(dipping(0), pairs=(1000,)).assign(budget=b) for b in (9, 99)]),
        grid(dipping(0.3), pairs=(1000,)).assign(budget=9),
    ),
    "U-mirror": (
        runs("semi-grokking", n_train=1740, test=0.5, accuracy_fresh=0.02),
        runs("semi-grokking", n_train=1740, test=0.5, accuracy_fresh=0.45),
        runs("grokking"),
    ),
    "U-fourier": (
        pd.concat([runs("grokking"), runs("ungrokking", fourier_unembedding=0.3)]),
        pd.concat([runs("grokking"), runs("ungrokking", fourier_unembedding=0.6)]),
        runs("grokking"),
    ),
    "CONTROL-U-random": (
        runs(task="random", accuracy_fresh=0.02), runs(task="random", accuracy_fresh=0.2),
        runs(task="random", n_train=3481),
    ),
    "CONTROL-U-untrained": (
        runs(steps=0, test=0.02, fourier_unembedding=0.2), runs(steps=0, test=0.2), runs(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", CASES)
def test_claims_are_confirmed_fail_and_stay_untested(claim):
    yes, no, open_ = CASES[claim]
    assert said(check(claim, yes, scale="laptop")) == "holds"
    assert said(check(claim, no, scale="laptop")) == "fails"
    assert said(check(claim, open_, scale="laptop")) == "not tested"
    assert said(check(claim, yes, scale="smoke")) == "not tested"
    assert said(check(claim, yes.iloc[:0], scale="laptop")) == "not tested"


def test_every_claim_has_its_cases():
    from modnoise.unified.claims import CLAIMS

    assert [*CASES] == [x.id for x in CLAIMS]


def test_the_mirrored_share_is_told_right():
    """Half of the pairs trained on: held-out accuracy is the mean of mirrored and fresh."""
    rows = runs("semi-grokking", p=59, n_train=1740, test=0.5, accuracy_fresh=0.1)
    text = check("U-mirror", rows, scale="laptop").measured[0]
    assert "90.0 % right, 10.0 % without" in text
    quarter = rows.assign(p=10, n_train=25, test=0.25 * 0.8 + 0.75 * 0.1)
    assert mirrored(quarter).tolist() == pytest.approx([0.8] * 3)


def test_sizes_that_all_need_the_same_have_no_order():
    rows = grid(lambda d, n: 1.0 if n >= 1500 else 0.2, pairs=ELEVEN)
    verdict = check("U-1", rows, scale="laptop")
    assert said(verdict) == "fails"
    assert "rank correlation: 0.00" in verdict.measured[0]


def test_critical_sizes_by_hand():
    rows = grid(lambda d, n: 0.95 if n >= 1000 * (64 / d) ** 0.5 else 0.1, (32, 64), (1000, 1500))
    found = critical_sizes(rows)
    assert found.n_critical.tolist() == [1500.0, 1000.0]
    assert found.memorizes.all()
    assert not critical_sizes(rows.assign(t_memory=np.nan)).memorizes.any()


MIRRORS_ONLY = ("U-1", "U-5", "U-6", "U-7", "U-8", "U-span", "U-budget")


@pytest.mark.parametrize("claim", MIRRORS_ONLY)
def test_a_pair_whose_mirror_was_trained_on_is_no_rule(claim):
    """All else being equal, accuracy on mirrored pairs changes no cell."""
    rows = CASES[claim][0]
    for test in (0.0, 1.0):
        found = check(claim, rows.assign(test=test, accuracy_test=test), scale="laptop")
        assert cells_of(found) == cells_of(check(claim, rows, scale="laptop"))


@pytest.mark.parametrize("claim", ["U-1", "U-5", "U-6", "U-7", "U-8", "U-span"])
def test_nets_that_know_mirrors_only_make_no_claim_hold(claim):
    rows = CASES[claim][0].assign(accuracy_fresh=0.01)
    assert said(check(claim, rows, scale="laptop")) != "holds"


def test_nets_at_chance_neither_dip_nor_stay_level():
    rows = grid(dipping(0.5), seeds=SEVEN)
    rows.loc[rows.n_train == 2200, "accuracy_fresh"] = 0.02
    verdict = check("U-5", rows, scale="laptop")
    assert cells_of(verdict) == {"few pairs": "holds", "2200 pairs": "undecidable"}
    both = CASES["U-6"][0]
    low = both.assign(accuracy_fresh=both.accuracy_fresh.where(both.task == "add", 0.02))
    assert cells_of(check("U-6", low, scale="laptop")) == {"1000 pairs": "undecidable"}


def test_seeds_that_find_the_rule_are_counted_by_size():
    rows = grid(lambda d, n: 1.0, seeds=SEVEN)
    lost = (rows.d_model == 16) & (rows.n_train == 1000) & (rows.seed < 47)
    rows.loc[lost, "accuracy_fresh"] = 0.0
    few = check("U-5", rows, scale="laptop").cells[0]
    assert "71.4 points at d = 16, 1000 pairs" in few.measured
    assert "7 of 7 at d = 8, 2 of 7 at d = 16, 7 of 7 at d = 32" in few.measured
    assert few.seeds == 7


def test_a_size_with_fewer_seeds_is_not_counted():
    rows = grid(dipping(0.5), sizes=(4, 8, 16, 32, 64, 128), seeds=SEVEN)
    found = check("U-5", rows[(rows.d_model != 16) | (rows.seed < 48)], scale="laptop")
    assert cells_of(found) == {"few pairs": "fails", "2200 pairs": "holds"}
    few = rows[(rows.n_train > 1000) | (rows.d_model > 8) | (rows.seed < 48)]
    assert said(check("U-5", few, scale="laptop")) == "not tested"  # four sizes are left


def test_deeper_dips_are_those_of_the_mean_and_told_by_seed():
    rows = CASES["U-6"][0]
    text = check("U-6", rows, scale="laptop").cells[0].measured
    assert text.startswith("30.0 points, addition 20.0; deeper in 7 of 7 seeds")
    moved = rows.assign(seed=rows.seed + (rows.task == "square"))
    assert said(check("U-6", moved, scale="laptop")) == "not tested"


def test_a_needed_size_is_asked_only_where_one_emerges():
    none = pd.concat([grid(lambda d, n: 1.0, (32, 64), (1700,)),
                      grid(lambda d, n: 0.02, (32, 64), (1700,), n_memory=1700)])  # fmt: skip
    verdict = check("U-7", none, scale="laptop")
    assert cells_of(verdict) == {"d = 32": "holds", "size needed": "undecidable"}
    assert verdict.tally == "1 of 1"
    assert cells_of(check("U-7", CASES["U-7"][0], scale="laptop"))["size needed"] == "holds"


def test_the_span_is_read_between_recorded_numbers():
    rows = grid(rising(lambda d: 1150, 300), pairs=ELEVEN)
    text = check("U-span", rows, scale="laptop").cells[0].measured
    found = [float(x) for x in re.findall(r"\d+", text)]
    assert found == pytest.approx([280, 1160, 1440, 1000 * (59 / 113) ** 2], abs=1)
    late = grid(rising(lambda d: 1150 if d < 64 else 1900, 300), pairs=ELEVEN)
    assert cells_of(check("U-span", late, scale="laptop"))["d = 64"] == "undecidable"
    unfit = rows.assign(t_memory=rows.t_memory.where(rows.d_model > 4))
    assert cells_of(check("U-span", unfit, scale="laptop"))["d = 4"] == "undecidable"


def test_the_order_of_stages_is_asked_where_there_are_two():
    one = zoned(["grokking", "at once", "grokking"], n=1400)
    both = pd.concat([CASES["U-order"][0], one])
    found = check("U-order", both, scale="laptop")
    assert cells_of(found) == {"1000 pairs": "holds", "1400 pairs": "undecidable"}
    split = CASES["U-order"][1].reset_index(drop=True)
    split.loc[(split.zone == "progression") & (split.seed > 42), "zone"] = "at once"
    assert said(check("U-order", split, scale="laptop")) == "holds"  # no majority at that size


def test_what_the_paper_says_without_a_rule_is_told_with_the_reason():
    from modnoise.studies import unchecked

    told = [one for one in unchecked() if one.of == "Huang et al. 2024"]
    assert len(told) == 4
    assert all(one.why and one.source.startswith("paper") for one in told)


def test_recorded_runs_are_those_of_the_store(tmp_path):
    own = Store(tmp_path)
    assert recorded("unified-critical", "laptop", own) == []
    assert recorded("unified-critical", "smoke", own) == EXPERIMENTS_BY["unified-critical"]


def test_recorded_runs_give_a_row_each():
    some = [TINY, TINY.but(seed=2)]
    frame = curves(some, [train(run, progress=False) for run in some])
    found = cells(frame)
    assert found.key.tolist() == [run.key for run in some]
    assert set(found.zone) <= set(ZONES)


# --- wrong labels


def test_wrong_labels_are_as_many_as_asked_and_wrong():
    run = TINY.but(noise=0.3)
    table = task_table(run)
    assert int(table.wrong.sum()) == 21
    assert bool((table.taught == table.label)[~table.wrong].all())
    assert not task_table(TINY).wrong.any()
    history = train(run, progress=False).history
    assert {"accuracy_noisy", "accuracy_recovered"} <= {*history}
    with pytest.raises(SpecError, match=r"noise = 0\.3 is not allowed with n_memory = 50"):
        BOTH.but(noise=0.3)


def test_memory_counts_wrong_labels_too():
    one = curve({10: 1.0}, {20: 0.95}).assign(accuracy_noisy=0.5)
    assert classified(one).zone == "progression"
    assert classified(one.assign(accuracy_noisy=np.nan)).zone == "grokking"


def test_another_setting_moves_noise_and_first_seed():
    found = at_setting([TINY.but(seed=42), TINY.but(seed=43), BOTH], noise=0.5, seed=7)
    assert [(run.seed, run.noise) for run in found] == [(7, 0.5), (43, 0.5), (1, 0.0)]


# --- several layers


def test_one_layer_of_the_plain_net_is_the_trick():
    stack, table = shaken([BOTH]), task_table(BOTH)
    outside = ("W_E", "W_pos", "W_U")
    one = DeepStack(
        **{name: x if name in outside else x[:, None] for name, x in stack.named.items()}
    )
    mask = gate(BOTH.but(split=True)).double()
    for end in (0, 1):
        torch.testing.assert_close(one.logits(end), stack.logits(end=end), rtol=1e-10, atol=1e-10)
        found = one.logits(end, mask[end])
        torch.testing.assert_close(
            found, stack.logits(end=end, gate=mask[end]), atol=1e-10, rtol=0
        )
    assert measured(one, table, None)["accuracy_clean"].shape == (1,)


def test_two_layers_take_torchs_steps_and_go_on_bit_for_bit():
    run, kept = BOTH.but(layers=2, split=True, steps=6), []
    nets = new_deep(run)
    assert sum(x.numel() for x in nets.named.values()) == run.n_weights
    leaves = [x.clone().requires_grad_() for x in nets.named.values()]
    optimizer = torch.optim.AdamW(leaves, lr=run.lr, weight_decay=1.0, betas=(0.9, 0.98))
    examples = task_table(run).examples()
    for step in range(6):
        optimizer.param_groups[0]["lr"] = run.lr * min((step + 1) / 10, 1)
        optimizer.zero_grad()
        logits = DeepStack(*leaves).forward(tokens_of(examples, 0, 11), seen(run, examples.end[0]))
        cross_entropy(logits, examples.label[0]).backward()
        optimizer.step()

    def keep(state):
        if state.step == 3:
            kept.append(state)
            kept[0].tensors = {name: x.clone() for name, x in state.tensors.items()}
            kept[0].rows = list(state.rows)

    whole = train(run, progress=False, on_checkpoint=keep, checkpoint_every=0.0)
    rest = train(run, progress=False, state=kept[0])
    for x, (name, found) in zip(leaves, whole.nets.named.items(), strict=True):
        torch.testing.assert_close(found, x.detach(), rtol=1e-8, atol=1e-10, msg=name)
        assert found.equal(rest.nets.named[name])
    again = DeepStack.from_arrays(whole.nets.arrays(0))
    assert all(x.equal(again.named[name]) for name, x in whole.nets.named.items())
    with pytest.raises(ValueError, match="2 runs in one stack are not allowed"):
        train([run, run.but(seed=9)], progress=False)
