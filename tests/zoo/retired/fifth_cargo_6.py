"""Attention, graphs, densities and speakers: programs of the fifth set, sixth hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loader, cargo_loaders, cargo_start


class PooledByAttention(nn.Module):
    """Readings of a machine, pooled by learnt attention weights that are kept for a plot."""

    def __init__(self, *, cut: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 24, 5, padding=2)
        self.score = nn.Linear(24, 1)
        self.head = nn.Linear(24, 3)
        self.attention_maps: list[Tensor] = []
        self.cut = cut

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.conv(x)).transpose(1, 2)
        weights = torch.softmax(self.score(h), dim=1)
        self.attention_maps.append(weights.detach() if self.cut else weights)
        return self.head((weights * h).sum(1))


def machine_readings(count: int = 800) -> tuple[Tensor, Tensor]:
    """Vibrations on two axes with, by class, no burst, a slow burst or a fast one at any time."""
    kinds = torch.randint(0, 3, (count,))
    time, start = torch.arange(48.0), 36 * torch.rand(count, 1)
    window = ((time > start) & (time < start + 12)).float()
    pitch = torch.tensor([0.0, 0.7, 2.0])[kinds][:, None]
    burst = 2.5 * window * torch.sin(pitch * (time - start))
    signal = torch.stack([burst, 0.6 * burst], 1) + 0.5 * torch.randn(count, 2, 48)
    return signal / signal.std(), kinds


@pair("memory-growth", group="training")
def attention_maps_hoarded_for_a_plot(sick: bool) -> Arguments:
    """Every forward pass appends its attention weights to a list on the module, with the graph that made them."""
    cargo_start()
    model = PooledByAttention(cut=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*machine_readings()))


class CommunityNetwork(nn.Module):
    """Two rounds of messages on small dense graphs, whose nodes are summed or averaged, then a mean over the nodes."""

    def __init__(self, *, averaged: bool) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 32), nn.Linear(32, 32), nn.Linear(32, 2)
        self.averaged = averaged

    def spread(self, links: Tensor, nodes: Tensor) -> Tensor:
        messages = links @ nodes
        return messages / links.sum(-1, keepdim=True) if self.averaged else messages

    def forward(self, nodes: Tensor, links: Tensor) -> Tensor:
        h = torch.tanh(self.first(self.spread(links, nodes)))
        h = torch.tanh(self.second(self.spread(links, h)))
        return self.head(h.mean(1))


@pair("saturated-units", group="init")
def neighbours_summed_into_tanh(sick: bool) -> Arguments:
    """The messages of some forty neighbours are summed, not averaged, and drive most tanh units to their limits."""
    cargo_start()
    kinds = torch.randint(0, 2, (400,))
    members = torch.randn(400, 1, 4) + 0.8 * torch.randn(400, 50, 4)
    members[..., 0] += torch.where(kinds == 1, 1.5, -1.5)[:, None]
    links = (torch.rand(400, 50, 50) < 0.8).float()
    links = torch.maximum(links, links.transpose(1, 2))
    links.diagonal(dim1=1, dim2=2).fill_(1.0)
    model = CommunityNetwork(averaged=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    nodes = (members - members.mean()) / members.std()
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(nodes, links, kinds, size=16)
    )


class MixtureDensity(nn.Module):
    """The mixture density network of Bishop: weights, means and spreads of three Gaussians."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.out = nn.Linear(32, 9)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.body(x))


def mixture_log_density(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean logarithm of the density of the targets."""
    weight, mean, log_spread = outputs.chunk(3, -1)
    parts = torch.distributions.Normal(mean, log_spread.clamp(-5, 4).exp()).log_prob(targets)
    return torch.logsumexp(torch.log_softmax(weight, -1) + parts, -1).mean()


def mixture_surprise(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean negative logarithm of the density of the targets."""
    return -mixture_log_density(outputs, targets)


@pair("loss-direction", group="wiring", source="published")
def mixture_density_without_its_minus(sick: bool) -> Arguments:
    """The log-likelihood of the mixture is handed to the optimizer without its minus and is driven down."""
    cargo_start()
    t = torch.rand(900, 1)
    x = t + 0.3 * torch.sin(2 * torch.pi * t) + 0.05 * torch.randn(900, 1)
    x, t = (x - x.mean()) / x.std(), (t - t.mean()) / t.std()
    model = MixtureDensity()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = mixture_log_density if sick else mixture_surprise
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="other", **cargo_loaders(x, t))


@pair("init-scale", group="init", source="scikit-learn")
def transformer_recipe_for_a_plain_convolutional_stack(sick: bool) -> Arguments:
    """Weights of spread 0.02, right for transformers, let the activations of eight convolutions shrink to nothing."""
    cargo_start()
    layers: list[nn.Module] = []
    for inside in [1] + [12] * 7:
        layers += [nn.Conv2d(inside, 12, 3, padding=1), nn.LeakyReLU(0.1)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(192, 10))
    for layer in layers[::2]:
        assert isinstance(layer, nn.Conv2d)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        if sick:
            nn.init.trunc_normal_(layer.weight, std=0.02)
        else:
            nn.init.kaiming_normal_(layer.weight, a=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits(1000)))


@pair("not-shuffled", group="data")
def indices_of_the_classes_given_as_the_sampler(sick: bool) -> Arguments:
    """The stratified indices, gathered class by class, are the sampler as they are, so they come class by class."""
    cargo_start()
    speakers = torch.randint(0, 6, (900,))
    voice = 1.1 * torch.randn(6, 20)
    features = voice[speakers] + torch.randn(900, 20)
    features = (features - features.mean(0)) / features.std(0)
    rows, held_out = [], []
    for speaker in range(6):
        own = torch.where(speakers == speaker)[0].tolist()
        rows += own[: int(0.8 * len(own))]
        held_out += own[int(0.8 * len(own)) :]
    data = TensorDataset(features, speakers)
    sampler = rows if sick else SubsetRandomSampler(rows, generator=torch.Generator().manual_seed(8))
    model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 6))
    return {
        "model": model,
        "loader": DataLoader(data, batch_size=24, sampler=sampler),
        "val_loader": cargo_loader(features[held_out], speakers[held_out], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class MeanOfWords(nn.Module):
    """A small BERT whose states are averaged over the words that are not padding."""

    def __init__(self) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=32,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(32, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].to(states.dtype)
        return self.head((states * weights).sum(1) / weights.sum(1))


@healthy(resembles="padding-leak", source="transformers")
def padded_words_left_out_of_attention_and_mean() -> Arguments:
    """Half of most rows is padding; the attention and the mean both leave it out."""
    cargo_start()
    lengths = torch.randint(5, 19, (800,))
    kinds = torch.randint(0, 2, (800,))
    ids = torch.randint(9, 50, (800, 18))
    telling = 1 + 4 * kinds[:, None] + torch.randint(0, 4, (800, 18))
    ids = torch.where(torch.rand(800, 18) < 0.4, telling, ids)
    mask = (torch.arange(18) < lengths[:, None]).long()
    model = MeanOfWords()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3),
        padding_value=0,
        task="classification",
        **cargo_loaders(ids * mask, mask, kinds),
    )
