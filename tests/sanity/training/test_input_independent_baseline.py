from __future__ import annotations

from functools import partial
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.records import CheckResult
from nbinspect.sanity.training.input_independent_baseline import CHECK, bad
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = torch.randn(16, 8, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 4


class WithNoise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x + 0.3 * torch.randn_like(x))


class ByPlace(nn.Module):
    """Adds an embedding of the place in the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.layers = nn.Embedding(16, 8), mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x + self.places(torch.arange(len(x))))


class Wiped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(0 * x)


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(9, 32), nn.Embedding(6, 32)
        self.memory, self.head = nn.GRU(32, 32, batch_first=True), nn.Linear(32, 9)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.memory(self.table(x) + self.places.weight)[0])


def mlp(outputs: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, outputs))


def judged(model: nn.Module, x: Tensor = X, y: Tensor = Y, rate: float = 1e-2, **options: Any) -> CheckResult:
    named = {"loss_fn": F.cross_entropy, "optimizer": torch.optim.Adam(model.parameters(), rate), **options}
    return run_one(CHECK, model=model, loader=[(x, y)], **named)


def test_targets_that_reach_the_network_are_found_by_training_without_inputs() -> None:
    """With all inputs zero the loss falls below log 4, which is the best of outputs that are the same for all."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert f"{log(4):.4g}" in result.measurements[1].expected
    assert float(result.measurements[1].measured.split()[2]) < 0.7 * log(4)


def test_the_place_in_the_batch_is_another_way_round_the_inputs() -> None:
    """An embedding of the place in the batch learns labels by heart, without inputs."""
    assert judged(ByPlace()).status == "fail"


def test_inputs_that_are_wiped_make_no_difference() -> None:
    """Where the inputs are multiplied by 0, the loss takes the same way step by step."""
    result = judged(Wiped())
    assert result.status == "fail"
    assert "no difference" in result.title


@pytest.mark.parametrize(
    "model",
    [
        mlp(),
        WithNoise(),
        nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4)),
        nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 4)),
    ],
)
def test_healthy_networks_need_their_inputs(model: nn.Module) -> None:
    """Neither noise nor the masks of dropout, which repeat while they are held, tell the samples apart."""
    assert judged(model).status == "pass"


def test_positions_that_are_the_same_in_every_sample_are_no_leak() -> None:
    """Without tokens a network still knows its positions, and what follows at each of them on average."""
    tokens = torch.randint(9, (8, 7), generator=torch.Generator().manual_seed(2))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())

    found = judged(Tokens(), tokens[:, :-1], tokens[:, 1:], loss_fn=loss)
    assert found.status == "pass"


def test_an_autoencoders_targets_stay_what_they_were() -> None:
    """Where targets and inputs are the same tensor, only the inputs are zeroed, also in the user's own step."""
    x = torch.rand(16, 8, generator=torch.Generator().manual_seed(3))

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        loss = F.mse_loss(model(batch[0]), batch[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    assert judged(mlp(8), x, x, loss_fn=F.mse_loss, train_step=train_step).status in ("pass", "inconclusive")
    assert judged(mlp(8), x, x, loss_fn=F.mse_loss).status == "pass"


def test_a_few_steps_on_imbalanced_data_show_nothing() -> None:
    """A rate under which the batch is not learnt yet leaves the question open."""
    assert judged(mlp(), y=(torch.arange(16) < 2).long(), rate=1e-5).status == "inconclusive"


@pytest.mark.parametrize("options", [{"task": "other"}, {"x": X[:2], "y": Y[:2]}, {"y": torch.zeros(16).long()}])
def test_what_cannot_be_asked_is_skipped_or_left_open(options: dict[str, Any]) -> None:
    """Unknown tasks, tiny batches and batches of one class are no failure."""
    assert judged(mlp(), **options).status in ("skip", "inconclusive")


class Drowned(nn.Module):
    """Mixes noise into its inputs while it trains."""

    def __init__(self, signal: float) -> None:
        super().__init__()
        self.signal, self.layers = signal, mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.signal * x + (1 - self.signal) * torch.randn_like(x) if self.training else x)


@pytest.mark.parametrize(("signal", "status"), [(0.002, "fail"), (0.9, "pass")])
def test_inputs_that_drown_in_random_draws_fail(signal: float, status: str) -> None:
    """Noise five hundred times as large as the inputs is learnt by heart only while it is repeated."""
    found = judged(Drowned(signal))
    assert found.status == status
    assert ("drown" in found.title) == (status == "fail")


class Bag(nn.Module):
    """Adds up the vectors of words at real places."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(20, 8), mlp()

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.head((self.words(ids) * mask.unsqueeze(-1)).sum(1))


@pytest.mark.parametrize(("first", "status"), [("mask", "fail"), ("ids", "pass")])
def test_a_mask_that_stands_for_the_words_fails(first: str, status: str) -> None:
    """A network that is given the mask in place of the words learns a batch by its lengths alone."""
    generator = torch.Generator().manual_seed(4)
    mask = (torch.arange(12) < torch.arange(16)[:, None] % 11 + 1).long()
    batch = {"ids": torch.randint(1, 20, (16, 12), generator=generator) * mask, "mask": mask, "labels": Y}
    model = Bag()
    found = run_one(
        CHECK,
        model=model,
        loader=[batch],
        loss_fn=F.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), 0.01),
        forward=lambda model, batch: model(batch[first], batch["mask"]),
    )
    assert found.status == status


def test_a_step_that_does_not_read_its_inputs_fails() -> None:
    """A step that trains on zeros for its inputs fails; one that trains on them passes."""

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, times: float) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(times * batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    found = {}
    for times in (0.0, 1.0):
        torch.manual_seed(0)
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        own = {"optimizer": optimizer, "train_step": partial(step, times=times)}
        found[times] = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=F.cross_entropy, **own)
    assert found[0.0].status == "fail"
    assert "steps do the same" in found[0.0].summary
    assert found[1.0].status == "pass"


@pytest.mark.parametrize(("targets", "status"), [(Y, "fail"), (0 * Y, "skip")])
def test_one_input_for_all_samples_fails_where_targets_differ(targets: Tensor, status: str) -> None:
    """Batches whose samples all have the same inputs fail, but not where they have the same target too."""
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    same = X[:1].expand_as(X).clone()
    loader = [(same, targets), (2 * same, targets)]
    result = run_one(CHECK, model=model, loader=loader, loss_fn=F.cross_entropy, optimizer=optimizer)
    assert result.status == status


class Lengths(nn.Module):
    """Reads words, or only whether there is one."""

    def __init__(self, reads_words: bool) -> None:
        super().__init__()
        self.reads_words = reads_words
        self.table, self.layers = nn.Embedding(9, 32), nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, ids: Tensor) -> Tensor:
        return self.layers(self.table(ids if self.reads_words else (ids > 0).long()).sum(1))


@pytest.mark.parametrize("reads_words", [False, True])
def test_words_of_which_only_the_number_is_read_fail(reads_words: bool) -> None:
    """A network to which of padded ids only the lengths get fails; one that reads them passes."""
    torch.manual_seed(0)
    ids = torch.randint(1, 9, (16, 6)) * (torch.arange(6) < torch.arange(16)[:, None] % 5 + 1)
    model = Lengths(reads_words)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    result = run_one(CHECK, model=model, loader=[(ids, Y)], loss_fn=F.cross_entropy, optimizer=optimizer)
    assert result.status == ("pass" if reads_words else "fail")


class Coded(nn.Module):
    """Classifies a code that is drawn around what the encoder says, or from the prior, or now and then without it."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.encoder, self.head = nn.Linear(8, 12), nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self.encoder(x).chunk(2, 1)
        noise = torch.randn_like(mean)
        is_alone = self.training if self.way == "without the inputs while training" else self.way == "from the prior"
        code = noise if is_alone else mean + noise * log_scale.exp()
        return self.head(code), mean.square().mean() + log_scale.square().mean()


def penalised(outputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return F.cross_entropy(outputs[0], y) + 1e-3 * outputs[1]


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("from the prior", "fail"),
        ("around the input", "inconclusive"),
        ("without the inputs while training", "inconclusive"),
    ],
)
def test_outputs_that_are_drawn_whatever_the_inputs_fail(way: str, status: str) -> None:
    """A code from the prior lets nothing of the inputs through, whatever else the loss has in it."""
    torch.manual_seed(0)
    model = Coded(way)
    own = {"loss_fn": penalised, "optimizer": torch.optim.Adam(model.parameters(), 0.01), "task": "classification"}
    result = run_one(CHECK, model=model, loader=[(X, Y)], **own)
    assert result.status == status, result
    assert status != "fail" or "drawn" in result.title


class Stepping:
    """Adds noise to the inputs of each batch, and may take the logarithm of the softmax of the outputs."""

    def __init__(self, noise: float, *, loss_fn: nn.Module, shares: bool = False) -> None:
        self.noise, self.loss_fn, self.shares = noise, loss_fn, shares

    def step(self, model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        x, y = batch
        optimizer.zero_grad()
        outputs = model(x + self.noise * torch.randn_like(x))
        loss = self.loss_fn(outputs.log_softmax(1) if self.shares else outputs, y)
        loss.backward()
        optimizer.step()
        return loss.detach()


@pytest.mark.parametrize(("noise", "status"), [(40.0, "fail"), (1.0, "inconclusive")])
def test_a_step_whose_noise_drowns_its_inputs_fails(noise: float, status: str) -> None:
    """A step that adds noise forty times as large as its inputs fails; as large as they are, it trains."""
    torch.manual_seed(0)
    loss_fn = nn.CrossEntropyLoss()
    model = nn.Sequential(nn.LayerNorm(8), *mlp())
    found = judged(model, rate=3e-3, loss_fn=loss_fn, train_step=Stepping(noise, loss_fn=loss_fn).step)
    assert found.status == status, found
    assert status != "fail" or "drown" in found.title


def test_a_step_that_makes_log_probabilities_of_the_outputs_is_no_leak() -> None:
    """Where the step gives NLL log-probabilities and the outputs are logits, NLL of these tells nothing."""
    torch.manual_seed(0)
    loss_fn = nn.NLLLoss()
    own = {"loss_fn": loss_fn, "train_step": Stepping(0.0, loss_fn=loss_fn, shares=True).step}
    assert judged(mlp(), **own).status in ("inconclusive", "pass")


class Halves(nn.Module):
    """Is called in two parts."""

    def __init__(self, more: int = 0) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8 + more, 64), nn.ReLU())
        self.decoder = nn.Linear(64, 8 if not more else 4)


def by_step(model: Any, loss_of: Any, batch: Any) -> CheckResult:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        optimizer.step()

    return run_one(CHECK, model=model, loader=[batch], optimizer=optimizer, train_step=train_step)


def reconstructed(model: Any, batch: Any) -> Tensor:
    return F.mse_loss(model.decoder(model.encoder(batch[0])), batch[0])


def classified(model: Any, batch: Any) -> Tensor:
    return F.cross_entropy(model.decoder(model.encoder(batch["rows"]))[:, :4], batch["kind"])


def told(model: Any, batch: Any) -> Tensor:
    hinted = torch.cat([batch[0], batch[1][:, None].float()], 1)
    return F.cross_entropy(model.decoder(model.encoder(hinted)), batch[1])


def test_where_the_step_makes_targets_of_its_inputs_nothing_is_told_by_zeros() -> None:
    """Zeros for the images are zeros for what is to be drawn; so are those for labels of a name of their own."""
    assert by_step(Halves(), reconstructed, (X, Y)).status == "skip"
    assert by_step(Halves(), classified, {"rows": X, "kind": Y}).status == "skip"
    assert by_step(Halves(1), told, (X, Y)).status == "fail"
