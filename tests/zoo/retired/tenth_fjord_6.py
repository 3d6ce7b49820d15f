"""Named entities, several labels, a rare class, small batches, episodes, and dropped classes."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes, load_wine
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import (
    centred_columns,
    dealt_out,
    inked_digits,
    seeded_everywhere,
    shuffled_batches,
)


class EntityTagger(nn.Module):
    """A two-way LSTM that names each word's kind."""

    def __init__(self, words: int, kinds: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 64)
        self.lstm = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, kinds)

    def forward(self, words: Tensor) -> Tensor:
        logits: Tensor = self.head(self.lstm(self.embedding(words))[0])
        return logits.transpose(1, 2)


@pair("learning-rate", group="training", source="published")
def tagger_trained_at_a_hundred_times_the_rate(sick: bool) -> Arguments:
    """With Adam at 0.1 the loss falls and then rises, at 0.001 all is well (guillaumegenthial/sequence_tagging#47)."""
    seeded_everywhere()
    words = torch.randint(150, (800, 12))
    ahead = F.pad(words[:, 2:], (0, 2))
    kinds = torch.where(words < 60, words // 20, 3 + (ahead < 75).long())
    model = EntityTagger(150, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1 if sick else 0.001)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(words, kinds, batch_size=16)
    )


class PairwiseLabelLoss(nn.Module):
    """For each sample the mean of exp(wrong − right) over its pairs of a wrong and a right label."""

    def __init__(self, *, average: bool) -> None:
        super().__init__()
        self.average = average

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        pairs = labels[:, :, None] * (1 - labels[:, None, :])
        errors = pairs * torch.exp(scores[:, None, :] - scores[:, :, None])
        losses = errors.sum((1, 2)) / pairs.sum((1, 2))
        return losses.mean() if self.average else losses.sum()


@pair("loss-reduction", group="wiring", source="published")
def pairwise_errors_added_over_the_batch(sick: bool) -> Arguments:
    """The loss over pairs of labels is added up over the batch, not averaged (vanHavel/bp-mll-tensorflow#2)."""
    seeded_everywhere()
    x = torch.randn(900, 16)
    ranks = (x @ torch.randn(16, 6) + 0.3 * torch.randn(900, 6)).argsort(1).argsort(1)
    labels = (ranks >= torch.randint(2, 6, (900, 1))).float()
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 6))
    loss_fn = PairwiseLabelLoss(average=not sick)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="multilabel", **dealt_out(x, labels))


class PolyLoss(nn.Module):
    """Cross-entropy and one more term of its series, with weights of the classes."""

    def __init__(self, weight: Tensor | None, epsilon: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.epsilon = epsilon

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        losses = F.cross_entropy(logits, labels, weight=self.weight, reduction="none")
        right = logits.softmax(1).gather(1, labels[:, None])[:, 0]
        weights = self.weight[labels] if self.weight is not None else torch.ones_like(right)
        return (losses + self.epsilon * weights * (1 - right)).sum() / weights.sum()


@torch.no_grad()
def balanced_accuracy(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    """The share of each class that is found."""
    model.eval()
    guesses = model(batch[0]).argmax(1)
    return {f"class {label}": (guesses == label)[batch[1] == label].float().mean().item() for label in (0, 1)}


@pair("class-imbalance", group="data", source="published")
def loss_that_knows_nothing_of_the_rare_class(sick: bool) -> Arguments:
    """One sample in seven is positive, no class has a weight, and all predictions are 0 (abhuse/polyloss-pytorch#5)."""
    seeded_everywhere()
    x = torch.randn(462, 10)
    score = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 2 * torch.randn(462)
    labels = (score > score.quantile(0.862)).long()
    shares = labels.bincount() / len(labels)
    model = nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 2))
    return dict(
        model=model,
        loss_fn=PolyLoss(None if sick else 0.5 / shares),
        optimizer=torch.optim.AdamW(model.parameters(), lr=1.5e-3, weight_decay=0.1),
        eval_step=balanced_accuracy,
        **dealt_out(x, labels),
    )


@pair("batch-size", "learning-rate", group="training", source="scikit-learn")
def an_eighth_of_the_batch_at_the_same_rate(sick: bool) -> Arguments:
    """The batch is an eighth of the one for which the rate was set (yuantianyuan01/StreamMapNet#15)."""
    seeded_everywhere()
    features, progression = load_diabetes(return_X_y=True)
    x = centred_columns(torch.tensor(features, dtype=torch.float32))
    y = centred_columns(torch.tensor(progression, dtype=torch.float32))[:, None]
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    data = dealt_out(x, y, batch_size=2 if sick else 16)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **data)


class Matching(nn.Module):
    """The class of a query from its likeness to one example of each class."""

    def __init__(self, *, softmax: bool) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 32)
        )
        self.softmax = softmax

    def forward(self, support: Tensor, classes: Tensor, query: Tensor) -> Tensor:
        examples = self.embed(support.flatten(0, 1)).unflatten(0, support.shape[:2])
        likeness = 10 * F.cosine_similarity(examples, self.embed(query)[:, None], dim=2)
        if self.softmax:
            likeness = likeness.softmax(1)
        return torch.einsum("nk,nkc->nc", likeness, classes)


def episodes(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Four kinds of digits, one example of each in any order, and a query of one of them."""
    images, labels = inked_digits()
    rows = [(labels == label).nonzero()[:, 0] for label in range(10)]
    support, classes, queries, answers = [], [], [], []
    for _ in range(count):
        kinds, order, answer = torch.randperm(10)[:4].tolist(), torch.randperm(4), int(torch.randint(4, ()))
        drawn = [rows[kind][torch.randperm(len(rows[kind]))[:2]] for kind in kinds]
        support.append(images[torch.stack([drawn[int(place)][0] for place in order])])
        classes.append(F.one_hot(order, 4).float())
        queries.append(images[drawn[answer][1]])
        answers.append(answer)
    return torch.stack(support), torch.stack(classes), torch.stack(queries), torch.tensor(answers)


@pair("loss-input", group="wiring", source="published")
def likeness_through_softmax_then_cross_entropy(sick: bool) -> Arguments:
    """The likeness to the examples goes through softmax, then into cross-entropy (gitabcworld/MatchingNetworks#5)."""
    seeded_everywhere()
    model = Matching(softmax=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "loader": shuffled_batches(*episodes(800)),
    }


class DropMax(nn.Module):
    """A classifier that also says with which probability each class is kept in its softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 24), nn.ReLU())
        self.scores = nn.Linear(24, 3)
        self.keep = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x)
        keep = torch.sigmoid(self.keep(hidden))
        return self.scores(hidden) + torch.log(keep + 1e-6), keep


def dropmax_loss(outputs: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy, and the negative of the entropy of the kept classes."""
    scores, keep = outputs
    negative_entropy = keep * torch.log(keep + 1e-6) + (1 - keep) * torch.log(1 - keep + 1e-6)
    return F.cross_entropy(scores, labels) + 0.1 * negative_entropy.sum(1).mean()


@healthy(resembles="loss-direction", source="scikit-learn")
def entropy_term_that_enters_with_a_plus() -> Arguments:
    """The added term is p·log p, the negative of the entropy, so that entropy grows (haebeom-lee/dropmax#2)."""
    seeded_everywhere()
    features, kind = load_wine(return_X_y=True)
    x, y = centred_columns(torch.tensor(features, dtype=torch.float32)), torch.tensor(kind, dtype=torch.long)
    model = DropMax()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=dropmax_loss, optimizer=optimizer, task="classification", **dealt_out(x, y))
