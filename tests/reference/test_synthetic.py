from __future__ import annotations

import pytest
import torch

from nbinspect.errors import InputError
from nbinspect.reference.suited import suited
from nbinspect.reference.synthetic import synthetic
from tests.reference.scores import outputs_of, score, trained

pytestmark = pytest.mark.slow

PROBLEMS = {
    "images": ("classification", (3, 16, 16), (), {"classes": 10}),
    "grey images": ("classification", (1, 16, 16), (), {"classes": 10}),
    "rows": ("classification", (8,), (), {"classes": 3}),
    "series": ("classification", (12, 3), (), {"classes": 4}),
    "texts": ("classification", (8,), (), {"classes": 2, "tokens": 100}),
    "answers": ("binary", (12,), (1,), {}),
    "labels": ("multilabel", (3, 16, 16), (5,), {"classes": 5}),
    "numbers": ("regression", (10,), (1,), {}),
    "numbers of texts": ("regression", (8,), (1,), {"tokens": 50}),
    "pictures": ("regression", (1, 8, 8), (1, 8, 8), {}),
    "masks": ("segmentation", (3, 8, 8), (8, 8), {"classes": 2}),
    "tokens": ("language-model", (8,), (8,), {"tokens": 40}),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_is_learnt_in_a_short_run(name: str) -> None:
    """Sixty steps of Adam bring the reference model far beyond the score by chance, on samples that it has not seen."""
    task, shape, target_shape, options = PROBLEMS[name]
    data = synthetic(task, shape, target_shape, **options)
    inputs, _ = next(iter(data.train))
    model = suited(inputs, outputs_of(data), tokens=options.get("tokens"), causal=task == "language-model")
    reached = score(trained(model, data, 60), data)
    if task == "language-model":
        assert reached < 0.6 * data.chance
    else:
        assert reached > data.chance + 0.5 * (1 - data.chance)


@pytest.mark.parametrize("name", PROBLEMS)
def test_batches_have_the_shapes_asked_for(name: str) -> None:
    """Inputs and targets have the shapes, types and range of classes and tokens that were asked for."""
    task, shape, target_shape, options = PROBLEMS[name]
    data = synthetic(task, shape, target_shape, **options, samples=128, batch_size=16)
    inputs, targets = next(iter(data.train))
    assert inputs.shape == (16, *shape)
    assert targets.shape == (16, *target_shape)
    if "tokens" in options:
        assert inputs.dtype == torch.int64
        assert 0 <= int(inputs.min()) <= int(inputs.max()) < options["tokens"]
    else:
        assert float(inputs.std()) == pytest.approx(1, abs=0.35)
    if task in ("classification", "segmentation"):
        assert 0 <= int(targets.min()) <= int(targets.max()) < options["classes"]


def test_one_seed_is_one_data_set() -> None:
    """The same seed gives the same samples, another seed others, and no global random state is drawn from."""
    before = torch.get_rng_state()
    sets = [synthetic("classification", (6,), classes=3, seed=seed) for seed in (1, 1, 2)]
    one, same, other = (data.train.dataset.tensors[0] for data in sets)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_parts_have_one_teacher_and_no_sample_in_common() -> None:
    """Validation samples are new ones of the same classes: their class means agree with those of training."""
    data = synthetic("classification", (12,), classes=3, samples=2048)
    (train, labels), (held, others) = (part.dataset.tensors for part in (data.train, data.validation))
    assert not {row.numpy().tobytes() for row in train} & {row.numpy().tobytes() for row in held}
    for label in range(3):
        assert torch.allclose(train[labels == label].mean(0), held[others == label].mean(0), atol=0.25)


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(torch.uint8, 0, 255), (torch.float64, -9, 9), (torch.float16, -9, 9)]
)
def test_inputs_have_the_type_asked_for(dtype: torch.dtype, low: int, high: int) -> None:
    """Pixels as bytes use their range, and numbers are near unit scale in any precision."""
    inputs = synthetic("classification", (3, 8, 8), classes=4, dtype=dtype).train.dataset.tensors[0]
    assert inputs.dtype == dtype
    assert low <= float(inputs.min()) < float(inputs.max()) <= high
    assert float(inputs.double().std()) > 0.05 * (high - low)


def test_more_classes_than_a_short_run_can_learn_are_left_out() -> None:
    """Of a thousand classes ten occur."""
    targets = synthetic("classification", (3, 8, 8), classes=1000).train.dataset.tensors[1]
    assert len(targets.unique()) == 10


def test_what_no_teacher_is_known_for_is_refused() -> None:
    """Unknown tasks, missing numbers of classes or tokens and unfitting shapes are refused by name."""
    with pytest.raises(InputError, match="no synthetic data for 'other'"):
        synthetic("other", (3,))
    with pytest.raises(InputError, match="classes: classification needs their number"):
        synthetic("classification", (3,))
    with pytest.raises(InputError, match="tokens: language-model needs"):
        synthetic("language-model", (3,), (3,))
    with pytest.raises(InputError, match="no learnable data are known for targets"):
        synthetic("segmentation", (3, 8, 8), (5, 5), classes=2)


def test_too_few_samples_are_refused() -> None:
    """Fewer samples than leave one for validation are refused, with how many there must be."""
    with pytest.raises(InputError, match="samples: expected 4 or more"):
        synthetic("classification", (4,), classes=3, samples=3)


def test_samples_are_the_same_whatever_the_default_device_is() -> None:
    """A default device on which the generators are not leaves the samples as they are, on the CPU."""
    plain = synthetic("classification", (3, 8, 8), classes=3, samples=16)
    with torch.device("meta"):
        other = synthetic("classification", (3, 8, 8), classes=3, samples=16)
    for one, two in zip(plain.train.dataset.tensors, other.train.dataset.tensors, strict=True):
        assert torch.equal(one, two)
