"""DAT113 data change: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(since(510, 2, broken_share=0.002), "0.20% of the values", id="values go missing"),
        pytest.param(since(510, 2, mean=10.0, std=100.0), "10 ± 100 is what enters", id="a scale that is lost"),
        pytest.param(since(510, 2, mean=0.1, std=0.1), "0.1 ± 0.1 is what enters", id="inputs that shrink"),
        pytest.param(since(510, 3, mean=0.9, std=0.99), "0.9 ± 0.99 is what enters", id="a mean that moves"),
        pytest.param(since(510, 3, mean=0.11, std=1.6), "0.11 ± 1.6 is what enters", id="a spread that grows"),
        pytest.param(since(510, 3, agreement=0.1), "0.10 is how the targets go with", id="labels of other examples"),
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


@pytest.mark.parametrize("group", ["task", "stream"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(data_change, group) == (group,)
