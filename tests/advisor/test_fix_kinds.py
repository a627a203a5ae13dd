"""Every kind of fix end to end on real data: proposed where it fits, tried, and judged by what was measured."""

from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

import trainer
from advisor.ledger import Found, Judged, Refused, TrialHeard, TrialStarted
from advisor.report.markdown import markdown
from advisor.together import Told, run_together
from advisor.trials.judge import LEAST_LEARNING_GAIN, LEAST_SPEED_GAIN
from examples.digits_images import write as write_digits
from trainer.config import parse
from trainer.wire import BeatTaken, Evaluated, KnobsConfirmed, MemoryRanOut, RunStarted

DIGITS = "sklearn:digits"
FASHION = Path("/usr/share/datasets/fashion-mnist")


def run(folder: Path, *, lockstep: bool = True, **sections: dict[str, Any]) -> Told:
    """Train in auto mode, uncompressed unless a test asks for it."""
    raw = {
        "data": {"source": DIGITS, **sections.get("data", {})},
        "model": {"name": "mlp", **sections.get("model", {})},
        "train": {"threads": 1, "batch_size": 32, **sections.get("train", {})},
        "advisor": {"compress": False, **sections.get("advisor", {})},
    }
    return run_together(parse(raw, "a fix kind"), folder, lockstep=lockstep)


def found(told: Told) -> set[str]:
    return {entry.finding.code for entry in told.entries if isinstance(entry, Found)}


def trials(told: Told, knob: str) -> list[tuple[TrialStarted, Judged, list[TrialHeard]]]:
    """Return every trial of a knob, its verdict and what was measured."""
    judged = {entry.trial: entry for entry in told.entries if isinstance(entry, Judged)}
    return [
        (one, judged[one.trial], [e for e in told.entries if isinstance(e, TrialHeard) and e.trial == one.trial])
        for one in told.entries
        if isinstance(one, TrialStarted) and knob in {turn.knob for turn in one.fix.turns}
    ]


def losses(told: Told) -> list[float]:
    return [event.loss for event in told.events if isinstance(event, Evaluated)]


def score(told: Told, metric: str = "accuracy", split: str = "test") -> float:
    return [e for e in told.events if isinstance(e, Evaluated) and e.split == split][-1].metrics[metric]


def arm(heard: list[TrialHeard], name: str) -> dict[str, float]:
    return next(one.numbers for one in heard if one.what == name)


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize(
    "train",
    [
        pytest.param({"optimizer": "sgd", "lr": 3e3, "epochs": 10}, id="sgd"),
        pytest.param({"optimizer": "momentum", "lr": 300.0, "epochs": 10, "seed": 1}, id="momentum"),
    ],
)
def test_a_run_whose_rate_is_far_too_high_is_rescued(tmp_path: Path, train: dict[str, Any]) -> None:
    told = run(tmp_path / "run", train=train)
    started, judged, _ = trials(told, "lr")[0]
    assert started.how == "rescue"
    assert judged.outcome == "applied_untried", "a rescue is shown, never called proved"
    assert score(told) > 0.85


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_rate_that_is_far_too_low_starts_over_while_nothing_was_learned(tmp_path: Path, seed: int) -> None:
    told = run(tmp_path / "run", train={"optimizer": "sgd", "lr": 1e-4, "epochs": 20, "seed": seed})
    started, judged, _ = trials(told, "lr")[0]
    assert (started.code, started.how, judged.outcome) == ("OPT102", "rescue", "applied_untried")
    assert started.step <= 0.1 * next(event.steps_total for event in told.events if isinstance(event, RunStarted))
    assert float(started.fix.turns[0].to) > 0.01
    assert score(told) > 0.9


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_rate_that_is_too_low_is_raised_by_a_fork_where_something_was_learned(tmp_path: Path, seed: int) -> None:
    told = run(tmp_path / "run", train={"optimizer": "sgd", "lr": 3e-2, "warmup": 0.5, "epochs": 20, "seed": seed})
    started, judged, heard = trials(told, "lr")[0]
    assert (started.how, judged.outcome) == ("fork", "kept")
    assert float(started.fix.turns[0].to) > 0.03
    assert arm(heard, "candidate")["tail_loss"] < arm(heard, "control")["tail_loss"]
    assert score(told) > 0.9


def test_a_rate_so_low_that_nothing_was_learned_is_raised_by_a_rescue(tmp_path: Path) -> None:
    told = run(tmp_path / "run", train={"optimizer": "sgd", "lr": 1e-2, "warmup": 0.5, "epochs": 20})
    started, judged, _ = trials(told, "lr")[0]
    assert (started.how, judged.outcome) == ("rescue", "applied_untried")
    assert score(told) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_class_weights_for_rare_digits_are_kept_and_help_on_the_test_split(tmp_path: Path, seed: int) -> None:
    sections = {
        "data": {"rare": {"3": 0.05, "8": 0.05}},
        "train": {"lr": 1e-3, "epochs": 40, "seed": seed},
    }
    told = run(tmp_path / "auto", **sections)
    watched = run(tmp_path / "watch", **sections, advisor={"mode": "watch"})
    _, judged, heard = trials(told, "class_weights")[0]
    assert "DAT101" in found(told)
    assert judged.outcome == "kept"
    assert arm(heard, "candidate")["balanced_accuracy"] > arm(heard, "control")["balanced_accuracy"]
    assert score(told, "balanced_accuracy") > score(watched, "balanced_accuracy")


@pytest.mark.slow
@pytest.mark.parametrize(("knob", "value", "gain"), [("logit_adjustment", 1.0, 0.04), ("focal", 2.0, 0.0)])
def test_adjustment_and_focus_help_rare_digits_on_the_test_split(
    tmp_path: Path, knob: str, value: float, gain: float
) -> None:
    def scored(seed: int, **train: float) -> float:
        told = run(
            tmp_path / f"{seed} {len(train)}",
            data={"rare": {"3": 0.05, "8": 0.05}},
            train={"lr": 1e-3, "epochs": 30, "seed": seed, **train},
            advisor={"mode": "watch"},
        )
        return score(told, "balanced_accuracy")

    gains = [scored(seed, **{knob: value}) - scored(seed) for seed in (0, 1, 2)]
    assert sum(gains) / len(gains) > gain


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not installed here")
@pytest.mark.parametrize("seed", [0, 2])
def test_augmentation_is_tried_on_a_net_that_overfits_and_judged_by_its_arms(tmp_path: Path, seed: int) -> None:
    train = {"lr": 2e-3, "epochs": 40, "schedule": "constant", "weight_decay": 0.0, "seed": seed}
    told = run(
        tmp_path / "run",
        data={"source": f"idx:{FASHION}", "limit": 1000},
        model={"name": "cnn", "norm": False, "width": 16},
        train=train,
    )
    assert "GEN101" in found(told)
    (started, judged, heard), *_ = trials(told, "augment")
    assert started.how == "fork"
    assert judged.measured is not None
    name = judged.measured.unit.removeprefix("relative ")
    before, after = (
        fmean(one.numbers[name] for one in heard if one.what in arms) for arms in (("control", "null"), ("candidate",))
    )
    gain = (before - after) / before
    assert gain == pytest.approx(judged.measured.median, rel=1e-3), "what is judged is what the arms have shown"
    if judged.outcome == "kept":
        assert judged.measured.low > 0
        assert gain > LEAST_LEARNING_GAIN
    elif judged.outcome == "undecided":
        assert gain > 0, "a gain that the noise could explain"
    else:
        assert gain <= 0 or "but" in judged.why, "no gain, or a guard that broke"


def test_a_run_that_has_stopped_gaining_is_stopped_at_its_best(tmp_path: Path) -> None:
    told = run(tmp_path / "run", train={"lr": 3e-3, "epochs": 60, "schedule": "constant"})
    judged = next(entry for entry in told.entries if isinstance(entry, Judged) and entry.code == "GEN102")
    assert told.words.why == "early_stop"
    assert judged.outcome == "kept"
    assert judged.measured is not None
    assert judged.measured.unit == "steps"
    assert score(told) > 0.95


# ---------------------------------------------------------------- throughput and memory


def test_a_step_that_does_not_fit_into_memory_is_accumulated(tmp_path: Path) -> None:
    train = {"lr": 3e-3, "epochs": 4, "batch_size": 64, "memory_limit": 0.16}
    model = {"name": "cnn", "width": 4, "norm": False}
    told = run(tmp_path / "run", train=train, model=model)
    assert any(isinstance(event, MemoryRanOut) for event in told.events)
    (finding,) = (e.finding for e in told.entries if isinstance(e, Found) and e.finding.code == "MEM102")
    assert "16 examples at once" in finding.message
    assert told.words.why == "finished"
    roomy = run(tmp_path / "roomy", train={**train, "memory_limit": 0}, model=model)
    assert losses(told) == pytest.approx(losses(roomy), rel=1e-4), "accumulation is the same mathematics"


@pytest.mark.slow
def test_a_nearly_full_device_has_its_activations_computed_again_by_a_trial_that_counts_memory(tmp_path: Path) -> None:
    model = {"name": "cnn", "width": 8}
    train = {"lr": 3e-3, "batch_size": 64, "eval_every": 10, "memory_limit": 100.0}
    roomy = run(tmp_path / "roomy", train={**train, "epochs": 1}, model=model)
    peak = max(event.peak_bytes for event in roomy.events if isinstance(event, BeatTaken))
    tight = {**train, "epochs": 40, "memory_limit": 1.05 * peak / 2**20}
    told = run(tmp_path / "run", lockstep=False, train=tight, model=model)
    assert "MEM101" in found(told)
    timed = [one for one in trials(told, "activation_checkpointing") if one[0].how == "rounds"]
    if not timed:
        pytest.skip("the run of a second was over before rounds fitted in: its driver had too little of the machine")
    (_, judged, heard), *_ = timed
    if judged.outcome == "undecided":
        pytest.skip(f"steps of a third of a millisecond on a shared machine: {judged.why}")
    assert judged.measured is not None
    assert judged.measured.unit == "relative bytes"
    assert judged.measured.low > 0
    assert all(one.numbers["with_bytes"] < one.numbers["without_bytes"] for one in heard if one.what == "round")
    assert judged.outcome == ("kept" if "but" not in judged.why else "rolled_back")


@pytest.mark.slow
def test_mixed_precision_is_tried_and_judged_by_its_rounds(tmp_path: Path) -> None:
    told = run(
        tmp_path / "run",
        lockstep=False,
        model={"name": "cnn", "width": 32},
        train={"lr": 3e-3, "epochs": 180, "batch_size": 128, "channels_last": True, "eval_every": 15},
    )
    (started, judged, heard), *_ = trials(told, "amp")
    assert started.how == "rounds"
    gains = [one.numbers["gain"] for one in heard if one.what == "round"]
    agreed = [one for one in heard if one.what == "agreement"]
    confirmed = [e for e in told.events if isinstance(e, KnobsConfirmed) and e.changes[0].knob == "amp"]
    if judged.outcome == "kept":
        assert len(gains) == 6
        assert agreed
        assert min(gains) > 0
        assert median(gains) >= LEAST_SPEED_GAIN
        assert confirmed
    else:
        differs = bool(agreed) and (agreed[0].numbers["difference"] >= 0.01 or agreed[0].numbers["cosine"] <= 0.99)
        assert differs or min(gains) <= 0 or median(gains) < LEAST_SPEED_GAIN
        assert not confirmed
    assert score(told) > 0.95


@pytest.mark.slow
def test_a_cache_for_pictures_that_are_decoded_anew_is_kept_because_it_is_faster(tmp_path: Path) -> None:
    write_digits(tmp_path / "pictures")
    told = run(
        tmp_path / "run",
        lockstep=False,
        data={"source": f"images:{tmp_path / 'pictures'}", "transforms": ["rotate:10"]},
        train={"lr": 1e-3, "epochs": 35},
    )
    assert "INP101" in found(told)
    _, judged, heard = trials(told, "cache")[0]
    gains = [one.numbers["gain"] for one in heard if one.what == "round"]
    if "other programs" in judged.why:
        pytest.skip(judged.why)
    assert judged.outcome == "kept"
    assert min(gains) > 0
    assert median(gains) > 0.1
    assert any(isinstance(e, KnobsConfirmed) and e.changes[0].knob == "cache" for e in told.events)


# ---------------------------------------------------------------- compression


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        pytest.param({"name": "mlp", "hidden": [128, 64]}, 0.01, id="mlp"),
        pytest.param({"name": "cnn", "width": 8}, 0.02, id="cnn"),
    ],
)
def test_compressed_copies_stay_within_the_stated_loss_and_load(
    tmp_path: Path, model: dict[str, Any], loss: float
) -> None:
    advice = {"compress": True, "compress_loss": loss}
    told = run(tmp_path / "run", model=model, train={"lr": 3e-3, "epochs": 6}, advisor=advice)
    started = {e.trial: e.fix.method for e in told.entries if isinstance(e, TrialStarted) and e.how == "compression"}
    outcomes = {started[e.trial]: e for e in told.entries if isinstance(e, Judged) and e.trial in started}
    assert set(outcomes) == {"int8", "prune"}
    for event in (e for e in told.events if e.kind == "compressed"):
        kept = outcomes[event.method].outcome == "kept"
        smaller = event.bytes_after < event.bytes_before
        assert kept == (smaller and event.metric_after >= event.metric_before - loss - 1e-9)
        copy = told.run.folder / f"{ {'prune': 'pruned'}.get(event.method, event.method) }.safetensors"
        assert copy.exists() == kept
        if kept:
            assert len(trainer.load(told.run.folder, copy.stem).classes) == 10
    assert outcomes["int8"].outcome == "kept"


# ---------------------------------------------------------------- the network itself

OWN_TASKS = Path(__file__).parent.parent / "runs" / "own_tasks.py"


def own(folder: Path, task: str, **train: Any) -> Told:
    raw = {
        "task": {"factory": f"{OWN_TASKS}:{task}"},
        "train": {"threads": 1, **train},
        "advisor": {"compress": False},
    }
    return run_together(parse(raw, "a fix kind"), folder)


def test_a_second_softmax_of_the_users_own_net_is_left_out_by_a_fork_and_a_restart(tmp_path: Path) -> None:
    told = own(tmp_path / "run", "softmax_twice", lr=3e-3, epochs=20)
    ((started, judged, heard),) = trials(told, "output")
    assert (started.code, started.how, judged.outcome) == ("ARC106", "fork", "kept")
    assert arm(heard, "candidate")["loss"] < 1.46 < arm(heard, "control")["loss"], "under the floor of two softmaxes"
    assert [event.trial for event in told.events if isinstance(event, RunStarted)] == ["", started.trial]
    report = told.report()
    assert report.final_config["train"]["output"] == "none"
    outcomes = [one.outcome for one in report.interventions if "output" in one.turns]
    assert outcomes == ["kept"], "that it was too soon at first is over"
    waited = [one.why for one in told.entries if isinstance(one, Refused) and one.fix.name == started.fix.name]
    assert waited == ["too soon: arms from the start are compared at step 34"]
    (in_code,) = [line for one in report.interventions for line in one.in_code]
    assert in_code.startswith("in your model, leave out nn.Softmax")
    assert in_code in markdown(report)


@pytest.mark.slow
def test_a_dead_deep_net_of_sigmoids_is_brought_to_life_and_the_run_repeats_to_the_bit(tmp_path: Path) -> None:
    train = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "warmup": 0.0, "epochs": 40}
    model = {"hidden": [32] * 8, "activation": "sigmoid"}
    told, again = (run(tmp_path / name, model=model, train=train) for name in ("run", "again"))
    _, judged, _ = trials(told, "activation")[0]
    assert judged.outcome == "kept"
    assert score(told) > 0.9
    watched = run(tmp_path / "watch", model=model, train=train, advisor={"mode": "watch"})
    assert score(watched) < 0.2
    assert judged.why == trials(again, "activation")[0][1].why
    ends = [[e.loss for e in one.events if isinstance(e, Evaluated)] for one in (told, again)]
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_units_that_never_fire_are_given_a_slope_below_zero(tmp_path: Path) -> None:
    train = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "warmup": 0.0, "epochs": 40, "batch_size": 32}
    told = own(tmp_path / "run", "units_that_never_fire", **train)
    _, judged, _ = trials(told, "activation")[0]
    assert judged.outcome == "kept"
    assert score(told) > 0.9
