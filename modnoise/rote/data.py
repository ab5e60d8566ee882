"""The items of the two tasks, from a seed: prompts, true answers, given answers. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modnoise.rote.run import HELD_OUT, RoteRun

_ITEMS, _NOISE, _RELATIONS = 1, 2, 5  # streams of a seed; 3 and 4: net.py and training.py


@dataclass(frozen=True)
class Items:
    """Questions and answers as tokens.

    ``prompt`` (item token), ``true`` and ``given`` (item token), ``noisy`` (item): whether the
    given answer is wrong; ``bridge`` (item): the entity between the two hops, -1 where there is
    none; ``reasoned`` (item): False for one-hop facts.
    """

    prompt: np.ndarray
    true: np.ndarray
    given: np.ndarray
    noisy: np.ndarray
    bridge: np.ndarray
    reasoned: np.ndarray

    def __len__(self) -> int:
        return len(self.prompt)

    def some(self, where: np.ndarray | slice) -> Items:
        """The items at these places, or where this is true."""
        return Items(*(getattr(self, name)[where] for name in self.__dataclass_fields__))

    def tokens(self, *, true: bool = False) -> np.ndarray:
        """What the net reads: the prompt and all but the last token of the (true) answer."""
        answer = self.true if true else self.given
        return np.concatenate([self.prompt, answer[:, :-1]], axis=1)


@dataclass(frozen=True)
class RoteData:
    """Training items and held-out ones, which are all right."""

    train: Items
    test: Items


def rote_data(run: RoteRun) -> RoteData:
    """The items of a run.

    Of all sums a share ``train_frac`` is for training, of the others at most `HELD_OUT` are held
    out; of ``thr`` so the two-hop questions, beside all one-hop facts. Of the training items that
    take reasoning round(noise n) get an answer drawn evenly among the wrong ones, once.
    """
    rng = np.random.default_rng([run.seed, _ITEMS])
    n = run.n_reasoned
    chosen = rng.choice(run.n_items, min(run.n_items, n + HELD_OUT), replace=False)
    made = _sums(run, chosen) if run.task == "fda" else _questions(run, chosen)
    train, test = _wrong(run, made.some(slice(n))), made.some(slice(n, None))
    if run.task == "thr":
        facts = _facts(run)
        train = Items(
            *(np.concatenate([getattr(x, f) for x in (train, facts)]) for f in vars(train))
        )
    return RoteData(train, test)


def _plain(prompt: np.ndarray, true: np.ndarray, bridge: np.ndarray, *, reasoned: bool) -> Items:
    n = len(prompt)
    none, kind = np.zeros(n, bool), np.full(n, reasoned)
    return Items(prompt, true, true.copy(), none, bridge, kind)


def written(numbers: np.ndarray, digits: int) -> np.ndarray:
    """Digits of numbers (item digit), units first.

    >>> written(np.array([69]), 3)
    array([[9, 6, 0]])
    """
    return numbers[:, None] // 10 ** np.arange(digits) % 10


def _sums(run: RoteRun, chosen: np.ndarray) -> Items:
    """a + b = c: operands with the units last, as they are written, the answer units first."""
    a, b = chosen // 10**run.digits, chosen % 10**run.digits
    sign = np.broadcast_to([10, 11], (len(a), 2))
    first, second = (written(x, run.digits)[:, ::-1] for x in (a, b))
    prompt = np.concatenate([first, sign[:, :1], second, sign[:, 1:]], axis=1)
    return _plain(prompt, written(a + b, run.answer), np.full(len(a), -1), reasoned=True)


def relations(run: RoteRun) -> np.ndarray:
    """The entity that each relation leads to (relation entity): every one an even random map."""
    rng = np.random.default_rng([run.seed, _RELATIONS])
    return rng.integers(0, run.entities, (run.relations, run.entities))


def _questions(run: RoteRun, chosen: np.ndarray) -> Items:
    """r2 r1 e ?, of which the answer is r2(r1(e)) and the bridge r1(e)."""
    leads, many = relations(run), run.relations
    e, r1, r2 = chosen // many**2, chosen // many % many, chosen % many
    bridge = leads[r1, e]
    marks = np.full(len(e), run.vocabulary - 1)
    prompt = np.stack([run.entities + r2, run.entities + r1, e, marks], axis=1)
    return _plain(prompt, leads[r2, bridge][:, None], bridge, reasoned=True)


def _facts(run: RoteRun) -> Items:
    """_ r e ?, of which the answer is r(e): the last tokens are a gap and a question mark."""
    leads = relations(run)
    r, e = (x.ravel() for x in np.indices(leads.shape))
    gaps, marks = np.full(len(e), run.vocabulary - 2), np.full(len(e), run.vocabulary - 1)
    prompt = np.stack([gaps, run.entities + r, e, marks], axis=1)
    return _plain(prompt, leads.ravel()[:, None], np.full(len(e), -1), reasoned=False)


def _wrong(run: RoteRun, items: Items) -> Items:
    """The same items, of which round(noise n) have an even draw among the wrong answers."""
    rng, n = np.random.default_rng([run.seed, _NOISE]), len(items)
    where = np.sort(rng.permutation(n)[: round(run.noise * n)], kind="stable")
    if run.task == "fda":
        sums = (items.true * 10 ** np.arange(run.answer)).sum(1)[where]
        most = 2 * 10**run.digits - 1  # sums are 0 ... most - 1
        wrong = written((sums + rng.integers(1, most, len(where))) % most, run.answer)
    else:
        shift = rng.integers(1, run.entities, (len(where), 1))
        wrong = (items.true[where] + shift) % run.entities
    given, noisy = items.given.copy(), items.noisy.copy()
    given[where], noisy[where] = wrong, True
    return Items(items.prompt, items.true, given, noisy, items.bridge, items.reasoned)


def spoken(run: RoteRun, prompt: np.ndarray) -> str:
    """A question as a reader knows it."""
    if run.task == "fda":
        a, b = prompt[: run.digits], prompt[run.digits + 1 : -1]
        return f"{''.join(map(str, a))} + {''.join(map(str, b))}"
    r2, r1, e = (int(x) for x in prompt[:3])
    return f"relation {r2 - run.entities} of relation {r1 - run.entities} of entity {e}"
