"""Files that others saved: what they hold, without running anything that they ask for."""

from __future__ import annotations

import io
import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from modnoise.spec import SpecError, quoted, word

MOST_BYTES = 2**31
"""Largest file that is read, packed and unpacked: 2 GiB (ours)."""

SAVE = "save the weights alone, with torch.save(net.state_dict(), ...)"

_LEGACY = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the number that begins torch's files before 1.6
_OTHERS = {
    b"\x93NUMPY": "a single numpy array without a name (.npy)",
    b"\x89HDF": "an HDF5 file, as Keras writes them",
    b"\x1f\x8b": "compressed with gzip",
    b"version https://git-lfs": "a pointer of Git LFS, not the file that it stands for",
    b"<": "a web page or XML",
    b"\x80": "a pickle of Python's own, which runs code when it is loaded",
}
"""What a file is that begins with these bytes, if it is nothing that is read."""


def read_file(path: str | Path) -> Any:
    """What a file of safetensors, PyTorch or numpy holds, told by its bytes, not by its name.

    A PyTorch file is loaded with ``weights_only=True``: of a pickle nothing is executed, and one
    that asks for more than tensors and plain values is refused.

    Returns:
        Tensors or arrays by name; of PyTorch whatever was saved.

    Raises:
        SpecError: one line: a file that is missing, too large, damaged, of another kind, or one
            that asks for code to run.
    """
    path = Path(os.path.expanduser(path))  # "~" too, where no shell has seen to it
    name = f"weights = {quoted(str(path))}"
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "there is no such file"
        raise SpecError(f"{name} is not allowed: {what}")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SpecError(f"{name} is not allowed: {size} bytes, at most {MOST_BYTES}")
    data = path.read_bytes()
    if data[:2] == b"PK":
        return _zip(data, name)
    if data[:1] == b"\x80" and _LEGACY in data[:32]:
        return _pytorch(data, data, name)
    if data[8:9] == b"{" and not _is_json(data):
        return _safetensors(data, name)
    raise SpecError(f"{name} is refused, since it is {_kind(data)}; {SAVE}")


def _is_json(data: bytes) -> bool:
    return data[:64].lstrip()[:1] in (b"{", b"[") and b"\0" not in data[:64]


def _kind(data: bytes) -> str:
    """What a file is that cannot be read."""
    if not data:
        return "empty"
    if _is_json(data):
        return "a JSON file"
    named = (what for start, what in _OTHERS.items() if data.startswith(start))
    other = f"no file of safetensors, PyTorch or numpy (it begins with {data[:12]!r})"
    return next(named, other)


def _zip(data: bytes, name: str) -> Any:
    """Of PyTorch or numpy: both write zip archives."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            held = {member.filename: member.file_size for member in packed.infolist()}
            pickles = [x for x in held if x.endswith("data.pkl")]
            head = packed.open(pickles[0]).read(2**24) if pickles else b""
    except Exception as problem:  # whatever a damaged archive makes the library stumble over
        raise SpecError(f"{name} is a damaged archive: {_line(problem)}") from None
    if (size := sum(held.values())) > MOST_BYTES:
        raise SpecError(f"{name} is not allowed: {size} bytes unpacked, at most {MOST_BYTES}")
    if any("/code/" in x or x.endswith("constants.pkl") for x in held):
        raise SpecError(f"{name} is refused, since it is a TorchScript program; {SAVE}")
    if pickles:
        return _pytorch(data, head, name)
    if any(x.endswith(".npy") for x in held):
        return _numpy(data, name)
    raise SpecError(
        f"{name} is refused, since it is an archive of neither PyTorch nor numpy: it holds "
        f"{', '.join(map(word, [*held][:3])) or 'nothing'}; {SAVE}"
    )


def _safetensors(data: bytes, name: str) -> Any:
    from safetensors.torch import load

    try:
        return load(data)
    except Exception as problem:  # whatever a damaged file makes the library stumble over
        raise SpecError(f"{name} is a damaged safetensors file: {_line(problem)}") from None


def _numpy(data: bytes, name: str) -> Any:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as problem:  # whatever a damaged file makes numpy stumble over
        raise SpecError(
            f"{name} is no archive of plain arrays: {_line(problem)}; {SAVE}"
        ) from None


def _pytorch(data: bytes, pickled: bytes, name: str) -> Any:
    import torch

    try:
        with warnings.catch_warnings():  # of what a strange file may hold
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        asked = _asked_for(data) or [_line(problem)]
        whole = b"_modules" in pickled
        what = "a whole module was saved" if whole else "it holds more than tensors and numbers"
        raise SpecError(
            f"{name} is refused, since {what} ({', '.join(asked)}) and loading that would run "
            f"code; {SAVE}"
        ) from None
    except Exception as problem:  # whatever a damaged file makes PyTorch stumble over
        raise SpecError(f"{name} is a damaged PyTorch file: {_line(problem)}") from None


def _asked_for(data: bytes, most: int = 4) -> list[str]:
    """The first few classes and functions that a pickle asks for, those of libraries last."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    except Exception:  # no zip archive, or a damaged one
        try:
            torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except Exception as problem:
            names = re.findall(r"GLOBAL (\S+) was not", str(problem))
    return [word(x) for x in sorted(names, key=lambda x: (x.startswith("torch."), x))[:most]]


def _line(problem: BaseException) -> str:
    """The first sentence of an error, as a part of a line."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return word(text.split(". ")[0][:160].rstrip("."))
