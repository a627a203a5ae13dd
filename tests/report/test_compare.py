"""Comparison of runs: what counts as better, what is noise, and what cannot be compared."""

import fcntl
import json
import tomllib
from math import exp, inf
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import cli, ledger
from advisor.compare import told
from advisor.compare.build import compare
from advisor.compare.markdown import markdown
from advisor.compare.noise import gap_of_groups, gap_of_two, paired_error, swing
from advisor.compare.schema import Compared, Comparison, Quantity
from advisor.compare.side import Side
from advisor.report.build import build, report_of
from advisor.report.json_schema import json_schema
from advisor.runs import create_run, open_run
from advisor.story.story import fold
from tests.report import literal_runs
from trainer import wire

SCHEMA = Path(__file__).parents[2] / "advisor" / "report" / "comparison.schema.json"
HOSTILE = "</script><img src=x onerror=alert(1)>|*_[bold]&"


def trained(
    best: float = 0.93, *, test: float | None = None, wrong: tuple[int, ...] | None = None, step_s: float = 0.06,
    peak: int = 310 << 20, ended: str = "finished", name: str = "run", seed: int = 0, lr: float = 0.03,
    task: dict[str, object] | None = None, evaluated: bool = True,
) -> Side:  # fmt: skip
    """Return a run of 128 steps and 8 evaluations, by what it came to."""
    run = literal_runs.Recorder()
    run.knobs["lr"] = lr
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    run.start(task=literal_runs.task(**(task or {})))
    metric = str((task or {}).get("metric", "accuracy"))
    for epoch in range(1, 9):
        run.learn(16 * epoch, step_s)
        if evaluated:
            score = best - 0.3 * exp(-epoch)
            run.say(
                wire.Evaluated, split="val", epoch=epoch, loss=0.3, metrics={metric: score}, standard_error=0.0115,
                seconds=0.1, examples=356,
            )  # fmt: skip
    run.events = [
        event.model_copy(update={"peak_bytes": peak}) if isinstance(event, wire.BeatTaken) else event
        for event in run.events
    ]
    if evaluated:
        run.say(
            wire.Evaluated, split="test", epoch=8, loss=0.3, metrics={metric: best if test is None else test},
            standard_error=0.0115, seconds=0.1, examples=359, final=True, wrong=wrong,
        )  # fmt: skip
    if ended == "finished":
        run.say(wire.TrainingEnded, why="finished", best_step=128)
    if ended:
        run.end(ended)
    about = literal_runs.about(config=literal_runs.config(lr=lr, seed=seed).model_dump(mode="json"), seed=seed)
    report = build(fold(run.events, run.entries), about, f"/runs/{name}")
    return Side(name, report.model_copy(update={"run": report.run | {"seed": seed}}))


def together(*sides: Side) -> Compared:
    return compare(sides, {side.name: f"/runs/{side.name}" for side in sides})


def only(compared: Compared) -> Comparison:
    [comparison] = compared.comparisons
    return comparison


def of(comparison: Comparison, name: str) -> Quantity:
    return next(one for one in comparison.quantities if one.name == name)


def written(folder: Path, run: literal_runs.Recorder, **more: object) -> Path:
    about = literal_runs.about(**more)
    del about["format"]
    place = create_run(folder, "run", about)
    place.events.write_text("".join(event.model_dump_json() + "\n" for event in run.events))
    place.ledger.write_text("".join(entry.model_dump_json() + "\n" for entry in run.entries))
    return place.folder


def test_a_large_gain_is_better_and_a_large_loss_is_worse() -> None:
    assert of(only(together(trained(0.80), trained(0.93, name="b"))), "validation").verdict == "better"
    assert of(only(together(trained(0.93), trained(0.80, name="b"))), "test").verdict == "worse"


def test_a_difference_within_the_noise_of_the_split_is_none() -> None:
    one = of(only(together(trained(0.93), trained(0.945, name="b", lr=0.02))), "validation")
    assert one.verdict == "no detectable difference"
    assert one.noise is not None
    assert one.noise >= 2 * 2**0.5 * 0.0115


def test_the_same_examples_in_pairs_tell_a_difference_that_the_split_alone_cannot() -> None:
    wrong, fewer = tuple(range(30)), tuple(range(20))
    unpaired = of(only(together(trained(test=1 - 30 / 359), trained(test=1 - 20 / 359, name="b", lr=0.02))), "test")
    paired = of(
        only(
            together(
                trained(test=1 - 30 / 359, wrong=wrong), trained(test=1 - 20 / 359, wrong=fewer, name="b", lr=0.02)
            )
        ),
        "test",
    )
    assert unpaired.verdict != "better"
    assert paired.verdict == "better"
    assert "in pairs" in paired.told_by


def test_four_examples_are_luck_however_well_they_pair() -> None:
    sides = trained(test=1 - 4 / 359, wrong=(1, 2, 3, 4)), trained(test=1.0, wrong=(), name="b", lr=0.02)
    assert of(only(together(*sides)), "test").verdict == "no detectable difference"


def test_runs_that_differ_by_their_seed_are_one_group_whose_spread_decides() -> None:
    base = [trained(score, name=f"a{seed}", seed=seed) for seed, score in enumerate((0.900, 0.902, 0.901))]
    other = [trained(score, name=f"b{seed}", seed=seed, lr=0.02) for seed, score in enumerate((0.915, 0.916, 0.917))]
    compared = together(base[0], *other, *base[1:])
    assert [group.runs for group in compared.groups] == [("a0", "a1", "a2"), ("b0", "b1", "b2")]
    one = of(only(compared), "validation")
    assert one.verdict == "better"
    assert "3 and 3 seeds" in one.told_by
    assert of(only(together(base[0], other[0])), "validation").verdict == "no detectable difference"


def test_one_seed_beside_several_needs_more_than_their_spread() -> None:
    base = [trained(score, name=f"a{seed}", seed=seed) for seed, score in enumerate((0.90, 0.92, 0.91))]
    near, far = trained(0.935, name="b", lr=0.02), trained(0.98, name="c", lr=0.01)
    compared = together(*base, near, far)
    verdicts = [of(one, "validation").verdict for one in compared.comparisons]
    assert verdicts == ["no detectable difference", "better"]


def test_two_runs_of_one_configuration_are_held_against_each_other() -> None:
    compared = together(trained(0.93), trained(0.93, name="again", seed=1))
    assert only(compared).name == "again"
    assert of(only(compared), "validation").verdict == "no detectable difference"


def test_time_and_memory_have_verdicts_of_their_own() -> None:
    told = only(together(trained(), trained(name="b", step_s=0.03, peak=500 << 20, lr=0.02)))
    assert of(told, "example_s").verdict == "better"
    assert of(told, "peak_bytes").verdict == "worse"
    assert not of(told, "run_s").higher_is_better
    assert "better in time per example" in told.summary


def test_time_told_by_steps_that_swing_needs_a_larger_difference() -> None:
    quick, steady = trained(name="b", step_s=0.05, lr=0.02), trained()
    swinging = [0.06 * (0.8, 1.2, 1.0, 0.7, 1.3)[at % 5] for at in range(60)]
    timeline = steady.report.timeline | {"step_s": [time for time in swinging for _ in range(3)]}
    crowded = Side("run", steady.report.model_copy(update={"timeline": timeline}))
    assert of(only(together(steady, quick)), "example_s").verdict == "better"
    assert of(only(together(crowded, quick)), "example_s").verdict == "no detectable difference"


@pytest.mark.parametrize("ended", ["", "stopped", "failed"])
def test_a_run_that_has_not_finished_is_compared_as_far_as_it_came(ended: str) -> None:
    compared = together(trained(0.80), trained(0.93, name="b", ended=ended))
    assert of(only(compared), "validation").verdict == "better"
    assert of(only(compared), "run_s").verdict == "not compared"
    assert any("as far as it came" in note for note in only(compared).notes)
    assert not compared.runs[1].complete
    assert compared.problems == ()


@pytest.mark.parametrize(("ended", "word"), [("", "still training"), ("stopped", "stopped"), ("failed", "failed")])
def test_a_run_that_has_not_finished_says_so_in_a_readers_words_and_what_both_had_by_then(
    ended: str, word: str
) -> None:
    one = only(compared := together(trained(0.80), trained(0.93, name="b", ended=ended)))
    assert told.standing(compared.runs[1]).startswith(f"{word}, step 128 of")
    assert any(note.startswith("Up to step 128, which both have reached") for note in one.notes)
    assert not any("warming up" in note for note in one.notes)


def test_runs_with_other_batches_are_not_held_against_each_other_at_one_step() -> None:
    one, two = trained(0.80), trained(0.93, name="b", ended="stopped")
    config = two.report.config | {"train": two.report.config["train"] | {"batch_size": 128}}
    larger = Side("b", two.report.model_copy(update={"config": config}))
    assert not any("which both have reached" in note for note in only(together(one, larger)).notes)


def test_a_run_whose_trainer_was_killed_has_failed_and_one_that_is_written_to_goes_on(tmp_path: Path) -> None:
    run = literal_runs.Recorder()
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    run.start()
    run.learn(64, 0.06)
    place = open_run(written(tmp_path / "killed", run))
    killed = report_of(place)
    assert killed.run["state"] == "failed"
    assert "died without a last word" in killed.why
    assert "advisor watch" not in killed.next
    with place.events.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert report_of(place).verdict.startswith("The training has not ended")


def test_another_metric_is_not_compared_and_the_rest_is() -> None:
    other = {"metric": "macro_f1", "classes": literal_runs.CLASSES}
    compared = together(trained(), trained(name="b", task=other))
    assert of(only(compared), "validation").verdict == "not compared"
    assert of(only(compared), "peak_bytes").verdict == "no detectable difference"
    assert "macro_f1" in compared.problems[0]


def test_a_run_without_an_evaluation_is_a_problem() -> None:
    compared = together(trained(), trained(name="b", evaluated=False))
    assert "b has no evaluation" in compared.problems[0]
    assert of(only(compared), "example_s").verdict == "no detectable difference"


@pytest.mark.parametrize("late", [0, 1])
def test_a_group_whose_first_run_was_never_evaluated_is_compared_by_the_others(late: int) -> None:
    group = [trained(seed=seed, name=f"a{seed}", evaluated=seed != 0) for seed in (0, 1)]
    other = trained(0.80, name="b", lr=0.02)
    compared = together(*group, other) if late else together(other, *group)
    assert of(only(compared), "validation").verdict == ("worse" if late else "better")
    assert of(only(compared), "test").base is not None
    assert compared.problems == ("a0 has no evaluation with a number: its metric cannot be compared",)


def test_a_group_whose_first_run_lacks_the_test_score_is_compared_by_the_others() -> None:
    first, second = trained(seed=0, name="a0"), trained(seed=1, name="a1")
    metrics = first.report.metrics.model_copy(update={"test": None})
    first = Side("a0", first.report.model_copy(update={"metrics": metrics}))
    compared = together(first, second, trained(0.80, name="b", lr=0.02))
    assert of(only(compared), "test").verdict == "worse"


@pytest.mark.parametrize("best", [inf, -inf])
def test_a_run_whose_best_score_is_infinite_is_a_problem_and_no_pass(best: float) -> None:
    diverged = trained(name="b", lr=0.02)
    metrics = diverged.report.metrics.model_copy(update={"best": best})
    compared = together(trained(), Side("b", diverged.report.model_copy(update={"metrics": metrics})))
    assert compared.problems == ("b has no evaluation with a number: its metric cannot be compared",)


def test_only_keys_that_differ_are_told_with_what_they_were_at_the_end() -> None:
    one, two = trained(lr=0.03), trained(name="b", lr=0.02, seed=3)
    config = two.report.final_config | {"train": two.report.final_config["train"] | {"workers": 4}}
    two = Side("b", two.report.model_copy(update={"final_config": config}))
    keys = {each.key: each for each in only(together(one, two)).configuration}
    assert keys.keys() == {"train.lr", "train.workers"}
    assert (keys["train.workers"].value, keys["train.workers"].value_end) == (0, 4)


def test_every_run_that_can_be_reported_can_be_compared() -> None:
    for name, make in literal_runs.ALL.items():
        run = make()
        side = Side(name, build(fold(run.events, run.entries), literal_runs.about(), "/r"))
        compared = together(trained(), side)
        assert Compared.model_validate_json(compared.model_dump_json()) == compared
        assert markdown(compared)


def test_the_schema_file_of_comparisons_is_the_schema() -> None:
    renew = "renew it: json.dumps(json_schema(Compared), indent=1) → advisor/report/comparison.schema.json"
    assert json.loads(SCHEMA.read_text()) == json_schema(Compared), renew


def test_the_command_tells_text_markdown_and_json_and_its_exit_code_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = written(tmp_path / "good", literal_runs.healthy()), literal_runs.healthy()
    bad.events = [
        event.model_copy(update={"metrics": {"accuracy": 0.5}}) if isinstance(event, wire.Evaluated) else event
        for event in bad.events
    ]
    worse = written(tmp_path / HOSTILE.replace("/", ""), bad)
    before = sorted(path.name for path in good.iterdir())
    assert cli.run(["compare", str(good), str(worse)]) == 0
    text = capsys.readouterr().out
    assert "worse in validation accuracy, test accuracy" in text
    assert "[bold]" in text
    assert "\x1b" not in text
    assert cli.run(["compare", str(good), str(worse), "--format", "json", "--fail-on", "worse"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["schema_version"] == "1.0"
    failed = written(tmp_path / "failed", literal_runs.crashed())
    assert cli.run(["compare", str(failed), str(good), "--fail-on", "worse"]) == 0
    assert cli.run(["compare", str(failed), str(failed), "--fail-on", "worse"]) == 3
    assert cli.run(["compare", str(failed), str(failed)]) == 0
    capsys.readouterr()
    assert cli.run(["compare", str(worse), str(good), "--format", "md", "--fail-on", "worse"]) == 0
    assert "<img" not in capsys.readouterr().out.replace("\\<img", "")
    assert sorted(path.name for path in good.iterdir()) == before


def test_what_is_no_run_is_said_and_the_rest_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (written(tmp_path / name, literal_runs.healthy()) for name in "ab")
    (tmp_path / "empty").mkdir()
    assert cli.run(["compare", str(one), str(tmp_path / "empty"), str(two)]) == 2
    told = capsys.readouterr()
    assert "b against a" in told.out
    assert "is no run" in told.err
    for arguments in ([str(one)], [str(tmp_path / "empty"), str(one)], [str(one), str(tmp_path / "none")]):
        assert cli.run(["compare", *arguments]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.splitlines()) == 1


def test_a_kept_report_stands_for_its_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = written(tmp_path / "run", literal_runs.healthy())
    assert cli.run(["report", str(run), "--format", "json", "--out", str(tmp_path / "report.json")]) == 0
    assert cli.run(["compare", str(tmp_path / "report.json"), str(run)]) == 0
    assert "better in" not in capsys.readouterr().out


def test_the_report_comes_in_every_form_and_judges_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = written(tmp_path / "run", literal_runs.troubled())
    for form, begins in (("html", "<!doctype html>"), ("md", "# "), ("json", "{"), ("text", "digits")):
        assert cli.run(["report", str(run), "--format", form]) == 0
        assert capsys.readouterr().out.startswith(begins)
    assert cli.run(["report", str(run), "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert cli.run(["report", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["run"] == str(run)
    assert cli.run(["report", str(run), "--fail-on", "error"]) == 0
    assert cli.run(["report", str(run), "--fail-on", "warning"]) == 1
    assert tomllib.loads((run / "final_config.toml").read_text())
    failed = written(tmp_path / "failed", literal_runs.crashed())
    assert cli.run(["report", str(failed)]) == 0
    assert cli.run(["report", str(failed), "--fail-on", "error"]) == 3
    assert cli.run(["report", str(run), "--json", "--format", "md"]) == 2


@given(first=st.sets(st.integers(0, 99)), second=st.sets(st.integers(0, 99)))
def test_pairs_never_tell_more_noise_than_all_that_differ(first: set[int], second: set[int]) -> None:
    error = paired_error(first, second, 100)
    assert error <= len(first ^ second) ** 0.5 / 100
    assert error == paired_error(second, first, 100)


@given(slope=st.floats(-10, 10), start=st.floats(-10, 10), count=st.integers(5, 60))
def test_a_straight_curve_does_not_swing(slope: float, start: float, count: int) -> None:
    assert swing([start + slope * at for at in range(count)]) == pytest.approx(0.0, abs=1e-9)


def test_a_swing_is_the_spread_around_the_trend() -> None:
    random = Random(1)
    told = swing([0.01 * at + random.gauss(0, 0.2) for at in range(2000)])
    assert told == pytest.approx(0.2, rel=0.1)
    assert swing([0.1, float("nan"), 0.2]) is None


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (3, 1), (2, 5)])
def test_one_group_in_twenty_of_equal_ones_is_told_apart(counts: tuple[int, int]) -> None:
    random = Random(7)
    alarms = [
        gap_of_groups(*([random.gauss(0, 1) for _ in range(count)] for count in counts)).detectable for _ in range(1000)
    ]
    assert 0.03 < fmean(alarms) < 0.07


def test_errors_of_single_runs_add_up() -> None:
    assert gap_of_two(0.1, [0.03, 0.04], "x").noise == pytest.approx(0.1)
    assert not gap_of_two(0.1, [0.03, 0.05], "x").detectable
