"""Reason to Rote: items, the net against its twin, resuming, probes and patches that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modnoise.rote import circuits, experiments, patches, probes
from modnoise.rote.data import relations, rote_data, spoken, written
from modnoise.rote.groups import Groups, first, groups, shares
from modnoise.rote.net import Gpt, hooked, kept, new_net, restored
from modnoise.rote.run import RoteRun
from modnoise.rote.training import Machine, accuracies, answered, record_at
from modnoise.spec import SpecError
from modnoise.studies import EXPERIMENTS
from modnoise.training.loop import train

SUMS = {"digits": 2, "train_frac": 0.1, "d_model": 16, "layers": 2, "batch": 64, "warmup": 5}
TWO_HOPS = {
    "task": "thr", "entities": 9, "relations": 4, "train_frac": 0.8, "d_model": 16, "layers": 2,
    "batch": 50, "warmup": 5,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- items


def test_sums_are_sums_and_so_many_are_wrong():
    run = RoteRun(**SUMS, noise=0.25)
    data = rote_data(run)
    train, test = data.train, data.test
    assert (len(train), train.noisy.sum(), len(test)) == (1000, 250, 2000)
    tens = np.array([10, 1])
    for items in (train, test):
        a, b = items.prompt[:, :2] @ tens, items.prompt[:, 3:5] @ tens
        assert (items.true @ [1, 10, 100] == a + b).all()
        assert (items.prompt[:, [2, 5]] == [10, 11]).all()
    wrong = (train.given != train.true).any(1)
    assert (wrong == train.noisy).all()
    assert (train.given @ [1, 10, 100]).max() <= 198
    assert not test.noisy.any()
    asked = {tuple(x) for x in train.prompt}
    assert len(asked) == 1000
    assert not asked & {tuple(x) for x in test.prompt}
    assert written(np.array([69, 150]), 3).tolist() == [[9, 6, 0], [0, 5, 1]]
    assert spoken(run, train.prompt[0]).replace(" + ", "") == "".join(
        str(x) for x in train.prompt[0] if x < 10
    )


def test_questions_have_two_hops_and_facts_have_one():
    run = RoteRun(**TWO_HOPS, noise=0.5)
    data, leads = rote_data(run), relations(run)
    train = data.train
    assert len(train) == run.n_train == round(0.8 * 9 * 16) + 36
    r2, r1, e = (train.prompt[train.reasoned, i] for i in range(3))
    assert (train.bridge[train.reasoned] == leads[r1 - 9, e]).all()
    assert (train.true[train.reasoned, 0] == leads[r2 - 9, leads[r1 - 9, e]]).all()
    facts = train.some(~train.reasoned)
    assert (facts.true[:, 0] == leads[facts.prompt[:, 1] - 9, facts.prompt[:, 2]]).all()
    assert (facts.prompt[:, 0] == 13).all()
    assert not facts.noisy.any()
    assert (train.given[train.noisy] != train.true[train.noisy]).all()
    assert train.given.max() < 9


def test_wrong_answers_are_even_among_the_wrong_ones():
    run = RoteRun(**{**SUMS, "digits": 1, "train_frac": 0.9, "batch": 10}, noise=1.0)
    counts = np.zeros(19)
    for seed in range(40):
        train = rote_data(run.but(seed=seed)).train
        sums = train.prompt[:, 0] + train.prompt[:, 2]
        shift = (train.given @ [1, 10] - sums) % 19
        counts += np.bincount(shift, minlength=19)
    assert counts[0] == 0
    expected = counts.sum() / 18
    assert ((counts[1:] - expected) ** 2 / expected).sum() < 50  # chi squared of 17 degrees


@given(
    st.sampled_from(["digits", "entities", "relations", "noise", "d_model", "layers", "lr",
                     "steps", "batch", "seed"]),
    st.integers(-10**6, -1),
)  # fmt: skip
def test_a_field_below_its_range_is_refused_by_name(name, value):
    value = float(value) if name in ("noise", "lr") else value
    with pytest.raises(SpecError, match=rf"^{name} = ") as caught:
        RoteRun(**{name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "mul"}, "task = 'mul' is not allowed"),
        ({"heads": 3}, "heads = 3 is not allowed with d_model = 256: it must divide it"),
        ({"entities": 40}, "entities = 40 is not allowed with task = 'fda'"),
        ({"task": "thr", "digits": 2, "train_frac": 0.9}, "digits = 2 is not allowed with task"),
        ({"train_frac": 1e-12}, "it must leave at least one of the 100000000 items"),
        ({**SUMS, "batch": 1001}, "it must be at most the 1000 training items"),
        ({"layer": 2}, "unknown parameter 'layer'; did you mean layers"),
    ],
)
def test_a_run_that_is_not_allowed_says_why(fields, message):
    with pytest.raises(SpecError, match=message):
        RoteRun(**fields)


def test_only_what_is_stated_is_the_papers():
    stated = {x["field"] for x in RoteRun.provenance() if x["source"].startswith("paper")}
    assert stated == {"task", "digits", "noise"}
    net = new_net(RoteRun(**SUMS))
    assert sum(x.numel() for x in net.parameters()) == RoteRun(**SUMS).n_weights
    net = new_net(RoteRun(**TWO_HOPS))
    assert sum(x.numel() for x in net.parameters()) == RoteRun(**TWO_HOPS).n_weights


def test_other_settings_move_noise_and_the_first_seed_only():
    runs = EXPERIMENTS["rote-controls"].runs("laptop")
    assert experiments.at_setting(runs, noise=0.05, seed=52) == runs
    moved = experiments.at_setting(runs, noise=0.5, seed=7)
    assert [run.noise for run in moved] == [0.05] * 3 + [0.0] * 3
    assert [run.seed for run in moved] == [7, 53, 54] * 2
    questions = experiments.at_setting(
        EXPERIMENTS["rote-thr"].runs("laptop"), noise=0.5, seed=7
    )  # fmt: skip
    assert [(run.noise, run.seed) for run in questions] == [(0.5, 7), (0.5, 53), (0.5, 54)]
    for scale in EXPERIMENTS["rote-fda"].scales:
        widths = {run.d_model for run in EXPERIMENTS["rote-fda"].runs(scale)}
        assert experiments.main_width(scale) in widths
        trained = EXPERIMENTS["rote-controls"].runs(scale)[-1]
        same = {run.steps for run in EXPERIMENTS["rote-fda"].runs(scale)}
        assert (trained.noise, {trained.steps}) == (0.0, same)


# --- the net and its training


class Twin(nn.Module):
    """The same net of `torch.nn.TransformerEncoderLayer`."""

    def __init__(self, net: Gpt, d: int, heads: int) -> None:
        super().__init__()
        self.token = nn.Embedding(*net.token.weight.shape, dtype=torch.double)
        self.token.load_state_dict(net.token.state_dict())
        self.place = nn.Parameter(net.place.weight.detach().clone())
        self.layers = nn.ModuleList()
        for block in net.blocks:
            layer = nn.TransformerEncoderLayer(
                d, heads, 4 * d, dropout=0.0, activation="gelu", batch_first=True,
                norm_first=True, dtype=torch.double,
            )  # fmt: skip
            pairs = {
                "self_attn.in_proj": block.qkv, "self_attn.out_proj": block.proj,
                "linear1": block.up, "linear2": block.down, "norm1": block.norm1,
                "norm2": block.norm2,
            }  # fmt: skip
            state = {}
            for name, module in pairs.items():
                dot = "_" if name.endswith("in_proj") else "."
                state |= {f"{name}{dot}weight": module.weight, f"{name}{dot}bias": module.bias}
            layer.load_state_dict(state)
            self.layers.append(layer)
        self.norm = nn.LayerNorm(d, dtype=torch.double)
        self.unembed = nn.Linear(d, len(net.token.weight), bias=False, dtype=torch.double)
        self.norm.load_state_dict(net.norm.state_dict())
        self.unembed.load_state_dict(net.unembed.state_dict())

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.token(tokens) + self.place[: tokens.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], dtype=x.dtype)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.unembed(self.norm(x))


def test_three_updates_are_those_of_a_net_of_torchs_encoder_layers():
    run = RoteRun(**SUMS, weight_decay=0.3)
    data = rote_data(run)
    machine = Machine(run, data.train, "cpu")
    machine.net.double()
    gen = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for x in machine.net.parameters():  # biases and norms are not at their first values
            x += 0.1 * torch.randn(x.shape, generator=gen, dtype=x.dtype)
    twin = Twin(machine.net, run.d_model, run.heads)
    other = torch.optim.AdamW(
        twin.parameters(), lr=0.0, weight_decay=0.3, betas=(0.9, 0.98), eps=1e-8
    )
    tokens, labels = torch.tensor(data.train.tokens()), torch.tensor(data.train.given)
    for step in range(3):
        chosen = machine._batch()
        other.param_groups[0]["lr"] = 1e-3 * (step + 1) / 5
        other.zero_grad()
        logits = twin(tokens[chosen])[:, 5:]
        loss = sum(nn.functional.cross_entropy(logits[:, k], labels[chosen, k]) for k in range(3))
        (loss / 3).backward()
        other.step()
        machine.step()
    ours, theirs = machine.net(tokens[:50]), twin(tokens[:50])
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-10)
    assert (ours - Twin(new_net(run).double(), 16, 4)(tokens[:50])).abs().max() > 1e-3


def test_an_epoch_has_every_item_once_in_an_order_of_its_own():
    run = RoteRun(**{**SUMS, "batch": 300})
    machine, orders = Machine(run, rote_data(run).train, "cpu"), []
    for epoch in range(2):
        batches = []
        for place in range(4):
            machine.updates = 4 * epoch + place
            batches.append(machine._batch())
        assert [len(x) for x in batches] == [300, 300, 300, 100]
        orders.append(torch.cat(batches))
        assert sorted(orders[-1].tolist()) == list(range(1000))
    assert (orders[0] != orders[1]).any()


@pytest.mark.parametrize("fields", [SUMS, TWO_HOPS], ids=["sums", "questions"])
def test_a_training_that_was_cut_goes_on_bit_for_bit(fields):
    run = RoteRun(**fields, steps=25, noise=0.2)
    states = []

    def keep(state) -> None:
        if state.step == 13:
            tensors = {name: x.detach().clone() for name, x in state.tensors.items()}
            states.append(type(state)(state.step, tensors, [*state.rows], state.seconds))

    whole = train(run, progress=False, on_checkpoint=keep, checkpoint_every=0.0)
    rest = train(run, progress=False, state=states[0])
    for name, x in whole.nets.state_dict().items():
        assert torch.equal(x, rest.nets.state_dict()[name]), name
    assert whole.history.equals(rest.history)
    again = restored(run, whole.nets.arrays(0))
    tokens = torch.tensor(rote_data(run).test.tokens()[:20])
    assert torch.equal(again(tokens), whole.nets(tokens))


def test_steps_that_are_recorded():
    assert record_at(0) == [0]
    steps = record_at(6000)
    assert {0, 10, 3000, 6000} <= {*steps}
    assert steps == sorted({*steps})
    assert len(steps) < 60


def test_an_answer_is_recalled_if_the_net_writes_it_by_itself():
    run = RoteRun(**SUMS, noise=0.5, steps=60)
    data = rote_data(run)
    machine = Machine(run, data.train, "cpu")
    for _ in range(60):
        machine.step()
    items, net = data.train.some(slice(300)), machine.net
    tokens = torch.tensor(items.prompt)
    for _ in range(3):
        tokens = torch.cat([tokens, net(tokens)[:, -1].argmax(-1)[:, None]], 1)
    own = tokens[:, 6:].numpy()
    for true, labels in ((False, items.given), (True, items.true)):
        assert (answered(net, items, true=true) == (own == labels).all(1)).all()
    assert (first(net, items) == own[:, 0]).all()
    assert set(accuracies(net, data)) == {
        f"accuracy_{x}" for x in ("clean", "noisy", "recovered", "test")
    }


# --- looking inside


def test_shares_are_counted_by_role():
    data = rote_data(RoteRun(**SUMS, noise=0.5))
    train = data.train
    where = np.flatnonzero(train.noisy & (train.given[:, 0] != train.true[:, 0]))
    some = Groups(train.some(~train.noisy), data.test, train.some(where), where, where)
    assert shares(lambda items: items.true[:, 0], some) == {
        "accuracy_clean": 1.0, "accuracy_test": 1.0, "accuracy_noisy": 0.0,
        "accuracy_recovered": 1.0,
    }  # fmt: skip
    assert shares(lambda items: items.given[:, 0], some)["accuracy_noisy"] == 1.0
    net = new_net(RoteRun(**SUMS))
    chosen = groups(net, data, lambda items: np.arange(len(items)) < 30)
    assert chosen.where.tolist() == where[:30].tolist()
    assert len(groups(net, data, lambda items: np.zeros(len(items), bool)).noisy) == len(where)


def test_a_hook_reads_and_replaces():
    run = RoteRun(**SUMS)
    net, tokens = new_net(run), torch.tensor(rote_data(run).test.tokens()[:5])
    places = ["embed", "blocks.0.mid", "blocks.0.out", "blocks.1.out"]
    found = kept(net, tokens, places)
    assert torch.allclose(net.unembed(net.norm(found["blocks.1.out"])), net(tokens))
    with hooked(net, {"blocks.1.out": lambda x: found["embed"]}):
        assert torch.allclose(net(tokens), net.unembed(net.norm(found["embed"])))
    assert [*net.sites] == [0.0, 0.5, 1.0, 1.5, 2.0]


def planted(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows whose class is told by 3 of 12 directions only, the classes, these directions."""
    rng = np.random.default_rng([seed, n])
    space = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 3)))[0].T
    corners = 4 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    y = rng.integers(0, 4, n)
    return rng.normal(size=(n, 12)) + corners[y] @ space, y, space


def test_removal_finds_the_subspace_that_tells_the_classes():
    x, y, space = planted(0, 4000)
    test, labels, _ = planted(1, 4000)
    rounds = list(probes.null_spaces(x, y, test, labels, most=6))
    basis, accuracy = rounds[-1]
    assert len(rounds) == 1
    assert basis @ basis.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.svd(basis @ space.T)[1] == pytest.approx([1, 1, 1], abs=1e-3)
    assert accuracy < 0.3
    assert (probes.Probe(x, y)(test) == labels).mean() > 0.99
    assert list(probes.null_spaces(x, y, test, labels, most=2)) == []


def test_what_is_removed_is_put_to_its_mean_and_nothing_else_is_touched():
    x, _, space = planted(0, 50)
    mean = x.mean(0)
    stream = torch.tensor(np.stack([x, x], axis=1))
    found = probes.without(space, mean, 1)(stream).numpy()
    assert (found[:, 0] == x).all()
    assert (found[:, 1] - mean) @ space.T == pytest.approx(np.zeros((50, 3)), abs=1e-12)
    rest = np.eye(12) - space.T @ space
    assert (found[:, 1] - x) @ rest == pytest.approx(np.zeros((50, 12)), abs=1e-12)


def test_the_majority_class_is_the_most_frequent_and_of_equals_the_smallest():
    assert probes.majority(np.array([3, 1, 1, 3, 0])) == 1


def copier() -> Gpt:
    """A net built by hand that answers the token at position 0: head 1 of block 0 carries it.

    Every token looks back with equal weight; only token 0 to 3 have a value, which head 1 writes
    where the unembedding reads. All else is zero.
    """
    d, words = 16, 6
    net = Gpt(words, 3, d, 2, 4)
    with torch.no_grad():
        for x in net.parameters():
            x.zero_()
        for block in net.blocks:
            block.norm1.weight.fill_(1)
            block.norm2.weight.fill_(1)
        net.norm.weight.fill_(1)
        for word in range(4):  # a token is +1 and -1 in a pair of places: its mean is zero
            net.token.weight[word, 2 * word], net.token.weight[word, 2 * word + 1] = 1, -1
            value = net.blocks[0].qkv.weight[2 * d :].view(4, 4, d)
            value[1, word, 2 * word], value[1, word, 2 * word + 1] = 1, -1
            net.blocks[0].proj.weight[8 + word, 4 + word] = 1
            net.unembed.weight[word, 8 + word] = 1
    return net.double()


def test_the_circuit_of_a_net_built_by_hand_is_found():
    net = copier()
    tokens = torch.tensor([[0, 5, 4], [1, 4, 5], [2, 4, 4]])
    others = tokens[[1, 2, 0]]
    assert net(tokens)[:, -1].argmax(-1).tolist() == [0, 1, 2]
    scores = circuits.edge_scores(net, tokens, tokens[:, 0], others, others[:, 0]).numpy()
    names = circuits.edge_names(net, 3)
    assert len(scores) == len(names)
    found = {name: x for name, x in zip(names, scores, strict=True) if abs(x) > 1e-12}
    # sender 0: the embedding, 2: head 1 of the first block
    assert set(found) == {(0, "0.1.v", 0), (2, "end", 2)}
    assert found[(2, "end", 2)] > 0
    assert circuits.circuit(np.array([0.1, -3.0, 0.2, 0.0] + [0.0] * 36)) == {1, 2}


@pytest.mark.parametrize("fields", [SUMS, TWO_HOPS], ids=["sums", "questions"])
def test_the_traced_pass_is_the_nets_own(fields):
    run = RoteRun(**fields)
    net, tokens = new_net(run).double(), torch.tensor(rote_data(run).test.prompt[:7])
    with torch.no_grad():
        for x in net.parameters():
            x += 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    made = circuits.traced(net, tokens)
    assert torch.allclose(made.logits, net(tokens), atol=1e-12)
    assert len(made.senders) == 1 + 2 * 5
    assert [n for _, n, _ in made.receivers] == [1] * 12 + [5] + [6] * 12 + [10, 11]


def test_an_ablated_head_takes_the_answer_only_if_it_carries_it():
    net = copier()
    places = {"blocks.0.heads_out": patches._held(torch.zeros(3, 4, 4, dtype=torch.double), 1)}
    tokens = torch.tensor([[0, 5, 4], [1, 4, 5], [2, 4, 4]])
    with hooked(net, places):
        assert net(tokens).abs().max() == 0
    other = {"blocks.0.heads_out": patches._held(torch.zeros(3, 4, 4, dtype=torch.double), 0)}
    with hooked(net, other):
        assert net(tokens)[:, -1].argmax(-1).tolist() == [0, 1, 2]


def test_scores_of_outliers_by_hand():
    x = np.array([[1.0], [3.0], [2.0], [9.0], [0.0]])
    condition = np.array([0, 0, 0, 1, 1])
    z, mean = patches.scored(x, condition, np.array([[4.0], [1.0]]), np.array([0, 7]))
    assert mean[0, 0] == 2.0
    assert z[0, 0] == pytest.approx(2 / np.sqrt(2 / 3))
    assert np.isnan(z[1, 0])
    z, mean = patches.scored(x, condition, x, None)
    assert mean[:3, 0].tolist() == [2.5, 1.5, 2.0]
    assert z[1, 0] == pytest.approx(1.5 / 0.5)
    assert np.isnan(z[3:]).all()  # one neighbour is too few
    flat = np.zeros((6, 1))
    z, _ = patches.scored(np.concatenate([x, x]), np.repeat([0, 1], 5), flat[:1], np.array([0]))
    assert np.isfinite(z).all()


def test_neighbours_share_the_units():
    run = RoteRun(**SUMS)
    items = rote_data(run).test
    found = patches.units_of(run, items)
    assert (found == 10 * items.prompt[:, 1] + items.prompt[:, 4]).all()


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("fields", [SUMS, TWO_HOPS], ids=["sums", "questions"])
def test_what_is_recorded_at_the_end(fields, noise):
    run = RoteRun(**fields, steps=5, noise=noise)
    frame = train(run, progress=False).history
    end = frame[frame.step == 5]
    parts = {*end.part} - {"full", "probe_bridge", "shuffled_bridge"}
    assert {"probe_answer", "shuffled_answer", "majority", "lens", "item"} <= parts
    inside = {"circuit", "token", "first", "head", "neuron", "inlp", "inlp_random"}
    if fields is SUMS:
        inside |= {"outlying", "outlier", "outlier_random"}
    assert (parts & inside) == (inside if noise else set())
    assert {*frame[frame.step < 5].part} == {"full"}
    same = end[end.part == "lens"].set_index("layer").loc[2.0]
    if noise:
        plain = end[end.part == "first"].iloc[0]
        assert same.accuracy_test == plain.accuracy_test
        assert same.accuracy_noisy == plain.accuracy_noisy
