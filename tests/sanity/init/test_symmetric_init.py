from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.init.symmetric_init import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def judged(model: nn.Module, **options: object) -> str:
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), **options).status


def test_a_constant_network_fails_and_stays_as_it_is() -> None:
    """The layer is named, its first value is told, and no weight of the user's has moved."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    assert result.status == "fail"
    assert result.where == "0.weight"
    assert "0.1" in result.detail
    assert all(bool((parameter == 0.1).all()) for parameter in arguments["model"].parameters())
    assert all(parameter.grad is None for parameter in arguments["model"].parameters())


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_networks_whose_layers_are_all_alike_fail(value: float) -> None:
    """Zeros, from which nothing moves, and a constant both fail."""
    model = network()
    for parameter in model.parameters():
        nn.init.constant_(parameter, value)
    assert judged(model) == "fail"


def test_identical_filters_fail() -> None:
    """Filters that are copies of one fail, where all later layers are such too."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for layer in (model[0], model[2]):
        layer.weight.data[:] = torch.randn(1, layer.weight.shape[1], 1, 1)[:, :1]
        nn.init.zeros_(layer.bias)
    pictures = torch.randn(32, 1, 8, 8)
    batch = (pictures, Y)
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "fail"


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_constant_recurrent_layer_fails_gate_by_gate(kind: type[nn.Module]) -> None:
    """Units of one gate are compared with each other, not with those of another gate."""

    class Net(nn.Module):
        def __init__(self, value: float | None) -> None:
            super().__init__()
            self.layer, self.head = kind(16, 8, batch_first=True), nn.Linear(8, 3)
            for parameter in self.parameters():
                if value is not None:
                    nn.init.constant_(parameter, value)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x[:, None])[0][:, -1])

    assert judged(Net(0.1)) == "fail"
    assert judged(Net(None)) == "pass"


def test_last_layers_that_begin_at_zero_pass() -> None:
    """A zero head is healthy, also behind a zero adapter."""
    model = network()
    nn.init.zeros_(model[-1].weight)
    assert judged(model) == "pass"


class Branches(nn.Module):
    """Residual branches, low-rank adapters and a scale, all at zero in the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)
        self.down, self.up = nn.Linear(16, 2, bias=False), nn.Linear(2, 16, bias=False)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 3)
        for zero in (self.second.weight, self.second.bias, self.up.weight, self.norm.weight, self.head.weight):
            nn.init.zeros_(zero)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.second(torch.relu(self.first(x)))
        x = x + self.up(self.down(x))
        return self.head(x + self.norm(x))


def test_branches_adapters_and_norm_scales_at_zero_pass() -> None:
    """Zero layers beside a shortcut part within a few steps, even behind a head at zero."""
    assert judged(Branches()) == "pass"


def test_frozen_layers_and_ugly_programs_are_silent() -> None:
    """A fixed averaging filter, a trained network and one without parameters get no finding."""
    model = network()
    nn.init.constant_(model[0].weight, 0.1)
    model[0].requires_grad_(False)
    assert judged(model) == "pass"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    nn.CrossEntropyLoss()(model(X), Y).backward()
    optimizer.step()
    optimizer.zero_grad()
    assert judged(model, optimizer=optimizer) == "skip"
    assert run_one(CHECK, model=nn.Flatten(), loader=[(X, X)], loss_fn=nn.MSELoss()).status == "skip"


class Sum(nn.Module):
    """Adds up what several layers make of the same input, or follows one with the other."""

    def __init__(self, *, in_a_row: bool) -> None:
        super().__init__()
        first = nn.Linear(16, 16)
        self.layers, self.head = nn.ModuleList(copy.deepcopy(first) for _ in range(3)), nn.Linear(16, 3)
        self.in_a_row = in_a_row

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.in_a_row:
            return self.head(torch.stack([layer(x) for layer in self.layers]).sum(0).relu())
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x)


@pytest.mark.parametrize(("in_a_row", "status"), [(False, "fail"), (True, "pass")])
def test_layers_that_were_copied_fail_only_where_they_remain_one(in_a_row: bool, status: str) -> None:
    """Copies side by side get the same gradient for ever; copies in a row part within a step."""
    result = on_classes(Sum(in_a_row=in_a_row))
    assert result.status == status
    assert ("double" in result.title) == (status == "fail")


@pytest.mark.parametrize(("noise", "status"), [(0.0, "fail"), (0.1, "pass")])
def test_a_layer_made_wider_by_copies_fails_without_noise(noise: float, status: str) -> None:
    """Units with a double in and out remain doubles, unless a little noise parts them."""
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    with torch.no_grad():
        for part in (model[0].weight, model[0].bias):
            part[16:] = part[:16] + noise * torch.randn_like(part[:16])
        model[2].weight[:, 16:] = model[2].weight[:, :16]
    assert on_classes(model).status == status


class Right(nn.Module):
    """A handwritten layer whose weight (in, out) is a factor on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter((torch.randn(16, 1) / 4).repeat(1, 24))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.weight).relu().sum(1, keepdim=True) * torch.tensor([1.0, 0.0, -1.0])


def test_units_of_a_factor_on_the_right_are_its_columns() -> None:
    """Columns that are all alike are one unit, though the rows differ."""
    result = on_classes(Right())
    assert result.status == "fail"
    assert result.measurements[0].expected == "24"


def on_classes(model: nn.Module) -> CheckResult:
    batch = (torch.randn(32, 16, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3)
    return run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss())


class Turned(nn.Module):
    """A linear layer written by hand, whose weight is laid out anew where it multiplies."""

    def __init__(self, weight: Tensor, how: str) -> None:
        super().__init__()
        self.weight, self.how = nn.Parameter(weight), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "first":
            return (self.weight @ x.t()).t()
        return x @ {"t": self.weight.t(), "T": self.weight.T, "transpose": self.weight.transpose(0, 1)}[self.how]


@pytest.mark.parametrize("how", ["t", "T", "transpose", "first"])
def test_layers_written_by_hand_are_seen(how: str) -> None:
    """Averages of all inputs stay one unit, whose gradient from the logits is rounding; units are rows, not columns."""
    flat = [Turned(torch.full((out, into), 1 / into), how) for into, out in ((16, 8), (8, 8), (8, 3))]
    assert judged(nn.Sequential(flat[0], nn.Tanh(), flat[1], nn.Tanh(), flat[2])) == "fail"
    columns = Turned(torch.randn(8, 1).expand(8, 16).clone(), how)
    assert judged(nn.Sequential(columns, nn.Tanh(), nn.Linear(8, 3))) == "pass"
    rows = Turned(torch.randn(1, 16).expand(8, 16).clone(), how)
    assert judged(nn.Sequential(rows, nn.Tanh(), flat[1], nn.Tanh(), flat[2])) == "fail"


class Factors(nn.Module):
    """Two tables whose rows are multiplied, and a bias for each row of the first."""

    def __init__(self, one: float, other: float) -> None:
        super().__init__()
        self.user, self.item, self.bias = nn.Embedding(8, 4), nn.Embedding(8, 4), nn.Embedding(8, 1)
        nn.init.normal_(self.user.weight, std=one)
        nn.init.normal_(self.item.weight, std=other)

    def forward(self, pairs: Tensor) -> Tensor:
        user, item = pairs.unbind(1)
        return (self.user(user) * self.item(item)).sum(1) + self.bias(user).squeeze(1)


@pytest.mark.parametrize(("one", "other", "status"), [(0.0, 0.0, "fail"), (0.0, 0.1, "pass"), (0.1, 0.1, "pass")])
def test_factors_that_keep_each_other_at_zero_fail(one: float, other: float, status: str) -> None:
    """Two factors that both begin at zero fail, by name; one beside a random one learns and passes."""
    torch.manual_seed(0)
    batch = (torch.randint(8, (32, 2)), torch.randn(32))
    result = run_one(CHECK, model=Factors(one, other), loader=[batch], loss_fn=nn.MSELoss())
    assert result.status == status
    if status == "fail":
        assert result.where == "user.weight"
        assert "item.weight" in result.title


def pairs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(8, (32, 2), generator=generator), torch.randn(32, generator=generator)


def constant(one: float | None, other: float | None) -> Factors:
    torch.manual_seed(0)
    model = Factors(0.3, 0.3)
    for table, value in ((model.user, one), (model.item, other)):
        if value is not None:
            nn.init.constant_(table.weight, value)
    return model


@pytest.mark.parametrize(("one", "other", "status"), [(0.1, 0.1, "fail"), (0.1, None, "pass"), (None, 1.0, "pass")])
def test_tables_whose_columns_stay_alike_fail(one: float | None, other: float | None, status: str) -> None:
    """Factors that all begin at a constant remain one factor; beside random ones they part."""
    model = constant(one, other)
    result = run_one(CHECK, model=model, loader=[pairs()], loss_fn=nn.MSELoss())
    assert result.status == status
    if status == "fail":
        assert result.confirmed
        assert (result.where, result.measurements[0].expected) == ("user.weight", "4")
        assert all(bool((table.weight == 0.1).all()) for table in (model.user, model.item))


class Latents(nn.Module):
    """Queries that look at a sequence; then the mean of what they see, or of the queries' own sum with it."""

    def __init__(self, value: Tensor, *, linear: bool = False) -> None:
        super().__init__()
        self.queries = nn.Parameter(value)
        self.enter, self.head, self.linear = nn.Linear(4, 8), nn.Linear(8, 3), linear

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x.view(len(x), 4, 4))
        if self.linear:
            return self.head((x + self.queries).mean(1))
        seen = torch.softmax(self.queries @ x.transpose(1, 2), -1) @ x
        return self.head(torch.relu(seen + self.queries).mean(1))


class Summed(nn.Module):
    """A mixture of bumps around centres."""

    def __init__(self, centres: Tensor) -> None:
        super().__init__()
        self.centres, self.head = nn.Parameter(centres), nn.Linear(1, 3)

    def forward(self, x: Tensor) -> Tensor:
        distance = (x[:, None] - self.centres).square().mean(-1)
        return self.head(torch.exp(-distance).sum(1, keepdim=True))


def test_bare_parameters_whose_rows_stay_alike_fail() -> None:
    """Centres, and queries, that begin at one point remain one; drawn at random they pass."""
    torch.manual_seed(0)
    assert judged(Summed(torch.zeros(5, 16))) == "fail"
    assert judged(Summed(torch.randn(5, 16))) == "pass"
    result = on_classes(Summed(torch.full((5, 16), 0.5)))
    assert (result.where, result.title) == ("centres", "The rows of centres are all alike")
    assert judged(Latents(torch.randn(4, 8))) == "pass"


def test_zero_places_that_the_model_averages_pass() -> None:
    """Places added at zero part behind a layer; where only their mean counts, it matters not how they begin."""
    torch.manual_seed(0)
    assert judged(Latents(torch.zeros(4, 8), linear=True)) == "pass"
    assert judged(Branches()) == "pass"
    table = nn.Sequential(nn.Embedding(8, 4), nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0))
    nn.init.zeros_(table[0].weight)
    assert run_one(CHECK, model=table, loader=[pairs()], loss_fn=nn.MSELoss()).status == "pass"


class Pairwise(nn.Module):
    """A linear part, and products of features through factors that are squared."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.linear, self.factors = nn.Linear(16, 3), nn.Parameter(spread * torch.randn(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        squares = (x @ self.factors).square() - x.square() @ self.factors.square()
        return self.linear(x) + 0.5 * squares.sum(1, keepdim=True) * x[:, :3]


class Closed(nn.Module):
    """A layer of zeros behind gates, each of which opens only after the next."""

    def __init__(self, gates: int) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(16, 16), nn.Linear(16, 3)
        self.inner, self.gates = nn.Linear(16, 16), nn.Parameter(torch.zeros(gates))
        nn.init.zeros_(self.inner.weight)

    def forward(self, x: Tensor) -> Tensor:
        own = torch.tanh(self.first(x))
        h = own + self.inner(own)
        for gate in self.gates:
            h = own + gate * h
        return self.head(h)


def test_a_factor_that_holds_its_own_gradient_at_zero_fails() -> None:
    """Factors that are squared get a gradient of zero at zero, and no step frees them; drawn at random they move."""
    torch.manual_seed(0)
    found = run_one(CHECK, model=Pairwise(0.0), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "fail"
    assert found.where == "factors"
    assert judged(Pairwise(0.1)) == "pass"


class Heads(nn.Module):
    """Two heads that begin at zero, of which a sample takes the one of its task."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.heads = nn.Linear(16, 8), nn.ModuleList(nn.Linear(8, 3) for _ in range(2))
        for head in self.heads:
            nn.init.zeros_(head.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        h = torch.tanh(self.body(x))
        return tuple(head(h) for head in self.heads)


def test_a_zero_head_that_a_penalty_alone_reaches_is_no_fail() -> None:
    """A head that no sample of the batch takes moves, drawn at random, by the decay of all weights in the loss."""
    torch.manual_seed(0)
    model = Heads()

    def penalised(z: tuple[Tensor, ...], y: Tensor) -> Tensor:
        chosen = torch.where(y[:, None] >= 0, *z)
        return nn.functional.cross_entropy(chosen, y) + 1e-3 * sum(p.square().sum() for p in model.parameters())

    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=penalised)
    assert result.status == "inconclusive"


def test_a_zero_layer_whose_loss_is_zero_is_no_fail() -> None:
    """Where zero answers are within the margin of every target nothing is left to learn."""
    model = nn.Linear(16, 3)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)

    def beyond_margin(z: Tensor, y: Tensor) -> Tensor:
        return (z - 0.1 * nn.functional.one_hot(y, 3)).abs().sub(0.2).clamp_min(0).mean()

    assert run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=beyond_margin).status == "inconclusive"


def test_a_zero_layer_that_others_keep_closed_is_no_fail() -> None:
    """Behind more closed gates than steps are taken a layer of zeros waits, and drawn at random it waits as well."""
    torch.manual_seed(0)
    assert judged(Closed(gates=6)) == "inconclusive"
    assert judged(Closed(gates=1)) == "pass"


class Mirrored(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        early = copy.deepcopy(self[0])
        return super().forward(x) + 0 * early(x).mean()


def test_a_copy_that_the_forward_makes_is_no_layer_of_the_model() -> None:
    """A part that is copied within the pass has the same weights as its original, and no place in the model."""
    assert judged(Mirrored(*network())) == "pass"
