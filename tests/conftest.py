"""Options and markers of the tests, browsers; one torch thread per process.

No test measures time that passed: a busy machine is slow, not wrong. What a test waits for is a
condition, for minutes if it must.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from types import ModuleType

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import look
import pytest
import torch
from hypothesis import HealthCheck, settings
from matplotlib.figure import Figure
from playwright.sync_api import Browser, sync_playwright

torch.set_num_threads(1)
settings.register_profile(
    "patient", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
MINUTES = 600_000
"""Milliseconds that a page may take for what a test waits for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="also run tests marked slow")
    parser.addoption("--numeric", action="store_true", help="only modules that compute")
    parser.addoption("--device", default="cpu", help="torch device of the fixture `device`")


def numeric(module: ModuleType) -> bool:
    """Whether tests of a module are about numbers: they compute, and start no other process."""
    names = vars(module)
    return bool({"np", "torch"} & set(names)) and not {"distributed", "subprocess"} & set(names)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--numeric"):
        others = [item for item in items if not numeric(item.module)]
        items[:] = [item for item in items if numeric(item.module)]
        config.hook.pytest_deselected(items=others)
    slow = pytest.mark.skip(reason="slow: run with --runslow")
    gpu = pytest.mark.skip(reason="gpu: this machine has no CUDA device")
    for item in items:
        if "slow" in item.keywords and not config.getoption("--runslow"):
            item.add_marker(slow)
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(gpu)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device named by ``--device``."""
    return torch.device(request.config.getoption("--device"))


def patient(made: Callable) -> Callable:
    """`Browser.new_page` or `Browser.new_context`, of pages that are waited for."""

    def make(**options: object) -> object:
        found = made(**options)
        found.set_default_timeout(MINUTES)
        return found

    return make


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Browser]]:
    """Starts a Chromium with further flags; a worker has one Playwright, so there is no other."""
    if look.chromium() is None:
        pytest.skip("there is no Chromium")
    with sync_playwright() as play:

        def start(*flags: str) -> Browser:
            started = play.chromium.launch(
                executable_path=look.chromium(), args=[*look.FLAGS, *flags], timeout=MINUTES
            )
            started.new_page, started.new_context = map(
                patient, (started.new_page, started.new_context)
            )
            return started

        yield start


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Browser]) -> Iterator[Browser]:
    """The browser of all page tests of a module."""
    started = chromium()
    yield started
    started.close()


@pytest.fixture
def assert_readable() -> Callable[[Figure], None]:
    """That a figure is drawn on a transparent page, and no label is cut or covers another."""

    def check(fig: Figure) -> None:
        fig.draw_without_rendering()
        assert fig.get_facecolor()[3] == 0
        assert all(ax.get_facecolor()[3] == 0 for ax in fig.axes if ax.patch.get_visible())
        inked, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
        assert -0.01 < inked.x0 < inked.x1 < width + 0.01
        assert -0.01 < inked.y0 < inked.y1 < height + 0.01
        for ax in fig.axes:
            boxes = [text.get_window_extent() for text in ax.texts]
            for one, two in itertools.combinations(boxes, 2):
                beside = one.x1 <= two.x0 + 1 or two.x1 <= one.x0 + 1
                assert beside or one.y1 <= two.y0 + 1 or two.y1 <= one.y0 + 1

    return check
