"""Rules on teachers and students.

They were written before any recorded run was seen, but for `lowers` and `early`, which ask for
equal quality since students and early stopped teachers were seen to copy nothing in one step.

Frames have the recorded rows with the fields of their runs (`modnoise.frames.curves`). Each rule
returns (condition, measured text, whether it holds) per condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from modnoise.claim import Found, Untested
from modnoise.distillation.compare import (
    at_end,
    copied_against_size,
    distilled,
    fidelity,
    slopes,
    undistilled,
)

SEEDS = 3
"""Fewest seeds of these rules."""

MEMORIZED, LOWERED, KEPT, FLOOR = 0.2, 0.2, 1.1, 0.01
LINEAR = 0.3


def _percent(x: float) -> str:
    return f"{100 * x:.1f} %"


def spread(x: pd.Series, form: str = "{:.2f}") -> str:
    """The median of several seeds with the lowest and highest."""
    middle, low, high = (form.format(y) for y in (x.median(), x.min(), x.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def _memorized(frame: pd.DataFrame, fewest: int = SEEDS) -> Iterator[tuple[int, pd.DataFrame]]:
    """Rows by number of images, where the trained teacher has memorized.

    Raises:
        Untested: there are no such runs, or too few seeds.
    """
    if frame.empty or "part" not in frame or (frame.part == "teacher").sum() == 0:
        raise Untested("no teachers")
    last = at_end(frame, "teacher")
    middle = last.groupby("n").copied.median()
    if (middle < MEMORIZED).all():
        told = ", ".join(f"n = {n}: {_percent(x)}" for n, x in middle.items())
        raise Untested(f"no teacher has memorized: {told}")
    for n in middle.index[middle >= MEMORIZED]:
        rows = frame[frame.n == n]
        if (seeds := rows.seed.nunique()) < fewest:
            raise Untested(f"{seeds} seeds at n = {n}: it takes {fewest}")
        yield int(n), rows


def _end(rows: pd.DataFrame, part: str, sampler: int = 1) -> pd.DataFrame:
    found = at_end(rows, part, sampler).set_index("seed")
    if found.empty:
        raise Untested(f"no recorded part {part!r}")
    return found


def _teacher(rows: pd.DataFrame) -> pd.DataFrame:
    return at_end(rows, "teacher").set_index("seed")


def memorizes(frame: pd.DataFrame) -> Found:
    """Copies early and late, and the slope of the time to 10 % against n."""
    if frame.empty:
        raise Untested("no runs")
    if (seeds := frame.seed.nunique()) < SEEDS:
        raise Untested(f"{seeds} seeds: it takes {SEEDS}")
    table = copied_against_size(frame)
    n = int(table.n.min())
    few = frame[(frame.n == n) & (frame.part == "teacher")]
    early = few[few.step <= few.teacher_steps / 10].groupby("seed").copied.max()
    late = table[table.n == n].set_index("seed").copied
    reached = table.dropna(subset=["time"])
    if reached.n.nunique() < 3:
        raise Untested(f"{reached.n.nunique()} sizes reach one copy in ten: it takes 3")
    found = slopes(reached, "n", "time")
    slope = pd.Series(found)
    told = f"{spread(early, '{:.1%}')} in the first tenth, {spread(late, '{:.1%}')} at the end"
    return [
        (f"n = {n}", f"copies {told}", bool(early.median() < 0.1 and late.median() >= MEMORIZED)),
        (
            "time to one copy in ten",
            f"slope {spread(slope)} of its logarithm against log n",
            bool(abs(slope.median() - 1) <= LINEAR),
        ),
    ]


def _ratio(rows: pd.DataFrame, part: str, sampler: int = 1) -> tuple[str, bool]:
    """Copies of a student over those of its teacher, and whether they are below `LOWERED`."""
    one, teacher = _end(rows, part, sampler), _teacher(rows)
    text = (
        f"{spread(teacher.copied, '{:.1%}')} to {spread(one.copied, '{:.1%}')}, ratio "
        f"{spread(one.ratio)}, upper end of its interval {spread(one.ratio_high)}"
    )
    return text, bool(one.ratio_high.median() < LOWERED)


STEPS = ((2, "two steps"), (1, "one step"))
"""Of a student's sampler. Two come first: in one a student copies nothing before it is taught."""


def lowers(
    frame: pd.DataFrame,
    *,
    lowered: float = LOWERED,
    alike: float = KEPT - 1,
    something: float = 0.05,
) -> Found:
    """Copies of the student over those of its teacher where that is as good, and no better.

    Gates: a recorded step of the teacher within ``alike`` of the student's distance, in every
    seed, and there at least ``something`` copied, without which nothing can be lowered.
    """
    fewest = 1 if (frame.source == "mnist").all() else SEEDS
    found: Found = []
    for n, rows in _memorized(frame, fewest):
        for sampler, name in STEPS:
            cell, one = f"n = {n}, {name}", _end(rows, "student", sampler)
            table = fidelity(rows, alike, sampler=sampler, alike=True)
            told = (
                f"copies {spread(one.copied, '{:.1%}')} at a distance of {spread(one.frechet)}, "
                f"its trained teacher {spread(_teacher(rows).copied, '{:.1%}')} at "
                f"{spread(_teacher(rows).frechet)}; "
            )
            if table.stopped.isna().any():
                text = f"{told}no recorded step of the teacher is as good, and no better"
                found.append((cell, text, None))
            elif table.stopped.median() < something:
                least = f"the teacher copies {spread(table.stopped, '{:.1%}')} when as good"
                found.append((cell, f"{told}{least}: nothing to lower", None))
            else:
                share = table.student_high / table.stopped
                text = (
                    f"{told}the teacher when as good {spread(table.stopped, '{:.1%}')}, upper end "
                    f"of the student's share of that {spread(share)}"
                )
                found.append((cell, text, bool(share.median() < lowered)))
    return found


def part_lowers(part: str) -> Callable[[pd.DataFrame], Found]:
    """Whether another student copies less than its trained teacher, whatever its quality."""

    def rule(frame: pd.DataFrame) -> Found:
        return [
            (f"n = {n}, {name}", *_ratio(rows, part, sampler))
            for n, rows in _memorized(frame)
            for sampler, name in STEPS
        ]

    return rule


def start(frame: pd.DataFrame) -> Found:
    """Copies in one step before the first step of distillation."""
    found = []
    for n, rows in _memorized(frame):
        one = undistilled(rows, 1)
        if one.empty:
            raise Untested("no student before its first step")
        text = f"{spread(one.copied, '{:.1%}')} at a distance of {spread(one.frechet)}"
        found.append((f"n = {n}", text, bool(one.copied.median() < FLOOR)))
    return found


def quality(frame: pd.DataFrame) -> Found:
    """Distance of the student over its teacher's."""
    found = []
    for n, rows in _memorized(frame):
        teacher = _teacher(rows).frechet
        for sampler, name in STEPS:
            mine = _end(rows, "student", sampler).frechet
            share = (mine / teacher).dropna()
            text = f"distance {spread(teacher)} to {spread(mine)}, ratio {spread(share)}"
            found.append((f"n = {n}, {name}", text, bool(share.median() <= KEPT)))
    return found


def floor(frame: pd.DataFrame) -> Found:
    """Copies among held-out images."""
    held = at_end(frame, "held-out") if len(frame) else frame
    if held.empty:
        raise Untested("no held-out images")
    return [
        (f"n = {n}", spread(one.copied, "{:.2%}"), bool(one.copied.median() < FLOOR))
        for n, one in held.groupby("n")
    ]


def sampler(frame: pd.DataFrame) -> Found:
    """Copies of the teacher in few steps, where its pictures are as good."""
    found = []
    for n, rows in _memorized(frame):
        few = at_end(rows, "few steps").groupby("sampler")[["copied", "frechet"]].median()
        if few.empty:
            raise Untested("no pictures of few steps")
        for steps, name in STEPS:
            mine = _end(rows, "student", steps)[["copied", "frechet"]].median()
            least = few[few.frechet <= KEPT * mine.frechet].copied
            told = "none is as good"
            if len(least):
                told = f"{least.idxmin()} steps: {_percent(least.min())}"
            told += f", the student {_percent(mine.copied)}"
            holds = bool((least > mine.copied + FLOOR).all())
            found.append((f"n = {n}, {name}", told, holds))
    return found


def early(frame: pd.DataFrame) -> Found:
    """Copies of the teacher stopped where its pictures are as good."""
    found = []
    for n, rows in _memorized(frame):
        for steps, name in STEPS:
            _end(rows, "student", steps)
            table = fidelity(rows, sampler=steps)
            as_few = table.stopped <= table.student + FLOOR
            known = table.dropna(subset=["stopped"])
            told = "no step is as good"
            if len(known):
                told = f"stopped {spread(known.stopped, '{:.1%}')}"
            told += f", distilled {spread(table.student, '{:.1%}')}"
            found.append((f"n = {n}, {name}", told, bool(as_few.mean() > 0.5)))
    return found


def creeps(frame: pd.DataFrame) -> Found:
    """Copies after a quarter of distillation and at its end; with more noise levels."""
    found = []
    for n, rows in _memorized(frame):
        along = distilled(rows)
        if along.empty:
            raise Untested("no students")
        whole = along.distilled.max()
        quarter = along[(along.distilled > 0) & (along.distilled <= whole / 4)]
        early = quarter.groupby("seed").copied.last()
        late = along[along.distilled == whole].set_index("seed").copied
        rise = late - early
        text = (
            f"{spread(early, '{:.1%}')} after a quarter of {whole:g} steps, "
            f"{spread(late, '{:.1%}')} at the end"
        )
        found.append((f"n = {n}, longer", text, bool(rise.median() <= 0.05)))
        found += [
            (f"n = {n}, more hops, {name}", *_ratio(rows, "many hops", steps))
            for steps, name in STEPS
        ]
    return found


def replaced(frame: pd.DataFrame) -> Found:
    """Where the teacher copies: whether the same image is nearest to the student's."""
    found = []
    for n, rows in _memorized(frame):
        one = _end(rows, "student")
        kept = one.pair_same + one.pair_near
        other = one.pair_other + one.pair_away
        text = (
            f"nearest to the same image in {spread(kept, '{:.0%}')}, to another in "
            f"{spread(other, '{:.0%}')}; contrast {spread(one.pair_contrast)} of the teacher's"
        )
        found.append((f"n = {n}", text, bool(kept.median() < 0.5)))
    return found
