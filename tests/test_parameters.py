"""Notebook parameters: what papermill lets through is refused here, in one line."""

from __future__ import annotations

import math

import pytest

from modnoise.parameters import FiltrationParameters, QuickstartParameters, check_parameters
from modnoise.spec import SpecError

GOOD = {"scale": "smoke", "noise": 0.5, "width": 33, "op": "add", "act": "relu", "seed": 1}


def refusal(**changes):
    with pytest.raises(SpecError) as caught:
        check_parameters({**GOOD, **changes}, FiltrationParameters)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_good_values_pass_among_everything_ipython_keeps_in_a_namespace():
    kept = {"In": ["x"], "Out": {}, "_": 1, "_i1": "x", "__name__": "x", "exit": print, "m": math}
    params = check_parameters({**GOOD, **kept}, FiltrationParameters)
    assert params.model_dump() == GOOD


def test_a_whole_number_is_a_noise_ratio_too():
    assert check_parameters({**GOOD, "noise": 1}, FiltrationParameters).noise == 1.0


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"nosie": 0.5}, ["unknown parameter 'nosie'", "did you mean noise?", "scale, noise"]),
        ({"noise": 1.7}, ["noise = 1.7", "less than or equal to 1"]),
        ({"noise": "abc"}, ["noise = 'abc'", "number"]),
        ({"noise": float("nan")}, ["noise = nan", "finite"]),
        ({"width": -3}, ["width = -3", "greater than or equal to 1"]),
        ({"width": 33.5}, ["width = 33.5", "integer"]),
        ({"width": True}, ["width = True", "integer"]),
        ({"scale": "huge"}, ["scale = 'huge'", "'smoke', 'laptop' or 'paper'"]),
        ({"op": "mul"}, ["op = 'mul'", "'add' or 'sub'"]),
        ({"seed": -1}, ["seed = -1"]),
    ],
)
def test_what_is_not_allowed_is_named_with_its_value(changes, parts):
    message = refusal(**changes)
    for part in parts:
        assert part in message


def test_a_parameter_that_is_not_there_is_named():
    with pytest.raises(SpecError, match="noise is missing"):
        check_parameters({"scale": "smoke", "seed": 1}, QuickstartParameters)


def test_all_problems_are_named_at_once():
    message = refusal(noise=-1.0, seed="x")
    assert "noise = -1.0" in message
    assert "seed = 'x'" in message
