"""Activations of a recorded pass that may silence their units: rectified layers, and hidden bounded ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import RECTIFIES, word_of
from nbinspect.sanity.evidence.layers.depth import is_weighing, layers_of, variation
from nbinspect.sanity.evidence.passes.lineage import ancestors, roots, source_of
from nbinspect.sanity.recorded import Operation, Recorded

_BOUNDED = re.compile(r"tanh|sigmoid|softsign|hard_?tanh|hard_?sigmoid")
_CENTRED = re.compile(r"tanh|softsign|hard_?tanh")
"""Those around zero, which give values; a sigmoid's are shares, as of a gate."""
_COMPARES = re.compile(
    r"mul(tiply)?|sub(tract)?|b?mm|matmul|einsum|cosine_similarity|pairwise_distance|cdist|dot|inner"
)
_ADDS = ("add", "iadd", "radd")
_MULTIPLIES = re.compile(r"[ri]?mul(tiply)?|lerp|addcmul|where|prod|glu")
_HANDS_ON = re.compile(
    r"view(_as)?|reshape(_as)?|flatten|unflatten|squeeze|unsqueeze|transpose|permute|contiguous|clone|getitem|select"
    r"|narrow|expand(_as)?|chunk|split|unbind|to|float|\w*dropout\d?d?|\w*pool\d?d?|\w*norm\d?d?|cat|concat|stack|mean"
)


@dataclass(frozen=True)
class Rectified:
    """A rectified layer over several batches."""

    operation: Operation
    dead: int
    units: int
    places: int
    """Samples and positions at which each unit could have lived."""
    awake: float
    """Share of the places at which a unit that lives does so, at the median; NaN where none lives."""
    is_sealed: bool
    """Whether all of it is dead, with all before it: it is given sums below 0 that vary from sample to sample, and it
    is the only way from the trained weights that they are made of to the loss, so that nothing can wake it."""
    is_hidden: bool
    """Whether a weighted layer comes after it; what only enters the loss may be a penalty, which is 0 where all is
    well."""

    @property
    def share(self) -> float:
        """Share of the units that are dead."""
        return self.dead / self.units

    @property
    def deviations(self) -> float:
        """Standard deviations above half of the units: so many are dead by chance where all samples look alike."""
        return float((2 * self.share - 1) * self.units**0.5)


def rectified(recordings: tuple[Recorded, ...]) -> Iterator[Rectified]:
    """Give the rectified layers of passes over several batches, each with its units that are zero in all of them."""
    weighing = [one for one in recordings[0].operations if not one.in_loss and is_weighing(one)]
    feeding = {other.step.index for one in weighing for other in ancestors(recordings[0], one)}
    for one in recordings[0].operations:
        if one.step.kind != "operation" or one.in_loss or not RECTIFIES.fullmatch(word_of(one.step.name)):
            continue
        others = (recorded.by_index.get(one.step.index) for recorded in recordings[1:])
        same = [
            one,
            *(o for o in others if o is not None and (o.step.name, o.step.path) == (one.step.name, one.step.path)),
        ]
        if not any(map(_may_silence, same)):
            continue
        activities = [_activity(operation) for operation in same]
        known = [activity for activity in activities if activity is not None]
        if len(known) < len(same) or len({len(activity) for activity in known}) > 1:
            continue
        mean = torch.stack(known).mean(0)
        # what was written over later would tell of other values than the layer made
        dead = min(int((mean == 0).sum()), *(operation.step.outputs[0].dead for operation in same), len(mean))
        living = mean[mean > 0]
        awake = float(living.median()) if len(living) else float("nan")
        places = sum(o.made[0].numel() for o in same) // len(mean)
        sealed = dead == len(mean) and all(map(_is_sealed, recordings, same))
        yield Rectified(one, dead, len(mean), places, awake, sealed, one.step.index in feeding)


def _may_silence(one: Operation) -> bool:
    """Whether it makes zeros of other values, or cannot be seen to hand all of its own on, as a wide clamp does."""
    if "relu" in word_of(one.step.name) or len(one.made) != 1 or not one.given:
        return True
    given, made = one.given[0].detach(), one.made[0].detach()
    is_seen = given.shape == made.shape and given.data_ptr() != made.data_ptr()
    return not is_seen or bool(((made == 0) & (given != 0)).any())


def _is_sealed(recorded: Recorded, one: Operation) -> bool:
    given = one.given[0].detach()
    # written over in place, what it was given is what it made
    if not (variation(given) > 0 and bool((given < 0).all())):
        return False
    before = {other.step.index for other in ancestors(recorded, one)}
    weights = roots(recorded, one, 0) & recorded.gradients.keys()
    gradients = [recorded.gradients[name] for name in weights]
    others = (o for o in recorded.operations if o.step.kind == "operation" and o.step.index not in before)
    uses = [use for other in others for use in other.step.inputs if use.step != one.step.index]
    is_only_way = not any(use.step in before or use.origin in weights for use in uses)
    return is_only_way and bool(weights) and all(g is not None and not bool(g.any()) for g in gradients)


def _activity(operation: Operation) -> Tensor | None:
    """Return (units,) the share of samples and positions at which each unit is not zero; None where it has no units."""
    if len(operation.made) != 1 or not operation.step.outputs[0].units or operation.made[0].dim() < 2:
        return None
    tensor, units = operation.made[0].detach(), operation.step.outputs[0].units
    axes = [axis for axis in range(1, tensor.dim()) if tensor.shape[axis] == units]
    if not axes or not tensor.numel():
        return None
    axis = 1 if tensor.dim() > 3 and axes[0] == 1 else axes[-1]
    return (tensor != 0).movedim(axis, 0).flatten(1).to(torch.float64).mean(1)


def hidden_bounded(recorded: Recorded) -> Iterator[Operation]:
    """Give the bounded activations that feed a weighted layer; what multiplies something is a gate."""
    users, weighted = _users(recorded), {layer.operation.step.index for layer in layers_of(recorded)}
    for one in _bounded(recorded):
        reached = _reached(one, users)
        gates = any(_MULTIPLIES.fullmatch(word_of(other.step.name)) for other in reached)
        if not gates and any(other.step.index in weighted for other in reached):
            yield one


def value_bounded(recorded: Recorded) -> Iterator[Operation]:
    """Give the activations around zero that the model compares with others of the kind, or that a sigmoid gates.

    Codes of two samples are compared by their product, their difference or a distance.
    """
    users, weighted = _users(recorded), {layer.operation.step.index for layer in layers_of(recorded)}
    for one in _bounded(recorded):
        if not _CENTRED.fullmatch(word_of(one.step.name)):
            continue
        for other in _reached(one, users):
            word, makers = word_of(other.step.name), _two_makers(recorded, other)
            compared = not other.in_loss and _COMPARES.fullmatch(word) and all(map(_CENTRED.fullmatch, makers))
            gated = _MULTIPLIES.fullmatch(word) and all(map(_BOUNDED.fullmatch, makers))
            onward = _reached(other, users) if makers and gated else []
            if (makers and compared) or any(after.step.index in weighted for after in onward):
                yield one
                break


def is_fed_by_layer(recorded: Recorded, activation: Operation) -> bool:
    """Whether an activation is in or after a weighted layer, with no factor between that is meant to sharpen.

    A bias, or what another layer made, may be added between.
    """
    layers = {layer.operation.step.index for layer in layers_of(recorded)}
    if activation.step.index in layers:
        return True
    sources, found = [source_of(recorded, activation, 0)], False
    while sources:
        source = sources.pop()
        if source.word in _ADDS and source.maker is not None:
            sources += [source_of(recorded, source.maker, position) for position in range(len(source.maker.given))]
            continue
        is_layer = source.maker is not None and source.maker.step.index in layers
        if not is_layer and not isinstance(source.tensor, nn.Parameter):
            return False
        found |= is_layer
    return found


def is_fixed(recorded: Recorded, activation: Operation) -> bool:
    """Whether it is made by weights, none of which is trained, as random features are: no gradient is wanted there."""
    given = (tensor for one in ancestors(recorded, activation) for tensor in one.given)
    weights = [tensor for tensor in given if isinstance(tensor, nn.Parameter)]
    return bool(weights) and not any(weight.requires_grad for weight in weights)


def layer_before(recorded: Recorded, activation: Operation) -> str:
    """Return the name of the last weighted layer on the way to an activation.

    Empty where there is none, or its values were normalised since: what is steep then is so on purpose, as soft bits.
    """
    names = {layer.operation.step.index: layer.name for layer in layers_of(recorded)}
    way = {one.step.index: one for one in ancestors(recorded, activation)}
    last = max(way.keys() & names.keys(), default=None)
    is_normed = any("norm" in word_of(one.step.name) for index, one in way.items() if last is not None and index > last)
    return "" if last is None or is_normed else names[last]


def _two_makers(recorded: Recorded, operation: Operation) -> list[str]:
    """Return the names of what made both arguments of an operation; none unless these are two, and not the same."""
    makers = [source_of(recorded, operation, position).maker for position in range(len(operation.given))]
    known = {one.step.index: word_of(one.step.name) for one in makers if one is not None}
    return list(known.values()) if len(known) == len(makers) == 2 else []


def _bounded(recorded: Recorded) -> Iterator[Operation]:
    for one in recorded.operations:
        named = one.step.kind == "operation" and _BOUNDED.fullmatch(word_of(one.step.name))
        if named and not one.in_loss and len(one.made) == 1:
            yield one


def _users(recorded: Recorded) -> dict[int, list[Operation]]:
    """Return by the index of each step the operations that use what it made."""
    users: dict[int, list[Operation]] = {}
    for one in recorded.operations:
        if one.step.kind == "operation":
            for index in {use.step for use in one.step.inputs if use.step is not None}:
                users.setdefault(index, []).append(one)
    return users


def _reached(operation: Operation, users: dict[int, list[Operation]]) -> list[Operation]:
    """Return the steps that use what an activation made, past those that only hand it on."""
    waiting, reached, seen = [operation], list[Operation](), set[int]()
    while waiting:
        for other in users.get(waiting.pop().step.index, ()):
            if other.step.index not in seen:
                seen.add(other.step.index)
                (waiting if _HANDS_ON.fullmatch(word_of(other.step.name)) else reached).append(other)
    return reached
