"""Trainings that work on data and nets of the hold-out: what its cases are made from."""

from tests.faults import hold_out_data as hold_out_data  # the data sets and nets are known by name from here on
from tests.faults import hold_out_nets as hold_out_nets
from tests.faults.case import Setting

IRIS = Setting(
    "iris", shape={"width": 16, "depth": 1}, train={"optimizer": "adamw", "lr": 1e-2, "batch_size": 8, "epochs": 30}
)
HASTIE = Setting(
    "hastie", shape={"width": 512, "depth": 1}, train={"optimizer": "adam", "lr": 3e-3, "batch_size": 64, "epochs": 20}
)
QUANTILES = Setting(
    "quantiles",
    shape={"width": 48, "depth": 3, "activation": "gelu"},
    train={"optimizer": "nesterov", "lr": 0.02, "epochs": 20},
)
CIRCUIT = Setting(
    "circuit",
    shape={"width": 32, "activation": "tanh"},
    train={"optimizer": "rmsprop", "lr": 3e-3, "epochs": 20, "batch_size": 24},
)
PHASE = Setting("phase", shape={"width": 40, "depth": 3}, train={"optimizer": "adamw", "lr": 3e-3, "epochs": 24})
SPARSE = Setting("sparse", "linear", train={"lr": 0.02, "batch_size": 48, "epochs": 24})
ROLL = Setting(
    "roll",
    shape={"width": 64, "depth": 3, "activation": "silu"},
    train={"optimizer": "adam", "lr": 5e-3, "batch_size": 128, "epochs": 60},
)
TAGS = Setting("tags", shape={"width": 48, "depth": 1}, train={"optimizer": "adam", "lr": 3e-3, "epochs": 16})
PATCHES = Setting("patches", "grouped", train={"optimizer": "adam", "lr": 3e-3, "epochs": 16})
SHIRTS = Setting("shirts", "mixer", train={"optimizer": "adamw", "lr": 3e-3, "batch_size": 48, "epochs": 14})
SHOES = Setting(
    "shoes", "grouped", shape={"activation": "leaky"}, train={"optimizer": "momentum", "lr": 0.03, "epochs": 14}
)
PARITY = Setting("parity_20", "attending", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 64, "epochs": 45})
ADDING = Setting("adding", "lstm", train={"optimizer": "adam", "lr": 1e-2, "batch_size": 48, "epochs": 30})
COUNTING = Setting(
    "counting", "attending", shape={"depth": 1}, train={"optimizer": "adam", "lr": 3e-3, "batch_size": 64, "epochs": 20}
)
DOCS = Setting("docs", "lstm", train={"optimizer": "adam", "lr": 1e-2, "batch_size": 20, "epochs": 10})
DOCS_CONV = Setting("docs", "signal", train={"optimizer": "adamw", "lr": 3e-3, "batch_size": 20, "epochs": 8})
WAVES = Setting("waves", "signal", train={"optimizer": "momentum", "lr": 0.02, "batch_size": 24, "epochs": 16})
TWINS = Setting("twins", "twins", train={"optimizer": "adam", "lr": 3e-3, "batch_size": 48, "epochs": 20})
NOISY_DIGITS = Setting(
    "grainy_digits", "u_shaped", train={"optimizer": "adam", "lr": 5e-3, "batch_size": 32, "epochs": 14}
)
