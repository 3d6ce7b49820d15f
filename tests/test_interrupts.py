from __future__ import annotations

import contextlib
import os
import signal
import threading

import pytest

from nbinspect.interrupts import interruptible, undivided


def test_an_interrupt_is_raised_in_the_block_and_ignored_again_after_it():
    """Where interrupts are ignored, as between cells, they are heard in the block alone."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_on_another_thread_nothing_is_changed():
    """Threads other than the main one cannot hear interrupts, and the block runs there as it is."""
    done = []

    def work():
        with interruptible():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert done


def test_an_interrupt_waits_for_the_end_of_what_belongs_together():
    """The block is done to its end, then the interrupt is raised, and the handler is the one of before."""
    before, done = signal.getsignal(signal.SIGINT), []

    def work():
        with undivided():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is before
    with undivided():
        done.append(True)
    assert len(done) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are forked")
def test_a_process_forked_in_the_block_is_interrupted_at_once():
    """A worker that is started by what belongs together does not wait for the end of a block that it never sees."""
    reading, writing = os.pipe()
    with undivided():
        child = os.fork()
        if not child:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
                os.write(writing, b"late")
            os._exit(0)
        os.waitpid(child, 0)
    os.close(writing)
    assert os.read(reading, 4) == b""
    os.close(reading)
