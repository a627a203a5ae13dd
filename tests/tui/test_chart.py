from collections.abc import Callable

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.content import Content

from advisor.tui import axes
from advisor.tui.braille import Canvas, Frame, decimate
from advisor.tui.chart import Chart, Line, Mark, Plot
from advisor.tui.series import points


def frame(width: int = 10, height: int = 4, last: float = 100, logarithmic: bool = False, **bounds: float) -> Frame:
    return Frame(width, height, 0, last, bounds.get("bottom", 0.0), bounds.get("top", 1.0), logarithmic)


def test_decimation_keeps_the_extremes_of_every_column() -> None:
    x = np.arange(0, 10_001.0)
    y = np.zeros(10_001)
    y[5000], y[7000] = 1.0, -1.0
    columns = decimate(points(x, y), frame(last=10_000))
    assert len(columns.low) == 20
    assert np.nanmax(columns.high) == 1.0
    assert np.nanmin(columns.low) == -1.0


def test_a_line_from_bottom_left_to_top_right_touches_both_corners() -> None:
    columns = decimate(points(np.arange(101.0), np.linspace(0, 1, 101)), frame())
    canvas = Canvas(10, 4)
    canvas.draw(columns.low, columns.high, columns.holes, frame(), 1, alone=False)
    assert canvas.dots[-1, 0]
    assert canvas.dots[0, -1]
    assert canvas.dots.any(axis=0).all()


def test_a_gap_of_nan_is_not_bridged() -> None:
    y = np.ones(101) * 0.5
    y[30:70] = np.nan
    columns = decimate(points(np.arange(101.0), y), frame())
    canvas = Canvas(10, 4)
    canvas.draw(columns.low, columns.high, columns.holes & np.isnan(columns.low), frame(), 1, alone=False)
    assert not canvas.dots[:, 7:13].any()
    assert canvas.dots[:, 0].any()


def test_sparse_values_are_joined_by_a_line() -> None:
    columns = decimate(points(np.array([0.0, 100.0]), np.array([0.0, 1.0])), frame())
    canvas = Canvas(10, 4)
    canvas.draw(columns.low, columns.high, columns.holes, frame(), 1, alone=False)
    assert (canvas.dots.sum(axis=0) >= 1).all()


def test_a_dashed_line_has_gaps_and_a_single_value_none() -> None:
    def drawn(steps: list[float]) -> list[bool]:
        columns = decimate(points(np.array(steps), np.full(len(steps), 0.5)), frame())
        canvas = Canvas(10, 4)
        canvas.draw(columns.low, columns.high, columns.holes, frame(), 1, alone=True, dashed=True)
        return [bool(one) for one in (canvas.inks == 1).any(axis=0)]

    assert drawn([0.0, 100.0]) == [True, True, False] * 3 + [True]
    assert sum(drawn([25.0])) == 1


def test_a_decade_is_as_high_as_the_next_on_a_logarithmic_axis() -> None:
    rows = frame(logarithmic=True, bottom=0.01, top=1.0).row(np.array([1.0, 0.1, 0.01]))
    assert rows[1] - rows[0] == pytest.approx(rows[2] - rows[1])


@pytest.mark.parametrize(
    ("bottom", "top", "most", "ticks"),
    [
        pytest.param(0, 10, 6, [0, 2, 4, 6, 8, 10], id="even"),
        pytest.param(0.31, 0.98, 4, [0.4, 0.6, 0.8], id="shares"),
        pytest.param(-1, 1, 3, [-1, 0, 1], id="signed"),
        pytest.param(5, 5, 3, [], id="no span"),
    ],
)
def test_ticks_are_round_numbers(bottom: float, top: float, most: int, ticks: list[float]) -> None:
    assert axes.linear_ticks(bottom, top, most) == pytest.approx(ticks)


def test_powers_of_ten_are_the_ticks_of_a_logarithmic_axis() -> None:
    assert axes.logarithmic_ticks(0.003, 40, 6) == pytest.approx([0.01, 0.1, 1, 10])


def test_a_single_spike_does_not_flatten_the_picture() -> None:
    values = np.append(np.linspace(0, 1, 999), 1000.0)
    assert axes.bounds([values], logarithmic=False)[1] < 2


def test_a_constant_line_has_room_around_it() -> None:
    bottom, top = axes.bounds([np.full(5, 0.1)], logarithmic=False)
    assert bottom < 0.1 < top


class ChartApp(App[None]):
    def __init__(self, plot: Plot, ascii_only: bool = False) -> None:
        super().__init__()
        self.chart = Chart(ascii_only=ascii_only, id="chart")
        self._plot = plot

    def compose(self) -> ComposeResult:
        yield self.chart

    def get_theme_variable_defaults(self) -> dict[str, str]:
        from advisor.tui.themes import DEFAULTS

        return DEFAULTS

    def text(self) -> str:
        return "\n".join(self.chart.render_line(y).text for y in range(self.chart.size.height))


def plot(**changed: object) -> Plot:
    x = np.arange(1.0, 1001.0)
    fields: dict[str, object] = {
        "version": (1,),
        "title": Content("loss"),
        "lines": (Line(points(x, 2 / x**0.3), "raw"),),
        "last": 1000.0,
    }
    return Plot(**(fields | changed))  # type: ignore[arg-type]


@pytest.fixture
def painted() -> Callable[..., object]:
    async def paint(shown: Plot, ascii_only: bool = False) -> str:
        app = ChartApp(shown, ascii_only)
        async with app.run_test(size=(60, 14)) as pilot:
            app.chart.show(shown)
            await pilot.pause()
            return app.text()

    return paint


async def test_a_chart_paints_once_until_its_plot_or_size_changes() -> None:
    app = ChartApp(plot())
    async with app.run_test(size=(60, 14)) as pilot:
        app.chart.show(plot())
        await pilot.pause()
        before = app.chart.paintings
        app.chart.show(plot())
        app.chart.refresh()
        await pilot.pause()
        assert app.chart.paintings == before
        app.chart.show(plot(version=(2,)))
        await pilot.pause()
        assert app.chart.paintings == before + 1
        await pilot.resize_terminal(70, 16)
        await pilot.pause()
        assert app.chart.paintings == before + 2


async def test_marks_stand_as_flags_and_trials_are_underlined(painted: Callable[..., object]) -> None:
    said = await painted(plot(marks=(Mark(500, "▲"),), spans=((200.0, 400.0),)))  # type: ignore[misc]
    assert "▲" in said.splitlines()[0]
    assert "═" in said.splitlines()[-1]


async def test_values_that_were_not_finite_are_marked_on_the_axis(painted: Callable[..., object]) -> None:
    y = np.ones(1000)
    y[400:450] = np.nan
    said = await painted(plot(lines=(Line(points(np.arange(1.0, 1001.0), y), "raw"),)))  # type: ignore[misc]
    assert "✗" in said.splitlines()[-1]


async def test_an_empty_chart_says_what_it_waits_for(painted: Callable[..., object]) -> None:
    said = await painted(plot(lines=(), waiting="waiting for the first evaluation"))  # type: ignore[misc]
    assert "waiting for the first evaluation" in said


async def test_a_chart_without_unicode_has_only_ascii(painted: Callable[..., object]) -> None:
    y = np.ones(1000)
    y[400:450] = np.nan
    lines = (Line(points(np.arange(1.0, 1001.0), y), "main"),)
    said = await painted(plot(lines=lines, marks=(Mark(500, "^"),), spans=((1.0, 90.0),)), ascii_only=True)  # type: ignore[misc]
    assert said.isascii()


def test_one_line_that_spans_far_brings_the_logarithmic_axis_though_others_do_not() -> None:
    train, validation = np.linspace(2.3, 0.7, 200), np.array([450.0, 9.0, 3.0, 1.9, 1.7])
    assert axes.wants_logarithm([train, validation])
    assert not axes.wants_logarithm([train, validation[1:]])


def test_a_nearly_constant_line_is_not_blown_up() -> None:
    bottom, top = axes.bounds([np.linspace(1.4975, 1.5, 50)], logarithmic=False)
    assert top - bottom >= 0.02 * 1.49


def test_a_single_value_is_large_enough_to_be_seen() -> None:
    columns = decimate(points(np.array([50.0]), np.array([0.5])), frame())
    canvas = Canvas(10, 4)
    canvas.draw(columns.low, columns.high, columns.holes, frame(), 1, alone=True)
    assert canvas.dots.sum() == 4
