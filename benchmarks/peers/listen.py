"""Run in a peer's environment: read names of programs, a line each, and write what the peer says of each as JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__)
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1])]


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what programs print is no answer
    import torch

    from tests.zoo.every import every_program

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # what a user's own program warns of
    programs = {program.name: program for program in every_program()}
    ask = importlib.import_module(f"peers.ask_{sys.argv[1]}").ask
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = {"results": ask(programs[line.strip()].build())}
        except Exception as error:  # noqa: BLE001 - whatever a peer or a program raises is the answer
            answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
