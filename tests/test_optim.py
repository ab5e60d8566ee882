"""A stack of optimizer steps is nothing but `torch.optim`, member by member."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.engines.reference import PlainNet, plain_optimizers
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.training import optim

LR = (1e-3, 1e-2, 0.3)
DECAY = (0.1, 0.0, 0.5)
STEPS = 25


def gradients(shape: tuple[int, ...]) -> torch.Tensor:
    """STEPS gradients for three members; the members see different ones."""
    return torch.from_numpy(np.random.default_rng(1).standard_normal((STEPS, 3, *shape)))


def start(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).standard_normal((3, *shape)))


def member_by_member(make, x: torch.Tensor, grads: torch.Tensor) -> torch.Tensor:
    """Each member under an optimizer of its own, ``make(params, lr, weight_decay)``."""
    members = []
    for i in range(3):
        param = torch.nn.Parameter(x[i].clone())
        optimizer = make([param], lr=LR[i], weight_decay=DECAY[i])
        for grad in grads[:, i]:
            param.grad = grad.clone()
            optimizer.step()
        members.append(param.detach())
    return torch.stack(members)


def stacked(step_, x: torch.Tensor, grads: torch.Tensor, states: int, **options) -> torch.Tensor:
    """All members at once; ``step_`` is given the number of the update where it wants one."""
    x = x.clone()
    state = [torch.zeros_like(x) for _ in range(states)]
    lr, decay = (torch.tensor(value, dtype=x.dtype) for value in (LR, DECAY))
    for step, grad in enumerate(grads, 1):
        if step_ is optim.adam_:
            options["step"] = step
        step_(x, grad.clone(), *state, lr=lr, weight_decay=decay, **options)
    return x


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
@pytest.mark.parametrize("decoupled", [True, False], ids=["adamw", "adam"])
def test_adam_is_torchs_with_rates_of_its_own_per_member(decoupled, shape):
    betas, eps = (0.8, 0.97), 1e-6
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    x, grads = start(shape), gradients(shape)
    found = stacked(optim.adam_, x, grads, 2, betas=betas, eps=eps, decoupled=decoupled)
    assert_same(
        found, member_by_member(lambda *a, **k: kind(*a, **k, betas=betas, eps=eps), x, grads)
    )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_torchs_with_rates_of_its_own_per_member(momentum):
    x, grads = start((5, 7)), gradients((5, 7))
    found = stacked(optim.sgd_, x, grads, 1, momentum=momentum)
    make = torch.optim.SGD
    assert_same(
        found, member_by_member(lambda *a, **k: make(*a, **k, momentum=momentum), x, grads)
    )


def newton_schulz_float64(grad, ns_coefficients, ns_steps, eps):
    """torch's iteration as documented, X <- a X + (b A + c A^2) X with A = X X^T, in float64."""
    a, b, c = ns_coefficients
    X = grad.double().clone()
    if tall := X.shape[0] > X.shape[1]:
        X = X.T
    X = X / max(X.norm().item(), eps)
    for _ in range(ns_steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6)], ids=["wide", "tall", "square"])
def test_muon_is_torchs_with_rates_of_its_own_per_member(monkeypatch, shape):
    monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", newton_schulz_float64)
    x, grads = start(shape), gradients(shape)
    found = stacked(optim.muon_, x, grads, 1, momentum=0.9, dtype=torch.float64)
    make = torch.optim.Muon
    assert_same(found, member_by_member(lambda *a, **k: make(*a, **k, momentum=0.9), x, grads))


@pytest.mark.parametrize("shape", [(33, 113), (113, 33)], ids=["wide", "tall"])
def test_orthogonalization_has_torchs_bits_in_the_shipped_bfloat16(shape):
    grads = gradients(shape)[0].float()
    found = optim.orthogonalized(grads)
    assert found.dtype == torch.bfloat16
    assert found.shape == grads.shape
    for ours, grad in zip(found, grads, strict=True):
        theirs = torch.optim._muon._zeropower_via_newtonschulz(
            grad, optim.NS_COEFFICIENTS, optim.NS_STEPS, optim.NS_EPS
        )
        assert torch.equal(ours, theirs)


def test_orthogonalization_brings_all_singular_values_near_1():
    # a matrix whose singular values span a factor of 30, far from orthogonal
    U, _, V = torch.linalg.svd(gradients((8, 20))[0, 0], full_matrices=False)
    x = (U * torch.logspace(0, 1.5, 8, dtype=torch.float64)) @ V
    values = torch.linalg.svdvals(optim.orthogonalized(x[None], torch.float64)[0])
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_muons_constants_are_torchs():
    defaults = torch.optim.Muon([torch.nn.Parameter(torch.zeros(2, 2))]).defaults
    assert defaults["ns_coefficients"] == optim.NS_COEFFICIENTS
    assert (defaults["ns_steps"], defaults["eps"]) == (optim.NS_STEPS, optim.NS_EPS)


@pytest.mark.parametrize("decoupled", [False, True])
def test_a_step_counted_by_a_tensor_is_the_same_step(decoupled):
    rng = np.random.default_rng(5)
    start, grads = (torch.from_numpy(rng.standard_normal(s)) for s in ((2, 3, 4), (9, 2, 3, 4)))
    rates = {"lr": torch.tensor([1e-2, 1e-1]), "weight_decay": torch.tensor([0.1, 0.3])}
    found = []
    for count in (lambda step: step, lambda step: torch.tensor(step, dtype=torch.float64)):
        x, mean, square = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
        for step, grad in enumerate(grads, 1):
            lr = rates["lr"] * optim.warmup(count(step), 4)
            optim.adam_(
                x, grad.clone(), mean, square, step=count(step), lr=lr.double(),
                weight_decay=rates["weight_decay"].double(), betas=(0.9, 0.99), eps=1e-8,
                decoupled=decoupled,
            )  # fmt: skip
        found.append(x)
    torch.testing.assert_close(*found, rtol=1e-6, atol=0)
    assert (found[0] - start).abs().min() > 1e-4


@pytest.mark.parametrize("steps", [0, 1, 10])
def test_the_warm_up_is_linear_then_flat(steps):
    factors = [optim.warmup(step, steps) for step in range(1, 15)]
    expected = [min(step / steps, 1) if steps else 1 for step in range(1, 15)]
    assert factors == expected
    if steps == 10:  # the first update moves, the tenth is the first at full rate
        assert (factors[0], factors[8], factors[9]) == (0.1, 0.9, 1.0)


@pytest.mark.parametrize(
    ("optimizer", "kinds"),
    [
        ("adamw", ["AdamW"]),
        ("adam", ["Adam"]),
        ("sgd", ["SGD"]),
        ("muon", ["Muon", "AdamW"]),
    ],
)
def test_a_run_means_the_torch_optimizers_of_its_name(optimizer, kinds):
    run = Run(p=7, width=9, optimizer=optimizer, lr=0.02, weight_decay=0.3)
    net = PlainNet(new_nets(run))
    found = plain_optimizers(net, run)
    assert [type(x).__name__ for x in found] == kinds
    groups = [group for x in found for group in x.param_groups]
    assert {(group["lr"], group["weight_decay"]) for group in groups} == {(0.02, 0.3)}
    held = [param for group in groups for param in group["params"]]
    assert {id(param) for param in held} == {id(param) for param in net.parameters()}
    if optimizer == "muon":  # Muon takes matrices; only mu is left to AdamW
        assert found[1].param_groups[0]["params"] == [net.W.bias]
