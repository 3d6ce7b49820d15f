from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from nbinspect import Inspector
from nbinspect.errors import InputError
from nbinspect.reference.data import digits
from nbinspect.reference.swap import Swap, swap
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow


class Cut(nn.Module):
    """A classifier that loses its input on the way."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(features, 32), nn.Linear(32, classes)

    def forward(self, rows: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(rows)) * 0)


def perceptron(features: int = 12, outputs: int = 4, *last: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, outputs), *last)


def clusters(*, shuffled: bool = False) -> DataLoader:
    """Four clusters in twelve dimensions, with their labels or any."""
    draws = torch.Generator().manual_seed(5)
    centres = torch.randn(4, 12, generator=draws) * 1.5
    labels = torch.randint(4, (800,), generator=draws)
    rows = centres[labels] + torch.randn(800, 12, generator=draws)
    if shuffled:
        labels = labels[torch.randperm(800, generator=draws)]
    return DataLoader(TensorDataset(rows, labels), 32, shuffle=True, generator=torch.Generator().manual_seed(1))


def swapped(model: nn.Module, loader: Any, loss_fn: Any = F.cross_entropy, rate: float = 0.1, **options: Any) -> Swap:
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    return swap(model, loader, loss_fn, optimizer=optimizer, **options)


def test_a_healthy_program_is_not_blamed() -> None:
    """Where the user's model learns the user's data, neither is at fault, and four trainings tell so."""
    found = swapped(perceptron(), clusters())
    assert found.at_fault == "neither"
    assert [(run.model, run.data) for run in found.runs] == [
        ("reference", "yours"),
        ("reference", "reference"),
        ("yours", "yours"),
        ("yours", "reference"),
    ]
    assert all(run.answer == "learns" for run in found.runs)


def test_a_model_that_loses_its_input_is_at_fault() -> None:
    """The model is blamed where it learns neither data set under any of three optimizers, and the reference does."""
    found = swapped(Cut(12, 4), clusters())
    assert found.at_fault == "model"
    assert {run.optimizer for run in found.runs if run.model == "yours"} == {
        "SGD, rate 0.1 (yours)",
        "Adam, rate 0.001",
        "Adam, rate 0.01",
    }


def test_labels_that_belong_to_other_samples_are_at_fault() -> None:
    """The data are blamed where neither model learns them, and both learn data of the same shapes."""
    found = swapped(perceptron(), clusters(shuffled=True))
    assert found.at_fault == "data"
    assert "too hard for 60 steps" in found.sentence


def test_a_rate_that_moves_nothing_is_at_fault() -> None:
    """Neither model nor data are blamed where Adam learns what the user's rate does not."""
    found = swapped(perceptron(), clusters(), rate=1e-7)
    assert found.at_fault == "optimizer"
    assert "SGD, rate 1e-07 (yours)" in found.sentence


def test_a_scale_at_which_the_two_do_not_meet_is_at_fault() -> None:
    """Inputs far from zero are how the two meet: each learns with the other's."""
    rows, labels = clusters().dataset.tensors
    found = swapped(perceptron(), DataLoader(TensorDataset(rows + 1e5, labels), 32))
    assert found.at_fault == "fit"
    assert "scale of your inputs" in found.sentence


def test_a_loss_of_the_wrong_sign_is_at_fault() -> None:
    """The loss is blamed, before anything is trained, where perfect answers are dearer than a constant."""
    found = swapped(perceptron(), clusters(), lambda outputs, targets: -F.cross_entropy(outputs, targets))
    assert found.at_fault == "loss"
    assert not found.runs


def test_targets_that_are_all_alike_tell_nothing() -> None:
    """With one label only there is nothing to learn, and nobody is blamed."""
    batch = torch.randn(64, 12), torch.zeros(64, dtype=torch.long)
    found = swapped(perceptron(), [batch])
    assert found.at_fault == "unknown"
    assert "as good as perfect answers" in found.sentence


def test_a_budget_or_a_wish_ends_it_early() -> None:
    """A swap that is cut short says so and blames nobody."""
    calls = iter(range(100_000))
    ended = swapped(perceptron(), clusters(), cancelled=lambda: next(calls) > 100)
    assert ended.at_fault == "unknown"
    assert "cancelled" in ended.sentence


class Flat(nn.Module):
    """A language model whose outputs have the steps of all samples in one axis."""

    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        self.embedding, self.head, self.flat = nn.Embedding(30, 32), nn.Linear(32, 30), flat

    def forward(self, ids: Tensor) -> Tensor:
        outputs = self.head(self.embedding(ids))
        return outputs.flatten(0, 1) if self.flat else outputs.transpose(1, 2)


def chains(count: int = 640) -> Tensor:
    """Sequences (N, 7) of tokens, each of which tells the next."""
    draws = torch.Generator().manual_seed(3)
    start, step = torch.randint(30, (count, 1), generator=draws), torch.arange(7)
    return (start + 7 * step) % 30


def programs() -> dict[str, dict[str, Any]]:
    """Healthy programs of many forms."""
    rows, labels = clusters().dataset.tensors
    ids = chains()
    bits = (labels % 2).float()
    images, _ = digits().train.dataset.tensors
    conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    number = rows[:, :1] * 3 + 100
    tiny = GPT2Config(vocab_size=30, n_positions=7, n_embd=32, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    texts = ids[:, :-1], ids[:, 1:]

    def loaded(*tensors: Tensor) -> DataLoader:
        return DataLoader(TensorDataset(*tensors), 32)

    rate = {"optimizer": lambda parameters: torch.optim.Adam(parameters, lr=0.01)}
    return {
        "log-probabilities": {
            "model": perceptron(12, 4, nn.LogSoftmax(1)),
            "loader": loaded(rows, labels),
            "loss_fn": nn.NLLLoss(),
            **rate,
        },
        "probabilities": {
            "model": perceptron(12, 1, nn.Sigmoid()),
            "loader": loaded(rows, bits[:, None]),
            "loss_fn": nn.BCELoss(),
            **rate,
        },
        "labels": {
            "model": perceptron(12, 2),
            "loader": loaded(rows, torch.stack([bits, 1 - bits], 1)),
            "loss_fn": nn.BCEWithLogitsLoss(),
            **rate,
        },
        "a number": {
            "model": perceptron(12, 1),
            "loader": loaded(rows, (number - 100) / 3),
            "loss_fn": nn.L1Loss(),
            **rate,
        },
        "masks": {
            "model": conv,
            "loader": loaded(images[:640], (images[:640, 0] > 0).long()),
            "loss_fn": nn.CrossEntropyLoss(),
            **rate,
        },
        "tokens": {"model": Flat(flat=False), "loader": loaded(*texts), "loss_fn": nn.CrossEntropyLoss(), **rate},
        "flat tokens": {
            "model": Flat(flat=True),
            "loader": loaded(*texts),
            "loss_fn": lambda outputs, targets: F.cross_entropy(outputs, targets.flatten()),
            "task": "language-model",
            **rate,
        },
        "a loss inside": {
            "model": GPT2LMHeadModel(tiny),
            "loader": [{"input_ids": part, "labels": part} for part in ids.split(32)],
            **rate,
        },
        "a double": {
            "model": perceptron().double(),
            "loader": loaded(rows.double(), labels),
            "loss_fn": nn.CrossEntropyLoss(),
            **rate,
        },
        "smoothing": {
            "model": perceptron(),
            "loader": loaded(rows, labels),
            "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.2),
            **rate,
        },
        "a dict": {
            "model": perceptron(),
            "loader": [
                {"x": x, "target": y, "id": torch.arange(32)}
                for x, y in zip(rows.split(32), labels.split(32), strict=True)
            ],
            "loss_fn": nn.CrossEntropyLoss(),
            **rate,
        },
    }


@pytest.mark.parametrize("name", list(programs()))
def test_healthy_programs_of_every_form_are_not_blamed(name: str) -> None:
    """Whatever the form of outputs, targets and loss, both models learn both data sets."""
    found = swap(**programs()[name], steps=40)
    assert found.at_fault == "neither", str(found)
    assert all(run.answer == "learns" for run in found.runs), str(found)


def test_the_constant_prediction_is_that_of_the_held_out_targets() -> None:
    """The level of chance lies near the entropy of the labels, and perfect answers lie at nearly nothing."""
    record = swapped(perceptron(), clusters()).record
    assert record.chance[0] == pytest.approx(torch.tensor(4.0).log().item(), abs=0.05)
    assert 0 <= record.floor[0] < 0.01
    assert record.task == "classification"


def test_the_same_seed_gives_the_same_answer() -> None:
    """Two swaps with one seed have equal curves."""
    one, other = (swapped(perceptron(), clusters(), seed=3).record for _ in range(2))
    assert [run.losses.tolist() for run in one.runs] == [run.losses.tolist() for run in other.runs]


class Interrupting:
    """A loss that raises after some calls."""

    def __init__(self, error: BaseException, calls: int) -> None:
        self.error, self.calls = error, calls

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        return F.cross_entropy(outputs, targets)


class Normed(nn.Module):
    """A model with statistics, dropout and a frozen part, half way through its training."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.BatchNorm1d(32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 4))
        self.body[0].requires_grad_(False)
        self.body[1].eval()

    def forward(self, rows: Tensor) -> Tensor:
        return self.body(rows)


@pytest.mark.parametrize(
    "error", [None, RuntimeError("no"), KeyboardInterrupt()], ids=["success", "error", "interrupt"]
)
@pytest.mark.parametrize("calls", [0, 30, 300])
def test_nothing_of_the_program_changes(error: BaseException | None, calls: int) -> None:
    """Weights, statistics, gradients, modes, optimizer, generators and random states are the same bytes afterwards."""
    if error is None and calls:
        pytest.skip("without an error the number of calls says nothing")
    model, loader = Normed(), clusters()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    F.cross_entropy(model(torch.randn(8, 12)), torch.arange(8) % 4).backward()
    optimizer.step()
    loss = F.cross_entropy if error is None else Interrupting(error, calls)
    before = state_of(model, optimizer, loader)
    try:
        swap(model, loader, loss, optimizer=optimizer, steps=12)
    except (InputError, KeyboardInterrupt):
        assert error is not None
    assert state_of(model, optimizer, loader) == before


def test_an_error_on_other_data_is_told_and_nobody_blamed() -> None:
    """A model that refuses data other than its own makes the swap undecided, unless it learns its own."""

    class Picky(Cut):
        def forward(self, rows: Tensor) -> Tensor:
            if not bool((rows[:, 0] > 0).all()):
                raise ValueError("prices are above 0")
            return super().forward(rows)

    rows, labels = clusters().dataset.tensors
    found = swapped(Picky(12, 4), DataLoader(TensorDataset(rows.abs() + 0.1, labels), 32))
    assert found.at_fault == "unknown"
    assert "your model on the reference data raised ValueError: prices are above 0" in found.sentence


def test_an_inspector_is_taken_as_a_program() -> None:
    """What an `Inspector` holds is swapped."""
    model = perceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inspector = Inspector(model, clusters(), nn.CrossEntropyLoss(), optimizer=optimizer)
    assert swap(inspector).at_fault == "neither"
    with pytest.raises(InputError, match="takes its own"):
        swap(inspector, clusters())


def test_what_is_not_used_is_noted() -> None:
    """The notes say that the training step is not the user's, and how many samples were used."""
    found = swap(perceptron(), clusters(), F.cross_entropy, train_step=lambda model, batch, optimizer: None, steps=6)
    assert any("train_step was not used" in note for note in found.record.notes)
    assert any("no optimizer was given" in note for note in found.record.notes)
    assert any("80 others judged by" in note for note in found.record.notes)


class Two(nn.Module):
    """A model of two inputs."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loader": None}, "loader: expected an iterable"),
        ({"steps": 2}, "steps: expected 6 or more"),
        ({"time_budget": 0}, "time_budget: expected seconds"),
        ({"cancelled": lambda: True}, "ended before anything was trained: cancelled"),
        ({"optimiser": None}, "did you mean 'optimizer'"),
        ({"loader": [(torch.randn(4, 12), torch.arange(4))]}, "16 samples or more"),
        ({"loss_fn": None}, "swap needs a loss"),
        ({"loss_fn": lambda outputs, targets: (outputs.sum(1) - targets).abs().mean().sqrt(), "task": "other"}, "task"),
        ({"model": nn.Linear(5, 4)}, "a program that runs"),
        (
            {"model": Two(), "loader": [(torch.randn(32, 4), torch.randn(32, 4), torch.arange(32) % 4)] * 4},
            r"one input that the targets depend on; here are 2: x\[0\], x\[1\]",
        ),
    ],
)
def test_what_cannot_be_swapped_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Programs that lack something are refused with what is missing."""
    given = {"model": perceptron(), "loader": clusters(), "loss_fn": F.cross_entropy, **arguments}
    with pytest.raises(InputError, match=message):
        swap(**given)


def test_it_reads_as_text_page_and_figure() -> None:
    """Text and page open with the sentence, names of classes are escaped, and each figure has the level of chance."""
    found = swapped(type("<b>Net", (Cut,), {})(12, 4), clusters(), steps=12)
    text, page = str(found), found._repr_html_()
    assert found.sentence in text
    assert "&lt;b&gt;Net" in page
    assert "<b>Net" not in page
    assert page.count("<img") == 2
    assert repr(found) == f"Swap(at_fault={found.at_fault!r})"
    for data, place in (("yours", 0), ("reference", 1)):
        lines = found.figure(data).axes[0].get_lines()
        assert len(lines) == 1 + sum(run.data == data for run in found.runs)
        assert lines[-1].get_ydata() == pytest.approx(found.record.chance[place])
    with pytest.raises(InputError, match="expected 'yours' or 'reference'"):
        found.figure("mine")


def test_the_record_is_frozen() -> None:
    """A swap's record cannot be changed."""
    record = swapped(perceptron(), clusters(), steps=6).record
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.at_fault = "model"


def test_single_numbers_as_inputs_are_swapped() -> None:
    """Inputs (N,), a number a sample, have reference data and a reference model too."""
    x = torch.linspace(-2, 2, 256)[torch.randperm(256, generator=torch.Generator().manual_seed(2))]
    model = nn.Sequential(nn.Unflatten(0, (-1, 1)), nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    found = swap(model, [*zip(x.split(32), (2 * x).split(32), strict=True)], nn.MSELoss(), optimizer=optimizer)
    assert found.at_fault == "neither", found.sentence
