from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from nbinspect.whole_files import whole_file, write_whole


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    """What is written takes the place of the file that was there, with its mode, also through a link to it."""
    file, link = tmp_path / "a.txt", tmp_path / "link"
    file.write_text("old and long", encoding="utf-8")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, "né\n")
    assert file.read_bytes() == "né\n".encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "link"]


def test_a_new_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    """A file that was not there has the mode that the user's own files get."""
    (tmp_path / "other").touch()
    write_whole(tmp_path / "a", b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_is_broken_off_leaves_the_file_before(error: type[BaseException], tmp_path: Path) -> None:
    """Where the block raises, the file stays as it was, and nothing lies beside it."""
    (tmp_path / "a").write_bytes(b"old")

    def broken_off() -> None:
        with whole_file(tmp_path / "a") as file:
            file.write(b"half of")
            raise error

    with pytest.raises(error):
        broken_off()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """A pipe is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, "through")
    reader.join(10)
    assert read == [b"through"]
    assert pipe.is_fifo()


def test_a_folder_is_refused_and_stays(tmp_path: Path) -> None:
    """Where a folder has the name, the system's own error comes, and the folder stays."""
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "x")
    assert list(tmp_path.iterdir()) == []
