import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from advisor import ledger
from advisor.ledger import Measured, TrialHeard
from advisor.story.story import Story
from advisor.story.told import InterventionState
from advisor.tui import words
from advisor.tui.alarm import Alarm, critical
from advisor.tui.by_hand import hand_turns
from advisor.tui.cards import Feed, nothing_yet, summary
from advisor.tui.effects import measured_text, progress_text
from advisor.tui.glance import Glimpse, line
from advisor.tui.machine import rows, sparkline
from advisor.tui.scene import Scene
from advisor.tui.steptime import bar, legend
from rules.vocabulary import Deed, Effect, Fix
from tests.tui.recording import NO_AMP, NON_FINITE, RARE_CLASSES, RATE_TOO_HIGH, STALLED_LOADER, gpu_sample
from trainer import wire
from trainer.words import Change


def story(*entries: ledger.Entry) -> Story:
    told = Story()
    for entry in entries:
        told.enter(entry)
    return told


def heads(told: Story, width: int = 100, asked: dict[str, str] | None = None) -> list[str]:
    return [row.head.plain.replace("\u00a0", " ") for row in Feed(told, width, asked or {}).rows()]


def found(finding: object = STALLED_LOADER, role: ledger.Role = "cause", step: int = 10) -> ledger.Found:
    return ledger.Found(finding=finding, role=role, step=step)  # type: ignore[arg-type]


def proposed(code: str = "DAT104") -> ledger.Proposed:
    return ledger.Proposed(
        proposal="p1", code=code, fix=RARE_CLASSES.fixes[0], how="fork", expected_cost_s=8.0, step=20
    )


def test_what_waits_for_a_person_stands_first() -> None:
    said = heads(story(found(RARE_CLASSES, step=5), proposed(), found(STALLED_LOADER, step=50)))
    assert "DAT104" in said[0]
    assert "waits for you" in said[1]
    assert "INP101" in said[2]


def test_what_is_mended_stands_last_and_says_so() -> None:
    told = story(found(STALLED_LOADER), found(NO_AMP), ledger.Cleared(code="DEV301", mended=True, step=30))
    assert "mended, was info" in heads(told)[-1]
    assert summary(told) == "1 finding"


def test_a_symptom_names_its_cause_when_it_is_open() -> None:
    told = story(ledger.Found(finding=NON_FINITE, role="symptom", explained_by="OPT101"), found(RATE_TOO_HIGH))
    row = next(row for row in Feed(told, 100, {}).rows() if row.code == "NUM101")
    assert "symptom of" in row.prompt(opened=True).plain
    assert "symptom of" not in row.prompt(opened=False).plain


def test_a_finding_of_a_rule_in_the_nursery_says_so() -> None:
    assert not any("nursery" in head for head in heads(story(found(RARE_CLASSES))))
    told = story(found(RARE_CLASSES.model_copy(update={"nursery": True})))
    assert "in the nursery" in heads(told)[0]
    row = next(row for row in Feed(told, 100, {}).rows() if row.code == RARE_CLASSES.code)
    assert "nothing is done about it" in row.prompt(opened=True).plain


def test_a_refused_fix_says_why() -> None:
    told = story(found(), ledger.Refused(code="INP101", fix=STALLED_LOADER.fixes[0], why="the budget is spent"))
    assert any("not tried: the budget is spent" in head for head in heads(told))


@given(st.integers(20, 200))
def test_no_line_of_the_feed_is_wider_than_its_pane(width: int) -> None:
    told = story(found(RARE_CLASSES), proposed(), found(STALLED_LOADER), found(RATE_TOO_HIGH))
    for row in Feed(told, width, {}).rows():
        for text in row.prompt(opened=True).plain.splitlines():
            assert len(text) <= max(width, 38)


@pytest.mark.parametrize("width", [40, 77])
def test_wide_letters_in_a_finding_take_their_two_cells(width: int) -> None:
    finding = STALLED_LOADER.model_copy(
        update={"message": "the class 猫の写真とても長い名前のクラス is seen too rarely " * 3}
    )
    for row in Feed(story(found(finding)), width, {}).rows():
        assert max(map(cell_len, row.head.plain.splitlines())) <= width


def test_a_running_trial_says_its_round_and_the_gain_so_far() -> None:
    heard = tuple(TrialHeard(trial="t", what="round", numbers={"gain": gain}) for gain in (0.1, 0.3, 0.2))
    trial = InterventionState(
        "t", "INP101", STALLED_LOADER.fixes[0], "rounds", {"workers": 0}, {"workers": 2}, 5, 0.0, heard=heard
    )
    assert progress_text(trial) == "round 4 of 6, so far 20% less step time (+10%, +30%, +20%)"


def test_a_running_fork_says_what_each_arm_scored() -> None:
    heard = (
        TrialHeard(trial="t", what="control", numbers={"tail_rare_recall": 0.31}),
        TrialHeard(trial="t", what="candidate", numbers={"tail_rare_recall": 0.55}),
    )
    fork = InterventionState(
        "t", "DAT104", RARE_CLASSES.fixes[0], "fork", {}, {}, 5, 0.0, steps_planned=40, heard=heard
    )
    assert progress_text(fork) == "fork of 40 steps: without it rare recall 0.310, with it rare recall 0.550"


def test_a_fix_that_waits_says_what_it_would_bring_and_cost() -> None:
    said = heads(story(found(RARE_CLASSES), proposed()), width=200)
    assert "waits for you: +20% rare recall expected, its trial 8.0 s" in said[1]


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        pytest.param(Measured(median=0.33, low=0.3, high=0.36, unit="relative step_s"), "33% less step time (30% to 36%)", id="faster"),
        pytest.param(Measured(median=-0.09, low=-0.12, high=-0.07, unit="relative step_s"), "9.0% more step time (7.0% to 12%)", id="slower"),
        pytest.param(Measured(median=0.02, low=-0.05, high=0.08, unit="relative loss"), "2.0% less loss (-5.0% to +8.0%)", id="unclear"),
        pytest.param(Measured(median=0.7, low=0.6, high=0.8, unit="relative tail_loss"), "70% less loss (60% to 80%)", id="average"),
        pytest.param(
            Measured(median=0.33, low=0.29, high=0.36, unit="relative balanced_loss"),
            "33% less loss with all classes alike (29% to 36%)",
            id="a loss of another kind",
        ),
        pytest.param(Measured(median=0.11, low=0.05, high=0.17, unit="rare_recall"), "rare recall +0.11 (+0.05 to +0.17)", id="metric"),
        pytest.param(Measured(median=0.7, low=0.7, high=0.7, unit="relative bytes"), "70% less size", id="counted"),
        pytest.param(Measured(median=3 << 20, low=0, high=0, unit="bytes"), "3.0 MiB less", id="size"),
    ],
)  # fmt: skip
def test_a_measured_gain_is_said_with_its_interval(measured: Measured, said: str) -> None:
    assert measured_text(measured) == said


def test_a_name_that_is_broken_keeps_its_colour_to_its_end() -> None:
    refused = ledger.Refused(code="DAT104", fix=RARE_CLASSES.fixes[0], why="no")
    head = Feed(story(found(RARE_CLASSES), refused), 30, {}).rows()[-1].head
    state = head.spans[-1]
    assert head.plain[state.start : state.end].strip() == "not tried: no"


def test_what_is_tried_for_no_finding_stands_first_while_it_runs() -> None:
    tried = ledger.TrialStarted(
        trial="t9", code="HAND", fix=STALLED_LOADER.fixes[0], how="rounds", old={"workers": 0}, expected_cost_s=3.0
    )
    kept = ledger.Judged(trial="t9", code="HAND", outcome="kept", why="it is faster", cost_s=3.0)
    assert "trying" in heads(story(found(RARE_CLASSES), tried))[0]
    assert "kept" in heads(story(found(RARE_CLASSES), tried, kept))[-1]


def turned_by_hand(*turns: tuple[str, str, float, float, bool]) -> Story:
    """Return a story with turns of a person: trial, knob, old, new, and whether the turn stays."""
    told = Story()
    for step, (trial, knob, old, new, stays) in enumerate(turns, 1):
        changes = (Change(knob=knob, old=old, new=new),)
        told.hear(wire.KnobsTurned(step=step, changes=changes, trial=trial, probation=True, by="user"))
        if stays:
            told.hear(wire.KnobsConfirmed(step=step, changes=changes, trial=trial))
        else:
            told.hear(wire.KnobsReverted(step=step, changes=changes, trial=trial, why="not taken"))
    return told


def test_what_was_turned_by_hand_is_listed_until_it_turns_again() -> None:
    told = turned_by_hand(
        ("u1", "lr", 0.1, 0.2, True), ("u2", "batch_size", 16, 32, True), ("u3", "lr", 0.2, 0.3, True)
    )
    assert [(one.old, one.new) for one in hand_turns(told)] == [
        ({"lr": 0.2}, {"lr": 0.3}),
        ({"batch_size": 16}, {"batch_size": 32}),
    ]


def test_a_turn_by_hand_that_went_back_has_nothing_to_undo() -> None:
    assert hand_turns(turned_by_hand(("u1", "lr", 0.1, 0.2, False))) == []


def test_only_what_has_become_critical_rings_and_only_once() -> None:
    alarm = Alarm()
    before = story(found(RATE_TOO_HIGH))
    assert not alarm.rings(critical(before, "training")), "it was there when the viewer came"
    after = story(found(RATE_TOO_HIGH), found(NON_FINITE))
    assert not alarm.rings(critical(story(found(RATE_TOO_HIGH), found(STALLED_LOADER)), "training"))
    assert alarm.rings(critical(after, "training"))
    assert not alarm.rings(critical(after, "training"))
    assert alarm.rings(critical(after, "failed"))


def test_the_feed_is_never_blank() -> None:
    assert "waiting for the trainer" in nothing_yet(Story())


def test_a_fix_for_a_person_is_shown_as_one() -> None:
    fix = Fix(
        name="collect more of class 7",
        effect=Effect.NEEDS_A_PERSON,
        deed=Deed.PERSON,
        improves="metric",
        expected=0.1,
        estimated_by="a learning curve",
    )
    told = story(found(RARE_CLASSES), ledger.Refused(code="DAT104", fix=fix, why="needs a person"))
    assert "collect more of class 7  for you to do" in heads(told)[-1]


def test_a_fix_that_was_refused_and_waits_now_is_listed_once() -> None:
    refused = ledger.Refused(code="DAT104", fix=RARE_CLASSES.fixes[0], why="still improving", step=15)
    said = heads(story(found(RARE_CLASSES), refused, proposed()))
    assert sum("weight classes" in head for head in said) == 1


def test_causes_stand_before_symptoms_and_errors_before_hints() -> None:
    told = story(
        ledger.Found(finding=NON_FINITE, role="symptom", explained_by="OPT101", step=90),
        found(NO_AMP, step=80),
        found(RATE_TOO_HIGH, step=20),
    )
    assert [row.code for row in Feed(told, 100, {}).rows()] == ["OPT101", "DEV301", "NUM101"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(float("nan"), "NaN", id="nan"),
        pytest.param(float("inf"), "∞", id="infinite"),
        pytest.param(0.0, "0", id="zero"),
        pytest.param(0.0312, "0.0312", id="small"),
        pytest.param(12345.6, "12,346", id="large"),
        pytest.param(3.4e-5, "3.4e-5", id="tiny"),
        pytest.param(-2.5, "-2.50", id="negative"),
    ],
)
def test_numbers_are_short_and_honest(value: float, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(4e-5, "40 µs"), (0.0124, "12.4 ms"), (4.21, "4.2 s"), (59.96, "1m 00s"), (130, "2m 10s"), (11100, "3h 05m"), (187200, "2d 04h")],
)  # fmt: skip
def test_durations_have_the_unit_that_reads_best(value: float, said: str) -> None:
    assert words.seconds(value) == said


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_can_be_said(value: float) -> None:
    assert words.number(value)
    assert words.seconds(value)
    assert words.share(value)
    assert words.rate(value)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_the_glance_line_fits_and_keeps_its_state(width: int) -> None:
    seen = Glimpse(
        "trying a fix",
        12_400,
        42_000,
        73.0,
        5161.0,
        0.2,
        "balanced_accuracy",
        0.9512,
        "GPU 87%",
        "advise",
        "run",
        "read-only",
    )
    said = line(seen, width)
    assert said.cell_length <= width or said.plain.strip() == "◐ trying a fix"
    assert "trying a fix" in said.plain


phases = st.dictionaries(
    st.sampled_from(["input_wait", "forward", "backward", "optimizer", "other"]), st.floats(0, 1e4), min_size=1
)


@given(phases, st.integers(1, 200))
def test_the_bar_is_exactly_as_wide_as_its_place(shares: dict[str, float], width: int) -> None:
    if sum(shares.values()) > 0:
        assert bar(shares, width).cell_length == width


def test_the_legend_keeps_the_largest_parts_when_the_line_is_short() -> None:
    said = legend({"input_wait": 5.0, "forward": 3.0, "other": 0.2}, 20).plain
    assert "input wait" in said
    assert "other" not in said


def test_a_graphics_device_is_shown_with_memory_power_and_heat() -> None:
    scene = Scene()
    scene.take(gpu_sample(1.0))
    said = rows(scene).plain
    assert "31.0 of 80.0 GiB" in said
    assert "412 of 700 W" in said
    assert "61 °C" in said


def test_a_sparkline_keeps_the_peak_of_each_bin() -> None:
    assert "█" in sparkline([0.0] * 30 + [1.0] + [0.0] * 25, 14)
    assert len(sparkline([0.5] * 1000, 14)) <= 14


def test_a_long_name_of_a_metric_leaves_room_for_the_rest() -> None:
    seen = Glimpse(
        "training", step=5, steps_total=9, metric="the_share_of_images_that_are_named_right", best=0.5, mode="auto"
    )
    said = line(seen, 80).plain
    assert "best the_share_of" in said
    assert said.endswith("auto")
