"""What a record says of the code that computed it: its commit, or a checksum of its sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from modnoise.arithmetic.run import Run
from modnoise.pages.colophon import colophon
from modnoise.store import provenance
from modnoise.store.load import load_or_train
from modnoise.store.overview import shown
from modnoise.store.provenance import commit
from modnoise.store.records import Store

TINY = Run(p=7, width=16, steps=2)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Makes a checkout with a commit in a folder, where the package is then taken to be."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)

    def made(name: str) -> tuple[Path, Callable[..., str]]:
        folder = tmp_path / name

        def git(*words):
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            return subprocess.run(
                ["git", "-C", folder, *identity, *words], check=True, capture_output=True,
                text=True,
            ).stdout.strip()  # fmt: skip

        (folder / "modnoise").mkdir(parents=True)
        git("init", "-q")
        for path in ("modnoise/file.py", "file"):
            (folder / path).write_text(name)
            git("add", path)
        git("commit", "-qm", "one")
        monkeypatch.setattr(provenance, "CHECKOUT", folder)
        return folder, git

    return made


def test_the_commit_is_the_checkouts_own_and_never_a_surrounding_ones(repository, monkeypatch):
    folder, git = repository("ours")
    assert commit.__wrapped__() == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (folder / "file").write_text("2")
    assert commit.__wrapped__()["dirty"] is False
    (folder / "modnoise" / "file.py").write_text("2")
    found = commit.__wrapped__()
    assert found["dirty"] is True
    assert found["sources"] == hashed({"modnoise/file.py": "2"})
    inside = folder / "site-packages"
    (inside / "modnoise").mkdir(parents=True)
    (inside / "modnoise" / "file.py").write_text("3")
    monkeypatch.setattr(provenance, "CHECKOUT", inside)
    sources = hashed({"modnoise/file.py": "3"})
    assert commit.__wrapped__() == {"commit": None, "dirty": None, "sources": sources}


def hashed(texts: dict[str, str]) -> str:
    """What sha256sum says of what it says of files."""
    sums = [f"{sha256(text.encode()).hexdigest()}  {name}" for name, text in texts.items()]
    return sha256("".join(f"{line}\n" for line in sums).encode()).hexdigest()


def test_a_commit_is_ours_whatever_repository_the_environment_names(repository, monkeypatch):
    theirs, foreign = repository("theirs")
    ours, git = repository("ours")
    head = {"commit": git("rev-parse", "HEAD"), "dirty": False}
    assert head["commit"] != foreign("rev-parse", "HEAD")
    for name, value in {
        "GIT_DIR": theirs / ".git", "GIT_WORK_TREE": ours, "GIT_INDEX_FILE": theirs / "none",
        "GIT_OBJECT_DIRECTORY": theirs / ".git" / "objects", "GIT_COMMON_DIR": theirs / ".git",
        "GIT_CEILING_DIRECTORIES": ours.parent,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
        assert commit.__wrapped__() == head


def impostor(folder: Path, monkeypatch, script: str) -> None:
    """Put a program called git in front of git."""
    program = folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_the_commit_of_a_checkout_of_another_owner_is_recorded(repository, tmp_path, monkeypatch):
    _, git = repository("ours")
    head = git("rev-parse", "HEAD")
    real = shutil.which("git")
    impostor(tmp_path, monkeypatch, f'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"')
    with pytest.raises(subprocess.CalledProcessError):
        git("rev-parse", "HEAD")
    assert commit.__wrapped__() == {"commit": head, "dirty": False}


def test_where_git_does_not_tell_a_checksum_stands_and_a_warning(
    repository, tmp_path, monkeypatch, caplog
):
    folder, _ = repository("ours")
    (folder / "modnoise" / "a").mkdir()
    (folder / "modnoise" / "a" / "b.py").write_bytes(b"x\r\ny")  # as git writes it on Windows
    (folder / "modnoise" / "notes.txt").write_text("")
    expected = hashed({"modnoise/a/b.py": "x\ny", "modnoise/file.py": "ours"})
    impostor(tmp_path, monkeypatch, "echo fatal: whose is it >&2; exit 128")
    found = {"commit": None, "dirty": None, "sources": expected}
    assert commit.__wrapped__() == found
    assert [record.getMessage().endswith("whose is it") for record in caplog.records] == [True]
    caplog.clear()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert commit.__wrapped__() == found
    assert len(caplog.records) == 1
    caplog.clear()
    shutil.rmtree(folder / ".git")
    assert commit.__wrapped__() == found  # a zip: no warning, nothing is wrong
    assert caplog.records == []


def test_a_record_without_a_commit_tells_its_sources_and_an_old_one_still_opens(
    tmp_path, monkeypatch
):
    store = Store(tmp_path, tmp_path / "none")
    sums = {"commit": None, "dirty": None, "sources": "a" * 64}
    monkeypatch.setattr(provenance, "commit", lambda: sums)
    made = load_or_train(TINY, store=store, progress=False)
    assert manifest(store)["sources"] == sums["sources"]
    record = store.find(TINY)[0]
    assert "a" * 64 in shown(record)
    assert "sources aaaaaaaaaa" in repr(colophon(TINY, made.history))
    older = {"commit": None, "dirty": None}
    monkeypatch.setattr(provenance, "commit", lambda: older)
    made = load_or_train(TINY, store=store, recompute=True, progress=False)
    assert "sources" not in manifest(store)
    assert "sources" not in shown(store.find(TINY)[0])
    assert "commit None" in repr(colophon(TINY, made.history))


def manifest(store: Store) -> dict:
    return json.loads((store.root / TINY.key / "manifest.json").read_text())
