"""The page that trains in the browser: its JavaScript against the package, and the page itself.

The formulas are tested under Node, the page in Chromium; each part is skipped where that is
missing.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from playwright.sync_api import Browser, Page

from modnoise.arithmetic import fourier, metrics
from modnoise.arithmetic.nets import ACTIVATIONS, NetStack, new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import NoisyTable, noisy_table, true_labels
from modnoise.training.loop import Trained, train

BOOK = Path(__file__).parent.parent / "book"
LIVE = BOOK / "_static" / "live"
NODE = shutil.which("node") or shutil.which("nodejs")
in_node = pytest.mark.skipif(NODE is None, reason="there is no Node")

# Functions of both worlds: weights and tables as JSON to what core.js takes.
TAKE = """
const take = (net) => ({ ...net, ...Object.fromEntries(
  ["U", "V", "W", "mu"].map((name) => [name, Float64Array.from(net[name])])) });
const follow = async (Engine, run, net, table, steps, forwardOf) => {
  const engine = new Engine(run, take(net), table), rows = [];
  for (const step of steps) {
    await engine.advance(step - engine.updates);
    const { accuracy, cross_entropy } = core.scores(await engine.read(), table, forwardOf);
    rows.push({ step, accuracy, cross_entropy });
  }
  return rows;
};
"""
SIMD = f"""
const simd = require({json.dumps(str(LIVE / "simd.js"))})(
  core, require({json.dumps(str(LIVE / "simd_wasm.js"))}).base64);
"""


def javascript(source: str, module: str = "core", **given: object) -> object:
    """What ``source`` returns under Node, with ``core`` (or another file) and the arguments."""
    script = (
        f"{TAKE} const {module} = require({json.dumps(str(LIVE / f'{module}.js'))});"
        f"const {{ {', '.join(given)} }} = JSON.parse(require('fs').readFileSync(0));"
        "const plain = (_, x) => ArrayBuffer.isView(x) ? [...x] : x;"
        f"(async () => {{ {source} }})()"
        ".then((found) => process.stdout.write(JSON.stringify(found, plain)));"
    )
    done = subprocess.run(
        [NODE, "-e", script], input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_json(stack: NetStack | NoisyTable) -> dict:
    """The first net, or table, as the page takes it."""
    if isinstance(stack, NoisyTable):
        names, size = ("true", "given", "role"), {"p": stack.p}
    else:
        names, size = ("U", "V", "W", "mu"), {"p": stack.p, "width": stack.width, "act": stack.act}
    return size | {name: getattr(stack, name)[0].flatten().tolist() for name in names}


def recorded(trained: Trained) -> pd.DataFrame:
    """The history of the full net at the steps that are compared."""
    history = trained.history
    return history[(history.part == "full") & ((history.step <= 200) | (history.step == 500))]


def assert_follows(rows: list[dict], history: pd.DataFrame, rtol: float) -> None:
    assert [row["step"] for row in rows] == history.step.tolist()
    for role in metrics.ROLES:
        losses = [row["cross_entropy"][role] for row in rows if row["step"] <= 200]
        expected = history.loc[history.step <= 200, f"cross_entropy_{role}"]
        np.testing.assert_allclose(losses, expected, rtol=rtol)
        assert rows[-1]["accuracy"][role] == history[f"accuracy_{role}"].iloc[-1]


SMALL = Run(p=11, width=24, noise=0.3, steps=500, lr=3e-3, dtype="float64")


# --- the formulas


def in_the_page(run: Run) -> dict:
    """Fields of a run as the page's engines take them."""
    names = ("p", "width", "noise", "op", "act", "lr", "weight_decay", "beta2", "seed", "steps")
    return {name: getattr(run, name) for name in names}


def followed(run: Run, steps: list[int], source: str) -> list[dict]:
    """What an engine of the page makes of the package's table and first weights."""
    return javascript(
        source, net=as_json(new_nets(run)), table=as_json(noisy_table(run)), run=in_the_page(run),
        steps=steps,
    )  # fmt: skip


BY_JAVASCRIPT = "return follow(core.Engine, run, net, table, steps)"
BY_SIMD = f"{SIMD} return follow(simd.Engine, run, net, table, steps, simd.forwardOf)"


@in_node
@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_the_page_trains_as_the_package_does(act):
    for op in ("add", "sub", "mul") if act == "relu" else ("add",):
        run = SMALL.but(act=act, op=op, beta2=0.98)
        history = recorded(train(run))
        steps = history.step.tolist()
        assert_follows(followed(run, steps, BY_JAVASCRIPT), history, rtol=1e-8)


@in_node
@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_simd_trains_as_the_package_does(act):
    for op in ("add", "sub", "mul") if act == "relu" else ("add",):
        run = SMALL.but(act=act, op=op, lr=1e-3, steps=200)
        history = recorded(train(run))
        assert_follows(followed(run, history.step.tolist(), BY_SIMD), history, rtol=1e-4)


@in_node
@pytest.mark.parametrize("source", [BY_JAVASCRIPT, BY_SIMD], ids=["JavaScript", "SIMD"])
def test_the_page_follows_the_package_in_its_own_precision(source):
    run = Run(p=23, width=64, noise=0.3, steps=500)
    assert run.dtype == "float32"
    history = recorded(train(run))
    assert_follows(followed(run, history.step.tolist(), source), history, rtol=1e-4)


@in_node
@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_simd_answers_as_javascript_whatever_the_shape(act):
    """Widths, classes and pairs that fill no vector, and blocks of pairs that are not full."""
    worst = javascript(
        f"""{SIMD} let worst = 0;
        for (const [p, width] of [[3, 1], [7, 8], [8, 9], [13, 23], [16, 16]]) {{
          const run = {{ ...core.checked({{}}).run, p, width, act, noise: 0.5 }};
          const table = core.noisyTable(run), net = core.newNet(run);
          net.mu = net.mu.map((_, c) => c / p);
          const [one, other] = [core.plainForward, simd.forwardOf].map(
            (forwardOf) => core.scores(net, table, forwardOf));
          const engines = [core.Engine, simd.Engine].map((Engine) => new Engine(run, net, table));
          const losses = await Promise.all(engines.map((engine) => engine.advance(3)));
          worst = Math.max(worst, Math.abs(losses[0] / losses[1] - 1),
            ...core.ROLES.map((role) =>
              Math.abs(one.cross_entropy[role] / other.cross_entropy[role] - 1) || 0));
        }}
        return worst""",
        act=act,
    )  # fmt: skip
    assert 0 < worst < 2e-6, "float32, not float64"


@in_node
def test_a_lost_number_is_seen_by_simd():
    loss = javascript(
        f"""{SIMD}
        const run = {{ ...core.checked({{}}).run, p: 7, width: 8, lr: 1, act: "quadratic" }};
        const net = core.newNet(run);
        net.U = net.U.map(() => 1e30);
        return String(await new simd.Engine(run, net, core.noisyTable(run)).advance(2))"""
    )
    assert loss in ("NaN", "Infinity")


def test_the_compiled_kernels_are_those_of_the_source():
    path = BOOK.parent / "scripts" / "simd.py"
    spec = importlib.util.spec_from_file_location("simd", path)
    simd = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(simd)
    text = (LIVE / "simd_wasm.js").read_text(encoding="utf-8")
    assert f'from: "{simd.fingerprint()}"' in text, "run scripts/simd.py"


@in_node
def test_the_normal_distribution_of_gelu_is_exact_to_eleven_digits():
    x = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    found = javascript("return x.map(core.Phi)", x=x.tolist())
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), torch.special.ndtr(x), rtol=0, atol=1e-11
    )


def assert_same_net(found: dict, nets: NetStack) -> None:
    for name in ("U", "V", "W", "mu"):
        np.testing.assert_allclose(
            found[name], getattr(nets, name)[0].flatten(), rtol=0, atol=1e-12
        )


@in_node
@pytest.mark.parametrize("p", [11, 12])
def test_filtration_keeps_what_the_package_keeps(p):
    nets = new_nets(SMALL.but(p=p))
    g, r = fourier.filtrate(nets)
    found = javascript("return core.filtrate(take(net))", net=as_json(nets))
    assert found["k"] == fourier.dominant_frequency(nets.W)[0].tolist()
    assert_same_net(found["g"], g)
    assert_same_net(found["r"], r)


@in_node
def test_a_given_frequency_and_the_discrete_logarithm_filter_as_in_the_package():
    nets = new_nets(SMALL)
    k = torch.arange(nets.width).remainder(5)[None] + 1
    found = javascript(
        "return core.filtrate(take(net), { k, order: core.logarithms(net.p) })",
        net=as_json(nets), k=k[0].tolist(),
    )  # fmt: skip
    for part, expected in zip("gr", fourier.filtrate_log(nets, k), strict=True):
        assert_same_net(found[part], expected)
    assert javascript("return core.logarithms(31)") == fourier.logarithms(31).tolist()
    assert javascript("return [9, 15, 24].map(core.logarithms)") == [None, None, None]


@in_node
@pytest.mark.parametrize("op", ["add", "mul"])
def test_the_parts_score_as_in_the_package(op):
    run = SMALL.but(op=op, steps=60)
    nets, table, _ = train(run)
    parts = fourier.parts(nets, log=op == "mul")
    log = "_log" if op == "mul" else ""
    named = {"full": "full", "G": f"G{log}", "R": f"R{log}", "G_quadratic": f"G{log}_quadratic"}
    found = javascript(
        "const parts = core.parts(take(net), op);"
        "return Object.fromEntries(Object.entries(parts)"
        "  .map(([name, part]) => [name, core.scores(part, table)]))",
        net=as_json(nets), table=as_json(table), op=op,
    )  # fmt: skip
    for name, ours in named.items():
        accuracy, loss = metrics.scores(parts[ours], table)
        assert list(found[name]["accuracy"].values()) == accuracy[0].tolist()
        np.testing.assert_allclose(list(found[name]["cross_entropy"].values()), loss[0], rtol=1e-9)
        answers = metrics.predictions(parts[ours])[0].flatten()
        assert found[name]["answers"] == answers.tolist()
    assert found["G_random"]["answers"] != found["G_quadratic"]["answers"]


@in_node
@pytest.mark.parametrize("p", [11, 8])
def test_the_filter_on_the_labels_alone_is_that_of_the_package(p):
    runs = [SMALL.but(p=p, seed=seed, noise=0.7) for seed in range(8)]
    tables = noisy_table(runs)
    found = javascript(
        "return tables.map((table) => { const answers = core.labelPrior(table);"
        "  return { answers, accuracy: core.accuracyOf(answers, table) }; })",
        tables=[as_json(tables[i]) for i in range(len(runs))],
    )
    answers = torch.tensor([one["answers"] for one in found]).view(-1, p, p)
    one_hot = torch.nn.functional.one_hot(tables.given, p) * tables.train[..., None]
    k = torch.minimum(torch.arange(p), p - torch.arange(p))
    same = (k[:, None, None] == k[:, None]) & (k[:, None] == k) & (k > 0)
    kept = torch.fft.ifftn(torch.fft.fftn(one_hot, dim=(1, 2, 3)) * same, dim=(1, 2, 3)).real
    chosen = kept.gather(-1, answers[..., None])[..., 0]
    assert (kept.amax(-1) - chosen).max() < 1e-6, "the largest value, or one equal to it"
    assert (answers == fourier.label_prior(tables)).double().mean() > 0.9
    for role, (mask, label) in zip(metrics.ROLES, metrics.by_role(tables), strict=True):
        shares = ((answers == label) & mask).sum((1, 2)) / mask.sum((1, 2)).double()
        assert [one["accuracy"][role] for one in found] == shares.tolist()


@in_node
@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_a_table_of_the_page_has_half_of_the_pairs_and_the_noise_that_was_asked_for(op):
    tables = javascript(
        "return noises.map((noise) => core.noisyTable({ op, p: 13, noise, seed: 5 }))",
        op=op, noises=[0, 0.25, 1],
    )  # fmt: skip
    roles = [np.array(table["role"]) for table in tables]
    for table, role, wrong in zip(tables, roles, [0, 21, 84], strict=True):  # of 169 // 2 = 84
        true, given = np.array(table["true"]), np.array(table["given"])
        assert (true == true_labels(op, 13).flatten()).all()
        assert ((true != given) == (role == 1)).all()
        assert (role == 1).sum() == wrong
        assert (role <= 1).sum() == 84
        assert given.min() >= 0
        assert given.max() < 13
    assert ((roles[0] <= 1) == (roles[2] <= 1)).all(), "the split does not depend on the noise"
    first, last = (np.array(tables[i]["given"]) for i in (1, 2))
    assert (first == last)[roles[1] == 1].all(), "the noisy sets are nested, with their labels"


@in_node
def test_a_seed_draws_the_same_numbers_again_and_another_seed_others():
    source = "const g = core.generator(seed, stream); return [...Array(1000)].map(g.uniform)"
    drawn = {
        key: javascript(source, seed=key[0], stream=key[1]) for key in [(1, 1), (1, 2), (2, 1)]
    }
    assert drawn[1, 1] == javascript(source, seed=1, stream=1)
    assert len({tuple(numbers) for numbers in drawn.values()}) == 3
    for numbers in drawn.values():  # mean of 1,000 uniform numbers: 1/2 within 5 sigma
        assert abs(np.mean(numbers) - 0.5) < 5 / np.sqrt(12 * 1000)
        assert 0 <= min(numbers) < max(numbers) < 1


@in_node
def test_a_new_net_has_the_bounds_of_the_package():
    net = javascript("return core.newNet({ p: 16, width: 100, act: 'relu', seed: 0 })")
    for name, bound in {"U": 1 / 4, "V": 1 / 4, "W": 1 / 10}.items():
        weights = np.array(net[name])
        assert bound * 0.99 < np.abs(weights).max() <= bound
    assert net["mu"] == [0] * 16


@in_node
@pytest.mark.parametrize(
    ("field", "text", "allowed"),
    [
        ("p", "114", "a whole number from 3 to 113"),
        ("p", "7.5", "a whole number from 3 to 113"),
        ("width", "", "a whole number from 1 to 1025"),
        ("noise", "1.01", "a number from 0 to 1"),
        ("op", "div", "add, sub, mul"),
        ("act", "tanh", "relu, quadratic, gelu, reverse_relu"),
        ("lr", "0", "a number above 0 and at most 1"),
        ("weight_decay", "-1", "a number from 0 to 100"),
        ("beta2", "1", "a number from 0 to 0.99999"),
        ("seed", "1e99", "a whole number from 0 to 2147483647"),
        ("steps", "abc", "a whole number from 1 to 20000"),
    ],
)
def test_bad_input_is_refused_with_the_reason(field, text, allowed):
    errors = javascript("return core.checked(texts).errors", texts={field: text})
    assert errors == {field: f'{field} = "{text}" is not allowed: it must be {allowed}'}


@in_node
def test_unknown_input_is_refused_and_the_defaults_are_not():
    errors = javascript("return core.checked({ widht: 3 }).errors")
    assert list(errors) == ["widht"]
    assert javascript("return core.checked({})")["errors"] == {}


def test_the_form_has_the_limits_that_are_checked():
    form = (BOOK / "live.md").read_text(encoding="utf-8")
    core = (LIVE / "core.js").read_text(encoding="utf-8")
    for name in ("p", "width", "noise", "weight_decay", "beta2", "steps"):
        low, high = re.search(rf"    {name}: {{.*?low: ([\d.]+), high: ([\d.]+)", core).groups()
        assert re.search(rf'name="{name}" type="number" min="{low}" max="{high}"', form), name


# --- the story


def facts(**changes: float) -> dict:
    """What a run must have been for all five statements to hold; ``changes`` say otherwise."""
    value = {
        "clean": 0.6, "full": 0.01, "memorized": 1.0, "G_quadratic": 0.95, "G_random": 0.3,
        "nothing": 0.02, "noisy_step": 20, **changes,
    }  # fmt: skip

    def last(noisy: float, found: float) -> dict:
        full = {"clean": 1, "noisy": noisy, "recovered": 0, "test": value["full"]}
        parts = {"full": full, "G": {"test": 0.2}, "R": {"test": 0.01}}
        parts |= {"G_quadratic": {"test": found}, "G_random": {"test": value["G_random"]}}
        return {"step": 100, "parts": {name: {"accuracy": x} for name, x in parts.items()}}

    def at(step: int) -> dict:
        known = {"clean": float(step >= 40), "noisy": float(step >= value["noisy_step"])}
        return {"step": step, "parts": {"full": {"accuracy": known}}}

    run = {"p": 50, "act": "relu", "steps": 100}
    prior = {"test": 1.0}
    return {
        "run": run, "prior": prior, "count": {"clean": 50, "noisy": 50, "test": 100},
        "history": [at(step) for step in (0, 20, 40, 60)],
        "last": last(value["memorized"], value["G_quadratic"]),
        "control": {"run": run, "prior": {"test": 0.0}, "last": last(1.0, value["nothing"])},
    }  # fmt: skip


def told(known: dict) -> list[dict]:
    return javascript("return story.STEPS.map(({ tell }) => tell(known))", "story", known=known)


@in_node
@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({}, []),
        ({"noisy_step": 60}, [0]),
        ({"noisy_step": 40}, [0]),
        ({"memorized": 0.98}, [1]),
        ({"full": 0.05}, [2]),
        ({"G_quadratic": 0.89}, [3]),
        ({"G_random": 0.9}, [3]),
        ({"nothing": 0.07}, [4]),
    ],
)
def test_a_statement_of_the_story_holds_only_if_its_numbers_say_so(changes, fails):
    assert [i for i, one in enumerate(told(facts(**changes))) if not one["holds"]] == fails


@in_node
def test_the_statements_quote_the_numbers_of_the_run():
    texts = [one["text"] for one in told(facts(G_random=0.421, memorized=0.987))]
    assert "known at step 20" in texts[0]
    assert "98.7 %" in texts[1]
    assert "1.0 %" in texts[2]
    assert "2.0 %" in texts[2]
    assert "95.0 %" in texts[3]
    assert "42.1 %" in texts[3]


# --- the page


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page without the book's frame: its HTML blocks, in a folder as in the built book."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(BOOK / "_static", folder / "_static")
    blocks = re.findall(r"```\{raw\} html\n(.*?)```", (BOOK / "live.md").read_text(), re.DOTALL)
    page = folder / "book" / "live.html"
    page.parent.mkdir()
    page.write_text(
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        '<title>live</title><meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="../_static/modnoise.css"><main>' + "".join(blocks)
    )
    return page.as_uri()


@pytest.fixture(scope="module")
def gpu_browser(chromium: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser whose WebGPU device is computed by the processor."""
    started = chromium("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened from disk; it may ask nobody and report no error."""
    yield from opened_in(browser, address)


@pytest.fixture
def gpu_page(gpu_browser: Browser, address: str) -> Iterator[Page]:
    """The same where WebGPU is."""
    yield from opened_in(gpu_browser, address)


def opened_in(browser: Browser, address: str) -> Iterator[Page]:
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    opened.on("request", lambda r: r.url.startswith("http") and wrong.append(r.url))
    opened.goto(address)
    yield opened
    opened.close()
    assert wrong == []


@pytest.fixture
def fill(page: Page) -> Callable[..., None]:
    """Write into the form."""

    def write(**fields: str) -> None:
        for name, text in fields.items():
            field = page.locator(f"#live-{name}")
            field.select_option(text) if name in ("op", "act", "back-end") else field.fill(text)

    return write


TINY = {"p": "7", "width": "8", "steps": "400"}


def status(page: Page, text: str) -> None:
    """Wait until the status line says so."""
    page.wait_for_function(
        "(text) => document.getElementById('live-status').textContent.includes(text)",
        arg=text,
    )


def still(page: Page) -> int:
    """The step of a training that stands still, or of its end."""
    steps = [-1, 0]
    while steps[-1] != steps[-2]:
        steps.append(page.workers[0].evaluate("modnoise().engine.updates"))
    return steps[-1]


def step_of(page: Page) -> int:
    return page.evaluate("window.modnoise.history().at(-1).step")


def test_train_runs_to_the_last_step_and_says_what_the_net_knows(page, fill):
    fill(**TINY)
    page.click("#live-train")
    status(page, "Done: step 400.")
    assert step_of(page) == 400
    accuracy = page.evaluate("window.modnoise.history().at(-1).parts.full.accuracy")
    row = " ".join(f"{100 * accuracy[x]:.1f} %" for x in ("clean", "noisy", "recovered", "test"))
    page.wait_for_function(
        """(row) => [...document.querySelectorAll("#live-numbers tr:first-child td")]
          .map((cell) => cell.textContent).join(" ") === row""",
        arg=row,
    )
    assert page.locator("#live-numbers tr").count() == 6
    assert f"test {100 * accuracy['test']:.1f} %" in page.inner_text("#live-words")
    counts = [int(x.split(": ")[1]) for x in page.locator("#live-keys li").all_inner_texts()]
    assert sum(counts) == 49
    page.check("input[value=cross_entropy]")
    page.wait_for_function("document.getElementById('live-caption').textContent.includes('nats')")


def test_more_steps_continue_the_same_net(page, fill):
    fill(**TINY | {"steps": "10"})
    page.click("#live-train")
    status(page, "Done: step 10.")
    page.click("#live-train")
    status(page, "raise")
    fill(steps="20")
    assert page.inner_text("#live-train") == "Continue"
    page.click("#live-train")
    status(page, "Done: step 20.")
    assert page.evaluate("window.modnoise.history()[0].step") == 0
    fill(seed="43")
    assert page.inner_text("#live-train") == "Train"


def test_pause_step_and_reset_do_what_they_say(page, fill):
    fill(p="31", steps="20000")
    page.click("#live-train")
    page.wait_for_function("window.modnoise.history().length > 5")
    page.click("#live-pause")
    status(page, "Paused at step")
    paused = step_of(page)
    page.click("#live-step")
    status(page, f"Paused at step {paused + 1}.")
    page.click("#live-reset")
    status(page, "Nothing is trained yet.")
    page.click("#live-step")
    status(page, "Paused at step 1.")


def test_the_same_settings_train_the_same_net_again(page, fill):
    losses = []
    for _ in range(2):
        fill(**TINY | {"steps": "50"})
        page.click("#live-train")
        status(page, "Done")
        losses.append(page.evaluate("window.modnoise.history().map((x) => x.parts.full)"))
        page.reload()
    assert losses[0] == losses[1]


def test_refused_input_is_explained_beside_the_field_and_nothing_starts(page, fill):
    fill(p="114", lr="0")
    page.click("#live-train")
    status(page, "Not started")
    assert "it must be a whole number from 3 to 113" in page.inner_text("#live-p-error")
    assert "it must be a number above 0" in page.inner_text("#live-lr-error")
    assert page.evaluate("document.activeElement.id") == "live-p"
    assert page.get_attribute("#live-p", "aria-invalid") == "true"
    assert page.evaluate("window.modnoise.history()") is None
    fill(p="31", lr="0.001")
    assert page.inner_text("#live-p-error") == ""


def test_a_link_brings_all_settings_to_another_reader(page, fill, browser):
    asked = {
        "p": "13", "width": "20", "noise": "0.25", "op": "mul", "act": "gelu", "lr": "0.002",
        "weight_decay": "0.5", "beta2": "0.98", "seed": "9", "steps": "77",
    }  # fmt: skip
    fill(**asked)
    page.click("#live-share")
    status(page, "link")
    other = browser.new_page()
    other.goto(page.input_value("#live-address"))
    status(other, "press Train")
    assert {name: other.input_value(f"#live-{name}") for name in asked} == asked
    other.goto(page.url.split("#")[0] + "#p=999&wdith=3")
    status(other, "The link is refused")
    assert 'p = "999" is not allowed' in other.inner_text("#live-status")
    assert '"wdith" is unknown' in other.inner_text("#live-status")
    assert {name: other.input_value(f"#live-{name}") for name in asked} == asked
    other.close()


def test_a_tab_in_the_background_pauses_and_goes_on_by_itself(page, fill):
    fill(p="31", steps="20000")
    page.click("#live-train")
    page.wait_for_function("window.modnoise.history()?.length > 5")
    show = """(hidden) => {
      Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(show, True)
    status(page, "in the background")
    paused = still(page)
    assert paused < 20_000
    page.evaluate(show, False)
    page.wait_for_function("(step) => window.modnoise.history().at(-1).step > step", arg=paused)
    page.click("#live-pause")
    status(page, "Paused at step")


def test_a_pause_is_heard_while_the_largest_net_trains(page, fill):
    fill(p="113", width="1025", steps="20000")
    page.click("#live-train")
    page.wait_for_function("window.modnoise.history()?.length > 3")
    page.keyboard.press("Tab")
    page.click("#live-pause")
    status(page, "Paused at step")


def test_a_rate_that_blows_up_is_reported(page, fill):
    fill(**TINY | {"lr": "1", "act": "quadratic", "weight_decay": "100"})
    page.click("#live-train")
    status(page, "no longer finite")
    assert page.get_attribute("#live-train", "aria-disabled") == "false"


def test_a_pair_can_be_asked_for(page, fill):
    fill(**TINY | {"steps": "5", "op": "sub"})
    page.click("#live-train")
    status(page, "Done")
    fill(a="2", b="6")
    page.wait_for_function(
        "document.getElementById('live-answer').textContent.startsWith('2 − 6 mod 7 = 3;')"
    )
    fill(b="7")
    page.wait_for_function(
        "document.getElementById('live-answer').textContent.includes('from 0 to 6')"
    )


def test_everything_can_be_reached_with_the_keyboard_and_has_a_name(page):
    controls = page.locator("button, input, select")
    seen = set()
    for _ in range(controls.count() + 8):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = controls.evaluate_all(
        "(all) => all.filter((x) => x.offsetParent).map((x) => x.id || x.name)"
    )
    assert set(wanted) <= seen
    page.focus("#live-p")
    page.keyboard.press("Enter")
    status(page, "Training")
    page.focus("#live-pause")
    page.keyboard.press("Enter")
    status(page, "Paused")
    assert page.evaluate("document.activeElement.id") == "live-pause"


def test_the_page_does_not_scroll_sideways(page, fill):
    fill(**TINY | {"steps": "10"})
    page.click("#live-train")
    status(page, "Done")
    page.wait_for_selector("#live-neurons svg >> nth=0")
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_map_takes_the_colours_of_the_theme(page, fill):
    fill(**TINY | {"steps": "300", "noise": "0"})
    page.click("#live-train")
    status(page, "Done")
    paint = """() => { const map = document.getElementById("live-map");
      return [...new Uint32Array(map.getContext("2d").getImageData(0, 0, 7, 7).data.buffer)]; }"""
    page.wait_for_function(  # the last picture may come behind the last word
        f"() => {{ const now = ({paint})().join(); window.still = now === window.before"
        " ? window.still + 1 : 0; window.before = now;"
        " return /[1-9]/.test(now) && window.still > 30; }"
    )
    light = page.evaluate(paint)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        f"(light) => {{ const now = ({paint})().filter(Boolean);"
        "return now.length && now.every((colour) => !light.includes(colour)); }",
        arg=light,
    )
    assert [bool(x) for x in page.evaluate(paint)] == [bool(x) for x in light]


IN_A_WORKER = """async ([run, net, table, steps, backEnd]) => {
  const worker = window.modnoise.newWorker(), found = {};
  for (const name of ["U", "V", "W", "mu"]) net[name] = Float64Array.from(net[name]);
  const ready = await new Promise((resolve) => {
    worker.onmessage = ({ data }) => data.type === "ready" && resolve(data);
    worker.postMessage({ do: "new", run, net, table, backEnd });
  });
  const stopped = new Promise((resolve) => {
    worker.onmessage = ({ data }) => {
      if (data.type === "record") found[data.step] = data.parts.full;
      if (data.type === "stopped") resolve();
    };
  });
  worker.postMessage({ do: "go", until: Math.max(...steps) });
  await stopped;
  worker.terminate();
  return [ready, steps.map((step) => ({ step, ...found[step] }))];
}"""


def trained_in_a_worker(page: Page, run: Run, steps: list[int], back_end: str) -> tuple:
    """What a worker of the page says when it is ready, and what it records at ``steps``."""
    return page.evaluate(
        IN_A_WORKER,
        [in_the_page(run), as_json(new_nets(run)), as_json(noisy_table(run)), steps, back_end],
    )


NAMES = {"js": "JavaScript, 1 thread", "simd": "WebAssembly SIMD, 1 thread", "webgpu": "WebGPU"}
RTOL = {"js": 1e-8, "simd": 1e-4, "webgpu": 1e-4}


@pytest.mark.parametrize("act", ["relu", "gelu"])
@pytest.mark.parametrize("back_end", list(NAMES))
def test_the_worker_of_the_page_follows_the_package(gpu_page, back_end, act):
    run = SMALL.but(act=act, lr=1e-3, steps=200)
    history = recorded(train(run))
    ready, rows = trained_in_a_worker(gpu_page, run, history.step.tolist(), back_end)
    assert ready["backEnd"].startswith(NAMES[back_end])
    assert ready["why"] == ""
    assert_follows(rows, history, rtol=RTOL[back_end])


def test_threads_that_share_the_pairs_train_the_same_net(page):
    """At a size from which the pairs are shared; what is compared is arithmetic, not speed."""
    first, last = page.evaluate(
        """async () => {
          const core = modnoiseCore(), simd = modnoiseSimd(core, modnoiseWasm.base64);
          const run = { ...core.checked({}).run, p: 31, width: 40 }, table = core.noisyTable(run);
          const found = [];
          for (const threads of [1, 3]) {
            const engine = new simd.Engine(run, core.newNet(run), table, threads);
            await engine.advance(50);
            const { cross_entropy } = core.scores(await engine.read(), table);
            found.push([engine.name, ...core.ROLES.map((role) => cross_entropy[role])]);
          }
          return found;
        }"""
    )
    assert [first[0], last[0]] == ["WebAssembly SIMD, 1 thread", "WebAssembly SIMD, 3 threads"]
    np.testing.assert_allclose(
        np.array(last[1:], float), np.array(first[1:], float), rtol=1e-5, equal_nan=True
    )


def test_the_page_names_its_back_end_and_lets_one_choose(page, fill):
    fill(**TINY | {"steps": "20"})
    page.click("#live-train")
    status(page, "Done")
    told = page.inner_text("#live-engine")
    assert re.search("Computed by WebAssembly SIMD, 1 thread: about [^0]", told)
    fill(**{"back-end": "js"})
    assert page.inner_text("#live-train") == "Train", "another net, of another back end"
    page.click("#live-train")
    status(page, "Done")
    assert "Computed by JavaScript, 1 thread" in page.inner_text("#live-engine")
    fill(**{"back-end": "webgpu"})  # this browser was started without
    page.click("#live-train")
    status(page, "Done")
    told = page.inner_text("#live-engine")
    assert told.startswith("Not as asked: this browser has no WebGPU device.")
    assert "Computed by WebAssembly SIMD" in told


def test_where_a_device_is_slower_the_page_takes_the_processor(gpu_page):
    run = SMALL.but(steps=1)
    ready, _ = trained_in_a_worker(gpu_page, run, [0, 1], "auto")
    assert ready["backEnd"] == NAMES["simd"], "a device that is emulated is slower"


def test_an_error_with_no_way_out_is_told(page, fill):
    fill(**{"p": "31", "steps": "20000", "back-end": "js"})
    page.click("#live-train")
    page.wait_for_function("window.modnoise.history()?.length > 5")
    page.workers[0].evaluate(
        "void (modnoise().engine.advance = async () => { throw new Error('no power'); })"
    )
    status(page, "The training stopped with an error: no power")
    assert page.get_attribute("#live-train", "aria-disabled") == "false"


def test_a_long_story_says_how_long_before_it_begins(page, fill):
    fill(p="113", width="1025", steps="20000")
    page.click("#live-story-own")
    page.wait_for_function(
        "document.getElementById('live-story-time').textContent.includes('will take about')",
    )
    told = page.inner_text("#live-story-time")
    assert re.search(r"about \d+ minutes, computed by WebAssembly SIMD, \d+ thread", told)
    assert step_of(page) == 0
    assert page.inner_text("#live-story-next") == "Next: The wrong labels come first"
    page.click("#live-story-next")
    status(page, "Training")
    page.click("#live-pause")
    status(page, "Paused at step")
    page.click("#live-reset")
    assert page.inner_text("#live-story-time") == ""


def test_a_lost_device_is_told_and_the_next_back_end_begins_anew(gpu_page):
    page = gpu_page
    for name, text in (TINY | {"steps": "3000"}).items():
        page.fill(f"#live-{name}", text)
    page.select_option("#live-back-end", "webgpu")
    page.click("#live-train")
    page.wait_for_function("window.modnoise.history()?.length > 3")
    assert "Computed by WebGPU" in page.inner_text("#live-engine")
    page.workers[0].evaluate("modnoise().engine.device.destroy()")
    page.wait_for_function(
        "document.getElementById('live-engine').textContent.includes('WebAssembly SIMD')",
    )
    assert page.inner_text("#live-engine").startswith("Begun anew: the WebGPU device was lost")
    status(page, "Done: step 3000.")
    steps = page.evaluate("window.modnoise.history().map(({ step }) => step)")
    assert steps[:3] == [0, 1, 2]
    assert steps == sorted(set(steps)), "one history, from step 0"


def begun(page: Page) -> None:
    """Wait until a story trains; where that takes long, it says so and waits for "Next"."""
    page.wait_for_function(
        "window.modnoise.history()?.length > 1 ||"
        "document.getElementById('live-story-time').textContent"
    )
    if page.inner_text("#live-story-time"):
        page.click("#live-story-next")


def tell(page: Page, step: int) -> str:
    """Press on and wait for the statement of that step."""
    page.click("#live-story-next")
    if step == 0:
        begun(page)
    page.wait_for_function(
        "(n) => document.querySelectorAll('#live-story-steps li:not(.open)').length === n",
        arg=step + 1,
    )
    return page.locator("#live-story-steps li").nth(step).inner_text()


def test_the_five_statements_of_the_story_hold_for_its_settings(page):
    texts = [tell(page, step) for step in range(4)]
    last = page.evaluate("window.modnoise.history().at(-1)")["parts"]
    texts.append(tell(page, 4))
    for text in texts:
        assert "Holds in this run." in text
    quoted = {
        1: last["full"]["accuracy"]["noisy"],
        2: last["full"]["accuracy"]["test"],
        3: last["G_quadratic"]["accuracy"]["test"],
    }
    for step, value in quoted.items():
        assert f"{100 * value:.1f} %" in texts[step]
    assert f"{100 * last['G_random']['accuracy']['test']:.1f} %" in texts[3]
    control = page.evaluate("window.modnoise.history().at(-1)")["parts"]["G_quadratic"]
    assert f"{100 * control['accuracy']['test']:.1f} %" in texts[4]
    assert page.input_value("#live-noise") == "1"
    assert "noise=1," in page.inner_text("#live-python")
    assert "second net" in page.inner_text("#live-story-time")
    words = page.inner_text("#live-words")
    assert "the net knows 100.0 % of the wrong labels; test" in words, "it has no right ones"
    assert page.inner_text("#live-story-next") == "Start again"


def test_a_paused_story_goes_on_where_it_was_and_another_net_ends_it(page, fill):
    fill(p="31", width="64", steps="2000")
    page.click("#live-story-own")
    begun(page)
    page.wait_for_function("window.modnoise.history()?.length > 3")
    page.click("#live-pause")
    status(page, "Paused at step")
    paused = step_of(page)
    assert page.locator("#live-story-steps li:not(.open)").count() == 0
    page.click("#live-story-next")
    page.wait_for_function("(step) => window.modnoise.history().at(-1).step > step", arg=paused)
    assert page.evaluate("window.modnoise.history()[0].step") == 0
    page.click("#live-pause")
    status(page, "Paused at step")
    fill(**TINY | {"steps": "20"})
    page.click("#live-train")
    status(page, "Done")
    assert page.inner_text("#live-story-next") == "Start the story"


def test_the_story_of_another_run_says_what_does_not_hold(page, fill):
    fill(**TINY | {"noise": "0", "steps": "20"})
    page.click("#live-story-own")
    begun(page)
    page.wait_for_selector("#live-story-steps li.fails")
    texts = [page.locator("#live-story-steps li").first.inner_text()]
    texts += [tell(page, step) for step in range(1, 5)]
    assert "Does not hold in this run." in texts[0]
    assert "Does not hold in this run." in texts[1]
    assert "Does not hold in this run." in texts[3]


@pytest.mark.slow
def test_the_five_statements_hold_at_the_size_of_the_paper(page):
    page.click("#live-story-paper")
    begun(page)
    for step in range(5):
        if step:
            page.click("#live-story-next")
        page.wait_for_selector(f"#live-story-steps li:not(.open) >> nth={step}")
    texts = page.locator("#live-story-steps li").all_inner_texts()
    assert [text for text in texts if "Holds in this run." not in text] == []
