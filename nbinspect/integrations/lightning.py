"""The bridge to Lightning: a callback that watches the dynamics of a `Trainer.fit`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from nbinspect.errors import NbinspectError
from nbinspect.integrations.trainer_loop import Dynamics, TrainerLoop

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def dynamics_callback(dynamics: Dynamics) -> Any:
    """Return a Lightning `Callback` that watches ``trainer.fit``: ``Trainer(callbacks=[dynamics_callback(dynamics)])``.

    It watches from the start of the fit, when the model is on its device, until its end or an exception. The loss of a
    step is that which ``training_step`` returns, the mean over the batches that a step accumulates; what is logged with
    ``self.log`` is drawn beside it, as often as the trainer's own loggers are told. A stop asked for in the view ends
    the fit in order, after the trainer's ``min_epochs`` and ``min_steps``. The run is left unchanged otherwise.

    Args:
        dynamics: the view of `Inspector.dynamics`, or a `Recorder`.

    Raises:
        NbinspectError: if Lightning is not installed, with the line that installs it.
        InputError: for an object of the wrong kind.
    """
    return type("DynamicsCallback", (_Hooks, _callback_class()), {"__module__": __name__})(dynamics)


def _callback_class() -> type[Any]:
    """Return the class of the package that is in use: both may be installed."""
    for name in sorted(_PACKAGES, key=lambda name: name not in sys.modules):
        try:
            found: type[Any] = importlib.import_module(name).Callback
        except ImportError:
            continue
        return found
    raise NbinspectError("dynamics_callback needs Lightning: pip install 'nbinspect[lightning]'")


class _Hooks:
    """What the callback does; every rank takes part in what the ranks decide or compute together."""

    def __init__(self, dynamics: Dynamics) -> None:
        self._loop = TrainerLoop(dynamics)
        self._losses: list[Any] = []
        self._global_step = self._steps = 0
        self._stages: dict[str, str] = {}

    def on_fit_start(self, trainer: Any, *_: Any) -> None:
        self._losses, self._steps = [], 0
        self._stages = {}
        self._loop.begin(first_rank=trainer.is_global_zero)

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        self._global_step = trainer.global_step

    def on_train_batch_end(self, trainer: Any, _module: Any, outputs: Any, *_: Any) -> None:
        loss = (outputs or {}).get("loss")
        if loss is not None:
            self._losses.append(loss * trainer.accumulate_grad_batches)  # which Lightning has divided it by
        values = self._logged(trainer, "batch")
        if trainer.global_step != self._global_step:
            self._steps += 1
            every = trainer.log_every_n_steps
            self._loop.step(_mean(self._losses), values if every and self._steps % every == 0 else None)
            self._losses = []
        self._heed_stop(trainer)

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        self._give(trainer, "epoch")

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        if not trainer.sanity_checking:
            self._give(trainer, "validation")

    def on_fit_end(self, *_: Any) -> None:
        self._loop.end()

    def on_exception(self, *_: Any) -> None:
        self._loop.end()

    def _heed_stop(self, trainer: Any) -> None:
        if trainer.strategy.reduce_boolean_decision(not self._loop.goes_on(), all=False):
            trainer.should_stop = True

    def _give(self, trainer: Any, stage: str) -> None:
        values = self._logged(trainer, stage)
        if trainer.global_step:
            self._loop.step(None, values)

    def _logged(self, trainer: Any, stage: str) -> dict[str, Any]:
        """Return what this stage has logged: the trainer hands out the last values of the others with it."""
        metrics = trainer.callback_metrics
        return {name: value for name, value in metrics.items() if self._stages.setdefault(name, stage) == stage}


def _mean(losses: list[Any]) -> Any:
    return sum(losses) / len(losses) if losses else None
