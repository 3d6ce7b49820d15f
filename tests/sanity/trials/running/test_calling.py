from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.trials.running.calling import arguments_of, asks_for_number, loss_in
from nbinspect.subject import Subject, make_subject

RAW = (torch.zeros(2, 4), torch.zeros(2, dtype=torch.long))


def given(step: Any, **options: Any) -> tuple[list[Any], dict[str, Any], Any]:
    model = nn.Linear(4, 2)
    options = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), **options}
    subject = make_subject(model, [RAW], nn.CrossEntropyLoss(), train_step=step, **options)
    return *arguments_of(step, subject, make_batch(subject, RAW), 7), subject


def test_parameters_are_given_by_name() -> None:
    """Model, batch, optimizer, loss, device and step number go to those that ask for them, in any order."""

    def step(opt: Any, batch: Any, net: Any, criterion: Any, step: Any, *, device: Any) -> None: ...

    positional, named, subject = given(step)
    assert positional[0] is subject.optimizer
    assert positional[1][0] is RAW[0]
    assert positional[2] is subject.model
    assert positional[3] is subject.loss_fn
    assert positional[4] == 7
    assert named == {"device": torch.device("cpu")}


def test_unknown_names_are_taken_in_the_usual_order() -> None:
    """The first parameters without a known name are model, batch and optimizer, as far as nobody asks for these."""

    def step(m: Any, b: Any, o: Any) -> None: ...

    positional, _, subject = given(step)
    assert positional[0] is subject.model
    assert positional[2] is subject.optimizer

    def mixed(batch: Any, o: Any) -> None: ...

    positional, _, subject = given(mixed)
    assert positional[1] is subject.model


def test_the_only_parameter_is_the_batch() -> None:
    """A step that reaches its model another way takes a batch, whatever it calls it, unless it asks for the model."""

    def step(chunk: Any, clip: float = 1.0) -> None: ...

    positional, _, _ = given(step)
    assert positional[0][0] is RAW[0]

    def by_name(net: Any) -> None: ...

    positional, _, subject = given(by_name)
    assert positional == [subject.model]


def test_defaults_say_more() -> None:
    """A default stays, unless it is None and something is known, or it counts steps."""

    def step(model: Any, optimizer: Any = None, loss_fn: Any = "own", epoch: int = 3, odd: int = 1) -> None: ...

    _, named, subject = given(step)
    assert named == {"optimizer": subject.optimizer, "epoch": 0}


def test_several_optimizers_go_by_their_roles() -> None:
    """Of a dict of optimizers each goes to the parameter that has its key in its name."""
    one, other = (torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1) for _ in range(2))

    def step(model: Any, batch: Any, opt_g: Any, opt_d: Any) -> None: ...

    positional, _, _ = given(step, optimizer={"g": one, "d": other})
    assert positional[2] is one
    assert positional[3] is other


def test_optimizers_of_a_list_go_in_their_order() -> None:
    """Of a list each goes to one of as many parameters that ask for an optimizer; a single one gets the list."""
    both = [torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1) for _ in range(2)]

    def step(model: Any, batch: Any, opt_g: Any, d_optimizer: Any) -> None: ...

    positional, _, _ = given(step, optimizer=both)
    assert positional[2] is both[0]
    assert positional[3] is both[1]

    def unpacks(model: Any, batch: Any, optimizers: Any) -> None: ...

    assert given(unpacks, optimizer=both)[0][2] is both

    def asks_for_three(model: Any, batch: Any, opt_a: Any, opt_b: Any, opt_c: Any) -> None: ...

    with pytest.raises(MissingNeed, match="parameter opt_b"):
        given(asks_for_three, optimizer=both)


def test_what_nothing_is_known_for_is_named() -> None:
    """A parameter beyond what is known is a missing need."""

    def step(model: Any, batch: Any, optimizer: Any, teacher: Any) -> None: ...

    with pytest.raises(MissingNeed, match="parameter teacher"):
        given(step)


@dataclass
class Output:
    loss: Any
    logits: Any = None


@pytest.mark.parametrize(
    ("returned", "loss"),
    [
        (torch.tensor(2.0, requires_grad=True), 2.0),
        (torch.tensor([2.0]), 2.0),
        (2, 2.0),
        (np.float32(2.0), 2.0),
        ({"acc": 1.0, "loss": torch.tensor(2.0)}, 2.0),
        ((torch.tensor(2.0), "text"), 2.0),
        (Output(torch.tensor(2.0)), 2.0),
        (None, None),
        (True, None),
        ("text", None),
        (torch.zeros(3), None),
        ({"acc": 1.0}, None),
        ([], None),
    ],
)
def test_the_loss_is_found_in_what_a_step_returns(returned: Any, loss: float | None) -> None:
    """Numbers, tensors of one value, and what is named loss count; all else is none."""
    assert loss_in(returned) == loss


def test_a_batch_of_indices_may_be_called_one() -> None:
    """Where the loader gives indices and nothing else asks for them, they are given; else the number of the step."""

    def alone(model: Any, batch_idx: Any, optimizer: Any) -> Any:
        return batch_idx

    def beside(model: Any, batch: Any, batch_idx: Any) -> Any:
        return batch_idx

    rows = torch.tensor([4, 2, 7])
    for raw, step, expected in ((rows, alone, rows), (rows, beside, 3), (rows.float(), alone, 3)):
        subject = Subject(nn.Linear(1, 1), optimizer=object(), train_step=step)
        positional, _ = arguments_of(step, subject, make_batch(subject, raw), 3)
        assert positional[2 if step is beside else 1] is expected or positional[2 if step is beside else 1] == expected


def test_a_step_is_told_its_number_by_name() -> None:
    """A parameter for the number of the call tells it, under any of its names; no other does."""

    def told(model: Any, batch: Any, global_step: int) -> None: ...

    def with_default(model: Any, batch: Any, i: int = 0) -> None: ...

    def untold(model: Any, batch: Any, epoch: int) -> None: ...

    assert asks_for_number(told)
    assert asks_for_number(with_default)
    assert not asks_for_number(untold)
    assert not asks_for_number(None)
