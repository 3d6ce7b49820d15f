from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.capture.naming import calling_line, place_of, source_of, spelled
from nbinspect.capture.operation_mode import OperationMode
from nbinspect.records import Place


class Names:
    """Notes the names of operations."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def operation_failed(self, name: str, *_: Any) -> None:
        self.found.append(name)

    def operation_ended(self, name: str, *_: Any, value: Any, **__: Any) -> Any:
        self.found.append(name)
        return value


X, I = torch.rand(2, 3, 4, 4), torch.tensor([0, 1])  # noqa: E741 - indices
M = torch.rand(4, 4)

CALLS: list[tuple[str, Callable[[], Any]]] = [
    ("Tensor.add", lambda: M + 1),
    ("Tensor.add", lambda: M + M),
    ("Tensor.sub", lambda: M - 1),
    ("Tensor.__rsub__", lambda: 1 - M),
    ("Tensor.mul", lambda: M * 2),
    ("Tensor.div", lambda: M / 2),
    ("Tensor.__rdiv__", lambda: 2 / M),
    ("Tensor.__floordiv__", lambda: M // 2),
    ("Tensor.remainder", lambda: M % 2),
    ("Tensor.pow", lambda: M**2),
    ("Tensor.matmul", lambda: M @ M),
    ("Tensor.neg", lambda: -(M + 0)),
    ("Tensor.abs", lambda: abs(M + 0)),
    ("Tensor.__invert__", lambda: ~(M > 0)),
    ("Tensor.gt", lambda: M > 0),
    ("Tensor.__eq__", lambda: M == 0),
    ("Tensor.__getitem__", lambda: M[0]),
    ("Tensor.__getitem__", lambda: M[M > 0.5]),
    ("Tensor.__setitem__", lambda: M.clone().__setitem__(0, 1)),
    ("Tensor.T", lambda: M.T),
    ("Tensor.mT", lambda: M.mT),
    ("Tensor.data", lambda: M.data),
    ("Tensor.real", lambda: torch.view_as_complex(X[..., :2].contiguous()).real),
    ("Tensor.view", lambda: X.view(2, -1)),
    ("Tensor.reshape", lambda: X.reshape(-1)),
    ("Tensor.permute", lambda: X.permute(0, 2, 3, 1)),
    ("Tensor.transpose", lambda: X.transpose(1, 2)),
    ("Tensor.flatten", lambda: X.flatten(1)),
    ("Tensor.unsqueeze", lambda: X.unsqueeze(0)),
    ("Tensor.expand", lambda: M[:1].expand(3, 4)),
    ("Tensor.chunk", lambda: M.chunk(2)),
    ("Tensor.split", lambda: M.split(2)),
    ("Tensor.mean", lambda: X.mean((2, 3))),
    ("Tensor.max", lambda: X.max(1)),
    ("Tensor.softmax", lambda: M.softmax(-1)),
    ("Tensor.masked_fill", lambda: M.masked_fill(M > 0.5, 0)),
    ("Tensor.add_", lambda: M.clone().add_(1)),
    ("Tensor.to", lambda: M.to(torch.float64)),
    ("Tensor.float", M.float),
    ("Tensor.detach", M.detach),
    ("Tensor.item", lambda: M.sum().item()),
    ("Tensor.__bool__", lambda: bool(M.sum() > 0)),
    ("torch.cat", lambda: torch.cat([M, M])),
    ("torch.stack", lambda: torch.stack([M, M])),
    ("torch.matmul", lambda: torch.matmul(M, M)),
    ("torch.einsum", lambda: torch.einsum("ij,jk->ik", M, M)),
    ("torch.where", lambda: torch.where(M > 0, M, 0)),
    ("torch.relu", lambda: torch.relu(M + 0)),
    ("torch.tanh", lambda: torch.tanh(M)),
    ("torch.sigmoid", lambda: torch.sigmoid(M)),
    ("torch.arange", lambda: torch.arange(3)),
    ("torch.zeros", lambda: torch.zeros(3)),
    ("torch.fft.fft", lambda: torch.fft.fft(M)),
    ("torch.linalg.norm", lambda: torch.linalg.norm(M)),
    ("F.relu", lambda: F.relu(M)),
    ("F.gelu", lambda: F.gelu(M)),
    ("F.softmax", lambda: F.softmax(M, -1)),
    ("F.linear", lambda: F.linear(M, M)),
    ("F.conv2d", lambda: F.conv2d(X, torch.rand(5, 3, 3, 3))),
    ("F.max_pool2d", lambda: F.max_pool2d(X, 2)),
    ("F.dropout", lambda: F.dropout(M)),
    ("F.layer_norm", lambda: F.layer_norm(M, (4,))),
    ("F.embedding", lambda: F.embedding(I, M)),
    ("F.interpolate", lambda: F.interpolate(X, scale_factor=2)),
    ("F.pad", lambda: F.pad(M, (1, 1))),
    ("F.cross_entropy", lambda: F.cross_entropy(M[:2], I)),
    ("F.scaled_dot_product_attention", lambda: F.scaled_dot_product_attention(X, X, X)),
]


@pytest.mark.parametrize(("name", "function"), CALLS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(CALLS)])
def test_operations_are_spelled_as_users_write_them(name: str, function: Callable[[], Tensor]) -> None:
    """The last operation of each call has the name that PyTorch's documentation gives it."""
    names = Names()
    with OperationMode(names):
        function()
    assert names.found[-1] == name


def test_attributes_that_make_no_tensor_are_silent() -> None:
    """A look at shape, type, device or gradient is no step."""
    names, x = Names(), torch.rand(3, requires_grad=True)
    with OperationMode(names):
        _ = (x.shape, x.dtype, x.device, x.dim(), x.size(0), x.is_leaf, x.requires_grad, x.grad, len(x), x.numel())
    assert not names.found


def test_a_function_without_a_name_is_spelled_by_its_class() -> None:
    """A callable object goes by its class."""
    assert spelled(functools.partial(torch.relu)).endswith("partial")


def test_the_running_line_is_found() -> None:
    """The place is this file, this function and this line, and its source is this function's text."""
    import sys

    place, line = place_of(sys._getframe(), sys._getframe().f_lineno), sys._getframe().f_lineno
    assert (place.file, place.line) == (__file__, line)
    assert place.function.endswith("test_the_running_line_is_found")
    assert calling_line(sys._getframe()) == Place(__file__, line + 3, place.function, place.first)
    source = source_of(place)
    assert source is not None
    assert source.lines[0].startswith("def test_the_running_line_is_found")


def test_the_same_function_in_two_files_has_two_places() -> None:
    """A script that was copied has functions with equal code at the same lines; each place is in its own file."""
    text = "import sys\ndef f():\n    return sys._getframe()\n"
    for file in ("first.py", "second.py"):
        scope: dict[str, Any] = {}
        exec(compile(text, file, "exec"), scope)
        assert place_of(scope["f"](), 3) == Place(file, 3, "f", 2)


@pytest.mark.parametrize("place", [Place("nowhere.py", 3, "f", 1), Place(__file__, 1, "f", 10**6)])
def test_code_without_text_has_no_source(place: Place) -> None:
    """Where the text is not to be had there is none."""
    assert source_of(place) is None


def test_a_file_that_was_edited_since_has_no_source(tmp_path: Path) -> None:
    """Where a function began, the end of a text stands now, or a bracket that nothing closes: there is no source."""
    file = tmp_path / "net.py"
    file.write_text('def f():\n    """Text.\n    """\n\n\ndef g():\n    return (1,\n')
    assert source_of(Place(str(file), 3, "f", 3)) is None
    assert source_of(Place(str(file), 7, "g", 7)) is None
