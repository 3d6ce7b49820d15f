from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.loss_reduction import CHECK
from tests.sanity.running import run_one

N = 32
CLASSES = torch.arange(N) % 4


def result_of(loss_fn: Any, rate: float | None = 0.1, kind: Any = torch.optim.SGD, **rest: Any) -> CheckResult:
    model = nn.Linear(6, 4)
    optimizer = kind(model.parameters(), lr=rate) if rate is not None else None
    batch = (torch.randn(N, 6), CLASSES)
    return run_one(CHECK, **{"model": model, "loader": [batch], "loss_fn": loss_fn, "optimizer": optimizer, **rest})


def by_size(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z, y) / len(y)


def summed(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z, y, reduction="sum")


def test_a_second_division_is_found_with_the_rate_that_it_leaves() -> None:
    """A mean that is divided by N fails where the rate is that of a mean."""
    result = result_of(by_size)
    assert result.status == "fail"
    assert [one.measured for one in result.measurements] == ["0.5", f"{0.1 / N:.4g}"]
    assert result.place is not None
    assert result.place.function == "by_size"


@pytest.mark.parametrize(("rate", "kind"), [(0.1 * N, torch.optim.SGD), (1e-3, torch.optim.AdamW), (None, None)])
def test_a_second_division_may_be_harmless(rate: float | None, kind: Any) -> None:
    """With a rate chosen for it, an optimizer that rescales gradients, or none, it is a warning."""
    assert result_of(by_size, rate, kind).status == "warn"


@pytest.mark.parametrize(
    ("rate", "kind", "status"),
    [
        (0.02, torch.optim.SGD, "warn"),
        (0.1 / N, torch.optim.SGD, "pass"),
        (1e-3, torch.optim.Adam, "pass"),
        (None, None, "inconclusive"),
    ],
)
def test_a_sum_is_judged_by_the_rate(rate: float | None, kind: Any, status: str) -> None:
    """A sum is a warning under a rate for means, and passes under one chosen for it."""
    assert result_of(summed, rate, kind).status == status


def exploding(loss_fn: Any = summed, momentum: float = 0.9, rate: float = 0.03, **rest: Any) -> CheckResult:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    batch = (6 * torch.randn(N, 6), CLASSES)
    return run_one(CHECK, **{"model": model, "loader": [batch], "loss_fn": loss_fn, "optimizer": optimizer, **rest})


def test_a_sum_that_makes_the_loss_explode_fails_with_both_losses() -> None:
    """Where a few steps multiply the loss, and one on the mean lowers it, the sum fails, and is confirmed."""
    result = exploding()
    assert result.status == "fail"
    assert result.confirmed
    start = float(result.measurements[2].expected.split()[1].rstrip(","))
    assert float(result.measurements[2].measured) > 3 * start > 3 * float(result.measurements[3].measured)


def test_the_steps_are_those_of_the_optimizer() -> None:
    """The highest loss of the trial is that of SGD with momentum itself, from the same start."""
    result = exploding()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    x = 6 * torch.randn(N, 6)
    losses = []
    for _ in range(7):
        optimizer.zero_grad()
        losses.append(summed(model(x), CLASSES))
        losses[-1].backward()
        optimizer.step()
    steps = int(result.measurements[2].quantity.split()[4])
    assert float(result.measurements[2].measured) == pytest.approx(max(losses[1 : steps + 1]).item(), rel=1e-3)


def test_a_sum_that_trains_never_fails() -> None:
    """Steps that do no harm, one's own steps, and an optimizer that has trained with it leave it a warning."""
    assert exploding(momentum=0.0, rate=0.016, loader=[(torch.randn(N, 6), CLASSES)]).status == "warn"
    assert exploding(train_step=lambda model, batch: None).status == "warn"
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    summed(model(torch.randn(N, 6)), CLASSES).backward()
    optimizer.step()
    optimizer.zero_grad()
    assert exploding(model=model, optimizer=optimizer).status == "warn"


def test_a_factory_of_optimizers_is_asked() -> None:
    """An optimizer given as a function tells its rate too."""
    model, batch = nn.Linear(6, 4), (torch.randn(N, 6), CLASSES)
    factory = lambda parameters: torch.optim.SGD(parameters, lr=0.1)  # noqa: E731 - as users write it
    arguments: dict[str, Any] = {"model": model, "loader": [batch], "loss_fn": by_size, "optimizer": factory}
    assert run_one(CHECK, **arguments).status == "fail"


def token_mean(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z, y, reduction="sum") / (y >= 0).sum()


def pixels(z: Tensor, y: Tensor) -> Tensor:
    return ((z - F.one_hot(y, 4)) ** 2).sum(1).mean()


def pairs(z: Tensor, y: Tensor) -> Tensor:
    return torch.logsumexp(z @ z.T, 1).mean()


@pytest.mark.parametrize(
    "loss_fn", [nn.CrossEntropyLoss(), nn.MultiMarginLoss(), token_mean, pixels, pairs, lambda z, y: pixels(z, y) / 8]
)
def test_silent_on_means_of_any_kind(loss_fn: Any) -> None:
    """Means over tokens, sums over pixels, accumulation's division and losses of pairs pass."""
    assert result_of(loss_fn).status == "pass"


WISHES = torch.randn(N, 4, generator=torch.Generator().manual_seed(3))


def of_parts(weigh: Any) -> Any:
    """Return squared errors of three outputs, and of the fourth as `weigh` has it."""

    def loss(z: Tensor, y: Tensor) -> Tensor:
        errors = (z - y) ** 2
        return errors[:, :3].sum(1).mean() + weigh(errors[:, 3], y)

    return loss


def test_a_term_that_is_divided_twice_is_found_by_its_outputs() -> None:
    """Where one output's error is divided by N once more than the others', it fails, whatever the optimizer."""
    loader = [(torch.randn(N, 6), WISHES)]
    twice = of_parts(lambda error, y: (error / len(y)).sum() / len(y))
    for kind in (torch.optim.SGD, torch.optim.Adam):
        result = result_of(twice, 0.01, kind, loader=loader)
        assert result.status == "fail"
        assert "outputs[:, 3]" in result.detail
        assert [one.measured for one in result.measurements][:1] == ["0.5"]
        assert float(result.measurements[1].measured) == pytest.approx(1 / N, rel=0.5)


@pytest.mark.parametrize(
    ("weigh", "status"),
    [
        (lambda error, y: 10 * error.mean() / 320, "pass"),
        (lambda error, y: error.sum() / N, "pass"),
        (lambda error, y: (error.mean() + 1e-8).sqrt(), "pass"),
        (lambda error, y: N * error.mean() / len(y), "warn"),
    ],
)
def test_terms_of_small_weight_pass(weigh: Any, status: str) -> None:
    """A constant weight, a division written by hand and a root pass; a division that is made up for is a warning."""
    assert result_of(of_parts(weigh), loader=[(torch.randn(N, 6), WISHES)]).status == status


def test_a_penalty_without_targets_that_is_divided_twice_is_a_warning() -> None:
    """A term that no target enters may be meant to be faint; one of parameters alone is none of the batch."""
    penalty = lambda z, y: F.mse_loss(z[:, :3], y[:, :3]) + (z[:, 3] ** 2).mean() / len(y)  # noqa: E731
    loader = [(torch.randn(N, 6), WISHES)]
    assert result_of(penalty, loader=loader).status == "warn"
    scale = nn.Parameter(torch.ones(()))
    decay = lambda z, y: F.mse_loss(z, y) + scale.square() / len(y)  # noqa: E731 - as users write it
    assert result_of(decay, loader=loader).status == "pass"


@pytest.mark.parametrize(
    "weights",
    [lambda error, y: y[:, 0].softmax(0), lambda error, y: (y[:, 0] - error.detach()).softmax(0)],
    ids=["of targets", "of errors"],
)
def test_a_mean_by_weights_that_sum_to_one_is_a_warning(weights: Any) -> None:
    """Advantages go through a softmax over the batch before a mean: faint it is, by no division that was forgotten."""
    weighed = of_parts(lambda error, y: (weights(error, y) * error).mean())
    result = result_of(weighed, loader=[(torch.randn(N, 6), WISHES)])
    assert (result.status, "weights that sum to 1" in result.remedy) == ("warn", True)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_of_few_samples_has_no_faint_term(size: int) -> None:
    """One sample at a time, as an episode or a long text, tells nothing of what depends on the number of samples."""
    loader = [(torch.randn(size, 6), torch.randn(size, 4))]
    assert result_of(of_parts(lambda error, y: error.mean() / len(y)), loader=loader).status != "error"


def test_a_loss_that_is_cut_off_from_the_outputs_has_no_faint_term() -> None:
    """Where no gradient comes to the outputs, the loss as a whole is judged."""
    copied = lambda z, y: torch.tensor([F.cross_entropy(z, y).item()], requires_grad=True).sum()  # noqa: E731
    assert result_of(copied).status == "pass"


def test_a_sum_divided_by_a_constant_passes() -> None:
    """A sum over the batch, scaled afterwards, was thought of."""
    assert result_of(lambda z, y: summed(z, y) / 32).status == "pass"


def test_a_loss_inside_the_model_is_run_on_few_samples() -> None:
    """Models that compute their own loss are run on four samples, once and repeatedly."""
    from transformers import BertConfig, BertForSequenceClassification

    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    model = BertForSequenceClassification(BertConfig(vocab_size=20, **size))
    batch = {"input_ids": torch.randint(20, (N, 6)), "labels": torch.arange(N) % 2}
    result = run_one(CHECK, model=model, loader=[batch])
    assert result.status == "pass"


@pytest.mark.parametrize(
    "loss_fn", [lambda z, y: z.sum() * float("nan"), lambda z, y: z.sum() * 0, lambda z, y: z.view(N, 4).mean()]
)
def test_losses_that_cannot_be_repeated_are_skipped(loss_fn: Any) -> None:
    """NaN, zero and a fixed batch size are skipped."""
    assert result_of(loss_fn).status == "skip"


def exponential(margins: Tensor, signs: Tensor) -> Tensor:
    return torch.exp(-signs * margins.squeeze(1)).sum()


@pytest.mark.parametrize(("noise", "rate", "status"), [(1.0, 0.03, "fail"), (0.0, 0.02, "warn"), (3.0, 0.02, "warn")])
def test_a_sum_that_explodes_over_successive_batches_alone_fails(noise: float, rate: float, status: str) -> None:
    """What one batch bears, taken again and again, others may not; a rise that passes leaves it a warning."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))
    x = torch.randn(8, N, 16)
    signs = (x[..., 0] + noise * torch.randn(8, N)).sign()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loader = list(zip(x, signs, strict=True))
    result = run_one(CHECK, model=model, loader=loader, loss_fn=exponential, optimizer=optimizer, task="binary")
    assert result.status == status, result
    assert result.confirmed is (status == "fail")
    assert ("of successive batches" in result.measurements[2].quantity) is (status == "fail")
