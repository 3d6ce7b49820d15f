from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.program import seed_all
from nbinspect.sanity.trials.running.trainee import trained
from tests.sanity.trials.ways import parts, program_of, work


def test_it_is_the_usual_loop() -> None:
    """Clear, forward, loss, backward, update: bit for bit as by hand."""
    model, optimizer, loader = parts()
    hand, hands_optimizer = copy.deepcopy((model, optimizer))
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    with trained(program) as trainee:
        losses = [trainee.step(batch).loss for batch in batches]
        own = {name: parameter.detach().clone() for name, parameter in trainee.parameters.items()}
    for number, (raw, loss) in enumerate(zip(loader, losses, strict=True)):
        seed_all(program.seed, f"step {number}")
        assert work(hand, raw, hands_optimizer).item() == loss
    assert all(torch.equal(own[name], parameter) for name, parameter in hand.named_parameters())


@pytest.mark.parametrize("kind", ["LBFGS", "several", "sparse", "scaler", "plateau", "factory"])
def test_every_kind_of_optimizer_is_served(kind: str) -> None:
    """LBFGS with its closure, several optimizers, sparse gradients, a scaler, a schedule that wants the loss."""
    model = nn.Linear(4, 3)
    loader: list[Any] = [(torch.randn(8, 4), torch.randint(3, (8,)))]
    optimizer: Any = torch.optim.SGD(model.parameters(), 0.1)
    options: dict[str, Any] = {}
    if kind == "LBFGS":
        optimizer = torch.optim.LBFGS(model.parameters(), 0.1, max_iter=2)
    elif kind == "several":
        optimizer = {"w": torch.optim.SGD([model.weight], 0.1), "b": torch.optim.SGD([model.bias], 0.1)}
    elif kind == "sparse":
        model = nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Flatten(), nn.Linear(6, 3))
        optimizer = {
            "e": torch.optim.SparseAdam(model[0].parameters(), 0.1),
            "l": torch.optim.SGD(model[2].parameters(), 0.1),
        }
        loader = [(torch.randint(5, (8, 2)), torch.randint(3, (8,)))]
    elif kind == "scaler":
        options["scaler"] = torch.amp.GradScaler("cpu", init_scale=8.0)
    elif kind == "plateau":
        options["scheduler"] = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    else:
        optimizer = lambda own: torch.optim.SGD(own, 0.1)  # noqa: E731 - as a user writes it
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, **options)
    with trained(program) as trainee:
        taken = [trainee.step(batches[0], held=True, observed=True) for _ in range(5)]
        assert taken[-1].loss < taken[0].loss
        assert taken[0].rewritten == frozenset(trainee.parameters)
