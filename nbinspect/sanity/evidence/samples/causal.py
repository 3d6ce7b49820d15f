"""What says that a model must not look ahead."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.data.contents import contents, is_whole
from nbinspect.sanity.evidence.passes.lineage import roots
from nbinspect.sanity.recorded import Operation, Recorded

_DECODERS = re.compile(
    r"gpt.*|openai-gpt|code?gen|llama.*|mi[sx]tral.*|qwen\d.*|gemma.*|phi.*|falcon.*|opt|bloom|mpt|olmo.*|stablelm"
    r"|starcoder.*|xglm|biogpt|ctrl|cohere.*|granite.*|mamba.*|rwkv|smollm.*"
)
OF_TARGETS = "targets that are"
"""How evidence begins that the targets give."""
_ATTENDS = re.compile(r"scaled_dot_product_attention|multi_head_attention_forward|\w*attention")
_BLOCKED = -1e4
_DECODED = "decoder_input_ids"
_LEAST = 4
_LINES = 10


def causal_evidence(recorded: Recorded) -> str:
    """Return what says that the model must not look ahead; empty where nothing does, or the user denies it."""
    subject = recorded.batch.subject
    config = getattr(subject.network, "config", None)
    if subject.causal is not None:
        return "causal=True" if subject.causal else ""
    if getattr(config, "is_encoder_decoder", False):
        return f"its config, {type(config).__name__}, which has a decoder" if inputs_of_decoder(recorded) else ""
    if getattr(config, "is_decoder", False) or _DECODERS.fullmatch(str(getattr(config, "model_type", ""))):
        return f"its config, {type(config).__name__}"
    return _of_graph(recorded) or _of_targets(recorded)


def inputs_of_decoder(recorded: Recorded) -> set[str]:
    """Return the tokens that a published model of an encoder and a decoder is given for the latter, of its inputs."""
    config = getattr(recorded.batch.subject.network, "config", None)
    names = {name for name, tensor in contents(recorded.batch).items() if is_whole(tensor)}
    return names & {_DECODED} if getattr(config, "is_encoder_decoder", False) else set()


def _of_graph(recorded: Recorded) -> str:
    lengths = {length for tensor in contents(recorded.batch).values() for length in tensor.shape if length >= _LEAST}
    lengths |= {length - 1 for length in lengths if length > _LEAST}  # all but the last may be read
    ahead = behind = ""
    reads = False
    for one in recorded.operations:
        if one.in_loss:
            continue
        found = ""
        if one.step.name == "F.scaled_dot_product_attention" and _says_causal(recorded, one):
            found = "is_causal=True"
        for blocked in _blockings(one, lengths):
            if bool(blocked.triu(2).sum() == torch.ones_like(blocked).triu(2).sum()) and not blocked.diagonal().all():
                found = found or f"the causal mask of {one.step.name}"
            elif bool(blocked.T.triu(1).sum() == torch.ones_like(blocked).triu(1).sum()) and not blocked.triu().any():
                behind = behind or f"the triangular mask of {one.step.name}"
        if found and one.step.kind == "operation" and _attends(one) and not (reads or _reads_batch(recorded, one)):
            return ""  # a decoder of learned queries goes on from all that its encoder has read
        reads = reads or (bool(found) and one.step.kind == "operation" and _reads_batch(recorded, one))
        ahead = ahead or found
    # a model with both reads in both directions
    return "" if ahead and behind else ahead or behind


def _says_causal(recorded: Recorded, one: Operation) -> bool:
    """Whether the call as written, which may go on over several lines, has ``is_causal=True``."""
    place = one.step.place
    own = (s for s in recorded.record.sources if place is not None and (s.file, s.first) == (place.file, place.first))
    for source in own:
        first = place.line - source.first if place is not None else 0
        call = ""
        for line in source.lines[first : first + _LINES]:
            call += line
            if call.count("(") <= call.count(")"):
                break
        return re.search(r"is_causal\s*=\s*True", call) is not None
    return False


def _attends(one: Operation) -> bool:
    return _ATTENDS.fullmatch(word_of(one.step.name)) is not None


def _reads_batch(recorded: Recorded, one: Operation) -> bool:
    """Whether anything that a step is given depends on the batch."""
    ends = (roots(recorded, one, at) for at in range(len(one.step.inputs)))
    return any(name.startswith("batch") for names in ends for name in names)


def _blockings(one: Operation, lengths: set[int]) -> Iterator[Tensor]:
    """Give (T, T) of what masks of attention there are among the tensors of a step: True where a score is blocked."""
    attends = _attends(one)
    for tensor in (*one.given, *one.made):
        if tensor.is_nested or tensor.layout is not torch.strided:
            continue
        if tensor.dim() < 2 or tensor.shape[-1] != tensor.shape[-2] or tensor.shape[-1] not in lengths:
            continue
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # of a vmap, which is over
            continue
        plane = tensor.detach().reshape(-1, *tensor.shape[-2:])[0]
        if plane.is_floating_point():
            yield plane <= _BLOCKED
        elif plane.dtype == torch.bool and attends:
            yield plane if not bool(plane[0, 0]) else ~plane


def _of_targets(recorded: Recorded) -> str:
    """Tell from targets that are the inputs, one step on: who looks ahead could copy them.

    Where the model itself leaves out the last of its inputs, targets are all but the first; they may be flattened.
    """
    targets, axis = recorded.batch.targets, 1 - recorded.batch.subject.batch_axis
    for name, tensor in contents(recorded.batch).items():
        if targets is None or tensor.dim() < 2 or axis < 0 or tensor.shape[axis] < _LEAST:
            continue
        steps = tensor.movedim(axis, -1)
        aims = _aims(tensor, targets, axis)
        differs = steps[..., 1:] != steps[..., :-1]
        if int(differs.sum()) >= _LEAST and aims is not None and bool((steps[..., 1:] == aims).all()):
            return f"{OF_TARGETS} {name}, one step on"
    return ""


def _aims(tensor: Tensor, targets: Tensor, axis: int) -> Tensor | None:
    """Return the targets for all but the last place of an input, time last; None where they cannot be lined up."""
    if targets.shape == tensor.shape:
        return targets.movedim(axis, -1)[..., :-1]
    fewer = [size - (at == axis) for at, size in enumerate(tensor.shape)]
    if tensor.dim() != 2 or not is_whole(tensor):
        return None
    if targets.dim() == 1 and targets.numel() == tensor.numel():
        return targets.reshape(tensor.shape).movedim(axis, -1)[..., :-1]
    fits = list(targets.shape) in (fewer, [fewer[0] * fewer[1]])
    return targets.reshape(fewer).movedim(axis, -1) if fits else None
