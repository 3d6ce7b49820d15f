from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.init.init_scale import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 64, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4


def plain(std: float, depth: int = 8, norm: bool = False) -> nn.Sequential:
    model = nn.Sequential()
    for _ in range(depth):
        linear = nn.Linear(64, 64)
        nn.init.normal_(linear.weight, std=std)
        model.extend([linear, *([nn.LayerNorm(64)] if norm else []), nn.ReLU()])
    return model.append(nn.Linear(64, 4))


def judged(model: nn.Module, x: Tensor = X) -> str:
    return run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_a_signal_that_shrinks_is_measured() -> None:
    """The share that is left is that which the layers' own outputs have."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    model, x = arguments["model"], arguments["loader"][0][0]
    with torch.no_grad():
        before = model[:13](x)  # the last two hidden layers are 12 and 14
        deep = max(float(model[:n](x).var(0, unbiased=False).mean().sqrt()) for n in (12, 13, 14, 15))
    share = deep / float(x.var(0, unbiased=False).mean().sqrt())
    assert before.shape == (32, 64)
    assert result.status == "fail"
    assert float(result.measurements[0].measured) == pytest.approx(share, rel=0.01)
    assert result.where.endswith("weight")
    assert len(result.charts[0].names) == 9


def test_a_signal_that_explodes_fails() -> None:
    """Weights of standard deviation 1 in eight layers fail."""
    result = run_one(CHECK, model=plain(1.0), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "fail"
    assert "explodes" in result.title


def test_weights_that_mute_the_signal_layer_by_layer_fail_at_a_thousandth() -> None:
    """Six layers of a fifth of the usual spread fail; eight of two fifths, and three of a fifth, keep enough."""
    result = run_one(CHECK, model=plain(0.2 / 8, depth=6), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "fail"
    assert 1e-5 < float(result.measurements[0].measured) < 1e-3
    assert judged(plain(0.4 / 8, depth=8)) == "pass"
    assert judged(plain(0.2 / 8, depth=3)) == "pass"


def normed(std: float, depth: int = 8) -> nn.Sequential:
    """Layers of this spread, a norm behind each."""
    model = nn.Sequential()
    for _ in range(depth):
        nn.init.normal_((linear := nn.Linear(64, 64)).weight, std=std)
        model.extend([linear, nn.LayerNorm(64), nn.ReLU()])
    return model.append(nn.Linear(64, 4))


@pytest.mark.parametrize("std", [0.02, 0.125])
def test_large_inputs_before_norms_are_no_vanishing_signal(std: float) -> None:
    """Norms bring inputs in the thousands down to 1 on purpose; small weights between them take nothing from it."""
    result = run_one(CHECK, model=normed(std), loader=[(X * 5000, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "pass"


def squashed(activation: type[nn.Module], factor: float = 1.0) -> CheckResult:
    """Ten layers with weights of this many times Xavier's spread."""
    torch.manual_seed(0)
    layers = [part for _ in range(10) for part in (nn.Linear(64, 64), activation())]
    model = nn.Sequential(*layers, nn.Linear(64, 4))
    for part in model[::2]:
        nn.init.normal_(part.weight, std=factor / 8)
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())


def test_what_activations_take_is_not_put_down_to_the_weights() -> None:
    """Sigmoids between weights of Xavier's spread only warn here, for the gradient vanishes by them; tanh passes."""
    found = squashed(nn.Sigmoid)
    assert found.status == "warn"
    assert "between the layers" in found.summary
    assert float(found.measurements[1].measured) > 0.3
    assert squashed(nn.Tanh).status == "pass"
    assert squashed(nn.Tanh, 0.1).status == "fail"


def vgg(fan: int) -> nn.Sequential:
    """Eight convolutions of 16 channels without norms, drawn for so many inputs."""
    model = nn.Sequential()
    for at in range(8):
        conv = nn.Conv2d(16, 16, 3, padding=1)
        nn.init.normal_(conv.weight, std=(2 / fan) ** 0.5)
        model.extend([conv, nn.ReLU(), *([nn.MaxPool2d(2)] if at % 4 == 3 else [])])
    return model.extend([nn.Flatten(), nn.Linear(16 * 4, 4)])


def test_growth_by_every_layer_fails_far_below_overflow() -> None:
    """Convolutions whose fan lacks the 3 x 3 triple the signal each; the growth is that of what enters the last."""
    x = torch.randn(32, 16, 8, 8)
    model = vgg(16)
    result = run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss())
    with torch.no_grad():
        entering = [model[:n](x).var(0, unbiased=False).mean().sqrt() for n in range(len(model))]
    growth = float(max(entering[n] for n, part in enumerate(model) if isinstance(part, nn.Conv2d | nn.Linear)))
    assert result.status == "fail"
    assert 100 < float(result.measurements[0].measured) < 1e4
    assert float(result.measurements[0].measured) == pytest.approx(growth / float(entering[0]), rel=0.01)
    assert judged(vgg(16 * 9), x) == "pass"


def test_large_weights_behind_norms_or_bounded_activations_pass() -> None:
    """Layers that amplify are harmless where what they give is scaled back."""
    for after in (nn.LayerNorm(64), nn.Tanh()):
        layers = [part for _ in range(8) for part in (nn.Linear(64, 64), after)]
        model = nn.Sequential(*layers, nn.Linear(64, 4))
        for part in model[::2]:
            nn.init.normal_(part.weight)
        assert judged(model) == "pass"


def test_growth_without_large_weights_passes() -> None:
    """Where sums and shortcuts make the signal grow, no initialisation is at fault."""

    class Sums(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            for layer in self[:-1]:
                x = 4 * torch.relu(layer(x))
            return self[-1](x)

    model = Sums(*(nn.Linear(64, 64) for _ in range(6)), nn.Linear(64, 4))
    for layer in model:
        nn.init.kaiming_normal_(layer.weight)
    assert judged(model) == "pass"


@pytest.mark.parametrize("std", [0.01, 1.0])
def test_normalisation_between_the_layers_heals_both(std: float) -> None:
    """The same weights pass behind layer normalisation."""
    assert judged(plain(std, norm=True)) == "pass"


def test_the_usual_initialisations_pass() -> None:
    """PyTorch's own initialisation passes at ten layers, He's at thirty, raw bytes as inputs too."""
    usual = nn.Sequential(*[part for _ in range(10) for part in (nn.Linear(64, 64), nn.ReLU())], nn.Linear(64, 4))
    assert judged(usual) == "pass"
    assert judged(plain((2 / 64) ** 0.5, depth=30)) == "pass"
    assert judged(plain((2 / 64) ** 0.5), 255 * torch.rand(32, 64)) == "pass"


class Residual(nn.Module):
    """Blocks beside a shortcut."""

    def __init__(self, depth: int, last: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64)) for _ in range(depth)
        )
        self.head = nn.Linear(64, 4)
        for block in self.blocks:
            block[2].weight.data.mul_(last)
            block[2].bias.data.mul_(last)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


@pytest.mark.parametrize("last", [0.0, 1.0])
def test_residual_growth_and_branches_that_begin_at_zero_pass(last: float) -> None:
    """Twenty-four blocks without normalisation pass, whatever their branches begin at."""
    assert judged(Residual(24, last)) == "pass"


def test_a_head_that_begins_near_zero_passes() -> None:
    """A last layer of tiny weights is no loss of signal in the network."""
    model = plain((2 / 64) ** 0.5)
    nn.init.normal_(model[-1].weight, std=1e-8)
    assert judged(model) == "pass"


def test_ugly_programs_are_not_judged() -> None:
    """One sample, no parameters and integers alone give no finding."""
    assert run_one(CHECK, model=plain(0.01), loader=[(X[:1], Y[:1])], loss_fn=nn.CrossEntropyLoss()).status in (
        "inconclusive",
        "pass",
    )
    assert run_one(CHECK, model=nn.Flatten(), loader=[(X, X)], loss_fn=nn.MSELoss()).status == "skip"
    assert judged(plain(0.01), torch.full((32, 64), float("nan"))) in ("inconclusive", "pass")


def test_units_that_are_all_dead_are_no_matter_of_scale() -> None:
    """Where a layer wipes out everything at once, the scale of the weights is not blamed."""
    model = nn.Sequential(*(part for _ in range(4) for part in (nn.Linear(32, 32), nn.ReLU())), nn.Linear(32, 4))
    nn.init.constant_(model[0].bias, -10.0)
    result = run_one(
        CHECK, model=model, loader=[(torch.randn(32, 32), torch.arange(32) % 4)], loss_fn=nn.CrossEntropyLoss()
    )
    assert result.status == "inconclusive"


class Gates(nn.Module):
    """A highway layer of sigmoids: a gate beside each layer, both given the same."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.change, self.gate = nn.Linear(64, 64), nn.Linear(64, 64)
        nn.init.constant_(self.gate.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.sigmoid(self.change(x)) + (1 - gate) * x


def test_layers_beside_each_other_take_the_signal_once() -> None:
    """Sigmoids behind gates that let nothing by wipe the signal out, not the weights: worth a look, no failure."""
    torch.manual_seed(0)
    assert judged(nn.Sequential(*(Gates(3.0) for _ in range(16)), nn.Linear(64, 4))) == "warn"
    assert judged(nn.Sequential(*(Gates(-3.0) for _ in range(16)), nn.Linear(64, 4))) == "pass"


def test_sigmoids_under_usual_weights_are_no_matter_of_the_weights() -> None:
    """What eight sigmoids take is far more than what PyTorch's own weights between them do."""
    torch.manual_seed(0)
    layers = [part for _ in range(8) for part in (nn.Linear(64, 64), nn.Sigmoid())]
    assert judged(nn.Sequential(*layers, nn.Linear(64, 4))) == "warn"


class Slipped(nn.Module):
    """Four layers, one of which is drawn a thousand times too small."""

    def __init__(self, *, at: int = 1, shortcut: bool = False, norm: bool = False, factor: float = 1e-3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(4))
        nn.init.normal_(self.layers[at].weight, std=factor / 8)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[at].bias)  # type: ignore[arg-type]
        self.shortcut, self.norm = shortcut, nn.LayerNorm(64, eps=1e-12) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.norm(layer(x)).relu() + (x if self.shortcut else 0)
        given: Tensor = self.layers[-1](x)
        return given


def test_one_layer_drawn_far_too_small_fails_with_its_name() -> None:
    """Where all behind it sees no difference between samples, the layer that was drawn too small is named."""
    result = run_one(CHECK, model=Slipped(), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss())
    assert (result.status, result.where) == ("fail", "layers.1.weight")
    assert float(result.measurements[0].measured) < 1e-3


@pytest.mark.parametrize("model", [Slipped(at=3), Slipped(shortcut=True), Slipped(norm=True), Slipped(factor=0.1)])
def test_a_small_head_branch_layer_before_a_norm_and_a_modest_one_are_silent(model: nn.Module) -> None:
    """What is small on purpose leaves a way past it, or a norm behind it."""
    assert judged(model) == "pass"


def test_small_weights_for_large_inputs_are_silent() -> None:
    """A first layer that takes bytes to unit scale wipes nothing out."""
    model = Slipped(at=0, factor=1 / 255)
    assert judged(model, 128 + 60 * X) == "pass"


def of_depth(activation: nn.Module, depth: int, gain: float, optimizer: Callable[..., Any]) -> CheckResult:
    """Deep layers on four classes that are far apart."""
    torch.manual_seed(0)
    layers = [part for _ in range(depth) for part in (nn.Linear(64, 64), activation)]
    model = nn.Sequential(*layers, nn.Linear(64, 4))
    for layer in layers[::2]:
        nn.init.normal_(layer.weight, std=gain / 8)  # type: ignore[arg-type]
    x = 0.3 * X + torch.eye(4, 64)[Y] * 4
    given = optimizer(model.parameters())
    return run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=given)


def descent(rate: float) -> Callable[..., Any]:
    return lambda parameters: torch.optim.SGD(parameters, rate, momentum=0.9)


@pytest.mark.parametrize(
    ("activation", "gain", "rate", "rule"), [(nn.Tanh(), 0.6, 0.02, "xavier"), (nn.ReLU(), 1.0, 0.005, "kaiming")]
)
def test_a_faint_signal_that_learns_nothing_fails_with_both_losses(
    activation: nn.Module, gain: float, rate: float, rule: str
) -> None:
    """Where the loss stays, and falls if weights give back what was taken, a hundredth of the signal is too little."""
    result = of_depth(activation, 16, gain, descent(rate))
    assert (result.status, result.confirmed) == ("fail", True)
    assert float(result.measurements[0].measured) > 1e-4
    assert float(result.measurements[1].measured) > 2 * float(result.measurements[1].expected.split()[0])
    assert result.code.endswith(f"{rule}_normal_(weight)")
    assert 120 < result.steps <= 240


@pytest.mark.parametrize(
    ("activation", "depth", "gain", "optimizer"),
    [
        (nn.Tanh(), 16, 1.0, descent(0.02)),
        (nn.Tanh(), 8, 0.55, descent(0.1)),
        (nn.Tanh(), 16, 0.6, descent(1e-6)),
        (nn.ReLU(), 16, 2**0.5, descent(0.005)),
        (nn.ReLU(), 12, 1.0, lambda parameters: torch.optim.Adam(parameters, 1e-3)),
        (nn.ReLU(), 9, 1.0, descent(0.005)),
        (nn.ReLU(), 16, 1.0, descent(1e-6)),
    ],
)
def test_a_faint_signal_that_is_learnt_from_or_that_nothing_helps_passes(
    activation: nn.Module, depth: int, gain: float, optimizer: Callable[..., Any]
) -> None:
    """Weights that keep the scale, a way that learns all the same, sooner or later, and a rate too small for any."""
    assert of_depth(activation, depth, gain, optimizer).status == "pass"


def test_a_loss_that_stays_while_outputs_come_apart_passes() -> None:
    """Layers as they are drawn by default begin late at a small rate: their outputs tell so before the loss does."""
    torch.manual_seed(0)
    layers = [part for width in (10, *[64] * 8) for part in (nn.Linear(width, 64), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(64, 5))
    y = torch.arange(512) % 5
    x = 2 * torch.randn(5, 10)[y] + torch.randn(512, 10)
    loader = [(x[start : start + 32], y[start : start + 32]) for start in range(0, 512, 32)]
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    result = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert result.status == "pass"
    assert result.steps > 120


class Adapted(nn.Module):
    """A layer whose weight is kept, plus the product of two small factors that are learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.b = nn.Parameter(torch.randn(16, 16) / 4), nn.Parameter(torch.zeros(16, 2))
        self.a = nn.Parameter(torch.randn(2, 16) / 4)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.base + self.b @ self.a)


def test_a_product_of_weights_alone_is_no_layer() -> None:
    """The factors of an adapter are given no signal, and so say nothing of the samples of the batch."""
    model = nn.Sequential(Adapted(), nn.ReLU(), nn.Linear(16, 3))
    batch = (torch.randn(32, 16), torch.arange(32) % 3)
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "pass"


class Asked(nn.Module):
    """Asks a set by learnt queries, which a layer goes over before it meets the set."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.q, self.k = nn.Parameter(torch.randn(1, 2, 16)), nn.Linear(16, 16), nn.Linear(16, 16)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k = self.q(self.queries.repeat(len(x), 1, 1)), self.k(x)
        return self.head(((q @ k.transpose(1, 2) / 4).softmax(2) @ x).flatten(1))


def test_learnt_queries_are_no_samples_that_are_alike() -> None:
    """A layer that is given weights alone says nothing of how much the samples differ."""
    batch = (torch.randn(32, 5, 16), torch.arange(32) % 3)
    assert run_one(CHECK, model=Asked(), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "pass"


def of_few_layers(sizes: tuple[float, ...], x: Tensor = X, rate: float = 1e-6) -> CheckResult:
    """A classifier of a few layers, each drawn so many times as large as usual, the last one too."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for size in sizes[:-1]:
        nn.init.normal_((layer := nn.Linear(64, 64)).weight, std=size / 8)
        model.extend([layer, nn.LeakyReLU(0.2)])
    nn.init.normal_((head := nn.Linear(64, 4)).weight, std=sizes[-1] / 8)
    optimizer = torch.optim.SGD(model.parameters(), rate)
    return run_one(CHECK, model=model.append(head), loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)


def test_a_few_layers_drawn_too_large_fail_where_usual_ones_bring_the_loss_to_chance() -> None:
    """Too few layers to explode make the network confident all the same; the largest is named, with both losses."""
    result = of_few_layers((1.4, 6, 9, 2))
    assert (result.status, result.confirmed, result.where) == ("fail", True, "4.weight")
    loss, other = float(result.measurements[0].measured), float(result.measurements[0].expected.split()[0])
    assert loss > 10 * 1.386 > 3 * 1.386 > other
    assert result.steps == 10


def test_large_weights_that_are_not_what_makes_the_loss_large_pass() -> None:
    """One layer alone, the last one, layers that it makes up for, large inputs and a rate that copes pass."""
    assert of_few_layers((1.4, 1.4, 9, 2)).status == "pass"
    assert of_few_layers((1.4, 1.4, 1.4, 12)).status == "pass"
    assert of_few_layers((1.4, 6, 9, 0.01)).status == "pass"
    assert of_few_layers((1.4, 5, 5, 1.4), x=1000 * X).status == "pass"
    assert of_few_layers((1.4, 6, 9, 2), rate=1e-2).status == "pass"


class ScaledByWidth(nn.Module):
    """Weights that are all drawn from a standard normal distribution, each layer divided by the root of its inputs."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        sizes = ((512, 64), (512, 512), (512, 512), (4, 512))
        self.weights, self.scale = nn.ParameterList([nn.Parameter(torch.randn(size)) for size in sizes]), scale

    def forward(self, x: Tensor) -> Tensor:
        *body, head = self.weights
        for weight in body:
            x = (nn.functional.linear(x, weight) / weight.shape[1] ** 0.5).relu() * 2**0.5
        return nn.functional.linear(x, head) / head.shape[1] ** 0.5 * self.scale


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_large_weights_whose_results_are_divided_right_away_pass(scale: float) -> None:
    """Networks that are scaled by their width keep the signal, however large their outputs are meant to be."""
    torch.manual_seed(0)
    model = ScaledByWidth(scale)
    optimizer = torch.optim.SGD(model.parameters(), 1e-6)
    arguments = {"model": model, "loader": [(X, Y)], "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}
    assert run_one(CHECK, **arguments).status == "pass"
