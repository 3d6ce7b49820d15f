from __future__ import annotations

import builtins
import io
import sys
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
