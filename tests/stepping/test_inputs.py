"""The batch that is stepped through."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.errors import InputError
from nbinspect.stepping.inputs import Batches, synthetic_batch
from nbinspect.stepping.looking import INPUT
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import Net, gpt2, subject


@pytest.mark.parametrize(
    ("model", "shape", "dtype"),
    [
        (Net(), (4, 3, 8, 8), torch.float32),
        (Net().double(), (4, 3, 8, 8), torch.float64),
        (nn.Linear(5, 2).bfloat16(), (3, 5), torch.bfloat16),
        (nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 2)), (2, 6), torch.int64),
        (gpt2(), (2, 6), torch.int64),
        (nn.ReLU(), (2, 6), torch.float32),
    ],
)
def test_a_random_batch_fits_the_model(model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Numbers of the model's dtype, or token ids where it begins with an embedding; no random number is drawn."""
    state = torch.get_rng_state()
    stepper = ForwardStepper(subject(model), input_shape=shape)
    batch = stepper.runs.batches.current
    assert (tuple(batch.shape), batch.dtype) == (shape, dtype)
    assert stepper.run() is None
    assert stepper.failure is None
    assert torch.equal(torch.get_rng_state(), state)
    stepper.close()


@pytest.mark.parametrize("wrong", [(), (0, 3), (2, -1), (2.0, 3), (True, 3), "23", 5])
def test_shapes_that_are_none_are_refused(wrong: object) -> None:
    """Lengths are positive integers."""
    with pytest.raises(InputError, match="input_shape"):
        synthetic_batch(subject(Net()), wrong)  # type: ignore[arg-type] # the point


def test_the_random_batch_is_made_in_any_default_device() -> None:
    """A default device of the caller's does not keep the batch from the model's device."""
    with torch.device("meta"):
        assert synthetic_batch(subject(nn.Linear(2, 2, device="cpu")), (3, 2)).device.type == "cpu"


def test_edits_are_compared_with_the_batch_before_the_first() -> None:
    """Editing keeps the original, replacing makes a new one, and a batch without tensors changes nothing."""
    one, two, three = torch.zeros(2), torch.ones(2), torch.ones(3)
    batches = Batches(subject(Net()), one, None)
    batches.edit(two)
    batches.edit(three)
    assert (batches.original is one, batches.current is three, batches.edited, batches.size) == (True, True, True, 3)
    with pytest.raises(InputError, match="tensors"):
        batches.replace([])
    assert batches.current is three
    batches.replace(two)
    assert (batches.original is two, batches.edited) == (True, False)


class Lengths(nn.Module):
    """Takes texts, which hold no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(1, 2)

    def forward(self, texts: list[str]) -> torch.Tensor:
        return self.out(torch.tensor([[float(len(text))] for text in texts]))


def test_a_model_that_no_tensor_enters_is_stepped_through() -> None:
    """Where texts enter, there is nothing to look at before the first step, and the steps are as ever."""
    stepper = ForwardStepper(subject(Lengths()), (["a", "bb", "ccc"], torch.tensor([0, 1, 0])))
    with pytest.raises(InputError, match="no tensor enters the model"):
        stepper.look(INPUT)
    names = []
    while (step := stepper.over()) is not None:
        names.append(repr(step))
    assert names[-1].startswith("<Step")
    stepper.close()


def test_pictures_in_a_list_are_counted_one_by_one() -> None:
    """A batch that is a list of pictures of several sizes has as many samples as pictures."""
    batch = ([torch.rand(3, 8 + n, 9) for n in range(5)], torch.arange(5))
    assert Batches(subject(nn.Identity()), batch, None).size == 5
