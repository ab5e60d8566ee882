"""The slider and the explorer of the page on Reason to Rote; neither needs a kernel."""

from __future__ import annotations

from pathlib import Path

import anywidget
import pandas as pd
import traitlets

from modnoise.pages.widgets import Recorded, percent, share, slider
from modnoise.rote.run import RoteRun
from modnoise.rote.tables import single_items

_HERE = Path(__file__).parent


class Explorer(anywidget.AnyWidget):
    """Single items of a net: question, true answer, given label, what each layer would say.

    ``index`` is the item shown, ``data`` what there is (`modnoise.rote.single_items`).
    """

    _esm = _HERE / "explorer.js"
    _css = _HERE / "explorer.css"
    data = traitlets.Dict().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Explorer({len(self.data['items'])} items)"


def explorer(run: RoteRun, rows: pd.DataFrame) -> Explorer:
    """The explorer of one run; ``rows`` are its recorded ones."""
    what = "units" if run.task == "fda" else "entity"
    return Explorer(data={"what": what, "items": single_items(run, rows)})


def recorded_steps(rows: pd.DataFrame, chance: float) -> Recorded:
    """Walk through the training: what do noisy items get as an answer, and are new ones right.

    Args:
        rows: of `modnoise.rote.outcomes`.
        chance: what guessing gives, marked on every bar.
    """
    parts = {"true answer": ("true", "recovered"), "wrong label": ("wrong", "noisy"),
             "anything else": ("other", "clean"), "new items right": ("test", "test")}  # fmt: skip
    walked = [
        {name: {role: share(getattr(row, column))} for name, (column, role) in parts.items()}
        for row in rows.itertuples()
    ]
    sentences = [
        f"After {row.step:,} updates the net gives the true answer on {percent(row.true)} of the "
        f"training items with a wrong label, the wrong label on {percent(row.wrong)}, and "
        f"anything else on {percent(row.other)}. Of new items it has {percent(row.test)} right."
        for row in rows.itertuples()
    ]
    roles = ("recovered", "noisy", "clean", "test")
    made = slider("updates", [*rows.step], walked, sentences, chance, roles)
    made.index = int((rows.true - rows.wrong).to_numpy().argmax())
    return made
