from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from nbinspect.records import CheckResult
from nbinspect.sanity.backward.exploding_gradients import CHECK, bad
from tests.sanity.backward.test_vanishing_gradients import Residual, Scaled, deep
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = torch.randn(32, 32, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4


def judged(model: nn.Module) -> str:
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_the_factor_is_that_of_gradients_over_weights() -> None:
    """The measured factor is the one that backward on the model itself gives."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    model, (x, y) = arguments["model"], arguments["loader"][0]
    nn.CrossEntropyLoss()(model(x), y).backward()
    layers = [*model.layers, model.head]
    ratios = [float(layer.weight.grad.norm() / layer.weight.detach().norm()) for layer in layers]
    assert result.status == "fail"
    assert float(result.measurements[0].measured) == pytest.approx(min(ratios[:2]) / max(ratios[-2:]), rel=1e-3)
    assert result.where == "layers.0.weight"


def test_usual_networks_pass() -> None:
    """Deep rectified networks, with raw bytes as inputs too, and branches that begin near zero pass."""
    assert judged(deep(nn.ReLU, 10)) == "pass"
    raw = [(255 * X.abs(), Y)]
    assert run_one(CHECK, model=deep(nn.ReLU, 6), loader=raw, loss_fn=nn.CrossEntropyLoss()).status == "pass"
    for scale in (0.0, 1e-6, 1.0):
        assert judged(Scaled(scale)) == "pass"


def test_a_shallow_network_has_no_depth() -> None:
    """A linear model passes, one without a backward is skipped."""
    assert judged(nn.Linear(32, 4)) == "pass"
    assert run_one(CHECK, model=nn.Linear(32, 4), loader=[(X, Y)]).status == "skip"


class Loop(nn.Module):
    """A state that a linear map of this radius carries from time to time."""

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.enter, self.again, self.head = nn.Linear(4, 16), nn.Linear(16, 16, bias=False), nn.Linear(16, 3)
        nn.init.orthogonal_(self.again.weight, radius)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 16)
        for t in range(x.shape[1]):
            h = self.enter(x[:, t]) + self.again(h)
        return self.head(h)


class Layered(nn.Module):
    def __init__(self, layer: nn.RNNBase, scale: float = 1.0) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(16, 3)
        with torch.no_grad():
            layer.weight_hh_l0.mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


def over_time(model: nn.Module, times: int = 40) -> CheckResult:
    batch = torch.randn(12, times, 4), torch.arange(12) % 3
    return run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss(), task="other")


def test_growth_through_time_is_that_of_the_recurrent_weights() -> None:
    """An orthogonal map of radius 1.5 multiplies the gradient by 1.5 at each time; one of radius 1 leaves it."""
    torch.manual_seed(0)
    result = over_time(Loop(1.5))
    assert (result.status, result.where) == ("fail", "again.weight")
    assert float(result.measurements[1].measured) == pytest.approx(1.5, rel=1e-3)
    assert over_time(Loop(1.0)).status == "pass"


def test_recurrent_layers_are_looked_at_through_time() -> None:
    """Large recurrent weights fail in PyTorch's own layers; as they come, at any length, these pass."""
    torch.manual_seed(0)
    assert over_time(Layered(nn.RNN(4, 16, batch_first=True), 12.0)).where == "layer"
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        assert over_time(Layered(kind(4, 16, 2, batch_first=True))).status == "pass"


def test_growth_of_the_activations_gradient_fails() -> None:
    """Weights of std 1 in every layer multiply the gradient at each, though all get it relative to their weights."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for _ in range(8):
        nn.init.normal_((linear := nn.Linear(32, 32)).weight)
        model.extend([linear, nn.ReLU()])
    assert judged(model.append(nn.Linear(32, 4))) == "fail"


class Packed(Layered):
    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, [40 - at for at in range(len(x))], batch_first=True)
        return self.head(self.layer(packed)[1][-1])


def test_packed_sequences_are_looked_at_through_time() -> None:
    """Large recurrent weights fail under packed sequences too, over the times that all have, and usual ones pass."""
    torch.manual_seed(0)
    result = over_time(Packed(nn.RNN(4, 16, batch_first=True, nonlinearity="relu"), 9.0))
    assert (result.status, result.where) == ("fail", "layer")
    assert over_time(Packed(nn.RNN(4, 16, batch_first=True))).status == "pass"


class Carried(Loop):
    """A state that a transposed matrix carries on, or the exponentials of rates."""

    def __init__(self, radius: float, rates: bool) -> None:
        super().__init__(radius)
        self.rates = nn.Parameter(torch.full((16,), radius).log()) if rates else None

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 16)
        for t in range(x.shape[1]):
            again = h @ self.again.weight.T if self.rates is None else torch.exp(self.rates) * h
            h = self.enter(x[:, t]) + again
        return self.head(h)


@pytest.mark.parametrize("rates", [False, True])
def test_what_is_made_of_weights_alone_counts_as_these(rates: bool) -> None:
    """A state carried on by a transposed matrix, or by exponentials, grows by 1.5 at each time, and fails."""
    torch.manual_seed(0)
    result = over_time(Carried(1.5, rates))
    assert (result.status, result.where) == ("fail", "rates" if rates else "again.weight")
    assert float(result.measurements[1].measured) == pytest.approx(1.5, rel=1e-3)
    assert over_time(Carried(1.0, rates)).status == "pass"


def test_chaos_through_time_fails() -> None:
    """A bounded state whose gradient grows a million times, though now and then it falls from one time to the next."""
    torch.manual_seed(0)
    layer = nn.RNN(4, 64, batch_first=True)
    with torch.no_grad():
        layer.weight_hh_l0.normal_(0, 2.5 / 8)
    result = over_time(Wide(layer), 64)
    assert (result.status, result.where) == ("fail", "layer")
    with torch.no_grad():
        layer.weight_hh_l0.div_(2.5)
    assert over_time(Wide(layer), 64).status == "pass"


class Wide(nn.Module):
    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


@pytest.mark.parametrize(("depth", "status"), [(12, "pass"), (24, "pass"), (40, "fail"), (50, "fail")])
def test_normalised_layers_without_shortcuts_explode_when_there_are_many(depth: int, status: str) -> None:
    """Each BatchNorm behind a ReLU makes the gradient a fifth larger: forty make a thousand of it, 24 do not."""
    torch.manual_seed(0)
    blocks = [part for _ in range(depth) for part in (nn.Linear(32, 32), nn.ReLU(), nn.BatchNorm1d(32))]
    model = nn.Sequential(*blocks, nn.Linear(32, 4))
    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == status
    assert status == "pass" or "shortcut" in result.remedy


@pytest.mark.parametrize(("depth", "status"), [(10, "fail"), (4, "pass")])
def test_shortcuts_added_twice_fail_where_there_are_many(depth: int, status: str) -> None:
    """A stream that doubles at each shortcut doubles the gradient: ten make it a thousand, four hardly matter."""
    result = run_one(
        CHECK, model=Residual(lambda x, made: x + (x + made), depth), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss()
    )
    assert result.status == status
    if status == "fail":
        assert float(result.measurements[1].measured) == pytest.approx(2, rel=0.05)
        assert "once" in result.remedy


@pytest.mark.parametrize(
    "join",
    [
        lambda x, made: x + made,
        lambda x, made: x + 2 * made,
        lambda x, made: (x + made) * 0.5**0.5,
        lambda x, made: torch.nn.functional.layer_norm(2 * x + made, (32,)),
    ],
)
def test_usual_shortcuts_pass(join: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Ten blocks beside a shortcut are healthy, be their sum plain, scaled or normalised."""
    assert judged(Residual(join, 10)) == "pass"


@pytest.mark.parametrize(("gain", "status"), [(3.0, "fail"), (1.0, "pass")])
def test_recurrent_weights_of_a_large_gain_fail_though_single_times_make_it_fall(gain: float, status: str) -> None:
    """Over a few times at once the gradient grows all along, which is no matter of chance; a gain of 1 hands it on."""

    class Elman(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.RNN(2, 32, batch_first=True), nn.Linear(32, 3)
            nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=gain)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[0].mean(1))

    torch.manual_seed(1)
    loader = [(torch.randn(16, 40, 2), torch.arange(16) % 3)]
    assert run_one(CHECK, model=Elman(), loader=loader, loss_fn=nn.CrossEntropyLoss()).status == status
