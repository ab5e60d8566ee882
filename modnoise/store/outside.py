"""Weights that others saved: read as plain arrays, without running anything that a file holds."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from modnoise.spec import SpecError, quoted, word

MOST_BYTES = 2**31
"""Largest file that is read: 2 GiB (ours)."""

TENSORS = (".safetensors",)
ARRAYS = (".npz",)
"""Suffixes of numpy's archives; everything else is read as PyTorch's."""


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All tensors of a safetensors file, of a PyTorch ``state_dict`` or of a numpy archive.

    A PyTorch file is loaded with ``weights_only=True``: of a pickle nothing is executed, and one
    that asks for more than tensors is refused. A ``state_dict`` may lie under the key
    ``state_dict`` or ``model_state_dict``, as checkpoints have it.

    Returns:
        Arrays by name, in the order of the file; bfloat16 and float16 as float32.

    Raises:
        SpecError: one line: a file that is missing, too large, damaged, or asks for code to run.
    """
    path = Path(path)
    name = f"weights = {quoted(str(path))}"
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "there is no such file"
        raise SpecError(f"{name} is not allowed: {what}")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SpecError(f"{name} is not allowed: {size} bytes, at most {MOST_BYTES}")
    if path.suffix in TENSORS:
        return _safetensors(path, name)
    return _numpy(path, name) if path.suffix in ARRAYS else _pytorch(path, name)


def _safetensors(path: Path, name: str) -> dict[str, np.ndarray]:
    from safetensors.torch import load

    try:
        held = load(path.read_bytes())
    except Exception as problem:  # whatever a damaged file makes the library stumble over
        raise SpecError(f"{name} is no safetensors file: {_line(problem)}") from None
    return _plain(held, name)


def _numpy(path: Path, name: str) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size <= MOST_BYTES:
            with np.load(path, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
    except Exception as problem:  # whatever a damaged file makes numpy stumble over
        raise SpecError(f"{name} is no archive of plain arrays: {_line(problem)}") from None
    raise SpecError(f"{name} is not allowed: {size} bytes unpacked, at most {MOST_BYTES}")


def _pytorch(path: Path, name: str) -> dict[str, np.ndarray]:
    import torch

    try:
        with warnings.catch_warnings():  # of what a strange file may hold
            warnings.simplefilter("ignore")
            held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise SpecError(
            f"{name} is refused, since it holds more than tensors: {_line(problem)}"
        ) from None
    except Exception as problem:  # whatever a damaged file makes PyTorch stumble over
        raise SpecError(f"{name} is no PyTorch file: {_line(problem)}") from None
    for key in ("state_dict", "model_state_dict"):
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not isinstance(held, Mapping):
        raise SpecError(f"{name} is not allowed: it holds a {type(held).__name__}, not tensors "
                        "by name")  # fmt: skip
    return _plain(held, name)


def _plain(tensors: Mapping, name: str) -> dict[str, np.ndarray]:
    """Tensors as arrays."""
    import torch

    found = {}
    for key, x in tensors.items():
        if not isinstance(key, str) or not isinstance(x, torch.Tensor):
            what = f"{word(str(key))}, a {type(x).__name__}"
            raise SpecError(f"{name} is not allowed: it holds {what}, not a tensor with a name")
        if x.layout != torch.strided or x.is_quantized:
            raise SpecError(f"{name} is not allowed: {word(key)} is sparse or quantized")
        small = x.dtype in (torch.bfloat16, torch.float16)
        try:
            found[key] = (x.detach().float() if small else x.detach()).numpy()
        except (TypeError, RuntimeError):
            raise SpecError(
                f"{name} is not allowed: {word(key)} is of {x.dtype}, which numpy does not have"
            ) from None
    return found


def _line(problem: BaseException) -> str:
    """The first sentence of an error, as a part of a line."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return word(text.split(". ")[0][:160].rstrip("."))
