"""The wheel, built from the source archive, works where nothing else of modnoise is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = ("modnoise", "pyproject.toml", "README.md", "LICENSE")  # of the checkout, as tests may not

TRY = """
import json
from pathlib import Path

import modnoise as mn
from modnoise.facts.widgets import Live

run = mn.EXPERIMENTS["fig2"].runs("smoke")[0].but(steps=3)
trained = mn.load_or_train(run, store="own", progress=False)
print(json.dumps({
    "package": str(Path(mn.__file__).parent),
    "version": mn.__version__,
    "steps": int(trained.history.step.max()),
    "shape": list(trained.nets.U.shape[1:]),
    "script": len(str(Live._esm)),
    "asked": [run.width, run.p],
    "again": len(mn.load_or_train([run], store="own", progress=False).report.trained),
    "commit": json.loads(next(Path("own").glob("*/manifest.json")).read_text())["commit"],
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A fresh environment with the wheel, and the other packages of this one behind it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in HERE:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    dist = folder / "dist"
    called(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source)
    called(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir())
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    assert sdist.name.removesuffix(".tar.gz") == "-".join(wheel.name.split("-")[:2])
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    site = Path(called(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    called(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
           "--quiet", wheel)  # fmt: skip
    # Their folder alone, not what it links to: the editable modnoise stays out.
    import numpy

    (site / "others.pth").write_text(str(Path(numpy.__file__).parents[1]))
    return python


def called(*words: object, **options) -> str:
    """What a command prints, in an environment that does not know this checkout."""
    clean = {name: x for name, x in os.environ.items()
             if name != "PYTHONPATH" and not name.startswith("MODNOISE_")}  # fmt: skip
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, env=clean, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_the_wheel_trains_lists_and_has_the_files_of_its_widgets(installed, tmp_path):
    told = json.loads(called(installed, "-c", TRY, cwd=tmp_path).splitlines()[-1])
    package = Path(told["package"])
    assert package.is_relative_to(installed.parents[1])
    assert told["steps"] == 3
    assert told["shape"] == told["asked"]
    assert (told["again"], told["commit"]) == (0, None)
    assert told["script"] == len((ROOT / "modnoise/facts/live.js").read_text("utf-8"))
    ours = ROOT / "modnoise"
    paths = [*ours.rglob("*.js"), *ours.rglob("*.css")]
    files = {path.relative_to(ours): path.read_bytes() for path in paths}
    assert len(files) >= 10
    assert {name: (package / name).read_bytes() for name in files} == files
    command = installed.parent / "modnoise"
    assert "fig5-noise" in called(command, "list", cwd=tmp_path)
    called(command, "run", "fig5-untrained", "--scale", "smoke", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "own"] == ["runs"]
    assert list((tmp_path / "runs").glob("*/weights.safetensors"))
