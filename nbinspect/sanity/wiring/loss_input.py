"""`loss-input`: is the loss given what it takes: logits, log-probabilities or probabilities?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, CheckResult, Measurement, failed, measured, passed, skipped
from nbinspect.sanity.evidence.losses.losses import Misfit, floor, is_squashed, misfits
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.evidence.source.edits import removal
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, missing_pass
from nbinspect.sanity.trials.own_steps.recorded_evaluation import record_evaluation, record_whole_step
from nbinspect.subject import Subject

_FITTING = {"nll_loss": "cross_entropy", "binary_cross_entropy": "binary_cross_entropy_with_logits"}
_CLASSES = {"nll_loss": ("NLLLoss", "CrossEntropyLoss"), "binary_cross_entropy": ("BCELoss", "BCEWithLogitsLoss")}


def run(subject: Subject, training_attempt: Recorded, program: Program, batch: Batch) -> CheckResult:
    """Fail where a loss on the way to the program's own was certainly given something else than it takes.

    So does a loss of the user's own evaluation that is given what a softmax or a sigmoid has made.
    """
    attempt = training_attempt
    if attempt.loss is None and (whole := record_whole_step(program, batch)) is not None:  # of several losses
        trained = [one for one in misfits(whole) if is_squashed(one) and _is_trained(one)]
        if trained:
            return _told(whole, trained[0])
    if attempt.error is not None and subject.train_step is not None:  # which may call the loss with other things
        raise missing_pass(subject)
    found = next(misfits(attempt), None)
    if found is not None:
        return _told(attempt, found)
    if attempt.error is not None:
        raise missing_pass(subject)
    own = record_evaluation(program, batch)
    squashed = [one for one in (misfits(own) if own is not None else ()) if is_squashed(one)]
    if own is not None and squashed:
        return _of_evaluation(_told(own, squashed[0]), squashed[0])
    if attempt.loss is None:
        return skipped("a loss")
    return passed("every loss is given what it takes")


def _is_trained(misfit: Misfit) -> bool:
    """Whether a loss may send gradients back; a metric does not."""
    return any(tensor.requires_grad for tensor in misfit.loss.given)


def _told(recorded: Recorded, misfit: Misfit) -> CheckResult:
    maker, lowest, loss = misfit.source.maker, floor(misfit), misfit.name
    made = misfit.source.word.replace("_", " ")
    squashed = misfit.given == "probabilities"
    title = f"{made.capitalize()} before {loss}" if squashed and made in ("softmax", "sigmoid") else ""
    place = maker.step.place if maker is not None and squashed else None
    return failed(
        f"{misfit.given} into {loss}",
        *_measurements(misfit, lowest),
        title=title or f"{misfit.given.capitalize()} into {loss}",
        detail=_detail(misfit, loss, lowest),
        remedy=_remedy(misfit, made),
        where=where_of(maker),
        place=place or misfit.loss.step.place or (maker.step.place if maker is not None else None),
        code=_code(recorded, misfit),
    )


def _of_evaluation(told: CheckResult, misfit: Misfit) -> CheckResult:
    """Tell the same of a loss that is only looked at, and so explains nothing of how training goes."""
    return replace(
        told,
        is_apart=True,
        summary=f"{told.summary} in eval_step",
        title=f"{told.title} in eval_step",
        detail=f"What {misfit.name} is given in eval_step are probabilities, which it takes for logits: its value "
        "is not the loss that training minimises, and says little of whether the model improves.",
    )


def _measurements(misfit: Misfit, lowest: float | None) -> list[Measurement]:
    values = misfit.values
    expected = {"logits": "any values", "log-probabilities": "at most 0", "probabilities": "0 to 1"}[misfit.takes]
    found = [measured("values given to the loss", f"{float(values.min()):.3g} to {float(values.max()):.3g}", expected)]
    if lowest is not None:
        found.insert(0, measured("lowest loss these outputs allow", f"{lowest:.3f} nats", "0.000 nats"))
    return found


def _detail(misfit: Misfit, loss: str, lowest: float | None) -> str:
    if misfit.given == "probabilities":
        makes = "turns logits into probabilities itself, so that they are squashed twice"
        if misfit.takes == "log-probabilities":
            makes = "takes their logarithms; without them it weighs a confident mistake no more than a doubt"
        end = f", and it cannot fall below {lowest:.3f}" if lowest is not None else ""
        return f"What {loss} is given are probabilities; it {makes}{end}. Gradients are small and learning stalls."
    bound = "it has no lower bound then" if misfit.takes == "log-probabilities" else "of others it has no logarithm"
    return f"What {loss} is given are logits, straight from a layer; it takes {misfit.takes}: {bound}."


def _remedy(misfit: Misfit, made: str) -> str:
    if misfit.given == "probabilities":
        what = f"the {made}" if made in ("softmax", "sigmoid") else "what makes probabilities"
        instead = "Use log_softmax in place of" if misfit.takes == "log-probabilities" else "Take out"
        return f"{instead} {what}; apply it to the outputs only where you read probabilities."
    if misfit.word in _FITTING:
        old, new = _CLASSES[misfit.word]
        return f"Use {new} instead of {old}: it takes the logits as they are."
    if misfit.word == "ctc_loss":
        return "Apply log_softmax along the classes to the logits before it."
    return "Use the loss of PyTorch's that takes logits: F.cross_entropy, or F.binary_cross_entropy_with_logits."


def _code(recorded: Recorded, misfit: Misfit) -> str:
    maker, bare = misfit.source.maker, misfit.word
    if misfit.given == "probabilities" and maker is not None:
        line = line_at(recorded.record, maker.step.place)
        if misfit.takes == "logits":
            return removal(recorded, maker)
        return f"- {line}\n+ {line.replace('softmax(', 'log_softmax(')}" if "softmax(" in line else ""
    line = line_at(recorded.record, misfit.loss.step.place)
    if bare in _FITTING and f"{bare}(" in line:
        return f"- {line}\n+ {line.replace(f'{bare}(', f'{_FITTING[bare]}(')}"
    return f"- loss_fn = nn.{_CLASSES[bare][0]}()\n+ loss_fn = nn.{_CLASSES[bare][1]}()" if bare in _CLASSES else ""


def good() -> Arguments:
    """Return a linear model whose logits enter cross-entropy."""
    batch = (torch.randn(16, 4), torch.arange(16) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with a softmax in between."""
    return good() | {"model": nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))}


CHECK = Check(
    name="loss-input",
    stage="wiring",
    question="Is the loss given what it takes?",
    why="Probabilities in place of logits still train, slowly, towards a floor far above zero: nothing raises.",
    remedy="Give cross-entropy and BCE-with-logits the logits, NLL log-probabilities, and BCE probabilities.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("runs", "output-range", "loss-direction", "loss-at-init", "saturated-units", "zero-gradient-path"),
        *("nonfinite-forward", "nonfinite-gradient", "vanishing-gradients", "overfit-one-batch", "learning-rate"),
        *("input-independent-baseline", "shuffled-labels", "update-ratio", "gradient-check"),
    ),
    sources=("S-loss-scale", "T-loss-input"),
    silent="log-probabilities into NLL or cross-entropy, which leave it as it is",
)
