from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.training.update_ratio import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import network, program, usual

pytestmark = pytest.mark.slow


def at(rate: float, kind: Any = torch.optim.SGD, **how: Any) -> dict[str, Any]:
    model = network()
    return program(usual, model, optimizer=kind(model.parameters(), rate, **how))


def test_updates_of_a_millionth_fail() -> None:
    """A rate at which nothing moves fails, with the ratio, and the loss at a rate that was tried."""
    result = run_one(CHECK, **at(1e-6))
    assert result.status == "fail"
    assert result.confirmed
    assert float(result.measurements[0].measured) < 1e-6
    assert float(result.measurements[2].measured) < float(result.measurements[1].measured)
    assert "too small" in result.title


def test_updates_of_a_half_fail() -> None:
    """A rate at which each step rewrites the weights, and the loss runs off, fails."""
    result = run_one(CHECK, **at(300.0))
    assert result.status == "fail"
    assert "too large" in result.title
    assert float(result.measurements[0].measured) > 0.1


@pytest.mark.parametrize(
    ("rate", "kind"), [(0.1, torch.optim.SGD), (1e-3, torch.optim.Adam), (1e-2, torch.optim.AdamW)]
)
def test_usual_rates_are_silent(rate: float, kind: Any) -> None:
    """SGD and Adam at the rates that people use pass, first steps included."""
    assert run_one(CHECK, **at(rate, kind)).status == "pass"


def test_the_ratio_is_that_of_arithmetic() -> None:
    """With sign steps each weight moves by the rate: the ratio is the rate over the weights' root mean square."""

    class Signs(torch.optim.Optimizer):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, {"lr": 1e-3})

        def step(self, closure: Any = None) -> None:
            for parameter in self.param_groups[0]["params"]:
                parameter.data.add_(parameter.grad.sign(), alpha=-1e-3)

    model = nn.Linear(4, 3)
    expected = 1e-3 / float(model.weight.detach().square().mean().sqrt())
    result = run_one(CHECK, **program(usual, model, optimizer=Signs(model.parameters())))
    assert float(result.measurements[0].measured) == pytest.approx(expected, rel=0.02)


def test_fine_tuning_under_which_the_loss_falls_is_silent() -> None:
    """A small rate at which the network still learns passes."""
    assert run_one(CHECK, **at(1e-4, torch.optim.Adam)).status == "pass"


def test_warm_up_is_open() -> None:
    """While the rate rises nothing is judged."""
    arguments = at(1e-6)
    optimizer = arguments["optimizer"]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step + 1.0)
    result = run_one(CHECK, **{**arguments, "train_step": None, "scheduler": schedule})
    assert result.status == "inconclusive"


def test_a_network_that_was_trained_is_a_warning_at_most() -> None:
    """Small steps may be the end of a schedule."""
    arguments = at(0.5, momentum=0.9)
    for _ in range(100):
        for batch in arguments["loader"]:
            usual(arguments["model"], batch, arguments["optimizer"])
    arguments["optimizer"].zero_grad()
    arguments["optimizer"].param_groups[0]["lr"] = 1e-7
    assert run_one(CHECK, **arguments).status in ("pass", "warn", "inconclusive")


def test_tensors_that_start_at_zero_are_left_out() -> None:
    """A zero-initialised head moves infinitely far beside itself, which says nothing."""
    model = network()
    with torch.no_grad():
        model[2].weight.zero_()
    result = run_one(CHECK, **program(usual, model))
    assert result.status == "pass"
    assert result.charts[0].names == ("0.weight",)


class Trusting(torch.optim.Optimizer):
    """Moves every tensor by a share of its own length."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for one in group["params"]:
                one.sub_(group["lr"] * one.norm() / one.grad.norm().clamp(min=1e-9) * one.grad)


@pytest.mark.parametrize(("share", "status"), [(1e-5, "fail"), (1e-2, "pass")])
def test_updates_that_creep_fail_only_where_the_loss_stands_still(share: float, status: str) -> None:
    """Layer-wise steps of a hundred-thousandth leave the loss where it is, and those of a hundredth do not."""
    assert run_one(CHECK, **at(share, Trusting)).status == status


def test_only_the_group_that_is_off_is_tried_at_another_rate() -> None:
    """A body in a group of a rate of 1e-9 fails, and the rate of the head, which is usual, is left as it is."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    groups = [{"params": model[:4].parameters(), "lr": 1e-9}, {"params": model[4].parameters(), "lr": 1e-3}]
    result = run_one(CHECK, **program(usual, model, optimizer=torch.optim.Adam(groups)))
    assert result.status == "fail"
    assert "instead of 1e-09" in result.remedy


def of_five(paces: tuple[float, ...] = (1.0,) * 5) -> nn.Sequential:
    """Five layers, each with weights that are kept larger by a factor and scaled down in use."""

    class Paced(nn.Linear):
        pace = 1.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, self.weight * self.pace, self.bias)

    torch.manual_seed(0)
    layers = [Paced(4, 16), *(Paced(16, 16) for _ in range(3)), Paced(16, 3)]
    for layer, pace in zip(layers, paces, strict=True):
        layer.pace = pace
        layer.weight.data.div_(pace)
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.Tanh())][:-1])


def test_most_layers_that_stand_still_beside_one_that_learns_fail() -> None:
    """Weights kept a hundred thousand times as large, under the one rate of a head that learns, fail by themselves."""
    paced = of_five((1e-5,) * 4 + (1.0,))
    result = run_one(CHECK, **program(usual, paced, optimizer=torch.optim.Adam(paced.parameters(), 1e-3)))
    assert result.status == "fail"
    assert "4 of 5 layers" in result.detail
    assert float(result.measurements[2].measured) < float(result.measurements[1].measured)


@pytest.mark.parametrize(("share", "status"), [(1e-4, "fail"), (0.5, "pass")])
def test_rates_of_another_magnitude_from_group_to_group_fail(share: float, status: str) -> None:
    """Weights whose rate is a ten-thousandth of that of the biases fail, and those with half of it do not."""
    model = of_five()
    groups = [{"params": [one], "lr": 1e-3 * (share if one.dim() > 1 else 1.0)} for one in model.parameters()]
    assert run_one(CHECK, **program(usual, model, optimizer=torch.optim.Adam(groups))).status == status


@pytest.mark.parametrize(("decay", "status"), [(0.1, "fail"), (0.8, "pass")])
def test_rates_that_fade_from_the_head_down_fail(decay: float, status: str) -> None:
    """A rate that falls tenfold per layer, to a thousandth and less, leaves most of a network behind its head."""
    torch.manual_seed(0)
    layers = [nn.Linear(4, 16), *(nn.Linear(16, 16) for _ in range(6)), nn.Linear(16, 3)]
    model = nn.Sequential(*[part for layer in layers for part in (layer, nn.Tanh())][:-1])
    groups = [{"params": layer.parameters(), "lr": 2e-3 * decay ** (7 - at)} for at, layer in enumerate(layers)]
    assert run_one(CHECK, **program(usual, model, optimizer=torch.optim.Adam(groups))).status == status


class Tables(nn.Module):
    """Two large tables, of which a batch names a few rows, and a layer above them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(20_000, 4) for _ in range(2))
        self.head = nn.Linear(4, 3)
        for table in self.tables:
            table.weight.data[8:] = 3.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.tables[0](x[:, 0]) + self.tables[1](x[:, 1]))


def test_rows_of_an_embedding_that_no_sample_names_are_not_still_weights() -> None:
    """Of large tables a batch names a few rows, so that little of the whole moves, and that is as it should be."""
    torch.manual_seed(0)
    model = Tables()
    loader = [(torch.randint(0, 8, (16, 2)), torch.randint(3, (16,))) for _ in range(4)]
    optimizer = torch.optim.SGD(model.parameters(), 0.003)
    assert run_one(CHECK, **{**program(usual, model, optimizer=optimizer), "loader": loader}).status == "pass"


def regression(rate: float, batches: int, kind: Any = torch.optim.SGD) -> dict[str, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
    x = torch.randn(batches * 16, 8)
    loader = list(zip(x.split(16), x[:, :1].split(16), strict=True))
    arguments = program(None, model, optimizer=kind(model.parameters(), rate))
    return {**arguments, "loader": loader, "loss_fn": nn.MSELoss()}


@pytest.mark.parametrize(("total", "status"), [(160, "fail"), (8000, "pass"), (None, "pass")])
def test_updates_that_come_to_nothing_in_the_whole_run_fail(total: int | None, status: str) -> None:
    """Small updates fail where all steps of the run do not move the loss; a few batches do not tell how long it is."""
    assert run_one(CHECK, **regression(3e-5, 8), total_steps=total).status == status


@pytest.mark.parametrize(("rate", "status"), [(1e-6, "fail"), (1e-4, "pass"), (1e-3, "pass")])
def test_a_body_a_thousand_times_slower_than_its_head_fails(rate: float, status: str) -> None:
    """A new body that moves by a thousandth of its size in the whole run fails; at a tenth of the rate it passes."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
    model = nn.Sequential(body, nn.Linear(32, 3))
    groups = [{"params": body.parameters(), "lr": rate}, {"params": model[1].parameters(), "lr": 1e-3}]
    assert run_one(CHECK, **program(usual, model, optimizer=torch.optim.Adam(groups))).status == status


def test_a_body_that_has_been_trained_may_be_slow_beside_a_new_head() -> None:
    """A thousandth of the head's rate is usual for a body that has learnt something, though the optimizer is new."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
    model = nn.Sequential(body, nn.Linear(32, 3))
    x = torch.randn(256, 4)
    before = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        before.zero_grad()
        nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).backward()
        before.step()
    model.zero_grad()
    model[1] = nn.Linear(32, 3)
    groups = [{"params": body.parameters(), "lr": 1e-6}, {"params": model[1].parameters(), "lr": 1e-3}]
    assert run_one(CHECK, **program(usual, model, optimizer=torch.optim.Adam(groups)), total_steps=300).status == "pass"
