"""The log: filtered, searched, and no pane of its own while nothing was printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widgets import Input, Log

from advisor.tui.logpage import LogPage, highlighted
from tests.tui.conftest import Open


async def test_what_is_typed_into_the_filter_is_seen(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("slash", *"epoch")
        typed = app.screen.query_one(Input)
        assert typed.has_focus
        assert typed.content_size.height == 1
        assert "epoch" in "".join(one.text for one in typed.render_line(0))


async def test_the_log_is_filtered(opened: Open) -> None:
    async with opened("crashed") as (app, pilot):
        await pilot.press("escape", "slash")
        await pilot.pause()
        assert isinstance(app.screen, LogPage)
        await pilot.press(*"bus")
        app.screen.pull()
        assert [line for line in app.screen.query_one(Log).lines if line] == [
            "trainer  RuntimeError: a worker died of a bus error"
        ]


@pytest.mark.slow
async def test_matches_in_the_log_are_gone_through_among_all_lines(opened: Open) -> None:
    async with opened("crashed") as (app, pilot):
        await pilot.press("escape", "slash")
        await pilot.press(*"line", "enter", "n")
        await pilot.pause()
        page = app.screen
        assert isinstance(page, LogPage)
        log = page.log_lines
        assert any("read 13,440" in line for line in log.lines), "all lines are there again"
        newest = log.here
        assert "line" in log.lines[newest].lower()
        assert "1 line with the text" in str(page.query_one(".heading").render())
        shown = log.render_line(newest - log.scroll_offset.y)
        assert [one.text for one in shown if one.style and one.style.bold] == ["line"]
        await pilot.press("slash")
        assert all("line" in line for line in log.lines if line)


@given(st.text("ab ", min_size=1, max_size=30), st.text("ab", min_size=1, max_size=3))
def test_highlighting_changes_no_letter_and_marks_every_match(text: str, sought: str) -> None:
    shown = highlighted(Strip([Segment(text)]), sought, Style(bold=True))
    assert shown.text == text
    assert "".join(one.text for one in shown if one.style and one.style.bold) == sought * text.count(sought)


async def test_a_log_without_a_line_takes_no_room(opened: Open) -> None:
    async with opened("empty", size=(200, 60)) as (app, pilot):
        assert app.overview.form == "wide"
        assert not app.query_one("#log").display
        with app.run_files.trainer_log.open("a") as file:
            file.write("something was printed\n")
        for _ in range(40):
            await pilot.pause(0.05)
            app.pull()
            if app.query_one("#log").display:
                break
        assert app.query_one("#log").display
        assert app.overview.form == "wide"
