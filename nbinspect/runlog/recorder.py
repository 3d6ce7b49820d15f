"""`Recorder`: keeps the dynamics of a run in a folder, for scripts, other processes and other hosts to follow."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import nn

from nbinspect.capture.alone import alone
from nbinspect.dynamics.observer import Observer
from nbinspect.errors import InputError, NbinspectError
from nbinspect.figures.document import write_document
from nbinspect.figures.dynamics_page import dynamics_html
from nbinspect.journal.configuration import configuration_of
from nbinspect.journal.plain import plain
from nbinspect.records import DynamicsRecord
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from nbinspect.runlog.looks import Looks, facts_of_rank, rank_of_process
from nbinspect.subject import Subject, make_subject

REPORT = "report.html"
_PATIENCE = 20.0


class Recorder:
    """Records a run that trains in a script: predictions on a probe, losses, rates; without an edit of the loop.

    ``with Recorder("runs/a", model, loader, loss_fn): train()`` writes to the folder ``runs/a`` about once a second;
    ``inspector.dynamics(follow="runs/a")`` shows it from any notebook that sees the folder, while it runs and after,
    also when the trainer was killed. The weights at the end are those of a run alone. At the end ``report.html`` in
    the folder has the run as a static page.

    Under ``torchrun`` make one on each rank, with the same path: rank 0 records the probe, each rank what lets them be
    compared; none ever waits for another.

    Args:
        path: the folder of the run; it is made when recording begins.
        model: an `Inspector`, or the model, with `loader`, `loss_fn` and options as an `Inspector` takes them.
        loader: any iterable of batches.
        loss_fn: ``loss_fn(outputs, targets)``; None when the model returns an object with ``.loss``.
        probe: the batch to watch: ``"first"``, ``"stratified"``, ``"hardest"`` of the loader, a batch, or None.
        size: samples of a probe that is chosen.
        budget: share of the run's time that watching may take, 0.02 = 2 %.
        train_mode: evaluate the probe as training sees it, with dropout and batch statistics.
        resume: append to the run in the folder; its steps go on from the last one.
        report: leave ``report.html`` in the folder when recording ends; where that fails, the log says so.
        **options: as for an `Inspector`.

    Raises:
        InputError: for arguments that cannot be used; from `attach`, if the folder holds a run and `resume` is not set.
        LogError: from `attach`, if the folder cannot be written to. Later the disk may refuse as it likes: training
            goes on, one warning tells of it, and what comes is written when the disk takes it again.
    """

    def __init__(
        self,
        path: str | Path,
        model: Any,
        loader: Any = None,
        loss_fn: Any = None,
        *,
        probe: Any = "first",
        size: int = 24,
        budget: float = 0.02,
        train_mode: bool = False,
        resume: bool = False,
        report: bool = True,
        **options: Any,
    ) -> None:
        given = getattr(model, "subject", None)
        if isinstance(given, Subject):
            if loader is not None or loss_fn is not None or options:
                raise InputError("Recorder: the Inspector has loader, loss_fn and options already; give them there")
            self.subject = given
        else:
            self.subject = make_subject(model, loader, loss_fn, **options)
        self.path = Path(path)
        self.rank, world = rank_of_process()
        self.log: RunLog | None = None
        """What is written to, while it is attached."""
        self._resume = resume
        self._report = report
        self._looks: Looks | None = None
        self._described = False
        self._counted = (0, 0.0)
        self.observer: Observer | None = None
        """The engine that watches, on rank 0; None on the others."""
        if self.rank == 0:
            if world > 1:
                _refuse_waiting_probes(self.subject, train_mode)
            self.observer = Observer(
                self.subject,
                probe=probe,
                size=size,
                budget=budget,
                train_mode=train_mode,
                validate=world == 1,  # the others would wait for it, and may lose patience
            )
            self.observer.listeners.append(self._heard)

    def attach(self) -> Recorder:
        """Begin to record."""
        if self.log is None:
            report = self.observer.mark if self.observer is not None else None
            about = configuration_of(replace(self.subject, loader=None, val_loader=None))
            about["ranks"] = facts_of_rank(self.subject)
            # recording that goes on after `detach` goes on counting, in the same folder
            self.log = RunLog(
                self.path, self.rank, about=about, resume=self._resume, counted=self._counted, report=report
            )
            self._resume = True
            if rank_of_process()[1] > 1:
                self._looks = Looks(self.subject, self.log.look, self._counted[0])
        if self.observer is not None:
            try:
                with alone():  # a probe that would wait for others fails at its first reading, and is not made again
                    self.observer.attach()
            except BaseException as error:
                self.detach(f"did not begin ({type(error).__name__})")
                raise
        return self

    def detach(self, status: str = "ended") -> None:
        """End recording: a last reading, and all that waits is written."""
        if self.observer is not None:
            with alone():
                self.observer.detach()
            self._counted = (self.observer.steps, self.observer.record.seconds)
        if self._looks is not None:
            self._counted = (self._looks.steps, self._counted[1])
            self._looks.remove()
            self._looks = None
        if self.log is not None:
            try:
                if self._report and self.observer is not None:
                    given = (self.path.expanduser(), self.log, self.observer)
                    writer = threading.Thread(target=_write_report, args=given, name="nbinspect report", daemon=True)
                    writer.start()
                    writer.join(_PATIENCE)  # a disk that does not answer holds the trainer up no longer
            finally:
                self.log.close(status)
                self.log = None

    def step(self, loss: Any = None, **values: float) -> None:
        """Give the loss of this step, and numbers of your own, where they are not seen by themselves."""
        self.attach()
        if self.observer is not None:
            self.observer.step(loss, **values)
        if self._looks is not None and loss is not None:
            self._looks.given(loss)

    def watch(self, loader: Iterable[Any]) -> Iterable[Any]:
        """Return an iterable of the very batches of a loader, for ``for`` and ``async for``."""
        self.attach()
        return loader if self.observer is None else self.observer.watch(loader)

    def _heard(self, fresh: DynamicsRecord) -> None:
        if self.log is None or self.observer is None:
            return
        if not self._described and self.observer.optimizers:
            self._described = True
            self.log.describe(optimizers=[_told(optimizer) for optimizer in self.observer.optimizers])
        self.log.write(fresh)

    def __enter__(self) -> Recorder:
        return self.attach()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        stopped = False
        if self.observer is not None:
            with alone():
                stopped = self.observer.__exit__(kind, error, traceback)
        self.detach("ended" if error is None or stopped else f"ended by {type(error).__name__}: {error}"[:300])
        return stopped


def _told(optimizer: Any) -> dict[str, Any]:
    groups = [
        {key: plain(value) for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]
    return {"class": type(optimizer).__qualname__, "groups": groups}


def _refuse_waiting_probes(subject: Subject, train_mode: bool) -> None:
    if train_mode and any(isinstance(module, nn.SyncBatchNorm) for module in subject.network.modules()):
        raise InputError(
            "train_mode: SyncBatchNorm in train mode waits for the other ranks, which take no part in the probe; "
            "leave train_mode off"
        )


def _write_report(folder: Path, log: RunLog, observer: Observer) -> None:
    """Leave the run as a static page; what stands in the way is said in the log, and never raised."""
    try:
        record = _whole(folder, log, observer)
        write_document(folder / REPORT, f"Dynamics · {record.model}", dynamics_html(record))
    except Exception as error:  # noqa: BLE001 - the training has ended well, whatever is wrong here
        observer.mark("problem", f"{REPORT} was not written: {error}")
        observer.tell()


def _whole(folder: Path, log: RunLog, observer: Observer) -> DynamicsRecord:
    """Return all that the folder holds, earlier sessions too; what was seen here, where that cannot be read."""
    follow = Follow(folder)
    try:
        if log.flush():
            follow.poll()
            while follow.behind:
                follow.poll()
            return follow.record or observer.record
    except NbinspectError:
        pass
    return observer.record
