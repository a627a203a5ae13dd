"""What a log tells and what it leaves open: the knobs, the loss of guessing, the noise of the metric.

Nothing is made up in silence: what a rule's answer hangs on and nobody knows makes the rule «not assessed»; what only
shapes its advice gets a neutral value; what is estimated is said in «what we are not sure of».
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import exp, isfinite, log, nan, sqrt

from advisor.logs.curve import Curve, Point
from advisor.logs.frame import Frame
from advisor.logs.names import Roles
from advisor.logs.rate import MOST_CLASSES
from advisor.signals.windows import median_of
from rules.facts import KnobFacts
from rules.vocabulary import Value
from trainer.knobs import SPECS

EPOCH_STEPS = 100
"""Steps that an epoch is taken for where a log has epochs only: rules wait in steps, and two epochs outwait them all."""
ASSUMED_EXAMPLES = 1000
"""Validation examples where nobody says how many: their noise is then 1 to 1.6 points of accuracy."""
PRETRAINED_FACTOR = 1.8
"""Times the first loss: what guessing may cost where training began better than chance, from learned weights."""
UNTRAINED_SPAN = 0.15
"""Around e^-loss: an accuracy that near to chance says that nothing was learned, so the loss is that of guessing."""
LUCK_ERRORS = 3.0
"""Standard errors above chance: the best of some dozen evaluations of a net that guesses lies no higher."""
LARGEST_CHANCE = 0.6
"""Accuracy of guessing among two classes, with some room: a loss that says more has learned."""
STUCK_SHARE = 0.9
"""Of the loss of guessing: a training loss below it has learned something, by heart at the least."""
LAST_ROWS = 10
THROWN_SHARE = 0.1
"""Over the loss at chance: a first row that high was logged after the first steps had thrown the net."""
LEAST_NOISE_SHARE = 0.005
"""Of a loss or another metric that is no share: a few thousand examples do not tell it better."""
FLAT_SHARE = 0.01
"""Relative: a rate that varies by less is constant."""

NEUTRAL: Mapping[str, Value] = {
    "amp": "auto",
    "clip": 0.0,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "augment": False,
    "early_stop": False,
    "optimizer": "unknown",
}
"""What rules read only for their advice or, as `amp`, where the cautious value is the more patient one."""

NAMES_OF_SETTINGS = {
    "batch_size": ("batch_size", "per_device_train_batch_size", "train_batch_size", "batch"),
    "lr": ("learning_rate", "lr", "lr0"),
    "weight_decay": ("weight_decay",),
    "dropout": ("dropout",),
    "label_smoothing": ("label_smoothing", "label_smoothing_factor"),
}
"""Our name of a setting → its names in the wild."""

HANGS_ON: Mapping[str, tuple[str, ...]] = {
    "NUM103": ("every step's loss and gradient",),
    "OPT103": ("evaluations on a validation split", "the loss of guessing"),
    "OPT104": ("validation loss",),
    "OPT105": ("a metric that is a share of examples",),
    "OPT106": ("learning rate",),
    "OPT107": ("weight decay", "dropout", "label smoothing"),
    "OPT110": ("training examples scored in evaluation mode",),
    "GEN101": ("validation loss",),
    "GEN103": ("training metric", "metric"),
    "GEN104": ("number of validation examples", "metric"),
    "DAT109": ("number of training examples",),
    "DAT116": ("training examples scored in evaluation mode",),
    "OPT112": ("the clip, and how many steps it shortened",),
    "OPT113": ("batch size", "number of training examples"),
    "OPT114": ("the optimizer, and its momentum",),
}
"""Code → what its answer hangs on besides its groups of facts, as words for people."""

GROUP_WORDS = {
    "loss": "training loss",
    "validation": "evaluations on a validation split",
    "task": "a loss to begin with",
    "layers": "norms and activity of the layers",
    "outputs": "outputs, targets and loss held against each other",
    "phases": "the times of the parts of a step",
    "loader": "the waiting for input",
    "fetch": "how long batches take to fetch",
    "fetcher": "what the fetching threads wait for",
    "host": "the machine",
    "device": "the device",
    "utilisation": "the device's utilisation",
    "cooling": "the device's clocks and heat",
    "held_back": "what holds the processor back",
    "neighbours": "the devices beside it",
    "memory": "the device's memory",
    "growth": "how memory grows",
    "allocator": "what the device's allocator keeps",
    "pace": "steps that took far longer",
    "stall": "whether the trainer stands still",
    "classes": "the sizes of the classes",
    "order": "the order of the examples",
    "labels": "what the net believes of single labels",
    "inputs": "the inputs",
    "table": "the columns of the data",
    "splits": "the examples of the splits",
    "model": "the network",
    "stream": "what went into the net",
    "rate": "the rate that the optimizer held beside the one that was set",
}
"""Groups of facts, as a person would ask for them."""


@dataclass(frozen=True)
class Said:
    """What the user says of a training beside its log."""

    classes: int = 0
    val_examples: int = 0
    batch_size: int = 0
    steps_total: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of one run, apart from its curves."""

    steps_per_row: float
    """Of the axis: 1 for steps, `EPOCH_STEPS` for epochs."""
    steps_total: int
    steps_per_epoch: int
    batch_size: int
    baseline_loss: float
    baseline_sure: bool
    baseline_metric: float
    told: frozenset[str]
    """What the log tells, in the words of `HANGS_ON`."""
    unsure: tuple[str, ...] = field(default=())


def known(frame: Frame, roles: Roles, said: Said) -> Known:
    """Return what is known of a run."""
    factor = float(EPOCH_STEPS) if frame.axis == "epoch" else 1.0
    last = max((curve.last_at for curve in used(frame, roles).values()), default=0.0)
    first_epoch = 1.0 if frame.axis == "epoch" and _starts_at_zero(frame) else 0.0
    logged = (last + first_epoch) * factor
    total = max(said.steps_total or frame.steps_total, int(logged))
    start = _start(frame, roles)
    unsure: list[str] = []
    if said.classes > 1:
        baseline, sure = log(said.classes), True
    else:
        stuck_at = _stuck_at(frame, roles, said)
        thrown = start > (1 + THROWN_SHARE) * stuck_at
        baseline, sure = (stuck_at, True) if thrown else (start, _looks_untrained(frame, roles, start))
        if roles.no_measure:
            unsure.append(
                f"The training loss need not fall, as {roles.no_measure}: it is asked only whether it is a number."
            )
        elif roles.is_share and baseline > log(MOST_CLASSES):
            unsure.append(
                f"The loss of guessing is not in a log, and the first loss, {baseline:.3g}, is higher than any guess costs: "
                "--classes N would tell."
            )
        elif isfinite(baseline):
            unsure.append(
                f"The loss of guessing is not in a log: the {'least validation' if thrown else 'first'} loss, {baseline:.3g}, is "
                "taken for it"
                + ("." if sure else "; a model that was trained before starts below it. --classes N would tell.")
            )
    if _never_a_number(frame, roles):
        unsure.append("The validation loss is logged, and is not a number at any evaluation: it was left out.")
    if frame.axis == "epoch":
        unsure.append("The log has one row an epoch: what happened within an epoch is not seen.")
    if roles.is_share and not said.val_examples:
        unsure.append(
            f"The noise of {roles.metric} is that of {ASSUMED_EXAMPLES} examples; --val-examples N would tell."
        )
    told = _told(frame, roles, said, sure=sure)
    return Known(
        steps_per_row=factor,
        steps_total=total,
        steps_per_epoch=EPOCH_STEPS if frame.axis == "epoch" else _steps_per_epoch(frame),
        batch_size=said.batch_size or int(setting(frame, "batch_size") or 0),
        baseline_loss=baseline,
        baseline_sure=sure,
        baseline_metric=_baseline_metric(frame, roles, said, baseline, sure=sure),
        told=told,
        unsure=tuple(unsure),
    )


def used(frame: Frame, roles: Roles) -> dict[str, Curve]:
    """Return the curves that play a role, by role; of several columns the first."""
    return {role: frame.columns[names[0]] for role, names in roles.columns.items() if names[0] in frame.columns}


def setting(frame: Frame, name: str) -> float | None:
    """Return a number of the log's own configuration; nothing where it holds none."""
    for key in NAMES_OF_SETTINGS[name]:
        value = frame.settings.get(key)
        if isinstance(value, int | float) and isfinite(value):
            return float(value)
    return None


def knobs(frame: Frame, lr_now: float, rates: Mapping[float, float], total: float) -> KnobFacts:
    """Return the knobs that the log tells, and neutral values for what only shapes advice.

    Args:
        frame: What was read.
        lr_now: The newest logged rate; NaN where none was logged.
        rates: Step → rate, so far.
        total: Steps of the run.
    """
    lr = lr_now if isfinite(lr_now) else setting(frame, "lr")
    values: dict[str, Value] = dict(NEUTRAL) | {"lr": nan if lr is None else lr}
    for name in ("weight_decay", "dropout", "label_smoothing"):
        if (told := setting(frame, name)) is not None:
            values[name] = told
    values |= _shape(rates, total)
    return KnobFacts(values=values, turnable=frozenset(SPECS))


def noise_of(metric: float, roles: Roles, said: Said, past: list[float]) -> float:
    """Return the standard error of a metric: of a share from the number of examples, else from its own jumps."""
    if roles.is_share and 0 <= metric <= 1:
        return sqrt(max(metric * (1 - metric), 1e-4) / (said.val_examples or ASSUMED_EXAMPLES))
    changes = sorted(abs(after - before) for before, after in zip(past[-10:], past[-9:], strict=False))
    jumps = changes[len(changes) // 2] / sqrt(2) if changes else 0.0
    return max(jumps, LEAST_NOISE_SHARE * abs(metric)) if isfinite(metric) else jumps


def _shape(rates: Mapping[float, float], total: float) -> dict[str, Value]:
    """Return schedule and warm-up, read off the rate so far; a rate that nobody logged may still decay."""
    values = [rate for rate in rates.values() if isfinite(rate)]
    if not values:
        return {"schedule": "unknown", "warmup": 0.0}
    top = max(values)
    falls = values[-1] < (1 - FLAT_SHARE) * top
    warmup = 0.0
    if 0 <= values[0] < (1 - FLAT_SHARE) * top:
        peak = next(step for step, rate in rates.items() if rate >= (1 - FLAT_SHARE) * top)
        warmup = min(peak / max(total, 1.0), 0.5)
    return {"schedule": "cosine" if falls else "constant", "warmup": warmup}


def _told(frame: Frame, roles: Roles, said: Said, *, sure: bool) -> frozenset[str]:
    told = {
        "evaluations on a validation split": roles.has("val_loss") or roles.has("metric"),
        "validation loss": roles.has("val_loss") and not _never_a_number(frame, roles),
        "metric": roles.has("metric"),
        "training metric": roles.has("train_metric"),
        "learning rate": roles.has("lr"),
        "a metric that is a share of examples": roles.is_share,
        "the loss of guessing": sure,
        "number of classes": said.classes > 1,
        "number of validation examples": said.val_examples > 0,
        "weight decay": setting(frame, "weight_decay") is not None,
        "dropout": setting(frame, "dropout") is not None,
        "label smoothing": setting(frame, "label_smoothing") is not None,
    }
    return frozenset(name for name, is_there in told.items() if is_there)


def _never_a_number(frame: Frame, roles: Roles) -> bool:
    judged = [point for name in roles.columns.get("val_loss", ()) for point in frame.columns[name].points]
    return bool(judged) and not any(isfinite(point.value) for point in judged)


def _start(frame: Frame, roles: Roles) -> float:
    """Return the first loss that is a number, of training or validation, whichever was logged first."""
    norms = frame.columns[roles.columns["grad_norm"][0]].points if roles.has("grad_norm") else []
    begun: list[tuple[float, float]] = []
    for role in ("loss", "val_loss"):
        firsts = [
            next(
                (point for point in without_stand_ins(frame.columns[name].points, norms) if isfinite(point.value)), None
            )
            for name in roles.columns.get(role, ())
            if name in frame.columns
        ]
        told = [point for point in firsts if point is not None]
        if told and len(told) == len(firsts):
            begun.append((told[0].at, sum(point.value for point in told)))
    return min(begun, key=lambda one: one[0])[1] if begun else nan


def without_stand_ins(loss: list[Point], norms: list[Point]) -> list[Point]:
    """Return the losses without the zeros that stand for lost steps.

    Hugging Face's `logging_nan_inf_filter` writes 0 for a loss that is no number; only the gradient's norm tells.
    """
    lost = {point.at for point in norms if point.non_finite == point.rows}
    return [
        replace(point, value=nan, non_finite=point.rows, non_finite_at=point.at)
        if point.value == 0 and point.at in lost
        else point
        for point in loss
    ]


def _looks_untrained(frame: Frame, roles: Roles, start: float) -> bool:
    """Tell whether the accuracy never left what guessing at that loss would score; a lower loss than any guess costs has learned."""
    if not roles.is_share or "metric" not in roles.columns or not isfinite(start):
        return False
    curve = frame.columns.get(roles.columns["metric"][0])
    values = [point.value for point in curve.points if isfinite(point.value)] if curve else []
    chance = exp(-max(start, 0.0))
    return bool(values) and chance <= LARGEST_CHANCE and abs(share_of(max(values), values) - chance) <= UNTRAINED_SPAN


def _stuck_at(frame: Frame, roles: Roles, said: Said) -> float:
    """Return the loss of guessing as a training shows it whose accuracy never left chance; NaN of any other.

    No loss is below it for long where nothing is learned: it is the least validation loss, and an accuracy of e^-loss
    goes with it.
    """
    if not roles.is_share or not (roles.has("metric") and roles.has("loss") and roles.has("val_loss")):
        return nan
    trained, judged, scores = (
        [point.value for point in frame.columns[roles.columns[role][0]].points if isfinite(point.value)]
        for role in ("loss", "val_loss", "metric")
    )
    if not trained or not judged or not scores:
        return nan
    guessing, best = max(min(judged), 0.0), share_of(max(scores), scores)
    chance = exp(-guessing)
    luck = LUCK_ERRORS * noise_of(chance, roles, said, [])
    learned = (
        chance > LARGEST_CHANCE or best > chance + luck or median_of(trained[-LAST_ROWS:]) < STUCK_SHARE * guessing
    )
    return nan if learned else guessing


def share_of(value: float, values: list[float]) -> float:
    """Return a share as 0 to 1, of a column that may hold percentages."""
    return value / 100 if 1.5 < max(values) <= 100 else value


def _baseline_metric(frame: Frame, roles: Roles, said: Said, baseline_loss: float, *, sure: bool) -> float:
    if "metric" not in roles.columns:
        return baseline_loss
    curve = frame.columns.get(roles.columns["metric"][0])
    values = [point.value for point in curve.points if isfinite(point.value)] if curve else []
    if roles.is_share:
        if said.classes > 1:
            return 1 / said.classes
        return share_of(values[0], values) if sure and values else exp(-max(baseline_loss, 0.0))
    if roles.higher_is_better:
        return 0.0
    return values[0] if values else nan


def _steps_per_epoch(frame: Frame) -> int:
    points = frame.epochs.points
    if len(points) < 2 or points[-1].value <= points[0].value:
        return 0
    return round((points[-1].at - points[0].at) / (points[-1].value - points[0].value))


def _starts_at_zero(frame: Frame) -> bool:
    return any(curve.first_at == 0 for curve in frame.columns.values())
