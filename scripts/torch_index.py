"""Say to pip where the CPU build of PyTorch is, for `make env`; print nothing where it is no use.

PyPI's PyTorch for Linux brings CUDA libraries of several GB. Without an NVIDIA driver PyTorch's
own index is named beside PyPI: to pip its 2.13.0+cpu is newer than 2.13.0, and a pin of 2.13.0
allows both. Where that index does not answer at once, pip takes what it finds elsewhere.
"""

import http.client
import shutil
import sys
import urllib.request

INDEX = "https://download.pytorch.org/whl/cpu"


def answers(url: str, seconds: float = 5.0) -> bool:
    """Whether an address can be read from here, asked once."""
    try:
        with urllib.request.urlopen(url, timeout=seconds):
            return True
    except (OSError, ValueError, http.client.HTTPException):
        return False


def arguments() -> list[str]:
    """What to add to ``pip install``."""
    if sys.platform != "linux" or shutil.which("nvidia-smi"):
        return []
    return ["--extra-index-url", INDEX] if answers(f"{INDEX}/torch/") else []


if __name__ == "__main__":
    print(*arguments())
