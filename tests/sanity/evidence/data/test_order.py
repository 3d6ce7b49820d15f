from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler, Subset, TensorDataset

from nbinspect.sanity.evidence.data.order import label_changes, order_of, origin_of

DATA = TensorDataset(torch.arange(20))


def test_the_order_is_that_of_the_next_epochs() -> None:
    """What is told is what the loader then gives, and asking moves no random state."""
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(DATA, batch_size=6, shuffle=True, generator=generator)
    order = order_of(loader)
    assert order is not None
    epochs = [torch.cat([x for (x,) in loader]).numpy() for _ in range(2)]
    assert not order.repeats
    assert order.batch_size == 6
    np.testing.assert_array_equal(np.sort(order.first), np.sort(epochs[0]))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    order_of(DataLoader(DATA, batch_size=6, shuffle=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fixed_order_repeats() -> None:
    """A sequential loader gives the same in each epoch; the population is each index once."""
    order = order_of(DataLoader(DATA, batch_size=6))
    assert order is not None
    assert order.repeats
    drawn = order_of(DataLoader(DATA, batch_size=6, sampler=RandomSampler(DATA, replacement=True, num_samples=200)))
    assert drawn is not None
    np.testing.assert_array_equal(drawn.population, np.arange(20))


def test_orders_that_cannot_be_told() -> None:
    """Lists, batches made by the data set itself and samplers that raise have none."""

    class Broken(RandomSampler):
        def __iter__(self) -> None:  # type: ignore[override] # it raises
            raise RuntimeError

    assert order_of([torch.zeros(3)]) is None
    assert order_of(DataLoader(DATA, batch_size=None)) is None
    assert order_of(DataLoader(DATA, sampler=Broken(DATA))) is None


def test_subsets_are_traced_to_their_origin() -> None:
    """Indices of nested subsets are those of the innermost data set."""
    nested = Subset(Subset(DATA, range(10, 20)), [3, 1])
    base, indices = origin_of(nested, np.array([1, 0]))
    assert base is DATA
    np.testing.assert_array_equal(indices, [11, 13])


def test_changes_of_a_random_order_are_exact() -> None:
    """Mean and deviation agree with all orders of a few labels."""
    labels = np.array([0, 0, 0, 1, 1, 2.0])
    all_orders = [int(np.count_nonzero(np.diff(one))) for one in permutations(labels)]
    changes, expected, deviation = label_changes(labels)
    assert changes == 2
    np.testing.assert_allclose([expected, deviation], [np.mean(all_orders), np.std(all_orders)])
