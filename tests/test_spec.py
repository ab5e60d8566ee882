"""A run is a value: it refuses what cannot be and names it, and its key means its fields."""

from __future__ import annotations

import pytest

from modnoise.arithmetic.run import Run
from modnoise.spec import SpecError

# what a caller may get wrong -> what the one line must name: field, value, what is allowed
REFUSED = [
    ({"op": "pow"}, ["op = 'pow'", "'add', 'sub', 'mul' or 'div'"]),
    ({"p": 2}, ["p = 2", "greater than or equal to 3"]),
    ({"p": 1025}, ["p = 1025", "less than or equal to 1024"]),
    ({"p": 7.5}, ["p = 7.5", "integer"]),
    ({"p": "113"}, ["p = '113'", "integer"]),
    ({"seed": True}, ["seed = True", "integer"]),
    ({"seed": -1}, ["seed = -1", "greater than or equal to 0"]),
    ({"train_frac": 0.0}, ["train_frac = 0.0", "greater than 0"]),
    ({"val_frac": 1.0}, ["val_frac = 1.0", "less than 1"]),
    ({"test_frac": -0.1}, ["test_frac = -0.1", "greater than or equal to 0"]),
    ({"split": "mirror"}, ["split = 'mirror'", "'ordered' or 'unordered'"]),
    ({"noise": 1.5}, ["noise = 1.5", "less than or equal to 1"]),
    ({"noise": float("nan")}, ["noise = nan", "finite"]),
    ({"noise": "30%"}, ["noise = '30%'", "valid number"]),
    ({"noise_kind": "random"}, ["noise_kind = 'random'", "'symmetric' or 'bijective'"]),
    ({"width": 0}, ["width = 0", "greater than or equal to 1"]),
    ({"act": "tanh"}, ["act = 'tanh'", "'quadratic' or 'reverse_relu'"]),
    ({"tied": "yes"}, ["tied = 'yes'", "boolean"]),
    ({"init": "xavier"}, ["init = 'xavier'", "'linear' or 'normal'"]),
    ({"optimizer": "lion"}, ["optimizer = 'lion'", "'muon' or 'sgd'"]),
    ({"lr": 0.0}, ["lr = 0.0", "greater than 0"]),
    ({"lr": float("inf")}, ["lr = inf", "finite"]),
    ({"weight_decay": -0.1}, ["weight_decay = -0.1", "greater than or equal to 0"]),
    ({"beta1": 1.0}, ["beta1 = 1.0", "less than 1"]),
    ({"beta2": -0.5}, ["beta2 = -0.5", "greater than or equal to 0"]),
    ({"eps": 0.0}, ["eps = 0.0", "greater than 0"]),
    ({"optimizer": "sgd", "momentum": 1.0}, ["momentum = 1.0", "less than 1"]),
    ({"momentum": 0.9}, ["momentum = 0.9", "optimizer = 'adamw'", "use beta1"]),
    ({"warmup": -1}, ["warmup = -1", "greater than or equal to 0"]),
    ({"steps": -1}, ["steps = -1", "greater than or equal to 0"]),
    ({"record_parts": 1}, ["record_parts = 1", "boolean"]),
    ({"record_gradients": 1}, ["record_gradients = 1", "boolean"]),
    ({"frozen": "U"}, ["frozen = 'U'", "'' or 'UV'"]),
    ({"ridge": 0.0}, ["ridge = 0.0", "greater than 0"]),
    ({"ridge": 1e-6, "steps": 0}, ["ridge = 1e-06", "frozen = 'UV' and steps = 0"]),
    ({"ridge": 1e-6, "frozen": "UV"}, ["steps = 200000", "frozen = 'UV' and steps = 0"]),
    ({"dtype": "float16"}, ["dtype = 'float16'", "'float32' or 'float64'"]),
    ({"train_frac": 0.6}, ["train_frac", "0.6 + 0.2 + 0.3", "at most 1"]),
    ({"p": 3, "train_frac": 0.1}, ["train_frac = 0.1", "at least one of the 9 pairs"]),
    (
        {"noise_kind": "symmetric", "split": "unordered", "op": "sub"},
        ["noise_kind = 'symmetric'", "op = 'sub'", "add or mul"],
    ),
    ({"noise_kind": "symmetric"}, ["split = 'ordered'", "split = 'unordered'"]),
    (
        {"noise_kind": "symmetric", "split": "unordered", "noise": 1.0},
        ["noise = 1.0", "at most 0.99"],
    ),
    ({"noise_kind": "bijective", "op": "sub"}, ["op = 'sub'", "Latin square, as 7, 17"]),
    ({"noise_kind": "bijective", "p": 111}, ["p = 111", "Latin square, as 7, 17"]),
    ({"noise_kind": "bijective", "p": 23}, ["p = 23", "Latin square, as 7, 17"]),
    ({"noise_kind": "bijective", "p": 5}, ["p = 5", "Latin square, as 7, 17"]),
    ({"noise_kind": "bijective", "p": 3}, ["p = 3", "Latin square, as 7, 17"]),
]


@pytest.mark.parametrize(("fields", "said"), REFUSED, ids=[str(f) for f, _ in REFUSED])
def test_a_bad_field_is_refused_in_one_line_with_field_value_and_what_is_allowed(fields, said):
    with pytest.raises(SpecError) as caught:
        Run(**fields)
    message = str(caught.value)
    assert "\n" not in message
    for words in said:
        assert words in message


def test_every_field_is_refused_when_its_type_is_wrong():
    for name in Run.model_fields:
        with pytest.raises(SpecError, match=rf"^{name} = \[\] is not allowed: it must be "):
            Run(**{name: []})


def test_an_unknown_field_is_refused_and_the_near_one_suggested():
    with pytest.raises(SpecError) as caught:
        Run(widht=3)
    message = str(caught.value)
    assert "unknown parameter 'widht'; did you mean width?" in message
    assert all(name in message for name in Run.model_fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"p": 5, "batch": 13},
            "batch = 13 is not allowed: it must be at most the 12 training pairs",
        ),
        ({"batch": 0}, "batch = 0 is not allowed: it must be greater than or equal to 1"),
        (
            {"matmul": "bf16", "dtype": "float64"},
            "matmul = 'bf16' is not allowed with dtype = 'float64'",
        ),
    ],
)
def test_batches_and_precisions_that_cannot_be_are_refused(fields, said):
    with pytest.raises(SpecError, match=said):
        Run(**fields)


def test_two_mistakes_are_both_named_in_the_one_line():
    with pytest.raises(SpecError, match=r"^p = 1 is not allowed: .*; lr = -1 is not allowed: "):
        Run(p=1, lr=-1)


def test_the_defaults_are_the_papers():
    run = Run()
    paper = {
        "op": "add", "p": 113, "train_frac": 0.5, "noise": 0.3, "noise_kind": "wrong",
        "act": "relu", "tied": False, "optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.1,
        "warmup": 10, "steps": 200_000, "batch": None, "seed": 42,
    }  # fmt: skip
    assert {name: getattr(run, name) for name in paper} == paper
    stated = {row["field"] for row in Run.provenance() if row["source"].startswith("paper")}
    assert stated == {*paper, "width"}  # of the width the paper gives a grid, not a default
    assert run.n_train == 6384  # floor(113^2 / 2), paper section 1.2
    assert run.momentum is None


def test_provenance_lists_every_field_with_default_source_and_meaning():
    rows = Run.provenance()
    assert [row["field"] for row in rows] == list(Run.model_fields)
    assert all(row["source"] and row["meaning"] for row in rows)
    assert {row["field"]: row["default"] for row in rows}["lr"] == "0.001"


CHANGED = {
    "op": "sub", "p": 31, "train_frac": 0.4, "val_frac": 0.1, "test_frac": 0.2,
    "split": "unordered", "noise": 0.5, "noise_kind": "any", "width": 17, "act": "gelu",
    "tied": True, "init": "normal", "frozen": "UV", "ridge": 1e-6,
    "optimizer": "adam", "lr": 0.01, "weight_decay": 0.0,
    "beta1": 0.8, "beta2": 0.98, "eps": 1e-7, "momentum": 0.5, "warmup": 0, "steps": 10,
    "record_parts": True,
    "record_structure": True, "record_extraction": True,
    "batch": 7,
    "matmul": "bf16", "record_gradients": True, "dtype": "float64", "seed": 1,
}  # fmt: skip


SOLVED = {"frozen": "UV", "steps": 0}
"""What a readout needs that is solved for."""


def test_keys_differ_if_and_only_if_fields_do():
    base = Run(optimizer="sgd")  # the one that also takes a momentum
    assert set(CHANGED) == set(Run.model_fields)
    keys = {base.key, base.but(**SOLVED).key}
    for name, value in CHANGED.items():
        run = base.but(**{name: value}, **(SOLVED if name == "ridge" else {}))
        assert run != base
        keys.add(run.key)
    assert len(keys) == 2 + len(CHANGED)
    again = Run(optimizer="sgd", momentum=0.0, lr=1e-3)
    assert again == base
    assert again.key == base.key
    assert hash(again) == hash(base)


def test_a_whole_number_means_the_same_as_its_float():
    assert Run(noise=0, weight_decay=1).key == Run(noise=0.0, weight_decay=1.0).key


def test_a_run_cannot_change():
    run = Run()
    with pytest.raises(ValueError, match="frozen"):
        run.lr = 1.0
    assert run.lr == 1e-3


def test_but_changes_the_named_fields_and_validates():
    run = Run(p=31).but(noise=0.8)
    assert (run.p, run.noise) == (31, 0.8)
    with pytest.raises(SpecError, match=r"noise = 2\.0"):
        run.but(noise=2.0)


def test_another_optimizer_brings_its_own_momentum():
    assert Run(optimizer="sgd").momentum == 0.0
    assert Run(optimizer="muon").momentum == 0.95
    assert Run(optimizer="muon").but(optimizer="sgd").momentum == 0.0
    assert Run(optimizer="muon").but(optimizer="adamw").momentum is None
    assert Run(optimizer="sgd", momentum=0.9).but(lr=0.1).momentum == 0.9
    assert Run().but(optimizer="sgd", momentum=0.9).momentum == 0.9


def test_runs_of_a_stack_may_differ_in_the_per_net_fields_only():
    base = Run(optimizer="sgd")
    for name, value in CHANGED.items():
        needed = SOLVED if name == "ridge" else {}
        here = base.but(**needed)
        same = here.but(**{name: value}).stack_fields == here.stack_fields
        assert same == (name in Run.PER_NET), name


@pytest.mark.parametrize("name", ["record_parts", "record_structure", "record_extraction"])
@pytest.mark.parametrize("p", [8, 9])
def test_what_needs_logarithms_is_refused_where_there_are_none(name, p):
    Run(p=p, op="add", **{name: True})
    Run(p=11, op="mul", **{name: True})
    with pytest.raises(SpecError, match=rf"{name} = True .* p = {p}: p must be an odd prime"):
        Run(p=p, op="mul", **{name: True})
