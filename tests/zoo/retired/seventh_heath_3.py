"""Programs with a bug that was reported: labels, molecules, an adjacency, a policy, and a block of a U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import CausalLMOutput

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    disc_images,
    mean_over_words,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    train_and_val_records,
    word_chains,
)


class RecurrentHeadModel(nn.Module):
    """A recurrent language model that computes its own loss from labels."""

    def __init__(self, *, shifts: bool, words: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 24)
        self.rnn = nn.GRU(24, 48, batch_first=True)
        self.head = nn.Linear(48, words)
        self.shifts = shifts

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> CausalLMOutput:
        logits = self.head(self.rnn(self.embed(input_ids))[0])
        if labels is None:
            return CausalLMOutput(logits=logits)
        scores = logits
        if self.shifts:
            scores, labels = logits[:, :-1], labels[:, 1:]
        loss = F.nll_loss(F.log_softmax(scores, -1).transpose(1, 2), labels)
        return CausalLMOutput(loss=loss, logits=logits)


@pair("causality", group="wiring")
def head_model_given_its_inputs_as_labels(sick: bool) -> Arguments:
    """The documentation says to pass the inputs as labels, but this head model does not shift them.

    (huggingface/transformers#3711)
    """
    seed_torch_and_friends()
    ids = word_chains()
    model = RecurrentHeadModel(shifts=not sick)
    return dict(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="language-model",
        causal=True,
        **train_and_val_records(512, 16, input_ids=ids, labels=ids.clone()),
    )


class MoleculeEncoder(nn.Module):
    """A transformer over the atoms of a molecule, which are averaged."""

    def __init__(self, *, masked: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 32, padding_idx=0)
        self.place = nn.Parameter(0.1 * torch.randn(14, 32))
        layer = nn.TransformerEncoderLayer(32, 4, dim_feedforward=64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 1)
        self.masked = masked

    def forward(self, atoms: Tensor) -> Tensor:
        padding = atoms == 0
        h = self.embed(atoms) + self.place[: atoms.shape[1]]
        h = self.encoder(h, src_key_padding_mask=padding if self.masked else None)
        out: Tensor = self.head(mean_over_words(h, ~padding)).squeeze(1)
        return out


@pair("padding-leak", group="wiring")
def molecules_that_attend_to_their_padding(sick: bool) -> Arguments:
    """The encoder of molecules gets no mask, so atoms attend to the padding behind them.

    (DaoyuanLi2816/Molecule-Generator#22)
    """
    seed_torch_and_friends()
    atoms = torch.randint(1, 12, (640, 14))
    lengths = torch.randint(5, 15, (640,))
    real = torch.arange(14)[None] < lengths[:, None]
    atoms = atoms * real
    polar = ((atoms < 5) & real).sum(1) / lengths
    model = MoleculeEncoder(masked=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="regression",
        padding_value=0,
        **train_and_val(atoms, (polar - polar.mean()) / polar.std(), train=512, batch=16),
    )


class AdaptiveGraph(nn.Module):
    """A graph convolution whose adjacency is learnt from the nodes."""

    def __init__(self, *, cut: bool) -> None:
        super().__init__()
        self.phi = nn.Linear(8, 16)
        self.theta = nn.Linear(8, 16)
        self.first = nn.Linear(8, 48)
        self.second = nn.Linear(48, 48)
        self.head = nn.Linear(8 * 48, 10)
        self.cut = cut

    def forward(self, x: Tensor) -> Tensor:
        nodes = x.squeeze(1)
        adjacency = torch.softmax(self.phi(nodes) @ self.theta(nodes).transpose(1, 2) / 4, -1)
        if self.cut:
            adjacency = adjacency.detach()
        adjacency = (adjacency + torch.eye(nodes.shape[1], device=x.device)) / 2
        h = F.leaky_relu(adjacency @ self.first(nodes), 0.2)
        h = F.leaky_relu(adjacency @ self.second(h), 0.2)
        out: Tensor = self.head(h.flatten(1))
        return out


@pair("detached-graph", group="wiring", source="scikit-learn")
def adaptive_adjacency_that_is_never_adapted(sick: bool) -> Arguments:
    """The adjacency computed by phi and theta is detached, so these two never learn (queenie88/A-GCN#4)."""
    seed_torch_and_friends()
    model = AdaptiveGraph(cut=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(*small_digit_images(), train=1024),
    )


class ActionLikelihood(nn.Module):
    """Minus the log-probability of the actions taken."""

    def __init__(self, *, clamped: bool) -> None:
        super().__init__()
        self.clamped = clamped

    def forward(self, logits: Tensor, actions: Tensor) -> Tensor:
        if self.clamped:
            chosen = torch.softmax(logits, 1).gather(1, actions.unsqueeze(1)).squeeze(1)
            return -torch.clamp(chosen, min=0.001, max=0.99).log().mean()
        return -F.log_softmax(logits, 1).gather(1, actions.unsqueeze(1)).mean()


@pair("zero-gradient-path", group="wiring")
def agent_whose_rare_actions_are_clamped(sick: bool) -> Arguments:
    """Probabilities of chosen tokens are clamped at 0.001, and of a large vocabulary nearly all are below it.

    (DigiRL-agent/digirl#22)
    """
    seed_torch_and_friends()
    state = torch.randn(960, 10)
    actions = 37 * (state @ F.normalize(torch.randn(10, 12), dim=0)).argmax(1) + 5
    model = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 4000))
    return dict(
        model=model,
        loss_fn=ActionLikelihood(clamped=sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="classification",
        **train_and_val(state, actions, train=768),
    )


class TwoConvolutions(nn.Module):
    """Two convolutions, each normalised and rectified."""

    def __init__(self, into: int, out: int, *, in_a_row: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out if in_a_row else into, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.in_a_row = in_a_row

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h if self.in_a_row else x))
        return F.relu(h)


class SaltNet(nn.Module):
    """A U-Net of such blocks."""

    def __init__(self, *, in_a_row: bool) -> None:
        super().__init__()
        self.down = TwoConvolutions(1, 8, in_a_row=in_a_row)
        self.bottom = TwoConvolutions(8, 16, in_a_row=in_a_row)
        self.up = TwoConvolutions(24, 8, in_a_row=in_a_row)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.down(x)
        low = F.interpolate(self.bottom(F.max_pool2d(high, 2)), scale_factor=2)
        out: Tensor = self.head(self.up(torch.cat([high, low], 1)))
        return out


@pair("unused-result", "unused-parameters", group="wiring", source="published")
def salt_masks_from_half_of_the_blocks(sick: bool) -> Arguments:
    """In a block, the second convolution takes the block's input, and what the first made is thrown away.

    (hlamba28/UNET-TGS#3)
    """
    seed_torch_and_friends()
    image, mask, _ = disc_images()
    model = SaltNet(in_a_row=not sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="segmentation",
        **train_and_val(image, mask, train=384, batch=16),
    )


class Chomp(nn.Module):
    """Cuts the end off."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : -self.size].contiguous()


class TemporalBlock(nn.Module):
    """Two dilated convolutions padded on both sides, each cut at the end, with a residual."""

    def __init__(self, into: int, out: int, dilation: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(into, out, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
            nn.Conv1d(out, out, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
        )
        self.skip = nn.Conv1d(into, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x) + self.skip(x)
        return out


class TemporalNet(nn.Module):
    """A temporal convolutional network over words."""

    def __init__(self, words: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 24)
        self.blocks = nn.Sequential(TemporalBlock(24, 32, 1), TemporalBlock(32, 32, 2))
        self.head = nn.Linear(32, words)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.head(self.blocks(self.embed(tokens).transpose(1, 2)).transpose(1, 2))
        return out


def chain_loss_of_words(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the words."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@healthy(resembles="causality", source="published")
def convolutions_padded_at_both_ends_and_chomped() -> Arguments:
    """Convolutions padded on both sides stay causal, because the outputs at the end are cut off (locuslab/TCN#8)."""
    seed_torch_and_friends()
    ids = word_chains(length=17)
    model = TemporalNet()
    return dict(
        model=model,
        loss_fn=chain_loss_of_words,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **train_and_val(ids[:, :-1], ids[:, 1:], train=512, batch=16),
    )
