"""Renew or check the front end that the book carries, so that it opens with no network.

``python scripts/vendor.py`` fetches the packages below with ``npm pack``, takes the few files the
pages load and writes ``SHA256SUMS``. ``python scripts/vendor.py --check`` only compares the files
with that list; a reader needs neither Node nor this script.
"""

import hashlib
import importlib.metadata
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
HTML_MANAGER = "@jupyter-widgets/html-manager"
# package: {pattern inside it: folder or file inside VENDOR}
PACKAGES = {
    "mathjax@3.2.2": {  # Sphinx 7 is made for 3
        "es5/tex-mml-chtml.js": "mathjax/",
        "es5/output/chtml/fonts/woff-v2/*.woff": "mathjax/output/chtml/fonts/woff-v2/",
        "LICENSE": "licences/mathjax.txt",
    },
    "requirejs@2.3.8": {"require.js": "widgets/"},
    f"{HTML_MANAGER}@1.0.15": {
        "dist/embed-amd.js": "widgets/",
        "dist/*.woff2": f"widgets/{HTML_MANAGER}/dist/",
        "dist/embed.js.LICENSE.txt": "licences/html-manager-bundled.txt",
    },
}
# Packages whose licence is not in their tarball: its text as their repositories give it.
REQUIREJS = """\
MIT License

Copyright jQuery Foundation and other contributors, https://jquery.org/

"""
HTML_MANAGER_BSD = """\
BSD 3-Clause License

Copyright (c) 2015 Project Jupyter Contributors
All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted
provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions
   and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice, this list of
   conditions and the following disclaimer in the documentation and/or other materials provided
   with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors may be used to
   endorse or promote products derived from this software without specific prior written
   permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR
IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER
IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT
OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""


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
    mit = (ROOT / "LICENSE").read_text().partition("Permission is hereby")
    terms = (mit[1] + mit[2]).partition("\n\n\n")[0]
    put(f"{REQUIREJS}{terms}\n".encode(), "licences/requirejs.txt")
    put(HTML_MANAGER_BSD.encode(), "licences/html-manager.txt")
    # The wheel's own AMD build: page and JupyterLab run the same anywidget.
    share = Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js"
    put(share.read_bytes(), "widgets/anywidget.js")
    files = importlib.metadata.files("anywidget") or []
    licence = next(file for file in files if file.name == "LICENSE")
    put(licence.read_text().encode(), "licences/anywidget.txt")
    SUMS.write_text(sums())


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if SUMS.read_text() == sums() else f"{VENDOR} differs from SHA256SUMS")
    renew()
