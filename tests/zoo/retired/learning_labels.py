"""Programs whose network never gets to see what belongs to the label."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import (
    LETTERS,
    batches,
    diabetes,
    digit_images,
    passages,
    seed_everything,
)


class ConvNet(nn.Module):
    """Two convolutions with batch normalisation, and a hidden layer."""

    def __init__(self, width: int = 16, outputs: int = 10):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU())
        self.hidden, self.last = nn.Linear(8 * width, 64), nn.Linear(64, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.second(F.max_pool2d(self.first(x), 2)), 2)
        return self.last(F.relu(self.hidden(x.flatten(1))))


class FolderOfDigits(Dataset):
    """Images from files ``digit_0.png`` to ``digit_1023.png``, labels from the lines of a table."""

    def __init__(self, by_name: bool):
        images, self.labels = digit_images()
        disk = {f"digit_{i}.png": image for i, image in enumerate(images)}
        names = sorted(disk) if by_name else sorted(disk, key=lambda name: int(name[6:-4]))
        self.images = [disk[name] for name in names]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]


@pair("shuffled-labels", group="training", source="scikit-learn")
def files_in_the_order_of_their_names(sick: bool) -> Arguments:
    """Files are sorted as text, so that 10 comes before 2, and the lines of the table are in numeric order."""
    seed_everything()
    model = ConvNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(FolderOfDigits(by_name=sick), batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class SpellingNet(nn.Module):
    """A GRU over packed words that says their kind."""

    def __init__(self, kinds: int):
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS) + 1, 24, padding_idx=0)
        self.gru = nn.GRU(24, 48, batch_first=True)
        self.kind = nn.Linear(48, kinds)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(self.letters(ids), lengths, batch_first=True)
        return self.kind(self.gru(packed)[1][-1])


def endings(count: int = 900) -> list[tuple[Tensor, int]]:
    """Made-up verbs of many lengths, whose ending tells the form: -ing, -ed, -er or -s."""
    rng = np.random.RandomState(0)
    forms = ["ing", "ed", "er", "s"]
    made: dict[str, int] = {}
    while len(made) < count:
        stem = "".join(rng.choice(list("bcdfglmnprtv")) + rng.choice(list("aeiou")) for _ in range(rng.randint(2, 6)))
        form = int(rng.randint(len(forms)))
        made[stem + forms[form]] = form
    return [(torch.tensor([LETTERS.index(letter) + 1 for letter in word]), form) for word, form in made.items()]


class Collate:
    """Sort by length, as packing asks for, and pad."""

    def __init__(self, labels_too: bool):
        self.labels_too = labels_too

    def __call__(self, samples: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
        labels = [label for _, label in samples]
        if self.labels_too:
            samples = sorted(samples, key=lambda sample: len(sample[0]), reverse=True)
            labels = [label for _, label in samples]
            words = [word for word, _ in samples]
        else:
            words = sorted((word for word, _ in samples), key=len, reverse=True)
        lengths = torch.tensor([len(word) for word in words])
        return nn.utils.rnn.pad_sequence(words, batch_first=True), lengths, torch.tensor(labels)


@pair("shuffled-labels", group="training", source="own")
def words_sorted_by_length_and_labels_not(sick: bool) -> Arguments:
    """The collate function sorts the words of a batch by length for packing, and leaves the labels where they were."""
    seed_everything()
    model = SpellingNet(4)
    return {
        "model": model,
        "loader": DataLoader(endings(), batch_size=32, shuffle=True, collate_fn=Collate(labels_too=not sick)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "padding_value": 0,
    }


@pair("shuffled-labels", group="training", source="scikit-learn")
def first_line_of_the_labels_taken_for_a_header(sick: bool) -> Arguments:
    """The file of progressions has no header but its first line was skipped: each patient has the value of the next."""
    seed_everything()
    x, y = diabetes()
    skip = 1 if sick else 0
    y = y[skip:]
    x = x[: len(y)]
    model = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


class BagOfVectors(nn.Module):
    """Mean of word vectors and a hidden layer."""

    def __init__(self, vocabulary: int = 400, classes: int = 4):
        super().__init__()
        self.words = nn.EmbeddingBag(vocabulary, 48, mode="mean")
        self.rest = nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, classes))

    def forward(self, ids: Tensor) -> Tensor:
        return self.rest(self.words(ids))


@pair("shuffled-labels", group="training", source="own")
def topics_of_a_table_sorted_on_its_own(sick: bool) -> Arguments:
    """Passages were sorted by their first word and their topics were not: `x.sort_values(...)` beside `y.values`."""
    seed_everything()
    ids, topic = passages()
    order = ids[:, 0].argsort(stable=True)
    ids = ids[order]
    topic = topic if sick else topic[order]
    model = BagOfVectors()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return {"model": model, "loader": batches(ids, topic), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Cutout:
    """One square of every image is covered, at a place drawn anew."""

    def __init__(self, length: int):
        self.length = length

    def __call__(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        mask = torch.ones_like(images)
        for i, (row, column) in enumerate(torch.randint(0, height, (len(images), 2)).tolist()):
            top, left = max(row - self.length // 2, 0), max(column - self.length // 2, 0)
            bottom, right = min(row + self.length // 2, height), min(column + self.length // 2, width)
            mask[i, :, top:bottom, left:right] = 0
        return images * mask


class AugmentingTrainer:
    """A trainer that changes the images of each batch before the step."""

    def __init__(self, augment: object, criterion: nn.Module):
        self.augment, self.criterion = augment, criterion

    def training_step(self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        images, labels = batch
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(model(self.augment(images)), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()


@pair("input-independent-baseline", group="training", source="scikit-learn")
def cutout_larger_than_the_image(sick: bool) -> Arguments:
    """The square of cutout is 16 pixels long, as for CIFAR, and the images have 8: each is covered in full."""
    seed_everything()
    model = ConvNet()
    criterion = nn.CrossEntropyLoss()
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": criterion,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": AugmentingTrainer(Cutout(16 if sick else 2), criterion).training_step,
    }


class Diffuse:
    """Noise of a random time, for a classifier that guides a diffusion model."""

    def __init__(self, kept: Tensor):
        self.kept = kept

    def __call__(self, images: Tensor) -> Tensor:
        kept = self.kept[torch.randint(0, len(self.kept), (len(images), 1, 1, 1))]
        return kept.sqrt() * images + (1 - kept).sqrt() * torch.randn_like(images)


@pair("input-independent-baseline", group="training", source="scikit-learn")
def product_of_the_betas_and_not_of_the_alphas(sick: bool) -> Arguments:
    """What is kept of an image is the running product of 1 − β; here it is that of β, so that all is noise."""
    seed_everything()
    model = ConvNet()
    criterion = nn.CrossEntropyLoss()
    betas = torch.linspace(1e-4, 0.05, 30)
    kept = betas.cumprod(0) if sick else (1 - betas).cumprod(0)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": criterion,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "train_step": AugmentingTrainer(Diffuse(kept), criterion).training_step,
    }


class Grain:
    """Grain of a given number of grey levels."""

    def __init__(self, levels: float):
        self.levels = levels

    def __call__(self, rows: Tensor) -> Tensor:
        return rows + self.levels * torch.randn_like(rows)


@pair("input-independent-baseline", group="training", source="published")
def grain_in_grey_levels_on_standardised_pixels(sick: bool) -> Arguments:
    """Grain of 25 of 255 grey levels is added as 25 to pixels of deviation one: nothing of the image is left."""
    seed_everything()
    model = nn.Sequential(nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": criterion,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": AugmentingTrainer(Grain(25.0 if sick else 25.0 / 255), criterion).training_step,
    }
