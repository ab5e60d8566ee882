"""The net's formula, its stack axis, and initializations of known spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from modnoise.arithmetic.nets import ACTIVATIONS, NetStack, new_nets
from modnoise.arithmetic.run import Run
from modnoise.spec import SpecError


def some_nets(act: str = "relu", runs: int = 2, width: int = 5, p: int = 7) -> NetStack:
    rng = np.random.default_rng(0)
    U, V, W = (torch.from_numpy(rng.standard_normal((runs, width, p))) for _ in range(3))
    return NetStack(U, V, W, torch.from_numpy(rng.standard_normal((runs, p))), act)


PHI = {
    "relu": lambda x: max(x, 0.0),
    "reverse_relu": lambda x: max(-x, 0.0),
    "quadratic": lambda x: x * x,
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
}


@pytest.mark.parametrize("act", PHI)
def test_logits_are_the_sum_over_neurons_of_the_paper(act):
    nets = some_nets(act)
    logits = nets.logits()
    for r, a, b, c in [(0, 0, 0, 0), (0, 2, 6, 3), (1, 6, 1, 5), (1, 4, 4, 4)]:
        by_hand = nets.mu[r, c].item() + sum(
            nets.W[r, m, c].item() * PHI[act](nets.U[r, m, a].item() + nets.V[r, m, b].item())
            for m in range(nets.width)
        )
        assert logits[r, a, b, c].item() == pytest.approx(by_hand, rel=1e-12)


def test_logits_of_some_rows_are_those_rows():
    nets = some_nets()
    torch.testing.assert_close(nets.logits(slice(2, 5)), nets.logits()[:, 2:5])


def test_every_activation_is_tested_and_an_unknown_one_refused():
    assert set(PHI) == set(ACTIVATIONS)
    with pytest.raises(SpecError, match="act = 'abs' is not allowed: it must be one of relu"):
        some_nets("abs")


def test_reverse_relu_is_relu_of_minus_x():
    nets = some_nets()
    mirrored = NetStack(-nets.U, -nets.V, nets.W, nets.mu, "relu")
    torch.testing.assert_close(nets.with_act("reverse_relu").logits(), mirrored.logits())


def test_kept_and_pruned_neurons_add_up_to_the_net():
    nets = some_nets()
    keep = torch.tensor([[True, False, True, False, False], [False, False, False, True, True]])
    mu = nets.mu[:, None, None]
    torch.testing.assert_close(
        nets.keep(keep).logits() + nets.keep(~keep).logits(), nets.logits() + mu
    )


def test_a_stack_can_be_walked_and_picked_from_but_not_past_its_end():
    nets = some_nets(runs=3)
    assert [len(net) for net in nets] == [1, 1, 1]
    for pick in (1, -2):
        torch.testing.assert_close(nets[pick].logits(), nets.logits()[1:2])
    for pick in (3, -4):
        with pytest.raises(IndexError, match=f"net {pick} of a stack of 3"):
            nets[pick]


def test_tied_nets_have_one_input_table_and_stay_tied():
    nets = new_nets([Run(p=7, width=5, tied=True, seed=s) for s in (1, 2)])
    assert nets.tied
    assert nets[1].tied
    assert nets.to("cpu").tied
    assert nets.keep(torch.ones(2, 5, dtype=torch.bool)).tied
    torch.testing.assert_close(nets.logits(), nets.logits().transpose(1, 2))
    assert not new_nets(Run(p=7, width=5)).tied


def test_linear_initialization_is_uniform_with_torchs_bounds():
    nets = new_nets(Run(p=113, width=1025))
    for x, fan_in in ((nets.U, 113), (nets.V, 113), (nets.W, 1025)):
        bound = fan_in**-0.5
        assert 0.999 * bound < x.abs().max() <= bound
        # a uniform variable has the variance bound^2 / 3; 115,825 draws: sigma of it is 0.3 %
        assert x.var().item() == pytest.approx(bound**2 / 3, rel=0.015)
        assert abs(x.mean().item()) < 4 * bound / math.sqrt(3 * x.numel())
    assert not nets.mu.any()
    assert not torch.equal(nets.U, nets.V)


def test_normal_initialization_has_the_variance_1_over_m():
    nets = new_nets(Run(p=113, width=1025, init="normal"))
    for x in (nets.U, nets.V, nets.W):
        assert x.var().item() == pytest.approx(1 / 1025, rel=0.02)
    assert nets.W.abs().max() > 3.5 / math.sqrt(1025)  # not uniform


def test_new_nets_of_a_stack_are_their_members():
    runs = [Run(p=7, width=5, seed=s, lr=lr) for s, lr in ((1, 0.1), (2, 0.2))]
    stack = new_nets(runs)
    for i, run in enumerate(runs):
        alone = new_nets(run)
        for name in ("U", "V", "W", "mu"):
            assert torch.equal(getattr(stack, name)[i], getattr(alone, name)[0])
    assert stack.U.dtype == torch.float32
    assert new_nets(Run(p=7, width=5, dtype="float64")).U.dtype == torch.float64


@pytest.mark.parametrize("change", [{"p": 5}, {"width": 6}, {"act": "gelu"}, {"tied": True}])
def test_nets_that_cannot_share_a_tensor_are_refused_by_name(change):
    run = Run(p=7, width=5)
    with pytest.raises(ValueError, match=f"must share {next(iter(change))}, got"):
        new_nets([run, run.but(**change)])
