"""The crosshair over the charts, by keyboard and mouse, and the zoom."""

import numpy as np
import pytest
from textual.content import Content

from advisor.tui.chart import Chart
from advisor.tui.crosshair import told_at, value_at
from advisor.tui.glance import Progress
from advisor.tui.plots import Plotter
from advisor.tui.scene import Scene
from advisor.tui.series import EMPTY, points
from tests.tui.conftest import Open, until
from trainer.wire import KnobsTurned
from trainer.words import Change


def title(chart: Chart) -> str:
    return Content.from_markup(str(chart.border_title)).plain


def told(app: object) -> str:
    said = app.query_one(Progress).told  # type: ignore[attr-defined]
    return said.plain if said else ""


def crossed_at(chart: Chart) -> int:
    """Return the cell of the top row that the crosshair stands in."""
    (place,) = [place for place, cell in enumerate(chart.render_line(1).text) if cell == "│" and place > 8]
    return place


async def test_the_crosshair_says_every_line_of_every_chart_at_one_step(opened: Open) -> None:
    async with opened("healthy", size=(120, 40)) as (app, pilot):
        await pilot.press("c", *["shift+left"] * 2)
        await pilot.pause()
        step = app.overview.crosshair
        assert step is not None
        assert step < 2900
        curves = app.feeder._scene.curves
        loss, rate = value_at(curves.loss.all(), step), value_at(curves.lr.all(), step)
        assert loss is not None
        assert rate is not None
        assert f"{loss.value:.3f} ~0." in title(app.query_one("#loss", Chart))
        assert f"{rate.value:.4f}" in title(app.query_one("#rate", Chart))
        assert f"step {step:,.0f}" in told(app)
        assert "epoch" in told(app)
        assert crossed_at(app.query_one("#loss", Chart)) == crossed_at(app.query_one("#gradient", Chart))


@pytest.mark.slow
async def test_the_crosshair_names_the_fix_that_was_tried_there(opened: Open) -> None:
    async with opened("healthy", size=(120, 40)) as (app, pilot):
        await pilot.press("c")
        mark = next(one for one in app.feeder._scene.story.marks if one.kind == "kept")
        app.overview.point(float(mark.step), fixed=True)
        app.pull()
        assert f"kept at {mark.step:,}: raise workers to 2" in told(app)
        assert "in the trial of raise workers to 2 (kept)" in told(app)


def test_a_turn_by_hand_is_a_mark_on_the_charts() -> None:
    scene = Scene()
    change = Change(knob="lr", old=0.1, new=0.01)
    scene.take(KnobsTurned(step=40, changes=(change,), trial="t1", probation=True))
    scene.take(KnobsTurned(step=50, changes=(change,), trial="u1-50", probation=True, by="user"))
    marks = Plotter(scene, 1.0, ascii_only=False).plot("loss").marks
    assert [(mark.step, mark.glyph) for mark in marks] == [(50, "✎")]
    assert "turned by hand at 50: lr 0.1 → 0.01" in told_at(scene, 50, 1.0).plain


@pytest.mark.slow
async def test_escape_takes_the_crosshair_away_and_the_arrows_scrub_again(opened: Open) -> None:
    async with opened("healthy", replay=1.0) as (app, pilot):
        playback = app.feeder.playback
        assert playback is not None
        await pilot.press("space", *["right"] * 10, "c", "left", "left")
        assert app.overview.crosshair_fixed
        share = playback.share
        await pilot.press("escape", "left")
        assert app.overview.crosshair is None
        assert playback.share == pytest.approx(share - 0.05, abs=0.01)


@pytest.mark.slow
async def test_moving_the_crosshair_paints_no_chart_anew(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.press("c")
        before = [chart.paintings for chart in app.query(Chart)]
        await pilot.press("left", "left", "shift+left")
        await pilot.pause()
        assert [chart.paintings for chart in app.query(Chart)] == before


@pytest.mark.slow
async def test_the_mouse_points_and_a_click_fixes(opened: Open) -> None:
    async with opened("healthy") as (app, pilot):
        await pilot.hover(Chart, offset=(40, 3))
        await pilot.pause()
        pointed = app.overview.crosshair
        assert pointed is not None
        assert not app.overview.crosshair_fixed
        await pilot.click(Chart, offset=(40, 3))
        await pilot.hover(Chart, offset=(20, 3))
        await pilot.pause()
        assert app.overview.crosshair == pointed
        await pilot.click(Chart, offset=(40, 3))
        await pilot.hover("#feed", offset=(3, 3))
        await pilot.pause()
        assert app.overview.crosshair is None


@pytest.mark.slow
async def test_a_step_whose_loss_is_no_number_says_nan(opened: Open) -> None:
    async with opened("nan") as (app, pilot):
        await pilot.press("c")
        await pilot.pause()
        assert "train NaN" in title(app.query_one("#loss", Chart))


@pytest.mark.slow
async def test_a_replay_goes_on_and_back_by_one_record(opened: Open) -> None:
    async with opened("healthy", replay=1.0) as (app, pilot):
        playback = app.feeder.playback
        assert playback is not None
        stream = app.feeder._stream

        def read_up_to_here() -> bool:
            with app.feeder.scene():
                following = stream.next_t()
            return following is None or following > playback.now_t

        def at() -> int:
            return app.overview.seen.step

        await pilot.press("space", *["right"] * 6)
        await until(app, pilot, lambda: at() > 0 and read_up_to_here())
        app.pull()
        before = at()
        for _ in range(20):  # not every record is of a step of its own
            await pilot.press("full_stop")
            await until(app, pilot, read_up_to_here)
            if (after := at()) > before:
                break
        assert before < after <= before + 60
        await pilot.press("comma")
        await until(app, pilot, lambda: before <= at() < after)


def test_the_value_at_a_step_is_that_of_the_nearest_slot() -> None:
    line = points(np.array([10.0, 20.0, 30.0]), np.array([1.0, np.nan, 3.0]))
    assert [value_at(line, step).value for step in (0.0, 14.0, 26.0, 99.0)] == [1.0, 1.0, 3.0, 3.0]  # type: ignore[union-attr]
    missing = value_at(line, 21.0)
    assert missing is not None
    assert np.isnan(missing.value)
    assert value_at(EMPTY, 5.0) is None
