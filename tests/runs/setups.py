"""What the recorded runs are: for each rule at least one training that fires it, and a set of healthy ones."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Setup:
    """One training to record."""

    about: str
    """What it is, in one sentence."""
    train: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=lambda: {"source": "sklearn:digits"})
    model: dict[str, Any] = field(default_factory=dict)
    task: str = ""
    """Function of `own_tasks` that makes the task, or FILE:FUNCTION; replaces the data's source and the model."""
    timed: bool = False
    """Recorded with its clock and the host's sensors, out of lockstep: for rules about time and machines."""
    driven: bool = False
    """Recorded by a driver with the trainer in a process of its own, to its end: for what only a driver sees."""
    until_step: int = 0
    """Stopped there; 0 = trained to its end."""
    told_memory: float = 0.0
    """Memory of the device, as a multiple of the real peak, in place of the machine's own: no host can be filled."""


def _own(task: str, about: str, **rest: Any) -> Setup:
    return Setup(about, task=task, data={}, **rest)


def _starved(task: str, about: str, workers: int, epochs: int = 60) -> Setup:
    """Return a run of a loop that waits for its data, long enough for the cause to stand."""
    train = {"lr": 1e-3, "epochs": epochs, "batch_size": 32, "workers": workers, "eval_every": 100}
    return _own(f"starved_tasks.py:{task}", about, train=train, timed=True, until_step=140)


SGD = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "warmup": 0.0}
QUICK = {"epochs": 60, "batch_size": 32}

TROUBLED: dict[str, Setup] = {
    "rate_explodes": Setup("the rate is a hundred thousand times too high", SGD | {"lr": 1e4, "epochs": 4}),
    "rate_diverges": Setup("a rate far too high: the loss climbs", SGD | {"lr": 3.0, "epochs": 12}),
    "rate_stuck": Setup("Adam with a rate a hundred times too high", {"optimizer": "adam", "lr": 0.5, "epochs": 12}),
    "rate_low": Setup("the rate is ten thousand times too low", SGD | {"lr": 1e-5, "epochs": 12}),
    "rate_jumps": _own(
        "rate_that_jumps", "a schedule of the user's own multiplies the rate by a hundred", train=SGD | {"epochs": 8}
    ),
    "clip_tiny": Setup("gradients clipped to a norm of a ten thousandth", SGD | {"clip": 1e-4, "epochs": 5}),
    "batch_whole": Setup("a thousand examples in each step", SGD | {"batch_size": 1000, "epochs": 20}),
    "momentum_long": Setup(
        "a momentum that remembers a thousand steps",
        SGD | {"optimizer": "momentum", "momentum": 0.999, "lr": 0.05, "epochs": 10},
    ),
    "norms_outrun": Setup(
        "a rate that leaves the averages of batch norm behind",
        SGD | {"lr": 10.0, "epochs": 3},
        model={"name": "cnn", "width": 4, "norm": True},
    ),
    "labels_random": _own("random_labels", "the labels say nothing about the inputs", train=SGD | {"epochs": 12}),
    "labels_some_wrong": Setup(
        "a fifth of the labels are wrong", {"lr": 3e-3, "epochs": 14}, {"source": "csv:wrong.csv", "target": "target"}
    ),
    "metric_swings": Setup(
        "a rate at the edge of what is stable", SGD | {"optimizer": "adam", "lr": 0.03, "epochs": 8, "batch_size": 16}
    ),
    "no_warm_up": Setup(
        "the first steps throw the net about",
        {"optimizer": "adam", "lr": 1.0, "warmup": 0.0, "epochs": 20},
        model={"name": "linear"},
    ),
    "decay_high": Setup("a weight decay that presses the net flat", SGD | {"weight_decay": 0.5, "epochs": 16}),
    "layers_forgotten": _own("forgotten_layers", "the optimizer holds the head alone", train=SGD | {"epochs": 12}),
    "gradients_kept": _own("kept_gradients", "gradients are never zeroed", train=SGD | {"epochs": 4}),
    "dropout_always": _own("dropout_always", "dropout stays on while the net is judged", train=SGD | {"epochs": 3}),
    "inputs_blind": _own("blind_net", "the net is given zeros", train=SGD | {"epochs": 4}),
    "loader_repeats": _own("few_items", "the loader gives thirty examples for all", train=SGD | {"epochs": 3}),
    "labels_move": _own("labels_that_move", "the labels change midway", train=SGD | {"epochs": 12}),
    "gradient_vanishes": Setup(
        "ten sigmoid layers in a row", SGD | {"epochs": 12}, model={"hidden": (32,) * 8, "activation": "sigmoid"}
    ),
    "gradient_explodes": _own(
        "raw_target", "a target of thousands, not scaled", train=SGD | {"lr": 1e-9, "epochs": 20, "batch_size": 32}
    ),
    "units_dead": _own("units_that_never_fire", "a layer whose units never fire", train=SGD | {"epochs": 12}),
    "units_saturated": Setup(
        "tanh on inputs of thousands",
        SGD | {"lr": 0.01, "epochs": 30, "batch_size": 16},
        {"source": "sklearn:wine", "standardise": False},
        {"activation": "tanh"},
    ),
    "units_equal": _own("equal_units", "all weights start with one value", train=SGD | {"epochs": 8}),
    "weights_wild": _own("wild_weights", "weights drawn far too large for their layers", train=SGD | {"epochs": 8}),
    "net_straight": _own("no_activations", "no activation between the layers", train=SGD | {"epochs": 8}),
    "layers_raw": _own("raw_layers", "no activations, and weights at a spread of one", train=SGD | {"epochs": 2}),
    "softmax_twice": _own("softmax_twice", "a softmax before cross entropy", train={"lr": 3e-3, "epochs": 14}),
    "loss_absolute": _own("absolute_error", "an absolute error on classes", train=SGD | {"epochs": 4}, until_step=50),
    "logits_cut_off": _own("relu_on_logits", "a ReLU behind the logits", train=SGD | {"epochs": 4}, until_step=50),
    "loss_of_all_pairs": _own("every_pair", "outputs [B, 1] against targets [B]", train=SGD | {"lr": 0.01, "epochs": 12}, until_step=50),
    "target_far": _own("far_target", "a target of 152 ± 77, as it is", train={"lr": 1e-3, "epochs": 20, "batch_size": 32}, until_step=50),
    "words_rare": _own("rare_words", "a bag of rare words on plain SGD", train=SGD | {"epochs": 3}),
    "loss_without_floor": _own("likelihood_of_logits", "no log-softmax before the likelihood", train=SGD | {"epochs": 4}, until_step=50),
    "loss_summed": _own("summed_loss", "the loss of a batch is a sum", train=SGD | {"epochs": 4}, until_step=50),
    "examples_broken": _own("broken_examples", "some inputs are a hundred times too large", train=SGD | {"epochs": 20}),
    "validation_raw": _own("raw_validation", "validation examples are not scaled as the others are", train=SGD | {"epochs": 3, "batch_size": 16}, until_step=60),
    "order_sorted": _own("sorted_order", "the examples come sorted by label", train=SGD | {"epochs": 6}),
    "classes_rare": Setup(
        "three classes are kept one in thirty",
        SGD | {"epochs": 16},
        {"source": "sklearn:digits", "rare": {"3": 0.03, "7": 0.03, "8": 0.03}},
    ),
    "table_messy": Setup(
        "a table with holes, constant columns, a leak and doubled rows",
        {"lr": 3e-3, "epochs": 12, "batch_size": 32},
        {"source": "csv:messy.csv", "target": "target"},
    ),
    "inputs_unscaled": Setup(
        "a table as it is, with columns from 0.1 to 1700",
        {"lr": 1e-3, "epochs": 20, "batch_size": 16},
        {"source": "sklearn:wine", "standardise": False},
    ),
    "images_broken": Setup(
        "image files that are cut off", {"lr": 3e-3, "epochs": 8, "batch_size": 32}, {"source": "images:images"}
    ),
    "data_few": Setup(
        "eighty examples, learned by heart",
        {"lr": 1e-2, "epochs": 30, "batch_size": 16, "weight_decay": 0.0},
        {"source": "csv:wrong.csv", "target": "target", "limit": 130},
        {"hidden": (256,)},
    ),
    "net_too_small": Setup(
        "a net with one unit", SGD | {"epochs": 14}, model={"hidden": (1,)}
    ),
    "memory_runs_out": Setup(
        "a step of the whole batch does not fit on the device",
        SGD | {"epochs": 6, "memory_limit": 0.2},
        model={"name": "cnn", "width": 4, "norm": False},
    ),
    "memory_nearly_full": Setup(
        "a device that is nearly full", SGD | {"epochs": 12}, timed=True, told_memory=1.05
    ),
    "loader_slow": _own(
        "slow_items", "items that take half a millisecond to come", train=SGD | QUICK, timed=True, until_step=150
    ),
    "workers_hurt": _own(
        "quick_items", "two workers fetch items that cost nothing", train=SGD | QUICK | {"workers": 2}, timed=True,
        until_step=300,
    ),
    "reads_slow": _starved("slow_disk", "a disk of forty megabytes a second", workers=1),
    "items_costly": _starved("slow_decode", "items that take half a millisecond of work", workers=1),
    "cache_cold": _starved("cold_cache", "files that nobody has read before", workers=1, epochs=16),
    "items_uneven": _starved("jitter", "one batch in nine takes eight steps", workers=2),
    "cores_short": _starved("crowded", "four workers with two threads each decode beside the step", workers=4),
    "lock_held": _starved("lock_held", "two workers decode under one lock", workers=2),
    "precision_full": Setup(
        "a convolutional net in full precision", {"epochs": 80, "batch_size": 256}, model={"name": "cnn"}, timed=True,
        until_step=60,
    ),
    "batch_small": Setup(
        "eight examples a step on a linear model", SGD | {"epochs": 700, "batch_size": 8, "eval_every": 10}, model={"name": "linear"},
        timed=True, until_step=6400,
    ),
    "threads_many": Setup("sixteen threads", SGD | {"epochs": 12, "threads": 16}, timed=True),
    "evaluates_often": Setup(
        "four evaluations an epoch", SGD | {"epochs": 900, "eval_every": 0.25}, timed=True, until_step=800
    ),
    "checkpoints_often": Setup(
        "a checkpoint every tenth of an epoch", SGD | {"epochs": 24, "checkpoint_every": 0.1}, timed=True, until_step=60
    ),
    "stands_still": _own(
        "stalled_tasks.py:stands_still", "an item waits for a lock that nobody lets go of",
        train={"lr": 1e-3, "epochs": 7, "eval_every": 100}, timed=True, driven=True,
    ),
    "steps_late": _own(
        "stalled_tasks.py:items_late", "every tenth batch holds an item that comes late",
        train={"lr": 1e-3, "epochs": 20, "eval_every": 100}, timed=True, until_step=200,
    ),
    "graphs_kept": _own(
        "leaky_tasks.py:graphs_kept", "a list keeps a tensor of every step, with its graph",
        train={"lr": 1e-3, "epochs": 40000, "eval_every": 40000}, timed=True, until_step=900,
    ),
}  # fmt: skip

HEALTHY: dict[str, Setup] = {
    "healthy_sgd": Setup("SGD", SGD | {"epochs": 12}),
    "healthy_momentum": Setup("momentum with a cosine", {"optimizer": "momentum", "lr": 0.05, "epochs": 12}),
    "healthy_adam": Setup("Adam", {"optimizer": "adam", "lr": 3e-3, "epochs": 12}),
    "healthy_one_cycle": Setup("AdamW on one cycle", {"lr": 3e-3, "schedule": "one-cycle", "epochs": 12}),
    "healthy_dropout": Setup("dropout", {"lr": 3e-3, "dropout": 0.3, "epochs": 12}),
    "healthy_batch_norm": Setup("a convolutional net with batch norm", {"lr": 3e-3, "epochs": 6}, model={"name": "cnn", "width": 8}),
    "healthy_small_batch": Setup("batches of eight", {"lr": 1e-3, "epochs": 3, "batch_size": 8}),
    "healthy_converged": Setup("wines, converged early", {"lr": 1e-2, "epochs": 28, "batch_size": 32}, {"source": "sklearn:wine"}),
    "healthy_tiny_validation": Setup(
        "twenty validation examples",
        {"lr": 3e-3, "epochs": 12},
        {"source": "sklearn:digits", "val_fraction": 0.012, "test_fraction": 0.0},
    ),
    "healthy_regression": Setup(
        "a regression with a ceiling", {"lr": 1e-3, "epochs": 24, "batch_size": 32}, {"source": "csv:diabetes.csv", "target": "target"},
        {"hidden": (16,)},
    ),
    "healthy_table": Setup("a small table", {"lr": 3e-3, "epochs": 24, "batch_size": 16}, {"source": "csv:wine.csv", "target": "target"}),
    "healthy_timed": _own("digits_by_item", "items one by one, timed", train={"lr": 1e-3, "epochs": 6, "batch_size": 128}, timed=True),
}  # fmt: skip
"""Nothing is wrong with these: no warning, no error."""

ALL = TROUBLED | HEALTHY
