"""The fast engine is the plain one, a stack is its members, and a run can be stopped and resumed.

Comparisons are in float64, so that agreement to 1e-10 means the same mathematics.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from modnoise.arithmetic import training as kind
from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.engines import fast
from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.gradients import alignment
from modnoise.arithmetic.metrics import ROLES, accuracy, scores
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.optimizers import OPTIMIZERS
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table
from modnoise.training import loop, optim
from modnoise.training.loop import State, train
from modnoise.training.schedule import parts_schedule, schedule
from modnoise.training.settings import exact_matmul

# p = 23: 264 training pairs, so that blocks of at most 64 are five, the last one smaller
BASE = {"p": 23, "width": 13, "dtype": "float64", "init": "normal"}
NAMES = ("U", "V", "W", "mu")


def two_runs(**fields) -> list[Run]:
    """Two members that differ in everything members may differ in."""
    return [
        Run(**BASE, **fields, seed=1, lr=1e-2, weight_decay=0.1, noise=0.3),
        Run(**BASE, **fields, seed=2, lr=3e-3, weight_decay=0.0, noise=0.6, op="mul"),
    ]


def engines(runs: list[Run], device: str = "cpu") -> tuple[FastEngine, ReferenceEngine]:
    nets, table = new_nets(runs), noisy_table(runs)
    return FastEngine(runs, nets, table, device), ReferenceEngine(runs, nets, table, device)


def assert_same_nets(found, expected, tolerance: float = 1e-10) -> None:
    for name in NAMES:
        x, y = getattr(found, name).cpu(), getattr(expected, name).cpu()
        assert (x - y).abs().max() <= tolerance * y.abs().max(), name


def float64_muon(monkeypatch) -> None:
    """Both Muons in float64: in bfloat16 the last bit of a gradient can move a step by 1 %."""
    plain = optim.orthogonalized
    monkeypatch.setattr(optim, "orthogonalized", lambda x, dtype: plain(x, torch.float64))
    monkeypatch.setattr(
        "torch.optim._muon._zeropower_via_newtonschulz",
        lambda grad, *_: plain(grad[None], torch.float64)[0],
    )


@pytest.mark.parametrize("block_floats", [1, 8200, 2**20])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_gradients_are_autograds_whatever_the_block(monkeypatch, act, tied, block_floats):
    monkeypatch.setattr(fast, "BLOCK_FLOATS", block_floats)
    quick, plain = engines(two_runs(act=act, tied=tied))
    assert len(quick.blocks) == {1: 10, 8200: 6, 2**20: 1}[block_floats]
    for _ in range(2):  # buffers are reused: the second time must be the same
        for found, expected in zip(quick.gradients(), plain.gradients(), strict=True):
            assert found.shape == expected.shape
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_gradients_at_the_papers_size_are_autograds():
    quick, plain = engines([Run(width=513, dtype="float64")])
    assert len(quick.blocks) > 1
    for found, expected in zip(quick.gradients(), plain.gradients(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_columns_that_only_fill_registers_stay_empty():
    for optimizer in ("adamw", "adam", "sgd", "muon"):
        runs = two_runs(optimizer=optimizer)
        engine = FastEngine(runs, new_nets(runs), noisy_table(runs))
        for _ in range(3):
            engine.step()
        assert engine._W.shape[2] == 32
        assert engine.W.shape[2] == 23
        assert not engine._W[..., 23:].any()
        assert {name: x.shape[-1] for name, x in engine.tensors().items() if "W" in name} == (
            dict.fromkeys(("W", "W.state0", *(["W.state1"] if len(engine.state) > 1 else [])), 23)
        )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("engine", ["fast", "autograd"])
def test_trajectories_are_the_reference_engines(monkeypatch, optimizer, tied, engine):
    float64_muon(monkeypatch)
    runs = two_runs(optimizer=optimizer, tied=tied, steps=30)
    quick, plain = (train(runs, engine=name, progress=False) for name in (engine, "reference"))
    start = new_nets(runs)
    assert (quick.nets.W - start.W).abs().max() > 1e-3  # something was learned
    assert_same_nets(quick.nets, plain.nets)
    pd.testing.assert_frame_equal(quick.history, plain.history, rtol=1e-8)
    assert quick.nets.tied == plain.nets.tied == tied


def test_momentum_reaches_the_optimizers():
    runs = two_runs(optimizer="sgd", momentum=0.9, steps=20)
    quick, plain = (train(runs, engine=name, progress=False) for name in ("fast", "reference"))
    assert_same_nets(quick.nets, plain.nets)
    without = train([run.but(momentum=0.0) for run in runs], progress=False)
    assert (without.nets.W - quick.nets.W).abs().max() > 1e-3


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_stack_is_nothing_but_its_members(monkeypatch, optimizer):
    float64_muon(monkeypatch)
    runs = two_runs(optimizer=optimizer, steps=100)
    stack = train(runs, progress=False)
    for i, run in enumerate(runs):
        alone = train(run, progress=False)
        assert_same_nets(stack.nets[i], alone.nets)
        assert torch.equal(stack.table.given[i], alone.table.given[0])
        rows = stack.history[stack.history.run == i].reset_index(drop=True).assign(run=0)
        pd.testing.assert_frame_equal(rows, alone.history, rtol=1e-8)


def test_the_history_ends_with_the_scores_of_the_returned_nets():
    runs = two_runs(steps=45, record_parts=True)
    nets, table, history = train(runs, progress=False)
    last = history[(history.step == 45) & (history.part == "full")].sort_values("run")
    right, loss = scores(nets, table)
    for j, role in enumerate(ROLES):
        assert last[f"accuracy_{role}"].tolist() == accuracy(nets, table)[role].tolist()
        assert last[f"accuracy_{role}"].tolist() == right[:, j].tolist()
        assert last[f"cross_entropy_{role}"].tolist() == pytest.approx(loss[:, j].tolist())
    squares = sum(getattr(nets, name).square().flatten(1).sum(1) for name in NAMES)
    assert last.norm.tolist() == pytest.approx(squares.sqrt().tolist())
    assert history[history.part == "full"].step.unique().tolist() == schedule(45)
    parts = history[history.part == "G"].step.unique().tolist()
    assert parts == parts_schedule(45) == [0, 20, 40, 45]
    assert not history.duplicated(["run", "step", "part"]).any()
    assert history.attrs["seconds"] > 0


def test_the_history_begins_with_the_untrained_nets():
    runs = two_runs(steps=1, record_gradients=True)
    history = train(runs, progress=False).history
    first = history[history.step == 0]
    nets, table = new_nets(runs), noisy_table(runs)
    assert first.accuracy_test.tolist() == accuracy(nets, table).test.tolist()
    for name, expected in alignment(nets, table).items():
        assert first[name].tolist() == pytest.approx(expected.tolist())


def test_zero_steps_give_the_initialization():
    run = Run(**BASE, steps=0)
    nets, _, history = train(run, progress=False)
    assert_same_nets(nets, new_nets(run), tolerance=0.0)
    assert history.step.tolist() == [0]


class Stop(Exception):
    pass


def interrupted(runs: list[Run], at: int) -> State:
    """The state at step ``at`` of a run that is then killed."""
    kept = []

    def stop(state: State) -> None:
        if state.step == at:
            tensors = {name: x.clone() for name, x in state.tensors.items()}
            kept.append(State(state.step, tensors, list(state.rows), state.seconds))
            raise Stop

    with pytest.raises(Stop):
        train(runs, progress=False, on_checkpoint=stop, checkpoint_every=0.0)
    return kept[0]


@pytest.mark.parametrize("at", [1, 7, 39])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(optimizer, at):
    momentum = {"momentum": 0.9} if optimizer == "sgd" else {}
    runs = two_runs(optimizer=optimizer, steps=40, record_parts=True, **momentum)
    runs = [run.but(dtype="float32") for run in runs]
    whole = train(runs, progress=False)
    state = interrupted(runs, at)
    assert max(row["step"] for row in state.rows) <= at
    resumed = train(runs, progress=False, state=state)
    for name in NAMES:
        assert torch.equal(getattr(resumed.nets, name), getattr(whole.nets, name)), name
    pd.testing.assert_frame_equal(resumed.history, whole.history, rtol=0, atol=0)


def test_checkpoints_come_at_their_interval_and_never_at_the_ends():
    run, steps = Run(**BASE, steps=5), []
    train(run, progress=False, on_checkpoint=lambda s: steps.append(s.step), checkpoint_every=0.0)
    assert steps == [1, 2, 3, 4]
    steps.clear()
    train(run, progress=False, on_checkpoint=lambda s: steps.append(s.step), checkpoint_every=99.0)
    assert steps == []


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    run = Run(**{**BASE, "dtype": "float32"}, steps=30)
    first, again, other = (train(r, progress=False) for r in (run, run, run.but(seed=43)))
    for name in NAMES:
        assert torch.equal(getattr(first.nets, name), getattr(again.nets, name))
        assert not torch.equal(getattr(first.nets, name), getattr(other.nets, name))
    pd.testing.assert_frame_equal(first.history, again.history, rtol=0, atol=0)


def test_the_global_random_states_are_neither_read_nor_changed():
    run = Run(**BASE, steps=3, record_parts=True)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002, the global state is what is tested
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = train(run, progress=False)
    assert torch.equal(torch.get_rng_state(), before[0])
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(x, y) for x, y in zip(after, before[1], strict=True))
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(train(run, progress=False).nets.W, first.nets.W)


class Replayed:
    """Stands in for a CUDA graph on a CPU: replaying is doing it again, with the same objects."""

    def __init__(self, engine: FastEngine) -> None:
        self.engine, self.replays = engine, 0

    def replay(self) -> None:
        self.replays += 1
        self.engine._once()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_updates_that_count_themselves_on_the_device_are_the_same_updates(monkeypatch, optimizer):
    float64_muon(monkeypatch)
    monkeypatch.setattr(FastEngine, "_captured", lambda engine: Replayed(engine))
    runs = two_runs(optimizer=optimizer)
    (counted, _), (plain, _) = engines(runs), engines(runs)
    counted.counter = torch.zeros((), dtype=torch.float64)
    for _ in range(14):  # the warm-up ends at the tenth
        counted.step()
        plain.step()
    assert counted._graph.replays == 14 - fast.EAGER
    assert counted.counter == counted.updates == 14
    assert_same_nets(counted.nets, plain.nets)

    again, _ = engines(runs)
    again.counter = torch.zeros((), dtype=torch.float64)
    again.restore(counted.tensors(), counted.updates)
    for engine in (again, counted):
        engine.step()
    for name in NAMES:
        assert torch.equal(getattr(again.nets, name), getattr(counted.nets, name))


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bfloat16_products_give_the_gradients_to_bfloat16_accuracy(monkeypatch, act):
    monkeypatch.setattr(fast, "BLOCK_FLOATS", 8200)
    runs = [run.but(dtype="float32", act=act) for run in two_runs()]
    (low, plain), (exact, _) = engines([r.but(matmul="bf16") for r in runs]), engines(runs)
    errors = []
    for found, close, expected in zip(
        low.gradients(), exact.gradients(), plain.gradients(), strict=True
    ):
        assert found.dtype == torch.float32
        torch.testing.assert_close(close, expected, rtol=1e-4, atol=1e-7)
        errors.append(((found - expected).norm() / expected.norm()).item())
    assert max(errors) < 0.05  # one rounding to bfloat16 is up to 0.004, sums cancel
    assert max(errors) > 1e-4  # and it is not float32 either


def test_a_net_trained_with_bfloat16_products_learns_the_same_and_repeats_bit_for_bit():
    run = Run(p=23, width=257, noise=0.3, steps=200, seed=3)
    exact, low, again = (
        train(run.but(matmul=m), progress=False).history.iloc[-1]
        for m in ("exact", "bf16", "bf16")
    )
    assert exact.accuracy_noisy == low.accuracy_noisy == 1.0
    assert low.cross_entropy_noisy == pytest.approx(exact.cross_entropy_noisy, rel=0.05)
    assert low.cross_entropy_noisy != exact.cross_entropy_noisy
    assert low.equals(again)


def test_many_steps_at_a_loss_of_zero_stay_finite():
    run = Run(p=5, width=32, noise=0.2, lr=0.1, weight_decay=0.0, steps=4_000)
    nets, _, history = train(run, progress=False)
    assert history.cross_entropy_clean.iloc[-1] == 0 == history.cross_entropy_noisy.iloc[-1]
    assert all(getattr(nets, name).isfinite().all() for name in NAMES)
    assert history.accuracy_noisy.iloc[-1] == 1


@pytest.fixture
def settings():
    """The caller's own torch settings, of which none is what training uses."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("high")
    yield lambda: (torch.get_num_threads(), torch.get_float32_matmul_precision())
    torch.set_num_threads(before[0])
    torch.set_float32_matmul_precision(before[1])


def test_torch_settings_are_restored_also_after_an_exception(settings):
    run, inside = Run(**BASE, steps=5), []
    train(run, progress=False, on_checkpoint=lambda _: inside.append(settings()),
          checkpoint_every=0.0)  # fmt: skip
    assert set(inside) == {(1, exact_matmul("cpu"))}
    assert settings() == (2, "high")
    interrupted([run], 2)
    assert settings() == (2, "high")


def test_products_under_the_chosen_setting_have_float32_accuracy(settings):
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((300, 300)))
    with loop.torch_settings("cpu", 1):
        error = (x.float() @ x.float()).double() - x @ x
    assert error.abs().max() / (x @ x).abs().max() < 2e-6  # bfloat16 has 4e-3
    assert settings() == (2, "high")


def test_a_machine_that_rounds_to_bfloat16_gets_the_safe_setting(monkeypatch, settings):
    monkeypatch.setattr(torch.Tensor, "float", lambda x: x.bfloat16().to(torch.float32))
    assert exact_matmul("cpu") == "highest"
    assert exact_matmul("cuda") == "highest"
    assert settings() == (2, "high")


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_run_that_diverges_becomes_nan_and_leaves_its_stack_mate_alone(optimizer):
    runs = two_runs(optimizer=optimizer, steps=30)
    wild = [runs[0], runs[1].but(lr=1e160)]
    mild, both = train(runs, progress=False), train(wild, progress=False)
    curves = [name for name in both.history if name.startswith(("accuracy", "cross_entropy"))]
    last = both.history[(both.history.run == 1) & (both.history.step == 30)]
    assert len(curves) == 2 * len(ROLES)
    assert last[[*curves, "norm"]].isna().all(axis=None)
    for name in NAMES:
        assert torch.equal(getattr(both.nets[0], name), getattr(mild.nets[0], name))
    rows = [x.history[x.history.run == 0] for x in (both, mild)]
    pd.testing.assert_frame_equal(*rows, rtol=0, atol=0)


def test_the_returned_nets_are_values_of_their_own():
    run = Run(**BASE, steps=2)
    nets = train(run, progress=False).nets
    for name in NAMES:
        assert getattr(nets, name).is_contiguous()
        assert not getattr(nets, name).requires_grad
    quick, _ = engines([run])
    copy = kind._detached(quick.nets)
    before = copy.W.clone()
    quick.step()
    assert torch.equal(copy.W, before)
    assert not torch.equal(quick.nets.W, before)


def test_an_engine_leaves_the_nets_it_starts_from_alone():
    runs = two_runs()
    nets, table = new_nets(runs), noisy_table(runs)
    before = [getattr(nets, name).clone() for name in NAMES]
    for engine in (FastEngine, ReferenceEngine):
        engine(runs, nets, table).step()
        for name, x in zip(NAMES, before, strict=True):
            assert torch.equal(getattr(nets, name), x)


@pytest.mark.parametrize("steps", [0, 1, 20, 200, 201, 1000, 200_000])
def test_the_schedules_run_from_start_to_end_and_nest(steps):
    full, parts = schedule(steps), parts_schedule(steps)
    for found in (full, parts):
        assert found == sorted(set(found))
        assert (found[0], found[-1]) == (0, steps)
    assert set(parts) <= set(full)
    assert full[: min(steps, 20) + 1] == list(range(min(steps, 20) + 1))
    assert len(full) < 150


def test_what_cannot_be_trained_is_refused_in_one_line():
    run = Run(**BASE, steps=1)
    wrong = [
        (([],), {}, "runs is empty"),
        (([run, run.but(width=14)],), {}, "may differ in op, noise, noise_kind, seed, lr"),
        (
            (run,),
            {"engine": "warp"},
            "engine = 'warp' is not allowed: .* autograd, ref",
        ),
        ((run,), {"device": "tpu"}, "device = 'tpu' is not allowed: it must be 'cpu' or 'cuda'"),
        (
            (run.but(dtype="float32", matmul="tf32"),),
            {},
            "matmul = 'tf32' is not allowed with dev",
        ),
        (
            (run.but(dtype="float32", matmul="bf16"),),
            {"engine": "reference"},
            "matmul = 'bf16' is not allowed with engine",
        ),
        ((run,), {"engine": "reference", "state": State(0, {})}, "state is not allowed with"),
        ((run,), {"engine": "reference", "on_checkpoint": print}, "on_checkpoint is not allowed"),
    ]
    if not torch.cuda.is_available():
        wrong.append(((run,), {"device": "cuda"}, "device = 'cuda' is not available here"))
    for args, options, said in wrong:
        with pytest.raises(ValueError, match=said) as caught:
            train(*args, progress=False, **options)
        assert "\n" not in str(caught.value)


def test_a_stack_for_a_gpu_is_as_large_as_the_plan_says_fits(monkeypatch):
    run = Run(width=513)
    for free in (2**31, 2**34, 2**37):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_, free=free: (free, free))
        nets = kind.stack_size(run, "cuda")
        assert kind.memory(run, nets, "cuda") <= max(
            kind.GPU_SHARE * free, kind.memory(run, 1, "cuda")
        )
        assert kind.memory(run, nets + 1, "cuda") > kind.GPU_SHARE * free
    assert kind.stack_size(run, "cpu") == kind.STACK_NEURONS // 513


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_fast_engine_on_a_gpu_is_the_reference_engine_on_the_cpu(monkeypatch, optimizer):
    float64_muon(monkeypatch)
    runs = two_runs(optimizer=optimizer, steps=30)
    quick = train(runs, device="cuda", progress=False)
    plain = train(runs, engine="reference", progress=False)
    assert quick.nets.W.is_cuda
    assert_same_nets(quick.nets, plain.nets)
    pd.testing.assert_frame_equal(quick.history, plain.history, rtol=1e-8)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_bits_every_time():
    run = Run(**{**BASE, "dtype": "float32", "width": 257}, steps=50)
    first, again = (train(run, device="cuda", progress=False).nets for _ in range(2))
    for name in NAMES:
        assert torch.equal(getattr(first, name), getattr(again, name))


@pytest.mark.gpu
def test_replayed_graphs_on_a_gpu_are_the_updates_they_captured():
    runs = [run.but(dtype="float32", width=257) for run in two_runs()]
    (graphs, _), (plain, _) = engines(runs, "cuda"), engines(runs, "cuda")
    plain.counter = None  # counts on the host: never captured
    for _ in range(20):
        graphs.step()
        plain.step()
    assert graphs._graph is not None
    assert plain._graph is None
    assert_same_nets(graphs.nets, plain.nets, 1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("matmul", ["tf32", "bf16"])
def test_lower_precision_on_a_gpu_learns_the_same(matmul):
    run = Run(p=23, width=257, noise=0.3, steps=200, seed=3)
    low = train(run.but(matmul=matmul), device="cuda", progress=False).history.iloc[-1]
    exact = train(run, progress=False).history.iloc[-1]
    assert low.accuracy_noisy == exact.accuracy_noisy == 1.0
    assert low.cross_entropy_noisy == pytest.approx(exact.cross_entropy_noisy, rel=0.05)
