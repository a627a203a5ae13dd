"""Running in int8: a model that is no single graph is refused with one line, and a batch of any size fits the passes."""

import pytest
import torch
from torch import Tensor, nn

from trainer.compressing.quantise import PASS_EXAMPLES, InPasses, QuantiseError, calibrate, quantised, why_not

needs_int8 = pytest.mark.skipif(bool(why_not()), reason=why_not() or "int8 runs here")


class Branching(nn.Module):
    """Which way it goes depends on the data: no exported graph says that."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.layer(inputs)
        return out if inputs.sum() > 0 else -out


@pytest.mark.parametrize("examples", [1, PASS_EXAMPLES, PASS_EXAMPLES + 1, 3 * PASS_EXAMPLES])
def test_a_batch_of_any_size_goes_through_in_passes_of_one_size(examples: int) -> None:
    sizes = []

    class Graph(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            sizes.append(len(inputs))
            return 2 * inputs

    inputs = torch.randn(examples, 3)
    assert torch.equal(InPasses(Graph())(inputs), 2 * inputs)
    assert set(sizes) == {PASS_EXAMPLES}


@needs_int8
def test_a_model_that_is_no_single_graph_is_refused_in_one_line() -> None:
    with pytest.raises(QuantiseError, match="cannot be compiled for int8") as refused:
        calibrate(Branching().eval(), torch.randn(64, 8))
    assert "\n" not in str(refused.value)


@needs_int8
def test_ranges_of_another_graph_are_refused() -> None:
    ranges = calibrate(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).eval(), torch.randn(64, 8))
    assert ranges
    with pytest.raises(QuantiseError, match="another graph"):
        quantised(nn.Linear(8, 4).eval(), ranges, (8,))


@needs_int8
def test_ranges_hold_what_was_seen_with_seven_bits() -> None:
    inputs = torch.linspace(-1, 3, 256 * 8).reshape(256, 8)[
        torch.randperm(256, generator=torch.Generator().manual_seed(0))
    ]
    ((low, high),) = calibrate(nn.Sequential(nn.Linear(8, 4)).eval(), inputs).values()
    step = (high - low) / 127
    assert low == pytest.approx(-1, abs=2 * step)
    assert high == pytest.approx(3, abs=2 * step)
