"""What is to be measured of a run, settled before it begins; probes are chosen when it does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch.optim import Optimizer

from nbinspect.dynamics.alerts import alerts_instrument
from nbinspect.dynamics.history import History
from nbinspect.dynamics.hooks import seconds_of_hooks
from nbinspect.dynamics.instruments import Instrument, probe_instrument, validation_instrument
from nbinspect.dynamics.measuring import Measuring
from nbinspect.dynamics.probe import Probe, Split, check_choice, choose_probe
from nbinspect.dynamics.selection import Chosen
from nbinspect.dynamics.states import StateRing
from nbinspect.dynamics.validation import Validation
from nbinspect.errors import InputError, reason_of
from nbinspect.records import MomentKind
from nbinspect.subject import Subject

PROBES, VALIDATION = 0.4, 0.15
"""Parts of the budget: of all probes together, and of the whole validation set."""


class Run(Protocol):
    """What the plan needs of the run that it is carried out on."""

    history: History
    states: StateRing

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """Those that have made a step."""

    def mark(self, kind: MomentKind, text: str) -> None:
        """Add a mark to the time line."""

    def tell(self) -> None:
        """Tell others what is fresh."""


class Plan:
    """Which probes are watched, and whether the validation set is.

    Args:
        subject: what is trained.
        probe: a batch, or how to choose one; None for none.
        size: samples of a probe that is chosen.
        train_mode: evaluate probes as training sees them.
        validate: evaluate the whole validation set, where there is one.

    Raises:
        InputError: for arguments that cannot be used.
    """

    def __init__(self, subject: Subject, probe: Any, *, size: int, train_mode: bool, validate: bool) -> None:
        self._subject = subject
        self._validates = validate and subject.val_loader is not None
        chosen = functools.partial(choose_probe, subject, size=size, train_mode=train_mode)
        self._probes: dict[Split, Callable[[], Probe]] = {}
        self._train_mode = train_mode
        self.size = size
        """Samples of a probe."""
        self.carried = False
        """Whether probes have been chosen: they stay the same from then on."""
        self.watched: list[Probe] = []
        """The probes, as their records are numbered; none before they are chosen."""
        if probe is not None and not isinstance(probe, str):
            self._probes = {"train": functools.partial(chosen, probe)}
        elif probe is not None:
            check_choice(probe, size)
            splits: tuple[Split, ...] = ("train", "validation") if subject.val_loader is not None else ("train",)
            self._probes = {split: functools.partial(chosen, how=probe, split=split) for split in splits}

    @property
    def splits(self) -> list[Split]:
        """The splits that probes are of, in the order of their numbers."""
        return [*self._probes]

    def lead(self, chosen: Chosen, split: Split) -> None:
        """Watch these samples of a split, instead of those that would be chosen.

        Raises:
            InputError: if probes have been chosen already.
        """
        if self.carried:
            raise InputError("the samples that are watched were chosen when the run began, and stay the same")
        self._probes[split] = functools.partial(Probe, self._subject, chosen, split=split, train_mode=self._train_mode)

    def carried_out(self, run: Run, share: float) -> Measuring:
        """Choose the probes, and return what measures them and the rest; what cannot be is marked."""
        instruments: list[Instrument] = []
        self.carried = True
        for split, choose in self._probes.items():
            try:
                probe = choose()
            except Exception as error:  # noqa: BLE001 - training goes on; the view says what cannot be watched
                run.mark("problem", f"no {split} probe is watched: {reason_of(error)}")
                continue
            self.watched.append(probe)
            if probe.refusal:
                run.mark("note", f"the {split} probe has no losses: {probe.refusal}")
            run.history.probe(probe.record)
            part = PROBES / len(self._probes)
            instruments.append(probe_instrument(len(instruments), probe, run.history, part, lambda: run.states.steps))
        if self._validates:
            try:
                instruments.append(validation_instrument(Validation(self._subject), run.history, VALIDATION))
            except Exception as error:  # noqa: BLE001 - likewise
                run.mark("problem", f"the validation set is not evaluated: {reason_of(error)}")
        instruments.append(alerts_instrument(run.history, self._subject.model, lambda: run.optimizers))
        return Measuring(
            self._subject,
            run.history,
            instruments,
            tell=run.tell,
            report=functools.partial(run.mark, "problem"),
            share=share,
            per_step=seconds_of_hooks(),
        )
