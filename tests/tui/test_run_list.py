"""The run list: finding, sorting, marking, comparing and opening runs. It writes nothing into any of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import Input, Static

from advisor.driving.lease import Lease
from advisor.ledger import RunClosed
from advisor.report.build import write_report
from advisor.runs import Run
from advisor.tui.endpage import ReportPage
from advisor.tui.run_list import Choice, Place, RunListApp
from advisor.tui.run_list_compare import ComparePage, judged
from advisor.tui.run_list_pages import ListHelp
from advisor.tui.run_list_watch import RunWatch
from tests.tui.recording import EPOCH_T, record

OpenList = Callable[..., AbstractAsyncContextManager[tuple[RunListApp, Pilot[Choice]]]]
NAMES = {"one": "healthy", "two": "nan", "three": "warming"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three runs, newest last: one that stands healthy, one that lost its loss, a young one."""
    here = tmp_path_factory.mktemp("here")
    for age, (name, state) in enumerate(NAMES.items()):
        run = record(here / "runs" / f"2026-11-2{age}T10-00-00_{name}", state)
        about = run.about.read_text().replace('"seed": 0', f'"seed": 0, "created": {EPOCH_T + age}')
        run.about.write_text(about)
    return here


@pytest.fixture
def listed(runs: Path) -> OpenList:
    """Return a context manager that opens the list once all runs are read."""

    @asynccontextmanager
    async def open_list(
        here: Path = runs, size: tuple[int, int] = (80, 24), place: Place | None = None, **options: object
    ) -> AsyncIterator[tuple[RunListApp, Pilot[Choice]]]:
        watch = RunWatch(here, clock=lambda: EPOCH_T + 5000)
        watch.start()
        watch.read_all.wait(20)
        app = RunListApp(watch, place, **options)  # type: ignore[arg-type]
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.show()
            yield app, pilot
        watch.close()

    return open_list


def names(app: RunListApp) -> list[str]:
    return [row.name for row in app.table.rows]


def text_of(app: RunListApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


async def test_the_newest_run_comes_first_and_is_told_below(listed: OpenList) -> None:
    async with listed() as (app, _):
        assert names(app) == ["three", "two", "one"]
        assert "runs/2026-11-22T10-00-00_three" in text_of(app, "#detail")
        assert "trainer and driver are gone" in text_of(app, "#detail")
        assert "3 runs" in text_of(app, "#title")


async def test_what_is_typed_after_the_slash_filters_and_escape_shows_all(listed: OpenList) -> None:
    async with listed() as (app, pilot):
        await pilot.press("slash", *"two")
        assert names(app) == ["two"]
        await pilot.press("enter")
        assert app.focused is app.table
        assert app.query_one("#filter", Input).display
        await pilot.press("slash", *"q")
        assert names(app) == []
        assert "no run matches" in text_of(app, "#nothing")
        await pilot.press("escape")
        assert len(names(app)) == 3
        assert not app.query_one("#filter", Input).display


@pytest.mark.slow
async def test_the_list_is_sorted_by_each_column_in_both_directions(listed: OpenList) -> None:
    async with listed() as (app, pilot):
        await pilot.press("s", "s")
        assert names(app) == ["one", "three", "two"]
        await pilot.press("S")
        assert names(app) == ["two", "three", "one"]
        assert "by name, backwards" in text_of(app, "#title")


async def test_the_cursor_stays_on_its_run_when_the_order_changes(listed: OpenList) -> None:
    async with listed() as (app, pilot):
        await pilot.press("down", "down", "S")
        assert app.table.chosen is not None
        assert app.table.chosen.name == "one"
        assert app.table._at == 0


@pytest.mark.slow
async def test_two_marked_runs_are_compared(listed: OpenList) -> None:
    async with listed(size=(120, 40)) as (app, pilot):
        await pilot.press("c")
        assert len(app.screen_stack) == 1
        await pilot.press("space", "down", "down", "space", "c")
        await pilot.pause()
        assert isinstance(app.screen, ComparePage)
        said = text_of(app, "#page")
        assert "three" in said
        assert "100" in said
        assert "2,900" in said
        await pilot.press("escape", "space")
        assert len(app.table.marked) == 1


@pytest.mark.parametrize(
    ("key", "page"),
    [
        pytest.param("r", ReportPage, id="report", marks=pytest.mark.slow),
        pytest.param("question_mark", ListHelp, id="help", marks=pytest.mark.slow),
    ],
)
async def test_a_page_opens_over_the_list_and_closes_again(listed: OpenList, key: str, page: type) -> None:
    async with listed() as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, page)
        await pilot.press("s", "escape")
        assert len(app.screen_stack) == 1
        assert app.place.order == "newest"


@pytest.mark.parametrize("how", ["open", pytest.param("replay", marks=pytest.mark.slow)])
async def test_a_run_is_opened_and_its_place_in_the_list_is_kept(listed: OpenList, how: str) -> None:
    place = Place()
    async with listed(place=place) as (app, pilot):
        await pilot.press("slash", *"o", "enter", "down", "space", "enter" if how == "open" else "p")
        await pilot.pause()
    choice = app.return_value
    assert isinstance(choice, Choice)
    assert (choice.row.name, choice.how) == ("one", how)
    async with listed(place=place) as (app, _):
        assert names(app) == ["two", "one"]
        assert app.table.chosen is not None
        assert app.table.chosen.name == "one"
        assert app.table.marked == [choice.row.folder]


async def test_a_run_that_is_started_or_ends_meanwhile_is_seen(listed: OpenList, tmp_path: Path) -> None:
    first = record(tmp_path / "runs" / "first", "warming")
    lease = Lease(first)
    async with listed(here=tmp_path) as (app, pilot):
        assert [row.state for row in app.table.rows] == ["stalled"]
        record(tmp_path / "runs" / "second", "empty")
        lease.release()
        with first.ledger.open("a") as file:
            file.write(RunClosed(why="stopped", exit_code=143).model_dump_json() + "\n")
        app.runs.find()
        app.runs.look()
        app.pull()
        await pilot.pause()
        assert {row.name: row.state for row in app.table.rows}["first"] == "stopped"
        assert len(app.table.rows) == 2


@pytest.mark.slow
async def test_a_folder_without_runs_says_how_to_start_one(listed: OpenList, tmp_path: Path) -> None:
    async with listed(here=tmp_path) as (app, pilot):
        assert "advisor train CONFIG.toml" in text_of(app, "#nothing")
        await pilot.press("enter", "r", "space", "c", "p")
        assert len(app.screen_stack) == 1


async def test_every_action_is_in_the_palette(listed: OpenList) -> None:
    async with listed() as (app, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause(0.3)
        offered = {str(one.prompt).splitlines()[0] for one in app.screen.query_one(CommandList).options}
        assert {"open", "report", "mark", "compare", "filter", "sort", "sort by best", "quit"} <= offered


@pytest.mark.slow
async def test_two_ended_runs_are_judged_as_advisor_compare_does(listed: OpenList, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run = record(tmp_path / name, "healthy")
        write_report(run)
        with run.ledger.open("a") as file:
            file.write(RunClosed(why="finished", exit_code=0).model_dump_json() + "\n")
    async with listed(here=tmp_path, size=(120, 40)) as (app, pilot):
        await pilot.press("space", "down", "c")
        await app.workers.wait_for_complete()
        await pilot.pause()
        told = text_of(app, "#verdict")
        assert "no detectable difference" in told
        first, second = app.table.rows
        assert told == judged(first, second, 114).plain


@pytest.mark.slow
async def test_without_unicode_the_list_is_ascii(listed: OpenList) -> None:
    async with listed(ascii_only=True) as (app, pilot):
        await pilot.press("space")
        assert all(app.table.render_line(y).text.replace("–", "-").isascii() for y in range(3))


@pytest.mark.slow
async def test_looking_at_runs_changes_nothing_in_them(listed: OpenList, runs: Path) -> None:
    def held() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}

    before = held()
    async with listed() as (_, pilot):
        await pilot.press("r", "escape", "space", "down", "c", "escape", "S", "s")
    assert held() == before
    assert not any(Run(folder).lease.exists() for folder in (runs / "runs").iterdir())
