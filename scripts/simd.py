"""Compile the page's kernels: book/_static/live/simd.c to simd_wasm.js.

The compiler is clang as PyPI's ``ziglang`` brings it: ``pip install ziglang==0.17.1``. Nobody
needs it to build or test the book: the compiled text is kept, with the SHA-256 of what it was made
from, and a test compares that.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

LIVE = Path(__file__).parent.parent / "book" / "_static" / "live"
COMPILER = "ziglang==0.17.1"
FLAGS = (
    "-target", "wasm32-freestanding", "-O3", "-msimd128", "-mbulk-memory", "-ffreestanding",
    "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--export=__heap_base",
)  # fmt: skip


def fingerprint() -> str:
    """SHA-256 of the source, the compiler's version and its flags."""
    text = "\n".join([(LIVE / "simd.c").read_text(encoding="utf-8"), COMPILER, *FLAGS])
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Compile, and write the module as text that a page opened from disk can load."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "simd.wasm"
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", out, LIVE / "simd.c"]
        subprocess.run(command, check=True)
        text = base64.b64encode(out.read_bytes()).decode()
    (LIVE / "simd_wasm.js").write_text(
        "// Made from simd.c by scripts/simd.py, and from nothing else.\n"
        '"use strict";\n\n'
        "const modnoiseWasm = {\n"
        f'  from: "{fingerprint()}",\n'
        f'  base64: "{text}",\n'
        "};\n\n"
        'if (typeof module !== "undefined") module.exports = modnoiseWasm;\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
