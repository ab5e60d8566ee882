"""The command line: what it prints, its exit codes, one line for every mistake."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from typer.main import get_command

from modnoise import __version__, cli, console, studies
from modnoise.arithmetic.run import Run
from modnoise.spec import SpecError
from modnoise.store import provenance, publish, records
from modnoise.store.files import digest, state_facts
from modnoise.store.load import load_or_train
from modnoise.store.provenance import CHECKOUT, commit
from modnoise.store.records import Store, duration
from modnoise.studies import EXPERIMENTS
from modnoise.sweep import selected


@dataclass(frozen=True)
class Tiny:
    """An experiment of two small runs, whatever the scale."""

    name = "tiny"
    title = "A small experiment"
    paper = "Fig. 0"
    scales = ("smoke", "laptop", "paper")

    def runs(self, scale: str) -> list[Run]:
        steps = {"smoke": 20, "laptop": 40, "paper": 60}[scale]
        return [Run(p=7, width=8, steps=steps, noise=noise) for noise in (0.0, 0.5)]


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    declared = {"tiny": Tiny(), "fig2": Tiny()}
    monkeypatch.setattr(studies, "EXPERIMENTS", declared)
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("MODNOISE_RESULTS", str(tmp_path / "results"))


@pytest.fixture
def modnoise(capsys):
    """Run a command line here; exit code, stdout, stderr."""

    def call(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            cli.main(line.split())
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return call


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), **more}


LASTED = r"\d+(?:\.\d)? (?:s|min|h)"
"""How long something took or will take, on any machine."""
PLAN = (
    r"2 runs: {0} recorded, 0 begun, {1} to begin\n"
    rf"  {{1}} x add p=7 M=8, 20 steps: about {LASTED}\n"
    rf"time: about {LASTED} on .* \(1 of 1 shapes timed in {LASTED}\)\n"
    r"disk: 0\.\d MB needed, [\d,]+ MB free in .*runs\n"
)


def test_run_plans_trains_what_is_missing_and_says_so(modnoise):
    code, out, _ = modnoise("run tiny --scale smoke --only noise=0.5")
    assert code == 0
    assert out.startswith("1 run: 0 recorded, 0 begun, 1 to begin\n")
    assert re.fullmatch(
        rf"tiny, smoke: 1 run trained \({LASTED}; no record yet\)", out.splitlines()[-1]
    )
    _, out, _ = modnoise("run tiny --scale smoke")
    assert re.fullmatch(
        PLAN.format(1, 1) + rf"tiny, smoke: 1 run loaded \(recorded [\d-]+, cpu, {LASTED}\) · "
        rf"1 run trained \({LASTED}; no record yet\)\n",
        out,
    )
    assert all(Store().find(run)[0] for run in Tiny().runs("smoke"))
    assert modnoise("run tiny --scale smoke")[1].startswith("tiny, smoke: 2 runs loaded")


def test_progress_is_told_over_runs_with_the_time_left(modnoise, caplog):
    caplog.set_level("INFO")
    modnoise("run tiny --scale smoke --only noise=0.5")
    line = rf"1 of 1 run, about 0\.0 s left: 1 x add p=7 M=8, 20 steps took {LASTED}"
    assert re.fullmatch(line, caplog.messages[-1])


def test_a_plan_alone_writes_nothing(modnoise):
    code, out, _ = modnoise("run tiny fig2 --scale smoke --plan")
    assert code == 0
    assert re.fullmatch(PLAN.format(0, 2), out)
    assert not Store().root.exists()
    modnoise("run tiny --scale smoke")
    assert modnoise("run tiny --scale smoke --plan")[1] == "2 runs: all recorded\n"


def test_a_budget_ends_with_a_checkpoint_and_the_same_command_goes_on(monkeypatch, modnoise):
    run = Run(p=7, width=8, steps=1_500)
    monkeypatch.setattr(Tiny, "runs", lambda self, scale: [run, run.but(width=9, steps=30)])
    steps = []
    for _ in range(3):  # too short for more than some steps
        code, out, _ = modnoise("run tiny --budget 0.01s")
        assert code == 0
        assert re.search(
            r"\ntiny, laptop: stopped after 0\.01s\. 2 runs: 0 recorded, 1 begun \(\d+%\), "
            rf"1 to begin; about {LASTED} left; the same command goes on\n$",
            out,
        )
        steps.append(state_facts(Store().checkpoint([run.key], "cpu"))["step"])
    assert steps == sorted(set(steps))
    assert modnoise("run tiny --budget 1.5h")[0] == 0
    again = load_or_train([run], store=Store().root / "elsewhere", progress=False)
    folders = [root / run.key for root in (Store().root, Store().root / "elsewhere")]
    weights, expected = [(path / "weights.safetensors").read_bytes() for path in folders]
    assert again
    assert weights == expected


def test_list_shows_reference_runs_cost_and_what_is_recorded(modnoise, monkeypatch):
    modnoise("run tiny --scale laptop --only noise=0.5")
    modnoise("run tiny --scale smoke")
    half, *both = [manifest(run) for run in (Tiny().runs("laptop")[1], *Tiny().runs("smoke"))]
    code, out, _ = modnoise("list")
    assert code == 0
    head, smoke, laptop, paper = out.splitlines()[:4]
    assert head == "tiny: A small experiment (Fig. 0)"
    # 2 runs x 6 x 24 pairs x 8 neurons x 7 classes x 20 steps
    cost = f"{sum(m['core_seconds'] for m in both):.0f}"
    assert smoke.split() == f"smoke 2 runs 323 kFLOP 2 recorded 0 missing {cost} core-s".split()
    left = duration(half["seconds"])  # the other half takes as long
    assert (
        laptop.split()
        == (
            f"laptop 2 runs 645 kFLOP 1 recorded 1 missing {half['core_seconds']:.0f} core-s, "
            f"about {left} left"
        ).split()
    )
    assert re.fullmatch(r" +paper +2 runs +968 kFLOP +0 recorded +2 missing", paper)


def test_list_counts_gpus_and_what_is_damaged_and_reads_no_large_file(modnoise, monkeypatch):
    modnoise("run tiny --scale smoke")
    runs = Tiny().runs("smoke")
    change(runs[0], device="cuda", device_name="H200", seconds=7_000.0)
    change(runs[1], threads=2, seconds=700.0, core_seconds=1_400.0)
    read = Path.read_bytes

    def manifests_only(path):
        assert path.name == "manifest.json"
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", manifests_only)
    assert modnoise("list")[1].splitlines()[1].endswith(" 1,400 core-s + 7,000 GPU-s")
    (Store().root / runs[0].key / "weights.safetensors").write_bytes(b"")
    line = modnoise("list")[1].splitlines()[1]
    assert " 1 recorded    1 missing (1 damaged)  1,400 core-s, about 12 min left" in line


def manifest(run: Run) -> dict:
    return json.loads((Store().root / run.key / "manifest.json").read_text())


def change(run: Run, **facts) -> None:
    """Change a manifest as if it had been written so."""
    new = {**manifest(run), **facts}
    del new["sha256"]
    path = Store().root / run.key / "manifest.json"
    path.write_text(json.dumps({**new, "sha256": digest(new)}))


def test_show_finds_a_run_by_the_beginning_of_its_key(modnoise):
    run = Tiny().runs("smoke")[1]
    result = load_or_train(run, progress=False)
    final = result.history[result.history["step"] == 20].iloc[-1]
    code, out, _ = modnoise(f"show {run.key[:7]}")
    assert code == 0
    assert f"run       {run.key}\n" in out
    assert "fields    p=7 noise=0.5 width=8 steps=20\n" in out
    assert re.search(r"^files .*history.parquet [\d,]+ bytes, weights", out, re.MULTILINE)
    assert "accuracy at step 20:" in out
    header, row = out.splitlines()[-2:]
    assert header.split() == ["clean", "noisy", "recovered", "val", "test"]
    assert row.split() == ["full", *(f"{final[f'accuracy_{x}']:.1%}" for x in header.split())]


def test_show_of_a_run_that_is_not_there_names_near_ones(modnoise):
    code, _, err = modnoise("show 1234")
    assert (code, err) == (2, "modnoise: run '1234' is not recorded, nor is any other run\n")
    modnoise("run tiny --scale smoke")
    keys = sorted(run.key for run in Tiny().runs("smoke"))
    code, out, err = modnoise(f"show {keys[0][:-1]}x")
    assert (code, out) == (2, "")
    assert f"is not recorded; near ones: {keys[0]}" in err
    assert err.count("\n") == 1


def test_show_of_a_damaged_run_says_what_is_damaged(modnoise):
    modnoise("run tiny --scale smoke")
    folder = Store().root / Tiny().runs("smoke")[0].key
    (folder / "history.parquet").write_bytes(b"")
    code, _, err = modnoise(f"show {folder.name}")
    assert code == 1
    assert re.fullmatch(
        rf"modnoise: {folder} is damaged: history\.parquet has 0 bytes instead of \d+\n", err
    )


def test_show_of_a_run_whose_folder_is_gone_says_so(modnoise):
    gone = Store().root / "0123456789ab"
    gone.parent.mkdir(parents=True, exist_ok=True)
    gone.symlink_to("nowhere")
    code, out, err = modnoise("show 0123")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert str(gone) in err


def test_publish_copies_curves_and_the_chosen_weights(modnoise):
    modnoise("run tiny --scale smoke")
    code, out, _ = modnoise("publish tiny --scale smoke --weights-for noise=0.5")
    results = Store().published
    assert (code, out) == (0, f"2 runs, 1 of them with weights, in {results} (2 written)\n")
    names = sorted(path.name for path in (results / "tiny").iterdir())
    assert names == ["runs.json", "smoke.parquet", "smoke.safetensors"]
    whole = Store().find(Tiny().runs("smoke")[1], weights=True)[0].tensors
    with safe_open(results / "tiny" / "smoke.safetensors", "np") as file:
        key = Tiny().runs("smoke")[1].key
        assert sorted(file.keys()) == sorted(f"{key}/{name}" for name in whole)
    assert modnoise("publish tiny --scale smoke")[1].endswith("(0 written)\n")
    assert modnoise("publish tiny --scale smoke --weights-for all")[1].endswith("(1 written)\n")
    shutil.rmtree(Store().root)
    assert "2 runs loaded" in modnoise("run tiny --scale smoke")[1]
    assert "   2 recorded" in modnoise("list")[1]
    shown = modnoise(f"show {Tiny().runs('smoke')[0].key}")[1]
    assert re.search(r"^files     tiny/smoke.parquet [\d,]+ bytes, tiny/smoke.saf", shown, re.M)


MISTAKES = {
    "run tinny": (2, "unknown experiment 'tinny'; did you mean tiny? (allowed: tiny, fig2)"),
    "run tiny --scale lap": (
        2, "unknown scale 'lap'; did you mean laptop? (allowed: smoke, laptop, fast, paper)",
    ),
    "run tiny --only nose=1": (2, "unknown field 'nose'; did you mean noise? (allowed: op, "),
    "run tiny --only noise=0.7": (2, "no run has noise = 0.7 (there is 0.0, 0.5)"),
    "run tiny --only noise": (2, "'noise' is not allowed: it must be FIELD=VALUE"),
    "run tiny --device tpu": (2, "device = 'tpu' is not allowed: it must be 'cpu' or 'cuda'"),
    "run tiny --budget 9x": (
        2, "budget = '9x' is not allowed: it must be a positive number of s, m or h, as 90s, 9m",
    ),
    "run tiny --budget m": (2, "budget = 'm' is not allowed"),
    "run tiny --budget 0s": (2, "budget = '0s' is not allowed"),
    "run tiny --budget infm": (2, "budget = 'infm' is not allowed"),
    "export FILE.d tinny": (2, "unknown experiment 'tinny'; did you mean tiny?"),
    "export FILE.d --only noise=0": (2, "--only is not allowed without EXPERIMENT"),
    "export FILE.d": (2, "nothing to export: none of the runs is recorded or begun in "),
    "export FILE/d": (1, "cannot write FILE/d: Not a directory"),
    "export": (2, "Missing argument 'FOLDER'"),
    "import FILE.d": (2, "FILE.d/index.json is missing: there is no finished export"),
    "run tiny --workers 0": (2, "Invalid value for '--workers': "),
    "run tiny --wrkers 2": (2, "No such option: --wrkers"),
    "run": (2, "Missing argument 'EXPERIMENT...'"),
    "walk": (2, "No such command 'walk'"),
    "publish tiny": (1, f"{Tiny().runs('laptop')[0].key} is not recorded in "),
    "run tiny --store FILE/runs": (1, "cannot write results to FILE/runs: Not a directory; "),
    "run tiny --workers 2 --store FILE/runs": (1, "cannot write results to FILE/runs: "),
}  # fmt: skip


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_and_an_exit_code(modnoise, tmp_path, line):
    (tmp_path / "file").write_text("")
    expected, message = MISTAKES[line]
    code, out, err = modnoise(line.replace("FILE", str(tmp_path / "file")))
    assert (code, out) == (expected, "")
    assert err.startswith(f"modnoise: {message}".replace("FILE", str(tmp_path / "file")))
    assert err.count("\n") == 1


COMMANDS = ("run", "list", "show", "publish", "export", "import")


@pytest.mark.parametrize("line", ["", "--help", *(f"{x} --help" for x in COMMANDS)])
def test_help_is_on_stdout_and_shows_examples(modnoise, line):
    code, out, err = modnoise(line)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")
    if line not in ("", "--help"):
        assert re.search(rf"\n  Examples?:\n    modnoise {line.split()[0]}\b", out)


def test_conditions_must_all_hold_and_take_words_numbers_and_truth_values():
    runs = [Run(p=7, noise=n, tied=t, op=o) for n in (0.0, 0.5) for t in (True, False)
            for o in ("add", "sub")]  # fmt: skip
    assert selected(runs, []) == runs
    assert selected(runs, ["noise=0.5", "tied=True", "op=sub"]) == [
        Run(p=7, noise=0.5, tied=True, op="sub")
    ]
    assert len(selected(runs, ["noise=0"])) == 4
    with pytest.raises(SpecError, match="no run has tied = 2"):
        selected(runs, ["noise=0", "tied=2"])


def test_a_mistake_leaves_no_traceback_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "modnoise", "run", "fig22"],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("modnoise: unknown experiment 'fig22'; did you mean fig2")
    assert done.stderr.count("\n") == 1


def test_workers_share_the_runs_and_the_plan_is_printed_once():
    words = ["run", "fig3", "--scale", "smoke", "--only", "width=129", "--budget", "1h"]
    done = subprocess.run(
        [sys.executable, "-m", "modnoise", *words, "--workers", "2"],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plan, *_, report = done.stdout.splitlines()
    n = int(plan.split()[0])
    assert plan == f"{n} runs: 0 recorded, 0 begun, {n} to begin"
    assert re.search(r"\ntime: about .*, \d.* with 2 workers \(", done.stdout)
    assert report.startswith(f"fig3, smoke: {n} runs trained (")
    assert len(done.stdout.splitlines()) == 5
    assert f"{n} of {n} runs, about 0.0 s left\n" in done.stderr


def test_a_budget_is_what_is_left_of_it_for_each_worker_and_no_worker_plans(modnoise, monkeypatch):
    started = []

    class Done:
        returncode = 0

        def __init__(self, command, **options):
            started.append((command, options["env"]["MODNOISE_WORKER"]))

        def poll(self) -> int:
            return 0

    commit()  # asks git, by Popen, and remembers
    monkeypatch.setattr(subprocess, "Popen", Done)
    code, out, _ = modnoise("run tiny --scale smoke --workers 3 --budget 1h --only noise=0.5")
    assert code == 0
    assert out.splitlines()[-1].startswith("tiny, smoke: stopped after 1h. 1 run: 0 recorded, 0 b")
    assert len(started) == 3
    for command, worker in started:
        assert worker == "1"
        start = command.index("run")
        assert command[start : start + 6] == ["run", "tiny", "--scale", "smoke", "--device", "cpu"]
        assert 0 < float(command[command.index("--budget") + 1].removesuffix("s")) < 3600
        assert command[command.index("--only") + 1] == "noise=0.5"
        assert "--plan" not in command
        assert "--workers" not in command
    monkeypatch.setenv("MODNOISE_WORKER", "1")
    out = modnoise("run tiny --scale smoke")[1]
    assert re.fullmatch(r"tiny, smoke: 2 runs trained \(.*\)\n", out)


def test_a_worker_that_dies_is_told(modnoise, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    code, _, err = modnoise("run tiny --scale smoke --workers 2")
    assert code == 1
    assert err.splitlines()[-1] == "modnoise: 2 of 2 workers failed, see above"


def test_export_and_import_say_what_they_moved(modnoise, tmp_path):
    modnoise("run tiny --scale smoke")
    modnoise("run tiny --scale laptop --only noise=0.5")
    out = modnoise(f"export {tmp_path}/all")[1]
    assert re.fullmatch(
        rf"exported 3 records, 0 checkpoints to {tmp_path}/all: 2 files, 0\.\d MB\n", out
    )
    out = modnoise(f"export {tmp_path}/some tiny --scale smoke --only noise=0.5")[1]
    assert out.startswith("exported 1 record, 0 checkpoints")
    elsewhere = tmp_path / "elsewhere"
    assert modnoise(f"import {tmp_path}/some --store {elsewhere}") == (
        0, f"imported 1 record, 0 checkpoints into {elsewhere}\n", ""
    )  # fmt: skip
    with Store(elsewhere).lock(Tiny().runs("smoke")[0].key):
        code, out, err = modnoise(f"import {tmp_path}/all --store {elsewhere}")
    assert code == 1
    assert out == f"imported 1 record, 0 checkpoints (1 here already) into {elsewhere}\n"
    assert err == "modnoise: 1 run in training here: import again when that is done\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_save_a_checkpoint_and_leave_with_130(number):
    words = ["run", "fig3", "--scale", "paper", "--only", "width=257", "--only", "noise=0.3"]
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal; from modnoise.cli import main; "
         "signal.signal(signal.SIGINT, signal.default_int_handler); main()", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    checkpoints = Store().checkpoints
    while process.poll() is None and not list(checkpoints.glob("*.safetensors")):
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == "modnoise: interrupted; the same command goes on from the last checkpoint\n"
    (path,) = checkpoints.glob("*.safetensors")
    assert state_facts(path)["step"] > 0


def test_sigterm_to_the_parent_alone_stops_the_workers_with_checkpoints():
    words = ["run", "fig3", "--scale", "paper", "--only", "width=257", "--only",
             "optimizer=adamw", "--workers", "2"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "modnoise", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    checkpoints = Store().checkpoints
    while process.poll() is None and len(list(checkpoints.glob("*.safetensors"))) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == "modnoise: interrupted; the same command goes on from the last checkpoint\n"
    assert all(state_facts(path)["step"] > 0 for path in checkpoints.glob("*.safetensors"))


def test_a_terminal_shows_a_bar_with_rate_and_a_pipe_or_a_worker_does_not(monkeypatch, modnoise):
    asked = []
    monkeypatch.setattr("modnoise.store.campaign.fill", lambda order: asked.append(order.progress))
    for terminal, worker in ((True, False), (False, False), (True, True)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda here=terminal: here)
        if worker:
            monkeypatch.setenv("MODNOISE_WORKER", "1")
        assert modnoise("run tiny --scale smoke")[0] == 0
    assert asked == [True, False, False]


# --- what a terminal, a shell and an installation make of it


def test_the_version_is_told(modnoise):
    assert modnoise("--version") == (0, f"modnoise {__version__}\n", "")


IN_ONE_PROCESS = """
import sys
from modnoise import cli
for line in sys.argv[1:]:
    try:
        cli.main(line.split())
    except SystemExit as done:
        assert done.code == 0, line
"""


def test_no_report_is_lost_in_an_encoding_without_our_signs(modnoise, tmp_path):
    modnoise("run tiny --scale smoke")
    save_file({"U": torch.eye(9, 7), "W": torch.eye(7, 9)}, tmp_path / "né².safetensors")
    lines = ["list", "run fig5-noise --scale smoke --plan", f"show {Tiny().runs('smoke')[0].key}",
             f"inspect {tmp_path / 'né².safetensors'}"]  # fmt: skip
    told = {}
    for name in ("utf-8", "cp932", "gbk", "cp1251", "ascii"):
        done = subprocess.run(
            [sys.executable, "-c", IN_ONE_PROCESS, *lines], capture_output=True, check=False,
            env=environment(
                PYTHONIOENCODING=name, PYTHONUTF8="0", MODNOISE_RESULTS=str(tmp_path / "none")
            ),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode(name)
        told[name] = done.stdout.decode(name).splitlines()
    whole = told.pop("utf-8")
    timed = next(i for i, text in enumerate(whole) if text.startswith("time: about"))
    for name, found in told.items():
        expected = ["".join(degraded(x, name) for x in text) for text in whole]
        assert len(found) == len(expected)
        assert found[: timed - 4] == expected[: timed - 4]  # what a plan measures differs
        assert found[timed + 2 :] == expected[timed + 2 :]


def degraded(sign: str, encoding: str) -> str:
    try:
        return sign.encode(encoding).decode(encoding)  # of cp932 a minus comes back wider
    except UnicodeEncodeError:
        return {**console.SIGNS, "é": "e"}[sign]


def test_every_sign_that_the_command_line_may_print_has_its_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="")
    console.degrade(stream)
    titles = "\n".join(f"{x.title} ({x.paper})" for x in EXPERIMENTS.values())
    stream.write(titles)
    stream.flush()
    assert stream.buffer.getvalue().count(b"?") == titles.count("?")
    stream.write("\udcff日")  # a file's name that is no text, and one in another script
    stream.flush()
    assert stream.buffer.getvalue().endswith(b"??")


def test_an_encoding_error_that_the_caller_handles_otherwise_stays_so():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="xmlcharrefreplace")
    console.degrade(stream, io.StringIO())
    stream.write("é")
    stream.flush()
    assert stream.buffer.getvalue() == b"&#233;"


def test_the_home_folder_is_meant_where_no_shell_has_said_so(modnoise, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    modnoise("run tiny --scale smoke --store=~/mine")
    assert len(Store(tmp_path / "home" / "mine").places()) == 2
    monkeypatch.setenv("MODNOISE_STORE", "~/mine")
    assert modnoise("run tiny --scale smoke")[1].startswith("tiny, smoke: 2 runs loaded")
    assert modnoise("export ~/out")[0] == 0
    assert (tmp_path / "home" / "out" / "index.json").exists()


@pytest.mark.parametrize("text", [".5", "0.50", "5e-1", "+.5", "0.5"])
def test_a_number_is_understood_however_it_is_written(text):
    assert [run.noise for run in selected(Tiny().runs("smoke"), [f"noise={text}"])] == [0.5]


def test_an_installed_package_publishes_nothing_into_itself(modnoise, monkeypatch, tmp_path):
    modnoise("run tiny --scale smoke")
    installed = tmp_path / "site-packages"
    installed.mkdir()
    for module in (provenance, records, publish):
        monkeypatch.setattr(module, "CHECKOUT", installed)
    monkeypatch.delenv("MODNOISE_RESULTS")
    code, out, err = modnoise("publish tiny --scale smoke")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "MODNOISE_RESULTS" in err
    assert list(installed.iterdir()) == []
    monkeypatch.setenv("MODNOISE_RESULTS", str(tmp_path / "elsewhere"))
    assert modnoise("publish tiny --scale smoke")[0] == 0
    assert (tmp_path / "elsewhere" / "tiny" / "runs.json").exists()


# --- what the pages say

COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S+ )?(?:modnoise|python slurm\.py) (.*?)(?: &)?$", re.MULTILINE
)
PAGES = ("README.md", "book/campaigns.md", "book/cluster.md")


def documented() -> list[str]:
    """Every command line of this package on the pages, without its name."""
    pages = [(CHECKOUT / page).read_text(encoding="utf-8") for page in PAGES]
    blocks = [
        x for page in pages for x in re.findall(r"```(?:bash|sh)\n(.*?)```", page, re.DOTALL)
    ]
    lines = [re.sub(r"\\\n *", "", block) for block in blocks]
    return sorted({line for block in lines for line in COMMAND.findall(block)})


@pytest.mark.parametrize("line", documented())
def test_a_command_on_a_page_has_experiments_and_options_that_exist(monkeypatch, line):
    monkeypatch.setattr(studies, "EXPERIMENTS", EXPERIMENTS)
    name, *words = shlex.split(line)
    given = get_command(cli.app).commands[name].make_context(name, words).params
    if given.get("experiments"):
        runs = cli._runs(given["experiments"], given["scale"], given["only"])
        assert selected(runs, given.get("weights_for") or [])
    if given.get("budget"):
        assert console.seconds(given["budget"]) > 0


def test_the_pages_show_every_command():
    assert {line.split()[0] for line in documented()} | {"show"} == set(COMMANDS)
