"""Memory of training as the system counts it, in processes of their own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = """
import ctypes, resource, sys, torch
from modnoise.training.settings import keep_freed_memory

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of 4 KiB on every system
if "keep" in sys.argv:
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for megabytes in range(4, 30):
    torch.full((megabytes << 18,), 1.0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the GNU C library")
def test_freed_memory_is_kept_not_fetched_again_page_by_page(monkeypatch):
    """Each tensor is larger than all before it: without the request, 429 MB in pages of 4 KiB.

    With it, at least the largest one; more where something small lies behind a freed tensor.

    ``MALLOC_...`` in the environment fixes the library's thresholds, and the request is in vain.
    Dask's Nanny sets ``MALLOC_TRIM_THRESHOLD_`` in the process that starts it, so in that of the
    tests of the cluster and all that it starts afterwards.
    """
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    plain, kept = (
        int(subprocess.run(
            [sys.executable, "-c", PAGES, *args], capture_output=True, text=True, check=True,
            env=environment,
        ).stdout)
        for args in ([], ["keep"])
    )  # fmt: skip
    assert plain >= sum(range(4, 30)) * 256
    assert 29 * 256 <= kept < plain / 2


MEASURE = """
import sys
from pathlib import Path
import modnoise as mn
from modnoise.arithmetic.training import memory

def held(line):
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(x for x in status if x.startswith(line)).split()[1])

mn.train(mn.Run(p=23, width=33, steps=2, record_parts=True), progress=False)
for width, nets, parts in ((4097, 1, False), (513, 16, False), (1025, 1, True)):
    runs = [mn.Run(p=59, width=width, steps=1, seed=i, record_parts=parts) for i in range(nets)]
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    mn.train(runs, progress=False)
    print(memory(runs[0], nets, "cpu"), held("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux counts the peak")
def test_a_training_takes_the_memory_that_is_planned():
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(rows) == 3
    for planned, peak in rows:
        assert 0.4 * planned < peak < 1.2 * planned
