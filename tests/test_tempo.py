"""Nets at a higher tempo beside those of the paper's own: differences by hand, and as recorded."""

from __future__ import annotations

import pandas as pd
import pytest
from judging import said

from modnoise.arithmetic.run import Run, at_tempo
from modnoise.arithmetic.tempo import ACCURACIES, deviations, final_accuracies, tempo_table
from modnoise.frames import curves
from modnoise.judge import check
from modnoise.store.load import load_or_train
from modnoise.store.overview import at_hand

PARTS = sorted({part for part, _ in ACCURACIES.values()})
WIDTHS = (17, 33, 65, 129, 257, 513)


def rows(value: float, tempo: int, *, width: int = 17, seed: int = 42, memory: bool = True, **of):
    """The record of a net whose accuracies all have one value, but for those in ``of``."""
    run = Run(width=width, seed=seed, **at_tempo(tempo, memory=memory))
    frame = pd.DataFrame({"part": PARTS, "step": run.steps, "key": run.key, **run.model_dump()})
    frame = frame.assign(norm=2.0, phase_mse=0.25, ipr_strength=-0.5, cross_entropy_test=5.0)
    for role in ("test", "noisy"):
        frame[f"accuracy_{role}"] = value
    for part, test in of.items():
        frame.loc[frame.part == part, "accuracy_test"] = test
    return frame


def ladder(*changed, tempo: int = 20, **options) -> pd.DataFrame:
    own = [rows(0.5, 1, width=width) for width in WIDTHS]
    there = [rows(0.55, tempo, width=width, **options) for width in WIDTHS]
    return pd.concat([*own, *there, *changed], ignore_index=True)


def test_a_difference_is_taken_between_the_same_seeds_at_their_last_step():
    early = rows(0.9, 20).assign(step=5)
    found = deviations(pd.concat([rows(0.5, 1), rows(0.56, 20), early], ignore_index=True))
    assert found.quantity.tolist() == list(ACCURACIES)
    assert found.difference.tolist() == pytest.approx([0.06] * len(ACCURACIES))
    assert found.near.all()
    assert found.seeds.tolist() == [1] * len(ACCURACIES)
    other = pd.concat([rows(0.5, 1), rows(0.9, 20, seed=43)], ignore_index=True)
    assert deviations(other).empty  # no seed is at both tempos


def test_the_range_of_three_seeds_widens_what_is_near_and_that_of_two_does_not():
    three = [rows(x, 20, seed=seed) for x, seed in ((0.65, 42), (0.5, 43), (0.67, 44))]
    far = deviations(pd.concat([rows(0.5, 1), *three[:2]], ignore_index=True))
    near = deviations(pd.concat([rows(0.5, 1), *three], ignore_index=True))
    assert far.difference.iloc[0] == near.difference.iloc[0] == pytest.approx(0.15)
    assert near.spread.iloc[0] == pytest.approx(0.17)
    assert not far.near.any()
    assert near.near.all()


def test_tempo_and_memory_are_read_off_the_run():
    found = final_accuracies(pd.concat([rows(0.5, 20), rows(0.5, 20, memory=False), rows(0.5, 1)]))
    assert found.tempo.tolist() == [20, 20, 1]
    assert found.memory.tolist() == [True, False, True]


def test_the_table_stars_what_is_too_far():
    frame = pd.concat([rows(0.5, 1), rows(0.5, 40, G=0.75), rows(0.5, 20, memory=False)])
    table = tempo_table(frame.reset_index(drop=True))
    assert table.index.tolist() == [(17, "own"), (17, "20, memory in steps"), (17, "40")]
    assert table.loc[(17, "40"), "FF"] == "75.0*"
    assert table.loc[(17, "40"), "test"] == "50.0"
    assert table["norm"].tolist() == ["2"] * 3


def test_the_claim_names_the_width_and_the_quantity_that_is_too_far():
    assert check("TEMPO", ladder(), scale="fast").tally == "6 of 6"
    worse = ladder()
    off = (worse.width == 257) & (worse.steps == 10_000) & (worse.part == "reverse_relu")
    worse.loc[off, "accuracy_noisy"] = 0.3
    verdict = check("TEMPO", worse, scale="fast")
    assert verdict.tally == "5 of 6"
    assert "M = 257: largest difference -20.0 points (reverse ReLU, noisy" in verdict.measured[4]
    assert "too far: reverse ReLU, noisy (fails)" in verdict.measured[4]
    narrow = worse[worse.width < 513]
    assert check("TEMPO", narrow, scale="fast").tally == "not tested"
    two = pd.concat([worse, ladder(tempo=40)], ignore_index=True).drop_duplicates(["key", "part"])
    assert check("TEMPO", two, scale="fast").tally == "not tested"


def test_cross_entropy_stands_in_the_table_and_is_compared_seed_by_seed():
    assert tempo_table(ladder())["test cross-entropy"].tolist() == ["5"] * 12
    frame = ladder()
    assert said(check("TEMPO-CE", frame, scale="fast")) == "fails"
    there = (frame.width == 65) & (frame.steps == 10_000)
    for value, state in ((7.4, "fails"), (7.5, "holds"), (10 / 3, "holds"), (3.4, "fails")):
        frame.loc[there, "cross_entropy_test"] = value
        verdict = check("TEMPO-CE", frame, scale="fast")
        assert said(verdict) == state
        text = f"M = 65: test cross-entropy 5.0 on the paper's clock, {value:.1f} on the faster"
        assert text in verdict.measured[2]
    other = frame[~there]
    lone = rows(0.5, 20, width=65, seed=43).assign(cross_entropy_test=99.0)
    both = pd.concat([other, lone], ignore_index=True)
    assert said(check("TEMPO-CE", both, scale="fast")) == "fails"  # no seed is on both clocks
    two = pd.concat([ladder(), ladder(tempo=40)], ignore_index=True)
    two = two.drop_duplicates(["key", "part"])
    assert said(check("TEMPO-CE", two, scale="fast")) == "not tested"


def test_the_recorded_cross_entropies_differ_at_a_narrow_width():
    runs = [one for one in at_hand("tempo", "fast") if one.lr == at_tempo(20)["lr"]]
    runs += at_hand("fig2-own", "fast")
    frame = curves(runs, load_or_train(runs, weights=False, progress=False))
    verdict = check("TEMPO-CE", frame, scale="fast")
    assert verdict.state == "holds"
    last = frame[(frame.part == "full") & (frame.step == frame.steps) & (frame.seed == 42)]
    last = last[last.width == 65].sort_values("steps")
    here, own = last.cross_entropy_test
    assert f"{own:.1f} on the paper's clock, {here:.1f} on the faster one" in verdict.measured[2]


@pytest.mark.parametrize(
    ("name", "tempo", "state"),
    [
        ("tempo", 20, "holds"),
        ("tempo", 40, "fails"),
        ("tempo-steps", 20, "fails"),
        ("tempo-steps", 40, "fails"),
    ],
)
def test_of_the_recorded_tempos_a_wrong_one_fails(name, tempo, state):
    runs = [one for one in at_hand(name, "fast") if one.lr == at_tempo(tempo)["lr"]]
    runs += at_hand("fig2-own", "fast")
    frame = curves(runs, load_or_train(runs, weights=False, progress=False))
    assert said(check("TEMPO", frame, scale="fast")) == state
