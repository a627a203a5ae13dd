"""OPT108 nothing learns: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt108_nothing_learns import nothing_learns
from rules.vocabulary import Severity
from tests.rules.situations import assessed, knobs, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": {"unchanged": ("head.weight",)}}, id="a head that never moves"),
        pytest.param(
            {"layers": {"unchanged": ("layer0.bias",), "layers": layers(1e-3, 1e-3)}},
            id="a gradient that moves nothing",
        ),
        pytest.param(
            {"run": {"step": 5}, "layers": {"left_out": ("0.weight",), "checks": 1}}, id="not in the optimizer"
        ),
        pytest.param(
            {"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 0.0, 0.3), "at_start": layers(0.0, 0.0, 0.3)}},
            id="cut off from the loss",
        ),
        pytest.param(
            {"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 0.0), "at_start": layers(0.0, 0.0)}},
            id="no slope in the outputs",
        ),
        pytest.param({"run": {"step": 5}, "layers": {"idle": ("0.weight",), "checks": 1}}, id="a group at rate 0"),
        pytest.param({"model": {"frozen": 30_000}, "loss": {"now": 1.9}}, id="frozen, and stuck"),
        pytest.param(
            {
                "run": {"step": 60},
                "model": {"frozen": 30_000, "frozen_as_drawn": 28_000},
                "loss": {"now": 2.28, "curve": ((10, 2.35), (60, 2.28))},
            },
            id="frozen as drawn, and it creeps",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(nothing_learns, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT108", "nothing_learns")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"unchanged": ("head.weight",), "checks": 1}}, id="one check"),
        pytest.param({"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 1e-12, 0.3)}}, id="it vanishes: ARC101"),
        pytest.param({"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 0.3, dead=0.9)}}, id="dead units: ARC103"),
        pytest.param(
            {"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 0.0, 0.3), "at_start": layers(0.1, 0.1, 0.3)}},
            id="died on the way",
        ),
        pytest.param(
            {"run": {"step": 60}, "layers": {"layers": layers(0.3, 0.0), "at_start": layers(0.3, 0.0)}},
            id="a branch that nothing comes to, too early",
        ),
        pytest.param({"run": {"step": 950}, "layers": {"unchanged": ("head.weight",)}}, id="the tail of a schedule"),
        pytest.param({"model": {"frozen": 30_000}}, id="frozen, and learning"),
        pytest.param({"model": {"frozen": 500}, "loss": {"now": 1.9}}, id="a frozen norm"),
        pytest.param({"model": {"frozen": 30_000}, "loss": {"now": 1.9}, "run": {"step": 100}}, id="frozen, too early"),
        pytest.param(
            {
                "run": {"step": 60},
                "model": {"frozen": 30_000, "frozen_as_drawn": 28_000},
                "loss": {"now": 1.7, "curve": ((10, 2.35), (60, 1.7))},
            },
            id="random features that carry their head",
        ),
        pytest.param({"loss": {"now": 0.01}, "layers": {"left_out": ("0.weight",)}}, id="converged without it"),
        pytest.param({"loss": {"now": 0.01}, "layers": {"unchanged": ("head.weight",)}}, id="converged"),
        pytest.param(
            {"layers": {"unchanged": ("layer0.bias",), "layers": layers(1e-10, 4e-10)}}, id="no gradient reaches it"
        ),
        pytest.param(
            {"run": {"step": 100}, "knobs": knobs(warmup=0.2), "layers": {"unchanged": ("head.weight",)}},
            id="warming up",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(nothing_learns, changes) is None


@pytest.mark.parametrize(
    ("drawn", "step", "held"),
    [
        pytest.param(28_000, 60, False, id="a head on random weights: its rate may help"),
        pytest.param(0, 250, True, id="a body that was trained once"),
    ],
)
def test_symptoms_of_frozen_weights_are_held_back_but_for_those_on_random_ones(
    drawn: int, step: int, held: bool
) -> None:
    stuck = {"now": 2.28, "curve": ((10, 2.35), (step, 2.28))}
    finding = assessed(
        nothing_learns,
        {"run": {"step": step}, "model": {"frozen": 30_000, "frozen_as_drawn": drawn}, "loss": stuck},
    )
    assert finding is not None
    assert finding.beyond_knobs is held


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "model", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(nothing_learns, group) == (group,)


def test_layers_that_get_no_gradient_are_named_with_where_to_look() -> None:
    finding = assessed(
        nothing_learns,
        {"loss": {"now": 2.2}, "layers": {"layers": layers(0.0, 0.0, 0.3), "at_start": layers(0.0, 0.0, 0.3)}},
    )
    assert finding is not None
    assert finding.message.startswith("no gradient comes to 2 of 3 layers: layer0, layer1")
    assert "requires_grad" in finding.fixes[0].name
    assert finding.beyond_knobs
    assert {"ARC101", "GEN103", "DAT112"} <= {*finding.explains}


@pytest.mark.parametrize(
    ("loss", "norms"),
    [
        pytest.param(2.2, (0.0, 0.3, 0.3), id="a branch of its own"),
        pytest.param(2.2, (0.3, 0.0, 0.0), id="a branch that nothing uses"),
        pytest.param(0.3, (0.0, 0.0, 0.3), id="cut off, and learning"),
        pytest.param(0.01, (0.0, 0.3), id="cut off, and converged"),
    ],
)
def test_layers_without_a_gradient_beside_a_net_that_learns_are_a_hint_that_explains_nothing(
    loss: float, norms: tuple[float, ...]
) -> None:
    finding = assessed(
        nothing_learns, {"loss": {"now": loss}, "layers": {"layers": layers(*norms), "at_start": layers(*norms)}}
    )
    assert finding is not None
    assert (finding.severity, finding.explains) == (Severity.INFO, ())
    assert finding.message.startswith(f"no gradient comes to {norms.count(0)} of {len(norms)} layers: ")


@pytest.mark.parametrize("step", [500, 950])
def test_a_rate_of_0_is_called_one_at_any_time(step: int) -> None:
    changes = {"run": {"step": step}, "knobs": knobs(lr=0.0), "layers": {"unchanged": ("head.weight", "head.bias")}}
    finding = assessed(nothing_learns, changes)
    assert finding is not None
    assert finding.message == "the learning rate is 0, and no step moves head.weight, head.bias"
    assert [fix.name for fix in finding.fixes] == ["give a learning rate above 0"]
