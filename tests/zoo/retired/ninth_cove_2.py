"""Reported bugs of modes, tables, schedules and roots, each beside the program as it was mended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler, StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM, LlamaConfig, LlamaForCausalLM

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_cove_parts import dealt, digits_as_images, hit_share, markov_text, sow_seeds


def volume_convs(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, normalisation and rectifier, twice."""
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
        nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    )


class VolumeUNet(nn.Module):
    """A 3D U-Net of two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.down = volume_convs(1, 6)
        self.bottom = volume_convs(6, 12)
        self.dropout = nn.Dropout3d(0.2)
        self.up = volume_convs(18, 6)
        self.head = nn.Conv3d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down(x)
        coarse = self.dropout(self.bottom(F.max_pool3d(fine, 2)))
        return self.head(self.up(torch.cat([fine, F.interpolate(coarse, scale_factor=2)], 1)))  # type: ignore[no-any-return]


def volumes_with_balls(count: int, size: int = 8) -> tuple[Tensor, Tensor]:
    """Noisy volumes with one ball each, and the masks of the balls."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(size).float()] * 3, indexing="ij"))
    centres = 2 + (size - 5) * torch.rand(count, 3, 1, 1, 1)
    radius = 2 + torch.rand(count, 1, 1, 1)
    masks = ((grid - centres).square().sum(1) < radius**2).float().unsqueeze(1)
    volumes = masks + 0.7 * torch.randn_like(masks)
    return (volumes - volumes.mean()) / volumes.std(), masks


def volume_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One training step on a batch of volumes."""
    model.train()
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def volumes_validated_as_trained(model: nn.Module, batch: list[Tensor]) -> float:
    """Overlap of the predicted masks with the true ones."""
    found = model(batch[0]) > 0
    return (2 * (found * batch[1]).sum() / (found.sum() + batch[1].sum())).item()  # type: ignore[no-any-return]


@torch.no_grad()
def volumes_validated(model: nn.Module, batch: list[Tensor]) -> float:
    """Overlap of the predicted masks with the true ones."""
    model.eval()
    found = model(batch[0]) > 0
    return (2 * (found * batch[1]).sum() / (found.sum() + batch[1].sum())).item()  # type: ignore[no-any-return]


@pair("train-eval-mode", group="wiring", source="published")
def volumes_validated_in_the_mode_of_training(sick: bool) -> Arguments:
    """The 3D U-Net is validated without a switch to eval mode before or back after (wolny/pytorch-3dunet#53)."""
    sow_seeds()
    model = VolumeUNet()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=volume_step,
        eval_step=volumes_validated_as_trained if sick else volumes_validated,
        task="segmentation",
        **dealt(*volumes_with_balls(240), batch=8),
    )


class Instructions(Dataset[dict[str, Tensor]]):
    """Token sequences whose labels are the sequences themselves; the model shifts them."""

    def __init__(self, text: Tensor) -> None:
        self.text = text

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = self.text[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids.clone()}


ACCUMULATED = 2


def finetuning_step(batches_per_epoch: int, every_update: bool) -> Callable[..., Tensor]:
    """A step of finetuning that updates after every second batch, with a decay of the rate."""

    def step_of_finetuning(
        model: nn.Module,
        batch: dict[str, Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: LRScheduler,
        step: int,
    ) -> Tensor:
        model.train()
        loss: Tensor = model(**batch).loss / ACCUMULATED
        loss.backward()  # type: ignore[no-untyped-call]
        if (step + 1) % ACCUMULATED == 0:
            optimizer.step()
            optimizer.zero_grad()
            if every_update:
                scheduler.step()
        if not every_update and (step + 1) % batches_per_epoch == 0:
            scheduler.step()
        return loss.detach() * ACCUMULATED

    return step_of_finetuning


@pair("lr-schedule", group="training", source="transformers")
def decay_by_epochs_stepped_with_every_accumulated_update(sick: bool) -> Arguments:
    """The decay meant for each epoch follows each accumulated update (meta-llama/llama-cookbook#27)."""
    sow_seeds()
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=32,
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    text = markov_text(800, 16, 32)
    loader = DataLoader(Instructions(text[:640]), batch_size=16, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": loader,
        "val_loader": DataLoader(Instructions(text[640:]), batch_size=16),
        "optimizer": optimizer,
        "scheduler": StepLR(optimizer, step_size=1, gamma=0.85),
        "train_step": finetuning_step(len(loader), every_update=sick),
        "total_steps": 8 * len(loader) // ACCUMULATED,
        "task": "language-model",
    }


@healthy(resembles="causality", source="transformers")
def labels_of_code_equal_to_its_tokens() -> Arguments:
    """The labels copy the inputs, and the model shifts them itself (loubnabnl/santacoder-finetuning#14)."""
    sow_seeds()
    config = GPTBigCodeConfig(
        vocab_size=40,
        n_positions=32,
        n_embd=48,
        n_layer=2,
        n_head=4,
        n_inner=96,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPTBigCodeForCausalLM(config)
    text = markov_text(800, 20, 40, seed=5)
    return {
        "model": model,
        "loader": DataLoader(Instructions(text[:640]), batch_size=16, shuffle=True),
        "val_loader": DataLoader(Instructions(text[640:]), batch_size=16),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "language-model",
    }


class Enhancer(nn.Module):
    """Estimates a mask for a magnitude spectrogram and applies it."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.mask = nn.Sequential(
            nn.Conv1d(bins, 64, 3, padding=1), nn.ReLU(), nn.Conv1d(64, bins, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, noisy: Tensor) -> Tensor:
        return self.mask(noisy) * noisy  # type: ignore[no-any-return]


class BandCorrelation(nn.Module):
    """Minus the mean correlation of band envelopes, a short measure of intelligibility."""

    def __init__(self, bins: int, bands: int, inside: float) -> None:
        super().__init__()
        self.inside = inside
        self.register_buffer("bands", torch.eye(bands).repeat_interleave(bins // bands, 1))

    def envelopes(self, spectrogram: Tensor) -> Tensor:
        energy = self.bands @ spectrogram.square()  # type: ignore[operator]
        return torch.sqrt(energy + self.inside)

    def forward(self, estimate: Tensor, clean: Tensor) -> Tensor:
        found, meant = (self.envelopes(each) for each in (estimate, clean))
        found, meant = (each - each.mean(2, keepdim=True) for each in (found, meant))
        sizes = found.square().sum(2) * meant.square().sum(2)
        return -((found * meant).sum(2) / (sizes + 1e-8).sqrt()).mean()


def spectrograms(count: int, bins: int = 24, frames: int = 20) -> tuple[Tensor, Tensor]:
    """Noisy and clean magnitudes of a few moving tones, some of them with silence before the speaker starts."""
    pitch = 2 + (bins - 5) * torch.rand(count, 3, 1, 1)
    drift = 0.3 * torch.randn(count, 3, 1, 1)
    beat = torch.sin(torch.rand(count, 3, 1, 1) * 6 + torch.arange(frames) * (0.4 + torch.rand(count, 3, 1, 1))) ** 2
    height = torch.arange(bins).float().view(1, 1, bins, 1)
    clean = (beat * torch.exp(-((height - pitch - drift * torch.arange(frames)) ** 2) / 3)).sum(1)
    noisy = clean + 0.6 * torch.rand_like(clean)
    start = torch.randint(1, 6, (count, 1, 1)) * (torch.rand(count, 1, 1) < 0.3)
    spoken = torch.arange(frames) >= start
    return 2 * noisy * spoken, 2 * clean * spoken


@pair("nonfinite-gradient", group="backward")
def root_of_silent_bands_in_the_intelligibility_loss(sick: bool) -> Arguments:
    """The band envelopes are roots of energies that are exactly zero in silence (mpariente/pytorch_stoi#7)."""
    sow_seeds()
    noisy, clean = spectrograms(480)
    model = Enhancer(24)
    return dict(
        model=model,
        loss_fn=BandCorrelation(24, 8, inside=0.0 if sick else 1e-6),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **dealt(noisy, clean, batch=16),
    )


@pair("dtype", "duplicate-samples", group="data", source="scikit-learn")
def rows_of_a_fold_read_into_bytes(sick: bool) -> Arguments:
    """The rows of the fold are read as uint8 and wrap at 256, so images repeat (pytorch/vision#3304)."""
    sow_seeds()
    images, classes = digits_as_images()
    line = " ".join(str(row) for row in torch.randperm(1024)[:640].tolist())
    rows = np.array(line.split(), dtype=np.int64).astype(np.uint8 if sick else np.int64).tolist()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(TensorDataset(images[rows], classes[rows]), batch_size=32, shuffle=True),
        "val_loader": DataLoader(TensorDataset(images[1024:], classes[1024:]), batch_size=32),
        "eval_step": hit_share,
    }
