"""Terminals of less: without Unicode, and with another theme."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from textual.color import Color
from textual.strip import Strip

from advisor.runs import Run
from advisor.tui.app import AdvisorApp
from advisor.tui.chart import Chart
from advisor.tui.plain import STEERING, harmless, lacks_letters, plain
from advisor.tui.run_list import RunListApp
from advisor.tui.run_list_watch import RunWatch
from advisor.tui.themes import SIXTEEN, THEMES, first_theme
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
@pytest.mark.parametrize("key", ["F", "i", "k", "l", "o", "r", "w", "f1", "f", "c"])
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


@pytest.mark.parametrize(
    ("colours", "wanted", "theme"),
    [("truecolor", "", "calm"), ("256", "", "calm"), ("standard", "", "sixteen colours"), ("standard", "nord", "nord")],
)
def test_a_terminal_of_sixteen_colours_begins_with_those(colours: str, wanted: str, theme: str) -> None:
    assert first_theme(colours, {"TEXTUAL_THEME": wanted}) == theme


def test_in_sixteen_colours_lines_and_the_chosen_row_are_told_apart() -> None:
    def shown(colour: str | None) -> int | None:
        return RichColor.parse(colour or "").downgrade(ColorSystem.STANDARD).number

    one = SIXTEEN
    assert len({shown(each) for each in (one.primary, one.secondary, one.foreground, one.error, one.success)}) == 5
    assert shown(one.panel) != shown(one.background)
    assert (
        len({shown(each) for each in (one.background, one.panel, *map(one.variables.get, ("raw", "shade", "muted")))})
        == 5
    )


@pytest.mark.parametrize(
    ("encoding", "environment", "lacks"),
    [
        ("utf-8", {"TERM": "xterm-256color"}, False),
        ("utf-8", {"TERM": "linux"}, True),
        ("utf-8", {"TERM": "linux", "TEXTUAL_DRIVER": "web"}, False),
        ("utf-8", {"LC_ALL": "C"}, True),
        ("utf-8", {"LC_ALL": "C.UTF-8"}, False),
        ("ascii", {}, True),
        ("iso8859-1", {"TEXTUAL_DRIVER": "web"}, True),
    ],
)
def test_letters_are_those_that_the_terminal_has(encoding: str, environment: dict[str, str], lacks: bool) -> None:
    assert lacks_letters(encoding, environment) is lacks


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
