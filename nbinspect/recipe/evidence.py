"""What has been run of a program, wherever: plain facts that the recipe is ticked by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nbinspect.records import BaselineRecord, Hindrance, Status


@dataclass(frozen=True)
class Given:
    """What an inspector was given, which some steps need."""

    loader: bool = False
    validation: bool = False
    loss: bool = False
    """A loss function, or a train step that has one of its own."""
    journal: bool = False
    train_step: bool = False
    """Then a plain call of the model need not be how it is trained."""


@dataclass(frozen=True)
class Oddity:
    """Something in the data that is worth a look."""

    kind: str
    """As in `DataFinding`."""
    text: str
    """A sentence with its figures."""
    certain: bool = False
    """Whether it is wrong whatever the data are."""


@dataclass(frozen=True)
class Scan:
    """A split of the data as far as it was scanned."""

    rows: int
    total: int | None
    complete: bool
    predicted: bool
    warnings: tuple[Oddity, ...]
    failed: int = 0
    """Samples that could not be read."""
    illegible: str = ""
    """Why a person cannot label these samples; empty where one can."""


@dataclass(frozen=True)
class BatchLook:
    """The batch that was shown last."""

    size: int
    error: str
    """What the loader or the forward raised; empty where neither did."""
    warnings: tuple[str, ...]
    from_loader: bool
    """Whether it came from the loader, or from training, and was not made up."""


@dataclass(frozen=True)
class PassLook:
    """The forward pass that was recorded last."""

    steps: int
    error: str
    """Why it ended early; empty where it did not."""
    from_loader: bool
    """Whether its batch came from the loader, and was neither random nor made by hand."""
    stepped: bool
    """Whether steps were made on a batch from the loader, this one or one before."""


@dataclass(frozen=True)
class Verdict:
    """What a sanity check said last."""

    status: Status
    title: str
    """Of a finding its headline, else a few words."""
    stage: str
    is_cause: bool = True
    """Whether no other finding explains it."""
    hindrance: Hindrance = ""


@dataclass(frozen=True)
class RunLook:
    """A training run that was watched."""

    steps: int
    readings: int
    """Of the probe batch that was read most often."""
    validated: bool
    """Whether the whole validation set was evaluated."""
    alerts: tuple[str, ...]
    broken: str = ""
    """Where the loss became NaN or infinite, in a sentence."""
    raised: str = ""
    """What ended it early; empty where nothing did."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of what has been run; of each thing the latest."""

    given: Given = Given()
    scans: Mapping[str, Scan] = field(default_factory=dict)
    """By split, ``train`` first."""
    baseline: BaselineRecord | None = None
    answered: int = 0
    """Samples that a person has labelled."""
    batch: BatchLook | None = None
    forward: PassLook | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """By the check's name."""
    run: RunLook | None = None
    trained: bool = False
    """Whether the network beside `baseline` is known to have been trained before."""

    def of_data(self) -> Evidence:
        """Return what does not speak of the model: it stands when another one takes its place."""
        scans = {split: replace(scan, predicted=False) for split, scan in self.scans.items()}
        verdicts = {name: verdict for name, verdict in self.verdicts.items() if verdict.stage == "data"}
        return Evidence(self.given, scans, answered=self.answered, verdicts=verdicts)
