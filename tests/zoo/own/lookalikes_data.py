"""Healthy programs that a careless check of values and labels would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.own.data_for_lookalikes import (
    diabetes,
    digits,
    letters,
    loaders,
    parted,
    passages_for_transformers,
    photograph_crops,
    raw_table,
    standard_digits,
    table,
)
from tests.zoo.own.models_for_lookalikes import (
    LeNet,
    NormalisedTable,
    NormalisingNet,
    Rescaled,
    ResNet,
    UNet,
    image_perceptron,
    perceptron,
)
from tests.zoo.own.models_for_lookalikes_sequence import ContextNet, MaskedRows
from tests.zoo.program import Arguments, healthy


@healthy(resembles="nonfinite-data", source="scikit-learn")
def rows_missing_as_nan() -> Arguments:
    """Sequences of unequal length are padded with NaN, which is declared and which the model masks first."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    for x in (parts.x, parts.x_val):
        lengths = torch.randint(5, 9, (len(x),))
        x[(torch.arange(8) >= lengths[:, None])[:, None, :, None].expand_as(x)] = float("nan")
    parts = parts._replace(x=parts.x.squeeze(1), x_val=parts.x_val.squeeze(1))
    model = MaskedRows(8, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, padding_value=float("nan"), **loaders(parts))


@healthy(resembles="input-scale", source="published")
def lenet_on_pixels_in_unit_range() -> Arguments:
    """Pixels lie in [0, 1] and were never standardised, and those at the border are the same in every image."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(digits()))


@healthy(resembles="input-scale", source="scikit-learn")
def quartiles_as_one_hot_and_flags() -> Arguments:
    """Half of the measurements come as one-hot quartiles and half as flags, so columns have means of 0.25 and 0.5."""
    torch.manual_seed(0)
    parts = table("breast_cancer")
    edges = torch.quantile(parts.x, torch.tensor([0.25, 0.5, 0.75]), dim=0)

    def encoded(x: Tensor) -> Tensor:
        quartile = (x[:, :15, None] > edges.T[:15]).sum(2)
        return torch.cat([F.one_hot(quartile, 4).flatten(1).float(), (x[:, 15:] > edges[1, 15:]).float()], dim=1)

    parts = parts._replace(x=encoded(parts.x), x_val=encoded(parts.x_val))
    model = perceptron(75, 32, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="input-scale", source="transformers")
def token_ids_up_to_two_thousand() -> Arguments:
    """The inputs are word indices from 0 to 1,900, which are looked up and not multiplied."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = DistilBertConfig(
        vocab_size=vocabulary, dim=48, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=32, num_labels=4
    )
    model = DistilBertForSequenceClassification(config)
    loader = DataLoader(rows[:416], batch_size=32, shuffle=True)
    val_loader = DataLoader(rows[416:], batch_size=32)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }


@healthy(resembles="input-scale", source="scikit-learn")
def bytes_into_a_model_that_normalises() -> Arguments:
    """The loader yields raw bytes; the model subtracts its mean and divides by its deviation before the first layer."""
    torch.manual_seed(0)
    parts = photograph_crops()
    pixels = parts.x.float()
    model = NormalisingNet(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="input-scale", source="scikit-learn")
def raw_columns_into_batchnorm() -> Arguments:
    """Columns differ by a factor of ten thousand, as they were measured, and BatchNorm is the first layer."""
    torch.manual_seed(0)
    model = NormalisedTable(13, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(raw_table("wine"), 16))


@healthy(resembles="input-scale", source="scikit-learn")
def a_column_of_ones() -> Arguments:
    """A column is 1 in every row, as an intercept is: of no use and of no harm."""
    torch.manual_seed(0)
    parts = table("breast_cancer")
    ones = [torch.cat([x, torch.ones(len(x), 1)], dim=1) for x in (parts.x, parts.x_val)]
    model = nn.Sequential(nn.Linear(31, 48), nn.LeakyReLU(0.1), nn.Linear(48, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    parts = parts._replace(x=ones[0], x_val=ones[1])
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="target-scale", source="published")
def ninety_letters_as_classes() -> Arguments:
    """Targets run from 0 to over 90, and are classes, not values."""
    torch.manual_seed(0)
    windows, alphabet = letters(33, 1600)
    model = ContextNet(alphabet, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parted(windows[:, :-1], windows[:, -1])
    return dict(model=model, loss_fn=F.cross_entropy, optimizer=optimizer, **loaders(parts, 64))


@healthy(resembles="target-scale", source="scikit-learn")
def target_in_its_own_unit_and_rescaled_output() -> Arguments:
    """Targets run from 25 to 346, and the model multiplies by their deviation and adds their mean itself."""
    torch.manual_seed(0)
    parts = table("diabetes")
    parts = parts._replace(y=parts.y[:, None], y_val=parts.y_val[:, None])
    model = Rescaled(10, parts.y.mean().item(), parts.y.std().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="target-scale", source="scikit-learn")
def last_bias_at_the_mean_of_alcohol() -> Arguments:
    """Alcohol by volume is 13 ± 0.8, and the last bias was set to the mean of the training part."""
    torch.manual_seed(0)
    parts = table("wine")
    raw = raw_table("wine")
    parts = parts._replace(x=parts.x[:, 1:], y=raw.x[:, :1], x_val=parts.x_val[:, 1:], y_val=raw.x_val[:, :1])
    model = perceptron(12, 32, 1)
    nn.init.constant_(model[-1].bias, parts.y.mean().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(parts, 16))


@healthy(resembles="label-range", source="published")
def unet_with_a_void_border() -> Arguments:
    """Pixels at the border of each label map are 255, which the loss is told to ignore."""
    torch.manual_seed(0)
    parts = standard_digits(480)
    maps = []
    for x in (parts.x, parts.x_val):
        thick = F.avg_pool2d(x, 3, 1, 1).squeeze(1)
        labels = (thick > -0.3).long() + (thick > 0.6).long()
        labels[:, [0, -1], :] = 255
        labels[:, :, [0, -1]] = 255
        maps.append(labels)
    model = UNet(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parts._replace(y=maps[0], y_val=maps[1])
    loss_fn = nn.CrossEntropyLoss(ignore_index=255)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, **loaders(parts, 16))


@healthy(resembles="label-range", source="transformers")
def masked_letters_with_minus_one_hundred() -> Arguments:
    """A bidirectional encoder restores masked letters; all other positions carry the label −100, which is ignored."""
    torch.manual_seed(0)
    ids, alphabet = letters(24, 600)
    hidden = torch.rand(ids.shape) < 0.2
    hidden[:, 5] = True
    rows = [
        {"input_ids": torch.where(h, alphabet, i), "attention_mask": torch.ones_like(i), "labels": i.where(h, -100)}
        for i, h in zip(ids, hidden, strict=True)
    ]
    config = BertConfig(
        vocab_size=alphabet + 1,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
    )
    model = BertForMaskedLM(config)
    return {
        "model": model,
        "loader": DataLoader(rows[:480], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[480:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


@healthy(resembles="label-range", source="scikit-learn")
def votes_of_five_annotators() -> Arguments:
    """The targets are shares of five votes, floats that sum to 1, and cross-entropy takes them as they are."""
    torch.manual_seed(0)
    parts = standard_digits()

    def votes(y: Tensor) -> Tensor:
        opinion = 0.9 * F.one_hot(y, 10) + 0.01
        return F.one_hot(torch.multinomial(opinion, 5, replacement=True), 10).float().mean(1)

    parts = parts._replace(y=votes(parts.y), y_val=votes(parts.y_val))
    model = image_perceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="class-imbalance", source="published")
def one_rare_digit() -> Arguments:
    """Three per cent of the images show the digit sought; rare, and learnt all the same."""
    torch.manual_seed(0)
    parts = standard_digits(1790)
    chosen = []
    for y in (parts.y, parts.y_val):
        rare = (y == 0).nonzero().flatten()
        chosen.append(torch.cat([(y != 0).nonzero().flatten(), rare[: len(y) // 32]]))
    parts = parts._replace(
        x=parts.x[chosen[0]],
        y=(parts.y[chosen[0]] == 0).float()[:, None],
        x_val=parts.x_val[chosen[1]],
        y_val=(parts.y_val[chosen[1]] == 0).float()[:, None],
    )
    model = ResNet(classes=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, **loaders(parts, 64))


@healthy(resembles="class-imbalance", source="scikit-learn")
def diabetes_in_standard_units() -> Arguments:
    """Skewed regression targets in standard units, with a tail to the right: values, so no class can be rare."""
    torch.manual_seed(0)
    model = perceptron(10, 32, 1)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    parts = diabetes()
    loader = DataLoader(TensorDataset(parts.x, parts.y), batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "loss_fn": nn.SmoothL1Loss(), "optimizer": optimizer}
