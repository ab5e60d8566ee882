"""How fast transformers are trained, beside the plain loop and beside what nobody can avoid.

``plain``: `PlainTransformer`, autograd, `torch.optim.AdamW`, torch's own settings; ``fast``: the
engine, also for a stack of nets; ``bound``: the three bare products of the MLP's hidden layer with
the classes, and one softmax, without the weighted sums per pair that come on top. One thread,
processor time, medians of alternating rounds, as in ``benchmarks/trainers.py``: ratios count.

    python benchmarks/transformer.py [--rounds 3] [--out benchmarks/transformer.json]
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from trainers import Contender, Step, alternate, typical

from modnoise.arithmetic.tables import noisy_table
from modnoise.store.provenance import processor
from modnoise.transformer.engine import TransformerEngine, training_pairs
from modnoise.transformer.net import PlainTransformer, new_transformers
from modnoise.transformer.run import TransformerRun

SMALL = {"p": 23, "d_model": 32, "d_mlp": 64}
SETTINGS = ((SMALL, 1), (SMALL, 16), ({"p": 59}, 1), ({"p": 113}, 1))


def plain(run: TransformerRun, device: str) -> Step:
    """One step of the loop a user would write."""
    net, table = PlainTransformer(new_transformers(run)), noisy_table(run)
    a, b = torch.nonzero(table.train[0], as_tuple=True)
    tokens, y = torch.stack([a, b, torch.full_like(a, run.p)], 1), table.given[0, a, b]
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=run.lr, weight_decay=run.weight_decay, betas=(run.beta1, run.beta2)
    )

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(net(tokens), y).backward()
        optimizer.step()

    return step


def fast(run: TransformerRun, device: str, nets: int) -> Step:
    """One step of the engine for nets that differ in their seeds."""
    runs = [run.but(seed=seed) for seed in range(nets)]
    return TransformerEngine(runs, new_transformers(runs), training_pairs(noisy_table(runs))).step


def bound(run: TransformerRun, device: str, nets: int) -> Step:
    """The products and one softmax, on buffers that exist already."""
    n, neurons, classes = run.n_train, run.d_mlp, run.p + 1
    shapes = (n, neurons), (n, classes), (neurons, classes)
    hidden, D, up = (torch.rand(nets, *shape) for shape in shapes)
    logits, dhidden, dup = (torch.empty_like(x) for x in (D, hidden, up))

    def step() -> None:
        torch.bmm(hidden, up, out=logits)
        torch.softmax(logits, -1)
        torch.bmm(D, up.mT, out=dhidden)
        torch.bmm(hidden.mT, D, out=dup)

    return step


def measured(run: TransformerRun, nets: int, rounds: int) -> dict:
    """Milliseconds and steps per second, per net, and their ratios."""
    contenders = {make.__name__: Contender(make, run, "cpu", nets) for make in (fast, bound)}
    ms = alternate({"plain": Contender(plain, run), **contenders}, rounds)
    each = {"plain": ms["plain"], "fast": ms["fast"] / nets, "bound": ms["bound"] / nets}
    middle = {name: typical(x) for name, x in each.items()}
    row = {"p": run.p, "d_model": run.d_model, "d_mlp": run.d_mlp, "nets": nets}
    row |= {f"{name}_ms": x for name, x in middle.items()}
    row |= {f"{name}_steps_per_s": 1e3 / x for name, x in middle.items()}
    return row | {
        "over_plain": typical(each["plain"] / each["fast"]),
        "of_bound": typical(each["bound"] / each["fast"]),
    }


def main() -> None:
    """Measure, print a line per setting, optionally write all with hardware and versions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for fields, nets in SETTINGS:
        row = measured(TransformerRun(**fields), nets, options.rounds)
        rows.append(row)
        print(
            f"p {row['p']}, d {row['d_model']}, MLP {row['d_mlp']}, nets {nets}: "
            f"{row['fast_steps_per_s']:.0f} steps/s a net, {row['over_plain']:.1f} times the "
            f"plain loop, {row['of_bound']:.0%} of the bound",
            flush=True,
        )
    if options.out:
        about = {
            "date": datetime.date.today().isoformat(),
            "processor": processor(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
        }
        options.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
