"""Looking at activations: of the step at the cursor, of a recorded one, or the difference to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.decode.activation import view_activation, view_weights
from nbinspect.errors import InputError, NbinspectError
from nbinspect.nested import axis_of, tensors_in
from nbinspect.records import ActivationView, Floats, Step
from nbinspect.stepping.attention import FUSED, FUSED_NOTE, fused_weights
from nbinspect.stepping.runs import Runs

Compare: TypeAlias = Literal["previous", "sample", "eval", "train", "next batch", "before"]

INPUT = -1
"""Stands for the input of the model where the index of a step is asked for."""

_UNTOLD = "which axis has the samples cannot be told here: others are as long as the batch, or hold them among more"


@dataclass(frozen=True)
class Looker:
    """Shows what steps made; each look at a step that is not at the cursor runs a fresh pass up to there."""

    runs: Runs

    def look(
        self,
        index: int,
        steps: tuple[Step, ...],
        live: Tensor | None,
        *,
        output: int = 0,
        sample: int = 0,
        first: int = 0,
        compare: Compare | None = None,
        other: int = 0,
        given: tuple[Tensor, ...] = (),
    ) -> ActivationView:
        """Return what a person can look at of one output of a step.

        Args:
            index: of the step; `INPUT` for the model's input.
            steps: those that have run.
            live: the tensor, where the step is at the cursor.
            output: which of the step's outputs.
            sample: which sample of the batch.
            first: number of the first plane of the page.
            compare: what to subtract: the ``previous`` step's tensor of the same shape, another ``sample``, the same
                step in ``eval`` or ``train`` mode, of the ``next batch``, or with the parameters ``before`` (`keep`).
            other: the sample to subtract, with ``sample``.
            given: the tensors that the step was given, where it is at the cursor.

        Raises:
            InputError: where there is nothing of the same shape to compare with, or no such sample.
        """
        size = self.runs.batches.size
        if not 0 <= sample < max(1, size):
            raise InputError(f"sample: expected 0 to {size - 1}, got {sample}")
        step = next((step for step in steps if step.index == index), None)
        if step is not None and step.name == FUSED and compare is None:
            weights = self._attention(index) if live is None else fused_weights(given, live)
            if weights is not None:
                along = self._along(index, weights)
                size = 0 if along is None else size
                shown = view_activation(
                    weights, step=index, output=output, name=FUSED, size=size, sample=sample, first=first
                )
                return replace(shown, note=FUSED_NOTE)
        tensor = live if live is not None else self.tensor(index, output)
        compared, words = None, ""
        along = self._along(index, tensor)
        if compare is not None:
            compared, words = self._other(index, steps, tensor, output, compare=compare, other=other, along=along)
            if compared.shape != tensor.shape:
                raise InputError(
                    f"cannot compare with {words}: its shape is {tuple(compared.shape)}, not {tuple(tensor.shape)}"
                )
        names = [activation.name for activation in step.outputs] if step else []
        name = "input" if step is None else f"{step.name} → {names[output] if output < len(names) else 'output'}"
        shown = view_activation(
            tensor.movedim(along, 0) if along else tensor,
            step=index,
            output=output,
            name=name,
            size=0 if along is None else size,
            sample=sample,
            first=first,
            operation="" if step is None else step.name,
            compared=compared.movedim(along, 0) if along and compared is not None else compared,
            compared_with=words,
        )
        if along == 0:
            return shown
        note = shown.note if along else "; ".join(filter(None, [shown.note, _UNTOLD]))
        return replace(shown, shape=tuple(tensor.shape), note=note)

    def _along(self, index: int, tensor: Tensor) -> int | None:
        """Return the axis of a tensor's samples, 0 too where it has none; None where it cannot be told.

        What enters has them where the user says. Within the model an axis of that length may be another: with as many
        steps of time as samples, or of samples and steps on one axis before as many channels.
        """
        size, axis = self.runs.batches.size, self.runs.subject.batch_axis
        if not axis or tensor.is_nested:
            return 0
        if index == INPUT:
            return axis_of(tensor, size, axis) or 0
        shape = tensor.shape
        fed = [each.shape for each in self.runs.inputs() if each.dim() > axis and each.shape[axis] == size]
        if size not in shape[: axis + 1]:
            return 0
        if any(each[0] == size for each in fed):
            return None
        if len(shape) <= axis or shape[axis] != size:
            return 0 if shape[0] == size else None
        is_folded = size > 1 and any(shape[0] % (each[0] * size) == 0 for each in fed)
        return None if len(shape) < axis + 2 or shape[0] == size or is_folded else axis

    def _attention(self, index: int) -> Tensor | None:
        again = self.runs.fresh(changes=dict(self.runs.changes))
        try:
            made = self.runs.go_to(again, index)
            return fused_weights(again.cursor.given, made) if again.cursor else None
        finally:
            again.stop()

    def tensor(self, index: int, output: int = 0) -> Tensor:
        """Return a copy of what a step makes, or of the model's input."""
        if index != INPUT:
            return self.runs.replay(index, output=output)
        found = self.runs.inputs()
        if not found:
            raise InputError("no tensor enters the model: what it is given holds none")
        return found[min(output, len(found) - 1)]

    def _other(
        self,
        index: int,
        steps: tuple[Step, ...],
        tensor: Tensor,
        output: int,
        *,
        compare: Compare,
        other: int,
        along: int | None,
    ) -> tuple[Tensor, str]:
        runs = self.runs
        if compare == "previous":
            before = [s for s in steps if s.index < index and any(a.shape == tensor.shape for a in s.outputs)]
            if not before:
                raise InputError(f"no earlier step made a tensor of shape {tuple(tensor.shape)}")
            which = next(n for n, made in enumerate(before[-1].outputs) if made.shape == tensor.shape)
            return runs.replay(before[-1].index, output=which), f"step {before[-1].index}, {before[-1].name}"
        if compare == "sample":
            if along is None or not tensor.dim() or not 0 <= other < tensor.shape[along] == runs.batches.size:
                raise InputError(f"sample {other}: expected 0 to {runs.batches.size - 1}, of a tensor of samples")
            return tensor.narrow(along, other, 1).expand_as(tensor), f"sample {other}"
        if index == INPUT and compare != "next batch":
            raise InputError(f"the input is the same in comparison with {compare!r}")
        if compare in ("eval", "train"):
            return runs.replay(index, output=output, training=compare == "train"), f"{compare} mode"
        if compare == "next batch":
            batch = runs.batches.fetch()
            if index == INPUT:
                found = runs.inputs(batch)
                return found[min(output, len(found) - 1)].to(tensor.device), "the next batch"
            return runs.replay(index, output=output, batch=batch, changes=None), "the next batch"
        if compare == "before":
            return runs.replay(index, output=output, parameters=runs.kept), "the parameters kept before"
        raise InputError(f"compare: expected previous, sample, eval, train, next batch or before, got {compare!r}")

    def receptive_field(self, index: int, unit: tuple[int, ...]) -> Floats:
        """Return the magnitude of the gradient of one unit with respect to its sample of the input, in eval mode.

        Of a pass in which nothing was replaced.

        Args:
            index: of the step.
            unit: position in the step's first output, the sample first: ``(n, channel, row, column)``.

        Returns:
            float32, of the shape of one sample of the input.

        Raises:
            InputError: if there is no such unit.
            NbinspectError: if the unit does not depend on an input of floating point numbers.
        """
        with torch.inference_mode(False), torch.enable_grad():
            again = self.runs.fresh(training=False, track_inputs=True, modes=self.runs.modes.with_gradients())
            try:
                made = self.runs.go_to(again, index)
                along = self._along(index, made)
                has_samples = not self.runs.subject.batch_axis or self.runs.batches.size in made.shape
                if along is None or not has_samples:
                    raise NbinspectError(_UNTOLD)
                made = made.movedim(along, 0) if along else made
                if len(unit) != made.dim() or any(
                    not 0 <= n < length for n, length in zip(unit, made.shape, strict=True)
                ):
                    raise InputError(f"unit: expected a position in {tuple(made.shape)}, got {unit}")
                inputs = [tensor for _, tensor in tensors_in(again.inputs, "") if tensor.requires_grad]
                if not inputs or not made.requires_grad:
                    raise NbinspectError("this unit does not depend on an input of floating point numbers")
                (gradient,) = torch.autograd.grad(made[unit], inputs[:1], allow_unused=True)
                if gradient is None:
                    raise NbinspectError("this unit does not depend on the first input")
                gradient = gradient.select(self._along(INPUT, gradient) or 0, unit[0])
                found: Floats = gradient.abs().float().cpu().numpy()
                return found
            finally:
                again.stop()

    def filters(self) -> ActivationView:
        """Return the weights of the first layer as images.

        Raises:
            NbinspectError: if the model has no layer with weights of two axes or more, or it begins with an embedding.
        """
        embedded = False
        for path, module in self.runs.subject.network.named_modules():
            weight = getattr(module, "weight", None)
            embedded |= isinstance(module, nn.Embedding | nn.EmbeddingBag)
            # what a matrix behind an embedding weighs are features, which are no picture
            if isinstance(weight, Tensor) and weight.dim() >= (3 if embedded else 2):
                return view_weights(path, weight)
        if embedded:
            raise NbinspectError("the first layer is an embedding: its weights are a row for each index, no filters")
        raise NbinspectError("the model has no layer with a weight of two or more axes")
