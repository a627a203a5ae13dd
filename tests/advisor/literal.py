"""Literal events, findings and runs: one function of keyword defaults each."""

from math import inf
from typing import Any

from advisor.deciding.assess import Standing
from advisor.deciding.budget import Budget
from advisor.deciding.options import Scene, Try
from advisor.ledger import Judged, TrialHeard
from advisor.signals.signals import Signals
from advisor.trials.trial import Circumstances, advance, open_trial
from advisor.trials.words import Moved, Setting, Trial
from rules.facts import ProbeFacts, RunFacts
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Rule, Severity, Turned
from trainer.commands import Command
from trainer.knobs import SPECS, Knob, KnobValue, catalogue
from trainer.wire import (
    ArmScored,
    BeatTaken,
    Compressed,
    Evaluated,
    Event,
    OutputsMeasured,
    RunStarted,
    StretchTaken,
    TrialEnded,
)
from trainer.words import DeviceInfo, ModelInfo, Outputs, Survey, TaskInfo

KNOB_VALUES: dict[str, KnobValue] = {
    "lr": 0.1, "schedule": "constant", "warmup": 0.0, "optimizer": "sgd", "momentum": 0.9, "beta2": 0.999,
    "weight_decay": 0.0, "clip": 0.0, "batch_size": 32, "micro_batch": 0, "replicas": 1, "amp": "off", "tf32": False, "augment": False,
    "augment_strength": 0.5, "dropout": 0.0, "label_smoothing": 0.0, "class_weights": "none", "logit_adjustment": 0.0, "focal": 0.0, "shuffle": True, "sampler": "none", "loss": "own", "standardise": False, "scale_targets": False, "early_stop": False, "ema": 0.0,
    "activation": "own", "init": "own", "norm": "own", "residual": False, "output": "own",
    "workers": 0, "prefetch": 2, "cache": False, "channels_last": False, "compile": "off", "activation_checkpointing": False, "threads": 1, "async_checkpoints": False, "eval_every": 1.0,
}  # fmt: skip


def knobs(unavailable: dict[str, str] | None = None, **values: KnobValue) -> tuple[Knob, ...]:
    assert set(KNOB_VALUES) == set(SPECS)
    return catalogue({**KNOB_VALUES, **values}, unavailable or {})


def started(**fields: Any) -> RunStarted:
    task = TaskInfo(
        kind="classification", classes=("a", "b"), inputs="image", input_shape=(1, 8, 8), train_examples=1000,
        val_examples=200, test_examples=200, metric="accuracy", higher_is_better=True, baseline_metric=0.5,
        baseline_loss=0.69, in_memory=fields.pop("in_memory", True), source="literal",
    )  # fmt: skip
    model = ModelInfo(
        name="mlp", parameters=1000, trainable=1000, layers=("0", "1"), has_conv=False, has_norm=False, has_dropout=True
    )
    device = DeviceInfo(
        type=fields.pop("device", "cpu"), name="cpu", memory_bytes=8 << 30, amp_dtypes=("bf16",), threads=1
    )
    given = {
        "t": 0.0, "pid": 1, "pid_started": 0.0, "task": task, "model": model, "device": device, "knobs": knobs(),
        "steps_total": 2000, "samples_total": 64000, "epochs": 10.0, "steps_per_epoch": 200, "seed": 0,
        "lockstep": False, "resumed": False, "versions": {},
    }  # fmt: skip
    return RunStarted(**{**given, **fields})


def beat(step: int, *, steps: int = 10, loss: float | tuple[float, ...] = 1.0, **fields: Any) -> BeatTaken:
    losses = loss if isinstance(loss, tuple) else (loss,) * steps
    given = {
        "t": step * 0.01, "seconds": steps * 0.01, "epoch": step / 200, "lr": 0.1, "grad_norm": (1.0,) * len(losses),
        "phases": {"input_wait": 0.002 * steps, "forward": 0.008 * steps}, "step_s": (0.01,) * steps,
        "eta_s": (2000 - step) * 0.01, "label_runs": 0.5,
    }  # fmt: skip
    return BeatTaken(step=step, steps=steps, loss=losses, **{**given, **fields})


def looked_at(step: int = 0, **fields: Any) -> OutputsMeasured:
    given = {
        "examples": 32, "output_shape": (2,), "target_shape": (), "low": -1.0, "high": 1.0, "rms": 0.5, "spread": 0.4,
        "zero_share": 0.0, "sums_to_one": False, "reach_low": -inf, "reach_high": inf, "loss": 0.7,
        "loss_kind": "cross_entropy", "loss_factor": 1.0, "sum_factor": 1.0, "pairing_share": 1.0, "order_share": 0.0,
    }  # fmt: skip
    return OutputsMeasured(step=step, outputs=Outputs(**{**given, **fields}))


def evaluated(step: int, metric: float = 0.9, loss: float = 0.3, **fields: Any) -> Evaluated:
    given = {
        "t": step * 0.01, "split": "val", "epoch": step / 200, "metrics": {"accuracy": metric}, "standard_error": 0.01,
        "seconds": 0.05, "examples": 200, "train_loss": 0.2, "train_metrics": {"accuracy": 0.95}, "best": True,
        "recalls": (0.9, 0.8),
    }  # fmt: skip
    return Evaluated(step=step, loss=loss, **{**given, **fields})


def survey(**fields: Any) -> Survey:
    given = {
        "examples": 1000, "sampled": 1000, "seconds": 0.1, "class_counts": (500, 500), "duplicate_share": 0.0,
        "conflicting_share": 0.0, "val_overlap_share": 0.0, "test_overlap_share": 0.0, "missing_share": 0.0,
        "input_mean": 0.0, "input_std_low": 1.0, "input_std_high": 1.0, "input_abs_max": 3.0, "constant_features": 0,
        "features": 64, "neighbour_label_match": 0.5,
    }  # fmt: skip
    return Survey(**{**given, **fields})


def stretch(trial: str, number: int, arm: str, seconds: float, samples: int = 640) -> StretchTaken:
    return StretchTaken(step=100, trial=trial, round=number, arm=arm, steps=20, timed_samples=samples, timed_s=seconds)


def scored(
    trial: str, arm: str, loss: float, *, diverged: bool = False, step: int = 100, replicate: int = -1, **scores: float
) -> ArmScored:
    figures = {"loss": loss, "tail_loss": loss, "metric": 0.9, "accuracy": 0.9, "balanced_accuracy": 0.9, **scores}
    return ArmScored(
        step=step, trial=trial, arm=arm, steps=40, seconds=0.4, scores=figures,
        standard_errors={"metric": 0.01, "accuracy": 0.01}, diverged=diverged,
        replicate=replicate if replicate >= 0 else int(arm == "null"),
    )  # fmt: skip


def ended(trial: str, arm: str = "control", seconds: float = 0.5, why: str = "", step: int = 140) -> TrialEnded:
    return TrialEnded(step=step, trial=trial, went_on_from=arm, seconds=seconds, why=why)


FAMILY = {
    Effect.CHANGES_LEARNING: ("loss", {"lr": 0.01}),
    Effect.SAME_MATHEMATICS: ("step_s", {"workers": 2}),
    Effect.OTHER_ROUNDING: ("step_s", {"amp": "bf16"}),
    Effect.FREE: ("time", {}),
    Effect.RESCUE: ("finite", {"lr": 0.01}),
    Effect.NEEDS_A_PERSON: ("loss", {}),
}


def fix(effect: Effect = Effect.CHANGES_LEARNING, *, deed: Deed | None = None, **fields: Any) -> Fix:
    improves, turns = FAMILY[effect]
    turns = fields.pop("turns", turns)
    usual = {Effect.RESCUE: Deed.ROLLBACK, Effect.FREE: Deed.STOP, Effect.NEEDS_A_PERSON: Deed.PERSON}
    given = {
        "name": f"turn {', '.join(turns) or 'nothing'}", "improves": improves, "expected": 0.2,
        "estimated_by": "a literal",
    }  # fmt: skip
    return Fix(
        effect=effect,
        deed=deed or usual.get(effect, Deed.TURN),
        turns=tuple(Turned(knob=knob, to=to) for knob, to in turns.items()),
        **{**given, **fields},
    )


def finding(code: str = "OPT900", *fixes: Fix, severity: Severity = Severity.WARNING, **fields: Any) -> Finding:
    given = {
        "name": "literal", "message": "5 things are literal",
        "evidence": (Evidence(fact="run.step", value=1, limit=0),),
    }  # fmt: skip
    return Finding(code=code, severity=severity, fixes=fixes, **{**given, **fields})


def standing(code: str = "OPT900", *fixes: Fix, seen: int = 2, **fields: Any) -> Standing:
    return Standing(finding(code, *fixes, **fields), seen=seen, stands=True, step=50)


def scene(**fields: Any) -> Scene:
    room = fields.pop("budget_share", 0.5)
    given = {
        "mode": "auto", "step": 400, "steps_left": 1600, "knobs": {knob.name: knob for knob in knobs()},
        "phase": "0.0", "metric": "accuracy", "step_s": 0.01, "eta_s": 16.0, "last_evaluation_step": 400,
        "budget": Budget(share=room, spent_steps=0, steps_total=2000),
    }  # fmt: skip
    return Scene(**{**given, **fields})


def setting(one: Fix, how: str = "fork", **fields: Any) -> Setting:
    given = {
        "trial": "t1", "code": "OPT900", "step": 100, "t": 1.0, "step_s": 0.01, "eta_s": 10.0, "steps_left": 1900,
        "metric": "accuracy", "higher_is_better": True, "old": {"lr": 0.1},
    }  # fmt: skip
    return Setting(fix=one, how=how, **{**given, **fields})


def rule_from(code: str, *fixes: Fix, since: int = 0, until: int = 10**9, **fields: Any) -> Rule:
    """A rule that speaks between two steps."""

    def literal_rule(run: RunFacts) -> Finding | None:
        return finding(code, *fixes, **fields) if since <= run.step < until else None

    return Rule(code, literal_rule)


def probing_rule(code: str) -> Rule:
    """A rule that wants a sweep before it can name the rate."""

    def literal_rule(run: RunFacts, probes: ProbeFacts) -> Finding | None:
        if run.step < 20:
            return None
        if "lr_sweep" not in probes.done:
            return finding(code, severity=Severity.ERROR, probes=("lr_sweep",))
        return finding(code, fix(turns={"lr": probes.lr_pick}), severity=Severity.ERROR)

    return Rule(code, literal_rule)


def told(*events: Event) -> Signals:
    """Return the signals of these events."""
    signals = Signals()
    for event in events:
        signals.hear(event)
    return signals


def beats(until: int, loss: float = 1.0, since: int = 0, every: int = 10) -> list[Event]:
    """Return beats of `every` steps from `since` on."""
    return [beat(step, steps=every, loss=loss) for step in range(since + every, until + 1, every)]


def opened(
    one: Fix,
    how: str,
    *,
    about: Circumstances | None = None,
    passes: int = 0,
    nulls: int = 1,
    replicates: int = 1,
    **fields: object,
) -> Trial:
    chosen = Try("OPT900", one, how, 1.0, steps=40, nulls=nulls, replicates=replicates, agreement_passes=passes)  # type: ignore[arg-type]
    return open_trial(chosen, setting(one, how, **fields), about or Circumstances())


def followed(trial: Trial, *events: Event) -> tuple[Judged | None, list[Command], list[TrialHeard], Trial | None]:
    """What a trial makes of events: its verdict, the commands, the measurements, and the trial itself."""
    commands: list[Command] = []
    heard: list[TrialHeard] = []
    verdict, now = None, trial
    for event in events:
        moved: Moved = advance(now, event)
        commands += moved.commands
        heard += [entry for entry in moved.entries if isinstance(entry, TrialHeard)]
        verdict = next((entry for entry in moved.entries if isinstance(entry, Judged)), verdict)
        if moved.trial is None:
            return verdict, commands, heard, None
        now = moved.trial
    return verdict, commands, heard, now


def rounds(gain: float) -> list[Event]:
    return [
        one for n in range(6) for one in (stretch("t1", n, "control", 1.0), stretch("t1", n, "candidate", 1 - gain))
    ]


def compressed(after: int, metric: float) -> Compressed:
    return Compressed(
        trial="t1", method="int8", path="x", bytes_before=1000, bytes_after=after, latency_before_s=1.0,
        latency_after_s=1.0, metric_before=0.9, metric_after=metric, standard_error=0.01,
    )  # fmt: skip
