from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nbinspect.errors import place_in_user_code, reason_of


def test_a_folder_of_the_users_may_be_called_torch(tmp_path: Path) -> None:
    """The place is the deepest line of user code, in whatever folder it lies, and none of PyTorch's own."""
    file = tmp_path / "torch" / "train.py"
    code = compile("\n\ndef train(model, x):\n    return model(x)\n", str(file), "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    with pytest.raises(RuntimeError) as raised:
        names["train"](torch.nn.Linear(3, 2), torch.zeros(4, 5))
    assert place_in_user_code(raised.value) == f"{file}:4"
    assert reason_of(raised.value).endswith(f" {file}:4")
