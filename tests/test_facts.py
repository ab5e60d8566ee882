"""Rules and facts: simulations against the asymptotics, runs, claims on made-up numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import said
from scipy.optimize import minimize

import modnoise as mn
from modnoise.facts import compare, experiments, kernels, limits, simulation, theory
from modnoise.facts.data import examples, fresh
from modnoise.facts.run import MODEL, FactsRun
from modnoise.pages.scorecard import place
from modnoise.spec import SpecError
from modnoise.training.loop import train


def test_labels_are_the_teachers_but_for_so_many_facts():
    some = examples(1001, 20, 0.3, 5)
    assert some.fact.sum() == 300
    assert (some.rule == np.sign(some.x @ some.teacher)).all()
    assert (some.given[~some.fact] == some.rule[~some.fact]).all()
    wrong = (some.given != some.rule)[some.fact].mean()
    assert abs(wrong - 0.5) < 4 * 0.5 / np.sqrt(300)
    more = examples(1001, 20, 0.5, 5)
    assert (more.x == some.x).all()
    assert more.fact[some.fact].all()
    assert (more.given[some.fact] == some.given[some.fact]).all()
    x, rule = fresh(some, 50, 5)
    assert (rule == np.sign(x @ some.teacher)).all()
    assert not np.isclose(x[0], some.x[0]).any()


def gaps(runs: list[FactsRun]) -> np.ndarray:
    """Simulation less asymptotics over the standard error, of E_gen and E_mem, a row a setting."""
    rows = [
        {
            **run.model_dump(),
            **dict(zip(compare.MEASURES.values(), 1 - np.array(found), strict=True)),
        }
        for run in runs
        for found in [simulation.solve(run)]
    ]
    frame = compare.beside_theory(pd.DataFrame(rows))
    return np.array(
        [(frame[x] - frame[f"{x}_theory"]) / frame[f"{x}_error"] for x in compare.MEASURES]
    ).T


def settings(seed: int, n: int, **fields: object) -> list[FactsRun]:
    """n settings that nobody chose, with six seeds each."""
    rng, runs = np.random.default_rng(seed), []
    for _ in range(n):
        one = {"alpha": rng.uniform(1, 4), "noise": rng.uniform(0.1, 0.6)}
        one |= {"lam": 10 ** rng.uniform(-0.7, 0.7)}
        if fields.get("learner") != "features":
            one["angle"] = rng.uniform(0, 1.1)
        runs += [FactsRun(**one, **fields, seed=s) for s in range(6)]
    return runs


@pytest.mark.parametrize(
    ("fields", "n"),
    [
        ({"learner": "ridge", "d": 400}, 6),
        ({"learner": "hinge", "d": 150}, 4),
        ({"learner": "features", "kernel": "erf", "d": 150, "kappa": 2.0}, 3),
        ({"learner": "features", "kernel": "relu", "d": 150, "kappa": 6.0}, 2),
    ],
    ids=["ridge", "hinge", "few features", "many features"],
)
def test_simulations_are_where_the_asymptotics_say(fields, n):
    found = gaps(settings(2027, n, **fields))
    assert np.sqrt((found**2).mean()) < 2
    assert np.abs(found).max() < 6  # of six seeds: the errors are uncertain themselves


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_real_kernels_are_near_their_equivalent(name):
    found = [simulation.solve(FactsRun(kernel=name, d=150, lam=0.3, seed=s)) for s in range(3)]
    known = compare.solution(FactsRun(kernel=name, lam=0.3))
    means = np.mean(found, axis=0)
    assert means == pytest.approx([known.e_gen, known.e_mem, known.e_rule], abs=0.04)


def test_ridge_is_the_kernel_solution_with_all_its_examples():
    some = examples(60, 25, 0.3, 1)
    mu_1, mu_star, lam = 0.8, 0.6, 0.2
    matrix = mu_1**2 * some.x @ some.x.T / 25 + mu_star**2 * np.eye(60)
    dual = np.linalg.solve(matrix + lam * np.eye(60), some.given)
    own, w = matrix @ dual, some.x.T @ dual
    cosine = w @ some.teacher / np.linalg.norm(w) / np.linalg.norm(some.teacher)
    found = simulation.ridge(some, lam, mu_1, mu_star)
    assert found.e_gen == pytest.approx(np.arccos(cosine) / np.pi)
    wrong = own * some.given <= 0
    assert found[1:] == pytest.approx((wrong[some.fact].mean(), wrong[~some.fact].mean()))


def test_the_angle_gives_the_error_on_new_inputs():
    rng = np.random.default_rng(3)
    teacher = rng.normal(size=4)
    w = teacher + 0.5 * rng.normal(size=4)
    x = rng.normal(size=(400_000, 4))
    wrong = np.mean(np.sign(x @ w) != np.sign(x @ teacher))
    assert simulation.angle_error(w, teacher) == pytest.approx(wrong, abs=0.004)


@pytest.mark.parametrize(("lam", "mu_star"), [(0.5, 0.0), (0.5, 0.8), (4.0, 1.0)])
def test_the_machine_is_the_solution_of_its_dual(lam, mu_star):
    """max sum a - |sum a y phi|^2 / 2 over 0 <= a <= 1/lam, by another solver: no offset."""
    some = examples(80, 20, 0.2, 2)
    signed = some.given[:, None] * some.x / np.sqrt(20)
    gram = signed @ signed.T + mu_star**2 * np.eye(80)
    solved = minimize(
        lambda a: (a @ gram @ a / 2 - a.sum(), gram @ a - 1), np.full(80, 0.1 / lam), jac=True,
        method="L-BFGS-B", bounds=[(0, 1 / lam)] * 80, options={"ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    w, margin = solved.x @ signed, gram @ solved.x
    found = simulation.machine(some, lam, 1.0, mu_star)
    assert found.e_gen == pytest.approx(simulation.angle_error(w, some.teacher), abs=1e-4)
    wrong = margin <= 0
    assert found[1:] == pytest.approx((wrong[some.fact].mean(), wrong[~some.fact].mean()))


def test_a_run_is_one_step_and_is_recorded_as_accuracies():
    run = FactsRun(d=60, noise=0.3, angle=0.5, seed=3)
    trained = train(run, progress=False)
    errors = simulation.solve(run)
    [row] = trained.history.to_dict("records")
    assert row["step"] == run.steps == 1
    assert [1 - row[x] for x in compare.MEASURES.values()] == pytest.approx(errors)
    assert compare.errors(trained.history)[["e_gen", "e_mem", "e_rule"]].values[0] == (
        pytest.approx(errors)
    )
    again = mn.load_or_train(run.but(noise=0.0), progress=False)
    assert np.isnan(again.nets.e_mem)
    assert np.isfinite(again.nets.e_gen)


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "runs"))


@given(st.sampled_from(["noise", "alpha", "lam", "kappa", "angle", "d"]), st.floats(-1e6, -1e-6))
def test_a_field_below_its_range_is_refused_by_name(name, value):
    with pytest.raises(SpecError, match=rf"^{name} = "):
        FactsRun(**{name: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"noise": 1.5}, "noise = 1.5 is not allowed"),
        ({"lerner": "ridge"}, "unknown parameter 'lerner'; did you mean learner"),
        ({"learner": "svm"}, "learner = 'svm' is not allowed"),
        ({"learner": "hinge", "kernel": "relu"}, "not allowed with learner = 'hinge'"),
        ({"learner": "features"}, "it must be the name of an activation"),
        ({"learner": "net"}, "kernel = 'equivalent' is not allowed with learner = 'net'"),
        ({"kernel": "tanh"}, "kernel = 'tanh' is not allowed with learner = 'ridge'"),
        ({"steps": 2}, "steps = 2 is not allowed"),
    ],
)
def test_a_run_that_is_not_allowed_says_why(fields, message):
    with pytest.raises(SpecError, match=message):
        FactsRun(**fields)


def test_at_another_share_of_facts_kernels_keep_their_place_beside_the_best():
    runs = mn.EXPERIMENTS["raf-ridge"].runs("laptop")
    assert experiments.at_setting(runs, noise=0.2, seed=52) == runs
    moved = experiments.at_setting(runs, noise=0.5, seed=7)
    assert {run.noise for run in moved} == {0.5}
    assert {run.seed for run in moved} == {7, *range(53, 62)}
    best = [float(limits.best_regularization(x)) for x in (0.2, 0.5)]
    for one, other in zip(runs, moved, strict=True):
        squares = [np.tan(run.angle) ** 2 for run in (one, other)]
        assert squares[0] / best[0] == pytest.approx(squares[1] / best[1], rel=1e-4)
    assert experiments.at_setting(runs, noise=1.0, seed=52, alpha=3.0)[-1].alpha == 3.0


def test_drawn_settings_are_twelve_of_each_loss():
    runs = mn.EXPERIMENTS["raf-drawn"].runs("laptop")
    for learner, d in (("ridge", 1000), ("hinge", 400)):
        some = {run.but(seed=0) for run in runs if run.learner == learner}
        assert len(some) == 12
        assert {run.d for run in some} == {d}


def test_drawn_random_features_are_twelve_settings_too():
    runs = mn.EXPERIMENTS["raf-drawn-features"].runs("laptop")
    some = {run.but(seed=0) for run in runs}
    assert len(some) == 12
    assert {run.d for run in some} == {300}
    assert {run.learner for run in some} == {"features"}


def made(**columns: object) -> pd.DataFrame:
    """Rows of `beside_theory`, with the asymptotics' own numbers for what is not given."""
    frame = pd.DataFrame(columns)
    defaults = {"learner": "ridge", "kernel": "equivalent", "angle": 0.0, "alpha": 4.0}
    defaults |= {"noise": 0.2, "lam": 1e-6, "d": 1000, "kappa": 1.0, "seeds": 10}
    for name, value in defaults.items():
        if name not in frame:
            frame[name] = value
    for i, row in frame.iterrows():
        known = compare.solution(row)
        for name in ("e_gen", "e_mem"):
            frame.loc[i, f"{name}_theory"] = float(getattr(known, name))
    for name in ("e_gen", "e_mem"):
        frame[name] = frame.get(name, frame[f"{name}_theory"])
        frame[f"{name}_error"] = 0.001
    return frame


def states(claim: str, *frames: pd.DataFrame) -> list[str]:
    return [said(mn.check(claim, frame, scale="laptop")) for frame in frames]


def test_the_trade_off_of_a_linear_learner():
    lam = [0.01, 0.1, 1.0, 10.0]
    worse = made(lam=lam, e_gen=[0.20, 0.19, 0.195, 0.21])
    stored = made(lam=lam, e_mem=[0.10, 0.33, 0.34, 0.36])
    small = made(lam=lam, alpha=2.0)
    assert states("RAF-linear", made(lam=lam), worse, stored, small, made(lam=[0.1])) == [
        "holds", "fails", "fails", "not tested", "not tested"
    ]  # fmt: skip


def test_equations_have_no_smaller_setting_and_a_trained_net_has_one():
    """The badge of frames that hold a row per setting, without steps and seeds."""
    for name in (x for x in mn.CLAIMS if x.startswith("RAF-")):
        found = mn.check(name, made(lam=[0.1]).iloc[:0], scale="laptop")
        expected = "smaller setting" if name == "RAF-net" else MODEL
        assert (found.at, place(found.at)) == (expected, place(expected))
    assert place(MODEL) == "the paper's setting"
    assert FactsRun(alpha=2.0).papers_setting() == MODEL
    assert FactsRun(learner="net", kernel="relu").papers_setting() == ""


def angles(*factors: float) -> list[float]:
    return [experiments.angle_at(x, 0.2) for x in factors]


def test_a_kernel_that_does_both():
    best = angles(1.0)
    assert states(
        "RAF-both",
        made(angle=best),
        made(angle=best, e_mem=[0.01]),
        made(angle=best, e_gen=[0.2]),
        made(angle=angles(4.0)),
        made(angle=[0.0]),
    ) == ["holds", "fails", "fails", "not tested", "not tested"]


def test_a_wrong_angle_costs():
    at = angles(1 / 16, 1 / 4, 1.0, 4.0, 16.0)
    level = made(angle=at, e_gen=[0.19] * 5)
    assert states("RAF-angle", made(angle=at), level, made(angle=at[2:3])) == [
        "holds", "fails", "not tested"
    ]  # fmt: skip


def test_overparameterization():
    widths = {"learner": "features", "kernel": "erf", "alpha": 3.0, "lam": 1e-3}
    kappa = [0.3, 1.0, 2.0, 3.0, 4.0, 8.0, 16.0]
    good = made(kappa=kappa, **widths)
    no_peak = good.assign(e_gen=good.e_gen.sort_values(ascending=False, kind="stable").values)
    assert states("RAF-width", good, no_peak, good.assign(e_mem=0.2), good.iloc[:4]) == [
        "holds", "fails", "fails", "not tested"
    ]  # fmt: skip


def test_rates_and_limits():
    good = compare.asymptotic_rates(0.1, 0.1, 0.6, np.geomspace(50, 400, 5))
    bad = good.assign(e_gen=good.e_gen * good.alpha**0.1)
    assert states("RAF-rates", good, bad, good[good.alpha < 60]) == [
        "holds", "fails", "not tested"
    ]  # fmt: skip
    ends = compare.limit_rows()
    assert states("RAF-limits", ends, ends.assign(value=ends.value + 0.01)) == [
        "holds", "fails"
    ]  # fmt: skip


def test_agreement_is_measured_in_standard_errors():
    lam = np.geomspace(0.2, 5, 12)
    hinge = made(lam=lam, learner=["hinge"] * 12)
    features = made(lam=lam, learner=["features"] * 12, kernel=["erf"] * 12)
    every = pd.concat([made(lam=lam), hinge, features], ignore_index=True)
    off = every.assign(e_gen=every.e_gen + 0.003)
    only = [every[every.learner != x] for x in ("hinge", "features")]
    far = every.assign(e_mem=every.e_mem + 0.003 * (every.learner == "features"))
    assert states("RAF-theory", every, off, far, *only) == [
        "holds", "fails", "fails", "not tested", "not tested"
    ]  # fmt: skip


def test_a_trained_net_is_compared_with_features_of_its_width():
    fixed = made(
        kappa=[1.0, 8.0], learner=["features"] * 2, kernel=["relu"] * 2, e_gen=[0.3, 0.25]
    )
    net = fixed.assign(learner="net", e_gen=[0.4, 0.2], e_mem=0.0)
    others = (net, net.assign(e_gen=0.249), net.assign(e_mem=0.1), net.assign(seeds=2))
    frames = [pd.concat([fixed, x], ignore_index=True) for x in others]
    assert states("RAF-net", *frames, net) == [
        "holds", "fails", "fails", "not tested", "not tested"
    ]  # fmt: skip


def test_a_net_without_facts_finds_the_teacher_and_stores_what_it_is_given():
    run = FactsRun(learner="net", kernel="relu", d=20, alpha=50.0, noise=0.0, lam=1.0, kappa=0.2)
    assert simulation.solve(run).e_gen < 0.03
    wide = run.but(alpha=3.0, noise=0.5, kappa=5.0, lam=1e-3)
    found = simulation.solve(wide)
    assert (found.e_mem, found.e_rule) == (0.0, 0.0)
    assert found.e_gen > 0.2
    assert np.isnan(float(compare.solution(wide).e_gen))
    assert run.unknowns == 4 * 22 + 1
    assert run.operations == 6 * 1000 * 4 * 20 * 2000


def test_the_mean_has_the_error_of_its_seeds_and_no_less_than_counting():
    frame = made(lam=[0.5]).drop(columns=["seeds"])
    runs = pd.concat([frame.assign(seed=s) for s in (1, 2)])
    runs = runs.assign(accuracy_test=[0.8, 0.82], accuracy_noisy=0.6, accuracy_clean=0.9)
    [row] = compare.beside_theory(runs).to_dict("records")
    assert row["e_gen"] == pytest.approx(0.19)
    assert row["e_gen_error"] == pytest.approx(0.01)
    known = float(theory.ridge(4, 0.2, 0.5).e_mem)
    assert row["e_mem_error"] == pytest.approx(np.sqrt(known * (1 - known) / (4000 * 0.2 * 2)))
    assert row["seeds"] == 2
