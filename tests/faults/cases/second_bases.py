"""Trainings that work on data and nets of the second hold-out: what its cases are made from."""

from tests.faults import second_data as second_data  # data sets, nets and flaws are known by name from here on
from tests.faults import second_mistakes as second_mistakes
from tests.faults import second_nets as second_nets
from tests.faults import second_readers as second_readers
from tests.faults import second_sequences as second_sequences
from tests.faults.case import Setting

COLOUR = Setting(
    "colour", shape={"width": 12, "depth": 1, "activation": "elu"}, train={"lr": 0.02, "batch_size": 8, "epochs": 40}
)
TEXTURE = Setting(
    "texture", "gated", shape={"width": 12, "depth": 1}, train={"optimizer": "adam", "lr": 3e-3, "epochs": 40}
)
THIRDS = Setting("thirds", "linear", train={"lr": 0.05, "batch_size": 16, "epochs": 25})
HOUSES = Setting("houses", "wide_and_deep", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 40, "epochs": 24})
LOANS = Setting(
    "loans", "wide_and_deep", shape={"width": 24, "activation": "mish"},
    train={"optimizer": "adamw", "lr": 2e-3, "batch_size": 64, "epochs": 24},
)  # fmt: skip
SITES = Setting("sites", "residual", train={"optimizer": "momentum", "lr": 0.02, "batch_size": 48, "epochs": 14})
CHEQUERS = Setting(
    "chequers", shape={"width": 64, "depth": 3, "activation": "tanh"},
    train={"optimizer": "adam", "lr": 5e-3, "batch_size": 50, "epochs": 60},
)  # fmt: skip
S_CURVE = Setting("s_curve", "residual", train={"optimizer": "adam", "lr": 2e-3, "epochs": 24})
ISLANDS = Setting("islands", "radial", train={"optimizer": "adam", "lr": 2e-2, "epochs": 30})
RATINGS = Setting(
    "ratings", "factors", train={"optimizer": "adam", "lr": 2e-2, "batch_size": 32, "epochs": 30}
)  # fmt: skip
ODD = Setting("odd", "separable", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 24, "epochs": 16})
HALVES = Setting("halves", "bottleneck", train={"optimizer": "adam", "lr": 3e-3, "epochs": 24})
GREATER = Setting("greater", "pairwise", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 64, "epochs": 16})
COVERED = Setting("covered", "squeeze", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 40, "epochs": 12})
UPRIGHT = Setting(
    "upright", "dense", shape={"width": 6}, train={"optimizer": "nesterov", "lr": 0.02, "batch_size": 32, "epochs": 12}
)
BLURS = Setting("blurs", "separable", train={"optimizer": "momentum", "lr": 0.05, "batch_size": 32, "epochs": 14})
GRAIN = Setting("grain", "squeeze", shape={"norm": "none"}, train={"optimizer": "adam", "lr": 2e-3, "epochs": 16})
KINDS = Setting(
    "kinds_of_five", "residual", shape={"activation": "relu"}, train={"optimizer": "adam", "lr": 2e-3, "epochs": 24}
)
STEPS = Setting(
    "steps", shape={"width": 48, "depth": 2, "activation": "silu"},
    train={"optimizer": "adam", "lr": 5e-3, "batch_size": 20, "epochs": 40},
)  # fmt: skip
BICLUSTER = Setting("bicluster", "gated", train={"optimizer": "momentum", "lr": 0.05, "epochs": 20})
FORECAST = Setting("forecast", "stacked", train={"optimizer": "adam", "lr": 5e-3, "batch_size": 40, "epochs": 16})
CHIRPS = Setting("chirps", "temporal", train={"optimizer": "adam", "lr": 5e-3, "batch_size": 32, "epochs": 20})
EVENTS = Setting(
    "events",
    "temporal",
    shape={"norm": "batch"},
    train={"optimizer": "adamw", "lr": 3e-3, "batch_size": 32, "epochs": 14},
)
BRACKETS = Setting("brackets", "two_ways", train={"optimizer": "adam", "lr": 1e-2, "batch_size": 32, "epochs": 20})
RECALL = Setting(
    "recall", "temporal", shape={"width": 24}, train={"optimizer": "adam", "lr": 5e-3, "batch_size": 40, "epochs": 20}
)
MEDIAN = Setting("median", "encoder", train={"optimizer": "adam", "lr": 2e-3, "batch_size": 48, "epochs": 14})
MODULAR = Setting("modular", "encoder", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 48, "epochs": 20})
SAID = Setting("said", "grams", train={"optimizer": "adam", "lr": 2e-2, "batch_size": 64, "epochs": 14})
SAID_TWO_WAYS = Setting("said", "two_ways", train={"optimizer": "adam", "lr": 1e-2, "batch_size": 48, "epochs": 10})
NEXT_LETTER = Setting("next_letter", "context", train={"optimizer": "adam", "lr": 5e-3, "batch_size": 64, "epochs": 12})
