"""A named set of runs of one figure, at several scales. Only data: no torch is imported.

``smoke``: seconds, the code path, not the science. ``laptop``: minutes a net on one CPU core.
``fast``: the paper's setting at a higher tempo, tested against the paper's own; minutes to hours a
net. ``paper``: the paper's setting at its own tempo, for a GPU. A scale changes numbers, never
code paths. Each study declares its own in its module ``experiments``, without those it has no use
for; grids that no source gives are ours and say so.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from modnoise.spec import SpecError, Trainable, quoted, told, word

Scale: TypeAlias = Literal["smoke", "laptop", "fast", "paper"]

SCALES: tuple[str, ...] = get_args(Scale)

SEEDS = (42, 43, 44)
"""42: paper; the others: ours."""

Size = Mapping[str, Mapping[str, Any]]
"""Fields of the runs at each scale."""


def check_scale(scale: str, allowed: Sequence[str] = SCALES, of: str = "") -> None:
    """Raise a SpecError that says what is allowed unless ``scale`` is one of those."""
    if scale not in allowed:
        raise SpecError(
            f"scale = {quoted(scale)} is not allowed{of and f' for {of}'}: "
            f"it must be one of {', '.join(allowed)}"
        )


@dataclass(frozen=True)
class Sweep:
    """A named set of runs: the product of ``over``, on top of the scale's size and ``base``.

    ``at`` holds, for single scales, what replaces that: tuples are varied, other values fixed.
    Fields that vary together are one entry: ``{"batch+steps": ((64, 990), (256, 240))}``.
    """

    name: str
    title: str
    paper: str
    spec: type[Trainable]
    size: Size
    over: Mapping[str, tuple]
    base: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def scales(self) -> tuple[str, ...]:
        """The scales it has, in the order of `SCALES`."""
        return tuple(scale for scale in SCALES if scale in self.size)

    def runs(self, scale: str) -> list[Any]:
        """The runs at one scale, in the order of the product.

        Raises:
            SpecError: a scale that it does not have.
        """
        check_scale(scale, self.scales, self.name)
        here = self.at.get(scale, {})
        over = {**self.over, **{name: x for name, x in here.items() if isinstance(x, tuple)}}
        fixed = {name: x for name, x in here.items() if not isinstance(x, tuple)}
        return [
            self.spec(**{**self.size[scale], **self.base, **fixed, **_point(over, values)})
            for values in itertools.product(*over.values())
        ]

    def told(self, scale: str, runs: Sequence[Any] | None = None) -> str:
        """The setting at a scale in lines of 79 letters, and the command that recomputes it.

        ``runs``: those of them that are meant; default: all.
        """
        runs, fields = self.runs(scale) if runs is None else runs, self.spec.model_fields
        values = {name: dict.fromkeys(getattr(run, name) for run in runs) for name in fields}
        many = "s" * (len(runs) != 1)
        setting = "; ".join([f"{scale} scale: {len(runs)} run{many}", *told(fields, values)])
        return f"{textwrap.fill(setting, 79)}\nmodnoise run {self.name} --scale {scale}"


def _point(over: Mapping[str, tuple], values: Iterable[Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for names, value in zip(over, values, strict=True):
        several = names.split("+")
        point |= zip(several, value if len(several) > 1 else [value], strict=True)
    return point


def one_of(value: str, allowed: Sequence[str], what: str) -> str:
    """The value, if it is allowed.

    Raises:
        SpecError: it is not; with what is near it, and what is allowed.
    """
    if value in allowed:
        return value
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise SpecError(f"unknown {what} {quoted(value)}{hint} (allowed: {', '.join(allowed)})")


def _value(text: str) -> object:
    try:
        return json.loads(text.lower() if text in ("True", "False") else text)
    except (ValueError, RecursionError):
        return float(text) if re.fullmatch(r"[+-]?(\d+\.?|\d*\.\d+)(e[+-]?\d+)?", text) else text


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def selected(runs: list[Trainable], conditions: Sequence[str]) -> list[Trainable]:
    """Those of the runs for which every condition ``field=value`` holds.

    Raises:
        SpecError: an unknown field, no ``=``, or a value that none of the runs has.
    """
    for condition in conditions:
        name, equals, text = condition.partition("=")
        if not equals:
            raise SpecError(
                f"{quoted(condition)} is not allowed: it must be FIELD=VALUE, as noise=0.5"
            )
        fields = dict.fromkeys(name for run in runs for name in type(run).model_fields)
        one_of(name, list(fields), "field")
        runs = [run for run in runs if name in type(run).model_fields]
        values = sorted({getattr(run, name) for run in runs}, key=str)
        value = _value(text)
        runs = [run for run in runs if _same(getattr(run, name), value)]
        if not runs:
            raise SpecError(
                f"no run has {name} = {word(text)} (there is {', '.join(str(v) for v in values)})"
            )
    return runs
