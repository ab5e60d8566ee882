"""Write the README's figure and short table, and the page on speed: ``make readme``.

Everything between a pair of comments such as ``<!-- verdicts: ... -->`` and ``<!-- /verdicts -->``
is replaced; figures go to ``book/figures/``.
"""

import json
import re
from pathlib import Path

import pandas as pd
import performance

import modnoise as mn
from modnoise.pages import scorecard
from modnoise.pages.style import svg
from modnoise.verdict import counted, told_seeds

ROOT = Path(__file__).resolve().parent.parent
SCALE = "fast"


def widest_rows() -> pd.DataFrame:
    """Last rows of the widest recorded networks of Fig. 5 at each noise ratio."""
    runs, store = mn.at_hand("fig5-noise", SCALE), mn.Store()
    if missing := [run.key for run in runs if store.find(run)[0] is None]:
        raise SystemExit(f"not recorded: {', '.join(missing)}; modnoise run fig5-noise")
    known = mn.recorded("fig5-noise", "fig5-width", "fig5-widest", scale=SCALE, store=store)
    rows = known.like(runs[0], "noise", "width", "seed")
    return rows[rows.width == rows.groupby("noise").width.transform("max")]


def table() -> str:
    """Counts of the papers' claims by verdict, and a line for each that is asked about first."""
    card = scorecard.papers(scorecard.read())
    counts = counted(scorecard.counts(card).to_dict())
    lines = [
        f"{len(card)} claims of the papers: {counts}. All of them, with rules and numbers, and "
        "our controls are on the [scorecard](notebooks/99_scorecard.ipynb). Those that readers "
        "ask about first:",
        "",
        "| claim | verdict | measured | page |",
        "| --- | --- | --- | --- |",
    ]
    for row in card.itertuples():
        if mn.CLAIMS[row.claim].headline:
            seeds = f", {told_seeds(row.seeds)}" if row.seeds else ""
            verdict = f"**{row.chip}**; {row.at}{seeds}"
            page = f"[{row.page[:2]}](notebooks/{row.page})"
            number = row.deciding.split("; ")[0]
            cells = (f"{row.statement} (`{row.claim}`)", verdict, number, page)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def figure(folder: Path) -> str:
    """Draw accuracy against noise in both themes; the Markdown that shows the one that fits."""
    final = widest_rows()
    folder.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        drawing = svg(
            theme, mn.figures.filtration_against, final, x="noise", chance=1 / final.p.iloc[0],
            title="One frequency per neuron brings back the rule",
        )  # fmt: skip
        (folder / f"headline-{theme}.svg").write_bytes(drawing)
    here = "book/figures"
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{here}/headline-dark.svg">'
        f'<img alt="Test and noisy accuracy of the full network and of its filtered parts against '
        f'label noise" src="{here}/headline-light.svg"></picture>'
    )


def speed() -> str:
    """What the recorded benchmark says, in one sentence."""
    told = json.loads((ROOT / "benchmarks" / "trainers.json").read_text())
    single = [row for row in told["rows"] if row["what"] == "one net" and row["device"] == "cpu"]
    rows = "; ".join(
        f"M = {row['width']}: {row['over_plain']:.1f} times, {row['of_bound']:.0%}"
        for row in single
    )
    return (
        f"Steps per second of the fast engine over a plain PyTorch loop, and its share of the "
        f"bound set by the bare matrix products, measured in one run on one thread at "
        f"p = {single[0]['p']} ({told['processor']}, torch {told['torch']}, {told['date']}): "
        f"{rows}. `make bench` measures it again; the book's page on speed has every row."
    )


def replaced(text: str, name: str, new: str) -> str:
    """``text`` with ``new`` between the comments of ``name``."""
    pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- /{name} -->)"
    made, count = re.subn(pattern, lambda m: f"{m[1]}{new}\n{m[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"README.md must hold one pair of comments named {name}, not {count}")
    return made


def renewed(readme: str, figures: Path) -> str:
    """The README's text with its figure and table as the recorded runs give them now."""
    made = replaced(readme, "figure", figure(figures))
    return replaced(replaced(made, "speed", speed()), "verdicts", table())


if __name__ == "__main__":
    performance.write(ROOT / "book", json.loads(performance.RECORD.read_text()))
    path = ROOT / "README.md"
    path.write_text(renewed(path.read_text(), ROOT / "book" / "figures"))
