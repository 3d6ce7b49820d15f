"""Healthy programs that a careless check of numbers and gradients would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import LlamaConfig, LlamaForSequenceClassification, ViTConfig, ViTForImageClassification

from tests.zoo.own.data_for_lookalikes import loaders, passages_for_transformers, standard_digits, table
from tests.zoo.own.datasets_for_lookalikes import Digits
from tests.zoo.own.models_for_lookalikes import LeNet, image_perceptron, perceptron
from tests.zoo.own.models_for_lookalikes_deep import Distances, HalfwayFloat, MaskedAttention
from tests.zoo.own.models_for_lookalikes_special import StraightThroughSign
from tests.zoo.program import Arguments, healthy


@healthy(resembles="nonfinite-forward", source="scikit-learn")
def rows_masked_with_minus_infinity() -> Arguments:
    """Scores at padded rows are −inf before a softmax and before a maximum, and nothing after is infinite."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    lengths = torch.randint(6, 9, (len(parts.x),))
    x = parts.x.squeeze(1).masked_fill((torch.arange(8) >= lengths[:, None])[..., None], 0.0)
    model = MaskedAttention()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x, lengths, parts.y), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


@healthy(resembles="nonfinite-forward", source="transformers")
def causal_mask_of_a_decoder() -> Arguments:
    """A decoder with rotary positions classifies passages; its masks hold the lowest float or −inf."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
        num_labels=4,
        attn_implementation="eager",
    )
    model = LlamaForSequenceClassification(config)
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[416:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


@healthy(resembles="nonfinite-gradient", source="scikit-learn")
def root_made_safe_at_zero() -> Arguments:
    """A distance is the root of a sum that may be zero, replaced by one inside the root before it is chosen away."""
    torch.manual_seed(0)
    model = Distances()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(table("iris"), 16))


@healthy(resembles="vanishing-gradients", source="scikit-learn")
def biases_of_a_thousandth() -> Arguments:
    """All biases start at a thousandth; hidden weights are by He, so the gradient keeps its size."""
    torch.manual_seed(0)
    model = image_perceptron(hidden=48)
    for layer in (module for module in model if isinstance(module, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if layer.out_features > 10 else "linear")
        nn.init.constant_(layer.bias, 1e-3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="vanishing-gradients", source="transformers")
def frozen_embeddings_of_patches() -> Arguments:
    """The patch embeddings and the first of three layers are frozen, as in fine-tuning: no gradient reaches them."""
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=8,
        patch_size=2,
        num_channels=1,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        num_labels=10,
    )
    model = ViTForImageClassification(config)
    first = "vit.encoder.layer.0.", "vit.layers.0.", "vit.embeddings."
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not name.startswith(first)
    parts = standard_digits(1000)
    rows = [{"pixel_values": x, "labels": y} for x, y in zip(parts.x, parts.y, strict=True)]
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True),
        "optimizer": torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3),
    }


@healthy(resembles="vanishing-gradients", source="scikit-learn")
def trained_until_it_converged() -> Arguments:
    """The network is trained already: its loss is near zero, and so are all its gradients."""
    torch.manual_seed(0)
    parts = table("wine")
    model = perceptron(13, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(120):
        optimizer.zero_grad()
        F.cross_entropy(model(parts.x), parts.y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts, 16))


@healthy(resembles="exploding-gradients", source="scikit-learn")
def orthogonal_recurrence_over_rows() -> Arguments:
    """A recurrent network over rows with orthogonal weights: gradients keep their size over all eight steps."""
    torch.manual_seed(0)
    model = OrthogonalRows()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = standard_digits()
    parts = parts._replace(x=parts.x.squeeze(1), x_val=parts.x_val.squeeze(1))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


class OrthogonalRows(nn.Module):
    """A tanh recurrent network over rows, started as Saxe 2013 advises."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.rnn = nn.RNN(8, width, batch_first=True)
        nn.init.orthogonal_(self.rnn.weight_hh_l0)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x)
        return self.head(states[:, -1])


@healthy(resembles="gradient-check", source="published")
def kinks_and_maxima() -> Arguments:
    """ReLU and max pooling have kinks, where a finite difference may fall on the other side."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


class NoisySigns(nn.Module):
    """Dropout, then ±1 units with a straight-through gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(30, 64), nn.Linear(64, 2)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(StraightThroughSign.apply(self.fc1(self.dropout(x))))


@healthy(resembles="gradient-check", source="scikit-learn")
def dropout_and_a_gradient_by_design() -> Arguments:
    """The gradient of the sign is made up on purpose, and dropout draws anew in every pass."""
    torch.manual_seed(0)
    model = NoisySigns()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(table("breast_cancer")))


@healthy(resembles="gradient-check", source="scikit-learn")
def norm_computed_in_single_precision() -> Arguments:
    """The norm is computed in float32 whatever the model's precision, so float64 is not float64 all through."""
    torch.manual_seed(0)
    model = HalfwayFloat(13, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(table("wine"), 16))


@healthy(resembles="nondeterminism", source="published")
def dropout_and_random_shifts() -> Arguments:
    """Dropout and augmentation draw from torch's generator alone: other draws each time, the same for one seed."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = nn.Sequential(LeNet(classes=32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
    return {
        "model": model,
        "loader": DataLoader(Digits(parts.x, parts.y, shift=True, noise=0.1), batch_size=32, shuffle=True),
        "val_loader": DataLoader(Digits(parts.x_val, parts.y_val), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }
