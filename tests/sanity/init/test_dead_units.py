from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.init.dead_units import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def judged(model: nn.Module, x: Tensor = X, **options: object) -> str:
    return run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss(), **options).status


def test_dead_units_are_counted_and_placed() -> None:
    """All 64 units behind biases of −10 are counted, in the layer that holds them."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert result.measurements[0].measured == "64 of 64"
    assert result.where.endswith("in 1")


def test_dead_channels_of_pictures_and_functions_in_a_forward_are_found() -> None:
    """A rectified convolution in the user's own forward is named with its line."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 32, 3), nn.Linear(32, 3)
            nn.init.constant_(self.conv.bias, -50.0)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.conv(x.view(-1, 1, 4, 4)))
            return self.head(x.mean((2, 3)))

    result = run_one(CHECK, model=Net(), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "fail"
    assert result.place is not None
    assert result.place.function.endswith("Net.forward")


def test_a_unit_that_lives_in_another_batch_is_alive() -> None:
    """Units that are zero throughout the first batch count as alive where a later one wakes them."""
    model = nn.Sequential(nn.Linear(16, 64, bias=False), nn.ReLU(), nn.Linear(64, 3))
    nn.init.uniform_(model[0].weight, 0.0, 1.0)
    positive = X.abs()
    loader = [(-positive, Y), (positive, Y)]
    assert run_one(CHECK, model=model, loader=loader[:1], loss_fn=nn.CrossEntropyLoss()).status == "fail"
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss()).status == "pass"


class Squeezed(nn.Module):
    """A trunk, whose values a few rectified units scale; these can wake again, for the trunk is trained beside them."""

    def __init__(self, head: float) -> None:
        super().__init__()
        self.trunk, self.few, self.back = nn.Linear(16, 32), nn.Linear(32, 4), nn.Linear(4, 32)
        self.head = nn.Linear(32, 3)
        nn.init.constant_(self.few.bias, -50.0)
        nn.init.constant_(self.head.weight, head)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk(x)
        return self.head(x * torch.sigmoid(self.back(torch.relu(self.few(x)))))


class Beside(nn.Module):
    """A branch of a few rectified units beside another that learns; it may be given nothing at all."""

    def __init__(self, *, bias: float, given: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(inplace))
        self.other, self.head, self.given = nn.Linear(16, 4), nn.Linear(8, 3), given
        nn.init.constant_(self.branch[2].bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.branch(x * self.given), self.other(x)], 1))


def test_a_small_layer_that_nothing_can_wake_is_a_failure() -> None:
    """Four units dead on every sample seal off all weights before them; on 32 samples alone they only warn."""
    x, y = torch.randn(64, 16), torch.arange(64) % 3
    found = run_one(CHECK, model=Beside(bias=-50.0), loader=[(x, y)], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "fail"
    assert found.measurements[0].measured == "4 of 4"
    assert judged(Beside(bias=-50.0)) == "warn"


@pytest.mark.parametrize("model", [Squeezed(0.1), Squeezed(0.0), Beside(bias=-50.0, given=0.0), Beside(bias=0.1)])
def test_a_small_layer_that_may_wake_is_no_failure(model: nn.Module) -> None:
    """Units behind a trunk that other paths train, and a branch that is given nothing in these batches, may wake."""
    loader = [(torch.randn(64, 16), torch.arange(64) % 3) for _ in range(2)]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss()).status != "fail"


class Tiny(nn.Module):
    """A branch of two rectified units for each column, one of which is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Linear(1, 2), nn.ReLU()) for _ in range(16))
        self.head = nn.Linear(32, 3)
        nn.init.constant_(self.parts[3][0].bias, -9.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([part(x[:, at : at + 1]) for at, part in enumerate(self.parts)], 1))


class Penalised(nn.Module):
    """Logits, and by how much a projection goes beyond a bound, which it does not yet."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head, self.bounded = nn.Linear(16, 3), nn.Linear(16, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(x), torch.relu(self.bounded(x) - 20.0)


def penalised_loss(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(out[0], y) + out[1].mean()


@pytest.mark.parametrize("model", [Tiny(), Penalised(4), Penalised(32)])
def test_what_chance_makes_and_penalties_of_0_are_no_failure(model: nn.Module) -> None:
    """One of many tiny layers is dead by chance; a penalty that nothing but the loss reads is 0 where all is well."""
    loss_fn = penalised_loss if isinstance(model, Penalised) else nn.CrossEntropyLoss()
    loader = [(torch.randn(64, 16), torch.arange(64) % 3) for _ in range(2)]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=loss_fn).status == "warn"


def test_units_that_random_weights_silence_are_no_failure() -> None:
    """Half of the units are silent where all samples look alike, and a layer of eight may be all so by chance."""
    alike = X * 0.001 + 5 * torch.randn(1, 16)
    for seed in range(5):
        torch.manual_seed(seed)
        assert judged(nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 3)), alike) == "pass"
    small = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.constant_(small[0].bias, -50.0)
    assert judged(small) == "warn"


def test_sparse_units_dropout_and_padding_are_silent() -> None:
    """A wide layer of which each sample wakes a few units, dropout before and after, and padded rows all pass."""
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(16, 4096), nn.ReLU(), nn.Linear(4096, 3))
    nn.init.constant_(wide[0].bias, -2.0)  # about one in a thousand lives
    assert judged(wide) == "pass"
    dropped = nn.Sequential(nn.Dropout(0.8), nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.8), nn.Linear(64, 3))
    assert judged(dropped) == "pass"
    padded = X.clone()
    padded[4:] = 0
    assert judged(nn.Sequential(nn.Linear(16, 64, bias=False), nn.ReLU(), nn.Linear(64, 3)), padded) == "pass"


def test_layers_that_cannot_be_told_are_silent() -> None:
    """One sample, a hinge in the loss and a network without rectifiers pass."""
    arguments = bad()
    x, y = arguments["loader"][0]
    arguments["loader"] = [(x[:1], y[:1])]
    assert run_one(CHECK, **arguments).status == "pass"
    assert judged(nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 3))) == "pass"
    hinge = run_one(
        CHECK, model=nn.Linear(16, 64), loader=[(X, X)], loss_fn=lambda o, y: torch.relu(o.square() - 1e6).mean()
    )
    assert hinge.status == "pass"


def test_a_trained_network_is_judged_too() -> None:
    """Dead units of a network with optimizer state are found."""
    arguments = bad()
    optimizer = torch.optim.Adam(arguments["model"].parameters())
    arguments["model"](arguments["loader"][0][0]).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    assert run_one(CHECK, **arguments, optimizer=optimizer).status == "fail"


@pytest.mark.parametrize(("bias", "status"), [(-10.0, "fail"), (0.0, "pass")])
def test_units_of_relu6_that_are_dead_are_found(bias: float, status: str) -> None:
    """ReLU6 is a hard tanh from 0 to 6, which silences as ReLU does; one from −1 to 1 gives no zeros."""
    torch.manual_seed(0)
    first = nn.Linear(16, 64)
    nn.init.constant_(first.bias, bias)
    assert judged(nn.Sequential(first, nn.ReLU6(), nn.Linear(64, 3))) == status
    assert judged(nn.Sequential(first, nn.Hardtanh(), nn.Linear(64, 3))) == "pass"


class Limited(nn.Module):
    """Limits what a layer that begins at zero makes: to a wide interval around 0, or to what is above 0."""

    def __init__(self, least: float, bias: float) -> None:
        super().__init__()
        self.key, self.head, self.least = nn.Linear(16, 64), nn.Linear(64, 3), least
        nn.init.zeros_(self.key.weight)
        nn.init.constant_(self.key.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.clamp(self.key(x), min=self.least, max=30).exp())


@pytest.mark.parametrize(("least", "bias", "dead"), [(-60.0, 0.0, False), (0.0, -1.0, True)])
def test_a_wide_clamp_of_zeros_is_awake(least: float, bias: float, *, dead: bool) -> None:
    """Zeros that a clamp hands on as they are have a gradient; those that it makes of others have none."""
    assert (judged(Limited(least, bias)) != "pass") == dead
