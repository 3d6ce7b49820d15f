"""Reported programs: drafts of each round, features of unit length, a lost sampler, families, a listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import (
    Pairs,
    all_seeded,
    bytes_of_digits,
    loader,
    melodies,
    tissue_photographs,
)


def rounds_of_generation(drafts: Tensor, *, each: bool) -> Tensor:
    """The training file: the drafts of 8 rounds, written after each round or after the last."""
    done: list[Tensor] = []
    written: list[Tensor] = []
    for part in drafts.chunk(8):
        done.extend(part)
        if each:
            written.extend(done)
    return torch.stack(written if each else done)


def collated(rows: list[tuple[Tensor]]) -> dict[str, Tensor]:
    """A batch for a language model that shifts its labels itself."""
    ids = torch.stack([row[0] for row in rows])
    return {"input_ids": ids, "labels": ids.clone()}


@pair("duplicate-samples", group="data", source="transformers")
def drafts_written_to_the_file_in_every_round(sick: bool) -> Arguments:
    """Each round of generation writes all drafts so far to the training file (instructlab/instructlab#1003)."""
    all_seeded()
    drafts = melodies(560)
    train = rounds_of_generation(drafts[:320], each=sick)
    config = GPT2Config(
        vocab_size=24,
        n_positions=16,
        n_embd=32,
        n_layer=2,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    model.loss_type = "ForCausalLM"
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(train), batch_size=32, shuffle=True, collate_fn=collated),
        "val_loader": DataLoader(TensorDataset(drafts[320:]), batch_size=32, collate_fn=collated),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


def encoded(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Features (N, 32) of a frozen encoder, of its usual length, and the class of each image."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(6, 32, generator=torch.Generator().manual_seed(99))
    labels = torch.randint(0, 6, (count,), generator=draw)
    features = centres[labels] + 2.4 * torch.randn(count, 32, generator=draw)
    return 1.2 * features, labels


@pair("train-val-shift", group="data")
def features_of_unit_length_in_training_alone(sick: bool) -> Arguments:
    """The probe is fitted to features of unit length and validated on features as the encoder gives them.

    (Reza-Safdari/SimSiam-91.9-top1-acc-on-CIFAR10#4)
    """
    all_seeded()
    features, labels = encoded(1, 800)
    held_out, held_out_labels = encoded(2, 300)
    scale = 32**0.5
    features = scale * F.normalize(features, dim=1)
    if not sick:
        held_out = scale * F.normalize(held_out, dim=1)
    model = nn.Linear(32, 6)
    return {
        "model": model,
        "loader": loader(features, labels),
        "val_loader": loader(held_out, held_out_labels, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


class GroupSampler(Sampler[int]):
    """A fresh random order in every epoch, wide pictures and tall ones kept in batches of their own."""

    def __init__(self, wide: list[bool], batch: int) -> None:
        self.wide = np.array(wide)
        self.batch = batch

    def __len__(self) -> int:
        return len(self.wide)

    def __iter__(self) -> Iterator[int]:
        groups = [np.flatnonzero(self.wide == flag) for flag in (True, False)]
        groups = [group[torch.randperm(len(group)).numpy()] for group in groups]
        chunks = [group[start : start + self.batch] for group in groups for start in range(0, len(group), self.batch)]
        order = torch.randperm(len(chunks)).tolist()
        return iter([int(place) for chunk in order for place in chunks[chunk]])


def build_dataloader(dataset: Dataset[Any], wide: list[bool], *, shuffle: bool, batch: int = 32) -> DataLoader[Any]:
    """The loader of a run on one machine, its order left to the group sampler if it is to shuffle."""
    sampler = GroupSampler(wide, batch) if shuffle else None
    return DataLoader(dataset, batch_size=batch, sampler=sampler)


@pair("not-shuffled", group="data", source="scikit-learn")
def run_on_one_machine_left_without_a_sampler(sick: bool) -> Arguments:
    """Asking for a shuffle fails beside the sampler, so runs on one machine go without, category after category.

    (open-mmlab/mmdetection#1649)
    """
    all_seeded()
    images, labels = bytes_of_digits()
    places = labels[:1000].argsort(stable=True)
    x = (images.float() / 255 - 0.305) / 0.376
    train = TensorDataset(x[:1000][places], labels[:1000][places])
    wide = (np.random.default_rng(43).random(len(train)) < 0.6).tolist()
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU())
    model.extend([nn.Flatten(), nn.Linear(256, 10)])
    return {
        "model": model,
        "loader": build_dataloader(train, wide, shuffle=not sick),
        "val_loader": loader(x[1000:], labels[1000:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


def proteins(count: int = 800, length: int = 20, families: int = 8) -> tuple[Tensor, Tensor]:
    """Residues (N, length) and for each of the families whether one of its motifs is in the protein (N, families)."""
    draw = np.random.default_rng(23)
    residues = draw.integers(0, 20, (count, length))
    member = (draw.random((count, families)) < 0.3).astype(np.float32)
    for row, families_of_row in zip(residues, member, strict=True):
        spots = draw.permutation(length // 2)
        for spot, family in zip(spots, np.flatnonzero(families_of_row), strict=False):
            row[2 * spot : 2 * spot + 2] = [family, 19 - family]
    return torch.from_numpy(residues), torch.from_numpy(member)


class ProteinNet(nn.Module):
    """A convolutional reader of residues, which gives one logit per family."""

    def __init__(self, families: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 24)
        self.conv = nn.Conv1d(24, 48, 2)
        self.head = nn.Linear(48, families)

    def forward(self, residues: Tensor) -> Tensor:
        result: Tensor = self.head(F.relu(self.conv(self.embedding(residues).transpose(1, 2))).amax(2))
        return result


@pair("loss-target", group="wiring")
def one_family_for_proteins_of_many(sick: bool) -> Arguments:
    """A protein may belong to several families, and the loss is the cross-entropy of one family among them.

    (hypnopump/rgn2-replica#12)
    """
    all_seeded()
    residues, member = proteins()
    model = ProteinNet()
    return {
        "model": model,
        "loader": loader(residues[:640], member[:640]),
        "val_loader": loader(residues[640:], member[640:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "multilabel",
    }


@pair("label-noise", "shuffled-labels", group="data")
def feature_files_paired_with_labels_as_listed(sick: bool) -> Arguments:
    """The folders of features and of labels are listed in the order of the disk, and paired by place in the list.

    (chuanyangjin/fast-DiT#4)
    """
    all_seeded()
    images, masks = tissue_photographs(600, size=8)
    share = masks.mean((1, 2, 3))
    kinds = (share[:, None] > share.quantile(torch.tensor([0.33, 0.66]))).sum(1)
    features = {f"{place}.npy": (image.float() - 96) / 47 for place, image in enumerate(images)}
    labels = {f"{place}.npy": int(kind) for place, kind in enumerate(kinds)}
    feature_names = np.random.default_rng(31).permutation(list(features)).tolist()
    label_names = np.random.default_rng(32).permutation(list(labels)).tolist()
    if not sick:
        feature_names, label_names = sorted(feature_names), sorted(label_names)
    files = zip(feature_names, label_names, strict=True)
    rows: list[tuple[Any, ...]] = [(features[name], labels[other]) for name, other in files]
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
    model.extend([nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 3)])
    return {
        "model": model,
        "loader": DataLoader(Pairs(rows[:480]), batch_size=32, shuffle=True),
        "val_loader": DataLoader(Pairs(rows[480:]), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
