"""Programs that leave something behind in every step or evaluation, each with its healthy twin."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own.data_for_lookalikes import loaders, standard_digits
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet, image_perceptron
from tests.zoo.own.models_for_lookalikes_kept import Averaged, Logged, WithMovingMean
from tests.zoo.own.training_pairs import cleared_first
from tests.zoo.program import Arguments, pair


def kept_with_its_graph(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that keeps its loss, and with it its graph, for a plot."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    model.history.append(loss)
    loss.backward()
    optimizer.step()
    return loss.detach()


def kept_as_a_number(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that keeps the number of its loss for a plot."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    model.history.append(loss.item())
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("memory-growth", group="training", source="scikit-learn")
def losses_kept_with_their_graphs(sick: bool) -> Arguments:
    """The history of losses holds tensors with their graphs instead of numbers."""
    torch.manual_seed(0)
    model = Logged(image_perceptron())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    train_step = kept_with_its_graph if sick else kept_as_a_number
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=train_step, **loaders(standard_digits()))


@pair("memory-growth", group="training", source="published")
def moving_mean_that_was_not_detached(sick: bool) -> Arguments:
    """A moving mean of the features, kept for a plot, holds the graphs of all batches so far."""
    torch.manual_seed(0)
    model = WithMovingMean(LeNet(classes=24), detached=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


@torch.no_grad()
def accuracy_of_the_mean(model: Averaged, batch: list[Tensor]) -> float:
    """Accuracy under the averaged weights, which are put in for the evaluation and taken out again."""
    model.eval()
    own = {name: value.clone() for name, value in model.net.state_dict().items()}
    model.net.load_state_dict(model.average.state_dict())
    right = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.net.load_state_dict(own)
    return right


@torch.no_grad()
def accuracy_left_at_the_mean(model: Averaged, batch: list[Tensor]) -> float:
    """Accuracy under the averaged weights, which stay in the model."""
    model.eval()
    model.net.load_state_dict(model.average.state_dict())
    return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()


def averaging_step(model: Averaged, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in train mode, after which the average follows the weights."""
    model.train()
    loss = cleared_first(model, batch, optimizer)
    model.follow()
    return loss


@pair("evaluation-changes-model", group="training", source="published")
def averaged_weights_never_taken_out(sick: bool) -> Arguments:
    """Evaluation loads the moving average into the network and does not put its own weights back."""
    torch.manual_seed(0)
    model = Averaged(ResNet())
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.net.parameters(), lr=3e-3),
        train_step=averaging_step,
        eval_step=accuracy_left_at_the_mean if sick else accuracy_of_the_mean,
        **loaders(standard_digits(1000)),
    )


def attacked_with_backward(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy under small adversarial changes, whose gradients are left in the parameters."""
    model.eval()
    x = batch[0].clone().requires_grad_()
    F.cross_entropy(model(x), batch[1]).backward()
    with torch.no_grad():
        return (model(x + 0.05 * x.grad.sign()).argmax(1) == batch[1]).float().mean().item()


def attacked_with_grad(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy under small adversarial changes, with gradients of the images alone."""
    model.eval()
    x = batch[0].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(x), batch[1]), x)
    with torch.no_grad():
        return (model(x + 0.05 * gradient.sign()).argmax(1) == batch[1]).float().mean().item()


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def attack_whose_gradients_stay(sick: bool) -> Arguments:
    """Evaluation under attack runs backward and leaves gradients in the parameters for the next step to add to."""
    torch.manual_seed(0)
    model = image_perceptron()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        eval_step=attacked_with_backward if sick else attacked_with_grad,
        **loaders(standard_digits()),
    )
