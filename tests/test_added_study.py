"""Adding a paper is a folder and a line: a study made here is listed, run, resumed, checked."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pytest

import modnoise as mn
from modnoise import cli, studies
from modnoise.pages import scorecard

ROOMS = {
    "__init__": '"""A walker that halves its distance to the goal, or so, in every step."""',
    "run": """
        from typing import ClassVar
        from modnoise.spec import Trainable, field

        class WalkerRun(Trainable):
            PER_NET: ClassVar[tuple[str, ...]] = ("share", "seed")
            share: float = field(0.5, "here", "share of the distance walked", gt=0, lt=1,
                                 told="share = {}")
            steps: int = field(60, "here", "steps", ge=0)
            seed: int = field(42, "here", "where it starts", ge=0, told="seed {}")

            @property
            def operations(self) -> float:
                return 2.0 * self.steps

            @property
            def weight_bytes(self) -> int:
                return 8

        SPECS = (WalkerRun,)
        """,
    "training": """
        import time
        import numpy as np
        import torch
        from modnoise.training.loop import Kind, Trainee
        from walker.run import WalkerRun

        PAUSE = 0.0

        class Walkers:
            def __init__(self, runs):
                starts = [np.random.default_rng(run.seed).uniform(1, 2) for run in runs]
                self.at = torch.tensor(starts, dtype=torch.float64)
                self.share = torch.tensor([run.share for run in runs], dtype=torch.float64)

            def step(self):
                time.sleep(PAUSE)
                self.at -= self.share * self.at

            def tensors(self):
                return {"at": self.at}

            def restore(self, tensors, updates):
                self.at.copy_(tensors["at"])

            def arrays(self, i):
                return {"at": self.at[i : i + 1].numpy()}

        def prepare(runs, device):
            walkers = Walkers(runs)
            def rows(step):
                return [{"run": i, "step": step, "part": "full", "accuracy_test": 1 - float(x)}
                        for i, x in enumerate(walkers.at)]
            return Trainee(walkers, None, range(0, runs[0].steps + 1, 10), rows, lambda: walkers)

        KINDS = {
            WalkerRun: Kind(
                prepare=prepare,
                stack_size=lambda run, device: 8,
                restore=lambda run, arrays: arrays["at"],
                data=lambda run: None,
                title=lambda run: f"walker of {run.share:g}",
            )
        }
        """,
    "experiments": """
        from modnoise.sweep import Sweep
        from walker.run import WalkerRun

        EXPERIMENTS = (
            Sweep("walk", "How far a walker gets", "section 1", WalkerRun,
                  {"smoke": {"steps": 20}, "laptop": {}, "paper": {"steps": 600}},
                  {"share": (0.1, 0.5)}),
        )
        """,
    "claims": """
        from modnoise.claim import Claim

        def _arrives(frame):
            rows = frame[frame.step == frame.steps]
            return [(f"share {r.share:g}", f"{r.accuracy_test:.3f}", r.accuracy_test > 0.999)
                    for r in rows.itertuples()]

        CLAIMS = (
            Claim("WALK", "Every walker arrives", "section 1", "test accuracy above 0.999",
                  _arrives, over=("share",), same="part"),
        )
        """,
    "parameters": """
        from typing import ClassVar
        from modnoise.spec import Spec

        class WalkParameters(Spec):
            NOTEBOOK: ClassVar[str] = "20_walk"
            scale: str
            share: float

        PARAMETERS = (WalkParameters,)
        """,
}


@pytest.fixture
def walker(tmp_path: Path, monkeypatch):
    """The study, one folder and one line; its module ``training``."""
    folder = tmp_path / "new" / "walker"
    folder.mkdir(parents=True)
    for room, source in ROOMS.items():
        (folder / f"{room}.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setattr(studies, "STUDIES", [*studies.STUDIES, "walker"])
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("MODNOISE_RESULTS", str(tmp_path / "results"))
    yield importlib.import_module("walker.training")
    for name in [name for name in sys.modules if name.split(".")[0] == "walker"]:
        del sys.modules[name]


@pytest.fixture
def modnoise(capsys):
    """Run a command line here; its standard output."""

    def call(line: str) -> str:
        with pytest.raises(SystemExit) as done:
            cli.main(line.split())
        out, err = capsys.readouterr()
        assert done.value.code == 0, err
        return out

    return call


def test_nothing_knew_the_study_before():
    assert "walk" not in mn.EXPERIMENTS
    assert "WALK" not in mn.CLAIMS
    with pytest.raises(mn.SpecError, match="kind = 'WalkerRun' is not known"):
        studies.spec_from({"kind": "WalkerRun"})


def test_it_is_listed_and_its_setting_told(walker, modnoise):
    assert "walk: How far a walker gets (section 1)\n  smoke      2 runs" in modnoise("list")
    assert mn.EXPERIMENTS["walk"].told("laptop").splitlines() == [
        "laptop scale: 2 runs; share = 0.1, 0.5; seed 42",
        "modnoise run walk --scale laptop",
    ]


def test_its_runs_are_trained_cut_short_resumed_and_recorded(walker, modnoise, monkeypatch):
    runs = mn.EXPERIMENTS["walk"].runs("laptop")
    monkeypatch.setattr(walker, "PAUSE", 0.02)  # so that no machine takes all 60 steps in time
    assert "stopped after 0.1s. 2 runs: 0 recorded, 2 begun" in modnoise("run walk --budget 0.1s")
    monkeypatch.setattr(walker, "PAUSE", 0.0)
    assert "walk, laptop: 2 runs trained" in modnoise("run walk")
    results = mn.load_or_train(runs, progress=False)
    assert len(results.report.trained) == 0
    for run, one in zip(runs, results, strict=True):
        start = np.random.default_rng(run.seed).uniform(1, 2)
        assert one.nets[0] == pytest.approx(start * (1 - run.share) ** 60, rel=1e-9)
        assert one.history.step.tolist() == [*range(0, 61, 10)]
        far = 1 - start * (1 - run.share) ** one.history.step.to_numpy()
        assert one.history.accuracy_test.to_numpy() == pytest.approx(far)
    assert f"run       {runs[0].key}" in modnoise(f"show {runs[0].key}")


def test_its_claim_is_checked_and_stands_on_the_scorecard(walker, tmp_path):
    runs = mn.EXPERIMENTS["walk"].runs("laptop")
    curves = mn.curves(runs, mn.load_or_train(runs, progress=False))
    verdict = mn.check("WALK", curves, scale="laptop")
    assert verdict.state == "holds in part"  # 0.9^60 of 1 to 2 is above 0.0018
    assert [text.split()[-1] for text in verdict.measured] == ["(fails)", "(holds)"]
    assert verdict.setting == "seed 42"
    output = nbformat.v4.new_output("display_data", data=verdict._repr_mimebundle_())
    page = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A walk"),
            nbformat.v4.new_code_cell("verdict", outputs=[output]),
        ]
    )
    nbformat.write(page, tmp_path / "20_walk.ipynb")
    card = scorecard.read(tmp_path)
    assert card[["claim", "state", "title"]].values.tolist() == [
        ["WALK", "holds in part", "A walk"]
    ]


def test_its_notebooks_parameters_are_checked(walker):
    checked = mn.check_parameters({"scale": "smoke", "share": 0.5}, "20_walk")
    assert checked.share == 0.5
    with pytest.raises(mn.SpecError, match="unknown parameter 'shar'; did you mean share"):
        mn.check_parameters({"scale": "smoke", "share": 0.5, "shar": 1.0}, "20_walk")
