from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.evidence.losses.extreme import rewards_wrong_signs
from nbinspect.sanity.wiring.loss_direction import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

N = 32
CLASSES = torch.arange(N) % 4
BITS = (torch.arange(N) % 2).float()[:, None]
NUMBERS = torch.linspace(-1, 2, N)[:, None]


def result_of(loss_fn: Any, targets: Tensor, head: nn.Module | None = None, **rest: Any) -> CheckResult:
    torch.manual_seed(0)
    outputs = 4 if targets.dim() == 1 else 1
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, outputs), head or nn.Identity())
    return run_one(CHECK, model=model, loader=[(torch.randn(N, 6), targets)], loss_fn=loss_fn, **rest)


def dice(z: Tensor, y: Tensor) -> Tensor:
    p = z.sigmoid()
    return 2 * (p * y).sum() / (p.sum() + y.sum())


@pytest.mark.parametrize(
    ("loss_fn", "targets"),
    [
        (lambda z, y: -F.cross_entropy(z, y), CLASSES),
        (lambda z, y: z.log_softmax(1)[range(N), y].mean(), CLASSES),
        (lambda z, y: z.softmax(1)[range(N), y].mean(), CLASSES),
        (lambda z, y: -F.binary_cross_entropy_with_logits(z, y), BITS),
        (lambda z, y: -F.mse_loss(z, y), NUMBERS),
        (lambda z, y: -((z - y) ** 2).mean(), NUMBERS),
    ],
)
def test_a_flipped_sign_is_found(loss_fn: Any, targets: Tensor) -> None:
    """A loss with its sign flipped, or a metric that is minimised, fails with the predictions before and after."""
    result = result_of(loss_fn, targets)
    assert result.status == "fail"
    for step in result.measurements[1:]:
        assert float(step.measured) > float(step.expected.split()[-1])


def test_a_metric_needs_its_task_named() -> None:
    """A metric minimised on bits, which several tasks have, is found once the task is named, and skipped before."""
    assert result_of(dice, BITS).status == "skip"
    assert result_of(dice, BITS, task="binary").status == "fail"
    assert result_of(lambda z, y: 1 - dice(z, y), BITS, task="binary").status == "pass"
    assert result_of(lambda z, y: -dice(z, y), BITS, task="binary").status == "pass"


def masks_of(loss_fn: Any, shape: tuple[int, ...] = (8, 1, 6, 6), head: nn.Module | None = None) -> CheckResult:
    torch.manual_seed(0)
    x = torch.randn(8, 2, 6, 6)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1), head or nn.Identity())
    mask = (x[:, :1] > 0.5).float().reshape(shape)
    return run_one(CHECK, model=model, loader=[(x, mask)], loss_fn=loss_fn, task="segmentation")


def soft_dice(p: Tensor, y: Tensor) -> Tensor:
    return 2 * (p.flatten() * y.flatten()).sum() / (p.sum() + y.sum())


def test_a_metric_of_masks_that_is_minimised_is_found() -> None:
    """The overlap with a mask, minimised, fails with the cross-entropy before and after; its complement passes."""
    assert masks_of(dice).status == "fail"
    assert masks_of(lambda z, y: 1 - dice(z, y)).status == "pass"
    assert masks_of(soft_dice, head=nn.Sigmoid()).status == "fail"
    assert masks_of(lambda p, y: -soft_dice(p, y), (8, 6, 6), nn.Sigmoid()).status == "pass"


def test_logits_of_a_map_that_the_loss_squashes_need_no_task() -> None:
    """A minimised overlap is found where the loss takes the channel away and applies the sigmoid itself."""
    overlap = lambda z, y: soft_dice(z.squeeze(1).sigmoid(), y)  # noqa: E731 - as users write it
    torch.manual_seed(0)
    x = torch.randn(8, 2, 6, 6)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))
    for loss_fn, status in ((overlap, "fail"), (lambda z, y: 1 - overlap(z, y), "pass")):
        result = run_one(CHECK, model=model, loader=[(x, (x[:, 0] > 0.5).float())], loss_fn=loss_fn)
        assert result.status == status


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: (z - y).abs().mean(),
        lambda z, y: ((z.tanh() - (2 * y - 1)) ** 2).mean(),
        lambda z, y: (1 - z * (2 * y - 1)).clamp_min(0).mean(),
        lambda z, y: 1 - dice(z, 1 - y),
        lambda z, y: 1 - dice(z, (y == 0).float()),
        lambda z, y: ((z - 0.3) ** 2).mean(),
    ],
)
def test_silent_on_masks_in_whatever_form_they_are_wanted(loss_fn: Any) -> None:
    """Losses of plain values, of signs, of the background, and those that want none have no wrong direction."""
    assert masks_of(loss_fn).status in ("pass", "skip", "inconclusive")


def density(kind: Any, mean: int, sign: float) -> Any:
    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        return sign * kind(z[:, mean], z[:, 1 - mean].exp()).log_prob(y).mean()

    return loss_fn


@pytest.mark.parametrize("kind", [torch.distributions.Normal, torch.distributions.Laplace])
@pytest.mark.parametrize("mean", [0, 1])
def test_a_density_that_is_minimised_is_found(kind: Any, mean: int) -> None:
    """The log-density of targets fails, whichever column is the mean, and its negative passes."""
    torch.manual_seed(0)
    x = torch.randn(N, 6)
    rest = {"model": nn.Linear(6, 2), "loader": [(x, x[:, 0] + 1)], "task": "regression"}
    found = run_one(CHECK, loss_fn=density(kind, mean, 1.0), **rest)
    assert found.status == "fail"
    assert all(float(one.measured) > float(one.expected.split()[-1]) for one in found.measurements[1:])
    assert run_one(CHECK, loss_fn=density(kind, mean, -1.0), **rest).status == "pass"


def test_silent_on_columns_that_are_no_predictions() -> None:
    """Bins, quantiles, shares and broadcasts beside targets of one column are not judged."""
    y = torch.rand(N) + 1
    losses = [
        lambda z, y: F.cross_entropy(z, (y > 1.5).long()),
        lambda z, y: torch.stack(
            [torch.maximum(q * (y - z[:, i]), (q - 1) * (y - z[:, i])) for i, q in QUANTILES]
        ).mean(),
        lambda z, y: -torch.distributions.Gamma(z[:, 0].exp(), z[:, 1].exp()).log_prob(y).mean(),
        lambda z, y: ((z[:, :1] - y) ** 2).mean() + z[:, 1].square().mean(),
    ]
    for loss_fn in losses:
        arguments = {"model": nn.Linear(6, 2), "loader": [(torch.randn(N, 6), y)], "loss_fn": loss_fn}
        assert run_one(CHECK, **arguments, task="regression").status == "skip"


QUANTILES = ((0, 0.1), (1, 0.9))


def test_the_numbers_are_those_of_the_loss() -> None:
    """The loss of perfect predictions is that of the targets themselves."""
    result = result_of(lambda z, y: 3 - F.mse_loss(z, y), NUMBERS)
    assert float(result.measurements[0].measured) == pytest.approx(3)


WEIGHTS = torch.tensor([0.05, 1.0, 5.0, 20.0])


@pytest.mark.parametrize(
    ("loss_fn", "targets", "head"),
    [
        (nn.CrossEntropyLoss(label_smoothing=0.2), CLASSES, None),
        (nn.CrossEntropyLoss(weight=WEIGHTS), CLASSES, None),
        (nn.NLLLoss(), CLASSES, nn.LogSoftmax(1)),
        (nn.CrossEntropyLoss(), CLASSES, nn.Softmax(1)),
        (lambda p, y: -p[range(N), y].mean(), CLASSES, nn.Softmax(1)),
        (lambda z, y: F.multi_margin_loss(z, y) - 7, CLASSES, None),
        (nn.BCELoss(), BITS, nn.Sigmoid()),
        (nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0)), BITS, None),
        (nn.L1Loss(), NUMBERS, None),
        (lambda z, y: -torch.distributions.Normal(z, 0.01).log_prob(y).mean(), NUMBERS, None),
        (lambda z, y: torch.maximum(0.95 * (y - z), -0.05 * (y - z)).mean(), NUMBERS, None),
        (lambda z, y: -F.cosine_similarity(z.T, y.T).mean(), NUMBERS, None),
    ],
)
def test_silent_where_perfect_predictions_are_preferred(loss_fn: Any, targets: Tensor, head: nn.Module | None) -> None:
    """Negative, floorless, weighted, smoothed and quantile losses pass."""
    assert result_of(loss_fn, targets, head).status == "pass"


def test_silent_on_outputs_that_are_not_matched_to_targets() -> None:
    """A density with its own scale among the outputs is skipped or passes, and so is another task."""
    assert result_of(lambda z, y: (z * y[:, None]).mean(), CLASSES, task="other").status == "skip"
    two = nn.Linear(6, 2)
    batch = (torch.randn(N, 6), NUMBERS)
    loss_fn = lambda z, y: F.gaussian_nll_loss(z[:, :1], y, z[:, 1:].exp())  # noqa: E731 - as users write it
    assert run_one(CHECK, model=two, loader=[batch], loss_fn=loss_fn).status in ("skip", "pass")


@pytest.mark.parametrize(
    ("loss_fn", "targets"),
    [
        (lambda z, y: F.mse_loss(z, (y - 50) / 10), 50 + 10 * NUMBERS),
        (lambda z, y: F.mse_loss(z.exp(), y), NUMBERS + 2),
        (F.poisson_nll_loss, torch.full((N, 1), 3.0)),
        (lambda z, y: F.binary_cross_entropy_with_logits(z, 1 - y), BITS),
    ],
)
def test_silent_on_targets_that_the_loss_maps(loss_fn: Any, targets: Tensor) -> None:
    """Targets that are standardised or swapped inside the loss are those that count; so are outputs."""
    for seed in range(4):
        torch.manual_seed(seed)
        batch = (torch.randn(N, 6), targets)
        assert run_one(CHECK, model=nn.Linear(6, 1), loader=[batch], loss_fn=loss_fn).status in ("pass", "skip")


def test_silent_on_losses_of_embeddings() -> None:
    """A loss that pulls embeddings together compares no outputs with targets."""

    def apart(e: Tensor, y: Tensor) -> Tensor:
        near = torch.cdist(e, e)
        return near[y[:, None] == y].mean() - near[y[:, None] != y].mean()

    def together(e: Tensor, y: Tensor) -> Tensor:
        return torch.cdist(e, e)[y[:, None] == y].mean()

    for loss_fn in (apart, together):
        batch = (torch.randn(N, 6), CLASSES)
        assert run_one(CHECK, model=nn.Linear(6, 12), loader=[batch], loss_fn=loss_fn).status in ("pass", "skip")


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_broadcast_is_no_direction() -> None:
    """Outputs (N, 1) against targets (N,) are somebody else's finding."""
    model, batch = nn.Linear(6, 1), (torch.randn(N, 6), NUMBERS[:, 0])
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.MSELoss()).status != "fail"


def test_the_purpose_of_the_user_waives_it() -> None:
    """A direction that is meant is waived with its reason."""
    result = result_of(lambda z, y: -F.cross_entropy(z, y), CLASSES, intended={"loss-direction": "an attack"})
    assert result.status == "waived"


def test_the_model_is_left_as_it_was() -> None:
    """The steps are taken on a copy."""
    model = nn.Linear(6, 4)
    before = model.weight.detach().clone()
    loss_fn = lambda z, y: -F.cross_entropy(z, y)  # noqa: E731 - as users write it
    assert run_one(CHECK, model=model, loader=[(torch.randn(N, 6), CLASSES)], loss_fn=loss_fn).status == "fail"
    assert torch.equal(model.weight, before)
    assert model.weight.grad is None


def correlation(z: Tensor, y: Tensor) -> Tensor:
    a, b = z - z.mean(), y - y.mean()
    return (a * b).sum() / (a.norm() * b.norm())


@pytest.mark.parametrize(
    "likeness",
    [
        correlation,
        lambda z, y: F.cosine_similarity(z.T, y.T).mean(),
        lambda z, y: torch.distributions.Normal(z, 1.0).log_prob(y).mean(),
        lambda z, y: 10 * (1 / F.mse_loss(z, y)).log10(),
    ],
)
def test_a_likeness_that_is_minimised_fails_whatever_computes_it(likeness: Any) -> None:
    """A loss that is highest where outputs are the targets points the wrong way; 1 minus it does not."""
    assert result_of(likeness, NUMBERS).status == "fail"
    assert result_of(lambda z, y: 1 - likeness(z, y), NUMBERS).status != "fail"


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_of_a_critic_is_free(sign: int) -> None:
    """A product of scores and signs grows without end, and is highest nowhere."""
    assert result_of(lambda z, y: sign * (z * y).mean(), 2 * BITS - 1, task="regression").status != "fail"


def untold(loss_fn: Any, outputs: int, targets: torch.Tensor, last: Any = None) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, outputs), last or nn.Identity())
    return run_one(CHECK, model=model, loader=[(torch.randn(len(targets), 6), targets)], loss_fn=loss_fn)


def test_a_likelihood_that_is_minimised_fails_where_no_task_is_known() -> None:
    """Mean and scale in two columns against one target: the density moves with the mean, and its sign is flipped."""

    def likelihood(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        scale = nn.functional.softplus(outputs[:, 1:]) + 0.1
        return torch.distributions.Normal(outputs[:, :1], scale).log_prob(targets).mean()

    targets = torch.randn(32, 1, generator=torch.Generator().manual_seed(1))
    assert untold(likelihood, 2, targets).status == "fail"
    assert untold(lambda outputs, wanted: -likelihood(outputs, wanted), 2, targets).status == "pass"


def test_a_margin_with_its_sign_flipped_is_told_from_a_critic() -> None:
    """Signs as targets: a margin has a floor on one side only, the product of a critic has none on either."""
    signs = (torch.arange(32) % 2 * 2 - 1).float()[:, None]
    assert rewards_wrong_signs(lambda outputs: float(F.softplus(outputs * signs).mean()), signs)
    assert not rewards_wrong_signs(lambda outputs: float(F.softplus(-outputs * signs).mean()), signs)
    assert not rewards_wrong_signs(lambda outputs: float((outputs * signs).mean()), signs)


def test_a_distance_for_pairs_that_are_alike_is_let_be() -> None:
    """A target of 1 may ask for a small output, as where outputs are distances and 1 means that two are alike."""
    alike = (torch.arange(32) % 2).float()[:, None]

    def contrastive(distance: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return (t * distance**2 + (1 - t) * (1 - distance).clamp_min(0) ** 2).mean()

    assert untold(contrastive, 1, alike, nn.Sigmoid()).status != "fail"


def test_a_single_target_tells_no_direction() -> None:
    """A batch of one number is passed over without a warning of PyTorch's about its spread."""
    product = lambda outputs, targets: (outputs * targets).sum()  # noqa: E731 - as users write it
    batch = (torch.zeros(1, 4), torch.full((1, 1), 0.7))
    assert run_one(CHECK, model=nn.Linear(4, 1), loader=[batch], loss_fn=product).status == "skip"


def triplets(vectors: Tensor, labels: Tensor, sign: float) -> Tensor:
    distances, same = torch.cdist(vectors, vectors), labels[:, None] == labels[None]
    valid = (same & ~torch.eye(len(labels), dtype=torch.bool)).unsqueeze(2) & ~same.unsqueeze(1)
    return F.relu(sign * (distances.unsqueeze(2) - distances.unsqueeze(1)) + 0.4)[valid].mean()


@pytest.mark.parametrize(("sign", "status"), [(-1.0, "fail"), (1.0, "skip")])
def test_a_loss_of_distances_that_parts_a_class_fails(sign: float, status: str) -> None:
    """A triplet loss whose mates and strangers have changed places fails, and the right one does not."""
    result = result_of(lambda z, y: triplets(z, y, sign), CLASSES, task="other")
    assert result.status == status
    assert status != "fail" or "apart" in result.title, result.detail


@pytest.mark.parametrize(
    "loss_fn",
    [lambda z, y: -z.square().mean(), lambda z, y: (z.cov() ** 2).mean(), F.cross_entropy],
)
def test_a_loss_that_sees_no_classes_or_no_distances_is_not_judged_by_them(loss_fn: Any) -> None:
    """A loss of vectors whatever their class, and one of each of their numbers, say nothing of mates and strangers."""
    assert result_of(loss_fn, CLASSES, task="other").status == "skip"


def mixture(z: Tensor, y: Tensor) -> Tensor:
    weight, mean, scale = z.chunk(3, -1)
    parts = torch.distributions.Normal(mean, scale.exp()).log_prob(y)
    return torch.logsumexp(weight.log_softmax(-1) + parts, -1).mean()


def student(z: Tensor, y: Tensor) -> Tensor:
    return torch.distributions.StudentT(3.0, z[:, :1], F.softplus(z[:, 1:2])).log_prob(y).mean()


def of_density(loss_fn: Any, **rest: Any) -> CheckResult:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 9))
    return run_one(CHECK, model=model, loader=[(torch.randn(N, 6), NUMBERS)], loss_fn=loss_fn, task="other", **rest)


@pytest.mark.parametrize("loss_fn", [mixture, student])
def test_a_log_density_that_is_minimised_fails(loss_fn: Any) -> None:
    """A log-likelihood of numbers handed over without its minus fails, whatever the outputs of the network are."""
    result = of_density(loss_fn)
    assert (result.status, result.confirmed) == ("fail", True)
    assert float(result.measurements[0].measured) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: -mixture(z, y),
        lambda z, y: -student(z, y),
        lambda z, y: -(z[:, :1] * y).mean(),
        lambda z, y: ((z - y) ** 2).min(1).values.mean(),
        lambda z, y: -torch.cos(z[:, :1] - y).mean(),
        lambda z, y: torch.tanh((z[:, :1] - y).abs()).mean(),
    ],
)
def test_other_losses_of_any_outputs_are_no_log_density(loss_fn: Any) -> None:
    """A negative log-likelihood, a product, a distance and a bounded loss are nothing to fail."""
    assert of_density(loss_fn).status == "skip"


def test_a_step_may_give_a_log_density_its_minus() -> None:
    """A step of the user's own that maximises what `loss_fn` gives is not judged by the loss alone."""

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = -mixture(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    assert of_density(mixture, train_step=train_step, optimizer=lambda own: torch.optim.SGD(own, 0.1)).status != "fail"


class TwoViews(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        return self.body(one), self.body(other)


def result_of_views(loss_fn: Any, **rest: Any) -> CheckResult:
    torch.manual_seed(0)
    rows = torch.randn(N, 6)
    batch = (rows, rows + 0.3 * torch.randn(N, 6), torch.arange(N))
    return run_one(CHECK, model=TwoViews(), loader=[batch], loss_fn=loss_fn, task="other", **rest)


def log_share(z: tuple[Tensor, Tensor]) -> Tensor:
    scores = F.normalize(z[0], dim=1) @ F.normalize(z[1], dim=1).T / 0.2
    return (scores.diagonal() - scores.logsumexp(1)).mean()


def margin_of_strangers(z: tuple[Tensor, Tensor], sign: float) -> Tensor:
    distances = torch.cdist(*z)
    own = distances.diagonal()[:, None]
    return F.relu(sign * (own - distances) + 1.0)[~torch.eye(N, dtype=torch.bool)].mean()


class Ends(nn.Module):
    """What each node is as the source of links, and as their target."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.ends = nn.Sequential(nn.Linear(16, 32), nn.ReLU()), nn.Linear(32, 16)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.ends(self.body(x)).chunk(2, 1)


@pytest.mark.parametrize("seed", range(4))
def test_sources_and_targets_of_links_may_part(seed: int) -> None:
    """In a directed graph no node has a link to itself: that it is unlike itself, and like its neighbours, is right."""
    torch.manual_seed(seed)
    links = ((torch.rand(8, 8) < 0.5) & ~torch.eye(8, dtype=torch.bool)).float()
    weight = (1 - links).sum() / links.sum()

    def of_links(z: tuple[Tensor, Tensor], links: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(z[0] @ z[1].T, links, pos_weight=weight)

    found = run_one(CHECK, model=Ends(), loader=[(torch.randn(8, 16), links)], loss_fn=of_links, task="other")
    assert found.status == "skip"


@pytest.mark.parametrize("loss_fn", [lambda z, y: log_share(z), lambda z, y: margin_of_strangers(z, -1.0)])
def test_a_contrast_of_partners_with_its_sign_flipped_fails(loss_fn: Any) -> None:
    """Two views whose share among all others is minimised are driven apart, and strangers drawn together."""
    result = result_of_views(loss_fn)
    assert result.status == "fail"
    assert "partners" in result.title


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: -log_share(z),
        lambda z, y: margin_of_strangers(z, 1.0),
        lambda z, y: (F.normalize(z[0], dim=1) * F.normalize(z[1], dim=1)).sum(1).square().mean(),
        lambda z, y: F.cosine_similarity(z[0], z[1]).mean(),
        lambda z, y: (z[0].T @ z[1]).square().sum(),
        lambda z, y: 0.5 * (z[0].square() + z[1].exp() - z[1] - 1).sum(1).mean(),
        lambda z, y: ((z[0] - 1.0).square() / z[1].exp() + z[1]).mean(),
    ],
)
def test_silent_on_other_losses_of_two_outputs(loss_fn: Any) -> None:
    """Contrasts, outputs that are to differ pair by pair or at right angles, means and variances are let be."""
    assert result_of_views(loss_fn).status == "skip"


def test_a_step_may_give_a_contrast_its_minus() -> None:
    """A step of the user's own that maximises what `loss_fn` gives is not judged by the loss alone."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = -log_share(model(*batch[:2]))
        loss.backward()
        optimizer.step()
        return loss

    model = TwoViews()
    rest = {"train_step": step, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "model": model}
    batch = (torch.randn(N, 6), torch.randn(N, 6), torch.arange(N))
    found = run_one(CHECK, loader=[batch], loss_fn=lambda z, y: log_share(z), task="other", **rest)
    assert found.status != "fail"


def partial_likelihood(z: Tensor, y: Tensor) -> Tensor:
    order = y[:, 0].argsort(descending=True)
    ranked = z[order, 0]
    return ((ranked - ranked.logcumsumexp(0)) * y[order, 1]).mean()


class Encodes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.code, self.back = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.code(x).chunk(2, 1)
        return self.back(mean), mean, spread


def bound(z: Any, y: Tensor, sign: float = 1.0) -> Tensor:
    divergence = -0.5 * (1 + z[2] - z[1].square() - z[2].exp()).sum(1).mean()
    return F.mse_loss(z[0], y) + sign * divergence


SURVIVED = torch.stack([torch.linspace(1, 5, N).roll(7), (torch.arange(N) % 3 > 0).float()], 1)


@pytest.mark.parametrize(("sign", "status"), [(1.0, "fail"), (-1.0, "skip")])
def test_a_partial_likelihood_that_is_minimised_fails(sign: float, status: str) -> None:
    """A loss that has a highest value and no lowest one, whatever it computes, points the wrong way."""
    torch.manual_seed(0)
    loss_fn = lambda z, y: sign * partial_likelihood(z, y)  # noqa: E731 - as users write it
    batch = (torch.randn(N, 6), SURVIVED)
    assert run_one(CHECK, model=nn.Linear(6, 1), loader=[batch], loss_fn=loss_fn, task="other").status == status


def test_the_negative_of_a_loss_fails_whatever_the_task() -> None:
    """A cross-entropy that is maximised points the wrong way also where the user says that the task is another."""
    assert result_of(lambda z, y: -F.cross_entropy(z, y), CLASSES, task="other").status == "fail"


@pytest.mark.parametrize(("sign", "failed"), [(-1.0, True), (1.0, False)])
def test_a_term_with_its_sign_flipped_fails(sign: float, failed: bool) -> None:
    """A divergence that is subtracted from a bound is found in the outputs that it alone depends on."""
    x = torch.randn(N, 6)
    loss_fn = lambda z, y: bound(z, y, sign)  # noqa: E731 - as users write it
    found = run_one(CHECK, model=Encodes(), loader=[(x, x)], loss_fn=loss_fn)
    assert (found.status == "fail") is failed


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: F.logsigmoid(-z).mean(),
        lambda z, y: -(z * y).mean(),
        lambda z, y: torch.log1p((z - y) ** 2).mean(),
        lambda z, y: ((z - y).abs() + 1e-6).sqrt().mean(),
        lambda z, y: -(z.sigmoid() * y).sum() + (z**2).mean(),
        lambda z, y: -torch.pdist(F.normalize(z, dim=1)).mean(),
    ],
)
def test_losses_that_end_somewhere_are_let_be(loss_fn: Any) -> None:
    """A generator's and a critic's loss, robust distances, rewards and vectors held on a sphere have no wrong way."""
    torch.manual_seed(0)
    batch = (torch.randn(N, 6), torch.randn(N, 3))
    found = run_one(CHECK, model=nn.Linear(6, 3), loader=[batch], loss_fn=loss_fn, task="other")
    assert found.status in ("skip", "pass")


def contrast_step(sign: float) -> Any:
    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        one, other = model(batch[0]), model(batch[0] + 0.1)
        loss = sign * (one @ other.T).log_softmax(1).diagonal().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def weighted_step(model: Any, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = (model(batch[0]).log_softmax(1)[:, 0] * (batch[1] - 2.0)).mean()
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize(
    ("step", "failed"), [(contrast_step(1.0), True), (contrast_step(-1.0), False), (weighted_step, False)]
)
def test_a_share_that_a_step_makes_small_is_seen_in_the_graph(step: Any, failed: bool) -> None:
    """The plain mean of chosen logarithms of shares is to rise; with weights of each sample nothing is known."""
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = run_one(CHECK, model=model, loader=[(torch.randn(N, 6), CLASSES)], train_step=step, optimizer=optimizer)
    assert (found.status == "fail") is failed


class OwnLoss(nn.Module):
    def __init__(self, sign: float) -> None:
        super().__init__()
        self.fc, self.sign = nn.Linear(6, 4), sign

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.fc(x)
        return {"loss": self.sign * F.cross_entropy(logits, labels), "logits": logits}


@pytest.mark.parametrize(("sign", "failed"), [(-1.0, True), (0.5, False)])
def test_a_loss_of_the_model_itself_is_read_off_the_graph(sign: float, failed: bool) -> None:
    """A model that returns the negative of its own cross-entropy fails."""
    found = run_one(CHECK, model=OwnLoss(sign), loader=[{"x": torch.randn(N, 6), "labels": CLASSES}])
    assert (found.status == "fail") is failed


def step_by_hand(way: float, sign: float = 1.0) -> Any:
    def step(model: Any, batch: Any) -> Tensor:
        model.zero_grad()
        loss = sign * F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(parameter.grad, alpha=0.02 * way)
        return loss

    return step


@pytest.mark.parametrize(
    ("step", "status"), [(step_by_hand(1.0), "fail"), (step_by_hand(-1.0), "pass"), (step_by_hand(1.0, -1.0), "pass")]
)
def test_a_step_up_the_gradient_fails(step: Any, status: str) -> None:
    """Parameters that move along the gradient of a loss fail; along that of its negative they are right."""
    torch.manual_seed(0)
    found = run_one(CHECK, model=nn.Linear(6, 1), loader=[(torch.randn(N, 6), NUMBERS)], train_step=step)
    assert found.status == status


class Disturbs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Parameter(torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.patch


@pytest.mark.parametrize("model", [Disturbs(), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6))])
def test_what_another_network_judges_may_be_to_mislead_it(model: nn.Module) -> None:
    """A patch against a classifier, and a generator against a critic, raise the loss of one that is not trained."""
    torch.manual_seed(0)
    other = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4)).requires_grad_(requires_grad=False)
    loss_fns = (lambda z, y: -F.cross_entropy(other(z), y), lambda z, y: -other(z)[torch.arange(N), y].mean())
    for loss_fn in loss_fns:
        found = run_one(CHECK, model=model, loader=[(torch.randn(N, 6), CLASSES)], loss_fn=loss_fn)
        assert found.status != "fail"


def test_a_frozen_head_may_be_misled() -> None:
    """An encoder may be trained to raise the loss of a head behind it that is not trained."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4).requires_grad_(requires_grad=False))
    batch = (torch.randn(N, 6), CLASSES)
    found = run_one(CHECK, model=model, loader=[batch], loss_fn=lambda z, y: -F.cross_entropy(z, y))
    assert found.status == "skip"


@pytest.mark.parametrize(
    "weigh",
    [
        lambda own, batch: -(own * batch[2]).mean(),
        lambda own, batch: -own.mean() * batch[2][0].item(),
        lambda own, batch: -own.mean() * -12.5,
    ],
)
def test_a_reward_that_is_a_whole_number_or_read_out_is_no_sign(weigh: Any) -> None:
    """A policy gradient with a reward below 0 makes the action less likely, and that is right."""
    torch.manual_seed(0)
    model = nn.Linear(6, 4)

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        own = model(batch[0]).log_softmax(1).gather(1, batch[1][:, None])[:, 0]
        loss: Tensor = weigh(own, batch)
        loss.backward()
        optimizer.step()
        return loss

    batch = (torch.randn(N, 6), CLASSES, -torch.ones(N, dtype=torch.long))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = run_one(CHECK, model=model, loader=[batch], train_step=step, optimizer=optimizer, task="other")
    assert found.status != "fail"


def test_gradients_whose_sign_a_step_turns_are_right() -> None:
    """A likelihood whose gradients are turned over before the optimizer rises, though Adam goes by their signs."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = -F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        for parameter in model.parameters():
            parameter.grad.neg_()
        optimizer.step()
        return loss

    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    found = run_one(CHECK, model=model, loader=[(torch.randn(N, 6), CLASSES)], train_step=step, optimizer=optimizer)
    assert found.status == "pass"


def test_momentum_that_overshoots_is_no_climb() -> None:
    """A single number that momentum carries past its best moves along the gradient for a while."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.95)
    x = torch.randn(N, 1)

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    while model.weight.item() < 2.05:  # as long as it takes
        step(model, (x, 2 * x), optimizer)
    found = run_one(CHECK, model=model, loader=[(x, 2 * x)], train_step=step, optimizer=optimizer)
    assert found.status == "pass"


def test_what_was_learnt_may_be_meant_to_be_forgotten() -> None:
    """The negative of a loss is a warning where the network knows the answers."""
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    x = torch.randn(N, 6)
    x[torch.arange(N), CLASSES] += 4.0
    with torch.no_grad():
        model.weight.copy_(4 * torch.eye(4, 6))
    found = run_one(CHECK, model=model, loader=[(x, CLASSES)], loss_fn=lambda z, y: -F.cross_entropy(z, y))
    assert found.status == "warn"


class WithWeights(nn.Linear):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override] # as users write it
        return super().forward(x), self.weight


def principal(z: Any, y: Tensor) -> Tensor:
    return 10 * (z[1] @ z[1].T - torch.eye(2)).square().sum() - z[0].square().sum(1).mean()


def shared(z: Tensor, y: Tensor) -> Tensor:
    kinds = F.one_hot(y, 4).float()
    return -(z.T @ (kinds - kinds.mean(0)) / N).square().sum()


@pytest.mark.parametrize(
    ("model", "loss_fn"),
    [
        (WithWeights(6, 2), principal),
        (nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2, affine=False)), shared),
    ],
)
def test_outputs_that_are_held_may_be_spread(model: nn.Module, loss_fn: Any) -> None:
    """A spread that a penalty of the weights, or a norm, holds within bounds may be as large as it gets."""
    torch.manual_seed(0)
    found = run_one(CHECK, model=model, loader=[(torch.randn(N, 6), CLASSES)], loss_fn=loss_fn, task="other")
    assert found.status == "skip"


def test_targets_with_a_column_of_rewards_tell_no_direction() -> None:
    """Actions beside what they are worth: those that were bad are to become less likely."""
    torch.manual_seed(0)
    batch = (torch.randn(N, 6), torch.cat([torch.randn(N, 2), -torch.rand(N, 1) - 1], 1))
    loss_fn = lambda z, y: (((z - y[:, :2]) ** 2).sum(1) * y[:, 2]).mean()  # noqa: E731 - as users write it
    assert run_one(CHECK, model=nn.Linear(6, 2), loader=[batch], loss_fn=loss_fn).status != "fail"


def side_by_side(loss_fn: Any, **rest: Any) -> CheckResult:
    """A mask and an image, both predicted as a column of the outputs of one network."""
    torch.manual_seed(0)
    x = torch.randn(8, 2, 6, 6)
    targets = torch.cat([(x[:, :1] > 0.5).float(), x[:, 1:] + x[:, :1]], 1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    return run_one(CHECK, model=model, loader=[(x, targets)], loss_fn=loss_fn, **rest)


def overlap(z: Tensor, y: Tensor) -> Tensor:
    p = z.sigmoid()
    return 2 * (p * y).sum() / (p.square().sum() + y.square().sum())


def with_overlap(sign: float) -> Any:
    """How like the masks are, with a sign, beside how far the images are apart."""

    def likeness(p: Tensor, y: Tensor) -> Tensor:
        return 2 * (p * y).sum() / (p.square().sum() + y.square().sum())

    return lambda z, y: sign * likeness(z[:, 0], y[:, 0]) + 0.1 * F.mse_loss(z[:, 1], y[:, 1])


@pytest.mark.parametrize("told", [{}, {"task": "other"}])
def test_a_term_that_minimises_the_likeness_of_one_column_fails(told: Any) -> None:
    """An overlap that is added without its minus, beside an error that is right, fails with its column."""
    found = side_by_side(with_overlap(1.0), **told)
    assert found.status == "fail"
    assert "column 0" in found.summary
    assert side_by_side(with_overlap(-1.0), **told).status != "fail"


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda z, y: 1 - overlap(z[:, 0], y[:, 0]) + F.mse_loss(z[:, 1], y[:, 1]),
        lambda z, y: F.mse_loss(z[:, 1], y[:, 1]) + correlation(z[:, 0], y[:, 0]).square(),
        lambda z, y: F.mse_loss(z[:, 1], y[:, 1]) + (z[:, 0] * y[:, 0]).mean() + z[:, 0].square().mean(),
        lambda z, y: ((z - y) ** 2).mean(),
        lambda z, y: F.mse_loss(z[:, 1], y[:, 1]) + F.mse_loss(z[:, 0], 1 - y[:, 0]),
    ],
)
def test_silent_on_terms_that_want_the_column_or_want_it_free_of_its_targets(loss_fn: Any) -> None:
    """Errors, an overlap that grows, the background, and what is to tell nothing of a column have no wrong way."""
    assert side_by_side(loss_fn, task="other").status != "fail"


class Twins(nn.Module):
    """Two rows through the same network: their distance, both vectors, or a score of how they differ."""

    def __init__(self, gives: str) -> None:
        super().__init__()
        self.body, self.score, self.gives = nn.Linear(12, 8), nn.Linear(8, 1, bias=False), gives

    def forward(self, one: Tensor, other: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        one, other = self.body(one), self.body(other)
        if self.gives == "vectors":
            return one, other
        if self.gives == "score":
            return self.score((one - other).abs()).squeeze(1)
        return ((one - other).square().sum(1) + 1e-8).sqrt()


def contrast(together: int) -> Any:
    def loss(outputs: Any, label: Tensor) -> Tensor:
        apart = outputs if isinstance(outputs, Tensor) else (outputs[0] - outputs[1]).norm(dim=1)
        near = (label == together).float()
        return (near * apart**2 + (1 - near) * (4 - apart).clamp(min=0) ** 2).mean()

    return loss


def of_pairs(gives: str, loss_fn: Any, alike: float = 0.5, louder: float = 1.0) -> CheckResult:
    """The check on pairs, of which those labelled 1 are a row and a near one, at that distance, times a number."""
    torch.manual_seed(0)
    batches = []
    for _ in range(3):
        one, label = torch.randn(N, 12), torch.arange(N) % 2
        other = torch.where(label[:, None] == 1, louder * (one + alike * torch.randn(N, 12)), torch.randn(N, 12))
        batches.append((one, other, label))
    return run_one(CHECK, model=Twins(gives), loader=batches, loss_fn=loss_fn, task="other")


@pytest.mark.parametrize("gives", ["distance", "vectors"])
def test_pairs_that_are_alike_and_driven_apart_are_a_warning(gives: str) -> None:
    """A contrastive loss that takes the label of mates for that of strangers is told by the inputs of the pairs."""
    result = of_pairs(gives, contrast(0))
    assert result.status == "warn"
    assert "labelled 1" in result.summary
    assert of_pairs(gives, contrast(1)).status != "warn"


def test_scores_of_pairs_and_pairs_that_no_input_tells_are_silent() -> None:
    """What a network learns to score may have any sign, and pairs that differ alike may be mates or strangers."""
    scored = lambda z, y: F.binary_cross_entropy_with_logits(z, y.float())  # noqa: E731 - as users write it
    assert of_pairs("score", scored).status != "warn"
    assert of_pairs("distance", contrast(0), alike=2**0.5).status != "warn"


def test_mates_that_are_made_louder_or_noisier_are_silent() -> None:
    """Mates of which one is scaled, or noisy, lie farther apart than strangers, but have the more in common."""
    assert of_pairs("distance", contrast(1), louder=4).status != "warn"
    assert of_pairs("distance", contrast(1), alike=2).status != "warn"
