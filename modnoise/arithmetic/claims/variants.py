"""Claims about the same ladders in other settings (paper, appendix C.1)."""

from __future__ import annotations

from modnoise.arithmetic.claims.descent import PEAK_RULE, inner_peaks
from modnoise.arithmetic.claims.ladders import VARIED, WHERE, WIDEST
from modnoise.claim import Claim


def _also(
    name: str, where: str, source: str, over: tuple[str, ...] = WHERE, **needs: str
) -> Claim:
    """The rule of R3.1-1a, asked of other ladders; ``source``: figure of appendix C.1, or ours."""
    statement = f"Double descent also appears {where}"
    of_paper = source.startswith("Fig")
    source = f"paper, appendix C.1, {source}" if of_paper else source
    under = "R3.1-1a" if of_paper else ""
    return Claim(
        f"C1-{name}", statement, source, PEAK_RULE, inner_peaks, needs,
        over=over, word="typically", under=under, widest=WIDEST,
    )  # fmt: skip


CLAIMS = (
    _also("seeds", "with three seeds and more widths around M*", "ours, control for R3.1-1a"),
    _also("longer", "after four times as many steps", "ours, control for R3.1-1a"),
    _also("own", "at the paper's own size and 200,000 steps", "ours, control for R3.1-1a"),
    _also("gelu", "with GeLU", "Fig. 8", act="gelu"),
    _also("quadratic", "with x²", "Fig. 8", act="quadratic"),
    _also("less-data", "with fewer training pairs", "Fig. 9"),
    _also("more-data", "with more training pairs", "Fig. 10"),
    _also("adam", "with Adam", "Fig. 11", optimizer="adam"),
    _also("muon", "with Muon", "Fig. 12", optimizer="muon"),
    _also("subtraction", "for subtraction", "Fig. 13", op="sub"),
    _also("multiplication", "for multiplication", "Fig. 13", op="mul"),
    _also(
        "finer",
        "in these variants with more widths around M*",
        "ours, control for Figs. 8–13",
        over=(*WHERE, "lr", "beta2", *VARIED),
    ),
)
