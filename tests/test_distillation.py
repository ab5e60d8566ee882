"""Consistency distillation: measures, nets, engine, resumption, random features, claims."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import said
from scipy import linalg, stats

import modnoise as mn
from modnoise.distillation import compare, data, features, measures, net, spectrum
from modnoise.distillation.engine import STUDENTS, Distiller
from modnoise.distillation.run import HELD_OUT, MOST, DistillRun, FeaturesRun
from modnoise.distillation.training import (
    FEW,
    SHOWN,
    as_bytes,
    student_schedule,
    teacher_schedule,
)
from modnoise.spec import SpecError
from modnoise.training.loop import State, train

TINY = DistillRun(
    n=12, teacher_steps=40, steps=60, width=16, layers=2, batch=8, samples=32, seed=3
)  # fmt: skip


# --- images and measures


def test_images_are_disjoint_and_fewer_are_among_more():
    few, many = (data.images(TINY.but(n=n)) for n in (12, 50))
    assert (many.train[:12] == few.train).all()
    assert (many.floor == few.floor).all()
    assert [len(x) for x in few] == [12, *HELD_OUT["digits"]]
    whole = data.images(TINY.but(n=MOST["digits"]))
    rows = np.concatenate(whole)
    assert len(rows) == 1797  # every image of scikit-learn's once
    from sklearn.datasets import load_digits

    assert sorted(map(bytes, rows)) == sorted(
        map(bytes, (load_digits().data / 8 - 1).astype(np.float32))
    )
    assert (rows.min(), rows.max()) == (-1, 1)


def test_a_copy_is_three_times_nearer_to_one_image_than_to_the_next():
    train = np.array([[0.0, 0.0], [4.0, 0.0]])
    found = measures.nearest(np.array([[0.9, 0.0], [1.1, 0.0], [3.5, 0.0]]), train)
    assert found.which.tolist() == [0, 0, 1]
    assert found.first == pytest.approx([0.9, 1.1, 0.5])
    assert found.second == pytest.approx([3.1, 2.9, 3.5])
    assert found.copied.tolist() == [True, False, True]
    assert measures.copied(train, train) == 1  # an image itself, at distance 0
    with pytest.raises(ValueError, match="1 training images: it takes two"):
        measures.nearest(train, train[:1])


def test_distances_are_exact_where_a_picture_is_nearly_an_image():
    rng = np.random.default_rng(0)
    train = 1e4 + rng.normal(size=(5, 64))
    found = measures.nearest(train + 1e-6, train)
    assert found.first == pytest.approx(np.full(5, 8e-6), rel=1e-3)


def test_the_distance_is_that_of_gaussians():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(400, 5)), rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 1
    one, other = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    known = mean + np.trace(one + other - 2 * np.real(linalg.sqrtm(one @ other)))
    assert measures.frechet(a, b) == pytest.approx(known)
    assert measures.frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert measures.frechet(a, a + 2) == pytest.approx(20)  # five pixels moved by 2
    assert measures.frechet(a - a.mean(0), 3 * (a - a.mean(0))) == pytest.approx(
        4 * np.trace(one)
    )  # (3 - 1)^2 of each variance
    with pytest.raises(ValueError, match="1 pictures"):
        measures.frechet(a[:1], b)


def test_the_interval_of_a_share_is_that_of_counting():
    flags = np.arange(1000) < 200
    found = measures.interval(flags, np.ones(1000, bool), 5)
    low, high = stats.binom.ppf([0.025, 0.975], 1000, 0.2) / 1000
    assert (found["copied"], found["ratio"]) == (0.2, 0.2)
    assert [found["copied_low"], found["copied_high"]] == pytest.approx([low, high], abs=0.004)
    paired = measures.interval(flags, flags, 5)
    assert [paired[x] for x in ("ratio_low", "ratio_high")] == [1, 1]  # the same pictures
    nothing = measures.interval(flags, np.zeros(1000, bool), 5)
    assert np.isnan([nothing[x] for x in ("ratio", "ratio_low", "ratio_high")]).all()


def test_what_becomes_of_a_copy():
    train = np.array([[0.0, 0.0], [10.0, 0.0]])
    teacher = np.array([[0.1, 0.0]] * 10 + [[5.0, 0.0]])  # ten copies of the first, one of none
    became = [0.2] * 4 + [9.9] * 3 + [4.0] * 2 + [6.0] + [0.0]
    student = np.stack([became, np.zeros(11)], 1)
    found = measures.pairs(student, teacher, train)
    assert found[:4] == (0.4, 0.3, 0.2, 0.1)
    spread = np.array(became[:10]) / 2  # standard deviations over two pixels
    assert found.contrast == pytest.approx(spread.mean() / 0.05)
    assert np.isnan(measures.pairs(student, teacher + 5, train)).all()


# --- nets, samplers, engine


def machine(run: DistillRun = TINY, steps: int = 0) -> Distiller:
    made = Distiller(run)
    for _ in range(steps):
        made.step()
    return made


def test_a_stack_is_nothing_but_its_members():
    shape = net.Shape(9, 8, 2, 0.7)
    one, other = (net.new_weights(shape, torch.Generator().manual_seed(s)) for s in (1, 2))
    both = torch.cat([one, other])
    both[:, -80:] = torch.randn(2, 80, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    x, sigma = torch.randn(2, 5, 9), torch.rand(2, 5) + 0.1
    stacked = net.denoise(both, x, sigma, shape)
    alone = torch.cat([
        net.denoise(both[i : i + 1], x[i : i + 1], sigma[i : i + 1], shape) for i in (0, 1)
    ])  # fmt: skip
    torch.testing.assert_close(stacked, alone)
    assert both.shape[1] == sum(int(np.prod(x)) for x in net.shapes(shape).values())
    assert machine().teacher.shape[1] == TINY.n_weights


def test_at_the_smallest_noise_a_student_changes_nothing():
    made = machine(steps=41)
    x = torch.randn(len(STUDENTS), 6, 64)
    level = torch.full((len(STUDENTS), 6), TINY.sigma_min)
    found = net.consistent(made.targets, x, level, made.shape, TINY.sigma_min)
    assert torch.equal(found, x)


def test_an_untrained_net_denoises_as_the_best_linear_one():
    made = machine()  # its output is zero: only the skip is left
    x, s = torch.randn(1, 4, 64), made.shape.sigma_data
    found = net.denoise(made.teacher, x, torch.full((1, 4), 3.0), made.shape)
    torch.testing.assert_close(found, x * s**2 / (9 + s**2))


def test_heun_follows_the_flow_of_gaussian_data_exactly_in_the_limit():
    """D(x) = x / (1 + sigma^2): the flow is x(sigma) = x0 sqrt(1 + sigma^2)."""

    def at(x, sigma):
        return x / (1 + sigma[..., None] ** 2)

    start = torch.tensor([[[0.3, -1.2], [2.0, 0.1], [-0.7, 1.0]]], dtype=torch.float64)
    errors = []
    for steps in (20, 40):
        x, grid = start, torch.linspace(1, 5, steps + 1, dtype=torch.float64)
        for low, high in pairwise(grid):
            x = net.heun(at, x, low.view(1, 1), high.view(1, 1))
        errors.append(float((x - start * np.sqrt(26 / 2)).abs().max()))
    assert errors[1] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)  # second order


def test_the_teachers_sampler_ends_at_the_only_image():
    image = torch.full((4,), 0.3)
    noise = torch.randn(1, 5, 4)
    found = net.draw(lambda x, sigma: image.expand_as(x), noise, net.levels(6, 0.002, 20.0))
    torch.testing.assert_close(found, image.expand(1, 5, 4))


def test_levels_are_karras():
    grid = net.levels(18, 0.002, 80.0)
    assert (grid[0], grid[-1]) == (pytest.approx(0.002), pytest.approx(80))
    assert np.diff(grid ** (1 / 7)) == pytest.approx(np.full(17, np.diff(grid ** (1 / 7))[0]))


def test_the_teachers_step_is_adams_on_the_weighted_loss():
    made = machine(TINY.but(lr=1e-3))
    weights = made.teacher.clone().requires_grad_()
    x, level, noise = made._batch(1, torch.randn)
    sigma = (TINY.log_mean + TINY.log_std * level).exp()[..., None]
    s = made.shape.sigma_data
    with torch.enable_grad():
        error = net.denoise(weights, x + sigma * noise, sigma[..., 0], made.shape) - x
        loss = (error**2 * (sigma**2 + s**2) / (sigma * s) ** 2).mean()
    optimizer = torch.optim.Adam([weights], 1e-3)
    loss.backward()
    optimizer.step()
    made.step()
    torch.testing.assert_close(made.teacher, weights.detach())
    torch.testing.assert_close(
        made.average - 0.995 * machine().average, 0.005 * made.teacher, atol=1e-7, rtol=1e-4
    )


def test_students_start_where_they_say_and_are_taught_as_they_say():
    made = machine(steps=40)
    parts = [*STUDENTS]
    same = [bool((made.students[i] == made.average[0]).all()) for i in range(len(parts))]
    assert same == [one.start for one in STUDENTS.values()]
    above, high, below, low = made.targets_of_batch()
    assert (low < high).all()
    assert low.min() >= TINY.sigma_min - 1e-7
    x, _, noise = made._batch(2, torch.rand)
    i, j = parts.index("untaught"), parts.index("student")
    torch.testing.assert_close(below[i], x[0] + low[i][:, None] * noise[0])
    taught = net.heun(made.teach, above[j : j + 1], high[j : j + 1], low[j : j + 1])
    torch.testing.assert_close(below[j], taught[0], atol=1e-4, rtol=1e-3)
    many, few = (len(made.grids[k]) for k in (2, 1))
    assert (many, few) == (2 * TINY.hops, TINY.hops // 3)


def test_distillation_moves_students_only_and_the_target_slowly():
    made = machine(steps=40)
    before = {name: x.clone() for name, x in made.tensors().items()}
    made.step()
    after = made.tensors()
    assert torch.equal(after["average"], before["average"])
    assert torch.equal(after["teacher"], before["teacher"])
    moved = after["students"] - before["students"]
    assert (moved.abs().amax(1) > 0).all()
    assert float(moved.abs().max()) <= TINY.student_lr * 1.001  # Adam's first step
    torch.testing.assert_close(
        after["targets"] - before["targets"], 0.05 * moved, atol=1e-7, rtol=1e-3
    )


def test_a_training_that_is_cut_anywhere_goes_on_bit_for_bit():
    states = []

    def keep(state: State) -> None:
        tensors = {name: x.clone() for name, x in state.tensors.items()}
        states.append(State(state.step, tensors, [dict(row) for row in state.rows]))

    whole = train(TINY, progress=False, on_checkpoint=keep, checkpoint_every=0.0)
    at = {state.step: state for state in states}
    for step in (7, 39, 40, 41, 55):  # before, at and after the teacher's end
        again = train(TINY, progress=False, state=at[step])
        pd.testing.assert_frame_equal(again.history, whole.history, check_exact=True)
        for one, other in zip(again.nets, whole.nets, strict=True):
            assert (one == other).all()


def test_what_is_recorded_of_a_run():
    found = train(TINY, progress=False)
    rows = found.history
    last = rows[rows.step == 40]
    assert set(last[last.part == "few steps"].sampler) == {*FEW}
    assert set(rows.part) == {"teacher", "few steps", "held-out", "training set", *STUDENTS}
    assert set(rows[rows.part == "teacher"].step) == {*teacher_schedule(40)}
    students = rows[rows.part.isin(STUDENTS)]
    assert set(students.step - 40) == {*student_schedule(20)}
    start = students[(students.step == 40) & (students.sampler == 1)].set_index("part")
    assert start.frechet["student"] == start.frechet["untaught"] == start.frechet["few hops"]
    own = found.table
    held = last[last.part == "held-out"].iloc[0]
    assert held.frechet == measures.frechet(own.floor, own.reference)
    gallery = found.nets
    assert gallery.teacher.shape == (len(teacher_schedule(40)), SHOWN, 64)
    assert gallery.students.shape == (len(student_schedule(20)), len(STUDENTS), SHOWN, 64)
    assert {bytes(x) for x in gallery.near_teacher} <= {bytes(x) for x in as_bytes(own.train)}
    alone = train(TINY.but(steps=40), progress=False).history
    teacher = alone[alone.part == "teacher"]
    assert set(alone.part) == {"teacher", "few steps", "held-out", "training set"}
    pd.testing.assert_frame_equal(
        teacher.reset_index(drop=True), rows[rows.part == "teacher"][teacher.columns]
        .reset_index(drop=True), check_exact=True,
    )  # fmt: skip


def test_runs_come_back_from_the_store_with_their_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "runs"))
    small = TINY.but(steps=40)
    first = mn.load_or_train(small, progress=False)
    again = mn.load_or_train(small, progress=False)
    for one, other in zip(first.nets, again.nets, strict=True):
        assert (one == other).all()
    assert first.nets.students.shape[0] == 0
    with pytest.raises(ValueError, match="a stack has one run"):
        first.nets.arrays(1)
    solved = FeaturesRun(d=8, psi_n=2.0, psi_p=4.0, seed=2)
    one, other = (mn.load_or_train(solved, progress=False) for _ in range(2))
    assert (one.nets.values == other.nets.values).all()
    assert len(one.nets.equivalent) == 32


# --- random features


def drawn(run: FeaturesRun) -> features.Solved:
    return features.solve(run)


SOLVED = FeaturesRun(d=20, psi_n=4.0, psi_p=8.0, time=0.1, hops=2, seed=5)


def test_moments_are_those_of_simulated_noise():
    one, rng, draws = drawn(SOLVED), np.random.default_rng(0), 1200
    first, cross, slopes = 0.0, 0.0, 0.0
    for _ in range(draws):
        xi = rng.standard_normal(one.X.shape)
        at = [np.exp(-t) * one.X + np.sqrt(spectrum.variance(t)) * xi for t in (0.1, 0.4)]
        pre = [x @ one.W.T / np.sqrt(SOLVED.d) for x in at]
        phi = [np.tanh(x) for x in pre]
        first = first + phi[0].T @ phi[0] / SOLVED.n / draws
        cross = cross + phi[0].T @ phi[1] / SOLVED.n / draws
        slopes = slopes + (1 / np.cosh(pre[0]) ** 2).mean(0) / draws
    assert spectrum.moment(one.W, one.X, 0.1) == pytest.approx(first, abs=0.012)
    assert spectrum.moment(one.W, one.X, 0.1, 0.4) == pytest.approx(cross, abs=0.012)
    assert spectrum.slope(one.W, one.X, 0.1) == pytest.approx(slopes, abs=0.005)


def test_the_population_is_the_limit_of_many_examples():
    one, rng = drawn(SOLVED), np.random.default_rng(1)
    many = np.tanh(rng.standard_normal((40_000, SOLVED.d)) @ one.W.T / np.sqrt(SOLVED.d))
    found = spectrum.population(one.W)
    assert found == pytest.approx(many.T @ many / len(many), abs=0.02)
    norm, z = np.sqrt((one.W**2).sum(1) / SOLVED.d), np.linspace(-8, 8, 4001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    assert np.diag(found) == pytest.approx(np.tanh(norm[:, None] * z) ** 2 @ density, abs=1e-4)
    slopes = (1 - many**2).mean(0)
    assert spectrum.slope(one.W, None, 0.1) == pytest.approx(slopes, abs=0.01)


def test_constants_are_those_of_simulated_numbers():
    one, rng = spectrum.constants(0.3), np.random.default_rng(2)
    u, v, w = rng.standard_normal((3, 1_000_000))
    a = (1 - np.tanh(u) ** 2).mean()
    shrunk, square = np.exp(-0.3), spectrum.variance(0.3)
    pair = np.tanh(shrunk * u + np.sqrt(square) * v) * np.tanh(shrunk * u + np.sqrt(square) * w)
    assert square == pytest.approx(1 - np.exp(-0.6))
    assert one.a == pytest.approx(a, abs=1e-3)
    assert one.b2 == pytest.approx(square * a**2, abs=2e-3)
    assert one.v2 == pytest.approx(pair.mean() - a**2 * shrunk**2, abs=3e-3)
    assert one.s2 == pytest.approx((np.tanh(u) ** 2).mean() - a**2 - one.v2, abs=3e-3)


def test_edges_of_the_law_by_hand():
    one = spectrum.constants(0.01)
    assert spectrum.edges(4.0, 16.0, 0.01) == pytest.approx((one.s2 + one.v2, one.s2 + 9 * one.v2))


def test_the_flow_solves_its_differential_equation():
    """dA/dtau = -d (D A U / p + sqrt(D) V), V = E xi phi^T / sqrt(p), by an ODE solver."""
    from scipy.integrate import solve_ivp

    run = FeaturesRun(d=6, psi_n=2.0, psi_p=4.0, time=0.2, seed=4)
    one, D = drawn(run), spectrum.variance(0.2)
    U = spectrum.moment(one.W, one.X, 0.2)
    V = np.sqrt(D / (run.d * run.p)) * spectrum.slope(one.W, one.X, 0.2)[:, None] * one.W
    V = V.T
    ours = np.array([0.5, 5.0, 50.0])
    flow = solve_ivp(
        lambda _, a: (-run.d * (D * a.reshape(V.shape) @ U / run.p + np.sqrt(D) * V)).ravel(),
        (0, 50 / D), np.zeros(V.size), t_eval=ours / D, rtol=1e-9, atol=1e-11, method="LSODA",
    )  # fmt: skip
    P, W = spectrum.population(one.W), one.W
    other = (np.sqrt(D / (run.d * run.p)) * spectrum.slope(W, None, 0.2)[:, None] * W).T
    for row, column in zip(features.flow_rows(one, ours), flow.y.T, strict=True):
        A = column.reshape(V.shape)
        for name, M, N in (("train", U, V), ("test", P, other)):
            loss = (D * np.trace(A @ M @ A.T) / run.p + 2 * np.sqrt(D) * (A * N).sum()) / run.d + 1
            assert row[f"loss_{name}"] == pytest.approx(loss, rel=1e-6)


def test_a_loss_is_that_of_simulated_pictures():
    run = FeaturesRun(d=6, psi_n=3.0, psi_p=5.0, time=0.2, seed=4)
    one, D, rng = drawn(run), spectrum.variance(0.2), np.random.default_rng(3)
    V = np.sqrt(D / (run.d * run.p)) * spectrum.slope(one.W, one.X, 0.2)[:, None] * one.W
    A = -(V.T @ np.linalg.inv(spectrum.moment(one.W, one.X, 0.2) / run.p)) / np.sqrt(D)
    [row] = features.flow_rows(one, np.array([1e9]))
    for name, clean in (
        ("train", np.tile(one.X, (20_000, 1))),
        ("test", rng.standard_normal((400_000, run.d))),
    ):
        xi = rng.standard_normal(clean.shape)
        phi = np.tanh((np.exp(-0.2) * clean + np.sqrt(D) * xi) @ one.W.T / np.sqrt(run.d))
        score = phi @ A.T / np.sqrt(run.p)
        each = ((np.sqrt(D) * score + xi) ** 2).sum(1) / run.d
        assert row[f"loss_{name}"] == pytest.approx(
            each.mean(), abs=5 * each.std() / np.sqrt(len(each))
        )


def test_a_hop_to_the_same_noise_changes_nothing_and_energies_add_up():
    one = drawn(SOLVED)
    assert spectrum.moment(one.W, one.X, 0.1, 0.1) == pytest.approx(
        spectrum.moment(one.W, one.X, 0.1)
    )
    rows = pd.DataFrame(features.hop_rows(one))
    first = rows[rows.hop == 0]
    assert (first.energy == first.energy_before).all()
    assert (first.correlation == 1).all()
    assert (rows.correlation <= 1 + 1e-9).all()
    D, U = spectrum.variance(0.1), spectrum.moment(one.W, one.X, 0.1)
    V = np.sqrt(D / (SOLVED.d * SOLVED.p)) * spectrum.slope(one.W, one.X, 0.1)[:, None] * one.W
    A = -V.T @ np.linalg.inv(U / SOLVED.p) / np.sqrt(D)
    assert first.energy.sum() == pytest.approx(np.trace(A @ U @ A.T) / SOLVED.p, rel=1e-5)
    later = spectrum.moment(one.W, one.X, 0.2)
    step = spectrum.moment(one.W, one.X, 0.1, 0.2)
    B = A @ step @ np.linalg.inv(later)
    second = rows[rows.hop == 1]
    for name, X in (("energy", B), ("energy_before", A)):
        assert second[name].sum() == pytest.approx(np.trace(X @ later @ X.T) / SOLVED.p, rel=1e-4)


def test_eigenvalues_by_bulk_and_the_equivalent():
    one = drawn(SOLVED)
    rows, beside = features.spectrum_rows(one)
    assert [row["directions"] for row in rows] == [20, 60, 80]
    assert (np.diff(one.values) <= 0).all()
    assert (np.diff(beside) <= 1e-9).all()
    assert one.values.sum() == pytest.approx(np.trace(spectrum.moment(one.W, one.X, 0.1)))
    assert beside[-80 + 20 :].max() == pytest.approx(spectrum.constants(0.1).s2)  # n + d nonzero
    assert rows[1]["law_low"] < rows[1]["law_high"]
    assert rows[0]["eigenvalue_low"] >= rows[1]["eigenvalue_high"]


# --- fields


@given(
    st.sampled_from(["n", "lr", "width", "hops", "sigma_min", "target_ema", "samples"]),
    st.floats(-1e6, -1e-6),
)
def test_a_field_below_its_range_is_refused_by_name(name, value):
    value = value if name in ("lr", "sigma_min", "target_ema") else -abs(int(value)) - 1
    with pytest.raises(SpecError, match=rf"^{name} = ") as error:
        DistillRun(**{name: value})
    assert "\n" not in str(error.value)


@settings(max_examples=25)
@given(st.floats(1.01, 900), st.floats(1.01, 900), st.integers(4, 2000))
def test_features_are_more_than_examples_or_the_run_is_refused(psi_n, psi_p, d):
    allowed = psi_p > psi_n and round(psi_n * d) > d
    if allowed:
        run = FeaturesRun(psi_n=psi_n, psi_p=psi_p, d=d)
        assert run.p >= run.n > run.d
    else:
        with pytest.raises(SpecError, match="is not allowed"):
            FeaturesRun(psi_n=psi_n, psi_p=psi_p, d=d)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 598}, "n = 598 is not allowed with source = 'digits': it must be at most 597"),
        ({"teacher_steps": 9, "steps": 8}, "teacher_steps = 9 is not allowed with steps = 8"),
        ({"sigma_min": 30.0}, "sigma_min = 30 is not allowed with sigma_max = 20"),
        ({"source": "faces"}, "source = 'faces' is not allowed"),
        ({"widht": 3}, "unknown parameter 'widht'; did you mean width"),
    ],
)
def test_a_run_that_is_not_allowed_says_why(fields, message):
    with pytest.raises(SpecError, match=message):
        DistillRun(**fields)


def test_other_settings_of_the_page():
    runs = mn.EXPERIMENTS["dist-digits"].runs("laptop")
    assert compare.at_setting(runs, n=80, seed=52) == runs
    moved = compare.at_setting(runs, n=60, seed=7)
    assert [(run.n, run.seed) for run in moved] == [(60, 7), (60, 53), (60, 54)]
    assert len(compare.at_setting(runs, n=80, seed=53)) == 2  # no run twice


def test_beside_its_own_runs_a_page_shows_what_is_recorded(tmp_path, monkeypatch):
    own = mn.Store(tmp_path / "runs", tmp_path / "results")
    assert compare.recorded("dist-more", "laptop", own) == []
    runs = compare.recorded("dist-more", "smoke", own)
    assert runs == mn.EXPERIMENTS["dist-more"].runs("smoke")
    mn.load_or_train(runs[-2], store=own, progress=False)
    monkeypatch.setattr(compare, "EXPERIMENTS", {"x": Any(runs)})
    assert compare.recorded("x", "laptop", own) == [runs[-2]]


class Any:
    def __init__(self, runs):
        self.runs = lambda scale: runs


# --- claims


PARTS = [*STUDENTS]


def made(n: int = 80, seeds: int = 3, **columns: float) -> pd.DataFrame:
    """Rows of teachers that copy a half, students that copy a twentieth and are as good."""
    know = {
        "student": 0.05,
        "frechet": 2.0,
        "quarter": 0.05,
        "near": 0.1,
        "few": 0.5,
        "start": 0.0,
    }
    know |= {"early": 0.4, "teacher": 0.5, "held": 0.0, "time": 500.0} | columns
    rows = []
    for seed in range(seeds):
        base = {"key": f"{n}-{seed}", "n": n, "seed": seed, "source": "digits"}
        base |= {"teacher_steps": 1000, "steps": 1100}
        path = [(100, 0.0, 9.0), (know["time"], 0.1, 9.0)]
        path += [(900, know["early"], 2.0), (1000, know["teacher"], 2.0)]
        for step, copies, far in path:
            rows.append(
                base | {"part": "teacher", "step": step, "sampler": 18, "copied": copies,
                        "frechet": far}
            )  # fmt: skip
        for steps in FEW:
            rows.append(
                base | {"part": "few steps", "step": 1000, "sampler": steps,
                        "copied": know["few"], "frechet": 2.0}
            )  # fmt: skip
        rows.append(
            base | {"part": "held-out", "step": 1000, "sampler": 0, "copied": know["held"]}
        )
        for part in PARTS:
            for sampler in (1, 2):
                for step in (1000, 1025, 1100):
                    copies = know.get(part, know["student"])
                    copies = know["quarter"] if step == 1025 else copies
                    copies = know["start"] if step == 1000 else copies
                    ratio = copies / know["teacher"]
                    rows.append(
                        base | {"part": part, "step": step, "sampler": sampler, "copied": copies,
                                "copied_high": copies + 0.02,
                                "ratio": ratio, "ratio_low": ratio - 0.02,
                                "ratio_high": ratio + 0.02, "frechet": know["frechet"],
                                "pair_same": 0.0, "pair_near": know["near"],
                                "pair_away": 1 - know["near"], "pair_other": 0.0,
                                "pair_contrast": 1.0}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def states(claim: str, *frames: pd.DataFrame) -> list[str]:
    return [said(mn.check(claim, frame, scale="laptop")) for frame in frames]


NOT_SEEN = ["holds", "fails", "not tested", "not tested"]
REFUTED = ["holds", "fails", "not tested", "not tested"]


@pytest.mark.parametrize(
    ("claim", "bad"),
    [
        ("DIST-lower", {"student": 0.1}),
        ("DIST-quality", {"frechet": 2.3}),
        ("DIST-CONTROL-sampler", {"few": 0.05}),
        ("DIST-CONTROL-start", {"start": 0.05}),
        ("DIST-CONTROL-longer", {"student": 0.12, "many hops": 0.05}),
        ("DIST-CONTROL-longer", {"many hops": 0.1}),
        ("DIST-CONTROL-scratch", {"scratch": 0.1}),
        ("DIST-CONTROL-untaught", {"untaught": 0.1}),
        ("DIST-CONTROL-replaced", {"near": 0.6}),
    ],
)
def test_claims_on_teachers_and_students(claim, bad):
    expected = REFUTED if "CONTROL" in claim else NOT_SEEN
    assert states(claim, made(), made(**bad), made(seeds=2), made(teacher=0.1)) == expected


def test_copies_are_compared_with_a_teacher_of_equal_quality():
    """Its last step copies a half at any quality; only steps as good as the student count."""
    verdicts = [
        mn.check("DIST-lower", one, scale="laptop")
        for one in (
            made(),
            made(early=0.3),
            made(early=0.01),
            made(frechet=2.5),
            made(frechet=1.5),
        )
    ]
    assert [one.state for one in verdicts] == ["holds", "undecided here", *["undecided here"] * 3]
    assert [one.tally for one in verdicts] == ["2 of 2", "0 of 2", *["0 of 0"] * 3]
    assert [one.undecidable for one in verdicts] == [0, 0, 2, 2, 2]
    assert [cell.name for cell in verdicts[0].cells] == ["n = 80, two steps", "n = 80, one step"]
    far, near = made(frechet=2.5), made(frechet=2.19)
    far.loc[(far.seed == 0) & (far.part == "student"), "frechet"] = 2.0
    assert mn.check("DIST-lower", far, scale="laptop").undecidable == 2  # not in every seed
    assert mn.check("DIST-lower", near, scale="laptop").state == "holds"


def test_the_gates_of_equal_quality_do_not_see_what_the_student_copies():
    for copies in (0.0, 0.05, 0.5):
        some = made(student=copies, frechet=2.5)
        assert mn.check("DIST-lower", some, scale="laptop").undecidable == 2


def test_a_teacher_stopped_early_is_named_on_the_chip_where_it_copies_as_little():
    as_few, more = made(early=0.05), made()
    assert states("DIST-CONTROL-early", as_few, more, made(seeds=2), made(teacher=0.1)) == REFUTED
    for rows, told in ((as_few, True), (more, False)):
        early = mn.check("DIST-CONTROL-early", rows, scale="laptop")
        lower = mn.check("DIST-lower", rows, scale="laptop", beside=[early])
        assert (early.claim.remark in lower.chip) == told


def test_a_fewer_steps_sampler_of_worse_pictures_is_no_rival():
    frame = made(few=0.0)
    frame.loc[frame.part == "few steps", "frechet"] = 9.0
    assert states("DIST-CONTROL-sampler", frame) == ["holds"]


def test_held_out_images_are_the_floor():
    assert states("DIST-CONTROL-floor", made(), made(held=0.02), made().iloc[:0]) == [
        "holds", "fails", "not tested"
    ]  # fmt: skip


def sized(power: float) -> pd.DataFrame:
    parts = [made(n=n, time=200 * (n / 40) ** power) for n in (40, 80, 160)]
    return pd.concat(parts, ignore_index=True)


def test_the_time_to_memorize_grows_as_n():
    assert states("DIST-memorizes", sized(1.0), sized(0.5), sized(1.0).query("n < 100")) == [
        "holds", "fails", "not tested"
    ]  # fmt: skip


def test_on_mnist_one_seed_is_enough():
    one = made(seeds=1).assign(source="mnist")
    bad = made(seeds=1, student=0.2).assign(source="mnist")
    assert states("DIST-mnist", one, bad, made()) == ["holds", "fails", "not tested"]


def bulks(low: float = 1.0, high: float = 1.0) -> pd.DataFrame:
    rows = [
        {"part": "memorizing", "d": 100, "psi_n": n, "psi_p": p, "seed": 1, "step": 1,
         "law_low": 0.02, "law_high": 0.3, "eigenvalue_low": 0.02 * low,
         "eigenvalue_high": 0.3 * high}
        for n, p in ((4, 16), (8, 16), (4, 32), (8, 32))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_edges_within_15_percent():
    near, off = bulks(1.14, 0.86), bulks(1.0, 1.2)
    assert states("DIST-spectrum", near, off, bulks().iloc[:3], bulks().assign(d=40)) == NOT_SEEN


def flows(gen: float, mem: float, seeds: int = 3) -> pd.DataFrame:
    rows = []
    D = spectrum.variance(0.01)
    for psi_n in (2.0, 4.0, 8.0, 16.0):
        for seed in range(seeds):
            for tau in np.geomspace(0.01, 1000, 60):
                learned = D * (1 - np.exp(-tau / psi_n**gen))
                overfit = D * (1 - np.exp(-tau / (10 * psi_n**mem)))
                rows.append(
                    {"part": "flow", "d": 40, "psi_n": psi_n, "psi_p": 64.0, "time": 0.01,
                     "seed": seed, "step": 1, "tau": tau, "loss_test": 1 - learned,
                     "loss_train": 1 - learned - overfit}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_times_of_the_flow():
    found = compare.flow_times(flows(0, 1))
    assert found.tau_gen.to_numpy() == pytest.approx(np.full(12, np.log(2)), rel=0.02)
    by_load = found.groupby("psi_n").tau_mem.median()
    assert by_load.to_numpy() == pytest.approx(10 * np.log(2) * by_load.index, rel=0.02)
    frames = (flows(0, 1), flows(0.5, 1), flows(0, 0.5), flows(0, 1, 2))
    assert states("DIST-times", *frames) == [
        "holds", "fails", "fails", "not tested"
    ]  # fmt: skip


def hopped(stable: float, energy: float, seeds: int = 3) -> pd.DataFrame:
    rows = []
    for seed in range(seeds):
        for hop in range(3):
            for part in features.BULKS:
                mine = part == "memorizing"
                rows.append(
                    {"part": part, "hop": hop, "seed": seed, "step": 1, "energy_before": 1.0,
                     "correlation": 0.9 - 0.1 * hop * stable * mine,
                     "energy": 1 - energy * mine * hop / 4}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_stability_and_energy():
    frames = (hopped(1, 1), hopped(-1, -1), hopped(1, 1, seeds=2), pd.DataFrame(columns=["part"]))
    assert states("DIST-stable", *frames) == NOT_SEEN
    assert states("DIST-energy", *frames) == NOT_SEEN
    up, down, mixed = hopped(1, -1), hopped(1, 1), hopped(1, -1)
    mixed.loc[(mixed.seed == 0) & (mixed.part == "memorizing"), "energy"] = 0.9
    assert states("DIST-CONTROL-energy", up, down, mixed, *frames[2:]) == [
        "holds",
        "fails",
        *NOT_SEEN[1:],
    ]
    assert states("DIST-energy", mixed) == ["fails"]  # of medians
    control = mn.check("DIST-CONTROL-energy", up, scale="laptop")
    chip = mn.check("DIST-energy", up, scale="laptop", beside=[control]).chip
    assert chip == f"undecided here; {control.claim.remark}"


def test_an_early_stopped_teacher_is_compared_at_equal_quality():
    [row] = compare.fidelity(made(seeds=1)).to_dict("records")
    assert (row["stopped_at"], row["stopped"], row["student"]) == (900, 0.4, 0.05)
    bad = made(seeds=1, frechet=0.5)
    assert np.isnan(compare.fidelity(bad).stopped[0])
    better = made(seeds=1, frechet=3.0)
    assert compare.fidelity(better).stopped[0] == 0.4
    assert np.isnan(compare.fidelity(better, alike=True).stopped[0])
