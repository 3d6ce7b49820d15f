"""Healthy programs that a careless check of types, shapes and losses would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, TensorDataset, default_collate
from transformers import ConvNextConfig, ConvNextForImageClassification, GPT2Config, GPT2LMHeadModel

from tests.zoo.own.data_for_lookalikes import diabetes, letters, loaders, parted, sentences, standard_digits, table
from tests.zoo.own.models_for_lookalikes import LeNet, VariationalAutoencoder, divergence, image_perceptron, perceptron
from tests.zoo.own.models_for_lookalikes_sequence import PackedGRU
from tests.zoo.own.models_for_lookalikes_special import (
    MeanAndDeviation,
    Modulated,
    normal_density,
    quantile_loss,
    ranking_loss,
)
from tests.zoo.program import Arguments, healthy


def ragged(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """Word indices padded to the longest passage of the batch, their lengths and labels."""
    ids, labels = zip(*rows, strict=True)
    return pad_sequence(list(ids), batch_first=True), torch.tensor([len(i) for i in ids]), torch.stack(labels)


@healthy(resembles="runs")
def batches_of_unequal_length() -> Arguments:
    """Every batch is as wide as its longest passage, and the last is smaller: no two need have one shape."""
    torch.manual_seed(0)
    found = sentences()
    rows = list(zip(found.ids, found.labels, strict=True))
    model = PackedGRU(found.vocabulary, 4)
    return {
        "model": model,
        "loader": DataLoader(rows[:420], batch_size=32, shuffle=True, collate_fn=ragged),
        "val_loader": DataLoader(rows[420:], batch_size=32, collate_fn=ragged),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "padding_value": 0,
    }


@healthy(resembles="dtype", source="scikit-learn")
def double_precision_throughout() -> Arguments:
    """Data, parameters and targets are all float64, on purpose."""
    torch.manual_seed(0)
    parts = diabetes()
    parts = parts._replace(**{name: getattr(parts, name).double() for name in parts._fields})
    model = perceptron(10, 32, 1).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(parts))


def step_in_bfloat16(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step whose forward runs in bfloat16, which needs no scaling of the loss."""
    x, y = batch
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@healthy(resembles="dtype", source="published")
def bfloat16_without_a_scaler() -> Arguments:
    """Mixed precision in bfloat16, whose exponent is that of float32."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    data = loaders(standard_digits(800))
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=step_in_bfloat16, **data)


@healthy(resembles="silent-broadcast", source="scikit-learn")
def scales_shifts_and_masks() -> Arguments:
    """A vector, a row, a column and a scalar are broadcast on purpose: affine, condition, mask and temperature."""
    torch.manual_seed(0)
    parts = table("breast_cancer")
    flags = (parts.x[:, 0] > 0).float(), (parts.x_val[:, 0] > 0).float()
    model = Modulated(30, 2)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(parts.x, flags[0], parts.y), batch_size=32, shuffle=True),
        "val_loader": DataLoader(TensorDataset(parts.x_val, flags[1], parts.y_val), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


@healthy(resembles="silent-broadcast", source="scikit-learn")
def ranking_every_pair() -> Arguments:
    """Scores of shape (N, 1) minus their transpose make the (N, N) pairs that the loss is about."""
    torch.manual_seed(0)
    model = perceptron(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=ranking_loss, optimizer=optimizer, task="other", **loaders(diabetes()))


@healthy(resembles="silent-broadcast", source="scikit-learn")
def three_quantiles_of_one_target() -> Arguments:
    """One target of shape (N, 1) is held against three predicted quantiles of shape (N, 3)."""
    torch.manual_seed(0)
    model = perceptron(10, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=quantile_loss, optimizer=optimizer, **loaders(diabetes()))


@healthy(resembles="loss-input", source="scikit-learn")
def log_probabilities_into_nll() -> Arguments:
    """The model ends in log-softmax and the loss is negative log-likelihood."""
    torch.manual_seed(0)
    model = nn.Sequential(*image_perceptron(), nn.LogSoftmax(dim=1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return dict(model=model, loss_fn=nn.NLLLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="loss-input", source="published")
def log_probabilities_into_cross_entropy() -> Arguments:
    """Cross-entropy normalises once more what is normalised already, and leaves it as it is."""
    torch.manual_seed(0)
    model = nn.Sequential(LeNet(), nn.LogSoftmax(dim=-1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


def mixed(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang 2017): each image is blended with another of the batch, and so are their one-hot labels."""
    x, y = default_collate(rows)
    share, other = 0.7 + 0.3 * torch.rand(()), torch.randperm(len(x))
    soft = F.one_hot(y, 10).float()
    return share * x + (1 - share) * x[other], share * soft + (1 - share) * soft[other]


@healthy(resembles="loss-target", source="transformers")
def mixup_of_images_and_labels() -> Arguments:
    """Soft labels that sum to 1 go into cross-entropy."""
    torch.manual_seed(0)
    parts = standard_digits(1200)
    config = ConvNextConfig(
        num_channels=1, patch_size=2, num_stages=2, hidden_sizes=[24, 48], depths=[1, 1], num_labels=10
    )
    model = ConvNextForImageClassification(config)
    loader = DataLoader(TensorDataset(parts.x, parts.y), batch_size=32, shuffle=True, collate_fn=mixed)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": logits_against_shares,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=5e-3),
    }


def logits_against_shares(outputs: object, targets: Tensor) -> Tensor:
    """Cross-entropy of the logits of a transformers output against class shares."""
    return F.cross_entropy(outputs.logits, targets)


@healthy(resembles="loss-direction")
def density_above_one() -> Arguments:
    """The negative log-density of precise predictions is below zero and falls further, as it should."""
    torch.manual_seed(0)
    x = torch.rand(800, 2) * 2 - 1
    y = torch.sin(2 * x[:, :1]) * x[:, 1:] + 0.02 * torch.randn(800, 1)
    model = MeanAndDeviation(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=normal_density, optimizer=optimizer, **loaders(parted(x, y)))


def negative_bound(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """Minus the evidence lower bound per sample, with a normal density of deviation 0.3 for each pixel."""
    decoded, mean, log_variance = outputs
    density = torch.distributions.Normal(decoded, 0.3).log_prob(images).flatten(1).sum(1)
    bound = density - divergence(mean, log_variance)
    return -bound.mean()


@healthy(resembles="loss-direction", source="published")
def evidence_bound_to_be_raised() -> Arguments:
    """The bound is to be raised, so its negative is minimised; it is a density and has no floor at zero."""
    torch.manual_seed(0)
    parts = standard_digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = VariationalAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=negative_bound, optimizer=optimizer, **loaders(parts))


@healthy(resembles="loss-reduction", source="transformers")
def mean_over_real_tokens() -> Arguments:
    """The loss is the sum over all letters divided by their number, padding left out."""
    torch.manual_seed(0)
    ids, alphabet = letters(24, 400)
    lengths = torch.randint(12, 25, (400,))
    real = (torch.arange(24) < lengths[:, None]).long()
    config = GPT2Config(
        vocab_size=alphabet + 1, n_positions=32, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config)
    rows = [
        {"input_ids": i.where(m > 0, alphabet), "attention_mask": m, "labels": i.where(m > 0, -100)}
        for i, m in zip(ids, real, strict=True)
    ]
    return {
        "model": model,
        "loader": DataLoader(rows[:320], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[320:], batch_size=32),
        "loss_fn": token_mean,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


def token_mean(outputs: object, labels: Tensor) -> Tensor:
    """Summed cross-entropy of the next letter over the number of letters that are real."""
    total = F.cross_entropy(outputs.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return total / (labels[:, 1:] != -100).sum()
