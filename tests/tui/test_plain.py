"""Terminals of less: without Unicode, and with another theme."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.strip import Strip

from advisor.runs import Run
from advisor.tui.app import AdvisorApp
from advisor.tui.chart import Chart
from advisor.tui.plain import STEERING, harmless, plain
from advisor.tui.run_list import RunListApp
from advisor.tui.run_list_watch import RunWatch
from advisor.tui.themes import THEMES
from tests.tui.conftest import Open


@pytest.mark.slow
async def test_without_unicode_the_screen_is_ascii(opened: Open) -> None:
    async with opened("nan", size=(80, 24), ascii_only=True) as (app, _pilot):
        chart = app.query_one("#loss", Chart)
        body = "".join(chart.render_line(y).text for y in range(chart.size.height))
        assert body.isascii()
        assert str(app.query_one("#steptime").render()).isascii()
        assert str(app.query_one("#glance").render()).isascii()


@pytest.mark.slow
@pytest.mark.parametrize("key", ["i", "k", "l", "o", "r", "w", "f1", "f", "c"])
async def test_without_unicode_every_page_goes_out_as_ascii(opened: Open, key: str) -> None:
    async with opened("healthy", size=(120, 40), ascii_only=True) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        update = app.screen._compositor.render_update(full=True)
        said = "".join(segment.text for segment in app.console.render(update))
        assert len(said) > 120 * 40 - 1
        assert said.isascii()


@given(st.text(max_size=30))
def test_plain_letters_take_as_many_cells(text: str) -> None:
    assert plain(text).isascii()
    assert cell_len(plain(text)) == cell_len(text)


@pytest.mark.slow
async def test_the_environment_chooses_the_theme(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted, shown in (("monochrome", "monochrome"), ("no such theme", "calm")):
        monkeypatch.setenv("TEXTUAL_THEME", wanted)
        assert AdvisorApp(Run(Path("nowhere")), readonly=True).theme == shown
    async with opened("healthy") as (app, _pilot):
        assert app.get_css_variables()["shade"] == THEMES[0].variables["shade"]


@given(st.text(max_size=30))
def test_harmless_letters_take_as_many_cells(text: str) -> None:
    assert not STEERING.search(harmless(text))
    assert cell_len(harmless(text)) == cell_len(text)


def test_what_steers_a_terminal_goes_out_of_every_line_in_both_apps(tmp_path: Path) -> None:
    hostile = "a\x1b[2Jb\x1b]0;title\x07c\x9b31m\u202e"
    for app in (AdvisorApp(Run(tmp_path), readonly=True), RunListApp(RunWatch(tmp_path))):
        for ascii_only in (False, True):
            app.ascii_only = ascii_only
            line = Strip([Segment("│ é 日本 "), Segment(hostile)])
            for each in app.get_line_filters():
                line = line.apply_filter(each, Color(0, 0, 0))
            assert "[2Jb]0;titlec31m" in line.text
            assert line.text.isprintable()
            assert cell_len(line.text) == line.cell_length
