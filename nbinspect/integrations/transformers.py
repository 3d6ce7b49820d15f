"""The bridge to transformers: a callback that watches the dynamics of a `Trainer.train`."""

from __future__ import annotations

from typing import Any

from nbinspect.errors import NbinspectError
from nbinspect.integrations.trainer_loop import Dynamics, TrainerLoop


def dynamics_callback(dynamics: Dynamics) -> Any:
    """Return a transformers `TrainerCallback` that watches: ``Trainer(…, callbacks=[dynamics_callback(dynamics)])``.

    It watches from the start of ``trainer.train()`` until its end. The loss is read from the model's own ``.loss``;
    what the trainer logs is drawn beside it. A stop asked for in the view ends training in order, after the step. The
    run is left unchanged otherwise. A trainer tells no callback of an exception: after one, watching ends with
    ``dynamics.detach()``, with the next ``trainer.train()``, or at once within ``with dynamics: trainer.train()``.

    Args:
        dynamics: the view of `Inspector.dynamics`, or a `Recorder`.

    Raises:
        NbinspectError: if transformers is not installed, with the line that installs it.
        InputError: for an object of the wrong kind.
    """
    try:
        from transformers import TrainerCallback
    except ImportError as error:
        raise NbinspectError("dynamics_callback needs transformers: pip install 'nbinspect[transformers]'") from error
    return type("DynamicsCallback", (_Hooks, TrainerCallback), {"__module__": __name__})(dynamics)


class _Hooks:
    """What the callback does."""

    def __init__(self, dynamics: Dynamics) -> None:
        self._loop = TrainerLoop(dynamics)

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._loop.begin(first_rank=state.is_world_process_zero)

    def on_step_end(self, args: Any, _state: Any, control: Any, **_: Any) -> None:
        if _any_rank(args, not self._loop.goes_on()):
            control.should_training_stop = True

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        if state.global_step:
            self._loop.step(None, logs)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self._loop.end()


def _any_rank(args: Any, stops: bool) -> bool:
    """Return whether any rank stops: all must, or the others would wait for it in their next step."""
    if args.world_size <= 1:
        return stops
    import torch
    from torch import distributed

    asked = torch.tensor(int(stops), device=args.device)
    distributed.all_reduce(asked, op=distributed.ReduceOp.MAX)
    return bool(asked.item())
