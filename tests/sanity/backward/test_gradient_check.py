from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.backward.gradient_check import CHECK, bad
from tests.sanity.running import run_one

X, Y = (
    torch.randn(8, 4, generator=torch.Generator().manual_seed(1)),
    torch.randn(8, 3, generator=torch.Generator().manual_seed(2)),
)


class Cube(torch.autograd.Function):
    """A cube whose backward has a wrong sign where the input is large."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * 3 * x.abs() * x


class Scaled(torch.autograd.Function):
    """A product with a setup of its context apart, and a wrong gradient for its second argument."""

    @staticmethod
    def forward(x: Tensor, scale: Tensor) -> Tensor:
        return x * scale

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, scale = ctx.saved_tensors
        return gradient * scale, (gradient * x).mean(0)


class Rounded(torch.autograd.Function):
    """A straight-through rounding."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.round(x * 4) / 4

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Reversed(torch.autograd.Function):
    """A gradient reversal, as of adversarial training."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


class Spike(torch.autograd.Function):
    """A spike with a surrogate slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient / (1 + 10 * x.abs()) ** 2


class Normed(torch.autograd.Function):
    """Rows over their root mean square; the backward may take that for a constant."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, whole: bool) -> Tensor:
        scale = (x.square().mean(1, keepdim=True) + 1e-6).rsqrt()
        ctx.save_for_backward(x, scale)
        ctx.whole = whole
        return x * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, scale = ctx.saved_tensors
        lost = x * scale**3 * (gradients[0] * x).mean(1, keepdim=True)
        return gradients[0] * scale - ctx.whole * lost, None


class Around(nn.Module):
    """A linear layer with something done to what it gives."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.head, self.change = nn.Linear(4, 3), change
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.change(self.head(x)) * self.scale


def judged(model: nn.Module, loss: Callable[..., Tensor] | None = None, **options: Any) -> CheckResult:
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=loss or nn.MSELoss(), **options)


def test_the_wrong_backward_is_named_with_both_slopes() -> None:
    """A square whose backward forgot the factor 2 has half of the slope, and is put back as it was."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert result.confirmed
    measured, expected = result.measurements[0].measured, result.measurements[0].expected.split()[0]
    assert float(expected) == pytest.approx(2 * float(measured), rel=1e-2)


def test_a_backward_that_is_wrong_for_some_values_is_placed() -> None:
    """The place is the line of the user's own backward, and the class is left unchanged."""
    before = Cube.__dict__["forward"]
    result = judged(Around(Cube.apply))
    assert result.status == "fail"
    assert result.where == "Cube"
    assert result.place is not None
    assert result.place.file == __file__
    assert result.place.function == "Cube.backward"
    assert Cube.__dict__["forward"] is before


def test_a_wrong_gradient_of_one_argument_is_found() -> None:
    """Of a function with a setup of its context, the second argument's gradient is wrong."""
    model = Around(torch.relu)
    result = judged(model, forward=lambda m, batch: Scaled.apply(m(batch[0]), m.scale))
    assert result.status == "fail"
    assert "argument 2" in result.detail


@pytest.mark.parametrize(("whole", "status"), [(False, "fail"), (True, "pass")])
def test_a_part_of_the_gradient_that_is_forgotten_is_found(whole: bool, status: str) -> None:
    """A norm whose backward holds its scale fixed is off by one direction of many, and fails; the whole one passes."""
    model = nn.Linear(4, 64)
    y = torch.randn(8, 64, generator=torch.Generator().manual_seed(3))
    result = run_one(
        CHECK,
        model=model,
        loader=[(X, y)],
        loss_fn=nn.MSELoss(),
        forward=lambda m, batch: Normed.apply(m(batch[0]), whole),
    )
    assert result.status == status
    assert status == "pass" or result.where == "Normed"


@pytest.mark.parametrize("function", [Rounded, Reversed, Spike])
def test_straight_through_reversed_and_surrogate_gradients_are_silent(function: Any) -> None:
    """Functions whose backward differs from their forward on purpose do not fail."""
    assert judged(Around(function.apply)).status in ("pass", "inconclusive")


@pytest.mark.parametrize(
    "change",
    [torch.relu, torch.abs, nn.Dropout(0.5), nn.BatchNorm1d(3), lambda x: x.sort(1).values, lambda x: x.clamp(0, 0.1)],
)
def test_kinks_dropout_and_batch_norm_pass(change: Callable[[Tensor], Tensor]) -> None:
    """Dropout is held, kinks are no difference, and statistics of the batch are differentiated."""
    assert judged(Around(change)).status == "pass"


def test_stopped_gradients_do_not_fail() -> None:
    """Targets and scales that are detached on purpose make the gradient another than that of the loss."""
    stopped = judged(Around(lambda x: x * x.detach()))
    assert stopped.status in ("pass", "inconclusive")

    def consistency(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - outputs.detach().roll(1, 0)) ** 2).mean() + ((outputs - targets) ** 2).mean()

    assert judged(Around(torch.tanh), consistency).status in ("pass", "inconclusive")


def test_single_precision_that_remains_cannot_be_told() -> None:
    """A cast inside the model hides the slope, which is said with the operation that makes it."""
    result = judged(Around(lambda x: (x.float() * 1e3).double()))
    assert result.status in ("pass", "inconclusive")
    refused = judged(Around(lambda x: x @ torch.eye(3)))
    assert refused.status == "inconclusive"
    assert "float64" in refused.summary


def test_a_write_through_data_is_doubted() -> None:
    """A value overwritten through `.data` after it was saved is named as what the gradient does not know of."""

    class Overwritten(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            hidden = torch.tanh(self.first(x))
            out = self.second(hidden)
            hidden.data.mul_(0)
            return out

    result = judged(Overwritten())
    assert result.status == "inconclusive"
    assert "Tensor.data" in result.detail


def test_a_gradient_changed_by_a_hook_of_the_model_is_found() -> None:
    """A hook that doubles a gradient on its way makes it another than that of the loss."""

    def doubling(x: Tensor) -> Tensor:
        x.register_hook(lambda gradient: 2 * gradient)
        return torch.tanh(x)

    result = judged(Around(doubling))
    assert result.status == "fail"
    assert result.where.startswith("head.")


def test_programs_without_gradients_and_single_samples_are_handled() -> None:
    """Nothing to differentiate is skipped, and one sample is enough."""
    assert run_one(CHECK, model=nn.Flatten(), loader=[(X, X)], loss_fn=nn.MSELoss()).status == "skip"
    assert run_one(CHECK, model=Around(torch.tanh), loader=[(X[:1], Y[:1])], loss_fn=nn.MSELoss()).status == "pass"


def test_weights_and_gradients_stay_as_they_were() -> None:
    """The model is compared byte by byte, also where its function is wrong."""
    model = Around(Cube.apply)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    judged(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None and parameter.dtype is torch.float32 for parameter in model.parameters())


def test_kinks_at_zero_of_zero_initialised_branches_are_no_wrong_gradient() -> None:
    """A residual branch that starts at zero puts ReLUs exactly at their kink, where both one-sided slopes are right."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
            nn.init.zeros_(self.norm.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x + self.norm(self.conv(x)))

    stem = (nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    batch = (torch.randn(32, 3, 16, 16), torch.randint(0, 10, (32,)))
    for seed in range(3):
        torch.manual_seed(seed)
        model = nn.Sequential(*stem, *(Block() for _ in range(12)), *head)
        found = run_one(CHECK, seed=seed, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss())
        assert found.status in ("pass", "inconclusive")


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_an_embedding_that_limits_its_rows_is_no_failure(kind: Any) -> None:
    """Rows that `max_norm` rescales behind autograd's back are PyTorch's own doing, and are told as the doubt."""
    model = nn.Sequential(kind(20, 8, max_norm=1.0), nn.Flatten(), nn.LazyLinear(3))
    words = torch.randint(20, (16, 5), generator=torch.Generator().manual_seed(0))
    model(words)
    model[0].weight.data.normal_(generator=torch.Generator().manual_seed(1))
    loader = [(words, torch.arange(16) % 3)]
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())
    assert found.status == "inconclusive"
    assert "max_norm" in found.summary


class _Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        found = self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]
        return self.head(found.mean(1))


def test_a_mask_made_in_single_precision_is_no_wrong_gradient() -> None:
    """PyTorch's attention has no exact gradient for float64 beside a mask of float32: at most it cannot be told."""
    torch.manual_seed(0)
    batch = (torch.randn(4, 9, 8), torch.arange(4) % 3)
    assert run_one(CHECK, model=_Masked(), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status != "fail"


class _Single(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is torch.float64:
            raise NotImplementedError
        return super().forward(x)


def test_an_error_without_a_word_is_told_by_its_name() -> None:
    """A model that refuses float64 with an error that has no text cannot be told, and its kind is named."""
    found = run_one(CHECK, model=_Single(4, 3), loader=[(X, Y)], loss_fn=nn.MSELoss())
    assert (found.status, found.summary) == ("inconclusive", "does not run in float64")
    assert "RuntimeError" in found.detail


def test_the_row_of_padding_is_held() -> None:
    """An embedding gives its row of padding no gradient by design, though sequences of nothing else depend on it."""
    torch.manual_seed(0)
    ids = torch.randint(1, 9, (8, 5))
    ids[:4] = 0
    model = nn.Sequential(nn.Embedding(9, 4, padding_idx=0), nn.Flatten(), nn.Linear(20, 3))
    nn.init.normal_(model[0].weight)
    assert (
        run_one(CHECK, model=model, loader=[(ids, torch.arange(8) % 3)], loss_fn=nn.CrossEntropyLoss()).status == "pass"
    )


def test_a_model_of_a_whole_graph_is_tested_on_the_whole() -> None:
    """Where no smaller batch fits the model, all of it is run in float64."""

    class OnGraph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 3)

        def forward(self, x: Tensor, adj: Tensor) -> Tensor:
            return torch.tanh(adj @ self.head(x))

    batch = (X, torch.eye(8) + 0.1, Y)
    assert run_one(CHECK, model=OnGraph(), loader=[batch], loss_fn=nn.MSELoss()).status == "pass"


class _Remade(nn.Linear):
    """Makes its weight a parameter anew in each pass, of one that it keeps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.raw = nn.Parameter(self.weight.detach().clone())
        del self.weight

    def forward(self, x: Tensor) -> Tensor:
        self.weight = nn.Parameter(self.raw * 1)
        return super().forward(x)


def test_parameters_that_a_forward_makes_are_no_error() -> None:
    """A parameter that is not there before the pass is left out."""
    assert judged(_Remade(4, 3)).status == "pass"
