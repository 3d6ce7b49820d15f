"""Dropout that a forward pass calls as a function, switched off on a copy."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.trials.running.trainee import Trainee

_NAMES = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout")
_FUNCTIONS = {getattr(module, name) for module in (functional, torch) for name in _NAMES if hasattr(module, name)}


class _Undropped(TorchFunctionMode):
    """Gives back what it is given to a dropout function, and notes at which rate it would have dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[str, None] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func in _FUNCTIONS and args:
            rate = named.get("p", args[1] if len(args) > 1 else 0.5)
            self._note(func, rate if named.get("training", args[2] if len(args) > 2 else True) else 0)
            return args[0]
        if named.get("dropout_p"):  # of attention
            self._note(func, named["dropout_p"])
            named["dropout_p"] = 0.0
        return func(*args, **named)

    def _note(self, func: Any, rate: float) -> None:
        if rate:
            self.rates[f"F.{func.__name__} {rate:g}"] = None


def without_functions(trainee: Trainee) -> _Undropped:
    """Switch off dropout functions in a copy's forward pass, and return what notes their rates as it runs."""
    network, mode = trainee.program.network, _Undropped()
    original = network.forward

    def forward(*args: Any, **named: Any) -> Any:
        with mode:
            return original(*args, **named)

    vars(network)["forward"] = forward
    return mode


def dropped_by_functions(trainee: Trainee, batch: Batch) -> tuple[str, ...]:
    """Switch off dropout functions in a copy's forward pass, and return those that a pass in train mode calls."""
    mode = without_functions(trainee)
    try:
        trainee.outputs(batch)
    except Exception:  # noqa: BLE001 - what does not run outside of the user's step says nothing
        return ()
    return tuple(mode.rates)
