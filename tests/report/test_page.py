"""The page of a report: each claim links to its evidence, pictures show what was measured, nothing leads nowhere."""

import base64
import io
import re
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from advisor import ledger
from advisor.report import pictures, places
from advisor.report.checked import not_assessed
from advisor.report.html import html
from advisor.report.machine import busy
from advisor.report.markdown import markdown
from advisor.report.thumbnails import data_uri
from advisor.sensors.sample import DeviceSample, HostSample, Sample
from advisor.story.story import Story, fold
from rules.catalogue import all_rules
from tests.report import literal_runs
from tests.report.test_report import HOSTILE, Page, hostile_run, report_of, written
from trainer import wire
from trainer.words import Layer, Picture


def measured(run: literal_runs.Recorder, norms: dict[str, float]) -> None:
    layers = tuple(
        Layer(name=name, kind="Linear", grad_norm=norm, weight_norm=1.0, update_ratio=1e-3)
        for name, norm in norms.items()
    )
    run.say(wire.LayersMeasured, layers=layers)


@pytest.mark.parametrize("name", [*literal_runs.ALL, "hostile"])
def test_every_link_leads_to_one_place_on_the_page(name: str) -> None:
    page = Page(html(report_of(hostile_run() if name == "hostile" else literal_runs.ALL[name]())))
    targets = [value for key, value in page.attributes if key == "id"]
    links = {value[1:] for key, value in page.attributes if key == "href" and value and value.startswith("#")}
    assert len(targets) == len(set(targets))
    assert links <= set(targets)


def test_a_finding_links_to_its_rule_and_to_what_was_done_about_it() -> None:
    text = html(report_of(literal_runs.troubled()))
    for place in ("#rule-OPT101", "#finding-OPT101", "#fix-1", "#timeline"):
        assert f'href="{place}"' in text
    assert "Wu et al." in text


def test_the_rounds_of_a_trial_are_drawn_with_the_fix_and_without() -> None:
    report = report_of(literal_runs.troubled())
    cache = report.interventions[1]
    assert [one.arm for one in cache.arms] == ["control", "candidate"] * 6
    picture = pictures.arms_plot(cache)
    assert picture.count("<title>") == 12
    assert "without 940 µs; with 555 µs" in picture
    arms = report.interventions[3]
    assert {one.arm: one.value for one in arms.arms} == {"control": 0.812, "candidate": 0.868, "null": 0.809}
    assert "balanced accuracy" in pictures.arms_plot(arms)


def test_what_had_no_control_is_not_drawn() -> None:
    rescue = report_of(literal_runs.troubled()).interventions[0]
    assert rescue.arms == ()
    assert pictures.arms_plot(rescue) == ""


def test_the_gradients_of_the_layers_are_a_map_in_which_a_broken_one_stands_out() -> None:
    run = literal_runs.healthy()
    for at in range(6):
        measured(run, {"in": 10.0**-at, HOSTILE.replace("\x00", ""): nan if at == 3 else 1.0})
    report = report_of(run)
    layers = report.timeline["layers"]
    assert layers["names"][0] == "in"
    assert len(layers["grad_norm"][0]) == len(layers["steps"]) == 6
    picture = pictures.heat_map(layers)
    assert 'class="broken"' in picture
    assert "1e-05" in picture
    assert "1 (log); red: not finite" in picture
    assert "Gradients of the layers" in html(report)
    assert "script" not in Page(html(report)).tags


def test_a_deep_net_measured_often_stays_a_small_picture() -> None:
    run = literal_runs.healthy()
    for at in range(150):
        measured(run, {f"block{number}.linear": 10.0 ** (-number / 20) / (at + 1) for number in range(60)})
    layers = report_of(run).timeline["layers"]
    assert len(layers["names"]) <= 40
    assert len(layers["steps"]) <= 120
    assert len(pictures.heat_map(layers)) < 100_000


def test_layers_of_a_deep_net_keep_names_that_tell_them_apart() -> None:
    names = [f"block{number}.attention.projection.{part}" for number in range(4) for part in ("weight", "bias")]
    picture = pictures.heat_map({"steps": [1, 2], "names": names, "grad_norm": [[1.0, 2.0]] * 8})
    shown = [text for text in re.findall(r">([^<]+)</text>", picture) if text.startswith("block")]
    assert len(set(shown)) == 8
    assert max(map(len, shown)) <= pictures.NAME_LETTERS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-300, 1.0, 1e300, nan, inf, -inf]), min_size=0, max_size=8))
def test_any_gradients_can_be_drawn(norms: list[float]) -> None:
    pictures.heat_map({"steps": list(range(len(norms))), "names": ["a"], "grad_norm": [norms]})


def test_what_was_turned_back_is_not_on_the_map() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(32)
    measured(run, {"in": 1.0})
    run.say(wire.RolledBack, from_step=32, step=8, skipped_batches=0)
    assert report_of(run).timeline["layers"] == {}


def test_a_rule_that_cannot_apply_is_told_apart_from_one_that_could_not_speak() -> None:
    run = literal_runs.healthy()
    missing = {"DST101": ("neighbours",), "DAT108": ("table",), "DAT102": ("labels",), "ARC101": ("layers",)}
    run.enter(ledger.Assessed, passed=("NUM101",), not_assessed=missing)
    report = report_of(run, config=literal_runs.about()["config"] | {"advisor": {"mute": ["OPT105"]}})
    assert {one.code for one in places.not_applicable(report)} == {"DST101", "DAT108"}
    told = {one.code: one.why for one in places.silent(report)}
    assert told.keys() == {"DAT102", "ARC101", "OPT105"}
    assert "too short" in told["ARC101"]
    assert "muted" in told["OPT105"]
    assert "does not apply: the inputs are no table" in markdown(report)


def test_a_machine_that_does_not_count_what_threads_wait_for_is_told_apart_from_a_short_run() -> None:
    counted = literal_runs.healthy()
    counted.enter(ledger.Assessed, passed=("INP101",), not_assessed={"INP104": ("fetcher",)})
    short = literal_runs.healthy()
    short.enter(ledger.Assessed, passed=(), not_assessed={"INP101": ("loader",), "INP104": ("loader", "fetcher")})
    loaders = [_by_items(fold(run.events, run.entries)) for run in (counted, short)]
    told = [{one.code: one.why for one in not_assessed(story, ())} for story in loaders]
    assert "does not count what the fetching threads wait for" in told[0]["INP104"]
    assert told[1]["INP104"] == told[1]["INP101"]


def _by_items(story: Story) -> Story:
    """Return the story of the same run on items that are fetched one by one."""
    assert story.started is not None
    story.started = story.started.model_copy(
        update={"lockstep": False, "task": story.started.task.model_copy(update={"in_memory": False})}
    )
    return story


def test_every_group_of_facts_that_a_rule_needs_has_a_reason_when_it_is_missing() -> None:
    run = literal_runs.healthy()
    run.enter(ledger.Assessed, passed=(), not_assessed={rule.code: rule.needs for rule in all_rules()})
    assert all(one.why for one in not_assessed(fold(run.events, run.entries), ()))


def test_the_bill_adds_up_trials_and_probes_and_leaves_rescues_out() -> None:
    report = report_of(literal_runs.troubled())
    assert report.bill is not None
    assert (report.bill.trials, report.bill.probes) == (4, 1)
    assert report.bill.trials_s == pytest.approx(0.7 + 0.7 + 1.0 + 0.8)
    assert report.bill.share == pytest.approx((3.2 + 0.9) / report.time["total"])


def test_goodput_is_the_share_of_time_that_computes_steps_that_count() -> None:
    report = report_of(literal_runs.healthy())
    goodput = next(one for one in report.health if one.name == "goodput")
    useful = sum(report.time[part] for part in ("to_device", "forward", "backward", "optimizer"))
    assert goodput.value == pytest.approx(useful / report.time["total"])


def test_a_rescue_whose_finding_went_before_its_verdict_has_mended_it() -> None:
    run = literal_runs.troubled()
    run.entries = [
        entry.model_copy(update={"mended": False}) if isinstance(entry, ledger.Cleared) and entry.code == "OPT101" else entry
        for entry in run.entries
    ]  # fmt: skip
    assert next(one for one in report_of(run).findings if one.code == "OPT101").mended


def picture(width: int, height: int, channels: int, pixels: bytes | None = None) -> Picture:
    held = bytes(width * height * channels) if pixels is None else pixels
    return Picture(width=width, height=height, channels=channels, pixels=base64.b64encode(held).decode())


def test_a_picture_on_the_wire_is_the_same_picture_on_the_page() -> None:
    grey = bytes(range(6))
    shown = Image.open(io.BytesIO(base64.b64decode(data_uri(picture(3, 2, 1, grey)).partition(",")[2])))
    assert shown.size == (3, 2)
    assert shown.tobytes() == grey
    assert data_uri(picture(4, 4, 3)).startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(picture(4, 4, 1, b"short"), id="too few bytes"),
        pytest.param(picture(4, 4, 2), id="no such channels"),
        pytest.param(picture(0, 0, 1), id="empty"),
        pytest.param(Picture(width=1, height=1, channels=1, pixels="<img>"), id="no base64"),
    ],
)
def test_a_broken_picture_is_left_out(broken: Picture) -> None:
    assert data_uri(broken) == ""


def test_suspects_are_shown_as_they_look_and_rows_of_a_table_as_their_values() -> None:
    run = literal_runs.troubled()
    run.events = [
        event.model_copy(update={"pictures": (picture(8, 8, 1),), "rows": ({HOSTILE: 3.0}, {"sex": "<b>"})})
        if isinstance(event, wire.LabelsSuspected)
        else event
        for event in run.events
    ]
    report = report_of(run)
    page = Page(html(report))
    assert page.tags.count("img") == 1
    assert "sex <b>" in "".join(page.text)
    assert not {"script", "b>"} & set(page.tags)


def test_starting_again_after_a_crash_is_a_part_of_the_time_and_a_first_start_is_none() -> None:
    run = literal_runs.Recorder()
    run.enter(ledger.TrainerStarted, pid=1)
    run.t += 3
    run.start()
    run.learn(32)
    run.enter(ledger.TrainerExited, code=-9, why="killed by signal 9")
    run.enter(ledger.TrainerStarted, pid=2, restart=1)
    run.t += 7
    run.start(resumed=True)
    run.learn(64)
    run.end()
    report = report_of(run)
    assert report.time["restarts"] == pytest.approx(7, abs=0.1)
    assert "starting again" in html(report)


def test_how_busy_the_machine_was_stands_on_the_axis_of_steps() -> None:
    run = literal_runs.healthy()
    beats = [event for event in run.events if isinstance(event, wire.BeatTaken)]
    host = HostSample(cores=2, busy_share=0.25, idle_cores=1.5, memory_bytes=1, memory_free_bytes=1)
    before = Sample(t=beats[0].t - 1, host=host)
    samples = [before, *(Sample(t=beat.t + 0.01, host=host) for beat in beats[:3])]
    told = busy(run.events, samples)
    assert told == {"steps": [beat.step for beat in beats[:3]], "share": [0.25] * 3, "of": "processors"}
    device = DeviceSample(
        index=0, name="a GPU", busy_share=0.75, memory_bytes=1, memory_used_bytes=1, power_w=1, power_limit_w=1,
        temperature_c=1, clock_mhz=1, clock_max_mhz=1, throttled=False,
    )  # fmt: skip
    told = busy(run.events, [*samples, Sample(t=beats[3].t + 0.01, host=host, devices=(device,))])
    assert told == {"steps": [beats[3].step], "share": [0.75], "of": "device"}
    assert busy(run.events, []) == {}


def test_a_report_reads_no_more_samples_than_it_shows(tmp_path: Path) -> None:
    run = written(tmp_path, literal_runs.healthy())
    run.samples.write_text("".join(Sample(t=at).model_dump_json() + "\n" for at in range(501)))
    assert [sample.t for sample in run.read_samples(100)] == list(range(0, 501, 6))
    assert run.read_samples(10**6)[-1].t == 500
