from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.init.saturated_units import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def judged(model: nn.Module, x: Tensor = X) -> str:
    return run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_saturated_units_are_measured() -> None:
    """The share is that of values within a hundredth of the range of an end."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    with torch.no_grad():
        values = arguments["model"][:2](arguments["loader"][0][0])
    share = float((values.abs() > 0.98).double().mean())
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{share:.0%}"
    assert result.charts[0].kind == "histogram"


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Sigmoid(), nn.Hardtanh(), nn.Softsign()])
def test_bounded_activations_pass_on_unit_scale(activation: nn.Module) -> None:
    """Hidden bounded units on normalised inputs are healthy."""
    assert judged(nn.Sequential(nn.Linear(16, 32), activation, nn.Linear(32, 3))) == "pass"


class Sharpened(nn.Tanh):
    """Tanh of values made large on purpose, as soft bits are."""

    def __init__(self, slope: float = 5.0) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.slope * x)


def wide(factor: float, activation: nn.Module, rate: float | None = None) -> CheckResult:
    """Tanh units behind weights of this many times the usual size, in a network that was trained at a rate or not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 64), activation, nn.Linear(64, 3))
    nn.init.normal_(model[0].weight, std=factor / 4)
    optimizer = torch.optim.Adam(model.parameters(), rate or 1e-3)
    if rate is not None:
        nn.CrossEntropyLoss()(model(X), Y).backward()
        optimizer.step()
        optimizer.zero_grad()
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)


def test_most_units_at_a_limit_are_a_defect_where_nothing_was_learnt() -> None:
    """Three quarters fail straight behind a layer as it was drawn; in a trained network, or sharpened, they warn."""
    drawn = wide(6.5, nn.Tanh())
    assert 0.7 <= float(drawn.measurements[0].measured.rstrip("%")) / 100 < 0.9
    assert drawn.status == "fail"
    assert wide(6.5, nn.Tanh(), rate=1e-4).status == "warn"
    assert wide(1.3, Sharpened()).status == "warn"
    assert wide(1.0, nn.Tanh()).status == "pass"


class ByHand(nn.Module):
    """A layer of tanh units from its formula, whose sums are multiplied by a slope."""

    def __init__(self, std: float, slope: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.w1, self.b1 = nn.Parameter(torch.randn(16, 64) * std), nn.Parameter(torch.randn(64) * 0.01)
        self.w2, self.slope = nn.Parameter(torch.randn(64, 3) * 0.1), slope

    def forward(self, x: Tensor) -> Tensor:
        sums = x @ self.w1 + self.b1
        return torch.tanh(sums if self.slope == 1 else self.slope * sums) @ self.w2


def test_a_layer_from_its_formula_counts_as_a_layer() -> None:
    """A bias that is added to a product with weights is part of the layer; a factor behind it may be on purpose."""
    assert judged(ByHand(6.5 / 4)) == "fail"
    assert judged(ByHand(6.5 / 4 / 5, slope=5.0)) == "warn"
    assert judged(ByHand(1 / 4)) == "pass"


def test_random_features_that_are_not_trained_are_silent() -> None:
    """No gradient is wanted before a layer whose weights are all frozen, however steep they were drawn."""
    model = ByHand(6.5 / 4)
    assert judged(model) == "fail"
    model.w1.requires_grad_(False)
    model.b1.requires_grad_(False)
    assert judged(model) == "pass"


def steep(layers: int, slope: float, between: Callable[[], nn.Module] = nn.Identity) -> str:
    """Layers of tanh units of this slope, each behind what `between` makes."""
    torch.manual_seed(0)
    sharpened = [part for _ in range(layers) for part in (nn.Linear(32, 32), between(), Sharpened(slope))]
    return judged(nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), *sharpened, nn.Linear(32, 3)))


def test_steep_units_in_layer_after_layer_are_a_defect() -> None:
    """One layer may be sharpened on purpose, as soft bits are; three in a row of an untrained network are not."""
    assert steep(1, 16.0) == "warn"
    assert steep(2, 16.0) == "warn"
    assert steep(3, 16.0) == "fail"
    assert steep(3, 1.0) == "pass"


def drawn(*factors: float) -> str:
    """Sigmoid layers behind weights that are so many times as large as usual."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for factor in factors:
        nn.init.normal_((layer := nn.Linear(64, 64)).weight, std=factor / 8)
        model.extend([layer, nn.Sigmoid()])
    return judged(model.append(nn.Linear(64, 3)), torch.rand(32, 64))


def test_half_of_the_units_behind_weights_drawn_too_large_are_a_defect() -> None:
    """Two layers of weights twenty times the usual size, with most units at a limit, fail; one of them is no proof."""
    assert drawn(1.0, 20.0, 20.0, 1.0) == "fail"
    assert drawn(1.0, 20.0, 1.0, 1.0) == "pass"
    assert drawn(4.0, 4.0, 4.0, 4.0) == "pass"


def test_soft_bits_behind_normalised_values_are_no_defect() -> None:
    """A network that is binarised softly has steep units in every layer, each behind a BatchNorm: they only warn."""
    assert steep(4, 8.0, lambda: nn.BatchNorm1d(32)) == "warn"


class Gated(nn.Module):
    """A gate, an attention and a final probability, all at their limits."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value, self.score, self.head = (nn.Linear(16, n) for n in (16, 16, 1, 3))

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(100 * self.gate(x))
        weight = torch.sigmoid(100 * self.score(x))
        x = (gate * self.value(x)) * weight.expand(-1, 16)
        return torch.tanh(100 * self.head(x))


def test_gates_attention_and_final_probabilities_are_silent() -> None:
    """What multiplies something, or is the output, may sit at its limits."""
    assert judged(Gated()) == "pass"


def test_a_recurrent_cell_by_hand_is_seen() -> None:
    """The state of a recurrence that feeds its own weights counts as hidden."""

    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.again, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            state = x.new_zeros(len(x), 8)
            for part in x.chunk(4, 1):
                state = torch.tanh(self.enter(part) + self.again(state))
            return self.head(state)

    assert judged(Cell()) == "pass"
    assert judged(Cell(), 1000 * X) == "fail"


class Recurrent(nn.Module):
    """Reads its inputs in steps of four, by a fused recurrent layer with weights of this spread."""

    def __init__(self, spread: float | None, kind: type[nn.RNNBase] = nn.RNN, *, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = kind(2, 32, batch_first=batch_first), nn.Linear(32, 3)
        self.batch_first = batch_first
        for weight in self.rnn.parameters() if spread is not None else ():
            nn.init.normal_(weight, std=spread)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 8, 2)
        _, state = self.rnn(x if self.batch_first else x.transpose(0, 1))
        return self.head((state[0] if isinstance(state, tuple) else state)[-1])


@pytest.mark.parametrize("batch_first", [True, False])
def test_states_of_a_fused_recurrence_are_measured_from_the_second_time_on(batch_first: bool) -> None:
    """The share is that of the states that a state came before; at the first time a recurrent layer has none."""
    model = Recurrent(1.5, batch_first=batch_first)
    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    with torch.no_grad():
        x = X.view(-1, 8, 2)
        states = model.rnn(x)[0][:, 1:] if batch_first else model.rnn(x.transpose(0, 1))[0][1:]
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{float((states.abs() > 0.98).double().mean()):.0%}"


def test_states_of_a_packed_recurrence_are_seen() -> None:
    """A packed sequence is judged as any other."""

    class Packed(Recurrent):
        def forward(self, x: Tensor) -> Tensor:
            lengths = torch.arange(len(x)) % 4 + 5
            packed = nn.utils.rnn.pack_padded_sequence(x.view(-1, 8, 2), lengths, True, False)
            return self.head(self.rnn(packed)[1][-1])

    assert judged(Packed(1.5)) == "fail"
    assert judged(Packed(None)) == "pass"


class Begun(Recurrent):
    """A reservoir whose first state is learnt."""

    def __init__(self) -> None:
        super().__init__(1.5)
        self.rnn.requires_grad_(False)
        self.first = nn.Parameter(torch.zeros(1, 1, 32))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x.view(-1, 8, 2), self.first.expand(1, len(x), 32).contiguous())[1][-1])


class Frames(nn.Module):
    """Reads eight frames of many values of unit size, as PyTorch draws a recurrent layer of few units."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.RNN(2048, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0].mean(1))


@pytest.mark.parametrize("seed", range(3))
def test_many_inputs_are_steep_in_the_usual_draw_without_harm(seed: int) -> None:
    """Three quarters of the states lie at a limit at first, and the network learns; inputs ten times as large fail."""
    torch.manual_seed(seed)
    model, frames = Frames(), torch.randn(len(Y), 8, 2048)
    states = model.rnn(frames)[0][:, 1:]
    assert float((states.abs() > 0.98).double().mean()) > 0.7
    assert judged(model, frames) == "pass"
    assert judged(model, 10 * frames) == "fail"


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_gated_and_usual_recurrent_layers_are_silent(kind: type[nn.RNNBase]) -> None:
    """States pass with weights as PyTorch draws them; those of gated layers are no activation's values."""
    assert judged(Recurrent(None)) == "pass"
    assert judged(Recurrent(None), 3 * X) == "pass"
    assert judged(Recurrent(1.5, kind)) == "pass"


def test_states_of_frozen_and_trained_recurrent_layers_are_silent() -> None:
    """A reservoir is drawn as its author wants it, and a trained recurrence may count with states at their limits."""
    reservoir = Recurrent(1.5)
    reservoir.rnn.requires_grad_(False)
    assert judged(reservoir) == "pass"
    assert judged(Begun()) == "pass"
    model = Recurrent(1.5)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    nn.CrossEntropyLoss()(model(X), Y).backward()
    optimizer.step()
    found = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == "pass"


def test_no_bounded_activation_and_nan_are_silent() -> None:
    """A network without such units, and one of NaN, give no finding."""
    assert judged(nn.Linear(16, 3)) == "pass"
    assert judged(nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3)), X * float("nan")) == "pass"


class Codes(nn.Module):
    """Whether the halves of a sample are alike, from their codes of this steepness."""

    def __init__(self, steepness: float, compare: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.scale = nn.Linear(8, 24), nn.Parameter(torch.tensor(3.0))
        self.steepness, self.compare = steepness, compare

    def forward(self, x: Tensor) -> Tensor:
        one, other = (torch.tanh(self.steepness * self.features(half)) for half in x.chunk(2, 1))
        return self.scale * self.compare(one, other)


def of_codes(model: nn.Module, loss_fn: object = None, **options: object) -> str:
    batch = (X, (torch.arange(32) % 2).float())
    return run_one(CHECK, model=model, loader=[batch], loss_fn=loss_fn or nn.BCEWithLogitsLoss(), **options).status


@pytest.mark.parametrize(
    "compare",
    [
        lambda one, other: (one * other).mean(1),
        lambda one, other: (one - other).abs().mean(1),
        lambda one, other: torch.einsum("bi,bi->b", one, other) / 24,
        torch.cosine_similarity,
    ],
)
def test_codes_that_are_compared_fail_where_they_begin_at_their_limits(
    compare: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Soft bits behind a steep factor send hardly any gradient back; of unit slope, or once trained, they pass."""
    assert of_codes(Codes(400.0, compare)) == "fail"
    assert of_codes(Codes(1.0, compare)) == "pass"
    model = Codes(400.0, compare)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    nn.BCEWithLogitsLoss()(model(X), (torch.arange(32) % 2).float()).backward()
    optimizer.step()
    optimizer.zero_grad()
    assert of_codes(model, optimizer=optimizer) == "pass"


class Gating(nn.Module):
    """Gated units as of WaveNet."""

    def __init__(self, values: float, gates: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.both, self.head, self.factors = nn.Linear(16, 32), nn.Linear(16, 3), (values, gates)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.both(x).chunk(2, 1)
        return self.head(torch.tanh(self.factors[0] * value) * torch.sigmoid(self.factors[1] * gate))


def test_gated_values_fail_and_their_gates_are_silent() -> None:
    """The tanh of a gated unit holds values, which should not begin at their limits; its sigmoid may."""
    assert judged(Gating(400.0, 1.0)) == "fail"
    assert judged(Gating(1.0, 400.0)) == "pass"
    assert judged(Gating(1.0, 1.0)) == "pass"
