"""Every page runs twice in one kernel, with another parameter the second time."""

from __future__ import annotations

import pytest
from kernel import NOTEBOOKS, code_of, parameters, started

from modnoise.pages.answer import ANSWER

VARIED = {"11_consistency_distillation": {"n": 41}}
"""What is changed on pages that know no label noise."""

STARTUP = """
from modnoise.pages import style
style._written = lambda theme, fig: b""  # figures are made, and neither laid out nor written
style._spread_labels = lambda fig: None
p, chance, test = 5, "mine", "mine"
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for all pages: each also finds what the others have left."""
    with started(tmp_path_factory.mktemp("again"), STARTUP) as kernel:
        yield kernel


def told(outputs) -> set[str]:
    """What tells a page's runs apart: the text of its answer, which is not always about the chosen
    run, and the run that its last line names."""
    data = [output.get("data", {}) for output in outputs]
    last = [x["text/plain"] for x in data if "mn-colophon" in x.get("text/html", "")]
    answer = next(x[ANSWER]["text"] for x in data if ANSWER in x)
    return {answer, *(text.split(" · ")[0] for text in last)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_runs_a_parameter_is_changed_and_it_runs_again(path, kernel):
    """At smoke scale; the page is then about the other run."""
    rest = [x.source for x in code_of(path) if "parameters" not in x.metadata.get("tags", [])]
    if path.stem == "99_scorecard":
        small, change = {}, {"folder": "../notebooks"}
    else:
        small, change = {"scale": "smoke", "seed": 7}, VARIED.get(path.stem, {"noise": 0.5})
    first = told(kernel.run(parameters(path, **small), *rest))
    second = told(kernel.run(parameters(path, **small, **change), *rest))
    assert (second == first) == (path.stem == "99_scorecard")  # which is of the same folder
