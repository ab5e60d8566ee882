"""What computes: the processor, the commit of this package, the versions behind the numbers.

Nothing here imports torch before it is asked for its version. All: ours.
"""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]


@cache
def processor() -> str:
    """Product name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def commit() -> dict[str, Any]:
    """Commit of the checkout that this package is imported from, if any; whether it was changed.

    Asked for once, before the first training: the checkout may move on during a long campaign.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != CHECKOUT:
            return {"commit": None, "dirty": None}
        changes = git("status", "--porcelain", "--untracked-files=no", "--", "modnoise")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changes)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def versions() -> dict[str, str]:
    """Versions of what computes: of this package, Python, and the libraries behind the numbers.

    As torch names itself, with its build: the installed metadata of some builds leave that out.
    """
    import torch

    import modnoise

    return {
        "modnoise": modnoise.__version__, "python": platform.python_version(),
        "torch": str(torch.__version__), "numpy": np.__version__,
    }  # fmt: skip


def provenance() -> dict[str, Any]:
    """What computes now: commit, versions, date (UTC)."""
    return {
        **commit(),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
