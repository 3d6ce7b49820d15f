"""Five programs around advantages, surrogates and inversions that somebody reported, ninth part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import isle_digits, isle_loaders, isle_seed


class ActorAndCritic(nn.Module):
    """Scores of two actions and the value of a state."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 48), nn.Tanh())
        self.actor, self.critic = nn.Linear(48, 2), nn.Linear(48, 1)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and values."""
        body = self.body(states)
        return self.actor(body), self.critic(body).squeeze(1)


def policy_loss(model: ActorAndCritic, batch: list[Tensor], smallest: int) -> Tensor:
    """Clipped surrogate and error of the values, with advantages normalised from `smallest` samples on."""
    states, actions, old, advantages, returns = batch
    scores, values = model(states)
    if len(advantages) >= smallest:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    chosen = torch.log_softmax(scores, 1).gather(1, actions.unsqueeze(1)).squeeze(1)
    ratio = (chosen - old).exp()
    surrogate = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
    return 0.5 * F.mse_loss(values, returns) - surrogate


def update_of_the_policy(model: ActorAndCritic, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One minibatch of the buffer."""
    optimizer.zero_grad()
    loss = policy_loss(model, batch, 1)
    loss.backward()
    optimizer.step()
    return loss.detach()


def update_of_the_policy_but_alone(
    model: ActorAndCritic, batch: list[Tensor], optimizer: torch.optim.Optimizer
) -> Tensor:
    """One minibatch of the buffer."""
    optimizer.zero_grad()
    loss = policy_loss(model, batch, 2)
    loss.backward()
    optimizer.step()
    return loss.detach()


def scores_and_values(model: ActorAndCritic, batch: list[Tensor]) -> tuple[Tensor, Tensor]:
    """What the model says of the states of a batch."""
    scores, values = model(batch[0])
    return scores, values


@pair("nonfinite-forward", group="backward")
def advantages_of_a_minibatch_of_one(sick: bool) -> Arguments:
    """The last minibatch holds one sample, and the spread of its advantage by which it is divided is not a number.

    (jolibrain/wheatley#93)
    """
    isle_seed()
    states = torch.randn(129, 4)
    actions = torch.randint(0, 2, (129,))
    right = (states[:, 0] + states[:, 1] > 0).long()
    advantages = 2.0 * (actions == right).float() - 1 + 0.3 * torch.randn(129)
    returns = torch.tanh(states[:, 2]) + 0.5 * states[:, 3] + 0.1 * torch.randn(129)
    old = torch.full((129,), 0.5).log()
    buffer = TensorDataset(states, actions, old, advantages, returns)
    model = ActorAndCritic()
    return {
        "model": model,
        "loader": DataLoader(buffer, batch_size=32, shuffle=True),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": update_of_the_policy if sick else update_of_the_policy_but_alone,
        "forward": scores_and_values,
        "task": "other",
    }


class Wing(nn.Module):
    """Pressure and speeds at 24 places of a section, from its shape and the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU(), nn.Linear(96, 72), nn.Unflatten(1, (24, 3))
        )

    def forward(self, x: Tensor) -> Tensor:
        """The fields, as (N, places, 3)."""
        fields: Tensor = self.layers(x)
        return fields


def fields_of_wings() -> tuple[Tensor, Tensor]:
    """Smooth fields along sections with six numbers each, standardised."""
    x = torch.randn(800, 6)
    place = torch.linspace(0, 1, 24)
    waves = torch.stack([torch.sin((k + 1) * torch.pi * place + k) for k in range(6)])
    bent = torch.stack([x, x.roll(1, 1) * 0.7 + 0.3 * x**2, torch.tanh(2 * x)], 2)
    fields = torch.einsum("nkc,kp->npc", bent, waves)
    return x, (fields - fields.mean((0, 1))) / fields.std((0, 1))


def surface_loss(fields: Tensor, truth: Tensor) -> Tensor:
    """Error everywhere, and sixty times the error of the pressure at the surface, the first eight places."""
    return F.mse_loss(fields, truth) + 60 * F.mse_loss(fields[:, :8, 2], truth[:, :8, 2])


def surrogate_step_at_one(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step with gradients of norm at most 1."""
    optimizer.zero_grad()
    loss = surface_loss(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    return loss.detach()


def surrogate_step_above_the_norms(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step with gradients of norm at most 100."""
    optimizer.zero_grad()
    loss = surface_loss(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=100.0)
    optimizer.step()
    return loss.detach()


@pair("clipping-always-on", group="training")
def threshold_far_under_every_norm_of_a_surrogate(sick: bool) -> Arguments:
    """Clipping at 1 cuts every batch, whose norms are about 20, so that the steps are a fraction of what the rate says.

    (wandb/senpai#978)
    """
    isle_seed()
    model = Wing()
    return dict(
        model=model,
        loss_fn=surface_loss,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9),
        train_step=surrogate_step_at_one if sick else surrogate_step_above_the_norms,
        task="regression",
        **isle_loaders(*fields_of_wings()),
    )


class Inversion(nn.Module):
    """An encoder before a generator that is given, and a discriminator for what comes out."""

    def __init__(self, directions: Tensor) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, len(directions)))
        self.generator = nn.Linear(len(directions), 64).requires_grad_(False)
        self.generator.weight.copy_(directions.t())
        self.generator.bias.zero_()
        self.judge = nn.Sequential(nn.Linear(64, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Images made from the codes of images."""
        made: Tensor = self.generator(self.encoder(x))
        return made


def encoder_update(model: Inversion, x: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """Pull the images that are made towards the originals, and past the discriminator."""
    optimizer.zero_grad()
    made = model(x)
    loss = F.mse_loss(made, x) + 0.02 * F.softplus(-model.judge(made)).mean()
    loss.backward()
    optimizer.step()
    return loss.detach()


def judge_gradients(model: Inversion, x: Tensor) -> None:
    """Run the loss of the discriminator backward."""
    loss = F.softplus(model.judge(model(x).detach())).mean() + F.softplus(-model.judge(x)).mean()
    loss.backward()


def inversion_step(model: Inversion, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """One update of the encoder and one of the discriminator."""
    loss = encoder_update(model, batch[0], optimizer["encoder"])
    judge_gradients(model, batch[0])
    optimizer["judge"].step()
    return loss


def inversion_step_both_cleared(
    model: Inversion, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]
) -> Tensor:
    """One update of the encoder and one of the discriminator."""
    loss = encoder_update(model, batch[0], optimizer["encoder"])
    optimizer["judge"].zero_grad()
    judge_gradients(model, batch[0])
    optimizer["judge"].step()
    return loss


@pair("missing-zero-grad", group="training", source="scikit-learn")
def discriminator_of_the_encoder_never_cleared(sick: bool) -> Arguments:
    """The loop clears the gradients of the encoder and never those of its discriminator.

    (Hsintien-Ng/idinvert_pytorch-reproduced#1)
    """
    isle_seed()
    images = isle_digits()[0].flatten(1)
    images = images - images.mean(0)
    directions = torch.linalg.svd(images, full_matrices=False).Vh[:16]
    model = Inversion(directions)
    return dict(
        model=model,
        optimizer={
            "encoder": torch.optim.Adam(model.encoder.parameters(), lr=2e-3),
            "judge": torch.optim.Adam(model.judge.parameters(), lr=1e-3),
        },
        train_step=inversion_step if sick else inversion_step_both_cleared,
        task="other",
        **isle_loaders(images, images),
    )


class ClientNet(nn.Module):
    """One hidden layer with dropout, as every client of a federation has it."""

    def __init__(self, *, probabilities: bool) -> None:
        super().__init__()
        self.probabilities = probabilities
        self.hidden, self.drop, self.out = nn.Linear(64, 64), nn.Dropout(0.2), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """What the loss compares with the classes."""
        outputs: Tensor = self.out(F.relu(self.drop(self.hidden(x.flatten(1)))))
        return outputs.softmax(1) if self.probabilities else outputs


@pair("loss-input", group="wiring", source="scikit-learn")
def softmax_of_the_client_before_cross_entropy(sick: bool) -> Arguments:
    """The network of the clients ends in a softmax, and cross-entropy takes another.

    (shaoxiongji/federated-learning#9)
    """
    isle_seed()
    model = ClientNet(probabilities=sick)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


class SmallVAE(nn.Module):
    """A variational autoencoder of two layers each way."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The image made again, and mean and log-variance of its code."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance


def negative_bound_of_the_isle(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    """Squared error and the divergence from the prior, a mean over images."""
    made, mean, log_variance = outputs
    divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1)
    return (0.5 * (made - x) ** 2).sum(1).mean() + divergence.mean()


@healthy(resembles="nondeterminism", source="published")
def autoencoder_with_other_noise_in_every_call() -> Arguments:
    """Each call draws other noise after one and the same seed, which is what a seed means. (pytorch/pytorch#18119)."""
    isle_seed()
    images = isle_digits()[0].flatten(1)
    model = SmallVAE()
    return dict(
        model=model,
        loss_fn=negative_bound_of_the_isle,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **isle_loaders(images, images),
    )
