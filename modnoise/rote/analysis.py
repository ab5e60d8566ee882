"""All that is looked for inside a trained net, as rows."""

from __future__ import annotations

import torch

from modnoise.rote.circuits import circuit_rows
from modnoise.rote.data import RoteData
from modnoise.rote.groups import groups
from modnoise.rote.net import Gpt
from modnoise.rote.patches import ablation_rows, outlier_rows, token_rows
from modnoise.rote.probes import inlp_rows, item_rows, lens_rows, probe_rows
from modnoise.rote.run import RoteRun
from modnoise.rote.training import answered


@torch.no_grad()
def looked(run: RoteRun, net: Gpt, data: RoteData) -> list[dict]:
    """Rows of every part but ``full``: probes, lens, removal, circuits, patches, single items.

    Their accuracies are of the first token of the answer, on the items of `groups`; ``items``
    says how many of these are noisy. Without noisy items only probes and lens are applied.
    """
    some = groups(net, data, lambda items: answered(net, items))
    rows = probe_rows(run, net, some) + lens_rows(net, some) + item_rows(net, some)
    if len(some.noisy):
        clean = data.train.some(data.train.reasoned & ~data.train.noisy)
        rows += inlp_rows(run, net, some) + circuit_rows(run, net, some)
        rows += token_rows(run, net, some) + ablation_rows(run, net, some)
        rows += outlier_rows(run, net, some, clean)
    return [{**row, "items": len(some.noisy)} for row in rows]
