"""Programs with a bug that was reported: segments, a hierarchy, a momentum, and aggregation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2Model
from transformers.modeling_outputs import CausalLMOutput, SequenceClassifierOutput

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    fitted,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    train_and_val_records,
)


class SegmentClassifier(nn.Module):
    """A small BERT that classifies pairs of segments."""

    def __init__(self, *, with_segments: bool) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=30,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=16,
            initializer_range=0.1,
        )
        self.bert = BertForSequenceClassification(config)
        self.with_segments = with_segments

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, labels: Tensor | None = None
    ) -> SequenceClassifierOutput:
        if not self.with_segments:
            plain: SequenceClassifierOutput = self.bert(input_ids, attention_mask, labels=labels)
            return plain
        out: SequenceClassifierOutput = self.bert(input_ids, attention_mask, token_type_ids, labels=labels)
        return out


@pair("unused-input", group="wiring", source="transformers")
def question_and_answer_without_their_segments(sick: bool) -> Arguments:
    """The classifier of text pairs does not hand on `token_type_ids` (deeppavlov/DeepPavlov#1312)."""
    seed_torch_and_friends()
    ids = torch.randint(5, 30, (960, 12))
    ids[:, 0] = 1
    place, border = torch.randint(1, 12, (960,)), torch.randint(3, 10, (960,))
    ids[torch.arange(960), place] = 3
    segments = (torch.arange(12)[None] >= border[:, None]).long()
    model = SegmentClassifier(with_segments=not sick)
    return dict(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="classification",
        **train_and_val_records(
            768,
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            token_type_ids=segments,
            labels=(place >= border).long(),
        ),
    )


class TwoLevels(nn.Module):
    """Scores of a digit's half, and of the digit itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh())
        self.coarse = nn.Linear(64, 2)
        self.fine = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.coarse(h), self.fine(h)


class HierarchicalLoss(nn.Module):
    """Cross-entropy on both levels, and a penalty where they contradict each other."""

    def __init__(self, *, by_class: bool, weight: float = 1.0) -> None:
        super().__init__()
        self.by_class = by_class
        self.weight = weight

    def forward(self, outputs: tuple[Tensor, Tensor], digit: Tensor) -> Tensor:
        half, fine = outputs
        layers = F.cross_entropy(half, digit // 5) + F.cross_entropy(fine, digit)
        if self.by_class:
            contradiction = (fine.argmax(1) // 5 != half.argmax(1)).float()
        else:
            implied = torch.softmax(fine, 1).view(-1, 2, 5).sum(2)
            contradiction = 1 - (torch.softmax(half, 1) * implied).sum(1)
        return layers + self.weight * contradiction.mean()


@pair("detached-graph", "zero-gradient-path", group="wiring", source="scikit-learn")
def hierarchy_penalised_by_its_best_classes(sick: bool) -> Arguments:
    """The penalty for contradicting levels compares argmax classes, so it has no gradient and changes nothing.

    (Ugenteraan/Deep_Hierarchical_Classification#6)
    """
    seed_torch_and_friends()
    model = TwoLevels()
    return dict(
        model=model,
        loss_fn=HierarchicalLoss(by_class=sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **train_and_val(*small_digit_images(), train=1024),
    )


class ConvolutionBank(nn.Module):
    """Convolutions over the frames of an utterance, rectified and normalised."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(8, 32, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm1d(32, momentum=momentum, eps=1e-3)
        self.second = nn.Conv1d(32, 32, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm1d(32, momentum=momentum, eps=1e-3)
        self.head = nn.Linear(32, 6)

    def forward(self, frames: Tensor) -> Tensor:
        h = self.norm1(F.relu(self.first(frames)))
        h = self.norm2(F.relu(self.second(h)))
        out: Tensor = self.head(h.mean(2))
        return out


def word_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right words in eval mode."""
    model.eval()
    with torch.no_grad():
        return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


@pair("batchnorm-statistics", group="wiring", source="published")
def speech_bank_with_the_momentum_of_tensorflow(sick: bool) -> Arguments:
    """BatchNorm has momentum 0.99, meant as TensorFlow means it, so its running statistics are those of the last batch.

    (r9y9/tacotron_pytorch#19)
    """
    seed_torch_and_friends()
    word = torch.randint(0, 6, (800,))
    shape = torch.randn(6, 8, 12)
    loud, voice = torch.exp(0.3 * torch.randn(800, 1, 1)), torch.randn(800, 8, 1)
    frames = loud * (shape[word] + voice + 0.8 * torch.randn(800, 8, 12))
    data = train_and_val(frames / frames.std(), word, train=640, batch=8)
    loss_fn = nn.CrossEntropyLoss()
    model = fitted(ConvolutionBank(0.99 if sick else 0.1), loss_fn, data["loader"], steps=120, rate=2e-3)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, eval_step=word_accuracy, **data)


class Aggregation(nn.Module):
    """Weighs the outputs of all layers so far, by the last of them."""

    def __init__(self, dim: int, outputs: int, spread: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.weigh = nn.Linear(dim, outputs, bias=False)
        if spread:
            nn.init.normal_(self.weigh.weight, std=spread)
        else:
            nn.init.zeros_(self.weigh.weight)

    def forward(self, past: list[Tensor]) -> Tensor:
        weights = F.relu(self.weigh(self.norm(past[-1])))
        return past[-1] + (torch.stack(past, 1) * weights.unsqueeze(-1)).sum(1)


class CrossLayers(nn.Module):
    """Residual layers, each of which sees all before it."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.into = nn.Linear(64, 48)
        self.layers = nn.ModuleList(nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 48), nn.GELU()) for _ in range(3))
        self.aggregate = nn.ModuleList(Aggregation(48, count, spread) for count in (1, 2, 3))
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        past: list[Tensor] = [self.into(x.flatten(1))]
        for layer, aggregate in zip(self.layers, self.aggregate, strict=True):
            seen = aggregate(past)
            past.append(seen + layer(seen))
        out: Tensor = self.head(past[-1])
        return out


@pair("symmetric-init", "dead-units", group="init", source="published")
def aggregation_that_starts_at_a_rectified_zero(sick: bool) -> Arguments:
    """The weights that aggregate earlier layers start at zero before a ReLU, without a bias, and get no gradient.

    (lucidrains/deep-cross-attention#2)
    """
    seed_torch_and_friends()
    model = CrossLayers(0.0 if sick else 0.1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **train_and_val(*small_digit_images(), train=1024),
    )


class DecisionModel(nn.Module):
    """A GPT-2 over states, which predicts each action."""

    def __init__(self) -> None:
        super().__init__()
        config = GPT2Config(
            vocab_size=1, n_positions=12, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
        )
        self.state = nn.Linear(3, 32)
        self.transformer = GPT2Model(config)
        self.transformer.wte.requires_grad_(False)
        self.action = nn.Linear(32, 4)

    def forward(self, states: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> CausalLMOutput:
        hidden = self.transformer(inputs_embeds=self.state(states), attention_mask=attention_mask).last_hidden_state
        logits = self.action(hidden)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        return CausalLMOutput(loss=loss, logits=logits)


@healthy(resembles="causality", source="transformers")
def decisions_with_a_mask_for_padding_alone() -> Arguments:
    """The mask handed to GPT-2 marks padding and is not triangular, because the model is causal by itself.

    (kzl/decision-transformer#30)
    """
    seed_torch_and_friends()
    states = torch.randn(480, 10, 3)
    real = torch.arange(10)[None] < torch.randint(5, 11, (480, 1))
    total = states.cumsum(1) * real.unsqueeze(-1)
    actions = 2 * (total[..., 0] > 0).long() + (states[..., 1] > 0).long()
    model = DecisionModel()
    return dict(
        model=model,
        optimizer=torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3),
        causal=True,
        **train_and_val_records(
            384,
            16,
            states=states * real.unsqueeze(-1),
            attention_mask=real.long(),
            labels=actions.masked_fill(~real, -100),
        ),
    )
