from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BatchEncoding, BertConfig, BertForSequenceClassification

from nbinspect.capture.batch import capture_batch, samples_first
from nbinspect.capture.samples import entries, size_in
from nbinspect.capture.tensors import batch_size
from nbinspect.errors import CaptureError
from nbinspect.nested import tensors_in
from nbinspect.subject import make_subject


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(3, 2)

    def forward(self, features, scale=1.0):
        return self.head(self.drop(self.norm(features * scale)))


class Scaling(Net):
    """Works in place on what it gets."""

    def forward(self, features):
        features /= 255
        return super().forward(features)


X, Y = torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 0, 1])


def capture(model, batch, **options):
    return capture_batch(make_subject(model, [batch], **options), batch)


def test_what_is_shown_is_what_the_forward_received():
    """The captured input is the tensor at the model's own door: named as in forward, after the user's own pre-hooks."""
    model = Net()
    seen = []
    model.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    model.norm.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    captured = capture(model, (X, Y))
    (name, tensor), *_ = captured.inputs
    assert name == "features"
    assert torch.equal(tensor, X * 2)
    assert torch.equal(tensor, seen[0])
    assert [t.facts.name for t in captured.record.tensors] == ["features", "y"]
    assert [t.facts.role for t in captured.record.tensors] == ["input", "target"]


def test_work_in_place_does_not_reach_what_is_shown():
    """A forward that changes its input in place is shown the values from before, as they came in."""
    raw = torch.full((6, 3), 255.0)
    captured = capture(Scaling(), (raw, Y))
    assert torch.equal(captured.inputs[0][1], torch.full((6, 3), 255.0))


def test_a_capture_leaves_no_trace():
    """Weights, BatchNorm statistics, gradients, flags, hooks and random states are the same bytes after a capture."""
    model = Net()
    model.norm.eval()
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before = copy.deepcopy(model.state_dict())
    flags = [module.training for module in model.modules()]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    capture(model, (X, Y))
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == flags
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model.head.weight.grad, torch.ones_like(model.head.weight))
    assert model.head.bias.grad is None
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())


def test_mode_autocast_and_grad_are_those_at_the_door():
    """Train or eval mode, autocast dtype and grad mode are recorded as they were when the batch entered."""
    model = Net().eval()
    record = capture(model, (X, Y)).record
    assert (record.training, record.autocast, record.grad_enabled) == (False, None, True)

    def forward(model, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
            return model(batch[0])

    record = capture(model.train(), (X, Y), forward=forward).record
    assert (record.training, record.autocast, record.grad_enabled) == (True, "bfloat16", False)


def test_a_forward_that_raises_still_shows_its_batch_with_the_line():
    """A forward that raises is recorded with its error and line, beside the whole batch."""
    captured = capture(nn.Sequential(nn.Linear(5, 2)), (X, Y))
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied" in captured.record.error
    assert torch.equal(captured.inputs[0][1], X)

    class Raises(Net):
        def forward(self, features):
            raise KeyError("missing")

    assert "test_batch.py:" in capture(Raises(), (X, Y)).record.error


def test_a_call_that_never_reaches_the_model_shows_what_was_to_be_passed():
    """A user's forward that fails before any module runs is recorded, and the batch shown as it was to be passed."""
    captured = capture(Net(), (X, Y), forward=lambda model, batch: model(batch["image"]))
    assert captured.record.error.startswith("TypeError")
    assert torch.equal(captured.inputs[0][1], X)
    assert "before any module ran" in captured.record.origin.notes[0]


def test_parts_called_directly_are_caught_at_the_first_of_them():
    """Where the user's forward calls submodules or forward itself, the first outermost module that ran is named."""
    model = Net()
    captured = capture(model, (X, Y), forward=lambda model, batch: model.head(model.norm(batch[0])))
    assert captured.record.origin.module == "Net.norm"
    assert captured.inputs[0][0] == "input"
    assert "only norm, head" in captured.record.origin.notes[0]
    direct = capture(model, (X, Y), forward=lambda model, batch: model.forward(batch[0]))
    assert direct.record.origin.module == "Net.norm"


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrapped_models_are_captured_at_the_users_own_module(wrap):
    """Behind DataParallel and torch.compile the batch is caught at the own module, uncompiled."""
    captured = capture(wrap(Net()), (X, Y))
    assert captured.record.origin.module == "Net"
    assert captured.inputs[0][0] == "features"
    assert torch.equal(captured.inputs[0][1], X)
    assert captured.record.error is None


def test_a_model_compiled_in_place_is_captured():
    """A model after `model.compile()` is run uncompiled for the capture, and stays compiled."""
    model = Net()
    model.compile()
    assert torch.equal(capture(model, (X, Y)).inputs[0][1], X)
    assert model._compiled_call_impl is not None


def test_labels_that_enter_a_transformers_model_are_targets():
    """Labels that a transformers model takes itself are shown once, as targets, beside its named inputs."""
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    ids = torch.randint(1, 20, (3, 5))
    batch = BatchEncoding({"input_ids": ids, "attention_mask": torch.ones(3, 5), "labels": torch.tensor([0, 1, 0])})
    captured = capture(BertForSequenceClassification(config), batch)
    assert captured.record.error is None
    assert [(t.facts.name, t.facts.role) for t in captured.record.tensors] == [
        ("input_ids", "input"),
        ("attention_mask", "input"),
        ("labels", "target"),
    ]
    assert captured.target_name == "labels"


def test_targets_that_enter_the_network_are_shown_once():
    """A detection model that gets its targets as an argument has them shown once, beside pictures of any size."""

    class Detector(nn.Module):
        def forward(self, images, targets=None):
            return len(images)

    images = [torch.rand(3, 8 + number, 9) for number in range(3)]
    goals = [{"boxes": torch.rand(number + 1, 4)} for number in range(3)]
    captured = capture(Detector(), (images, goals), forward=lambda model, batch: model(*batch))
    assert [(t.facts.name, t.facts.role) for t in captured.record.tensors] == [
        ("images", "input"),
        ("targets[:]['boxes']", "target"),
    ]


def test_statistics_are_those_of_the_tensor_that_entered():
    """The record's statistics per feature are NumPy's on the captured tensor."""
    statistics = capture(Net(), (X, Y)).record.tensors[0].statistics
    np.testing.assert_allclose(statistics.mean, X.double().mean(0).numpy(), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(statistics.std, X.double().numpy().std(0), rtol=1e-6)


@pytest.mark.parametrize("batch", [{"name": "text"}, [1, "two"], None, ()])
def test_a_batch_without_tensors_is_named(batch):
    """A batch that holds no tensor gets an error that outlines what it holds."""
    with pytest.raises(CaptureError, match="expected a batch with tensors"):
        capture(Net(), batch)


ENTRIES = [
    ([torch.zeros(3, 4, 5), torch.zeros(3, 6, 2)], 2, ["v"]),
    ([torch.zeros(3, 4, 5), torch.zeros(3, 4, 5)], 2, ["v"]),
    ([torch.zeros(2, 5), torch.zeros(2, 7)], 2, ["v[0]", "v[1]"]),
    ([torch.zeros(3, 4, 5)] * 3, 3, ["v"]),
    ([torch.zeros(2, 5), torch.zeros(2, 5)], None, ["v[0]", "v[1]"]),
    ([torch.zeros(4), torch.zeros(7), torch.zeros(2)], 3, ["v"]),
    ([{"boxes": torch.zeros(2, 4)}, {"boxes": torch.zeros(5, 4)}], 2, ["v[:]['boxes']"]),
    ({"a": torch.zeros(2), "b": [torch.zeros(2)]}, 2, ["v['a']", "v['b'][0]"]),
    (torch.zeros(()), 2, ["v"]),
]


@pytest.mark.parametrize(("value", "size", "names"), ENTRIES)
def test_samples_of_different_sizes_are_one_entry_and_inputs_are_several(value, size, names):
    """A list of samples is one entry, several inputs as long as the batch are several."""
    assert [name for name, _ in entries(value, "v", size)] == names


def test_the_batch_size_is_what_most_tensors_share():
    """The batch size is the length that most tensors share; a lookup table of another length does not count."""
    assert batch_size([torch.zeros(8, 2), torch.zeros(100), torch.zeros(8)]) == 8
    assert batch_size([torch.zeros(())]) == 1
    assert batch_size([torch.zeros(0, 3)]) == 0


@pytest.mark.parametrize("size", [0, 1])
def test_batches_of_no_and_of_one_sample_are_captured(size):
    """A batch of size 0 or 1 is captured with its size."""
    captured = capture(nn.Linear(3, 2), (torch.zeros(size, 3), torch.zeros(size, dtype=torch.long)))
    assert captured.record.size == size


KINDS = {
    "float16": lambda: torch.zeros(2, 3, dtype=torch.float16),
    "bfloat16": lambda: torch.zeros(2, 3, dtype=torch.bfloat16),
    "float64": lambda: torch.zeros(2, 3, dtype=torch.float64),
    "bool": lambda: torch.zeros(2, 3, dtype=torch.bool),
    "int32": lambda: torch.zeros(2, 3, dtype=torch.int32),
    "complex64": lambda: torch.zeros(2, 3, dtype=torch.complex64),
    "sparse": lambda: torch.eye(2, 3).to_sparse(),
    "sparse rows": lambda: torch.eye(2, 3).to_sparse_csr(),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(2, 3), 0.1, 0, torch.qint8),
    "meta": lambda: torch.zeros(2, 3, device="meta"),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning", "ignore:.*quantiz.*")
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_every_kind_of_tensor_is_captured_with_its_facts(make):
    """Half, double, bool, integer, complex, sparse, quantised and meta tensors are recorded with dtype and shape."""
    tensor = make()

    class Accepts(nn.Module):
        def forward(self, x):
            return x

    record = capture(Accepts(), (tensor, torch.tensor([0, 1]))).record
    assert record.tensors[0].facts.shape == (2, 3)
    assert record.tensors[0].facts.dtype == str(tensor.dtype).removeprefix("torch.")
    assert record.size == 2


def test_a_model_in_distributed_data_parallel_is_captured_on_one_rank_alone():
    """Behind a real DistributedDataParallel the batch is caught at the user's own module, without the other ranks."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        captured = capture(nn.parallel.DistributedDataParallel(Net()), (X, Y))
    finally:
        torch.distributed.destroy_process_group()
    assert captured.record.origin.module == "Net"
    assert torch.equal(captured.inputs[0][1], X)


class TimeFirst(nn.Module):
    """Logits (N, 4) of series (T, N, 3)."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 5), nn.Linear(5, 4)

    def forward(self, x, *more):
        return self.head(self.rnn(x)[0][-1])


SERIES = torch.randn(12, 8, 3, generator=torch.Generator().manual_seed(0))
AXIS_1 = [
    ((SERIES, torch.arange(8) % 4), 8, "labels (N,)"),
    ((SERIES, torch.randn(8, 4)), 8, "labels (N, C)"),
    ((SERIES, torch.randn(12, 8)), 8, "labels (T, N)"),
    ((SERIES, torch.randn(2, 8, 5), torch.arange(8) % 4), 8, "a state (L, N, H) beside it"),
    ((SERIES, torch.randn(2, 8, 5), torch.randn(8, 2)), 8, "a state, and as many outputs as inputs"),
    ({"x": SERIES, "y": torch.randn(8, 3)}, 8, "a dict"),
    (SERIES[:, :1], 1, "one sample"),
]


@pytest.mark.parametrize(("batch", "size"), [each[:2] for each in AXIS_1], ids=[each[2] for each in AXIS_1])
def test_samples_along_another_axis_come_first(batch, size):
    """With batch_axis=1 samples are counted there and come first in what is held; facts have the shape as fed."""
    model = TimeFirst()
    seen = []
    hook = lambda _, args, kwargs: seen.append([*args, *kwargs.values()][0])  # noqa: E731 - what entered first
    model.register_forward_pre_hook(hook, with_kwargs=True)
    subject = make_subject(model, [batch], batch_axis=1)
    captured = capture_batch(subject, batch, indices=tuple(range(50, 50 + size)))
    x = batch["x"] if isinstance(batch, dict) else batch[0] if isinstance(batch, tuple) else batch
    assert torch.equal(seen[0], x)  # the model gets the batch as it is
    record = captured.record
    assert (record.size, record.indices, size_in(subject, batch)) == (size, tuple(range(50, 50 + size)), size)
    assert record.tensors[0].facts.shape == tuple(x.shape)
    held = captured.inputs[0][1]
    for n in range(size):
        assert torch.equal(held[n], x[:, n])
    np.testing.assert_allclose(record.tensors[0].samples.mean, x.double().mean((0, 2)).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(record.tensors[0].statistics.mean, x.double().mean((0, 1)).numpy(), rtol=1e-5, atol=1e-6)
    if captured.targets is not None:
        y = batch["y"] if isinstance(batch, dict) else batch[-1]
        assert torch.equal(captured.targets, y.T if y.shape[0] == 12 else y)


def test_twins_among_samples_of_another_axis_are_found():
    """Samples that are the same are found along batch_axis=1, and equal steps of time are none."""
    x = SERIES.clone()
    x[:, 5] = x[:, 2]
    x[7] = x[3]
    subject = make_subject(TimeFirst(), [x], batch_axis=1)
    (finding,) = capture_batch(subject, x).record.findings
    assert set(finding.samples) == {2, 5}


@pytest.mark.parametrize(
    "value",
    [
        [{"boxes": torch.zeros(n + 1, 4)} for n in range(4)],
        [torch.zeros(1, 4, n + 1) for n in range(4)],
        nn.utils.rnn.pack_sequence([torch.zeros(3, 4), torch.zeros(2, 4)]),
    ],
    ids=["boxes", "ragged", "packed"],
)
def test_samples_given_one_by_one_are_not_turned(value):
    """Tensors of one sample each, and packed ones, stay as they are, also where an axis is as long as the batch."""
    same = samples_first({"y": value}, 4, 1)["y"]
    pairs = zip(tensors_in(same, ""), tensors_in(value, ""), strict=True)
    assert all(one.shape == other.shape for (_, one), (_, other) in pairs)


def test_a_packed_batch_has_as_many_samples_as_first_steps():
    """A packed sequence counts by sequences, with and without a forward, also where nothing else tells."""
    rows = [torch.randn(3 + n % 4, 2) for n in range(8)]
    packed = nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    subject = make_subject(nn.GRU(2, 3), [packed])
    for batch in (packed, (packed, torch.arange(8))):
        assert capture_batch(subject, batch).record.size == 8
        assert size_in(subject, batch) == 8
