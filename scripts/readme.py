"""Write the README's figure and verdict table, and the page on speed: ``make readme``.

Everything between a pair of comments such as ``<!-- verdicts: ... -->`` and ``<!-- /verdicts -->``
is replaced; figures go to ``book/figures/``.
"""

import json
import re
from pathlib import Path

import pandas as pd
import performance

import modnoise as mn
from modnoise.figures.style import svg

ROOT = Path(__file__).resolve().parent.parent
SCALE = "laptop"
PAGE = "notebooks/03_recover_the_rule.ipynb"


def final_rows(*names: str) -> pd.DataFrame:
    """Last rows of all curves of some experiments, recorded runs only."""
    runs = [run for name in names for run in mn.EXPERIMENTS[name].runs(SCALE)]
    store = mn.Store()
    if missing := [run.key for run in runs if store.find(run)[0] is None]:
        raise SystemExit(f"not recorded: {', '.join(missing)}; modnoise run {' '.join(names)}")
    frame = mn.curves(runs, mn.load_or_train(runs, store=store, weights=False, progress=False))
    return frame[frame.step == frame.steps]


def verdicts() -> list[tuple[int, int, mn.Verdict]]:
    """Every claim that the recorded sweeps decide, with width and number of seeds."""
    noise, widest = final_rows("fig5-noise"), final_rows("fig5-widest")
    asked = [
        ("R4.1-FF", noise),
        ("R4.1-FF", widest),
        ("R4.1-FF-mu0", widest),
        ("R4.1-FF-quadratic-part", noise),
        ("R4.1-swap", noise),
        ("D-FF-subtraction", final_rows("fig23-subtraction")),
        ("D-FF-quadratic", final_rows("fig24-quadratic")),
        ("D-FF-clean", noise[noise.noise == 0]),
        ("CONTROL-noise-1", noise),
        ("CONTROL-frequency", noise),
    ]
    return [
        (frame.width.iloc[0], frame.seed.nunique(), mn.check(name, frame, scale=SCALE))
        for name, frame in asked
    ]


def summary(measured: tuple[str, ...]) -> str:
    """How many conditions hold, and those that do not in full; or why nothing was tested."""
    failed = [text for text in measured if text.endswith("(fails)")]
    holding = sum(text.endswith("(holds)") for text in measured)
    if not failed and not holding:
        return measured[0]
    return "<br>".join([f"{holding} of {len(measured)} conditions hold", *failed])


def table() -> str:
    """The verdicts as a Markdown table."""
    lines = ["| claim | source | M, seeds | verdict | measured |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for width, seeds, verdict in verdicts():
        claim = verdict.claim
        cells = (
            f"{claim.statement} (`{claim.id}`)", claim.source, f"{width}, {seeds}",
            f"**{verdict.state}**", summary(verdict.measured),
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    run = mn.base_run(SCALE)
    setting = f"Scale `{SCALE}`: p = {run.p}, {run.steps} steps; medians over the seeds."
    lines += ["", f"{setting} Rules and figures: [{PAGE}]({PAGE})."]
    return "\n".join(lines)


def figure(folder: Path) -> str:
    """Draw accuracy against noise in both themes; the Markdown that shows the one that fits."""
    final = final_rows("fig5-noise")
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
        f'<img alt="Test and noisy accuracy of the full net and of its filtered parts against '
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
