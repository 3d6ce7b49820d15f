"""Run in a peer's environment: does what the peer is for, once, and says what came of it and what it left changed.

``python -I probes.py NAME`` writes one line of JSON. The network has dropout and a frozen batch normalisation in eval
mode within a network in train mode, for these are what a tool that runs a pass changes first.
"""

from __future__ import annotations

import copy
import importlib.metadata
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

import torch
from torch import Tensor, nn


def network() -> nn.Sequential:
    """Return a small network for (N, 3, 16, 16), in train mode but for one frozen layer."""
    frozen = nn.BatchNorm2d(8).eval().requires_grad_(False)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3), frozen, nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    )


@dataclass
class Program:
    """What a user has."""

    model: nn.Module = field(default_factory=network)
    x: Tensor = field(default_factory=lambda: torch.randn(32, 3, 16, 16))
    y: Tensor = field(default_factory=lambda: torch.arange(32) % 4)
    loss_fn: nn.Module = field(default_factory=nn.CrossEntropyLoss)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def step(self) -> Tensor:
        """Train one step."""
        self.optimizer.zero_grad()
        loss: Tensor = self.loss_fn(self.model(self.x), self.y)
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        self.optimizer.step()
        return loss


def treescope(program: Program) -> str:
    """Show a tensor as a page."""
    import treescope as tool  # type: ignore[import-not-found, unused-ignore] # as all below, in the peers' environment

    return f"{len(tool.render_to_html(program.x)):,} characters of HTML"


def lovely_tensors(program: Program) -> str:
    """Show a tensor as a line."""
    import lovely_tensors as tool  # type: ignore[import-not-found, unused-ignore]

    return str(tool.lovely(program.x))


def torchinfo(program: Program) -> str:
    """Draw up the layers."""
    import torchinfo as tool  # type: ignore[import-not-found, unused-ignore]

    found = tool.summary(program.model, input_data=program.x, verbose=0)
    return f"{len(found.summary_list)} layers, {found.total_params:,} parameters"


def torchlens(program: Program) -> str:
    """Capture a forward pass."""
    import torchlens as tool  # type: ignore[import-not-found, unused-ignore]

    return f"{len(tool.trace(program.model, program.x))} operations"


def torchtest2(program: Program) -> str:
    """Run all checks."""
    import torchtest2 as tool  # type: ignore[import-not-found, unused-ignore]

    report = tool.check_model(program.model, program.x, program.y, loss_fn=program.loss_fn, optimizer=program.optimizer)
    return f"{len(list(report))} checks"


def torcheck(program: Program) -> str:
    """Watch a training step."""
    import torcheck as tool  # type: ignore[import-not-found, unused-ignore]

    tool.register(program.optimizer)
    tool.add_module_changing_check(program.model[0], module_name="conv")  # type: ignore[index]
    program.step()
    return "1 step"


def tensorboard(program: Program) -> str:
    """Write histograms and the graph."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            for name, parameter in program.model.named_parameters():
                writer.add_histogram(name, parameter, 0)
            writer.add_graph(program.model, program.x)
        return f"{sum(path.stat().st_size for path in Path(folder).iterdir()):,} bytes of events"


def wandb(program: Program) -> str:
    """Log a training step with its histograms, offline."""
    import wandb as tool  # type: ignore[import-not-found, unused-ignore]

    with tempfile.TemporaryDirectory() as folder:
        run = tool.init(mode="offline", dir=folder, project="probe", settings=tool.Settings(silent=True))
        run.watch(program.model, log="all", log_freq=1)
        run.log({"loss": program.step().item()})
        run.finish()
        return f"{sum(path.stat().st_size for path in Path(folder).rglob('*.wandb')):,} bytes of a run"


def cleanlab(_: Program) -> str:
    """Find flipped labels."""
    import numpy as np
    from cleanlab.filter import find_label_issues  # type: ignore[import-not-found, unused-ignore]

    labels = np.arange(200) % 4
    chances = np.full((200, 4), 0.05) + 0.8 * np.eye(4)[labels]
    labels[:5] = (labels[:5] + 1) % 4
    return f"{int(find_label_issues(labels, chances).sum())} of 5 flipped labels"


def fastdup(_: Program) -> str:
    """Look for duplicates among 40 pictures, 4 of them copies."""
    os.environ["SENTRY_OPT_OUT"] = "1"
    import fastdup as tool  # type: ignore[import-not-found, unused-ignore]
    import numpy as np
    from PIL import Image

    draws = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pictures"
        folder.mkdir()
        for number in range(36):
            small = Image.fromarray(draws.integers(0, 256, (6, 6, 3), dtype=np.uint8))
            small.resize((96, 96)).save(folder / f"{number}.png")
        for number in range(4):
            (folder / f"copy{number}.png").write_bytes((folder / f"{number}.png").read_bytes())
        found = tool.create(work_dir=str(Path(name) / "work"), input_dir=str(folder))
        found.run()
        return f"{int((found.similarity()['distance'] > 0.99).sum())} pairs"


def cockpit(_: Program) -> str:
    """Track three training steps of an MLP with its economy quantities."""
    from backpack import extend  # type: ignore[import-not-found, unused-ignore]
    from cockpit import Cockpit  # type: ignore[import-not-found, unused-ignore]
    from cockpit.utils.configuration import configuration  # type: ignore[import-not-found, unused-ignore]

    model, loss_fn = extend(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))), extend(nn.CrossEntropyLoss())
    optimizer, each = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss(reduction="none")
    tool = Cockpit(model.parameters(), quantities=configuration("economy"))
    x, y = torch.randn(32, 8), torch.arange(32) % 4
    for number in range(3):
        optimizer.zero_grad()
        outputs = model(x)
        loss = loss_fn(outputs, y)
        told = {"batch_size": 32, "individual_losses": each(outputs, y), "loss": loss, "optimizer": optimizer}
        with tool(number, info=told):
            loss.backward(create_graph=tool.create_graph(number))
        optimizer.step()
    return f"{len(tool.quantities)} quantities"


def nbinspect(program: Program) -> str:
    """Show the batch, record a forward pass, and run all checks."""
    from nbinspect import Inspector, check

    loader = [(program.x, program.y)]
    inspector = Inspector(program.model, loader, program.loss_fn, optimizer=program.optimizer)
    inspector.batch().close()
    inspector.forward().close()
    report = check(program.model, loader, program.loss_fn, optimizer=program.optimizer)
    return f"{len(report.results)} checks"


PROBES: dict[str, Callable[[Program], str]] = {
    "nbinspect": nbinspect,
    "treescope": treescope,
    "lovely-tensors": lovely_tensors,
    "torchinfo": torchinfo,
    "torchlens": torchlens,
    "torchtest2": torchtest2,
    "torcheck": torcheck,
    "tensorboard": tensorboard,
    "wandb": wandb,
    "cleanlab": cleanlab,
    "fastdup": fastdup,
    "cockpit-for-pytorch": cockpit,
}
GIVEN = {"nbinspect", "treescope", "lovely-tensors", "torchinfo", "torchlens", "torchtest2", "tensorboard"}
"""Tools that are handed the program to look at. The others are not, or watch a step of training, which changes it."""


def state(program: Program) -> Iterator[tuple[str, Any]]:
    """Yield what a tool should leave as it was."""
    import numpy as np

    model = program.model
    yield "weights", [parameter.detach().clone() for parameter in model.parameters()]
    yield "buffers", [buffer.clone() for buffer in model.buffers()]
    yield "gradients", [parameter.grad for parameter in model.parameters()]
    yield "optimizer", copy.deepcopy(program.optimizer.state_dict())
    yield "modes", [module.training for module in model.modules()]
    yield "hooks", [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    yield "attributes", [sorted(vars(module)) for module in model.modules()]
    yield "torch's random state", torch.get_rng_state()
    yield "NumPy's random state", np.random.get_state(legacy=False)["state"]["key"].copy()
    yield "Python's random state", random.getstate()
    own = {name: id(value) for name, value in vars(torch).items() if isinstance(value, BuiltinFunctionType)}
    yield "torch's own functions", own | {"repr": id(Tensor.__repr__)}


def same(one: Any, other: Any) -> bool:
    """Return whether two parts of a state are equal, bit for bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool((one == other).all()) if hasattr(one, "all") else bool(one == other)


def main() -> None:
    """Probe the tool that is named, and write what came of it."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what tools print is no answer
    name = sys.argv[1]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    program = Program()
    before = dict(state(program))
    known: dict[str, Any] = {"version": importlib.metadata.version(name), "task": PROBES[name].__doc__}
    began = time.perf_counter()
    try:
        known["result"] = PROBES[name](program)
        if name in GIVEN:
            after = dict(state(program))
            known["changed"] = [part for part in before if not same(before[part], after[part])]
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is the answer
        known["error"] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    known["seconds"] = time.perf_counter() - began
    print(json.dumps(known), file=answer, flush=True)


if __name__ == "__main__":
    main()
