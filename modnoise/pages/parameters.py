"""Parameters of the notebooks, checked in their first cell.

papermill only warns of a misspelt parameter and checks no types: it puts ``nosie = 0.5`` into the
notebook and runs on with the default noise. `check_parameters` looks at what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from modnoise import studies
from modnoise.spec import Spec, SpecError

_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, type(None))


class ScorecardParameters(Spec):
    """Parameters of ``99_scorecard``, which shows the verdicts stored in executed pages."""

    NOTEBOOK: ClassVar[str] = "99_scorecard"

    folder: str = Field(min_length=1)


def check_parameters(namespace: Mapping[str, Any], notebook: str) -> Spec:
    """Check every plain value in a notebook's namespace against what its study declares.

    Call it in the first cell after the parameters, with ``globals()``: up to there a public name
    with a plain value can only be a parameter, so one that the notebook does not declare is a
    misspelt one. Names that start with an underscore, and IPython's ``In`` and ``Out``, are
    passed over.

    Raises:
        SpecError: one line with the name, the value and what is allowed; a notebook whose
            parameters are not declared.

    >>> good = {"scale": "smoke", "noise": 0.8, "seed": 1}
    >>> check_parameters({**good, "_": 0}, "00_quickstart").noise
    0.8
    """
    known = {ScorecardParameters.NOTEBOOK: ScorecardParameters, **studies.PARAMETERS}
    if notebook not in known:
        raise SpecError(
            f"notebook {notebook!r} is not known: it must be one of {', '.join(known)}"
        )
    found = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in ("In", "Out") and isinstance(value, _PLAIN)
    }
    return known[notebook](**found)
