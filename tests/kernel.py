"""A kernel in which tests execute cells of notebooks one by one, as a reader does."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(path: Path) -> list[NotebookNode]:
    """The code cells of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def parameters(path: Path, **changes: object) -> str:
    """The parameters cell of a notebook, edited as a reader would."""
    cells = [x for x in code_of(path) if "parameters" in x.metadata.get("tags", [])]
    source = cells[0].source
    for name, value in changes.items():
        source, n = re.subn(
            rf"^({name}: \w+ =)[^#]*", rf"\1 {value!r}  ", source, flags=re.MULTILINE
        )
        assert n == 1, f"{path.stem} has no parameter {name}"
    return source


class Kernel:
    """A kernel that is running."""

    def __init__(self, client: NotebookClient) -> None:
        self.client = client

    def run(self, *sources: str) -> list[NotebookNode]:
        """Execute cells; their outputs. `nbclient.exceptions.CellExecutionError` if one fails."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        self.client.nb = nbformat.v4.new_notebook(cells=cells)
        for number, cell in enumerate(cells):
            self.client.execute_cell(cell, number)
        return [output for cell in cells for output in cell.outputs]


@contextmanager
def started(folder: Path, startup: str = "", **environment: str) -> Iterator[Kernel]:
    """A kernel in the notebooks' folder, with a startup file; what it stores goes to ``folder``,
    and it sees no published results."""
    place = folder / "ipython" / "profile_default" / "startup"
    place.mkdir(parents=True)
    (place / "00.py").write_text(startup)
    client = NotebookClient(
        nbformat.v4.new_notebook(), kernel_name="python3", timeout=None,
        resources={"metadata": {"path": str(FOLDER)}},
    )  # fmt: skip
    environment |= {
        "IPYTHONDIR": str(folder / "ipython"), "MODNOISE_STORE": str(folder / "runs"),
        "MODNOISE_RESULTS": str(folder / "none"),
    }  # fmt: skip
    with client.setup_kernel(env={**os.environ, **environment}):
        yield Kernel(client)
