"""Two ways to change the noise: recorded values without a kernel, and training live with one."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import pandas as pd
import torch
import traitlets

from modnoise.experiments import base_run
from modnoise.metrics import ROLES
from modnoise.regimes import doshi_label, interpolates
from modnoise.spec import Run, SpecError
from modnoise.training.loop import State, Trained, train
from modnoise.transformer_run import frequencies_kept

_HERE = Path(__file__).parent
_ROLES = {
    "clean": "clean",
    "noisy": "noisy, given label",
    "recovered": "noisy, true label",
    "test": "test",
}
_TESTED = ("full", "G", "G_quadratic", "G_random", "R")


class Recorded(anywidget.AnyWidget):
    """A slider over recorded runs; bars, numbers and a sentence follow it in the page itself.

    ``index`` is the position on the slider, ``data`` what it walks through (`recorded`,
    `recorded_roles`).
    """

    _esm = _HERE / "recorded.js"
    _css = _HERE / "recorded.css"
    data = traitlets.Dict().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Recorded({self.data['axis']}: {', '.join(self.data['values'])})"


def recorded(
    final: pd.DataFrame,
    *,
    chance: float,
    parts: Sequence[str] = _TESTED,
    by: str = "noise",
    filtered: str = "G_quadratic",
    control: str = "G_random",
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
                role: _share(middle.loc[(value, part), f"accuracy_{role}"])
                for role in ("test", "noisy")
            }
            for part in parts
        }
        for value in values
    ]
    sentences = [_recovery(row["full"], row[filtered], row[control], chance) for row in rows]
    return _slider(by, values, rows, sentences, chance, ("test", "noisy"))


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
        {name: {role: _share(one[f"accuracy_{role}"])} for role, name in _ROLES.items()}
        for _, one in middle.iterrows()
    ]
    sentences = [_behaviour(one, chance) for _, one in middle.iterrows()]
    return _slider(by, list(middle.index), rows, sentences, chance, tuple(_ROLES))


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
    by = curves.set_index(["order", "kept", "gamma"]).sort_index()
    grid = by.loc[(score, "best")].index
    gammas = dict.fromkeys(min(grid, key=lambda x: abs(x - i / 16)) for i in range(17))
    roles = ("test", "noisy")
    rows = [
        {
            name: {role: _share(by.loc[(*key, x), f"accuracy_{role}"]) for role in roles}
            for name, key in shown.items()
        }
        for x in gammas
    ]
    sentences = [_kept(x, score, row, rows[-1]) for x, row in zip(gammas, rows, strict=True)]
    return _slider("gamma", list(gammas), rows, sentences, chance, roles)


def recorded_epochs(table: pd.DataFrame, *, chance: float) -> Recorded:
    """Explore accuracies on MNIST along the epochs, beside a predictor blind to wrong labels.

    Args:
        table: rows of `mnist.with_null` of runs that differ in seeds alone.
        chance: 1 / 10, marked on every bar.
    """
    columns = {"accuracy_clean": "right labels", "accuracy_noisy": "wrong labels"}
    columns |= {"null_exact": "blind to the wrong labels", "accuracy_test": "test images"}
    roles = dict(zip(columns, ("clean", "noisy", "noisy", "test"), strict=True))
    middle = table.groupby("step")[list(columns)].median()
    rows = [
        {name: {roles[x]: _share(one[x])} for x, name in columns.items()}
        for _, one in middle.iterrows()
    ]
    seeds = table.seed.nunique()
    sentences = [_memorized(one, seeds) for _, one in middle.iterrows()]
    names = dict.fromkeys(roles.values())
    return _slider("epoch", list(middle.index), rows, sentences, chance, tuple(names))


def recorded_kept(final: pd.DataFrame, *, chance: float) -> Recorded:
    """Explore FF of a transformer's unembedding, along the number of frequencies it keeps.

    It starts at the paper's share of them.

    Args:
        final: last rows of runs that differ in seeds alone, with ``part`` (full, top, random),
            ``kept``, ``p`` and ``accuracy_<role>``; medians over seeds and draws are shown.
        chance: 1 / p, marked on every bar.
    """
    shown = {"full": "full net", "top": "top frequencies", "random": "random frequencies"}
    roles = ("test", "noisy", "clean")
    by = final.groupby(["part", "kept"])[[f"accuracy_{role}" for role in roles]].median()
    numbers = [int(x) for x in by.loc["top"].index]
    rows = []
    for kept in numbers:
        keys = {"full": numbers[-1], "top": kept, "random": kept}
        rows.append(
            {
                name: {
                    role: _share(by.loc[(part, keys[part]), f"accuracy_{role}"]) for role in roles
                }
                for part, name in shown.items()
            }
        )
    sentences = [
        _filtered(x, numbers[-1], *row.values()) for x, row in zip(numbers, rows, strict=True)
    ]
    made = _slider("kept", numbers, rows, sentences, chance, roles)
    made.index = numbers.index(frequencies_kept(int(final.p.iloc[0])))
    return made


def _filtered(kept: int, of: int, full: dict, top: dict, random: dict) -> str:
    change = 100 * (top["test"] - full["test"])
    return (
        f"With {kept} of {of} frequencies, those of the largest energy, the transformer is right "
        f"on {_percent(top['test'])} of the test pairs ({change:+.1f} points) and still knows "
        f"{_percent(top['noisy'])} of its wrong labels and {_percent(top['clean'])} of the right "
        f"ones. With {kept} drawn at random it is right on {_percent(random['test'])} of the test "
        f"pairs."
    )


def _memorized(net: pd.Series, seeds: int) -> str:
    many = f" (medians of {seeds} seeds)" if seeds > 1 else ""
    return (
        f"After {net.name} epoch{'s' * (net.name != 1)} the net knows "
        f"{_percent(net.accuracy_noisy)} of its wrong labels and {_percent(net.accuracy_clean)} "
        f"of the right ones{many}. A predictor as good that is blind to the wrong labels hits "
        f"{_percent(net.null_exact)} of them by accident, so "
        f"{100 * (net.accuracy_noisy - net.null_exact):+.1f} points are memory."
    )


def _kept(gamma: float, score: str, row: dict, whole: dict) -> str:
    best, blind = row[f"best by {score}"], row["random order"]
    known = ""
    if best["noisy"] is not None:
        known = f" and know {_percent(best['noisy'])} of the wrong labels"
    return (
        f"The best {gamma:.0%} of the neurons by {score} are right on {_percent(best['test'])} of "
        f"the test pairs{known}. As many in random order: {_percent(blind['test'])}; the whole "
        f"net: {_percent(whole['random order']['test'])}."
    )


def _slider(
    by: str,
    values: list,
    rows: list[dict],
    sentences: list[str],
    chance: float,
    roles: tuple[str, ...],
) -> Recorded:
    """The widget over ``values`` of the field ``by``, starting in their middle."""
    axis = {"noise": "label noise", "weight_decay": "weight decay", "gamma": "share kept"}
    axis |= {"kept": "frequencies kept"}
    names = [f"{x:.0%}" if by in ("noise", "gamma") else f"{x:g}" for x in values]
    data = {"axis": axis.get(by, by), "values": names, "rows": rows, "sentences": sentences}
    data |= {"parts": list(rows[0]), "roles": list(roles), "chance": chance}
    return Recorded(data=data, index=len(values) // 2)


def _share(x: float) -> float | None:
    """A number that JSON can hold."""
    return None if pd.isna(x) else float(x)


def _percent(x: float | None) -> str:
    return "–" if x is None or pd.isna(x) else f"{100 * x:.1f} %"


def _recovery(full: dict, filtered: dict, control: dict, chance: float) -> str:
    test = filtered["test"] or 0.0
    finds = "recovers part of the rule" if test > 3 * chance else "finds nothing"
    finds = "recovers the rule" if test >= 0.95 else finds
    known = "The full net had no wrong labels"
    if full["noisy"] is not None:
        known = f"The full net knows {_percent(full['noisy'])} of its wrong labels"
    return (
        f"{known} and is right on {_percent(full['test'])} of the test pairs (chance "
        f"{_percent(chance)}); keeping one frequency per neuron {finds}: "
        f"{_percent(filtered['test'])}, against {_percent(control['test'])} for frequencies "
        f"drawn at random."
    )


def _behaviour(net: pd.Series, chance: float) -> str:
    clean, noisy, test = (net[f"accuracy_{role}"] for role in ("clean", "noisy", "test"))
    label = str(doshi_label(clean, noisy, test, net.noise))
    known = "The net had no wrong labels"
    if net.noise > 0:
        verb = "fits its wrong labels" if interpolates(noisy) else "does not fit its wrong labels"
        known = f"The net {verb} ({_percent(noisy)} of them)"
    return (
        f"{known} and is right on {_percent(test)} of the test pairs, with a cross-entropy of "
        f"{net.cross_entropy_test:.2f} nats there (guessing gives {_percent(chance)} and "
        f"{-math.log(chance):.2f}). In the words of Doshi et al.: {label}."
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
        self.table = ipywidgets.HTML("<p>Press Train: the net below learns in this kernel.</p>")
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
