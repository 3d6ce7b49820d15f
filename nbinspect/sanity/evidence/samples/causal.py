"""What says that a model must not look ahead, how far it does, and which tokens its loss compares with which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Chart, Floats
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.contents import contents, is_whole, sample_axis
from nbinspect.sanity.evidence.samples.dependence import difference, run_eval
from nbinspect.sanity.evidence.samples.spread import Spread, first_spread
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_DECODERS = re.compile(
    r"gpt.*|openai-gpt|code?gen|llama.*|mi[sx]tral.*|qwen\d.*|gemma.*|phi.*|falcon.*|opt|bloom|mpt|olmo.*|stablelm"
    r"|starcoder.*|xglm|biogpt|ctrl|cohere.*|granite.*|mamba.*|rwkv|smollm.*"
)
_ATTENDS = re.compile(r"scaled_dot_product_attention|multi_head_attention_forward|\w*attention")
_BLOCKED = -1e4
_DECODED = "decoder_input_ids"
_LEAST = 4
_LINES = 10
_VISIBLE = 1e-6
_ROUNDING = 8


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
    if recorded.of_step:  # which may hand over all but the last
        lengths |= {length - 1 for length in lengths if length > _LEAST}
    ahead = behind = ""
    for one in recorded.operations:
        if one.in_loss:
            continue
        if one.step.name == "F.scaled_dot_product_attention" and _says_causal(recorded, one):
            ahead = ahead or "is_causal=True"
        for blocked in _blockings(one, lengths):
            if bool(blocked.triu(2).sum() == torch.ones_like(blocked).triu(2).sum()) and not blocked.diagonal().all():
                ahead = ahead or f"the causal mask of {one.step.name}"
            elif bool(blocked.T.triu(1).sum() == torch.ones_like(blocked).triu(1).sum()) and not blocked.triu().any():
                behind = behind or f"the triangular mask of {one.step.name}"
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


def _blockings(one: Operation, lengths: set[int]) -> Iterator[Tensor]:
    """Give (T, T) of what masks of attention there are among the tensors of a step: True where a score is blocked."""
    attends = _ATTENDS.fullmatch(word_of(one.step.name)) is not None
    for tensor in (*one.given, *one.made):
        if tensor.dim() < 2 or tensor.shape[-1] != tensor.shape[-2] or tensor.shape[-1] not in lengths:
            continue
        plane = tensor.detach().reshape(-1, *tensor.shape[-2:])[0]
        if plane.is_floating_point():
            yield plane <= _BLOCKED
        elif plane.dtype == torch.bool and attends:
            yield plane if not bool(plane[0, 0]) else ~plane


def _of_targets(recorded: Recorded) -> str:
    """Tell from targets that are the inputs, one step on: who looks ahead could copy them."""
    targets = recorded.batch.targets
    for name, tensor in contents(recorded.batch).items():
        axis = 1 - recorded.batch.subject.batch_axis
        if targets is None or tensor.dim() < 2 or tensor.shape != targets.shape or tensor.shape[axis] < _LEAST:
            continue
        steps, aims = tensor.movedim(axis, -1), targets.movedim(axis, -1)
        differs = steps[..., 1:] != steps[..., :-1]
        if int(differs.sum()) >= _LEAST and bool((steps[..., 1:] == aims[..., :-1]).all()):
            return f"targets that are {name}, one step on"
    return ""


@dataclass(frozen=True, eq=False)
class Ahead:
    """How far outputs change when an input changes from a position on."""

    name: str
    """Of the input."""
    cut: int
    """The first position that was changed."""
    effect: Floats
    """(T,) change of the outputs at each position, as a share of the largest."""
    before: float
    """The largest share before the cut: 0 for a causal model."""
    shifts: bool
    """Whether the output at the cut itself did not change: the model sees what lies before a position alone."""
    source: Spread | None
    """The operation that carries the change back; None where none does, or where it cannot be told."""

    @property
    def chart(self) -> Chart:
        """The effect as a picture."""
        return Chart(
            kind="bars",
            title=f"Change of the outputs when {self.name} changes from position {self.cut} on",
            x="position",
            y="share of the largest change",
            names=tuple(str(position) for position in range(len(self.effect))),
            values=(self.effect,),
            at=np.zeros(0),
        )


def look_ahead(program: Program, batch: Batch, few: int = 4) -> list[Ahead]:
    """Change each input from a position on, for a few samples in eval mode, and look at the outputs at all positions.

    Of the axes that may be time, that which shows the least dependence on later positions counts. Source:
    K-dependencies.
    """
    count = min(few, batch.size)
    part = batch.taken(range(count)) if count else batch
    before = run_eval(program, part)
    found = []
    for name, tensor in contents(part).items():
        looks = [_look(program, part, name, axis, before) for axis in _time_axes(tensor, part)]
        least = min((look for look in looks if look is not None), key=lambda look: look.before, default=None)
        if least is not None:
            found.append(least)
    return found


def _time_axes(tensor: Tensor, batch: Batch) -> list[int]:
    samples = sample_axis(tensor, batch)
    axes = [axis for axis in range(min(tensor.dim(), 3)) if axis != samples]
    return [axis for axis in axes if tensor.shape[axis] >= _LEAST]


def _look(program: Program, batch: Batch, name: str, axis: int, before: Tensor) -> Ahead | None:
    tensor = dict(batch.inputs)[name]
    length = tensor.shape[axis]
    if not any(True for _ in _by_position(before, length)):
        return None
    cut, other = _changed_after(tensor, axis, sample_axis(tensor, batch))
    if not cut:
        return None
    change = difference(before, run_eval(program, batch.with_inputs({name: other})))
    change = torch.where(change > _ROUNDING * torch.finfo(before.dtype).eps * before.abs().max(), change, 0.0)
    ways = [way / way.max().clamp_min(torch.finfo(torch.float64).tiny) for way in _by_position(change, length)]
    effect = min(ways, key=lambda way: float(way[:cut].max()))
    least = float(effect[:cut].max())
    source = None
    if least > _VISIBLE:
        source = first_spread(program, batch, batch.with_inputs({name: other}), _reaches_back(length, cut))
    return Ahead(name, cut, effect.cpu().numpy(), least, bool(effect.any()) and float(effect[cut]) < _VISIBLE, source)


def _changed_after(tensor: Tensor, axis: int, samples: int | None) -> tuple[int, Tensor]:
    """Return a position and the tensor with other values from there on; 0 where no values differ."""
    values = tensor.detach()
    donors = values.roll(1, samples) if samples is not None else values
    if torch.equal(donors, values):
        donors = values.flip(axis)
    length = values.shape[axis]
    for cut in range(max(1, length // 3), length):
        if not torch.equal(donors.select(axis, cut), values.select(axis, cut)):
            kept = values.narrow(axis, 0, cut)
            return cut, torch.cat([kept, donors.narrow(axis, cut, length - cut)], axis)
    return 0, values


def _by_position(change: Tensor, length: int) -> Iterator[Tensor]:
    """Give (T,) the largest change at each position, for every axis of outputs that may be time."""
    for axis, size in enumerate(change.shape):
        if size == length:
            yield change.movedim(axis, 0).reshape(length, -1).amax(1)
    if change.dim() and change.shape[0] > length and change.shape[0] % length == 0:
        yield change.reshape(-1, length, change[0].numel()).amax((0, 2))
        yield change.reshape(length, -1).amax(1)


def _reaches_back(length: int, cut: int) -> Callable[[Tensor, Tensor], bool]:
    """Return whether a change from a position on is found before it."""

    def spreads(before: Tensor, after: Tensor) -> bool:
        if before.shape != after.shape or not before.is_floating_point():
            return False
        change = difference(before, after)
        most = float(change.max()) if change.numel() else 0.0
        ways = list(_by_position(change, length))
        return most > 0 and bool(ways) and all(float(way[:cut].max()) > _VISIBLE * most for way in ways)

    return spreads
