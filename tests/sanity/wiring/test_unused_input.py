from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

from nbinspect.sanity.wiring.unused_input import CHECK
from tests.sanity.running import run_one

N = 16
Y = torch.arange(N) % 2


class Table(nn.Module):
    """A network on rows of six columns, of which it reads some."""

    def __init__(self, columns: slice = slice(None), zero: bool = False) -> None:
        super().__init__()
        self.columns = columns
        self.body, self.head = nn.Linear(len(range(6)[columns]), 8), nn.Linear(8, 2)
        if zero:
            nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.body(x[:, self.columns])))


class Both(nn.Module):
    """A model of two inputs, the second used in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.one, self.two, self.how = nn.Linear(4, 2), nn.Linear(4, 2), how

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        if self.how == "read":
            return self.one(x) + self.two(other)
        if self.how == "detached":
            return self.one(x) + self.two(other.detach())
        if self.how == "mask":
            return self.one(x * (other > 0))
        if self.how == "index":
            return self.one(x) + self.two.weight[:, other.argmax(1)].t()
        if self.how == "times zero":
            return self.one(x) + 0 * self.two(other)
        return self.one(x)


class Spare(nn.Module):
    """Takes a second input by courtesy alone."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 2)

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        return self.one(x)


def table(model: nn.Module, x: Tensor | None = None, **arguments: object) -> dict[str, object]:
    torch.manual_seed(0)
    batch = (torch.randn(N, 6) if x is None else x, Y)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss(), **arguments}


def pair(model: nn.Module, other: Tensor | None = None) -> dict[str, object]:
    torch.manual_seed(0)
    batch = (torch.randn(N, 4), torch.randn(N, 4) if other is None else other, Y)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def test_columns_that_are_cut_off_are_named() -> None:
    """Columns that a slice leaves out fail, by the user's own names for them."""
    result = run_one(CHECK, **table(Table(slice(0, 4)), feature_names=list("abcdef")))
    assert result.status == "fail"
    assert "columns e, f" in result.where


def test_the_columns_agree_with_gradients() -> None:
    """The columns named are those by which autograd finds no gradient."""
    arguments = table(Table(slice(1, 6, 2)))
    x = arguments["loader"][0][0].clone().requires_grad_()  # type: ignore[index]
    (gradient,) = torch.autograd.grad(arguments["model"](x).square().sum(), x)  # type: ignore[operator]
    silent = (gradient == 0).all(0).nonzero()[:, 0].tolist()
    assert ", ".join(map(str, silent)) in run_one(CHECK, **arguments).where


@pytest.mark.parametrize("how", ["forgotten", "times zero"])
def test_an_input_that_reaches_nothing_fails(how: str) -> None:
    """An input that forward demands and does not use is named."""
    result = run_one(CHECK, **pair(Both(how)))
    assert result.status == "fail"
    assert result.where == "x[1]"


@pytest.mark.parametrize("how", ["read", "detached", "mask", "index"])
def test_inputs_without_a_gradient_may_be_read(how: str) -> None:
    """An input that serves as a mask or an index, or is detached, changes outputs and is silent."""
    assert run_one(CHECK, **pair(Both(how))).status == "pass"


@pytest.mark.parametrize("zero", [False, True])
def test_zero_initialised_weights_hide_nothing(zero: bool) -> None:
    """Before a head of zeros no input has a gradient: with noise on the weights it has."""
    model = Table(zero=zero)
    assert run_one(CHECK, **table(model)).status == "pass"
    assert bool(model.head.weight.any()) is not zero
    assert run_one(CHECK, **table(Table(slice(0, 4), zero))).status == "fail"


class Seeing(nn.Module):
    """Reads some channels of pictures."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.head, self.channels = nn.Conv2d(channels, 4, 3), nn.Linear(4, 2), channels

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(x[:, : self.channels])).mean((2, 3)))


@pytest.mark.parametrize(("channels", "alpha", "status"), [(3, False, "warn"), (4, False, "pass"), (3, True, "pass")])
def test_a_channel_that_is_not_read_is_a_warning(channels: int, alpha: bool, status: str) -> None:
    """Depth beside colours that the model cuts off is worth a look; a constant channel is not."""
    torch.manual_seed(0)
    x = torch.rand(N, 4, 6, 6)
    if alpha:
        x[:, 3] = 1.0
    result = run_one(CHECK, **table(Seeing(channels), x))
    assert result.status == status
    assert (result.where == "channel 3 of x") is (status == "warn")


def test_constant_inputs_are_silent() -> None:
    """A column, and an input, that never varies can tell nothing."""
    x = torch.randn(N, 6)
    x[:, 4:] = 1
    assert run_one(CHECK, **table(Table(slice(0, 4)), x)).status == "pass"
    assert run_one(CHECK, **pair(Both("forgotten"), torch.zeros(N, 4))).status == "pass"


def test_pixels_and_series_laid_flat_are_silent() -> None:
    """The last column of a row of pixels falls off a pooling that does not come out even."""
    model = nn.Sequential(nn.Unflatten(1, (1, 5, 5)), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2))
    assert run_one(CHECK, **table(model, torch.randn(N, 25))).status == "pass"


def test_columns_without_weight_are_silent_where_that_is_meant() -> None:
    """Pruned columns, and columns that a sparse penalty has set to zero, are no oversight."""
    sparse, pruned = Table(), Table()
    with torch.no_grad():
        sparse.body.weight[:, 2] = 0
    mask = torch.ones(8, 6)
    mask[:, 2] = 0
    prune.custom_from_mask(pruned.body, "weight", mask)
    assert run_one(CHECK, **table(sparse)).status == "pass"
    assert run_one(CHECK, **table(pruned)).status == "pass"


def test_an_autoregressive_model_of_its_own_inputs_is_silent() -> None:
    """The last column predicts nothing where each is predicted from those before it."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(6, 6))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.triu(1)

    x = torch.randn(N, 6)
    assert run_one(CHECK, model=Masked(), loader=[(x, x.clone())], loss_fn=nn.MSELoss()).status == "pass"


def test_what_forward_takes_by_courtesy_is_at_most_a_warning() -> None:
    """An input with a default, and whole numbers such as lengths, are worth a look alone."""
    assert run_one(CHECK, **pair(Spare())).status == "warn"
    assert run_one(CHECK, **pair(Both("forgotten"), torch.randint(5, (N,)))).status == "warn"


class Segmented(nn.Module):
    """Reads words and which of two segments each is in, or takes them all to be in the first."""

    def __init__(self, *, handed_on: bool, kinds: int = 2) -> None:
        super().__init__()
        self.words, self.kinds, self.head = nn.Embedding(9, 8), nn.Embedding(kinds, 8), nn.Linear(8, 2)
        self.handed_on = handed_on

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        kinds = segments if self.handed_on else torch.zeros_like(ids)
        return self.head((self.words(ids) + self.kinds(kinds)).mean(1))


@pytest.mark.parametrize(("model", "status"), [
    (Segmented(handed_on=False), "fail"),
    (Segmented(handed_on=True), "pass"),
    (Segmented(handed_on=False, kinds=1), "warn"),  # knows of no segments
])  # fmt: skip
def test_indices_that_a_table_of_as_many_rows_never_gets_fail(model: nn.Module, status: str) -> None:
    """Segments that are not handed on fail where the model has a table for them, and looks up its first row alone."""
    torch.manual_seed(0)
    segments = (torch.arange(6) >= torch.randint(1, 6, (N, 1))).long()
    batch = (torch.randint(9, (N, 6)), segments, Y)
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == status


def test_marks_of_words_are_no_segments_that_a_table_is_for() -> None:
    """Which words begin a phrase changes to and fro along a row, and may be handed over for another stage."""
    torch.manual_seed(0)
    marks = torch.tensor([0, 1, 0, 1, 1, 0]).expand(N, 6).roll(1, 1) ^ torch.randint(2, (N, 1))
    batch = (torch.randint(9, (N, 6)), marks, Y)
    found = run_one(CHECK, model=Segmented(handed_on=False), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "warn"


def test_what_lies_beside_the_inputs_is_silent() -> None:
    """Of a batch that is handed over whole, what the model leaves alone may be for others."""

    def forward(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return model(batch["x"])

    batch = {"x": torch.randn(N, 6), "weight": torch.rand(N), "id": torch.arange(N), "y": Y}
    assert (
        run_one(CHECK, model=Table(), loader=[batch], loss_fn=nn.CrossEntropyLoss(), forward=forward).status == "pass"
    )


def test_tokens_are_read() -> None:
    """Whole numbers have no gradient, and count as read where exchanging them changes outputs."""
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 2))
    assert run_one(CHECK, **table(model, torch.randint(9, (N, 5)))).status == "pass"


def test_an_input_written_to_in_place_is_left_alone() -> None:
    """A model that normalises its input in place gives no finding where it has none, and the batch stays."""

    class Writes(Table):
        def forward(self, x: Tensor) -> Tensor:
            x.sub_(0.5)
            return super().forward(x)

    x = torch.randn(N, 6)
    before = x.clone()
    assert run_one(CHECK, **table(Writes(), x)).status in ("pass", "skip")
    assert torch.equal(x, before)


def test_a_model_that_reads_nothing_is_inconclusive() -> None:
    """Where no input reaches the outputs, another check tells."""

    class Wiped(Table):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.zeros_like(x))

    assert run_one(CHECK, **table(Wiped())).status == "inconclusive"


@pytest.mark.parametrize("x", [torch.full((N, 6), float("nan")), torch.randn(1, 6), torch.zeros(N, 6)])
def test_ugly_batches_are_no_finding(x: Tensor) -> None:
    """NaN everywhere, one sample and constant rows give none."""
    found = run_one(CHECK, model=Table(), loader=[(x, Y[: len(x)])], loss_fn=nn.CrossEntropyLoss())
    assert found.status in ("pass", "skip", "inconclusive")


def test_outputs_of_every_form_count() -> None:
    """An input that reaches a second output alone is read."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor, other: Tensor) -> dict[str, Tensor]:
            return {"logits": self.one(x), "aside": F.relu(self.two(other))}

    arguments = pair(Two())
    assert run_one(CHECK, **{**arguments, "loss_fn": lambda o, t: F.cross_entropy(o["logits"], t)}).status == "pass"


class OnGraph(nn.Module):
    """A network on the nodes of a graph, which takes all of them or none, and some of their features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features, self.head = features, nn.Linear(features, 2)

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        return self.head(adj @ x[:, : self.features])


@pytest.mark.parametrize(("features", "status"), [(4, "pass"), (3, "fail")])
def test_a_model_of_a_whole_graph_is_judged_on_the_whole(features: int, status: str) -> None:
    """A feature that is left out is found, and none where all are read, where no smaller batch fits the model."""
    size, generator = 40, torch.Generator().manual_seed(0)
    nodes, adj = torch.randn(size, 4, generator=generator), torch.rand(size, size, generator=generator)
    for one in (adj, adj.to_sparse()):
        batch = (nodes, one, torch.arange(size) % 2)
        result = run_one(CHECK, model=OnGraph(features), loader=[batch], loss_fn=nn.CrossEntropyLoss())
        assert result.status in ((status,) if one is adj else (status, "skip"))


class Coded(nn.Module):
    """Codes that hand gradients straight through in train mode, and none in eval mode."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.body, self.head, self.columns = nn.Linear(columns, 8), nn.Linear(8, 2), columns

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x[:, : self.columns])
        code = h.sign().detach()
        return self.head(h + (code - h).detach() if self.training else code)


@pytest.mark.parametrize(("columns", "status"), [(6, "pass"), (4, "fail")])
def test_gradients_of_train_mode_count_where_eval_mode_has_none(columns: int, status: str) -> None:
    """What is read is told from a pass in train mode, and what is not from exchanging it."""
    loader = [(torch.randn(N, 6), Y), (torch.randn(N, 6), Y)]
    assert run_one(CHECK, model=Coded(columns), loader=loader, loss_fn=nn.CrossEntropyLoss()).status == status


class OfEdges(nn.Module):
    """Sums the neighbours of each node, whose edges go both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        return self.head(x.index_add(0, edges[0], x[edges[1]]))


def test_edges_are_not_exchanged() -> None:
    """Edges (2, E) of a graph of two nodes are no two samples: exchanged, they are the same edges the other way."""
    edges = torch.tensor([[0, 1], [1, 0]])
    batch = {"x": torch.randn(2, 4), "edges": edges, "y": torch.tensor([0, 1])}
    assert run_one(CHECK, model=OfEdges(), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status in ("pass", "skip")


class Looked(nn.Module):
    """Looks up the rows of a table by numbers that come as floats."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rows(x.long()).mean(1))


def test_whole_numbers_in_floats_are_read_though_they_have_no_gradient() -> None:
    """Where no input has a gradient, the outputs still tell that they are read."""
    x = torch.randint(9, (16, 5)).float()
    found = run_one(CHECK, model=Looked(), loader=[(x, torch.arange(16) % 2)], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "pass"


class Waves(nn.Module):
    """Hears the loudness of waveforms, or nothing of them."""

    def __init__(self, hears: bool) -> None:
        super().__init__()
        self.head, self.hears = nn.Linear(1, 2), hears

    def forward(self, waves: Tensor) -> Tensor:
        loudness = waves.abs().mean(1, keepdim=True)
        return self.head(loudness if self.hears else torch.ones_like(loudness))


@pytest.mark.parametrize(("hears", "status"), [(True, "pass"), (False, "inconclusive")])
def test_batches_of_other_lengths_are_judged_as_a_whole(hears: bool, status: str) -> None:
    """Waveforms that are padded to the longest of their batch have no columns that all batches share."""
    loader = [(torch.randn(N, length), Y) for length in (40, 39, 41)]
    result = run_one(CHECK, model=Waves(hears), loader=loader, loss_fn=nn.CrossEntropyLoss())
    assert result.status == status
