"""What goes to followers and back: tensors of any type and shape, in one buffer, as they were."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainer.replicas.wire import (
    gradients_of,
    mask_of,
    pack,
    put_together,
    room_for,
    set_gradients,
    spec_of,
    specs_in,
    state_of,
    taken_apart,
    unpack,
)

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool]

tensors = st.builds(
    lambda dtype, shape, seed: (10 * torch.rand(shape, generator=torch.Generator().manual_seed(seed))).to(dtype),
    st.sampled_from(TYPES),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 1000),
)


@given(st.lists(tensors, min_size=1, max_size=6))
def test_tensors_come_out_of_a_buffer_as_they_went_in(given_: list[torch.Tensor]) -> None:
    specs = json.loads(json.dumps([spec_of(tensor) for tensor in given_]))
    buffer = room_for(specs, torch.device("cpu"))
    buffer.copy_(pack(given_))
    for found, tensor in zip(unpack(buffer, specs), given_, strict=True):
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)


@pytest.mark.parametrize("laid", [lambda t: t, lambda t: t.transpose(0, 1), lambda t: t[:, ::2]])
def test_what_does_not_lie_in_one_piece_is_packed_by_its_values(laid: Any) -> None:
    tensor = laid(torch.arange(24).reshape(4, 6))
    assert torch.equal(unpack(pack([tensor]), [spec_of(tensor)])[0], tensor)


structures = st.recursive(
    tensors | st.integers() | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(structures)
def test_a_batch_of_any_build_is_put_together_as_it_was(batch: Any) -> None:
    parts: list[torch.Tensor] = []
    built = json.loads(json.dumps(taken_apart(batch, parts)))
    assert specs_in(built) == [spec_of(part) for part in parts]
    assert _same(put_together(built, parts), batch)


def test_what_is_no_json_cannot_be_dealt_out() -> None:
    with pytest.raises(TypeError):
        taken_apart([torch.zeros(1), object()], [])


def test_gradients_and_losses_of_two_add_up_and_what_nobody_has_stays_without() -> None:
    torch.manual_seed(0)
    nets = [
        nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(3, 2).double(), "c": nn.Linear(3, 2)}) for _ in range(2)
    ]
    nets[0]["a"](torch.ones(1, 3)).sum().backward()
    nets[1]["b"](torch.ones(1, 3).double()).sum().backward()
    both = [gradients_of(net, torch.tensor(loss)) for net, loss in zip(nets, (1.0, 2.0), strict=True)]
    summed = [one + other for one, other in zip(*both, strict=True)]
    total = set_gradients(nets[0], summed, [mask_of(net) for net in nets])
    assert float(total) == 3.0
    assert all(torch.equal(p.grad, torch.ones_like(p)) for part in ("a", "b") for p in nets[0][part].parameters())
    assert all(p.grad is None for p in nets[0]["c"].parameters())


def test_sparse_gradients_are_refused() -> None:
    table = nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match="sparse"):
        mask_of(table)


def test_the_state_holds_buffers_that_are_not_saved_and_the_numbers_of_a_loss() -> None:
    net = nn.Linear(2, 2)
    net.register_buffer("table", torch.ones(3), persistent=False)
    names = state_of(net, nn.CrossEntropyLoss(weight=torch.ones(2)))
    assert sorted(names) == ["loss.weight", "model.bias", "model.table", "model.weight"]
    assert sorted(state_of(net, torch.nn.functional.cross_entropy)) == ["model.bias", "model.table", "model.weight"]


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, torch.Tensor):
        return isinstance(one, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in other)
    if isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
