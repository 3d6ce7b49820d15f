from __future__ import annotations

import copy
import importlib
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.unused_parameters import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


def result(model: nn.Module, **more: Any) -> CheckResult:
    loader = [(ROWS, CLASSES), (ROWS.flip(0), CLASSES)]
    return run_one(CHECK, **{"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), **more})


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)


class Dropped(Base):
    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        unused = self.second(h)  # ran for nothing
        assert unused.shape == h.shape
        return self.head(h)


class Forgotten(Base):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten, self.second = nn.Linear(8, 8), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(x)))


class BareParameter(Forgotten):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten.requires_grad_(False)
        self.temperature = nn.Parameter(torch.ones(()))


def test_a_layer_that_ran_for_nothing_fails_with_its_line() -> None:
    """A called layer whose result goes nowhere is named, with its two parameters and the line that calls it."""
    found = result(Dropped())
    assert found.status == "fail"
    assert found.where == "second"
    assert found.measurements[0].measured == "2 of 6"
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# ran for nothing" in file.readlines()[found.place.line - 1]


def test_a_layer_that_the_class_forgot_fails() -> None:
    """A layer that is held beside called ones of its kind and never mentioned again was forgotten."""
    found = result(Forgotten())
    assert found.status == "fail"
    assert found.where == "forgotten"


def test_a_bare_parameter_that_the_class_forgot_fails() -> None:
    """A parameter that the forward of its own class never mentions is named."""
    found = result(BareParameter())
    assert found.status == "fail"
    assert found.where == "temperature"
    assert found.measurements[0].measured == "1 of 5"


def test_every_parameter_used_passes() -> None:
    """A chain of layers reaches all of its parameters."""
    found = result(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
    assert found.status == "pass"
    assert found.summary == "4 of 4 trainable parameters reached"


def test_a_shift_of_outputs_that_are_only_differentiated_is_silent() -> None:
    """Where the loss is of forces, the derivative of an energy, the last bias shifts the energy and moves no force."""
    energy = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        places = batch[0].detach().requires_grad_()
        (forces,) = torch.autograd.grad([model(places).sum()], [places], create_graph=True)
        loss = (forces + batch[0]).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    optimizer = torch.optim.SGD(energy.parameters(), lr=0.1)
    assert result(energy, loss_fn=None, optimizer=optimizer, train_step=step).status == "pass"


def test_frozen_parameters_are_silent() -> None:
    """What is frozen, or left out of the optimizer, needs no gradient."""
    model = Dropped()
    held = torch.optim.SGD([*model.first.parameters(), *model.head.parameters()], lr=0.1)
    assert result(model, optimizer=held).status == "pass"
    model.second.requires_grad_(False)
    assert result(model).status == "pass"


def test_rows_and_experts_not_picked_are_silent() -> None:
    """Embedding rows without a token, and experts without a sample, wait for their turn."""

    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(1000, 4)
            self.experts = nn.ModuleList(nn.Linear(4, 3) for _ in range(4))

        def forward(self, ids: Tensor) -> Tensor:
            h = self.table(ids)
            return self.experts[int(ids.sum()) % 2](h)

    found = result(Experts(), loader=[(torch.arange(12), CLASSES), (torch.arange(12), CLASSES)])
    assert found.status == "pass"


def test_experts_that_all_run_are_at_most_a_warning() -> None:
    """Where all entries of a list run and one is picked, the others may have their turn."""

    class Ensemble(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList(nn.Linear(4, 3) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            return [head(x) for head in self.heads][1]

    assert result(Ensemble()).status == "warn"


def test_a_head_that_a_branch_may_pick_is_silent() -> None:
    """A head that the forward mentions in a branch not taken is not forgotten."""

    class TwoTasks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.cats, self.dogs = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 3)
            self.task = "cats"

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu(self.body(x))
            return self.cats(h) if self.task == "cats" else self.dogs(h)

    class ByName(TwoTasks):
        def forward(self, x: Tensor) -> Tensor:
            return getattr(self, self.task)(torch.relu(self.body(x)))

    assert result(TwoTasks()).status == "pass"
    assert result(ByName()).status == "pass"


def test_a_never_called_part_without_likeness_is_a_warning() -> None:
    """A part of another kind than those that are called may be there for something else."""

    class Decorated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.spare = nn.Linear(4, 3), nn.LSTM(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x)

    assert result(Decorated()).status == "warn"


class Overridden(Base):
    """A forward written anew that calls its second layer twice, and the third never."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
        self.second, self.third = (nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)) for _ in range(2))
        del self.first

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.third(self.second(self.body(x))))


class SecondTwice(Overridden):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.second(self.body(x))))


class Wrapped(Overridden):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if len(x) > 99 else self.head(self.second(self.body(x)))


def test_a_layer_of_blocks_that_an_overriding_forward_forgot_fails() -> None:
    """Layers with norms beside called ones, mentioned by a replaced forward alone, are named whole with their line."""
    found = result(SecondTwice())
    assert (found.status, found.where) == ("fail", "third")
    assert found.measurements[0].measured == "4 of 14"
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "self.third" in file.readlines()[found.place.line - 1]
    assert result(Wrapped()).status == "pass"


class Returning(Base):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = torch.relu(self.first(x))
        return {"logits": self.head(h), "even": self.second(h)}


def loss_of_one(out: dict[str, Tensor], y: Tensor) -> Tensor:
    return F.cross_entropy(out["logits"], y)


def loss_by_the_batch(out: dict[str, Tensor], y: Tensor) -> Tensor:
    name = "logits" if int(y[0]) == 0 else "even"
    return F.cross_entropy(out[name], y)


def loss_of_some(out: dict[str, Tensor], y: Tensor) -> Tensor:
    return sum(F.cross_entropy(part, y) for name, part in out.items() if name == "logits")


def loss_elsewhere(out: dict[str, Tensor], y: Tensor) -> Tensor:
    return loss_by_the_batch(out, y)


def test_a_head_that_every_step_leaves_out_fails() -> None:
    """A returned head that the optimizer holds fails where the loss's text takes the same parts every time."""
    model = Returning()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = result(model, loss_fn=loss_of_one, optimizer=optimizer)
    assert (found.status, found.where) == ("fail", "second")
    assert result(model, loss_fn=loss_of_one).status == "warn"
    assert (
        result(model, loss_fn=loss_of_one, optimizer=optimizer, train_step=lambda model, batch: None).status != "fail"
    )


LOG: list[float] = []


def loss_that_logs(out: dict[str, Tensor], y: Tensor) -> Tensor:
    LOG.append(F.cross_entropy(out["even"], y).item())
    return F.cross_entropy(out["logits"], y)


def test_a_head_whose_loss_is_only_logged_fails() -> None:
    """A second head's own loss that is computed for the log, and never minimised, trains nothing."""
    model = Returning()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = result(model, loss_fn=loss_that_logs, optimizer=optimizer)
    assert (found.status, found.where) == ("fail", "second")


class Scheduled(Base):
    """Makes its loss itself, and counts a second one in once its weight is raised."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.weight = nn.Linear(8, 3), 0.0

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        loss, other = F.cross_entropy(self.head(h), y), F.cross_entropy(self.second(h), y)
        self.logged = other.item()
        return loss + self.weight * other if self.weight > 0 else loss


def loss_of_the_model(out: Tensor, _: Tensor) -> Tensor:
    return out


def test_a_logged_loss_that_may_count_later_never_fails() -> None:
    """Where the model adds a second loss on a condition, a head that only the log knows so far waits for its turn."""
    model = Scheduled()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = result(model, loss_fn=loss_of_the_model, optimizer=optimizer, forward=lambda model, batch: model(*batch))
    assert (found.status, found.where) == ("warn", "second")


@pytest.mark.parametrize("loss_fn", [loss_by_the_batch, loss_of_some, loss_elsewhere])
def test_a_head_that_another_batch_may_pick_never_fails(loss_fn: Any) -> None:
    """A loss that branches, also in a function that it calls, may take another head next time."""
    model = Returning()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert result(model, loss_fn=loss_fn, optimizer=optimizer).status == "warn"


def test_outputs_that_the_loss_ignores_are_a_warning() -> None:
    """A head whose output the model returns and the loss leaves out may serve something else."""

    class TwoHeads(Base):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            h = torch.relu(self.first(x))
            return {"logits": self.head(h), "features": self.second(h)}

    found = result(TwoHeads(), loss_fn=lambda out, y: F.cross_entropy(out["logits"], y))
    assert found.status == "warn"
    assert found.where == "second"


def test_unused_parts_of_a_published_model_are_silent() -> None:
    """A pooler that runs inside a published encoder, and is not needed, is its authors' business."""

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config = BertConfig(
                vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
            )
            self.bert, self.head = BertModel(config), nn.Linear(8, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.bert(ids).last_hidden_state[:, 0])

    found = result(Tagger(), loader=[(torch.randint(20, (12, 5)), CLASSES)])
    assert found.status == "pass"
    assert "2 not picked" in found.summary


def test_a_cut_part_is_left_to_its_own_check() -> None:
    """What a detach cuts off is no unused part."""

    class Cut(Base):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.relu(self.second(self.first(x))).detach())

    assert result(Cut()).status == "pass"


def test_a_twin_that_follows_by_hand_is_silent() -> None:
    """A copy of a trained part that never runs in the loss may be its moving average."""

    class Averaged(Forgotten):
        def __init__(self) -> None:
            super().__init__()
            self.forgotten.requires_grad_(False)
            self.first_average = copy.deepcopy(self.first)

    assert result(Averaged()).status == "pass"


def test_weights_used_without_a_call_are_silent() -> None:
    """A layer whose weight is used for another layer's product is used, though its bias is not."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.out = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(torch.relu(self.body(x)), self.out.weight)

    assert result(Tied()).status == "pass"


def test_several_losses_are_inconclusive() -> None:
    """Where the user's step goes backward twice, another loss may reach the rest."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        model(batch[0]).sum().backward()
        model.second(batch[0]).sum().backward()

    assert result(Dropped(), train_step=train_step).status == "inconclusive"


def test_without_gradients_it_is_skipped() -> None:
    """Nothing is judged where nothing is trained or no backward pass runs."""
    assert result(nn.Linear(4, 3).requires_grad_(False)).status == "skip"
    assert result(Dropped(), loss_fn=nn.CrossEntropyLoss(reduction="none")).status == "skip"
    assert result(Dropped(), loss_fn=None).status == "skip"


class OfMany(nn.Module):
    """Three branches side by side in a list, all of which run."""

    def __init__(self, joined: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.branches = nn.ModuleList(nn.Linear(4, 32) for _ in range(3))
        self.head = nn.Linear(32 * joined, 3)


class WithoutTheLast(OfMany):
    def forward(self, x: Tensor) -> Tensor:
        parts = [torch.relu(branch(x)) for branch in self.branches]
        return self.head(torch.cat(parts[:-1], 1))


class ByHand(OfMany):
    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.branches[0](x))
        second = torch.relu(self.branches[1](x))
        third = torch.relu(self.branches[2](x))
        assert third.shape == second.shape
        return self.head(torch.cat([first, second], 1))


class OneTwice(OfMany):
    def __init__(self, order: tuple[int, ...] = (0, 1, 1)) -> None:
        super().__init__(3)
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        parts = [torch.relu(branch(x)) for branch in self.branches]
        return self.head(torch.cat([parts[number] for number in self.order], 1))


class ByState(OfMany):
    def __init__(self) -> None:
        super().__init__(1)
        self.stage = 1

    def forward(self, x: Tensor) -> Tensor:
        parts = [torch.relu(branch(x)) for branch in self.branches]
        return self.head(parts[self.stage])


class ByChance(ByState):
    def forward(self, x: Tensor) -> Tensor:
        parts = [torch.relu(branch(x)) for branch in self.branches]
        return self.head(random.Random(0).choice(parts))


class Selector(nn.Module):
    def forward(self, parts: list[Tensor]) -> Tensor:
        return parts[len(parts) - 2]


class BySelector(ByState):
    def __init__(self) -> None:
        super().__init__()
        self.selector = Selector()

    def forward(self, x: Tensor) -> Tensor:
        parts = [torch.relu(branch(x)) for branch in self.branches]
        return self.head(self.selector(parts))


@pytest.mark.parametrize("model", [WithoutTheLast(), ByHand(), OneTwice()])
def test_a_branch_that_is_always_left_out_fails(model: nn.Module) -> None:
    """A branch of a list that runs for nothing fails, where nothing picks it or another is joined in its place."""
    found = result(model)
    assert (found.status, found.where) == ("fail", "branches.2")


@pytest.mark.parametrize("model", [ByState(), ByChance(), BySelector()])
def test_a_branch_that_may_be_picked_another_time_is_no_failure(model: nn.Module) -> None:
    """Branches that all run, and of which some state, chance or another module picks, are a warning."""
    assert result(model).status == "warn"


class BothWays(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], read: Any, layers: int = 1, *, is_shut: bool = False) -> None:
        super().__init__()
        self.reader = kind(4, 8, layers, batch_first=True, bidirectional=True)
        self.read, self.head = read, nn.LazyLinear(3)
        self(torch.zeros(2, 3, 4))
        if is_shut:
            nn.init.zeros_(self.head.weight[:, 8:])

    def forward(self, x: Tensor) -> Tensor:
        made, states = self.reader(x)
        return self.head(self.read(made, states[0] if isinstance(states, tuple) else states))


def read_by(read: Any, kind: Any = nn.LSTM, **more: Any) -> CheckResult:
    torch.manual_seed(0)
    loader = [(torch.randn(12, 5, 4), CLASSES), (torch.randn(12, 5, 4), CLASSES)]
    return result(BothWays(kind, read, **more), loader=loader)


@pytest.mark.parametrize(
    ("kind", "layers", "read", "way", "count"),
    [
        (nn.LSTM, 1, lambda made, states: states[0], "backward direction of reader", "4 of 10"),
        (nn.GRU, 2, lambda made, states: states[-1], "forward direction of layer 1 of reader", "4 of 18"),
        (nn.RNN, 1, lambda made, states: made[:, :, :8].mean(1), "backward direction of reader", "4 of 10"),
    ],
)
def test_a_direction_of_a_recurrent_layer_that_nothing_reads_fails(
    kind: Any, layers: int, read: Any, way: str, count: str
) -> None:
    """A layer that reads both ways, of which one state is taken, trains the other way's weights by zeros alone."""
    found = read_by(read, kind, layers=layers)
    assert found.status == "fail"
    assert f"the {way}: " in found.summary
    assert found.measurements[0].measured == count
    assert found.place is not None
    assert found.place.function == "BothWays.forward"


@pytest.mark.parametrize(
    ("read", "is_shut"),
    [
        (lambda made, states: states.sum(0), False),
        (lambda made, states: torch.cat([states[0], states[1]], 1), True),
        (lambda made, states: made[:, -1], False),
        (lambda made, states: made.mean(1), False),
    ],
)
def test_silent_on_recurrent_layers_read_both_ways(read: Any, is_shut: bool) -> None:
    """Both states, however they are joined, pass, also where the head begins with zeros for one of them."""
    assert read_by(read, is_shut=is_shut).status == "pass"


def test_silent_on_a_direction_that_is_read_in_training_alone() -> None:
    """What reads the way back behind a gate that begins at zero, and not at all in use, is trained both ways."""

    class Streamed(BothWays):
        def forward(self, x: Tensor) -> Tensor:
            one, other = self.reader(x)[0].chunk(2, -1)
            return self.head((one + self.gate * other if self.training else one).mean(1))

    model = Streamed.__new__(Streamed)
    nn.Module.__init__(model)
    model.reader, model.head = nn.LSTM(4, 8, batch_first=True, bidirectional=True), nn.Linear(8, 3)
    model.gate = nn.Parameter(torch.zeros(()))
    assert result(model, loader=[(torch.randn(12, 5, 4), CLASSES)]).status == "pass"


def test_silent_on_a_direction_that_is_handed_out_beside() -> None:
    """What the model returns beside its scores may be wanted elsewhere."""

    class Both(BothWays):
        def forward(self, x: Tensor) -> Any:
            made, _ = self.reader(x)
            return self.head(made[:, -1, :8]), made

    model = Both.__new__(Both)
    nn.Module.__init__(model)
    model.reader, model.head = nn.LSTM(4, 8, batch_first=True, bidirectional=True), nn.Linear(8, 3)
    loader = [(torch.randn(12, 5, 4), CLASSES)]
    found = result(model, loader=loader, loss_fn=lambda outputs, y: F.cross_entropy(outputs[0], y))
    assert found.status == "pass"


class Initialised(Base):
    """Draws the weights of all layers, and of one more tensor, in methods that `__init__` calls."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Linear(8, 8)
        del self.second
        self.offset = nn.Parameter(torch.empty(8))
        self._draw_all()

    def _draw_all(self) -> None:
        nn.init.normal_(self.offset)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(self.middle.bias)

    def groups(self) -> list[Any]:
        return [{"params": self.first.parameters()}, {"params": self.middle.parameters(), "lr": 1.0}]


class InitialisedOnly(Initialised):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(x)))


class InitialisedAndUsed(Initialised):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.middle(torch.relu(self.first(x)) + self.offset)))


class InitialisedForLater(Initialised):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(x)))

    def finer(self, x: Tensor) -> Tensor:
        return self.head(self.middle(torch.relu(self.first(x)) + self.offset))


def test_what_is_initialised_and_never_used_fails() -> None:
    """Drawing a layer's weights, or handing its parameters to an optimizer, is no use of it; another method may be."""
    found = result(InitialisedOnly())
    assert (found.status, found.where) == ("fail", "middle, offset")
    assert result(InitialisedAndUsed()).status == "pass"
    assert result(InitialisedForLater()).status == "pass"


class ByRoute(Base):
    """Hands its layers on to something else, by which its passes pick one of them; `_wired` says how."""

    def __init__(self, route: int = 0) -> None:
        super().__init__()
        self.route = route
        self.routes: Any = self._wired()

    def _wired(self) -> Any:
        return {0: self.first, 1: self.second}

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.routes[self.route](x)))


class ByFunction(ByRoute):
    def _wired(self) -> Any:
        return [self.first, lambda x: self.second(self.first(x))]


class ByBoundMethod(ByRoute):
    def _wired(self) -> Any:
        return (self.first.forward, self.second.forward)


class Asked(Base):
    """Calls a layer once, to see how wide it is, and never again."""

    def __init__(self) -> None:
        super().__init__()
        del self.second
        self.measuring = nn.Linear(8, 8)
        self.width = self.measuring(torch.zeros(1, 8)).shape[1]
        for layer in (self.first, self.measuring):
            nn.init.zeros_(layer.bias)
        init_all(self.measuring)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(x)))


def init_all(layer: nn.Linear) -> None:
    nn.init.ones_(layer.bias)


def test_a_layer_with_another_name_is_silent() -> None:
    """What is put into a dict, a function or a tuple when the model is made may be reached from there."""
    for kind in (ByRoute, ByFunction, ByBoundMethod):
        assert result(kind()).status == "pass", kind.__name__
    assert ((found := result(Asked())).status, found.where) == ("fail", "measuring")


class Optional(Base):
    """Uses its second layer and its norm where it was told so when it was made."""

    def __init__(self, deep: bool, normed: bool = True) -> None:
        super().__init__()
        self.scaler, self.middle = nn.LayerNorm(8), nn.Linear(8, 8)
        del self.second
        self.deep = deep
        self.normed = normed

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        if self.deep:
            h = torch.relu(self.middle(h))
        return self.head(self.scaler(h) if self.normed else h)


class Unfolding(Base):
    """Takes its second layer in once it is told so."""

    def __init__(self, unfolded: bool) -> None:
        super().__init__()
        self.unfolded = unfolded
        self.inner = nn.Linear(8, 8)

    def unfold(self) -> None:
        self.unfolded = True

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.second(torch.relu(self.first(x))))
        return self.head(self.inner(h) if self.unfolded else h)


def test_a_layer_that_a_flag_shuts_out_for_good_warns() -> None:
    """A branch that a model was made never to take uses nothing, as it was told to, unless the flag is set later."""
    assert ((found := result(Optional(deep=False))).status, found.where) == ("warn", "middle")
    assert ((found := result(Optional(deep=True, normed=False))).status, found.where) == ("warn", "scaler")
    assert result(Optional(deep=True)).status == "pass"
    assert result(Unfolding(unfolded=False)).status == "pass"


class InTurn(nn.Module):
    """Goes through layers of a list; `rounds` is how."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.layers = nn.Linear(4, 8), nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.head, self.depth = nn.Linear(8, 3), 2


class EndsEarly(InTurn):
    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for number in range(2):
            h = torch.relu(self.layers[number](h))
        return self.head(h)


class AlwaysTheFirst(InTurn):
    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for _ in self.layers:
            h = torch.relu(self.layers[0](h))
        return self.head(h)


class ToADepth(InTurn):
    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for number in range(self.depth):
            h = torch.relu(self.layers[number](h))
        return self.head(h)


class ForAnyTask(InTurn):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.layers[0](self.into(x))))

    def of_task(self, x: Tensor, task: int) -> Tensor:
        return self.head(torch.relu(self.layers[task](self.into(x))))


class WhileItHelps(InTurn):
    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for layer in self.layers:
            if h.norm() > 0:
                return self.head(torch.relu(layer(h)))
        return self.head(h)


def test_layers_of_a_list_that_every_pass_leaves_out_fail() -> None:
    """A loop that ends early, or calls the first layer each time, leaves others out; a depth may still grow."""
    assert (found := result(EndsEarly())).status == "fail"
    assert found.where == "layers.2"
    assert result(AlwaysTheFirst()).where == "layers.1, layers.2"
    assert result(ToADepth()).status == "pass"
    assert result(ForAnyTask()).status == "pass", "another method picks among them"
    assert result(WhileItHelps()).status == "pass"


class Numbered(nn.Module):
    """Three layers by numbers, which passes look up by their names."""

    def __init__(self, order: tuple[int, ...] = (1, 2, 3)) -> None:
        super().__init__()
        for number in range(1, 4):
            setattr(self, f"layer{number}", nn.Linear(4, 4))
        self.head, self.depth = nn.Linear(4, 3), 2
        self.order = order


class OneTwice(Numbered):
    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2, 2):
            x = torch.relu(getattr(self, f"layer{number}")(x))
        return self.head(x)


class AsGiven(Numbered):
    def forward(self, x: Tensor) -> Tensor:
        for number in self.order:
            x = torch.relu(getattr(self, f"layer{number}")(x))
        return self.head(x)


class DownTo(Numbered):
    def forward(self, x: Tensor) -> Tensor:
        for number in range(1, self.depth + 1):
            x = torch.relu(getattr(self, f"layer{number}")(x))
        return self.head(x)


def test_a_layer_that_no_lookup_by_name_comes_to_fails() -> None:
    """A number written twice leaves a layer out; a depth may still grow, and a given order is told of."""
    assert ((found := result(OneTwice())).status, found.where) == ("fail", "layer3")
    assert ((found := result(AsGiven((1, 2, 2)))).status, found.where) == ("warn", "layer3")
    assert result(AsGiven()).status == "pass"
    assert result(DownTo()).status == "pass"


def step_of_all(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def step_of_one_head(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    out = model(batch[0])
    loss = F.cross_entropy(out["logits"], batch[1])
    loss.backward()
    optimizer.step()
    return loss


def step_in_two_parts(model: nn.Module, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(batch[0]), batch[1]).backward()
    model.first.weight.square().sum().backward()
    optimizer.step()


class Chained(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


class Trainer:
    """Holds the step as a method."""

    def step(self, model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        return step_of_all(model, batch, optimizer)


@pytest.mark.parametrize(
    "step", [step_of_all, step_in_two_parts, Trainer().step, partial(step_of_all)], ids=["one", "two", "method", "part"]
)
def test_a_step_of_ones_own_tells_without_a_loss(step: Any) -> None:
    """What a user's own step trains, of one loss or of several, is seen in it."""

    def of(model: nn.Module) -> CheckResult:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return result(model, loss_fn=None, train_step=step, optimizer=optimizer)

    assert (found := of(Forgotten())).status == "fail"
    assert found.where == "forgotten"
    assert of(Chained()).status == "pass"


def test_a_head_that_a_step_leaves_out_fails() -> None:
    """A returned head fails where the text of the step takes the same parts of the outputs every time."""
    turns = iter(range(1000))

    def in_turn(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0])["even" if next(turns) > 500 else "logits"], batch[1])
        loss.backward()
        optimizer.step()
        return loss

    model = Returning()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert result(model, loss_fn=None, train_step=step_of_one_head, optimizer=optimizer).status == "fail"
    assert result(model, loss_fn=None, train_step=in_turn, optimizer=optimizer).status != "fail"


_LENT = """
import torch
from torch import nn


class Lent(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.rescored, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.first(x)))
"""


def test_a_layer_that_another_file_calls_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user's own evaluation reaches for is no forgotten layer, wherever its class was written."""
    (tmp_path / "lent_layers.py").write_text(_LENT, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    model = importlib.import_module("lent_layers").Lent()
    assert result(model).where == "rescored"

    def eval_step(model: nn.Module, batch: Any) -> float:
        return float(model.rescored(torch.relu(model.first(batch[0]))).mean())

    assert result(model, eval_step=eval_step).status == "pass"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("def later(model):\n    model.deep = True\n", "pass"),
        ("def score(model, x):\n    return model.inner(x)\n", "pass"),
        ("def score(model, x):\n    return model(x)\n", "warn"),
    ],
)
def test_another_file_that_knows_the_class_is_read(
    text: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that imports a model may switch a part of it on, or call it."""
    name = f"lent_switch_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(_SWITCHED, encoding="utf-8")
    (tmp_path / f"{name}_user.py").write_text(f"from {name} import Switched\n\n{text}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    user = importlib.import_module(f"{name}_user")
    assert result(user.Switched(deep=False)).status == status


_SWITCHED = """
import torch
from torch import nn


class Switched(nn.Module):
    def __init__(self, deep):
        super().__init__()
        self.deep = deep
        self.first, self.inner, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        h = torch.relu(self.first(x))
        return self.head(torch.relu(self.inner(h)) if self.deep else h)
"""


class Pair(Base):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.relu(self.first(x))
        return self.head(h), self.second(h)


def step_of_two_tasks(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    x, y, other = batch
    logits, values = model(x)
    loss = F.cross_entropy(logits, y)
    if other is not None:
        loss = loss + F.mse_loss(values, other)
    loss.backward()
    optimizer.step()
    return loss


def test_a_head_whose_targets_are_rare_does_not_fail() -> None:
    """Where batches of a task come late, what a step asks of the batch does not come out alike."""
    model = Pair()
    x, y = torch.randn(8, 4), torch.randint(3, (8,))
    loader = [(x, y, None)] * 20 + [(x, y, torch.randn(len(x), 8))]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = result(model, loader=loader, loss_fn=None, train_step=step_of_two_tasks, optimizer=optimizer)
    assert found.status == "warn"


def test_a_parameter_of_no_values_is_none_to_be_trained() -> None:
    """One that is kept empty, to ask on which device the model is, can get no gradient."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    model.where = nn.Parameter(torch.empty(0))
    assert result(model).status == "pass"


class Field(Base):
    def forward(self, x: Tensor) -> Tensor:
        def energy(row: Tensor) -> Tensor:
            return self.head(torch.tanh(self.second(torch.tanh(self.first(row))))).square()[0]

        def height(row: Tensor) -> Tensor:
            return self.head(torch.tanh(self.second(torch.tanh(self.first(row))))).sum()

        return torch.vmap(torch.func.grad(height))(x) + 0 * torch.vmap(torch.func.jacfwd(energy))(x)


def test_a_bias_that_shifts_what_torch_func_differentiates_has_no_gradient() -> None:
    """The last bias of an energy of which `torch.func` takes the derivative is part of the model all the same."""
    found = result(Field(), loader=[(ROWS, -ROWS), (ROWS.flip(0), -ROWS)], loss_fn=nn.MSELoss())
    assert found.status == "pass"
