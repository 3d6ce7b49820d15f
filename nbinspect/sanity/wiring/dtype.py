"""`dtype`: does arithmetic lose values through the types of its numbers?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.sanity.check import Arguments, Check, CheckResult, failed, measured, passed, warned
from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.numbers.cut_off import cut_off
from nbinspect.sanity.evidence.numbers.halves import (
    half_step,
    has_scaler,
    lost_in_step,
    of_half,
    steps_in_half,
    underflow,
)
from nbinspect.sanity.evidence.numbers.narrowed import narrowed
from nbinspect.sanity.evidence.numbers.precision import losses, overrun_in_place, promoted
from nbinspect.sanity.evidence.numbers.symbols import are_bytes
from nbinspect.sanity.evidence.numbers.widened import wrapped
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, missing_pass, tensor_output
from nbinspect.sanity.trials.running.own_step import OwnStep


def run(
    program: Program, attempt: Recorded, own_step: OwnStep | None, *, lost: float = 0.01, still: float = 0.5
) -> CheckResult:
    """Fail where integers wrap or drop values before the network, float64 creeps into it, or half precision underflows.

    Args:
        program: run once or twice more where small integers are written in place or float16 is in use; left unchanged.
        attempt: the recorded pass.
        own_step: the recorded step of the user's own, which counts too.
        lost: share of the gradient's entries, or of their squares in the optimizer, that may vanish in float16.
        still: share of the plain steps of float16 parameters that may be too small to change them.
    """
    passes = [attempt] if attempt.error is None else []
    passes += [own_step.recorded] if own_step is not None else []
    if not passes:
        raise missing_pass(program.subject)
    found = (
        next((one for each in passes for one in (*losses(each), *narrowed(each))), None)
        or (overrun_in_place(program, attempt) if attempt.error is None else None)
        or (None if any(map(are_bytes, passes)) else wrapped(program.subject.loader, program.limits))
        or cut_off(passes[-1], [one.target for one in comparisons(passes[-1])], program.limits)
    )
    if found is not None:
        return failed(
            found.title[0].lower() + found.title[1:],
            found.measurement,
            title=found.title,
            detail=found.detail,
            remedy=found.remedy,
            where=found.where,
            place=found.place,
        )
    if attempt.error is None:
        return _halved(program, attempt, lost, still) or _doubled(program, attempt) or passed(_types(program))
    assert own_step is not None  # else there was no pass
    return (
        half_step(own_step.program, own_step.recorded, lost, still)
        or _doubled(program, own_step.recorded)
        or passed(_types(program))
    )


def _types(program: Program) -> str:
    kinds = sorted({str(one.dtype).removeprefix("torch.") for one in program.parameters.values()})
    return f"{', '.join(kinds)} throughout" if kinds else "no parameters, nothing lost"


def _halved(program: Program, recorded: Recorded, lost: float, still: float) -> CheckResult | None:
    """Judge float16 without loss scaling, by the gradients and steps that vanish in it."""
    half = [name for name, one in program.parameters.items() if one.requires_grad and one.dtype == torch.float16]
    cast = next((one for one in recorded.operations if one.step.autocast == "float16"), None)
    stepped = cast is None and steps_in_half(program)
    if not (half or cast or stepped) or has_scaler(program) or recorded.no_backward:
        return None
    share = underflow(program, recorded, autocast=stepped)
    # a scaler that nobody told of may be in use around an autocast; around half parameters there can be none
    certain = share >= lost and (half or program.subject.train_step is not None)
    words, gone = lost_in_step(program, recorded) or ("", 0.0)
    measurements = [measured("gradient entries that vanish in float16", f"{share:.1%}", f"below {lost:.0%}")]
    most = lost if words.startswith("squared") else still
    if words:
        measurements.append(measured(words, f"{gone:.1%}", f"below {most:.0%}"))
    say = failed if certain or gone >= most else warned
    return of_half(say, measurements, half[0] if half else "", cast)


def _doubled(program: Program, recorded: Recorded) -> CheckResult | None:
    """Judge float64 data that meets parameters of float32, which PyTorch widens without a word."""
    outputs, loss = tensor_output(recorded.outputs), recorded.loss
    if any(one.dtype == torch.float64 for one in program.parameters.values()) or outputs is None:
        return None
    at = promoted(recorded)
    if at is not None and outputs.dtype == torch.float64:
        return failed(
            "float64 data in a float32 network",
            measured("outputs", "float64", "float32, as the parameters"),
            title="float64 data in a float32 network",
            detail=f"From {at.step.name} on all is computed in float64, for the data is: twice the memory and time.",
            remedy="Convert the data once, in the data set: x.float().",
            where=where_of(at),
            place=at.step.place,
        )
    targets = recorded.batch.targets
    wide = targets is not None and targets.dtype == torch.float64 and outputs.dtype == torch.float32
    if wide and isinstance(loss, Tensor) and loss.dtype == torch.float64:
        return warned(
            "float64 targets beside float32 outputs",
            measured("targets", "float64", "float32, as the outputs"),
            title="float64 targets beside float32 outputs",
            detail="The loss is computed in float64, which costs time on an accelerator and gains nothing.",
            remedy="Convert the targets once, in the data set: y.float().",
        )
    return None


def good() -> Arguments:
    """Return a network on raw bytes that are converted before they are centred."""
    batch = (torch.arange(128, dtype=torch.uint8).reshape(8, 16), torch.arange(8) % 3)
    model, loss_fn = nn.Linear(16, 3), nn.CrossEntropyLoss()
    centred = lambda model, batch: model((batch[0].float() - 64) / 64)  # noqa: E731 - as users write it
    return {"model": model, "loader": [batch], "loss_fn": loss_fn, "forward": centred}


def bad() -> Arguments:
    """Return the same, centred before they are converted, so that they wrap around."""
    return good() | {"forward": lambda model, batch: model((batch[0] - 64).float() / 64)}


CHECK = Check(
    name="dtype",
    stage="wiring",
    question="Does arithmetic lose values through the types of its numbers?",
    why="Bytes wrap around, integers drop remainders and float16 drops small gradients, all without an error.",
    remedy="Convert data to float32 before any arithmetic, and scale the loss where you train in float16.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("constant-output", "unused-input", "vanishing-gradients", "nonfinite-forward", "nonfinite-gradient"),
        *("overfit-one-batch", "input-independent-baseline", "shuffled-labels", "learning-rate"),
        *("updates-not-applied",),
    ),
    sources=("T-dtype",),
    silent="double on purpose throughout; bfloat16, which needs no scaling; bytes that are symbols to the model",
)
