"""How well a person labels the samples that the network is judged on."""

from __future__ import annotations

from dataclasses import dataclass

from nbinspect.records.arrays import Integers


@dataclass(frozen=True)
class HumanQuestion:
    """A sample to be labelled; its label stays hidden."""

    row: int
    """Its place in the arrays that the samples were drawn from."""
    index: int
    """Its index in the data set."""
    place: int
    """The how manieth question, from 0."""
    total: int


@dataclass(frozen=True)
class PairedComparison:
    """A person and a network on the same samples."""

    samples: int
    network: float
    """The network's share of right answers; NaN where there are no samples, as are `low` and `high`."""
    low: float
    high: float
    difference: float
    """Person minus network; with 95 % confidence between `difference_low` and `difference_high`."""
    difference_low: float
    difference_high: float
    only_human: int
    """Samples that the person alone has right."""
    only_network: int
    p: float
    """Two-sided exact test of McNemar: how likely such a difference is between equals."""


@dataclass(frozen=True, eq=False)
class HumanRecord:
    """Answers of a person to samples with hidden labels."""

    samples: int
    """Different samples that were answered."""
    right: int
    """First answers that agree with the label; not knowing counts as not right."""
    unknown: int
    """First answers "don't know"."""
    accuracy: float
    """NaN where there are no answers, as are `low` and `high`, its interval of 95 % after Wilson."""
    low: float
    high: float
    repeats: int
    """Samples that were answered twice."""
    agreed: int
    """Of them those with the same answer both times."""
    kappa: float
    """Cohen's kappa of the two; NaN where it is not defined."""
    seconds: float
    """Median time of an answer; NaN where there is none."""
    words: tuple[str, ...]
    """Names of the classes in `confusion`: those that are a label or an answer; from data, so hostile."""
    confusion: Integers
    """(C, C + 1) int64 counts of first answers by label (rows) and answer; the last column is "don't know"."""
    indices: Integers
    """(samples,) int64 indices in the data set of the samples that were answered, in the order of answering."""
    answers: Integers
    """(samples,) int64 the first answer to each as a class, −1 for "don't know"."""
    network: PairedComparison | None
    sentence: str
    notes: tuple[str, ...]
