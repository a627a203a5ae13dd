"""Names of columns in the wild: which one is the training loss, the validation loss, the metric, the rate, the axis."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from advisor.logs.frame import Frame

ROLES = ("loss", "val_loss", "metric", "train_metric", "lr", "grad_norm")
"""What a column can be, besides the axes `step` and `epoch`."""
AXES = ("step", "epoch")

_STEP = {
    "step",
    "steps",
    "global_step",
    "iteration",
    "iterations",
    "iter",
    "batch",
    "train_step",
    "globalstep",
    "trainer_global_step",
    "train_global_step",
    "timesteps",
    "total_timesteps",
    "time_total_timesteps",
    "num_updates",
}
_EPOCH = {"epoch", "epochs", "train_epoch", "epoch_number"}
_VALIDATION = {"val", "valid", "validation", "eval", "evaluation", "dev", "test"}
_TRAINING = {"train", "training", "tr"}
_SPLIT = {"split", "phase", "mode", "stage", "subset"}
"""Columns whose cells tell of which examples a row speaks."""
_LOSS = {"loss", "nll", "losses", "crossentropy", "xent", "logloss", "ce", "bce"}
_SPELLED = {"cross", "entropy"}
"""The words of a loss that is spelled out: `train/cross_entropy`."""
_EXTREMES = ("__MIN", "__MAX")
"""Ends of columns that W&B exports beside each one."""
_PLAIN = (
    _VALIDATION | _TRAINING | _LOSS | {"step", "epoch", "batch", "total", "avg", "mean", "smooth", "running", "metrics"}
)
_AGGREGATED = {"epoch", "avg", "smooth", "running", "mean"}
_METRICS = (
    "accuracy", "acc", "top1", "accuracy_top1", "f1", "auc", "auroc", "map50_95", "map", "map50", "iou", "miou", "dice",
    "mcc", "matthews_correlation", "bleu", "rouge", "rougel", "r2", "precision", "recall", "exact_match", "psnr", "ssim",
    "ndcg", "spearman", "pearson",
    "accuracies", "kappa", "mean_io_u",
    "rmse", "mse", "mae", "mape", "wer", "cer", "perplexity", "ppl", "error", "error_rate", "top1_err",
)  # fmt: skip
"""Metrics by the order in which one is taken for the main one."""
_LOWER = {"rmse", "mse", "mae", "mape", "wer", "cer", "perplexity", "ppl", "error", "error_rate", "top1_err"}
_ERRORS = {"rmse", "mse", "mae", "mape"}
"""Errors that stand for the loss where a log has none."""
SHARES = {
    "accuracy",
    "acc",
    "top1",
    "accuracy_top1",
    "categorical_accuracy",
    "binary_accuracy",
    "sparse_categorical_accuracy",
}
"""Metrics that are shares of examples: their noise follows from their number."""
_REWARDS = {"reward", "rew", "return", "returns"}
_SPREADS = {"std", "min", "max", "loss"}
_DISCRIMINATORS = {"d", "disc", "discriminator", "critic"}
_GENERATORS = {"g", "gen", "generator", "actor"}
_COSTS = {"runtime", "per_second", "samples", "time", "seconds", "speed", "memory", "flos", "gpu", "throughput"}


@dataclass(frozen=True)
class Roles:
    """The columns that tell something, by what they are."""

    columns: dict[str, tuple[str, ...]]
    """Role → column; several are added up (the parts of a detector's loss)."""
    metric: str = ""
    """Name of the metric without its split."""
    higher_is_better: bool = True
    is_share: bool = False
    no_measure: str = ""
    """Why the training loss does not tell how good the training is, as words; empty where it does."""

    def has(self, role: str) -> bool:
        """Tell whether a column plays this role."""
        return role in self.columns


def words(name: str) -> list[str]:
    """Return the words of a column name: `val/box_loss` gives val, box, loss."""
    spaced = re.sub(r"([a-z0-9])([A-Z][a-z])", r"\1_\2", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def is_step(name: str) -> bool:
    """Tell whether a column is the axis of steps."""
    return "_".join(words(name)) in _STEP


def is_epoch(name: str) -> bool:
    """Tell whether a column is the axis of epochs."""
    return "_".join(words(name)) in _EPOCH


def is_split(name: str) -> bool:
    """Tell whether a column tells of which examples its rows speak."""
    return name.strip().lower() in _SPLIT


def of_split(name: str, split: str) -> str:
    """Return a column's name in a row of validation examples, `val/loss`; in any other row it keeps its own."""
    of = split.strip().lower()
    return f"{of}/{name}" if of in _VALIDATION and not set(words(name)) & _VALIDATION else name


def roles_of(frame: Frame, chosen: dict[str, str], lower_is_better: bool | None = None) -> Roles:
    """Return which column plays which role.

    Args:
        frame: What was read.
        chosen: Role → column, as the user has said it; it counts before any guess.
        lower_is_better: What the user says of the metric; nothing to go by its name.
    """
    names = [
        name for name in frame.columns if not is_step(name) and not is_epoch(name) and not name.endswith(_EXTREMES)
    ]
    found: dict[str, tuple[str, ...]] = {role: (name,) for role, name in chosen.items() if role in ROLES}
    count = {name: frame.columns[name].rows for name in frame.columns}
    trained = [name for name in names if _is_train_loss(name)]
    judged = [name for name in names if _is_val_loss(name)]
    if "loss" not in found and (columns := _losses(trained, count)):
        found["loss"] = columns
    if "val_loss" not in found and (columns := _losses(judged, count)):
        found["val_loss"] = columns if _are_parts(columns, trained) else columns[:1]
    if "lr" not in found and (rate := _first(names, _is_rate)):
        found["lr"] = (rate,)
    if "grad_norm" not in found and (norm := _first(names, _is_norm)):
        found["grad_norm"] = (norm,)
    no_measure = _no_measure(names, chosen)
    unsplit = "val_loss" in found and _unsplit_metric(names)
    if "metric" not in found and (metric := _metric(names) or unsplit or (no_measure and _reward(names))):
        found["metric"] = (metric,)
    stem = _stem(found["metric"][0]) if "metric" in found else ""
    if stem and "train_metric" not in found:
        other = _first(names, lambda name: _stem(name) == stem and not set(words(name)) & (_VALIDATION | {"metrics"}))
        if other and (other,) != found.get("metric"):
            found["train_metric"] = (other,)
    if not {"loss", "val_loss"} & set(found) and _known(stem) in _ERRORS and "train_metric" in found:
        found |= {"loss": found["train_metric"], "val_loss": found["metric"]}
    lower = _known(stem) in _LOWER if lower_is_better is None else lower_is_better
    return Roles(found, stem, higher_is_better=not lower, is_share=_known(stem) in SHARES, no_measure=no_measure)


def _losses(names: list[str], count: dict[str, int]) -> tuple[str, ...]:
    """Return the column of a loss: a plain name first, then the one with most rows; parts without a whole are added up."""
    plain = [name for name in names if set(words(name)) <= _PLAIN]
    if plain:
        return (max(plain, key=lambda name: (count[name], "loss" in words(name), not set(words(name)) & _AGGREGATED)),)
    parts = [name for name in names if count[name] == count[names[0]]] if names else []
    return tuple(parts)


def _are_parts(judged: Sequence[str], trained: Sequence[str]) -> bool:
    """Tell whether validation losses are parts of one: those of several validation sets have no part in training."""
    parts = {_stem(name) for name in trained}
    return not trained or all(_stem(name) in parts for name in judged)


def _no_measure(names: Sequence[str], chosen: Mapping[str, str]) -> str:
    """Return why no loss of a log tells how good the training is: what it is held against changes with the net."""
    if "loss" in chosen:
        return ""
    told = [set(words(name)) for name in names]
    losses = [one for one in told if one & _LOSS]
    if any(one & _DISCRIMINATORS for one in losses) and any(one & _GENERATORS for one in losses):
        return "the two nets work against each other"
    # A model of rewards learns from pairs, one of prices is evaluated: their loss is what counts.
    measured = any(_known(_stem(name)) in SHARES or _is_val_loss(name) for name in names)
    if any(one & _REWARDS for one in told) and not measured:
        return "what is to rise is the reward"
    return ""


def _is_train_loss(name: str) -> bool:
    return is_loss(name) and not set(words(name)) & _VALIDATION


def _is_val_loss(name: str) -> bool:
    return is_loss(name) and bool(set(words(name)) & _VALIDATION)


def is_loss(name: str) -> bool:
    """Tell whether a column is a loss."""
    told = set(words(name))
    return (bool(told & _LOSS) or told >= _SPELLED) and not _is_cost(name)


def _is_rate(name: str) -> bool:
    told = words(name)
    return "lr" in told or "learning_rate" in "_".join(told) or told[:1] == ["lr0"]


def _is_norm(name: str) -> bool:
    told = "_".join(words(name))
    return ("grad" in told and "norm" in told) or "gnorm" in told


def _is_cost(name: str) -> bool:
    told = "_".join(words(name))
    return any(cost in told for cost in _COSTS)


def _metric(names: Iterable[str]) -> str:
    """Return the column of the main metric on validation examples; empty where there is none."""
    scored = [
        name
        for name in names
        if set(words(name)) & (_VALIDATION | {"metrics"}) and not set(words(name)) & _LOSS and not _is_cost(name)
    ]
    return _first_known(scored)


def _unsplit_metric(names: Iterable[str]) -> str:
    """Return the column of a metric that names no split, as fastai writes it beside the validation loss."""
    return _first_known(
        name for name in names if not set(words(name)) & (_TRAINING | _VALIDATION | _LOSS) and not _is_cost(name)
    )


def _reward(names: Iterable[str]) -> str:
    """Return the column of the mean reward, of evaluations first; empty where there is none."""
    told = [name for name in names if set(words(name)) & _REWARDS and not set(words(name)) & _SPREADS]
    return _first([name for name in told if set(words(name)) & _VALIDATION] or told, bool)


def _first_known(names: Iterable[str]) -> str:
    """Return the column of the metric that comes first; of a share among the best five only where there is no other."""
    known = [
        ("top5" in _stem(name), _METRICS.index(_known(_stem(name))), name)
        for name in names
        if _known(_stem(name)) in _METRICS
    ]
    return min(known, key=lambda one: one[:2])[2] if known else ""


def _stem(name: str) -> str:
    """Return the name of a metric without its split: `val/accuracy` and `train_accuracy` give `accuracy`."""
    told = [word for word in words(name) if word not in _VALIDATION | _TRAINING | {"metrics", "epoch", "step", "b"}]
    return "_".join(told)


def _known(stem: str) -> str:
    """Return the known metric that a stem is or ends with."""
    if stem in _METRICS or stem in SHARES:
        return stem if stem in _METRICS else "accuracy"
    return next((one for one in _METRICS if stem.startswith(one + "_") or stem.endswith("_" + one)), "")


def _first(names: Iterable[str], fits: object) -> str:
    fitting = [name for name in names if callable(fits) and fits(name)]
    return min(fitting, key=len) if fitting else ""
