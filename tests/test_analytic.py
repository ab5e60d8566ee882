"""Closed-form nets compute modular arithmetic exactly, and FF finds them under noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.analytic import exact_nets, random_phase_nets
from modnoise.arithmetic.fourier import filtrate
from modnoise.arithmetic.metrics import accuracy
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table, true_labels
from modnoise.spec import SpecError

P = 113
FREQUENCIES = (1, 7, 20, 33, 50)


def share_right(logits: torch.Tensor, op: str = "add") -> float:
    best = logits[0].argmax(-1).numpy()
    return float((best == true_labels(op, logits.shape[-1])).mean())


@pytest.mark.parametrize("op", ["add", "sub"])
@pytest.mark.parametrize("act", ["quadratic", "relu", "reverse_relu"])
def test_16_phase_pairs_are_right_on_every_pair(act, op):
    nets = exact_nets(P, FREQUENCIES, act=act, op=op)
    assert nets.width == 16 * len(FREQUENCIES)
    assert share_right(nets.logits(), op) == 1.0


@pytest.mark.parametrize("op", ["add", "sub"])
def test_16_phase_pairs_are_right_for_the_absolute_value(op):
    # |x| = relu(x) + reverse_relu(x), so its logits are the sum of theirs
    nets = exact_nets(P, FREQUENCIES, op=op)
    logits = nets.with_act("relu").logits() + nets.with_act("reverse_relu").logits()
    assert share_right(logits, op) == 1.0


@pytest.mark.parametrize("op", ["add", "sub"])
def test_8_phase_pairs_are_right_for_the_square_but_not_for_relu(op):
    nets = exact_nets(P, FREQUENCIES, phases=8, op=op)
    assert nets.width == 8 * len(FREQUENCIES)
    assert share_right(nets.logits(), op) == 1.0
    assert share_right(nets.with_act("relu").logits(), op) < 0.5


@pytest.mark.parametrize("phases", [8, 16])
def test_logits_of_the_square_are_cosines_of_the_distance_to_the_right_class(phases):
    # sum over the pairs of cos(C + a + b)(cos(A + a) + cos(B + b))^2 = phases/2 cos(A + B - C)
    p = 31
    nets = exact_nets(p, (4, 9), phases=phases, scale=1.3)
    away = np.arange(p) - true_labels("add", p)[..., None]
    expected = 1.3**3 * phases / 2 * sum(np.cos(2 * np.pi * k * away / p) for k in (4, 9))
    assert nets.logits()[0].numpy() == pytest.approx(expected, abs=1e-10)


def test_subtraction_is_not_addition():
    assert share_right(exact_nets(P, FREQUENCIES, op="sub").logits(), "add") < 0.1


@pytest.mark.parametrize("act", ["quadratic", "relu"])
def test_filtration_recovers_the_rule_from_weight_noise(act):
    """Result 4.1's mechanism without training: noise hides the rule from f, not from f^G."""
    nets = exact_nets(P, FREQUENCIES, act=act)
    rng = np.random.default_rng(0)
    U, V, W = (
        x + 0.7 * torch.from_numpy(rng.standard_normal(x.shape)) for x in (nets.U, nets.V, nets.W)
    )
    hidden = NetStack(U, V, W, nets.mu, act)
    g, r = filtrate(hidden)
    assert share_right(hidden.logits()) < 0.3
    assert share_right(g.logits()) > 0.99
    assert share_right(r.logits()) < 0.03  # chance is 0.9 %


def test_the_scale_may_differ_between_frequencies():
    scale = np.repeat([1.0, 2.0, 0.5, 1.5, 1.0], 16)
    nets = exact_nets(P, FREQUENCIES, scale=scale, act="relu")
    assert nets.W.abs().amax(-1)[0].numpy() == pytest.approx(scale, rel=1e-3)
    assert share_right(nets.logits()) == 1.0


def test_random_phases_compute_the_rule_when_wide():
    for op in ("add", "sub"):
        table = noisy_table(Run(p=31, op=op))
        wide, narrow = (
            accuracy(random_phase_nets(31, width, op=op), table).test[0] for width in (1025, 17)
        )
        assert wide == 1.0
        assert narrow < 0.8
    same, other = (random_phase_nets(31, 5, seed=s) for s in (0, 1))
    assert torch.equal(same.U, random_phase_nets(31, 5).U)
    assert not torch.equal(same.U, other.U)


def test_what_cannot_be_built_is_refused():
    for wrong in (0, 57, -3):
        with pytest.raises(SpecError, match=r"frequencies = .* must lie in 1 \.\.\. 56"):
            exact_nets(P, (1, wrong))
    with pytest.raises(SpecError, match="1 \\.\\.\\. 3"):  # the sine of p / 2 vanishes
        exact_nets(8, (4,))
    with pytest.raises(SpecError, match="phases = 12 is not allowed: it must be 16 or 8"):
        exact_nets(P, (1,), phases=12)
    with pytest.raises(SpecError, match="op = 'mul' is not allowed"):
        exact_nets(P, (1,), op="mul")
    with pytest.raises(SpecError, match="act = 'abs' is not allowed"):
        exact_nets(P, (1,), act="abs")
