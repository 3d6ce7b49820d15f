from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.init.final_bias import CHECK, bad
from tests.sanity.running import run_one

X = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))


def test_a_mean_target_far_off_fails_with_the_bias_to_set() -> None:
    """The remedy names the last bias and the mean of the targets."""
    arguments = bad()
    mean = float(arguments["loader"][0][1].mean())
    result = run_one(CHECK, **arguments)
    assert result.status == "fail"
    assert result.where == "bias"
    assert f"{mean:.4g}" in result.code
    with torch.no_grad():
        arguments["model"].get_parameter("bias").fill_(mean)
    assert run_one(CHECK, **arguments).status == "pass"


@pytest.mark.parametrize(("mean", "std", "status"), [(23.5, 7.8, "warn"), (152.0, 77.0, "warn"), (0.5, 1.0, "pass")])
def test_usual_targets_never_fail(mean: float, std: float, status: str) -> None:
    """Raw targets whose spread is of the size of their mean are at most worth a look."""
    targets = mean + std * torch.randn(64, 1)
    assert run_one(CHECK, model=nn.Linear(8, 1), loader=[(X, targets)], loss_fn=nn.MSELoss()).status == status


def test_each_output_is_looked_at() -> None:
    """One of two targets that lies far off is found, and both biases are given."""
    targets = torch.stack([torch.randn(64), 90 + torch.randn(64)], 1)
    result = run_one(CHECK, model=nn.Linear(8, 2), loader=[(X, targets)], loss_fn=nn.L1Loss())
    assert result.status == "fail"
    assert result.code.count(",") == 1


def test_rare_classes_are_a_warning_with_their_log_odds() -> None:
    """Shares of 1 and 63 of 64 give a warning that the right bias silences."""
    targets = (torch.arange(64) == 5).float()[:, None]
    model = nn.Linear(8, 1)
    arguments = {"model": model, "loader": [(X, targets)], "loss_fn": nn.BCEWithLogitsLoss()}
    result = run_one(CHECK, **arguments)
    assert result.status == "warn"
    assert f"{torch.tensor(1 / 64).logit():.4g}" in result.code
    with torch.no_grad():
        model.bias.fill_(float(torch.tensor(1 / 64).logit()))
        model.weight.mul_(0.1)
    assert run_one(CHECK, **arguments).status == "pass"


def test_weighted_few_and_unknown_targets_are_silent() -> None:
    """Class weights, few samples a class, language models and unknown losses get no finding."""
    rare = (torch.arange(64) == 5).long()
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 1.0]))
    assert run_one(CHECK, model=nn.Linear(8, 2), loader=[(X, rare)], loss_fn=weighted).status == "pass"
    assert run_one(CHECK, model=nn.Linear(8, 40), loader=[(X, rare)], loss_fn=nn.CrossEntropyLoss()).status == "pass"
    assert run_one(CHECK, model=nn.Linear(8, 2), loader=[(X, rare)], loss_fn=lambda o, y: o.mean()).status == "skip"
    assert run_one(CHECK, model=nn.Linear(8, 1), loader=[(X[:2], X[:2, :1])], loss_fn=nn.MSELoss()).status == "skip"


class Coded(nn.Module):
    """Draws two positive outputs to a code book that begins near zero."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.codes = nn.Linear(8, 2), nn.Parameter(1e-3 * torch.randn(4, 2))

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        z = 1 + self.fc(x).sigmoid()
        code = self.codes[torch.arange(len(z)) % 4]
        return {"loss": nn.functional.mse_loss(z, code.detach()), "z": z}


def test_targets_that_the_network_made_have_no_bias_to_set() -> None:
    """A code book is no data, and moves to the outputs by itself."""
    batch = {"x": X, "labels": torch.randn(64, 2)}
    assert run_one(CHECK, model=Coded(), loader=[batch], task="regression").status == "skip"


def test_behind_an_activation_the_bias_is_not_the_mean_target() -> None:
    """Of boxes that leave by a sigmoid, what the outputs begin at is told, and no bias of that value."""
    boxes = 0.1 + 0.02 * torch.rand(64, 4)
    model = nn.Sequential(nn.Linear(8, 4), nn.Sigmoid())
    nn.init.constant_(model[0].bias, 2.0)
    nn.init.normal_(model[0].weight, std=0.1)
    found = run_one(CHECK, model=model, loader=[(X, boxes)], loss_fn=nn.L1Loss())
    assert (found.status, found.where, found.code) == ("warn", "0.bias", "")
    assert "where the outputs are around" in found.remedy


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_teacher_outside_the_model_gives_is_no_data(wrapped: bool) -> None:
    """A moving average of the model, kept beside it, is followed, wherever it begins."""
    student, teacher = nn.Linear(8, 1), nn.Linear(8, 1).requires_grad_(False)
    nn.init.constant_(teacher.bias, 60.0)

    def step(model: nn.Module, batch: tuple[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        wanted = teacher(batch[0])
        wanted = torch.autograd.Variable(wanted.data) if wrapped else wanted
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(batch[0]), wanted)
        loss.backward()
        optimizer.step()
        return loss

    optimizer = torch.optim.SGD(student.parameters(), 0.1)
    found = run_one(CHECK, model=student, loader=[(X,)], train_step=step, optimizer=optimizer)
    assert found.status == "skip"


def test_pictures_with_constant_pixels_are_silent() -> None:
    """An autoencoder's pixels that are always black are no bias to set."""
    pictures = torch.rand(64, 64)
    pictures[:, ::8] = 0
    model = nn.Sequential(nn.Linear(64, 64), nn.Sigmoid())
    assert run_one(CHECK, model=model, loader=[(pictures, pictures)], loss_fn=nn.MSELoss()).status == "pass"


def test_one_class_and_nan_give_no_finding() -> None:
    """A constant label is another check's, and what is not finite has no bias to set."""
    one = [(X, torch.zeros(64, dtype=torch.long))]
    assert run_one(CHECK, model=nn.Linear(8, 2), loader=one, loss_fn=nn.CrossEntropyLoss()).status == "pass"
    broken = [(X * float("nan"), torch.arange(64) % 2)]
    assert run_one(CHECK, model=nn.Linear(8, 2), loader=broken, loss_fn=nn.CrossEntropyLoss()).status == "pass"


@pytest.mark.parametrize("loss_fn", [nn.PoissonNLLLoss(), nn.KLDivLoss(reduction="batchmean")])
def test_losses_on_another_scale_are_left_alone(loss_fn: nn.Module) -> None:
    """Under a loss whose outputs are logarithms the mean of the targets is no bias to set."""
    x, counts = torch.randn(32, 4), torch.full((32, 3), 200.0) + torch.randn(32, 3)
    result = run_one(CHECK, model=nn.Linear(4, 3), loader=[(x, counts)], loss_fn=loss_fn)
    assert result.status == "skip"


def test_a_small_distance_of_targets_that_hardly_vary_is_no_defect() -> None:
    """Targets around −0.3 that are all but alike are at most worth a look."""
    x, y = torch.randn(32, 4), -0.3 + 0.01 * torch.randn(32, 1)
    model = nn.Linear(4, 1)
    nn.init.constant_(model.bias, 1.0)
    nn.init.normal_(model.weight, std=0.01)
    assert run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.MSELoss()).status == "warn"


def by_hand(z: Tensor, y: Tensor) -> Tensor:
    return (z - y).abs().mean()


def own_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.smooth_l1_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize(("mean", "status"), [(60.0, "fail"), (0.0, "pass")])
def test_a_loss_by_hand_and_one_of_a_step_count_too(mean: float, status: str) -> None:
    """A distance that is written by hand, and one in a train_step, have the mean of their targets to begin at."""
    batch, model = (X, mean + torch.randn(64, 1)), nn.Linear(8, 1)
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=by_hand).status == status
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert run_one(CHECK, model=model, loader=[batch], train_step=own_step, optimizer=optimizer).status == status


def test_a_residual_that_is_no_output_has_no_bias_to_set() -> None:
    """What a loss makes of the outputs before it compares them is another quantity."""
    loss_fn = lambda z, y: ((z.exp() - y) ** 2).mean()  # noqa: E731 - as users write it
    assert run_one(CHECK, model=nn.Linear(8, 1), loader=[(X, 60 + torch.rand(64, 1))], loss_fn=loss_fn).status == "skip"


class Judges(nn.Module):
    """Tells true rows from made-up ones, in two losses of one class each."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        true, false = self.head(x), self.head(x.flip(0))
        loss = nn.functional.binary_cross_entropy_with_logits
        return loss(true, torch.ones_like(true)) + loss(false, torch.zeros_like(false))


def test_one_class_alone_says_nothing_of_shares() -> None:
    """Where a loss has targets of one class, as of a discriminator, no bias is asked for."""
    result = run_one(
        CHECK, model=Judges(), loader=[X], loss_fn=lambda out, _: out, split=lambda b: (b, b), task="binary"
    )
    assert result.status in ("pass", "skip")


def test_samples_behind_steps_of_time_are_no_outputs() -> None:
    """Of outputs (T, N) the samples are no columns with a bias each."""
    generator = torch.Generator().manual_seed(0)
    x, level = torch.randn(24, 12, 3, generator=generator), torch.rand(12, generator=generator)
    y = level + 0.02 * torch.randn(24, 12, generator=generator)
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(-2))
    result = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.MSELoss(), batch_axis=1)
    assert "," not in result.remedy
