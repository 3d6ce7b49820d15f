"""What stands in for loggers and open files while a copy is tried: it takes everything and keeps nothing."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

_LOGGERS = ("wandb", "mlflow", "tensorboardX", "tensorboard", "comet_ml", "neptune", "clearml", "aim", "swanlab")


class Sink:
    """Any attribute of it is itself, and so is what a call of it returns."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Take any arguments."""
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        """Take it and keep nothing."""


def sink_for(value: Any) -> Any:
    """Return what stands in for a logger of experiments, or a file that is open for writing; None for anything else."""
    if isinstance(value, io.IOBase):
        return _sink_for_file(value)
    if isinstance(value, type):
        return None
    is_module = isinstance(value, ModuleType)
    home = value.__name__ if is_module else type(value).__module__
    top = home.split(".")[0]
    is_logger = (
        top in (*_LOGGERS, "_csv") or home.startswith("torch.utils.tensorboard") or (top == "tqdm" and not is_module)
    )
    return Sink() if is_logger else None


def _sink_for_file(file: io.IOBase) -> Any:
    try:
        writes = file.writable()
    except ValueError:  # it is closed, or what it wrote to was taken from it
        return None
    return (io.StringIO() if isinstance(file, io.TextIOBase) else io.BytesIO()) if writes else None
