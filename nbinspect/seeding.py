"""Setting the random states, for draws that are to be the same each time; whoever calls it puts them back."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_generators(seed: int) -> None:
    """Set the random states of PyTorch, NumPy and Python."""
    seed_torch(seed)
    np.random.seed(seed)  # the state that data sets and transforms draw from
    random.seed(seed)


def seed_torch(seed: int) -> None:
    """Set PyTorch's random state, and that of an accelerator that is in use."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call] # torch's
        torch.manual_seed(seed)
    else:  # else a seed would wait for the accelerator, and be set when the user first turns to it
        torch.default_generator.manual_seed(seed)
