"""Nets from outside: every layout is the net it was, every bad file is one line, nothing runs."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modnoise as mn
from modnoise.arithmetic import null
from modnoise.arithmetic.analytic import exact_nets
from modnoise.arithmetic.own import ROLES
from modnoise.cli import main
from modnoise.spec import SpecError
from modnoise.store import outside
from modnoise.store.containers import tensors as read_tensors
from modnoise.store.outside import read_file

P, M = 7, 12
RNG = np.random.default_rng(0)
U, V, W = (RNG.standard_normal((M, P)) for _ in range(3))
MU, BIAS = RNG.standard_normal(P), RNG.standard_normal(M)


def by_hand(u, v, w, mu, bias, phi=lambda x: np.maximum(x, 0)):
    """Logits f(a, b) one pair at a time."""
    out = np.zeros((P, P, P))
    for a in range(P):
        for b in range(P):
            out[a, b] = w.T @ phi(u[:, a] + v[:, b] + bias) + mu
    return out


def logits(nets):
    return nets.logits()[0].numpy()


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"U": U, "V": V, "W": W, "mu": MU}, by_hand(U, V, W, MU, 0)),
        ({"U": U.T, "V": V, "W": W.T}, by_hand(U, V, W, 0, 0)),
        ({"W_in": U, "W_out": W.T}, by_hand(U, U, W, 0, 0)),
        ({"embed.weight": U.T, "unembed.weight": W.T, "b_in": BIAS}, by_hand(U, U, W, 0, BIAS)),
        ({"fc1.weight": np.hstack([U, V]), "fc1.bias": BIAS, "fc2.weight": W.T, "fc2.bias": MU},
         by_hand(U, V, W, MU, BIAS)),
        ({"fc1.weight": np.hstack([U, V]).T, "fc2.weight": W}, by_hand(U, V, W, 0, 0)),
    ],
    ids=["ours", "turned", "tied", "tied with bias", "one-hots side by side", "and turned"],
)  # fmt: skip
def test_every_layout_is_the_net_that_it_was(arrays, expected):
    for held in (arrays, {name: torch.from_numpy(x.copy()) for name, x in arrays.items()}):
        nets = mn.read_net(held)
        assert (nets.p, nets.width, len(nets)) == (P, M, 1)
        assert nets.tied == ("embed.weight" in held or "W_in" in held)
        np.testing.assert_allclose(logits(nets), expected, rtol=1e-12, atol=1e-12)


def test_files_of_three_kinds_give_the_same_arrays(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tensors = {"U": torch.from_numpy(U), "W": torch.from_numpy(W.T.copy())}
    safetensors.torch.save_file(tensors, tmp_path / "net.safetensors")
    torch.save({"epoch": 3, "state_dict": tensors}, tmp_path / "net.pt")
    np.savez(tmp_path / "net.npz", U=U, W=W.T)
    for path in (tmp_path / "net.safetensors", tmp_path / "net.pt", "~/net.npz"):
        found = logits(mn.read_net(path))
        np.testing.assert_allclose(found, by_hand(U, U, W, 0, 0), rtol=1e-12, atol=1e-12)
    half = {name: x.bfloat16() for name, x in tensors.items()}
    safetensors.torch.save_file(half, tmp_path / "half.safetensors")
    nets = mn.read_net(str(tmp_path / "half.safetensors"), act="quadratic")
    assert (nets.U.dtype, nets.act) == (torch.float32, "quadratic")


def test_a_net_of_plain_pytorch_is_read_by_its_own_names():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.left = torch.nn.Linear(P, M, bias=False)
            self.right = torch.nn.Linear(P, M, bias=False)
            self.out = torch.nn.Linear(M, P)

        def forward(self, x):
            return self.out(torch.relu(self.left(x[:, 0]) + self.right(x[:, 1])))

    net = Net()
    a, b = np.divmod(np.arange(P * P), P)
    eye = torch.eye(P)
    expected = net(torch.stack([eye[a], eye[b]], 1)).detach().numpy().reshape(P, P, P)
    np.testing.assert_allclose(logits(mn.read_net(net.state_dict())), expected, atol=1e-6)
    strange = {name.replace(".weight", ".x"): x for name, x in net.state_dict().items()}
    roles = {"U": "left.x", "V": "right.x", "W": "out.x"}
    np.testing.assert_allclose(logits(mn.read_net(strange, names=roles)), expected, atol=1e-6)


def test_a_square_matrix_needs_a_name_and_may_be_turned():
    u, w = (RNG.standard_normal((P, P)) for _ in range(2))
    with pytest.raises(SpecError, match="a square U and W does not tell rows from columns"):
        mn.read_net({"U": u, "W": w})
    with pytest.raises(SpecError, match="a square V does not tell"):
        mn.read_net({"U": u, "V": u, "W": w}, names={"U": "U", "W": "W"})
    nets = mn.read_net({"U": u, "W": w}, names={"U": "U.T", "W": "W"})
    np.testing.assert_array_equal(nets.U[0].numpy(), u.T)
    np.testing.assert_array_equal(nets.W[0].numpy(), w)
    both = {"fc1.weight": np.hstack([u, u.T]), "fc2.weight": w.T}  # M = p
    with pytest.raises(SpecError, match="a square W does not tell"):
        mn.read_net(both)
    named = mn.read_net(both, names={"W": "fc2.weight.T"})
    expected = by_hand(u, u.T, w, 0, 0)
    np.testing.assert_allclose(logits(named), expected, rtol=1e-12, atol=1e-12)
    wide = RNG.standard_normal((2 * P, 2 * P))  # M = 2 p
    with pytest.raises(SpecError, match="a square U does not tell"):
        mn.read_net({"U": wide, "W": wide[:, :P]})


def test_fewer_neurons_than_residues_need_the_modulus():
    narrow = {"U": RNG.standard_normal((3, P)), "W": RNG.standard_normal((3, P))}
    assert mn.read_net(narrow, p=P).width == 3
    assert mn.read_net({**narrow, "mu": np.zeros(P)}).p == P
    assert mn.read_net(narrow).p == 3  # the smaller size, unless it is told


@pytest.mark.parametrize(
    ("arrays", "options", "text"),
    [
        ({}, {}, "U is missing"),
        ({"U": U}, {}, "W is missing: name it"),
        ({"U": U, "W": W[:, :5]}, {}, "shapes U (12, 7), W (12, 5) are not allowed"),
        ({"U": U, "W": W, "mu": MU[:3]}, {}, "mu (3,) are not allowed"),
        ({"U": U, "W": W, "x": MU}, {}, "tensor 'x' is not allowed without a role"),
        ({"U": U, "W": W}, {"names": {"Q": "U"}}, "unknown role 'Q'"),
        ({"U": U, "W": W}, {"names": {"U": "u2"}}, "U = 'u2' is not allowed: there is U (12, 7)"),
        ({"U": U, "W": W}, {"p": 9}, "are not allowed with p = 9"),
        ({"U": U, "W": W}, {"act": "tanh"}, "act = 'tanh' is not allowed"),
        ({"U": U.astype(int), "W": W}, {}, "U is not allowed: int64"),
        ({"U": U[None], "W": W}, {}, "U of shape (1, 12, 7) is not allowed: it must have 2 axes"),
        ({"U": np.where(U > 1, np.nan, U), "W": W}, {}, "of its numbers are not finite"),
        ({"U": U[:, :2], "W": W[:, :2]}, {}, "p = 2 is not allowed: it must be from 3 to 1024"),
        ({"U": U, "W": W, "w": W}, {}, "tensor 'w' is not allowed without a role"),
    ],
)  # fmt: skip
def test_what_is_no_such_net_is_one_line(arrays, options, text):
    with pytest.raises(SpecError) as error:
        mn.read_net(arrays, **options)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def hostile(folder: Path) -> dict[str, bytes]:
    """Ten files that are no nets, by name."""
    good = safetensors.torch.save({"U": torch.from_numpy(U), "W": torch.from_numpy(W)})
    buffer, archive, old, array = (io.BytesIO() for _ in range(4))
    np.save(array, U)
    torch.save({"U": torch.from_numpy(U), "W": Evil(folder / "touched")}, buffer)
    np.savez(archive, U=np.array([Evil(folder / "touched")], object))
    torch.save([torch.from_numpy(U)], old)
    header = good[8 : 8 + int.from_bytes(good[:8], "little")]
    return {
        "empty.safetensors": b"",
        "cut.safetensors": good[:-20],
        "header.safetensors": (2**62).to_bytes(8, "little") + good[8:],
        "json.safetensors": good.replace(header, b"{" * len(header)),
        "garbage.safetensors": bytes(range(256)),
        "evil.pt": buffer.getvalue(),
        "raw.pkl": pickle.dumps(Evil(folder / "touched")),
        "text.pt": b"not a file of PyTorch's",
        "list.pt": old.getvalue(),
        "cut.pt": buffer.getvalue()[:-50],
        "evil.npz": archive.getvalue(),
        "array.npz": array.getvalue(),
        "text.npz": b"PK not an archive",
    }


def test_ten_damaged_or_hostile_files_are_a_line_each_and_nothing_runs(tmp_path, capsys):
    files = hostile(tmp_path)
    assert len(files) >= 10
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SpecError) as error:
            read_tensors(tmp_path / name)
        assert "\n" not in str(error.value)
        with pytest.raises(SystemExit) as left:
            main(["inspect", str(tmp_path / name)])
        assert left.value.code == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert told.startswith("modnoise: weights = ")
    assert not (tmp_path / "touched").exists()
    for gone, text in (("gone.pt", "there is no such file"), (".", "it is a folder")):
        with pytest.raises(SpecError, match=text):
            read_file(tmp_path / gone)


def test_tensors_that_numpy_does_not_have_are_named(tmp_path):
    strange = {"U": torch.zeros(M, P).to(torch.float8_e4m3fn), "W": torch.from_numpy(W)}
    torch.save(strange, tmp_path / "x.pt")
    safetensors.torch.save_file(strange, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        with pytest.raises(SpecError, match="U is not allowed: it is torch.float8_e4m3fn"):
            mn.read_net(tmp_path / name)
    for held in (strange["U"], torch.zeros(M, P).to_sparse(), [[1.0], [1.0, 2.0]]):
        with pytest.raises(SpecError, match="U is not allowed: it is"):
            mn.read_net({"U": held, "W": W})


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "bomb.npz", U=np.zeros((2000, 100)))
    monkeypatch.setattr(outside, "MOST_BYTES", 100_000)
    with pytest.raises(SpecError, match="1600128 bytes unpacked, at most 100000"):
        read_file(tmp_path / "bomb.npz")


arrays = st.builds(
    lambda shape, seed, kind: np.random.default_rng(seed).standard_normal(shape).astype(kind),
    st.lists(st.integers(0, 9), max_size=3), st.integers(0, 99),
    st.sampled_from(["float32", "float64", "int32", "bool", "complex64"]),
)  # fmt: skip
tensors = st.dictionaries(
    st.one_of(st.sampled_from([*ROLES, "W_in", "W_out", "fc1.weight"]), st.text(max_size=4)),
    st.one_of(arrays, st.none(), st.text(max_size=2)), max_size=4,
)  # fmt: skip


@given(tensors, st.one_of(st.none(), st.integers(-3, 12)))
def test_any_arrays_are_a_net_or_one_line(held, p):
    nets = line = None
    try:
        nets = mn.read_net(held, p=p)
    except SpecError as error:
        line = str(error)
    if nets is None:
        assert "\n" not in line
    else:
        assert len(nets.logits()) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([".safetensors", ".pt", ".npz"]))
def test_any_bytes_are_arrays_or_one_line(tmp_path, data, suffix):
    path, line = tmp_path / f"x{suffix}", None
    path.write_bytes(data)
    try:
        read_file(path)
    except SpecError as error:
        line = str(error)
    assert line is None or "\n" not in line


# --- what is in it


def test_a_net_that_is_known_to_be_right_is_found_right():
    nets = exact_nets(23, [1, 3, 5, 7, 9])
    found = mn.inspect(nets, "add")
    assert found.accuracy["full network"] == 1.0
    assert found.accuracy["FF, x²"] == 1.0
    assert found.accuracy["random frequencies, x²"] < 0.5
    assert found.periodic == 1.0
    assert found.phase == pytest.approx(0, abs=1e-6)
    assert "itself follows the rule" in found.found
    assert "100.0%" in found.found
    assert mn.inspect(nets, "sub").accuracy["full network"] < 0.1


def test_a_rule_under_noise_is_found_by_the_filter_alone():
    nets = exact_nets(23, [1, 3, 5, 7, 9])
    rng = np.random.default_rng(1)
    noise = torch.from_numpy(rng.standard_normal(nets.W.shape)) * nets.W.std()
    loud = mn.NetStack(nets.U, nets.V, nets.W + 2 * noise, nets.mu, "quadratic")
    found = mn.inspect(loud)
    assert found.accuracy["full network"] < found.accuracy["FF, x²"]
    assert "rule is inside" in found.found
    nothing = mn.inspect(mn.new_nets(mn.Run(p=23, width=64)))
    assert nothing.found.startswith("The filter finds no rule")


def test_multiplication_is_looked_at_over_logarithms_and_needs_a_prime():
    found = mn.inspect(mn.new_nets(mn.Run(p=11, width=16)), "mul")
    assert {"FF over logarithms, x²", "random over logarithms, x²"} <= {*found.accuracy.index}
    assert np.isnan(found.phase)
    with pytest.raises(SpecError, match="a primitive root needs an odd prime"):
        mn.inspect(mn.new_nets(mn.Run(p=12, width=16)), "mul")
    with pytest.raises(SpecError, match="unknown op 'pow'"):
        mn.inspect(mn.new_nets(mn.Run(p=11, width=16)), "pow")


def test_division_is_looked_at_where_it_is_defined():
    """A net that answers 3 everywhere is right on as many of the pairs with b > 0 as have it."""
    nets = mn.new_nets(mn.Run(p=11, width=16, op="div"))
    nets.mu[0, 3] = 1e6
    found = mn.inspect(nets, "div")
    assert found.accuracy["full network"] == pytest.approx(1 / 11)
    with pytest.raises(SpecError, match="a primitive root needs an odd prime"):
        mn.inspect(mn.new_nets(mn.Run(p=12, width=16)), "div")


def test_the_command_prints_one_screen_and_writes_figures(tmp_path, capsys):
    nets = mn.new_nets(mn.Run(p=59, width=128))
    file = tmp_path / "net.safetensors"
    safetensors.torch.save_file({name: torch.from_numpy(x) for name, x in nets.arrays(0).items()},
                                file)  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(file), "--op", "sub", "--figures", str(tmp_path / "seen")])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("p = 59, 128 neurons, relu; sub, all pairs:")
    assert len(told.splitlines()) < 24
    assert told.splitlines()[-1] == f"6 figures in {tmp_path / 'seen'}"
    assert {x.name for x in (tmp_path / "seen").iterdir()} == {
        f"{name}-{theme}.svg" for name in ("spectrum", "frequencies", "angles")
        for theme in ("light", "dark")
    }  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(file), "--names", "U"])
    assert left.value.code == 2
    assert "it must be ROLE=TENSOR" in capsys.readouterr().err


def test_archives_are_read_as_zip_files_are():
    assert zipfile.is_zipfile(io.BytesIO(hostile(Path("x"))["evil.npz"]))


# --- checkpoints, vocabularies, accidents


STATE = {"fc1.weight": torch.from_numpy(np.hstack([U, V])), "fc2.weight": torch.from_numpy(W.T)}
EXPECTED = by_hand(U, V, W, 0, 0)
clutter = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just(torch.zeros(3)))
keys = st.one_of(st.text("abc", min_size=1, max_size=3), st.integers(0, 99))
containers = st.lists(
    st.one_of(st.tuples(st.just("list"), st.lists(clutter, max_size=3)),
              st.tuples(keys, st.dictionaries(keys, clutter, max_size=3))), max_size=4,
)  # fmt: skip


def wrapped(state, layers):
    path = []
    for key, beside in layers:
        path.insert(0, str(len(beside) if key == "list" else key))
        state = [*beside, state] if key == "list" else {**beside, key: state}
    return state, ".".join(path) or "."


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(containers)
def test_a_net_is_found_wherever_it_lies(layers):
    held, at = wrapped(STATE, layers)
    assert [*read_tensors(held)] == [*STATE]
    assert [*read_tensors(held, at)] == [*STATE]
    both = {"one": held, "two": wrapped(dict(STATE), layers)[0]}
    with pytest.raises(SpecError, match="2 parts"):
        read_tensors(both)
    path = "two" if at == "." else f"two.{at}"
    np.testing.assert_allclose(logits(mn.read_net(both, at=path)), EXPECTED, atol=1e-12)


def test_modules_optimizers_buffers_and_what_refers_to_itself(caplog):
    net = torch.nn.Sequential(torch.nn.Linear(2 * P, M), torch.nn.ReLU(), torch.nn.Linear(M, P))
    net.register_buffer("basis", torch.eye(P))
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 2 * P)).sum().backward()
    optimizer.step()
    held = {"optimizer": optimizer.state_dict(), "net": net, "epoch": 3}
    held["itself"] = held
    x = torch.eye(P)
    pairs = torch.cat([x.repeat_interleave(P, 0), x.repeat(P, 1)], 1)
    expected = net(pairs).detach().numpy().reshape(P, P, P)
    for source in (net, held, net.state_dict()):
        np.testing.assert_allclose(logits(mn.read_net(source)), expected, atol=1e-6)
    assert caplog.text.count("basis (7, 7)") == 3
    with pytest.raises(SpecError, match="an int"):
        mn.read_net(3)


def test_an_embedding_is_multiplied_out():
    E, one, two = RNG.standard_normal((P, 5)), *RNG.standard_normal((2, M, 5))
    held = {"embed.weight": E, "fc1.weight": np.hstack([one, two]), "fc2.weight": W.T}
    expected = by_hand(one @ E.T, two @ E.T, W, 0, 0)
    np.testing.assert_allclose(logits(mn.read_net(held)), expected, atol=1e-12)


@pytest.mark.parametrize(
    "norm", ["ln.weight", "bn1.running_mean", "norm.bias", "layernorm.weight"]
)
def test_what_would_change_the_answers_is_not_left_out(norm):
    with pytest.raises(SpecError, match="normalization"):
        mn.read_net({**STATE, norm: torch.ones(M)})
    with pytest.raises(SpecError, match="another layer"):
        mn.read_net({**STATE, "fc3.weight": torch.ones(P, P)})


def adding(p: int) -> dict[str, np.ndarray]:
    nets = exact_nets(p, range(1, (p + 1) // 2))
    return {name: x for name, x in nets.arrays(0).items() if name != "mu"}


def test_the_modulus_is_what_answers_and_tokens_beyond_it_are_cut(caplog):
    exact = adding(11)
    more = {name: np.hstack([x, np.ones((len(x), 1))]) for name, x in exact.items()}
    for p in (None, 11):
        nets = mn.read_net(more, act="quadratic", p=p)
        np.testing.assert_array_equal(nets.U[0].numpy(), exact["U"])
        assert mn.inspect(nets).accuracy["full network"] == 1.0
    assert caplog.text.count("1 more token") == 1
    narrow = {name: x[:, :] for name, x in exact_nets(31, [1]).arrays(0).items() if name != "mu"}
    assert mn.read_net(narrow, act="quadratic").p == 31  # 16 neurons


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit
@pytest.mark.parametrize("suffix", [".pt", ".NPY", ".bin", ""])
def test_a_file_is_told_by_its_first_bytes(tmp_path, suffix):
    good = safetensors.torch.save({"U": torch.from_numpy(U), "W": torch.from_numpy(W)})
    archive, array, script = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(archive, U=U, W=W)
    np.save(array, U)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2))
    torch.jit.save(torch.jit.trace(net, torch.ones(1, 2)), script)
    path = tmp_path / f"x{suffix}"
    for data in (good, archive.getvalue()):
        path.write_bytes(data)
        assert {*read_file(path)} == {"U", "W"}
    whole, scalar = io.BytesIO(), io.BytesIO()
    torch.save(net, whole)
    torch.save({"net": net.state_dict(), "loss": np.float64(1)}, scalar)
    for data, what in (
        (array.getvalue(), "a single numpy array"), (script.getvalue(), "TorchScript"),
        (b'{"a": [1]}', "JSON"), (whole.getvalue(), "container.Sequential"),
        (scalar.getvalue(), "multiarray.scalar"), (pickle.dumps({"U": U}), "a pickle of Python"),
    ):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(SpecError, match=what) as error:
            read_file(path)
        assert "net.state_dict()" in str(error.value)


@pytest.mark.parametrize(("p", "op"), [(11, "add"), (12, "sub")])
def test_filtered_answers_are_those_of_the_filtered_net(p, op):
    nets = mn.new_nets(mn.Run(p=p, width=32, dtype="float64"))
    k = mn.random_frequency(nets, 3)
    filtered = mn.without_mu(mn.filtrate(nets, k)[0].with_act("quadratic"))
    answers = mn.predictions(filtered)
    assert torch.equal(null.filtered_answers(nets, k), answers)
    a, b = torch.arange(p)[:, None], torch.arange(p)
    for s in range(p):
        right = (answers[0] == ((a + b if op == "add" else a - b) + s) % p).double().mean()
        assert float(null.by_shift(answers, op)[0, s]) == pytest.approx(float(right))


def test_nets_without_a_rule_are_not_said_to_hold_one_and_others_are():
    """A few of the nets of ``benchmarks/accidents.py``."""
    for tied in (True, False):
        for seed in range(30):
            found = mn.inspect(mn.new_nets(mn.Run(p=23, width=64, tied=tied, seed=seed)))
            assert "is inside" not in found.found
    run = mn.Run(p=23, width=64, noise=0.5, noise_kind="any", steps=300, lr=0.02)
    assert "is inside" in mn.inspect(mn.train(run, progress=False).nets).found
