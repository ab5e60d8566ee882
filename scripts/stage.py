"""Lay the book's sources beside the executed notebooks, as they lie in the repository.

``python scripts/stage.py STAGE NOTEBOOK...``: copies configuration and prose into STAGE and
removes pages there whose notebook is gone.
"""

import shutil
import sys
from pathlib import Path

FILES = ("_config.yml", "_toc.yml", "index.md", "CHANGELOG.md", "results/verdicts.md")


def stage(target: Path, notebooks: list[Path]) -> None:
    """Copy the prose to ``target``; keep of its notebooks only those in ``notebooks``."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(name, target / name)
    shutil.rmtree(target / "book", ignore_errors=True)
    shutil.copytree("book", target / "book", ignore=shutil.ignore_patterns("__pycache__"))
    for page in target.glob("notebooks/*"):
        if page.relative_to(target) not in notebooks:
            page.unlink()


if __name__ == "__main__":
    stage(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
