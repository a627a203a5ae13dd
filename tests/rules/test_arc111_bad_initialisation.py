"""ARC111 bad initialisation: when it speaks, when it is silent, when it is not assessed."""

from math import inf, nan
from typing import Any

import pytest

from rules.architecture.arc111_bad_initialisation import bad_initialisation
from rules.facts import LayerFact
from rules.vocabulary import Deed
from tests.rules.situations import assessed, knobs, missing_without


def drawn(*spreads: float, inputs: int = 64, saturated: float = nan, twins: float = nan) -> tuple[LayerFact, ...]:
    """Return layers of 64 units whose weights have these spreads."""
    return tuple(
        LayerFact(
            f"layer{place}",
            "Linear",
            0.1,
            1.0,
            1e-3,
            saturated_share=saturated,
            weight_std=spread,
            fan_in=inputs,
            fan_out=64,
            units=64,
            twin_share=twins,
        )
        for place, spread in enumerate(spreads)
    )


STUCK = {"now": 2.3, "fall_share": 0.0}
FAR = {"at_start": 30.0, "now": 12.0, "fall_share": 0.3}
EARLY = {"step": 12}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.01, 0.01)}}, id="a hundredth, and stuck"),
        pytest.param(
            {"loss": FAR, "run": EARLY, "layers": {"at_start": drawn(1.0, 1.0)}}, id="one, and sure of nonsense"
        ),
        pytest.param(
            {
                "loss": {"at_start": 1e6, "now": inf, "non_finite_in_a_row": 10},
                "run": EARLY,
                "layers": {"at_start": drawn(1.0, 1.0)},
            },
            id="one, and blown up",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(bad_initialisation, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC111", "bad_initialisation")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"at_start": drawn(1.0, 1.0)}}, id="it learns all the same"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.177, 0.177)}}, id="He"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.125, 0.125)}}, id="Xavier"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.072, 0.072)}}, id="PyTorch's own"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.17, inputs=2)}}, id="Xavier of two inputs"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.1, 0.1, 1e-3)}}, id="a small last layer"),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(0.0, 0.0)}}, id="of one value: ARC105"),
        pytest.param(
            {"loss": STUCK, "layers": {"at_start": drawn(1e-5, 1e-5, twins=0.9)}}, id="nearly of one value: ARC105"
        ),
        pytest.param({"loss": STUCK, "layers": {"at_start": drawn(nan, nan)}}, id="nobody measured"),
        pytest.param(
            {"loss": FAR, "run": EARLY, "layers": {"at_start": drawn(0.1, 0.1)}}, id="far off by its inputs: DAT104"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(bad_initialisation, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(bad_initialisation, group) == (group,)


@pytest.mark.parametrize(
    ("saturated", "learned", "optimizer", "kind"),
    [
        pytest.param(nan, "classification", "adam", "he", id="rectifiers"),
        pytest.param(0.9, "classification", "sgd", "xavier", id="squashing"),
        pytest.param(nan, "regression", "adam", "torch", id="numbers"),
        pytest.param(nan, "regression", "sgd", "he", id="numbers, and steps that shrink with the gradient"),
        pytest.param(0.9, "regression", "adam", "xavier", id="squashing, and numbers"),
    ],
)
def test_it_begins_anew_with_the_draw_that_fits_the_activations_and_the_task(
    saturated: float, learned: str, optimizer: str, kind: str
) -> None:
    weights = drawn(2.0, 2.0, saturated=saturated)
    finding = assessed(
        bad_initialisation,
        {
            "loss": FAR, "run": EARLY, "task": {"kind": learned}, "knobs": knobs(optimizer=optimizer),
            "layers": {"layers": weights, "at_start": weights},
        },
    )  # fmt: skip
    assert finding is not None
    assert (finding.fixes[1].deed, finding.fixes[1].turns[0].to) == (Deed.START_OVER, kind)
