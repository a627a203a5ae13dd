"""Literal runs: events and ledger entries as the trainer and the driver would write them."""

from math import exp, nan
from typing import Any

from advisor import ledger
from advisor.report.build import build
from advisor.report.schema import Report
from advisor.story.story import fold
from rules.vocabulary import Evidence, Finding, Fix, Severity
from tests.report.literal_fixes import (
    amp_fix,
    cache_fix,
    finding,
    int8_fix,
    label_fix,
    rate_fix,
    weights_fix,
    workers_fix,
)
from trainer import wire
from trainer.config import Config
from trainer.knobs import catalogue
from trainer.words import Change, DeviceInfo, ModelInfo, Survey, TaskInfo

CLASSES = tuple("0123456789")
BEGAN = 1_795_000_000.0
PHASES = {
    "input_wait": 0.45,
    "to_device": 0.01,
    "forward": 0.2,
    "backward": 0.25,
    "optimizer": 0.05,
    "advisor": 0.004,
    "other": 0.036,
}


def config(**train: Any) -> Config:
    return Config.model_validate(
        {"data": {"source": "images:/data/digits", "rare": {"7": 0.04}}, "train": {"lr": 5.0, "epochs": 8.0, **train}}
    )


def about(**more: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "config": config().model_dump(mode="json"),
        "seed": 0,
        "mode": "auto",
        "lockstep": False,
        "argv": ["advisor", "train", "examples/digits_troubled.toml", "--headless"],
        "name": "digits_troubled",
        **more,
    }


def task(**more: Any) -> TaskInfo:
    return TaskInfo(
        **{
            "kind": "classification",
            "classes": CLASSES,
            "inputs": "image",
            "input_shape": (1, 28, 28),
            "train_examples": 1016,
            "val_examples": 356,
            "test_examples": 359,
            "metric": "accuracy",
            "higher_is_better": True,
            "baseline_metric": 0.1067,
            "baseline_loss": 2.302,
            "in_memory": False,
            "source": "images:/data/digits",
            **more,
        }
    )


class Recorder:
    """Writes a run as it would have happened, with its own clock."""

    def __init__(self) -> None:
        self.events: list[wire.Event] = []
        self.entries: list[ledger.Entry] = []
        self.t = BEGAN
        self.step = 0
        self.samples = 0
        self.knobs: dict[str, Any] = {"lr": 5.0, "class_weights": "none", "cache": False, "amp": "off"}

    def say(self, kind: type[Any], **fields: Any) -> None:
        """Write an event."""
        self.t += 0.001
        self.events.append(kind(**{"t": self.t, "step": self.step, "samples": self.samples, **fields}))

    def enter(self, kind: type[Any], **fields: Any) -> None:
        """Write an entry of the ledger."""
        self.entries.append(kind(**{"t": self.t, "step": self.step, **fields}))

    def start(self, *, resumed: bool = False, device: str = "cpu", **more: Any) -> None:
        train = config().train.model_dump()
        values = {name: train[name] for name in train}
        values["threads"] = 2
        self.say(
            wire.RunStarted,
            pid=4242,
            pid_started=self.t - 2,
            task=more.pop("task", task()),
            model=ModelInfo(
                name="cnn", parameters=52_906, trainable=52_906, layers=("stem", "body", "head"),
                has_conv=True, has_norm=True, has_dropout=False,
            ),
            device=DeviceInfo(type=device, name="Generic CPU", memory_bytes=8 << 30, amp_dtypes=("bf16",), threads=2),
            knobs=catalogue({**values, "shuffle": True, **self.knobs}, {"channels_last": "the model has no convolution"}),
            steps_total=128, samples_total=8128, epochs=8.0, steps_per_epoch=16, seed=0, lockstep=False,
            resumed=resumed, versions={"torch": "2.15.0", "python": "3.11.9", "training-advisor": "0.1.0"},
            **more,
        )  # fmt: skip

    def survey(self) -> None:
        self.say(
            wire.Surveyed,
            survey=Survey(
                examples=1016, sampled=1016, seconds=0.3, class_counts=(107, 109, 106, 110, 109, 109, 109, 4, 104, 108),
                duplicate_share=0.0, conflicting_share=0.0, val_overlap_share=0.0, test_overlap_share=0.0,
                missing_share=0.0, input_mean=0.02, input_std_low=0.9, input_std_high=1.1, input_abs_max=3.2,
                constant_features=0, features=784, neighbour_label_match=0.1,
            ),
        )  # fmt: skip

    def beat(self, steps: int, losses: tuple[float, ...], step_s: float = 0.06) -> None:
        seconds = steps * step_s
        self.t += seconds
        self.step += steps
        self.samples += 64 * steps
        self.say(
            wire.BeatTaken, steps=steps, seconds=seconds, epoch=self.step / 16, lr=float(self.knobs["lr"]), loss=losses,
            grad_norm=tuple(0.7 if loss == loss else nan for loss in losses),
            phases={part: share * seconds for part, share in PHASES.items()},
            step_s=(step_s,) * len(losses), eta_s=(128 - self.step) * step_s, peak_bytes=310 << 20,
        )  # fmt: skip

    def learn(self, until: int, step_s: float = 0.06) -> None:
        while self.step < until:
            losses = tuple(2.3 * exp(-(self.step + at) / 40) + 0.08 for at in range(4))
            self.beat(4, losses, step_s)

    def evaluate(self, accuracy: float, *, split: str = "val", final: bool = False, loss: float = 0.3) -> None:
        self.t += 0.1
        recalls = (0.99, 0.97, 0.98, 0.97, 0.99, 0.96, 0.99, 0.71, 0.94, 0.95)
        confusion = tuple(tuple(34 if a == b else (2 if (a, b) == (7, 9) else 0) for b in range(10)) for a in range(10))
        self.say(
            wire.Evaluated, split=split, epoch=self.step / 16, loss=loss, metrics={"accuracy": accuracy, "macro_f1": accuracy - 0.01},
            standard_error=0.0115, recalls=recalls, seconds=0.1, examples=356, train_loss=loss * 0.8,
            train_metrics={"accuracy": min(accuracy + 0.02, 1.0)}, final=final, confusion=confusion if final else (),
        )  # fmt: skip

    def turn(self, fix: Fix, trial: str, *, probation: bool = False) -> None:
        changes = tuple(Change(knob=one.knob, old=self.knobs[one.knob], new=one.to) for one in fix.turns)
        self.knobs.update({one.knob: one.to for one in fix.turns})
        self.say(wire.KnobsTurned, changes=changes, trial=trial, probation=probation)

    def found(self, what: Finding, role: str, explained_by: str = "") -> None:
        self.enter(ledger.Found, finding=what, role=role, explained_by=explained_by)

    def try_out(self, trial: str, code: str, fix: Fix, how: str) -> None:
        old = {one.knob: self.knobs[one.knob] for one in fix.turns}
        self.enter(ledger.TrialStarted, trial=trial, code=code, fix=fix, how=how, old=old, expected_cost_s=1.5)

    def judge(self, trial: str, code: str, outcome: str, why: str, cost_s: float, **measured: Any) -> None:
        form = ledger.Measured(**measured) if measured else None
        self.enter(ledger.Judged, trial=trial, code=code, outcome=outcome, why=why, measured=form, cost_s=cost_s)

    def rounds(self, trial: str, code: str, fix: Fix, gain: float, *, keep: bool) -> None:
        self.try_out(trial, code, fix, "rounds")
        self.say(wire.TrialBegan, trial=trial, how="rounds", steps=20)
        for number in range(6):
            for arm in ("control", "candidate"):
                timed_s = 1.2 * (1 - gain if arm == "candidate" else 1)
                self.t += timed_s / 10
                self.say(
                    wire.StretchTaken, trial=trial, round=number, arm=arm, steps=20, timed_samples=1280, timed_s=timed_s
                )
            self.enter(
                ledger.TrialHeard, trial=trial, what="round",
                numbers={"without_s": 9.4e-4, "with_s": 9.4e-4 * (1 - gain), "gain": gain},
            )  # fmt: skip
        self.say(wire.TrialEnded, trial=trial, went_on_from="control", seconds=0.7)
        outcome = "kept" if keep else "rolled_back"
        why = f"six of six rounds {'faster' if gain > 0 else 'slower'}, median {gain:+.1%}"
        numbers = {"median": gain, "low": gain - 0.03, "high": gain + 0.02, "unit": "relative step_s"}
        self.judge(trial, code, outcome, why, 0.7, **numbers)
        if keep:
            self.turn(fix, trial)

    def checkpoint(self, name: str = "best") -> None:
        self.say(wire.CheckpointWritten, name=name, path=f"checkpoints/{name}.safetensors", seconds=0.02, bytes=212_480)

    def end(self, why: str = "finished", text: str = "") -> None:
        self.say(wire.RunEnded, why=why, text=text, seconds=self.t - BEGAN)


def troubled() -> Recorder:
    """A rate far too high, a rare class, decoding that starves the step: mended, but for what did not help."""
    run = Recorder()
    run.enter(ledger.DriverStarted, pid=4241, mode="auto", budget=0.1)
    run.enter(
        ledger.HardwareProfiled, hardware={"cores": 2, "memory_bytes": 8 << 30, "gpu": None, "cpu": "Generic CPU"}
    )
    run.enter(ledger.TrainerStarted, pid=4242)
    run.t += 1.4
    run.start()
    run.survey()
    run.beat(8, (2.4, 31.0, 812.0, 4.1e6, nan, nan, nan, nan))
    run.say(wire.GuardActed, why="non_finite_loss", deed="skipped", value=nan)
    high = finding(
        "OPT101", "rate_too_high", "the loss rose 320-fold in 8 steps: the rate of 5 is about 160 times too high",
        rate_fix(), severity=Severity.ERROR, explains=("NUM101",), causes=("a rate far too high", "inputs that are not scaled"),
        evidence=(Evidence(fact="loss.now", value=nan, limit=6.9), Evidence(fact="probes.lr_pick", value=0.031, limit=5.0)),
    )  # fmt: skip
    run.found(high, "cause")
    run.found(
        finding("NUM101", "non_finite", "4 of 8 losses are not finite", severity=Severity.ERROR), "symptom", "OPT101"
    )
    run.enter(ledger.ProbeAsked, code="OPT101", probe="lr_sweep")
    run.say(wire.Probed, probe="lr_sweep", seconds=0.9, result={"pick": 0.031, "spread": 4.0})
    run.try_out("t1", "OPT101", rate_fix(), "rescue")
    run.step = 0
    run.say(wire.RolledBack, from_step=8, trial="t1", skipped_batches=0)
    run.turn(rate_fix(), "t1")
    run.learn(16, step_s=0.06)
    run.judge("t1", "OPT101", "applied_untried", "the loss is finite again and fell from 2.38 to 1.63 in 16 steps", 0.5)
    run.enter(ledger.Cleared, code="NUM101", mended=True)
    run.enter(ledger.Cleared, code="OPT101", mended=True)
    run.evaluate(0.62, loss=1.4)
    run.found(
        finding("INP101", "input_stall", "the device waits for data 45% of the time", cache_fix(), workers_fix()),
        "cause",
    )
    run.rounds("t2", "INP101", cache_fix(), 0.41, keep=True)
    run.enter(ledger.Cleared, code="INP101", mended=True)
    run.learn(32, step_s=0.035)
    run.evaluate(0.80, loss=0.8)
    run.found(
        finding("DEV101", "amp_off", "the device can train in bf16 and does not", amp_fix(), severity=Severity.INFO),
        "contributing",
    )
    run.rounds("t3", "DEV101", amp_fix(), -0.31, keep=False)
    run.learn(48, step_s=0.035)
    run.evaluate(0.88, loss=0.5)
    rare = finding(
        "DAT101", "class_imbalance", "class 7 has 4 of 1016 examples and a recall of 0.12", weights_fix(),
        evidence=(Evidence(fact="classes.ratio", value=27.5, limit=10.0),),
    )  # fmt: skip
    run.found(rare, "cause")
    run.try_out("t4", "DAT101", weights_fix(), "fork")
    run.say(wire.TrialBegan, trial="t4", how="fork", steps=40)
    for arm, score in (("control", 0.812), ("candidate", 0.868), ("null", 0.809)):
        run.t += 0.5
        scores = {"loss": 0.5, "metric": 0.88, "balanced_accuracy": score}
        run.say(
            wire.ArmScored,
            trial="t4",
            arm=arm,
            steps=40,
            seconds=0.5,
            scores=scores,
            standard_errors={"metric": 0.0115},
        )
        run.enter(ledger.TrialHeard, trial="t4", what=arm, numbers=scores)
    why = "balanced accuracy 0.812 → 0.868 over 40 steps, more than 6.3 times the noise of 0.003"
    run.judge("t4", "DAT101", "kept", why, 1.0, median=0.056, low=0.037, high=0.075, unit="balanced_accuracy")
    run.say(wire.TrialEnded, trial="t4", went_on_from="candidate", seconds=1.0)
    run.turn(weights_fix(), "t4")
    run.enter(ledger.Cleared, code="DAT101", mended=True)
    run.learn(96, step_s=0.035)
    run.evaluate(0.94, loss=0.24)
    labels = finding("DAT104", "label_noise", "about 2% of the labels look wrong: 12 suspects", label_fix())
    run.found(labels, "contributing")
    run.enter(ledger.Refused, code="DAT104", fix=label_fix(), why="it needs a person")
    run.say(
        wire.LabelsSuspected, noise_share=0.02, epochs=6, suspects=((17, 3, 8, -2.1), (401, 7, 9, -1.7)),
        identities=("3/0017.png", "7/0401.png"),
    )  # fmt: skip
    run.learn(128, step_s=0.035)
    run.evaluate(0.949, loss=0.21)
    run.enter(ledger.Refused, code="INP101", fix=workers_fix(), why="the finding no longer stands")
    run.checkpoint()
    run.say(wire.TrainingEnded, why="finished", best_step=128)
    run.evaluate(0.949, final=True, loss=0.21)
    run.evaluate(0.942, split="test", final=True, loss=0.22)
    run.found(
        finding(
            "SIZ101",
            "larger_than_needed",
            "the model is 212 kB and half its weights are idle",
            int8_fix(),
            severity=Severity.INFO,
        ),
        "contributing",
    )
    run.try_out("t5", "SIZ101", int8_fix(), "compression")
    run.say(
        wire.Compressed, trial="t5", method="int8", path="checkpoints/int8.safetensors", bytes_before=212_480, bytes_after=58_120,
        latency_before_s=0.0021, latency_after_s=0.0019, metric_before=0.949, metric_after=0.947, test_before=0.942,
        test_after=0.939, standard_error=0.003,
    )  # fmt: skip
    run.judge(
        "t5",
        "SIZ101",
        "kept",
        "73% smaller, accuracy 0.949 → 0.947, within 0.01",
        0.8,
        median=0.726,
        low=0.726,
        high=0.726,
        unit="relative bytes",
    )
    run.enter(
        ledger.Assessed,
        passed=("NUM102", "GEN101", "GEN102", "RUN101", "ARC101"),
        not_assessed={"MEM101": ("utilisation",), "DAT110": ("table",)},
    )
    run.end()
    run.enter(ledger.RunClosed, why="finished", exit_code=0)
    return run


def healthy() -> Recorder:
    """Nothing is wrong and nothing is tried."""
    run = Recorder()
    run.knobs["lr"] = 0.03
    run.enter(ledger.DriverStarted, pid=1, mode="auto", budget=0.1)
    run.start()
    run.survey()
    for epoch in range(1, 9):
        run.learn(16 * epoch)
        run.evaluate(0.9 + epoch / 120)
    run.enter(ledger.Assessed, passed=("OPT101", "NUM101", "INP101"), not_assessed={})
    run.checkpoint()
    run.say(wire.TrainingEnded, why="finished", best_step=128)
    run.evaluate(0.966, final=True)
    run.evaluate(0.961, split="test", final=True)
    run.end()
    return run


def crashed() -> Recorder:
    """The trainer dies in its second epoch, inside a trial, without a last word."""
    run = Recorder()
    run.enter(ledger.DriverStarted, pid=1, mode="auto", budget=0.1)
    run.start()
    run.learn(24)
    run.evaluate(0.7)
    run.found(finding("DEV101", "amp_off", "the device can train in bf16 and does not", amp_fix()), "contributing")
    run.try_out("t1", "DEV101", amp_fix(), "rounds")
    run.turn(amp_fix(), "t1", probation=True)
    run.enter(ledger.TrainerExited, code=-9, why="killed by signal 9", last_lines=("Killed",), suspect="amp")
    return run


def never_started() -> Recorder:
    """The user's factory raises."""
    run = Recorder()
    run.enter(ledger.DriverStarted, pid=1, mode="auto", budget=0.1)
    run.say(wire.RunEnded, why="mistake", text="own_task.py: make_task raised ValueError: no <data> here", seconds=0.2)
    run.enter(ledger.TrainerExited, code=2, why="the user's mistake", last_lines=())
    return run


def all_nan() -> Recorder:
    """No number of the run is finite, and no rule may act: watch mode."""
    run = Recorder()
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    run.start()
    for _ in range(8):
        run.beat(16, (nan,) * 16)
        run.evaluate(nan, loss=nan)
    run.found(
        finding("NUM101", "non_finite", "128 of 128 losses are not finite", rate_fix(), severity=Severity.ERROR),
        "cause",
    )
    run.say(wire.TrainingEnded, why="finished", best_step=0)
    run.end()
    return run


ALL = {"troubled": troubled, "healthy": healthy, "crashed": crashed, "never_started": never_started, "all_nan": all_nan}


def report_of(run: Recorder, **changes: Any) -> Report:
    """Return the report of a recorded run."""
    return build(fold(run.events, run.entries), about(**changes), "/runs/one")
