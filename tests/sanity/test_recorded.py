"""The shared recorded pass: operations of forward and loss, live, with gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record, tensor_output
from nbinspect.subject import Subject


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(F.relu(self.one(x)))


class InPlace(Net):
    """Writes to its input, and needs it for the backward."""

    def forward(self, x: Tensor) -> Tensor:
        x -= x.mean()
        return self.two(F.relu(self.one(x)))


X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3


def recorded(model: nn.Module, loss_fn: Any = nn.functional.cross_entropy, batch: Any = None) -> Recorded:
    subject = Subject(model, None, loss_fn)
    return record(Program(subject, Limits(60)), make_batch(subject, (X.clone(), Y) if batch is None else batch))


@pytest.mark.parametrize("model", [Net(), InPlace()])
def test_gradients_are_those_of_a_plain_backward(model: nn.Module) -> None:
    """The recorded backward gives what `backward` gives, also where the forward writes to its input."""
    found = recorded(model)
    assert found.no_backward == ""
    F.cross_entropy(model(X.clone()), Y).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found.gradients[name], parameter.grad)
    model.zero_grad()


def test_a_program_that_takes_derivatives_is_given_a_graph_on_every_pass() -> None:
    """Once a loss of slopes was recorded, it can be had without a backward pass too, and on copies."""

    def of_slopes(places: Tensor, energies: Tensor, targets: Tensor) -> Tensor:
        (slopes,) = torch.autograd.grad(energies.sum(), places, create_graph=True)
        return (slopes - targets).square().mean()

    class Energy(Net):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            places = x.detach().requires_grad_()
            return places, super().forward(places)

    subject = Subject(Energy(), None, lambda outputs, targets: of_slopes(*outputs, targets))
    program, batch = Program(subject, Limits(60)), make_batch(subject, (X.clone(), X.clone()))
    expected = record(program, batch).loss.item()
    for own in (program, program.copied()):
        with own.running():
            assert float(own.scalar_loss(own.outputs(batch), batch)) == pytest.approx(expected)


def test_operations_of_the_loss_are_told_from_those_of_the_forward() -> None:
    """What runs after the model has returned is in the loss, also where the loss is the user's own function."""

    def own(outputs: Tensor, targets: Tensor) -> Tensor:
        return -outputs.log_softmax(1)[torch.arange(len(targets)), targets].mean()

    found = recorded(Net(), own)
    names = {one.step.name for one in found.operations if one.in_loss}
    assert {"Tensor.log_softmax", "Tensor.mean"} <= names
    assert "F.relu" not in names
    assert [one.step.name for one in found.named("F.relu")] == ["F.relu"]


def test_tensors_are_live_and_known_by_their_maker() -> None:
    """Each operation has the very tensors that it was given and made, which are part of the graph."""
    found = recorded(Net())
    (relu,) = found.named("F.relu")
    assert relu.made[0].grad_fn is not None
    assert torch.equal(relu.made[0], relu.given[0].relu())
    assert found.maker(relu.made[0]) is relu
    assert found.maker(X) is None


@pytest.mark.parametrize(
    ("loss_fn", "why"),
    [
        (lambda outputs, targets: outputs, "not one value"),
        (lambda outputs, targets: 0.5, "not one value"),
        (lambda outputs, targets: outputs.detach().mean(), "no parameter"),
        (None, "no loss"),
    ],
)
def test_a_loss_without_backward_says_why(loss_fn: Any, why: str) -> None:
    """A loss that is a vector, a number, cut off or not there leaves the forward recorded, and the reason."""
    found = recorded(Net(), loss_fn)
    assert found.error is None
    assert why in found.no_backward
    assert found.gradients == {}


def test_the_logits_are_chosen_among_outputs() -> None:
    """Of several outputs the one called logits is taken, else the first floating tensor."""
    assert tensor_output({"loss": X.sum(), "logits": X}) is X
    assert tensor_output((Y, X)) is X
    assert tensor_output("none") is None
