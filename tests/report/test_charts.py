"""The pictures of a report: what they show, that the page colours them, and that nothing odd breaks them."""

import re
from itertools import pairwise
from math import inf, nan
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.ledger import Measured
from advisor.report import charts, pictures
from advisor.report.html import html
from advisor.report.panels import Flag, Panel, timeline_panels
from advisor.report.view import gain_bar
from tests.report import literal_runs, test_report
from tests.report.literal_runs import report_of

HOSTILE = test_report.HOSTILE.replace("\x00", "")
ODD = [0.0, -1.0, 1e-300, 1.0, 1e30, 1.7e308, -1.7e308, nan, inf, -inf]
LETTERS_HEIGHT = 9
TIMELINE_BYTES_MOST = 150_000
"""Of a run that fills every list of the timeline: all pictures of a page together stay far below 2 MB."""


def panel(*values: float, kind: str = "line", title: str = "loss") -> Panel:
    return Panel(title, ((kind, tuple((float(at), value) for at, value in enumerate(values))),), 150)


def drawn(*panels: Panel, flags: tuple[Flag, ...] = ()) -> ElementTree.Element:
    return ElementTree.fromstring(charts.draw(panels, flags, (), "curves"))


def paths(picture: ElementTree.Element, kind: str) -> list[str]:
    return [path.attrib["d"] for path in picture.findall(f".//g[@class='{kind}']//path") if path.get("d")]


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter("text")]


def pictured() -> list[str]:
    """Return the pictures of a run with trials, and of layers."""
    report = report_of(literal_runs.troubled())
    panels = timeline_panels(report.timeline, "accuracy", 0.1)
    layers = {"steps": [1, 2], "names": ["in"], "grad_norm": [[1.0, 0.5]]}
    flags = (Flag(1, 20.0, "kept", "a fix"),)
    return [
        charts.draw(panels, flags, [(10.0, 20.0)], "curves"),
        pictures.arms_plot(report.interventions[1]),
        pictures.heat_map(layers),
    ]


def test_a_picture_takes_its_colours_from_the_page_and_fetches_nothing() -> None:
    for picture in pictured():
        assert not re.search(r"style=|#[0-9a-f]{6}|rgb|://", picture)
        assert ElementTree.fromstring(picture).attrib.keys() == {"viewBox", "class", "role", "aria-label"}


def test_the_same_run_is_drawn_the_same_to_the_byte() -> None:
    assert pictured() == pictured()


def test_a_users_own_settings_of_matplotlib_change_nothing_and_are_left_as_they_were() -> None:
    plain = pictured()
    with mpl.rc_context({"text.usetex": True, "axes.grid": True, "svg.fonttype": "path", "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        assert pictured() == plain
        assert dict(mpl.rcParams) == before


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    (path,) = paths(drawn(panel(1.0, 2.0, nan, 2.0, 2.5, inf, 1.0, 3.0)), "line")
    assert path.count("M") == 3


def test_a_value_between_two_gaps_is_a_dot() -> None:
    assert len(drawn(panel(1.0, nan, 2.0, nan, 1.0, 1.5)).findall(".//g[@class='line']//use")) == 2
    assert len(drawn(panel(1.0, 2.0, nan, 2.0, 1.0)).findall(".//g[@class='line']//use")) == 0


def test_a_curve_over_orders_of_magnitude_is_read_on_a_logarithmic_axis() -> None:
    assert "loss (log)" in texts(drawn(panel(100.0, 1.0, 0.01)))
    assert "loss" in texts(drawn(panel(1.0, 0.5, 0.1)))
    assert "loss" in texts(drawn(panel(1.0, 0.5, 0.0)))


@pytest.mark.parametrize("height", [56, 150])
@pytest.mark.parametrize(
    "values",
    [(100.0, 0.01), (0.7, 0.02), (0.011, 0.99), (2.7e-5, 3e-3), (1e-5, 1e-30), (1e38, 1e-45), (0.9, 0.8), (3.0, -3.0)],
)
def test_a_scale_has_two_marks_at_least_and_no_more_than_it_has_room_for(
    values: tuple[float, float], height: int
) -> None:
    picture = drawn(Panel("loss", panel(*values).curves, height))
    marks = [
        float(text.attrib["y"]) for text in picture.findall(".//g/text[@text-anchor='end']") if text.text != "step"
    ]
    assert len(marks) >= 2
    assert all(a - b >= LETTERS_HEIGHT for a, b in pairwise(sorted(marks, reverse=True)))


def test_what_the_axis_counts_is_told_on_it_and_at_each_evaluation() -> None:
    scored = Panel("accuracy", (("line", ((1.0, 0.5), (2.0, 0.6))),), 110, dots=((1.0, 0.5), (2.0, 0.6)))
    picture = ElementTree.fromstring(charts.draw([scored], (), (), "curves", unit="epoch"))
    assert "epoch" in texts(picture)
    assert [use.findtext("title") for use in picture.findall(".//g[@class='dot']//use")] == [
        "epoch 1: 0.5",
        "epoch 2: 0.6",
    ]


def test_a_value_that_never_changes_is_the_one_mark_of_its_scale() -> None:
    told = texts(drawn(panel(0.03, 0.03, 0.03)))
    assert [text for text in told if text.startswith("0.0")] == ["0.03"]


def test_an_abandoned_branch_does_not_stretch_the_range_of_what_counts() -> None:
    counts = ("line", ((0.0, 1.0), (9.0, 2.0)))
    gone = ("abandoned", ((4.0, 1.5), (5.0, 1e9)))
    both, alone = (drawn(Panel("loss", curves, 150)) for curves in ((counts, gone), (counts,)))
    assert paths(both, "line") == paths(alone, "line")
    assert len(paths(both, "abandoned")) == 1


def test_badges_at_one_step_stand_apart_inside_the_picture_and_say_what_they_mark() -> None:
    flags = tuple(Flag(at, 9.0, "kept", HOSTILE) for at in range(1, 13))
    picture = drawn(panel(*map(float, range(10))), flags=flags)
    badges = [use for group in picture.findall(".//g[@class='badge kept']") for use in group.iter("use")]
    places = [float(use.attrib["x"]) for use in badges]
    assert all(b - a >= charts.BADGE - 0.2 for a, b in pairwise(places))
    assert charts.LEFT < min(places) < max(places) < charts.WIDTH - charts.BADGE / 2 + 0.2
    assert {use.findtext("title") for use in badges} == {f"step 9: {HOSTILE}"}
    assert [text.text for text in picture.findall(".//g[@class='numbered']//text")] == [str(at) for at in range(1, 13)]


def test_what_a_user_calls_a_metric_is_text() -> None:
    assert "$x_{1$ <b>" in texts(drawn(panel(1.0, 2.0, title="$x_{1$\n<b>")))


def test_pictures_of_one_page_do_not_share_their_inner_references() -> None:
    one, two = (charts.draw([panel(1.0, 2.0)], (), (), "curves", name=name) for name in ("run1", "run2"))
    ids = [set(re.findall(r' id="([^"]+)"', picture)) for picture in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=6), st.sampled_from(ODD))
def test_any_curve_can_be_drawn(values: list[float], level: float) -> None:
    timeline = {
        "steps": range(len(values)), "loss": values, "lr": values[::-1], "memory_bytes": values,
        "metric_steps": range(len(values)), "metric": values, "val_loss": [level], "train_metric": values,
        "abandoned": [{"steps": range(len(values)), "loss": values[::-1]}],
    }  # fmt: skip
    picture = charts.draw(timeline_panels(timeline, "accuracy", level), (), (), "curves")
    assert not picture or 'class="title"' in picture


def test_a_full_timeline_stays_small() -> None:
    steps = list(range(0, 1_000_000, 2000))
    noisy = [2.3 / (1 + at / 50) + (at * 7919 % 100) / 100 for at in range(500)]
    timeline = {
        "steps": steps, "loss": noisy, "lr": noisy, "step_s": noisy, "memory_bytes": noisy,
        "metric_steps": steps, "metric": noisy, "val_loss": noisy, "train_metric": noisy,
        "busy": {"of": "device", "steps": steps, "share": noisy},
    }  # fmt: skip
    assert len(charts.draw(timeline_panels(timeline, "accuracy", 0.1), (), (), "curves")) < TIMELINE_BYTES_MOST


def test_the_bar_of_a_gain_shows_its_interval_against_zero() -> None:
    bar = gain_bar(Measured(low=-0.1, median=0.1, high=0.3, unit="relative step_s"))
    assert bar is not None
    assert (bar.low, bar.zero, bar.middle, bar.high, bar.good) == pytest.approx((0.0, 25.0, 50.0, 100.0, True))
    assert gain_bar(Measured(low=nan, median=0.1, high=0.3, unit="loss")) is None
    assert 'class="gain-bar good"' in html(report_of(literal_runs.troubled()))
