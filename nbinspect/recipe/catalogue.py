"""The steps of the recipe, in the order in which they are done."""

from __future__ import annotations

from dataclasses import dataclass

from nbinspect.records import RoomName

RUN = "Run these checks"


@dataclass(frozen=True)
class Advice:
    """One step of the recipe."""

    id: str
    title: str
    advice: str
    sources: tuple[str, ...]
    room: RoomName = "sanity"
    action: str | None = RUN
    checks: tuple[str, ...] = ()
    """The sanity checks that answer it; each check belongs to one step."""
    deciding: tuple[str, ...] = ()
    """Those of them without which the step is not done; where none is named, one that has passed is enough."""


_DATA = (
    Advice(
        "look-at-data",
        "Look at the data itself",
        "Read every sample once; sort, search and page through them until their patterns are known.",
        ("K-look", "K-sort", "S-match"),
        "data",
        "Scan the data",
    ),
    Advice(
        "odd-samples",
        "Find what is corrupt, doubled or rare",
        "Look for unreadable, non-finite, duplicated and oddly labelled samples, and for classes that hardly occur.",
        ("K-duplicates", "K-corrupt", "K-imbalance", "S-missing", "S-metric"),
        checks=("nonfinite-data", "label-range", "duplicate-samples", "label-noise", "class-imbalance"),
        deciding=("nonfinite-data",),
    ),
    Advice(
        "unit-scale",
        "Bring inputs and targets to unit scale",
        "What reaches the first weights should have mean near 0 and spread near 1, and so should regression targets.",
        ("D-normalise", "S-output-histogram"),
        checks=("input-scale", "target-scale"),
    ),
    Advice(
        "splits",
        "Keep training and validation apart, and alike",
        "No sample stands in both splits, and both come from the same distribution and the same preprocessing.",
        ("K-duplicates", "T-shift", "S-preprocess"),
        checks=("split-leak", "train-val-shift"),
        deciding=("split-leak",),
    ),
    Advice(
        "order",
        "Shuffle, and draw augmentation anew",
        "The order of the samples tells nothing of their labels, and no two workers draw the same augmentation.",
        ("S-order", "K-augment-labels"),
        checks=("not-shuffled", "worker-randomness"),
        deciding=("not-shuffled",),
    ),
    Advice(
        "simple-models",
        "Ask simple models first",
        "What a linear model and a random forest reach tells whether there is something to learn, and what to beat.",
        ("S-learnable", "S-match", "S-baseline-series"),
        "data",
        "Fit simple models",
        ("nothing-to-learn",),
    ),
    Advice(
        "human",
        "Label some samples yourself",
        "How often a person is right says how far the network can come, and shows what is wrong with the labels.",
        ("K-human",),
        "data",
        None,
    ),
)
_SKELETON = (
    Advice(
        "exact-batch",
        "See the batch exactly as it enters the network",
        "Just before the model is called is the only place that shows the truth: look at tensors, pictures and labels.",
        ("K-before-net", "D-look", "T-dtype", "K-pretrained-mean"),
        "batch",
        None,
    ),
    Advice(
        "forward-pass",
        "Step through a forward pass",
        "Shapes, values and attention after each operation show what the code really does.",
        ("S-layers", "T-shapes", "S-generalise-output", "S-fake-batch"),
        "forward",
        None,
    ),
    Advice(
        "step-runs",
        "Check shapes, dtypes and the step",
        "Silent broadcasting and wrong dtypes raise nothing and ruin everything.",
        ("T-shapes", "T-dtype"),
        checks=("runs", "dtype", "silent-broadcast"),
        deciding=("runs",),
    ),
    Advice(
        "loss-fits",
        "Make loss, targets and outputs fit together",
        "Logits, probabilities, classes and signs: the loss takes what it gets without a word.",
        ("S-loss-scale", "S-loss-task", "T-loss-input", "D-last-activation"),
        checks=("loss-input", "loss-target", "loss-direction", "loss-reduction", "output-range"),
        deciding=("loss-input",),
    ),
    Advice(
        "all-connected",
        "See that every part takes part",
        "Parameters that are never trained, inputs that are never read and results that are dropped raise no error.",
        ("S-unused", "S-not-applied", "D-dead", "K-clip-loss"),
        checks=(
            "unused-parameters",
            "unused-input",
            "unused-result",
            "unregistered-parameters",
            "detached-graph",
            "zero-gradient-path",
            "no-nonlinearity",
        ),
        deciding=("unused-parameters", "detached-graph"),
    ),
    Advice(
        "dependencies",
        "Prove that samples and time steps do not mix",
        "The output of a sample depends on that sample alone, and that of a time step on nothing after it.",
        ("K-dependencies", "S-masking", "K-input-independent"),
        checks=("batch-leak", "causality", "padding-leak", "constant-output"),
        deciding=("batch-leak",),
    ),
    Advice(
        "modes",
        "Check train and eval mode",
        "Dropout and batch statistics belong to training; evaluation leaves the model as it is.",
        ("T-mode", "D-regularise"),
        checks=("train-eval-mode", "batchnorm-statistics", "evaluation-changes-model"),
        deciding=("train-eval-mode",),
    ),
    Advice(
        "initialisation",
        "Verify loss and scale at initialisation",
        "The first loss is what theory gives, and activations keep their scale through the depth.",
        ("K-loss-at-init", "K-final-bias", "D-init", "D-dead"),
        checks=("loss-at-init", "final-bias", "init-scale", "symmetric-init", "dead-units", "saturated-units"),
        deciding=("loss-at-init",),
    ),
    Advice(
        "gradients",
        "Check gradients, and that a run can be repeated",
        "Gradients are finite, neither vanish nor explode, agree with finite differences, and the seed settles them.",
        ("S-epsilon", "T-numerics", "S-not-applied", "K-seed"),
        checks=(
            "nonfinite-forward",
            "nonfinite-gradient",
            "vanishing-gradients",
            "exploding-gradients",
            "gradient-check",
            "nondeterminism",
        ),
        deciding=("nonfinite-gradient",),
    ),
    Advice(
        "updates",
        "See that updates arrive",
        "After a step of your own training the right parameters have changed, and nothing has piled up.",
        ("S-not-applied", "T-oom"),
        checks=(
            "updates-not-applied",
            "frozen-parameters-change",
            "optimizer-mismatch",
            "missing-zero-grad",
            "memory-growth",
        ),
        deciding=("updates-not-applied",),
    ),
    Advice(
        "overfit-batch",
        "Overfit one batch",
        "A network that cannot drive the loss on a few samples to its floor has a defect.",
        ("K-overfit-batch", "S-one-point", "T-overfit-signs"),
        checks=("overfit-one-batch",),
    ),
    Advice(
        "real-input",
        "Show that input and labels matter",
        "With zeros for inputs, or with shuffled labels, training must go worse.",
        ("K-input-independent", "S-golden-labels"),
        checks=("input-independent-baseline", "shuffled-labels"),
        deciding=("input-independent-baseline",),
    ),
    Advice(
        "dynamics",
        "Watch predictions on a fixed batch",
        "How predictions move while training runs shows instability, a wrong rate and bad data at a glance.",
        ("K-dynamics", "D-spike", "S-weights"),
        "dynamics",
        None,
    ),
)
_FIT = (
    Advice(
        "learning-rate",
        "Find the learning rate",
        "Find the largest rate that does not explode and take a tenth; see that schedule and clipping agree with it.",
        ("D-lr", "K-adam", "K-schedule", "D-clip", "S-weights"),
        checks=("learning-rate", "update-ratio", "lr-schedule", "clipping-always-on"),
        deciding=("learning-rate",),
    ),
    Advice(
        "fit-first",
        "Fit first, regularise later",
        "Let the training loss fall before anything holds it back; then add one thing at a time.",
        ("K-simplify", "S-regularise", "K-capacity", "D-batch-size"),
        checks=("regularised-debug-run", "capacity", "batch-size"),
    ),
    Advice(
        "whole-validation",
        "Evaluate on the whole validation set",
        "One batch is noise: judge, and stop, by the loss on all of the validation data.",
        ("K-full-eval", "K-long"),
        "dynamics",
        None,
    ),
    Advice(
        "wrong-predictions",
        "Look at the wrong predictions",
        "Sort by loss: the worst samples are bad labels, or what the training data lacks.",
        ("K-wrong-predictions", "T-error-analysis", "T-decompose"),
        "data",
        "Predict all samples",
    ),
    Advice(
        "journal",
        "Keep a journal of what was tried",
        "Change one thing at a time, keep each run with its settings, and never repeat a dead end.",
        ("S-journal", "K-one-at-a-time", "S-versions"),
        action=None,
    ),
)
CHAPTERS: tuple[tuple[str, tuple[Advice, ...]], ...] = (
    ("Know the data", _DATA),
    ("Build a skeleton to trust", _SKELETON),
    ("Fit, regularise, tune", _FIT),
)
"""Titles and steps."""


def advice_of(name: str) -> Advice | None:
    """Return the step of this id, or None."""
    return next((step for _, steps in CHAPTERS for step in steps if step.id == name), None)
