from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.loss_target import CHECK
from tests.sanity.running import run_one

N = 24
X = torch.linspace(-1, 1, N * 4).reshape(N, 4)
INDICES = torch.arange(N) % 4
QUANTITIES = torch.linspace(-2, 3, N)
MULTI_HOT = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]).repeat(N // 2, 1)


def result_of(targets: Tensor, loss_fn: Any, model: nn.Module | None = None, **rest: Any) -> CheckResult:
    torch.manual_seed(0)
    model = nn.Linear(4, 4) if model is None else model
    return run_one(CHECK, model=model, loader=[(X, targets)], loss_fn=loss_fn, **rest)


CONTINUOUS = "Cross-entropy on continuous targets"
SEVERAL = "One-of-C loss on multi-hot targets"
ONE = "Softmax of one unit"
INDEX = "Squared error on class indices"
OUTSIDE = "Binary cross-entropy on targets outside 0 and 1"


@pytest.mark.parametrize(
    ("targets", "loss_fn", "outputs", "title", "number"),
    [
        (QUANTITIES, nn.CrossEntropyLoss(), 4, CONTINUOUS, "-2 to 3"),
        (QUANTITIES.abs(), lambda z, y: F.cross_entropy(z, y.long()), 4, CONTINUOUS, "0.04348 to 3"),
        (QUANTITIES[:, None].expand(N, 4), nn.CrossEntropyLoss(), 4, CONTINUOUS, "-2 to 3"),
        (QUANTITIES[:, None], nn.CrossEntropyLoss(), 1, ONE, "1"),
        (MULTI_HOT, nn.CrossEntropyLoss(), 4, SEVERAL, "2"),
        (MULTI_HOT, lambda z, y: F.cross_entropy(z, y.argmax(1)), 4, SEVERAL, "2"),
        (INDICES * 0, nn.CrossEntropyLoss(), 1, ONE, "1"),
        (INDICES, lambda z, y: ((z - y[:, None]) ** 2).mean(), 4, INDEX, "4"),
        (2 * MULTI_HOT - 1, nn.BCEWithLogitsLoss(), 4, OUTSIDE, "-1 to 1"),
    ],
)  # fmt: skip
def test_each_mismatch_is_named(targets: Tensor, loss_fn: Any, outputs: int, title: str, number: str) -> None:
    """Each loss on targets that it is not meant for fails under its name, with the number that shows it."""
    result = result_of(targets, loss_fn, nn.Linear(4, outputs))
    assert (result.status, result.title) == ("fail", title)
    assert result.measurements[0].measured == number


def test_indices_are_certain_where_classes_are_named() -> None:
    """A squared error on indices fails with class names, a data set's classes or a task, and warns without."""
    loss_fn = lambda z, y: F.mse_loss(z.squeeze(1), y.float())  # noqa: E731 - as users write it
    model = nn.Linear(4, 1)
    assert result_of(INDICES, loss_fn, model, class_names=list("abcd")).status == "fail"
    assert result_of(INDICES, loss_fn, model, task="classification").status == "fail"
    data = TensorDataset(X, INDICES)
    data.classes = list("abcd")  # type: ignore[attr-defined] # as folders of images have it
    assert run_one(CHECK, model=model, loader=DataLoader(data, batch_size=N), loss_fn=loss_fn).title == INDEX
    assert result_of(INDICES, loss_fn, model).status == "warn"
    assert result_of(INDICES, loss_fn, model, task="regression").status == "pass"


class OwnLoss(nn.Module):
    """Takes the squared error itself, as models of transformers with one label do."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.fc(x).squeeze(1)
        return {"loss": F.mse_loss(logits, labels), "logits": logits}


def test_a_model_that_takes_the_squared_error_itself_is_told_how_to_classify() -> None:
    """Where the model chooses its loss by the number of labels, that number is the remedy."""
    loader = [{"x": torch.randn(32, 4), "labels": (torch.arange(32) % 5).float()}]
    result = run_one(CHECK, model=OwnLoss(), loader=loader)
    assert (result.status, "num_labels=5" in result.remedy) == ("warn", True)


class OneUnit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.fc(x), dim=1)  # over one unit


@pytest.mark.parametrize(
    ("targets", "options", "status"),
    [
        ((torch.arange(32) % 5).float(), {}, "warn"),
        ((torch.arange(32) % 5).float(), {"task": "regression"}, "pass"),
        ((torch.arange(32) % 5 + 1).float(), {}, "pass"),  # stars
        (torch.tensor([0.0] * 14 + [1.0] * 11 + [2.0] * 5 + [3.0, 3.0]), {}, "pass"),  # counts
        ((torch.arange(32) % 5).float() / 4, {}, "pass"),
    ],
)
def test_floats_that_come_like_class_indices_are_worth_a_look(
    targets: Tensor, options: dict[str, Any], status: str
) -> None:
    """Floats from 0 without a gap, about equally often, against one output may be classes; stars and counts are not."""
    model = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    result = run_one(CHECK, model=model, loader=[(torch.randn(32, 4), targets)], loss_fn=nn.MSELoss(), **options)
    assert result.status == status, result
    assert status == "pass" or "task='regression'" in result.remedy


@pytest.mark.parametrize("loss_fn", [nn.BCELoss(), nn.MSELoss(), lambda p, y: -(y * torch.log(p)).mean()])
def test_a_softmax_of_one_unit_is_found_at_its_line(loss_fn: Any) -> None:
    """Whatever the loss, a softmax over one unit is named with its line."""
    result = result_of((INDICES % 2).float()[:, None], loss_fn, OneUnit())
    assert (result.status, result.title, result.where) == ("fail", ONE, "torch.softmax")
    assert result.place is not None
    assert result.place.function.endswith("forward")


class AttendsToOne(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x[:, None]
        return (torch.softmax(tokens @ tokens.mT, -1) @ self.fc(tokens))[:, 0]


SOFT = torch.softmax(torch.linspace(-3, 3, N * 4).sin().reshape(N, 4) * 3, 1)


@pytest.mark.parametrize(
    ("targets", "loss_fn"),
    [
        (INDICES, nn.CrossEntropyLoss()),
        (SOFT, nn.CrossEntropyLoss()),
        (F.one_hot(INDICES).float(), nn.CrossEntropyLoss(label_smoothing=0.1)),
        (F.one_hot(INDICES).float(), nn.MSELoss()),
        (INDICES, lambda z, y: F.mse_loss(z.softmax(1), F.one_hot(y, 4).float())),
        (MULTI_HOT, nn.BCEWithLogitsLoss()),
        (SOFT, nn.BCEWithLogitsLoss()),
        (QUANTITIES[:, None].repeat(1, 4), nn.MSELoss()),
        (torch.where(INDICES == 3, -100, INDICES), nn.CrossEntropyLoss()),
        (INDICES, nn.MultiMarginLoss()),
        (INDICES.float(), lambda z, y: F.cross_entropy(z, y.long())),
        (QUANTITIES.abs() / 3, lambda z, y: F.cross_entropy(z, (y * 3.99).long())),
        ((INDICES % 2).float()[:, None], lambda z, y: F.mse_loss(z[:, :1].sigmoid(), y)),
        (torch.poisson(torch.full((N, 4), 30.0)), nn.MSELoss()),
    ],
)
def test_silent_on_targets_that_suit(targets: Tensor, loss_fn: Any) -> None:
    """Indices, distributions, one-hot and multi-hot targets, bits and quantities pass under the losses for them."""
    assert result_of(targets, loss_fn).status == "pass"


def test_silent_on_attention_to_one_token() -> None:
    """A softmax over one key inside the network is no softmax of one unit."""
    assert result_of(INDICES, nn.CrossEntropyLoss(), AttendsToOne()).status == "pass"


def test_targets_made_in_the_loss_may_be_meant() -> None:
    """Several positives that the loss itself lays down are a warning at most."""
    loss_fn = lambda z, y: F.cross_entropy(z @ z.T, (y[:, None] == y).float())  # noqa: E731 - as users write it
    assert result_of(INDICES, loss_fn).status == "warn"


@pytest.mark.parametrize("targets", [torch.full((N, 4), float("nan")), torch.zeros(N, 4)])
def test_ugly_targets_raise_nothing(targets: Tensor) -> None:
    """NaN and empty rows end in an answer."""
    assert result_of(targets, nn.CrossEntropyLoss()).status in ("pass", "fail", "warn")
    assert result_of(targets, nn.MSELoss()).status == "pass"


def test_a_column_of_classes_in_a_table_of_numbers_is_silent() -> None:
    """Classes that are one column of a table with quantities, as in detection, are cut out of it whole."""
    table = torch.stack([torch.arange(N) % 3, torch.rand(N)], dim=1).float()

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets[:, 0].long()) + targets[:, 1].mean() * 0

    assert result_of(table, loss_fn).status == "pass"
    assert result_of(table, lambda outputs, t: F.cross_entropy(outputs, (t[:, 1] * 1).long())).status == "pass"
    assert result_of(table, lambda outputs, t: F.cross_entropy(outputs, t[:, 1].long())).status == "fail"


def masked(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy that leaves out what is 255."""
    losses = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return (losses * (targets != 255)).mean()


def weighted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same by weights."""
    return F.binary_cross_entropy_with_logits(outputs, targets, weight=(targets != 255).float())


def averaged(outputs: Tensor, targets: Tensor) -> Tensor:
    """A mean of all, those of 255 too."""
    return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").mean()


@pytest.mark.parametrize(("loss_fn", "status"), [(masked, "pass"), (weighted, "pass"), (averaged, "fail")])
def test_targets_that_a_loss_leaves_out_are_nobodys_mistake(loss_fn: Any, status: str) -> None:
    """A mark such as 255 that the loss gives no weight is no target; one that is averaged with the others is."""
    targets = torch.tensor([0.0, 1.0, 255.0, 1.0]).repeat(4).unsqueeze(1)
    found = run_one(CHECK, model=nn.Linear(3, 1), loader=[(torch.randn(16, 3), targets)], loss_fn=loss_fn)
    assert found.status == status


TAGS = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]).repeat(N // 3, 1)
COINCIDE = "Softmax over labels that coincide"
BITS = (INDICES % 2).float()[:, None]


def focal(z: Tensor, y: Tensor) -> Tensor:
    p = z.softmax(1)
    return -(y * (1 - p) ** 2 * p.clamp_min(1e-8).log()).sum(1).mean()


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: -(y * z.log_softmax(1)).sum(1).mean(),
        focal,
        lambda z, y: 1 - (2 * (z.softmax(1) * y).sum() + 1) / (z.softmax(1).sum() + y.sum() + 1),
        lambda z, y: F.binary_cross_entropy(z.softmax(1), y),
        lambda z, y: ((z.softmax(1) - y) ** 2).mean(),
        lambda z, y: F.kl_div(z.log_softmax(1), y, reduction="batchmean"),
    ],
)
def test_a_softmax_over_labels_that_coincide_is_found(loss_fn: Any) -> None:
    """Whatever the loss makes of it, a softmax over the classes does not suit samples of several labels, or none."""
    result = result_of(TAGS, loss_fn)
    assert (result.status, result.title) == ("fail", COINCIDE)


def test_where_every_sample_has_a_label_the_user_has_to_say_that_they_coincide() -> None:
    """Counts of a multinomial, and candidates of which one is right, look the same and pass."""
    loss_fn = lambda z, y: -(y * z.log_softmax(1)).sum(1).mean()  # noqa: E731 - as users write it
    assert result_of(MULTI_HOT, loss_fn).status == "pass"
    assert result_of(MULTI_HOT, lambda z, y: -(z.softmax(1) * y).sum(1).log().mean()).status == "pass"
    assert result_of(MULTI_HOT, loss_fn, task="multilabel").title == COINCIDE


class Scores(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x[..., None])[..., 0]


@pytest.mark.parametrize("loss_fn", [nn.BCEWithLogitsLoss(), lambda z, y: -(y * z.log_softmax(1)).sum(1).mean()])
def test_a_choice_among_documents_is_no_choice_of_labels(loss_fn: Any) -> None:
    """Scores of a list by one layer for all, of which several may be relevant, or none, are let be."""
    assert result_of(TAGS, loss_fn, Scores()).status == "pass"


@pytest.mark.parametrize(
    "loss_fn",
    [
        nn.BCEWithLogitsLoss(),
        lambda z, y: -(F.logsigmoid(z) * y).mean() - (F.logsigmoid(-z) * (1 - y)).mean(),
        lambda z, y: -(z * y).mean(),
        lambda z, y: (z * y).sum() / y.sum(),
        lambda z, y: (y * z**2 + (1 - y) * (1 - z).clamp_min(0) ** 2).mean(),
    ],
)
def test_labels_of_0_and_1_suit_losses_that_see_both(loss_fn: Any) -> None:
    """Losses of yes and no, rewards, masks and distances of pairs take 0 and 1."""
    assert result_of(BITS, loss_fn, nn.Linear(4, 1)).status == "pass"


def test_counts_below_0_are_found() -> None:
    """A Poisson loss fails on standardised targets, and passes on counts."""
    loss_fn = nn.PoissonNLLLoss()
    assert result_of(QUANTITIES[:, None], loss_fn, nn.Linear(4, 1)).status == "fail"
    assert result_of(QUANTITIES[:, None].abs().round(), loss_fn, nn.Linear(4, 1)).status == "pass"


WORDS = F.one_hot(torch.arange(8 * 4).reshape(8, 4) // 2 % 4, 4).float()


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: F.mse_loss(z.softmax(-1), y),
        lambda z, y: F.kl_div(z.log_softmax(-1), y, reduction="batchmean"),
        lambda z, y: -(z.log_softmax(-1) * y).sum(-1).mean(),
    ],
)
def test_a_label_for_each_word_is_looked_for_along_the_classes(loss_fn: Any) -> None:
    """Words of a sentence may share a class; none has several, though the second axis has as many as there are."""
    torch.manual_seed(0)
    found = run_one(CHECK, model=nn.Linear(5, 4), loader=[(torch.randn(8, 4, 5), WORDS)], loss_fn=loss_fn)
    assert found.status == "pass"


def test_counts_that_a_network_is_to_tell_from_themselves_may_be_none() -> None:
    """A multinomial likelihood of what goes in, as of the items of a user, suits users without any."""
    items = (torch.rand(N, 8, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    assert bool((items.sum(1) == 0).any() and (items.sum(1) > 1).any())
    loss_fn = lambda z, y: -(z.log_softmax(1) * y).sum(1).mean()  # noqa: E731 - as users write it
    assert run_one(CHECK, model=nn.Linear(8, 8), loader=[(items, items)], loss_fn=loss_fn).status == "pass"


def test_candidates_of_samples_without_any_are_let_be() -> None:
    """The share of all candidates together is the logarithm of a sum, which samples without a label are left out of."""

    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        return -(z.softmax(1) * y).sum(1)[y.sum(1) > 0].log().mean()

    assert result_of(TAGS, loss_fn).status == "pass"


def test_counts_of_minus_one_that_are_left_out_are_no_counts() -> None:
    """A Poisson loss one by one may leave out what is marked as missing."""
    counts = QUANTITIES[:, None].abs().round()
    counts[:3] = -1

    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        return F.poisson_nll_loss(z, y, reduction="none")[y >= 0].mean()

    assert result_of(counts, loss_fn, nn.Linear(4, 1)).status == "pass"


WORDS = F.one_hot(torch.arange(8 * 4).reshape(8, 4) // 2 % 4, 4).float()
