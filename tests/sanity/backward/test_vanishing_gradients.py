from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.backward.vanishing_gradients import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 32, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4


def judged(model: nn.Module, **options: object) -> str:
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), **options).status


def deep(activation: type[nn.Module], depth: int) -> nn.Sequential:
    parts = [part for _ in range(depth) for part in (nn.Linear(32, 32), activation())]
    return nn.Sequential(*parts, nn.Linear(32, 4))


def test_the_share_is_that_of_gradients_over_weights() -> None:
    """The measured share is the one that backward on the model itself gives."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    model, (x, y) = arguments["model"], arguments["loader"][0]
    assert all(parameter.grad is None for parameter in model.parameters())
    nn.CrossEntropyLoss()(model(x), y).backward()
    ratios = [
        float(layer.weight.grad.norm() / layer.weight.detach().norm())
        for layer in model
        if isinstance(layer, nn.Linear)
    ]
    assert result.status == "fail"
    assert float(result.measurements[0].measured) == pytest.approx(max(ratios[:2]) / min(ratios[-3:-1]), rel=1e-3)
    assert result.where == "0.weight"


@pytest.mark.parametrize(("activation", "depth"), [(nn.ReLU, 10), (nn.Tanh, 10), (nn.GELU, 6), (nn.Sigmoid, 3)])
def test_usual_networks_pass(activation: type[nn.Module], depth: int) -> None:
    """PyTorch's own initialisation is healthy at usual depths."""
    assert judged(deep(activation, depth)) != "fail"


class Scaled(nn.Module):
    """Residual branches scaled by 1e-6, behind a stem."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(32, 32), nn.Linear(32, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32)) for _ in range(6))
        self.scales = nn.ParameterList(torch.full((32,), scale) for _ in self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block, scale in zip(self.blocks, self.scales, strict=True):
            x = x + scale * block(x)
        return self.head(x)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0])
def test_branches_that_begin_small_pass(scale: float) -> None:
    """Branches scaled to nothing in the beginning are healthy, for the shortcut carries the gradient."""
    assert judged(Scaled(scale)) == "pass"


class Attending(nn.Module):
    """One block of attention whose weights begin small, as those of BERT do, and a pooled answer."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out, self.pool, self.head = (nn.Linear(32, 32) for _ in range(6))
        for layer in (self.query, self.key, self.value, self.out, self.pool):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unflatten(1, (4, 8)).repeat(1, 1, 4)
        mixed = F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        return self.head(torch.tanh(self.pool(F.layer_norm(x + self.out(mixed), (32,))[:, 0])))[:, :4]


def test_even_attention_is_no_depth_to_lose_a_gradient_in() -> None:
    """Queries and keys have next to no gradient while attention is even; beside them the values have theirs."""
    assert judged(Attending()) == "pass"


def test_zero_heads_frozen_parts_and_trained_networks_are_silent() -> None:
    """A head near zero, a frozen first half and a network with optimizer state get no finding."""
    model = deep(nn.ReLU, 8)
    nn.init.normal_(model[-1].weight, std=1e-6)
    assert judged(model) == "pass"
    nn.init.zeros_(model[-1].weight)
    assert judged(model) == "pass"
    sick = bad()
    sick["model"][:12].requires_grad_(False)
    assert run_one(CHECK, **sick).status == "pass"
    sick["model"].requires_grad_(True)
    optimizer = torch.optim.Adam(sick["model"].parameters())
    sick["model"](X).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    assert run_one(CHECK, **sick, optimizer=optimizer).status == "skip"
    assert judged(nn.Sequential(nn.Linear(32, 4)).requires_grad_(False)) == "skip"


def test_a_steady_loss_needs_no_ten_thousandth() -> None:
    """Five sigmoid layers, each of which shrinks the gradient, fail at a share that is a warning otherwise."""
    torch.manual_seed(1)
    model = deep(nn.Sigmoid, 5)
    assert judged(model) == "fail"
    assert judged(model, thresholds={"vanishing-gradients": {"steady": 1e-4}}) == "warn"


class Residual(nn.Module):
    """Blocks beside a shortcut, of which the stream is then changed by a function of the sum and what went in."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], depth: int, *, shared: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        first = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32))
        self.stem, self.join = nn.Linear(32, 32), join
        self.blocks = nn.ModuleList(first if shared else copy.deepcopy(first) for _ in range(depth))
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        self.head = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = self.join(x, block(x))
        return self.head(x)


def let_through(share: float) -> Callable[[Tensor, Tensor], Tensor]:
    """A shortcut whose sum lets only a share of the gradient through."""

    def join(x: Tensor, made: Tensor) -> Tensor:
        x = x + made
        return share * x + (1 - share) * x.detach()

    return join


def test_shortcuts_that_let_little_of_the_gradient_through_fail() -> None:
    """A fifth of the gradient at each of eight shortcuts fails; half at each, or all, does not, nor through time."""
    result = run_one(CHECK, model=Residual(let_through(0.2), 8), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "fail"
    assert float(result.measurements[1].measured) == pytest.approx(0.2, rel=0.2)
    assert judged(Residual(let_through(0.5), 8)) != "fail"
    assert judged(Residual(let_through(1.0), 8)) == "pass"
    assert judged(Residual(lambda x, made: 0.2 * x + made, 8, shared=True)) != "fail"


@pytest.mark.parametrize(("activation", "status"), [(nn.Sigmoid, "fail"), (nn.ReLU, "pass")])
def test_a_step_of_the_users_own_is_judged_where_there_is_no_loss_outside_of_it(
    activation: type[nn.Module], status: str
) -> None:
    """Without a `loss_fn` the gradients are those that the user's own step gets."""

    def train_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    torch.manual_seed(0)
    model = deep(activation, 10 if activation is nn.Sigmoid else 4)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), "train_step": train_step}
    assert run_one(CHECK, model=model, loader=[(X, Y)], **given).status == status


def test_a_hundredth_of_the_gradient_is_too_little_for_plain_descent_alone() -> None:
    """Six sigmoid layers that leave less than a hundredth fail under SGD, not under Adam; six ReLUs do not."""
    torch.manual_seed(0)
    model, sound = deep(nn.Sigmoid, 6), deep(nn.ReLU, 6)
    for one in (model, sound):
        for layer in one:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
    result = run_one(
        CHECK,
        model=model,
        loader=[(X, Y)],
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
    )
    assert (result.status, result.where) == ("fail", "0.weight")
    assert 1e-3 < float(result.measurements[0].measured) < 1e-2
    assert judged(model, optimizer=torch.optim.Adam(model.parameters())) == "pass"
    assert judged(model) == "pass"
    assert judged(sound, optimizer=torch.optim.SGD(sound.parameters(), 0.1)) == "pass"
    shallow = deep(nn.Sigmoid, 3)
    assert judged(shallow, optimizer=torch.optim.SGD(shallow.parameters(), 0.1)) == "pass"
