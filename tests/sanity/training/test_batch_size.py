from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.training.batch_size import CHECK, bad, good
from nbinspect.sanity.trials.rates.noise import noise_of
from nbinspect.subject import make_subject
from tests.sanity.running import run_one
from tests.sanity.states import state_of


def scale_in(found: Any) -> str:
    return found.measurements[1].measured


def linear(size: int, batches: int, *, deviation: float = 1.0, columns: int = 12) -> dict[str, Any]:
    """A linear model without bias that is `delta` off the weights of the data, Gaussian inputs and Gaussian noise."""
    model = nn.Linear(columns, 1, bias=False)
    right = model.weight.detach() - torch.randn(1, columns)
    loader = []
    for _ in range(batches):
        x = torch.randn(size, columns)
        loader.append((x, x @ right.T + deviation * torch.randn(size, 1)))
    off = float((model.weight.detach() - right).square().sum())
    return {"model": model, "loader": loader, "loss_fn": nn.MSELoss(), "oracle": columns * (1 + deviation**2 / off) + 1}


@pytest.mark.parametrize("deviation", [0.0, 10.0, 20.0])
def test_the_noise_scale_is_that_of_the_formula(deviation: float) -> None:
    """Of Gaussian linear regression it is d (1 + s² / |v - w|²) + 1 samples, whatever the noise s."""
    some = linear(128, 8, deviation=deviation, columns=200)
    oracle = some.pop("oracle")
    found = run_one(CHECK, **some)
    assert found.status == "pass"
    assert float(scale_in(found).removeprefix("about ")) == pytest.approx(oracle, rel=0.25)


def test_the_estimate_has_no_bias() -> None:
    """Over many draws of four batches, mean noise and mean signal are those of the formula to a few per cent."""
    some = linear(16, 4 * 100, deviation=2.0)
    some.pop("oracle")
    subject = make_subject(some["model"], some["loader"], some["loss_fn"])
    program = Program(subject, Limits(60, lambda: False))
    batches = [make_batch(subject, raw) for raw in some["loader"]]
    noises = [noise_of(program, batches[at : at + 4]) for at in range(0, len(batches), 4)]
    whole = torch.cat([x for x, _ in some["loader"]]), torch.cat([y for _, y in some["loader"]])
    each = 2 * whole[0] * (some["model"](whole[0]) - whole[1]).detach()
    assert sum(one.total for one in noises) / len(noises) == pytest.approx(float(each.var(0).sum()), rel=0.05)
    signal = sum(one.signal - one.left for one in noises) / len(noises)
    assert signal == pytest.approx(float(each.mean(0).square().sum()), rel=0.1)


def test_a_batch_far_beyond_the_noise_warns() -> None:
    """Without noise in the data five samples are as good as 1,024, and the remedy names a batch that will do."""
    found = run_one(CHECK, **bad())
    assert found.status == "warn"
    assert "batches of 64" in found.remedy or "batches of 128" in found.remedy


def test_a_usual_batch_passes() -> None:
    """A batch of 32 passes with both numbers."""
    found = run_one(CHECK, **good())
    assert found.status == "pass"
    assert found.summary.startswith("32 samples")


def test_few_batches_an_epoch_are_silent() -> None:
    """A large batch of data that has only eight of them is no finding."""
    some = linear(1024, 8, deviation=0.0, columns=4)
    some.pop("oracle")
    assert run_one(CHECK, **some).status == "pass"


def test_a_gradient_lost_in_noise_is_told_as_a_bound() -> None:
    """Where the mean gradient does not stand out, the noise scale is told to be above what can be measured."""
    model = nn.Linear(30, 1)
    nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    loader = [(torch.randn(16, 30), torch.randn(16, 1)) for _ in range(8)]
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.MSELoss())
    assert found.status == "pass"
    assert scale_in(found) == "more than 256"


def test_a_sum_over_the_batch_has_the_same_scale() -> None:
    """The reduction of the loss changes gradients, and not the noise scale."""
    torch.manual_seed(1)
    some = linear(32, 8)
    some.pop("oracle")
    summed = run_one(CHECK, **some | {"loss_fn": nn.MSELoss(reduction="sum")})
    assert scale_in(summed) == scale_in(run_one(CHECK, **some))


@pytest.mark.parametrize("kind", ["one batch", "same batch", "ragged", "nan"])
def test_what_cannot_be_compared_is_inconclusive(kind: str) -> None:
    """Too few batches, the same ones, and gradients that are not finite give no number."""
    pair = (torch.randn(8, 4), torch.randn(8, 1))
    loader = {
        "one batch": [pair],
        "same batch": [pair] * 6,
        "ragged": [(torch.randn(n, 4), torch.randn(n, 1)) for n in range(3, 9)],
        "nan": [(torch.full((8, 4), float("nan")), torch.randn(8, 1)) for _ in range(6)],
    }[kind]
    assert run_one(CHECK, model=nn.Linear(4, 1), loader=loader, loss_fn=nn.MSELoss()).status == "inconclusive"


@pytest.mark.parametrize("kind", ["frozen", "no loss", "loss without gradient"])
def test_without_gradients_it_is_skipped(kind: str) -> None:
    """Frozen models, and programs without a loss that depends on a parameter, have nothing to compare."""
    model = nn.Linear(4, 1).requires_grad_(kind != "frozen")
    loss = {"no loss": None, "loss without gradient": lambda _, y: y.sum()}.get(kind, nn.MSELoss())
    loader = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(6)]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=loss).status == "skip"


def test_a_program_that_does_not_run_is_skipped() -> None:
    """A forward that raises is for another check to tell of."""
    assert run_one(CHECK, **good() | {"model": nn.Linear(9, 1)}).status == "skip"


def test_sparse_gradients_are_compared() -> None:
    """An embedding with sparse gradients has the noise scale of one with dense gradients."""
    found = []
    for sparse in (True, False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.EmbeddingBag(50, 3, sparse=sparse), nn.Linear(3, 2))
        loader = [(torch.randint(50, (16, 5)), torch.randint(2, (16,))) for _ in range(6)]
        found.append(scale_in(run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())))
    assert found[0] == found[1]


def test_nothing_is_changed() -> None:
    """Statistics of BatchNorm, gradients and random states stay, and no step is taken."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1))
    loader = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(6)]
    before = state_of(model)
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.MSELoss())
    assert state_of(model) == before
    assert found.steps == 0


def test_a_program_that_refuses_a_later_batch_is_skipped_with_what_it_said() -> None:
    """A batch that the model raises on ends in no error: the reason is told."""

    class Picky(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if bool((x > 50).any()):
                raise ValueError("out of range")
            return super().forward(x)

    loader = [(torch.randn(8, 4) + 100 * (number == 3), torch.randn(8, 1)) for number in range(6)]
    found = run_one(CHECK, model=Picky(4, 1), loader=loader, loss_fn=nn.MSELoss())
    assert (found.status, found.hindrance) == ("skip", "raised")
    assert "out of range" in found.summary


def noisy(size: int, batches: int, *, columns: int = 100) -> dict[str, Any]:
    """A linear model whose targets are hardly told by its inputs."""
    some = linear(size, batches, deviation=12.0, columns=columns)
    some.pop("oracle")
    return some


def test_a_batch_of_two_that_is_mostly_noise_warns() -> None:
    """Gradients of two samples each that hardly agree are told, with a batch to try."""
    found = run_one(CHECK, **noisy(2, 40))
    assert found.status == "warn"
    assert "batches of 32" in found.remedy


def test_a_small_batch_whose_gradients_agree_passes() -> None:
    """Two samples do where the data have no noise, and four batches of them are too few to judge by."""
    some = linear(2, 40, deviation=0.0, columns=2)
    some.pop("oracle")
    assert run_one(CHECK, **some).status == "pass"
    assert run_one(CHECK, **noisy(2, 8)).status == "pass"


def test_small_batches_that_a_step_adds_up_pass() -> None:
    """Sixteen batches of two before each update are a batch of 32."""
    some = noisy(2, 40)
    optimizer, seen = torch.optim.SGD(some["model"].parameters(), 0.01), [0]

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        loss = nn.functional.mse_loss(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call] # torch's
        seen[0] += 1
        if seen[0] % 16 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    assert run_one(CHECK, optimizer=optimizer, train_step=train_step, **some).status == "pass"


@pytest.mark.parametrize(
    ("size", "batches", "deviation", "status"),
    [(800, 1, 0.0, "warn"), (800, 2, 0.0, "warn"), (800, 1, 30.0, "pass"), (200, 1, 0.0, "inconclusive")],
)
def test_a_whole_data_set_in_one_step_warns(size: int, batches: int, deviation: float, status: str) -> None:
    """One or two steps an epoch are too few where parts of the batch agree; a small set has no other choice."""
    some = linear(size, batches, deviation=deviation, columns=4)
    some.pop("oracle")
    assert run_one(CHECK, **some).status == status


def test_a_method_that_needs_all_data_is_silent() -> None:
    """L-BFGS takes all samples in each step, on purpose."""
    some = linear(800, 1, deviation=0.0, columns=4)
    some.pop("oracle")
    optimizer = torch.optim.LBFGS(some["model"].parameters())
    assert run_one(CHECK, optimizer=optimizer, **some).status == "inconclusive"


def test_the_nodes_of_one_graph_are_no_samples_of_a_batch() -> None:
    """A graph cannot be cut into smaller batches, and is told so."""

    class OnGraph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 1)

        def forward(self, x: torch.Tensor, adj: torch.Tensor) -> torch.Tensor:
            return adj @ self.head(x)

    batch = (torch.randn(300, 4), torch.eye(300), torch.randn(300, 1))
    result = run_one(CHECK, model=OnGraph(), loader=[batch], loss_fn=nn.MSELoss())
    assert result.status == "skip"
    assert "relates every row" in result.summary
