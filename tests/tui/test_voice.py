from collections.abc import Callable

from advisor.runs import Run
from advisor.tui.voice import Voice
from tests.tui.conftest import wishes


def test_a_wish_is_a_line_in_the_viewers_own_file(recorded: Callable[[str], Run]) -> None:
    run = recorded("trying")
    voice = Voice(run, readonly=False)
    assert voice.wish("accept", "p2", step=980) == ""
    voice.close()
    (wish,) = wishes(run)
    assert (wish.wish, wish.target, wish.viewer, wish.step) == ("accept", "p2", voice.viewer, 980)


def test_a_read_only_viewer_writes_nothing(recorded: Callable[[str], Run]) -> None:
    run = recorded("trying")
    voice = Voice(run, readonly=True)
    assert "read-only" in voice.wish("stop")
    assert list(run.wishes.iterdir()) == []


def test_a_second_viewer_is_read_only_while_the_first_lives(recorded: Callable[[str], Run]) -> None:
    run = recorded("trying")
    first = Voice(run, readonly=False, viewer="somebody-1")
    second = Voice(run, readonly=False, viewer="somebody-2")
    assert "somebody-1 already looks on" in second.why_silent
    first.close()
    third = Voice(run, readonly=False, viewer="somebody-3")
    assert third.why_silent == ""
    third.close()


def test_a_viewer_that_wished_nothing_leaves_no_file(recorded: Callable[[str], Run]) -> None:
    run = recorded("trying")
    Voice(run, readonly=False).close()
    assert list(run.wishes.iterdir()) == []
