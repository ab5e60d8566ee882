"""`make test-portable` is what it says: every library keeps to AVX2, or it does not start."""

from __future__ import annotations

import os
import sys

import numpy as np
import portable
import pytest

x86 = pytest.mark.skipif(not portable.limits(), reason="about processors beyond AVX2")


@x86
def test_under_the_limits_no_library_goes_beyond_avx2():
    found = portable.taken({**os.environ, **portable.limits()})
    assert set(found) == set(portable.ANSWERS)
    assert not [name for name, what in found.items() if portable.WIDE.search(what)]


@x86
def test_names_of_numpy_are_of_what_this_processor_has_beyond_avx2():
    named = portable.limits().get("NPY_DISABLE_CPU_FEATURES", "").split()
    found = np.show_config("dicts")["SIMD Extensions"]["found"]
    assert set(found) - set(named) == {name for name in found if not portable.WIDE.search(name)}


def started(monkeypatch, limits: dict[str, str], answers: str) -> list:
    """What `main` goes on with where the libraries give these answers."""
    found: list = []
    monkeypatch.setattr(portable, "limits", lambda: limits)
    monkeypatch.setattr(portable, "ASK", f"print({answers!r})")
    monkeypatch.setattr(os, "execve", lambda *given: found.extend(given))
    portable.main(["-m", "pytest"])
    return found


def test_a_run_starts_with_the_limits_that_all_keep_to(monkeypatch, capsys):
    program, command, environment = started(monkeypatch, {"LIMIT": "2"}, "torch takes AVX2")
    assert (program, command) == (sys.executable, [sys.executable, "-m", "pytest"])
    assert environment == os.environ | {"LIMIT": "2"}
    assert capsys.readouterr().out == "As on AVX2: torch AVX2\n"


@pytest.mark.parametrize(
    "answer",
    [
        "torch takes AVX512",
        "numpy takes X86_V3 X86_V4",
        "Arrow takes avx512",
        "Core: SkylakeX",
        "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost",
        "MKL_VERBOSE oneMKL 2024.0 for Intel(R) 64 architecture Intel(R) Advanced Vector "
        "Extensions 512 (Intel(R) AVX-512) enabled processors, Lnx 2.60GHz",
    ],
)
def test_a_run_does_not_start_where_a_library_keeps_to_no_limit(answer, monkeypatch):
    with pytest.raises(SystemExit, match="not what an AVX2 machine does: .* takes "):
        started(monkeypatch, {"LIMIT": "2"}, answer)


def narrow(mode):
    return {"SIMD Extensions": {"found": ["SSE41", "AVX2", "X86_V3"]}}


@pytest.mark.parametrize(
    ("name", "value"), [("platform.machine", lambda: "arm64"), ("numpy.show_config", narrow)]
)
def test_where_nothing_is_wider_nothing_is_repeated(name, value, monkeypatch, capsys):
    monkeypatch.setattr(f"portable.{name}", value)
    assert portable.limits() == {}
    assert started(monkeypatch, {}, "torch takes AVX512") == []
    assert capsys.readouterr().out.startswith("Left out: this processor has nothing beyond AVX2")
