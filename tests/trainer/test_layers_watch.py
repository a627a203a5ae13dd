"""What the layers are asked: twins among units, and the weights before the step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from trainer.watching.layers import LayerProbe, twin_share


@settings(max_examples=30)
@given(twins=st.integers(0, 12), seed=st.integers(0, 99))
def test_the_share_of_units_that_are_the_same_is_found_wherever_they_stand(twins: int, seed: int) -> None:
    torch.manual_seed(seed)
    weight, bias = torch.randn(12, 20), torch.randn(12)
    weight[:twins], bias[:twins] = weight[0].clone(), bias[0].clone()
    weight[:twins] *= 1 + 1e-3 * torch.rand(twins, 1)
    order = torch.randperm(12)
    expected = twins / 12 if twins > 1 else 0.0
    assert twin_share(weight[order], bias[order]) == pytest.approx(expected)


def test_one_unit_has_no_twin_and_units_that_differ_in_their_bias_are_none() -> None:
    assert twin_share(torch.ones(1, 5), None) is None
    assert twin_share(torch.zeros(4, 5), torch.tensor([1.0, 2.0, 3.0, 4.0])) == 0.0
    assert twin_share(torch.zeros(4, 5), None) == 1.0


def test_the_layers_watch_tells_what_the_weights_were_before_the_step() -> None:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3))
    spreads = [float(model[place].weight.detach().std()) for place in (0, 3)]  # type: ignore[union-attr,operator]
    probe = LayerProbe(model)
    functional.cross_entropy(model(torch.rand(6, 2, 3, 3)), torch.arange(6) % 3).backward()
    probe.before(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e3)
    optimizer.step()
    conv, linear = probe.report(optimizer).layers
    assert [layer.weight_std for layer in (conv, linear)] == pytest.approx(spreads)
    assert [(layer.fan_in, layer.fan_out, layer.units) for layer in (conv, linear)] == [(18, 36, 4), (4, 3, 3)]
