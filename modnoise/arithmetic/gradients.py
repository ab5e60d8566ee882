"""Do clean and noisy examples pull together? Gradient quantities of the paper, appendix C.3."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from modnoise.arithmetic.metrics import row_blocks
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.tables import CLEAN, NOISY, NoisyTable


def role_gradient(
    nets: NetStack, table: NoisyTable, role: int
) -> tuple[Float[Tensor, "run params"], Tensor]:
    """Gradient, by autograd, of 1/n times the cross-entropies of one role, n = all training pairs.

    Returns:
        The flattened gradient over (U, V, W, mu) (a tied net's U and V count once), and the
        number of pairs of that role, shape (run).
    """
    U = nets.U.detach().clone().requires_grad_()
    V = U if nets.tied else nets.V.detach().clone().requires_grad_()
    W, mu = (x.detach().clone().requires_grad_() for x in (nets.W, nets.mu))
    params = [U, W, mu] if nets.tied else [U, V, W, mu]
    total = [torch.zeros_like(x) for x in params]
    mask, n = table.role == role, table.train.sum((1, 2))
    for pick in row_blocks(nets):
        with torch.enable_grad():
            logits = NetStack(U, V, W, mu, nets.act).logits(pick)
            label = table.given[:, pick, :, None]
            loss = logits.logsumexp(-1) - logits.gather(-1, label)[..., 0]
            sums = (loss * mask[:, pick]).sum((1, 2)) / n
            for part, grad in zip(total, torch.autograd.grad(sums.sum(), params), strict=True):
                part += grad
    return torch.cat([x.flatten(1) for x in total], 1), mask.sum((1, 2))


def alignment(nets: NetStack, table: NoisyTable) -> dict[str, Float[Tensor, " run"]]:
    """r_c, r_n and cos(g_c, g_n) (paper, C.3).

    With g = g_c + g_n the full-batch gradient, one step of size eta lowers the clean part of the
    loss by eta <g_c, g> to first order; per sample r_c = <g_c, g> n / |clean|, r_n likewise.
    NaN where a role is empty. Sums in float64.
    """
    (clean, n_clean), (noisy, n_noisy) = (
        (g.double(), count) for g, count in (role_gradient(nets, table, r) for r in (CLEAN, NOISY))
    )
    full, n = clean + noisy, n_clean + n_noisy
    dot = (clean * noisy).sum(1)
    return {
        "r_c": (clean * full).sum(1) * n / n_clean,
        "r_n": (noisy * full).sum(1) * n / n_noisy,
        "cos": dot / (clean.norm(dim=1) * noisy.norm(dim=1)),
    }
