"""Renew or check the front end that the book carries, so that it opens with no network.

``python scripts/vendor.py`` fetches the packages below with ``npm pack``, takes the few files the
pages load and writes ``SHA256SUMS``. ``python scripts/vendor.py --check`` only compares the files
with that list; a reader needs neither Node nor this script.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "book" / "vendor_root" / "vendor"
SUMS = VENDOR / "SHA256SUMS"
# package: {pattern inside it: folder or file inside VENDOR}
PACKAGES = {
    "mathjax@3.2.2": {  # Sphinx 7 is made for 3
        "es5/tex-mml-chtml.js": "mathjax/",
        "es5/output/chtml/fonts/woff-v2/*.woff": "mathjax/output/chtml/fonts/woff-v2/",
        "LICENSE": "licences/mathjax.txt",
    },
}


def put(data: bytes, target: str) -> None:
    """Write ``data`` to ``target`` inside the vendor folder."""
    path = VENDOR / target
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def fetch(package: str, wanted: dict[str, str]) -> None:
    """Take the ``wanted`` files of one npm package; no install scripts, no dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        name = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=folder, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        content = io.BytesIO(Path(folder, name).read_bytes())
    with tarfile.open(fileobj=content) as archive:
        for pattern, target in wanted.items():
            found = [
                member
                for member in archive.getmembers()
                if PurePosixPath(member.name).match(f"package/{pattern}")
                and len(PurePosixPath(member.name).parts) == pattern.count("/") + 2
            ]
            if not found:
                sys.exit(f"{package} has no {pattern}")
            for member in found:
                name = PurePosixPath(member.name).name if target.endswith("/") else ""
                put(archive.extractfile(member).read(), target + name)


def sums() -> str:
    """One line per file: SHA-256 and path, as ``sha256sum -c`` reads it."""
    files = sorted(p for p in VENDOR.rglob("*") if p.is_file() and p != SUMS)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(VENDOR).as_posix()}\n"
        for path in files
    )


def renew() -> None:
    """Write the whole folder anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, wanted in PACKAGES.items():
        fetch(package, wanted)
    SUMS.write_text(sums())


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if SUMS.read_text() == sums() else f"{VENDOR} differs from SHA256SUMS")
    renew()
