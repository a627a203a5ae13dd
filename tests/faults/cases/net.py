"""Faults of initialisation, activation, depth and output, and losses that do not fit."""

from tests.faults.case import Case, Setting, fault
from tests.faults.cases.bases import (
    BREAST,
    DIABETES,
    DIGITS,
    DIGITS_CNN,
    DIGITS_DEEP,
    FASHION,
    FASHION_CNN,
    FRIEDMAN,
    TANGLE,
    TEXT,
)

FLAT = ("OPT103", "OPT109", "OPT104", "GEN103")
"""What a net that cannot learn shows besides."""
SURGERY = ("activation", "init", "norm", "residual")
VANISHES = ("ARC101", "ARC104", "ARC105")

DEEP_FASHION = Setting(
    "fashion", shape={"width": 48, "depth": 8, "init": "he"}, train={"epochs": 24, "batch_size": 64, "lr": 0.03}
)
DEEP_TANGLE = Setting("tangle", shape={"width": 32, "depth": 7, "init": "he"}, train={"epochs": 24, "lr": 0.03})
DEEP_FRIEDMAN = FRIEDMAN.having(shape={"width": 32, "depth": 5, "init": "he"})
CIRCLES_NET = Setting("circles", shape={"width": 24, "depth": 3}, train={"epochs": 60, "optimizer": "adam", "lr": 5e-3})
WINE_NET = Setting("wine", shape={"width": 24, "depth": 2}, train={"epochs": 120, "batch_size": 16, "lr": 0.03})
VERY_DEEP = DIGITS_DEEP.having(shape={"depth": 20, "residual": True, "norm": "batch"}, lr=0.01)

CASES: tuple[Case, ...] = (
    fault("deep_sigmoid", "eight sigmoid layers", DIGITS_DEEP, DIGITS_DEEP.having(shape={"activation": "sigmoid", "init": "xavier"}), *VANISHES, allowed=FLAT, knobs=SURGERY),
    fault("deep_sigmoid_fashion", "clothes: eight sigmoid layers", DEEP_FASHION, DEEP_FASHION.having(shape={"activation": "sigmoid", "init": "xavier"}), *VANISHES, allowed=FLAT, knobs=SURGERY),
    fault("deep_sigmoid_tangle", "a table: seven sigmoid layers", DEEP_TANGLE, DEEP_TANGLE.having(shape={"activation": "sigmoid", "init": "xavier"}), *VANISHES, allowed=FLAT, knobs=SURGERY),
    fault("deep_small_weights", "eight layers that start at a spread of 0.01", DIGITS_DEEP, DIGITS_DEEP.having(shape={"init": "normal:0.01"}), "ARC111", "ARC101", allowed=(*FLAT, "OPT102"), knobs=SURGERY),
    fault("deep_large_weights", "eight layers that start at a spread of 1", DIGITS_DEEP, DIGITS_DEEP.having(shape={"init": "normal:1.0"}), "ARC111", "ARC102", "NUM101", "NUM102", allowed=(*FLAT, "OPT101", "NUM103", "ARC103"), knobs=SURGERY),
    fault("deep_large_tangle", "a table: seven layers that start at a spread of 1", DEEP_TANGLE, DEEP_TANGLE.having(shape={"init": "normal:1.0"}), "ARC111", "ARC102", "NUM101", "NUM102", allowed=(*FLAT, "OPT101", "NUM103", "ARC103"), knobs=SURGERY),
    fault("plain_20_layers", "twenty plain layers, without shortcuts and norms", VERY_DEEP, VERY_DEEP.having(shape={"residual": False, "norm": "none", "init": "xavier"}), "ARC101", "ARC103", "OPT102", allowed=FLAT, knobs=SURGERY),
    fault("tanh_large_weights", "tanh with weights that saturate it", DIGITS.having(shape={"activation": "tanh"}), DIGITS.having(shape={"activation": "tanh", "init": "normal:2.0"}), "ARC111", "ARC104", allowed=FLAT, knobs=SURGERY),
    fault("tanh_large_breast", "a table: tanh with weights that saturate it", BREAST.having(shape={"activation": "tanh", "depth": 2}), BREAST.having(shape={"activation": "tanh", "init": "normal:3.0", "depth": 2}), "ARC111", "ARC104", allowed=FLAT, knobs=SURGERY, severe=False),
    fault("same_weights", "all weights start with one value", DIGITS, DIGITS.having(shape={"init": "same:0.01"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("same_weights_fashion", "clothes: all weights start with one value", FASHION, FASHION.having(shape={"init": "same:0.01"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("zero_weights", "all weights start at zero", TANGLE, TANGLE.having(shape={"init": "same:0"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("zero_filters", "a convolutional net whose filters start at zero", DIGITS_CNN, DIGITS_CNN.having(shape={"init": "same:0"}), "ARC105", "ARC103", allowed=FLAT, knobs=("init",)),
    fault("nearly_same_wine", "wines: all weights start within a thousandth of one value", WINE_NET, WINE_NET.having(shape={"init": "near:0.05"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("large_weights_friedman", "a regression: five layers that start at a spread of 1", DEEP_FRIEDMAN, DEEP_FRIEDMAN.having(shape={"init": "normal:1.0"}), "ARC111", "ARC102", "NUM101", "NUM102", allowed=(*FLAT, "OPT101", "NUM103", "ARC103"), knobs=SURGERY),
    fault("dead_layer", "a hidden layer that starts far below zero", DIGITS, DIGITS.having(flaws={"dead_layer": 20}), "ARC103", allowed=(*FLAT, "ARC101"), knobs=("init", "activation")),
    fault("dead_layer_fashion", "clothes: a convolution that starts far below zero", FASHION_CNN, FASHION_CNN.having(flaws={"dead_layer": 20}), "ARC103", allowed=(*FLAT, "ARC101"), knobs=("init", "activation")),
    fault("softmax_twice", "softmax before cross entropy", DIGITS, DIGITS.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("softmax_twice_cnn", "clothes: softmax before cross entropy", FASHION_CNN, FASHION_CNN.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("softmax_twice_text", "text: softmax before cross entropy", TEXT, TEXT.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("sigmoid_on_logits", "a sigmoid behind the logits", FASHION, FASHION.having(shape={"output": "sigmoid"}), "ARC106", "ARC108", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("relu_on_logits", "a ReLU behind the logits", DIGITS, DIGITS.having(shape={"output": "relu"}), "ARC106", "ARC103", "ARC108", allowed=FLAT, knobs=("output",), severe=False),
    fault("relu_on_target", "a ReLU behind the one output of a regression", FRIEDMAN, FRIEDMAN.having(shape={"output": "relu"}), "ARC103", "ARC108", allowed=FLAT, knobs=("output",)),
    fault("tanh_on_target", "a tanh behind the one output of a regression", FRIEDMAN, FRIEDMAN.having(shape={"output": "tanh"}), "ARC104", "ARC108", allowed=FLAT, knobs=("output",), severe=False),
    fault("no_activations", "three layers without a function between them, on a task that is not linear", Setting("moons", shape={"width": 32}, train={"epochs": 30}), Setting("moons", shape={"width": 32, "activation": "none"}, train={"epochs": 30}), "ARC112", "GEN103", "OPT104", knobs=("activation",)),
    fault("no_activations_circles", "circles that no line parts, and no function between four layers", CIRCLES_NET, CIRCLES_NET.having(shape={"activation": "none"}), "ARC112", "GEN103", "OPT104", allowed=FLAT, knobs=("activation",)),
    fault("net_one_unit", "one hidden unit", DIGITS, DIGITS.having(shape={"width": 1}), "GEN103", "OPT104", missing=(), allowed=("ARC103",), knobs=()),
    fault("net_one_unit_fashion", "clothes: one hidden unit, which dies", FASHION, FASHION.having(shape={"width": 1}), "ARC103", "GEN103", "OPT104", knobs=()),
    fault("loss_absolute", "mean absolute error on classes", DIGITS, DIGITS.having(flaws={"absolute": 1}), "ARC107", allowed=("OPT102", *FLAT), knobs=("loss",)),
    fault("loss_absolute_text", "text: mean absolute error on classes", TEXT, TEXT.having(flaws={"absolute": 1}), "ARC107", allowed=("OPT102", *FLAT), knobs=("loss",)),
    fault("loss_every_pair", "outputs [B, 1] against targets [B]", FRIEDMAN, FRIEDMAN.having(flaws={"every_pair": 1}), "ARC109", allowed=("OPT103", "GEN103", "OPT104"), knobs=()),
    fault("loss_every_pair_diabetes", "a small table: outputs [B, 1] against targets [B]", DIABETES, DIABETES.having(flaws={"every_pair": 1}), "ARC109", allowed=("OPT103", "GEN103", "OPT104"), knobs=(), severe=False),
    fault("softmax_in_loss", "clothes: the loss takes the cross entropy of a softmax", FASHION, FASHION.having(flaws={"softmax_in_loss": 1}), "ARC106", allowed=("OPT102", *FLAT), knobs=("loss",)),
    fault("softmax_twice_breast", "a table of two classes: softmax before cross entropy", BREAST, BREAST.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",), severe=False),
    fault("sigmoid_on_target", "a sigmoid behind the one output of a regression", DIABETES, DIABETES.having(shape={"output": "sigmoid"}), "ARC108", allowed=FLAT, knobs=("output",), severe=False),
    fault("loss_probability", "a table: the probability is made large, not its logarithm", TANGLE, TANGLE.having(flaws={"probability": 1}), "ARC107", allowed=("OPT102", *FLAT), knobs=("loss",), severe=False),
    fault("loss_negated_friedman", "a regression: the sign of the loss is wrong", FRIEDMAN, FRIEDMAN.having(flaws={"negated_squared": 1}), "NUM105", allowed=("NUM101", "NUM102", "ARC102"), knobs=("loss",)),
    fault("loss_summed_fashion", "clothes: the loss of a batch is a sum", FASHION, FASHION.having(flaws={"summed": 1}), "OPT101", "NUM101", "NUM102", "OPT106", "NUM106", allowed=("ARC102", "NUM103", "OPT105", "ARC103", "OPT103"), knobs=("lr", "loss")),
    fault("loss_negated", "the sign of the loss is wrong", DIGITS, DIGITS.having(flaws={"negated": 1}), "NUM105", allowed=("NUM101", "NUM102", "ARC102"), knobs=("loss",)),
    fault("loss_without_softmax", "negative log likelihood on raw outputs", DIGITS, DIGITS.having(flaws={"likelihood_of_logits": 1}), "NUM105", allowed=("NUM101", "NUM102", "ARC102"), knobs=("loss",)),
    fault("loss_summed", "the loss of a batch is a sum", TANGLE, TANGLE.having(flaws={"summed": 1}), "OPT101", "NUM102", "OPT106", "NUM106", allowed=("ARC102", "NUM103", "OPT105", "ARC103"), knobs=("lr",)),
)  # fmt: skip
