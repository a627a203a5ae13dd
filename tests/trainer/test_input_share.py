"""How evenly the inputs of a layer are learned from, by one step's gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainer.watching.input_share import LEAST_INPUTS, input_share
from trainer.watching.layers import LayerProbe


def share_of(module: nn.Module, inputs: torch.Tensor, *, first: bool = True) -> float | None:
    module(inputs).square().sum().backward()
    found = input_share(module, module.weight, first=first)  # type: ignore[arg-type]
    return None if found is None else float(found)


@settings(max_examples=30, deadline=None)
@given(used=st.integers(1, 20), sparse=st.booleans(), seed=st.integers(0, 9))
def test_rows_that_come_up_alike_count_and_those_that_do_not_come_up_do_not(used: int, sparse: bool, seed: int) -> None:
    torch.manual_seed(seed)
    embed = nn.Embedding(20, 3, sparse=sparse)
    nn.init.ones_(embed.weight)
    assert share_of(embed, torch.randperm(20)[:used]) == pytest.approx(used / 20)


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 9))
def test_a_share_lies_between_one_input_and_all_whatever_the_size_of_the_gradient(scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    share = share_of(nn.Linear(12, 4), scale * torch.randn(6, 12))
    assert share is not None
    assert 1 / 12 <= share <= 1 + 1e-9


def test_a_column_a_thousand_times_as_large_is_learned_from_alone() -> None:
    inputs = torch.ones(4, 10)
    inputs[:, 3] = 1000
    assert share_of(nn.Linear(10, 2), inputs) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize(
    ("module", "inputs", "first"),
    [
        pytest.param(nn.Linear(10, 2), torch.ones(4, 10), False, id="a linear layer further in"),
        pytest.param(nn.Linear(LEAST_INPUTS - 1, 2), torch.ones(4, LEAST_INPUTS - 1), True, id="few inputs"),
        pytest.param(nn.Conv2d(10, 2, 1), torch.ones(4, 10, 2, 2), True, id="a convolution"),
    ],
)
def test_other_layers_have_no_share(module: nn.Module, inputs: torch.Tensor, first: bool) -> None:
    assert share_of(module, inputs, first=first) is None


def test_the_layers_watch_tells_it_of_the_first_layer_and_of_embeddings() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(50, 16), nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, 2))
    probe = LayerProbe(model)
    model(torch.tensor([[1, 1, 2], [1, 2, 1]])).square().sum().backward()
    probe.before(model)
    told = probe.report(torch.optim.SGD(model.parameters(), lr=0.1)).layers
    assert told[0].input_share is not None
    assert 1 / 50 <= told[0].input_share <= 2 / 50
    assert [layer.input_share for layer in told[1:]] == [None, None]
