"""Claims on consistency distillation, and the controls that say how to read them.

Whoever claims: the paper's abstract (Jiang & Zou), and the theory that it builds on (Bonnaire et
al.). We know neither paper's settings well enough to stand at them, so rules are ours. Sizes were
chosen by the teachers of another seed; `rules` says which rules were written before any recorded
run was seen.
"""

from __future__ import annotations

from modnoise.claim import Claim
from modnoise.distillation import feature_rules, rules
from modnoise.distillation.feature_rules import WITHIN
from modnoise.distillation.rules import FLOOR, KEPT, LINEAR, LOWERED, MEMORIZED

PAPER, THEORY = "Jiang & Zou 2026", "Bonnaire et al. 2025"
_ANY = ("source", "n", "step", "steps", "teacher_steps")
_SOLVED = ("d", "psi_n", "psi_p", "hops", "time")
_WHERE = (
    f"for each n whose trained teacher copies at least {MEMORIZED:.0%}, medians over three seeds"
)

CLAIMS = (
    Claim(
        "DIST-memorizes",
        "With time a teacher memorizes, the later the more images it has",
        "paper, Bonnaire et al. (time to memorize grows as n)",
        "medians over three seeds: at the smallest n under 10 % copies in the first tenth of "
        f"training, at least {MEMORIZED:.0%} at its end; over at least three n, the slope of log "
        f"time to 10 % copies against log n within {LINEAR} of 1",
        rules.memorizes,
        same="source",
        over=_ANY,
        of=THEORY,
    ),
    Claim(
        "DIST-lower",
        "At equal quality distillation clearly lowers what a teacher that has memorized passes on",
        "paper, abstract",
        f"{_WHERE}, in two steps and in one: the student against its own teacher at the recorded "
        "steps with a Frechet distance within the bound of the student's, of which the one that "
        "copies least counts; upper end of the student's bootstrapped share of copies over the "
        "teacher's below the bound. No such step, or one that copies next to nothing: undecidable",
        rules.lowers,
        default="n = 80, two steps",
        headline=True,
        same="source",
        over=_ANY,
        of=PAPER,
    ),
    Claim(
        "DIST-quality",
        "Distillation keeps the quality",
        "paper, abstract",
        f"{_WHERE}: Frechet distance of the student to held-out images, in two steps and in one, "
        f"at most {KEPT} times its teacher's",
        rules.quality,
        same="source",
        over=_ANY,
        of=PAPER,
    ),
    Claim(
        "DIST-mnist",
        "On a larger set, MNIST, distillation lowers it at equal quality, too",
        "paper, abstract (evidence on another set)",
        "as on digits, one seed",
        rules.lowers,
        needs={"source": "mnist"},
        same="source",
        over=_ANY,
        of=PAPER,
    ),
    Claim(
        "DIST-spectrum",
        "Memorizing directions are a bulk of small eigenvalues, where the law puts them",
        "paper, Bonnaire et al. (over-parameterized random features)",
        f"at least four (n/d, p/d) in 100 dimensions: smallest and largest of the eigenvalues "
        f"d + 1 to n of U within {WITHIN:.0%} of Marchenko and Pastur's edges",
        feature_rules.spectrum,
        same="step",
        over=_SOLVED,
        of=THEORY,
    ),
    Claim(
        "DIST-times",
        "Random features learn in a time that does not depend on n, and memorize in one like n",
        "paper, Bonnaire et al.",
        "exact gradient flow, at least four n/d, medians over three seeds: slopes against log n "
        "of the log time at which the test loss has fallen by half of what can be learned within "
        f"{LINEAR} of 0, at which it is above the training loss by as much within {LINEAR} of 1",
        feature_rules.times,
        same="step",
        over=("psi_n", "hops"),
        of=THEORY,
    ),
    Claim(
        "DIST-stable",
        "Memorizing directions are the less stable ones between noise levels",
        "paper, abstract (unstable directions; our reading)",
        "random features, medians over three seeds: correlation of a direction's value between "
        "the first noise level and each later one larger in the population's bulk than in the "
        "memorizing one",
        feature_rules.stable,
        same="step",
        over=_SOLVED,
        of=PAPER,
    ),
    Claim(
        "DIST-energy",
        "Distillation takes the readout off memorizing directions",
        "paper, abstract (suppresses unstable directions; our reading)",
        "random features, medians over three seeds, at each noise level: energy of the readout on "
        "the memorizing bulk over that on the population's smaller after distillation than before",
        feature_rules.energy,
        same="step",
        over=_SOLVED,
        of=PAPER,
    ),
    Claim(
        "DIST-CONTROL-floor",
        "Real images that were held out are no copies",
        "ours",
        f"each n, medians over seeds: under {FLOOR:.0%} of held-out images count as copies",
        rules.floor,
        same="source",
        over=_ANY,
    ),
    Claim(
        "DIST-CONTROL-energy",
        "Distillation puts more of the readout on memorizing directions, in every seed",
        "ours",
        "random features, at each noise level and in every one of at least three seeds: energy of "
        "the readout on the memorizing bulk over that on the population's larger after "
        "distillation than before",
        feature_rules.reversed_energy,
        same="step",
        over=_SOLVED,
        qualifies="DIST-energy",
        remark="reversed in every seed",
    ),
    Claim(
        "DIST-CONTROL-start",
        "In one step a student copies nothing before it is distilled",
        "ours",
        f"{_WHERE}: the student before its first step, in one step, copies under {FLOOR:.0%}",
        rules.start,
        same="source",
        over=_ANY,
    ),
    Claim(
        "DIST-CONTROL-sampler",
        "The teacher in few steps does not do as well",
        "ours",
        f"{_WHERE}, against the student in two steps and in one: of the teacher's samplers with 2 "
        f"to 6 steps, those with a distance at most {KEPT} times the student's copy more than it "
        "by over a point",
        rules.sampler,
        same="source",
        over=_ANY,
    ),
    Claim(
        "DIST-CONTROL-early",
        "A teacher stopped when its pictures are as good copies as little",
        "ours",
        f"{_WHERE}, against the student in two steps and in one: the teacher's least share of "
        "copies at recorded steps with a distance at most 1.05 times the student's is at most a "
        "point above the student's, in most seeds",
        rules.early,
        same="source",
        over=_ANY,
        qualifies="DIST-lower",
        remark="a teacher stopped when as good copies as little",
    ),
    Claim(
        "DIST-CONTROL-longer",
        "Copies do not creep back with longer distillation or more hops",
        "ours",
        f"{_WHERE}: from a quarter of distillation to its end copies rise by at most 5 points; "
        f"with twice the noise levels the interval of the ratio is below {LOWERED}, in two steps "
        "and in one",
        rules.creeps,
        same="source",
        over=_ANY,
    ),
    Claim(
        "DIST-CONTROL-scratch",
        "It does not hinge on the start: a student from fresh weights copies as little",
        "ours",
        f"{_WHERE}, in two steps and in one: upper end of the interval of the ratio of copies "
        f"below {LOWERED}",
        rules.part_lowers("scratch"),
        same="source",
        over=_ANY,
    ),
    Claim(
        "DIST-CONTROL-untaught",
        "It does not hinge on the teacher's steps: consistency training copies as little",
        "ours",
        f"{_WHERE}, targets from the image itself with less noise in place of the teacher's step, "
        f"in two steps and in one: upper end of the interval of the ratio of copies below "
        f"{LOWERED}",
        rules.part_lowers("untaught"),
        same="source",
        over=_ANY,
        qualifies="DIST-lower",
        remark="a student that no teacher taught copies as little",
    ),
    Claim(
        "DIST-CONTROL-replaced",
        "Where the teacher copies, the student's picture is nearest to another image",
        "ours",
        f"{_WHERE}, of the noises from which the teacher draws a copy: the image nearest to the "
        "student's picture is the copied one in under half",
        rules.replaced,
        same="source",
        over=_ANY,
    ),
)
