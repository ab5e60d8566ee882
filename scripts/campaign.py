"""What is to be recorded next, in its order: the one list that `make gpu` works off.

`make campaign` prints it as commands, for a reader with a CPU and more time. The order is that of
a reader's questions, width before variety (ours).
"""

from __future__ import annotations

from modnoise.spec import Trainable
from modnoise.studies import EXPERIMENTS
from modnoise.sweep import selected

CAMPAIGN = (
    # Result 4.1 where the paper makes it, with its spread
    "fig5-width fast width=4097 noise=0.8",
    "fig5-width fast width=4097 noise=0.5",
    "fig5-width fast width=4097 noise=0.3",
    "fig5-width fast width=2049 noise=0.8",
    "fig5-width fast width=2049 noise=0.5",
    "fig5-width fast width=2049 noise=0.3",
    "fig5-widest fast",
    # Table 2 on the 60,000 images of MODNOISE_MNIST
    "table2-choices paper",
    "table2 paper",
    # Result 3.1 at the paper's widths
    "fig5-width fast width=2049",
    "fig5-width fast width=4097",
    # the same at other decays and noise, finer where a peak falls between, with its spread
    "fig2 fast weight_decay=0.3",
    "fig2 fast weight_decay=1.0",
    "fig2 fast weight_decay=0.1",
    "fig1 fast weight_decay=0.3 seed=42",
    "fig1 fast weight_decay=1.0 seed=42",
    "fig1 fast weight_decay=0.1",
    "fig1 fast weight_decay=1.0",
    # inside the nets
    "fig6 fast",
    "fig30 fast width=2049",
    # the unified view at its paper's modulus
    "unified-grid fast",
    "unified-progression fast",
    "unified-capacity fast",
    "unified-square fast",
    "unified-unordered fast",
    "unified-unordered-square fast",
    "unified-critical fast",
    "unified-controls fast",
    # other activations
    "fig8 fast",
    "fig24-quadratic fast",
    # the clock: AdamW at other noise and decay, then other optimizers
    "tempo-others fast optimizer=adamw",
    "tempo-others fast",
    # variants
    "fig13 fast",
    "fig15-random fast",
    "fig15-symmetric fast",
    "fig23-subtraction fast",
    "fig11 fast",
    "fig12 fast",
    "fig14 fast",
)
"""What to record, in this order: experiment, scale, and the values that its runs must have."""


def runs_of(line: str, scale: str | None = None) -> list[Trainable]:
    """The runs of a line of `CAMPAIGN`; at another scale all runs of its experiment."""
    name, own, *only = line.split()
    return selected(EXPERIMENTS[name].runs(scale or own), () if scale else only)


def command(line: str) -> str:
    """What records a line of `CAMPAIGN`.

    >>> command("fig2 fast noise=0.3")
    'modnoise run fig2 --scale fast --only noise=0.3'
    """
    name, scale, *only = line.split()
    return " ".join(["modnoise run", name, "--scale", scale, *(f"--only {x}" for x in only)])


if __name__ == "__main__":
    print(*map(command, CAMPAIGN), sep="\n")
