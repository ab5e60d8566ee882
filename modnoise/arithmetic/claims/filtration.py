"""Claims about frequency filtration, activation swaps and their controls (paper, section 4)."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from modnoise.claim import Claim, Found, Untested, at_noise, chance, median, told, values


def _separates(g: str) -> Callable[[pd.DataFrame], Found]:
    """The rule of Result 4.1 with ``g`` as the filtered net."""

    def apply(frame: pd.DataFrame) -> Found:
        found = []
        for noise in (0.3, 0.5, 0.8):
            rows, least = at_noise(frame, noise), 0.99 if noise == 0.3 else 0.95
            test, kept = median(rows, g, "test"), median(rows, g, "noisy")
            rest, rest_test = median(rows, "R", "noisy"), median(rows, "R", "test")
            holds = test >= least and kept <= chance(frame) + 0.05
            holds = holds and rest >= 0.5 and rest_test <= 0.1
            text = f"FF test {told(rows, g, 'test')}, noisy {told(rows, g, 'noisy')}; "
            text += f"residual noisy {told(rows, 'R', 'noisy')}, test {told(rows, 'R', 'test')}"
            if noise == 0.8:
                gain = test - median(rows, "full", "test")
                holds = holds and gain >= 0.2
                text += f"; full net test {told(rows, 'full', 'test')}"
            found.append((f"noise {noise:g}", text, holds))
        return found

    return apply


_SEPARATION = (
    "test accuracy after FF at least 99 % at noise 0.3 and 95 % at 0.5 and 0.8, at 0.8 at least "
    "20 points above the full net; FF's noisy accuracy at most 1/p + 5 %; the residual's noisy "
    "accuracy at least 50 % with at most 10 % test accuracy"
)


def _swap(frame: pd.DataFrame) -> Found:
    found, at_chance = [], []
    for noise in sorted(x for x in frame.noise.unique() if 0 < x < 1):
        rows = at_noise(frame, noise)
        if median(rows, "full", "test") <= 3 * chance(frame):
            at_chance.append(f"{noise:g}")
            continue
        for part, forgotten in (("quadratic", 0.0), ("reverse_relu", 0.2)):
            gain = median(rows, part, "test") - median(rows, "full", "test")
            change = median(rows, part, "noisy") - median(rows, "full", "noisy")
            text = ", ".join(
                f"{role} {told(rows, 'full', role)} before, {told(rows, part, role)} after"
                for role in ("test", "noisy")
            )
            name = f"{part.replace('_', ' ')}, noise {noise:g}"
            found.append((name, text, gain >= -0.02 and change <= -forgotten))
    if len(found) < 4:
        reason = "before the swap there is no test accuracy to keep, at most 3 × chance, at noise "
        raise Untested(reason + ", ".join(at_chance), *(f"{name}: {x}" for name, x, _ in found))
    return found


def _not_below(frame: pd.DataFrame) -> Found:
    """FF does not lower the test accuracy of clean ReLU nets and of noisy quadratic ones."""
    found = []
    for act, noise in (("relu", 0.0), *(("quadratic", x) for x in (0.3, 0.5, 0.8))):
        nets = frame[frame.act == act]
        if nets.empty:
            raise Untested(f"no runs with act = {act}")
        rows = at_noise(nets, noise)
        text = f"test {told(rows, 'full', 'test')} before, {told(rows, 'G', 'test')} after FF"
        holds = median(rows, "G", "test") >= median(rows, "full", "test")
        found.append((f"{act}, noise {noise:g}", text, holds))
    return found


def _near_chance(rows: pd.DataFrame) -> Found:
    found = []
    for part in ("full", "G", "G_quadratic", "G_random"):
        holds = median(rows, part, "test") <= 3 * chance(rows)
        found.append((part.replace("_", " "), f"test {told(rows, part, 'test')}", holds))
    return found


def _no_rule(frame: pd.DataFrame) -> Found:
    return _near_chance(at_noise(frame, 1.0))


def _untrained(frame: pd.DataFrame) -> Found:
    if (frame.step > 0).any():
        raise Untested("not untrained: rows of later steps than 0")
    return _near_chance(frame)


def _beats_random(frame: pd.DataFrame) -> Found:
    found = []
    for noise in (0.3, 0.5, 0.8):
        rows = at_noise(frame, noise)
        for name, own, other in (
            ("ReLU", "G", "G_random_relu"),
            ("x²", "G_quadratic", "G_random"),
        ):
            text = f"test {told(rows, own, 'test')} dominant, "
            text += f"{told(rows, other, 'test')} random"
            holds = median(rows, own, "test") >= median(rows, other, "test") + 0.1
            found.append((f"{name}, noise {noise:g}", text, holds))
    return found


def _leads(frame: pd.DataFrame) -> Found:
    found = []
    full = values(frame, "full", "test").groupby(frame.step).median()
    for part in ("G", "G_quadratic"):
        curve = values(frame, part, "test").groupby(frame.step).median()
        name, reached = part.replace("_", " "), curve.index[curve >= 0.5]
        if not len(reached):
            text = f"never reaches 50 % (best {100 * curve.max():.1f} %)"
            found.append((name, text, False))
            continue
        then = full.loc[: reached[0]].index[-1]
        raw = told(frame[frame.step == then], "full", "test")
        text = f"50 % at step {reached[0]}, the full net then {raw}"
        found.append((name, text, bool(full[then] <= 2 * chance(frame))))
    return found


CLAIMS = (
    Claim(
        "R4.1-FF",
        "Keeping one frequency per neuron separates the rule from the memorized labels",
        "paper, Result 4.1, Fig. 5 left",
        f"with the trained activation: {_SEPARATION}",
        _separates("G"),
        needs={"act": "relu"},
        headline="noise 0.8",
        widest=1025,
    ),
    Claim(
        "R4.1-FF-quadratic-part",
        "The same, with φ(x) = x² and μ = 0 in the filtered net",
        "ours",
        f"with φ = x², μ = 0 after FF: {_SEPARATION}",
        _separates("G_quadratic"),
        needs={"act": "relu"},
    ),
    Claim(
        "R4.1-FF-mu0",
        "The same, with the trained activation and μ = 0 in the filtered net",
        "ours",
        f"with μ = 0 after FF: {_SEPARATION}",
        _separates("G_mu0"),
        needs={"act": "relu"},
    ),
    Claim(
        "R4.1-swap",
        "Replacing ReLU after training keeps the test accuracy and reduces the noise",
        "paper, Result 4.1, Fig. 5 right",
        "at each recorded noise ratio at which nets have more than 3 × chance test accuracy, two "
        "at least (first 0.3, 0.5, 0.8; where nets are at chance nothing can be kept): it falls "
        "by at most 2 points; noisy accuracy does not rise under x² and falls by at least 20 "
        "points under max(0, −x)",
        _swap,
        needs={"act": "relu"},
        headline="reverse relu, noise 0.3",
        widest=1025,
    ),
    Claim(
        "D-FF-subtraction",
        "FF separates rule and noise for subtraction too",
        "paper, Fig. 23",
        f"as R4.1-FF: {_SEPARATION}",
        _separates("G"),
        needs={"op": "sub"},
        under="R4.1-FF",
        widest=1025,
    ),
    Claim(
        "D-FF",
        "FF raises the test accuracy of nets trained without noise, and of quadratic nets",
        "paper, Figs. 24 and 25",
        "of ReLU nets at noise 0, and of quadratic nets at noise 0.3, 0.5, 0.8, the test accuracy "
        "after FF is not below the one before",
        _not_below,
        over=("act",),
        widest=1025,
    ),
    Claim(
        "CONTROL-noise-1",
        "With all labels wrong there is no rule to find",
        "ours",
        "at noise 1.0 the test accuracy of the full net and of each kind of FF is at most 3 × "
        "chance",
        _no_rule,
    ),
    Claim(
        "CONTROL-untrained",
        "FF finds no rule in an untrained net",
        "ours",
        "before the first step the test accuracy of the full net and of each kind of FF is at "
        "most 3 × chance",
        _untrained,
    ),
    Claim(
        "CONTROL-frequency",
        "The neuron's own dominant frequency matters",
        "ours",
        "at noise 0.3, 0.5, 0.8 the dominant frequency gives at least 10 points more test "
        "accuracy than a random one, with ReLU and with x²",
        _beats_random,
    ),
    Claim(
        "LEAD",
        "The rule is in the weights before the full net shows it",
        "ours",
        "FF reaches 50 % test accuracy while the full net's is at most twice chance, with ReLU "
        "and with x²; all recorded steps of one noise ratio",
        _leads,
        same="noise",
    ),
)
