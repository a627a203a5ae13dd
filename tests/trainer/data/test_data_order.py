"""The order shows each example exactly once an epoch, however it is interrupted."""

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order import UNREACHED, Order
from trainer.words import Drawn


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


@settings(max_examples=80, deadline=None)
@given(
    examples=st.integers(2, 60),
    turns=st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=20),
    size=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_shuffling_turned_on_and_off_loses_no_example_and_shows_none_twice(
    examples: int, turns: list[tuple[bool, int]], size: int, seed: int
) -> None:
    order = Order(examples, size, seed)
    epoch, offset, parts = 0, 0, ()
    seen: dict[int, list[int]] = {}
    for shuffle, batches in turns:
        order.drawing = Drawn(shuffle=shuffle)
        for ticket in islice(order.tickets(epoch, offset, parts), batches):
            assert len(seen.setdefault(ticket.epoch, [])) == ticket.offset
            seen[ticket.epoch] += ticket.indices.tolist()
            epoch, offset, parts = ticket.epoch, ticket.offset + len(ticket.indices), ticket.parts
    for number, indices in seen.items():
        assert len(set(indices)) == len(indices)
        if number < epoch:
            assert sorted(indices) == list(range(examples))


def test_a_place_alone_says_how_its_epoch_goes_on_however_the_order_was_turned() -> None:
    labels = np.arange(60) % 4
    order = Order(60, 7, 3, labels=labels)
    at: list[tuple[int, int, tuple[Drawn, ...]]] = [(0, 0, ())]
    for drawn in (Drawn(shuffle=False), Drawn(), Drawn(sampler="balanced"), Drawn(shuffle=False), Drawn()):
        order.drawing = drawn
        ticket = next(order.tickets(*at[-1]))
        at.append((ticket.epoch, ticket.offset + len(ticket.indices), ticket.parts))
    on = [one.indices.tolist() for one in islice(order.tickets(*at[-1]), 12)]
    fresh = Order(60, 7, 3, labels=labels)
    assert [one.indices.tolist() for one in islice(fresh.tickets(*at[-1]), 12)] == on
    shown = np.concatenate([order.permutation(0, at[-1][2])[:14], on[0], on[1]])
    assert len(set(shown.tolist())) == len(shown), "what was drawn without a sampler is not drawn again"


def test_the_rest_of_an_epoch_is_in_a_new_order_when_shuffling_is_turned_on() -> None:
    order = Order(100, 10, 0, shuffle=False)
    place = list(islice(order.tickets(0, 0), 4))[-1]
    order.drawing = Drawn()
    rest = np.concatenate([one.indices for one in islice(order.tickets(0, 40, place.parts), 6)])
    assert sorted(rest.tolist()) == list(range(40, 100))
    assert rest.tolist() != list(range(40, 100))


def test_a_sampler_draws_rare_classes_more_often_and_keeps_the_length_of_the_epoch() -> None:
    labels = np.repeat([0, 1], [9000, 1000])
    shares = {}
    for sampler in ("none", "sqrt", "balanced"):
        drawn = Order(10_000, 64, 0, True, sampler, labels).permutation(3)
        assert len(drawn) == 10_000
        shares[sampler] = float(labels[drawn].mean())
    assert shares["none"] == 0.1
    assert abs(shares["sqrt"] - 0.25) < 0.02, "roots of 9 and 1: 3 to 1"
    assert abs(shares["balanced"] - 0.5) < 0.02


def test_a_sampler_draws_the_same_for_a_seed_and_otherwise_in_the_next_epoch() -> None:
    labels = np.arange(100) % 3
    one, same, other = (Order(100, 10, seed, True, "balanced", labels) for seed in (1, 1, 2))
    assert np.array_equal(one.permutation(2), same.permutation(2))
    assert not np.array_equal(one.permutation(2), one.permutation(3))
    assert not np.array_equal(one.permutation(2), other.permutation(2))


def test_what_is_drawn_beside_a_run_that_is_not_shuffled_holds_other_batches() -> None:
    order = Order(100, 10, 0, shuffle=False)
    beside = [next(order.tickets(number * UNREACHED, 30)).indices.tolist() for number in (0, 1, 2)]
    assert beside[0] == list(range(30, 40))
    assert len({tuple(one) for one in beside}) == 3
    assert all(np.array_equal(np.diff(one) % 100, np.ones(9)) for one in beside), "neighbours stay neighbours"
