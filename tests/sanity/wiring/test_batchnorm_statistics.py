from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import MobileNetV1Config, MobileNetV1ForImageClassification

from nbinspect.sanity.wiring.batchnorm_statistics import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

N = 64
LOSS = nn.CrossEntropyLoss()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(N, 4, generator=generator)
    return x, (x[:, 0] > 0).long()


@pytest.fixture(scope="module")
def trained() -> nn.Sequential:
    """A network that has learnt its data, with statistics of 150 batches."""
    model, (x, y) = network(), data()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        LOSS(model(x), y).backward()
        optimizer.step()
    return model


def with_statistics(model: nn.Sequential, mean: float, factor: float) -> nn.Sequential:
    again = network()
    again.load_state_dict(model.state_dict())
    again[1].running_mean += mean * again[1].running_var.sqrt()
    again[1].running_var *= factor
    return again


def program(model: nn.Module, **arguments: Any) -> dict[str, Any]:
    return {"model": model, "loader": [data()], "loss_fn": LOSS, **arguments}


def of(samples: int, model: nn.Module | None = None, shape: tuple[int, ...] = (4,), **options: Any) -> dict[str, Any]:
    own = TensorDataset(torch.randn(samples, *shape), torch.randint(2, (samples,)))
    loader = DataLoader(own, **{"batch_size": 8, **options})
    return {"model": model or network(), "loader": loader, "loss_fn": LOSS}


def test_a_last_batch_of_one_sample_fails() -> None:
    """A data set that leaves one sample for its last batch ends the epoch with an error."""
    result = run_one(CHECK, **of(33))
    assert result.status == "fail"
    assert "33 samples" in result.summary
    assert result.where == "1"
    with pytest.raises(ValueError, match="more than 1 value"):
        network()(torch.randn(1, 4))


def test_a_batch_of_one_sample_explains_why_it_raises() -> None:
    """Where the first batch raises already, the reason is told."""
    result = run_one(CHECK, **of(8, batch_size=1))
    assert result.status == "fail"
    assert result.where == "1"


def test_batches_that_come_out_even_pass() -> None:
    """Neither a dropped last batch, nor one of two samples and more, is a finding."""
    assert run_one(CHECK, **of(33, drop_last=True)).status == "pass"
    assert run_one(CHECK, **of(34)).status == "pass"
    assert run_one(CHECK, **of(32)).status == "pass"


def test_pictures_of_many_places_may_come_alone() -> None:
    """One picture has a value per channel at every place."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    assert run_one(CHECK, **of(33, model, (1, 8, 8))).status == "pass"
    assert run_one(CHECK, **of(8, model, (1, 8, 8), batch_size=1)).status == "pass"


def test_two_values_per_channel_are_a_warning() -> None:
    """Two values give their order alone."""
    result = run_one(CHECK, **of(8, batch_size=2))
    assert result.status == "warn"
    assert result.measurements[0].measured == "2"


def test_statistics_that_fit_pass(trained: nn.Sequential) -> None:
    """A trained network is as good in eval mode as in train mode."""
    result = run_one(CHECK, **program(trained))
    assert result.status == "pass"
    assert "settled" in result.summary


@pytest.mark.parametrize(("mean", "factor"), [(6.0, 1.0), (3.0, 1e-2)])
def test_a_model_that_is_lost_in_eval_mode_fails(trained: nn.Sequential, mean: float, factor: float) -> None:
    """Statistics that are far off are named with the loss in both modes."""
    model = with_statistics(trained, mean, factor)
    result = run_one(CHECK, **program(model))
    assert result.status == "fail"
    assert result.where == "1"
    x, y = data()
    with torch.no_grad():
        expected = float(LOSS(model.eval()(x), y))
    assert float(result.measurements[0].measured) == pytest.approx(expected, rel=1e-3)


def test_the_shift_agrees_with_numpy(trained: nn.Sequential) -> None:
    """The shift is the median over channels, in standard deviations."""
    model = with_statistics(trained, 6.0, 1.0)
    result = run_one(CHECK, **program(model))
    h = model[0](data()[0]).detach().double().numpy()
    kept, batch = model[1].running_var.double().numpy(), h.var(0, ddof=1)
    shift = np.abs(h.mean(0) - model[1].running_mean.double().numpy()) / np.sqrt(np.minimum(kept, batch) + 1e-5)
    assert float(result.measurements[1].measured) == pytest.approx(np.sort(shift)[7], rel=1e-3)


def test_fresh_and_unsettled_statistics_are_silent(trained: nn.Sequential) -> None:
    """Before any step, and after few, statistics that do not fit are no defect."""
    for batches in (0, 5):
        model = with_statistics(trained, 6.0, 1.0)
        model[1].num_batches_tracked.fill_(batches)
        assert run_one(CHECK, **program(model)).status == "pass"
    assert run_one(CHECK, **program(network())).status == "pass"


def normed_by(**options: Any) -> nn.Sequential:
    model = network()
    model[1] = nn.BatchNorm1d(16, **options)
    return model


def test_swapped_eps_and_momentum_fail_with_both_numbers() -> None:
    """An eps of 0.1 beside a momentum of 1e-5 is the usual pair in the wrong order, also before any step."""
    result = run_one(CHECK, **program(normed_by(eps=0.1, momentum=1e-5)))
    assert (result.status, result.where) == ("fail", "1")
    assert [float(one.measured) for one in result.measurements] == [1e-5, 0.1]
    assert "eps=1e-05, momentum=0.1" in result.remedy


@pytest.mark.parametrize(
    "options",
    [{"eps": 1e-3, "momentum": 0.01}, {"eps": 0.1}, {"momentum": 1e-5}, {"momentum": None}],
)
def test_either_alone_is_silent(options: dict[str, Any]) -> None:
    """A large eps, or a small or cumulative momentum, may be meant."""
    assert run_one(CHECK, **program(normed_by(**options), val_loader=[data()])).status == "pass"


def in_eval_mode(model: nn.Module, batch: Any) -> Tensor:
    model.eval()
    with torch.no_grad():
        return LOSS(model(batch[0]), batch[1])


def in_train_mode(model: nn.Module, batch: Any) -> Tensor:
    with torch.no_grad():
        return LOSS(model(batch[0]), batch[1])


@pytest.mark.parametrize(
    ("evaluation", "status"),
    [
        ({"val_loader": [data()]}, "fail"),
        ({"eval_step": in_eval_mode}, "fail"),
        ({"eval_step": in_train_mode}, "pass"),
        ({}, "warn"),
    ],
)
def test_statistics_that_a_momentum_of_zero_keeps_for_ever_fail(evaluation: dict[str, Any], status: str) -> None:
    """Statistics of 0 and 1 that can never move fail where eval mode will use them, before any step."""
    result = run_one(CHECK, **program(normed_by(momentum=0.0), **evaluation))
    assert result.status == status
    if status == "fail":
        assert result.where == "1"
        assert "momentum=0.1" in result.remedy


def warming_up(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    model[1].momentum = min(0.1, model[1].momentum + 0.01)
    optimizer.zero_grad()
    loss = LOSS(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_a_momentum_of_zero_that_harms_nothing_is_silent(trained: nn.Sequential) -> None:
    """Statistics of an earlier training, inputs of unit scale and a momentum that steps change are healthy."""
    model = with_statistics(trained, 0.0, 1.0)
    model[1].momentum = 0.0
    assert run_one(CHECK, **program(model, val_loader=[data()])).status == "pass"
    first = nn.Sequential(nn.BatchNorm1d(4, momentum=0.0), nn.Linear(4, 2))
    assert run_one(CHECK, **program(first, val_loader=[data()])).status == "pass"
    model = normed_by(momentum=0.0)
    own = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), "train_step": warming_up, "val_loader": [data()]}
    assert run_one(CHECK, **program(model, **own)).status == "pass"


def test_statistics_that_never_moved_fail_where_eval_mode_is_lost(trained: nn.Sequential) -> None:
    """After many batches with hardly any momentum the statistics are those of a fresh layer, and eval mode fails."""
    model = with_statistics(trained, 0.0, 1.0)
    with torch.no_grad():
        model[0].bias += 30.0
    model[1].momentum = 1e-5
    model[1].running_mean.zero_()
    model[1].running_var.fill_(1.0)
    result = run_one(CHECK, **program(model))
    assert result.status == "fail"
    assert "momentum=0.1" in result.remedy
    model[1].num_batches_tracked.fill_(20)
    assert run_one(CHECK, **program(model)).status == "pass"


def test_fine_tuning_with_little_momentum_is_silent(trained: nn.Sequential) -> None:
    """Statistics of an earlier training that hardly move now are not those of a fresh layer."""
    model = with_statistics(trained, 3.0, 2.0)
    model[1].momentum = 1e-5
    assert run_one(CHECK, **program(model)).status == "pass"


def test_frozen_norms_are_silent(trained: nn.Sequential) -> None:
    """A BatchNorm in eval mode inside a training model keeps what it has on purpose."""
    model = with_statistics(trained, 6.0, 1.0)
    model[1].eval()
    assert run_one(CHECK, **program(model)).status == "pass"


def test_a_checkpoint_on_other_data_is_no_failure(trained: nn.Sequential) -> None:
    """Where the model has learnt nothing of this data yet, its old statistics are at most a warning."""
    x, y = data()
    other = (x * 5 + 20, y.flip(0))
    model = with_statistics(trained, 0.0, 1.0)
    model[3] = nn.Linear(16, 2)
    assert run_one(CHECK, **program(model, loader=[other])).status in ("pass", "warn")


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(4, 2),
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, momentum=None, affine=False), nn.Linear(8, 2)),
    ],
)
def test_other_networks_pass(model: nn.Module) -> None:
    """Without BatchNorm, without statistics and with cumulative ones there is nothing to find."""
    assert run_one(CHECK, **program(model)).status == "pass"


def test_ugly_batches_are_no_finding(trained: nn.Sequential) -> None:
    """NaN everywhere, and a loss that is no number, give none."""
    x, y = data()
    assert run_one(CHECK, **program(trained, loader=[(x * float("nan"), y)])).status == "pass"
    vector = nn.CrossEntropyLoss(reduction="none")
    assert run_one(CHECK, **program(with_statistics(trained, 6.0, 1.0), loss_fn=vector)).status == "pass"


class Branches(nn.Module):
    """Two layers on two inputs, and BatchNorm behind each."""

    def __init__(self, *, norms: int, layers: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(4, 16) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(16) for _ in range(norms))
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        layers, norms = list(self.layers) * 2, list(self.norms) * 2
        return self.head(torch.cat([norms[0](layers[0](x)).relu(), norms[1](layers[1](z)).relu()], 1))


def of_branches(model: nn.Module, factor: float, **more: Any) -> Any:
    x, y = data()
    batch = (x, factor * (x.flip(1) + factor - 1), y)
    return run_one(CHECK, model=model, loader=[batch], loss_fn=LOSS, **more)


def test_one_norm_behind_layers_of_unlike_outputs_fails() -> None:
    """A BatchNorm that two layers share fails, where a norm for each would keep eval mode as train mode is."""
    batch = (*data()[:1], *data())
    found = of_branches(Branches(norms=1), 20, val_loader=[batch])
    assert (found.status, found.where, found.confirmed) == ("fail", "norms.0", True)
    assert float(found.measurements[0].measured) > 1 > 10 * float(found.measurements[1].measured)
    assert of_branches(Branches(norms=1), 20).status == "warn"


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        (Branches(norms=2), 20.0),
        (Branches(norms=1, layers=1), 20.0),
        (Branches(norms=1), 1.0),
    ],
)
def test_norms_of_their_own_siamese_branches_and_like_outputs_are_silent(model: nn.Module, factor: float) -> None:
    """A norm for each layer, the same layer on both inputs, and layers whose outputs are alike pass."""
    assert of_branches(model, factor, val_loader=[(*data()[:1], *data())]).status == "pass"


def of_scanners(order: str, *, norm: type[nn.Module] = nn.BatchNorm1d, **more: Any) -> dict[str, Any]:
    """Samples of four scanners, each with an offset of its own, in batches of one scanner each or of all."""
    torch.manual_seed(0)
    x, site = torch.randn(1280, 8), torch.arange(1280) % 4
    y = (x[:, :3]).argmax(1)
    x = x + torch.tensor([-9.0, 0.0, 5.0, 11.0])[site, None] * (order != "alike")
    rows = torch.arange(1280).view(320, 4).T.reshape(40, 32)
    if order == "of classes":
        rows = y.argsort(stable=True).view(40, 32)
        x = x + 6.0 * y[:, None]
    if order == "mixed":
        rows = torch.randperm(1280).view(40, 32)
    model = nn.Sequential(nn.Linear(8, 64), norm(64), nn.ReLU(), nn.Linear(64, 3))
    sampler: Any = rows[torch.randperm(40)].tolist()
    loader = DataLoader(TensorDataset(x, y), batch_sampler=sampler)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    held = DataLoader(TensorDataset(x, y), batch_size=64)
    given = {"model": model, "loader": loader, "loss_fn": LOSS, "optimizer": optimizer, "val_loader": held}
    return {name: part for name, part in {**given, **more}.items() if part is not None}


def test_batches_of_one_domain_each_fail_with_both_numbers() -> None:
    """What a copy learns of such batches is lost in eval mode, and kept by one that learns of mixed batches."""
    found = run_one(CHECK, **of_scanners("apart"))
    assert (found.status, found.confirmed) == ("fail", True)
    assert found.title.startswith("Batches of one domain each")
    train, own = (float(found.summary.split("loss ")[1].split(part)[0].split(", ")[-1]) for part in (" in t", " in e"))
    mixed = float(found.measurements[1].measured)
    fresh = found.measurements[2]
    assert own > 2 * train
    assert own > 1.5 * mixed
    assert float(fresh.measured) > 1.5 * float(fresh.expected.split(",")[0])
    assert found.steps <= 160


def test_batches_of_one_domain_each_are_a_warning_where_nothing_is_evaluated() -> None:
    """Without validation nobody knows that eval mode is to be used."""
    assert run_one(CHECK, **of_scanners("apart", val_loader=None)).status == "warn"


def test_domains_that_are_told_nearly_as_well_in_eval_mode_are_silent() -> None:
    """A hundredth of what chance has is ten times next to nothing, and no loss that counts."""
    torch.manual_seed(1)
    y, domain = torch.arange(1280) % 3, torch.randint(4, (1280,))
    x = torch.randn(1280, 8) * 0.3 + 6 * torch.eye(8)[y]
    x += (4 * torch.randn(4, 8) * torch.tensor([0.15] * 3 + [1.0] * 5))[domain]
    parts = [part[: len(part) // 16 * 16].view(-1, 16) for part in ((domain == k).nonzero()[:, 0] for k in range(4))]
    rows = torch.cat(parts)
    sampler: Any = rows[torch.randperm(len(rows))].tolist()
    more = {"loader": DataLoader(TensorDataset(x, y), batch_sampler=sampler), "val_loader": [(x[:400], y[:400])]}
    assert run_one(CHECK, **of_scanners("apart", **more)).status == "pass"


@pytest.mark.parametrize(
    ("order", "more"),
    [
        ("mixed", {}),
        ("alike", {}),
        ("of classes", {}),
        ("apart", {"norm": nn.LayerNorm}),
        ("apart", {"eval_step": in_train_mode}),
    ],
)
def test_domains_that_batches_mix_or_that_no_norm_mistakes_are_silent(order: str, more: dict[str, Any]) -> None:
    """Mixed batches, domains that are alike, sorted classes, other norms, and evaluation by batch are no finding."""
    assert run_one(CHECK, **of_scanners(order, **more)).status == "pass"


def evaluated(model: nn.Module, batch: Any) -> float:
    model.eval()
    with torch.no_grad():
        return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


def test_a_trained_model_in_eval_mode_on_statistics_of_others_fails(trained: nn.Sequential) -> None:
    """Averaged weights without their buffers are at chance in eval mode, and good with the batch's statistics."""
    averaged = with_statistics(trained, 6.0, 1.0).eval()
    found = run_one(CHECK, **program(averaged, optimizer=torch.optim.SGD(averaged.parameters(), 0.1)))
    assert (found.status, found.where, found.confirmed) == ("fail", "1", True)
    assert run_one(CHECK, **program(averaged)).status == "warn", "it may be tried on other data on purpose"
    assert run_one(CHECK, **program(with_statistics(trained, 0.0, 1.0).eval())).status == "pass"
    fresh = network().eval()
    assert run_one(CHECK, **program(fresh)).status == "pass"
    x, y = data()
    assert run_one(CHECK, **program(averaged, loader=[(x, 1 - y)])).status == "pass"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("training", [True, False])
def test_statistics_that_are_no_numbers_fail(trained: nn.Sequential, number: float, training: bool) -> None:
    """NaN or infinity in what eval mode relies on fails, also where train mode hides it; bad inputs are no proof."""
    model = with_statistics(trained, 0.0, 1.0).train(training)
    model[1].running_var[3] = number
    assert run_one(CHECK, **program(model)).title == "BatchNorm's statistics are no numbers"
    x, y = data()
    assert run_one(CHECK, **program(model, loader=[(x / 0, y)])).title != "BatchNorm's statistics are no numbers"


def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = LOSS(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def patient_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor | None:
    return step(model, batch, optimizer) if len(batch[0]) > 1 else None


def test_a_last_batch_of_one_fails_in_a_step_and_from_a_batch_sampler() -> None:
    """What raises in the user's own step, or comes of a batch sampler, is told too; a step that skips it is not."""

    def own(samples: int, take: Any) -> dict[str, Any]:
        given = of(samples)
        return {**given, "train_step": take, "optimizer": torch.optim.SGD(given["model"].parameters(), 0.1)}

    assert run_one(CHECK, **own(33, step)).status == "fail"
    assert run_one(CHECK, **own(34, step)).status == "pass"
    assert run_one(CHECK, **own(33, patient_step)).status == "pass"
    assert run_one(CHECK, **own(33, step), total_steps=16).status == "pass"
    batches = torch.utils.data.BatchSampler(torch.utils.data.SequentialSampler(range(33)), 8, drop_last=False)
    sampled = {"batch_size": 1, "batch_sampler": batches}
    assert run_one(CHECK, **of(33, **sampled)).status == "fail"


@pytest.mark.parametrize(
    ("momentum", "steps", "status"),
    [(1e-4, 300, "fail"), (1e-4, 100_000, "pass"), (0.01, 300, "pass"), (1e-4, 0, "pass")],
)
def test_a_momentum_too_small_for_all_steps_fails(momentum: float, steps: int, status: str) -> None:
    """Where most of 0 and 1 is left after the last step, eval mode never sees the data's own statistics."""
    model = network()
    model[1] = nn.BatchNorm1d(16, momentum=momentum)
    x, y = data()
    given = program(model, loader=[(5 * x + 3, y)], eval_step=evaluated, total_steps=steps or None)
    assert run_one(CHECK, **given).status == status


class ByHand(nn.Module):
    """A BatchNorm that is written out; `gathers` where in train mode it does so with its statistics."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int = 16, *, gathers: bool = False, by: str = "batch") -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.gathers, self.by = gathers, by

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.mean, self.variance
        if self.training and self.by == "batch":
            mean, variance = x.mean(0), x.var(0)
            if self.gathers:
                self.mean.lerp_(mean.detach(), 0.1)
                self.variance.lerp_(variance.detach(), 0.1)
            self.last = mean.detach()
        return (x - mean) / (variance + 1e-5) ** 0.5


class GatheredLater(ByHand):
    """One that is told its statistics before it is evaluated."""

    def gather(self, x: Tensor) -> None:
        self.mean.copy_(x.mean(0))
        self.variance.copy_(x.var(0))


def of_hand(norm: nn.Module, **more: Any) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), norm, nn.ReLU(), nn.Linear(16, 2))
    x, y = data()
    return run_one(CHECK, **{**program(model), "loader": [(5 * x, y)], "val_loader": [(5 * x, y)], **more})


def test_statistics_by_hand_that_nothing_writes_fail() -> None:
    """A norm that takes the batch's statistics in train mode, and in eval mode buffers that stay as made, fails."""
    found = of_hand(ByHand())
    assert (found.status, found.where, found.confirmed) == ("fail", "1", True)
    assert "mean and variance of 1" in found.summary
    assert of_hand(ByHand(), val_loader=None).status == "warn"
    optimizer = torch.optim.SGD
    assert of_hand(ByHand(), train_step=step, optimizer=lambda own: optimizer(own, 0.1)).status == "fail"


def gathering_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    loss = step(model, batch, optimizer)
    with torch.no_grad():
        model[1].mean.lerp_(model[1].last, 0.1)  # type: ignore[index, union-attr, operator]
        model[1].variance.mul_(0.9)  # type: ignore[index, union-attr, operator]
    return loss


@pytest.mark.parametrize(
    ("norm", "more"),
    [
        (ByHand(gathers=True), {}),
        (ByHand(by="buffers"), {}),
        (ByHand(), {"eval_step": in_train_mode}),
        (ByHand(), {"train_step": gathering_step, "optimizer": lambda own: torch.optim.SGD(own, 0.1)}),
        (nn.BatchNorm1d(16), {}),
    ],
)
def test_statistics_by_hand_that_somebody_writes_are_silent(norm: nn.Module, more: dict[str, Any]) -> None:
    """Written in the forward or in the step, read in both modes, or never read by the evaluation, they are sound."""
    assert of_hand(norm, **more).status == "pass"


def test_statistics_by_hand_that_another_method_writes_are_a_warning() -> None:
    """They may well be gathered before the evaluation."""
    assert of_hand(GatheredLater()).status == "warn"


def hurried(momentum: float, samples: int = 64, batch: int = 8, **arguments: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 2))
    own = TensorDataset(torch.randn(samples, 4), torch.randint(2, (samples,)))
    loader = DataLoader(own, batch_size=batch, shuffle=True)
    return {"model": model, "loader": loader, "val_loader": loader, "loss_fn": LOSS, **arguments}


def test_a_momentum_meant_as_that_of_another_library_fails_with_the_value_to_use() -> None:
    """0.99 keeps the statistics of the last small batch, and eval mode is another after another batch."""
    result = run_one(CHECK, **hurried(0.99))
    assert (result.status, result.where, result.confirmed) == ("fail", "1", True)
    assert "momentum=0.01" in result.remedy


@pytest.mark.parametrize(("arguments", "status"), [
    (hurried(0.99, val_loader=None), "warn"),
    (hurried(0.99, samples=6000, batch=2000), "warn"),  # any batch has the statistics of all
    (hurried(0.9, samples=640, batch=64), "warn"),  # nearly so
    (hurried(0.99, batch=64), "pass"),  # the last batch is all there is
    (hurried(1.0), "pass"),
    (hurried(0.5), "pass"),
    (hurried(0.1), "pass"),
])  # fmt: skip
def test_a_momentum_that_does_no_harm_or_is_meant_so_does_not_fail(arguments: dict[str, Any], status: str) -> None:
    """Large batches, a weight of 1 as for statistics gathered anew, and a schedule that begins at a half are none."""
    assert run_one(CHECK, **arguments).status == status


def test_a_momentum_of_an_installed_model_is_a_warning() -> None:
    """MobileNet of transformers has it from TensorFlow, which whoever fine-tunes it should know."""
    torch.manual_seed(0)
    config = MobileNetV1Config(depth_multiplier=0.1, image_size=32, num_labels=2)
    model = MobileNetV1ForImageClassification(config)
    batches = [{"pixel_values": torch.randn(8, 3, 32, 32), "labels": torch.arange(8) % 2} for _ in range(3)]
    result = run_one(CHECK, model=model, loader=batches, val_loader=batches)
    assert (result.status, result.title) == ("warn", "BatchNorm keeps the statistics of the last batch")
