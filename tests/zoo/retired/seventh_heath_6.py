"""Programs with a bug that was reported: a threshold, a dropout, a discriminator, two low ranks, a fusion."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    UNet,
    disc_images,
    fitted,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    tumour_measures,
    word_chains,
)


class ThresholdedDice(nn.Module):
    """Soft Dice loss, of a thresholded prediction where a threshold is given."""

    def __init__(self, threshold: float | None) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        p = torch.sigmoid(logits)
        if self.threshold is not None:
            p = (p > self.threshold).type(p.dtype).clone().requires_grad_()
        p, mask = p.flatten(1), mask.flatten(1)
        return 1 - ((2 * (p * mask).sum(1) + 1) / (p.sum(1) + mask.sum(1) + 1)).mean()


@pair("zero-gradient-path", "detached-graph", group="wiring", source="published")
def dice_of_what_passes_a_threshold(sick: bool) -> Arguments:
    """The Dice loss thresholds the prediction into a new tensor that wants gradients, so the network gets none.

    (qubvel-org/segmentation_models.pytorch#611)
    """
    seed_torch_and_friends()
    image, mask, _ = disc_images()
    model = UNet()
    return dict(
        model=model,
        loss_fn=ThresholdedDice(0.5 if sick else None),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="segmentation",
        **train_and_val(image, mask, train=384, batch=16),
    )


class ConnectedLayer(nn.Module):
    """A layer of a transformer with causal attention."""

    def __init__(self, dim: int, *, assigned: bool, rate: float = 0.1) -> None:
        super().__init__()
        self.attn_norm, self.mlp_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.assigned = assigned
        self.rate = rate

    def attention(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        query, key, value = (part.view(n, t, 4, d // 4).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(n, t, d))
        return out

    def connect(self, x: Tensor, dx: Tensor) -> Tensor:
        if self.assigned:
            dx = F.dropout(dx, self.rate, training=self.training)
        else:
            F.dropout(dx, self.rate)
        return x + dx

    def forward(self, x: Tensor) -> Tensor:
        x = self.connect(x, self.attention(self.attn_norm(x)))
        return self.connect(x, self.mlp(self.mlp_norm(x)))


class TemplateGPT(nn.Module):
    """A small transformer that predicts the next word."""

    def __init__(self, *, assigned: bool, words: int = 24) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, 32), nn.Embedding(16, 32)
        self.layers = nn.Sequential(*(ConnectedLayer(32, assigned=assigned) for _ in range(2)))
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, words)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.place(torch.arange(tokens.shape[1], device=tokens.device))
        out: Tensor = self.head(self.norm(self.layers(x)))
        return out


def chain_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the words."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@pair("unused-result", group="wiring", source="published")
def residuals_whose_dropout_goes_nowhere(sick: bool) -> Arguments:
    """`F.dropout(dx, rate)` is called in the residual connections and its result not assigned.

    (evintunador/templateGPT#1)
    """
    seed_torch_and_friends()
    ids = word_chains(length=17)
    model = TemplateGPT(assigned=not sick)
    return dict(
        model=model,
        loss_fn=chain_loss,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **train_and_val(ids[:, :-1], ids[:, 1:], train=512, batch=16),
    )


class Boundary(nn.Module):
    """The autoencoder that serves BEGAN as its discriminator."""

    def __init__(self, *, reads: str, width: int = 12) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv_2 = nn.Conv2d(width, width, 3, padding=1)
        self.layer_2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv_3 = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.conv_4 = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.layer_3 = nn.Conv2d(width if reads == "conv_2" else 2 * width, 3 * width, 3, stride=2, padding=1)
        self.code = nn.Linear(3 * width * 16, 24)
        self.decode = nn.Sequential(nn.Linear(24, 96), nn.ELU(), nn.Linear(96, 64))
        self.reads = reads

    def forward(self, x: Tensor) -> Tensor:
        maps = {"conv_2": F.elu(self.conv_2(F.elu(self.conv_1(x))))}
        half = F.elu(self.layer_2(maps["conv_2"]))
        maps["conv_4"] = F.elu(self.conv_4(F.elu(self.conv_3(half))))
        last = F.elu(self.layer_3(maps[self.reads]))
        out: Tensor = self.decode(self.code(last.flatten(1))).view(x.shape)
        return out


@pair("unused-parameters", group="wiring", source="published")
def discriminator_that_skips_its_middle(sick: bool) -> Arguments:
    """The third layer reads `conv_2` where it should read `conv_4`, so the maps in between lead nowhere.

    (artcg/BEGAN#19)
    """
    seed_torch_and_friends()
    x, _ = small_digit_images()
    model = Boundary(reads="conv_2" if sick else "conv_4")
    return dict(
        model=model,
        loss_fn=nn.L1Loss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **train_and_val(x, x.clone(), train=1024),
    )


class LowRank(nn.Module):
    """A frozen layer and a trainable update of low rank."""

    def __init__(self, base: nn.Linear, rank: int = 8) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_a = nn.Linear(base.in_features, rank, bias=False)
        self.lora_b = nn.Linear(rank, base.out_features, bias=False)
        self.init_weights()

    def init_weights(self) -> None:
        """Start as the frozen layer alone."""
        nn.init.kaiming_uniform_(self.lora_a.weight, a=5**0.5)
        nn.init.zeros_(self.lora_b.weight)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.base(x) + self.lora_b(self.lora_a(x))
        return out


@pair("symmetric-init", group="init", source="scikit-learn")
def adapters_added_before_the_weights_were_set(sick: bool) -> Arguments:
    """The adapters are added before the weights are set, so both of their factors are zero and neither ever moves.

    (nvidia-cosmos/cosmos-predict2.5#15)
    """
    seed_torch_and_friends()
    x, y = small_digit_images()
    upright = train_and_val(x.flatten(1), y, train=1024)
    first, last = nn.Linear(64, 64), nn.Linear(64, 10)
    fitted(nn.Sequential(first, nn.Tanh(), last), nn.CrossEntropyLoss(), upright["loader"], steps=96)
    adapters = [LowRank(first), LowRank(last)]
    if sick:
        for adapter in adapters:
            nn.init.zeros_(adapter.lora_a.weight)
    model = nn.Sequential(adapters[0], nn.Tanh(), adapters[1])
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    turned = train_and_val(x.rot90(1, (2, 3)).flatten(1), y, train=1024)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **turned)


class Fusion(nn.Module):
    """Two modalities, each with its encoder, and a head on both."""

    def __init__(self) -> None:
        super().__init__()
        self.top = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Dropout(0.4))
        self.bottom = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Dropout(0.4))
        self.head = nn.Linear(128, 10)

    def forward(self, top: Tensor, bottom: Tensor) -> Tensor:
        out: Tensor = self.head(torch.cat([self.top(top), self.bottom(bottom)], 1))
        return out


def fused_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes."""
    model.eval()
    with torch.no_grad():
        return float((model(batch[0], batch[1]).argmax(1) == batch[2]).float().mean())


def fused_accuracy_after_train(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes."""
    model.eval()
    with torch.no_grad():
        model.train()
        return float((model(batch[0], batch[1]).argmax(1) == batch[2]).float().mean())


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def fused_views_scored_after_a_stray_train(sick: bool) -> Arguments:
    """Validation calls eval() and, a few lines later, train() before the forward pass (pliang279/MultiBench#26)."""
    seed_torch_and_friends()
    x, y = small_digit_images()
    model = Fusion()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        eval_step=fused_accuracy_after_train if sick else fused_accuracy,
        **train_and_val(x[:, 0, :4].flatten(1), x[:, 0, 4:].flatten(1), y, train=1024),
    )


@healthy(resembles="symmetric-init", source="scikit-learn")
def linear_scores_that_start_at_zero() -> Arguments:
    """The one layer of a linear model starts at zero, where no symmetry needs to be broken.

    (jthickstun/pytorch_musicnet#4)
    """
    seed_torch_and_friends()
    x, y = tumour_measures()
    linear = nn.Linear(30, 1)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    model = nn.Sequential(linear, nn.Flatten(0))
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **train_and_val(x, y, train=448),
    )
