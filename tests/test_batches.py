"""Mini-batches: which pairs an update sees, and both engines on them.

Comparisons of engines are in float64, so that agreement to 1e-10 means the same mathematics.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from modnoise.arithmetic.engines import fast
from modnoise.arithmetic.engines.batches import batch_at
from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table
from modnoise.spec import SpecError
from modnoise.studies import EXPERIMENTS
from modnoise.training import optim
from modnoise.training.loop import State, train

# p = 13: 84 training pairs, so a batch of 20 leaves 4 pairs over in each epoch
BASE = {"p": 13, "width": 9, "dtype": "float64", "init": "normal"}
NAMES = ("U", "V", "W", "mu")


def two_runs(**fields) -> list[Run]:
    """Two members that differ in everything members may differ in."""
    return [
        Run(**BASE, **fields, seed=1, lr=1e-2, weight_decay=0.1, noise=0.3),
        Run(**BASE, **fields, seed=2, lr=3e-3, weight_decay=0.0, noise=0.6, op="mul"),
    ]


def assert_same_nets(found, expected, tolerance=1e-10):
    for name in NAMES:
        x, y = getattr(found, name), getattr(expected, name)
        assert (x - y).abs().max() <= tolerance * y.abs().max(), name


@pytest.mark.parametrize("size", [1, 7, 20, 42, 84])
def test_the_batches_of_an_epoch_are_a_permutation_less_what_is_left_over(size):
    run = Run(**BASE, batch=size)
    n, count = run.n_train, run.n_train // size
    assert n == 84
    for epoch in range(3):
        batches = [batch_at(run, epoch * count + i) for i in range(count)]
        assert {len(batch) for batch in batches} == {size}
        seen = np.concatenate(batches)
        assert len(set(seen)) == len(seen) == count * size
        assert set(seen) <= set(range(n))


def test_each_epoch_and_each_seed_has_a_shuffle_of_its_own():
    run = Run(**BASE, batch=42)
    first, second, third = (batch_at(run, update) for update in (0, 1, 2))
    assert set(first) | set(second) == set(range(84))
    assert first.tolist() != third.tolist()  # the next epoch
    assert sorted(first) != first.tolist()
    assert batch_at(run.but(seed=43), 0).tolist() != first.tolist()


def test_every_pair_is_seen_equally_often_whatever_its_place():
    """In 2,000 epochs of 20 of 84 pairs four times, each is left out about 4 times in 84."""
    run = Run(**BASE, batch=20)
    seen = np.zeros(84)
    for update in range(4 * 2000):
        seen[batch_at(run, update)] += 1
    missed = 2000 - seen
    expected, spread = 2000 * 4 / 84, np.sqrt(2000 * 4 / 84 * 80 / 84)
    assert missed.sum() == 2000 * 4
    assert np.abs(missed - expected).max() < 4.5 * spread


def test_an_update_sees_the_same_pairs_whenever_it_is_asked_for():
    run = Run(**BASE, batch=20)
    before = batch_at(run, 17).tolist()
    state = np.random.get_state()[1].tolist()  # noqa: NPY002 - nobody may have touched it
    for update in (0, 5, 100):
        batch_at(run, update)
    assert batch_at(run, 17).tolist() == before
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_without_a_batch_there_is_one_update_in_an_epoch():
    run = Run(**BASE)
    assert sorted(batch_at(run, 3)) == list(range(84))


def test_the_batches_do_not_depend_on_noise_or_optimizer():
    """So that curves over noise differ by noise alone."""
    run = Run(**BASE, batch=20)
    for other in (run.but(noise=0.8), run.but(optimizer="muon"), run.but(op="mul")):
        assert batch_at(other, 9).tolist() == batch_at(run, 9).tolist()


@pytest.mark.parametrize("block_floats", [1, 700, 2**20])
@pytest.mark.parametrize("tied", [False, True])
def test_gradients_of_each_batch_are_autograds_whatever_the_block(monkeypatch, tied, block_floats):
    monkeypatch.setattr(fast, "BLOCK_FLOATS", block_floats)
    runs = two_runs(batch=80, tied=tied)
    nets, table = new_nets(runs), noisy_table(runs)
    quick, plain = (of(runs, nets, table) for of in (FastEngine, ReferenceEngine))
    for update in range(3):
        quick.updates = plain.updates = update
        quick._next_batch()
        for found, expected in zip(quick.gradients(), plain.gradients(), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_a_batch_of_one_pair_has_the_gradient_of_its_cross_entropy():
    """With n = 1: dmu = softmax(f) - onehot, by hand from the logits of that pair."""
    run = Run(**BASE, batch=1, noise=0.5)
    nets, table = new_nets(run), noisy_table(run)
    pairs = torch.nonzero(table.train[0])
    for update in (0, 1, 50):
        a, b = pairs[batch_at(run, update)[0]].tolist()
        expected = nets.logits()[0, a, b].softmax(0)
        expected[table.given[0, a, b]] -= 1
        engine = FastEngine([run], nets, table)
        engine.updates = update
        engine._next_batch()
        dlookup, _, dmu = engine.gradients()
        torch.testing.assert_close(dmu[0], expected)
        touched = torch.nonzero(dlookup[0].abs().sum(1)).flatten().tolist()
        assert touched == [a, 13 + b]


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "muon"])
@pytest.mark.parametrize("engine", ["fast", "autograd"])
def test_the_engines_agree_over_several_epochs(monkeypatch, optimizer, engine):
    plain = optim.orthogonalized  # both Muons in float64, see test_training
    monkeypatch.setattr(optim, "orthogonalized", lambda x, dtype: plain(x, torch.float64))
    monkeypatch.setattr(
        "torch.optim._muon._zeropower_via_newtonschulz",
        lambda grad, *_: plain(grad[None], torch.float64)[0],
    )
    runs = two_runs(optimizer=optimizer, batch=20, steps=15)  # four updates are an epoch
    quick, slow = (train(runs, engine=name, progress=False) for name in (engine, "reference"))
    assert (quick.nets.W - new_nets(runs).W).abs().max() > 1e-3
    assert_same_nets(quick.nets, slow.nets)
    pd.testing.assert_frame_equal(quick.history, slow.history, rtol=1e-8)


def test_a_stack_is_nothing_but_its_members():
    runs = two_runs(batch=20, steps=15)
    stack = train(runs, progress=False)
    for i, run in enumerate(runs):
        alone = train(run, progress=False)
        assert_same_nets(stack.nets[i], alone.nets)
        rows = stack.history[stack.history.run == i].reset_index(drop=True).assign(run=0)
        pd.testing.assert_frame_equal(rows, alone.history, rtol=1e-8)


def test_a_batch_of_all_pairs_is_the_full_batch():
    runs = two_runs(batch=84, steps=12)
    whole = train([run.but(batch=None) for run in runs], progress=False)
    assert_same_nets(train(runs, progress=False).nets, whole.nets)


def test_small_batches_are_another_path():
    runs = two_runs(batch=20, steps=12)
    whole = train([run.but(batch=None) for run in runs], progress=False)
    assert (train(runs, progress=False).nets.W - whole.nets.W).abs().max() > 1e-3


class Stop(Exception):
    pass


@pytest.mark.parametrize("at", [1, 4, 13])  # within an epoch, at its end, in the fourth
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(optimizer, at):
    runs = [run.but(dtype="float32") for run in two_runs(optimizer=optimizer, batch=20, steps=18)]
    whole, kept = train(runs, progress=False), []

    def stop(state: State) -> None:
        if state.step == at:
            tensors = {name: x.clone() for name, x in state.tensors.items()}
            kept.append(State(state.step, tensors, list(state.rows), state.seconds))
            raise Stop

    with pytest.raises(Stop):
        train(runs, progress=False, on_checkpoint=stop, checkpoint_every=0.0)
    resumed = train(runs, progress=False, state=kept[0])
    for name in NAMES:
        assert torch.equal(getattr(resumed.nets, name), getattr(whole.nets, name)), name
    pd.testing.assert_frame_equal(resumed.history, whole.history)


def test_runs_with_other_batches_are_no_stack_and_have_other_keys():
    run = Run(**BASE, batch=20, steps=2)
    assert len({run.key, run.but(batch=21).key, run.but(batch=None).key}) == 3
    with pytest.raises(ValueError, match="runs of one stack may differ in"):
        train([run, run.but(batch=21)], progress=False)


def test_a_smaller_batch_costs_less_per_update():
    run = Run(batch=64, steps=10)
    assert run.operations * run.n_train == run.but(batch=None).operations * 64


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (0, "batch = 0 is not allowed: it must be greater than or equal to 1"),
        (85, "batch = 85 is not allowed: it must be at most the 84 training pairs, or None"),
        (2.5, "batch = 2.5 is not allowed"),
    ],
)
def test_a_batch_that_is_no_number_of_training_pairs_is_refused(batch, message):
    with pytest.raises(SpecError, match=message):
        Run(**BASE, batch=batch)


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_each_batch_size_of_the_experiment_sees_the_pairs_in_whole_epochs(scale):
    epochs = {8: 20, 64: 200, 256: 200, None: 200}
    runs = EXPERIMENTS["batches"].runs(scale)
    assert {run.batch for run in runs} == set(epochs)
    for run in runs:
        updates = run.n_train // run.batch if run.batch else 1
        assert run.steps == epochs[run.batch] * updates
