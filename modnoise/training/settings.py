"""How torch computes while it trains: device, threads, products, memory. All of it: ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def exact_matmul(device: str) -> str:
    """The fastest setting of `torch.set_float32_matmul_precision` with fp32 accuracy here.

    On a CPU, "medium" sends fp32 products through oneDNN: about twice as fast on some machines,
    but bf16 where the CPU has AMX. So it is measured: a product is compared with float64.
    """
    if device != "cpu":
        return "highest"
    before = torch.get_float32_matmul_precision()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((256, 256)))
    torch.set_float32_matmul_precision("medium")
    try:
        error = ((x.float() @ x.float()).double() - x @ x).abs().max() / (x @ x).abs().max()
    finally:
        torch.set_float32_matmul_precision(before)
    return "medium" if error < 1e-5 else "highest"


def keep_freed_memory() -> None:
    """Ask the C library to keep the memory of freed tensors for the next ones.

    The GNU library gives large blocks back to the system and then gets them anew, zeroed, page by
    page: up to a quarter of a training step. But it keeps blocks up to the largest it was ever
    given back, 32 MB at most (``man mallopt``, M_MMAP_THRESHOLD): so one of 31 MB is given back.
    In vain where ``MALLOC_...`` in the environment fixes the thresholds, as on Dask's workers.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


@contextmanager
def torch_settings(device: str, threads: int, matmul: str = "exact") -> Iterator[None]:
    """Threads and the way of fp32 products inside (`Run.matmul`), the caller's settings after.

    On a CPU first `keep_freed_memory`, for good.
    """
    if device == "cpu":
        keep_freed_memory()
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high" if matmul == "tf32" else exact_matmul(device))
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def check_device(device: str) -> None:
    """Raise a ValueError that says what is allowed unless torch can use ``device``."""
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"device = {device!r} is not allowed: it must be 'cpu' or 'cuda'")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"device = {device!r} is not available here: torch sees no CUDA device")
