"""Programs whose training step goes wrong, each with its healthy twin."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import DistilBertConfig, DistilBertForSequenceClassification, ViTConfig, ViTForImageClassification

from tests.zoo.own.data_for_lookalikes import diabetes, loaders, passages_for_transformers, standard_digits, table
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet, image_perceptron, perceptron
from tests.zoo.program import Arguments, pair


def cleared_too_late(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose gradients are cleared between backward and update."""
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.detach()


def cleared_first(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in the usual order."""
    x, y = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def gradients_cleared_before_the_update(sick: bool) -> Arguments:
    """The gradients are cleared after backward and before the optimizer's step, so nothing is ever learnt."""
    torch.manual_seed(0)
    model = image_perceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    train_step = cleared_too_late if sick else cleared_first
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=train_step, **loaders(standard_digits()))


class Autoencoder(nn.Module):
    """Encoder and decoder, each with an optimizer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 12))
        self.decoder = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x)).view_as(x)


def both_stepped(model: nn.Module, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of both optimizers."""
    for part in optimizer.values():
        part.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer["encoder"].step()
    optimizer["decoder"].step()
    return loss.detach()


def one_stepped(model: nn.Module, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of which the encoder's half was lost."""
    for part in optimizer.values():
        part.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer["decoder"].step()
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def encoder_whose_optimizer_never_steps(sick: bool) -> Arguments:
    """Two optimizers were made and only the decoder's is stepped: the encoder stays random."""
    torch.manual_seed(0)
    parts = standard_digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = Autoencoder()
    optimizer = {
        "encoder": torch.optim.Adam(model.encoder.parameters(), lr=2e-3),
        "decoder": torch.optim.Adam(model.decoder.parameters(), lr=2e-3),
    }
    train_step = one_stepped if sick else both_stepped
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, train_step=train_step, **loaders(parts))


@pair("updates-not-applied", group="training", source="transformers")
def layer_rates_that_round_to_zero(sick: bool) -> Arguments:
    """The rate of each layer is scaled by its depth over the number of layers, with an integer division."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = DistilBertConfig(
        vocab_size=vocabulary, dim=48, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=32, num_labels=4
    )
    model = DistilBertForSequenceClassification(config)
    layers = [model.distilbert.embeddings, *model.distilbert.transformer.layer]
    groups = []
    for depth, layer in enumerate(layers, start=1):
        share = depth // (len(layers) + 1) if sick else depth / (len(layers) + 1)
        groups.append({"params": list(layer.parameters()), "lr": 3e-3 * share})
    head = [*model.pre_classifier.parameters(), *model.classifier.parameters()]
    optimizer = torch.optim.AdamW([*groups, {"params": head, "lr": 3e-3}])
    loader = DataLoader(rows[:416], batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "optimizer": optimizer}


def tuning_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that clears gradients to zero but never drops them."""
    x, y = batch
    optimizer.zero_grad(set_to_none=False)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="published")
def frozen_layers_carried_by_momentum(sick: bool) -> Arguments:
    """Layers are frozen after some steps, but keep a gradient of zero, so that Adam's momentum and decay move them."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = LeNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    for start in range(0, 640, 32):
        tuning_step(model, [parts.x[start : start + 32], parts.y[start : start + 32]], optimizer)
    for layer in (model.conv1, model.conv2):
        layer.requires_grad_(False)
        if not sick:
            layer.zero_grad(set_to_none=True)
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=tuning_step, **loaders(parts))


class Critic(nn.Module):
    """A frozen feature layer with weights up to ±0.5, and a head on it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU()).requires_grad_(False)
        nn.init.orthogonal_(self.features[1].weight)
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def clamped_everywhere(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step after which every weight of the model is clamped."""
    loss = cleared_first(model, batch, optimizer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.clamp_(-0.2, 0.2)
    return loss


def clamped_where_trained(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step after which the trained weights are clamped."""
    loss = cleared_first(model, batch, optimizer)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.clamp_(-0.2, 0.2)
    return loss


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def weights_clamped_with_the_frozen_ones(sick: bool) -> Arguments:
    """Weights are clamped after each step, as a Wasserstein critic's are, and the frozen features with them."""
    torch.manual_seed(0)
    model = Critic()
    optimizer = torch.optim.Adam(model.head.parameters(), lr=3e-3)
    train_step = clamped_everywhere if sick else clamped_where_trained
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=train_step, **loaders(standard_digits()))


@pair("optimizer-mismatch", group="training", source="transformers")
def head_replaced_after_the_optimizer(sick: bool) -> Arguments:
    """The optimizer was made before the head for ten classes replaced that for two, and still holds the old one."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    config = ViTConfig(
        image_size=8,
        patch_size=2,
        num_channels=1,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
    )
    model = ViTForImageClassification(config)
    early = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.classifier = nn.Linear(48, 10)
    model.config.num_labels = model.num_labels = 10
    optimizer = early if sick else torch.optim.AdamW(model.parameters(), lr=2e-3)
    rows = [{"pixel_values": x, "labels": y} for x, y in zip(parts.x, parts.y, strict=True)]
    loader = DataLoader(rows, batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "optimizer": optimizer}


@pair("optimizer-mismatch", group="training", source="published")
def optimizer_of_an_earlier_model(sick: bool) -> Arguments:
    """A notebook cell made the model anew, and the optimizer of the cell above still trains the old one."""
    torch.manual_seed(0)
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    if sick:
        model = ResNet()
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


def never_cleared(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that adds its gradients to those of all steps before."""
    x, y = batch
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def cleared_each_time(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step with gradients of its own."""
    x, y = batch
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def gradients_never_cleared(sick: bool) -> Arguments:
    """Nobody clears the gradients, which pile up from step to step."""
    torch.manual_seed(0)
    model = perceptron(10, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    train_step = never_cleared if sick else cleared_each_time
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, train_step=train_step, **loaders(diabetes()))


def cleared_once_an_epoch(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, step: int) -> Tensor:
    """A step that clears the gradients only where an epoch of 37 batches begins."""
    if step % 37 == 0:
        optimizer.zero_grad()
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="published")
def gradients_cleared_once_an_epoch(sick: bool) -> Arguments:
    """The line that clears the gradients slipped out of the inner loop, so they pile up for an epoch of 37 steps."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    train_step = cleared_once_an_epoch if sick else cleared_first
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=train_step, **loaders(standard_digits()))


def clipped_to_a_thousandth(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose gradient is cut to a norm of 0.001."""
    x, y = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
    optimizer.step()
    return loss.detach()


def clipped_to_five(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose gradient is cut to a norm of 5, which it rarely reaches."""
    x, y = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def gradient_cut_to_a_thousandth(sick: bool) -> Arguments:
    """Every gradient is cut to a norm of 0.001 where 5 was meant, so plain SGD hardly moves."""
    torch.manual_seed(0)
    model = perceptron(30, 32, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train_step = clipped_to_a_thousandth if sick else clipped_to_five
    data = loaders(table("breast_cancer"))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=train_step, **data)
