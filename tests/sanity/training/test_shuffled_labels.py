from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from nbinspect.sanity.training.shuffled_labels import CHECK, bad, good
from tests.sanity.running import run_one
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow


def network(columns: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def pictures() -> nn.Sequential:
    first = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(first, nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))


def program(model: nn.Module, x: Tensor, y: Tensor, *, loss: Any = None, size: int = 32, rate: float = 3e-3) -> Any:
    """A program on shuffled samples, with Adam."""
    loader: Any = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    return {"model": model, "loader": loader, "loss_fn": loss or nn.CrossEntropyLoss(), "optimizer": optimizer}


def digits() -> tuple[Tensor, Tensor]:
    held = load_digits()
    return torch.tensor(held.images / 16, dtype=torch.float32)[:, None], torch.tensor(held.target)


def numbers(r2: float, samples: int = 2000) -> tuple[Tensor, Tensor]:
    """Ten columns that explain a share of the variance of a number."""
    x, weights = torch.randn(samples, 10), nn.functional.normalize(torch.randn(10), dim=0)
    return x, (r2**0.5 * (x @ weights) + (1 - r2) ** 0.5 * torch.randn(samples))[:, None]


def test_pictures_shuffled_without_their_labels_fail() -> None:
    """A network memorises digits under labels that are not theirs, and knows nothing of others."""
    x, y = digits()
    found = run_one(CHECK, **program(pictures(), x[torch.randperm(len(x))], y))
    assert found.status == "fail"
    assert found.steps <= 100
    real, limit, shuffled = (float(found.measurements[n].measured.split()[0]) for n in (4, 4, 5))
    assert real < 0.8 * 2.31
    assert shuffled == pytest.approx(limit, rel=0.3)


@pytest.mark.parametrize("linked", [True, False])
def test_a_small_network_gets_longer_to_memorise(*, linked: bool) -> None:
    """Few weights memorise slowly, which is no doubt by itself; with their own labels the same network is fine."""
    x, y = digits()
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0)
    )
    order = torch.arange(len(x)) if linked else torch.randperm(len(x))
    rate = 1e-6 if linked else 3e-3
    found = run_one(CHECK, **program(model, x[order], (y % 2).float(), loss=nn.BCEWithLogitsLoss(), rate=rate))
    assert found.status == ("pass" if linked else "fail")
    assert found.steps <= CHECK.cost


@pytest.mark.parametrize(
    ("kind", "classes", "status"), [("sorted", 2, "fail"), ("shuffled", 2, "fail"), ("shuffled", 0, "warn")]
)
def test_rows_sorted_or_shuffled_without_their_labels_are_told(kind: str, classes: int, status: str) -> None:
    """Labels that were put into another order than their rows fit no row any more; of numbers it is a warning."""
    torch.manual_seed(2)
    x, y = numbers(0.9, 1000)
    y = y.sort(0).values if kind == "sorted" else y[torch.randperm(len(y))]
    y = (y[:, 0] > 0).long() if classes else y
    loss = None if classes else nn.MSELoss()
    assert run_one(CHECK, **program(network(10, classes or 1), x, y, loss=loss)).status == status


def test_rows_filtered_without_their_labels_fail() -> None:
    """A filter of the rows alone moves every label on, by more and more rows."""
    torch.manual_seed(1)
    x = torch.randn(1600, 8)
    y = x[:, :3].argmax(1)
    x = x[x[:, 4] < 1.0]
    assert run_one(CHECK, **program(network(8, 3), x, y[: len(x)])).status == "fail"


def test_labels_that_follow_are_told_after_a_few_steps() -> None:
    """On digits with their labels a few steps are enough, and their number is told."""
    found = run_one(CHECK, **program(pictures(), *digits()))
    assert found.status == "pass"
    assert 2 <= found.steps <= 12
    assert found.charts[0].values[0][-1] < found.charts[0].values[1][-1]


def test_a_rate_that_is_too_low_is_no_finding() -> None:
    """At a rate at which nothing moves, Adam at its own rate shows that the labels can be learnt."""
    x, y = digits()
    found = run_one(CHECK, **program(pictures(), x, y, rate=1e-12))
    assert found.status == "pass"
    assert found.steps < 100


@pytest.mark.parametrize("kind", ["weak numbers", "very weak numbers", "many classes", "rare", "noisy", "exclusive or"])
def test_what_is_hard_to_learn_never_fails(kind: str) -> None:
    """Weak links, few samples a class, rare classes and labels of chance for the most part are no finding."""
    torch.manual_seed(0)
    x = torch.randn(2000, 10)
    if "numbers" in kind:
        some = program(network(10, 1), *numbers(0.1 if kind == "weak numbers" else 0.03), loss=nn.MSELoss())
    elif kind == "many classes":
        y = torch.randint(200, (2000,))
        some = program(network(32, 200), torch.randn(200, 32)[y] + 2 * torch.randn(2000, 32), y)
    elif kind == "rare":
        y = (torch.rand(2000) < 0.05).long()
        x[:, 0] += y
        some = program(network(10, 2), x, y)
    elif kind == "noisy":
        y = torch.where(torch.rand(2000) < 0.3, (x[:, 0] > 0).long(), torch.randint(2, (2000,)))
        some = program(network(10, 2), x, y)
    else:
        some = program(network(10, 2), x, ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long())
    assert run_one(CHECK, **some).status in ("pass", "inconclusive")


def test_numbers_that_follow_too_weakly_to_be_seen_are_at_most_a_warning() -> None:
    """Of 4,000 rows a correlation of 0.05 cannot be told from none, and returns of a market have no more."""
    for seed in (0, 2):
        torch.manual_seed(seed)
        x, y = numbers(0.003, samples=4000)
        assert run_one(CHECK, **program(network(10, 1), x, y, loss=nn.MSELoss())).status in ("warn", "inconclusive")


def test_small_sets_are_inconclusive() -> None:
    """Of sixty samples, memorised at once, none is fresh: the answer says how many would do."""
    found = run_one(CHECK, **program(network(4, 2), torch.randn(60, 4), torch.randint(2, (60,)), size=16))
    assert found.status == "inconclusive"
    assert "400 would do" in found.detail


def test_parity_and_tokens_are_at_most_a_warning() -> None:
    """Of features that are only yes or no, what matters may take far longer to learn."""
    x = torch.randint(2, (1000, 16)).float()
    found = run_one(CHECK, **program(network(16, 2), x, x.sum(1).long() % 2))
    assert found.status in ("pass", "inconclusive", "warn")


def test_batches_of_one_class_each_are_inconclusive() -> None:
    """Sorted classes leave nothing to exchange within a batch."""
    x, y = torch.randn(640, 4), torch.arange(640) // 320
    loader = [(x[at : at + 32], y[at : at + 32]) for at in range(0, 640, 32)]
    some = program(network(4, 2), x, y) | {"loader": loader}
    assert run_one(CHECK, **some).status == "inconclusive"


def test_inputs_that_hold_the_label_pass() -> None:
    """A label that leaked into the inputs is told at once; that is another matter."""
    y = torch.randint(2, (640,))
    x = torch.cat([torch.randn(640, 4), 5.0 * y[:, None]], 1)
    assert run_one(CHECK, **program(network(5, 2), x, y)).status == "pass"


class _OwnLoss(nn.Module):
    """A model that takes its labels and computes its loss, as those of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = network(8, 3)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layers(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits} if labels is not None else {}


@pytest.mark.parametrize("linked", [True, False])
def test_models_that_compute_their_own_loss_are_judged_too(*, linked: bool) -> None:
    """Labels that the model itself is given are exchanged in its batches."""
    x = torch.randn(1200, 8)
    y = x[:, :3].argmax(1)[torch.arange(1200) if linked else torch.randperm(1200)]
    model = _OwnLoss()
    loader = [{"x": x[at : at + 32], "labels": y[at : at + 32]} for at in range(0, 1184, 32)]
    found = run_one(CHECK, model=model, loader=loader, optimizer=torch.optim.Adam(model.parameters(), 3e-3))
    assert found.status == ("pass" if linked else "fail")


def _step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


def test_the_users_own_step_is_taken() -> None:
    """A train_step that returns nothing trains the copy, and the loss is that of loss_fn."""
    assert run_one(CHECK, **good(), train_step=_step).status == "pass"


def test_without_an_optimizer_adam_is_taken() -> None:
    """A program without step and optimizer is judged under Adam."""
    some = good()
    del some["optimizer"]
    assert run_one(CHECK, **some).status == "pass"


@pytest.mark.parametrize("kind", ["multilabel", "segmentation", "sequence"])
def test_other_tasks_are_learnt_too(kind: str) -> None:
    """Several labels a sample, masks, and series pass where labels follow."""
    torch.manual_seed(0)
    if kind == "multilabel":
        x = torch.randn(800, 6)
        some = program(network(6, 3), x, (x[:, :3] > 0).float(), loss=nn.BCEWithLogitsLoss())
    elif kind == "segmentation":
        x = torch.randn(300, 1, 8, 8)
        model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))
        some = program(model, x, (x[:, 0] > 0).long(), size=16, rate=0.02)
    else:
        x = torch.randn(800, 5, 3)
        model = nn.Sequential(nn.Flatten(), network(15, 2))
        some = program(model, x, (x.sum((1, 2)) > 0).long())
    assert run_one(CHECK, **some).status == "pass"


@pytest.mark.parametrize("kind", ["autoencoder", "other", "no targets", "dict targets", "no loss"])
def test_without_labels_it_is_skipped(kind: str) -> None:
    """Targets that are the inputs, unknown tasks, and targets that are no tensor have no labels to shuffle."""
    x, y = torch.randn(64, 4), torch.randint(2, (64,))
    model: nn.Module = nn.Linear(4, 4)
    optimizer = torch.optim.Adam(model.parameters())
    loader, loss = {
        "autoencoder": ([(x, x)] * 3, nn.MSELoss()),
        "other": ([(x, y)] * 3, lambda out, _: out.square().mean()),
        "no targets": ([x] * 3, lambda out, _: out.square().mean()),
        "dict targets": ([(x, {"a": y, "b": y})] * 3, lambda out, t: nn.functional.cross_entropy(out, t["a"])),
        "no loss": ([(x, y)] * 3, None),
    }[kind]
    task = {"task": "other"} if kind == "other" else {}
    assert run_one(CHECK, model=model, loader=loader, loss_fn=loss, optimizer=optimizer, **task).status == "skip"


def test_what_is_below_chance_is_said_to_be() -> None:
    """Deviations are told as a number that is never negative, above shuffled labels or below them."""
    for seed in range(3):
        torch.manual_seed(seed)
        loader = [(torch.randn(32, 8), torch.randint(3, (32,))) for _ in range(3)]
        told = run_one(CHECK, **good() | {"loader": loader})
        number = float(told.measurements[0].measured)
        assert told.status == "inconclusive"
        assert f"{abs(number):.1f} deviations {'above' if number > 0 else 'below'} shuffled ones" in told.summary


def test_a_program_that_does_not_run_is_skipped() -> None:
    """A forward that raises is for another check to tell of."""
    assert run_one(CHECK, **good() | {"model": nn.Linear(9, 3)}).status == "skip"


def test_the_originals_stay_as_they_are() -> None:
    """Weights, optimizer, loader and random states are the same bytes after a finding."""
    some = bad()
    before = state_of(some["model"], some["optimizer"], some["loader"])
    assert run_one(CHECK, **some).status == "fail"
    assert state_of(some["model"], some["optimizer"], some["loader"]) == before


def numbered_by_appearance(samples: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    order = list(dict.fromkeys(label for _, label in samples))
    return torch.stack([x for x, _ in samples]), torch.tensor([order.index(label) for _, label in samples])


@pytest.mark.parametrize(("collate", "status"), [(numbered_by_appearance, "fail"), (None, "pass")])
def test_labels_that_change_from_reading_to_reading_fail(collate: Any, status: str) -> None:
    """Classes that are numbered anew in every batch are found by reading the same samples twice."""
    images, labels = digits()
    samples = [(image.flatten(), int(label)) for image, label in zip(images, labels, strict=True)]
    loader: Any = DataLoader(samples, batch_size=32, shuffle=True, collate_fn=collate)
    found = run_one(CHECK, **{**program(network(64, 10), images, labels), "loader": loader})
    assert found.status == status
    if status == "fail":
        assert found.measurements[1].quantity.startswith("labels that stay")
        assert float(found.measurements[1].measured.rstrip("%")) < 20


class Episodes:
    """Five classes of the ten an episode, numbered anew, six samples of each."""

    def __init__(self) -> None:
        self.images, self.labels = digits()

    def __len__(self) -> int:
        return 30

    def __iter__(self) -> Any:
        for _ in range(len(self)):
            rows = [(self.labels == label).nonzero()[:6, 0] for label in torch.randperm(10)[:5]]
            yield self.images[torch.cat(rows)].flatten(1), torch.arange(5).repeat_interleave(6)


def test_episodes_that_number_their_classes_on_purpose_do_not_fail() -> None:
    """Few-shot learning gives each episode the numbers 0 to 4, whichever classes it has."""
    arguments = program(network(64, 5), *digits())
    assert run_one(CHECK, **{**arguments, "loader": Episodes()}).status != "fail"


@pytest.mark.parametrize(("skipped", "status"), [(1, "fail"), (0, "pass")])
def test_labels_of_the_next_row_fail(skipped: int, status: str) -> None:
    """A line that was skipped in the file of labels alone gives every row that of the next one."""
    torch.manual_seed(0)
    x, y = numbers(0.5, 440)
    y = y[skipped:]
    found = run_one(CHECK, **program(network(10, 1), x[: len(y)], y, loss=nn.MSELoss(), rate=1e-2))
    assert found.status == status, found
    assert status == "pass" or "next" in found.summary


@pytest.mark.parametrize(
    ("first", "what", "status"),
    [(0, "inputs", "fail"), (1, "labels", "fail"), (0, "both", "pass")],
)
def test_files_sorted_as_text_beside_labels_sorted_by_number_fail(first: int, what: str, status: str) -> None:
    """Of files numbered from 0 or 1, one of inputs and labels sorted as text (1, 10, 2) and one by number are named."""
    x, y = digits()
    x, y = x[:1200], y[:1200]
    as_text = torch.tensor(sorted(range(len(x)), key=lambda number: str(number + first)))
    given = (x[as_text] if what != "labels" else x), (y[as_text] if what != "inputs" else y)
    part = Subset(TensorDataset(*given), torch.randperm(1200)[:1000].tolist())
    model = nn.Sequential(nn.Flatten(), network(64, 10))
    some = program(model, x, y) | {"loader": DataLoader(part, batch_size=32, shuffle=True)}
    found = run_one(CHECK, **some)
    assert found.status == status, found
    assert status == "pass" or found.summary.startswith(f"the {what} are sorted by number as text"), found


def test_what_is_no_order_of_text_is_not_named_so() -> None:
    """Labels shuffled by chance, or that nothing tells, are not taken for sorted ones."""
    x, y = digits()
    x, y = x[:1000], y[torch.randperm(len(y))[:1000]]
    assert "as text" not in run_one(CHECK, **program(network(64, 10), x.flatten(1), y)).summary


@pytest.mark.parametrize("shape", ["circle", "band"])
def test_a_picture_that_is_learnt_by_place_is_not_sorted_as_text(shape: str) -> None:
    """Neighbours on a grid are alike in any order that keeps them together, though a deep network is slow to learn."""
    torch.manual_seed(0)
    x = torch.cartesian_prod(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64))
    y = ((x**2).sum(1) < 0.4 if shape == "circle" else x[:, 0].abs() < 0.4).long()
    layers = [part for _ in range(7) for part in (nn.Linear(64, 64), nn.Sigmoid())]
    model = nn.Sequential(nn.Linear(2, 64), nn.Sigmoid(), *layers, nn.Linear(64, 2))
    assert run_one(CHECK, **program(model, x, y, rate=1e-4)).status == "inconclusive"


@pytest.mark.parametrize("kind", ["a series", "the next value", "nothing"])
def test_labels_that_are_to_tell_of_the_next_row_are_no_slip(kind: str) -> None:
    """What comes next in a series may be the label, though nothing tells it, and is no label of another row."""
    torch.manual_seed(0)
    x = torch.randn(441, 6)
    if kind == "a series":
        x = torch.cat([x[1:], x[:-1]], 1)
        y = x[1:, :1] + 0.3 * torch.randn(len(x) - 1, 1)
    elif kind == "nothing":
        y = torch.randn(440, 1)
    else:
        y = x[1:, :1]
    found = run_one(CHECK, **program(network(x.shape[1], 1), x[: len(y)], y, loss=nn.MSELoss(), rate=1e-2))
    assert found.status == "inconclusive", found


@pytest.mark.parametrize("where", ["model", "loss"])
def test_a_program_that_refuses_a_later_batch_is_skipped_with_what_it_said(where: str) -> None:
    """A smaller last batch that model or loss cannot take ends in no error: the reason is told."""

    class Locked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = network(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x + torch.zeros(32, 8) if where == "model" else x)

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        weights = torch.ones(32 if where == "loss" else len(labels))
        return (nn.functional.cross_entropy(outputs, labels, reduction="none") * weights).mean()

    x, y = torch.randn(90, 8), torch.randint(3, (90,))
    found = run_one(CHECK, **program(Locked(), x, y, loss=loss))
    assert (found.status, found.hindrance) == ("skip", "raised")
    assert "(32) " in found.summary
    assert __file__ in found.summary


class Lengths(nn.Module):
    """A mean over sequences of unlike lengths."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.enter, self.head = nn.Linear(2, 16), nn.Linear(16, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.enter(x).relu().sum(1) / lengths[:, None])


def put_together(kind: str) -> Any:
    """A collate function that sorts sequences by length, with their labels or without, or numbers them by place."""

    def collate(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        longest_first = sorted(rows, key=lambda row: -len(row[0]))
        x = [row[0] for row in longest_first]
        y = torch.stack([row[1] for row in (rows if kind == "inputs alone" else longest_first)])
        y = torch.arange(len(rows)) if kind == "places" else y
        return nn.utils.rnn.pad_sequence(x, batch_first=True), torch.tensor([len(one) for one in x]), y

    return collate


@pytest.mark.parametrize(
    ("kind", "told"), [("inputs alone", 3.0), ("inputs alone", 0.0), ("both", 0.0), ("places", 0.0)]
)
def test_inputs_that_a_collate_function_sorts_without_their_labels_fail(kind: str, told: float) -> None:
    """A sample whose label depends on the order of its batch has another's; one that is sorted with it has its own."""
    rows = []
    for number in range(320):
        y = torch.tensor(number % 3)
        rows.append((torch.randn(int(torch.randint(4, 20, ())), 2) + told * y, y))
    loader: Any = DataLoader(rows, batch_size=32, shuffle=True, collate_fn=put_together(kind))  # type: ignore[arg-type]
    model = Lengths(32 if kind == "places" else 3)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert (found.status == "fail") == (kind == "inputs alone"), found
    assert kind != "inputs alone" or "another order" in found.summary


def _parted(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
    """A step that permutes the inputs alone."""
    return _stepped(model, batch[0][torch.randperm(len(batch[0]))], batch[1], optimizer, loss_fn)


def _together(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
    """A step that permutes both."""
    order = torch.randperm(len(batch[0]))
    return _stepped(model, batch[0][order], batch[1][order], optimizer, loss_fn)


def _mixed(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
    """A step that learns mixtures of two samples each, under both labels."""
    order = torch.randperm(len(batch[0]))

    def of_both(outputs: Tensor, targets: Tensor) -> Tensor:
        return (loss_fn(outputs, targets) + loss_fn(outputs, targets[order])) / 2

    return _stepped(model, (batch[0] + batch[0][order]) / 2, batch[1], optimizer, of_both)


def _noisy(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
    """A step that adds much noise, under which little is learnt so soon."""
    return _stepped(model, batch[0] + 20 * torch.randn_like(batch[0]), batch[1], optimizer, loss_fn)


def _stepped(model: nn.Module, x: Tensor, y: Tensor, optimizer: Any, loss_fn: Any) -> Tensor:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def _clipped(kind: str) -> Any:
    """A step that learns slowly as it clips, from mixtures, the hardest samples, or rare classes weighted more."""

    def step(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
        order, share = torch.randperm(len(batch[0])), 0.3 if kind == "mixed" else 0.0
        outputs = model(batch[0] + share * (batch[0][order] - batch[0]))
        loss = (1 - share) * loss_fn(outputs, batch[1]) + share * loss_fn(outputs, batch[1][order])
        if kind == "hardest":
            loss = nn.functional.cross_entropy(outputs, batch[1], reduction="none").topk(8).values.mean()
        if kind == "weighted":
            loss = nn.functional.cross_entropy(outputs, batch[1], weight=torch.tensor([0.2, 0.5, 3.0]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.003)
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("kind", ["mixed", "hardest", "weighted"])
def test_a_slow_step_with_a_loss_of_its_own_is_no_mispairing(kind: str) -> None:
    """What learns slowly as it clips, and mixes, picks or weights samples, takes no inputs and labels apart."""
    torch.manual_seed(0)
    x = torch.randn(1100, 8)
    some = program(network(8, 3), x, x[:, :3].argmax(1))
    some["optimizer"] = torch.optim.SGD(some["model"].parameters(), 0.5)
    assert run_one(CHECK, **some, train_step=_clipped(kind)).status != "fail"


@pytest.mark.parametrize(("step", "fails"), [(_parted, True), (_together, False), (_mixed, False), (_noisy, False)])
def test_a_step_that_permutes_the_inputs_of_a_batch_alone_fails(step: Any, *, fails: bool) -> None:
    """Labels that standard steps learn and the user's own do not, for want of pairs; mixtures and noise are none."""
    torch.manual_seed(0)
    x = torch.randn(1100, 8)
    found = run_one(CHECK, **{**program(network(8, 3), x, x[:, :3].argmax(1), rate=1e-2), "train_step": step})
    assert (found.status == "fail") == fails
    if fails:
        assert "labels of other samples" in found.summary
