"""What the needs of checks are called, and which of them are of the data alone."""

from __future__ import annotations

OF_DATA = frozenset({"subject", "limits", "loader", "val_loader", "batches", "batch", "stream", "scan", "val_scan"})
"""Needs for which no pass is run."""
NOUNS = {
    **dict.fromkeys(("batches", "batch", "stream"), "batches that can be read"),
    "observed": "a training step that can be taken on a copy",
    "overfitting": "training steps that can be taken on a copy",
    "own_step": "a training step that can be recorded on a copy",
    **dict.fromkeys(
        ("training", "training_attempt", "training_pass", "attempt", "plain", "recorded", "descended", "recordings"),
        "passes that can be recorded",
    ),
    "evaluated": "a pass in eval mode",
    "scan": "data that can be looked through",
    "val_scan": "validation data that can be looked through",
    **dict.fromkeys(("task", "labelled"), "a task that can be told"),
}
"""What is missing where the supply of a need raised, by its name."""
