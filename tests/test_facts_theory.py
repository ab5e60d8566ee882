"""The asymptotics of rules and facts against closed forms, quadrature and their own limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from modnoise.facts import kernels, limits, theory, width
from modnoise.facts.inputs import checked
from modnoise.spec import SpecError

GRID = np.linspace(-12, 12, 240_001)


def drawn(seed: int, n: int = 8) -> dict[str, np.ndarray]:
    """Settings in a wide box, by seed."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.05, 1.4, n)
    return {
        "alpha": rng.uniform(0.3, 8, n),
        "eps": rng.uniform(0, 0.8, n),
        "lam": 10 ** rng.uniform(-2, 1, n),
        "mu_1": np.cos(angle),
        "mu_star": np.sin(angle),
    }


def steps(one: dict[str, float], found: theory.Solution, loss: str) -> list[float]:
    """V, q, m after one more step of the equations, all integrals by quadrature over omega."""
    alpha, eps, lam = one["alpha"], one["eps"], one["lam"]
    q, m, tau = (float(x) for x in (found.q, found.m, found.tau))
    omega = np.sqrt(q) * GRID
    weight = norm.pdf(GRID) * (GRID[1] - GRID[0])
    s = np.sqrt(1 - m**2 / q)
    v_hat = q_hat = m_hat = 0.0
    for y in (-1, 1):
        z = (1 - eps) * norm.cdf(y * m * omega / (q * s)) + eps / 2
        dz = (1 - eps) * y * norm.pdf(m * omega / (q * s)) / s
        if loss == "ridge":
            h = (omega + tau * y) / (1 + tau)
        else:
            u = y * omega
            h = y * np.where(u > 1, u, np.minimum(u + tau, 1))
        g = (h - omega) / tau
        v_hat -= alpha * (weight * z * np.gradient(g, omega)).sum()
        q_hat += alpha * (weight * z * g**2).sum()
        m_hat += alpha * (weight * dz * g).sum()
    v = 1 / (lam / one["mu_1"] ** 2 + v_hat)
    return [v + one["mu_star"] ** 2 / lam, (m_hat**2 + q_hat) * v**2, m_hat * v]


@pytest.mark.parametrize("loss", ["ridge", "hinge"])
def test_solutions_are_fixed_points_of_the_equations_by_quadrature(loss):
    points = drawn(7)
    for i in range(8):
        one = {name: float(x[i]) for name, x in points.items()}
        found = getattr(theory, loss)(**one)
        assert steps(one, found, loss) == pytest.approx(
            [float(found.tau), float(found.q), float(found.m)], rel=2e-5
        )


def test_a_grid_is_its_points():
    points = drawn(3)
    for solve in (theory.ridge, theory.hinge):
        whole = solve(**points)
        single = [solve(**{k: float(x[i]) for k, x in points.items()}) for i in range(8)]
        assert whole.e_gen == pytest.approx([float(x.e_gen) for x in single], rel=1e-7)
        assert whole.e_mem == pytest.approx([float(x.e_mem) for x in single], rel=1e-6)


def test_two_settings_of_the_orientation_table():
    found = theory.ridge(2, 0.1, 0.5)
    assert (round(float(found.e_gen), 3), round(float(found.e_mem), 2)) == (0.220, 0.20)
    found = theory.hinge(4, 0.2, 0.5, 1, 0.75)
    assert (round(float(found.e_gen), 3), round(float(found.e_mem), 3)) == (0.179, 0.026)


def test_the_error_on_the_rule_is_a_bivariate_probability():
    found = theory.ridge(3, 0.3, 0.7, 0.9, 0.3)
    k, c = float(found.tau / np.sqrt(found.q)), float(found.cosine)
    joint = multivariate_normal([0, 0], [[1, -c], [-c, 1]]).cdf([-k, 0])
    assert float(found.e_rule) == pytest.approx(2 * joint, abs=1e-6)
    assert float(theory.ridge(3, 1.0, 0.7).e_rule) == pytest.approx(
        float(theory.ridge(3, 1.0, 0.7).e_mem)
    )


@pytest.mark.parametrize("eps", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("alpha", [1, 4, 16])
def test_the_best_regularization_is_the_closed_form_whatever_alpha(alpha, eps):
    r = np.exp(np.linspace(-4, 4, 200_001))
    best = r[np.argmin(theory.ridge(alpha, eps, r).e_gen)]
    assert float(limits.best_regularization(eps)) == pytest.approx(best, rel=1e-4)


def test_the_rule_sees_only_the_sum_of_penalty_and_private_part():
    one = theory.ridge(4, 0.2, 0.8, 1, 0.0)
    other = theory.ridge(4, 0.2, [0.3, 1e-9, 0.0], 1, np.sqrt([0.5, 0.8, 0.8]))
    assert other.e_gen == pytest.approx([float(one.e_gen)] * 3, rel=1e-8)
    assert float(one.e_mem) > other.e_mem[0] > other.e_mem[1]
    assert other.e_mem[2] == 0


def test_at_the_best_angle_the_interpolator_is_the_best_ridge():
    for eps in (0.0, 0.2, 0.5):
        mu_1, mu_star = limits.sphere(limits.best_angle(eps))
        free = theory.ridge(4, eps, 0.0, mu_1, mu_star)
        tuned = theory.ridge(4, eps, limits.best_regularization(eps))
        assert float(free.e_gen) == pytest.approx(float(tuned.e_gen), rel=1e-10)
        assert float(free.e_mem) == 0
    assert np.tan(limits.best_angle(0.0)) ** 2 == pytest.approx(np.pi / 2 - 1)


def test_capacity_is_gardners_two_and_the_table():
    found = limits.capacity([0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0])
    assert found == pytest.approx([4.867, 3.810, 2.992, 2.615, 2.245, 2.078, 2.0], abs=5e-4)
    assert float(found[-1]) == pytest.approx(2, abs=1e-12)
    assert np.isinf(limits.capacity(0.0))


def test_capacity_is_the_minimum_of_the_integral():
    rng, t = np.random.default_rng(0), np.linspace(-3, 0, 601)[:, None]
    u, w = norm.pdf(GRID[::50]), GRID[::50]
    for eps in rng.uniform(0.02, 0.9, 3):
        density = u * ((w > 0) * 2 * (1 - eps) + eps) * (w[1] - w[0])
        density[w == 0] = u[w == 0] * (w[1] - w[0])
        inside = (1 + (t * w) ** 2) * norm.cdf(t * w) + t * w * norm.pdf(t * w)
        least = (inside * density).sum(1).min()
        assert float(limits.capacity(eps)) == pytest.approx(1 / least, rel=1e-4)


def test_a_linear_machine_stores_below_capacity_and_not_above():
    below = theory.hinge(0.8 * limits.capacity(0.3), 0.3, 1e-5)
    above = theory.hinge(1.2 * limits.capacity(0.3), 0.3, 1e-5)
    assert float(below.e_mem) < 1e-4 < 0.01 < float(above.e_mem)


def test_all_labels_by_a_coin_teach_nothing():
    for found in (theory.ridge(4, 1.0, 0.5, 0.8, 0.6), theory.hinge(4, 1.0, 0.5, 0.8, 0.6)):
        assert float(found.e_gen) == pytest.approx(0.5, abs=1e-12)
    assert float(limits.bayes(4, 1.0)) == 0.5


def test_bayes_without_facts_and_its_rate():
    found = np.array([20, 80, 2000]) * limits.bayes([20, 80, 2000], 0.0)
    assert found[:2] == pytest.approx([0.4402, 0.4416], abs=1e-4)
    assert found[2] == pytest.approx(limits.BAYES_CONSTANT, abs=1e-4)
    points = drawn(11)
    for solve in (theory.ridge, theory.hinge):
        assert (limits.bayes(points["alpha"], points["eps"]) <= solve(**points).e_gen).all()


def test_slopes_at_large_alpha():
    alpha = np.geomspace(50, 400, 8)
    lines = {
        "square": theory.ridge(alpha, 0.1, 0.1, 1, 0.75).e_gen,
        "hinge": theory.hinge(alpha, 0.1, 0.1, 1, 0.75).e_gen,
        "bayes": limits.bayes(alpha, 0.1),
    }
    slopes = {k: np.polyfit(np.log(alpha), np.log(x), 1)[0] for k, x in lines.items()}
    assert slopes == pytest.approx({"square": -0.5, "hinge": -0.5, "bayes": -1.0}, abs=0.02)


TABLE = {"tanh": 0.0747, "erf": 0.0946, "relu": 0.3634, "sign": np.pi / 2 - 1, "cubic": 2 / 3}


@pytest.mark.parametrize("name", TABLE)
def test_constants_of_activations(name):
    found = kernels.constants(name)
    assert (found.mu_star / found.mu_1) ** 2 == pytest.approx(TABLE[name], abs=5e-5)
    assert np.tan(found.angle) ** 2 == pytest.approx((found.mu_star / found.mu_1) ** 2)


def test_relu_and_sign_have_closed_constants():
    relu, sign = kernels.constants("relu"), kernels.constants("sign")
    assert (relu.mu_0, relu.mu_1) == pytest.approx((1 / np.sqrt(2 * np.pi), 0.5), abs=1e-6)
    assert relu.mu_star**2 == pytest.approx(0.09085, abs=5e-6)
    assert sign.mu_1 == pytest.approx(np.sqrt(2 / np.pi), abs=1e-7)


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_kernels_are_the_mean_product_of_their_activation(name):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 5))
    found = kernels.kernel(name, x, x)
    f = rng.normal(size=(400_000, 5))
    hidden = kernels.ACTIVATIONS[name](f @ (x / np.linalg.norm(x, axis=1, keepdims=True)).T)
    mean = hidden.T @ hidden / len(f) - kernels.constants(name).mu_0 ** 2
    assert found == pytest.approx(mean, abs=0.006)
    whole = kernels.constants(name).mu_1 ** 2 + kernels.constants(name).mu_star ** 2
    assert np.diag(found) == pytest.approx([whole] * 3, abs=1e-6)
    slope = kernels.KERNELS[name](np.array([1e-6, -1e-6]))
    assert (slope[0] - slope[1]) / 2e-6 == pytest.approx(
        kernels.constants(name).mu_1 ** 2, rel=1e-5
    )


@pytest.mark.parametrize("kappa", [0.2, 1.0, 3.0, 20.0])
def test_the_spectrum_has_the_moments_of_marchenko_and_pastur(kappa):
    s, weight = width.spectrum(np.array(kappa))
    moments = [(weight * s**k).sum() for k in range(3)]
    assert moments == pytest.approx([1, 1, 1 + kappa], rel=1e-4)


def test_many_random_features_are_the_kernel():
    points = drawn(5)
    wide, kernel = width.random_features(kappa=1e6, **points), theory.ridge(**points)
    for name in ("m", "q", "tau"):
        assert getattr(wide, name) == pytest.approx(getattr(kernel, name), rel=1e-4)


def test_the_error_of_random_features_peaks_where_p_is_n():
    erf = kernels.constants("erf")
    kappa = np.geomspace(1, 16, 401)
    found = width.random_features(3, 0.2, 1e-6, kappa, erf.mu_1, erf.mu_star)
    assert kappa[np.argmax(found.e_gen)] == pytest.approx(3, rel=0.02)
    assert (found.e_mem[kappa > 3.2] < 1e-6).all()


NAMES = ("alpha", "eps", "lam", "mu_1", "mu_star", "kappa")


@given(
    name=st.sampled_from(NAMES),
    value=st.one_of(
        st.floats(max_value=-1e-9), st.sampled_from([np.nan, np.inf, "a", None, [1.0, -1.0]])
    ),
)
def test_a_bad_value_is_named_in_one_line(name, value):
    with pytest.raises(SpecError) as error:
        checked(**{name: value})
    assert str(error.value).startswith(f"{name} = ")
    assert "is not allowed: it must be" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.ridge(4, 1.2, 1), "eps = 1.2 is not allowed: it must be from 0 to 1"),
        (lambda: theory.ridge(4, 0.2, 0), "lam = 0 is not allowed with mu_star = 0"),
        (lambda: theory.hinge(4, 0.2, 0, 1, 1), "lam = 0 is not allowed: it must be above 0"),
        (
            lambda: theory.ridge(4, 0.2, 1, 0),
            "mu_1 = 0 is not allowed: it must be finite and above",
        ),
        (lambda: width.random_features(3, 0.2, 0, 1), "lam = 0 is not allowed"),
        (
            lambda: theory.ridge([1, 2], [0, 0, 0], 1),
            r"shapes do not fit each other: alpha \(2,\)",
        ),
        (lambda: kernels.constants("rleu"), "unknown activation 'rleu'; did you mean relu?"),
        (lambda: kernels.kernel("cubic", np.eye(2), np.eye(2)), "unknown kernel 'cubic'"),
        (lambda: limits.capacity(-0.1), "eps = -0.1 is not allowed"),
    ],
)
def test_what_is_refused_and_why(call, message):
    with pytest.raises(SpecError, match=message):
        call()
