"""A frozen backbone, melodies, mixed spectra, a regression, textures, and sharpened digits."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import (
    centred_columns,
    dealt_out,
    inked_digits,
    large_digits,
    pretrained_on_small_digits,
    seeded_everywhere,
    tunes_of_notes,
)


class Probe(nn.Module):
    """A backbone that is to stay as it is, and a new classifier on its features."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = pretrained_on_small_digits()
        self.backbone.head = nn.Identity()  # type: ignore[assignment]
        self.backbone.requires_grad_(False)
        self.head = nn.Linear(64, 5)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(images))
        return logits


def probe_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the new classifier."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def probe_step_with_a_resting_backbone(model: Probe, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the new classifier."""
    model.train()
    model.backbone.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="published")
def backbone_fixed_but_for_its_norms(sick: bool) -> Arguments:
    """The backbone no longer requires gradients, and its norms still average new batches (lightly-ai/lightly#1438)."""
    seeded_everywhere()
    model = Probe()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=1.5e-3),
        train_step=probe_step if sick else probe_step_with_a_resting_backbone,
        **large_digits(),
    )


class MelodyDecoder(nn.Module):
    """A transformer that predicts the next note of a melody."""

    def __init__(self, notes: int, length: int, *, masked: bool, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(notes, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, notes)
        self.masked = masked

    def forward(self, notes: Tensor) -> Tensor:
        length = notes.shape[1]
        x = self.embedding(notes) + self.position[:length]
        later = torch.ones(length, length, dtype=torch.bool).triu(1) if self.masked else None
        logits: Tensor = self.head(self.blocks(x, mask=later))
        return logits


def note_loss(logits: Tensor, notes: Tensor) -> Tensor:
    """The mean cross-entropy over all notes."""
    return F.cross_entropy(logits.flatten(0, 1), notes.flatten())


@pair("causality", group="wiring", source="published")
def decoder_built_for_generation_trained_without_a_mask(sick: bool) -> Arguments:
    """The decoder has no causal mask when whole sequences are trained (alex-matton/causal-transformer-decoder#1)."""
    seeded_everywhere()
    notes = tunes_of_notes(1000, 17)
    model = MelodyDecoder(8, 16, masked=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = dealt_out(notes[:, :-1], notes[:, 1:])
    return dict(model=model, loss_fn=note_loss, optimizer=optimizer, causal=True, **data)


class Unmixer(nn.Module):
    """How much of each material a pixel holds, and the spectrum that follows."""

    def __init__(self, bands: int, materials: int, *, whole: bool, width: int = 24) -> None:
        super().__init__()
        self.layer1 = self.conv(bands, width)
        self.layer2 = self.conv(width, width)
        self.layer3 = self.conv(width, width)
        self.skip = nn.Sequential(nn.Conv2d(bands, 8, 1, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.1))
        self.layer4 = self.conv(width + 8, width)
        self.abundance = nn.Conv2d(width, materials, 1)
        self.spectra = nn.Conv2d(materials, bands, 1)
        self.whole = whole

    @staticmethod
    def conv(into: int, out: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.1))

    def forward(self, image: Tensor) -> Tensor:
        x = self.layer1(image)
        if self.whole:
            x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(torch.cat([x, self.skip(image)], 1))
        mixed: Tensor = self.spectra(self.abundance(x).softmax(1))
        return mixed


@pair("unused-parameters", group="wiring", source="published")
def second_layer_left_out_of_the_forward(sick: bool) -> Arguments:
    """The second layer of the unmixing network is made and never called (inria-thoth/HySUPP#3)."""
    seeded_everywhere()
    spectra = torch.rand(4, 12)
    fields = F.interpolate(2 * torch.randn(600, 4, 4, 4), size=(8, 8), mode="bilinear")
    images = torch.einsum("nmhw,mb->nbhw", fields.softmax(1), spectra) + 0.01 * torch.randn(600, 12, 8, 8)
    images = (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True)
    model = Unmixer(12, 4, whole=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **dealt_out(images, images))


@pair("output-range", group="wiring", source="scikit-learn")
def continuous_target_behind_a_last_tanh(sick: bool) -> Arguments:
    """The activation follows every layer, the last one too, though the target is continuous.

    (UC-IIC2613/Syllabus#208).
    """
    seeded_everywhere()
    features, progression = load_diabetes(return_X_y=True)
    x = centred_columns(torch.tensor(features, dtype=torch.float32))
    y = centred_columns(torch.tensor(progression, dtype=torch.float32))[:, None]
    layers: list[nn.Module] = []
    for into, out in ((10, 24), (24, 1)):
        layers += [nn.Linear(into, out), nn.Tanh()]
    model = nn.Sequential(*(layers if sick else layers[:-1]))
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **dealt_out(x, y))


def textures(count: int) -> tuple[Tensor, Tensor]:
    """Striped pictures in bytes: four directions of the stripes, any colour."""
    direction = torch.arange(count) % 4
    ys, xs = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    angle = (torch.pi / 4 * direction + 0.15 * torch.randn(count))[:, None, None]
    wave = torch.sin((xs * angle.cos() + ys * angle.sin()) * 1.4 + 6.3 * torch.rand(count, 1, 1))
    colour = 60 + 40 * torch.rand(count, 3, 1, 1)
    pictures = 128 + colour * wave[:, None] + 20 * torch.randn(count, 3, 12, 12)
    return pictures.clamp(0, 255).byte(), direction


def decoded(pictures: Tensor) -> Tensor:
    """Pictures as the reader returns them: between 0 and 1."""
    return pictures.float() / 255


@pair("input-scale", group="data")
def pictures_divided_by_255_by_reader_and_pipeline(sick: bool) -> Arguments:
    """The reader has divided the pictures by 255, and the pipeline does it once more (magenta/magenta#925)."""
    seeded_everywhere()
    pictures, direction = textures(800)
    images = decoded(pictures)
    if sick:
        images = images / 255
    model = nn.Sequential(
        nn.Conv2d(3, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 4),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(images, direction))


@healthy(resembles="output-range", source="scikit-learn")
def sharpener_without_a_last_activation() -> Arguments:
    """Pixels lie between −0.5 and 0.5, and the last convolution is free: for images that is usual.

    (SeungjunNah/DeepDeblur_release#4).
    """
    seeded_everywhere()
    images, _ = inked_digits()
    sharp = (images - images.min()) / (images.max() - images.min()) - 0.5
    blurred = F.avg_pool2d(F.pad(sharp, (1, 1, 1, 1), value=-0.5), 3, stride=1)
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 1, 3, padding=1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **dealt_out(blurred, sharp))
