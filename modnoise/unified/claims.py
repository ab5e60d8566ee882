"""The eight takeaways of the unified view as claims, what follows from them, and controls.

The paper leaves learning rate, decay and length of training open, so that nothing here can
contradict it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modnoise.claim import Claim, Found, Unchecked
from modnoise.unified import rules
from modnoise.unified.rules import MANY, NUMBERS, SEEDS, SIZES

PAPER = "Huang et al. 2024"

_ANY = ("task", "n_train", "n_memory", "split", "d_model", "heads", "steps")

_MEAN = f"means over at least {SEEDS} seeds"
_FRESH = "held-out pairs are those whose mirror (b, a) is held out as well"


def _claim(
    name: str, text: str, of: str, rule: str, apply: Callable[..., Found], **more: Any
) -> Claim:
    return Claim(name, text, of, rule, apply, same="part", over=_ANY, of=PAPER, **more)


CLAIMS = (
    _claim(
        "U-1", "The larger the net, the fewer pairs it needs to find the rule",
        "paper, section 2.2, Fig. 3",
        f"at least {NUMBERS} numbers of pairs, sizes of which every run memorizes all its pairs, "
        f"{_MEAN}: rank correlation of d with the fewest pairs that give 90 % on held-out ones, "
        f"short of -1 by the bound at most; {_FRESH}", rules.critical,
    ),
    _claim(
        "U-2", "The larger the net, the more labels without a rule it holds",
        "paper, section 2.3, Fig. 4",
        f"random symmetric labels on all pairs, at least {SEEDS} seeds: rank correlation of d "
        "with the share that is held, over sizes that hold less than 99 %, short of 1 by the "
        "bound at most; standard deviation over seeds below the bound's share of the mean",
        rules.capacity,
    ),
    _claim(
        "U-3", "Size and data decide between four dynamics",
        "paper, section 3, Fig. 2",
        "each of progression, ungrokking, semi-grokking and grokking is what most of at least "
        "three seeds do in some cell of size by pairs", rules.dynamics,
        default="grokking", headline=True,
    ),
    _claim(
        "U-4", "The norm of the weights rises in progression and falls in grokking",
        "paper, appendix A, Fig. 9",
        "between the steps with 10 and 90 % of the held-out pairs: in all but a share of the runs "
        "of each", rules.norm,
    ),
    _claim(
        "U-5", "With few pairs accuracy falls and rises again with size, with many it only rises",
        "paper, section 4.2, Fig. 6",
        f"at least {SIZES} sizes of at least {MANY} seeds each, means over seeds; the deepest dip "
        f"along d: deep for some number of pairs, flat for the largest; {_FRESH}; pairs with "
        "which no size is above 3 × chance cannot tell",
        rules.descent, default="few pairs", headline=True,
    ),
    _claim(
        "U-6", "A harder task makes the dip deeper", "paper, section 4.3, Fig. 7",
        f"the same pairs, at least {SIZES} sizes and {MANY} seeds, means over seeds: the dip of "
        f"(a + b)^2 is deeper than that of a + b; {_FRESH}; pairs with which no size is above "
        "3 × chance cannot tell", rules.harder,
    ),
    _claim(
        "U-7", "With labels to memorize beside it the rule emerges in much larger nets only",
        "paper, section 5, Fig. 8",
        f"{_MEAN}: a size that gives 95 % on held-out pairs alone falls to what is left with as "
        "many labels to memorize; the size that gives 90 % grows, where one tried does; "
        f"{_FRESH}", rules.emergence,
    ),
    _claim(
        "U-8", "An MLP split between rule and memory lets the rule emerge early",
        "paper, appendix B, Fig. 10",
        f"{_MEAN}: at some size the held-out accuracy is higher by more than that with the MLP "
        f"split; {_FRESH}",
        rules.split,
    ),
    _claim(
        "U-span", "At every size semi-grokking spans about 1,000 numbers of training pairs",
        "paper, section 2.2, Fig. 3",
        f"at least {NUMBERS} numbers of pairs, {_MEAN}, each size: from 10 to 90 % on held-out "
        "pairs, between recorded numbers, 1,000 (p / 113)^2 pairs within the factor; sizes that "
        f"do not memorize, or reach neither there, cannot tell; {_FRESH}", rules.span,
    ),
    _claim(
        "U-order", "Larger nets go from progression to ungrokking, semi-grokking and grokking",
        "paper, Figs. 1, 6",
        "each number of pairs: what most of at least three seeds do, where it is one of the four, "
        "never goes back in this order as d grows; with one of the four only it cannot tell",
        rules.order,
    ),
    Claim(
        "U-budget", "A short training shows a dip that a longer one does not", "ours",
        "the largest number of pairs: the dip along d is at least 10 points deeper after a "
        f"quarter of the steps; {_FRESH}", rules.budget, same="part", over=_ANY,
    ),
    Claim(
        "U-mirror", "Much of semi-grokking is memory read in either order", "ours",
        "runs of semi-grokking, at least three: median accuracy on held-out (a, b) with (b, a) "
        "trained on at least 30 points above that with neither", rules.mirror,
        needs={"drawn": "ordered"}, same="part", over=_ANY, qualifies="U-3",
        remark="half way is mostly memory read in either order",
    ),
    Claim(
        "U-fourier", "Nets that grok gather in few frequencies, nets that memorize do not", "ours",
        "median share of the unembedding's energy in its five largest frequencies: of grokking "
        "runs at least twice that of ungrokking runs", rules.fourier, same="part", over=_ANY,
    ),
    Claim(
        "CONTROL-U-random", "Without a rule nothing is right that was not memorized", "ours",
        "random symmetric labels: held-out pairs whose mirror is held out too at most 3 × chance",
        rules.no_rule, same="part", over=_ANY,
    ),
    Claim(
        "CONTROL-U-untrained", "An untrained net knows no rule and no frequency", "ours",
        "before the first step: held-out accuracy at most 3 × chance, energy of the five largest "
        "frequencies below twice an even share", rules.untrained, same="part", over=_ANY,
    ),
)  # fmt: skip

UNCHECKED = (
    Unchecked(
        "Semi-grokking sometimes goes through several plateaus", "paper, Fig. 3", PAPER,
        "it gives neither how long nor how level a plateau is, and one curve is *sometimes*",
    ),
    Unchecked(
        "In some seeds of progression training accuracy rises in bumps", "paper, Fig. 5", PAPER,
        "it says neither in how many seeds nor what a bump is; the page shows five",
    ),
    Unchecked(
        "Beside a memory the ability emerges at about 1,570 times the size", "paper, Fig. 8",
        PAPER, "the two sizes are the smallest and the largest that it trains; these are declared "
        "at the scale `paper` and not recorded, and what grows at all is `U-7`",
    ),
    Unchecked(
        "The norm of a net that groks falls between 30,000 and 40,000 steps", "paper, Fig. 9",
        PAPER, "it depends on a learning rate and a decay that it does not give; that the norm "
        "falls is `U-4`",
    ),
)  # fmt: skip
"""What the paper says that no rule can judge, and what it lacks."""
