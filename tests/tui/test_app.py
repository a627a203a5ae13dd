import subprocess
import sys
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Markdown, Static
from textual.widgets._footer import FooterKey

from advisor import ledger
from advisor.runs import open_run
from advisor.tui.asking import Asked, ValueAsked
from advisor.tui.chart import Chart
from advisor.tui.datapage import DataPage
from advisor.tui.endpage import ReportPage
from advisor.tui.feed_pane import FeedPane
from advisor.tui.findings import FindingsPage
from advisor.tui.help import HelpPage
from advisor.tui.logpage import LogPage
from advisor.tui.pages import KnobsPage, LedgerPage, WhyPage
from advisor.tui.voice import Voice
from tests.tui.conftest import Open, read_all, until, wishes
from tests.tui.recording import RARE_CLASSES, RATE_TOO_HIGH, Recording


def choose(feed: FeedPane, key: str) -> None:
    feed.highlighted = feed.get_option_index(key)


@pytest.mark.parametrize(
    ("key", "row", "wish", "target"),
    [
        pytest.param("a", "proposal-p2", "accept", "p2", id="apply", marks=pytest.mark.slow),
        pytest.param("x", "proposal-p2", "veto", "p2", id="veto", marks=pytest.mark.slow),
        pytest.param("u", "fix-t2", "undo", "t2", id="undo"),
        pytest.param("f", "", "freeze", "", id="freeze", marks=pytest.mark.slow),
        pytest.param("space", "", "pause", "", id="pause", marks=pytest.mark.slow),
        pytest.param("s", "", "stop", "", id="stop"),
    ],
)
async def test_a_key_that_changes_the_run_asks_once_and_then_wishes(
    opened: Open, key: str, row: str, wish: str, target: str
) -> None:
    async with opened("healthy") as (app, pilot):
        if row:
            choose(app.overview.feed, row)
        await pilot.press(key)
        assert isinstance(app.screen, Asked)
        assert wishes(app.run_files) == []
        await pilot.press("y")
        await pilot.pause()
        assert [(one.wish, one.target) for one in wishes(app.run_files)] == [(wish, target)]


@pytest.mark.parametrize("key", [pytest.param("n", marks=pytest.mark.slow), "escape"])
async def test_a_no_leaves_the_run_alone(opened: Open, key: str) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("a", key)
        await pilot.pause()
        assert wishes(app.run_files) == []
        assert len(app.screen_stack) == 1


async def test_the_question_names_what_would_turn(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("a")
        assert isinstance(app.screen, Asked)
        assert ("does", "class_weights none → sqrt") in app.screen.question.lines


async def test_the_question_before_a_stop_names_a_command_that_finds_the_run(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with opened("healthy") as (app, pilot):
        monkeypatch.chdir(tmp_path)
        await pilot.press("s")
        assert isinstance(app.screen, Asked)
        said = dict(app.screen.question.lines)["later"]
        named = said.split("`")[1].removeprefix("advisor resume ")
        assert open_run(Path(named)).folder == app.run_files.folder


async def test_a_proposal_that_was_answered_is_not_asked_again(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("a", "y")
        await pilot.pause()
        assert "you asked to apply it" in app.overview.feed.rows["proposal-p2"].head.plain
        await pilot.press("a")
        assert len(app.screen_stack) == 1


async def test_the_cursor_follows_a_fix_from_its_proposal_into_its_trial(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        made = Recording.go_on(app.run_files, step=2900)
        made.find(RATE_TOO_HIGH)
        made.flush()
        await until(app, pilot, lambda: "finding-OPT101" in app.overview.feed.rows)
        choose(app.overview.feed, "proposal-p2")
        fix = RARE_CLASSES.fixes[0]
        made.say(ledger.TrialStarted(trial="t9", code="DAT104", fix=fix, how="fork", old={}, expected_cost_s=3.0))
        made.flush()
        await until(app, pilot, lambda: "fix-t9" in app.overview.feed.rows)
        await pilot.pause()
        feed = app.overview.feed
        assert feed.chosen is not None
        assert feed.chosen.key == "fix-t9"
        assert feed.scroll_y <= feed.highlighted < feed.scroll_y + feed.size.height


async def test_of_several_fixes_that_wait_the_first_one_is_asked_about(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        made = Recording.go_on(app.run_files, step=2900)
        made.find(RATE_TOO_HIGH)
        made.say(
            ledger.Proposed(proposal="p9", code="OPT101", fix=RATE_TOO_HIGH.fixes[0], how="rescue", expected_cost_s=0.0)
        )
        made.flush()
        await until(app, pilot, lambda: "proposal-p9" in app.overview.feed.rows)
        choose(app.overview.feed, "finding-INP101")
        await pilot.press("a")
        assert isinstance(app.screen, Asked)
        assert app.screen.question.target == next(
            row.proposal for row in app.overview.feed.rows.values() if row.proposal
        )


async def test_the_keys_of_a_fix_work_on_its_finding_too(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        choose(app.overview.feed, "finding-DAT104")
        await pilot.press("x")
        assert isinstance(app.screen, Asked)
        assert app.screen.question.target == "p2"


async def test_until_the_user_moves_the_first_row_is_the_chosen_one(opened: Open) -> None:
    async with opened("trying") as (app, pilot):
        made = Recording.go_on(app.run_files, step=3000)
        made.find(RATE_TOO_HIGH)
        made.flush()
        await until(app, pilot, lambda: "finding-OPT101" in app.overview.feed.rows)
        assert app.overview.feed.highlighted == 0


async def test_the_drivers_answer_takes_the_wish_off_the_screen(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("a", "y")
        await pilot.pause()
        entry = ledger.Refused(t=2e9, step=2900, code="DAT104", fix=RARE_CLASSES.fixes[0], why="the budget is spent")
        with app.run_files.ledger.open("a") as file:
            file.write(entry.model_dump_json() + "\n")
        await until(app, pilot, lambda: "proposal-p2" not in app.overview.feed.rows)
        assert app.asked == {}
        assert any("the budget is spent" in row.head.plain for row in app.overview.feed.rows.values())


async def test_a_read_only_viewer_has_no_keys_that_change_the_run(opened: Open) -> None:
    async with opened("healthy", readonly=True) as (app, pilot):
        for key in ("a", "x", "u", "f", "space", "s"):
            await pilot.press(key)
            assert len(app.screen_stack) == 1
        assert "read-only" in app.overview.seen.note
        assert (
            "wait for an answer" in app.overview.feed.border_title
            or "waits for an answer" in app.overview.feed.border_title
        )
        assert list(app.run_files.wishes.iterdir()) == []


@pytest.mark.slow
async def test_a_second_viewer_is_read_only(opened: Open) -> None:
    async with opened("healthy") as (app, _pilot):
        assert "already looks on" in Voice(app.run_files, readonly=False, viewer="another").why_silent


@pytest.mark.parametrize(
    ("key", "wished"),
    [pytest.param("y", "turn", id="at once"), pytest.param("t", "try", id="tried first", marks=pytest.mark.slow)],
)
async def test_a_knob_is_turned_within_its_bounds_and_asked_for_with_its_effect(
    opened: Open, key: str, wished: str
) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("k", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ValueAsked)
        app.screen.query_one(Input).value = "-1"
        await pilot.press("enter")
        assert isinstance(app.screen, ValueAsked)
        assert "at least 0" in str(app.screen.query_one(".wrong").render())
        app.screen.query_one(Input).value = "0.01"
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Asked)
        assert "kept only if it clears the noise" in dict(app.screen.question.lines)["tried"]
        await pilot.press(key)
        await pilot.pause()
        (wish,) = wishes(app.run_files)
        assert wish.wish == wished
        assert wish.turns == ({"knob": "lr", "to": 0.01},)


async def test_a_knob_that_was_turned_by_hand_is_turned_back_by_hand(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        made = Recording.go_on(app.run_files, 2900)
        made.turn("u1-2900", "lr", 0.05, 0.01, confirmed=True, by="user")
        made.flush()
        for _ in range(50):
            await pilot.pause(0.05)
            app.pull()
            if "by-hand-u1-2900" in app.overview.feed.rows:
                break
        choose(app.overview.feed, "by-hand-u1-2900")
        await pilot.press("u", "y")
        await pilot.pause()
        (wish,) = wishes(app.run_files)
        assert (wish.wish, wish.turns) == ("turn", ({"knob": "lr", "to": 0.05},))


@pytest.mark.parametrize(
    ("key", "page"),
    [
        pytest.param("l", LedgerPage, id="ledger", marks=pytest.mark.slow),
        pytest.param("F", FindingsPage, id="findings", marks=pytest.mark.slow),
        pytest.param("k", KnobsPage, id="knobs", marks=pytest.mark.slow),
        pytest.param("r", ReportPage, id="report", marks=pytest.mark.slow),
        pytest.param("i", DataPage, id="data", marks=pytest.mark.slow),
        pytest.param("o", LogPage, id="log", marks=pytest.mark.slow),
        pytest.param("w", WhyPage, id="why", marks=pytest.mark.slow),
        pytest.param("f1", HelpPage, id="help"),
        pytest.param("question_mark", HelpPage, id="help by ?", marks=pytest.mark.slow),
    ],
)
async def test_a_page_opens_by_its_key_and_closes_by_escape(opened: Open, key: str, page: type) -> None:
    async with opened("healthy", size=(80, 24)) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, page)
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_the_rows_of_the_knobs_stay_low_where_their_text_lies_beyond_the_edge(opened: Open) -> None:
    async with opened("healthy", size=(80, 24)) as (app, pilot):
        await pilot.press("k")
        await pilot.pause()
        table = app.screen.query_one(DataTable)
        assert table.row_count > 10
        assert {row.height for row in table.ordered_rows} == {1}


async def test_the_ledger_lists_what_was_kept_and_what_was_taken_back(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("l")
        await pilot.pause()
        table = app.screen.query_one(DataTable)
        rows = [[str(cell) for cell in table.get_row_at(place)] for place in range(table.row_count)]
        assert [row[2] for row in rows] == ["kept", "taken back"]
        assert rows[0][5] == "33% less step time (30% to 36%)"


async def test_why_shows_the_numbers_and_the_rules_own_page(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        choose(app.overview.feed, "finding-INP101")
        await pilot.press("w")
        await pilot.pause()
        assert "loader.wait_share" in str(app.screen.query_one("#numbers").render())
        assert app.screen.query_one(Markdown)


async def test_a_row_opens_and_stays_open_while_the_feed_changes(opened: Open) -> None:
    async with opened("trying") as (app, pilot):
        feed = app.overview.feed
        choose(feed, "fix-t2")
        before = feed.virtual_size.height
        await pilot.press("enter")
        await pilot.pause()
        assert feed.virtual_size.height > before
        heard = ledger.TrialHeard(t=2e9, step=980, trial="t2", what="round", numbers={"gain": 0.4})
        with app.run_files.ledger.open("a") as file:
            file.write(heard.model_dump_json() + "\n")
        for _ in range(50):
            await pilot.pause(0.05)
            app.pull()
            if "round 5 of 6" in feed.rows["fix-t2"].head.plain:
                break
        assert "round 5 of 6" in feed.rows["fix-t2"].head.plain
        assert feed.chosen is feed.rows["fix-t2"]
        assert "fix-t2" in feed.opened


@pytest.mark.slow
async def test_numbers_show_and_hide_panes(opened: Open) -> None:
    async with opened("healthy", size=(80, 24)) as (app, pilot):
        metric = app.query_one("#metric", Chart)
        assert not metric.display
        await pilot.press("2")
        assert metric.display
        await pilot.press("1", "2")
        assert not app.query_one("#charts").display


async def test_more_room_brings_more_panes(opened: Open) -> None:
    async with opened("healthy", size=(80, 24)) as (app, pilot):
        assert app.overview.form == "compact"
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert app.overview.form == "medium"
        assert app.query_one("#machine").display
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert app.query_one("#log").display


async def test_nothing_is_drawn_while_nothing_comes_in(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.pause(0.3)
        before = [chart.paintings for chart in app.query(Chart)]
        for _ in range(5):
            app.pull()
            await pilot.pause()
        assert [chart.paintings for chart in app.query(Chart)] == before


async def test_the_onlooker_is_quiet_while_rounds_are_timed(opened: Open) -> None:
    async with opened("trying") as (app, _pilot):
        app.pull()
        assert app._quiet_left > 0


async def test_a_silent_run_is_called_stalled(opened: Open) -> None:
    async with opened("stalled") as (app, _pilot):
        assert app.overview.seen.word == "stalled"


async def test_a_crash_ends_on_its_traceback_and_last_events(opened: Open) -> None:
    async with opened("crashed") as (app, pilot):
        assert isinstance(app.screen, ReportPage)
        await pilot.pause()
        said = str(app.screen.query_one("#page").render())
        assert "Traceback (most recent call last)" in said
        assert "a worker died of a bus error" in said
        assert "beat taken" in said


async def test_without_colours_the_second_line_is_told_by_its_form(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        assert "╌ validation" not in str(app.query_one("#loss", Chart).border_title)
        app.theme = "monochrome"
        app.pull()
        await pilot.pause()
        assert "╌ validation" in str(app.query_one("#loss", Chart).border_title)


async def test_zoom_shows_the_newest_fifth(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("z")
        await pilot.pause()
        axis = app.query_one("#loss", Chart).render_line(app.query_one("#loss").size.height - 1).text
        assert "2,400" in axis
        assert "1,000" not in axis


@pytest.mark.parametrize(
    ("replay", "keys", "there"),
    [
        pytest.param(1.0, (), {"back", "on"}, id="replay"),
        pytest.param(1.0, ("c",), set[str](), id="replay with a crosshair"),
        pytest.param(None, (), set[str](), id="live"),
    ],
)
async def test_the_footer_shows_the_arrows_where_they_scrub(
    opened: Open, replay: float | None, keys: tuple[str, ...], there: set[str]
) -> None:
    async with opened("healthy", replay=replay) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        assert {"back", "on"} & {one.description for one in app.screen.query(FooterKey)} == there


async def test_a_replay_can_be_stopped_scrubbed_and_sped_up(opened: Open) -> None:
    async with opened("healthy", replay=1.0) as (app, pilot):
        playback = app.feeder.playback
        assert playback is not None
        await pilot.press("space")
        assert playback.paused
        share = playback.share
        await pilot.press(*["right"] * 8)
        assert playback.share == pytest.approx(share + 0.4, abs=0.01)
        await pilot.press("plus")
        assert playback.speed == 2.0
        await pilot.press("minus", "minus")
        assert "replay 1/2x" in app.note()
        assert wishes(app.run_files) == []


async def offered(pilot: Pilot[int]) -> set[str]:
    """Open the palette and return what it lists."""
    await pilot.press("ctrl+p")
    await pilot.pause(0.3)
    listed = pilot.app.screen.query_one(CommandList)
    return {str(option.prompt).splitlines()[0] for option in listed.options}


async def test_the_palette_has_every_action(opened: Open) -> None:
    async with opened("healthy") as (_app, pilot):
        listed = await offered(pilot)
        assert {"apply", "freeze or thaw the advisor", "stop the run", "zoom the charts", "detach"} <= listed
        assert "Quit" not in listed, "Textual's own says nothing of what becomes of the run"


async def test_the_palette_over_a_page_has_the_actions_of_the_page(opened: Open) -> None:
    async with opened("healthy") as (_app, pilot):
        await pilot.press("o")
        listed = await offered(pilot)
        assert {"older match", "all lines", "back", "detach"} <= listed
        assert "apply" not in listed


async def test_an_action_is_chosen_in_the_palette_by_its_name(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("ctrl+p", *"ledger")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.3)
        assert isinstance(app.screen, LedgerPage)


async def test_detaching_ends_with_zero_and_leaves_no_file_behind(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("d")
        await pilot.pause()
        assert app.return_value == 0
    assert list(app.run_files.wishes.iterdir()) == []


async def test_a_run_that_grows_is_followed(opened: Open) -> None:
    async with opened("warming") as (app, pilot):
        made = Recording.go_on(app.run_files, step=100)
        made.train(400)
        made.flush()
        for _ in range(60):
            await pilot.pause(0.05)
            if app.overview.seen.step == 500:
                break
        await read_all(app, pilot)
        assert app.overview.seen.step == 500


def test_the_terminal_ui_loads_no_torch() -> None:
    code = "import sys, advisor.tui.app; print([m for m in ('torch', 'sklearn', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(("width", "said"), [(80, True), (200, False)])
async def test_a_table_that_is_wider_than_its_page_says_so_and_keeps_its_first_column(
    opened: Open, width: int, said: bool
) -> None:
    async with opened("healthy", size=(width, 24)) as (app, pilot):
        await pilot.press("k")
        await pilot.pause()
        heading = str(app.screen.query_one(".heading", Static).render())
        assert ("other columns" in heading) is said
        table = app.screen.query_one(DataTable)
        await pilot.press(*["right"] * 30)
        await pilot.pause()
        assert (table.scroll_offset.x > 0) is said
        assert "momentum" in "".join(one.text for one in table.render_line(5))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((80, 24), {"loss"}), ((80, 50), {"loss", "metric"}), ((120, 40), {"loss", "metric", "rate", "gradient"})],
)
async def test_as_many_charts_are_shown_as_there_is_room_for(
    opened: Open, size: tuple[int, int], shown: set[str]
) -> None:
    async with opened("healthy", size=size) as (app, _pilot):
        charts = [chart for chart in app.query(Chart) if chart.display]
        assert {chart.id for chart in charts} == shown
        assert all(chart.size.width >= 50 and chart.size.height >= 5 for chart in charts)


async def test_the_findings_page_has_every_rule_and_explains_one_that_found_nothing(opened: Open) -> None:
    def passed() -> tuple[str, ...]:
        with app.feeder.scene() as scene:
            return scene.story.passed

    async with opened("healthy", size=(120, 40)) as (app, pilot):
        made = Recording.go_on(app.run_files, step=2900)
        made.say(ledger.Assessed(passed=("OPT101", "DAT104"), not_assessed={"INP107": ("loader", "host")}))
        made.flush()
        await until(app, pilot, lambda: passed() != ())
        await pilot.press("F")
        await pilot.pause()
        table = app.screen.query_one(DataTable)
        rows = [[str(cell) for cell in table.get_row_at(place)] for place in range(table.row_count)]
        assert rows[0][:2] == ["INP101", "warning, cause"]
        assert [row[0] for row in rows].count("DAT104") == 1
        assert [row[:2] for row in rows[-2:]] == [["INP107", "not assessed"], ["OPT101", "passed"]]
        assert "loader, host" in rows[-2][3]
        assert "why" in {one.description for one in app.screen.query(FooterKey)}
        table.move_cursor(row=len(rows) - 1)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, WhyPage)
        assert "The learning rate is far too high" in str(app.screen.query_one("#numbers", Static).render())
