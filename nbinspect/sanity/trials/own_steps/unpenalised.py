"""Penalties on the parameters, which the user's own step adds to its loss: found, and switched off, on a copy."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import wraps
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from nbinspect.capture.naming import calling_line
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import trained

_SUMS = ("add", "radd", "iadd", "sub", "rsub", "isub", "stack")


class Unpenalised(TorchFunctionMode):
    """Detaches the summands of a loss that are made of parameters and plain numbers alone, and notes what they are."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        super().__init__()
        self.value = 0.0
        """Of all of them together, in the last step."""
        self.place: Place | None = None
        """Where the last of them is added."""
        self.is_any = False
        self._own = {id(parameter) for parameter in parameters}
        self._made: dict[int, Tensor] = {}
        """What is made of parameters; held, for an id stands for its tensor only while that lives."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        given = [tensor for _, tensor in tensors_in([args, named], "")]
        if getattr(func, "__name__", "").strip("_") in _SUMS and self._is_sum_of_losses(given):
            self._note([tensor for tensor in given if id(tensor) in self._made])
            args = map_tensors(lambda one: one.detach() if id(one) in self._made else one, args)
        made = func(*args, **named)
        of_parameters = any(id(one) in self._own or id(one) in self._made for one in given)
        if of_parameters and all(map(self._is_of_parameters, given)):
            self._made |= {id(one): one for _, one in tensors_in(made, "")}
        return made

    def begin(self) -> None:
        """Forget what an earlier step made."""
        self._made.clear()
        self.value = 0.0

    def _is_of_parameters(self, tensor: Tensor) -> bool:
        return id(tensor) in self._own or id(tensor) in self._made or (tensor.numel() == 1 and tensor.is_leaf)

    def _is_sum_of_losses(self, given: list[Tensor]) -> bool:
        """Whether single values that want a gradient are added, some of parameters alone and some of more."""
        kinds = {id(one) in self._made for one in given if one.requires_grad and not one.is_leaf}
        return len(kinds) > 1 and not any(one.dim() for one in given)

    def _note(self, penalties: list[Tensor]) -> None:
        self.value += float(sum(one.detach().double().abs() for one in penalties))
        self.place = calling_line(sys._getframe())
        self.is_any = True


def without_penalties(copy: Program) -> Unpenalised:
    """Keep such summands from the gradient in the user's own step on a copy, and return what notes them."""
    step: Any = copy.given.train_step
    mode = Unpenalised(copy.parameters.values())

    @wraps(step)
    def cut(*args: Any, **named: Any) -> Any:
        mode.begin()
        with mode:
            return step(*args, **named)

    copy.change(train_step=cut)
    return mode


def penalty_of(program: Program, batch: Batch) -> Unpenalised | None:
    """Take a step of the user's own on a copy, and return the penalties that it adds to its loss; None without any."""
    found: list[Unpenalised] = []
    if program.subject.train_step is None or program.goes_through_step:
        return None
    with trained(program, changed=lambda copy: found.append(without_penalties(copy))) as trainee:
        trainee.step(batch)
    return found[0] if found[0].is_any else None
