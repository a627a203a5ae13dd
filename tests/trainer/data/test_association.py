"""Association is 1 for a leak, near 0 for chance, whatever the two are made of."""

import numpy as np
import pytest

from trainer.data.association import association

RANDOM = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], 100)
NUMBERS = RANDOM.normal(size=300)


@pytest.mark.parametrize(
    ("values", "target", "classes", "low", "high"),
    [
        pytest.param(-2.0 * NUMBERS, NUMBERS, False, 0.999, 1.0, id="number and number, a leak"),
        pytest.param(RANDOM.normal(size=300), NUMBERS, False, 0.0, 0.15, id="number and number, chance"),
        pytest.param(np.array([5.0, 1.0, 9.0])[LABELS], LABELS, True, 0.999, 1.0, id="number and class, a leak"),
        pytest.param(NUMBERS, LABELS, True, 0.0, 0.15, id="number and class, chance"),
        pytest.param(np.array(["a", "b", "c"], object)[LABELS], LABELS, True, 0.99, 1.0, id="text and class, a leak"),
        pytest.param(RANDOM.permutation(LABELS).astype(str), LABELS, True, 0.0, 0.15, id="text and class, chance"),
        pytest.param(np.array([str(n) for n in range(300)]), LABELS, True, 0.0, 0.1, id="names and class"),
        pytest.param(np.array([str(n) for n in range(300)]), NUMBERS, False, 0.0, 0.0, id="names and number"),
        pytest.param((NUMBERS > 0).astype(str), NUMBERS, False, 0.7, 0.9, id="text and number"),
        pytest.param(np.full(300, 3.0), NUMBERS, False, 0.0, 0.0, id="a constant"),
        pytest.param(NUMBERS[:2], NUMBERS[:2], False, 0.0, 0.0, id="two examples"),
    ],
)
def test_association_is_between_chance_and_certainty(
    values: np.ndarray, target: np.ndarray, classes: bool, low: float, high: float
) -> None:
    found = association(values, target, numeric=values.dtype.kind == "f", classes=classes)
    assert low <= found <= high + 1e-9


def test_for_two_classes_it_is_nearly_the_correlation() -> None:
    target = (NUMBERS + RANDOM.normal(size=300) > 0).astype(int)
    found = association(NUMBERS, target, numeric=True, classes=True)
    assert found == pytest.approx(abs(np.corrcoef(NUMBERS, target)[0, 1]), abs=0.01)
