"""`memory-growth`: does each training step leave a part of its graph behind?"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from nbinspect.records import Chart, CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.graphs import Alive, alive_after_steps
from nbinspect.sanity.trials.running.stepping import in_order, stepping
from nbinspect.sanity.trials.running.text import mentions_of, place_of

_EMPTIES = ("detach", "detach_", "clear", "pop", "popleft")


def run(
    program: Program, stream: tuple[Batch, ...], *, counted: tuple[int, ...] = (4, 6, 8, 10), least: float = 0.5
) -> CheckResult:
    """Fail where what is alive of the graph grows with every step, or a step goes back into an earlier one's graph.

    Args:
        program: left unchanged.
        stream: batches, taken in turn.
        counted: after how many steps it is counted; caches may fill before the first count.
        least: nodes that each step adds.
    """
    train_step = program.subject.train_step
    alive = alive_after_steps(program, stream, counted)
    if alive.error:
        return _leads_back(alive, train_step)
    nodes, tensors = alive.nodes_a_step, alive.tensors_a_step
    if nodes < least:
        return passed(f"no growth: {alive.nodes[-1]} graph nodes alive after {alive.steps[-1]} steps")
    numbers = (
        measured("graph nodes that each step adds to those alive", nodes, "0"),
        measured("tensors with a graph that each step adds", tensors, "0"),
    )
    lets_go = any(mention.is_conditional for name in _EMPTIES for mention in mentions_of(train_step, name))
    if lets_go or not alive.goes_back:
        settle = "The step lets go under a condition: see whether memory falls after as many steps as that takes."
        return inconclusive(f"{nodes:.0f} more graph nodes alive with each step", *numbers, settle=settle)
    line = np.array(alive.nodes, dtype=float)
    at = np.array(alive.steps, dtype=float)
    chart = Chart("lines", "What stays alive", "training step", "nodes of the graph", ("nodes",), (line,), at)
    where, place, code = _kept_by(alive, train_step)
    return failed(
        f"{nodes:.0f} more graph nodes alive with each step",
        *numbers,
        title="Each step leaves its graph behind",
        detail=f"{'Something' if where == 'train_step' else where} keeps a tensor with its graph from step to step, "
        "and with it every activation of that step: memory grows until it runs out.",
        remedy="Keep numbers: loss.item(), or tensor.detach().",
        code=code or "+ losses.append(loss.item())",
        where=where,
        place=place,
        charts=(chart,),
    )


def _kept_by(alive: Alive, train_step: Callable[..., Any] | None) -> tuple[str, Place | None, str]:
    """Return what keeps the graph, the line that does, and the change; the step where none is found."""
    if not alive.kept_at:
        return "train_step", place_of(train_step), ""
    keeper = alive.kept_at[0]
    return keeper.name, keeper.place, f"- {keeper.line}\n+ {keeper.mended}" if keeper.mended else ""


def _leads_back(alive: Alive, train_step: Callable[..., Any] | None) -> CheckResult:
    where, place, code = _kept_by(alive, train_step)
    return failed(
        f"step {alive.steps[0] + 1} goes back into an earlier step's graph",
        measured("steps that run before one raises", alive.steps[0], "all"),
        title="State is carried over with its graph",
        detail="A tensor of an earlier step is used again, with the graph of that step: "
        f"{textwrap.shorten(alive.error.splitlines()[0], 200, placeholder=' …')}.",
        remedy="Detach what is carried from step to step: state = state.detach().",
        code=code or "+ state = state.detach()",
        where=where,
        place=place,
    )


def _kept() -> Callable[..., Any]:
    losses: list[Any] = []

    def step(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        losses.append(loss)
        return loss

    return step


def good() -> Arguments:
    """Return a step that returns a number and keeps nothing."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one that keeps each loss with its graph."""
    return stepping(_kept())


CHECK = Check(
    name="memory-growth",
    stage="training",
    question="Does memory stay the same from step to step?",
    why="A loss or a state that is kept with its graph keeps every activation, until memory runs out hours later.",
    remedy="Keep loss.item(), and detach what is carried from step to step.",
    cost=10,
    run=run,
    good=good,
    bad=bad,
    sources=("T-oom",),
    silent="lists of numbers or detached tensors; caches that fill and stop",
)
