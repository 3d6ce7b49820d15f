"""Masks, remarks, experts and phrases: four broken programs with their twins, and two look-alikes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import (
    both_parts,
    discs,
    ragged_loader,
    ragged_remarks,
    remarks,
    reshuffled,
    seed_generators,
    standard_wines,
)


class DiscUNet(nn.Module):
    """A U-Net of one level with instance normalisation."""

    def __init__(self, last: nn.Module):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.InstanceNorm2d(12, affine=True), nn.ReLU()
        )
        self.middle = nn.Sequential(
            nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.InstanceNorm2d(24, affine=True), nn.ReLU()
        )
        self.up = nn.Sequential(nn.Conv2d(36, 12, 3, padding=1), nn.ReLU())
        self.head = nn.Sequential(nn.Conv2d(12, 1, 1), last)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down(images)
        coarse = F.interpolate(self.middle(F.avg_pool2d(fine, 2)), scale_factor=2)
        mask: Tensor = self.head(self.up(torch.cat([fine, coarse], dim=1)))
        return mask


@pair("loss-input", group="wiring", source="published")
def mask_squashed_twice(sick: bool) -> Arguments:
    """The U-Net ends in a sigmoid, and BCEWithLogitsLoss applies another one."""
    seed_generators(71)
    model = DiscUNet(nn.Sigmoid() if sick else nn.Identity())
    return {
        "model": model,
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": reshuffled(*discs(400, seed=2), batch=16),
    }


class MeanOfBert(nn.Module):
    """A small BERT and a linear head on the mean of its states."""

    def __init__(self) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=32,
            initializer_range=0.1,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(32, 3)

    def mean(self, states: Tensor, mask: Tensor) -> Tensor:
        return states.mean(1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        scores: Tensor = self.head(self.mean(states, attention_mask))
        return scores


class MaskedMeanOfBert(MeanOfBert):
    """The same with the mean over words."""

    def mean(self, states: Tensor, mask: Tensor) -> Tensor:
        real = mask.unsqueeze(-1).float()
        return (states * real).sum(1) / real.sum(1)


@pair("padding-leak", group="wiring", source="transformers")
def mean_that_takes_the_filling_along(sick: bool) -> Arguments:
    """The states are averaged over the filled positions too, so that a sentence's vector depends on its batch."""
    seed_generators(72)
    model = MeanOfBert() if sick else MaskedMeanOfBert()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loader": ragged_loader(*ragged_remarks(640, longest=24, seed=7), batch=20),
    }


class Experts(nn.Module):
    """A mixture of four small experts under a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 4))
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 1)) for _ in range(4))

    def forward(self, features: Tensor) -> Tensor:
        weights = self.gate(features)
        weights = weights.softmax(dim=1)
        answers = torch.cat([expert(features) for expert in self.experts], dim=1)
        answer: Tensor = (weights * answers).sum(1)
        return answer


class UngatedExperts(Experts):
    """The same, with weights of any sign and sum."""

    def forward(self, features: Tensor) -> Tensor:
        weights = self.gate(features)
        weights.softmax(dim=1)
        answers = torch.cat([expert(features) for expert in self.experts], dim=1)
        answer: Tensor = (weights * answers).sum(1)
        return answer


def regimes(count: int) -> tuple[Tensor, Tensor]:
    """Four features and a target that follows another slope in each quadrant of the first two."""
    draw = torch.Generator().manual_seed(12)
    features = torch.randn(count, 4, generator=draw)
    quadrant = 2 * (features[:, 0] > 0).long() + (features[:, 1] > 0).long()
    slopes = torch.tensor([[1.0, 0.5], [-1.0, 0.5], [0.5, -1.0], [-0.5, -0.5]])[quadrant]
    target = (slopes * features[:, 2:]).sum(1) + 0.05 * torch.randn(count, generator=draw)
    return features, (target - target.mean()) / target.std()


@pair("unused-result", group="wiring", source="published")
def gate_softened_for_nobody(sick: bool) -> Arguments:
    """The softmax of the gate is called and its result dropped, so that the weights of the experts do not sum to 1."""
    seed_generators(73)
    model = UngatedExperts() if sick else Experts()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*regimes(1000), held_out=200),
    )


class FusedAttention(nn.Module):
    """Attention by torch's fused function, between residual connections."""

    def __init__(self, width: int, share: float):
        super().__init__()
        self.share = share
        self.norm = nn.LayerNorm(width)
        self.both = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        share = self.share if self.training else 0.0
        return F.scaled_dot_product_attention(query, key, value, dropout_p=share)

    def forward(self, states: Tensor) -> Tensor:
        parts = self.both(self.norm(states)).unflatten(-1, (3, 4, -1)).permute(2, 0, 3, 1, 4)
        attended = self.attended(parts[0], parts[1], parts[2]).transpose(1, 2).flatten(2)
        added: Tensor = self.out(attended)
        return states + added


class ShakyAttention(FusedAttention):
    """The same, called as the signature suggests."""

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value, dropout_p=self.share)


class WordClassifier(nn.Module):
    """Two layers of attention over words."""

    def __init__(self, layer: type[FusedAttention], width: int = 32):
        super().__init__()
        self.words = nn.Embedding(50, width)
        self.layers = nn.Sequential(layer(width, 0.2), nn.Linear(width, width), nn.GELU(), layer(width, 0.2))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.head(self.layers(self.words(tokens)).mean(1))
        return scores


def word_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in training mode."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def shown_word_loss(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """The loss in evaluation mode."""
    model.eval()
    return F.cross_entropy(model(batch[0]), batch[1])


@pair("train-eval-mode", group="wiring")
def fused_attention_that_drops_in_evaluation(sick: bool) -> Arguments:
    """The fused attention is given its dropout in evaluation too: unlike a module it does not know the mode."""
    seed_generators(74)
    model = WordClassifier(ShakyAttention if sick else FusedAttention)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=word_step,
        eval_step=shown_word_loss,
        **both_parts(*remarks(800, seed=8), held_out=160),
    )


class Committee(nn.Module):
    """Three networks; the logarithm of the mean of their probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(nn.Sequential(nn.Linear(13, 20), nn.Tanh(), nn.Linear(20, 3)) for _ in range(3))

    def forward(self, features: Tensor) -> Tensor:
        each = torch.stack([member(features).log_softmax(1) for member in self.members])
        return each.logsumexp(0) - torch.tensor(3.0).log()


@healthy(resembles="loss-input", source="scikit-learn")
def committee_in_logarithms() -> Arguments:
    """What enters NLL ends in no softmax, but it is a logarithm of probabilities all the same."""
    seed_generators(75)
    model = Committee()
    return dict(
        model=model,
        loss_fn=nn.NLLLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*standard_wines(), held_out=34, batch=24),
    )


class CountModel(nn.Module):
    """The expected count, kept positive by a softplus whose bias begins at the mean count."""

    def __init__(self, mean: float):
        super().__init__()
        last = nn.Linear(32, 1)
        nn.init.constant_(last.bias, float(torch.tensor(mean).expm1().log()))
        self.net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), last)

    def forward(self, features: Tensor) -> Tensor:
        return F.softplus(self.net(features))


@healthy(resembles="output-range")
def visits_counted_above_zero() -> Arguments:
    """The outputs cannot be negative, and neither can the counts that they predict."""
    seed_generators(76)
    features = torch.randn(1000, 5)
    counts = torch.poisson((1.0 + 0.6 * features[:, :1] - 0.4 * features[:, 1:2]).exp())
    model = CountModel(float(counts.mean()))
    return dict(
        model=model,
        loss_fn=nn.PoissonNLLLoss(log_input=False),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(features, counts, held_out=200),
    )
