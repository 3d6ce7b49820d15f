"""Broken programs as they were reported, each with its mended twin: sub-nets, norms, names, metrics and scales."""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import reef_blobs, reef_digits, reef_loaders, reef_start


class ResidualMlp(nn.Module):
    """A perceptron added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.net(x)
        return changed


class ImplicitImage(nn.Module):
    """The pixel at a coordinate of a fine image, from the coarse image and the coordinate."""

    def __init__(self, listed: bool, width: int = 32) -> None:
        super().__init__()
        self.expand = nn.Linear(18, width)
        mlps = [ResidualMlp(width) for _ in range(4)]
        self.mlps = nn.ModuleList(mlps) if listed else mlps
        self.output = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.expand(x)
        for mlp in self.mlps:
            x = mlp(x)
        pixel: Tensor = self.output(F.relu(x))
        return pixel


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def residual_sub_nets_in_a_plain_list(sick: bool) -> Arguments:
    """The residual sub-nets of the implicit image are a plain list instead of a module list, and are not trained.

    (LianpoWang/SLIIF#13).
    """
    reef_start()
    fine, _ = reef_digits(1400)
    coarse = F.avg_pool2d(fine, 2).flatten(1)
    place = torch.randint(0, 64, (1400, 1))
    coordinate = torch.cat([place // 8, place % 8], dim=1) / 2.29 - 1.53
    model = ImplicitImage(listed=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(torch.cat([coarse, coordinate], dim=1), fine.flatten(1).gather(1, place), train=1200),
    )


class GraphNorm(nn.Module):
    """Brings the nodes of each graph to mean 0 and spread 1, absent nodes left out."""

    def __init__(self, eps_inside: bool, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps_inside = eps_inside
        self.eps = eps

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        count = present.sum(1, keepdim=True)
        centred = (x - (x * present).sum(1, keepdim=True) / count) * present
        var = centred.square().sum(1, keepdim=True) / count
        return centred / (torch.sqrt(var + self.eps) if self.eps_inside else torch.sqrt(var) + self.eps)


class GraphClassifier(nn.Module):
    """Sums the features of the neighbours, normalises the nodes of a graph, and classifies their mean."""

    def __init__(self, eps_inside: bool, width: int = 24) -> None:
        super().__init__()
        self.own = nn.Linear(4, width)
        self.of_neighbours = nn.Linear(4, width)
        self.norm = GraphNorm(eps_inside)
        self.classes = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, nodes: Tensor, edges: Tensor, present: Tensor) -> Tensor:
        x = self.own(nodes) + self.of_neighbours(edges @ nodes)
        x = torch.cat([x, self.norm(x, present)], dim=2)
        classes: Tensor = self.classes((F.relu(x) * present).sum(1) / present.sum(1))
        return classes


@pair("nonfinite-gradient", group="backward")
def graphs_of_one_node_under_the_root(sick: bool) -> Arguments:
    """The norm adds its epsilon to the root of the variance, not under it, and a graph of one node gives NaN.

    (pyg-team/pytorch_geometric#2559).
    """
    reef_start()
    size = torch.randint(1, 7, (900,))
    present = (torch.arange(6) < size[:, None]).float()[:, :, None]
    y = torch.randint(0, 3, (900,))
    nodes = (torch.randn(900, 6, 4) + 1.5 * torch.eye(4)[y][:, None]) * present
    edges = (torch.rand(900, 6, 6) < 0.3).float().triu(1) * present * present.transpose(1, 2)
    edges = (edges + edges.transpose(1, 2)) / 3
    model = GraphClassifier(eps_inside=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **reef_loaders(nodes, edges, present, y, train=700),
    )


@pair("shuffled-labels", group="training", source="scikit-learn")
def files_of_the_folder_with_labels_of_the_table(sick: bool) -> Arguments:
    """The names of the images come from the folder and their labels from a table, which lists them in another order.

    (ZhengyuZhao/Targeted-Transfer#4).
    """
    reef_start()
    images, labels = reef_digits()
    table = [(f"{random.getrandbits(64):016x}.png", int(label)) for label in labels]
    folder = dict(zip((name for name, _ in table), images, strict=True))
    names = sorted(folder) if sick else [name for name, _ in table]
    x = torch.stack([folder[name] for name in names])
    y = torch.tensor([label for _, label in table])
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 48), nn.ReLU(), nn.Linear(48, 10)
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(x, y, train=1000),
    )


class Dynamics(nn.Module):
    """Rolls a learnt system forward from its first state."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.change = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))

    def forward(self, state: Tensor) -> Tensor:
        states = []
        for _ in range(self.steps):
            state = state + 0.3 * self.change(state)
            states.append(state)
        return torch.stack(states, dim=1)


class MetricsTrainer:
    """Takes the training steps and keeps the metrics of each."""

    def __init__(self, detached: bool) -> None:
        self.detached = detached
        self.error = nn.MSELoss()
        self.metrics: list[dict[str, Tensor]] = []

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        predicted = model(batch[0])
        fit, last = self.error(predicted, batch[1]), self.error(predicted[:, -1], batch[1][:, -1])
        loss = fit + 0.1 * last
        loss.backward()
        optimizer.step()
        metrics = {"train_loss": loss, "fit": fit, "last": last}
        self.metrics.append({k: v.detach() for k, v in metrics.items()} if self.detached else metrics)
        value: Tensor = loss.detach()
        return value


@pair("memory-growth", group="training")
def trainer_whose_metrics_keep_their_graphs(sick: bool) -> Arguments:
    """The trainer stores the metrics of each step without detaching them from the graphs.

    (pnnl/neuromancer#292).
    """
    reef_start()
    first = torch.randn(900, 2)
    states, state = [], first
    for _ in range(5):
        x, v = state.unbind(1)
        state = torch.stack([x + 0.3 * v, v - 0.3 * torch.sin(x) - 0.06 * v], dim=1)
        states.append(state)
    model = Dynamics(5)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=MetricsTrainer(detached=not sick).step,
        task="regression",
        **reef_loaders(first, torch.stack(states, dim=1), train=700),
    )


class MaskAndEdges(nn.Module):
    """Cross-entropy of a mask, and how far its edges point away from those of the image."""

    def __init__(self, hard: bool) -> None:
        super().__init__()
        self.hard = hard

    def slopes(self, x: Tensor) -> Tensor:
        down, right = x[:, 1:, :-1] - x[:, :-1, :-1], x[:, :-1, 1:] - x[:, :-1, :-1]
        return torch.stack([down, right], dim=1)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        mask, image = targets[:, 0].long(), targets[:, 1]
        chosen = outputs.argmax(1).float() if self.hard else outputs.softmax(1)[:, 1]
        of_mask, of_image = self.slopes(chosen), self.slopes(image)
        strength = of_mask.square().sum(1)
        along = (of_mask * F.normalize(of_image, dim=1)).sum(1).square()
        return F.cross_entropy(outputs, mask) + (strength - along).mean()


@pair("detached-graph", group="wiring")
def edges_of_the_chosen_class(sick: bool) -> Arguments:
    """The edge term of the loss is taken of the argmax of the prediction, through which nothing flows back.

    (wonbeomjang/mobile-hair-segmentation-pytorch#3).
    """
    reef_start()
    x, mask = reef_blobs(500)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 2, 1)
    )
    return dict(
        model=model,
        loss_fn=MaskAndEdges(hard=sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="other",
        **reef_loaders(x, torch.cat([mask, x], dim=1), train=400, batch=16),
    )


class Quantizer(nn.Module):
    """Rounds to 15 levels of a learnt scale, with the gradient of the clamped value."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        levels = (x / self.scale).clamp(-1, 1) * 7
        return (levels + (levels.round() - levels).detach()) / 7 * self.scale


def initialise_range(net: nn.Module, loader: DataLoader[tuple[Tensor, ...]], replace: bool) -> None:
    """Set the scale of each quantizer to the largest value that it sees in one batch."""
    for quantizer in [m for m in net.modules() if isinstance(m, Quantizer)]:
        seen: list[Tensor] = []
        hook = quantizer.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0].abs().max()))
        with torch.no_grad():
            net(next(iter(loader))[0])
        hook.remove()
        if replace:
            quantizer.scale = nn.Parameter(seen[0].clone())
        else:
            quantizer.scale.data.copy_(seen[0])


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def scales_replaced_by_their_initialisation(sick: bool) -> Arguments:
    """The range initialisation, which comes after the optimizer, replaces the scales of the quantizers.

    (openvinotoolkit/nncf#327).
    """
    reef_start()
    model = nn.Sequential(
        nn.Flatten(),
        Quantizer(),
        nn.Linear(64, 64),
        nn.ReLU(),
        Quantizer(),
        nn.Linear(64, 32),
        nn.ReLU(),
        Quantizer(),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    x, y = reef_digits()
    initialise_range(model, DataLoader(TensorDataset(x[:64], y[:64]), batch_size=64), replace=sick)
    loaders = reef_loaders(x, y, train=1000)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)
