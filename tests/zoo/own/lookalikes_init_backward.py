"""Healthy programs that a careless check of starting values and activations would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from tests.zoo.own.data_for_lookalikes import Parts, diabetes, letters, loaders, sentences, standard_digits, table
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet, perceptron
from tests.zoo.own.models_for_lookalikes_deep import (
    DeepResidual,
    Detector,
    Highway,
    ReZero,
    SparseCode,
    focal_loss,
    zero_gamma_resnet,
)
from tests.zoo.program import Arguments, healthy


@healthy(resembles="loss-at-init", source="published")
def detector_with_a_prior() -> Arguments:
    """The last bias says that one place in a hundred holds an object, as RetinaNet sets it; about one in fifty does."""
    torch.manual_seed(0)
    images, maps = 0.3 * torch.randn(400, 1, 12, 12), torch.zeros(400, 12, 12)
    for index in range(400):
        for _ in range(int(torch.randint(1, 5, ()))):
            row, column = torch.randint(1, 11, (2,)).tolist()
            images[index, 0, row - 1 : row + 2, column - 1 : column + 2] += 1.5
            maps[index, row, column] = 1.0
    model = Detector()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = loaders(Parts(images[:320], maps[:320], images[320:], maps[320:]), 16)
    return dict(model=model, loss_fn=focal_loss, optimizer=optimizer, **data)


@healthy(resembles="loss-at-init", source="scikit-learn")
def classes_under_weights() -> Arguments:
    """Two thirds of the eights and nines are missing, and cross-entropy weights classes by their inverse share."""
    torch.manual_seed(0)
    parts = standard_digits()
    kept = ~((parts.y >= 8) & (torch.arange(len(parts.y)) % 3 > 0))
    parts = parts._replace(x=parts.x[kept], y=parts.y[kept])
    weight = len(parts.y) / torch.bincount(parts.y).float() / 10
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(weight=weight), optimizer=optimizer, **loaders(parts))


@healthy(resembles="loss-at-init", source="published")
def labels_smoothed() -> Arguments:
    """Labels are smoothed by a tenth, so the loss starts a little off and can never reach zero."""
    torch.manual_seed(0)
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, **loaders(standard_digits(1000)))


@healthy(resembles="final-bias", source="scikit-learn")
def targets_half_a_deviation_off_zero() -> Arguments:
    """The mean target is 0.7 deviations from zero: the bias learns it in a few steps."""
    torch.manual_seed(0)
    parts = diabetes()
    model = perceptron(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parts._replace(y=parts.y + 0.7, y_val=parts.y_val + 0.7)
    return dict(model=model, loss_fn=nn.HuberLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="init-scale", source="scikit-learn")
def residual_stream_that_grows() -> Arguments:
    """Ten residual blocks without norms make the stream grow by the depth; one norm before the head takes it back."""
    torch.manual_seed(0)
    model = DeepResidual()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="init-scale", source="transformers")
def small_weights_under_norms() -> Arguments:
    """Weights start at a deviation of 0.02 in four layers, and norms before every branch keep activations alive."""
    torch.manual_seed(0)
    ids, alphabet = letters(20, 500)
    config = GPTNeoXConfig(
        vocab_size=alphabet,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPTNeoXForCausalLM(config)
    rows = [{"input_ids": i, "labels": i} for i in ids]
    return {
        "model": model,
        "loader": DataLoader(rows[:400], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[400:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "causal": True,
    }


@healthy(resembles="init-scale", source="scikit-learn")
def plain_depth_under_batchnorm() -> Arguments:
    """Nine plain layers with default weights, each followed by BatchNorm, which undoes any shrinking."""
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(64, 40), nn.BatchNorm1d(40), nn.ReLU()]
    for _ in range(8):
        layers += [nn.Linear(40, 40), nn.BatchNorm1d(40), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(40, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="symmetric-init", source="published")
def residual_branches_that_start_at_zero() -> Arguments:
    """The last norm of every residual branch starts at zero and all other norms at one."""
    torch.manual_seed(0)
    model = zero_gamma_resnet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


@healthy(resembles="symmetric-init", source="published")
def gains_that_start_at_zero() -> Arguments:
    """ReZero: branches are multiplied by zero at the start, so their weights have no gradient in the first step."""
    torch.manual_seed(0)
    model = ReZero()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="symmetric-init", source="scikit-learn")
def last_layer_and_biases_of_zero() -> Arguments:
    """The output layer and all biases start at zero; hidden weights are random, so no two units stay alike."""
    torch.manual_seed(0)
    model = perceptron(30, 48, 1)
    for layer in (model[0], model[2], model[4]):
        nn.init.zeros_(layer.bias)
    nn.init.zeros_(model[4].weight)
    parts = table("breast_cancer")
    parts = parts._replace(y=parts.y.float()[:, None], y_val=parts.y_val.float()[:, None])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="dead-units", source="published")
def eight_of_ninety_six_units() -> Arguments:
    """A k-sparse autoencoder: each sample keeps 8 of 96 units, other samples others, and none is dead."""
    torch.manual_seed(0)
    parts = standard_digits()
    parts = parts._replace(y=parts.x, y_val=parts.x_val)
    model = SparseCode()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders(parts))


@healthy(resembles="dead-units", source="scikit-learn")
def half_dropped_at_random() -> Arguments:
    """Dropout sets half of the units to zero in every pass, another half each time."""
    torch.manual_seed(0)
    trunk = [nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5)]
    model = nn.Sequential(*trunk, nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


class WordConvolution(nn.Module):
    """Kim's convolution over words (2014), whose activations at padding are set to zero."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32, padding_idx=0)
        self.conv = nn.Conv1d(32, 48, 3, padding=1)
        self.head = nn.Linear(48, 4)

    def forward(self, ids: Tensor) -> Tensor:
        real = (ids != 0).unsqueeze(1)
        hidden = F.relu(self.conv(self.embedding(ids).transpose(1, 2))) * real
        return self.head(hidden.amax(2))


@healthy(resembles="dead-units", source="published")
def mostly_padding() -> Arguments:
    """Passages of 12 to 24 words are padded to 64, where all activations are zero."""
    torch.manual_seed(0)
    found = sentences()
    ids = torch.stack([F.pad(i, (0, 64 - len(i))) for i in found.ids])
    model = WordConvolution(found.vocabulary)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(ids[:420], found.labels[:420]), batch_size=30, shuffle=True),
        "val_loader": DataLoader(TensorDataset(ids[420:], found.labels[420:]), batch_size=30),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "padding_value": 0,
    }


@healthy(resembles="saturated-units", source="published")
def gates_almost_shut() -> Arguments:
    """The gates of a highway network start near zero, which is how they carry the input on."""
    torch.manual_seed(0)
    model = Highway()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="saturated-units", source="scikit-learn")
def certain_probabilities() -> Arguments:
    """A trained classifier ends in a sigmoid whose outputs lie near 0 and 1, as they should after training."""
    torch.manual_seed(0)
    parts = table("breast_cancer")
    parts = parts._replace(y=parts.y.float()[:, None], y_val=parts.y_val.float()[:, None])
    model = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        F.binary_cross_entropy(model(parts.x), parts.y).backward()
        optimizer.step()
    optimizer.zero_grad()
    return dict(model=model, loss_fn=nn.BCELoss(), optimizer=optimizer, **loaders(parts))
