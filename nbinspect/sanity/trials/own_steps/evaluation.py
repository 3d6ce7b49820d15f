"""What the user's own evaluation leaves behind in the model, and what that does to training and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.calling import set_mode
from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.sanity.trials.running.watch import is_same

_LEAST = 4
"""Samples of a batch, below which a statistic of all is not to be told from the state of each."""


@dataclass(frozen=True)
class Left:
    """What differs after an evaluation."""

    parameters: tuple[str, ...]
    """Names of those with other bytes; so are `buffers` and `gradients`."""
    buffers: tuple[str, ...]
    gradients: tuple[str, ...]
    switched: tuple[str, ...]
    """Names of the parameters that have another `requires_grad`."""
    leaves_mode: bool
    """Whether it leaves the model in another mode than it found it in."""
    attributes: tuple[str, ...] = ()
    """Names of tensors and numbers kept on the user's modules beside them; not among `names`."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        gradients = (f"gradient of {name}" for name in self.gradients)
        return (*self.parameters, *self.buffers, *gradients, *(f"requires_grad of {name}" for name in self.switched))


def left_behind(
    program: Program, batch: Batch, *, training: bool = True, steps: int = 0, first: Batch | None = None
) -> Left:
    """Run the user's `eval_step` once on a copy in train or eval mode, and return what is other than before.

    Args:
        program: left unchanged.
        batch: what is evaluated, and trained on before.
        training: whether the copy is in train mode then.
        steps: training steps before; an average of the weights is no other than they are until they have moved.
        first: what is trained on before instead; so it is in all that follows.

    Raises:
        MissingNeed: if it cannot be run on a copy, or no step can be taken.
    """
    with trained(program, idle=not steps) as trainee:
        for _ in range(steps):
            trainee.step(first or batch)
        network = trainee.program.network
        if not training:
            set_mode(network, training=False)
        before, mode, trainable = _state(trainee), network.training, _trainable(trainee)
        trainee.evaluate(batch)
        after = _state(trainee)
        parameters, buffers, gradients, attributes = (
            tuple(sorted(name for name in {**old, **new} if not _stays(old.get(name), new.get(name))))
            for old, new in zip(before, after, strict=True)
        )
        switched = tuple(sorted(trainable ^ _trainable(trainee)))
        return Left(parameters, buffers, gradients, switched, network.training is not mode, attributes)


def is_begun(
    program: Program, batch: Batch, steps: int, kept: Iterable[str] = (), *, first: Batch | None = None
) -> bool:
    """Return whether after training on half of a batch its evaluation leaves nothing, as what the first batch sets up.

    Args:
        program: left unchanged.
        batch: what is evaluated.
        steps: of training; without an optimizer there are none.
        kept: names of attributes that are to stay too.
        first: what is trained on.
    """
    if program.subject.train_step is None and program.subject.optimizer is None:
        return False
    try:
        first = first or batch
        half = first.taken(range(first.size // 2))
        left = left_behind(program, batch, steps=steps, first=half)
    except MissingNeed:
        return False
    return first.size >= _LEAST and not left.names and not set(kept) & set(left.attributes)


def _trainable(trainee: Trainee) -> set[str]:
    return {name for name, parameter in trainee.parameters.items() if parameter.requires_grad}


def is_statistic(program: Program, name: str) -> bool:
    """Return whether a buffer is one of a BatchNorm."""
    modules = dict(program.network.named_modules())
    return isinstance(modules.get(name.rpartition(".")[0]), _BatchNorm)


def learnt_from(program: Program, batch: Batch, names: Iterable[str], *, same: float = 1e-3) -> tuple[str, ...]:
    """Return which buffers take in what is evaluated in eval mode, of all samples together: a statistic of the data.

    They end the same whatever the order of the samples, and elsewhere without half of them. States of single samples,
    queues and counters do not, and PyTorch's own modules, as its observers, are left out.

    Args:
        program: left unchanged.
        batch: what is evaluated.
        names: of the buffers, or of attributes.
        same: share of its change by which a buffer may be elsewhere in another order.
    """
    modules = dict(program.network.named_modules())
    own = [one for one in names if not type(modules.get(one.rpartition(".")[0])).__module__.startswith("torch.")]
    if batch.size < _LEAST or not own:
        return ()

    def after(samples: Sequence[int] | None) -> dict[str, Tensor]:
        with trained(program, idle=True) as trainee:
            set_mode(trainee.program.network, training=False)
            if samples is not None:
                trainee.evaluate(batch.taken(samples) if samples else batch)
            _, buffers, _, attributes = _state(trainee)
            return {name: one.double() for name, one in {**buffers, **attributes}.items() if name in own}

    order = range(batch.size)
    try:
        found_by = [after(one) for one in (None, (), order[::-1], order[: batch.size // 2])]
    except MissingNeed:
        return ()
    found = []
    for name in own:
        states = [left[name] for left in found_by if name in left]
        if len(states) < 4 or any(one.shape != states[0].shape for one in states):
            continue
        change, other, fewer = (float((states[at] - states[1]).nan_to_num().norm()) for at in (0, 2, 3))
        if other <= same * change < fewer:
            found.append(name)
    return tuple(found)


def shift_of_outputs(program: Program, batch: Batch) -> float | None:
    """Return by how much outputs in eval mode differ after an evaluation, of their spread; None if unknown."""

    def outputs(trainee: Trainee) -> list[Tensor]:
        try:
            found = trainee.outputs(batch, training=False)
        except Exception as error:
            raise MissingNeed("a model that takes what is evaluated") from error
        return [t.detach().double() for _, t in tensors_in(found, "") if t.is_floating_point()]

    return _difference(program, batch, outputs)


def shift_of_training(program: Program, batch: Batch, *, steps: int = 0, first: Batch | None = None) -> float | None:
    """Return how far elsewhere a training step ends after an evaluation, of the parameters' spread; None if unknown."""

    def parameters(trainee: Trainee) -> list[Tensor]:
        if program.subject.optimizer is None and program.subject.train_step is None:
            raise MissingNeed("optimizer or train_step")
        set_mode(trainee.program.network, training=True)
        trainee.step(first or batch, held=True)
        return [parameter.detach().double() for parameter in trainee.parameters.values()]

    return _difference(program, batch, parameters, steps, first)


def _difference(
    program: Program,
    batch: Batch,
    seen: Callable[[Trainee], list[Tensor]],
    steps: int = 0,
    first: Batch | None = None,
) -> float | None:
    """Return how far what is seen on a copy that evaluated is from what is seen on one that did not.

    Infinite where nothing can be seen any more after the evaluation; None where it cannot be seen without one either.
    """
    found: list[list[Tensor]] = []
    idle = program.subject.optimizer is None and program.subject.train_step is None
    try:
        for evaluates in (False, True):
            with trained(program, idle=idle) as trainee:
                for _ in range(steps):
                    trainee.step(first or batch, held=True)
                if evaluates:
                    trainee.evaluate(batch)
                found.append([tensor.clone() for tensor in seen(trainee)])
    except MissingNeed:
        return float("inf") if found else None
    other, one = found
    if [tensor.shape for tensor in one] != [tensor.shape for tensor in other]:
        return float("inf")
    moved = sum(float((a - b).nan_to_num().norm()) ** 2 for a, b in zip(one, other, strict=True))
    size = sum(float((b - b.mean()).nan_to_num().norm()) ** 2 for b in other if b.numel())
    return float((moved / size if size else moved) ** 0.5)


def _state(trainee: Trainee) -> tuple[dict[str, Tensor], ...]:
    program = trainee.program
    parameters = program.parameters
    modules = {"": program.network, "loss_fn.": program.loss_module}
    buffers = {
        f"{prefix}{name}": buffer
        for prefix, module in modules.items()
        if isinstance(module, nn.Module)
        for name, buffer in module.named_buffers()
    }
    gradients = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
    attributes = _attributes(program.network)
    return _copies(parameters), _copies(buffers), _copies(gradients), _copies(attributes)


def _attributes(network: nn.Module) -> dict[str, Tensor]:
    """Return the dense real tensors and the numbers that the user's own modules keep beside parameters and buffers."""
    found: dict[str, Tensor] = {}
    for path, module in network.named_modules():
        if type(module).__module__.startswith("torch."):
            continue
        for name, value in vars(module).items():
            one = torch.tensor(value, dtype=torch.float64) if isinstance(value, float) else value
            if isinstance(one, Tensor) and one.layout is torch.strided and not one.is_complex():
                found[f"{path}.{name}" if path else name] = one
    return found


def _copies(tensors: Any) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _stays(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return is_same(one, other)
