from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.label_range import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def on(y: Tensor, loss_fn: Any = None, batch_size: int = 10, outputs: int = 3) -> CheckResult:
    loader = DataLoader(TensorDataset(torch.randn(len(y), 4), y), batch_size=batch_size)
    return run_one(CHECK, model=nn.Linear(4, outputs), loader=loader, loss_fn=loss_fn or nn.CrossEntropyLoss())


def test_labels_that_begin_at_one_fail() -> None:
    """Labels 1 to C fail with the shift to make, although the step itself raises."""
    result = on(torch.arange(30) % 3 + 1)
    assert result.status == "fail"
    assert result.code == "+ targets = targets - 1"


def test_a_stray_label_in_a_later_batch_fails() -> None:
    """A single label out of range is found before training gets there."""
    y = torch.arange(30) % 3
    y[25] = 7
    result = on(y)
    assert result.status == "fail"
    assert result.measurements[1].measured == "1"
    assert "8 outputs" in result.remedy


def test_float_indices_fail() -> None:
    """Class indices in floats are refused by the loss, and named here."""
    result = on((torch.arange(30) % 3).float())
    assert (result.status, result.code) == ("fail", "+ targets = targets.long()")


class Judging(nn.Module):
    """Takes float labels for several labels a sample, and computes its own loss."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(width, 3)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.fc(x)
        loss = F.binary_cross_entropy_with_logits if labels.is_floating_point() else F.cross_entropy
        return {"loss": loss(logits, labels), "logits": logits}


def test_float_labels_that_a_model_takes_for_another_task_fail_with_proof() -> None:
    """Where the step raises on whole floats and runs on them as int64, the dtype is the cause, and that is proven."""
    batch = {"x": torch.randn(30, 4), "labels": (torch.arange(30) % 3).float()}
    model = Judging()
    result = run_one(CHECK, model=model, loader=[batch])
    assert (result.status, result.code, result.confirmed) == ("fail", "+ targets = targets.long()", True)
    assert run_one(CHECK, model=Judging(width=5), loader=[batch]).status == "skip"
    several = {"x": torch.randn(30, 4), "labels": (torch.rand(30, 3) > 0.5).float()}
    assert run_one(CHECK, model=Judging(), loader=[several]).status in ("pass", "skip")


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.bool])
def test_other_dtypes_that_the_loss_refuses_fail(dtype: torch.dtype) -> None:
    """Short integers and booleans as class indices are refused by cross-entropy, and named here."""
    result = on((torch.arange(30) % 2).to(dtype))
    assert (result.status, result.measurements[0].measured) == ("fail", str(dtype).removeprefix("torch."))


def test_one_class_alone_fails() -> None:
    """A label that never changes fails on a whole set, for indices as for binary targets."""
    assert on(torch.full((40,), 2)).title == "A constant label"
    assert on(torch.ones(40, 1), nn.BCEWithLogitsLoss(), outputs=1).status == "fail"


def labelled(y: Tensor, **more: Any) -> CheckResult:
    loader = DataLoader(TensorDataset(torch.randn(len(y), 4), y), batch_size=10)
    model = nn.Linear(4, 3)
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.BCEWithLogitsLoss(), task="multilabel", **more)


@pytest.mark.parametrize(
    ("row", "status", "told"), [([0.0, 0.0, 0.0], "fail", "0"), ([0.0, 1.0, 1.0], "warn", "[0, 1, 1]")]
)
def test_several_labels_that_no_sample_differs_in_are_told(row: list[float], status: str, told: str) -> None:
    """Where every sample has the same labels, of several each, that fails, or is worth a look; one other is enough."""
    y = torch.tensor(row).expand(40, 3).clone()
    result = labelled(y)
    assert result.status == status
    assert result.summary.endswith(told)
    y[7, 0] = 1
    assert labelled(y).status == "pass"


class Pairs(nn.Module):
    """Skip-gram: rates a word as the neighbour of another."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.neighbours = nn.Embedding(50, 8), nn.Embedding(50, 8)

    def forward(self, words: Tensor) -> Tensor:
        return (self.words(words[:, :1]) * self.neighbours(words[:, 1:])).sum(-1)


def test_quantities_that_are_all_one_whole_number_are_a_warning() -> None:
    """Fractions that were cut off are all 0, as residuals are to be; any two that differ are targets."""
    places = torch.rand(40, 3, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9
    result = on(places.long().float(), nn.MSELoss())
    assert (result.status, result.title, result.summary) == ("warn", "A constant target", "every target is 0")
    assert on(places, nn.MSELoss()).status == "skip"
    assert on((places > 0.8).float(), nn.MSELoss()).status == "skip"


def test_a_right_candidate_that_comes_first_is_no_constant_label() -> None:
    """A neighbour before four words drawn at random has the labels 1, 0, 0, 0, 0, which do not fail."""
    words = torch.randint(0, 50, (60, 6))
    data = TensorDataset(words, torch.eye(5)[:1].expand(60, 5))
    result = run_one(CHECK, model=Pairs(), loader=DataLoader(data, 20, shuffle=True), loss_fn=nn.BCEWithLogitsLoss())
    assert result.status in ("pass", "warn")


def test_labels_left_out_as_padding_are_not_taken_for_equal() -> None:
    """Labels that are 1 or the declared padding value vary, although the padding itself is not looked at."""
    assert labelled((torch.arange(120) % 2).float().reshape(40, 3), padding_value=0).status == "pass"


def test_masks_without_a_single_pixel_of_the_object_fail() -> None:
    """Masks that are 0 everywhere fail, and pass where one of them shows something."""
    masks = torch.zeros(40, 1, 6, 6)
    arguments: dict[str, Any] = {"model": nn.Conv2d(3, 1, 3, padding=1), "loss_fn": nn.BCEWithLogitsLoss()}
    images = torch.randn(40, 3, 6, 6)
    assert run_one(CHECK, **arguments, loader=[(images, masks)], task="segmentation").status == "fail"
    masks[3, 0, 2, 2] = 1
    assert run_one(CHECK, **arguments, loader=[(images, masks)], task="segmentation").status == "pass"


def test_few_or_partial_labels_are_no_evidence() -> None:
    """A handful of equal labels is chance."""
    assert on(torch.full((8,), 2)).status == "pass"


@pytest.mark.parametrize(
    ("loss_fn", "ignored"),
    [
        (nn.CrossEntropyLoss(), -100),
        (nn.CrossEntropyLoss(ignore_index=255), 255),
        (lambda outputs, targets: F.cross_entropy(outputs, targets, ignore_index=9), 9),
    ],
)
def test_ignored_labels_are_fine(loss_fn: Any, ignored: int) -> None:
    """What the loss leaves out is no label, also where only the call itself says so."""
    y = torch.arange(30) % 3
    y[20:] = ignored
    y[0] = ignored
    assert on(y, loss_fn).status == "pass"


def picked(outputs: Tensor, targets: Tensor) -> Tensor:
    return -outputs.log_softmax(1)[torch.arange(len(targets)), targets].mean()


def picked_and_masked(outputs: Tensor, targets: Tensor) -> Tensor:
    each = outputs.log_softmax(1)[torch.arange(len(targets)), targets]
    return -(each * (targets >= 0)).sum() / (targets >= 0).sum()


def modulo(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets % outputs.shape[1])


def others_last(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, torch.where(targets < 0, outputs.shape[1] - 1, targets))


def partly_labelled() -> Tensor:
    y = torch.arange(60) % 3
    y[::5] = -1
    return y


def test_labels_below_zero_that_index_the_last_class_fail_with_proof() -> None:
    """A loss that picks by index takes −1 for the last class, which fails where that class has labels of its own."""
    result = on(partly_labelled(), picked)
    assert (result.status, result.confirmed) == ("fail", True)
    assert result.summary == "labels -1 count as class 2"
    assert result.measurements[0].measured == "12"


@pytest.mark.parametrize(
    ("loss_fn", "y"),
    [
        (picked_and_masked, partly_labelled()),
        (others_last, partly_labelled()),
        (modulo, partly_labelled()),
        (picked, torch.arange(60) % 3 - 1),
    ],
)
def test_labels_below_zero_that_are_masked_or_mapped_or_modulo_are_fine(loss_fn: Any, y: Tensor) -> None:
    """Labels below 0 pass where the loss leaves them out, maps them, takes all modulo, or no other means the same."""
    assert on(y, loss_fn).status == "pass"


def softened(outputs: Tensor, targets: Tensor, *, share: float = 0.1) -> Tensor:
    """Cross-entropy by hand: a label is compared with each class, and part of it is spread over all."""
    classes = outputs.shape[1]
    hot = (targets[:, None] == torch.arange(classes)).float()
    return -((hot * (1 - share) + share / classes) * outputs.log_softmax(1)).sum(1).mean()


def counting_from_one(outputs: Tensor, targets: Tensor) -> Tensor:
    return softened(outputs, targets - 1)


def leaving_out_the_last(outputs: Tensor, targets: Tensor) -> Tensor:
    return softened(outputs, targets, share=0.0)


def taking_modulo(outputs: Tensor, targets: Tensor) -> Tensor:
    return softened(outputs, targets % outputs.shape[1])


@pytest.mark.parametrize("outputs", [3, 12])
def test_labels_from_one_that_a_loss_by_hand_takes_fail(outputs: int) -> None:
    """A loss that compares labels with classes raises no error for the last label, and no output stands for it."""
    result = on(torch.arange(60) % outputs + 1, softened, outputs=outputs)
    assert (result.status, result.code) == ("fail", "+ targets = targets - 1")
    assert result.measurements[0].measured == f"1 to {outputs}"
    assert result.measurements[1].measured == str(60 // outputs)


@pytest.mark.parametrize(
    ("loss_fn", "y"),
    [
        (counting_from_one, torch.arange(60) % 3 + 1),
        (leaving_out_the_last, torch.arange(60) % 3 + 1),
        (taking_modulo, torch.arange(60) % 3 + 1),
        (softened, torch.arange(60) % 4),
        (softened, torch.arange(60) % 3),
        (softened, torch.arange(60) % 2 + 1),
    ],
)
def test_labels_that_a_loss_by_hand_counts_or_leaves_out_or_spreads_are_fine(loss_fn: Any, y: Tensor) -> None:
    """A loss may count from 1 itself, leave out a label, take it modulo, or mean all classes alike by one more."""
    assert on(y, loss_fn).status == "pass"


def by_sigmoid(outputs: Tensor, wanted: Tensor) -> Tensor:
    p = outputs.sigmoid().clamp(1e-6, 1 - 1e-6)
    return -(wanted * p.log() + (1 - wanted) * (1 - p).log()).sum(1).mean()


def with_background(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of detectors: one label more than outputs means that nothing is there."""
    return by_sigmoid(outputs, F.one_hot(targets, outputs.shape[1] + 1)[:, :-1].float())


def at_most(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of ordinal regression: each output tells whether the label is at most its number."""
    return by_sigmoid(outputs, (targets[:, None] <= torch.arange(outputs.shape[1])).float())


def of_hazards(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of survival in intervals: the label is that of the event, one more is for who outlives them all."""
    steps, risk = torch.arange(outputs.shape[1]), outputs.sigmoid().clamp(1e-6, 1 - 1e-6)
    event, alive = targets[:, None] == steps, targets[:, None] > steps
    return -(event * risk.log() + alive * (1 - risk).log()).sum(1).mean()


def open_to_unknown(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of open sets: what is of no known class is to have all classes alike."""
    told, known = -outputs.log_softmax(1), targets < outputs.shape[1]
    return (told[known].gather(1, targets[known][:, None]).sum() + told[~known].mean(1).sum()) / len(targets)


@pytest.mark.parametrize("loss_fn", [with_background, at_most, of_hazards, open_to_unknown])
def test_a_label_that_a_loss_by_hand_provides_for_is_fine(loss_fn: Any) -> None:
    """The highest label may mean none of them, all steps, or no known class, while nothing has label 0."""
    for outputs in (3, 5):
        assert on(torch.arange(60) % outputs + 1, loss_fn, outputs=outputs).status == "pass"


def test_a_label_of_most_samples_is_no_slip_of_counting() -> None:
    """What most samples have is meant, as a background is."""
    y = torch.arange(60) % 3 + 1
    assert on(torch.where(torch.arange(60) % 5 > 1, 3, y), softened).status == "pass"


def test_a_label_is_tried_on_targets_in_any_layout_of_memory() -> None:
    """A stray label fails where targets come transposed, under a loss that must be asked whether it leaves it out."""
    y = torch.arange(30).reshape(6, 5) % 3
    first, second = (torch.randn(5, 3, 6), y.T), (torch.randn(5, 3, 6), torch.full((5, 6), 7))
    model = nn.Sequential(nn.Flatten(), nn.Linear(18, 18), nn.Unflatten(1, (3, 6)))
    found = run_one(CHECK, model=model, loader=[first, second], loss_fn=F.cross_entropy)
    assert (found.status, found.summary) == ("fail", "labels 7 for 3 outputs")


def test_outputs_in_another_layout_are_not_mistaken_for_classes() -> None:
    """Where the loss refuses outputs of (N, T, C), T is no number of classes."""
    batch = (torch.randn(25, 3, 4), torch.arange(75).reshape(25, 3) % 7)
    result = run_one(CHECK, model=nn.Linear(4, 7), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "pass"


def test_a_model_with_its_own_loss_may_ignore_any_label() -> None:
    """What a model leaves out inside is not known, and no finding."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            logits = self.fc(x)
            return {"loss": F.cross_entropy(logits, labels, ignore_index=-1), "logits": logits}

    labels = torch.arange(30) % 3
    labels[::5] = -1
    batch = {"x": torch.randn(30, 4), "labels": labels}
    assert run_one(CHECK, model=Own(), loader=[batch]).status == "pass"


def test_probabilities_are_no_indices() -> None:
    """Soft labels pass."""
    assert on(torch.randn(30, 3).softmax(1)).status == "pass"


def test_regression_is_skipped() -> None:
    """Where there are no classes there is nothing to ask."""
    assert on(torch.randn(30, 1), nn.MSELoss(), outputs=1).status == "skip"


def masks(values: Tensor, loss_fn: Any = None) -> CheckResult:
    loader = DataLoader(TensorDataset(torch.randn(len(values), 1, 6, 6), values.float()), batch_size=10)
    model = nn.Conv2d(1, 1, 3, padding=1)
    return run_one(CHECK, model=model, loader=loader, loss_fn=loss_fn or nn.BCEWithLogitsLoss(), task="segmentation")


@pytest.mark.parametrize(("no", "yes"), [(0, 255), (1, 2), (-1, 1)])
def test_yes_and_no_by_other_numbers_fail_with_proof(no: int, yes: int) -> None:
    """Masks of 0 and 255, or labels of 1 and 2, that binary cross-entropy is given as they are fail."""
    result = masks(torch.where(torch.rand(40, 1, 6, 6) > 0.6, yes, no))
    assert (result.status, result.confirmed) == ("fail", True)
    assert result.summary == f"labels {no} and {yes} for no and yes"
    labels = torch.where(torch.rand(40, 1) > 0.6, float(yes), float(no))
    assert on(labels, nn.BCEWithLogitsLoss(), outputs=1).summary == f"labels {no} and {yes} for no and yes"


def test_yes_and_no_that_the_loss_maps_or_leaves_out_are_fine() -> None:
    """A loss that divides masks by 255 itself, or gives what is marked 255 no weight, is given nothing wrong."""
    marked = torch.where(torch.rand(40, 1, 6, 6) > 0.6, 255, 0)

    def mapping(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(outputs, targets / 255)

    def leaving_out(outputs: Tensor, targets: Tensor) -> Tensor:
        return (F.binary_cross_entropy_with_logits(outputs, targets, reduction="none") * (targets != 255)).mean()

    assert masks(marked, mapping).status == "pass"
    assert masks(marked, leaving_out).status == "pass"


def test_quantities_and_shares_are_no_codes() -> None:
    """What has more than two values, or is between 0 and 1, is not judged here."""
    assert masks(torch.rand(40, 1, 6, 6)).status == "pass"
    assert masks(torch.randint(256, (40, 1, 6, 6))).status == "pass"
    assert masks(torch.rand(40, 1, 6, 6) > 0.5).status == "pass"


def on_masks(y: Tensor, loss_fn: Any, **more: Any) -> CheckResult:
    model = nn.Conv2d(1, 1, 3, padding=1)
    loader = DataLoader(TensorDataset(torch.randn(len(y), 1, 6, 6), y), batch_size=10, shuffle=True)
    return run_one(CHECK, model=model, loader=loader, loss_fn=loss_fn, **more)


def overlap(outputs: Tensor, targets: Tensor) -> Tensor:
    p = outputs.sigmoid()
    return 1 - (2 * (p * targets).sum() + 1) / (p.sum() + targets.sum() + 1)


@pytest.mark.parametrize("task", [None, "segmentation"])
def test_masks_of_255_under_a_loss_of_overlap_fail(task: Any) -> None:
    """A loss by hand that sinks below 0 with labels 0 and 255, and ends at 0 with 0 and 1, fails; with 0 and 1 none."""
    y = (torch.rand(40, 1, 6, 6) > 0.6).float()
    assert on_masks(255 * y, overlap, task=task).status == "fail"
    assert on_masks(y, overlap, task=task).status != "fail"


def test_bytes_between_the_ends_of_a_mask_still_leave_it_one_of_255() -> None:
    """Masks in bytes that were resized, so that some pixels lie between 0 and 255, fail under binary cross-entropy."""
    y = (torch.rand(40, 1, 6, 6) > 0.6).float()
    y[:, :, 0, 0] = 0.4
    assert on_masks(255 * y, nn.BCEWithLogitsLoss()).measurements[0].measured == "0 and 255"
    assert on_masks(y, nn.BCEWithLogitsLoss()).status != "fail"


def test_masks_divided_twice_fail() -> None:
    """Where every yes is 1/255 the network is asked for next to nothing; smoothed labels and rare shares are meant."""
    y = (torch.rand(40, 1, 6, 6) > 0.6).float()
    assert on_masks(y / 255, nn.BCEWithLogitsLoss()).status == "fail"
    assert on_masks(0.1 + 0.8 * y, nn.BCEWithLogitsLoss()).status != "fail"
    assert on_masks(y * torch.rand(40, 1, 6, 6) / 20, nn.BCEWithLogitsLoss()).status != "fail"


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.relu(1 - outputs * targets).mean()


@pytest.mark.parametrize("loss_fn", [hinge, nn.SoftMarginLoss()])
def test_labels_0_and_1_where_the_sign_counts_fail(loss_fn: Any) -> None:
    """A loss of the product of output and label says nothing of samples labelled 0, which fails; −1 and 1 are meant."""
    y = (torch.arange(40) % 2).float()[:, None]
    assert on(y, loss_fn, outputs=1).title == "Labels 0 and 1 where the loss takes −1 and 1"
    assert on(2 * y - 1, loss_fn, outputs=1).status != "fail"


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda o, t: -(o * t).mean(),
        lambda o, t: -(F.logsigmoid(o) * t).mean(),
        lambda o, t: ((o * t) ** 2).mean(),
        lambda o, t: ((o - 1) ** 2 * t).sum() / t.sum(),
        lambda o, t: (t * F.softplus(-o) + (1 - t) * F.softplus(o)).mean(),
        F.mse_loss,
    ],
)
def test_losses_in_which_0_is_meant_are_left_alone(loss_fn: Any) -> None:
    """Rewards, masks, and yes or no by hand take 0 for what it is, and do not fail."""
    assert on((torch.arange(40) % 2).float()[:, None], loss_fn, outputs=1).status != "fail"


def step_with(loss: Any) -> Any:
    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        found: Tensor = loss(model(batch[0]), *batch[1:])
        found.backward()
        optimizer.step()
        return found

    return train_step


def in_a_step(loss: Any, *targets: Tensor, outputs: int = 1) -> CheckResult:
    model = nn.Linear(4, outputs)
    loader = DataLoader(TensorDataset(torch.randn(40, 4), *targets), batch_size=20, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return run_one(CHECK, model=model, loader=loader, train_step=step_with(loss), optimizer=optimizer)


def test_labels_that_a_training_step_gives_to_its_own_loss_are_judged() -> None:
    """Codes other than 0 and 1, and one label alone, fail in a step of the user's as well; 0 and 1 do not."""
    y = (torch.arange(40) % 2).float()
    bce = lambda o, t: F.binary_cross_entropy_with_logits(o[:, 0], t)  # noqa: E731
    assert in_a_step(bce, y + 1).title == "Labels of no and yes other than 0 and 1"
    assert in_a_step(bce, torch.ones(40)).title == "A constant label"
    assert in_a_step(bce, y).status != "fail"


def test_labels_that_become_one_on_the_way_to_the_loss_fail() -> None:
    """Fractions that are cut to 0, and the largest entry of a single column, are one label for all; others are none."""
    y = torch.arange(40) % 4
    cut = lambda o, t: F.cross_entropy(o, t.long())  # noqa: E731
    assert in_a_step(cut, y / 10, outputs=4).title == "A constant label"
    assert in_a_step(cut, y.double(), outputs=4).status != "fail"
    largest = lambda o, t: F.cross_entropy(o, t.argmax(1))  # noqa: E731
    assert in_a_step(largest, y[:, None], outputs=4).title == "A constant label"
    assert in_a_step(largest, F.one_hot(y), outputs=4).status != "fail"


def test_keys_of_a_contrast_are_no_labels() -> None:
    """Places of the right answer that are made in the step, all 0, are meant, and do not fail."""
    loss = lambda o, t: F.cross_entropy(o, torch.zeros(len(o), dtype=torch.long))  # noqa: E731
    assert in_a_step(loss, torch.arange(40) % 2, outputs=4).status != "fail"
    real = lambda o, t: F.binary_cross_entropy_with_logits(o, torch.ones_like(o))  # noqa: E731
    assert in_a_step(real, torch.arange(40) % 2).status != "fail"


def marking(there: int, rest: int, kind: str = "") -> Any:
    """A loss that marks the places where something is, in labels of nothing."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        known = targets[:, 0] if targets.dim() > 1 else targets
        if kind == "where":
            return F.cross_entropy(outputs, torch.where(known == 1, there, rest))
        labels = torch.full(outputs.shape[:1], rest)
        labels[known > 0] = known[known > 0].long() if kind == "valid" else there
        return F.cross_entropy(outputs, labels)

    return loss


@pytest.mark.parametrize(
    ("kind", "there", "rest", "last", "status"),
    [
        ("", 1, 1, 1, "fail"),
        ("where", 0, 0, 1, "fail"),
        ("", 1, 0, 1, "pass"),
        ("valid", 1, 1, 1, "fail"),
        ("valid", 1, 1, 2, "pass"),
    ],
)
def test_marks_that_are_those_of_the_rest_fail(kind: str, there: int, rest: int, last: int, status: str) -> None:
    """A class that is also the number of nothing leaves one label for all; other labels may come in a later batch."""
    y = torch.stack([(torch.arange(400) % 2).float(), torch.randn(400)], 1)
    y[-3:, 0] = last
    loader = DataLoader(TensorDataset(torch.randn(400, 4), y), batch_size=20, shuffle=last < 2)
    given = {"model": nn.Linear(4, 3), "loader": loader, "task": "other"}
    found = run_one(CHECK, **given, loss_fn=marking(there, rest, kind))
    assert (found.status, found.title) == ("fail", "A constant label") if status == "fail" else found.status != "fail"


def test_a_second_target_that_never_changes_fails() -> None:
    """One of several targets is judged as well, if a loss of classes is given it."""
    both = lambda o, t, u: F.cross_entropy(o, t) + F.binary_cross_entropy_with_logits(o[:, 0], u)  # noqa: E731
    y = torch.arange(40) % 3
    assert in_a_step(both, y, torch.zeros(40), outputs=3).title == "A constant label"
    assert in_a_step(both, y, (y > 1).float(), outputs=3).status != "fail"
    weighed = lambda o, t, u: (F.cross_entropy(o, t, reduction="none") * u).mean()  # noqa: E731
    assert in_a_step(weighed, y, torch.ones(40), outputs=3).status != "fail"


def test_labels_beyond_the_outputs_fail_where_the_model_computes_its_loss() -> None:
    """Labels from 1 on which the cross-entropy inside of a model raises fail here, with the number of its outputs."""
    batch = {"x": torch.randn(30, 4), "labels": torch.arange(30) % 3 + 1}
    result = run_one(CHECK, model=Judging(), loader=[batch])
    assert (result.status, result.code) == ("fail", "+ targets = targets - 1")


def of_step(model: nn.Module, data: list[Tensor], compare: Any) -> CheckResult:
    """The check on a step of the user's that compares what the model and a batch give."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        found: Tensor = compare(model, *batch)
        found.backward()
        optimizer.step()
        return found

    loader = DataLoader(TensorDataset(*data), batch_size=20, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return run_one(CHECK, model=model, loader=loader, train_step=train_step, optimizer=optimizer)


def test_one_label_that_meets_another_in_the_same_step_is_meant() -> None:
    """Pairs that are there, all labelled 1, beside such as are drawn, all 0, leave the network something to tell."""
    bce = F.binary_cross_entropy_with_logits
    both = lambda m, x, y: bce(m(x)[:, 0], y) + bce(m(torch.randn_like(x))[:, 0], 1 - y)  # noqa: E731
    assert of_step(nn.Linear(4, 1), [torch.randn(80, 4), torch.ones(80)], both).status != "fail"


class Rated(nn.Module):
    """Rates each candidate by one and the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.candidate = nn.Linear(4, 8), nn.Linear(4, 8)

    def forward(self, query: Tensor, candidates: Tensor) -> Tensor:
        return torch.einsum("bd,bkd->bk", self.query(query), self.candidate(candidates))


def test_the_right_candidate_may_always_be_the_first() -> None:
    """A network that rates candidates one by one cannot know their places: a constant label is worth a look at most."""
    data = [torch.randn(80, 4), torch.randn(80, 5, 4), torch.zeros(80).long()]
    asked = of_step(Rated(), data, lambda m, q, c, y: F.cross_entropy(m(q, c), y))
    assert asked.status == "warn"
    assert "candidates" in asked.detail
    loader = DataLoader(TensorDataset(*data), batch_size=20)
    given = {"split": lambda batch: (batch[:2], batch[2]), "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, model=Rated(), loader=loader, **given).status == "warn"


def test_fractions_of_one_batch_alone_may_all_be_cut_to_0() -> None:
    """Amounts in whole units, of which nearly all are below 1, are several labels in all that is read."""
    amounts = torch.rand(400) * 0.9
    amounts[-8:] += 3
    model, loss = nn.Linear(4, 8), lambda o, t: F.cross_entropy(o, t.long())
    loader = DataLoader(TensorDataset(torch.randn(400, 4), amounts), batch_size=25)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert run_one(CHECK, model=model, loader=loader, train_step=step_with(loss), optimizer=optimizer).status != "fail"


def test_signs_of_pairs_are_asked_for_where_0_may_be_meant() -> None:
    """Half of the labels of a ranking are no ties; 0 leaves out a pair whose other side is not trained."""
    y = (torch.arange(400) % 2).float()
    ranked = lambda m, a, b, y: F.margin_ranking_loss(m(a)[:, 0], m(b)[:, 0], y)  # noqa: E731
    pairs = [torch.randn(400, 4), torch.randn(400, 4)]
    assert of_step(nn.Linear(4, 1), [*pairs, y], ranked).status == "fail"
    assert of_step(nn.Linear(4, 1), [*pairs, (torch.arange(400) % 4 > 0).float()], ranked).status == "warn"
    assert of_step(nn.Linear(4, 1), [*pairs, 2 * y - 1], ranked).status != "fail"
    like = lambda m, a, b, y: F.cosine_embedding_loss(m(a), m(b), y)  # noqa: E731
    taught = lambda m, a, b, y: F.cosine_embedding_loss(m(a), b, y)  # noqa: E731
    assert of_step(nn.Linear(4, 4), [*pairs, y], like).status == "fail"
    assert of_step(nn.Linear(4, 4), [*pairs, y], taught).status == "warn"


def test_only_a_label_that_the_error_names_is_told() -> None:
    """Of labels beyond the outputs the one on which the loss raised is told, and not what it may leave out."""

    class Scene(Judging):
        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            outputs = self.fc(x)
            return {"loss": F.cross_entropy(outputs, labels, ignore_index=255), "logits": outputs}

    labels = torch.arange(30) % 3
    labels[:9], labels[12] = 255, 7
    result = run_one(CHECK, model=Scene(), loader=[{"x": torch.randn(30, 4), "labels": labels}])
    assert (result.status, result.summary) == ("fail", "labels 7 for 3 outputs")


class Counting(nn.Module):
    """A hinge that keeps a mean of what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * outputs.detach().mean()
        return hinge(outputs, targets)


def test_a_loss_that_keeps_a_count_is_asked_on_a_copy() -> None:
    """What a loss of the user's keeps stays as it was, while it is asked what it makes of other labels."""
    y = (torch.arange(40) % 2).float()[:, None]
    assert on(y, Counting(), outputs=1).status == "fail"
    assert on(2 * y - 1, Counting(), outputs=1).status != "fail"
