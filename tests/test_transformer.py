"""The one-layer transformer: the engine is the plain net, and FF keeps what it says it keeps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from modnoise.arithmetic.metrics import ROLES
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table, true_labels
from modnoise.spec import SpecError
from modnoise.store.load import load_or_train
from modnoise.store.records import configuration
from modnoise.studies import spec_from
from modnoise.training.loop import kind_of, train
from modnoise.transformer import engine as engines_module
from modnoise.transformer.engine import TransformerEngine, training_pairs
from modnoise.transformer.net import (
    PlainTransformer,
    TransformerStack,
    energy,
    filtrate_unembedding,
    new_transformers,
    random_frequencies,
    top_frequencies,
)
from modnoise.transformer.run import TransformerRun, frequencies_kept
from modnoise.transformer.training import DRAWS, stack_size

# 84 training pairs, so that blocks of at most 64 are two, the last one smaller
TINY = {"p": 13, "d_model": 12, "heads": 3, "d_mlp": 10, "dtype": "float64", "noise": 0.3}


def two_runs(**fields) -> list[TransformerRun]:
    """Two members that differ in everything members may differ in."""
    return [
        TransformerRun(**{**TINY, **fields}, seed=1, lr=1e-2, weight_decay=0.1),
        TransformerRun(
            **{**TINY, **fields, "noise": 0.6}, seed=2, lr=3e-3, weight_decay=0.0, op="mul",
            noise_kind="any",
        ),
    ]  # fmt: skip


def shaken(runs: list[TransformerRun]) -> TransformerStack:
    """Nets whose biases are not zero either."""
    rng = np.random.default_rng(0)
    nets = new_transformers(runs)
    return TransformerStack(
        **{name: x + 0.1 * torch.from_numpy(rng.standard_normal(x.shape)).to(x.dtype)
           for name, x in nets.named.items()}
    )  # fmt: skip


def plain_pairs(nets, table, i):
    """The plain net i, its training tokens and its given labels."""
    a, b = table.train[i].nonzero(as_tuple=True)
    tokens = torch.stack([a, b, torch.full_like(a, table.p)], 1)
    return PlainTransformer(nets[i]), tokens, table.given[i, a, b]


# --- the net


def test_the_factored_logits_are_the_plain_nets():
    runs = two_runs()
    nets, table = shaken(runs), noisy_table(runs)
    for i in range(2):
        net, tokens, _ = plain_pairs(nets, table, i)
        found = nets.logits()[i, tokens[:, 0], tokens[:, 1]]
        torch.testing.assert_close(found, net(tokens)[:, :-1], rtol=1e-10, atol=1e-12)


def test_logits_of_some_rows_are_rows_of_the_logits():
    nets = shaken(two_runs())
    some, everything = nets.logits(slice(3, 7)), nets.logits()
    torch.testing.assert_close(some, everything[:, 3:7], rtol=1e-12, atol=1e-13)


def test_a_net_that_sees_a_and_b_alike_by_hand():
    """p = 3, one head of size 1, no MLP: logits = (values of a, b and "=" in equal parts) W_U."""
    eye = torch.eye(4, dtype=torch.float64)
    zero = torch.zeros(1, 1, 1, 4, dtype=torch.float64)
    one = zero.clone()
    one[..., 0] = 1.0
    nets = TransformerStack(
        W_E=eye[None], W_pos=torch.zeros(1, 3, 4, dtype=torch.float64),
        W_Q=zero, W_K=one, W_V=one, W_O=one,
        W_in=zero[0], b_in=zero[0, :, :, 0], W_out=zero[0], b_out=zero[0, :, 0],
        W_U=eye[None],
    )  # fmt: skip
    # with scores of 0 each of the three places weighs 1/3; only token 0 has a value, 1
    share = torch.tensor([[2, 1, 1], [1, 0, 0], [1, 0, 0]]) / 3
    torch.testing.assert_close(nets.logits()[0, ..., 0], share.double())
    assert nets.logits()[..., 1:].abs().max() == 0  # the stream is that of "=", left out


def test_untrained_weights_have_nandas_spread_and_depend_on_the_seed_alone():
    run = TransformerRun(noise=0.2)
    nets = new_transformers([run, run.but(seed=43), run.but(noise=0.5, lr=1e-2)])
    for name, x in nets.named.items():
        assert x[0].equal(x[2])
        if name.startswith("b"):
            assert x.abs().max() == 0
        else:
            assert not x[0].equal(x[1])
            expected = 114**-0.5 if name == "W_U" else 128**-0.5
            error = (2 * x[0].numel()) ** -0.5
            assert x[0].std().item() == pytest.approx(expected, rel=4 * error)
    assert sum(x[0].numel() for x in nets.named.values()) == run.n_weights
    assert run.weight_bytes == 4 * run.n_weights


# --- the engine


@pytest.mark.parametrize("block_floats", [1, 2**19])
def test_gradients_are_autograds_whatever_the_block(monkeypatch, block_floats):
    monkeypatch.setattr(engines_module, "BLOCK_FLOATS", block_floats)
    runs = two_runs()
    nets, table = shaken(runs), noisy_table(runs)
    engine = TransformerEngine(runs, nets, training_pairs(table))
    assert len(engine._blocks) == {1: 2, 2**19: 1}[block_floats]
    for i in range(2):
        net, tokens, labels = plain_pairs(nets, table, i)
        cross_entropy(net(tokens), labels).backward()
        for name, found in zip(nets.named, engine.gradients(), strict=True):
            expected = getattr(net, name).grad
            torch.testing.assert_close(found[i], expected, rtol=1e-10, atol=1e-12, msg=name)


def test_100_steps_are_those_of_torchs_adamw():
    runs = two_runs(warmup=10)
    nets, table = new_transformers(runs), noisy_table(runs)
    engine = TransformerEngine(runs, nets, training_pairs(table))
    for _ in range(100):
        engine.step()
    for i, run in enumerate(runs):
        net, tokens, labels = plain_pairs(nets, table, i)
        optimizer = torch.optim.AdamW(
            net.parameters(), lr=run.lr, weight_decay=run.weight_decay, betas=(0.9, 0.98)
        )
        for step in range(100):
            optimizer.param_groups[0]["lr"] = run.lr * min((step + 1) / 10, 1)
            optimizer.zero_grad()
            cross_entropy(net(tokens), labels).backward()
            optimizer.step()
        for name, found in engine.nets.named.items():
            expected = getattr(net, name).detach()
            torch.testing.assert_close(found[i], expected, rtol=1e-8, atol=1e-9, msg=name)


def test_a_stack_is_its_members():
    runs = two_runs(steps=30)
    together = train(runs, progress=False)
    for i, run in enumerate(runs):
        alone = train(run, progress=False)
        for name, x in alone.nets.named.items():
            torch.testing.assert_close(together.nets.named[name][i], x[0], rtol=1e-9, atol=1e-11)
        of = together.history[together.history.run == i].reset_index(drop=True).drop(columns="run")
        pd.testing.assert_frame_equal(of, alone.history.drop(columns="run"), rtol=1e-7)


def test_the_same_run_gives_the_same_bits():
    run = TransformerRun(**{**TINY, "dtype": "float32"}, steps=20)
    first, again = (train(run, progress=False) for _ in range(2))
    assert all(x.equal(again.nets.named[name]) for name, x in first.nets.named.items())
    pd.testing.assert_frame_equal(first.history, again.history, check_exact=True)


def test_a_training_goes_on_from_a_checkpoint_bit_for_bit():
    runs, kept = two_runs(steps=25), []

    def keep(state):
        if state.step == 11:
            kept.append(state)
            kept[0].tensors = {name: x.clone() for name, x in state.tensors.items()}
            kept[0].rows = list(state.rows)

    whole = train(runs, progress=False, on_checkpoint=keep, checkpoint_every=0.0)
    rest = train(runs, progress=False, state=kept[0])
    assert all(x.equal(rest.nets.named[name]) for name, x in whole.nets.named.items())
    pd.testing.assert_frame_equal(whole.history, rest.history, check_exact=True)


def test_training_memorizes_wrong_labels_and_generalizes_without_them():
    run = TransformerRun(
        p=23, d_model=32, heads=4, d_mlp=64, lr=1e-2, noise=0.2, train_frac=0.7, val_frac=0.1,
        test_frac=0.2, steps=400,
    )  # fmt: skip
    history = train([run, run.but(noise=0.0)], progress=False).history
    last = history[(history.step == 400) & (history.part == "full")].set_index("run")
    assert last.accuracy_clean[0] > 0.99
    assert last.accuracy_noisy[0] > 0.99
    assert last.accuracy_recovered[0] < 0.05
    assert np.isnan(last.accuracy_noisy[1])
    assert last.accuracy_test[1] > max(0.5, last.accuracy_test[0] + 0.2)


@pytest.mark.gpu
def test_the_engine_takes_the_same_steps_on_a_gpu():
    runs = two_runs()
    nets, table = new_transformers(runs), noisy_table(runs)
    pairs = training_pairs(table)
    engines = [TransformerEngine(runs, nets, pairs, device) for device in ("cpu", "cuda")]
    for engine in engines:
        for _ in range(20):
            engine.step()
    for x, y in zip(*(engine.params for engine in engines), strict=True):
        torch.testing.assert_close(x, y.cpu(), rtol=1e-8, atol=1e-9)


# --- frequency filtration


def waves(p: int, sizes: dict[int, float]) -> torch.Tensor:
    """(1, 2, p + 1): along the classes cosines of known frequencies, a mean, and a "=" column."""
    c = np.arange(p)
    one = 3.0 + sum(a * np.cos(2 * np.pi * k * c / p + k) for k, a in sizes.items())
    two = -1.0 + sum(a * np.sin(2 * np.pi * k * c / p) for k, a in sizes.items())
    return torch.from_numpy(np.pad([one, two], [(0, 0), (0, 1)], constant_values=99.0))[None]


def with_unembedding(W_U: torch.Tensor) -> TransformerStack:
    _, d, tokens = W_U.shape
    run = TransformerRun(p=tokens - 1, d_model=d, heads=1, d_mlp=4, dtype="float64")
    return TransformerStack(**{**new_transformers(run).named, "W_U": W_U})


@pytest.mark.parametrize("p", [13, 12])
def test_energy_of_known_waves_is_known(p):
    sizes = {1: 0.5, 3: 2.0, 5: 1.0}
    found = energy(with_unembedding(waves(p, sizes)))[0]
    # a cosine of amplitude A has |x^_k|^2 = p A^2 / 4 in the unitary transform; here there are two
    expected = torch.zeros(p // 2, dtype=torch.float64)
    for k, size in sizes.items():
        expected[k - 1] = 2 * p * size**2 / 4
    torch.testing.assert_close(found, expected)


def test_the_top_frequencies_are_those_of_the_largest_waves_to_the_last_one():
    nets = with_unembedding(waves(13, {1: 0.5, 2: 0.1, 6: 2.0, 5: 1.0}))
    assert top_frequencies(nets, 4).tolist() == [[6, 5, 1, 2]]


def test_ff_keeps_the_given_waves_and_drops_the_mean_and_the_equals_sign():
    sizes = {1: 0.5, 6: 2.0, 5: 1.0}
    nets = with_unembedding(waves(13, sizes))
    found = filtrate_unembedding(nets, torch.tensor([[6, 1]]))
    expected = waves(13, {1: 0.5, 6: 2.0})
    expected[..., :13] -= expected[..., :13].mean(-1, keepdim=True)
    expected[..., 13] = 0
    torch.testing.assert_close(found.W_U, expected)
    same = [name for name, x in nets.named.items() if found.named[name] is x]
    assert len(same) == len(nets.named) - 1


@pytest.mark.parametrize("p", [12, 13])
def test_ff_with_all_frequencies_changes_only_the_mean_over_the_classes(p):
    nets = shaken([TransformerRun(**{**TINY, "p": p})])
    everything = torch.arange(1, p // 2 + 1)[None]
    before, after = nets.logits(), filtrate_unembedding(nets, everything).logits()
    torch.testing.assert_close(after, before - before.mean(-1, keepdim=True))


def test_ff_of_a_net_with_a_rule_and_a_memory_in_known_frequencies_separates_them():
    """W_U holds the rule at 1 and 4, and at 2 what shifts every answer: FF forgets the shift."""
    p = 11
    c = torch.arange(p, dtype=torch.float64)
    keys = [f(2 * torch.pi * k * c / p) for k in (1, 4) for f in (torch.cos, torch.sin)]
    keys += [f(2 * torch.pi * 2 * (c - 3) / p) for f in (torch.cos, torch.sin)]
    nets = with_unembedding(torch.nn.functional.pad(torch.stack(keys), (0, 1))[None])
    true = torch.from_numpy(true_labels("add", p)).double()
    of = [f(2 * torch.pi * k * true / p) for k in (1, 4) for f in (torch.cos, torch.sin)]
    # the memory is louder than the rule
    of += [5 * f(2 * torch.pi * 2 * true / p) for f in (torch.cos, torch.sin)]
    final = torch.stack(of, -1)
    answers = {}
    for name, k in {"rule": [1, 4], "memory": [2], "all": [1, 2, 4]}.items():
        W_U = filtrate_unembedding(nets, torch.tensor([k])).W_U[0, :, :p]
        answers[name] = (final @ W_U).argmax(-1)
    assert answers["rule"].equal(true.long())
    assert answers["memory"].equal((true.long() + 3) % p)
    assert (answers["all"] == true).double().mean() < 0.1


@pytest.mark.parametrize("k", [0, 7, -1])
def test_a_frequency_that_does_not_exist_is_refused(k):
    nets = new_transformers(TransformerRun(**TINY))
    with pytest.raises(ValueError, match=r"frequencies must lie in 1 \.\.\. 6"):
        filtrate_unembedding(nets, torch.tensor([[k]]))


def test_random_frequencies_are_nested_orders_of_all_and_blind_to_the_net():
    nets = new_transformers(two_runs())
    orders = [random_frequencies(nets, 6, draw) for draw in range(DRAWS)]
    assert all(sorted(order[0].tolist()) == [1, 2, 3, 4, 5, 6] for order in orders)
    assert all(order[0].equal(order[1]) for order in orders)
    assert len({tuple(order[0].tolist()) for order in orders}) > 1
    for fewer, more in pairwise(random_frequencies(nets, n, 0) for n in range(1, 7)):
        assert more[:, :-1].equal(fewer)


def test_the_paper_keeps_20_of_56_and_other_moduli_the_same_share():
    assert [frequencies_kept(p) for p in (113, 59, 23, 5)] == [20, 10, 4, 1]


# --- what is recorded


def test_the_history_has_the_full_net_and_every_number_of_frequencies_at_the_end():
    run = TransformerRun(**TINY, steps=20)
    trained = train(run, progress=False)
    history, ends = trained.history, trained.history[trained.history.step == 20]
    assert list(history.columns) == [
        "run", "step", "part", "kept", "draw", *(f"accuracy_{role}" for role in ROLES),
        *(f"cross_entropy_{role}" for role in ROLES), "norm",
    ]  # fmt: skip
    assert ends[ends.part == "top"].kept.tolist() == [1, 2, 3, 4, 5, 6]
    random = ends[ends.part == "random"]
    assert sorted(zip(random.kept, random.draw, strict=True)) == [
        (kept, draw) for kept in range(1, 7) for draw in range(DRAWS)
    ]
    assert set(history[history.step == 0].kept[history.part == "top"]) == {frequencies_kept(13)}
    everything = ends[ends.kept == 6].drop(columns=["part", "kept", "draw"])
    pd.testing.assert_frame_equal(  # all frequencies: the same answers, top, random or full
        everything, everything.iloc[[0] * len(everything)].set_index(everything.index)
    )


def test_recorded_numbers_are_those_of_the_filtered_net_itself():
    run = TransformerRun(**TINY, steps=15)
    nets, table, history = train(run, progress=False)
    filtered = filtrate_unembedding(nets, top_frequencies(nets, 3))
    right = filtered.logits().argmax(-1) == table.true
    row = history[(history.step == 15) & (history.part == "top") & (history.kept == 3)].iloc[0]
    assert row.accuracy_test == pytest.approx(right[table.role == 3].double().mean().item())
    norm = sum(x.square().sum() for x in nets.named.values()).sqrt().item()
    assert row.norm == pytest.approx(norm)


def test_recorded_weights_come_back_through_the_store(tmp_path):
    run = TransformerRun(**TINY, steps=5)
    assert spec_from(configuration(run)) == run
    first = load_or_train(run, store=tmp_path, progress=False)
    again = load_or_train(run, store=tmp_path, progress=False)
    assert all(x.equal(again.nets.named[name]) for name, x in first.nets.named.items())
    assert again.history.part.tolist() == first.history.part.tolist()
    assert (again.table.role == noisy_table(run).role).all()


def test_small_nets_share_a_stack_and_large_ones_do_not():
    kind = kind_of(TransformerRun())
    assert kind.stack_size is stack_size
    assert stack_size(TransformerRun(), "cpu") == 1
    assert stack_size(TransformerRun(p=23, d_mlp=64), "cpu") > 100
    assert "p=113" in kind.title(TransformerRun())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"heads": 5}, "heads = 5 is not allowed with d_model = 128: it must divide it"),
        ({"d_model": 0}, "d_model = 0 is not allowed"),
        ({"train_frac": 0.6}, "the sum must be at most 1"),
        ({"width": 65}, "unknown parameter 'width'"),
        ({"noise_kind": "symmetric"}, "it must be split = 'unordered'"),
    ],
)
def test_a_run_that_cannot_be_is_refused(fields, said):
    with pytest.raises(SpecError, match=said):
        TransformerRun(**fields)


def test_a_run_has_a_key_of_its_own_and_says_where_its_defaults_are_from():
    assert TransformerRun().key != Run().key
    assert {row["source"].split()[0].rstrip(",") for row in TransformerRun.provenance()} == {
        "Nanda", "paper", "ours"
    }  # fmt: skip


def test_what_is_no_stack_is_refused():
    with pytest.raises(ValueError, match="may differ in op, noise"):
        train([TransformerRun(), TransformerRun(p=59)])
