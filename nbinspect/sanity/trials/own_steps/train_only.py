"""Layers of the user's own that act in train mode alone, as dropout does: found on a copy, and switched off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.hook import add_hook, add_pre_hook
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.trials.running.trainee import Trainee


def train_only(trainee: Trainee, batch: Batch) -> tuple[str, ...]:
    """Return the paths of layers that hand on what they get in eval mode, to the bit, and something else in train mode.

    They have no parameters, and one tensor comes and goes, after a layer with parameters: what changes the inputs
    themselves may be the task, as a corruption that is to be undone.

    Args:
        trainee: a copy; it is left as it is.
        batch: what its network is called on, once in either mode.
    """
    network = trainee.program.network
    layers = {part: path for path, part in network.named_modules() if _is_bare(part)}
    weighted = [part for part in network.modules() if next(part.parameters(recurse=False), None) is not None]
    if not layers:
        return ()
    in_training, in_eval = _Watch(layers), _Watch(layers)
    for watch, mode in ((in_training, True), (in_eval, False)):
        handles = [add_hook(part, watch.weighed) for part in weighted]
        for layer in layers:
            handles += [add_pre_hook(layer, watch.before), add_hook(layer, watch.after)]
        try:
            trainee.outputs(batch, training=mode)
        except Exception:  # noqa: BLE001 - what does not run outside of the user's step says nothing
            return ()
        finally:
            for handle in handles:
                handle.remove()
    found = (in_eval.kept - in_eval.acting) & in_training.acting
    return tuple(path for path in layers.values() if path in found)


class _Watch:
    """Hooks that note which layers hand on what they get, and which change it."""

    def __init__(self, names: Mapping[nn.Module, str]) -> None:
        self.names = names
        self.kept: set[str] = set()
        self.acting: set[str] = set()
        self._came: dict[str, Tensor | None] = {}
        self._has_weighed = False

    def weighed(self, *_: Any) -> None:
        self._has_weighed = True

    def before(self, layer: nn.Module, args: tuple[Any, ...], _: dict[str, Any]) -> None:
        is_one = self._has_weighed and len(args) == 1 and isinstance(args[0], Tensor) and args[0].is_floating_point()
        self._came[self.names[layer]] = args[0].clone() if is_one else None

    def after(self, layer: nn.Module, _: Any, value: Any) -> None:
        path = self.names[layer]
        came = self._came.pop(path, None)
        is_same = came is not None and isinstance(value, Tensor) and torch.equal(value, came)
        (self.kept if is_same else self.acting).add(path)


def handed_on(trainee: Trainee, paths: Iterable[str]) -> tuple[str, ...]:
    """Let these layers of a copy hand on what they get, whatever the mode, and return their paths with their kinds."""
    layers: dict[str, Any] = dict(trainee.program.network.named_modules())
    found = tuple(f"{path} ({type(layers[path]).__name__})" for path in paths)
    for path in paths:
        vars(layers[path])["forward"] = _same
    return found


def _same(value: Tensor) -> Tensor:
    return value


def _is_bare(layer: nn.Module) -> bool:
    """Whether a layer has neither parameters nor parts."""
    return next(layer.parameters(), None) is None and next(layer.children(), None) is None
