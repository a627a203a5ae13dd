"""The fourteen trainings described with the project, as they are described: data, split, net, rate, batch and epochs.

A fifth of the training examples is held out to judge by. Where one output under binary cross entropy is described there are
two under cross entropy, which is the same of their difference.
"""

from tests.faults.case import Case, Setting, fault, healthy
from tests.faults.cases.net import FLAT
from tests.faults.cases.rate import HIGH, SHAKEN

DIGITS = Setting("digits_16", shape={"widths": (128, 64), "init": "xavier"}, train={"epochs": 20})
CIRCLES = Setting(
    "circles_700",
    shape={"width": 5, "depth": 8, "init": "xavier"},
    train={"optimizer": "adam", "lr": 1e-3, "batch_size": 128, "epochs": 300},
)
BLOBS = Setting(
    "blobs",
    shape={"width": 50, "depth": 4, "init": "xavier"},
    train={"optimizer": "adam", "lr": 1e-4, "batch_size": 256, "epochs": 100},
)
ONE_HOT = Setting(
    "digits_16",
    shape={"widths": (30,), "init": "all:1.0"},
    flaws={"squared": 1},
    train={"lr": 3.0, "batch_size": 10, "epochs": 30},
)
CURVE = Setting(
    "curve", shape={"widths": (50, 30), "init": "xavier"}, train={"lr": 1e-3, "batch_size": 10, "epochs": 500}
)
BOXES = Setting(
    "boxes",
    shape={"width": 2, "depth": 1, "activation": "sigmoid", "init": "xavier"},
    train={"optimizer": "adam", "batch_size": 32},
)
WIDE = DIGITS.having(shape={"widths": (512, 512)}, flaws={"label_noise": 0.2}, limit=200, optimizer="adam", lr=1e-3)
RARE = DIGITS.having(flaws={"rare": 25}, epochs=15)

CASES: tuple[Case, ...] = (
    fault("described_01", "circles, eight sigmoid layers of five units", CIRCLES.having(shape={"norm": "batch"}, lr=1e-2, epochs=150), CIRCLES.having(shape={"activation": "sigmoid"}), "ARC101", allowed=(*FLAT, "OPT102", "ARC105"), knobs=("activation", "norm")),
    fault("described_03", "blobs, a ReLU on the logits", BLOBS, BLOBS.having(shape={"output": "relu"}), "ARC103", "ARC106", "ARC108", allowed=(*FLAT, "OPT102"), knobs=("output",)),
    fault("described_05", "digits, no activations, weights and biases of a spread of 1, rate 3", ONE_HOT.having(shape={"activation": "sigmoid", "output": "softmax"}), ONE_HOT.having(shape={"activation": "none"}), "ARC112", "ARC111", "NUM101", "NUM102", "ARC102", "OPT101", "ARC107", allowed=(*FLAT, "NUM103"), knobs=("lr", "activation")),
    fault("described_10", "a curve of fifty points at a rate of 0.1", CURVE, CURVE.having(lr=0.1), *HIGH, "NUM101", "ARC103", "ARC110", allowed=(*SHAKEN, *FLAT, "OPT105"), knobs=("lr", "clip")),
    fault("described_14", "two boxes, five epochs at 0.001", BOXES.having(lr=5e-2, epochs=50), BOXES.having(lr=1e-3, epochs=5), "OPT102", allowed=FLAT, knobs=("lr",)),
    fault("described_16", "digits, all weights 0.01", DIGITS.having(shape={"init": "he"}), DIGITS.having(shape={"init": "same:0.01"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("described_19", "digits, a weight decay of 0.2", DIGITS.having(weight_decay=1e-5), DIGITS.having(weight_decay=0.2), "OPT107", allowed=FLAT, knobs=("weight_decay",)),
    fault("described_21", "digits, a rate of 0.001", DIGITS.having(epochs=15), DIGITS.having(lr=1e-3, epochs=15), "OPT102", allowed=FLAT, knobs=("lr",)),
    fault("described_23", "digits, softmax before cross entropy", DIGITS, DIGITS.having(shape={"output": "softmax"}), "ARC106", allowed=(*FLAT, "OPT102"), knobs=("output",)),
    fault("described_24", "digits, inputs 0 to 255", DIGITS.having(epochs=15), DIGITS.having(flaws={"times": 255}, epochs=15), "DAT104", allowed=(*FLAT, *SHAKEN, *HIGH, "NUM101"), knobs=("standardise", "lr", "norm")),
    fault("described_25", "digits, gradients never zeroed", DIGITS.having(shape={"widths": (128,)}), DIGITS.having(shape={"widths": (128,)}, flaws={"gradients_pile_up": 1}), "NUM104", allowed=(*SHAKEN, *HIGH, "NUM101")),
    fault("described_27", "200 digits, a fifth of the labels wrong, learned by heart", WIDE.having(epochs=8), WIDE.having(epochs=60), "GEN101", "DAT102", allowed=("GEN102", "DAT109", "GEN104"), knobs=("early_stop", "label_smoothing", "weight_decay")),
    fault("described_28", "digits, the classes 5 to 9 kept one in 25", RARE.having(class_weights="balanced"), RARE, "DAT101", allowed=("GEN102",), knobs=("class_weights", "sampler"), scored_by="balanced"),
    healthy("described_30", "digits, Adam: nothing is wrong", DIGITS.having(shape={"widths": (64,)}, optimizer="adam", lr=1e-3)),
)  # fmt: skip
