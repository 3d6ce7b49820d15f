"""Starts a function on two ranks, as torchrun does, with everything imported once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch._dynamo  # noqa: F401 # what DistributedDataParallel imports, here for both ranks
from torch.distributed.launcher.api import LaunchConfig, elastic_launch


def on_two_ranks(work: Callable[..., object], *arguments: Any) -> None:
    """Call it in two processes that are copies of this one, under the environment that torchrun gives.

    Raises:
        ChildFailedError: with the traceback of the rank that raised.
    """
    alone = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="two", max_restarts=0, start_method="fork",
        rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", local_addr="127.0.0.1",
    )  # fmt: skip
    elastic_launch(alone, work)(*arguments)
