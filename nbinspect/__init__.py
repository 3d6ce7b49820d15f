"""Jupyter-native inspection widgets for PyTorch: see the exact batch, and more, of a live model and loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbinspect.version import __version__

if TYPE_CHECKING:
    from nbinspect.data.scanning.scan import scan
    from nbinspect.errors import NbinspectError
    from nbinspect.inspector import Inspector
    from nbinspect.journal.journal import Journal
    from nbinspect.report.report import Report
    from nbinspect.report.running import check
    from nbinspect.runlog.recorder import Recorder
    from nbinspect.stepping.difference import first_difference
    from nbinspect.stepping.stepper import ForwardStepper

__all__ = [
    "ForwardStepper",
    "Inspector",
    "Journal",
    "NbinspectError",
    "Recorder",
    "Report",
    "__version__",
    "check",
    "first_difference",
    "scan",
]

_HOMES = {
    "ForwardStepper": "nbinspect.stepping.stepper",
    "Inspector": "nbinspect.inspector",
    "Journal": "nbinspect.journal.journal",
    "NbinspectError": "nbinspect.errors",
    "Recorder": "nbinspect.runlog.recorder",
    "Report": "nbinspect.report.report",
    "check": "nbinspect.report.running",
    "first_difference": "nbinspect.stepping.difference",
    "scan": "nbinspect.data.scanning.scan",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that importing the package costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nbinspect' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
