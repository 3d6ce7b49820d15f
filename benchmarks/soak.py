"""An hour of training told of as it would be, a million steps: memory, messages to the page, and files on the disk.

Nothing is trained, for only what is kept and sent is of interest: numbers of every step, ten readings of a probe a
second, marks and spikes go through the history of a run, its log, a follower of the log, two pages and a journal.
``dynamics_overhead.py --memory 1000000`` watches as many steps of a network that trains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from limits import print_limit

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.soak.long_run import HOUR_STEPS, Held, LongRun

GROWTH_MB, WHOLE_KB, MESSAGE_KB, LOG_BYTES = 16, 500, 40, 40


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    steps = HOUR_STEPS // 10 if parser.parse_args().quick else HOUR_STEPS
    marks = (steps // 100, steps // 10, steps // 4, steps // 2, steps)
    heads = ("steps", "process MB", "objects", "fresh kB", "all kB", "log MB", "journal MB", "seconds")
    print("".join(f"{head:>11}" for head in heads))
    began, found = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        run = LongRun(Path(folder))
        for held in run.train(steps, marks):
            found.append(held)
            print(row(held, time.perf_counter() - began), flush=True)
        run.close()
    early, last = found[1], found[-1]
    print_limit(
        "MB that the process grew after a tenth of the steps", (last.process - early.process) / 1e6, most=GROWTH_MB
    )
    print_limit("kB of the largest message of what is fresh", last.message / 1e3, most=MESSAGE_KB)
    print_limit("kB of all that is kept, as a page gets it", last.whole / 1e3, most=WHOLE_KB)
    print_limit("bytes of the log, a step", (last.log - early.log) / (last.steps - early.steps), most=LOG_BYTES)


def row(held: Held, seconds: float) -> str:
    """Return a line of the table."""
    sizes = (held.message / 1e3, held.whole / 1e3, held.log / 1e6, held.journal / 1e6)
    shown = "".join(f"{size:>11.1f}" for size in (*sizes, seconds))
    return f"{held.steps:>11,}{held.process / 1e6:>11.1f}{held.objects:>11,}{shown}"


if __name__ == "__main__":
    main()
