"""What computes: the processor, the commit of this package, the versions behind the numbers.

Nothing here imports torch before it is asked for its version. All: ours.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

logger = logging.getLogger("modnoise")

CHECKOUT = Path(__file__).resolve().parents[2]


@cache
def processor() -> str:
    """Product name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def in_checkout() -> bool:
    """Whether this package is imported from a checkout of its sources, not from a wheel."""
    try:
        return '\nname = "modnoise"\n' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return False


@cache
def commit() -> dict[str, Any]:
    """Commit of the checkout that this package is imported from, if any; whether it was changed;
    without a clean commit also ``sources``, a checksum of what computes.

    Asked for once, before the first training: the checkout may move on during a long campaign.
    What the environment says of another repository is not heard (git itself sets ``GIT_DIR`` in
    its hooks). A checkout of another owner is asked as well: its code is already running here.
    """
    try:
        if Path(_git("rev-parse", "--show-toplevel")).resolve() != CHECKOUT:
            raise OSError("git takes another folder for its checkout")
        changes = _git("status", "--porcelain", "--untracked-files=no", "--", "modnoise")
        found = {"commit": _git("rev-parse", "HEAD"), "dirty": bool(changes)}
    except OSError as error:
        if (CHECKOUT / ".git").exists():
            logger.warning("the commit of %s cannot be recorded, only a checksum of its sources:"
                           " %s", CHECKOUT, error)  # fmt: skip
        found = {"commit": None, "dirty": None}
    return found if found["dirty"] is False else {**found, "sources": sources()}


def _git(*words: str) -> str:
    """What git says of the checkout; an `OSError` with its reason where it says nothing."""
    env = {k: x for k, x in os.environ.items() if k[:4] != "GIT_" or k == "GIT_EXEC_PATH"}
    command = ["git", "-C", str(CHECKOUT), "-c", "safe.directory=*", "--no-optional-locks", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise OSError((done.stderr.splitlines() or ["git failed"])[0])
    return done.stdout.strip()


def sources() -> str:
    """SHA-256 of the package's Python files, the same in a checkout, a zip and a wheel.

    On Linux ``find modnoise -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum`` gives it
    too. Line ends of Windows count as those of Linux.
    """
    lines = {
        path.relative_to(CHECKOUT).as_posix(): hashlib.sha256(
            path.read_bytes().replace(b"\r\n", b"\n")
        ).hexdigest()
        for path in (CHECKOUT / "modnoise").rglob("*.py")
    }
    text = "".join(f"{lines[name]}  {name}\n" for name in sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


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
    """What computes now: commit or checksum of the sources, versions, date (UTC)."""
    return {
        **commit(),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
