"""How a verdict follows from cells: states, shares, spread, bounds, settings, remarks."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnoise as mn
from modnoise import studies
from modnoise.arithmetic.optimizers import OPTIMIZERS
from modnoise.arithmetic.run import TEMPO, Run, at_tempo
from modnoise.claim import SHARES, Claim, Untested
from modnoise.judge import FEW, SEEDS, _papers_setting, _runs, check, check_first, state_of
from modnoise.mnist.run import MnistRun
from modnoise.spec import SpecError, Trainable
from modnoise.studies import CLAIMS
from modnoise.transformer.run import TransformerRun
from modnoise.verdict import STATES, Cell, Verdict

SECTION_10 = {  # the rows of the specification's section 10, and Table 2
    "double descent": "R3.1-1a", "bigger is better": "R3.1-1b", "regularization": "R3.1-2",
    "activation": "R3.1-3", "confidence": "R3.1-confidence", "inversion": "R3.1-inversion",
    "noise first": "R3.2-first", "R3.2 (i)": "R3.2-i", "C.3": "C3", "grokking trend": "GROK",
    "misspecification": "C2-misspecification", "R4.1 (FF)": "R4.1-FF",
    "R4.1 (swap)": "R4.1-swap", "R4.1 (phase)": "R4.1-phase", "D.4": "D4",
    "FF on clean / quadratic": "D-FF", "R5.1": "R5.1", "R5.2": "R5.2", "R5.3": "R5.3",
    "E.1": "E1-multiplication", "Table 3": "T3", "Table 2": "T2",
}  # fmt: skip
HEADS = [x for x, one in CLAIMS.items() if one.paper == "Liu & Lu 2026" and not one.under]
PAPER = Run(width=2049)
FAST = PAPER.but(**at_tempo(TEMPO))
PAPERS, FASTER = "the paper's setting", f"the paper's setting, trained {TEMPO} × faster"


def level(frame: pd.DataFrame, *, least: float = 0.5) -> list:
    """A rule for tests: the median of ``value`` per noise ratio is at least ``least``."""
    if "value" not in frame:
        raise Untested("value is not recorded")
    return [
        (f"noise {noise:g}", f"{rows.value.median():g}",
         None if rows.value.isna().any() else bool(rows.value.median() >= least))
        for noise, rows in frame.groupby("noise")
    ]  # fmt: skip


CLAIM = Claim("TOY", "it is high", "paper, section 0", "half", level, default="noise 0.3")


@pytest.fixture
def toy(monkeypatch):
    """Judge frames by a rule that is declared for the test alone."""

    def judged(frame, scale="fast", beside=(), **changed):
        claim = dataclasses.replace(CLAIM, **changed)
        monkeypatch.setattr(studies, "CLAIMS", {"TOY": claim})
        return check("TOY", frame, scale=scale, beside=beside)

    return judged


def rows(values: dict[float, list[float]], run: Run = FAST) -> pd.DataFrame:
    """Last rows of nets like ``run``: per noise ratio a value per seed."""
    made = []
    for noise, some in values.items():
        for seed, value in enumerate(some):
            one = run.but(noise=noise, seed=seed)
            made.append({**one.model_dump(), "key": one.key, "step": one.steps, "value": value})
    return pd.DataFrame(made)


HIGH, LOW, NONE = [0.9, 0.9, 0.9], [0.1, 0.1, 0.1], [float("nan")] * 3


def cells(*holds: bool | None, seeds: int = SEEDS) -> list[Cell]:
    return [Cell(f"cell {i}", "", x, seeds) for i, x in enumerate(holds)]


def state(*holds: bool | None, word: str = "typically", default: str = "", may: bool = True):
    claim = dataclasses.replace(CLAIM, word=word, default=default)
    return state_of(claim, cells(*holds), may_contradict=may)


@pytest.mark.parametrize(
    ("word", "holds", "expected"),
    [
        ("typically", (True, True, True, False), "holds"),
        ("typically", (True, True, False, False), "holds in part"),
        ("typically", (True, True, False), "holds in part"),  # 2 of 3 is under three quarters
        ("typically", (True, False, False), "contradicted"),  # at most a third of three
        ("typically", (True, False), "holds in part"),  # of fewer than three: in none
        ("typically", (False, False), "contradicted"),
        ("typically", (False,), "contradicted"),
        ("typically", (True, None, None), "holds"),
        ("typically", (None, None), "undecided here"),
        ("typically", (), "undecided here"),
        ("always", (True,) * 9 + (False,), "holds"),
        ("always", (True,) * 8 + (False,), "holds in part"),
        ("can", (True, False, False, False), "holds"),  # any cell, where it names none
        ("can", (False, False, False), "contradicted"),
    ],
)
def test_the_share_of_the_decidable_cells_gives_the_state(word, holds, expected):
    assert state(*holds, word=word) == expected


def test_the_default_cell_must_hold_where_it_can_tell():
    assert state(True, True, True, False, default="cell 3") == "holds in part"
    assert state(True, True, True, None, default="cell 3") == "holds"
    assert state(True, False, False, False, word="can", default="cell 0") == "holds"
    assert state(False, True, True, True, word="can", default="cell 0") == "holds in part"


def test_only_firm_failures_of_three_seeds_at_the_papers_setting_contradict():
    assert state(False, False, may=False) == "undecided here"
    assert state_of(CLAIM, cells(False, seeds=2), may_contradict=True) == "undecided here"
    assert state_of(CLAIM, cells(False, seeds=0), may_contradict=True) == "contradicted"  # no draw
    within = [dataclasses.replace(cells(False)[0], firm=False)]
    assert state_of(CLAIM, within, may_contradict=True) == "undecided here"


@given(st.lists(st.sampled_from([True, False, None]), max_size=12), st.sampled_from([*SHARES]))
def test_undecidable_cells_change_no_state_and_more_holding_cells_never_harm(holds, word):
    told = [x for x in holds if x is not None]
    assert state(*holds, word=word) == state(*told, word=word)
    rank = ("contradicted", "undecided here", "holds in part", "holds")
    better = [True if x is False else x for x in holds]
    assert rank.index(state(*better, word=word)) >= rank.index(state(*holds, word=word))
    if state(*holds, word=word) == "contradicted":
        assert sum(told) <= FEW * len(told)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({0.1: HIGH, 0.3: HIGH}, "holds"),
        ({0.1: LOW, 0.3: HIGH}, "holds in part"),
        ({0.1: LOW, 0.3: LOW}, "contradicted"),
        ({0.1: LOW, 0.3: [0.1, 0.1, 0.9]}, "undecided here"),  # one seed says otherwise
        ({0.1: LOW, 0.3: LOW[:2]}, "undecided here"),  # two seeds
        ({0.1: NONE, 0.3: NONE}, "undecided here"),
        ({0.1: NONE, 0.3: HIGH}, "holds"),
    ],
)
def test_the_median_over_seeds_decides_each_cell(toy, values, expected):
    verdict = toy(rows(values))
    assert verdict.state == expected
    assert (verdict.at, verdict.width) == (FASTER, 2049)
    assert verdict.undecidable == sum(x is NONE for x in values.values())
    assert verdict.runs == tuple(sorted(rows(values).key))


def test_seeds_are_counted_per_cell_and_told(toy):
    verdict = toy(rows({0.1: HIGH, 0.3: HIGH[:1]}))
    assert [cell.seeds for cell in verdict.cells] == [3, 1]
    assert verdict.seeds == 1
    assert "one seed" in verdict._repr_html_()


@pytest.mark.parametrize(
    ("run", "scale", "expected", "at"),
    [
        (PAPER, "paper", "contradicted", PAPERS),
        (FAST, "fast", "contradicted", FASTER),
        (FAST.but(width=1025), "fast", "undecided here", FASTER),  # not wide enough
        (
            FAST.but(beta2=0.999),
            "fast",
            "undecided here",
            "another setting: p = 113, 10,000 steps",
        ),
        (
            PAPER.but(p=59, steps=99),
            "laptop",
            "undecided here",
            "smaller setting: p = 59, 99 steps",
        ),
        (FAST, "smoke", "not tested", FASTER),
    ],
)
def test_a_failure_contradicts_the_paper_only_at_its_setting(toy, run, scale, expected, at):
    verdict = toy(rows({0.1: LOW, 0.3: LOW}, run), scale, widest=2049)
    assert (verdict.state, verdict.at) == (expected, at)
    ours = toy(rows({0.1: LOW, 0.3: LOW}, run), scale, widest=2049, source="ours")
    assert ours.state == ("not tested" if scale == "smoke" else "contradicted")


def test_a_claim_that_holds_needs_neither_setting_nor_seeds(toy):
    assert toy(rows({0.3: HIGH[:1]}, PAPER.but(p=59, steps=99)), "laptop").state == "holds"


def test_the_verdict_says_which_bound_it_depends_on(toy):
    assert toy(rows({0.3: [0.6] * 3})).depends == ("least",)  # double of 0.5 is not reached
    assert toy(rows({0.3: [1.1] * 3})).depends == ()
    assert toy(rows({0.3: [0.3] * 3})).depends == ("least",)  # half of it is
    assert toy(rows({0.3: [0.1] * 3})).depends == ()
    assert CLAIM.bounds == {"least": 0.5}
    assert "least 0.5" in str(toy(rows({0.3: HIGH})))


def test_the_deciding_number_is_that_of_the_default_cell_or_of_one_that_fails(toy):
    assert toy(rows({0.1: HIGH, 0.3: [0.8] * 3})).deciding == "noise 0.3: 0.8"
    assert toy(rows({0.1: LOW, 0.3: HIGH, 0.5: HIGH})).deciding == "noise 0.1: 0.1"
    assert toy(rows({0.1: LOW, 0.3: [0.2] * 3})).deciding == "noise 0.3: 0.2"
    assert toy(rows({0.3: HIGH}).drop(columns="value")).deciding == "value is not recorded"


def test_a_control_that_holds_stands_on_the_chip_of_the_claim_that_it_limits(toy):
    control = dataclasses.replace(CLAIM, id="CONTROL", qualifies="TOY", remark="so does a coin")
    said = Verdict(control, "holds", (), "fast", PAPERS, "")
    verdict = toy(rows({0.3: HIGH}), beside=[said])
    assert verdict.chip == "holds; so does a coin"
    failed = dataclasses.replace(said, state="undecided here")
    assert toy(rows({0.3: HIGH}), beside=[failed]).chip == "holds"
    part = toy(rows({0.1: LOW, 0.3: HIGH}))
    assert part.chip == "holds in part, 1 of 2"


def test_rows_of_two_settings_are_refused_and_unknown_claims_named(toy):
    mixed = pd.concat([rows({0.3: HIGH}), rows({0.3: HIGH}, FAST.but(p=59))])
    with pytest.raises(ValueError, match="p = 59 and 113 in one frame .*TOY needs one p"):
        toy(mixed)
    with pytest.raises(ValueError, match="claim 'NO' is not known"):
        check("NO", mixed, scale="fast")


def test_what_is_missing_is_not_tested(toy):
    for frame, why in ((rows({0.3: HIGH}).drop(columns="value"), "not recorded"),
                       (rows({0.3: HIGH}).iloc[:0], "no runs")):  # fmt: skip
        verdict = toy(frame)
        assert (verdict.state, verdict.tally) == ("not tested", "not tested")
        assert why in verdict.missing[0]
    needing = toy(rows({0.3: HIGH}), needs={"op": "sub"})
    assert needing.missing == ("op = add, the claim is about sub",)


def test_the_first_frame_in_which_a_cell_can_tell_is_judged(toy, monkeypatch):
    monkeypatch.setattr(studies, "CLAIMS", {"TOY": CLAIM})
    blind, low = (rows({0.3: NONE}), "fast"), (rows({0.3: LOW}, PAPER.but(p=59)), "laptop")
    assert check_first("TOY", blind, low).scale == "laptop"
    assert check_first("TOY", blind, blind).state == "undecided here"


def test_the_facts_hold_every_cell_with_its_reason(toy):
    facts = toy(rows({0.1: LOW, 0.3: HIGH, 0.5: NONE})).facts
    told = [(cell["name"], cell["state"], cell["seeds"]) for cell in facts["cells"]]
    assert told == [("noise 0.1", "fails", 3), ("noise 0.3", "holds", 3),
                    ("noise 0.5", "undecidable", 3)]  # fmt: skip
    assert (facts["share"], facts["bounds"]) == (0.9, {"least": 0.5})
    assert set(STATES) >= {facts["state"]}


# what the claims declare


def test_each_row_of_section_10_has_exactly_one_claim_that_stands_for_it():
    assert sorted(HEADS) == sorted(SECTION_10.values())


def test_what_claims_point_at_exists():
    for claim in CLAIMS.values():
        assert claim.source.startswith("paper") != claim.names_no_scale
        assert claim.word in SHARES
        assert claim.qualifies in ("", *CLAIMS)
        assert bool(claim.qualifies) == bool(claim.remark)
        assert all(value > 0 for value in claim.bounds.values())
        if claim.under:
            assert claim.under in HEADS
            assert not claim.names_no_scale


# the paper's setting


def failing(*runs: Trainable) -> pd.DataFrame:
    """Last rows of nets whose parts all know nothing."""
    return pd.DataFrame(
        {**run.model_dump(), "key": run.key, "part": part, "step": run.steps,
         "accuracy_test": 0.0, "accuracy_noisy": 0.0}
        for run in runs for part in ("full", "G", "R", "quadratic", "reverse_relu")
    )  # fmt: skip


def test_one_net_elsewhere_takes_the_whole_frame_elsewhere_and_two_clocks_are_the_faster():
    assert _papers_setting(failing(PAPER, FAST), 0) == FASTER
    assert _papers_setting(failing(PAPER, FAST, FAST.but(beta2=0.999)), 0) == ""
    assert _papers_setting(failing(FAST, FAST.but(steps=0)), 0) == FASTER
    assert _papers_setting(failing(FAST.but(steps=0)), 0) == ""


def test_a_net_before_its_end_is_another_unless_the_claim_is_about_its_first_steps():
    early = failing(PAPER).assign(step=200)
    assert _papers_setting(early, 0) == ""
    assert _papers_setting(early, 200) == f"{PAPERS}, first 200 steps"
    assert _papers_setting(failing(FAST).drop(columns="eps"), 0) == ""
    assert _papers_setting(failing(FAST).assign(eps=-1.0), 0) == ""


@st.composite
def some_run(draw) -> Run:
    """Runs near the paper's: each field is the paper's, an accepted or another one."""
    optimizer = draw(st.sampled_from(["adamw", "adam", "muon", "sgd"]))
    fields = {
        "p": st.sampled_from([113, 59]),
        "op": st.sampled_from(["add", "sub"]),
        "train_frac": st.sampled_from([0.3, 0.4, 0.5]),
        "noise_kind": st.sampled_from(["wrong", "any", "symmetric"]),
        "split": st.sampled_from(["ordered", "unordered"]),
        "tied": st.booleans(),
        "width": st.sampled_from([513, 1025]),
        "optimizer": st.just(optimizer),
        "lr": st.sampled_from([1e-3, 0.02, 0.1]),
        "steps": st.sampled_from([0, 1000, 10_000, 200_000]),
        "beta2": st.sampled_from([0.98, 0.999]),
        "weight_decay": st.sampled_from([*OPTIMIZERS[optimizer].decays, 3.0]),
        "batch": st.sampled_from([None, 64]),
        "init": st.sampled_from(["linear", "normal"]),
        "matmul": st.sampled_from(["exact", "bf16"]),
    }
    usual = draw(st.sets(st.sampled_from(sorted(fields)), min_size=8))
    found = {name: draw(values) for name, values in fields.items() if name not in usual}
    try:
        return Run(**{"optimizer": optimizer, **found})
    except SpecError:
        return Run(optimizer=optimizer)


@settings(max_examples=200, deadline=None)
@given(run=some_run(), first=st.sampled_from([0, 200]))
def test_what_is_at_the_papers_setting_differs_from_it_in_nothing_that_matters(run, first):
    if not (told := run.papers_setting(first)):
        return
    assert (run.p, run.batch, run.init, run.matmul) == (113, None, "linear", "exact")
    assert run.train_frac in (0.4, 0.5, 0.6)
    assert run.weight_decay in OPTIMIZERS[run.optimizer].decays
    assert run.noise_kind == "wrong" or run.tied
    if first:
        assert told == f"{PAPERS}, first 200 steps"
        assert run.lr == 1e-3 or run.optimizer in ("muon", "sgd")
        assert (run.beta2, run.steps >= 200) == (0.999, True)
    elif run.optimizer == "sgd":
        assert (told, run.steps) == (PAPERS, 200_000)
    else:
        tempo = TEMPO if told == FASTER else 1
        assert (run.lr, run.steps) == (0.001 * tempo, 200_000 // tempo)
        assert run.beta2 == 1 - tempo / 1000
        assert tempo == 1 or run.optimizer == "adamw"


def test_sgd_adam_and_muon_have_rates_and_decays_of_their_own():
    assert PAPER.but(optimizer="adam", weight_decay=1e-4).papers_setting() == PAPERS
    assert PAPER.but(optimizer="adam", weight_decay=0.1).papers_setting() == ""
    assert PAPER.but(optimizer="muon").papers_setting() == PAPERS
    assert PAPER.but(optimizer="muon", momentum=0.5).papers_setting() == ""
    muon = PAPER.but(optimizer="muon", lr=0.02, steps=10_000)
    adam = PAPER.but(optimizer="adam", weight_decay=1e-4, **at_tempo(20))
    assert muon.papers_setting() == adam.papers_setting() == ""  # a clock not tested with them
    sgd = PAPER.but(optimizer="sgd", weight_decay=1e-4, lr=0.1)
    assert sgd.papers_setting() == PAPERS
    assert sgd.but(lr=2.0, steps=10_000).papers_setting() == ""
    early = {"steps": 200}
    assert muon.but(**early).papers_setting(200) == f"{PAPERS}, first 200 steps"
    assert FAST.papers_setting(200) == ""
    assert PAPER.but(**early).papers_setting(201) == ""


def test_tied_nets_may_have_symmetric_noise_and_untrained_nets_are_at_no_clock():
    tied = PAPER.but(tied=True, split="unordered", noise_kind="symmetric")
    assert tied.papers_setting() == PAPERS
    assert tied.but(tied=False).papers_setting() == ""
    assert PAPER.but(steps=0).papers_setting() == ""


def test_nandas_net_and_all_of_mnist_are_the_papers_settings():
    assert TransformerRun(noise=0.1, seed=7).papers_setting() == PAPERS
    assert TransformerRun(lr=3e-3, steps=2000).papers_setting() == ""
    assert MnistRun(noise=0.2).papers_setting() == PAPERS
    assert MnistRun(source="t10k").papers_setting() == ""
    assert MnistRun(images=100).papers_setting() == ""


def test_runs_come_back_from_the_rows_of_all_experiments():
    for scale in ("laptop", "fast"):
        for sweep in mn.EXPERIMENTS.values():
            if scale in sweep.scales:
                runs = sweep.runs(scale)
                assert {run.key for run in _runs(failing(*runs))} == {run.key for run in runs}
