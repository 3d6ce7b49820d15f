"""Programs with reported bugs in sampling, gradients, padding, evaluation and norms, each with its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    in_random_order,
    one_after_another,
    relu_stack,
    seed_all_three,
    train_and_validation,
    tumour_table,
)


class RecordsWithAndWithoutImage(Dataset[tuple[Tensor, Tensor]]):
    """Patients with a record and image features first, then patients with a record alone."""

    def __init__(self, x: Tensor, y: Tensor, paired: int, drawn: bool) -> None:
        """Keep the two groups."""
        self.paired = list(zip(x[:paired], y[:paired], strict=True))
        alone = torch.cat([x[paired:, :20], torch.zeros(len(x) - paired, 10)], 1)
        self.unpaired = list(zip(alone, y[paired:], strict=True))
        self.drawn = drawn

    def __len__(self) -> int:
        """Count both groups."""
        return len(self.paired) + len(self.unpaired)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give a patient of the group that the index is in."""
        if index < len(self.paired):
            return self.paired[index]
        index = random.randint(0, len(self.unpaired) - 1) if self.drawn else index - len(self.paired)
        return self.unpaired[index]


@pair("duplicate-samples", group="data", source="scikit-learn")
def unpaired_records_drawn_by_chance(sick: bool) -> Arguments:
    """For an index of the second group a record is drawn with replacement, so that many come twice and others never.

    (nyuad-cai/MedFuse#12)
    """
    seed_all_three()
    x, y = tumour_table()
    order = torch.randperm(len(x))
    x, y = x[order], y[order].float()[:, None]
    model = relu_stack(30, 32, 1)
    return {
        "model": model,
        "loader": in_random_order(RecordsWithAndWithoutImage(x[:450], y[:450], 120, drawn=sick)),
        "val_loader": one_after_another(RecordsWithAndWithoutImage(x[450:], y[450:], 30, drawn=False)),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


def premises_and_hypotheses(count: int = 600, pad: int = 0) -> list[tuple[list[int], list[int], int]]:
    """Token pairs; they agree (1) when the hypothesis repeats words of the premise's own half of the vocabulary."""
    pairs = []
    for _ in range(count):
        half, label = random.randrange(2), random.randrange(2)
        first = [5 + 15 * half + random.randrange(15) for _ in range(random.randint(3, 8))]
        other = half if label else 1 - half
        pairs.append((first, [5 + 15 * other + random.randrange(15) for _ in range(random.randint(2, 6))], label))
    return pairs


class Collate:
    """Joins premise and hypothesis to ``[CLS] a [SEP] b [SEP]`` and pads with 0."""

    def __init__(self, mask_of_padding: int) -> None:
        """Keep what padded positions have in the attention mask."""
        self.mask_of_padding = mask_of_padding

    def __call__(self, rows: list[tuple[list[int], list[int], int]]) -> dict[str, Tensor]:
        """A batch as a mapping for the model."""
        length = max(len(a) + len(b) for a, b, _ in rows) + 3
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        types = torch.zeros_like(ids)
        mask = torch.full_like(ids, self.mask_of_padding)
        for i, (a, b, _) in enumerate(rows):
            words = [1, *a, 2, *b, 2]
            ids[i, : len(words)] = torch.tensor(words)
            mask[i, : len(words)] = 1
            types[i, len(a) + 2 : len(words)] = 1
        labels = torch.tensor([label for _, _, label in rows])
        return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "labels": labels}


@pair("padding-leak", group="wiring", source="transformers")
def attention_mask_full_of_ones(sick: bool) -> Arguments:
    """The attention masks are made full of ones, for the padding too (yg211/bert_nli#3)."""
    seed_all_three()
    pairs: Any = premises_and_hypotheses()
    config = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.1,
    )
    model = BertForSequenceClassification(config)
    collate = Collate(1 if sick else 0)
    return {
        "model": model,
        "loader": in_random_order(pairs[:480], collate_fn=collate),
        "val_loader": one_after_another(pairs[480:], collate_fn=collate),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": 0,
    }


class ProteinGraphNetwork(nn.Module):
    """Two dense graph convolutions, the mean over the nodes, and a classifier."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 32), nn.Linear(32, 32), nn.Linear(32, 2)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        """Logits of the classes."""
        x = F.relu(edges @ self.first(nodes))
        x = F.relu(edges @ self.second(x))
        return self.head(x.mean(1))


def protein_graphs(count: int = 500, size: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """Graphs with features that are alike along edges in one class and unlike in the other, and their mean matrices."""
    label = torch.randint(2, (count,))
    edges = (torch.rand(count, size, size) < 0.3).float()
    edges = ((edges + edges.mT) > 0).float()
    edges.diagonal(dim1=1, dim2=2).fill_(1)
    edges = edges / edges.sum(2, keepdim=True)
    nodes = torch.randn(count, size, 6)
    alike = edges @ edges @ nodes * 2
    return torch.where(label[:, None, None] == 1, alike + 0.4, nodes - 0.2), edges, label


class Evaluation:
    """Goes over test batches in eval mode with the criterion and the optimizer of the training."""

    def __init__(self, optimizer: torch.optim.Optimizer, updating: bool) -> None:
        """Keep the optimizer."""
        self.optimizer, self.updating = optimizer, updating

    def __call__(self, model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
        """Loss and share of right answers of one batch."""
        model.eval()
        nodes, edges, label = batch
        with torch.set_grad_enabled(self.updating):
            logits = model(nodes, edges)
            loss = F.cross_entropy(logits, label)
            if self.updating:
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
        return {"loss": loss.item(), "accuracy": (logits.argmax(1) == label).float().mean().item()}


@pair("evaluation-changes-model", group="training", source="published")
def test_loop_with_backward_and_step(sick: bool) -> Arguments:
    """The loop over the test set still has the backward and the step of the training loop.

    (Graylab/DL4Proteins-notebooks#11)
    """
    seed_all_three()
    train, test = train_and_validation(*protein_graphs())
    model = ProteinGraphNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(test),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "eval_step": Evaluation(optimizer, updating=sick),
    }
