"""Reported bugs of rebuilt networks, reshaped states, labels and splits, each beside the program as it was mended."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.ninth_cove_parts import dealt, digits_as_images, hit_share, markov_text, sow_seeds


class NameReader(nn.Module):
    """A recurrent network that tells the language of a name from its letters."""

    def __init__(self, letters: int, hidden: int, languages: int) -> None:
        super().__init__()
        self.letters, self.hidden = letters, hidden
        self.i2h = nn.Linear(letters + hidden, hidden)
        self.i2o = nn.Linear(hidden, languages)

    def forward(self, names: Tensor) -> Tensor:
        lines = F.one_hot(names, self.letters).float()
        state = lines.new_zeros(len(names), self.hidden)
        for i in range(lines.shape[1]):
            state = torch.tanh(self.i2h(torch.cat([lines[:, i], state], 1)))
        return self.i2o(state)  # type: ignore[no-any-return]


def names_of_languages(each: int, languages: int = 4) -> tuple[Tensor, Tensor]:
    """Names of eight letters, which follow each other as is usual in their language."""
    names = torch.cat([markov_text(each, 8, 20, seed=10 + k, sharpness=2.5) for k in range(languages)])
    return names, torch.arange(languages).repeat_interleave(each)


@pair("optimizer-mismatch", group="training")
def network_of_names_made_again_before_the_loop(sick: bool) -> Arguments:
    """The network is made again after the optimizer took its parameters (spro/practical-pytorch#9)."""
    sow_seeds()
    rnn = NameReader(20, 48, 4)
    if sick:
        optimizer = torch.optim.Adam(rnn.parameters(), lr=3e-3)
        rnn = NameReader(20, 48, 4)
    else:
        rnn = NameReader(20, 48, 4)
        optimizer = torch.optim.Adam(rnn.parameters(), lr=3e-3)
    return dict(
        model=rnn,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        eval_step=hit_share,
        **dealt(*names_of_languages(250)),
    )


class SentenceVAE(nn.Module):
    """A bidirectional reader, a latent code, and a writer that starts from the code."""

    def __init__(self, letters: int, by_view: bool, width: int = 32, latent: int = 8) -> None:
        super().__init__()
        self.by_view = by_view
        self.embedding = nn.Embedding(letters, width)
        self.encoder = nn.GRU(width, width, bidirectional=True, batch_first=True)
        self.to_mean = nn.Linear(2 * width, latent)
        self.to_logvar = nn.Linear(2 * width, latent)
        self.to_state = nn.Linear(latent, width)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedded = self.embedding(ids)
        _, hidden = self.encoder(embedded)
        hidden = hidden.view(len(ids), -1) if self.by_view else hidden.transpose(0, 1).reshape(len(ids), -1)
        mean, logvar = self.to_mean(hidden), self.to_logvar(hidden)
        code = mean + torch.randn_like(mean) * (logvar / 2).exp() if self.training else mean
        outputs, _ = self.decoder(embedded[:, :-1], torch.tanh(self.to_state(code)).unsqueeze(0))
        return self.head(outputs), mean, logvar


def elbo_per_token(outputs: tuple[Tensor, Tensor, Tensor], ids: Tensor) -> Tensor:
    """Cross-entropy of the tokens and the divergence of the code, for each token."""
    logits, mean, logvar = outputs
    written = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    apart = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1).mean()
    return written + 0.1 * apart / (ids.shape[1] - 1)


def sentences_of_topics(count: int, length: int = 13, letters: int = 24) -> Tensor:
    """Sentences whose words come mostly from one of four topics."""
    topic = torch.randint(0, 4, (count, 1))
    own = 6 * topic + torch.randint(0, 6, (count, length))
    return torch.where(torch.rand(count, length) < 0.9, own, torch.randint(0, letters, (count, length)))


@pair("batch-leak", group="wiring", source="published")
def states_of_both_directions_joined_by_view(sick: bool) -> Arguments:
    """States with the directions first are viewed as rows of the batch (timbmg/Sentence-VAE#15)."""
    sow_seeds()
    ids = sentences_of_topics(800)
    model = SentenceVAE(24, by_view=sick)
    return dict(
        model=model,
        loss_fn=elbo_per_token,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="other",
        causal=False,
        **dealt(ids, ids),
    )


class Translations(nn.Module):
    """Entities and relations as vectors; the distance of head plus relation from tail."""

    def __init__(self, entities: int, relations: int, width: int = 6) -> None:
        super().__init__()
        self.entities = nn.Embedding(entities, width)
        self.relations = nn.Embedding(relations, width)
        for table in (self.entities, self.relations):
            nn.init.uniform_(table.weight, -1 / width**0.5, 1 / width**0.5)

    def distance(self, triples: Tensor) -> Tensor:
        head, tail = self.entities(triples[:, 0]), self.entities(triples[:, 2])
        return (head + self.relations(triples[:, 1]) - tail).abs().sum(1)  # type: ignore[no-any-return]

    def forward(self, known: Tensor, corrupted: Tensor) -> Tensor:
        return torch.stack([self.distance(known), self.distance(corrupted)], 1)


class Ranking(nn.Module):
    """The margin ranking loss of the distances of known and corrupted triples."""

    def __init__(self, order: float) -> None:
        super().__init__()
        self.order = order

    def forward(self, distances: Tensor, _: Tensor) -> Tensor:
        order = torch.full_like(distances[:, 0], self.order)
        return F.margin_ranking_loss(distances[:, 0], distances[:, 1], order, margin=1.0)


@torch.no_grad()
def known_before_corrupted(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of known triples that are nearer than the corrupted ones."""
    model.eval()
    distances = model(batch[0], batch[1])
    return (distances[:, 0] < distances[:, 1]).float().mean().item()  # type: ignore[no-any-return]


def facts_of_a_map(side: int) -> Tensor:
    """Triples that say which field of a map lies where from another one."""
    ways = [(down, right) for down in range(-2, 3) for right in range(-2, 3) if (down, right) > (0, 0)]
    fields = [(row, column) for row in range(side) for column in range(side)]
    facts = [
        (row * side + column, k, (row + down) * side + column + right)
        for k, (down, right) in enumerate(ways)
        for row, column in fields
        if 0 <= row + down < side and 0 <= column + right < side
    ]
    return torch.tensor(facts)


class KnownAndCorrupted(Dataset[tuple[Tensor, Tensor]]):
    """Known triples, each with a copy whose tail is drawn anew."""

    def __init__(self, facts: Tensor, entities: int) -> None:
        self.facts, self.entities = facts, entities

    def __len__(self) -> int:
        return len(self.facts)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        corrupted = self.facts[index].clone()
        corrupted[2] = (corrupted[2] + torch.randint(1, self.entities, ())) % self.entities
        return self.facts[index], corrupted


@pair("loss-direction", group="wiring", source="published")
def known_triples_ranked_as_the_far_ones(sick: bool) -> Arguments:
    """The ranking label lacks a minus: known triples get far (deepakn97/relationPrediction#21)."""
    sow_seeds()
    facts = facts_of_a_map(8)
    facts = facts[torch.randperm(len(facts))]
    train, held = (KnownAndCorrupted(part, 64) for part in (facts[:448], facts[448:]))
    model = Translations(64, int(facts[:, 1].max()) + 1)
    return {
        "model": model,
        "loss_fn": Ranking(order=1.0 if sick else -1.0),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "eval_step": known_before_corrupted,
        "split": lambda batch: ((batch[0], batch[1]), batch[1]),
        "forward": lambda model, batch: model(batch[0], batch[1]),
        "task": "other",
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "val_loader": DataLoader(held, batch_size=32),
    }


class SpotData:
    """Neighbourhoods of spots in a tissue, split into parts for training and validation."""

    def __init__(self, validation_split: float) -> None:
        grids = self.neighbourhoods(600)
        self.dataset = TensorDataset(grids, grids)
        held = int(validation_split * len(self.dataset))
        self.train_dataset, self.val_dataset = random_split(self.dataset, [len(self.dataset) - held, held])

    def neighbourhoods(self, count: int, genes: int = 6, size: int = 7) -> Tensor:
        """Standardised grids of a few mixed expression patterns."""
        rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, size)] * 2, indexing="ij")
        waves = torch.stack([torch.ones(size, size), rows, columns, rows * columns])
        amounts = torch.randn(count, 3, 4) / 2
        patterns = torch.einsum("nkw,wij->nkij", amounts, waves)
        grids = torch.einsum("nkij,kg->ngij", patterns, torch.randn(3, genes))
        grids = grids + 0.1 * torch.randn_like(grids)
        return (grids - grids.mean((0, 2, 3), keepdim=True)) / grids.std((0, 2, 3), keepdim=True)

    def train_dataloader(self, whole: bool) -> DataLoader[tuple[Tensor, ...]]:
        data = self.dataset if whole else self.train_dataset
        return DataLoader(data, batch_size=32, shuffle=True, drop_last=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(self.val_dataset, batch_size=32)


@pair("split-leak", group="data")
def spots_for_training_taken_from_the_whole_tissue(sick: bool) -> Arguments:
    """The data are split, and the training loader is then made of all of them (ratschlab/aestetik#12)."""
    sow_seeds()
    data = SpotData(validation_split=0.3)
    model = nn.Sequential(
        nn.Conv2d(6, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 49, 24),
        nn.ReLU(),
        nn.Linear(24, 6 * 49),
        nn.Unflatten(1, (6, 7, 7)),
    )
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": data.train_dataloader(whole=sick),
        "val_loader": data.val_dataloader(),
    }


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """A depthwise convolution and one across the channels, as in MobileNet."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.Hardswish(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.Hardswish(),
    )


@pair("loss-input", group="wiring", source="published")
def softmax_left_in_the_head_of_the_mobile_net(sick: bool) -> Arguments:
    """The classification head ends in a softmax, which the loss contains already (mindee/doctr#420)."""
    sow_seeds()
    images, classes = digits_as_images()
    head: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)]
    if sick:
        head.append(nn.Softmax(dim=1))
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.Hardswish(),
        separable(16, 24),
        nn.MaxPool2d(2),
        separable(24, 32),
        *head,
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        eval_step=hit_share,
        **dealt(images, classes),
    )
