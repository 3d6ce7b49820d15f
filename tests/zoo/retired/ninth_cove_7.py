"""Reported bugs of tables, comparisons and lists, each beside the program as it was mended, and two that are right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_cove_parts import dealt, digits_as_images, hit_share, pictures_of_blobs, sow_seeds


class Registration(nn.Module):
    """Displacements of one image onto another, there and back."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2, 16, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 16, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 2, 3, padding=1),
        )

    def forward(self, moving: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor]:
        return self.net(torch.cat([moving, fixed], 1)), self.net(torch.cat([fixed, moving], 1))


def warped(image: Tensor, flow: Tensor) -> Tensor:
    """The image, read at places moved by the flow (in halves of its side)."""
    start = torch.eye(2, 3).expand(len(image), 2, 3)
    grid = F.affine_grid(start, list(image.shape), align_corners=False)
    return F.grid_sample(image, grid + flow.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


class RegistrationLoss(nn.Module):
    """Likeness after warping, smoothness, and how far the two displacements fail to cancel beyond a tolerance."""

    def __init__(self, counted: bool, tolerance: float = 0.02) -> None:
        super().__init__()
        self.counted, self.tolerance = counted, tolerance

    def forward(self, flows: tuple[Tensor, Tensor], images: tuple[Tensor, Tensor]) -> Tensor:
        (there, back), (moving, fixed) = flows, images
        alike = F.mse_loss(warped(moving, there), fixed) + F.mse_loss(warped(fixed, back), moving)
        smooth = sum((flow.diff(dim=axis).square().mean() for flow in flows for axis in (2, 3)), torch.zeros(()))
        open_by = (there + warped(back, there)).square().sum(1).add(1e-8).sqrt()
        occluded = (open_by > self.tolerance).float() if self.counted else F.relu(open_by - self.tolerance)
        return 10 * alike + smooth + occluded.mean()


@pair("zero-gradient-path", "detached-graph", group="wiring")
def occlusion_counted_by_a_comparison(sick: bool) -> Arguments:
    """The occlusion loss is a mask made by >, which sends no gradient back (cwmok/DIRAC#13)."""
    sow_seeds()
    places = 4 + 7 * torch.rand(480, 2)
    moving = pictures_of_blobs(places, 16, 2.2)
    fixed = pictures_of_blobs(places + 1.2 * torch.randn(480, 2), 16, 2.2)
    model = Registration()
    return dict(
        model=model,
        loss_fn=RegistrationLoss(counted=sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        split=lambda batch: ((batch[0], batch[1]), (batch[0], batch[1])),
        forward=lambda model, batch: model(*batch),
        task="other",
        **dealt(moving, fixed, batch=16),
    )


class Fader(nn.Module):
    """An autoencoder whose code a discriminator searches for an attribute that the decoder is given."""

    def __init__(self, code: int = 24) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code + 2, 64), nn.ReLU(), nn.Linear(64, 64))
        self.discriminator = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, images: Tensor, attribute: Tensor) -> Tensor:
        given = F.one_hot(attribute, 2).to(images.dtype)
        return self.decoder(torch.cat([self.encoder(images), given], 1)).view_as(images)  # type: ignore[no-any-return]


def fading_step(model: Fader, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """The discriminator learns the attribute from fixed codes, then the autoencoder learns to hide it."""
    model.train()
    images, attribute = batch
    with torch.no_grad():
        code = model.encoder(images)
    optimizer["discriminator"].zero_grad()
    F.cross_entropy(model.discriminator(code), attribute).backward()  # type: ignore[no-untyped-call]
    optimizer["discriminator"].step()
    optimizer["autoencoder"].zero_grad()
    found = model.discriminator(model.encoder(images))
    loss = F.mse_loss(model(images, attribute), images) + 0.02 * F.cross_entropy(found, 1 - attribute)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer["autoencoder"].step()
    return loss.detach()


@healthy(resembles="detached-graph", source="published")
def codes_held_fixed_for_the_discriminator_of_faders() -> Arguments:
    """The discriminator's codes are cut off, as they should be (facebookresearch/FaderNetworks#8)."""
    sow_seeds()
    images, digits = digits_as_images()
    model = Fader()
    autoencoder = list(model.encoder.parameters()) + list(model.decoder.parameters())
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer={
            "autoencoder": torch.optim.Adam(autoencoder, lr=2e-3),
            "discriminator": torch.optim.Adam(model.discriminator.parameters(), lr=1e-3),
        },
        train_step=fading_step,
        split=lambda batch: ((batch[0], batch[1]), batch[0]),
        forward=lambda model, batch: model(*batch),
        task="other",
        **dealt(images, (digits >= 5).long()),
    )


class EyePatches(Dataset[tuple[Tensor, Tensor]]):
    """Patches of eyes, looked up by the frames that a table of labels names."""

    def __init__(self, patches: Tensor, table: list[tuple[int, int]]) -> None:
        self.patches, self.table = patches, table

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        frame, closed = self.table[index]
        return self.patches[frame], torch.tensor(closed)


def eyes(count: int, size: int = 12) -> tuple[Tensor, Tensor]:
    """Noisy patches with a lid line, and a dark pupil above it where the eye is open."""
    closed = torch.randint(0, 2, (count,))
    rows = torch.arange(size).float().view(1, size, 1)
    columns = torch.arange(size).float().view(1, 1, size)
    middle = size / 2 + torch.randn(count, 2, 1, 1)
    lid = torch.exp(-((rows - middle[:, 0] - 2) ** 2)) * torch.ones(1, 1, size)
    pupil = torch.exp(-((rows - middle[:, 0]) ** 2 + (columns - middle[:, 1]) ** 2) / 4)
    patches = 0.8 * lid - (1 - closed).view(-1, 1, 1) * pupil + 0.4 * torch.randn(count, size, size)
    return ((patches - patches.mean()) / patches.std()).unsqueeze(1), closed


@pair("duplicate-samples", group="data")
def frames_listed_again_in_the_label_table(sick: bool) -> Arguments:
    """The table of blinks lists many frames more than once, which biases the sampling (Tobias-Fischer/rt_gene#57)."""
    sow_seeds()
    patches, closed = eyes(800)
    table = [(frame, int(closed[frame])) for frame in range(640)]
    table += [(frame, int(closed[frame])) for frame in torch.randint(0, 640, (220,)).tolist()]
    table.sort()
    if not sick:
        table = sorted(set(table))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 2),
    )
    held = [(frame, int(closed[frame])) for frame in range(640, 800)]
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(EyePatches(patches, table), batch_size=32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(EyePatches(patches, held), batch_size=32),
        "eval_step": hit_share,
    }


class SmallUNet(nn.Module):
    """A U-Net of two levels that gives probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.bottom = nn.Sequential(nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU())
        self.up = nn.Sequential(nn.Conv2d(36, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down(x)
        coarse = F.interpolate(self.bottom(F.max_pool2d(fine, 2)), scale_factor=2)
        return self.up(torch.cat([fine, coarse], 1)).sigmoid()  # type: ignore[no-any-return]


def minus_dice(found: Tensor, masks: Tensor) -> Tensor:
    """Minus the overlap of the found with the true masks."""
    both = (found * masks).sum((1, 2, 3))
    return -((2 * both + 1) / (found.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)).mean()


@healthy(resembles="loss-direction", source="published")
def dice_with_a_minus_for_a_loss() -> Arguments:
    """The loss is negative, for minimising minus Dice makes the overlap large (xmed-lab/DHC#1)."""
    sow_seeds()
    grid = torch.arange(16).float()
    at, radius = 4 + 8 * torch.rand(480, 2, 1, 1), 2.5 + 1.5 * torch.rand(480, 1, 1)
    masks = ((grid.view(1, 16, 1) - at[:, 0]) ** 2 + (grid.view(1, 1, 16) - at[:, 1]) ** 2 < radius**2).float()
    views = masks + 0.6 * torch.randn_like(masks)
    views = (views - views.mean()) / views.std()
    model = SmallUNet()
    return dict(
        model=model,
        loss_fn=minus_dice,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="segmentation",
        **dealt(views.unsqueeze(1), masks.unsqueeze(1), batch=16),
    )


class ManyConvolutions(nn.Module):
    """Convolutions with normalisation, as many as one likes, and scores for every pixel."""

    def __init__(self, classes: int, more: int, listed: bool, width: int = 12) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        conv2 = [nn.Conv2d(width, width, 3, padding=1) for _ in range(more)]
        bn2 = [nn.BatchNorm2d(width) for _ in range(more)]
        self.conv2 = conv2 if listed else nn.ModuleList(conv2)
        self.bn2 = bn2 if listed else nn.ModuleList(bn2)
        self.conv3 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.relu(self.conv1(x)))
        for conv, bn in zip(self.conv2, self.bn2, strict=True):
            x = bn(F.relu(conv(x)))
        return self.conv3(x)  # type: ignore[no-any-return]


@pair("unregistered-parameters", group="wiring")
def inner_convolutions_kept_in_a_list(sick: bool) -> Arguments:
    """The inner convolutions and their norms lie in plain lists (kanezaki/pytorch-unsupervised-segmentation#6)."""
    sow_seeds()
    shade = torch.randint(0, 3, (480, 2, 2)).repeat_interleave(6, 1).repeat_interleave(6, 2)
    stripes = torch.arange(12).view(1, 1, 12) % 2 * 2.0 - 1
    views = torch.where(shade == 0, stripes, torch.where(shade == 1, stripes.transpose(1, 2), 0.0))
    views = views + 0.8 * torch.randn_like(views)
    model = ManyConvolutions(3, 2, listed=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        task="segmentation",
        **dealt(views.unsqueeze(1) / views.std(), shade, batch=16),
    )
