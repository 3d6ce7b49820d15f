from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.network.units import errors_in_units
from nbinspect.errors import InputError
from tests.data.columns import numbers


def test_errors_are_told_in_original_units():
    """Root mean square, mean and bias are those of the errors, and a constant's error is in the same units."""
    rng = np.random.default_rng(0)
    scaled, errors = rng.normal(size=200), rng.normal(3, 10, 200)
    errors[5] = np.nan
    found = errors_in_units([numbers("label", scaled), numbers("error", errors, "model")], target_scale=(150.0, 77.0))[
        0
    ]
    known = np.delete(errors, 5)
    assert found.rmse == pytest.approx(np.sqrt(np.mean(known**2)))
    assert found.mae == pytest.approx(np.abs(known).mean())
    assert found.bias == pytest.approx(known.mean())
    assert found.spread == pytest.approx(77 * np.delete(scaled, 5).std())
    assert found.samples == 199
    assert f"off by {found.mae:.4g} original units" in found.sentence
    assert "too high" in found.sentence


def test_without_a_scale_units_are_those_of_the_target():
    """Each of several targets has a sentence of its own."""
    columns = [numbers(f"{name}_{k}", [1.0 * k, 2.0]) for k in (0, 1) for name in ("label", "error")]
    found = errors_in_units(columns)
    assert [each.name for each in found] == ["label_0", "label_1"]
    assert found[0].unit == "units of the target"


def test_without_errors_it_says_so():
    """A data set without predicted numbers is refused in one sentence."""
    with pytest.raises(InputError, match="predict first"):
        errors_in_units([numbers("label", [1.0])])
