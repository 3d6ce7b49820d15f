"""Networks that are not trained, through which a loss looks at one that is: critics, and what is to be misled."""

from __future__ import annotations

from collections.abc import Collection

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.lineage import reaching
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import named_optimizers

_LAYERS = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def is_beheld(program: Program, recorded: Recorded) -> bool:
    """Whether layers with weights that are not trained here follow others that are, on the way to the loss.

    Then the loss is another network's word on what this one gives. Whether it is to please or to mislead, no sign of a
    loss tells: a generator is to raise the loss of its critic, a patch that of a classifier.

    Args:
        program: whose optimizer says what is trained; that of a copy where the pass is one of a copy.
        recorded: the pass.
    """
    trained, wanted = _trained(program), reaching(recorded)
    for one in recorded.operations:
        if one.step.kind != "operation" or one.step.index not in wanted or word_of(one.step.name) not in _LAYERS:
            continue
        uses = zip(one.given[1:], one.step.inputs[1:], strict=True)
        weights = [each for each, use in uses if not use.origin.startswith("batch")]
        foreign = any(each.is_leaf and each.dim() > 1 and id(each) not in trained for each in weights)
        if foreign and one.given[0].requires_grad:
            return True
    return False


def _trained(program: Program) -> Collection[int]:
    """Return the ids of the parameters that are trained: those of the optimizers, of which there may be none."""
    parts = named_optimizers(program.subject.optimizer).values()
    groups = [group for one in parts for group in getattr(one, "param_groups", ())]
    held = {id(parameter) for group in groups for parameter in group["params"]}
    return {id(one) for one in program.parameters.values() if one.requires_grad and (not groups or id(one) in held)}
