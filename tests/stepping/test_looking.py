"""Looking at activations, against hand-written hooks and brute force."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbinspect.errors import InputError, NbinspectError
from nbinspect.stepping.looking import INPUT
from nbinspect.stepping.stepper import ForwardStepper
from nbinspect.subject import Subject
from tests.stepping.models import Net, normal, subject

Opened = Callable[..., ForwardStepper]


def activation(net: nn.Module, part: str, x: torch.Tensor) -> torch.Tensor:
    """What a part makes, by a hand-written hook on a copy."""
    twin, found = copy.deepcopy(net), []
    twin.get_submodule(part).register_forward_hook(lambda *args: found.append(args[2].detach()))
    with torch.no_grad():
        twin(x)
    return found[0]


def test_a_replayed_tensor_is_the_live_one(opened: Opened) -> None:
    """Every step that is looked at again has the bits that it had, replaced tensors and dropout included."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    live = {}
    while (step := stepper.into()) is not None:
        if step.name == "F.max_pool2d":
            stepper.replace(stepper.tensor + 1)
        live[step.index] = stepper.tensor.detach().clone()
    for index, tensor in live.items():
        assert torch.equal(stepper.runs.replay(index), tensor)


def test_comparisons_subtract_what_they_say(opened: Opened) -> None:
    """Previous step, another sample, eval mode, the next batch and the parameters before are each subtracted."""
    net = Net()
    x, following = normal(4, 3, 8, 8), normal(4, 3, 8, 8, seed=2)
    inspected = subject(net)
    object.__setattr__(inspected, "loader", [following])
    stepper = opened(inspected, x, training=False)
    stepper.run_to("conv")
    index = stepper.step.index
    net.eval()
    conv = activation(net, "conv", x)

    def planes(**options: object) -> np.ndarray:
        return stepper.look(index, sample=1, **options).planes

    np.testing.assert_allclose(planes(), conv[1].numpy(), rtol=1e-6)
    np.testing.assert_allclose(planes(compare="sample", other=3), (conv[1] - conv[3]).numpy(), atol=1e-6)
    after = activation(net, "conv", following)
    np.testing.assert_allclose(planes(compare="next batch"), (conv - after)[1].numpy(), atol=1e-6)
    assert not planes(compare="train").any()
    stepper.runs.keep()
    with torch.no_grad():
        net.conv.weight.mul_(2)
    again = opened(subject(net), x, training=False)
    again.runs._kept = stepper.runs.kept
    again.run_to("conv")
    shown = again.look(sample=1, compare="before")
    np.testing.assert_allclose(shown.planes, (activation(net, "conv", x) - conv)[1].numpy(), atol=1e-5)
    again.run_to("bn")
    shown = again.look(sample=1, compare="train")
    net.train()
    trained = activation(net, "bn", x)
    net.eval()
    np.testing.assert_allclose(shown.planes, (activation(net, "bn", x) - trained)[1].numpy(), atol=1e-5)
    shown = again.look(sample=1, compare="previous")
    assert "previous" not in shown.compared
    assert shown.compared.startswith("step ")


def test_the_receptive_field_is_the_window_of_the_unit(opened: Opened) -> None:
    """The gradient of a unit of stacked convolutions lies in its window alone, with the size of finite differences."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 3, 3, stride=2)).double()
    x = normal(2, 1, 12, 12).double()
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode():
            stepper = opened(model, x)
        last = stepper.run_to("2").index
        field = stepper.looker.receptive_field(last, (1, 2, 2, 1))
        window = np.zeros((1, 12, 12), bool)
        window[0, 4:9, 2:7] = True
        assert (field[~window] == 0).all()
        assert (field[window] > 0).all()
        step = 1e-5
        with torch.no_grad():
            moved = x.clone()
            moved[1, 0, 6, 4] += step
            slope = float((model(moved) - model(x))[1, 2, 2, 1]) / step
        assert field[0, 6, 4] == pytest.approx(abs(slope), rel=1e-3)


def test_what_cannot_be_looked_at_is_refused(opened: Opened) -> None:
    """Samples, units, steps and comparisons that there are not are refused with what there is."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    stepper.run_to("conv")
    index = stepper.step.index
    for options, said in (
        ({"sample": 4}, "0 to 3"),
        ({"compare": "sample", "other": 9}, "0 to 3"),
        ({"compare": "yesterday"}, "expected previous"),
        ({"compare": "previous"}, "no earlier step"),
    ):
        with pytest.raises(InputError, match=said):
            stepper.look(index, **options)
    with pytest.raises(NbinspectError, match="keep"):
        stepper.look(index, compare="before")
    with pytest.raises(NbinspectError, match="no loader"):
        stepper.look(index, compare="next batch")
    with pytest.raises(NbinspectError, match="nothing at step 999"):
        stepper.look(999)
    for unit in ((0, 0, 0), (0, 99, 0, 0), (-1, 0, 0, 0)):
        with pytest.raises(InputError, match="unit"):
            stepper.looker.receptive_field(index, unit)
    tokens = opened(nn.Embedding(4, 3), torch.arange(4))
    tokens.into()
    with pytest.raises(NbinspectError, match="does not depend"):
        tokens.looker.receptive_field(1, (0, 0))


def test_what_ran_inside_vmap_is_said_to_be_unreadable(opened: Opened) -> None:
    """A live tensor inside `vmap` is shown as nothing, with the reason; a look back at one is refused with it."""

    class Mapped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.func.vmap(lambda row: row * 2)(x) + 1

    stepper = opened(Mapped(), normal(4, 3))
    assert stepper.into().name == "Tensor.mul"
    live = stepper.look()
    assert (live.kind, live.note) == ("none", "inside vmap or grad: values are not read")
    index = stepper.step.index
    stepper.run()
    with pytest.raises(NbinspectError, match="inside vmap or grad"):
        stepper.look(index)


def test_the_filters_are_the_weights_of_the_first_layer(opened: Opened) -> None:
    """The first convolution's weights are shown; a model without weights says so."""
    net = Net()
    shown = opened(net, normal(4, 3, 8, 8)).looker.filters()
    assert shown.name == "conv.weight"
    assert shown.shape == (8, 3, 3, 3)
    with pytest.raises(NbinspectError, match="no layer"):
        opened(nn.ReLU(), normal(2, 2)).looker.filters()
    with pytest.raises(NbinspectError, match="an embedding"):
        opened(nn.Sequential(nn.Embedding(9, 64), nn.Linear(64, 64)), torch.ones(2, 3).long()).looker.filters()


def test_a_step_is_found_again_where_another_mode_has_other_steps(opened: Opened) -> None:
    """BatchNorm counts its batches in train mode only; a look at eval mode and a receptive field find the layer."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3))
    x = normal(3, 2, 8, 8)
    stepper = opened(net, x, training=True)
    stepper.run_to("3")
    index = stepper.step.index
    train, evaluated = activation(net, "3", x), activation(net.eval(), "3", x)
    shown = stepper.look(index, sample=2, compare="eval")
    np.testing.assert_allclose(shown.planes, (train - evaluated)[2].numpy(), atol=1e-5)
    field = stepper.looker.receptive_field(index, (1, 0, 2, 2))
    rows = np.flatnonzero(field.sum(0).sum(1))
    assert rows.tolist() == [1, 2, 3, 4, 5]


class TimeFirst(nn.Module):
    """Logits (N, 3) of series (T, N, 2)."""

    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.wide, self.head = nn.Linear(2, width), nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        made = torch.tanh(self.wide(x))
        flat = made.flatten(0, 1)
        return self.head(flat.unflatten(0, made.shape[:2]).mean(0))


def test_with_time_first_each_sample_is_its_own(opened: Opened) -> None:
    """With batch_axis=1 input, activations, differences and receptive fields are those of the sample that is shown."""
    net, x = TimeFirst(), normal(6, 4, 2)
    stepper = opened(Subject(net, batch_axis=1), x, training=False)
    assert stepper.runs.batches.size == 4
    index = stepper.run_to("wide").index
    made = activation(net, "wide", x)
    for n in range(4):
        np.testing.assert_array_equal(stepper.looker.look(INPUT, (), None, sample=n).planes[0], x[:, n].numpy())
        shown = stepper.look(sample=n)
        assert (shown.sample, shown.samples, shown.shape) == (n, 4, (6, 4, 5))
        np.testing.assert_array_equal(shown.planes[0], made[:, n].numpy())
        less = stepper.look(sample=n, compare="sample", other=2).planes[0]
        np.testing.assert_allclose(less, (made[:, n] - made[:, 2]).numpy(), atol=1e-6)
        field = stepper.looker.receptive_field(index, (n, 3, 1))
        wanted = np.zeros((6, 2), np.float32)
        wanted[3] = net.wide.weight[1].detach().abs().numpy()
        np.testing.assert_allclose(field, wanted, rtol=1e-6)
    with pytest.raises(InputError, match="0 to 3"):
        stepper.look(sample=4)
    folded = stepper.run_to("Tensor.flatten").index
    with pytest.raises(NbinspectError, match="cannot be told"):
        stepper.looker.receptive_field(folded, (0, 0))


@pytest.mark.parametrize(("shape", "width"), [((4, 4, 2), 5), ((6, 4, 2), 4)], ids=["T = N", "features = N"])
def test_no_sample_is_shown_where_its_axis_cannot_be_told(opened: Opened, shape: tuple[int, ...], width: int) -> None:
    """Where an axis within the model may be another one of the batch's length, the view says so and shows no sample."""
    net, x = TimeFirst(width), normal(*shape)
    stepper = opened(Subject(net, batch_axis=1), x, training=False)
    np.testing.assert_array_equal(stepper.looker.look(INPUT, (), None, sample=3).planes[0], x[:, 3].numpy())
    step = stepper.run_to("Tensor.flatten") if shape[0] == 6 else stepper.run_to("wide")
    shown = stepper.look(sample=3)
    assert (shown.sample, shown.samples) == (None, 0)
    assert "cannot be told" in shown.note
    with pytest.raises(InputError, match="of a tensor of samples"):
        stepper.look(sample=3, compare="sample", other=1)
    with pytest.raises(NbinspectError, match="cannot be told"):
        stepper.looker.receptive_field(step.index, (0, 0))
