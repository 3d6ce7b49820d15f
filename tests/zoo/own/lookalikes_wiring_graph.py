"""Healthy programs that a careless check of the autograd graph and of modes would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ResNetConfig,
    ResNetForImageClassification,
)

from tests.zoo.own.data_for_lookalikes import (
    diabetes,
    digits,
    loaders,
    passages_for_transformers,
    photograph_crops,
    standard_digits,
)
from tests.zoo.own.datasets_for_lookalikes import Views
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet, VariationalAutoencoder, divergence
from tests.zoo.own.models_for_lookalikes_special import BinaryUnits, Quantised, SimSiam, negative_cosine, quantised_loss
from tests.zoo.own.models_for_lookalikes_trained import (
    CenterLoss,
    EmbeddingNet,
    FrozenTrunk,
    KeepsFeatures,
    LowRank,
    TwoTasks,
    UncertainTasks,
    with_adapters,
)
from tests.zoo.program import Arguments, healthy


@healthy(resembles="unused-result", source="published")
def in_place_maxima_and_kept_features() -> Arguments:
    """Results of in-place calls are not assigned, maxima come with indices nobody reads, features are kept on self."""
    torch.manual_seed(0)
    model = KeepsFeatures()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


@healthy(resembles="unregistered-parameters", source="scikit-learn")
def loss_with_centres_of_its_own() -> Arguments:
    """The loss is a module that learns a centre for each class, and the optimizer holds its parameters too."""
    torch.manual_seed(0)
    model, loss_fn = EmbeddingNet(), CenterLoss(10, 16)
    optimizer = torch.optim.Adam([*model.parameters(), *loss_fn.parameters()], lr=3e-3)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="other", **loaders(standard_digits()))


@healthy(resembles="unregistered-parameters", source="published")
def tasks_weighted_by_uncertainty() -> Arguments:
    """Two tasks are weighted by learnt variances that live in the loss (Kendall 2018)."""
    torch.manual_seed(0)
    parts, ink = standard_digits(1000), digits(1000)
    share = 4 * (ink.x.mean((1, 2, 3)) - ink.x.mean())
    rows = [{"x": x, "target": {"digit": y, "ink": s}} for x, y, s in zip(parts.x, parts.y, share, strict=True)]
    model, loss_fn = TwoTasks(), UncertainTasks()
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True),
        "loss_fn": loss_fn,
        "optimizer": torch.optim.Adam([{"params": model.parameters()}, {"params": loss_fn.parameters()}], lr=3e-3),
    }


@healthy(resembles="detached-graph", source="published")
def codes_that_get_no_gradient() -> Arguments:
    """SimSiam detaches the codes that the predictors aim at, without which all codes would become equal."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = SimSiam()
    return {
        "model": model,
        "loader": DataLoader(Views(parts.x, parts.y), batch_size=50, shuffle=True, drop_last=True),
        "loss_fn": negative_cosine,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "task": "other",
    }


@healthy(resembles="detached-graph", source="published")
def pretrained_trunk_under_no_grad() -> Arguments:
    """The trunk was trained before, is frozen, and runs under no_grad; the head on its features is what learns."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    trunk = LeNet()
    optimizer = torch.optim.Adam(trunk.parameters(), lr=5e-3)
    for _ in range(2):
        for x, y in DataLoader(TensorDataset(parts.x, parts.y), batch_size=32, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(trunk(x), y).backward()
            optimizer.step()
    model = FrozenTrunk(trunk)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="zero-gradient-path", source="published")
def sign_with_a_gradient_of_its_own() -> Arguments:
    """Hidden units are ±1, and a custom function lets their gradient through."""
    torch.manual_seed(0)
    model = BinaryUnits()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="zero-gradient-path", source="published")
def nearest_entry_of_a_code_book() -> Arguments:
    """The nearest code is chosen by argmin, around which the gradient is carried by a detached difference."""
    torch.manual_seed(0)
    parts = standard_digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = Quantised()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=quantised_loss, optimizer=optimizer, **loaders(parts))


@healthy(resembles="no-nonlinearity", source="transformers")
def adapters_of_low_rank() -> Arguments:
    """A frozen encoder gets adapters: two linear layers of rank 4 in a row, the second of which starts at zero."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = DistilBertConfig(
        vocab_size=vocabulary, dim=48, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=32, num_labels=4
    )
    model = with_adapters(DistilBertForSequenceClassification(config))
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[416:], batch_size=32),
        "optimizer": torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2),
    }


@healthy(resembles="no-nonlinearity", source="scikit-learn")
def factors_of_a_wide_layer() -> Arguments:
    """A wide layer is written as two thin ones with nothing between, to save parameters."""
    torch.manual_seed(0)
    model = LowRank()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="no-nonlinearity", source="scikit-learn")
def ridge_regression() -> Arguments:
    """A linear model is all that is wanted: one layer, and weight decay as its ridge."""
    torch.manual_seed(0)
    model = nn.Linear(10, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=1e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(diabetes()))


def fine_tuning_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step in train mode, but for the BatchNorm layers of the frozen stem, which stay in eval mode."""
    model.train()
    model.bn.eval()
    for module in model.blocks[0].modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    x, y = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def accuracy_of(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of a batch that is right, in eval mode; the mode is put back."""
    was_training = model.training
    model.eval()
    right = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.train(was_training)
    return right


@healthy(resembles="train-eval-mode", source="published")
def frozen_batchnorm_while_the_rest_trains() -> Arguments:
    """The stem of a pretrained ResNet is frozen, with its BatchNorm in eval mode, while later blocks are tuned."""
    torch.manual_seed(0)
    model = ResNet()
    parts = standard_digits(1000)
    warm = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for start in range(0, 640, 32):
        warm.zero_grad()
        F.cross_entropy(model(parts.x[start : start + 32]), parts.y[start : start + 32]).backward()
        warm.step()
    warm.zero_grad()
    for part in (model.stem, model.bn, model.blocks[0]):
        part.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.02, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=fine_tuning_step,
        eval_step=accuracy_of,
        **loaders(parts),
    )


def bound(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """Squared error summed over pixels plus the divergence, mean over the batch, in nats."""
    decoded, mean, log_variance = outputs
    return (0.5 * (decoded - images).square().flatten(1).sum(1) + divergence(mean, log_variance)).mean()


@torch.no_grad()
def bound_of(model: nn.Module, batch: list[Tensor]) -> float:
    """Bound of one validation batch, in eval mode."""
    model.eval()
    return bound(model(batch[0]), batch[1]).item()


@healthy(resembles="train-eval-mode", source="published")
def codes_sampled_in_evaluation_too() -> Arguments:
    """A variational autoencoder draws its code at random in both modes: two evaluations differ, as they should."""
    torch.manual_seed(0)
    parts = standard_digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = VariationalAutoencoder(code=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=bound, optimizer=optimizer, eval_step=bound_of, **loaders(parts))


@healthy(resembles="batchnorm-statistics", source="transformers")
def resnet_before_its_first_step() -> Arguments:
    """Running statistics are still 0 and 1, so eval outputs are far from train outputs, as in every fresh model."""
    torch.manual_seed(0)
    parts = photograph_crops()
    scaled = [(x.float() / 255 - 0.5) / 0.25 for x in (parts.x, parts.x_val)]
    config = ResNetConfig(
        num_channels=3, embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic", num_labels=2
    )
    model = ResNetForImageClassification(config)
    return {
        "model": model,
        "loader": DataLoader(images_and_labels(scaled[0], parts.y), batch_size=32, shuffle=True),
        "val_loader": DataLoader(images_and_labels(scaled[1], parts.y_val), batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }


def images_and_labels(x: Tensor, y: Tensor) -> list[dict[str, Tensor]]:
    """Rows in the names that transformers' image models take."""
    return [{"pixel_values": image, "labels": label} for image, label in zip(x, y, strict=True)]
