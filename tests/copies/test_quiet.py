from __future__ import annotations

import builtins
import io
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nbinspect.copies.quiet import Quiet


@pytest.fixture
def quiet() -> Iterator[Quiet]:
    own = Quiet()
    yield own
    own.close()


def test_nothing_is_printed_or_warned(quiet: Quiet, capsys: pytest.CaptureFixture[str]) -> None:
    """Both streams are held back, and warnings are dropped."""
    with quiet.holding():
        sys.stdout.write("out")
        sys.stderr.write("err")
        warnings.warn("loud", stacklevel=1)
    quiet.close()
    assert capsys.readouterr() == ("", "")


def test_what_is_saved_is_read_back_and_gone(quiet: Quiet, tmp_path: Path) -> None:
    """A checkpoint is written aside, can be loaded by its own name, and never lies where it was meant."""
    path = tmp_path / "model.pt"
    with quiet.holding():
        torch.save({"a": torch.ones(2)}, path)
        assert torch.equal(torch.load(str(path))["a"], torch.ones(2))
    assert quiet.meant == [str(path)]
    quiet.close()
    assert not path.exists()


def test_files_that_are_there_stay(quiet: Quiet, tmp_path: Path) -> None:
    """Writing anew, and adding, goes to a copy; reading what is there works."""
    path = tmp_path / "log.txt"
    path.write_text("one\n", encoding="utf-8")
    with quiet.holding():
        assert path.read_text(encoding="utf-8") == "one\n"
        with path.open("a", encoding="utf-8") as file:
            file.write("two\n")
        assert path.read_text(encoding="utf-8") == "one\ntwo\n"
        path.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "new"
    quiet.close()
    assert path.read_text(encoding="utf-8") == "one\n"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_everything_is_back_after_a_fault(quiet: Quiet, fault: type[BaseException]) -> None:
    """`open`, `torch.save`, `torch.load` and the streams are their own again."""
    before = builtins.open, io.open, torch.save, torch.load, sys.stdout, sys.stderr
    with pytest.raises(fault), quiet.holding():
        raise fault
    assert (builtins.open, io.open, torch.save, torch.load, sys.stdout, sys.stderr) == before
    quiet.close()


def test_files_that_were_there_are_neither_removed_nor_replaced(tmp_path: Path) -> None:
    """A step that keeps a few checkpoints and writes them atomically sees what it did; the folder stays as it was."""
    old, final = tmp_path / "old.pt", tmp_path / "final.pt"
    torch.save(torch.zeros(2), old)
    torch.save(torch.zeros(2), final)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "log.txt").write_text("kept", encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    newest = max(path.stat().st_ctime for path in tmp_path.rglob("*"))
    while time.time() < newest + 0.1:
        os.sched_yield()
    quiet = Quiet()
    with quiet.holding():
        old.unlink()
        os.remove(old)  # noqa: PTH107 - as people write it
        torch.save(torch.ones(3), tmp_path / "new.tmp")
        os.replace(tmp_path / "new.tmp", final)  # noqa: PTH105 - as people write it
        found = torch.load(final)
        shutil.rmtree(tmp_path / "runs")
    quiet.close()
    assert torch.equal(found, torch.ones(3))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_files_that_a_step_makes_itself_it_may_remove(tmp_path: Path) -> None:
    """What `tempfile` made within the block is really removed, so that nothing is left behind."""
    quiet = Quiet()
    with quiet.holding():
        handle, name = tempfile.mkstemp(dir=tmp_path)
        os.close(handle)
        Path(name).unlink()
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            torch.save(torch.ones(1), Path(folder) / "a.pt")
    quiet.close()
    assert not list(tmp_path.iterdir())
