from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.sanity.wiring.batch_leak import CHECK
from tests.sanity.running import run_one

Y = torch.arange(32) % 3


class Sequences(nn.Module):
    """An LSTM over (N, T, F), read in one of several ways."""

    def __init__(self, how: str = "batch first") -> None:
        super().__init__()
        self.lstm, self.head, self.how = nn.LSTM(8, 16, batch_first=how == "batch first"), nn.Linear(16, 3), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "view":
            x = x.view(x.shape[1], x.shape[0], 8)  # mixes
            return self.head(self.lstm(x)[0][-1])
        if self.how == "transpose":
            return self.head(self.lstm(x.transpose(0, 1))[0][-1])
        if self.how == "flat":
            return self.head(self.lstm(x.transpose(0, 1))[0]).reshape(-1, 3)
        if self.how == "steps":
            return self.head(self.lstm(x)[0])
        return self.head(self.lstm(x)[0][:, -1])  # reads


class Nothing(nn.Linear):
    """Gives no column of what it computes."""

    def __init__(self) -> None:
        super().__init__(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :0]


class Rows(nn.Module):
    """A small network on rows, with something done to its logits."""

    def __init__(self, last: str = "", norm: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.norm, self.head, self.last = nn.Linear(20, 8), norm or nn.Identity(), nn.Linear(8, 3), last

    def forward(self, x: Tensor) -> Tensor:
        h = self.head(torch.tanh(self.norm(self.body(x))))
        if self.last == "softmax":
            return torch.softmax(h, dim=0)  # over the batch
        if self.last == "normalize":
            return F.normalize(h, dim=0)  # over the batch
        if self.last == "mean":
            return h - h.mean(0)  # over the batch
        if self.last == "dropout":
            return F.dropout(h)
        if self.last == "pairs":
            return h @ h.t()
        if self.last == "zeros":
            return h * 0
        return h


def rows(**arguments: object) -> dict[str, object]:
    torch.manual_seed(0)
    return {"loader": [(torch.randn(32, 20), Y)], "loss_fn": nn.CrossEntropyLoss(), **arguments}


def sequences(**arguments: object) -> dict[str, object]:
    torch.manual_seed(0)
    return {"loader": [(torch.randn(32, 10, 8), Y)], "loss_fn": nn.CrossEntropyLoss(), **arguments}


def line(result: object) -> str:
    place = result.place  # type: ignore[attr-defined]
    with open(place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        return file.readlines()[place.line - 1]


def test_a_view_for_a_transpose_is_named_with_its_line() -> None:
    """A view that stands for a transpose fails, with the line and the transpose to write."""
    result = run_one(CHECK, model=Sequences("view"), **sequences())
    assert result.status == "fail"
    assert "# mixes" in line(result)
    assert result.where == "Tensor.view"
    assert "+ x = x.transpose(0, 1)  # mixes" in result.code


def test_batch_first_forgotten_names_the_layer() -> None:
    """An LSTM that reads the batch as a sequence is named, with the argument that it lacks."""
    result = run_one(CHECK, model=Sequences("last"), **sequences())
    assert result.status == "fail"
    assert "batch_first" in result.title
    assert result.where == "torch.lstm in lstm"
    assert "self.lstm" in result.remedy


def test_outputs_without_values_are_skipped() -> None:
    """A model that gives nothing at all has nothing to compare."""
    nothing = lambda outputs, targets: outputs.sum()  # noqa: E731 - as users write it
    result = run_one(CHECK, **rows(model=Nothing(), loss_fn=nothing))
    assert (result.status, result.summary) == ("skip", "needs outputs that are not empty")


def test_the_matrix_of_a_sequence_is_triangular() -> None:
    """Read as a sequence, a sample's output depends on those before it and on none after it."""
    result = run_one(CHECK, model=Sequences("last"), **sequences())
    matrix = np.stack(result.charts[0].values)
    assert (np.triu(matrix, 1) == 0).all()
    assert (np.diagonal(matrix) == 1).all()
    assert (np.diagonal(matrix, -1) > 0).all()


def test_the_matrix_agrees_with_gradients() -> None:
    """Where the exchange finds a dependence, the gradient of one output by the other input is not zero."""
    torch.manual_seed(0)
    model = Rows("softmax").eval()
    x = torch.randn(32, 20)
    result = run_one(CHECK, model=model, **rows(loader=[(x, Y)]))
    count = len(result.charts[0].values)
    own = x[:count].clone().requires_grad_()
    outputs = model(own)
    gradients = [torch.autograd.grad(outputs[i].sum(), own, retain_graph=True)[0].abs().sum(1) for i in range(count)]
    assert ((np.stack(result.charts[0].values) > 0) == (torch.stack(gradients) > 1e-9).numpy()).all()


@pytest.mark.parametrize("last", ["softmax", "normalize", "mean"])
def test_an_operation_over_the_batch_axis_is_named(last: str) -> None:
    """Softmax, normalisation and means over the axis of samples fail at their line."""
    result = run_one(CHECK, model=Rows(last), **rows())
    assert result.status == "fail"
    assert "# over the batch" in line(result)
    assert last in result.where
    # a mean over another axis would no longer fit what follows
    assert result.code == "" if last == "mean" else "dim=-1" in result.code


def test_attention_over_the_batch_names_the_users_layer() -> None:
    """A transformer's layer without batch_first is named itself, not the attention inside it."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.TransformerEncoderLayer(8, 2, 16), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x).mean(1))

    result = run_one(CHECK, model=Encoder(), **sequences())
    assert result.status == "fail"
    assert "Make self.layer with batch_first=True" in result.remedy


def test_tokens_are_exchanged_too() -> None:
    """A leak behind an embedding, where no gradient reaches the input, is found."""
    model = nn.Sequential(nn.Embedding(30, 8), Sequences("last"))
    loader = [(torch.randint(30, (32, 10)), Y)]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss()).status == "fail"


def test_a_leak_behind_a_zero_initialised_layer_is_found() -> None:
    """Weights that begin at zero hide nothing: they are random on a copy, and the model keeps its own."""
    model = Sequences("last")
    nn.init.zeros_(model.head.weight)
    assert run_one(CHECK, model=model, **sequences()).status == "fail"
    assert not model.head.weight.any()


def test_a_leak_behind_next_to_nothing_is_found() -> None:
    """Weights so small that what they carry is rounded off hide nothing either."""
    model = nn.Sequential(nn.Embedding(30, 8), Sequences("last"))
    nn.init.normal_(model[0].weight, std=1e-9)
    loader = [(torch.randint(30, (32, 10)), Y)]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss()).status == "fail"


def test_a_model_of_a_fixed_batch_size_is_measured_whole() -> None:
    """A model that takes no smaller batch gets the whole one."""

    class Fixed(nn.Module):
        def __init__(self, leaks: bool) -> None:
            super().__init__()
            self.head, self.leaks = nn.Linear(20, 3), leaks

        def forward(self, x: Tensor) -> Tensor:
            h = self.head(x).view(32, 3)
            return h - h.mean(0) if self.leaks else h

    assert run_one(CHECK, model=Fixed(True), **rows()).status == "fail"
    assert run_one(CHECK, model=Fixed(False), **rows()).status == "pass"


@pytest.mark.parametrize("how", ["batch first", "transpose", "flat"])
def test_axes_in_their_place_pass(how: str) -> None:
    """A transpose, and outputs flattened step by step, are no leak."""
    loss = nn.CrossEntropyLoss() if how != "flat" else lambda outputs, targets: outputs.square().mean()
    assert run_one(CHECK, model=Sequences(how), **sequences(loss_fn=loss)).status == "pass"


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm1d(8),
        nn.BatchNorm1d(8, track_running_stats=False),
        nn.BatchNorm1d(8, affine=False, track_running_stats=False),
        nn.LayerNorm(8),
        nn.GroupNorm(2, 8),
    ],
)
def test_normalisation_is_silent(norm: nn.Module) -> None:
    """BatchNorm, also without running statistics, and norms of a sample alone are no leak."""
    assert run_one(CHECK, model=Rows(norm=norm), **rows()).status == "pass"


def test_a_leak_beside_batchnorm_without_statistics_is_found() -> None:
    """BatchNorm without statistics does not hide another leak."""
    model = Rows("softmax", nn.BatchNorm1d(8, track_running_stats=False))
    assert run_one(CHECK, model=model, **rows()).status == "fail"


def test_functional_batchnorm_over_the_batch_is_silent() -> None:
    """Batch statistics through the function are BatchNorm all the same."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(20, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.batch_norm(self.head(x), None, None, training=True)

    assert run_one(CHECK, model=Functional(), **rows()).status == "pass"


def test_minibatch_statistics_by_name_are_at_most_a_warning() -> None:
    """A layer that says by its name that it looks at the whole batch is no failure."""

    class MinibatchStdDev(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, x.std(0).mean().expand(len(x), 1)], 1)

    model = nn.Sequential(nn.Linear(20, 8), MinibatchStdDev(), nn.Linear(9, 3))
    assert run_one(CHECK, model=model, **rows()).status == "warn"


def test_pairwise_outputs_and_contrastive_losses_are_silent() -> None:
    """Outputs of every pair are skipped, and a loss that compares the samples is no matter of the outputs."""
    assert run_one(CHECK, model=Rows("pairs"), **rows(loss_fn=lambda o, t: o.mean())).status == "skip"

    def contrastive(outputs: Tensor, targets: Tensor) -> Tensor:
        close = F.normalize(outputs, dim=1) @ F.normalize(outputs, dim=1).t()
        return F.cross_entropy(close / 0.1, torch.arange(len(close)))

    assert run_one(CHECK, model=Rows(), **rows(loss_fn=contrastive)).status == "pass"


class Graph(nn.Module):
    """One step of message passing, in one of the usual forms of a graph."""

    def __init__(self, pooled: bool = False) -> None:
        super().__init__()
        self.head, self.pooled = nn.Linear(20, 3), pooled

    def forward(self, x: Tensor, edges: Tensor, graph: Tensor | None = None) -> Tensor:
        if edges.dtype != torch.int64:
            return self.head(edges.float().view(len(x), len(x)) @ x)
        h = self.head(x + torch.zeros_like(x).index_add(0, edges[1], x[edges[0]]))
        if graph is None:
            return h
        return h + torch.zeros(4, 3).index_add(0, graph, h)[graph]


@pytest.mark.parametrize("form", ["pairs", "dense", "heads", "vector"])
def test_graphs_are_skipped(form: str) -> None:
    """Nodes of a graph depend on each other by design, however their relation is given."""
    x, vector = torch.randn(32, 20), torch.arange(32) // 8
    dense = torch.rand(32, 32) > 0.8
    edges = {"dense": dense.float(), "heads": dense[:, :, None]}.get(form, torch.randint(32, (2, 90)))
    inputs = (x, edges, vector) if form == "vector" else (x, edges)
    assert run_one(CHECK, model=Graph(), loader=[(*inputs, Y)], loss_fn=nn.CrossEntropyLoss()).status == "skip"


def test_a_batch_vector_alone_is_enough_to_skip() -> None:
    """Points that a vector assigns to clouds are no samples of their own."""

    class Clouds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(20, 3)

        def forward(self, x: Tensor, cloud: Tensor) -> Tensor:
            h = self.head(x)
            return h + torch.zeros(4, 3).index_add(0, cloud, h)[cloud]

    loader = [(torch.randn(32, 20), torch.arange(32) // 8, Y)]
    assert run_one(CHECK, model=Clouds(), loader=loader, loss_fn=nn.CrossEntropyLoss()).status == "skip"


def steps_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def test_time_before_the_batch_passes_when_said() -> None:
    """With batch_axis=1 the samples along the second axis are exchanged."""
    loader = [(torch.randn(10, 32, 8), torch.randint(3, (10, 32)))]
    arguments = {"model": Sequences("steps"), "loader": loader, "loss_fn": steps_loss}
    assert run_one(CHECK, batch_axis=1, **arguments).status == "pass"


def test_time_before_the_batch_is_no_failure_when_not_said() -> None:
    """Per-step outputs of an LSTM may be time first: without the data set's word it is a warning that says so."""
    loader = [(torch.randn(10, 32, 8), torch.randint(3, (10, 32)))]
    result = run_one(CHECK, model=Sequences("steps"), loader=loader, loss_fn=steps_loss)
    assert result.status == "warn"
    assert "batch_axis=1" in result.detail


def test_the_data_sets_word_makes_it_certain() -> None:
    """Where the loader tells the samples of a batch, their axis is known, and the same leak is a failure."""
    data = TensorDataset(torch.randn(64, 10, 8), torch.randint(3, (64, 10)))
    result = run_one(CHECK, model=Sequences("steps"), loader=DataLoader(data, 32), loss_fn=steps_loss)
    assert result.status == "fail"


def test_time_first_inputs_with_one_target_a_sample_are_silent() -> None:
    """Inputs (T, N, F) beside targets (N,) never make the steps samples."""
    loader = [(torch.randn(10, 32, 8), Y)]

    class Last(Sequences):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(x)[0][-1])

    result = run_one(CHECK, model=Last("last"), loader=loader, loss_fn=nn.CrossEntropyLoss())
    assert result.status in ("skip", "pass")


def test_one_sentence_a_batch_is_no_failure() -> None:
    """A tagger that gets one sentence at a time reads it as a sequence."""

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm, self.head = nn.Embedding(20, 8), nn.LSTM(8, 16), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(self.embed(x).view(len(x), 1, -1))[0].view(len(x), -1))

    loader = [(torch.randint(20, (n,)), torch.randint(3, (n,))) for n in (9, 12)]
    assert run_one(CHECK, model=Tagger(), loader=loader, loss_fn=nn.CrossEntropyLoss()).status in ("warn", "pass")


def test_routing_with_a_capacity_is_at_most_a_warning() -> None:
    """Experts with places for few samples drop those that come late: real, and by design."""

    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.router, self.one, self.two = nn.Linear(20, 2), nn.Linear(20, 3), nn.Linear(20, 3)

        def forward(self, x: Tensor) -> Tensor:
            first = self.router(x).argmax(1) == 0
            kept = (first.cumsum(0) <= 2).float()[:, None]
            return torch.where(first[:, None], self.one(x) * kept, self.two(x))

    assert run_one(CHECK, model=Experts(), **rows()).status in ("warn", "pass")


def test_randomness_in_eval_mode_is_no_leak() -> None:
    """Dropout that stays on, and sampling, change outputs by chance and not by their neighbours."""

    class Sampling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(20, 3)

        def forward(self, x: Tensor) -> Tensor:
            # how many numbers a Poisson draw takes depends on the values
            return torch.poisson(self.head(x).exp()) + self.head(x)

    assert run_one(CHECK, model=Rows("dropout"), **rows()).status == "pass"
    assert run_one(CHECK, model=Sampling(), **rows()).status in ("pass", "inconclusive")


def test_outputs_that_depend_on_nothing_are_inconclusive() -> None:
    """A model whose outputs never change is sent to the check that is about that."""
    result = run_one(CHECK, model=Rows("zeros"), **rows())
    assert result.status == "inconclusive"
    assert "constant-output" in result.detail


def test_outputs_of_every_form_are_read() -> None:
    """Outputs in a dict are measured, and a loss alone is skipped."""

    class Named(nn.Module):
        def __init__(self, only_loss: bool) -> None:
            super().__init__()
            self.head, self.only_loss = nn.Linear(20, 3), only_loss

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            logits = torch.softmax(self.head(x), 0)
            return {"loss": logits.mean()} if self.only_loss else {"loss": logits.mean(), "logits": logits}

    loader = [(torch.randn(32, 20), Y)]
    assert run_one(CHECK, model=Named(False), loader=loader, loss_fn=lambda o, t: o["loss"]).status == "fail"
    assert run_one(CHECK, model=Named(True), loader=loader, loss_fn=lambda o, t: o["loss"]).status == "skip"


@pytest.mark.parametrize(
    "batch",
    [
        (torch.randn(1, 20), torch.zeros(1, dtype=torch.long)),
        (torch.full((32, 20), float("nan")), Y),
        (torch.zeros(32, 20), Y),
    ],
)
def test_ugly_batches_are_no_failure(batch: tuple[Tensor, Tensor]) -> None:
    """One sample, NaN everywhere and samples that are all alike give no finding."""
    result = run_one(CHECK, model=Rows(), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert result.status in ("skip", "inconclusive", "pass")


class Tied(nn.Module):
    """Reads words through an embedding that limits its rows, and answers with the same rows."""

    def __init__(self, *, over_batch: bool) -> None:
        super().__init__()
        self.words, self.over_batch = nn.Embedding(20, 8, max_norm=1.0), over_batch

    def forward(self, x: Tensor) -> Tensor:
        logits = self.words(x).mean(1) @ self.words.weight.T
        return torch.softmax(logits, 0) if self.over_batch else logits  # over the batch


@pytest.mark.parametrize("over_batch", [False, True])
def test_weights_that_the_forward_writes_are_no_leak(over_batch: bool) -> None:
    """Rows that an embedding rescales as it meets them are rescaled first, so that a true leak is named alone."""
    torch.manual_seed(0)
    model, loader = Tied(over_batch=over_batch), [(torch.randint(20, (16, 5)), torch.randint(20, (16,)))]
    before = model.words.weight.detach().clone()
    result = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())
    assert result.status == ("fail" if over_batch else "pass")
    assert ("softmax" in result.where) is over_batch
    assert torch.equal(model.words.weight, before)


class SetUpOnce(nn.Module):
    """Takes scale and centre from its first batch, as ActNorm does, or from every batch."""

    def __init__(self, *, once: bool) -> None:
        super().__init__()
        self.inner, self.head, self.once = nn.Linear(20, 8), nn.Linear(8, 3), once
        self.centre, self.scale = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.ones(8))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        if not (self.once and self.ready):
            with torch.no_grad():
                self.centre.copy_(x.mean(0))
                self.scale.copy_(x.std(0))
                self.ready.fill_(True)
        return self.head((x - self.centre) / self.scale)


@pytest.mark.parametrize(("once", "status"), [(True, "pass"), (False, "fail")])
def test_a_layer_that_the_first_batch_sets_up_is_no_leak(once: bool, status: str) -> None:
    """A layer is looked at as its first batch has set it up; one that every batch sets up anew mixes samples."""
    torch.manual_seed(0)
    loader = [(torch.randn(32, 20), Y)]
    assert run_one(CHECK, model=SetUpOnce(once=once), loader=loader, loss_fn=nn.CrossEntropyLoss()).status == status


class CharacterByCharacter(nn.Module):
    """Reads one text, a character after the other, as scripts without batches do."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.cell, self.head = nn.Embedding(9, 8), nn.GRUCell(8, 8), nn.Linear(8, 9)

    def forward(self, text: Tensor) -> Tensor:
        state, outs = torch.zeros(1, 8), []
        for character in text:
            state = self.cell(self.table(character).view(1, -1), state)
            outs.append(self.head(state))
        return torch.cat(outs)


def test_one_text_a_batch_is_no_batch_of_samples() -> None:
    """Where each target is the next element of the input, the rows are places of one sequence; of other targets not."""
    texts = torch.randint(9, (3, 13), generator=torch.Generator().manual_seed(0))
    shifted = [(text[:-1], text[1:]) for text in texts]
    result = run_one(CHECK, model=CharacterByCharacter(), loader=shifted, loss_fn=nn.CrossEntropyLoss())
    assert result.status == "skip"
    assert "one sequence" in result.summary
    other = [(x, y.flip(0)) for x, y in shifted]
    assert run_one(CHECK, model=CharacterByCharacter(), loader=other, loss_fn=nn.CrossEntropyLoss()).status == "fail"


class Course(nn.Module):
    """Follows states (N, F) through times (T,), and gives (T, N, F)."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Linear(2, 2)

    def forward(self, state: Tensor, times: Tensor) -> Tensor:
        found = [state]
        for step in times.diff():
            found.append(found[-1] + step * self.rate(found[-1]))
        return torch.stack(found)


def test_times_that_the_states_of_a_batch_go_through_are_no_samples() -> None:
    """Where times and targets are as many and the states are not, the states are the samples, and no time leaks."""
    loader = [(torch.randn(20, 2), torch.linspace(0, 1, 10), torch.randn(10, 20, 2))]
    result = run_one(CHECK, model=Course(), loader=loader, loss_fn=nn.MSELoss())
    assert result.status == "skip"
    assert "20 rows" in result.summary


def test_whole_numbers_without_sign_are_exchanged_too() -> None:
    """Pictures of 16 bits, for which torch lacks some operations, are exchanged as others are."""
    x = np.random.default_rng(0).integers(0, 60_000, (8, 4)).astype("uint16")
    found = run_one(
        CHECK, model=nn.Linear(4, 3), loader=[(x, np.arange(8) % 3)], loss_fn=F.cross_entropy,
        forward=lambda model, batch: model(torch.from_numpy(batch[0].astype("float32") / 60_000)),
    )  # fmt: skip
    assert found.status == "pass"


class Gated(nn.Module):
    """Takes a gate beside its rows; with `mixes`, softmax runs over the batch."""

    def __init__(self, *, mixes: bool = False) -> None:
        super().__init__()
        self.body, self.head, self.mixes = nn.Linear(20, 8), nn.Linear(8, 3), mixes

    def forward(self, x: Tensor, gate: float) -> Tensor:
        h = gate * torch.tanh(self.body(x))
        return self.head(h.softmax(0) if self.mixes else h)


def through_step(model: nn.Module, augment: Any) -> Any:
    """A program that only its own step runs, with what that does to a batch before."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(augment(batch[0]), 1.0), batch[1]).backward()
        optimizer.step()

    torch.manual_seed(0)
    return run_one(CHECK, model=model, loader=[(torch.randn(32, 20), Y)], optimizer=optimizer, train_step=train_step)


@pytest.mark.parametrize("augment", [
    lambda x: 0.7 * x + 0.3 * x.flip(0),
    lambda x: 0.7 * x + 0.3 * x[torch.arange(len(x)).roll(1)],
    lambda x: torch.from_numpy(0.7 * x.numpy() + 0.3 * x.numpy()[::-1]),
    lambda x: 0.7 * x + 0.3 * x[torch.randperm(len(x))],
])  # fmt: skip
def test_samples_that_the_users_step_mixes_are_no_leak_of_the_model(augment: Any) -> None:
    """A step may mix its samples, as mixup does; what the model itself mixes still fails."""
    assert through_step(Gated(), augment).status == "skip"
    assert through_step(Gated(), lambda x: x).status == "pass"
    assert through_step(Gated(mixes=True), lambda x: x).status == "fail"


class Pooled(nn.Module):
    """The mean over the real tokens of a sentence, divided by their number in it, or in the whole batch."""

    def __init__(self, *, over: str, trims: bool = False) -> None:
        super().__init__()
        self.embedding, self.head, self.over, self.trims = nn.Embedding(30, 8), nn.Linear(8, 3), over, trims
        self.near = nn.Conv1d(8, 8, 3, padding=1, bias=False)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        longest = int(mask.sum(1).max()) if self.trims else mask.shape[1]
        real = mask[:, :longest, None].float()
        total = (self.embedding(tokens[:, :longest]) * real).sum(1)
        if self.over == "windows":
            return self.head(self.near(self.embedding(tokens[:, :longest]).transpose(1, 2) * real.mT).amax(2))
        if self.over == "states":
            return self.head(self.embedding(tokens[:, :longest]))
        return self.head(total / (real.sum() if self.over == "batch" else real.sum(1)))  # of all


def of_sentences(model: nn.Module, others: int = 10) -> Any:
    """The check on sentences, of which one in 16 has 10 tokens, and the others have as many at most."""
    torch.manual_seed(0)
    lengths = torch.randint(3, others + 1, (32, 1))
    lengths[::16] = 10
    mask = (torch.arange(10) < lengths).long()
    tokens = torch.randint(1, 30, (32, 10)) * mask
    loader = DataLoader(TensorDataset(tokens, mask, Y), batch_size=16)
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())


def test_a_mean_over_the_tokens_of_the_whole_batch_is_found() -> None:
    """What a model takes of the masks of other samples fails, at the sum that takes it."""
    result = of_sentences(Pooled(over="batch"))
    assert result.status == "fail"
    assert result.where == "Tensor.sum"
    assert "# of all" in line(result)


@pytest.mark.parametrize(
    "model", [Pooled(over="row"), Pooled(over="row", trims=True), Pooled(over="states", trims=True)]
)
def test_masks_of_other_samples_that_only_trim_a_batch_are_silent(model: nn.Module) -> None:
    """Sentences that are cut to the longest one of the batch stay what they are, whatever masks the others have."""
    assert of_sentences(model).status in ("pass", "skip")


def test_a_maximum_over_windows_beside_the_longest_sentence_is_no_leak_of_samples() -> None:
    """How long the longest sentence is changes what is cut off: that is padding, not the axis of samples."""
    assert of_sentences(Pooled(over="windows", trims=True), others=6).status == "pass"
    assert of_sentences(Pooled(over="batch", trims=True), others=6).status == "fail"
