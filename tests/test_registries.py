"""What can be named, an operation, an activation, an optimizer, is one value in one place.

A toy entry of each kind, which no module has heard of, must train, be filtered and be told.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import modnoise as mn
from modnoise.arithmetic import figures
from modnoise.arithmetic.activations import ACTIVATIONS, Activation
from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.figures.steps import heading
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.operations import OPERATIONS, Operation
from modnoise.arithmetic.optimizers import OPTIMIZERS, Optimizer
from modnoise.arithmetic.tables import UNUSED, noisy_table, true_labels
from modnoise.pages.style import themed

BY_HAND = {
    "add": lambda a, b: (a + b) % 7,
    "sub": lambda a, b: (a - b) % 7,
    "mul": lambda a, b: (a * b) % 7,
    "div": lambda a, b: next(c for c in range(7) if (c * b - a) % 7 == 0) if b else 0,
}


@pytest.mark.parametrize("op", OPERATIONS)
def test_what_an_operation_says_of_its_table_is_so(op):
    one, table = OPERATIONS[op], true_labels(op, 7)
    assert table.tolist() == [[BY_HAND[op](a, b) for b in range(7)] for a in range(7)]
    assert one.commutative == (table == table.T).all()
    every = [sorted(x) == [*range(7)] for x in (*table, *table.T)]
    assert one.latin == all(every)
    powers = [pow(3, i, 7) for i in range(6)]  # 3 generates the nonzero residues
    index = powers if one.logarithms else [*range(7)]
    for (i, a), (j, b) in itertools.product(enumerate(index), repeat=2):
        assert table[a, b] == index[(i + one.sign * j) % len(index)]


def test_division_never_asks_for_a_quotient_by_zero():
    run = mn.Run(p=11, width=8, op="div", noise=0.5, train_frac=0.5, val_frac=0.2, test_frac=0.3)
    role = noisy_table(run).role[0]
    assert (role[:, 0] == UNUSED).all()
    assert (role[:, 1:] != UNUSED).all()
    assert int((role <= 1).sum()) == run.n_train == 55
    with pytest.raises(mn.SpecError, match="op = 'div' is not allowed with p = 9.* odd prime"):
        run.but(p=9)
    with pytest.raises(mn.SpecError, match="split = 'unordered'.* the split ordered"):
        run.but(split="unordered")


def test_a_net_learns_division_and_its_noisy_table_is_filtered_over_logarithms():
    run = mn.Run(p=23, width=129, op="div", noise=0.2, steps=600, lr=0.02, beta2=0.98,
                 train_frac=0.8, val_frac=0.0, test_frac=0.2, record_parts=True)  # fmt: skip
    final = mn.train(run, progress=False).history
    final = final[final.step == run.steps].set_index("part")
    assert final.accuracy_clean["full"] == final.accuracy_noisy["full"] == 1
    assert final.accuracy_test["G_log_quadratic"] > 0.9
    assert final.accuracy_test["G_log_random"] < 0.85
    assert final.accuracy_test["G_quadratic"] < 0.3  # in the index of residues there is no rule


def softened(x):
    return torch.nn.functional.softplus(x)


TOYS = {
    "op": (OPERATIONS, Operation("twice", lambda a, b, p: 2 * a + b, 1, "none", "x", latin=False)),
    "act": (
        ACTIVATIONS,
        Activation(
            "soft",
            softened,
            softened,
            lambda d, pre, hidden: d * pre.sigmoid(),
            ("x", "-"),
            "none",
        ),
    ),
    "optimizer": (
        OPTIMIZERS,
        Optimizer(
            "signs",
            lambda x, grad, state, *, lr, **_: x.sub_(lr[0] * grad.sign()),
            lambda parameters, *, lr, **_: Signs(parameters, {"lr": lr}),
            decays=(0.1,),
            states=1,
        ),
    ),
}


class Signs(torch.optim.Optimizer):
    """Steps of one size against the sign of the gradient."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for x in group["params"]:
                x.sub_(group["lr"] * x.grad.sign())


@pytest.mark.parametrize("field", TOYS)
def test_a_new_entry_trains_as_its_twin_is_filtered_and_is_told(field, monkeypatch):
    registry, toy = TOYS[field]
    with pytest.raises(mn.SpecError, match=f"{field} = 'toy' is not allowed"):
        mn.Run(**{field: "toy"})
    monkeypatch.setitem(registry, "toy", toy)
    run = mn.Run(p=7, width=9, steps=5, lr=1e-2, dtype="float64", record_parts=True,
                 **{field: "toy"})  # fmt: skip
    engines = [x([run], new_nets(run), noisy_table(run)) for x in (FastEngine, ReferenceEngine)]
    for engine in engines:
        for _ in range(5):
            engine.step()
    for name in ("U", "V", "W", "mu"):
        fast, plain = (getattr(engine.nets, name).numpy() for engine in engines)
        np.testing.assert_allclose(fast, plain, rtol=1e-8, atol=1e-9)
    history = mn.train(run, progress=False).history
    assert {"full", "G", "R", "G_quadratic"} <= set(history.part)
    named = {"op": OPERATIONS, "act": ACTIVATIONS}.get(field)
    told = heading(field, "toy") if named is None else named["toy"].label
    assert told == toy.label
    page = {"scale": "smoke", "noise": 0.3, "seed": 1, "weights": "", "names": "", "p": 7,
            "at": "", "op": "add", "act": "relu"}  # fmt: skip
    if field in page:
        assert getattr(mn.check_parameters({**page, field: "toy"}, "13_your_own_net"), field)


def test_a_new_activation_has_a_line_of_its_own(monkeypatch):
    import pandas as pd

    monkeypatch.setitem(ACTIVATIONS, "toy", TOYS["act"][1])
    rows = pd.DataFrame(
        {"act": ["toy", "toy", "relu"], "noise": 0.3, "width": [8, 16, 8], "seed": 1,
         "accuracy_test": [0.25, 0.5, 0.75]}
    )  # fmt: skip
    fig = themed("light", figures.activations, rows, chance=1 / 7, title="It is seen")
    lines = {line.get_label(): [*line.get_ydata()] for line in fig.axes[0].lines}
    assert lines["soft"] == [0.25, 0.5]
