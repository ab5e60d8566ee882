"""Two ways to change the noise: recorded values without a kernel, and training live with one."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets
import pandas as pd
import torch

from modnoise.arithmetic.experiments import base_run
from modnoise.arithmetic.metrics import ROLES
from modnoise.arithmetic.regimes import doshi_label, interpolates
from modnoise.arithmetic.run import Run
from modnoise.pages.widgets import Recorded, percent, share, slider
from modnoise.spec import SpecError
from modnoise.training.loop import State, Trained, train

_ROLES = {
    "clean": "clean",
    "noisy": "noisy, given label",
    "recovered": "noisy, true label",
    "test": "test",
}
_TESTED = ("full", "G", "G_quadratic", "G_random", "R")


def recorded(
    final: pd.DataFrame,
    *,
    chance: float,
    parts: Sequence[str] = _TESTED,
    by: str = "noise",
    filtered: str = "G_quadratic",
    control: str = "G_random",
    doing: str = "keeping one frequency per neuron",
    drawn: str = "frequencies",
) -> Recorded:
    """Explore final accuracies (median over seeds) along one field, on a page or in JupyterLab.

    Args:
        final: last rows of `curves`, with the columns ``part``, ``accuracy_test``,
            ``accuracy_noisy`` and the field ``by``.
        chance: 1 / p, marked on every bar.
        parts: rows of bars; ``full``, ``filtered`` and ``control`` must be among them.
        by: field on the slider.
        filtered: the part whose recovery the sentence is about.
        control: the part it is compared with.
        doing: what made ``filtered``, in the sentence.
        drawn: what ``control`` draws at random.

    Raises:
        ValueError: a part that the sentence needs is missing.
    """
    missing = {"full", filtered, control} - set(parts)
    if missing:
        raise ValueError(f"parts = {list(parts)!r} is not allowed: it lacks {sorted(missing)}")
    middle = final.groupby([by, "part"])[["accuracy_test", "accuracy_noisy"]].median()
    values = sorted(final[by].unique())
    rows = [
        {
            part: {
                role: share(middle.loc[(value, part), f"accuracy_{role}"])
                for role in ("test", "noisy")
            }
            for part in parts
        }
        for value in values
    ]
    words = (doing, drawn)
    sentences = [_recovery(x["full"], x[filtered], x[control], chance, words) for x in rows]
    return slider(by, values, rows, sentences, chance, ("test", "noisy"))


def recorded_roles(final: pd.DataFrame, *, chance: float, by: str = "width") -> Recorded:
    """Explore what full nets do along one field: a bar per role, medians over seeds.

    Args:
        final: rows of `metrics.outcomes` that differ in the field ``by`` and in seeds alone.
        chance: 1 / p, marked on every bar.
        by: field on the slider, such as ``width``, ``noise`` or ``weight_decay``.
    """
    columns = [f"accuracy_{role}" for role in _ROLES] + ["cross_entropy_test", "noise"]
    middle = final.groupby(by)[[x for x in columns if x != by]].median()
    middle = middle.assign(noise=middle.index) if by == "noise" else middle
    rows = [
        {name: {role: share(one[f"accuracy_{role}"])} for role, name in _ROLES.items()}
        for _, one in middle.iterrows()
    ]
    sentences = [_behaviour(one, chance) for _, one in middle.iterrows()]
    return slider(by, list(middle.index), rows, sentences, chance, tuple(_ROLES))


def recorded_pruning(curves: pd.DataFrame, *, score: str, chance: float) -> Recorded:
    """Explore what ranked neurons know, along the share of them that is kept.

    Args:
        curves: `structure.pruning_table` with the orders ``score`` and ``random``.
        score: the order that the sentence is about, such as ``IPR``.
        chance: 1 / p, marked on every bar.
    """
    shown = {
        f"best by {score}": (score, "best"),
        f"worst by {score}": (score, "worst"),
        "random order": ("random", "best"),
    }
    by = curves.set_index(["order", "kept", "gamma"]).sort_index(kind="stable")
    grid = by.loc[(score, "best")].index
    gammas = dict.fromkeys(min(grid, key=lambda x: abs(x - i / 16)) for i in range(17))
    roles = ("test", "noisy")
    rows = [
        {
            name: {role: share(by.loc[(*key, x), f"accuracy_{role}"]) for role in roles}
            for name, key in shown.items()
        }
        for x in gammas
    ]
    sentences = [_kept(x, score, row, rows[-1]) for x, row in zip(gammas, rows, strict=True)]
    return slider("gamma", list(gammas), rows, sentences, chance, roles)


def _kept(gamma: float, score: str, row: dict, whole: dict) -> str:
    best, blind = row[f"best by {score}"], row["random order"]
    known = ""
    if best["noisy"] is not None:
        known = f" and reproduce {percent(best['noisy'])} of the wrong labels"
    return (
        f"The best {gamma:.0%} of the neurons by {score} answer {percent(best['test'])} of the "
        f"test pairs correctly{known}. As many neurons chosen at random answer "
        f"{percent(blind['test'])}; the whole network answers "
        f"{percent(whole['random order']['test'])}."
    )


def _recovery(
    full: dict, filtered: dict, control: dict, chance: float, words: tuple[str, str]
) -> str:
    doing, drawn = words
    test = filtered["test"] or 0.0
    finds = "reveals part of the rule" if test > 3 * chance else "reveals nothing"
    finds = "reveals the rule" if test >= 0.95 else finds
    other = control["test"] or 0.0
    known = "The full network had no wrong labels"
    if full["noisy"] is not None:
        known = f"The full network reproduces {percent(full['noisy'])} of its wrong labels"
    text = (
        f"{known} and answers {percent(full['test'])} of the test pairs correctly (chance "
        f"{percent(chance)}). {doing[:1].upper()}{doing[1:]} {finds}: "
        f"{percent(filtered['test'])}. "
    )
    if test > 3 * chance and other >= test - 0.05:
        return text + (
            f"So do {drawn} drawn at random: {percent(control['test'])}. Here the choice of "
            f"{drawn} hardly matters."
        )
    return text + f"Drawn at random, the {drawn} give {percent(control['test'])}."


def _behaviour(net: pd.Series, chance: float) -> str:
    clean, noisy, test = (net[f"accuracy_{role}"] for role in ("clean", "noisy", "test"))
    label = str(doshi_label(clean, noisy, test, net.noise))
    known = "The network had no wrong labels"
    if net.noise > 0:
        verb = "fits its wrong labels" if interpolates(noisy) else "does not fit its wrong labels"
        known = f"The network {verb} ({percent(noisy)} of them)"
    return (
        f"{known} and answers {percent(test)} of the test pairs correctly, with a cross-entropy "
        f"of {net.cross_entropy_test:.2f} nats (guessing gives {percent(chance)} and "
        f"{-math.log(chance):.2f}). Doshi et al. call this {label}."
    )


class _Cancelled(Exception):
    """Cancel was pressed."""


class Explorer(ipywidgets.VBox):
    """Choose noise, width, steps and seed, press Train, watch the parts being learned (`explore`).

    Needs a running kernel. Training runs in a thread of its own, so the kernel stays free: other
    cells run meanwhile, Cancel stops it after the step it is at. ``trained`` holds what the last
    finished training gave, None before.
    """

    def __init__(self, run: Run, device: str) -> None:
        style, layout = {"description_width": "7em"}, ipywidgets.Layout(width="28em")
        common = {"style": style, "layout": layout}
        self.noise = ipywidgets.FloatSlider(
            value=run.noise, min=0, max=1, step=0.05, description="label noise",
            readout_format=".0%", **common,
        )  # fmt: skip
        self.width = ipywidgets.BoundedIntText(
            value=run.width, min=1, max=8193, description="width", **common
        )
        self.steps = ipywidgets.BoundedIntText(
            value=run.steps, min=1, max=200_000, description="steps", **common
        )
        self.seed = ipywidgets.BoundedIntText(
            value=run.seed, min=0, max=2**31, description="seed", **common
        )
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel", disabled=True)
        self.progress = ipywidgets.IntProgress(min=0, max=1, layout=layout)
        self.table = ipywidgets.HTML("<p>Press Train to train the network in this kernel.</p>")
        self.trained: Trained | None = None
        self._base, self._device = run, device
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.button.on_click(lambda _: self.train())
        self.cancel.on_click(lambda _: self._stop.set())
        controls = [self.noise, self.width, self.steps, self.seed]
        buttons = ipywidgets.HBox([self.button, self.cancel, self.progress])
        super().__init__([*controls, buttons, self.table])

    def _show(self, rows: Sequence[dict[str, Any]], run: Run) -> None:
        frame = pd.DataFrame(rows)
        last = frame[frame.part != "full"].step.max() if len(frame) else 0
        now = frame[(frame.step == last) & frame.part.isin(_TESTED)].set_index("part")
        now = now[[f"accuracy_{role}" for role in ROLES]].rename(
            columns=lambda name: name.removeprefix("accuracy_")
        )
        text = now.map(lambda x: "–" if pd.isna(x) else f"{x:.1%}").to_html(border=0)
        self.table.value = (
            f"<p>step {int(last)} of {run.steps}, {run.op} mod {run.p}, noise {run.noise:.0%}, "
            f"width {run.width}; chance {1 / run.p:.1%}</p>{text}"
        )

    def train(self) -> None:
        """Begin to train with the chosen values; bar and table follow. Returns at once."""
        if self._thread and self._thread.is_alive():
            return
        try:
            run = self._base.but(
                noise=self.noise.value, width=self.width.value, steps=self.steps.value,
                seed=self.seed.value, record_parts=True, record_structure=False,
            )  # fmt: skip
        except SpecError as error:
            self.table.value = f"<p role='alert'>{error}</p>"
            return
        self._stop.clear()
        self.button.disabled, self.cancel.disabled = True, False
        self.progress.max, self.progress.value = run.steps, 0
        self._thread = threading.Thread(target=self._train, args=[run], daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the training that was begun has ended."""
        if self._thread:
            self._thread.join()

    def _train(self, run: Run) -> None:
        def follow(state: State) -> None:
            self.progress.value = state.step
            self._show(state.rows, run)
            if self._stop.is_set():
                raise _Cancelled

        try:
            self.trained = train(
                run, device=self._device, progress=False, on_checkpoint=follow,
                checkpoint_every=0.5,
            )  # fmt: skip
            self.progress.value = run.steps
            self._show(self.trained.history.to_dict("records"), run)
        except _Cancelled:
            step = f"{self.progress.value:,} of {run.steps:,} steps"
            self.table.value += f"<p role='status'>Cancelled after {step}; nothing is kept.</p>"
        except Exception as error:
            self.table.value = f"<p role='alert'>{escape(str(error))}</p>"
            raise
        finally:
            self.button.disabled, self.cancel.disabled = False, True


def explore(start: Run | str = "laptop", device: str | None = None, **changes: Any) -> Explorer:
    """Controls to train one net live in JupyterLab and see it before and after FF.

    Args:
        start: the run that the controls begin with, or the scale of `experiments.base_run`, whose
            steps are then 300, enough to memorize.
        device: ``"cpu"`` or ``"cuda"``; default: CUDA where there is one.
        changes: fields of the run to begin with instead.
    """
    run = base_run(start, steps=300) if isinstance(start, str) else start
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Explorer(run.but(**changes), device)
