"""Alerts in words: what the history of a run says of it, once for each cause, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from torch import nn
from torch.optim import Optimizer

from nbinspect.dynamics.evidence import Evidence, Finding, Line
from nbinspect.dynamics.history import History
from nbinspect.dynamics.instruments import Instrument
from nbinspect.dynamics.layer_alerts import cut_off, exploding, hasty
from nbinspect.dynamics.loss_alerts import asleep, overfitting, rising, slow, slowed
from nbinspect.dynamics.probe_alerts import collapsed, contradicting, nothing_learnt, shaken
from nbinspect.dynamics.quantities import layers_of, trained_parameters
from nbinspect.records import Moment

PART, LEAST = 0.05, 1.0
"""Of the budget, and seconds between two looks."""
Rule = Callable[[Evidence], Finding | None]
CAUSES: tuple[tuple[Rule, ...], ...] = (
    (slow, collapsed, shaken, rising, exploding, hasty, nothing_learnt),
    (cut_off,),
    (asleep,),
    (contradicting,),
    (overfitting,),
    (slowed,),
)
"""Rules whose findings may have the same cause stand together, the most telling first: one of them speaks."""


class Alerts:
    """Looks at a history, and marks what is wrong in it.

    Args:
        history: of the run; alerts are added to it.
        trained: tells the layers that an optimizer of the run is to change.
    """

    def __init__(self, history: History, trained: Callable[[], Sequence[str]] = tuple) -> None:
        self._history = history
        self._trained = trained
        self._quiet = [0] * len(CAUSES)
        self._heard = [False] * len(CAUSES)

    def look(self, step: int) -> None:
        """Add an alert for each cause that has come up, at this step; one that had gone may come again much later."""
        if not step:
            return
        run = self._evidence(step)
        for number, rules in enumerate(CAUSES):
            found = next((finding for rule in rules if (finding := rule(run)) is not None), None)
            if found is None:
                self._heard[number] = False
                continue
            if not self._heard[number] and step >= self._quiet[number]:
                self._history.moment(Moment(step, "alert", found.text, found.since))
            self._heard[number] = True
            self._quiet[number] = step + max(500, step // 2)

    def _evidence(self, step: int) -> Evidence:
        begin = max((moment.step for moment in self._history.moments if moment.kind == "back"), default=0)
        lines = {key: Line(*held).since(begin) for key, held in self._history.numbers().items()}
        probes = self._history.probes
        readings = self._history.readings(0) if probes else ()
        later = tuple(reading for reading in readings if reading.step >= begin)
        return Evidence(step, begin, lines, later, probes[0] if probes else None, self._trained())


def alerts_instrument(history: History, model: nn.Module, optimizers: Callable[[], Iterable[Optimizer]]) -> Instrument:
    """Return what looks for alerts; the last of the instruments, so that its last look sees the last numbers of all."""
    alerts = Alerts(history, lambda: trained_layers(model, optimizers()))
    return Instrument("alerts", PART, LEAST, alerts.look)


def trained_layers(model: nn.Module, optimizers: Iterable[Optimizer]) -> list[str]:
    """Return the layers whose parameters require gradients and are held by an optimizer, in the order of the model."""
    held = {id(one) for optimizer in optimizers for group in optimizer.param_groups for one in group["params"]}
    named = trained_parameters(model)
    layers = layers_of([name for name, _ in named])
    return list(dict.fromkeys(layer for layer, (_, one) in zip(layers, named, strict=True) if id(one) in held))
