"""Writes run directories with the real words of wire and ledger: one for each state that the screens must show well."""

import json
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from advisor import ledger
from advisor.runs import RUN_FORMAT, Run
from advisor.sensors.sample import DeviceSample, HostSample, Sample
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Guard, Severity, Turned
from trainer import wire
from trainer.knobs import catalogue
from trainer.words import Change, DeviceInfo, EventWord, ModelInfo, TaskInfo

STATES = ("empty", "warming", "healthy", "stalled", "trying", "crashed", "nan")
EPOCH_T = 1_790_000_000.0
"""Unix time at which every recording begins."""
STEP_S = 0.0124
STEPS_TOTAL = 4200
STEPS_PER_EPOCH = 210
BEAT_STEPS = 20

TASK = TaskInfo(
    kind="classification", classes=tuple("0123456789"), inputs="image", input_shape=(1, 28, 28), train_examples=13440,
    val_examples=1200, test_examples=1200, metric="accuracy", higher_is_better=True, baseline_metric=0.11,
    baseline_loss=2.30, in_memory=False, source="images:digits",
)  # fmt: skip
MODEL = ModelInfo(
    name="cnn", parameters=421_642, trainable=421_642, layers=("conv1", "conv2", "head"), has_conv=True, has_norm=True,
    has_dropout=False,
)  # fmt: skip
VALUES = {
    "lr": 0.05, "schedule": "cosine", "warmup": 0.03, "optimizer": "momentum", "momentum": 0.9, "beta2": 0.999,
    "weight_decay": 5e-4, "clip": 0.0, "batch_size": 64, "micro_batch": 0, "replicas": 1, "amp": "off", "tf32": False, "augment": False,
    "augment_strength": 0.5, "dropout": 0.0, "label_smoothing": 0.0, "class_weights": "none", "logit_adjustment": 0.0, "focal": 0.0, "shuffle": True, "sampler": "none", "loss": "own", "standardise": False, "scale_targets": False, "early_stop": False, "ema": 0.0,
    "activation": "own", "init": "own", "norm": "own", "residual": False, "output": "own",
    "workers": 0, "prefetch": 2, "cache": False, "channels_last": False, "compile": "off", "activation_checkpointing": False, "threads": 2, "async_checkpoints": False, "eval_every": 1.0,
}  # fmt: skip

STALLED_LOADER = Finding(
    code="INP101", name="loader_starves_device", severity=Severity.WARNING,
    message="41% of each step waits for its next batch while 1.2 cores are idle",
    evidence=(
        Evidence(fact="loader.wait_share", value=0.41, limit=0.10),
        Evidence(fact="host.idle_cores", value=1.2, limit=1.0),
    ),
    causes=("items are decoded one by one in the trainer's own process", "the disk is slow"),
    probes=("cached_batch",), explains=("DEV201",),
    fixes=(
        Fix(
            name="raise workers to 2", effect=Effect.SAME_MATHEMATICS, turns=(Turned(knob="workers", to=2),),
            improves="step_s", expected=0.35, estimated_by="removing the wait saves at most its share",
        ),
        Fix(
            name="keep decoded items in memory", effect=Effect.SAME_MATHEMATICS, turns=(Turned(knob="cache", to=True),),
            improves="step_s", expected=0.38, estimated_by="fetching from memory costs 2 % of decoding",
        ),
    ),
)  # fmt: skip
RARE_CLASSES = Finding(
    code="DAT104", name="class_imbalance", severity=Severity.WARNING,
    message="the largest class has 25 times the examples of the smallest, whose recall is 0.31",
    evidence=(Evidence(fact="classes.ratio", value=25.0, limit=10.0),),
    causes=("few examples of classes 7 and 9",),
    fixes=(
        Fix(
            name="weight classes by their root", effect=Effect.CHANGES_LEARNING,
            turns=(Turned(knob="class_weights", to="sqrt"),), improves="rare_recall", expected=0.2,
            guards=(Guard(metric="metric", tolerance=1.0, unit="standard_errors"),), estimated_by="published gains",
        ),
    ),
)  # fmt: skip
RATE_TOO_HIGH = Finding(
    code="OPT101", name="rate_too_high", severity=Severity.ERROR,
    message="0.5 is 31 times the rate that a sweep picks",
    evidence=(Evidence(fact="lr_sweep.pick", value=0.016, limit=0.16),),
    causes=("the rate is too high from step 0",), probes=("lr_sweep",), explains=("NUM101",),
    fixes=(
        Fix(
            name="start over at 0.016", effect=Effect.RESCUE, deed=Deed.START_OVER,
            turns=(Turned(knob="lr", to=0.016),), improves="finite", expected=0.0, estimated_by="nobody can say",
        ),
    ),
)  # fmt: skip
NON_FINITE = Finding(
    code="NUM101", name="non_finite_loss", severity=Severity.ERROR, message="the loss is NaN since step 1,620",
    evidence=(Evidence(fact="loss.non_finite_steps", value=60, limit=0),), causes=("the rate is too high",),
)  # fmt: skip
NO_AMP = Finding(
    code="DEV301", name="amp_off", severity=Severity.INFO, message="bf16 is available and not used",
    evidence=(Evidence(fact="device.amp_dtypes", value="bf16", limit="off"),),
    fixes=(
        Fix(
            name="compute in bf16", effect=Effect.OTHER_ROUNDING, turns=(Turned(knob="amp", to="bf16"),),
            improves="step_s", expected=0.15, estimated_by="the median of published gains",
        ),
    ),
)  # fmt: skip


class Recording:
    """A run directory that is being written, with a clock that moves with its steps."""

    def __init__(self, run: Run, t: float = EPOCH_T, step: int = 0) -> None:
        self.run = run
        self.t = t
        self.step = step
        self.random = random.Random(0)
        self.lr = 0.05
        self.wait_share = 0.41
        self.level = 0.0
        self._lines: dict[Path, list[str]] = {}

    @classmethod
    def begin(cls, folder: Path) -> Self:
        """Make the run directory."""
        run = Run(folder)
        folder.mkdir(parents=True, exist_ok=True)
        run.wishes.mkdir()
        run.checkpoints.mkdir()
        about = {"format": RUN_FORMAT, "name": "digits_troubled", "seed": 0, "command": "advisor train digits.toml"}
        run.about.write_text(json.dumps(about))
        return cls(run)

    @classmethod
    def go_on(cls, run: Run, step: int) -> Self:
        """Take up the writing of a run that was begun."""
        return cls(run, EPOCH_T + 1000, step)

    def say(self, *words: BaseModel) -> None:
        """Put events and entries down with the clock's time."""
        for word in words:
            path = self.run.events if isinstance(word, EventWord) else self.run.ledger
            stamped = word.model_copy(update={"t": self.t, "step": word.step or self.step})
            if path == self.run.events:
                stamped = stamped.model_copy(update={"samples": self.step * 64})
            self._lines.setdefault(path, []).append(stamped.model_dump_json())

    def flush(self) -> Run:
        """Write everything to the files."""
        for path, lines in self._lines.items():
            with path.open("a", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines)
        self._lines.clear()
        return self.run

    def start(self) -> None:
        """The driver and the trainer begin."""
        self.say(
            ledger.DriverStarted(pid=4242, mode="advise", budget=0.10),
            ledger.HardwareProfiled(hardware={"device": "cpu", "cores": 2}),
            ledger.TrainerStarted(pid=4243),
        )
        self.t += 1.8
        knobs = catalogue(VALUES, {"channels_last": "the device has no tensor cores"})
        self.say(
            wire.RunStarted(
                pid=4243, pid_started=EPOCH_T, task=TASK, model=MODEL,
                device=DeviceInfo(type="cpu", name="Xeon", memory_bytes=8 << 30, amp_dtypes=("bf16",), threads=2),
                knobs=knobs, steps_total=STEPS_TOTAL, samples_total=STEPS_TOTAL * 64, epochs=20,
                steps_per_epoch=STEPS_PER_EPOCH, seed=0, lockstep=False, resumed=False, versions={"torch": "2.15.0"},
            ),
            wire.Told(text="13,440 images in 10 classes, read from digits/"),
        )  # fmt: skip

    def train(self, steps: int, *, nan: bool = False, evaluate: bool = True) -> None:
        """Take steps, with a beat each 20 and an evaluation each epoch."""
        for _ in range(steps // BEAT_STEPS):
            self.step += BEAT_STEPS
            step_s = STEP_S * (1 - 0.41 + self.wait_share)
            self.t += step_s * BEAT_STEPS
            wait, rest = step_s * BEAT_STEPS * self.wait_share, step_s * BEAT_STEPS * (1 - self.wait_share)
            self.say(
                wire.BeatTaken(
                    steps=BEAT_STEPS, seconds=step_s * BEAT_STEPS, epoch=self.step / STEPS_PER_EPOCH,
                    lr=self.lr * (1 + math.cos(math.pi * self.step / STEPS_TOTAL)) / 2,
                    loss=tuple(math.nan if nan else self._loss() for _ in range(BEAT_STEPS)),
                    grad_norm=tuple(math.nan if nan else 1.4 * math.exp(self.random.gauss(0, 0.3)) for _ in range(BEAT_STEPS)),
                    phases={
                        "input_wait": wait, "to_device": 0.02 * rest, "forward": 0.33 * rest, "backward": 0.5 * rest,
                        "optimizer": 0.1 * rest, "advisor": 0.01 * rest, "other": 0.04 * rest,
                    },
                    step_s=(step_s,) * BEAT_STEPS, loader_cpu_s=0.006, peak_bytes=612 << 20,
                    eta_s=(STEPS_TOTAL - self.step) * step_s,
                )
            )  # fmt: skip
            if self.step % 80 == 0:
                self._sample()
            if evaluate and self.step % STEPS_PER_EPOCH < BEAT_STEPS and not nan:
                self._evaluate()

    def _loss(self) -> float:
        return (2.2 * math.exp(-self.step / 700) + 0.22 + self.level) * math.exp(self.random.gauss(0, 0.18))

    def _evaluate(self) -> None:
        metric = 0.96 - 0.82 * math.exp(-self.step / 600) + self.random.gauss(0, 0.004)
        self.t += 0.3
        self.say(
            wire.Evaluated(
                split="val", epoch=self.step / STEPS_PER_EPOCH, loss=2.1 * math.exp(-self.step / 750) + 0.31,
                metrics={"accuracy": metric}, standard_error=0.007, seconds=0.3, examples=1200,
                train_loss=2.1 * math.exp(-self.step / 700) + 0.2, train_metrics={"accuracy": metric + 0.01}, best=True,
            )
        )  # fmt: skip

    def _sample(self, gpu: bool = False) -> None:
        busy = 0.62 + self.random.gauss(0, 0.05)
        host = HostSample(
            cores=2, busy_share=busy, idle_cores=2 * (1 - busy), memory_bytes=8 << 30, memory_free_bytes=5 << 30,
            shm_free_bytes=4 << 30, trainer_bytes=612 << 20, io_stall_share=0.01,
        )  # fmt: skip
        self.sample(Sample(t=self.t, host=host))

    def sample(self, sample: Sample) -> None:
        """Put a sample down."""
        self._lines.setdefault(self.run.samples, []).append(sample.model_dump_json())

    def turn(self, trial: str, knob: str, old: object, new: object, confirmed: bool, by: str = "advisor") -> None:
        """A knob turns on probation, and stays or goes back."""
        change = Change(knob=knob, old=old, new=new)  # type: ignore[arg-type]
        self.say(wire.KnobsTurned(changes=(change,), trial=trial, probation=True, by=by))
        if confirmed:
            self.say(wire.KnobsConfirmed(changes=(change,), trial=trial))
        else:
            self.say(wire.KnobsReverted(changes=(change,), trial=trial, why="not kept"))

    def find(self, finding: Finding, role: ledger.Role = "cause", explained_by: str = "") -> None:
        """A finding stands."""
        self.say(ledger.Found(finding=finding, role=role, explained_by=explained_by))

    def rounds(self, trial: str, finding: Finding, gains: Iterable[float], fix: int = 0, finish: bool = True) -> None:
        """Try a throughput fix by rounds."""
        chosen = finding.fixes[fix]
        old = {turn.knob: VALUES[turn.knob] for turn in chosen.turns}
        self.say(
            ledger.TrialStarted(trial=trial, code=finding.code, fix=chosen, how="rounds", old=old, expected_cost_s=3.0),
            wire.TrialBegan(trial=trial, how="rounds", steps=20),
        )
        gains = list(gains)
        for number, gain in enumerate(gains, start=1):
            for arm in ("control", "candidate"):
                self.say(
                    wire.StretchTaken(trial=trial, round=number, arm=arm, steps=20, timed_samples=1280, timed_s=0.25)
                )  # type: ignore[arg-type]
                self.train(20)
            numbers = {"without_s": STEP_S / 64, "with_s": STEP_S / 64 * (1 - gain), "gain": gain}
            self.say(ledger.TrialHeard(trial=trial, what="round", numbers=numbers))
        if not finish:
            return
        self.say(wire.TrialEnded(trial=trial, went_on_from="control", seconds=2.9))
        kept = min(gains) > 0.02
        median = sorted(gains)[len(gains) // 2]
        self.say(
            ledger.Judged(
                trial=trial, code=finding.code, outcome="kept" if kept else "rolled_back",
                why=f"six rounds, median gain {median:+.1%}",
                measured=ledger.Measured(median=median, low=min(gains), high=max(gains), unit="relative step_s"), cost_s=2.9,
            )
        )  # fmt: skip
        for turned in chosen.turns:
            self.turn(trial, turned.knob, VALUES[turned.knob], turned.to, kept)


def record(folder: Path, state: str) -> Run:
    """Write the run directory of one of the seven states and return it."""
    made = Recording.begin(folder)
    if state == "empty":
        return made.flush()
    made.run.trainer_log.write_text("".join(f"epoch {n}: read 13,440 images\n" for n in range(3)))
    made.run.driver_log.write_text("the driver holds the lease\n")
    made.start()
    if state == "warming":
        made.train(100)
        return made.flush()
    made.train(420)
    _tell(made, state)
    return made.flush()


def _tell(made: Recording, state: str) -> None:
    made.find(STALLED_LOADER)
    made.find(NO_AMP, "contributing")
    made.rounds("t1", NO_AMP, (-0.08, -0.11, -0.09, -0.07, -0.1, -0.12))
    made.train(200)
    if state == "trying":
        made.say(
            ledger.Proposed(proposal="p2", code="DAT104", fix=RARE_CLASSES.fixes[0], how="fork", expected_cost_s=8.0)
        )
        made.find(RARE_CLASSES)
        made.rounds("t2", STALLED_LOADER, (0.31, 0.34, 0.33), finish=False)
        return
    made.rounds("t2", STALLED_LOADER, (0.31, 0.34, 0.33, 0.36, 0.32, 0.30))
    made.wait_share = 0.06
    made.train(400)
    made.find(RARE_CLASSES)
    made.say(ledger.Proposed(proposal="p2", code="DAT104", fix=RARE_CLASSES.fixes[0], how="fork", expected_cost_s=8.0))
    made.train(400)
    match state:
        case "healthy":
            made.train(1000)
        case "nan":
            _lose_and_recover(made)
        case "crashed":
            _crash(made)


def _lose_and_recover(made: Recording) -> None:
    made.lr = 0.5
    made.level = 0.8
    made.train(60)
    made.train(60, nan=True)
    made.find(NON_FINITE, "symptom", "OPT101")
    made.find(RATE_TOO_HIGH)
    made.say(
        ledger.TrialStarted(
            trial="t3", code="OPT101", fix=RATE_TOO_HIGH.fixes[0], how="rescue", old={"lr": 0.5}, expected_cost_s=0.0
        ),
        wire.RolledBack(from_step=made.step, trial="t3", skipped_batches=3, step=1400),
    )
    made.step = 1400
    made.level, made.lr = 0.0, 0.016
    made.say(
        ledger.Judged(trial="t3", code="OPT101", outcome="applied_untried", why="the loss is finite again", cost_s=2.1)
    )
    made.train(100)
    made.train(40, nan=True)


def _crash(made: Recording) -> None:
    made.run.trainer_log.write_text(
        "epoch 7: read 13,440 images\nTraceback (most recent call last):\n"
        '  File "loop.py", line 88, in train\n    loss.backward()\nRuntimeError: a worker died of a bus error\n'
    )
    made.say(
        wire.RunEnded(why="failed", text="RuntimeError: a worker died of a bus error", seconds=42.0),
        ledger.TrainerExited(
            code=1, why="the trainer ended with RuntimeError",
            last_lines=('  File "loop.py", line 88, in train', "    loss.backward()", "RuntimeError: a worker died of a bus error"),
        ),
        ledger.RunClosed(why="the trainer failed", exit_code=3),
    )  # fmt: skip


def gpu_sample(t: float) -> Sample:
    """Return a sample of a machine with an NVIDIA device."""
    device = DeviceSample(
        index=0, name="NVIDIA H100", busy_share=0.87, memory_bytes=80 << 30, memory_used_bytes=31 << 30, power_w=412.0,
        power_limit_w=700.0, temperature_c=61.0, clock_mhz=1755, clock_max_mhz=1980, throttled=False,
    )  # fmt: skip
    host = HostSample(cores=16, busy_share=0.2, idle_cores=12.8, memory_bytes=128 << 30, memory_free_bytes=90 << 30)
    return Sample(t=t, host=host, devices=(device,))
