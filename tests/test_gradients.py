"""Clean and noisy gradients: they add up to the full one, and the rates follow their formula."""

from __future__ import annotations

import pytest
import torch

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.gradients import alignment, role_gradient
from modnoise.arithmetic.metrics import scores
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import CLEAN, NOISY, noisy_table


def setting(**fields):
    base = {"p": 11, "width": 13, "dtype": "float64", **fields}
    runs = [Run(**base, noise=noise, seed=seed) for noise, seed in ((0.3, 1), (0.7, 2))]
    return runs, new_nets(runs), noisy_table(runs)


def full_gradient(runs, nets, table) -> torch.Tensor:
    """The reference engine's, in the order (U, V, W, mu) of role_gradient."""
    lookup, W, mu = ReferenceEngine(runs, nets, table).gradients()
    tables = [x.mT.flatten(1) for x in lookup.split(nets.p, 1)]
    return torch.cat([*tables, W.flatten(1), mu], 1)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_clean_plus_noisy_is_the_full_gradient(act, tied):
    runs, nets, table = setting(act=act, tied=tied)
    (clean, n_clean), (noisy, n_noisy) = (role_gradient(nets, table, r) for r in (CLEAN, NOISY))
    torch.testing.assert_close(
        clean + noisy, full_gradient(runs, nets, table), rtol=1e-10, atol=1e-13
    )
    assert clean.norm() > 1e-3
    assert noisy.norm() > 1e-3
    n = runs[0].n_train
    assert n_noisy.tolist() == [round(0.3 * n), round(0.7 * n)]
    assert (n_clean + n_noisy).tolist() == [n, n]


def test_rates_and_cosine_follow_the_formulas_of_appendix_c3():
    runs, nets, table = setting()
    found = alignment(nets, table)
    (g_c, n_c), (g_n, n_n) = (role_gradient(nets, table, r) for r in (CLEAN, NOISY))
    n = runs[0].n_train
    for i in range(2):
        g = g_c[i] + g_n[i]
        assert found["r_c"][i].item() == pytest.approx((g_c[i] @ g / (n_c[i] / n)).item())
        assert found["r_n"][i].item() == pytest.approx((g_n[i] @ g / (n_n[i] / n)).item())
        cos = g_c[i] @ g_n[i] / (g_c[i].norm() * g_n[i].norm())
        assert found["cos"][i].item() == pytest.approx(cos.item())


def test_the_rates_are_what_a_small_step_gains():
    # eta r_c is the first-order decrease of the mean loss of clean pairs, by definition
    runs, nets, table = setting(act="quadratic")
    rates = alignment(nets, table)
    engine = ReferenceEngine([run.but(optimizer="sgd", lr=1e-6, weight_decay=0.0, warmup=0)
                              for run in runs], nets, table)  # fmt: skip
    before = scores(nets, table)[1]
    engine.step()
    gain = (before - scores(engine.nets, table)[1]) / 1e-6
    torch.testing.assert_close(gain[:, 0], rates["r_c"], rtol=1e-4, atol=0)
    torch.testing.assert_close(gain[:, 1], rates["r_n"], rtol=1e-4, atol=0)


@pytest.mark.parametrize(("noise", "empty"), [(0.0, "r_n"), (1.0, "r_c")])
def test_the_rate_of_an_empty_role_is_nan(noise, empty):
    run = Run(p=7, width=5, noise=noise)
    found = alignment(new_nets(run), noisy_table(run))
    assert found[empty].isnan().all()
    assert found["cos"].isnan().all()
    other = "r_c" if empty == "r_n" else "r_n"
    assert found[other].item() > 0  # alone, a role gains its own squared gradient
