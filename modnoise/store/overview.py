"""What there is, as text: experiments and their cost, one recorded run. Nothing imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modnoise import studies
from modnoise.spec import Trainable
from modnoise.store.costs import estimate, measured, spent
from modnoise.store.files import Damaged, Record
from modnoise.store.published import WEIGHTS
from modnoise.store.records import Store, duration
from modnoise.store.schema import recorded
from modnoise.sweep import check_scale, selected


def state_of(runs: Sequence[Trainable], store: Store) -> str:
    """One line: how many runs are recorded and missing, what they cost, how long the rest takes.

    From manifests alone, so that it is fast.
    """
    looks = [(run, *store.glance(run)) for run in runs]
    done = [(run, manifest) for run, manifest, _ in looks if manifest]
    missing = [run for run, manifest, _ in looks if not manifest]
    damaged = sum(bool(damage) for *_, damage in looks)
    noun = "run" if len(runs) == 1 else "runs"
    text = f"{len(runs):4} {noun:4} {_si(sum(run.operations for run in runs)):>6}FLOP"
    text += f"  {len(done):4} recorded {len(missing):4} missing"
    if damaged:
        text += f" ({damaged} damaged)"
    if done:
        text += f"  {spent(manifest for _, manifest in done)}"
    samples = measured(done)
    if missing and samples:
        left = sum(estimate(run, samples) for run in missing)
        text += f", about {duration(left)} left"
    return text


SHOWN_FROM_RECORDS = ("fast", "paper")
"""Scales at which a page shows what is recorded and trains nothing: hours to weeks."""


class AtHand(list):
    """The runs of an experiment that a page shows, their scale, and what they are in words."""

    scale: str
    told: str


def at_hand(
    name: str,
    scale: str,
    *conditions: str,
    whole: bool = False,
    weights: bool = False,
    store: Store | None = None,
) -> AtHand:
    """The runs of an experiment that a page shows at a scale.

    At ``smoke`` and ``laptop`` all of them; at ``fast`` and ``paper`` those that are recorded, and
    where there is none, or one is missing and ``whole``, the runs of the laptop scale. ``told``
    says which, how many are missing and what those cost.

    Args:
        name: of the experiment.
        scale: one of `modnoise.sweep.SCALES`.
        conditions: ``field=value`` each (`modnoise.sweep.selected`): only such runs.
        whole: as above.
        weights: a record of curves alone is as good as none.
        store: default: a new `Store`.

    Raises:
        KeyError: an experiment that no study declares.
        SpecError: a scale that does not exist, a condition that no run fulfils.
    """
    sweep = studies.EXPERIMENTS[name]
    check_scale(scale)
    found, everything = AtHand(), []
    if scale in sweep.scales:
        everything = selected(sweep.runs(scale), conditions)
    if scale in SHOWN_FROM_RECORDS and scale in sweep.scales:
        store = Store() if store is None else store
        found.extend(run for run in everything if _serves(store.glance(run)[0], weights))
    if whole and len(found) < len(everything):
        found.clear()
    if found:
        keys = {run.key for run in found}
        missing = [run for run in everything if run.key not in keys]
        found.told = sweep.told(scale, found)
        if missing:
            cost = _si(sum(run.operations for run in missing))
            found.told += f"\n(recorded {len(found)} of {len(everything)}; {cost}FLOP missing)"
    else:
        scale = scale if scale == "smoke" else "laptop"
        found.extend(selected(sweep.runs(scale), conditions))
        found.told = sweep.told(scale, found)
    found.scale = scale
    return found


def _serves(manifest: Mapping[str, Any] | None, weights: bool) -> bool:
    """Whether there is a record, and weights in it if they are asked for."""
    if manifest is None or not weights:
        return manifest is not None
    return any(name.endswith(WEIGHTS) for name in manifest["files"])


def _si(value: float) -> str:
    for prefix in ("", "k", "M", "G", "T", "P", "E"):
        if value < 1000:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:.3g} Z"


def _of_cores(manifest: Mapping[str, Any]) -> str:
    core = manifest.get("core_seconds")
    return "" if core is None or manifest["device"] != "cpu" else f" ({core:.1f} core-s)"


def shown(record: Record | None) -> str:
    """A recorded run: what it is, what computed it, its final accuracies.

    Raises:
        Damaged, SpecError: it is not the record of a run of ours.
    """
    if record is None:
        raise Damaged("it is gone")
    m = record.manifest
    fields, config = type(recorded(m, record.key)).model_fields, m["config"]
    record.check()
    ours = [f"{name}={config[name]}" for name, info in fields.items()
            if config.get(name, info.default) != info.default]  # fmt: skip
    history = record.history
    last = history[history["step"] == history["step"].max()].set_index("part")
    accuracy = last.filter(like="accuracy_").rename(columns=lambda c: c.removeprefix("accuracy_"))
    table = accuracy.map(lambda x: f"{x:.1%}" if x == x else "-").rename_axis(None)
    changed = " with changes" if m["dirty"] else ""
    lines = {
        "run": m["key"],
        "fields": " ".join(ours) or "all default",
        "recorded": f"{m['date']}, {m['seconds']:.1f} s{_of_cores(m)}, {m['device_name']}, "
        f"{m['threads']} thread{'s' * (m['threads'] != 1)}",
        "commit": f"{m['commit'] or 'unknown'}{changed}",
        **({"sources": m["sources"]} if m.get("sources") else {}),
        "versions": ", ".join(f"{name} {number}" for name, number in m["versions"].items()),
        "files": ", ".join(f"{name} {f['bytes']:,} bytes" for name, f in m["files"].items()),
        "diverged": "yes" if m["diverged"] else "no",
    }
    head = "\n".join(f"{name:10}{text}" for name, text in lines.items())
    return f"{head}\naccuracy at step {history['step'].max()}:\n{table.to_string()}"
