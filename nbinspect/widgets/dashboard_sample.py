"""The selected sample of a dashboard: what each view calls it, and how a view is brought to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbinspect.browse import Held, Split, held_with
from nbinspect.calling import split_batch
from nbinspect.capture.batch import samples_first
from nbinspect.data.loading.plan import indices_of, plan_for
from nbinspect.data.table.cells import cells_of
from nbinspect.decode.labels import decode_labels
from nbinspect.dynamics.selection import Chosen, led_by
from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import Labels, RoomName
from nbinspect.subject import Subject, keeps_samples
from nbinspect.widgets.batch import BatchView
from nbinspect.widgets.data import DataView
from nbinspect.widgets.dynamics import DynamicsView
from nbinspect.widgets.forward import ForwardView

CARRIED: tuple[RoomName, ...] = ("data", "batch", "forward", "dynamics")
"""The rooms that a sample is carried through."""
_STREAM = "this loader tells no indices of its samples: it cannot be found in the data again"
_UNTOLD = "your train_step gives the model other samples, or in another order: which of them this is cannot be told"
_GONE = "the batch that it was in is not held, and this loader tells no indices to fetch it by"
_WAITS = "the next run that is watched here watches this sample first"
_AMID = "the pass that is stepped through here is of another batch; Forward, beside the sample, brings it here"
_SETTLED = "the watched samples were chosen when the run began, and this one is not among them"


@dataclass(frozen=True, eq=False)
class Selected:
    """A sample, and the batch that holds the very draw of it that was picked."""

    split: Split
    index: int | None
    """Of the data set; None where the loader tells none."""
    position: int | None
    """In `held`."""
    label: str
    room: RoomName
    """Where it was picked; ``recipe`` stands for Python."""
    held: Held | None = None
    """None where it was picked by its index alone: no draw of it is settled yet."""
    led: Chosen | None = None
    """The samples that the next run is to watch for its sake."""

    def is_at(self, other: Selected) -> bool:
        """Whether both are the same sample at the same place; what was drawn of it may differ."""
        return (self.split, self.index, self.position) == (other.split, other.index, other.position)


def picked(room: RoomName, view: Any, subject: Subject) -> Selected | None:
    """Return what a view's `sample` stands for; None where there is no such sample."""
    return _PICKED[room](view, view.sample, subject) if room in _PICKED and view.sample is not None else None


def carried(room: RoomName, views: Mapping[RoomName, Any], selected: Selected, subject: Subject) -> Selected:
    """Bring the open view of a room to the selected sample, and return it with the draw that is shown there.

    The draw is the one that the view it was picked in shows now: it may have been fetched again meanwhile.

    Raises:
        NbinspectError: where it cannot be shown, with the reason; the view is left as it is.
    """
    origin = views.get(selected.room) if selected.room != room else None
    now = None if origin is None else picked(selected.room, origin, subject)
    if now is not None and now.is_at(selected):
        selected = replace(selected, held=now.held)
    found = _BROUGHT[room](views[room], selected, subject)
    here = picked(room, views[room], subject)
    return found if found.label or here is None else replace(found, label=here.label)


def told(room: str, views: Mapping[RoomName, Any], selected: Selected | None) -> str:
    """Return what a room cannot show of the sample that was carried into it; empty where all is shown."""
    waits = room == "dynamics" and selected is not None and selected.led is not None and room in views
    return _WAITS if waits and not views["dynamics"].plan.carried else ""


def stands(view: Any, selected: Selected) -> str:
    """Return why a view that is only gone to is left as it is: a pass over another batch would be lost; else empty."""
    is_amid = isinstance(view, ForwardView) and view.stepper.state in ("running", "suspended")
    return _AMID if is_amid and _place(view.holding, selected) is None else ""


def against(room: RoomName, view: Any, selected: Selected) -> str:
    """Return why a sample cannot be carried into a room; empty where it can. `view` is None for a closed one."""
    if room == "data":
        return _STREAM if selected.index is None else "" if view is None else _not_scanned(view, selected)
    if selected.index is None and selected.held is None:
        return _GONE
    if room == "dynamics" and view is not None and view.plan.carried and _watched(view, selected) is None:
        return _SETTLED
    return ""


def by_index(subject: Subject, split: Split, index: int) -> Selected:
    """Return the sample of this index of a split's data set.

    Raises:
        InputError: if there is no such loader or index, or it tells no indices of its samples.
    """
    if split not in ("train", "validation"):
        raise InputError(f"split: expected 'train' or 'validation', got {split!r}")
    loader = subject.loader if split == "train" else subject.val_loader
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise InputError(f"index: expected a whole number from 0, got {index!r}")
    count = None if loader is None else indices_of(loader)
    if count is None:
        raise InputError(f"index: the {split} loader {'tells no indices' if loader is not None else 'was not given'}")
    if index >= count:
        raise InputError(f"index: expected 0 to {count - 1:,}, an index of the {split} data set, got {index:,}")
    return Selected(split, index, None, "", "recipe")


def _in_data(view: DataView, sample: int, subject: Subject) -> Selected | None:
    looked = view.explorer.views.get(view.explorer.split)
    if looked is None or not 0 <= sample < looked.record.rows:
        return None
    split = view.explorer.split
    index = int(looked.record.columns[0].values[sample])
    targets, rows = looked.record.targets, looked.rows_checked([sample])
    told = {column.name: cells_of(column, rows)[0] for column in targets}
    label = (
        next(iter(told.values()), "") if len(told) < 2 else " · ".join(f"{name} {text}" for name, text in told.items())
    )
    loader = subject.loader if split == "train" else subject.val_loader
    tells = plan_for(loader, [index]) is not None
    return Selected(split, index if tells else None, None, label, "data")


def _in_batch(view: BatchView, sample: int, _: Subject) -> Selected | None:
    shown = view.decoded
    if shown is None or not 0 <= sample < shown.batch.size:
        return None
    index = None if shown.batch.indices is None else shown.batch.indices[sample]
    label = _label(shown.labels, sample)
    return Selected(shown.batch.origin.split, index, sample, label, "batch", view.holding)


def _in_forward(view: ForwardView, sample: int, subject: Subject) -> Selected | None:
    held, size = view.holding, view.stepper.runs.batches.size
    if not 0 <= sample < size:
        return None
    index = None if held.indices is None else held.indices[sample]
    label = _label(_labels(held, size, subject), sample) if keeps_samples(view.stepper.runs.subject) else ""
    return Selected(held.split, index, sample, label, "forward", held)


def _in_dynamics(view: DynamicsView, sample: int, _: Subject) -> Selected | None:
    watched = view.plan.watched
    if not 0 <= view.probe < len(watched) or not 0 <= sample < watched[view.probe].size:
        return None
    record = watched[view.probe].record
    indices = record.batch.batch.indices
    held = Held(watched[view.probe].batch, record.split, indices)
    index = None if indices is None else indices[sample]
    return Selected(record.split, index, sample, _label(record.batch.labels, sample), "dynamics", held)


def _label(labels: Labels | None, sample: int) -> str:
    return labels.text[sample] if labels is not None and sample < len(labels.text) else ""


def _labels(held: Held, size: int, subject: Subject) -> Labels | None:
    try:
        parts = split_batch(subject, held.batch)
        names = subject.class_names
        targets = samples_first(parts.targets, size, subject.batch_axis)
        return decode_labels(
            targets, name=parts.target_name, batch_size=size, class_names=names, loss_fn=subject.loss_fn
        )
    except Exception:  # noqa: BLE001 - a user's `split` may raise anything; the sample is shown without a label
        return None


def _to_data(view: DataView, selected: Selected, _: Subject) -> Selected:
    why = _STREAM if selected.index is None else _not_scanned(view, selected)
    if why or selected.index is None:
        raise NbinspectError(why)
    view.show(selected.index, selected.split)
    return selected


def _not_scanned(view: DataView, selected: Selected) -> str:
    with view.explorer.lock:
        looked = view.explorer.views.get(selected.split)
        if looked is not None and bool((looked.record.columns[0].values == selected.index).any()):
            return ""
    under_way = looked is None or view.status.get("work") == "scan"
    reading = "not scanned yet" if under_way else "not among the samples that were scanned"
    return f"sample {selected.index:,} of the {selected.split} data is {reading}"


def _to_pass(view: BatchView | ForwardView, selected: Selected, subject: Subject) -> Selected:
    """Bring the batch or the forward view to the draw that was picked; where none was, to one that holds the sample."""
    own = view.stepper.runs.subject if isinstance(view, ForwardView) else view.subject
    if not keeps_samples(own) and selected.room not in ("batch", "forward"):
        raise NbinspectError(_UNTOLD)
    held = view.holding
    place = _place(held, selected)
    if place is not None:
        view.sample = place
        if isinstance(view, ForwardView):
            view.publish()
        return replace(selected, held=held, position=place)
    wanted, place = selected.held, selected.position
    if wanted is None:
        if selected.index is None:
            raise NbinspectError(_GONE)
        wanted, place = held_with(subject, selected.split, selected.index, held), 0
    view.take(wanted, place)
    return replace(selected, held=wanted, position=place)


def _place(held: Held | None, selected: Selected) -> int | None:
    """Return where a batch holds the selected sample; None where it does not hold it, or another draw of it."""
    if held is None:
        return None
    if selected.held is not None:
        return selected.position if held.is_same(selected.held) else None
    return _among(held.indices, selected) if held.split == selected.split else None


def _among(indices: tuple[int, ...] | None, selected: Selected) -> int | None:
    """Return where the selected sample is among the indices of a batch; None where it is not, or has none."""
    if indices is None or selected.index is None or selected.index not in indices:
        return None
    return indices.index(selected.index)


def _to_dynamics(view: DynamicsView, selected: Selected, subject: Subject) -> Selected:
    place = _watched(view, selected)
    if place is not None:
        view.probe, view.sample = place
        return selected
    if view.plan.carried:
        raise NbinspectError(f"{_SETTLED}: open another view of the dynamics to watch it")
    held, position = selected.held, selected.position
    if held is None:
        if selected.index is None:
            raise NbinspectError(_GONE)
        held, position = held_with(subject, selected.split, selected.index), 0
    led = led_by(subject, held.batch, position or 0, view.plan.size, held.indices)
    view.plan.lead(led, held.split)
    view.probe, view.sample = view.plan.splits.index(held.split), 0
    return replace(selected, held=held, position=position, led=led)


def _watched(view: DynamicsView, selected: Selected) -> tuple[int, int] | None:
    """Return the number of the probe that has the sample, and where; None where none has."""
    for number, probe in enumerate(view.plan.watched):
        if probe.record.split != selected.split:
            continue
        place = _among(probe.record.batch.batch.indices, selected)
        if place is not None:
            return number, place
        if selected.led is not None and probe.chosen is selected.led:
            return number, 0
        if selected.room == "dynamics" and selected.held is not None and selected.held.batch is probe.batch:
            return number, selected.position or 0
    return None


_PICKED: dict[RoomName, Callable[[Any, int, Subject], Selected | None]] = {
    "data": _in_data,
    "batch": _in_batch,
    "forward": _in_forward,
    "dynamics": _in_dynamics,
}
_BROUGHT: dict[RoomName, Callable[[Any, Selected, Subject], Selected]] = {
    "data": _to_data,
    "batch": _to_pass,
    "forward": _to_pass,
    "dynamics": _to_dynamics,
}
