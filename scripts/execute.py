"""Run a notebook with papermill at its default parameters and store it free of accidents.

``python scripts/execute.py IN.ipynb OUT.ipynb``; both may be the same file. Times, paths of this
machine, addresses and random widget identifiers are removed, so a second run gives the same file.
A failed run leaves OUT as it was and its notebook in ``_build/failed``.
"""

import json
import os
import re
import sys
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
FAILED = ROOT / "_build" / "failed"


def without_traces(notebook: NotebookNode) -> NotebookNode:
    """The notebook less what differs between two equal runs.

    >>> cell = nbformat.v4.new_code_cell("x", metadata={"papermill": {}, "tags": []})
    >>> tidy = without_traces(nbformat.v4.new_notebook(cells=[cell]))
    >>> tidy.cells[0].metadata
    {}
    """
    tidy = nbformat.from_dict(json.loads(json.dumps(notebook)))
    tidy.metadata.pop("papermill", None)
    tidy.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    tidy.metadata.language_info = {"name": "python", "file_extension": ".py"}
    for cell in tidy.cells:
        for key in ("papermill", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    text = json.dumps(tidy)
    text = re.sub(r"/[^\s\"']*?/ipykernel_\d+/\d+\.py", "<cell>", text)
    for folder, name in ((ROOT, "."), (Path.home(), "~")):
        if len(folder.parts) > 1:
            text = text.replace(str(folder), name)
    text = re.sub(r"\bat 0x[0-9a-f]{6,}", "at 0x000000000000", text)
    for new, old in enumerate(widget_models(tidy)):
        text = text.replace(old, f"{new:032x}")
    for new, old in enumerate(dict.fromkeys(re.findall(r"\bT_[0-9a-f]{5}(?![0-9a-f])", text))):
        text = text.replace(old, f"T_{new:04d}")  # tables of pandas' Styler
    return nbformat.from_dict(json.loads(text))


def widget_models(notebook: NotebookNode) -> list[str]:
    """Identifiers of all widget models, in the order in which they were made."""
    states = notebook.metadata.get("widgets", {}).values()
    return [model for kind in states for model in kind.get("state", {})]


def execute(source: Path, target: Path) -> None:
    """Run ``source`` in its own folder, one thread, and write ``target``."""
    FAILED.mkdir(parents=True, exist_ok=True)
    output = FAILED / source.name
    # The notebook in memory has its widgets in the order of their making; the file does not.
    done = papermill.execute_notebook(
        source,
        output,
        cwd=source.parent,
        kernel_name="python3",
        progress_bar=False,
        extra_arguments=["--log-level=40"],  # ipykernel warns at each start, of no interest here
    )
    tidy = without_traces(done)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    nbformat.write(tidy, partial)
    partial.replace(target)
    output.unlink()


if __name__ == "__main__":
    # A bar of progress comes on slow machines only: stored outputs have none.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TQDM_DISABLE"), "1"))
    notebook, destination = map(Path, sys.argv[1:])
    print(f"papermill {notebook}", flush=True)
    try:
        execute(notebook, destination)
    except papermill.PapermillExecutionError as error:
        sys.exit(f"{error}\n{notebook} failed; the run is kept in {FAILED / notebook.name}")
