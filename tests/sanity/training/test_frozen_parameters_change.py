from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.training.frozen_parameters_change import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import loss_of, network, program, usual


def frozen_after_a_pass(**how: Any) -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A network whose first layer was frozen while its gradients still lay there."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, **how)
    loss_of(model, (torch.randn(8, 4), torch.randint(3, (8,)))).backward()
    optimizer.step()
    model[0].requires_grad_(requires_grad=False)
    return model, optimizer


def without_dropping(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    optimizer.zero_grad(set_to_none=False)
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize("how", [{"momentum": 0.9}, {"weight_decay": 0.1}])
def test_an_optimizer_that_moves_what_is_frozen_fails(how: dict[str, float]) -> None:
    """Momentum and weight decay go on where an old gradient lies; without it nothing moves, which confirms."""
    model, optimizer = frozen_after_a_pass(**how)
    result = run_one(CHECK, **program(without_dropping, model, optimizer=optimizer))
    assert result.status == "fail"
    assert result.measurements[0].measured == "2 of 2"
    assert result.where == "0.bias"
    assert result.confirmed
    assert "parameter.grad = None" in result.code


def test_dropped_gradients_are_silent() -> None:
    """A step that sets gradients to None leaves frozen parameters alone, whatever the optimizer holds."""
    model, optimizer = frozen_after_a_pass(momentum=0.9, weight_decay=0.1)
    assert run_one(CHECK, **program(usual, model, optimizer=optimizer)).status == "pass"


def test_a_loop_over_all_parameters_fails() -> None:
    """A step that decays every parameter by hand writes to frozen ones too."""
    model = network()
    model[0].requires_grad_(requires_grad=False)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(0.001 * parameter + (0 if parameter.grad is None else 0.1 * parameter.grad))

    result = run_one(CHECK, **program(step, model))
    assert result.status == "fail"
    assert "0.weight" in result.detail


def test_clamping_after_the_update_fails_where_it_meets_frozen_ones() -> None:
    """A clamp of every parameter after the optimizer's step cuts frozen ones too."""
    model = network()
    model[0].requires_grad_(requires_grad=False)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        for parameter in model.parameters():
            parameter.data.clamp_(-0.1, 0.1)
        return loss

    assert run_one(CHECK, **program(step, model)).status == "fail"


def test_a_codebook_that_the_step_keeps_is_a_warning() -> None:
    """A frozen parameter that the step alone writes to may be meant."""
    model = network()
    model.register_parameter("centre", nn.Parameter(torch.randn(3), requires_grad=False))

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        model.centre.data.mul_(0.9).add_(0.1 * batch[0].mean())
        return loss

    assert run_one(CHECK, **program(step, model)).status == "warn"


@pytest.mark.parametrize("decay", [0.9, 0.999])
@pytest.mark.parametrize("first", [True, False])
def test_moving_averages_are_silent(decay: float, first: bool) -> None:
    """A frozen twin, BatchNorm and all, that follows the trained network before or after the update is healthy."""
    online = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    model = nn.ModuleDict({"online": online, "target": copy.deepcopy(online).requires_grad_(requires_grad=False)})
    with torch.no_grad():
        for parameter in model["target"].parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))

    def average() -> None:
        for own, other in zip(model["target"].parameters(), model["online"].parameters(), strict=True):
            own.data.mul_(decay).add_((1 - decay) * other.data)

    def step(batch: Any, optimizer: Any) -> Any:
        if first:
            average()
        optimizer.zero_grad()
        with torch.no_grad():
            goal = model["target"](batch[0])
        loss = (model["online"](batch[0]) - goal).square().mean() + loss_of(model["online"], batch)
        loss.backward()
        optimizer.step()
        if not first:
            average()
        return loss

    optimizer = torch.optim.SGD(model["online"].parameters(), 0.1)
    result = run_one(CHECK, **program(step, model, optimizer=optimizer))
    assert result.status == "pass", result


def frozen_norm() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    model[:2].requires_grad_(requires_grad=False)
    return model


def test_statistics_of_a_frozen_norm() -> None:
    """Left in train mode is a warning, set to eval and switched back by the step a failure, and kept in eval silent."""

    def switching(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        model.train()
        return usual(model, batch, optimizer)

    model = frozen_norm()
    assert run_one(CHECK, **program(usual, model)).status == "warn"
    model[1].eval()
    assert run_one(CHECK, **program(usual, model)).status == "pass"
    result = run_one(CHECK, **program(switching, model))
    assert result.status == "fail"
    assert result.where == "1"
    assert result.code == "+ model.1.eval()"
    assert run_one(CHECK, **program(usual, frozen_norm().eval())).status == "inconclusive"


class FrozenBatchNorm(nn.Module):
    """A norm of fixed statistics, without parameters."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.get_buffer("scale")


def two_parts(second: nn.Module, *, apart: bool = False) -> nn.Sequential:
    """A frozen body with two norms, or two frozen bodies with one each, and a head that is trained."""
    one, other = [nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU()], [nn.Linear(16, 16), second, nn.ReLU()]
    parts = [nn.Sequential(*one), nn.Sequential(*other)] if apart else [nn.Sequential(*one, *other)]
    for part in parts:
        part.requires_grad_(requires_grad=False)
    return nn.Sequential(*parts, nn.Linear(16, 3))


def without_their_kind(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.LazyBatchNorm1d | nn.SyncBatchNorm) or getattr(module, "rests", False):
            module.eval()
    return usual(model, batch, optimizer)


@pytest.mark.parametrize(("apart", "status"), [(False, "fail"), (True, "warn")])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_norm_that_was_forgotten_beside_others_of_a_frozen_part_fails(fixed: bool, apart: bool, status: str) -> None:
    """What freezes norms by their kind leaves others out; norms of another part may be in train mode on purpose."""
    second = FrozenBatchNorm(16) if fixed else nn.BatchNorm1d(16)
    second.rests = True  # type: ignore[assignment] # as a kind of norm that the step knows
    result = run_one(CHECK, **program(without_their_kind, two_parts(second, apart=apart)))
    assert result.status == status
    if status == "fail":
        assert (result.where, "0.4 of the same frozen part" in result.detail) == ("0.1", True)


class OfTwoDomains(nn.Module):
    """A frozen body with a norm for each of two domains, and a head that is trained."""

    def __init__(self) -> None:
        super().__init__()
        norms = nn.ModuleList(nn.BatchNorm1d(16) for _ in range(2))
        self.body = nn.ModuleDict({"first": nn.Linear(4, 16), "norms": norms}).requires_grad_(requires_grad=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor, domain: int = 0) -> Tensor:
        return self.head(torch.relu(self.body["norms"][domain](self.body["first"](x))))


def adapting_one_domain(model: Any, batch: Any, optimizer: Any) -> Any:
    model.train()
    model.body["norms"][0].eval()
    with torch.no_grad():
        model(batch[0] + 1, 1)
    return usual(model, batch, optimizer)


def adapting_the_first(model: Any, batch: Any, optimizer: Any) -> Any:
    model.train()
    model[0].eval()
    model[0][1].train()
    return usual(model, batch, optimizer)


def test_a_norm_that_is_to_adapt_beside_one_that_rests_is_a_warning() -> None:
    """Norms that never run in the same call, and one that was switched on in a part at rest, were not forgotten."""
    assert run_one(CHECK, **program(adapting_one_domain, OfTwoDomains())).status == "warn"
    assert run_one(CHECK, **program(adapting_the_first, two_parts(nn.BatchNorm1d(16)))).status == "warn"


def test_norms_of_a_frozen_part_that_all_learn_are_a_warning() -> None:
    """Where none of them rests it may be meant."""
    assert run_one(CHECK, **program(without_their_kind, two_parts(nn.BatchNorm1d(16)))).status == "warn"


def test_toggled_freezing_is_silent() -> None:
    """A part that is frozen between its own updates, as in adversarial training, changes by its own optimizer."""
    model = nn.ModuleDict({"g": nn.Linear(4, 4), "d": nn.Linear(4, 3)})
    g, d = (torch.optim.SGD(model[name].parameters(), 0.1) for name in "gd")
    model["d"].requires_grad_(requires_grad=False)

    def step(batch: Any) -> Any:
        model["d"].requires_grad_(requires_grad=True)
        d.zero_grad()
        nn.functional.cross_entropy(model["d"](model["g"](batch[0]).detach()), batch[1]).backward()
        d.step()
        model["d"].requires_grad_(requires_grad=False)
        g.zero_grad()
        loss = -nn.functional.cross_entropy(model["d"](model["g"](batch[0])), batch[1])
        loss.backward()
        g.step()
        return loss

    assert run_one(CHECK, **program(step, model, optimizer=None)).status == "pass"


def test_nothing_frozen_is_a_pass() -> None:
    """A usual program has nothing to find."""
    assert run_one(CHECK, **program(usual)).status == "pass"


class Looked(nn.Module):
    """Classifies the mean of frozen vectors."""

    def __init__(self, longest: float | None) -> None:
        super().__init__()
        vectors = 3 * torch.randn(20, 8)
        self.vectors = nn.Embedding.from_pretrained(vectors, freeze=True, max_norm=longest)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.vectors(ids).mean(1))


@pytest.mark.parametrize(("longest", "status"), [(1.0, "fail"), (None, "pass")])
def test_frozen_vectors_that_a_lookup_shortens_fail(longest: float | None, status: str) -> None:
    """An embedding with max_norm writes to its weight in the forward pass, frozen or not."""
    model = Looked(longest)
    batch = (torch.randint(20, (16, 5)), torch.randint(3, (16,)))
    optimizer = torch.optim.Adam(model.head.parameters(), 1e-2)
    found = run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == status
    assert ("max_norm" in found.title) == (status == "fail")


def test_a_frozen_value_that_is_missing_stays_what_it_is() -> None:
    """NaN in a frozen parameter that nothing writes to is no change, though it does not equal itself."""
    model = network()
    model.unknown = nn.Parameter(torch.full((3,), float("nan")), requires_grad=False)
    assert run_one(CHECK, **program(usual, model)).status == "pass"


@pytest.mark.parametrize(("factor", "status"), [(0.999, "fail"), (0.99, "warn")])
@pytest.mark.parametrize("first", [True, False])
def test_decay_by_hand_that_reaches_frozen_ones_fails(factor: float, status: str, first: bool) -> None:
    """One factor for trained and frozen ones is a loop over all; a factor that is the frozen one's own may be meant."""
    model = network()
    model[0].requires_grad_(requires_grad=False)

    def decay(model: nn.Module) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 - 1e-3 if parameter.requires_grad else factor)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        decay(model)
        optimizer.step()
        return loss

    def earlier(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        decay(model)
        return usual(model, batch, optimizer)

    assert run_one(CHECK, **program(earlier if first else step, model)).status == status


def test_a_step_that_normalises_one_weight_and_keeps_a_centre_is_a_warning() -> None:
    """Prototypes of unit length before the update, and a frozen centre that follows the data, are two things."""
    model = network()
    model.register_parameter("centre", nn.Parameter(torch.randn(12), requires_grad=False))

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        with torch.no_grad():
            model[2].weight.copy_(nn.functional.normalize(model[2].weight))
            model.centre.mul_(0.9).add_(0.1 * batch[0].flatten()[:12])
        return usual(model, batch, optimizer)

    assert run_one(CHECK, **program(step, model)).status == "warn"


class Folding(nn.Module):
    """A frozen layer with an adapter that eval mode folds into its weight; train mode takes it out again, or not."""

    def __init__(self, takes_out: bool) -> None:
        super().__init__()
        self.base = nn.Linear(4, 3).requires_grad_(requires_grad=False)
        self.down, self.up = nn.Parameter(0.3 * torch.randn(2, 4)), nn.Parameter(torch.zeros(3, 2))
        self.takes_out, self.is_folded = takes_out, False

    def train(self, mode: bool = True) -> Folding:
        super().train(mode)
        if self.is_folded == mode:
            if not mode or self.takes_out:
                self.base.weight.data += (-1 if mode else 1) * (self.up @ self.down).data
            self.is_folded = not mode
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) if self.is_folded else self.base(x) + x @ self.down.T @ self.up.T


def logged(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    """A step that looks at its outputs in eval mode."""
    model.train()
    loss = usual(model, batch, optimizer)
    model.eval()
    with torch.no_grad():
        model(batch[0]).argmax(-1)
    model.train()
    return loss


@pytest.mark.parametrize("takes_out", [True, False])
def test_adapters_that_eval_mode_folds_in_for_good_fail(takes_out: bool) -> None:
    """A switch to eval mode and back that moves a frozen weight each time is a failure; by rounding it is none."""
    model = Folding(takes_out)
    optimizer = torch.optim.SGD([model.down, model.up], 0.1)
    result = run_one(CHECK, **program(logged, model, optimizer=optimizer))
    assert (result.status == "fail") is not takes_out, result
    if not takes_out:
        assert (result.where, result.confirmed) == ("base.weight", True)
        assert "eval" in result.title


def test_a_kernel_that_eval_mode_writes_anew_is_no_failure() -> None:
    """A frozen kernel that eval mode computes from the trained ones is the same however often that is done."""

    class Fused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(4, 3), nn.Linear(4, 3)
            self.fused = nn.Parameter(torch.zeros(3, 4), requires_grad=False)

        def train(self, mode: bool = True) -> Fused:
            super().train(mode)
            if not mode:
                self.fused.data.copy_(self.one.weight + self.other.weight)
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.one(x) + self.other(x) if self.training else x @ self.fused.T

    assert run_one(CHECK, **program(logged, Fused())).status != "fail"


@pytest.mark.parametrize(("everywhere", "status"), [(True, "fail"), (False, "warn")])
def test_a_clamp_that_meets_frozen_ones_alone_fails_if_it_is_meant_for_all(everywhere: bool, status: str) -> None:
    """Trained weights that keep within the bounds are made larger on a copy: a clamp of all cuts them at the same."""
    model = network()
    with torch.no_grad():
        model[0].weight.normal_(0, 0.5)
        for parameter in model[2].parameters():
            parameter.mul_(0.1)
    model[0].requires_grad_(requires_grad=False)

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        with torch.no_grad():
            for parameter in (model if everywhere else model[0]).parameters():
                parameter.clamp_(-0.9, 0.9)
        return loss

    optimizer = torch.optim.SGD(model[2].parameters(), 0.01)
    assert run_one(CHECK, **program(step, model, optimizer=optimizer)).status == status


class Heeding(nn.Linear):
    """Takes no gradient through its input unless it is told to."""

    requires_grad: bool = False

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.requires_grad else x.detach())


@pytest.mark.parametrize(("word", "of_module"), [("require_grad", False), ("requires_grad", True)])
def test_words_that_freeze_nothing_fail(word: str, of_module: bool) -> None:
    """A misspelt attribute of parameters, and the attribute of a module, leave them to be trained."""
    model = network()
    for part in (model[0],) if of_module else model[0].parameters():
        setattr(part, word, False)
    result = run_one(CHECK, **program(usual, model))
    assert (result.status, result.title) == ("fail", "Freezing that has no effect")
    assert result.where == "0.bias"
    assert f".{word} = False" in result.summary


def test_a_flag_that_a_module_heeds_and_frozen_parameters_are_silent() -> None:
    """A class may have a flag of that name for itself; and what is frozen as well does not change."""
    model = nn.Sequential(Heeding(4, 16), nn.ReLU(), nn.Linear(16, 3))
    model[0].requires_grad = False
    assert run_one(CHECK, **program(usual, model)).status == "pass"
    model = network()
    model[0].requires_grad_(requires_grad=False)
    model[0].requires_grad = False
    assert run_one(CHECK, **program(usual, model)).status == "pass"


class Told(nn.Linear):
    """Keeps whatever it is told by name."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes)
        for name, value in options.items():
            setattr(self, name, value)


def test_an_option_that_a_module_keeps_by_name_is_silent() -> None:
    """What a class sets by a name it is given may mean anything."""
    model = nn.Sequential(Told(4, 16, requires_grad=False), nn.ReLU(), nn.Linear(16, 3))
    assert run_one(CHECK, **program(usual, model)).status == "pass"


class Followed(nn.Module):
    """Has a moving average of its layers, to which a useless attribute was given."""

    def __init__(self) -> None:
        super().__init__()
        self.online = network()
        self.target = copy.deepcopy(self.online)
        self.target.requires_grad = False  # type: ignore[assignment] # as users write it

    def forward(self, x: Tensor) -> Tensor:
        return self.online(x)


def test_a_moving_average_that_was_frozen_in_vain_is_silent() -> None:
    """No gradient comes for it in any case, and the step writes to it on purpose."""

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        with torch.no_grad():
            for own, other in zip(model.target.parameters(), model.online.parameters(), strict=True):
                own.lerp_(other, 0.1)
        return loss

    assert run_one(CHECK, **program(step, Followed())).status == "pass"
