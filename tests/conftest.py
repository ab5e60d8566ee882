"""Options and markers of the tests; one torch thread per process."""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import pytest
import torch

torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="also run tests marked slow")
    parser.addoption("--device", default="cpu", help="torch device of the fixture `device`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
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
