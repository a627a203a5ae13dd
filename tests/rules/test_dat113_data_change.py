"""DAT113 data change: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from math import nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.data.dat113_data_change import data_change
from rules.facts import StreamCheck, StreamFacts
from tests.rules.situations import HEALTHY, assessed, look, missing_without

USUAL = HEALTHY["stream"].later


def since(step: int, looks: int = 4, **changes: Any) -> dict[str, Any]:
    """Return the healthy stream, changed in its last looks."""
    changed = tuple(look(step + 10 * place, **changes) for place in range(looks))
    return {"stream": {"later": (*USUAL, *changed)}}


def parted(first: int, looks: int, *, agreement: float, later: float, examples: int) -> dict[str, Any]:
    """Return a stream whose targets go with its inputs as `later` says from step 100 on, as `agreement` says before."""
    begin = tuple(look(step, agreement=agreement, examples=examples) for step in range(first))
    since = tuple(look(100 + step, agreement=later, examples=examples) for step in range(looks))
    return {"stream": StreamFacts(first=begin, later=since), "task": {"kind": "regression", "classes": ()}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(since(510, 2, broken_share=0.002), "0.20% of the values", id="values go missing"),
        pytest.param(
            since(510, 2, mean=10.0, std=100.0), "what enters the net is 10 ± 100 since", id="a scale that is lost"
        ),
        pytest.param(
            since(510, 2, mean=0.1, std=0.1), "what enters the net is 0.1 ± 0.1 since", id="inputs that shrink"
        ),
        pytest.param(
            since(510, 3, mean=0.9, std=0.99), "what enters the net is 0.9 ± 0.99 since", id="a mean that moves"
        ),
        pytest.param(
            since(510, 3, mean=0.11, std=1.6), "what enters the net is 0.11 ± 1.6 since", id="a spread that grows"
        ),
        pytest.param(
            since(510, 3, agreement=0.1), "the targets go with the inputs by 0.10 since", id="labels of other examples"
        ),
    ],
)
def test_it_speaks_and_says_since_when(changes: dict[str, Any], said: str) -> None:
    finding = assessed(data_change, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT113", "data_change")
    assert "since step 510" in finding.message
    assert finding.beyond_knobs
    assert finding.message.startswith(said)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"stream": {"later": ()}}, id="the first epoch"),
        pytest.param(since(510, 1, std=100.0), id="one freak batch"),
        pytest.param(since(510, 1, broken_share=0.5), id="one broken batch"),
        pytest.param(since(510, 2, agreement=0.1), id="two batches that go badly with their labels"),
        pytest.param(since(510, 3, mean=0.2), id="a shift that is none"),
        pytest.param(
            {
                "stream": StreamFacts(
                    first=tuple(look(s, broken_share=0.01) for s in range(9)), later=(look(50, broken_share=0.02),) * 3
                )
            },
            id="broken from the start",
        ),
        pytest.param(
            {
                "stream": StreamFacts(
                    first=tuple(look(s, agreement=0.15) for s in range(9)), later=(look(50, agreement=0.1),) * 3
                )
            },
            id="a relation that no linear model sees",
        ),
        pytest.param(
            {
                "stream": StreamFacts(
                    first=tuple(look(s, agreement=0.1 + 0.4 * (s % 2)) for s in range(9)),
                    later=(look(50, agreement=0.05),) * 3,
                )
            },
            id="batches so small that chance decides",
        ),
        pytest.param(
            parted(4, 3, agreement=0.53, later=0.22, examples=48), id="a weak relation in three small batches"
        ),
        pytest.param(parted(9, 6, agreement=0.8, later=0.3, examples=3), id="batches of three"),
        pytest.param(
            {
                "stream": StreamFacts(
                    first=tuple(look(s, agreement=nan) for s in range(9)), later=(look(50, agreement=nan),) * 3
                )
            },
            id="inputs that nobody can hold against targets",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(data_change, changes) is None


drawn = st.builds(
    lambda mean, std, agreement: look(500, mean=mean, std=std, agreement=agreement),
    st.floats(0.1, 0.12),
    st.floats(0.98, 1.0),
    st.floats(0.8, 0.82),
)


@given(st.lists(drawn, min_size=3, max_size=20))
def test_looks_within_the_range_of_the_first_ones_are_no_change(looks: list[StreamCheck]) -> None:
    assert assessed(data_change, {"stream": {"later": tuple(looks)}}) is None


@pytest.mark.parametrize("examples", [16, 48])
def test_chance_alone_parts_no_targets_from_their_inputs(examples: int) -> None:
    """A hundred runs that correlate by 0.45, in which nothing changes but the examples of a batch."""
    random = np.random.default_rng(0)
    task = replace(HEALTHY["task"], kind="regression", classes=())
    for _ in range(100):
        inputs, noise = random.normal(size=(2, 24, examples))
        targets = 0.45 * inputs + sqrt(1 - 0.45**2) * noise
        seen = [float(np.corrcoef(*pair)[0, 1]) for pair in zip(inputs, targets, strict=True)]
        looks = tuple(look(step, agreement=one, examples=examples) for step, one in enumerate(seen))
        for end in range(7, 25):
            assert data_change(task=task, stream=StreamFacts(first=looks[:4], later=looks[4:end])) is None


def test_a_weak_relation_that_is_gone_is_found_after_as_many_looks_as_it_takes() -> None:
    def found(looks: int) -> bool:
        return assessed(data_change, parted(12, looks, agreement=0.45, later=0.0, examples=48)) is not None

    assert [found(looks) for looks in (3, 4, 8, 20)] == [False, True, True, True]


@pytest.mark.parametrize("group", ["task", "stream"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(data_change, group) == (group,)
