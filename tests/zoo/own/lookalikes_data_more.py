"""Healthy programs that a careless check of samples, order, workers and splits would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.own.data_for_lookalikes import Parts, digits, loaders, parted, raw_table, standard_digits, table
from tests.zoo.own.datasets_for_lookalikes import Digits, Endless, Pairs, Seasons, survey
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet, Siamese, image_perceptron, perceptron
from tests.zoo.program import Arguments, healthy


@healthy(resembles="duplicate-samples", source="scikit-learn")
def iris_with_its_stray_duplicate() -> Arguments:
    """Two of the 150 flowers have the same four measurements and the same species, as in the published table."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(table("iris"), 16))


@healthy(resembles="duplicate-samples", source="scikit-learn")
def rare_class_drawn_often() -> Arguments:
    """A weighted sampler draws the rare digits many times an epoch; the data set holds each once."""
    torch.manual_seed(0)
    parts = standard_digits(1790)
    kept = torch.cat([(parts.y != 3).nonzero().flatten(), (parts.y == 3).nonzero().flatten()[:25]])
    x, y = parts.x[kept], parts.y[kept]
    weights = 1.0 / torch.bincount(y)[y].double()
    sampler = WeightedRandomSampler(weights, len(y), replacement=True)
    model = image_perceptron()
    return {
        "model": model,
        "loader": DataLoader(Digits(x, y), batch_size=32, sampler=sampler),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


@healthy(resembles="duplicate-samples")
def survey_of_five_answers() -> Arguments:
    """Five yes-or-no answers make 32 different rows at most, so that 400 people must repeat them."""
    torch.manual_seed(0)
    model = perceptron(5, 16, 2)
    loader = DataLoader(TensorDataset(*survey(400, 0)), batch_size=50, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@healthy(resembles="duplicate-samples", source="scikit-learn")
def stream_without_an_end() -> Arguments:
    """An endless stream can be read in part only, and shows no sample twice: each gets fresh noise."""
    torch.manual_seed(0)
    parts = standard_digits(800)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(Endless(parts.x, parts.y, seed=1), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="split-leak", source="scikit-learn")
def iris_whose_twins_were_parted() -> Arguments:
    """The two equal flowers of the table fell one into training and one into validation: one row in thirty-eight."""
    torch.manual_seed(0)
    raw = raw_table("iris")
    x, y = torch.cat([raw.x, raw.x_val]), torch.cat([raw.y, raw.y_val])
    x = (x - raw.x.mean(0)) / raw.x.std(0)
    _, which, counts = torch.unique(x, dim=0, return_inverse=True, return_counts=True)
    twins = (counts[which] > 1).nonzero().flatten()
    order = torch.cat([twins[:1], torch.tensor([i for i in range(150) if i not in twins.tolist()]), twins[1:]])
    x, y = x[order], y[order]
    model = perceptron(4, 24, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    parts = Parts(x[:112], y[:112], x[112:], y[112:])
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts, 16))


@healthy(resembles="split-leak")
def survey_asked_of_others() -> Arguments:
    """Other people give the same five answers, so every validation row is also a training row."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    parts = Parts(*survey(400, 0), *survey(150, 1))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="label-noise", source="scikit-learn")
def tumours_by_four_flags() -> Arguments:
    """Four flags make sixteen different rows, and people who share one may differ in their diagnosis."""
    torch.manual_seed(0)
    parts = table("breast_cancer")
    middle = parts.x.median(0).values
    columns = [0, 1, 4, 7]
    x, x_val = ((part > middle)[:, columns].float() for part in (parts.x, parts.x_val))
    parts = parts._replace(x=x, y=parts.y.float(), x_val=x_val, y_val=parts.y_val.float())
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="not-shuffled")
def forecast_in_order_of_time() -> Arguments:
    """Windows come in order of time because the user means to train on the past first."""
    torch.manual_seed(0)
    hours = torch.arange(700.0)
    series = torch.sin(hours * 2 * torch.pi / 24) + 0.5 * torch.sin(hours * 2 * torch.pi / 168)
    series = series + 0.1 * torch.randn(700)
    model = perceptron(24, 48, 1)
    return {
        "model": model,
        "loader": DataLoader(Seasons(series, 0, 480), batch_size=48, shuffle=False),
        "val_loader": DataLoader(Seasons(series, 504, 676), batch_size=48),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "intended": {"not-shuffled": "the past comes before the future"},
    }


@healthy(resembles="not-shuffled", source="scikit-learn")
def whole_table_in_one_batch() -> Arguments:
    """All 133 wines are one batch, sorted by their grower, which changes nothing in its mean gradient."""
    torch.manual_seed(0)
    parts = table("wine")
    order = parts.y.argsort()
    model = perceptron(13, 32, 3)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(parts.x[order], parts.y[order]), batch_size=133),
        "val_loader": DataLoader(TensorDataset(parts.x_val, parts.y_val), batch_size=45),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


@healthy(resembles="worker-randomness", source="published")
def two_workers_and_no_augmentation() -> Arguments:
    """Two workers read a deterministic data set: the same sample is the same in each, as it should be."""
    torch.manual_seed(0)
    parts = standard_digits(400)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(Digits(parts.x, parts.y), batch_size=30, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="worker-randomness", source="scikit-learn")
def two_workers_with_torch_noise() -> Arguments:
    """Augmentation draws from torch's generator, which the loader seeds anew in every worker and every epoch."""
    torch.manual_seed(0)
    parts = standard_digits(400)
    model = image_perceptron()
    return {
        "model": model,
        "loader": DataLoader(Digits(parts.x, parts.y, noise=0.2), batch_size=40, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="train-val-shift", source="published")
def digits_shifted_in_training_only() -> Arguments:
    """Training images are moved by up to a pixel and get a little noise; validation images are left as they are."""
    torch.manual_seed(0)
    parts = standard_digits(1200)
    model = ResNet()
    return {
        "model": model,
        "loader": DataLoader(Digits(parts.x, parts.y, shift=True, noise=0.1), batch_size=32, shuffle=True),
        "val_loader": DataLoader(Digits(parts.x_val, parts.y_val), batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }


def same_or_not(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of whether a pair is the same, in nats."""
    return F.binary_cross_entropy_with_logits(logits, targets)


@healthy(resembles="nothing-to-learn", source="published")
def same_digit_or_not() -> Arguments:
    """No simple model on the pixels tells whether two digits are the same; a siamese network learns it."""
    torch.manual_seed(0)
    parts = standard_digits()
    model = Siamese()
    return {
        "model": model,
        "loader": DataLoader(Pairs(parts.x, parts.y, 1500, seed=1), batch_size=50, shuffle=True),
        "val_loader": DataLoader(Pairs(parts.x_val, parts.y_val, 300, seed=2), batch_size=50),
        "loss_fn": same_or_not,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="nothing-to-learn")
def parity_of_three_bits() -> Arguments:
    """The label is the parity of three of ten bits, of which no single column tells anything."""
    torch.manual_seed(0)
    bits = torch.randint(0, 2, (1000, 10)).float()
    bits = torch.unique(bits, dim=0)
    x = torch.cat([2 * bits - 1, 0.3 * torch.randn(len(bits), 2)], dim=1)
    model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    parts = parted(x, (bits[:, :3].sum(1) % 2).long())
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="train-val-shift", source="transformers")
def vision_transformer_on_soft_pixels() -> Arguments:
    """Training batches carry mild noise that validation lacks, in the mapping that a vision transformer takes."""
    torch.manual_seed(0)
    parts = digits(1000)
    config = ViTConfig(
        image_size=8,
        patch_size=2,
        num_channels=1,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        num_labels=10,
    )
    model = ViTForImageClassification(config)

    def rows(x: Tensor, y: Tensor, noise: float) -> list[dict[str, Tensor]]:
        pixels = (x - 0.3) / 0.37 + noise * torch.randn_like(x)
        return [{"pixel_values": p, "labels": label} for p, label in zip(pixels, y, strict=True)]

    return {
        "model": model,
        "loader": DataLoader(rows(parts.x, parts.y, 0.1), batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows(parts.x_val, parts.y_val, 0.0), batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }
