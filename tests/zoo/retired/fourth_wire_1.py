"""Series, clips, ratings and graphs: five broken programs with their twins, and an autoencoder that is right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import both_parts, reshuffled, seed_generators, small_digits


class SeriesUNet(nn.Module):
    """A U-Net of two levels that marks the events in a series."""

    def __init__(self, fills_up: bool):
        super().__init__()
        self.fills_up = fills_up
        self.first = nn.Sequential(nn.Conv1d(1, 16, 5, padding=2), nn.ReLU())
        self.second = nn.Sequential(nn.Conv1d(16, 24, 5, padding=2), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv1d(24, 24, 3, padding=1), nn.ReLU())
        self.up_second = nn.ConvTranspose1d(24, 24, 2, stride=2)
        self.back_second = nn.Sequential(nn.Conv1d(48, 24, 3, padding=1), nn.ReLU())
        self.up_first = nn.ConvTranspose1d(24, 16, 2, stride=2)
        self.back_first = nn.Sequential(nn.Conv1d(32, 16, 3, padding=1), nn.ReLU())
        self.head = nn.Conv1d(16, 1, 1)

    def joined(self, raised: Tensor, skip: Tensor) -> Tensor:
        if self.fills_up:
            raised = F.pad(raised, (0, skip.shape[-1] - raised.shape[-1]))
        return torch.cat([raised, skip], dim=1)

    def forward(self, series: Tensor) -> Tensor:
        first = self.first(series)
        second = self.second(F.max_pool1d(first, 2))
        middle = self.middle(F.max_pool1d(second, 2))
        second = self.back_second(self.joined(self.up_second(middle), second))
        marks: Tensor = self.head(self.back_first(self.joined(self.up_first(second), first)))
        return marks


def series_with_events(count: int, steps: int) -> tuple[Tensor, Tensor]:
    """Noise with one to three bumps, and where they are."""
    draw = torch.Generator().manual_seed(3)
    marks = torch.zeros(count, 1, steps)
    for row in range(count):
        for _ in range(1 + row % 3):
            start = int(torch.randint(steps - 7, (), generator=draw))
            marks[row, 0, start : start + 7] = 1
    return 1.6 * marks + 0.5 * torch.randn(count, 1, steps, generator=draw) - 0.4, marks


@pair("runs", group="wiring", source="published")
def u_net_halves_a_series_of_fifty_twice(sick: bool) -> Arguments:
    """Fifty steps become twenty-five and twelve; doubled again they are twenty-four and do not fit the skip."""
    seed_generators(11)
    series, marks = series_with_events(400, 50)
    model = SeriesUNet(fills_up=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": optimizer,
        "loader": reshuffled(series, marks),
    }


class MotionNet(nn.Module):
    """Tells the direction of a moving patch from the differences of frames, which arrive as bytes."""

    def __init__(self, in_bytes: bool):
        super().__init__()
        self.in_bytes = in_bytes
        self.net = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 36, 4),
        )

    def forward(self, frames: Tensor) -> Tensor:
        if not self.in_bytes:
            frames = frames.float()
        motion = frames[:, 1:] - frames[:, :-1]
        scores: Tensor = self.net(motion.float() / 48)
        return scores


def moving_patches(count: int) -> tuple[Tensor, Tensor]:
    """Clips (N, 4, 12, 12) of bytes in which a bright patch moves in one of four directions."""
    draw = torch.Generator().manual_seed(5)
    frames = 60 + 10 * torch.randn(count, 4, 12, 12, generator=draw)
    ways = torch.randint(4, (count,), generator=draw)
    steps = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])
    starts = torch.randint(4, 6, (count, 2), generator=draw)
    for row in range(count):
        for time in range(4):
            y, x = (starts[row] + (time - 1) * steps[ways[row]]).tolist()
            frames[row, time, y : y + 4, x : x + 4] += 120
    return frames.round().clamp(0, 255).to(torch.uint8), ways


@pair("dtype", group="wiring")
def difference_of_frames_in_bytes(sick: bool) -> Arguments:
    """The frames are subtracted as unsigned bytes, where darker minus brighter wraps to about 255."""
    seed_generators(12)
    frames, ways = moving_patches(600)
    model = MotionNet(in_bytes=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        **both_parts(frames, ways, held_out=120),
    )


class Factors(nn.Module):
    """Matrix factorisation with a bias of each user and of each film."""

    def __init__(self, users: int, films: int, flat_biases: bool):
        super().__init__()
        self.flat_biases = flat_biases
        self.user, self.film = nn.Embedding(users, 8), nn.Embedding(films, 8)
        self.user_bias, self.film_bias = nn.Embedding(users, 1), nn.Embedding(films, 1)
        for table, spread in ((self.user, 0.4), (self.film, 0.4), (self.user_bias, 0.05), (self.film_bias, 0.05)):
            nn.init.normal_(table.weight, std=spread)

    def forward(self, user: Tensor, film: Tensor) -> Tensor:
        biases: Tensor = self.user_bias(user) + self.film_bias(film)
        if self.flat_biases:
            biases = biases.squeeze(1)
        rating: Tensor = (self.user(user) * self.film(film)).sum(1) + biases
        return rating


def centred_ratings(users: int, films: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of user and film, each once, with centred ratings."""
    draw = torch.Generator().manual_seed(6)
    cells = torch.randperm(users * films, generator=draw)[:count]
    user, film = cells // films, cells % films
    taste, kind = torch.randn(users, 2, generator=draw), torch.randn(films, 2, generator=draw)
    rating = 0.5 * (taste[user] * kind[film]).sum(1) + 0.6 * torch.randn(films, generator=draw)[film]
    rating = rating + 0.4 * torch.randn(users, generator=draw)[user]
    return user, film, rating - rating.mean()


def squared(predicted: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared difference."""
    return ((predicted - wanted) ** 2).mean()


@pair("silent-broadcast", group="wiring", source="published")
def biases_of_users_kept_as_a_column(sick: bool) -> Arguments:
    """Products of shape (N,) are added to biases of shape (N, 1), so that each rating is predicted N times."""
    seed_generators(13)
    model = Factors(50, 60, flat_biases=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return {
        "model": model,
        "loss_fn": squared,
        "optimizer": optimizer,
        "loader": reshuffled(*centred_ratings(50, 60, 1500), batch=64),
    }


class GraphNet(nn.Module):
    """Two graph convolutions after Kipf and Welling on dense adjacency, mean over nodes, scores of three classes."""

    def __init__(self, in_logarithms: bool):
        super().__init__()
        self.in_logarithms = in_logarithms
        self.first, self.second, self.head = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        looped = edges + torch.eye(edges.shape[-1])
        scale = looped.sum(-1).rsqrt()
        spread = scale.unsqueeze(-1) * looped * scale.unsqueeze(-2)
        hidden = F.relu(spread @ self.first(nodes))
        hidden = F.relu(spread @ self.second(hidden))
        scores: Tensor = self.head(hidden.mean(1))
        return scores.log_softmax(-1) if self.in_logarithms else scores


def graphs(count: int, nodes: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Rings, stars and pairs of cliques of twelve nodes, with some edges at random; degrees one-hot and two noises."""
    draw = torch.Generator().manual_seed(7)
    kind = torch.randint(3, (count,), generator=draw)
    number = torch.arange(nodes)
    ring = ((number[:, None] - number) % nodes == 1).float()
    star = ((number[:, None] == 0) | (number[:, None] == 1)).float().expand(nodes, nodes)
    cliques = (number[:, None] // 6 == number // 6).float()
    edges = torch.stack([ring, star, cliques])[kind]
    edges = torch.maximum(edges, (torch.rand(count, nodes, nodes, generator=draw) < 0.04).float())
    edges = torch.maximum(edges, edges.transpose(1, 2)) * (1 - torch.eye(nodes))
    for row in range(count):
        order = torch.randperm(nodes, generator=draw)
        edges[row] = edges[row][order][:, order]
    degrees = F.one_hot((edges.sum(-1).long() // 2).clamp(max=5), 6).float()
    return torch.cat([degrees, torch.randn(count, nodes, 2, generator=draw)], dim=-1), edges, kind


@pair("loss-input", group="wiring", source="published")
def graph_scores_into_nll(sick: bool) -> Arguments:
    """The negative log-likelihood receives raw scores, since the log-softmax at the end of the network is missing."""
    seed_generators(14)
    model = GraphNet(in_logarithms=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loss_fn": F.nll_loss, "optimizer": optimizer, "loader": reshuffled(*graphs(500))}


def small_convolutions(outputs: int) -> nn.Sequential:
    """A small network for images of 8 by 8."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, outputs),
    )


def distance_to_the_index(score: Tensor, label: Tensor) -> Tensor:
    """The squared distance of the only output to the number of the class."""
    return F.mse_loss(score.squeeze(1), label.float())


@pair("loss-target", group="wiring", source="scikit-learn")
def digit_number_regressed_with_one_output(sick: bool) -> Arguments:
    """A class index is fitted by squared error with one output, as if class 8 were twice class 4."""
    seed_generators(15)
    images, labels = small_digits(1000)
    model = small_convolutions(1 if sick else 10)
    return dict(
        model=model,
        loss_fn=distance_to_the_index if sick else F.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **both_parts(images, labels, held_out=200),
    )


class DigitVAE(nn.Module):
    """A variational autoencoder of flat images with eight latent numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(latent), mean, log_variance


def bound_of_digits(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """Cross-entropy summed over pixels plus divergence summed over latents, mean over the batch."""
    logits, mean, log_variance = outputs
    pixels = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="none").sum(1)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
    return (pixels + divergence).mean()


@healthy(resembles="loss-reduction", source="scikit-learn")
def digits_under_the_evidence_bound() -> Arguments:
    """The loss of some forty is a sum over pixels and latents, as the bound demands, and a mean over the batch."""
    seed_generators(16)
    images, _ = small_digits(1000)
    model = DigitVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loss_fn": bound_of_digits, "optimizer": optimizer, "loader": reshuffled(images, images)}
