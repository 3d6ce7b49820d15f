"""Recurrent layers that read both ways, of which the outputs take one: the other way is trained by zeros alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.samples.awake import stirred
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_BACKWARD = "_reverse"


@dataclass(frozen=True)
class Unread:
    """A direction of a layer on which no output depends."""

    part: str
    """To be read: ``the backward direction of reader``."""
    names: tuple[str, ...]
    """Its parameters."""


def unread_direction(program: Program, recordings: Sequence[Recorded], wanted: Collection[str]) -> Unread | None:
    """Return a direction whose weights get zeros in every pass, and change no output whatever they are.

    That no output depends on them is seen on a copy with noise on all weights, so that nothing else hides them; and in
    train mode, for what is rounded or read one way alone in use may be trained both ways.

    Args:
        program: left unchanged; nothing is run where every direction gets a gradient.
        recordings: passes with their gradients.
        wanted: names of the parameters that are to be trained.
    """
    suspects = [one for one in _directions(program.network, wanted) if _is_silent(one, recordings)]
    return next((one for one in suspects if _is_unread(program, recordings[0].batch, one)), None)


def _directions(network: nn.Module, wanted: Collection[str]) -> Iterator[Unread]:
    for path, module in network.named_modules():
        if not isinstance(module, nn.RNNBase) or not module.bidirectional:
            continue
        for number in range(module.num_layers):
            layer = f"layer {number} of " if module.num_layers > 1 else ""
            ends = f"_l{number}", f"_l{number}{_BACKWARD}"
            for way, end in zip(("forward", "backward"), ends, strict=True):
                own = tuple(f"{path}.{name}".lstrip(".") for name, _ in module.named_parameters() if name.endswith(end))
                if own and set(own) <= set(wanted):
                    yield Unread(f"the {way} direction of {layer}{path or 'the model'}", own)


def _is_silent(found: Unread, recordings: Sequence[Recorded]) -> bool:
    """Whether a direction gets zeros in every pass, and the other one does not."""
    others = tuple(
        name.removesuffix(_BACKWARD) if name.endswith(_BACKWARD) else name + _BACKWARD for name in found.names
    )
    gradients = [one.gradients for one in recordings]
    silent = all(all(_is_zero(own.get(name)) for name in found.names) for own in gradients)
    return silent and any(not _is_zero(own.get(name)) for own in gradients for name in others)


def _is_zero(gradient: Tensor | None) -> bool:
    return gradient is None or not bool(gradient.any())


def _is_unread(program: Program, batch: Batch, found: Unread) -> bool:
    """Whether every output on a batch stays the same to the last bit with other weights of a direction."""
    made: list[list[Tensor]] = []
    try:
        copy = stirred(program)
        for _ in range(2):
            with copy.running(training=True):
                made.append([tensor for _, tensor in tensors_in(copy.outputs(batch), "")])
            with torch.no_grad():
                for name in found.names:
                    copy.parameters[name].add_(torch.randn(copy.parameters[name].shape).to(copy.parameters[name]))
    except Exception:  # noqa: BLE001 - no evidence from what cannot be copied or run
        return False
    return bool(made[0]) and len(made[0]) == len(made[1]) and all(map(torch.equal, *made))
