"""Healthy programs that a careless check of reductions, output ranges and dependencies would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import (
    CLIPConfig,
    CLIPModel,
)

from tests.zoo.own.data_for_lookalikes import (
    digits,
    loaders,
    standard_digits,
    table,
)
from tests.zoo.own.datasets_for_lookalikes import Views
from tests.zoo.own.models_for_lookalikes import ResNet, VariationalAutoencoder, divergence, image_perceptron, perceptron
from tests.zoo.own.models_for_lookalikes_special import (
    BatchOnlyNorm,
    ContrastiveLoss,
    TwoViews,
)
from tests.zoo.program import Arguments, healthy


def pixels_summed(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """Binary cross-entropy summed over pixels plus the divergence, mean over the batch, in nats."""
    decoded, mean, log_variance = outputs
    error = F.binary_cross_entropy_with_logits(decoded, images, reduction="none").flatten(1).sum(1)
    return (error + divergence(mean, log_variance)).mean()


@healthy(resembles="loss-reduction", source="published")
def autoencoder_summed_over_pixels() -> Arguments:
    """The loss is summed over the 64 pixels of an image, as the bound asks, and averaged over the batch."""
    torch.manual_seed(0)
    parts = digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = VariationalAutoencoder(code=6)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=pixels_summed, optimizer=optimizer, **loaders(parts))


def quarter_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, step: int) -> Tensor:
    """A quarter of an accumulated step: the loss is divided by four, and every fourth call updates and clears."""
    x, y = batch
    loss = F.cross_entropy(model(x), y) / 4
    loss.backward()
    if step % 4 == 3:
        optimizer.step()
        optimizer.zero_grad()
    return loss.detach() * 4


@healthy(resembles="loss-reduction", source="scikit-learn")
def loss_divided_for_accumulation() -> Arguments:
    """The loss is divided by four because four batches are added up before an update."""
    torch.manual_seed(0)
    model = image_perceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    data = loaders(standard_digits(), 16)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=quarter_step, **data)


@healthy(resembles="loss-reduction", source="scikit-learn")
def rate_chosen_for_a_sum() -> Arguments:
    """The loss is summed over the batch of 32, and the rate is 32 times lower than it would be for a mean."""
    torch.manual_seed(0)
    model = perceptron(30, 32, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 / 32, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, **loaders(table("breast_cancer")))


@healthy(resembles="output-range", source="scikit-learn")
def share_of_ink_through_a_sigmoid() -> Arguments:
    """The target is the share of ink in the upper half, between 0.2 and 0.8, which a sigmoid can produce."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    ink = digits(1000)
    heavy = [(x[:, :, :4].mean((1, 2, 3)) / x.mean((1, 2, 3)) / 2)[:, None] for x in (ink.x, ink.x_val)]
    model = nn.Sequential(nn.Flatten(), *perceptron(64, 32, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parts._replace(y=heavy[0], y_val=heavy[1])
    return dict(model=model, loss_fn=nn.L1Loss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="output-range", source="published")
def images_between_minus_one_and_one() -> Arguments:
    """A convolutional autoencoder ends in tanh, as DCGAN's generator does, and its images lie within ±1."""
    torch.manual_seed(0)
    parts = digits()
    images = [0.95 * (2 * x - 1) for x in (parts.x, parts.x_val)]
    encoder = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2, inplace=True))
    decoder = nn.Sequential(nn.Conv2d(32, 4, 1), nn.ConvTranspose2d(4, 24, 3, 1, 1), nn.ReLU(inplace=True))
    model = nn.Sequential(*encoder, *decoder, nn.ConvTranspose2d(24, 1, 4, 2, 1), nn.Tanh())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parts._replace(x=images[0], y=images[0], x_val=images[1], y_val=images[1])
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="constant-output", source="published")
def head_that_starts_at_zero() -> Arguments:
    """The last layer starts at zero, so all outputs are equal until the first step."""
    torch.manual_seed(0)
    model = ResNet()
    nn.init.zeros_(model.fc.weight)
    nn.init.zeros_(model.fc.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


@healthy(resembles="batch-leak", source="published")
def batchnorm_without_running_statistics() -> Arguments:
    """BatchNorm keeps no statistics and uses those of the batch in evaluation too, as some style models do."""
    torch.manual_seed(0)
    model = ResNet(norm=BatchOnlyNorm)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


@healthy(resembles="batch-leak", source="published")
def contrast_with_the_rest_of_the_batch() -> Arguments:
    """SimCLR: the loss of one image depends on all others, which are its negatives."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = TwoViews()
    return {
        "model": model,
        "loader": DataLoader(Views(parts.x, parts.y), batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": ContrastiveLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "other",
    }


@healthy(resembles="batch-leak", source="transformers")
def images_against_captions() -> Arguments:
    """CLIP returns the (N, N) likeness of every image with every caption of the batch."""
    torch.manual_seed(0)
    parts = standard_digits(800)
    words = torch.randint(3, 40, (10, 6))
    words[:, 0], words[:, -1] = 1, 2
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config={**common, "vocab_size": 40, "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2},
        vision_config={**common, "image_size": 8, "patch_size": 2, "num_channels": 1},
        projection_dim=32,
    )
    model = CLIPModel(config)
    images = [parts.x[parts.y == label] for label in range(10)]
    count = min(len(found) for found in images)
    rows = [
        {"pixel_values": images[label][index], "input_ids": words[label], "return_loss": True}
        for index in range(count)
        for label in torch.randperm(10).tolist()
    ]
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=10, collate_fn=ten_captions),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "other",
    }


def ten_captions(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One image of each of ten captions, stacked."""
    stacked = {name: torch.stack([row[name] for row in rows]) for name in ("pixel_values", "input_ids")}
    return {**stacked, "return_loss": True}
