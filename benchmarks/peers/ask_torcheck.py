"""What torcheck says of a program: its checks registered as its documentation does, and then some steps of training."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.calling import call_loss
from nbinspect.subject import Subject
from peers.feeding import Fed, Several, feed, first_fed, optimizer_of, subject_of

STEPS = 20
_TOLD = {
    "should change": "changing",
    "should not change": "unchanging",
    "shouldn't all": "output_range",
    "contains NaN": "nan",
    "contains inf": "inf",
}


def ask(arguments: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, status and message of each check that failed in the steps, up to the first step with one."""
    from torcheck.registry import Registry  # type: ignore[import-not-found, unused-ignore] # in the peer's environment

    subject = subject_of(arguments)
    fed = first_fed(subject)
    optimizer = optimizer_of(subject) or torch.optim.Adam(subject.model.parameters())
    registry = Registry()
    for part in optimizer.parts.values() if isinstance(optimizer, Several) else [optimizer]:
        registry.register(part)
    missing = _register(registry, subject.model, subject.loss_fn, _first_outputs(fed))
    found = [("covered", "fail", f"The tensor doesn't belong to any optimizer: {name}") for name in missing[:1]]
    given = optimizer.parts if isinstance(optimizer, Several) and subject.train_step else optimizer
    try:
        for number, batch in enumerate(islice(_batches(subject), STEPS)):
            _step(subject, given, batch, number)
    except RuntimeError as error:
        names = {name for words, name in _TOLD.items() if words in str(error)}
        if not names:
            raise
        found += [(name, "fail", str(error)[:300]) for name in sorted(names)]
    return found


def _register(registry: Any, model: nn.Module, loss_fn: Any, outputs: Any) -> list[str]:
    """Add every check that fits; return trainable parameters that torcheck refuses, as in no optimizer."""
    missing = []
    for name, parameter in model.named_parameters():
        if parameter not in registry.tensor_to_optimizer:
            missing += [name] if parameter.requires_grad else []
            continue
        registry.add_tensor(parameter, name, changing=parameter.requires_grad, check_nan=True, check_inf=True)
    if isinstance(outputs, Tensor):
        plain = model.forward
        raw = isinstance(loss_fn, nn.CrossEntropyLoss | nn.BCEWithLogitsLoss)
        bounds = {"output_range": (0, 1), "negate_range": True} if raw else {}
        registry._add_output_check(model, check_nan=True, check_inf=True, **bounds)
        model.forward.__dict__["__wrapped__"] = plain  # so that its arguments can still be read off
    return missing


def _first_outputs(fed: Fed) -> Any:
    """Return what the model itself gives on the first batch, before a user's `forward` picks a part of it."""
    model, given = fed.subject.model, []
    hook = model.register_forward_hook(lambda _module, _inputs, outputs: given.append(outputs))
    try:
        fed.call(model, fed.inputs)
    finally:
        hook.remove()
    return given[0] if given else None


def _batches(subject: Subject) -> Iterator[Any]:
    assert subject.loader is not None
    while True:
        yield from subject.loader


def _step(subject: Subject, optimizer: Any, batch: Any, number: int) -> None:
    """Take the user's own training step, with what its parameters ask for by name, or a standard one."""
    if subject.train_step is not None:
        known = {name: getattr(subject, name) for name in ("model", "loss_fn", "scheduler", "scaler", "device")}
        known |= {"batch": batch, "optimizer": optimizer, "step": number}
        asked = inspect.signature(subject.train_step).parameters
        subject.train_step(**{name: known[name] for name in asked if name in known})
        return
    fed = feed(subject, batch)
    optimizer.zero_grad()
    call_loss(subject, fed.call(subject.model, fed.inputs), fed.targets).backward()
    optimizer.step()
