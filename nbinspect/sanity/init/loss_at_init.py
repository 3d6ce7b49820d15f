"""`loss-at-init`: does the loss of the untrained network begin where chance puts it?"""

from __future__ import annotations

from math import inf, isfinite

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, of_unknown_task, passed, warned
from nbinspect.sanity.evidence.layers.depth import Layer
from nbinspect.sanity.evidence.layers.head import head_before, oversize
from nbinspect.sanity.evidence.losses.chance import Chance
from nbinspect.sanity.evidence.losses.cosines import of_cosines
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.task import task_of
from nbinspect.sanity.trials.running.comparison import losses_of


def run(
    training_pass: Recorded,
    untrained: Untrained,
    task: TaskRecord,
    program: Program,
    batches: tuple[Batch, ...],
    *,
    most: float = 3.0,
    watch: float = 2.0,
    oversized: float = 4.0,
    steps: int = 10,
) -> CheckResult:
    """Compare the loss with the value of the very same call on equal logits; of regression, on the mean target or 0.

    Large logits of usual weights, as sums over the nodes of a graph are, are a warning where few `steps` shrink them.

    Args:
        training_pass: what trains, the user's own step where one is given.
        untrained: with what chance gives.
        task: what is known of it.
        program: trained on a copy; left unchanged.
        batches: for that.
        most: times chance that no healthy initialisation gives; for regression its square times ten.
        watch: times chance that is worth a look, and a defect where the last layer itself was drawn too large:
        oversized: times the usual size of its weights, one over the root of its inputs.
        steps: in which a healthy program is at chance.
    """
    recorded, task = training_pass, task_of(training_pass, task)
    if task.kind == "other":
        return of_unknown_task(task)
    chance = untrained.chance
    if chance is None:
        return inconclusive(
            "the loss is not one that can be computed on other outputs",
            settle="Work out by hand what your loss gives on outputs that know nothing, and compare it with the first.",
        )
    expected = max(chance.uninformed, chance.prior) if chance.is_regression else chance.uninformed
    if not (isfinite(chance.measured) and isfinite(expected) and expected > 0):
        return inconclusive(f"{chance.call.name} is {chance.measured:.3g}", settle="A loss that is finite and above 0.")
    ratio = chance.measured / expected
    if chance.is_regression:
        drawn, odd = oversized, False
        grave = ratio > 10 * most**2 and _scale(chance.call.outputs) > 10 * max(1.0, _scale(chance.call.targets))
    else:
        drawn = oversize(head_before(recorded, chance.call.operation))
        grave, odd = ratio > most or (ratio > watch and drawn > oversized), ratio > watch
    seen = f"{chance.measured:.4g}, chance gives {expected:.4g}"
    if not (grave or odd):
        return passed(seen)
    if _knows_targets(recorded, chance, head_before(recorded, chance.call.operation)):
        settle = "The targets go into the logits behind the last layer (a margin, say); look at them without."
        return inconclusive(seen, settle=settle)
    if not chance.is_regression and of_cosines(recorded, chance.call):
        return inconclusive(seen, settle="Logits are products of vectors of one length, by a number: is it meant?")
    # a part at rest was trained elsewhere, and so perhaps was the last layer, for other targets
    rests = _is_on_frozen(recorded, chance.call.operation) and not drawn > oversized
    if grave and not rests and not chance.is_regression and 0 < drawn <= oversized:
        losses = losses_of(program, batches, steps)
        grave = losses is None or not min(losses, default=inf) < expected
    return _told(chance, expected, head_before(recorded, chance.call.operation), grave and not rests, rests)


def _told(chance: Chance, expected: float, head: Layer | None, grave: bool, rests: bool) -> CheckResult:
    spread = _scale(chance.call.outputs)
    what = "outputs" if chance.is_regression else "logits"
    kind = "partly frozen" if rests else "untrained"
    return (failed if grave else warned)(
        f"{chance.measured:.4g} instead of {expected:.4g}",
        measured(f"{chance.call.name} at the start", chance.measured, f"{expected:.4g} (chance)"),
        measured(f"typical size of the {what}", spread, "below 1 for an untrained network"),
        measured("size of the last layer's weights, times √inputs", oversize(head), "about 1"),
        title=f"The loss begins at {chance.measured:.3g}, not at {expected:.3g}",
        detail=f"The same loss on outputs that know nothing is {expected:.4g}: the {kind} network is confident and "
        f"wrong, and the first steps are spent on shrinking its {what}.",
        remedy=f"Scale the last layer's initial weights by {min(0.5, 0.5 / max(spread, 1e-30)):.2g}, or set them to 0.",
        where=head.name if head is not None else chance.call.name,
        place=chance.call.operation.step.place,
    )


def _is_on_frozen(recorded: Recorded, operation: Operation) -> bool:
    """Whether an operation depends on weights that are not trained."""
    given = (tensor for one in ancestors(recorded, operation) for tensor in one.given)
    return any(isinstance(one, nn.Parameter) and one.dim() > 1 and not one.requires_grad for one in given)


def _knows_targets(recorded: Recorded, chance: Chance, head: Layer | None) -> bool:
    """Whether what the loss compares with the targets was itself made with them, behind the last layer or within it.

    What came before, as the words that a decoder goes on from, makes no logits large.
    """
    made_by = chance.call.operation.step.inputs[0].step
    if made_by is None:
        return False
    held = {id(recorded.batch.targets), id(chance.call.targets)}
    before = {one.step.index for one in ancestors(recorded, head.operation)} if head is not None else set[int]()
    made = (one for one in ancestors(recorded, recorded.by_index[made_by]) if one.step.index not in before)
    return any(id(tensor) in held for one in made for tensor in one.given)


def _scale(tensor: Tensor) -> float:
    return float(tensor.detach().double().square().mean().sqrt())


def good() -> Arguments:
    """Return a linear model of ten classes as PyTorch initialises it."""
    return _classifier(1.0)


def bad() -> Arguments:
    """Return the same with weights twenty times as large."""
    return _classifier(20.0)


def _classifier(times: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Linear(16, 10)
    nn.init.normal_(model.weight, std=times / 16**0.5, generator=generator)
    x, y = torch.randn(64, 16, generator=generator), torch.randint(10, (64,), generator=generator)
    return {"model": model, "loader": [(x, y)], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="loss-at-init",
    stage="init",
    question="Does the loss begin where chance puts it?",
    why="A loss far above chance says that the untrained network is confident: a wrong scale, or a wrong loss.",
    remedy="Give the last layer small initial weights, and its bias the log-odds of the classes.",
    cost=20,
    run=run,
    good=good,
    bad=bad,
    sources=("K-loss-at-init",),
    silent="prior biases, class weights, smoothed labels, margins, cosines, any reduction: the same call is compared",
)
