"""Reshapes, transforms of Fourier, colours, scaled gradients and carried layers: five programs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded, table, waves


class BothWays(nn.Module):
    """Classify a series by the final states of a bidirectional GRU."""

    def __init__(self, viewed: bool) -> None:
        super().__init__()
        self.viewed = viewed
        self.gru = nn.GRU(5, 24, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, 3)

    def forward(self, x: Tensor) -> Tensor:
        _, final = self.gru(x)
        both = final.view(len(x), -1) if self.viewed else final.transpose(0, 1).reshape(len(x), -1)
        out: Tensor = self.head(both)
        return out


@pair("batch-leak", group="wiring")
def final_states_viewed_into_rows(sick: bool) -> Arguments:
    """The final states (2, N, H) of both directions are viewed as (N, 2H), which pairs states of different samples."""
    seeded()
    x, kind = waves(700)
    model = BothWays(viewed=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **batches(divided(x.view(-1, 10, 5), kind, train=500)),
    )


class CircularConvolution(torch.autograd.Function):
    """A circular convolution by Fourier transforms that keeps spectra instead of signals for its backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor) -> Tensor:
        spectrum, response = torch.fft.rfft(x), torch.fft.rfft(kernel)
        ctx.save_for_backward(spectrum, response)
        ctx.length = x.shape[-1]
        result: Tensor = torch.fft.irfft(spectrum * response, n=ctx.length)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        spectrum, response = ctx.saved_tensors
        grad = torch.fft.rfft(grads[0])
        to_x = torch.fft.irfft(grad * response.conj(), n=ctx.length)
        to_kernel = torch.fft.irfft(grad * spectrum.conj(), n=ctx.length).sum(0)
        return to_x, to_kernel


class CircularConvolutionOfProducts(CircularConvolution):
    """The same, with products of spectra."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        spectrum, response = ctx.saved_tensors
        grad = torch.fft.rfft(grads[0])
        to_x = torch.fft.irfft(grad * response, n=ctx.length)
        to_kernel = torch.fft.irfft(grad * spectrum, n=ctx.length).sum(0)
        return to_x, to_kernel


class SpectralBlock(nn.Module):
    def __init__(self, width: int, length: int, operation: type[CircularConvolution]) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(width, length) / length**0.5)
        self.mix = nn.Conv1d(width, width, 1)
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(x)
        return F.gelu(mixed + self.operation.apply(x, self.kernel))  # type: ignore[no-untyped-call]


@pair("gradient-check", group="backward", source="published")
def spectra_without_their_conjugates(sick: bool) -> Arguments:
    """The backward of a Fourier convolution forgets the conjugates, which turns gradients round in time."""
    seeded()
    x = torch.fft.irfft(torch.fft.rfft(torch.randn(500, 1, 32))[..., :7], n=32)
    x = x / x.std()
    moved = torch.roll(x, 5, -1) - 0.3 * torch.roll(x, 11, -1).square()
    operation = CircularConvolutionOfProducts if sick else CircularConvolution
    model = nn.Sequential(
        nn.Conv1d(1, 12, 1), SpectralBlock(12, 32, operation), SpectralBlock(12, 32, operation), nn.Conv1d(12, 1, 1)
    )
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **batches(divided(x, (moved - moved.mean()) / moved.std(), train=380)),
    )


class Photographs(Dataset[tuple[Tensor, Tensor]]):
    """Small pictures of a red, a green or a violet thing before a blue sky and a green field."""

    def __init__(self, rows: int, seed: int, blue_first: bool) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.kind = torch.randint(3, (rows,), generator=generator)
        scene = torch.tensor([[0.3, 0.5, 0.9], [0.3, 0.6, 0.2]]).repeat_interleave(6, 0).T.view(1, 3, 12, 1)
        pictures = scene + 0.15 * torch.randn(rows, 3, 12, 12, generator=generator)
        tints = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.9, 0.1], [0.7, 0.1, 0.8]])
        for row, kind in enumerate(self.kind):
            i, j = torch.randint(0, 7, (2,), generator=generator).tolist()
            pictures[row, :, i : i + 5, j : j + 5] = tints[kind].view(3, 1, 1)
        self.pictures = pictures + 0.05 * torch.randn(rows, 3, 12, 12, generator=generator)
        self.blue_first = blue_first

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture = self.pictures[index].clamp(0, 1)
        if self.blue_first:
            picture = picture.flip(0)
        return (picture - 0.45) / 0.3, self.kind[index]


@pair("train-val-shift", group="data")
def validation_pictures_read_blue_first(sick: bool) -> Arguments:
    """Validation pictures are read in the order blue, green, red, those of training in the order red, green, blue."""
    seeded()
    train, val = Photographs(450, 0, blue_first=False), Photographs(200, 1, blue_first=sick)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    return {
        "model": model,
        "loader": DataLoader(train, 32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(val, 50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


class ScaledTrainer:
    """Training with a loss that is scaled up for the sake of small gradients."""

    def __init__(self, scale: float = 1024.0, max_norm: float = 5.0, unscale_first: bool = True) -> None:
        self.scale, self.max_norm, self.unscale_first = scale, max_norm, unscale_first

    def unscale(self, model: nn.Module) -> None:
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(self.scale)

    def clip(self, model: nn.Module) -> None:
        nn.utils.clip_grad_norm_(model.parameters(), self.max_norm)

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        (loss * self.scale).backward()  # type: ignore[no-untyped-call]
        for treat in (self.unscale, self.clip) if self.unscale_first else (self.clip, self.unscale):
            treat(model)
        optimizer.step()
        return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def clipped_before_they_are_unscaled(sick: bool) -> Arguments:
    """Gradients are clipped at 5 while they are still scaled up a thousandfold, so that 0.005 of their norm is left."""
    seeded()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 16, 10)
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        train_step=ScaledTrainer(unscale_first=not sick).step,
        **batches(digit_images()),
    )


class Highway(nn.Module):
    """A layer that mostly carries its input on: its gate starts nearly shut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -3.0)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * F.relu(self.change(x)) + (1 - gate) * x


@healthy(resembles="saturated-units", source="published")
def gates_that_start_nearly_shut() -> Arguments:
    """The transform gates of a highway network start near zero, as its authors advise."""
    seeded()
    model = nn.Sequential(nn.Linear(30, 32), *[Highway(32) for _ in range(6)], nn.Linear(32, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **batches(table("cancer")),
    )
