from __future__ import annotations

import os
import subprocess
import sys

from nbinspect.journal.process import is_gone, this_process


def test_a_living_process_is_not_gone():
    """This process is there, and so is one of another host, of which nothing is known."""
    assert not is_gone(this_process())
    assert not is_gone("another host/1/")


def test_an_ended_process_is_gone_before_and_after_it_is_reaped():
    """A child that has ended is gone, also while its number is still taken because nobody has asked for its end."""
    code = "from nbinspect.journal.process import this_process; print(this_process())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        name = child.stdout.readline().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name)
    assert is_gone(name)


def test_a_number_that_was_given_again_is_not_the_same_process():
    """The number of this process with another start is one that has ended."""
    host, number, _ = this_process().rsplit("/", 2)
    assert is_gone(f"{host}/{number}/12")
