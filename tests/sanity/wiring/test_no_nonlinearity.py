from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AlbertConfig, AlbertForSequenceClassification

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.no_nonlinearity import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3
IMAGES = torch.randn(12, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def result(model: nn.Module, inputs: Tensor = ROWS, **more: Any) -> CheckResult:
    return run_one(CHECK, **{"model": model, "loader": [(inputs, CLASSES)], "loss_fn": nn.CrossEntropyLoss(), **more})


@pytest.mark.parametrize(
    ("model", "inputs", "where", "pairs"),
    [
        (nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)), ROWS, "1", "1"),
        (nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 8), nn.Linear(8, 3)), ROWS, "2", "2"),
        (
            nn.Sequential(nn.Conv2d(2, 8, 3), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.ReLU(), nn.Linear(32, 3)),
            IMAGES,
            "1",
            "1",
        ),
        (nn.Sequential(nn.Conv2d(2, 8, 3), nn.Flatten(), nn.Linear(128, 3)), IMAGES, "2", "1"),
        (
            nn.Sequential(nn.Conv2d(2, 8, 4), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)),
            IMAGES,
            "1",
            "1",
        ),
    ],
)
def test_warns_where_two_layers_are_one(model: nn.Module, inputs: Tensor, where: str, pairs: str) -> None:
    """Layers with nothing but dropout or another shape between are named and counted, of unlike kernels too."""
    found = result(model, inputs)
    assert found.status == "warn"
    assert found.where == where
    assert found.measurements[0].measured == pairs


def test_names_the_line_of_the_second_layer() -> None:
    """In a class of the user's the line that calls the second layer is told."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc1(x)
            return self.fc2(x)  # second

    found = result(Net())
    assert found.title == "No nonlinearity between fc1 and fc2"
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# second" in file.readlines()[found.place.line - 1]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.inner(x)
        return self.head(torch.relu(h + self.outer(h)))


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.query, self.key, self.value = (nn.Linear(4, 4) for _ in range(4))
        self.out, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)[:, None]
        mixed = F.scaled_dot_product_attention(self.query(h), self.key(h), self.value(h))
        return self.head(torch.relu(self.out(mixed[:, 0])))


class Latent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encode(x)
        return self.decode(z), z


class Linked(nn.Module):
    """Two products with matrices of one's own, and `between` in the middle of them."""

    def __init__(self, between: Any, product: Any = torch.matmul) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.randn(4, 8)), nn.Parameter(torch.randn(8, 3))
        self.bias, self.between, self.product = nn.Parameter(torch.zeros(8)), between, product

    def forward(self, x: Tensor) -> Tensor:
        return self.product(self.between(self.product(x, self.first) + self.bias), self.second)


class Heads(nn.Module):
    """A trunk of one layer with two heads; `meet` is what becomes of theirs."""

    def __init__(self, act: nn.Module, meet: Any) -> None:
        super().__init__()
        self.trunk, self.one, self.other = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.act, self.meet = act, meet

    def forward(self, x: Tensor) -> Any:
        h = self.act(self.trunk(x))
        return self.meet(self.one(h), self.other(h))


class Passes(nn.Module):
    """Two layers between which something is done to the hidden values."""

    def __init__(self, between: Any) -> None:
        super().__init__()
        self.first, self.second, self.between = nn.Linear(4, 8), nn.Linear(8, 3), between

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.between(self.first(x)))


class Linear(nn.Module):
    """Residual layers without a nonlinearity anywhere, or with `act` in each."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.into, self.layers = nn.Linear(4, 8), nn.ModuleList(nn.Linear(8, 8) for _ in range(2))
        self.head, self.act = nn.Linear(8, 3), act

    def forward(self, x: Tensor) -> Tensor:
        h = self.into(x)
        for layer in self.layers:
            h = h + self.act(layer(h))
        return self.head(torch.cat([h[:, :4], h[:, 4:]], 1))


def of_einsum(x: Tensor, weight: Tensor) -> Tensor:
    return torch.einsum("ni,ij->nj", x, weight)


def normed(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def pooled(act: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 8, 3), act, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(32, 3))


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)), ROWS),
        (normed(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3)), IMAGES),
        (nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(1.0), nn.Linear(8, 3)), ROWS),
        (pooled(nn.Identity()), IMAGES),
        (Linked(nn.Identity()), ROWS),
        (Linked(nn.Identity(), of_einsum), ROWS),
        (Passes(lambda h: 0.5 * h + 1), ROWS),
        (Heads(nn.Identity(), lambda one, other: one + other.exp()), ROWS),
        (Linear(nn.Identity()), ROWS),
    ],
)
def test_warns_where_what_stands_between_is_affine_too(model: nn.Module, inputs: Tensor) -> None:
    """Norms, pools, scales, idle activations and products of one's own leave layers one; so does a trunk's heads."""
    assert result(model, inputs).status == "warn"


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.1), nn.Linear(8, 3)), ROWS),
        (normed(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3)), IMAGES),
        (normed(nn.Conv2d(2, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8)), IMAGES),
        (normed(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 8, 1)), IMAGES),
        (pooled(nn.ReLU()), IMAGES),
        (Linked(torch.tanh), ROWS),
        (Linked(F.gelu, of_einsum), ROWS),
        (Passes(lambda h: h * h), ROWS),
        (Passes(lambda h: h / h.norm(dim=1, keepdim=True)), ROWS),
        (Heads(nn.ReLU(), lambda one, other: one + other.exp()), ROWS),
        (Heads(nn.Identity(), lambda one, other: one * torch.sigmoid(other)), ROWS),
        (Linear(nn.Tanh()), ROWS),
        (nn.Linear(4, 3), ROWS),
    ],
)
def test_silent_on_what_bends_between(model: nn.Module, inputs: Tensor) -> None:
    """Activations after norms, linear bottlenecks, separable kernels, gates and norms of rows are no two in one."""
    assert result(model, inputs).status == "pass"


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.step, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.step(self.step(x))))


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), ROWS),
        (nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Linear(8, 3)), ROWS),
        (nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 3)), ROWS),
        (nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 3)), ROWS),
        (
            nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(2, 8, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)),
            IMAGES,
        ),
        (
            nn.Sequential(nn.Conv2d(2, 8, (1, 3)), nn.Conv2d(8, 8, (3, 1)), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)),
            IMAGES,
        ),
        (
            nn.Sequential(nn.Conv2d(2, 8, 3), nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)),
            IMAGES,
        ),
        (Residual(), ROWS),
        (Attends(), ROWS),
        (Recurrent(), ROWS),
    ],
)
def test_silent(model: nn.Module, inputs: Tensor) -> None:
    """Activations, norms, low-rank factors, separable kernels, residuals, attention and recurrences are no pair."""
    assert result(model, inputs).status == "pass"


def test_a_code_that_is_returned_is_silent() -> None:
    """What the model returns too has another use than the next layer."""
    assert result(Latent(), loss_fn=lambda out, y: F.cross_entropy(out[0], y)).status == "pass"


class Keeps(nn.Module):
    """Keeps a projection that nothing else uses, laid out as it is already."""

    def __init__(self) -> None:
        super().__init__()
        self.aside, self.head = nn.Linear(4, 8), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.aside(x).contiguous()
        return self.head(x)


def test_what_hands_on_the_tensor_itself_comes_to_an_end() -> None:
    """A call that returns the very tensor that it was given is not followed for ever."""
    assert result(Keeps()).status == "pass"


def test_published_models_are_silent() -> None:
    """An embedding that is factorised inside a published model is its authors' business."""
    config = AlbertConfig(
        vocab_size=20, embedding_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    batch = {"input_ids": torch.randint(20, (6, 5)), "labels": torch.arange(6) % 2}
    assert run_one(CHECK, model=AlbertForSequenceClassification(config), loader=[batch]).status == "pass"


def test_a_network_without_layers_passes() -> None:
    """Where nothing is affine there is no pair."""
    assert (
        result(nn.Flatten(), loss_fn=lambda out, y: out.sum()).summary
        == "affine layers: 0, none straight after another"
    )


class OverGraph(nn.Module):
    """Two layers over the nodes of a graph, with their neighbours mixed between."""

    def __init__(self, mix: Any, between: nn.Module | None = None, *, is_mixed: bool = True) -> None:
        super().__init__()
        self.is_mixed = is_mixed
        self.first, self.second = nn.Linear(2, 8), nn.Linear(8, 3)
        self.mix, self.between, self.weight = mix, between or nn.Identity(), nn.Parameter(torch.randn(6, 6))
        self.register_buffer("buffer", torch.rand(6, 6))

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        h = self.between(self.first(edges @ nodes if self.is_mixed else nodes))
        return self.second(self.mix(self, edges, h)).sum(1)


def over_graph(model: nn.Module) -> CheckResult:
    batch = (torch.randn(12, 6, 2), torch.rand(12, 6, 6), CLASSES)
    return result(model, loader=[batch], forward=lambda model, batch: model(*batch[:2]))


@pytest.mark.parametrize(
    "mix",
    [
        lambda model, edges, h: edges @ h,
        lambda model, edges, h: torch.bmm(edges / edges.sum(2, keepdim=True), torch.bmm(edges, h)),
        lambda model, edges, h: torch.eye(6) @ h,
        lambda model, edges, h: model.buffer @ h,
    ],
)
def test_warns_where_only_neighbours_are_mixed_between(mix: Any) -> None:
    """A matrix of the batch, or a fixed one, that mixes the rows of a layer's output leaves two layers one."""
    found = over_graph(OverGraph(mix))
    assert found.status == "warn"
    assert found.where == "second"


@pytest.mark.parametrize(
    ("mix", "between"),
    [
        (lambda model, edges, h: edges @ h, nn.ReLU()),
        (lambda model, edges, h: (h.transpose(1, 2) @ edges).transpose(1, 2), nn.Identity()),
        (lambda model, edges, h: h @ h.transpose(1, 2) @ h, nn.Identity()),
        (lambda model, edges, h: model.weight @ h, nn.Identity()),
        (lambda model, edges, h: torch.full((1, 6), 1 / 6) @ (edges @ h), nn.Identity()),
        (lambda model, edges, h: (edges @ model.weight).softmax(2) @ h, nn.Identity()),
        (lambda model, edges, h: h @ torch.einsum("nij->ji", edges).new_ones(8, 8), nn.Identity()),
    ],
)
def test_silent_on_products_that_are_more_than_a_mixture_of_rows(mix: Any, between: Any) -> None:
    """An activation, weights, attention, a mean of nodes, and what acts on features between are no two in one."""
    assert over_graph(OverGraph(mix, between)).status == "pass"


def test_silent_on_a_layer_that_embeds_the_nodes_of_a_graph() -> None:
    """A layer before the first that looks at neighbours gives the nodes their width, as networks for graphs do."""
    assert over_graph(OverGraph(lambda model, edges, h: edges @ h, is_mixed=False)).status == "pass"
