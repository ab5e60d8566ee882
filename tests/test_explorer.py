"""The explorer that trains live: in this process, in a real kernel, in JupyterLab."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import TimeoutError

from modnoise.arithmetic import widgets
from modnoise.arithmetic.experiments.sizes import base_run

LONG = 200_000


def test_pressing_train_trains_what_the_controls_say():
    made = widgets.explore("smoke", width=33, steps=20, device="cpu")
    made.noise.value, made.seed.value = 0.5, 7
    made.button.click()
    made.wait()
    expected = base_run("smoke", noise=0.5, width=33, steps=20, seed=7)
    assert made.trained is not None
    assert int((made.trained.table.role == 1).sum()) == round(0.5 * expected.n_train)
    full = made.trained.history.query("part == 'full' and step == 20").iloc[0]
    assert f"<td>{full.accuracy_clean:.1%}</td>" in made.table.value
    assert "step 20 of 20" in made.table.value
    assert "<th>G_random</th>" in made.table.value
    assert made.progress.value == 20
    assert (made.button.disabled, made.cancel.disabled) == (False, True)


def test_the_controls_begin_with_a_run_that_is_given():
    run = base_run("smoke", noise=0.25, width=65, steps=70, seed=5, act="gelu", record_parts=False)
    made = widgets.explore(run, device="cpu", steps=9)
    begun = (made.noise.value, made.width.value, made.steps.value, made.seed.value)
    assert begun == (0.25, 65, 9, 5)
    made.button.click()
    made.wait()
    assert made.trained.nets.act == "gelu"
    assert "<th>G_random</th>" in made.table.value


def test_cancel_stops_a_training_and_the_next_one_works():
    made = widgets.explore("smoke", width=33, steps=LONG, device="cpu")
    made.button.click()
    assert (made.button.disabled, made.cancel.disabled) == (True, False)
    made.button.click()  # a second press while it trains begins nothing
    made.cancel.click()
    made.wait()
    assert made.trained is None
    assert 0 < made.progress.value < LONG
    assert f"Cancelled after {made.progress.value:,} of 200,000 steps" in made.table.value
    made.steps.value = 5
    made.button.click()
    made.wait()
    assert made.trained is not None


def test_what_cannot_be_trained_is_told_in_the_table(monkeypatch):
    made = widgets.explore("smoke", act="relu", steps=5, device="cpu")
    made.noise.min, made.noise.value = -1, -0.5
    made.button.click()
    assert "role='alert'>noise = -0.5 is not allowed" in made.table.value
    assert not made.button.disabled


CELL = """
import modnoise as mn
explorer = mn.widgets.explore("smoke", width=33, steps=200000)
print(explorer.button.model_id, explorer.cancel.model_id)
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=600)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def messages(client, code: str):
    """Type and content of what a cell gives out until it is done."""
    asked = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=600)
        if message["parent_header"].get("msg_id") == asked:
            kind, content = message["msg_type"], message["content"]
            assert kind != "error", content
            if kind == "status" and content["execution_state"] == "idle":
                return
            yield kind, content


def printed(client, code: str) -> str:
    """What a cell prints."""
    return "".join(x["text"] for kind, x in messages(client, code) if kind == "stream")


BAR = """
import modnoise as mn
from modnoise.training import loop
loop.BAR_AFTER = 0.0  # as if all machines were slow
mn.train(mn.Run(p=7, width=8, steps=30));
"""


def test_a_progress_bar_goes_to_the_error_stream_and_is_no_output_of_the_page(kernel):
    """What a page shows first is its answer, on slow machines too."""
    seen = [
        (kind, x) for kind, x in messages(kernel, BAR) if kind not in ("status", "execute_input")
    ]
    assert {(kind, x.get("name")) for kind, x in seen} == {("stream", "stderr")}
    assert "30/30" in "".join(x["text"] for _, x in seen)


def press(client, button: str) -> None:
    """Click a button as a page does."""
    content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
    client.shell_channel.send(client.session.msg("comm_msg", content))


def test_in_a_kernel_other_cells_run_while_it_trains_and_cancel_is_heard(kernel):
    train, cancel = printed(kernel, CELL).split()
    press(kernel, train)
    seen = set()
    while len(seen) < 2:  # the bar moves while the kernel answers
        seen.add(printed(kernel, "print(explorer.progress.value)"))
    press(kernel, cancel)
    told = printed(kernel, "explorer.wait(); print(explorer.table.value, explorer.trained)")
    assert "nothing is kept" in told
    assert told.endswith("None\n")


@contextmanager
def jupyterlab(folder):
    """Address of a JupyterLab server that serves ``folder``."""
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--ServerApp.port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.ip=127.0.0.1",
    ]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config")}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}/"
            while True:
                assert server.poll() is None, (folder / "log").read_text()
                with suppress(OSError):
                    urllib.request.urlopen(address + "api", timeout=60).close()
                    break
            yield address
        finally:
            server.terminate()
            server.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_in_jupyterlab_a_reader_presses_train_and_reads_the_table(browser, tmp_path):
    code = 'import modnoise as mn\nmn.widgets.explore("smoke", width=33, steps=20)'
    page_of = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    page_of.metadata.kernelspec = {"display_name": "Python 3", "name": "python3"}
    nbformat.write(page_of, tmp_path / "live.ipynb")
    with jupyterlab(tmp_path) as address:
        page = browser.new_page()
        dialog = page.locator(".jp-Dialog .jp-mod-accept").first  # under load: which kernel?
        page.add_locator_handler(dialog, lambda accept: accept.click())
        page.goto(f"{address}lab/tree/live.ipynb")
        train = page.get_by_role("button", name="Train")
        for _ in range(40):  # the page hears no key before it has a kernel, and says so nowhere
            page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
            page.keyboard.press("Shift+Enter")
            with suppress(TimeoutError):
                train.wait_for(timeout=20_000)
                break
        train.click()
        page.get_by_text("step 20 of 20").wait_for()
        assert page.locator(".jp-OutputArea th", has_text="G_random").count() == 1
        page.close()
