"""The order shows each example exactly once an epoch, however it is interrupted."""

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order import Order


@settings(max_examples=80, deadline=None)
@given(
    examples=st.integers(1, 60),
    sizes=st.lists(st.tuples(st.integers(1, 70), st.integers(1, 9)), min_size=1, max_size=20),
    seed=st.integers(0, 5),
    shuffle=st.booleans(),
)
def test_each_epoch_sees_each_example_once_whatever_interrupts_it(
    examples: int, sizes: list[tuple[int, int]], seed: int, shuffle: bool
) -> None:
    order = Order(examples, 1, seed, shuffle)
    epoch = offset = 0
    seen: dict[int, list[int]] = {}
    for batch_size, batches in sizes:
        order.batch_size = batch_size
        for ticket in islice(order.tickets(epoch, offset), batches):
            assert 1 <= len(ticket.indices) <= batch_size
            assert len(seen.setdefault(ticket.epoch, [])) == ticket.offset
            seen[ticket.epoch] += ticket.indices.tolist()
            epoch, offset = ticket.epoch, ticket.offset + len(ticket.indices)
    for number, indices in seen.items():
        assert len(set(indices)) == len(indices)
        if number < epoch:
            assert sorted(indices) == list(range(examples))


def test_an_epoch_has_its_own_permutation_that_the_seed_decides() -> None:
    order, same, other = Order(100, 10, 3), Order(100, 7, 3), Order(100, 10, 4)
    assert np.array_equal(order.permutation(2), same.permutation(2))
    assert not np.array_equal(order.permutation(0), order.permutation(1))
    assert not np.array_equal(order.permutation(0), other.permutation(0))


def test_the_end_of_an_epoch_is_the_start_of_the_next() -> None:
    ticket = next(Order(10, 4, 0).tickets(0, 10))
    assert (ticket.epoch, ticket.offset, len(ticket.indices)) == (1, 0, 4)


def test_the_last_batch_of_an_epoch_may_be_short() -> None:
    assert [len(one.indices) for one in islice(Order(9, 4, 0).tickets(0, 0), 4)] == [4, 4, 1, 4]


def test_without_shuffling_the_examples_come_in_their_own_order() -> None:
    assert next(Order(9, 4, 0, shuffle=False).tickets(5, 4)).indices.tolist() == [4, 5, 6, 7]
