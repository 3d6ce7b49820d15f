from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import CausalLMOutput, SequenceClassifierOutput

from nbinspect.decode.labels import decode_labels, decode_predictions
from nbinspect.errors import InputError
from nbinspect.records import Labels

NAN, INF = float("nan"), float("inf")
PETS = ["cat", "dog", "emu"]
SCRIPT = "<img src=x onerror=alert(1)>"


def decode(target: Any, size: int | None = None, **known: Any) -> Labels:
    labels = decode_labels(target, name="y", batch_size=len(target) if size is None else size, **known)
    assert labels is not None
    assert len(labels.text) == len(labels.values)
    return labels


def predict(outputs: Any, target: Any, size: int = 3, **known: Any) -> tuple[tuple[str, ...], list[int]]:
    """The texts of the predictions, and whether each is right."""
    names = {"class_names": known.get("class_names")}
    labels = decode_labels(target, name="y", batch_size=size, **names)
    predictions, correct = decode_predictions(outputs, labels, target, **known)
    assert predictions is not None
    assert correct is not None
    assert correct.dtype == np.int8
    return predictions.text, correct.tolist()


@pytest.mark.parametrize(
    ("target", "names", "kind", "text"),
    [
        (torch.tensor([0, 2, 1]), PETS, "class", ("cat", "emu", "dog")),
        (torch.tensor([[0], [2]]), PETS, "class", ("cat", "emu")),
        (torch.tensor([0, 7]), None, "class", ("0", "7")),
        (torch.tensor([0, 12]), range(10), "class", ("0", "12 (outside the 10 class names)")),
        (torch.tensor([-1, 1]), PETS, "class", ("−1 (outside the 3 class names)", "dog")),
        (torch.tensor([-1, 1]), None, "class", ("−1", "1")),
        (torch.tensor([-100, 1]), PETS, "class", ("ignored", "dog")),
        (torch.tensor([1.0, 0.0]), None, "class", ("1", "0")),
        (torch.tensor([[1.0], [0.0]]), PETS, "class", ("dog", "cat")),
        (torch.tensor([2.0, 0.0]), PETS, "class", ("emu", "cat")),
        (torch.tensor([1.0, NAN]), PETS, "class", ("dog", "NaN")),
        (torch.tensor([True, False]), None, "class", ("True", "False")),
        (torch.tensor([True, False]), PETS, "class", ("dog", "cat")),
        (torch.tensor([3.14159, -2.5e-7]), None, "regression", ("3.142", "−2.5e−07")),
        (torch.tensor([3.0, 250.0]), None, "regression", ("3", "250")),
        (torch.tensor([NAN, INF, -INF]), None, "regression", ("NaN", "+Inf", "−Inf")),
        (torch.tensor([[0.5, -1.0], [2.0, 3.0]]), None, "regression", ("0.5, −1", "2, 3")),
        (torch.zeros(1, 9) + 0.5, None, "regression", ("0.5, 0.5, 0.5, 0.5 … (9)",)),
        (torch.tensor([[0, 1, 0], [1, 0, 0]]), PETS, "class", ("dog", "cat")),
        (torch.tensor([[0.0, 1, 0], [1, 0, 0]]), PETS, "class", ("dog", "cat")),
        (torch.tensor([[0.1, 0.07, 0.83], [0.6, 0.4, 0]]), PETS, "soft", ("emu 0.83", "cat 0.60")),
        (torch.tensor([[0.25, 0.75]]).half(), None, "soft", ("1 0.75",)),
        (torch.tensor([[1, 1, 0], [0, 0, 0]]), PETS, "multilabel", ("cat, dog", "(none)")),
        (torch.tensor([[True, True, False]]), PETS, "multilabel", ("cat, dog",)),
        (torch.tensor([[1.0, 1, 1], [0, 1, 0]]), None, "multilabel", ("0, 1, 2", "1")),
        (torch.ones(1, 20), None, "multilabel", ("0, 1, 2, 3, 4, 5, 6, 7, +12",)),
        (torch.tensor([[5, 6, -100], [7, -100, -100]]), None, "tokens", ("5 6", "7")),
        (torch.arange(9).reshape(1, 9), None, "tokens", ("0 1 2 3 4 5 … (9)",)),
        (torch.tensor([[2, -100], [-100, -100]]), PETS, "tokens", ("emu", "(none)")),
        (torch.tensor([[1, 999]]), PETS, "tokens", ("dog 999",)),
        (torch.tensor([3e38, 1.0]), PETS, "regression", ("3e+38", "1")),
        (torch.zeros(2, 3, 8, 8) + 0.5, None, "picture", ("0.5 … 0.5",) * 2),
        (torch.tensor([[[0.5, -1.0]]]), None, "other", ("−1 … 0.5",)),
        (torch.zeros(2, 3, 4, 5, 6) + 2, None, "other", ("2 … 2",) * 2),
    ],
)
def test_tensors_are_read_by_shape_dtype_and_values(
    target: Tensor, names: Any, kind: str, text: tuple[str, ...]
) -> None:
    """Each usual form of target gets its kind and a short text a sample."""
    labels = decode(target, class_names=names)
    assert (labels.kind, labels.text) == (kind, text)


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.double],
)
def test_class_indices_of_every_dtype_read_the_same(dtype: torch.dtype) -> None:
    """The dtype of class indices makes no difference."""
    labels = decode(torch.tensor([2, 0, 1]).to(dtype), class_names=PETS)
    assert (labels.text, labels.values.tolist()) == (("emu", "cat", "dog"), [2, 0, 1])


@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.numpy(),
        lambda t: t.tolist(),
        lambda t: tuple(t.tolist()),
        list,
        lambda t: list(t.numpy()),
        lambda t: [x.reshape(1) for x in t],
        lambda t: {"label": t},
        lambda t: {"label": t, "weight": 0.5},
        lambda t: [{"label": x} for x in t],
        lambda t: t.to_sparse(),
    ],
    ids=["array", "list", "tuple", "tensors", "numbers", "(1,)", "dict", "dict and more", "dicts", "sparse"],
)
def test_class_indices_of_every_form_read_the_same(form: Callable[[Tensor], Any]) -> None:
    """A tensor, an array, a list, and a dict around one give the same labels."""
    target = torch.tensor([2, 0, 1])
    labels = decode(form(target), 3, class_names=None)
    assert (labels.name, labels.kind, labels.text, labels.values.tolist()) == ("y", "class", ("2", "0", "1"), [2, 0, 1])


@pytest.mark.parametrize(
    "names",
    [
        PETS,
        tuple(PETS),
        dict(enumerate(PETS)),
        {"0": "cat", "1": "dog", "2": "emu"},
        {"cat": 0, "dog": 1, "emu": 2},
        np.array(PETS),
    ],
)
def test_class_names_of_every_form_read_the_same(names: Any) -> None:
    """Names come as a sequence or as a mapping either way round."""
    assert decode(torch.tensor([2, 0]), class_names=names).text == ("emu", "cat")
    assert decode(torch.tensor([3]), class_names=names).text == ("3 (outside the 3 class names)",)


def test_class_names_are_kept_short_and_visible() -> None:
    """A name of any type and length becomes one line of at most 60 characters; its start is kept."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    names = ["x" * 10_000, SCRIPT, 7, None, "a\nb\x1b[31m", b"bytes", Broken(), "\ud800", "👩‍🔬"]
    text = decode(torch.arange(9), class_names=names).text
    assert text[0] == "x" * 59 + "…"
    assert text[1:3] == (SCRIPT, "7")
    assert text[3] == "3 (outside the 9 class names)"
    assert text[4:6] == ("a↵b\\u001b[31m", "bytes")
    assert text[6] == "⟨Broken that cannot be written: RuntimeError⟩"
    assert text[7:] == ("\\ud800", "👩‍🔬")


def test_class_names_without_an_index_are_refused() -> None:
    """A set has no order: the error says what to write."""
    with pytest.raises(InputError, match=r"class_names: expected a list of names.*got set; write sorted"):
        decode(torch.tensor([0]), class_names={"cat", "dog"})


@pytest.mark.parametrize(
    ("target", "names", "values", "classes"),
    [
        (torch.tensor([2, 0, -100, 2]), PETS, [2, 0, NAN, 2], ("cat", "emu", "ignored")),
        (torch.tensor([10, 9]), None, [10, 9], ("9", "10")),
        (torch.tensor([0.5, NAN]), None, [0.5, NAN], ()),
        (torch.tensor([[1, 1, 0], [0, 0, 0]]), PETS, [2, 0], ("cat", "dog", "(none)")),
        (torch.tensor([[0.1, 0.9], [0.8, 0.2]]), PETS, [1, 0], ("cat", "dog")),
        (["b", "a", "b"], None, [1, 0, 1], ("a", "b")),
        (["one text", "another text"], None, [1, 0], ()),
    ],
)
def test_values_sort_and_classes_filter(target: Any, names: Any, values: list[float], classes: tuple[str, ...]) -> None:
    """Sorting goes by class index, number or count, with NaN for no order; filters are the distinct classes."""
    labels = decode(target, class_names=names)
    np.testing.assert_array_equal(labels.values, values)
    assert labels.values.dtype == np.float64
    assert labels.classes == classes


def test_filters_stay_few() -> None:
    """Of a thousand classes the first 200 are offered."""
    labels = decode(torch.arange(1000).flip(0))
    assert labels.classes == tuple(map(str, range(200)))


def test_tokens_of_zeros_and_ones_are_told_by_their_inputs() -> None:
    """Flags of the shape of the token ids are tags, and of another shape are labels."""
    target = torch.tensor([[0, 1, 1], [0, 0, 1]])
    assert decode(target, inputs=[torch.ones(2, 3, dtype=torch.int64)]).kind == "tokens"
    assert decode(target, inputs=[torch.ones(2, 3), torch.ones(2, 4, dtype=torch.int64)]).kind == "multilabel"


@pytest.mark.parametrize(
    "form",
    [lambda m: m, lambda m: m.unsqueeze(1), lambda m: m.int(), lambda m: m.to(torch.uint8), list],
    ids=["(N, H, W)", "(N, 1, H, W)", "int32", "uint8", "list"],
)
def test_masks_tell_their_classes_and_shares(form: Callable[[Tensor], Any]) -> None:
    """A mask's text has its classes by share; the count of classes puts it in order."""
    mask = torch.zeros(2, 10, 10, dtype=torch.int64)
    mask[0, :3], mask[0, 3, :7] = 1, 2
    labels = decode(form(mask), 2, class_names=PETS)
    assert (labels.kind, labels.text) == ("mask", ("cat 63 %, dog 30 %, emu 7 %", "cat 100 %"))
    assert (labels.values.tolist(), labels.classes) == ([3, 1], ())


@pytest.mark.parametrize(
    ("rows", "names", "text"),
    [
        ([0, 1, 255, -100], PETS, "ignored 50 %, cat 25 %, dog 25 %"),
        ([0, 0, 255, 255], None, "class 0 50 %, class 255 50 %"),
        ([0, 3, 4, 5], None, "class 0 25 %, class 3 25 %, class 4 25 %, +1"),
        ([0, 300, 700, 256], PETS, "classes above 255 75 %, cat 25 %"),
        ([0, 0, 0, 7], PETS, "cat 75 %, 7 (outside the 3 class names) 25 %"),
    ],
)
def test_masks_with_odd_classes(rows: list[int], names: Any, text: str) -> None:
    """Ignored pixels, classes that are too large, and masks of 0 and 255 are said as they are."""
    mask = torch.tensor(rows).repeat_interleave(25).reshape(1, 10, 10)
    assert decode(mask, class_names=names).text == (text,)


def test_small_shares_are_not_rounded_away() -> None:
    """A class of few pixels shows as less than one percent."""
    mask = torch.zeros(1, 100, 100, dtype=torch.bool)
    mask[0, 0, 0] = True
    assert decode(mask).text == ("class 0 100 %, class 1 <1 %",)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.bool])
def test_masks_of_floats_and_planes_are_masks(dtype: torch.dtype) -> None:
    """Floats of 0 and 1, and one plane a class, are masks; other planes are pictures."""
    mask = torch.tensor([0, 0, 0, 1]).reshape(1, 2, 2)
    planes = F.one_hot(mask, 2).movedim(-1, 1)
    for form in (mask, mask.unsqueeze(1), planes):
        assert decode(form.to(dtype)).text == ("class 0 75 %, class 1 25 %",)
    assert decode(planes.to(dtype) * 0).kind == "picture"


@dataclasses.dataclass
class Goals:
    age: Tensor
    kind: list[str]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"age": torch.tensor([31.5, 4]), "kind": ["a", "b"]}, ("age 31.5 · kind a", "age 4 · kind b")),
        (Goals(torch.tensor([31.5, 4]), ["a", "b"]), ("age 31.5 · kind a", "age 4 · kind b")),
        ([{"age": 31, "kind": "a"}, {"age": 4, "kind": "b"}], ("age 31 · kind a", "age 4 · kind b")),
        ((torch.tensor([5, 6]), torch.tensor([7, 8]), 0.3), ("[0] 5 · [1] 7", "[0] 6 · [1] 8")),
        ((torch.tensor([5, 6]), torch.tensor([7, 8])), ("[0] 5 · [1] 7", "[0] 6 · [1] 8")),
    ],
)
def test_several_targets_stand_beside_each_other(target: Any, text: tuple[str, ...]) -> None:
    """Dicts, dataclasses, tuples and lists of dicts give a text of all parts that have an entry a sample."""
    labels = decode(target, 2, class_names=PETS * 3)
    assert (labels.kind, labels.text) == ("other", text)


@pytest.mark.parametrize(
    ("target", "text", "values"),
    [
        (
            [
                {"boxes": torch.zeros(3, 4), "labels": torch.tensor([0, 1, 0])},
                {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
            ],
            ("2 cat, 1 dog", "(none)"),
            [3, 0],
        ),
        (
            [{"boxes": [[0, 0, 1, 1]], "category_id": [9]}] * 2,
            ("1 9 (outside the 3 class names)",) * 2,
            [1, 1],
        ),
        ({"boxes": torch.zeros(2, 5, 4), "labels": torch.ones(2, 5).int()}, ("5 dog", "5 dog"), [5, 5]),
        ([{"boxes": torch.zeros(1, 4)}, {"boxes": torch.zeros(2, 4)}], ("1 box", "2 boxes"), [1, 2]),
        ([torch.zeros(1, 4), torch.zeros(0, 4)], ("1 box", "(none)"), [1, 0]),
    ],
)
def test_boxes_are_counted_by_class(target: Any, text: tuple[str, ...], values: list[float]) -> None:
    """Detection targets in the usual forms say how many boxes of each class a sample has."""
    labels = decode(target, 2, class_names=PETS)
    assert (labels.kind, labels.text, labels.values.tolist()) == ("boxes", text, values)


@pytest.mark.parametrize(
    ("target", "names", "kind", "text"),
    [
        ([torch.tensor([0, 2]), torch.tensor([1])], PETS, "multilabel", ("cat, emu", "dog")),
        ([[0, 2], [1]], PETS, "multilabel", ("cat, emu", "dog")),
        ([torch.tensor([5, 6, 7]), torch.tensor([8])], None, "tokens", ("5 6 7", "8")),
        ([torch.tensor([0.5, 1.5]), torch.tensor([2.0])], None, "other", ("0.5, 1.5", "2")),
        ([torch.zeros(4, 5).int(), torch.ones(6, 7).int()], PETS, "mask", ("cat 100 %", "dog 100 %")),
        ([torch.zeros(3, 4, 5) + 0.5, torch.zeros(3, 6, 7) + 0.5], None, "picture", ("0.5 … 0.5",) * 2),
        ([["a", "b"], ["c"]], None, "other", ("a, b", "c")),
        (("cat", "dog"), None, "other", ("cat", "dog")),
        (["cat", "cat", b"dog"], None, "class", ("cat", "cat", "dog")),
        (np.array(["cat", "cat"]), None, "class", ("cat", "cat")),
        ([None, "a"], None, "other", ("None", "a")),
        ([SCRIPT, SCRIPT], None, "class", (SCRIPT, SCRIPT)),
    ],
)
def test_lists_of_samples_are_read_one_by_one(target: Any, names: Any, kind: str, text: tuple[str, ...]) -> None:
    """Ragged lists and texts give a text a sample."""
    labels = decode(target, class_names=names)
    assert (labels.kind, labels.text) == (kind, text)


@pytest.mark.parametrize("target", [torch.tensor(3), 3, "3", [3], torch.tensor([3])])
def test_a_batch_of_one_may_have_a_bare_target(target: Any) -> None:
    """With one sample a number or a text alone is its target."""
    assert decode(target, 1).text == ("3",)


@pytest.mark.parametrize("target", [torch.zeros(0), torch.zeros(0, 3).long(), [], torch.zeros(0, 4, 4).long()])
def test_an_empty_batch_has_no_labels(target: Any) -> None:
    """A batch of size 0 gives labels of length 0."""
    assert decode(target, 0).text == ()


def test_no_target_has_no_labels() -> None:
    """None stays None."""
    assert decode_labels(None, name="y", batch_size=3) is None


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (torch.zeros(12), r"y: expected a target with an entry for each of the 4 samples, got \(12,\); give `split`"),
        (torch.tensor(1), r"got \(\)"),
        (["a", "b"], "got 2"),
        ((0.5, torch.zeros(3)), r"y: expected a part with an entry for each of the 4 samples, got \[0\], \[1\]"),
        (object(), "expected a target such as a tensor, a list or a dict, got a object"),
        (torch.zeros(4, device="meta"), "the target cannot be read: a meta tensor"),
    ],
)
def test_what_is_no_target_is_refused(target: Any, said: str) -> None:
    """A target without an entry a sample is refused with what came and what to do."""
    with pytest.raises(InputError, match=said):
        decode_labels(target, name="y", batch_size=4)


def test_the_target_is_left_unchanged() -> None:
    """Decoding writes into nothing, not even an array that the user owns."""
    target = np.array([[0.2, 0.8], [1, 0]])
    before = target.copy()
    target.setflags(write=False)
    decode(target)
    np.testing.assert_array_equal(target, before)


LOGITS = torch.tensor([[5.0, 1.0, 0.0], [0.0, 0.5, 2.0], [0.0, 3.0, 1.0]])
TARGET = torch.tensor([0, 1, 1])


def expected_texts(logits: Tensor) -> tuple[str, ...]:
    """Class and probability of each row, in NumPy's double precision."""
    rows = np.exp(logits.double().numpy())
    rows /= rows.sum(1, keepdims=True)
    return tuple(f"{PETS[row.argmax()]} {row.max():.2f}" for row in rows)


@pytest.mark.parametrize(
    "outputs",
    [
        LOGITS,
        LOGITS.half(),
        LOGITS.double(),
        LOGITS.softmax(1),
        LOGITS.log_softmax(1),
        {"logits": LOGITS},
        {"loss": torch.tensor(1.0), "logits": LOGITS},
        (LOGITS, torch.zeros(3, 2)),
        (torch.tensor(0.5), LOGITS),
        SequenceClassifierOutput(loss=torch.tensor(1.0), logits=LOGITS),
        SimpleNamespace(logits=LOGITS),
    ],
    ids=["logits", "half", "double", "probabilities", "log", "dict", "dict+", "tuple", "loss first", "HF", "object"],
)
def test_classes_are_read_from_what_networks_return(outputs: Any) -> None:
    """Logits, probabilities and log-probabilities give the same class and probability, wherever they lie."""
    text, correct = predict(outputs, TARGET, class_names=PETS)
    assert text == expected_texts(LOGITS)
    assert correct == [1, 0, 1]


@pytest.mark.parametrize(
    ("target", "correct"),
    [
        (torch.tensor([0, -100, 12]), [1, -1, 0]),
        (torch.tensor([[1, 0, 0], [0, 0, 1], [0, 0, 1]]), [1, 1, 0]),
        (torch.tensor([[0.9, 0.1, 0], [0.5, 0.5, 0], [0, 0.6, 0.4]]), [1, 0, 1]),
        (["cat", "dog", "dog"], [1, 0, 1]),
        (["cat", "emu", "emu"], [1, 1, 0]),
        ([0, 1, 1], [1, 0, 1]),
        (torch.tensor([[0], [1], [1]]).float(), [1, 0, 1]),
    ],
)
def test_correct_compares_class_with_class(target: Any, correct: list[int]) -> None:
    """Indices, one-hot rows, soft labels and names are compared with the likeliest class."""
    assert predict(LOGITS, target, class_names=PETS)[1] == correct


@pytest.mark.parametrize(
    ("outputs", "loss", "text", "correct"),
    [
        (torch.tensor([2.0, -1.0, 0.5]), None, ("1 0.88", "0 0.73", "1 0.62"), [1, 1, 0]),
        (torch.tensor([[2.0], [-1.0], [0.5]]), nn.BCEWithLogitsLoss(), ("1 0.88", "0 0.73", "1 0.62"), [1, 1, 0]),
        (torch.tensor([0.9, 0.2, 0.4]), nn.BCELoss(), ("1 0.90", "0 0.80", "0 0.60"), [1, 1, 1]),
        (torch.tensor([0.9, 0.2, 0.4]), None, ("1 0.90", "0 0.80", "0 0.60"), [1, 1, 1]),
        (torch.tensor([0.9, 0.2, 0.4]), nn.BCEWithLogitsLoss(), ("1 0.71", "1 0.55", "1 0.60"), [1, 0, 0]),
        (torch.tensor([0.9, 0.2, 0.4]), F.binary_cross_entropy_with_logits, ("1 0.71", "1 0.55", "1 0.60"), [1, 0, 0]),
        (torch.tensor([NAN, 0.2, 0.4]), nn.BCELoss(), ("NaN", "0 0.80", "0 0.60"), [-1, 1, 1]),
    ],
)
def test_one_logit_decides_between_two_classes(
    outputs: Tensor, loss: Any, text: tuple[str, ...], correct: list[int]
) -> None:
    """A logit is squashed once, a probability not at all, as the loss or the numbers say."""
    assert predict(outputs, torch.tensor([1.0, 0.0, 0.0]), loss_fn=loss) == (text, correct)


@pytest.mark.parametrize("loss", [None, nn.BCEWithLogitsLoss(), nn.MultiLabelSoftMarginLoss()])
def test_several_labels_are_compared_as_sets(loss: Any) -> None:
    """Of several labels each is predicted on its own, and right is who has them all."""
    outputs = torch.tensor([[3.0, 2.0, -1.0], [-1.0, -2.0, -3.0], [1.0, NAN, 1.0]])
    target = torch.tensor([[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    text, correct = predict(outputs, target, class_names=PETS, loss_fn=loss)
    assert (text, correct) == (("cat, dog", "(none)", "NaN"), [1, 0, -1])


@pytest.mark.parametrize(
    ("outputs", "target", "text"),
    [
        (torch.tensor([1.5, -2.0, NAN]), torch.tensor([1.0, 2.0, 3.5]), ("1.5", "−2", "NaN")),
        (torch.tensor([[1.5], [2], [3]]), torch.tensor([1.0, 2.0, 3.5]), ("1.5", "2", "3")),
        (torch.tensor([[1.5, 2]] * 3), torch.tensor([[0.1, 7.0]] * 3), ("1.5, 2",) * 3),
        (torch.tensor([1.5, 2, 3]), torch.tensor([1, 2, 12]), ("1.5", "2", "3")),
    ],
)
def test_numbers_are_neither_right_nor_wrong(outputs: Tensor, target: Tensor, text: tuple[str, ...]) -> None:
    """Regression outputs are shown as numbers."""
    assert predict(outputs, target) == (text, [-1, -1, -1])


def test_rows_that_are_not_finite_say_so() -> None:
    """A row with NaN or +Inf is `NaN` and cannot be judged; a class masked by −Inf is no fault, nor is another row."""
    outputs = torch.tensor([[NAN, 1.0], [INF, 1.0], [-INF, -INF], [-INF, 1.0], [0.0, 0.0]])
    text, correct = predict(outputs, torch.tensor([0, 0, 0, 1, 0]), 5)
    assert text == ("NaN", "NaN", "NaN", "1 1.00", "0 0.50")
    assert correct == [-1, -1, -1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_probabilities_of_half_precision_are_known_as_such(dtype: torch.dtype) -> None:
    """Rounding to half precision does not make logits of probabilities."""
    outputs = torch.rand(8, 50, generator=torch.Generator().manual_seed(0)).softmax(1).to(dtype)
    outputs[:, 7] += 0.25
    outputs /= outputs.sum(1, keepdim=True)
    text, _ = predict(outputs, torch.full((8,), 7), 8)
    assert text == tuple(f"7 {share:.2f}" for share in outputs[:, 7].tolist())


def test_a_broken_row_leaves_probabilities_as_they_are() -> None:
    """Rows that sum to one are not squashed again because another row is NaN."""
    outputs = torch.tensor([[0.2, 0.8], [NAN, NAN], [INF, 0.0]])
    assert predict(outputs, torch.tensor([1, 1, 1]))[0] == ("1 0.80", "NaN", "NaN")


@pytest.mark.parametrize("loss", [None, nn.CrossEntropyLoss()])
def test_without_labels_nothing_is_judged(loss: Any) -> None:
    """Without a target the prediction is shown where it is one, and −1 says that it cannot be judged."""
    predictions, correct = decode_predictions(LOGITS, None, None, class_names=PETS, loss_fn=loss)
    assert predictions is not None
    assert predictions.text == expected_texts(LOGITS)
    assert correct is not None
    assert correct.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("outputs", [None, "text", {}, torch.tensor(1.0), torch.zeros(7, 2), []])
def test_outputs_that_say_nothing_of_a_sample_give_nothing(outputs: Any) -> None:
    """Where no tensor has an entry a sample there is no prediction."""
    labels = decode_labels(TARGET, name="y", batch_size=3)
    assert decode_predictions(outputs, labels, TARGET) == (None, None)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("extra_axis", [False, True])
def test_maps_tell_the_share_of_right_pixels(channels: int, extra_axis: bool) -> None:
    """Segmentation outputs are compared pixel by pixel; ignored pixels do not count."""
    random = np.random.default_rng(0)
    mask = random.integers(0, max(channels, 2), size=(3, 6, 7))
    mask[0, 0] = 255 if channels > 1 else 1
    mask[1] = -100 if channels > 1 else 1
    logits = random.normal(size=(3, channels, 6, 7))
    guess = logits.argmax(1) if channels > 1 else (logits[:, 0] > 0).astype(int)
    target = torch.from_numpy(mask[:, None] if extra_axis else mask)
    text, correct = predict(torch.from_numpy(logits), target)
    for sample in range(3):
        counted = (mask[sample] >= 0) & (mask[sample] != 255)
        right = (guess[sample] == mask[sample])[counted]
        wanted = f"{100 * right.mean():.0f} % of {len(right)} pixels" if len(right) else "(none)"
        assert text[sample] == wanted
    assert correct == [-1, -1, -1]


@pytest.mark.parametrize("last", [True, False])
def test_sequences_tell_the_share_of_right_tokens(last: bool) -> None:
    """Logits (N, T, V) or (N, V, T) are compared token by token."""
    random = np.random.default_rng(1)
    target = random.integers(0, 11, size=(3, 5))
    target[:, -1] = -100
    logits = random.normal(size=(3, 5, 11))
    logits[0, 2] = NAN
    right = 100 * (logits.argmax(-1) == target)[:, :4].mean(1)
    outputs = torch.from_numpy(logits if last else logits.swapaxes(1, 2))
    text, _ = predict(outputs, torch.from_numpy(target))
    assert text == ("NaN", f"{right[1]:.0f} % of 4 tokens", f"{right[2]:.0f} % of 4 tokens")


def test_models_that_predict_the_next_token_are_compared_with_it() -> None:
    """A causal language model's logits belong to the token after them."""
    target = torch.tensor([[3, 1, 2, 4]])
    logits = F.one_hot(torch.tensor([[1, 2, 4, 0]]), 6).float()
    assert predict(CausalLMOutput(logits=logits), target, 1)[0] == ("100 % of 3 tokens",)
    assert predict(logits, target, 1)[0] == ("0 % of 4 tokens",)


def test_pictures_tell_their_squared_error() -> None:
    """Reconstructions are compared with the target picture."""
    target, outputs = torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8)
    error = ((target - outputs).double() ** 2).mean((1, 2, 3))
    text, correct = predict(outputs, target)
    assert [float(each.removeprefix("squared error ")) for each in text] == pytest.approx(error.tolist(), rel=1e-3)
    assert correct == [-1, -1, -1]


def test_outputs_of_another_shape_are_shown_by_their_range() -> None:
    """Maps that do not fit the target are told by their least and greatest value."""
    assert predict(torch.full((3, 2, 4, 4), 0.5), TARGET) == (("0.5 … 0.5",) * 3, [-1, -1, -1])


def test_detections_are_counted() -> None:
    """A detector's list of dicts says how many boxes of each class it found."""
    outputs = [{"boxes": torch.zeros(2, 4), "labels": torch.tensor([1, 1]), "scores": torch.ones(2)}] * 3
    assert predict(outputs, outputs, class_names=PETS) == (("2 dog",) * 3, [-1, -1, -1])


@pytest.mark.parametrize("target", [None, torch.zeros(0, 4, 4, dtype=torch.int64), torch.zeros(0, 3, 4, 4)])
def test_maps_of_no_samples_say_nothing(target):
    """Predicted maps of an empty batch have no texts, whether there is a mask, a picture or no target."""
    labels = decode_labels(target, name="y", batch_size=0)
    found, correct = decode_predictions(torch.zeros(0, 3, 4, 4), labels, target)
    assert found.text == ()
    assert correct.shape == (0,)


def test_complex_arrays_are_read_as_complex_tensors_are():
    """A target of complex NumPy numbers is told by magnitude and phase, and not by its real part alone."""
    target = np.array([3 + 4j, -1])
    assert decode(target).text == decode(torch.from_numpy(target)).text == ("5, 0.9273", "1, 3.142")


@pytest.mark.parametrize("key", ["labels", "class_labels", "classes", "category_ids", "category_id", "label"])
def test_classes_of_boxes_have_any_of_the_usual_keys(key):
    """The classes of a sample's boxes are counted under each key under which they are drawn over its picture."""
    target = [{"boxes": torch.zeros(2, 4), key: torch.tensor([1, 1])}]
    assert decode(target, class_names=PETS).text == ("2 dog",)


def test_one_head_of_several_is_compared_with_the_target_of_its_name() -> None:
    """Of outputs and targets by name the first head is read, in the user's class names, beside its own target."""
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    heads = {"style": logits, "price": torch.zeros(3, 1)}
    target = {"price": torch.ones(3), "style": torch.tensor([0, 1, 1])}
    text, correct = predict(heads, target, class_names=["brick", "glass"])
    assert text == ("brick 0.88", "glass 0.88", "brick 0.88")
    assert correct == [1, 1, 0]
    text, correct = predict(
        {"style": logits, "price": torch.zeros(3, 1)}, {"other": torch.ones(3), "price": torch.ones(3)}
    )
    assert correct == [-1, -1, -1]
