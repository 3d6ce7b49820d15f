from __future__ import annotations

import pytest
import torch

from nbinspect.errors import InputError
from nbinspect.reference.data import REFERENCE_DATA
from nbinspect.reference.suited import Rescaled, Standardised, suited
from tests.reference.scores import outputs_of, score, trained

pytestmark = pytest.mark.slow

QUICK = {"digits_on_noise": (35, 4e-3), "python_topics": (90, 4e-3), "sines": (40, 4e-3)}
"""Steps and learning rate where a step takes long."""
SHORT = {"python_topics": 16, "sines": 32}
"""Lengths of texts and series below the usual 64."""
EVERY = [make for makes in REFERENCE_DATA.values() for make in makes]


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_each_reference_model_reaches_the_score_known_of_its_data(make) -> None:
    """Some dozens of steps of Adam bring the chosen model to the score that the record states."""
    name = make.__name__
    data = make(length=SHORT[name]) if name in SHORT else make()
    inputs, _ = next(iter(data.train))
    text = {"tokens": data.classes, "causal": True} if data.task == "language-model" else {}
    steps, rate = QUICK.get(name, (120, 1e-3))
    reached = score(trained(suited(inputs, outputs_of(data), **text), data, steps, rate), data)
    if data.metric.startswith("nats"):
        assert reached < data.known < data.chance
    else:
        assert reached > data.known > data.chance


@pytest.mark.parametrize(
    ("shape", "outputs", "tokens"),
    [
        ((3, 224, 200), (10,), None),
        ((1, 5, 7), (4,), None),
        ((3, 33, 17), (5, 33, 17), None),
        ((1, 16, 16), (1, 16, 16), None),
        ((2, 16, 16), (16, 16), None),
        ((7,), (), None),
        ((), (1,), None),
        ((13,), (3, 2), None),
        ((20, 4), (3,), None),
        ((20, 4), (20, 2), None),
        ((20, 4), (2, 20), None),
        ((12,), (12, 50), 50),
        ((12,), (50, 12), 50),
        ((12,), (2,), 50),
    ],
)
def test_a_model_is_chosen_for_each_shape(shape, outputs, tokens) -> None:
    """Outputs have the shape asked for, whatever the size of images, rows, series and texts."""
    inputs = torch.randint(tokens, (4, *shape)) if tokens else torch.randn(4, *shape)
    assert suited(inputs, outputs, tokens=tokens)(inputs).shape == (4, *outputs)


@pytest.mark.parametrize("shape", [(3, 8, 8), (7,), (20, 4)])
def test_the_scale_of_inputs_does_not_matter(shape) -> None:
    """Inputs a million times as large, and far from zero, give the same outputs."""
    inputs = torch.randn(16, *shape, dtype=torch.float64)
    large = 1e6 * inputs + 3e6
    one, other = (suited(part, (3,)).eval()(part) for part in (inputs, large))
    assert torch.allclose(one, other, atol=1e-3)


def test_a_causal_model_sees_no_later_token() -> None:
    """Outputs up to a step stay when later tokens change, and change with them where the model looks both ways."""
    ids = torch.randint(30, (2, 10))
    changed = torch.cat([ids[:, :6], (ids[:, 6:] + 1) % 30], 1)
    for causal in (True, False):
        model = suited(ids, (10, 30), tokens=30, causal=causal).eval()
        assert torch.allclose(model(ids)[:, :6], model(changed)[:, :6], atol=1e-6) is causal


def test_weights_are_the_same_each_time_and_random_states_stay() -> None:
    """Two models chosen alike have equal weights, and nothing is drawn from the global state."""
    inputs = torch.randn(8, 3, 16, 16)
    before = torch.get_rng_state()
    one, other = (suited(inputs, (10,)) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_what_no_model_fits_is_refused() -> None:
    """Volumes and outputs by the million are refused, with what is known."""
    with pytest.raises(InputError, match=r"known are images \(C, H, W\)"):
        suited(torch.randn(2, 1, 4, 4, 4), (3,))
    with pytest.raises(InputError, match="no reference model is known for tokens"):
        suited(torch.zeros(2, 5, dtype=torch.long), (5000, 3), tokens=9)


def test_standardised_passes_over_what_is_not_finite() -> None:
    """Mean and deviation are those of the finite values, and a constant column stays finite."""
    inputs = torch.tensor([[1.0, 5.0], [3.0, 5.0], [float("nan"), 5.0]])
    found = Standardised(inputs)(inputs)
    assert found[:2].tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert bool(found[2, 0].isnan())


def test_rescaled_gives_outputs_in_the_unit_of_targets() -> None:
    """Standard normal outputs come out with the mean and deviation of the targets."""
    targets = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)) * 7 + 100
    found = Rescaled(targets)(torch.randn(4000, 1, generator=torch.Generator().manual_seed(1)))
    assert float(found.mean()) == pytest.approx(100, abs=0.5)
    assert float(found.std()) == pytest.approx(7, abs=0.3)
