"""Run Python as on a processor with AVX2 and no more, whatever this one has.

``python scripts/portable.py -m pytest ...``. Numeric libraries choose their machine code by what
the processor has: other code rounds sums, and orders equal keys, in another way. Each is told to
take none beyond AVX2, by the variable that its version understands, and is asked whether it does.
Where the processor has nothing beyond AVX2 this would be the same again, and nothing is run.
"""

import os
import platform
import re
import subprocess
import sys

import numpy

WIDE = re.compile(r"AVX[-_]?512|AVX[-_]?10|AMX|X86_V4|SkylakeX|Cooperlake|SapphireRapids", re.I)
"""Names of what an AVX2 machine lacks, as the libraries write them."""

ASK = """
import numpy, pyarrow, torch
print("numpy takes", *numpy.show_config("dicts")["SIMD Extensions"].get("found", ()))
print("torch takes", torch.backends.cpu.get_cpu_capability())
print("Arrow takes", pyarrow.runtime_info().simd_level)
x = torch.ones(1, 1, 256, 256)
torch.nn.functional.conv2d(x, x[..., :3, :3]), x[0, 0] @ x[0, 0]
"""
ANSWERS = {  # the last three answer in the first line of their own reports
    "numpy": r"^numpy takes(.*)",
    "torch": r"^torch takes (.*)",
    "Arrow": r"^Arrow takes (.*)",
    "OpenBLAS": r"^Core: (.*)",
    "oneDNN": r"^onednn_verbose.*,info,cpu,isa:(.*)",
    "MKL": r"^MKL_VERBOSE oneMKL .* 64 architecture (.*?) processors",
}
REPORTS = {"OPENBLAS_VERBOSE": "2", "ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}


def limits() -> dict[str, str]:
    """Environment variables that keep libraries to AVX2; none if nothing here is wider."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return {}
    # numpy refuses names that it does not know: those found here are enough.
    names = numpy.show_config("dicts")["SIMD Extensions"].get("found", [])
    wide = " ".join(name for name in names if WIDE.search(name))
    found = {
        "NPY_DISABLE_CPU_FEATURES": wide,
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "ARROW_USER_SIMD_LEVEL": "AVX2",
    }
    return found if wide else {}


def taken(environment: dict[str, str]) -> dict[str, str]:
    """What each library says it takes in such an environment; without those not installed."""
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment | REPORTS, text=True, check=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    found = {name: re.search(x, asked.stdout, re.M) for name, x in ANSWERS.items()}
    return {name: match[1].strip() for name, match in found.items() if match}


def main(command: list[str]) -> None:
    """Become ``python command`` under the limits, or say which library does not keep to them."""
    if not limits():
        print("Left out: this processor has nothing beyond AVX2, so it would be the same again.")
        return
    environment = {**os.environ, **limits()}
    told = taken(environment)
    if wide := [f"{name} takes {x}" for name, x in told.items() if WIDE.search(x)]:
        sys.exit(f"this is not what an AVX2 machine does: {'; '.join(wide)}")
    print("As on AVX2:", ", ".join(f"{name} {x}" for name, x in told.items()), flush=True)
    os.execve(sys.executable, [sys.executable, *command], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
