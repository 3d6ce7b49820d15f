from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy

from nbinspect.capture.forward import Recorder, as_called, record_forward
from nbinspect.capture.operations import Tracer
from nbinspect.errors import CaptureError
from nbinspect.nested import tensors_in
from nbinspect.records import ForwardRecord, Moments, Step
from nbinspect.subject import make_subject


def record(model: nn.Module, batch: Any, loss_fn: Any = None, forward: Any = None, **options: Any) -> ForwardRecord:
    """The record of one pass."""
    return record_forward(make_subject(model, [batch], loss_fn, forward=forward), batch, **options)


def call(model: nn.Module, batch: Any) -> Any:
    """Call a model as its users do."""
    return model(**batch) if isinstance(batch, dict) else model(batch)


def trace_of(model: nn.Module, batch: Any) -> list[Any]:
    """All that a pass could leave behind, in bytes."""
    state = [(name, tensor.detach().clone()) for name, tensor in model.state_dict().items()]
    state += [(name, p.grad if p.grad is None else p.grad.clone()) for name, p in model.named_parameters()]
    state += [(name, p._version) for name, p in model.named_parameters()]
    state += [(name, tensor.detach().clone()) for name, tensor in tensors_in(batch, "batch")]
    state += [("random", torch.get_rng_state()), ("numpy", np.random.get_state()[1].copy())]
    for name, module in model.named_modules():
        hooks = [getattr(module, key, ()) for key in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")]
        always = [getattr(module, key, ()) for key in ("_forward_hooks_always_called", "_forward_hooks_with_kwargs")]
        state.append((name, (module.training, *[tuple(part) for part in (*hooks, *always)])))
    state.append(("leaves", [tensor._backward_hooks for _, tensor in tensors_in(batch, "batch")]))
    return [*state, ("modes", torch._C._len_torch_function_stack())]


def same(one: list[Any], other: list[Any]) -> None:
    """Compare two traces byte for byte."""
    assert len(one) == len(other)
    for (name, before), (_, after) in zip(one, other, strict=True):
        equal = torch.equal(before, after) if isinstance(before, Tensor) and isinstance(after, Tensor) else None
        if equal is None:
            equal = np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after
        assert equal, name


@pytest.fixture(params=ARCHITECTURES)
def made(request: pytest.FixtureRequest) -> tuple[nn.Module, Any]:
    """A model and a batch."""
    torch.manual_seed(0)
    model, batch = ARCHITECTURES[request.param]()
    if request.param != "encoder":
        model.train()
    return model, batch


@pytest.fixture
def net() -> nn.Sequential:
    """A small classifier."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("level", ["module", "operation"])
def test_the_output_is_bit_identical_and_no_trace_is_left(made: tuple[nn.Module, Any], level: Any) -> None:
    """A pass under observation gives what `model(x)` gives, to the bit, and leaves nothing behind."""
    model, batch = made
    for parameter in list(model.parameters())[::2]:
        parameter.grad = torch.ones_like(parameter)
    seen: list[Any] = []
    subject = make_subject(model, [batch], forward=lambda network, given: seen.append(call(network, given)) or seen[-1])
    before = trace_of(model, batch)
    found = record_forward(subject, batch, level=level)
    same(before, trace_of(model, batch))
    assert found.failure is None
    with as_called():
        expected = call(model, batch)
    pairs = list(zip(tensors_in(expected, ""), tensors_in(seen[0], ""), strict=True))
    assert pairs
    for (name, one), (_, other) in pairs:
        assert torch.equal(one, other), name
        assert one.requires_grad == other.requires_grad


def test_module_steps_are_what_hooks_see(made: tuple[nn.Module, Any]) -> None:
    """Modules, their order, calls, shapes and mean values are those that hand-written hooks tell of."""
    model, batch = made
    seen: list[tuple[str, tuple[tuple[int, ...], ...], float]] = []
    order: list[str] = []
    paths: dict[nn.Module, str] = {}

    def after(module: nn.Module, args: Any, output: Any) -> None:
        tensors = [tensor for _, tensor in tensors_in(output, "")]
        mean = tensors[0].detach().double().mean().item() if tensors else 0.0
        seen.append((paths[module], tuple(tuple(tensor.shape) for tensor in tensors), mean))

    twin = copy.deepcopy(model)
    for (name, own), module in zip(model.named_modules(), twin.modules(), strict=True):
        if isinstance(own, torch.jit.ScriptModule):
            pytest.skip("scripted modules take no hooks by hand")
        paths[own] = name
        module.register_forward_pre_hook(lambda m, a, own=own: order.append(paths[own]))
        module.register_forward_hook(lambda m, a, o, own=own: after(own, a, o))
    state = torch.get_rng_state()
    with as_called():
        call(twin, batch)
    torch.set_rng_state(state)
    found = record(model, batch, forward=call)
    steps = [step for step in found.steps if step.kind == "module"]
    assert [step.path for step in steps] == order
    mine = sorted((step.path, step.call, tuple(o.shape for o in step.outputs), _mean(step)) for step in steps)
    numbers: dict[str, int] = {}
    theirs = []
    for path, shapes, mean in seen:
        theirs.append((path, numbers.setdefault(path, 0), shapes, mean))
        numbers[path] += 1
    for one, other in zip(mine, sorted(theirs), strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], rel=1e-3, abs=1e-5)


def _mean(step: Step) -> float:
    moments = step.outputs[0].moments if step.outputs else None
    return moments.mean if moments is not None else 0.0


def test_healthy_models_raise_no_alarm(made: tuple[nn.Module, Any]) -> None:
    """Freshly initialised models of every make have no findings."""
    model, batch = made
    for training in (True, False):
        found = record(model, batch, forward=call, training=training)
        assert not [(step.index, step.name, step.path, step.findings) for step in found.steps if step.findings]


def test_a_lazy_model_stays_lazy() -> None:
    """A model whose parameters wait for their first batch is recorded, and still waits afterwards."""
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3))
    found = record(net, torch.randn(2, 3, 6, 6))
    assert found.failure is None
    assert found.outputs[0].shape == (2, 3)
    assert [type(module).__name__ for module in net] == ["LazyConv2d", "Flatten", "LazyLinear"]
    assert all(is_lazy(parameter) for parameter in net.parameters())
    assert net(torch.randn(2, 5, 6, 6)).shape == (2, 3)


def test_a_scripted_module_is_one_step() -> None:
    """A scripted module shows as one step with what it made, and none inside."""
    model, x = ARCHITECTURES["scripted"]()
    steps = record(model, x).steps
    assert [step.path for step in steps if step.kind == "module"] == ["", "0", "1", "2"]
    scripted = next(step for step in steps if step.path == "1")
    check_moments(scripted.outputs[0].moments, model[1](model[0](x)).detach())
    assert not [step for step in steps if step.parent == scripted.index]


@pytest.mark.parametrize(
    "context", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)]
)
def test_the_callers_modes_hold(net: nn.Module, context: Any) -> None:
    """Grad mode, inference mode and autocast of the caller are those of the pass."""
    x = torch.randn(4, 10)
    with context():
        found, expected = record(net, x), net(x)
        assert torch.is_grad_enabled() == found.grad_enabled
    assert found.outputs[0].dtype == str(expected.dtype).removeprefix("torch.")
    assert found.outputs[0].requires_grad == expected.requires_grad
    assert found.autocast == ("bfloat16" if expected.dtype is torch.bfloat16 else None)
    for step in found.steps:
        assert step.grad_enabled == found.grad_enabled
    assert found.outputs[0].moments is not None
    assert found.outputs[0].moments.mean == pytest.approx(expected.double().mean().item(), abs=1e-3)


def test_a_compiled_model_is_stepped_through_its_original(net: nn.Module) -> None:
    """Of a compiled model the steps are those of the module that was compiled."""
    x = torch.randn(4, 10)
    plain = [(step.name, step.path) for step in record(net, x).steps]
    assert [(step.name, step.path) for step in record(torch.compile(net, backend="eager"), x).steps] == plain


class Marked(Tensor):
    """A subclass that counts the operations on it."""

    calls = 0

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.calls += 1
        return super().__torch_function__(function, types, args, kwargs or {})


def test_a_tensor_subclass_keeps_its_ways(net: nn.Module) -> None:
    """A subclass sees the operations of the model and none of ours."""
    x = torch.randn(4, 10).as_subclass(Marked)
    Marked.calls = 0
    expected = net(x)
    calls, Marked.calls = Marked.calls, 0
    output: list[Any] = []
    found = record(net, x, forward=lambda model, batch: output.append(model(batch)) or output[0])
    inside = Marked.calls
    assert type(output[0]) is type(expected)
    assert torch.equal(output[0], expected)
    assert inside <= calls + 12
    assert [step.name for step in found.steps if step.kind == "operation"] == ["F.linear", "F.relu", "F.linear"]


def test_gradients_are_those_of_autograd() -> None:
    """Gradients of activations and parameters are those of a pass written by hand, and no `.grad` is touched."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.unused = nn.Linear(10, 8), nn.Linear(8, 3), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            first = self.one(x)
            act = torch.tanh(first)
            scaled = act * 2
            scaled[:, 0] = 0
            return self.two(scaled + act)

    net, x, y = Net(), torch.randn(16, 10), torch.randint(0, 3, (16,))
    net.one.weight.grad = torch.full_like(net.one.weight, 7.0)
    loss_fn = nn.CrossEntropyLoss()
    found = record(net, (x, y), loss_fn, gradients=True)
    first = F.linear(x, net.one.weight, net.one.bias)
    act = torch.tanh(first)
    scaled = act * 2
    mask = torch.ones_like(scaled)
    mask[:, 0] = 0
    written = scaled * mask
    total = written + act
    out = F.linear(total, net.two.weight, net.two.bias)
    loss = loss_fn(out, y)
    wanted = {"F.linear 0": first, "Tensor.tanh": act, "torch.tanh": act, "Tensor.mul": scaled, "Tensor.add": total}
    steps = {step.name: step for step in found.steps if step.kind == "operation"}
    assert found.loss == pytest.approx(loss.item(), rel=1e-6)
    for name, tensor in wanted.items():
        if name in steps:
            (gradient,) = torch.autograd.grad(loss, tensor, retain_graph=True)
            check_moments(steps[name].outputs[0].gradient, gradient)
    check_moments(
        steps["Tensor.__setitem__"].outputs[0].gradient, torch.autograd.grad(loss, written, retain_graph=True)[0]
    )
    by_name = {parameter.name: parameter for parameter in found.parameters}
    for name, parameter in net.named_parameters():
        if name.startswith("unused"):
            assert by_name[name].gradient is None
        else:
            check_moments(by_name[name].gradient, torch.autograd.grad(loss, parameter, retain_graph=True)[0])
    assert (net.one.weight.grad == 7).all()
    assert net.two.weight.grad is None


def check_moments(found: Moments | None, tensor: Tensor) -> None:
    """Compare with float64."""
    assert found is not None
    values = tensor.double()
    assert found.mean == pytest.approx(values.mean().item(), rel=1e-4, abs=1e-7)
    assert found.std == pytest.approx(values.std(correction=0).item(), rel=1e-3)
    assert (found.min, found.max) == pytest.approx((values.min().item(), values.max().item()), rel=1e-5)


def test_gradients_need_a_loss_of_one_number(net: nn.Module) -> None:
    """Without a loss, or with one of many numbers, or that depends on no parameter, gradients are refused in words."""
    batch = (torch.randn(4, 10), torch.randint(0, 3, (4,)))
    for loss_fn, words in (
        (None, "need a loss"),
        (nn.CrossEntropyLoss(reduction="none"), r"shape \(4,\)"),
        (lambda out, y: out.detach().sum(), "requires_grad=False"),
        (lambda out, y: 3.0, "float"),
    ):
        with pytest.raises(CaptureError, match=words):
            record(net, batch, loss_fn, gradients=True)
    same(trace_of(net, batch), trace_of(net, batch))


def test_a_loss_of_many_numbers_is_no_loss_of_the_record(net: nn.Module) -> None:
    """Without gradients a loss that is not one number leaves the record without one."""
    batch = (torch.randn(4, 10), torch.randint(0, 3, (4,)))
    assert record(net, batch, nn.CrossEntropyLoss(reduction="none")).loss is None


def test_a_loss_that_raises_is_a_failure_after_the_pass(net: nn.Module) -> None:
    """What the loss function raises is recorded, with every step before it."""
    batch = (torch.randn(4, 10), torch.randint(0, 3, (5,)))
    for gradients in (True, False):
        found = record(net, batch, nn.CrossEntropyLoss(), gradients=gradients)
        assert found.failure is not None
        assert "batch_size" in found.failure.error
        assert found.failure.step is None
        assert len(found.outputs) == 1


def test_the_loss_of_a_models_own_is_taken() -> None:
    """A model that returns its loss under that name needs no loss function."""
    model, batch = ARCHITECTURES["gpt2"]()
    batch = {**batch, "labels": batch["input_ids"].clone()}
    found = record(model.eval(), batch, gradients=True)
    assert found.loss == pytest.approx(model(**batch).loss.item(), rel=1e-6)
    assert all(parameter.gradient is not None for parameter in found.parameters)


def test_a_reentrant_checkpoint_says_what_to_do() -> None:
    """Gradients through a reentrant checkpoint are refused with the way out."""
    model, batch = ARCHITECTURES["reentrant checkpoint"]()
    with pytest.raises(CaptureError, match="use_reentrant=False"):
        record(model, (batch, torch.zeros(4, 2)), nn.MSELoss(), gradients=True)


class Failing(nn.Module):
    """Fails at a chosen place."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where, self.body = where, nn.Sequential(nn.Linear(10, 10), nn.Sequential(nn.ReLU(), nn.Linear(10, 3)))

    def forward(self, x: Tensor) -> Tensor:
        if self.where == "caught":
            with contextlib.suppress(RuntimeError):
                self.body(x[:, :3])
        x = self.body(x)
        if self.where == "between":
            raise ValueError("no good")
        if self.where == "view":
            x = x.view(-1, 7)
        if self.where == "interrupt":
            raise KeyboardInterrupt
        return x.relu()


def line_of(text: str) -> int:
    """The line of this file that holds a text first."""
    with open(__file__, encoding="utf-8") as source:  # noqa: PTH123 - one line is enough
        return next(number for number, line in enumerate(source, 1) if text in line)


def test_a_failure_keeps_the_pass_and_names_step_and_line() -> None:
    """Where an operation raises, the steps up to it are kept, and step, line and reason are told."""
    found = record(Failing("view"), torch.randn(4, 10))
    failure = found.failure
    assert failure is not None
    assert failure.step is not None
    step = {step.index: step for step in found.steps}[failure.step]
    assert (step.name, step.note, step.path) == ("Tensor.view", "raised", "")
    assert failure.place is not None
    assert failure.place.line == line_of("x = x.view(" + "-1, 7)")
    assert failure.explanation == "(4, 3) holds 3 values a sample; (-1, 7) does not fit: 7 does not divide 12"
    assert "Failing" in failure.place.function or failure.place.function == "forward"
    assert not found.outputs
    assert [step.name for step in found.steps][:3] == ["Failing", "Sequential", "Linear"]


def test_python_between_steps_may_raise() -> None:
    """An exception of Python's own is that of the module whose forward raised it, at its line."""
    failure = record(Failing("between"), torch.randn(4, 10)).failure
    assert failure is not None
    assert failure.error == "ValueError: no good"
    assert failure.step == 0
    assert failure.place is not None
    assert failure.place.line == line_of("raise ValueError" + '("no good")')


def test_an_exception_that_the_model_catches_ends_nothing() -> None:
    """A step that raises and is caught is marked, the pass goes on, and a later failure is told as itself."""
    found = record(Failing("caught"), torch.randn(4, 10))
    assert found.failure is None
    assert [step.name for step in found.steps if step.note == "raised"] == ["Sequential", "Linear", "F.linear"]
    model = Failing("caught")
    model.body[1][1] = nn.Linear(9, 3)
    failure = record(model, torch.randn(4, 10)).failure
    assert failure is not None
    assert "ends in 10 features, body.1.1.weight takes 9" in failure.explanation


def test_failures_outside_the_model_are_told(net: nn.Module) -> None:
    """In a user's own `forward=`, and in a bare Sequential, the failing line or step is found."""

    def forward(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch) @ torch.ones(7)

    failure = record(net, torch.randn(4, 10), forward=forward).failure
    assert failure is not None
    assert failure.place is not None
    assert failure.place.line == line_of("return model(batch) @ " + "torch.ones(7)")
    failure = record(net, torch.randn(4, 11)).failure
    assert failure is not None
    assert failure.step == 2
    assert failure.explanation == "batch (4, 11) ends in 11 features, 0.weight takes 10"


def test_an_interrupt_leaves_nothing_behind() -> None:
    """KeyboardInterrupt goes through, and hooks and modes are gone."""
    model, x = Failing("interrupt"), torch.randn(4, 10)
    before = trace_of(model, x)
    with pytest.raises(KeyboardInterrupt):
        record(model, x)
    same(before, trace_of(model, x))
    assert record(Failing("nowhere"), x).failure is None


def test_a_hook_of_the_users_that_raises_is_told() -> None:
    """A pre-hook that raises before a module is entered does not upset the steps around it."""
    net = nn.Sequential(nn.Linear(10, 10), nn.ReLU())

    def refuse(module: nn.Module, args: Any) -> None:
        raise ValueError("refused")

    net[1].register_forward_pre_hook(refuse)
    found = record(net, torch.randn(4, 10))
    assert found.failure is not None
    assert found.failure.error == "ValueError: refused"
    assert [step.note for step in found.steps] == ["raised", "", ""]


def test_a_batch_written_in_place_is_put_back() -> None:
    """What a forward writes to its input does not reach the caller's batch."""

    class Greedy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(2).add_(1)

    x = torch.ones(4, 3)
    found = record(Greedy(), x)
    assert (x == 1).all()
    assert found.outputs[0].moments is not None
    assert found.outputs[0].moments.mean == 3
    assert found.inputs[0].moments is not None
    assert found.inputs[0].moments.mean == 1


def test_a_view_that_is_written_through_another_is_measured() -> None:
    """Torch dies where a hook is put on such a tensor whose history it has yet to make anew."""

    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x).view(4, 3, 2)
            first = x[:, :2]
            x[:, :2] = torch.full_like(first, -1.0).where(first > 0, first)
            return x

    found = record(Windows(), (torch.randn(4, 6), torch.zeros(4)), lambda out, y: out.mean(), gradients=True)
    assert found.outputs[0].shape == (4, 3, 2)


def test_very_long_passes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more steps than the limit the first are kept, the end is exact, and a note says how many are missing."""
    monkeypatch.setattr("nbinspect.capture.recorder.MOST_STEPS", 3000)

    class Loop(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(5000):
                x = x + 1
            return x

    found = record(Loop(), torch.zeros(2, 3))
    assert len(found.steps) == 3000
    assert "2,001 steps" in found.notes[0]
    assert found.outputs[0].moments is not None
    assert found.outputs[0].moments.mean == 5000
    assert found.steps[-1].outputs[0].moments is not None
    assert found.steps[-1].outputs[0].moments.mean == 2999


def test_a_batch_without_tensors_is_refused(net: nn.Module) -> None:
    """A batch that holds no tensor is refused before anything runs."""
    with pytest.raises(CaptureError, match="with tensors"):
        record(net, ["a"])


def test_train_and_eval_mode_can_be_chosen() -> None:
    """The pass runs in the mode asked for, and each module's own mode comes back."""
    model, batch = ARCHITECTURES["cnn"]()
    model[1].eval()
    before = [module.training for module in model.modules()]
    for training in (True, False):
        assert record(model, batch, training=training).training is training
        assert [module.training for module in model.modules()] == before


def test_a_changed_step_is_measured_anew(net: nn.Module) -> None:
    """A step whose output was replaced shows the new values, and keeps its place."""
    recorder = Recorder()

    def ended(call: Any, value: Any) -> Any:
        recorder.ended(call, value)
        if call.name == "F.relu":
            value = torch.zeros_like(value)
            recorder.again(value)
        return value

    x = torch.randn(4, 10)
    with Tracer(net, "operation", ended):
        net(x)
    relu = next(step for step in recorder.steps() if step.name == "F.relu")
    assert relu.outputs[0].moments is not None
    assert relu.outputs[0].moments.max == 0
    assert [step.index for step in recorder.steps()] == list(range(7))


def test_an_input_that_requires_gradients_keeps_no_hook(net: nn.Module) -> None:
    """A leaf of the caller's that a step hands on has neither a hook nor a gradient afterwards."""
    x = torch.randn(4, 10, requires_grad=True)
    model = nn.Sequential(nn.Identity(), *net)
    found = record(model, (x, torch.randint(0, 3, (4,))), nn.CrossEntropyLoss(), gradients=True)
    identity = next(step for step in found.steps if step.name == "Identity")
    assert identity.outputs[0].gradient is not None
    assert x._backward_hooks is None
    assert x.grad is None


class LastState(nn.Module):
    """Uses the last state of an LSTM and not its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(x)
        return self.head(hidden[-1])


def test_gradients_pass_an_output_that_nobody_uses() -> None:
    """Where only some of a layer's outputs are used, the others have no gradient and the record has the rest."""
    found = record(LastState(), (torch.randn(5, 2, 3), torch.tensor([0, 1])), nn.CrossEntropyLoss(), gradients=True)
    lstm = next(step for step in found.steps if step.name == "LSTM")
    assert [output.gradient is not None for output in lstm.outputs] == [False, True, False]
    assert all(parameter.gradient is not None for parameter in found.parameters)


@pytest.mark.gpu
def test_an_accelerator_gives_the_numbers_of_the_cpu() -> None:
    """On CUDA the steps have the same statistics, units and findings as on the CPU, and tell memory."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 5)).eval()
    net[0].bias.data[:6] = -100
    batch = (torch.randn(8, 3, 8, 8), torch.randint(0, 5, (8,)))
    here = record(net, batch, nn.CrossEntropyLoss(), gradients=True)
    there = record(net.cuda(), batch, nn.CrossEntropyLoss(), gradients=True)
    assert there.failure is None
    for one, other in zip(here.steps, there.steps, strict=True):
        assert (one.name, one.findings) == (other.name, other.findings)
        assert other.memory is not None
        for mine, theirs in zip(one.outputs, other.outputs, strict=True):
            assert (mine.units, mine.dead) == (theirs.units, theirs.dead)
            for cpu, cuda in ((mine.moments, theirs.moments), (mine.gradient, theirs.gradient)):
                assert cpu is not None
                assert cuda is not None
                assert (cuda.mean, cuda.std, cuda.max) == pytest.approx(
                    (cpu.mean, cpu.std, cpu.max), rel=0.02, abs=1e-3
                )


class Refused(torch.autograd.Function):
    """Raises on its way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise ValueError("not today")


def test_a_backward_of_the_users_own_that_raises_is_told() -> None:
    """Whatever a function of the user's raises on the way back, it is one kind of error that says what it was."""
    x, y = torch.randn(4, 3), torch.zeros(4, dtype=torch.long)
    subject = make_subject(nn.Linear(3, 2), loss_fn=lambda out, y: F.cross_entropy(Refused.apply(out), y))
    with pytest.raises(CaptureError, match="the backward pass raised ValueError: not today"):
        record_forward(subject, (x, y), gradients=True)
