"""The no-trace guard, against an independent picture of everything a probe could touch."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, RandomSampler, Subset, TensorDataset

from nbinspect.errors import NbinspectError
from nbinspect.preserve import preserve

# --- what is compared: a picture taken without the guard's own means -------------------------------------------------


def bytes_of(tensor: Tensor) -> Any:
    """The values of a dense, sparse or quantised tensor as plain bytes."""
    tensor = tensor.detach()
    if tensor.is_quantized:
        return tensor.int_repr().numpy().tobytes()
    if tensor.layout is torch.sparse_coo:
        return bytes_of(tensor._indices()), bytes_of(tensor._values())
    if tensor.is_meta or isinstance(tensor, nn.UninitializedParameter):
        return None
    return tensor.clone().flatten().contiguous().view(torch.uint8).numpy().tobytes()


def tensor_state(tensor: Tensor | None) -> Any:
    if tensor is None:
        return None
    if isinstance(tensor, nn.parameter.UninitializedTensorMixin):
        return id(tensor), type(tensor), tensor.requires_grad
    strided = tensor.layout is torch.strided and not tensor.is_meta
    where = (tensor.stride(), tensor.storage_offset(), tensor.untyped_storage().data_ptr()) if strided else ()
    hooks = [list(map(id, (getattr(tensor, key) or {}).values())) for key in HOOKS_OF_TENSORS]
    version = None if tensor.is_inference() else tensor._version
    what = (id(tensor), type(tensor), tensor.dtype, tensor.shape, tensor.requires_grad, version)
    return what, where, bytes_of(tensor), hooks, dict(vars(tensor)), tensor_state(tensor.grad)


HOOKS_OF_TENSORS = ("_backward_hooks", "_post_accumulate_grad_hooks")
HOOKS_OF_MODULES = (
    *("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks"),
    *("_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks"),
    *("_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
)


def module_state(model: nn.Module) -> Any:
    def one(module: nn.Module) -> Any:
        tensors = [
            [(key, tensor_state(tensor)) for key, tensor in getattr(module, kind).items()]
            for kind in ("_parameters", "_buffers")
        ]
        hooks = [[(key, id(hook)) for key, hook in getattr(module, kind).items()] for kind in HOOKS_OF_MODULES]
        children = [(key, id(child)) for key, child in module._modules.items()]
        plain = {key: value for key, value in vars(module).items() if isinstance(value, (int, float, str, bool))}
        lists = {key: list(map(id, value)) for key, value in vars(module).items() if isinstance(value, list)}
        persistence = set(module._non_persistent_buffers_set)
        return id(module), type(module), module.training, tensors, hooks, children, plain, lists, persistence

    return [(name, one(module)) for name, module in model.named_modules(remove_duplicate=False)]


def optimizer_state(optimizer: torch.optim.Optimizer) -> Any:
    def plain(value: Any) -> Any:
        return tensor_state(value) if isinstance(value, Tensor) else value

    groups = [
        {key: plain(value) for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]
    members = [[id(parameter) for parameter in group["params"]] for group in optimizer.param_groups]
    state = [(id(key), {k: plain(v) for k, v in value.items()}) for key, value in optimizer.state.items()]
    return groups, members, state


def ambient_state(loader: DataLoader[Any]) -> Any:
    cudnn = torch.backends.cudnn
    randomness = (
        *(torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())),
        *(loader.generator.get_state().tolist(), str(loader.dataset.numpy_generator.bit_generator.state)),
        *(loader.dataset.python_generator.getstate(), loader.dataset.generator.get_state().tolist()),
    )
    switches = (
        *(torch.is_grad_enabled(), torch.is_anomaly_enabled(), torch.get_default_dtype(), torch.empty(0).device),
        *(torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled()),
        *(torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")),
        *(cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        *(torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        *(torch.get_float32_matmul_precision(), torch.backends.mha.get_fastpath_enabled()),
        *([len(hooks) for hooks in global_hooks()], torch._C._len_torch_function_stack()),
    )
    return randomness, switches


def global_hooks() -> list[dict[int, Any]]:
    home = vars(nn.modules.module)
    return [home[key] for key in home if key.startswith("_global_") and key.endswith("hooks")]


class Scene:
    """A model, its optimizer and its loader, and a picture of their state."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        parameters = list(model.parameters()) or [nn.Parameter(torch.zeros(1))]
        self.optimizer = torch.optim.AdamW(parameters, lr=0.01)
        data = TensorDataset(torch.randn(6, WIDTH))
        data.numpy_generator = np.random.default_rng(3)
        data.python_generator = random.Random(4)
        data.generator = torch.Generator().manual_seed(5)
        self.loader = DataLoader(data, batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(6))

    def state(self) -> Any:
        return module_state(self.model), optimizer_state(self.optimizer), ambient_state(self.loader)

    def guard(self) -> Any:
        return preserve(self.model, self.optimizer, self.loader, None)

    def parameter(self, number: int) -> nn.Parameter:
        parameters = list(self.model.parameters())
        return parameters[number % len(parameters)]

    def module(self, number: int) -> nn.Module:
        modules = list(self.model.modules())
        return modules[number % len(modules)]


class Calls(TorchDispatchMode):
    """Counts the operators that run, with the size of their first argument in bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, int]] = []

    def of(self, operator: Any) -> list[int]:
        return [size for func, size in self.calls if func is operator]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], Tensor):
            self.calls.append((func, args[0].nbytes))
        return func(*args, **(kwargs or {}))


# --- random modules --------------------------------------------------------------------------------------------------

WIDTH = 4


class Tied(nn.Module):
    """Two layers that share one weight, beside a view of it and a list of state."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.second.weight = self.first.weight
        self.row = self.first.weight.detach()[0]
        self.calls, self.seen = 0, [1, 2]

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(self.calls)
        return self.second(self.first(x))


class Odd(nn.Module):
    """Buffers of every kind beside a plain parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(WIDTH))
        buffers = {
            "none": None,
            "empty": torch.zeros(0, 3),
            "flags": torch.tensor([True, False]),
            "count": torch.tensor(3),
            "waves": torch.randn(3, dtype=torch.complex64),
            "brain": torch.randn(5).bfloat16(),
            "nans": torch.tensor([float("nan"), -0.0, float("inf")]),
            "spread": torch.arange(3.0).expand(2, 3),
            "turned": torch.randn(3, 2).t(),
            "sparse": torch.eye(3).to_sparse(),
            "nowhere": torch.empty(3, device="meta"),
        }
        for number, (name, buffer) in enumerate(buffers.items()):
            self.register_buffer(name, buffer, persistent=number % 2 == 0)

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return x * self.scale


LAYERS: tuple[Callable[[], nn.Module], ...] = (
    lambda: nn.Linear(WIDTH, WIDTH),
    lambda: nn.Dropout(0.5),
    lambda: nn.BatchNorm1d(WIDTH),
    lambda: parametrizations.spectral_norm(nn.Linear(WIDTH, WIDTH)),
    Tied,
    Odd,
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    def build(depth: int) -> nn.Module:
        size = draw(st.integers(1, 3))
        inner = [draw(st.sampled_from(LAYERS))() for _ in range(size)]
        return nn.Sequential(*inner, build(depth - 1)) if depth else nn.Sequential(*inner)

    torch.manual_seed(draw(st.integers(0, 9)))
    scene = Scene(build(draw(st.integers(0, 2))))
    for module in scene.model.modules():
        module.training = draw(st.booleans())
    for parameter in scene.model.parameters():
        parameter.requires_grad_(draw(st.booleans()))
        kind = draw(st.sampled_from(["none", "zero", "random"]))
        parameter.grad = None if kind == "none" else torch.zeros_like(parameter) * (kind == "random")
    if draw(st.booleans()):
        scene.optimizer.step()
    if draw(st.booleans()) and list(scene.model.parameters()):
        scene.model.register_forward_hook(lambda *_: None)
        scene.parameter(0).requires_grad_().register_hook(lambda gradient: gradient)
    return scene


# --- random damage ---------------------------------------------------------------------------------------------------


def _backward(scene: Scene, _: int) -> None:
    with torch.enable_grad():
        out = scene.model.train()(torch.randn(3, WIDTH, dtype=next(scene.model.parameters()).dtype))
        out.sum().backward()


def _hooks(scene: Scene, number: int) -> None:
    module = scene.module(number)
    module.register_forward_pre_hook(lambda *_: None, with_kwargs=True, prepend=True)
    module.register_forward_hook(lambda *_: None, always_call=True)
    module.register_full_backward_hook(lambda *_: None)
    module.register_full_backward_pre_hook(lambda *_: None)
    module.register_state_dict_pre_hook(lambda *_: None)
    module.register_load_state_dict_post_hook(lambda *_: None)


def _tensor_hooks(scene: Scene, number: int) -> None:
    parameter = scene.parameter(number).requires_grad_()
    parameter.register_hook(lambda gradient: gradient * 2)
    parameter.register_post_accumulate_grad_hook(lambda _: None)


def _unhook(scene: Scene, number: int) -> None:
    for kind in HOOKS_OF_MODULES:
        getattr(scene.module(number), kind).clear()
    (scene.parameter(number)._backward_hooks or {}).clear()


def _replace(scene: Scene, number: int) -> None:
    module = scene.module(number)
    for key, old in list(module._parameters.items()):
        if old is not None:
            module._parameters[key] = nn.Parameter(torch.zeros_like(old))


def _rearrange(scene: Scene, number: int) -> None:
    module = scene.module(number)
    for held in (module._parameters, module._buffers, module._modules):
        for key in list(held)[: number % 3]:
            held[key] = held.pop(key)
    module.register_buffer("added", torch.ones(2), persistent=False)
    module.register_parameter("more", nn.Parameter(torch.ones(2)))
    module.add_module("child", nn.Dropout())


def _delete(scene: Scene, number: int) -> None:
    module = scene.module(number)
    for held in (module._parameters, module._buffers):
        if held:
            held.popitem()


def _draw(scene: Scene, number: int) -> None:
    torch.rand(number + 1)
    random.random()
    np.random.rand(2)
    next(iter(scene.loader))
    data: Any = scene.loader.dataset
    data.numpy_generator.normal()
    data.python_generator.random()
    torch.rand(2, generator=data.generator)


def _switch(scene: Scene, number: int) -> None:
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta" if number % 2 else "cpu")
    torch.autograd.set_detect_anomaly(True)
    torch.use_deterministic_algorithms(True, warn_only=bool(number % 2))
    torch.set_float32_matmul_precision("medium")
    torch.backends.mha.set_fastpath_enabled(False)
    torch.set_autocast_enabled("cpu", True)
    torch.set_autocast_dtype("cpu", torch.float16)
    torch.set_autocast_cache_enabled(False)
    for flag in ("enabled", "benchmark", "deterministic", "allow_tf32"):
        setattr(torch.backends.cudnn, flag, not getattr(torch.backends.cudnn, flag))


def _in_place(scene: Scene, number: int) -> None:
    with torch.no_grad():
        scene.parameter(number).add_(1)
    for buffer in scene.module(number).buffers(recurse=False):
        if buffer.is_floating_point() and not buffer.is_meta and buffer.layout is torch.strided:
            buffer.data.view(-1)[:1] += 1 if buffer.is_contiguous() else 0


def _gradients(scene: Scene, number: int) -> None:
    parameter = scene.parameter(number)
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    elif number % 2:
        parameter.grad.add_(1)
    else:
        parameter.grad = None


def _optimizer(scene: Scene, number: int) -> None:
    for parameter in scene.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    scene.optimizer.step()
    scene.optimizer.param_groups[0]["lr"] *= 10
    scene.optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    if number % 2:
        scene.optimizer.state.clear()


def _attributes(scene: Scene, number: int) -> None:
    module = scene.module(number)
    module.training = not module.training
    module.note = "was here"
    module.calls = 99
    vars(scene.parameter(number))["marked"] = True


DAMAGES: dict[str, Callable[[Scene, int], object]] = {
    "in place": _in_place,
    "in place past the version counter": lambda scene, n: scene.parameter(n).data.mul_(3),
    "data rebound": lambda scene, n: setattr(scene.parameter(n), "data", scene.parameter(n).data.clone()),
    "data rebound to another type": lambda scene, n: scene.model.double(),
    "parameters replaced": _replace,
    "parts rearranged and added": _rearrange,
    "parts deleted": _delete,
    "backward in train mode": _backward,
    "gradients": _gradients,
    "zero_grad": lambda scene, n: scene.model.zero_grad(set_to_none=bool(n % 2)),
    "eval": lambda scene, n: scene.model.eval(),
    "train": lambda scene, n: scene.model.train(),
    "frozen": lambda scene, n: scene.model.requires_grad_(bool(n % 2)),
    "hooks": _hooks,
    "hooks of tensors": _tensor_hooks,
    "hooks removed": _unhook,
    "global hooks": lambda scene, n: nn.modules.module.register_module_forward_hook(lambda *_: None),
    "optimizer": _optimizer,
    "random draws": _draw,
    "switches": _switch,
    "attributes": _attributes,
    "class": lambda scene, n: setattr(scene.module(n), "__class__", type("Other", (type(scene.module(n)),), {})),
    "weights loaded": lambda scene, n: scene.model.load_state_dict(
        {key: value + 1 for key, value in scene.model.state_dict().items() if value.is_floating_point()}, strict=False
    ),
}
ENDINGS = st.sampled_from([None, ValueError, KeyboardInterrupt, SystemExit])
WRECKS = st.lists(st.tuples(st.sampled_from(sorted(DAMAGES)), st.integers(0, 9)), max_size=6)


def wreck(scene: Scene, damages: list[tuple[str, int]]) -> None:
    """Do each damage; one that an earlier one has made impossible is left half done, as in life."""
    for name, number in damages:
        with (
            suppress(RuntimeError, ValueError, TypeError, AttributeError, ZeroDivisionError, StopIteration),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            DAMAGES[name](scene, number)


@pytest.fixture(autouse=True)
def clean_ambience() -> Iterator[None]:
    """Leave torch as the next test expects it, also where the guard is broken."""
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.autograd.set_detect_anomaly(False)
    torch.use_deterministic_algorithms(False)
    torch.set_autocast_enabled("cpu", False)
    torch.set_autocast_dtype("cpu", torch.bfloat16)
    torch.set_autocast_cache_enabled(True)
    for hooks in global_hooks():
        hooks.clear()


# --- the promise -----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(scene=scenes(), damages=WRECKS, ending=ENDINGS)
def test_random_damage_leaves_no_trace(scene: Scene, damages: list[tuple[str, int]], ending: Any) -> None:
    """Whatever is done to a model, optimizer, loader and torch itself, and however it ends, all is as it was."""
    before = scene.state()
    raised = ending("the end") if ending else None
    caught: BaseException | None = None
    try:
        with scene.guard():
            wreck(scene, damages)
            if raised is not None:
                raise raised
    except (ValueError, KeyboardInterrupt, SystemExit) as error:
        caught = error
    assert caught is raised
    assert not getattr(raised, "__notes__", [])
    assert scene.state() == before


@settings(max_examples=30, deadline=None)
@given(scene=scenes(), first=WRECKS, second=WRECKS)
def test_nested_guards(scene: Scene, first: list[tuple[str, int]], second: list[tuple[str, int]]) -> None:
    """A guard inside a guard goes back to the state between the two, then the outer one to the start."""
    start = scene.state()
    with scene.guard():
        wreck(scene, first)
        between = scene.state()
        with scene.guard():
            wreck(scene, second)
        assert scene.state() == between
    assert scene.state() == start


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_each_damage_alone(name: str) -> None:
    """Each kind of damage is one that the picture sees, and that the guard undoes."""
    torch.manual_seed(0)
    scene = Scene(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Sequential(Tied(), Odd())))
    scene.model[1].eval()
    scene.parameter(0).register_hook(lambda gradient: gradient)
    scene.model(torch.randn(3, WIDTH)).sum().backward()
    scene.optimizer.step()
    before = scene.state()
    number = 0 if name in {"hooks removed", "frozen"} else 1
    with scene.guard():
        DAMAGES[name](scene, number)
        assert scene.state() != before, "this damage changes nothing, so it tests nothing"
    assert scene.state() == before


def test_training_with_probes_is_bit_identical() -> None:
    """A training run with a wild probe between its steps ends with the very weights of one without."""

    def train(probe: bool) -> list[bytes]:
        torch.manual_seed(0)
        scene = Scene(nn.Sequential(nn.Linear(WIDTH, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1)))
        for _ in range(3):
            for (x,) in scene.loader:
                loss = scene.model(x).square().mean()
                if probe:
                    with scene.guard():
                        wreck(
                            scene, [("backward in train mode", 0), ("optimizer", 1), ("random draws", 3), ("eval", 0)]
                        )
                scene.optimizer.zero_grad()
                loss.backward()  # a graph from before the probe
                scene.optimizer.step()
        return [bytes_of(tensor) for tensor in scene.model.state_dict().values()]

    assert train(probe=True) == train(probe=False)


def test_emptied_storage() -> None:
    """A parameter whose memory was given back, as sharding does, gets memory and bytes again."""
    model = nn.Linear(3, 2)
    weights, before = bytes_of(model.weight), module_state(model)
    with preserve(model):
        model.weight.untyped_storage().resize_(0)
    assert bytes_of(model.weight) == weights
    assert module_state(model)[0][1][3][0][1] == before[0][1][3][0][1], "the bias"


def test_untouched_tensors_are_not_written() -> None:
    """Only what changed is written, so that no copy runs over the other parameters and memory may be read-only."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with Calls() as calls, preserve(model):
        model(torch.randn(3, 2))
        model[1].bias.data.add_(1)
    assert len(calls.of(torch.ops.aten.copy_.default)) == 1


def test_pending_backward_of_the_user_survives() -> None:
    """A graph made before a probe that wrote to its weights can still be run backward, with the right gradient."""
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    x = torch.randn(4, 3)
    twin = copy.deepcopy(model)
    twin(x).sum().backward()
    loss = model(x).sum()
    with preserve(model), torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
        model(x)
    loss.backward()
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert bytes_of(parameter.grad) == bytes_of(other.grad)


# --- odd tensors and odd modules -------------------------------------------------------------------------------------


def test_lazy_modules_stay_lazy() -> None:
    """A lazy module that a probe has given its shape is uninitialised again, and later starts from the same draws."""

    def first_weights(probe: bool) -> list[bytes]:
        torch.manual_seed(1)
        model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
        if probe:
            with preserve(model):
                model(torch.randn(2, 7))
            assert type(model[0]) is nn.LazyLinear
            assert isinstance(model[0].weight, nn.UninitializedParameter)
            assert isinstance(model[1].running_mean, nn.UninitializedBuffer)
        model(torch.ones(2, 5))
        return [bytes_of(tensor) for tensor in model.state_dict().values()]

    assert first_weights(probe=True) == first_weights(probe=False)


def test_sparse_gradients() -> None:
    """The sparse gradient of an embedding comes back as the same object with the same rows."""
    model = nn.Embedding(5, 2, sparse=True)
    model(torch.tensor([1, 3])).sum().backward()
    before = module_state(model)
    with preserve(model):
        model.weight.grad._values().mul_(5)
        model(torch.tensor([0, 2])).sum().backward()
        assert module_state(model) != before
    assert module_state(model) == before


@pytest.mark.parametrize("layout", ["csr", "csc", "bsr", "bsc"])
def test_compressed_sparse_buffers(layout: str) -> None:
    """Compressed sparse buffers get their values back."""
    model = nn.Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beta state
        dense = torch.eye(4)
        block = {"blocksize": (2, 2)} if layout.startswith("b") else {}
        model.register_buffer("sparse", getattr(dense, f"to_sparse_{layout}")(**block))
        with preserve(model):
            model.sparse.values().mul_(7)
        assert torch.equal(model.sparse.to_dense(), dense)


@pytest.mark.filterwarnings("ignore")  # quantised tensors are deprecated, but still met
def test_quantised_nested_and_opaque_buffers() -> None:
    """Quantised and nested buffers get their bytes back; an opaque one does not stand in the way."""
    model = nn.Module()
    model.register_buffer("quantised", torch.quantize_per_tensor(torch.randn(5), 0.1, 0, torch.qint8))
    model.register_buffer("nested", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))
    model.register_buffer("jagged", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged))
    model.register_buffer("opaque", torch.ones(2).to_mkldnn())
    before = model.quantised.int_repr()
    with preserve(model):
        model.quantised.copy_(torch.randn(5))
        model.nested.values().mul_(2)
        model.jagged.values().mul_(2)
    assert torch.equal(model.quantised.int_repr(), before)
    assert torch.equal(model.nested.values(), torch.ones(5))
    assert torch.equal(model.jagged.values(), torch.ones(5))


def test_inside_inference_mode() -> None:
    """The guard works inside inference mode, and with inference tensors on the model outside of it."""
    model = nn.BatchNorm1d(2)
    with torch.inference_mode():
        model.cache = torch.ones(2)
        before = module_state(model)
        with preserve(model):
            model.cache.add_(1)
            model(torch.randn(3, 2))
        assert module_state(model) == before
    with preserve(model), torch.inference_mode():
        model.cache.add_(1)
    assert torch.equal(model.cache, torch.ones(2))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_modules() -> None:
    """A scripted module gets its weights, statistics and flags back."""
    model = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    list(model.children())[1].eval()
    before = [bytes_of(tensor) for tensor in model.state_dict().values()]
    with preserve(model):
        model.train()(torch.randn(4, 2))
        model[0].weight.data.add_(1)
    assert [bytes_of(tensor) for tensor in model.state_dict().values()] == before
    assert [module.training for module in model.modules()] == [True, True, False]


def test_parametrisation_registered_by_the_block() -> None:
    """A parametrisation put on inside the block is gone, and the class with it."""
    model = nn.Linear(2, 2)
    before = module_state(model)
    with preserve(model):
        parametrize.register_parametrization(model, "weight", nn.Softplus(), unsafe=True)
        assert type(model) is not nn.Linear
    assert module_state(model) == before


def test_what_a_module_holds_outside_of_its_registers() -> None:
    """Tensors, generators and modules in plain attributes and lists come back too."""
    model = nn.Module()
    model.hidden = [nn.BatchNorm1d(2)]
    model.cache = {"state": (torch.zeros(2), torch.ones(2))}
    model.noise = torch.Generator().manual_seed(0)
    noise, before = model.noise.get_state(), module_state(model.hidden[0])
    with preserve(model):
        model.hidden[0].train()(torch.randn(3, 2))
        model.cache["state"][1].add_(1)
        model.cache["more"] = 1
        torch.rand(2, generator=model.noise)
    assert module_state(model.hidden[0]) == before
    assert list(model.cache) == ["state"]
    assert torch.equal(model.cache["state"][1], torch.ones(2))
    assert torch.equal(model.noise.get_state(), noise)


def test_emas_schedulers_and_scalers() -> None:
    """A scheduler and a gradient scaler come back beside the optimizer that they drive."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    with preserve(model, optimizer, scheduler, scaler):
        scaler.scale(model(torch.randn(3, 2)).sum()).backward()
        scaler.step(optimizer)
        scaler.update(2.0)
        scheduler.step()
    assert (scheduler.last_epoch, optimizer.param_groups[0]["lr"], scaler.get_scale()) == (0, 1.0, 8.0)
    assert not optimizer.state
    assert model.weight.grad is None


# --- loaders, memory, failures ---------------------------------------------------------------------------------------


def test_generators_deep_in_a_loader() -> None:
    """Generators of samplers, of wrapped and joined data sets and of their transforms come back."""
    data = TensorDataset(torch.arange(6))
    data.transform = type("Compose", (), {})()
    data.transform.transforms = [random.Random(1)]
    sampler = RandomSampler(data, generator=torch.Generator().manual_seed(1))
    joined = torch.utils.data.ConcatDataset([Subset(data, range(6))])
    joined.legacy = np.random.RandomState(2)
    loader = DataLoader(joined, batch_size=2, sampler=sampler)

    def state() -> Any:
        generators = (sampler.generator.get_state().tolist(), data.transform.transforms[0].getstate())
        return (*generators, str(joined.legacy.get_state()))

    before = state()
    with preserve(loader):
        list(loader)
        data.transform.transforms[0].random()
        joined.legacy.rand()
        assert state() != before
    assert state() == before


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64])
def test_every_kind_of_numpy_generator(kind: Any) -> None:
    """A NumPy generator goes on where it was, whatever algorithm it uses."""
    data = TensorDataset(torch.arange(2))
    data.rng = np.random.Generator(kind(1))
    expected = copy.deepcopy(data.rng).normal(size=3).tolist()
    with preserve(DataLoader(data)):
        data.rng.normal(size=100)
    assert data.rng.normal(size=3).tolist() == expected


def test_hooks_put_on_a_tensor_by_the_block_never_run_again() -> None:
    """A hook of a parameter that the block left behind is silent in the next backward pass, and new ones are heard."""
    model, heard = nn.Linear(2, 1, bias=False), []
    with preserve(model):
        model.weight.register_hook(lambda _: heard.append("gradient"))
        model.weight.register_post_accumulate_grad_hook(lambda _: heard.append("accumulated"))
    model(torch.ones(1, 2)).sum().backward()
    assert heard == []
    model.weight.register_post_accumulate_grad_hook(lambda _: heard.append("new"))
    model(torch.ones(1, 2)).sum().backward()
    assert heard == ["new"]


def test_without_copies_of_parameters() -> None:
    """With parameters=False buffers, flags and identity still come back, and no parameter is copied."""
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    weight, before = model[0].weight, module_state(model[1])
    with preserve(model, parameters=False):
        model.train()(torch.randn(4, 3))
        weight.data = weight.data.clone()
        weight.data.add_(1)
        model[0].weight = nn.Parameter(torch.zeros(3, 3))
        model[0].bias.data.fill_(7)
    assert module_state(model[1]) == before
    assert model[0].weight is weight
    assert bytes_of(model[0].bias) == bytes_of(torch.full((3,), 7.0)), "a copy was made"


def test_shared_memory_is_copied_once() -> None:
    """Tied weights cost one copy, whether one parameter serves twice or two share their memory."""
    model = nn.ModuleList([nn.Linear(500, 500, bias=False) for _ in range(3)])
    model[1].weight = model[0].weight
    model[2].weight = nn.Parameter(model[0].weight.data)
    with Calls() as calls, preserve(model):
        pass
    assert [size for size in calls.of(torch.ops.aten.clone.default) if size > 2000] == [500 * 500 * 4]


def test_failure_to_put_back_names_it_and_goes_on() -> None:
    """What cannot be put back is named in one error; everything else is put back."""

    class Broken(random.Random):
        def setstate(self, state: Any) -> None:
            raise OSError("the dice are gone")

    model = nn.Linear(2, 2)
    model.dice = Broken(1)
    before = module_state(model)

    def probe() -> None:
        with preserve(model):
            model.weight.data.add_(1)
            model.train(False)

    with pytest.raises(NbinspectError, match=r"Linear\.dice \(OSError: the dice are gone\)"):
        probe()
    assert module_state(model) == before


@pytest.mark.skipif(not hasattr(BaseException, "add_note"), reason="notes came with Python 3.11")
def test_failure_to_put_back_does_not_hide_the_exception() -> None:
    """An exception of the block goes on as it is, with what could not be put back as a note."""

    class Broken(random.Random):
        def setstate(self, state: Any) -> None:
            raise OSError("the dice are gone")

    model = nn.Linear(2, 2)
    model.dice = Broken(1)
    raised = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, preserve(model):
        raise raised
    assert caught.value is raised
    assert "the dice are gone" in raised.__notes__[0]


def test_interrupt_while_putting_back() -> None:
    """A second Interrupt, during the putting back, comes through once all is put back."""

    class Impatient(random.Random):
        stops = 1

        def setstate(self, state: Any) -> None:
            if self.stops:
                self.stops = 0
                raise KeyboardInterrupt
            super().setstate(state)

    model = nn.Linear(2, 2)
    model.dice = Impatient(1)
    dice, before = model.dice.getstate(), module_state(model)

    def probe() -> None:
        with preserve(model):
            model.dice.random()
            model.weight.data.add_(1)

    with pytest.raises(KeyboardInterrupt):
        probe()
    assert model.dice.getstate() == dice
    assert module_state(model)[0][1][3] == before[0][1][3]


def test_autocast_casts_do_not_leak() -> None:
    """Casts that autocast keeps of changed weights do not reach the user's own pass; those of before are kept."""
    model, x = nn.Linear(4, 4, bias=False), torch.randn(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with preserve(model):
            model.weight.data.mul_(100)
            model(x)
        inside = model(x)
        assert torch.is_autocast_cache_enabled()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model(x)
    assert torch.equal(inside, expected)


def test_default_device_none_is_not_cpu() -> None:
    """Where no default device was set, none is set afterwards: it would slow every call down."""
    with preserve():
        torch.set_default_device("meta")
    assert torch._C._len_torch_function_stack() == 0
    assert torch.empty(1).device.type == "cpu"


class Settings:
    """A configuration, as a model holds one."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.sizes = [1, 2]


class Configured(nn.Module):
    """Writes to its configuration on the first forward, as classifiers of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.config = Settings()
        self.head = nn.Linear(2, 2)
        self.inner = nn.Module()
        self.inner.config = self.config

    def forward(self, x: Tensor) -> Tensor:
        self.config.problem = "multi"
        self.config.added = x
        self.config.sizes.append(3)
        return self.head(x)


def test_attributes_of_a_configuration_come_back() -> None:
    """What a forward writes to an object that a module holds is taken back, and the object stays the same."""
    model = Configured()
    config = model.config
    with preserve(model):
        model(torch.zeros(1, 2))
    assert model.config is config
    assert vars(config) == {"problem": None, "sizes": [1, 2]}
