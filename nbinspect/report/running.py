"""`check`: run the sanity checks without a page, and return the report."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import Progress
from nbinspect.report.report import Report
from nbinspect.sanity.choose import chosen, settings_checked
from nbinspect.sanity.plainly import run_plain
from nbinspect.sanity.registry import CHECKS
from nbinspect.sanity.runner import run_checks
from nbinspect.subject import Subject, kind_of, make_subject

_OF_THE_RUN = ("only", "skip", "seed", "time_budget", "progress", "plain")


def check(  # noqa: PLR0913 - the whole of what a user may want to say, by name
    model: Any,
    loader: Any = None,
    loss_fn: Any = None,
    *,
    optimizer: Any = None,
    val_loader: Any = None,
    train_step: Callable[..., Any] | None = None,
    eval_step: Callable[..., Any] | None = None,
    scheduler: Any = None,
    scaler: Any = None,
    total_steps: int | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    split: Callable[[Any], tuple[Any, Any]] | None = None,
    task: str | None = None,
    causal: bool | None = None,
    padding_value: float | None = None,
    batch_axis: int = 0,
    class_names: Any = None,
    intended: Mapping[str, str] | None = None,
    thresholds: Mapping[str, Mapping[str, Any]] | None = None,
    device: Any = None,
    only: str | Iterable[str] | None = None,
    skip: str | Iterable[str] | None = None,
    seed: int = 0,
    time_budget: float = 120,
    progress: Callable[[Progress], Any] | None = None,
    plain: bool = False,
) -> Report:
    """Run the sanity checks on a program and return what they found, causes first.

    Args:
        model: the `torch.nn.Module` that is trained; or an `Inspector`, and then only run options may follow.
        loader: any iterable of batches.
        loss_fn: ``loss_fn(outputs, targets) -> scalar``; None when the model returns an object with ``.loss``.
        optimizer: the torch optimizer that is in use, a dict or list of them, or a factory ``params -> optimizer``.
        val_loader: the batches of validation.
        train_step: your own training step, ``(model, batch, optimizer) -> loss``.
        eval_step: your own evaluation of a batch, ``(model, batch) -> loss or metrics``, all of it: with
            ``model.eval()``, where a loop around it calls that.
        scheduler: of the learning rate; counts optimizer steps, as `total_steps` does.
        scaler: of the gradients, under mixed precision.
        total_steps: how many optimizer steps training will take.
        forward: ``(model, batch) -> outputs``, for unusual batches.
        split: ``batch -> (inputs, targets)``, for unusual batches.
        task: ``classification``, ``binary``, ``multilabel``, ``regression``, ``segmentation``, ``language-model`` or
            ``other``; inferred by default, and the report says from what.
        causal: whether outputs at time t may depend on inputs up to t alone.
        padding_value: what marks padded positions of inputs.
        batch_axis: the axis of samples.
        class_names: a name for each class.
        intended: ``{"loss-direction": "policy gradient"}``: such a finding is reported as waived, with that reason.
        thresholds: ``{"dead-units": {"share": 0.7}}``, instead of a check's own.
        device: where to run; by default the model's own device.
        only: names of checks, or of stages (``data``, ``wiring``, ``init``, ``backward``, ``training``), to run; all
            by default.
        skip: names of checks or stages not to run.
        seed: what random draws depend on: the same seed gives the same report.
        time_budget: seconds; checks that no time is left for are skipped.
        progress: called with a `Progress` before each check, during it and at the end; returning False cancels.
        plain: run on a copy without augmentation and regularisation (dropout, weight decay), as far as these can be
            found; the report's notes say what was switched off. Source: K-simplify.

    Raises:
        InputError: for an unknown name, with the nearest known one, or an object of the wrong kind; before anything
            is run.
        CaptureError: if another thread is at work on the model.

    Model, gradients, buffers, modes, hooks, optimizer, the loaders' generators and the random states are left
    unchanged, also on exceptions and interrupts.
    """
    program = {name: value for name, value in locals().items() if name not in _OF_THE_RUN}
    subject = _subject(**program)
    if subject.loader is None:
        raise InputError("loader: expected an iterable of batches, got None; write [(x, y)] for one batch")
    settings_checked(CHECKS, subject)
    checks = chosen(CHECKS, only, skip)
    if not checks:
        raise InputError("only, skip: no check is left to run")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed: expected an integer, got {kind_of(seed)}")
    if isinstance(time_budget, bool) or not isinstance(time_budget, int | float) or not time_budget > 0:
        raise InputError(f"time_budget: expected seconds above 0, got {time_budget!r}")
    if progress is not None and not callable(progress):
        raise InputError(f"progress: expected a function of a Progress, got {kind_of(progress)}")
    options: dict[str, Any] = {"seed": seed, "time_budget": time_budget, "progress": progress}
    report = Report((run_plain if plain else run_checks)(subject, checks, **options))
    if subject is getattr(model, "subject", None):
        _kept(report, model)
    return report


def _kept(report: Report, inspector: Any) -> None:
    """Hand a report to the recipe and the journal of an inspector; views are given as such too, and have neither."""
    witness, journal = (getattr(inspector, name, None) for name in ("witness", "journal"))
    if witness is not None:
        witness.checked(report)
    if journal is not None:
        try:
            journal.add(report, inspector=inspector)
        except NbinspectError as error:  # a disk that is full must not cost the answers
            warnings.warn(f"the report was not kept: {error}", stacklevel=3)


def _subject(model: Any, loader: Any, loss_fn: Any, **options: Any) -> Subject:
    subject = getattr(model, "subject", None)
    if not isinstance(subject, Subject):
        return make_subject(model, loader, loss_fn, **options)
    given = {"loader": loader, "loss_fn": loss_fn, **options}
    twice = [name for name, value in given.items() if value is not None and (name, value) != ("batch_axis", 0)]
    if twice:
        raise InputError(f"{', '.join(twice)}: give these to Inspector(…); check(inspector) takes its own")
    return subject
