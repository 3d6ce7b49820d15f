"""Whether it is the dtype of the labels that the step raises on."""

from __future__ import annotations

import torch
from torch import Tensor

from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_FITTING = (torch.int64, torch.uint8)


def misfit(attempt: Recorded) -> Tensor | None:
    """Return targets that are whole numbers in a dtype that is none of indices, where the step raised; else None."""
    targets = attempt.batch.targets
    if attempt.error is None or targets is None or targets.dtype in _FITTING or targets.is_complex():
        return None
    whole = not targets.is_floating_point() or bool((targets == targets.round()).all())
    return targets if targets.numel() and whole else None


def runs_as_indices(program: Program, attempt: Recorded, targets: Tensor) -> bool:
    """Tell whether forward and loss, which raised, run on a copy with the same targets as int64."""
    known = getattr(getattr(program.network, "config", None), "num_labels", 0)
    if targets.device.type != "cpu" and not 0 <= int(targets.min()) <= int(targets.max()) < known:
        return False  # an index out of range would end the process's use of the accelerator
    batch = attempt.batch.changed(lambda tensor: tensor.long() if tensor is targets else tensor)
    try:
        copy = program.copied()
        config = getattr(copy.network, "config", None)
        if config is not None and hasattr(config, "problem_type"):
            config.problem_type = None  # transformers' models keep there what they took the first targets for
        with copy.running():
            copy.loss(copy.outputs(batch), batch)
    except Exception:  # noqa: BLE001 - whatever it raises, the dtype alone is not to blame
        return False
    return True
