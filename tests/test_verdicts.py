"""What a failing rule means: refuted at the paper's setting, not seen here at others."""

from __future__ import annotations

from html import escape

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnoise as mn
from modnoise.arithmetic.run import DECAYS, TEMPO, Run, at_tempo
from modnoise.judge import _papers_setting, _runs, check
from modnoise.verdict import STATES
from modnoise.mnist.run import MnistRun
from modnoise.pages import scorecard
from modnoise.spec import SpecError, Trainable
from modnoise.studies import CLAIMS
from modnoise.transformer.run import TransformerRun

SECTION_10 = {  # the rows of the specification's section 10, and Table 2
    "double descent": "R3.1-1a", "bigger is better": "R3.1-1b", "regularization": "R3.1-2",
    "activation": "R3.1-3", "confidence": "R3.1-confidence", "noise first": "R3.2-first",
    "R3.2 (i)": "R3.2-i", "C.3": "C3", "grokking trend": "GROK",
    "misspecification": "C2-misspecification", "R4.1 (FF)": "R4.1-FF",
    "R4.1 (swap)": "R4.1-swap", "R4.1 (phase)": "R4.1-phase", "D.4": "D4",
    "FF on clean / quadratic": "D-FF", "R5.1": "R5.1", "R5.2": "R5.2", "R5.3": "R5.3",
    "E.1": "E1-multiplication", "Table 3": "T3", "Table 2": "T2",
}  # fmt: skip
HEADS = [x for x, one in CLAIMS.items() if one.paper == "Liu & Lu 2026" and not one.under]

PAPER = Run(width=1025)
FAST = PAPER.but(**at_tempo(TEMPO))


def failing(*runs: Trainable) -> pd.DataFrame:
    """Last rows of nets whose parts all know nothing, so that every claim about them fails."""
    return pd.DataFrame(
        {**run.model_dump(), "key": run.key, "part": part, "step": run.steps,
         "accuracy_test": 0.0, "accuracy_noisy": 0.0}
        for run in runs for part in ("full", "G", "R", "quadratic", "reverse_relu")
    )  # fmt: skip


def separation(run: Run, scale: str = "laptop", **changed):
    """The verdict on R4.1-FF of nets like this one that fail."""
    rows = failing(*(run.but(noise=x) for x in (0.3, 0.5, 0.8)))
    return check("R4.1-FF", rows.assign(**changed), scale=scale)


def test_each_row_of_section_10_has_exactly_one_claim_that_stands_for_it():
    assert sorted(HEADS) == sorted(SECTION_10.values())


def test_evidence_is_under_a_claim_of_the_paper_and_is_the_papers_too():
    for claim in CLAIMS.values():
        assert claim.source.startswith("paper") != claim.names_no_scale
        if claim.under:
            assert claim.under in HEADS
            assert not claim.names_no_scale


@pytest.mark.parametrize(
    ("run", "at", "state"),
    [
        (PAPER, "paper's setting", "refuted"),
        (FAST, "paper's setting, tempo 20", "refuted"),
        (FAST.but(width=4097), "paper's setting, tempo 20", "refuted"),
        (FAST.but(width=513), "paper's setting, tempo 20", "not seen here"),  # not wide enough
        (FAST.but(beta2=0.999), "smaller setting (laptop scale)", "not seen here"),
        (PAPER.but(steps=1000), "smaller setting (laptop scale)", "not seen here"),
        (PAPER.but(**at_tempo(40)), "smaller setting (laptop scale)", "not seen here"),
        (PAPER.but(p=59), "smaller setting (laptop scale)", "not seen here"),
    ],
)
def test_only_the_papers_setting_with_wide_nets_refutes(run, at, state):
    verdict = separation(run)
    assert (verdict.state, verdict.at, verdict.width) == (state, at, run.width)
    for text in (repr(verdict), str(verdict)):
        assert text.startswith(f"R4.1-FF: {state} · {at} · ")
    html = verdict._repr_html_()
    assert f'class="mn-verdict mn-fold {state.replace(" ", "-")}"' in html
    assert f">{state}</span> " in html
    assert f"<small>{escape(at)}, " in html


def test_one_net_elsewhere_takes_the_whole_frame_elsewhere_and_two_tempos_are_the_faster():
    assert _papers_setting(failing(PAPER, FAST), 0) == "paper's setting, tempo 20"
    assert _papers_setting(failing(PAPER, FAST, FAST.but(beta2=0.999)), 0) == ""
    assert _papers_setting(failing(FAST, FAST.but(steps=0)), 0) == "paper's setting, tempo 20"
    assert _papers_setting(failing(FAST.but(steps=0)), 0) == ""


def test_a_net_before_its_end_is_another_unless_the_claim_is_about_its_first_steps():
    verdict = separation(FAST, scale="fast", step=FAST.steps - 1)
    assert (verdict.state, verdict.at) == ("not seen here", "other setting (fast scale)")
    early = failing(PAPER).assign(step=200)
    assert _papers_setting(early, 0) == ""
    assert _papers_setting(early, 200) == "paper's setting, first 200 steps"


def test_a_frame_without_the_fields_of_a_run_is_not_at_the_papers_setting():
    rows = failing(*(FAST.but(noise=x) for x in (0.3, 0.5, 0.8)))
    assert check("R4.1-FF", rows.drop(columns="eps"), scale="fast").state == "not seen here"
    assert check("R4.1-FF", rows.assign(eps=-1.0), scale="fast").state == "not seen here"


def test_smoke_scale_refutes_nothing_and_ours_are_refuted_anywhere():
    assert separation(FAST, scale="smoke").state == "not tested"
    rows = failing(*(PAPER.but(p=59, noise=x) for x in (0.3, 0.5, 0.8)))
    rows = pd.concat([rows, rows[rows.part == "G"].assign(part="G_mu0")])
    verdict = check("R4.1-FF-mu0", rows, scale="laptop")
    assert (verdict.state, verdict.at) == ("refuted", "smaller setting (laptop scale)")


def test_a_confirmed_claim_needs_no_setting():
    rows = separation(PAPER.but(p=59), accuracy_test=1.0)
    assert rows.tally == "0 of 3"
    good = failing(*(PAPER.but(p=59, noise=x) for x in (0.3, 0.5, 0.8)))
    good.loc[good.part == "G", "accuracy_test"] = 1.0
    good.loc[good.part == "R", "accuracy_noisy"] = 1.0
    verdict = check("R4.1-FF", good, scale="laptop")
    assert (verdict.state, verdict.at) == ("confirmed", "smaller setting (laptop scale)")


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
        "weight_decay": st.sampled_from([*DECAYS[optimizer], 3.0]),
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


@settings(max_examples=300, deadline=None)
@given(run=some_run(), first=st.sampled_from([0, 200]))
def test_what_is_at_the_papers_setting_differs_from_it_in_nothing_that_matters(run, first):
    if not (told := run.papers_setting(first)):
        return
    assert (run.p, run.batch, run.init, run.matmul) == (113, None, "linear", "exact")
    assert run.train_frac in (0.4, 0.5, 0.6)
    assert run.weight_decay in DECAYS[run.optimizer]
    assert run.noise_kind == "wrong" or run.tied
    if first:
        assert told == "paper's setting, first 200 steps"
        assert run.lr == 1e-3 or run.optimizer in ("muon", "sgd")
        assert (run.beta2, run.steps >= 200) == (0.999, True)
    elif run.optimizer == "sgd":
        assert (told, run.steps) == ("paper's setting", 200_000)
    else:
        tempo = 20 if told.endswith("tempo 20") else 1
        assert (run.lr, run.steps) == (0.001 * tempo, 200_000 // tempo)
        assert run.beta2 == 1 - tempo / 1000
        assert tempo == 1 or run.optimizer == "adamw"


@settings(max_examples=100, deadline=None)
@given(run=some_run(), claim=st.sampled_from(["R4.1-FF", "D-FF-subtraction", "R4.1-swap"]))
def test_no_claim_of_the_paper_is_refuted_below_its_setting(run, claim):
    rows = failing(*(run.but(noise_kind="wrong", noise=x) for x in (0.3, 0.5, 0.8)))
    rows.loc[rows.part == "full", "accuracy_test"] = 0.1
    verdict = check(claim, rows, scale="laptop")
    assert verdict.state in ("refuted", "not seen here", "not tested")
    if verdict.state == "refuted":
        assert run.but(noise_kind="wrong").papers_setting()
        assert run.width >= CLAIMS[claim].widest
        assert verdict.at.startswith("paper's setting")


def test_sgd_adam_and_muon_have_rates_and_decays_of_their_own():
    own = "paper's setting"
    assert PAPER.but(optimizer="adam", weight_decay=1e-4).papers_setting() == own
    assert PAPER.but(optimizer="adam", weight_decay=0.1).papers_setting() == ""
    assert PAPER.but(optimizer="muon").papers_setting() == own
    assert PAPER.but(optimizer="muon", momentum=0.5).papers_setting() == ""
    muon = PAPER.but(optimizer="muon", lr=0.02, steps=10_000)
    adam = PAPER.but(optimizer="adam", weight_decay=1e-4, **at_tempo(20))
    assert muon.papers_setting() == adam.papers_setting() == ""  # a tempo not tested with them
    sgd = PAPER.but(optimizer="sgd", weight_decay=1e-4, lr=0.1)
    assert sgd.papers_setting() == own
    assert sgd.but(lr=2.0, steps=10_000).papers_setting() == ""
    early = {"steps": 200}
    assert muon.but(**early).papers_setting(200) == "paper's setting, first 200 steps"
    assert FAST.papers_setting(200) == ""
    assert PAPER.but(**early).papers_setting(201) == ""


def test_tied_nets_may_have_symmetric_noise_and_untrained_nets_are_at_no_clock():
    tied = PAPER.but(tied=True, split="unordered", noise_kind="symmetric")
    assert tied.papers_setting() == "paper's setting"
    assert tied.but(tied=False).papers_setting() == ""
    assert PAPER.but(steps=0).papers_setting() == ""


def test_nandas_net_and_all_of_mnist_are_the_papers_settings():
    assert TransformerRun(noise=0.1, seed=7).papers_setting() == "paper's setting"
    assert TransformerRun(lr=3e-3, steps=2000).papers_setting() == ""
    assert MnistRun(noise=0.2).papers_setting() == "paper's setting"
    assert MnistRun(source="t10k").papers_setting() == ""
    assert MnistRun(images=100).papers_setting() == ""


def test_runs_come_back_from_the_rows_of_all_experiments():
    for scale in ("laptop", "fast"):
        for sweep in mn.EXPERIMENTS.values():
            if scale in sweep.scales:
                runs = sweep.runs(scale)
                assert {run.key for run in _runs(failing(*runs))} == {run.key for run in runs}


def test_stored_pages_refute_no_claim_of_the_paper_below_its_setting():
    card = scorecard.read()
    refuted = card[card.state == "refuted"]
    assert set(card.state) <= set(STATES)
    for row in refuted.itertuples():
        claim = CLAIMS[row.claim]
        at_it = row.at.startswith("paper's setting") and row.width >= claim.widest
        assert claim.names_no_scale or at_it, (row.claim, row.page, row.at)
    shown = scorecard.papers(card)
    assert sorted(shown.claim[shown.paper == "Liu & Lu 2026"]) == sorted(HEADS)
