"""A network of several times the width: the mean of copies, each with weights of its own, trained as one."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.fit import Way
from nbinspect.sanity.trials.rates.rates import without_schedule


def doubled(rate: float, times: int = 2) -> Way:
    """Return standard steps of Adam on a network of twice the width, or more.

    Two networks side by side, whose outputs are averaged, are one of twice the width whose weights between the halves
    are 0. The second one's weights are those of the first in another order, so that their distribution is the same.

    Args:
        rate: of Adam.
        times: how many networks stand side by side.

    Source: K-capacity.
    """
    twins: list[nn.Module] = []

    def widen(program: Program) -> None:
        without_schedule(program)
        twins.extend(_shuffled(program.network) for _ in range(times - 1))
        program.network.register_forward_hook(_averaging(twins), with_kwargs=True)

    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        others = [parameter for twin in twins for parameter in twin.parameters() if parameter.requires_grad]
        return torch.optim.Adam([*parameters, *others], lr=rate)

    return Way(
        "twice the width" if times == 2 else f"{times} times the width", own=False, optimizer=optimizer, changed=widen
    )


def _shuffled(network: nn.Module) -> nn.Module:
    """Return a copy whose trained matrices and kernels have their values in another order; biases and scales stay."""
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.requires_grad and parameter.dim() > 1:
                order = torch.randperm(parameter.numel(), device=parameter.device)
                parameter.copy_(parameter.reshape(-1)[order].view_as(parameter))
    return twin


def _averaging(twins: list[nn.Module]) -> Any:
    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> Any:
        others = [iter([tensor for _, tensor in tensors_in(twin(*args, **kwargs), "")]) for twin in twins]

        def mean(tensor: Tensor) -> Tensor:
            beside = [next(other) for other in others]
            return torch.stack([tensor, *beside]).mean(0) if tensor.is_floating_point() else tensor

        return map_tensors(mean, outputs)

    return hook
