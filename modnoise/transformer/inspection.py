"""What a transformer of somebody's knows: its unembedding filtered, as in chapter 7, and a report
on any net in a file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from modnoise import arithmetic
from modnoise.arithmetic import NoisyTable, by_shift, sentence
from modnoise.spec import SpecError
from modnoise.store.containers import tensors
from modnoise.sweep import one_of
from modnoise.transformer.net import TransformerStack, energy
from modnoise.transformer.own import is_transformer, read_net
from modnoise.transformer.run import frequencies_kept
from modnoise.transformer.training import DRAWS, final_stream, versions

_ROLES = ("clean", "noisy", "val", "test")
"""In the order of the codes of `NoisyTable.role`."""


@dataclass(frozen=True)
class TransformerInspection:
    """What a transformer knows: accuracies as it is and filtered, the energy of its unembedding.

    ``accuracy``: shares that get the right answer, of all pairs (column ``all``) and by role where
    a table is given (noisy: the *given* label), a row per version: as it is, with the ``kept``
    frequencies of the largest energy, with as many drawn at random (median of draws);
    ``accident``: the largest share that a filtered net answers a + b + s for any s but 0;
    ``energy``: shares of the unembedding's energy by frequency, see
    `modnoise.transformer.net.energy`.
    """

    op: str
    p: int
    sizes: str
    kept: int
    accuracy: pd.DataFrame
    accident: float
    energy: pd.Series

    @property
    def found(self) -> str:
        """What it means, in one sentence; bounds as for nets of two layers."""
        full, rule, control = self.accuracy["all"]
        return sentence(full, rule, control, max(5 / self.p, 1.5 * self.accident))

    def __str__(self) -> str:
        columns = list(self.accuracy)
        lines = [f"transformer, p = {self.p}, {self.sizes}; {self.op}, all pairs:"]
        if len(columns) > 1:
            lines += [" " * 30 + "".join(f"{name:>8}" for name in columns)]
        for name, row in self.accuracy.iterrows():
            lines += [f"  {name:28}" + "".join(f"{x:8.1%}" for x in row)]
        lines += [f"  {'another sum, by chance':28}{self.accident:8.1%}"]
        lines += [f"  {'chance':28}{1 / self.p:8.1%}"]
        first = self.energy.sort_values(ascending=False, kind="stable")[: min(5, self.kept)]
        shown = ", ".join(f"{k} ({share:.0%})" for k, share in first.items())
        many = int((self.energy > 1 / len(self.energy)).sum())
        lines += [f"unembedding: {many} of {len(self.energy)} frequencies have an energy above "
                  f"the mean; the strongest: {shown}"]  # fmt: skip
        return "\n".join([*lines, self.found])


def inspect(
    nets: TransformerStack, op: str = "add", table: NoisyTable | None = None
) -> TransformerInspection:
    """What a transformer knows of an operation, on all p^2 pairs, and by role, if known.

    Args:
        nets: a stack of one net, of ours or from `read_net`.
        op: add or sub; the frequencies of an unembedding are those of sums.
        table: what it was trained on, as of `modnoise.noisy_table`; default: not known.

    Raises:
        SpecError: another operation; several nets; a table of another modulus.
    """
    one_of(op, ("add", "sub"), "op of a transformer")
    if len(nets) != 1:
        raise SpecError(f"nets = a stack of {len(nets)} is not allowed: it must be one net")
    if table is not None and (table.p, len(table.role)) != (nets.p, 1):
        has = f"p = {table.p} and {len(table.role)} runs"
        raise SpecError(f"table with {has} is not allowed: it must have p = {nets.p} and one run")
    p, kept, stream = nets.p, frequencies_kept(nets.p), final_stream(nets)
    rows, accident = [], 0.0
    for names, version in versions(nets, [kept], DRAWS):
        W_U = version.W_U[0, :, :p]
        answers = torch.stack([(x @ W_U).argmax(-1) for x in stream[0]])
        shift = by_shift(answers[None], op)[0]
        if names["part"] != "full":
            accident = max(accident, float(shift[1:].max()))
        rows.append({"part": names["part"], "all": float(shift[0]), **_by_role(answers, table)})
    accuracy = pd.DataFrame(rows).groupby("part").median().loc[["full", "top", "random"]]
    accuracy.index = ["as it is", f"top {kept} of {p // 2} frequencies", f"{kept} at random"]
    share = energy(nets)[0] / energy(nets)[0].sum()
    heads, k, d = nets.W_Q.shape[1:]
    return TransformerInspection(
        op=op, p=p, sizes=f"d_model = {d}, {heads} heads of {k}, {nets.W_in.shape[1]} neurons",
        kept=kept, accuracy=accuracy, accident=accident,
        energy=pd.Series(share.tolist(), range(1, p // 2 + 1)),
    )  # fmt: skip


def _by_role(answers: torch.Tensor, table: NoisyTable | None) -> dict[str, float]:
    """Share of right answers by role, of those that the table has."""
    if table is None:
        return {}
    given, role = table.given[0].cpu(), table.role[0].cpu()
    return {
        name: float((answers == given)[role == code].double().mean())
        for code, name in enumerate(_ROLES)
        if (role == code).any()
    }


def pictures(nets: TransformerStack) -> dict[str, bytes]:
    """The energy of the unembedding at each frequency as SVG by file name, light and dark."""
    from modnoise.pages import style
    from modnoise.transformer import figures

    kept, told = frequencies_kept(nets.p), f"p = {nets.p}, {nets.W_in.shape[1]} neurons"
    return {
        f"unembedding-{theme}.svg": style.svg(
            theme, figures.unembedding_energy, energy(nets)[0], marked=kept, title=told
        )
        for theme in style.PALETTES
    }


class _Hearing(logging.Handler):
    """Keeps the messages that it hears."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.notes.append(record.getMessage())


def report(
    weights: Path, op: str, folder: Path | None, *, act: str = "relu",
    names: Mapping[str, str] | None = None, p: int | None = None, at: str | None = None,
) -> None:  # fmt: skip
    """Print what a file's net knows, of two layers or a transformer, whichever its names tell;
    and write figures into a folder, if there is one.

    Args:
        weights: the file.
        op: add, sub or mul.
        folder: where figures go.
        act: of a net of two layers.
        names: of a net of two layers.
        p: of either.
        at: of either.

    Raises:
        SpecError: as `read_net` and `inspect` of either kind.
    """
    from modnoise.store.files import replace_file

    notes: list[str] = []
    log, hear = logging.getLogger("modnoise"), _Hearing(notes)
    log.addHandler(hear)
    try:
        held = tensors(weights, at)
        if is_transformer(held) and not names:
            nets = read_net(held, p=p, at=".")
            told, draw = str(inspect(nets, op)), lambda: pictures(nets)
        else:
            two = arithmetic.read_net(held, act=act, names=names, p=p, at=".")
            told, draw = str(arithmetic.inspect(two, op)), lambda: arithmetic.pictures(two, op)
    finally:
        log.removeHandler(hear)
    print(told)
    for line in notes:
        print(f"Note: {line}.")
    if folder:
        drawn = draw()
        for name, data in drawn.items():
            replace_file(folder / name, data)
        print(f"{len(drawn)} figures in {folder}")
