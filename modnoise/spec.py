"""A run as a value: every field that can change a result, its default and where that came from.

A `Trainable` is frozen, validates itself and refuses unknown fields by name. Two are equal iff
their fields are, and ``run.key`` names their recorded results. Every study declares its own in its
module ``run``. Nothing here imports torch, so that declaring and listing experiments is instant.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

FORMAT = 1
"""Version of the meaning of a run; part of every key, raised when an old result would mislead."""


MOST_ERRORS = 5
"""Errors that one message names."""

AnySpec = TypeVar("AnySpec", bound="Spec")

Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A seed: what all generators take, and what a column of published curves holds."""


class SpecError(ValueError):
    """A field with a value that is not allowed; the message is one line."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def quoted(value: Any) -> str:
    """A value as a part of a line: short, whatever it is.

    >>> quoted("a\\nb"), quoted([[[[[[[[1]]]]]]]])
    ("'a\\\\nb'", '[[[[[[[...]]]]]]]')
    """
    try:
        return _SHORT.repr(value).replace("\n", " ")
    except ValueError:  # more digits than Python prints
        return "a number of too many digits"


def word(text: str) -> str:
    """A text as a part of a line: as it is, or quoted if it would break or fill the line.

    >>> word("noise"), word("no\\nise")
    ('noise', "'no\\\\nise'")
    """
    return text if text.isprintable() and len(text) <= _SHORT.maxstring else quoted(text)


def known(registry: Mapping[str, Any], name: Any) -> str:
    """A name that is in a registry, for a field's validator, which sees whatever is given.

    Raises:
        ValueError: it is not; with the names that are.
    """
    if isinstance(name, str) and name in registry:
        return name
    *others, last = map(repr, registry)
    raise ValueError(f"it must be {' or '.join([', '.join(others), last] if others else [last])}")


def described(error: ValidationError, model: type[BaseModel]) -> str:
    """One line out of a pydantic error: field, value, what is allowed; of many the first few."""
    found = error.errors(include_url=False)
    lines = [_line(item, model) for item in found[:MOST_ERRORS]]
    if len(found) > MOST_ERRORS:
        lines.append(f"and {len(found) - MOST_ERRORS} more")
    return "; ".join(lines)


def _line(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    parts = [str(part) for part in item["loc"]]
    name = ".".join(map(word, parts))
    if item["type"] == "extra_forbidden":
        if len(parts) > 1:
            return f"unknown parameter {quoted(name)}"
        near = difflib.get_close_matches(name, model.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown parameter {quoted(name)}{hint} (allowed: {', '.join(model.model_fields)})"
    if item["type"] == "missing":
        return f"{name} is missing"
    reason = item["msg"].replace("\n", " ").removeprefix("Value error, ")
    if not name:
        return reason
    reason = re.sub(r"^\w+ should ", "it must ", reason)
    told, kind = quoted(item["input"]), type(item["input"])
    if kind.__module__ != "builtins" and kind.__name__ not in told:
        told += f" of type {kind.__name__}"
    return f"{name} = {told} is not allowed: {reason}"


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class Spec(BaseModel):
    """Base of everything a caller can get wrong: frozen, strictly typed, no unknown fields.

    A numpy scalar counts as the Python number, truth value or text that it holds.

    Raises:
        SpecError: one line that names the field, the value and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**{name: _python(value) for name, value in fields.items()})
        except ValidationError as error:
            raise SpecError(described(error, type(self))) from None

    def but(self: AnySpec, **changes: Any) -> AnySpec:
        """The same value with some fields changed, validated again."""
        return type(self)(**{**self.model_dump(), **changes})


def field(default: Any, source: str, text: str, *, told: str = "", **limits: Any) -> Any:
    """A field of a `Trainable`: its default, where that comes from, its meaning, its limits.

    ``told``: how figures and verdicts name its values, as ``"p = {}"``; empty: they do not.
    """
    return Field(
        default, description=text, json_schema_extra={"source": source, "told": told}, **limits
    )


def _said(info: FieldInfo, what: str) -> str:
    """What `field` was told of a field beside its limits."""
    assert isinstance(info.json_schema_extra, dict)
    return str(info.json_schema_extra[what])


def _text(value: Any) -> str:
    return "full" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def told(fields: Mapping[str, FieldInfo], values: Mapping[str, Iterable[Any]]) -> list[str]:
    """The values of fields as a reader is told them, the seeds last; fields without a name for
    readers, or without values, are passed over."""
    parts = {}
    for name, info in fields.items():
        texts = [_text(x) for x in values.get(name, ()) if x != ""]
        if texts and _said(info, "told"):
            parts[name] = _said(info, "told").format(", ".join(texts))
    return [text for _, text in sorted(parts.items(), key=lambda part: part[0] == "seed")]


class Trainable(Spec):
    """A spec of something that is trained in steps from a seed and recorded under its own key."""

    if TYPE_CHECKING:
        steps: int  # every kind has this field, each with its own default

    PER_NET: ClassVar[tuple[str, ...]] = ("seed",)
    """Fields in which the members of one stack may differ."""

    KEY_NAMES_KIND: ClassVar[bool] = True
    """Whether the key depends on the class's name; the first kind was recorded without."""

    @property
    def stack_fields(self) -> tuple:
        """What runs must have in common to be trained as one stack of tensors."""
        return type(self), *(v for name, v in self if name not in self.PER_NET)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that name this run's recorded results.

        Made of the fields that differ from their defaults, so that a field added later, whose
        default means what was done before, renames nothing.
        """
        fields = {"format": FORMAT, **self.model_dump(exclude_defaults=True)}
        if self.KEY_NAMES_KIND:
            fields["kind"] = type(self).__name__
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    def papers_setting(self, first: int = 0) -> str:
        """Words for the paper's own setting if this is a run at it, else nothing.

        ``first``: asked by a claim about so many first steps only, else about the trained net.
        """
        return ""

    @property
    def operations(self) -> float:
        """Floating-point operations of the matrix products of the whole training."""
        raise NotImplementedError

    @property
    def weight_bytes(self) -> int:
        """Size of the weights of one net."""
        raise NotImplementedError

    @classmethod
    def provenance(cls) -> list[dict[str, str]]:
        """One row per field: name, default, source of the default, meaning."""
        return [
            {
                "field": name,
                "default": repr(info.default),
                "source": _said(info, "source"),
                "meaning": info.description or "",
            }
            for name, info in cls.model_fields.items()
        ]
