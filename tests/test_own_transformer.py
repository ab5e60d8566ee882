"""Transformers from outside: both conventions are the net that they were, biases and all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import modnoise as mn
from modnoise.arithmetic.tables import true_labels
from modnoise.cli import main
from modnoise.spec import SpecError
from modnoise.transformer import inspection
from modnoise.transformer.net import energy, new_transformers
from modnoise.transformer.run import TransformerRun

P, D, HEADS, K, M = 7, 12, 3, 5, 10  # heads * K is not D


def lens(seed: int = 0, *, answers: int = P + 1, biases: bool = True) -> dict[str, torch.Tensor]:
    """Weights as TransformerLens names and turns them."""
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> torch.Tensor:
        return torch.from_numpy(draw.standard_normal(shape) / 2)

    found = {
        "embed.W_E": some(P + 1, D), "pos_embed.W_pos": some(3, D),
        **{f"blocks.0.attn.W_{x}": some(HEADS, D, K) for x in "QKV"},
        "blocks.0.attn.W_O": some(HEADS, K, D),
        "blocks.0.mlp.W_in": some(D, M), "blocks.0.mlp.W_out": some(M, D),
        "unembed.W_U": some(D, answers),
    }  # fmt: skip
    if biases:
        found |= {f"blocks.0.attn.b_{x}": some(HEADS, K) for x in "QKV"}
        found |= {"blocks.0.attn.b_O": some(D), "blocks.0.mlp.b_in": some(M),
                  "blocks.0.mlp.b_out": some(D), "unembed.b_U": some(answers)}  # fmt: skip
    return found


def nandas(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights as Nanda's code of the grokking paper turns them."""
    turned = {name: x for name, x in found.items() if "attn.b_" not in name and "b_U" not in name}
    turned["embed.W_E"] = found["embed.W_E"].T
    for x in "QKV":
        turned[f"blocks.0.attn.W_{x}"] = found[f"blocks.0.attn.W_{x}"].transpose(1, 2)
    flat = found["blocks.0.attn.W_O"].reshape(HEADS * K, D)
    turned["blocks.0.attn.W_O"] = flat.T
    for x in ("in", "out"):
        turned[f"blocks.0.mlp.W_{x}"] = found[f"blocks.0.mlp.W_{x}"].T
    return turned


def by_hand(w: dict[str, torch.Tensor]) -> np.ndarray:
    """Logits behind "=" of all pairs, one head after the other, axes of TransformerLens."""
    x = {name.split(".")[-1]: t.numpy() for name, t in w.items()}
    zero = {"b_Q": (HEADS, K), "b_K": (HEADS, K), "b_V": (HEADS, K), "b_O": D, "b_in": M,
            "b_out": D, "b_U": x["W_U"].shape[1]}  # fmt: skip
    x = {name: np.zeros(shape) for name, shape in zero.items()} | x
    out = np.zeros((P, P, x["W_U"].shape[1]))
    for a in range(P):
        for b in range(P):
            stream = x["W_E"][[a, b, P]] + x["W_pos"][:3]
            sent = x["b_O"].copy()
            for h in range(HEADS):
                q, k, v = (
                    np.einsum("td,dk->tk", stream, x[f"W_{y}"][h]) + x[f"b_{y}"][h] for y in "QKV"
                )
                score = np.exp(np.einsum("k,tk->t", q[2], k) / np.sqrt(K))
                sent += np.einsum("t,tk,kd->d", score / score.sum(), v, x["W_O"][h])
            end = stream[2] + sent
            hidden = np.maximum(end @ x["W_in"] + x["b_in"], 0)
            out[a, b] = (end + hidden @ x["W_out"] + x["b_out"]) @ x["W_U"] + x["b_U"]
    return out[..., :P]


def logits(nets) -> np.ndarray:
    return nets.logits()[0].numpy()


@pytest.mark.parametrize("answers", [P, P + 1], ids=["p answers", "= is one too"])
@pytest.mark.parametrize("biases", [False, True], ids=["plain", "biases"])
def test_both_conventions_are_the_net_that_they_were(biases, answers):
    held = lens(answers=answers, biases=biases)
    nets = mn.transformer.read_net(held)
    assert (nets.p, len(nets)) == (P, 1)
    np.testing.assert_allclose(logits(nets), by_hand(held), rtol=1e-10, atol=1e-10)
    turned = nandas(held)
    plain = {name: held[name] for name in turned}
    np.testing.assert_allclose(
        logits(mn.transformer.read_net(turned)), by_hand(plain), rtol=1e-10, atol=1e-10
    )


def test_a_checkpoint_of_one_opens_and_says_what_it_leaves_out(tmp_path, caplog):
    held = {f"model.{name}": x.float() for name, x in lens().items()}
    held["model.blocks.0.attn.mask"] = torch.ones(3, 3).tril().bool()
    held["model.blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)
    torch.save({"state_dicts": [held, held | {}], "train_losses": [1.0]}, tmp_path / "x.pth")
    with pytest.raises(SpecError, match=r"state_dicts\.0, state_dicts\.1"):
        mn.transformer.read_net(tmp_path / "x.pth")
    nets = mn.transformer.read_net(tmp_path / "x.pth", at="state_dicts.1")
    assert "attn.mask" in caplog.text
    np.testing.assert_allclose(logits(nets), by_hand(lens()), atol=1e-4)


def test_longer_vocabularies_and_contexts_are_cut_where_p_is_given():
    held = lens(biases=False)
    more = torch.full((2, D), 9.0, dtype=torch.float64)
    longer = held | {
        "embed.W_E": torch.cat([held["embed.W_E"], more]),
        "pos_embed.W_pos": torch.cat([held["pos_embed.W_pos"], more]),
        "unembed.W_U": torch.cat([held["unembed.W_U"], more.T], 1),
    }
    nets = mn.transformer.read_net(longer, p=P)
    np.testing.assert_allclose(logits(nets), by_hand(held), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "p", "text"),
    [
        ({"blocks.0.ln1.w": torch.ones(D)}, None, "it has a layer norm"),
        ({"ln_final.b": torch.ones(D)}, None, "it has a layer norm"),
        ({"blocks.0.ln1.w_ln": torch.ones(D)}, None, "it has a layer norm"),
        ({"blocks.1.attn.W_Q": torch.ones(HEADS, D, K)}, None, "it has more than one block"),
        ({"blocks.0.mlp.W_gate": torch.ones(D, M)}, None, "its architecture is another one"),
        ({"blocks.0.attn.rotary_sin": torch.ones(3, K)}, None, "its positions are not learned"),
        ({"blocks.0.mlp.W_in": None}, None, "blocks.0.mlp.W_in is missing"),
        ({"blocks.0.mlp.W_in": torch.ones(D + 1, M)}, None, "must be 12"),
        ({"pos_embed.W_pos": torch.ones(2, D)}, None, "must be from 3 to"),
        (
            {"unembed.W_U": torch.ones(D, 3), "unembed.b_U": None},
            None,
            "8 tokens and 3 answers are not allowed",
        ),
        ({"embed.W_E": torch.full((P + 1, D), torch.nan)}, None, "are not finite"),
        ({}, P + 1, "p = 8 is not allowed for 8 tokens"),
        ({}, 2, "p = 2 is not allowed"),
    ],
)
def test_what_is_no_such_transformer_is_one_line(change, p, text):
    held = {name: x for name, x in (lens() | change).items() if x is not None}
    with pytest.raises(SpecError) as error:
        mn.transformer.read_net(held, p=p)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def ours(p: int = 11, seed: int = 0) -> tuple[dict[str, torch.Tensor], object]:
    """One of our own nets, and its weights as TransformerLens would save them."""
    nets = new_transformers(TransformerRun(p=p, d_model=16, heads=2, d_mlp=24, seed=seed))
    x = {name: t[0] for name, t in nets.named.items()}
    held = {"embed.W_E": x["W_E"], "pos_embed.W_pos": x["W_pos"], "unembed.W_U": x["W_U"]}
    held |= {f"blocks.0.attn.W_{y}": x[f"W_{y}"].mT for y in "QKV"}
    held |= {"blocks.0.attn.W_O": x["W_O"], "blocks.0.mlp.W_in": x["W_in"].T,
             "blocks.0.mlp.W_out": x["W_out"]}  # fmt: skip
    return held, nets


def test_an_inspection_counts_pairs_roles_and_energy():
    held, nets = ours()
    run = TransformerRun(p=11, noise=0.4, steps=0)
    table = mn.noisy_table(run)
    found = mn.transformer.inspect(mn.transformer.read_net(held), "sub", table)
    answers = nets.logits()[0].argmax(-1).numpy()
    full = found.accuracy.iloc[0]
    assert full["all"] == pytest.approx((answers == true_labels("sub", 11)).mean())
    given, role = table.given[0].numpy(), table.role[0].numpy()
    for code, name in ((0, "clean"), (1, "noisy"), (3, "test")):
        assert full[name] == pytest.approx((answers == given)[role == code].mean())
    share = energy(nets)[0]
    np.testing.assert_allclose(found.energy, share / share.sum(), rtol=1e-5)
    assert found.kept == mn.transformer.frequencies_kept(11)
    for wrong in (
        {"op": "mul"},
        {"table": mn.noisy_table(run.but(p=13))},
    ):
        with pytest.raises(SpecError):
            mn.transformer.inspect(nets, **wrong)


def test_a_rule_in_the_unembedding_is_found_beneath_what_hides_it(monkeypatch):
    """A stream of cosines of a + b, given by hand, and an unembedding full of noise."""
    nets = ours(31)[1]
    assert mn.transformer.inspect(nets).found.startswith("The filter finds no rule")
    k, p = (3, 5, 7), 31
    turn = 2 * np.pi * np.outer(k, np.arange(p)) / p
    rule = np.zeros((16, p))
    rule[:6] = np.concatenate([np.cos(turn), np.sin(turn)])
    stream = torch.from_numpy(rule.T)[(torch.arange(p)[:, None] + torch.arange(p)) % p][None]
    noise = 0.9 * np.random.default_rng(0).standard_normal(rule.shape)
    noise[6:] = 0
    built = replace(nets, W_U=torch.from_numpy(rule + noise)[None])
    monkeypatch.setattr(inspection, "final_stream", lambda _: stream)
    found = mn.transformer.inspect(built)
    full, top, random = found.accuracy["all"]
    assert top > full + 0.05 > random
    assert "rule is inside" in found.found
    assert {*found.energy.nlargest(3).index} == {*k}


def test_the_command_tells_which_kind_a_file_holds(tmp_path, capsys):
    held, _ = ours(23)
    torch.save({"model": held, "epoch": 3}, tmp_path / "net.pth")
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "net.pth"), "--figures", str(tmp_path / "seen")])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("transformer, p = 23, d_model = 16, 2 heads of 8, 24 neurons; add")
    assert {x.name for x in (tmp_path / "seen").iterdir()} == {
        "unembedding-light.svg", "unembedding-dark.svg"
    }  # fmt: skip
