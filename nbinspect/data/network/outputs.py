"""What a network makes of each sample of a batch, read the same way for every batch of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.calling import Parts, call_model, split_batch, to_device
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.data.findings.found import samples
from nbinspect.data.loading.guarded import told
from nbinspect.data.network.feature_space import FeatureTap
from nbinspect.errors import CaptureError
from nbinspect.evaluation.first_look import FirstLook, look, output_of
from nbinspect.evaluation.layout import Layout, goal_of
from nbinspect.evaluation.reading import goal_array, make_reading, no_trail
from nbinspect.evaluation.reduction import numbers_of
from nbinspect.evaluation.sample_losses import LossWatch, is_listed, losses_alone, losses_together
from nbinspect.evaluation.samples import joined
from nbinspect.evaluation.unchanged import Unchanged
from nbinspect.nested import tensors_in
from nbinspect.records import Flags, Floats, Reading
from nbinspect.subject import Subject

_OF_ANY_SIZE = ("language-model", "segmentation")


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network makes of n samples."""

    layout: Layout
    reading: Reading
    goal: NDArray[Any] | None
    """As readings compare with it; None where there is none."""
    several: Flags | None
    """(n, C) which labels are told, where there may be several; else None."""
    features: Floats | None
    """(n, K) float32; None where there are none."""
    strays: Floats | None = None
    """(n, K) output − target of all numbers of a regression; None where those are pictures, or there are none."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """What the user's loss raised, by the place of the sample that it refused."""


class Outputs:
    """Runs batches through the network, in eval mode and without gradients, and reads what comes of each sample.

    Weights, buffers, gradients, modes, hooks and random states are left unchanged, however a pass ends.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._guard = Unchanged(subject.network, subject.loss_fn)
        self._tap = FeatureTap(subject.network)
        self._first: FirstLook | None = None

    @property
    def features(self) -> str:
        """What the features are, in words; empty where there are none."""
        return self._tap.of

    @property
    def no_features(self) -> str:
        """Why there are no features, in words; empty where there are some, or nothing was run yet."""
        return self._tap.missing

    @property
    def refusal(self) -> str:
        """What the user's loss raised, where it took none of the samples of the first look; else empty."""
        raised = None if self._first is None else self._first.refusal
        return "" if raised is None else told(raised)

    def look(self, batches: Sequence[Any], counts: Sequence[int]) -> None:
        """Find out how outputs are read from some batches, together where they can be put together.

        A network that computes its own loss is looked at with the first batch alone, so are lists of strings and boxes.

        Args:
            batches: as the loader gives them.
            counts: of samples in each.

        Raises:
            CaptureError: if the forward raises, or what it returns does not tell samples apart.
        """
        alone = self._subject.loss_fn is None or self._has_lists(batches[0], counts[0])
        some = batches[:1] if alone else batches
        sizes = list(counts[: len(some)])
        moved = [to_device(self._subject, batch)[0] for batch in some]
        refuse_beside_training(self._subject.model)
        with self._guard.passes(training=False), probing(), self._tap.finding(), LossWatch() as watch:
            called = [self._called(batch) for batch in moved]
        parts, outputs = [part for part, _ in called], [made for _, made in called]
        axis = self._subject.batch_axis
        with self._guard.passes(training=False), probing():
            try:
                inputs = joined([part.inputs for part in parts], sizes, axis)
                targets = joined([part.targets for part in parts], sizes, axis)
                together = replace(parts[0], inputs=inputs, targets=targets)
                whole = together, joined(outputs, sizes, axis), sum(sizes)
            except Exception:  # noqa: BLE001 - batches of different shapes; then the first alone tells
                whole = parts[0], outputs[0], sizes[0]
            self._first = look(self._subject, *whole, watch.seen)
        if self._first.prediction is None and self._first.losses is None:
            self._first = None
            raise CaptureError(_not_apart(outputs[0], sizes[0]))

    def _has_lists(self, batch: Any, count: int) -> bool:
        parts = split_batch(self._subject, batch)
        return any(is_listed(part, count) for part in (parts.inputs, parts.targets))

    def read(self, given: Any, count: int) -> Seen:
        """Return what the network makes of a batch of `count` samples; the first batch is looked at, if none was.

        Raises:
            CaptureError: if the forward raises, or what it returns cannot be read as that of the first look.
        """
        batch, _ = to_device(self._subject, given)
        if self._first is None:
            self.look([given], [count])
        refuse_beside_training(self._subject.model)
        with self._guard.passes(training=False), probing(), self._tap.listening():
            parts, outputs = self._called(batch)
            try:
                return self._seen(outputs, parts.targets, count)
            except CaptureError:
                raise
            except Exception as error:
                raise CaptureError(f"what the network returned cannot be read: {told(error)}") from error

    def _called(self, batch: Any) -> tuple[Parts, Any]:
        """Return the parts of a batch, split once, and what the network makes of them."""
        try:
            parts = split_batch(self._subject, batch)
            return parts, call_model(self._subject, batch, parts)
        except CaptureError:
            raise
        except Exception as error:
            raise CaptureError(f"the forward raised {told(error)}") from error

    def _seen(self, outputs: Any, targets: Any, size: int) -> Seen:
        axis = self._subject.batch_axis
        goal = goal_of(targets, outputs, size, axis)
        prediction = output_of(outputs, size, axis)
        if prediction is None and self._first is not None and self._first.prediction is not None:
            raise CaptureError(_not_first(outputs, size))
        layout = self._fitting(prediction)
        numbers = np.zeros((size, 0), np.float32)
        if prediction is not None:
            numbers = numbers_of(layout, prediction, goal).cpu().numpy()
        refused: dict[int, Exception] = {}
        losses = self._losses(outputs, targets, size, (prediction, goal), refused)
        own_goal = goal_array(layout, goal)
        reading, _ = make_reading(0, layout, no_trail(size), numbers=numbers, losses=losses, goal=own_goal)
        several = None
        if layout.kind == "multilabel":
            several = np.asarray(numbers > (0.5 if layout.chances else 0.0))
        features, why = self._tap.taken(size, axis), {place: told(error) for place, error in refused.items()}
        return Seen(layout, reading, own_goal, several, features, _strays(layout, prediction, goal), why)

    def _fitting(self, prediction: Tensor | None) -> Layout:
        """The layout of the first look, for outputs of this batch: maps and sequences may be of another size."""
        assert self._first is not None
        layout = self._first.layout
        shape = () if prediction is None else tuple(prediction.shape[1:])
        if layout.kind == "other" or shape == layout.shape:
            return layout
        if layout.kind in _OF_ANY_SIZE and len(shape) == len(layout.shape):
            return replace(layout, shape=shape)
        raise CaptureError(
            f"the outputs for a sample have the shape {shape}, and had {layout.shape} at first: they cannot be read as "
            f"outputs of one {layout.kind}"
        )

    def _losses(
        self,
        outputs: Any,
        targets: Any,
        size: int,
        pair: tuple[Tensor | None, Tensor | None],
        refused: dict[int, Exception],
    ) -> Floats | None:
        first = self._first
        if first is None or first.how == "none":
            return None
        try:
            if self._subject.loss_fn is not None:
                alone = first.how == "alone"
                take = losses_alone if alone else losses_together
                found = take(self._subject, outputs, targets, size, refused)
            else:
                found = None if first.seen is None else first.seen.by_sample(size, *pair)
        except Exception:  # noqa: BLE001 - a loss that refuses this batch leaves its samples without one
            return np.full(size, np.nan)
        return np.full(size, np.nan) if found is None else found.float().cpu().numpy()


def _strays(layout: Layout, prediction: Tensor | None, goal: Tensor | None) -> Floats | None:
    if layout.kind != "regression" or len(layout.shape) != 1 or prediction is None or goal is None:
        return None
    if prediction.shape != goal.shape:
        return None
    return (prediction.double() - goal.double()).cpu().numpy()


def _not_first(outputs: Any, size: int) -> str:
    """Say that the samples are no longer along an axis of what the network returned."""
    shapes = ", ".join(_shapes(outputs))
    text = f"for {samples(size)} the network returned the shape {shapes or 'of no tensor'}, without a row for each"
    if size == 1:
        text += ": squeeze() also takes the batch axis away where it holds one sample; write squeeze(-1)"
    return text


def _shapes(outputs: Any) -> list[str]:
    return [str(tuple(tensor.shape)) for _, tensor in tensors_in(outputs, "")][:3]


def _not_apart(outputs: Any, size: int) -> str:
    tensors = _shapes(outputs)
    shapes = f" with tensors of the shapes {', '.join(tensors)}" if tensors else ""
    return (
        f"the outputs cannot be told apart by sample: for {size:,} samples the network returned "
        f"{type(outputs).__name__}{shapes}, none with one row for each; give forward=… that returns one tensor (N, …)"
    )
