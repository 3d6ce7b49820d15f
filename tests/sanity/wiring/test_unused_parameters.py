from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.unused_parameters import CHECK
from tests.sanity.running import run_one

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
