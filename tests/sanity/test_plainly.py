from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from transformers import BertConfig, BertForSequenceClassification

from nbinspect import check
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.plain import plain, without_smoothing
from nbinspect.sanity.unaugmented import unaugmented
from nbinspect.subject import make_subject
from tests.sanity.states import state_of


class RandomNoise:
    """An augmentation by name and by what it does."""

    def __call__(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Halved:
    """No augmentation."""

    def __call__(self, x: Tensor) -> Tensor:
        return x / 2


class Composed:
    """A list of transforms."""

    def __init__(self, *transforms: Any) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Tensor) -> Tensor:
        for one in self.transforms:
            x = one(x)
        return x


class Rows(Dataset[Any]):
    """Rows with a transform."""

    def __init__(self, transform: Any = None, augment: bool = False) -> None:
        self.x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        self.transform = transform
        self.augment = augment

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = self.x[index] if self.transform is None else self.transform(self.x[index])
        if self.augment:
            x = x + torch.randn_like(x)
        return x, self.x[index, :3].argmax()


def first(loader: Any) -> Tensor:
    return next(iter(loader))[0]


def test_random_transforms_are_left_out_of_a_list() -> None:
    """What is left of the transforms gives the same samples every time; the user's data set keeps all of them."""
    data = Rows(Composed(Halved(), RandomNoise()))
    loader = DataLoader(Subset(data, range(32)), batch_size=8)
    own, told = unaugmented(loader, None)
    assert torch.equal(first(own), data.x[:8] / 2)
    assert "RandomNoise" in told
    assert len(data.transform.transforms) == 2
    assert not torch.equal(first(loader), data.x[:8] / 2)


def test_the_transform_of_validation_stands_in() -> None:
    """A function that augments gives way to what validation uses, where both data sets are of one class."""
    data = Rows(lambda x: x + torch.randn_like(x))
    own, told = unaugmented(DataLoader(data, batch_size=8), DataLoader(Rows(Halved()), batch_size=8))
    assert torch.equal(first(own), data.x[:8] / 2)
    assert "validation" in told


def test_a_flag_is_switched_off() -> None:
    """A data set that augments by a flag is read without."""
    data = Rows(augment=True)
    own, told = unaugmented(DataLoader(data, batch_size=8), None)
    assert torch.equal(first(own), data.x[:8])
    assert "augment" in told
    assert data.augment


def test_what_shows_no_augmentation_stays_as_it_is() -> None:
    """A list of batches and a plain data set are given back themselves, and the sentence says so."""
    batches = [(torch.randn(2, 2), torch.zeros(2))]
    assert unaugmented(batches, None)[0] is batches
    loader = DataLoader(Rows(), batch_size=8)
    own, told = unaugmented(loader, None)
    assert own is loader
    assert "no augmentation" in told


def test_dropout_and_decay_are_switched_off() -> None:
    """In train mode two passes agree bit by bit: of modules, recurrent layers, attention and a transformers model."""
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True), 1)
    bert = BertForSequenceClassification(
        BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    )
    inputs = {"encoder": torch.randn(2, 5, 8), "gru": torch.randn(2, 5, 8), "bert": torch.randint(0, 20, (2, 5))}
    models = {"encoder": encoder, "gru": nn.GRU(8, 8, 2, dropout=0.5), "bert": bert}
    for name, model in models.items():
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
        copy = Program(
            make_subject(model, None, nn.CrossEntropyLoss(label_smoothing=0.1), optimizer=optimizer), Limits(9)
        )
        off = plain(copy)
        one, other = (model(inputs[name]) for _ in range(2))
        pair = [part[0] if isinstance(part, tuple) else getattr(part, "logits", part) for part in (one, other)]
        assert torch.equal(*pair), name
        assert optimizer.param_groups[0]["weight_decay"] == 0
        assert any("dropout" in text for text in off)
        assert "weight decay 0.1" in off
        assert without_smoothing(copy) == ("label smoothing 0.1",)


def test_a_plain_run_says_what_was_off_and_leaves_the_program_alone() -> None:
    """The report is marked and tells what was switched off; dropout, decay and transform of the user's stay."""
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    loader = DataLoader(Rows(Composed(RandomNoise())), batch_size=16, shuffle=True)
    before = state_of(model, optimizer, loader)
    report = check(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, only="backward", plain=True)
    assert report.record.plain
    assert any("RandomNoise" in note for note in report.record.notes)
    assert any("weight decay" in note for note in report.record.notes)
    assert state_of(model, optimizer, loader) == before
    assert model[2].p == 0.5
    assert not check(model, loader, nn.CrossEntropyLoss(), only="backward").record.plain


def test_a_step_that_reaches_the_model_by_closure_runs_plain_too() -> None:
    """What a step of the user's reaches from outside is the copy without dropout."""
    seen = []
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(batch: Any) -> Tensor:
        seen.append(model[1].p)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    loader = DataLoader(Rows(), batch_size=16)
    options: dict[str, Any] = {"optimizer": optimizer, "train_step": step, "only": "train-eval-mode"}
    check(model, loader, nn.CrossEntropyLoss(), plain=True, **options)
    assert not seen, "what a step notes on a copy is put back"
    assert model[1].p == 0.5


def test_label_smoothing_is_switched_off_on_the_copy() -> None:
    """A plain run says that it switched label smoothing off, and the user's own loss keeps it."""
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    batch = (torch.randn(16, 4), torch.randint(3, (16,)))
    optimizer = torch.optim.Adam((model := nn.Linear(4, 3)).parameters())
    report = check(model, [batch], loss_fn, optimizer=optimizer, only="updates-not-applied", plain=True)
    assert "plain: label smoothing 0.1" in report.record.notes
    assert loss_fn.label_smoothing == 0.1
