"""At which steps of a training curves are recorded. All of it: ours."""

from __future__ import annotations

import numpy as np


def schedule(steps: int) -> list[int]:
    """Steps at which curves are recorded: dense over the first 200, then 24 a decade (ours).

    0 ... 20 by 1, to 60 by 2, to 200 by 5, then evenly in log(step), and the last step.

    >>> schedule(0), len(schedule(200)), schedule(100_000)[-3:]
    ([0], 69, [82595, 90882, 100000])
    """
    early = [*range(21), *range(22, 61, 2), *range(65, 201, 5)]
    late = np.geomspace(200, max(steps, 201), 2 + int(24 * np.log10(max(steps, 201) / 200)))
    return sorted({s for s in (*early, *late.round().astype(int).tolist()) if s < steps} | {steps})


def parts_schedule(steps: int) -> list[int]:
    """The thinner part of `schedule` for FF and gradients: by 20 to 200, then every third one."""
    everything = schedule(steps)
    late = [s for s in everything if s > 200]
    return sorted({s for s in everything if s <= 200 and s % 20 == 0} | {*late[::-3]} | {steps})
