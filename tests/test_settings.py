"""Process-wide settings and random generators: each is read and put back as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from nbinspect.settings import GENERATORS, generator_undo, generators_in, random_undos, setting_undos

cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
precisions = pytest.mark.skipif(not hasattr(matmul, "fp32_precision"), reason="came with torch 2.9")


def deterministic(mode: bool, warn_only: bool) -> Callable[[], None]:
    return lambda: torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def autocast(enabled: bool, dtype: torch.dtype) -> Callable[[], None]:
    def switch() -> None:
        torch.set_autocast_enabled("cpu", enabled)
        torch.set_autocast_dtype("cpu", dtype)

    return switch


def precision(owner: Any, value: str) -> Callable[[], None]:
    return lambda: setattr(owner, "fp32_precision", value)


def state() -> dict[str, Any]:
    """Every setting by its public name; what torch refuses to tell reads as the refusal."""
    reads: dict[str, Callable[[], Any]] = {
        "grad": torch.is_grad_enabled,
        "anomaly": torch.is_anomaly_enabled,
        "check nan": torch.is_anomaly_check_nan_enabled,
        "dtype": torch.get_default_dtype,
        "device": torch.get_default_device,
        "modes": torch._C._len_torch_function_stack,
        "deterministic": torch.are_deterministic_algorithms_enabled,
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled,
        "fast path": torch.backends.mha.get_fastpath_enabled,
        "autocast": lambda: (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "cache": torch.is_autocast_cache_enabled,
        "cudnn": lambda: (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "cudnn tf32": lambda: cudnn.allow_tf32,
        "matmul tf32": lambda: matmul.allow_tf32,
        "matmul": torch.get_float32_matmul_precision,
        "precision": lambda: [owner.fp32_precision for owner in (torch.backends, cudnn, matmul, cudnn.conv, cudnn.rnn)],
    }

    def tell(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (RuntimeError, AttributeError) as error:
            return type(error)

    return {name: tell(read) for name, read in reads.items()}


@pytest.fixture(autouse=True)
def factory_settings() -> Iterator[None]:
    """Go back to what a fresh process has."""
    yield
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.use_deterministic_algorithms(False)
    torch.backends.mha.set_fastpath_enabled(True)
    autocast(False, torch.bfloat16)()
    torch.set_autocast_cache_enabled(True)
    torch.set_float32_matmul_precision("highest")
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = True, False, False, True
    for owner in (torch.backends, cudnn, matmul) if hasattr(matmul, "fp32_precision") else ():
        owner.fp32_precision = "none"


CHANGES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "grad mode": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "anomaly detection": (
        lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
        lambda: torch.autograd.set_detect_anomaly(True),
    ),
    "default dtype": (
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.bfloat16),
    ),
    "default device from none": (lambda: None, lambda: torch.set_default_device("cpu")),
    "default device from meta": (lambda: torch.set_default_device("meta"), lambda: torch.set_default_device(None)),
    "deterministic, warn only": (deterministic(True, True), deterministic(True, False)),
    "deterministic": (deterministic(True, False), deterministic(False, False)),
    "fast path": (
        lambda: torch.backends.mha.set_fastpath_enabled(False),
        lambda: torch.backends.mha.set_fastpath_enabled(True),
    ),
    "autocast": (autocast(True, torch.float16), autocast(False, torch.bfloat16)),
    "autocast's type": (autocast(False, torch.float16), autocast(False, torch.bfloat16)),
    "autocast's cache": (
        lambda: torch.set_autocast_cache_enabled(False),
        lambda: torch.set_autocast_cache_enabled(True),
    ),
    "cudnn.enabled": (lambda: setattr(cudnn, "enabled", False), lambda: setattr(cudnn, "enabled", True)),
    "cudnn.benchmark": (lambda: setattr(cudnn, "benchmark", True), lambda: setattr(cudnn, "benchmark", False)),
    "cudnn.deterministic": (lambda: None, lambda: setattr(cudnn, "deterministic", True)),
    "cudnn.allow_tf32": (lambda: setattr(cudnn, "allow_tf32", False), lambda: setattr(cudnn, "allow_tf32", True)),
    "matmul precision": (
        lambda: torch.set_float32_matmul_precision("high"),
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
}
NEWER = (
    {
        "newer over older names": (lambda: setattr(cudnn, "allow_tf32", False), precision(cudnn.conv, "tf32")),
        "matmul by its newer name": (lambda: None, precision(matmul, "tf32")),
        "mixed at the start": (precision(matmul, "tf32"), precision(matmul, "ieee")),
        "for all backends": (precision(torch.backends, "ieee"), precision(torch.backends, "tf32")),
    }
    if hasattr(matmul, "fp32_precision")
    else {}
)


@pytest.mark.parametrize("name", [*CHANGES, *NEWER])
def test_a_changed_setting_is_put_back(name: str) -> None:
    """Each setting goes back to what it was, which need not be the default, and nothing else moves."""
    prepare, change = {**CHANGES, **NEWER}[name]
    prepare()
    before = state()
    undos = list(setting_undos())
    change()
    assert state() != before
    for _, undo, arguments in undos:
        undo(*arguments)
    assert state() == before


def test_unchanged_settings_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing changed no setter runs: some of them warn, or refuse."""
    undos = list(setting_undos())
    monkeypatch.setitem(torch.backends.ContextProp.__set__.__globals__, "flags_frozen", lambda: True)
    with pytest.raises(RuntimeError, match="not allowed"):
        cudnn.enabled = True
    for _, undo, arguments in undos:
        undo(*arguments)


@pytest.mark.parametrize(
    "generator",
    [torch.Generator(), np.random.default_rng(1), np.random.RandomState(2), random.Random(3)],
    ids=lambda generator: type(generator).__name__,
)
def test_a_generator_repeats_itself(generator: Any) -> None:
    """A generator that was put back draws the same numbers again."""

    def draw() -> Any:
        if isinstance(generator, torch.Generator):
            return torch.rand(5, generator=generator).tolist()
        return [generator.random() for _ in range(5)]

    draw()
    _, undo, arguments = generator_undo("it", generator)
    first = draw()
    undo(*arguments)
    assert draw() == first


def test_a_generator_without_state_is_left_alone() -> None:
    """Python's SystemRandom has no state to save, and is no reason to fail."""
    _, undo, arguments = generator_undo("dice", random.SystemRandom())
    undo(*arguments)


def test_global_random_states_repeat_themselves() -> None:
    """torch, Python and NumPy draw the same numbers again, also where NumPy's own generator was exchanged."""

    def draw() -> Any:
        return torch.rand(3).tolist(), random.random(), np.random.normal(size=3).tolist()

    np.random.normal()  # leaves a second normal number waiting
    undos = list(random_undos())
    first = draw()
    for _, undo, arguments in undos:
        undo(*arguments)
    assert draw() == first


def test_generators_are_found_without_reading_the_data() -> None:
    """The search follows the usual names, meets circles, and never walks over samples."""

    class Sample:
        @property
        def __dict__(self) -> Any:
            raise AssertionError("a sample was opened")

    class Data:
        def __init__(self) -> None:
            self.rng, self.dataset, self.samples = random.Random(1), self, [Sample()]

    data = Data()
    found = dict(generators_in("Data", data))
    assert found == {"Data.rng": data.rng}
    assert all(isinstance(one, GENERATORS) for one in found.values())
    assert list(generators_in("list", [data])) == []


def test_a_default_device_that_nobody_had_set_is_unset_again() -> None:
    """Before torch 2.5 a None left in its place breaks `torch.get_default_device`, and with it Lightning's modules."""
    vars(torch._GLOBAL_DEVICE_CONTEXT).pop("device_context", None)
    undos = list(setting_undos())
    torch.set_default_device("meta")
    for _, undo, arguments in undos:
        undo(*arguments)
    assert "device_context" not in vars(torch._GLOBAL_DEVICE_CONTEXT)
    assert torch.get_default_device() == torch.device("cpu")
