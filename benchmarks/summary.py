"""A table of the layers: what it costs nbinspect and torchinfo, beside the bare pass that both need.

The ways take turns in each round, and medians are compared. Run it as ``python benchmarks/summary.py``; it prints one
table for each model, and what the two tables tell.
"""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

import torch
from forward_record import Way, bare, gpt, measured, mlp, resnet
from torch import nn

from nbinspect.capture.forward import record_forward
from nbinspect.stepping.recorded import RecordedPass
from nbinspect.subject import Subject

TOLD = """
told by                  nbinspect   torchinfo
shape of each output     yes         yes
shape of each input      yes         yes
parameters of a layer    by name     counted
mean, std, range         yes         no
zeros, NaN, Inf, dead    yes         no
line of the source       yes         no
multiply-adds            no          yes
memory of a pass         on CUDA     estimated
text, table, page        all three   text, Python objects
"""


def torchinfo(model: nn.Module, batch: Any) -> Way | None:
    """Return torchinfo's table as text as a way; None where it is not installed or cannot take the model."""
    if importlib.util.find_spec("torchinfo") is None:
        print("torchinfo is not installed")
        return None
    from torchinfo import summary  # type: ignore[import-not-found, unused-ignore] # in the peers' environment

    columns = ("input_size", "output_size", "num_params", "mult_adds")

    def way() -> object:
        return str(summary(model, input_data=batch, verbose=0, depth=20, col_names=columns))

    try:
        way()
    except Exception as error:  # noqa: BLE001 - whatever it raises, it cannot be measured
        print(f"torchinfo raised {type(error).__name__}: {' '.join(str(error).split())[:80]}")
        return None
    return way


def print_model(name: str, model: nn.Module, batch: Any, seconds: float) -> None:
    """Print the table for one model, in eval mode and without autograd, as torchinfo runs it."""
    subject = Subject(model.eval(), [batch])
    ways: dict[str, Way] = {
        "bare forward": lambda: bare(model, batch),
        "nbinspect, table": lambda: RecordedPass(record_forward(subject, batch, level="module")).to_frame(),
        "nbinspect, text": lambda: repr(RecordedPass(record_forward(subject, batch, level="module"))),
    }
    peer = torchinfo(model, batch)
    if peer is not None:
        ways["torchinfo, text"] = peer
    with torch.no_grad():
        results = measured(ways, seconds)
    least = results["bare forward"]
    print(f"\n{name:<26} {'ms':>9} {'× bare':>8}")
    for way, taken in results.items():
        print(f"{way:<26} {taken * 1e3:9.2f} {taken / least:8.2f}")


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long each model is measured")
    parser.add_argument("--quick", action="store_true", help="2 seconds each")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, made in (("ResNet-18, 32×3×64×64", resnet()), ("GPT-2, 4 layers, 8×128", gpt()), ("MLP, 256×784", mlp())):
        if made is None:
            print(f"\n{name}: transformers is not installed")
        else:
            print_model(name, *made, 2 if given.quick else given.seconds)
    print(TOLD)


if __name__ == "__main__":
    main()
