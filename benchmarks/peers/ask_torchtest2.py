"""What torchtest2 says of a program: `check_model` with everything of the program that it has an argument for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from peers.feeding import custom_functions, first_fed, optimizer_of, subject_of


def ask(arguments: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, status and message of each test; ``gradcheck`` runs where its documentation asks for it."""
    import torchtest2  # type: ignore[import-not-found, unused-ignore] # lives in the peer's environment alone

    subject = subject_of(arguments)
    fed = first_fed(subject)
    custom: set[str] = set()

    def forward(model: Any, inputs: Mapping[str, Tensor], _: Any) -> Any:
        outputs = fed.call(model, inputs)
        custom.update(custom_functions(outputs))
        return outputs

    given: dict[str, Any] = {
        "loss_fn": subject.loss_fn if fed.targets is not None else None,
        "optimizer": optimizer_of(subject),
        "forward_fn": forward,
        "eval_forward_fn": fed.call,
        "batch_dim": fed.batch_axis,
    }
    sizes = [tensor.shape for tensor in fed.inputs.values()]
    if fed.batch_axis and isinstance(fed.targets, Tensor) and fed.targets.shape[:1] == sizes[0][fed.batch_axis :][:1]:
        given["output_batch_dim"] = 0
    results = list(torchtest2.check_model(subject.model, fed.inputs, fed.targets, **given))
    if custom:
        others = set(torchtest2.CHECKS) - {"forward", "gradcheck"}
        more = torchtest2.check_model(subject.model, fed.inputs, fed.targets, **given, gradcheck=True, skip=others)
        results = [more["gradcheck"] if one.name == "gradcheck" else one for one in results]
    return [(one.name, one.status.value.lower(), one.message[:300]) for one in results]
