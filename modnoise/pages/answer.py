"""What a page says before it shows anything, and the sentences that read its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from modnoise.claim import anchor
from modnoise.verdict import Verdict

ANSWER = "application/vnd.modnoise.answer+json"
"""Type under which a notebook's output holds the answer of its page."""

WORDS = 60


@dataclass(frozen=True)
class Answer:
    """The first output of a page: what is found, what was claimed, our answer, the verdicts.

    The home page quotes it. Pages keep their names whatever is found.
    """

    lead: str
    claim: str
    text: str
    verdicts: Mapping[str, Verdict]

    @property
    def setting(self) -> str:
        """At which setting the first verdict, the one that the answer is about, was reached."""
        return next((one.at for one in self.verdicts.values()), "")

    def __repr__(self) -> str:
        told = [f"{name}: {one.chip} ({one.at})" for name, one in self.verdicts.items()]
        return "\n".join([self.lead, f"Claim: {self.claim}", f"Answer: {self.text}", *told])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        chips = {name: one.claim.id for name, one in self.verdicts.items()}
        facts = {"lead": self.lead, "claim": self.claim, "text": self.text, "chips": chips}
        return {ANSWER: facts}

    def _repr_html_(self) -> str:
        chips = "".join(f"<li>{chip(name, one)}</li>" for name, one in self.verdicts.items())
        setting = f' <span class="mn-setting">({escape(self.setting)})</span>'
        return (
            f'<section class="mn-answer" aria-label="Answer"><p class="mn-lead">'
            f"<strong>{escape(self.lead)}</strong></p>"
            f'<p class="mn-claim"><strong>Claim</strong> {escape(self.claim)}</p>'
            f'<p class="mn-text"><strong>Answer</strong> {escape(self.text)}'
            f"{setting if self.setting else ''}</p>"
            f'<ul class="mn-chips" aria-label="Verdicts">{chips}</ul></section>'
        )


def chip(name: str, verdict: Verdict) -> str:
    """A link to where a verdict is shown, as HTML: its state and, in words, what it is about."""
    state = verdict.state.replace(" ", "-")
    return (
        f'<a class="mn-chip {state}" href="#{anchor(verdict.claim.id)}" '
        f'title="{escape(verdict.at)}; {escape(verdict.counted)}">'
        f'<span class="state">{escape(verdict.chip)}</span>: {escape(name)}</a>'
    )


def answer(lead: str, *, claim: str, text: str, verdicts: Mapping[str, Verdict]) -> Answer:
    """The answer of a page, for its first output.

    ``lead`` says in a sentence what is found, ``claim`` what the paper claims, ``text`` what we
    find, in at most `WORDS` words; ``verdicts`` are those that decide, by what they are about in a
    few plain words.

    Raises:
        ValueError: an empty part, or a text that is longer.
    """
    for name, part in (("lead", lead), ("claim", claim), ("text", text)):
        if not part.strip():
            raise ValueError(f"{name} = {part!r} is not allowed: a page answers in words")
    if (count := len(text.split())) > WORDS:
        raise ValueError(
            f"text = {text[:40]!r}... of {count} words is not allowed: at most {WORDS}"
        )
    return Answer(lead, claim, text, dict(verdicts))


@dataclass(frozen=True)
class Sentence:
    """What a figure shows, in words; the book leaves it open where it folds tables and code."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="mn-says">{escape(self.text)}</p>'


def say(text: str) -> Sentence:
    """A sentence that reads a figure, with its numbers computed by the caller.

    Raises:
        ValueError: an empty text.
    """
    if not text.strip():
        raise ValueError(f"text = {text!r} is not allowed: say what the figure shows")
    return Sentence(" ".join(text.split()))
