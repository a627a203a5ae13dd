"""Trainings that work, from which the faulty ones are made: each was run and learns what its data hold."""

from tests.faults.case import Setting

DIGITS = Setting("digits", train={"epochs": 25})
DIGITS_DEEP = Setting("digits", shape={"width": 48, "depth": 8, "init": "he"}, train={"epochs": 25, "lr": 0.03})
DIGITS_CNN = Setting("digits", "cnn", train={"optimizer": "momentum", "lr": 0.03, "epochs": 20})
DIGITS_RES = Setting("digits", "resnet", train={"optimizer": "momentum", "lr": 0.03, "epochs": 16})
DIGITS_GRU = Setting("digits", "gru", train={"optimizer": "adam", "lr": 5e-3, "epochs": 16})

FASHION = Setting("fashion", train={"epochs": 24, "batch_size": 64})
FASHION_CNN = Setting("fashion", "cnn", train={"optimizer": "adam", "lr": 3e-3, "epochs": 16, "batch_size": 64})
FASHION_RES = Setting("fashion", "resnet", train={"optimizer": "adam", "lr": 3e-3, "epochs": 14, "batch_size": 64})

BREAST = Setting("breast", shape={"width": 32, "depth": 1}, train={"epochs": 30, "batch_size": 16, "lr": 0.03})
BREAST_LINEAR = Setting("breast", "linear", train={"epochs": 30, "batch_size": 16, "lr": 0.03})
WINE = Setting("wine", shape={"width": 16, "depth": 1}, train={"epochs": 60, "batch_size": 16, "lr": 0.03})
TANGLE = Setting("tangle", train={"epochs": 20, "lr": 0.05})
TANGLE_LINEAR = Setting("tangle", "linear", train={"epochs": 20, "lr": 0.03})

DIABETES = Setting("diabetes", shape={"width": 16, "depth": 1}, train={"epochs": 30, "batch_size": 16, "lr": 0.01})
FRIEDMAN = Setting("friedman", train={"optimizer": "adam", "lr": 3e-3, "epochs": 24})
FRIEDMAN_LINEAR = Setting("friedman", "linear", train={"epochs": 20, "lr": 0.02})

TEXT = Setting("text", "transformer", train={"optimizer": "adam", "lr": 3e-3, "epochs": 16, "batch_size": 64})
TEXT_GRU = Setting("text", "gru", train={"optimizer": "adam", "lr": 1e-2, "epochs": 14, "batch_size": 64})
WORDS_BAG = Setting("words", "bag", shape={"rows": 1501}, train={"optimizer": "adam", "lr": 1e-2, "epochs": 12})
ORDERS = Setting("orders", shape={"width": 32, "depth": 1}, train={"optimizer": "adam", "lr": 3e-3, "epochs": 16})
TEXT_BAG = Setting("text", "bag", train={"optimizer": "adam", "lr": 1e-2, "epochs": 24, "batch_size": 64})
