"""Faults from public collections, written anew: AutoTrainer, TheDeepChecker, TrainCheck, and questions on StackOverflow."""

from tests.faults.case import Case, Setting, fault

FLAT = ("OPT103", "OPT109", "OPT104", "GEN103")

CIRCLES = Setting(
    "circles",
    shape={"width": 5, "depth": 8, "init": "xavier"},
    train={"optimizer": "adam", "lr": 1e-3, "batch_size": 128, "epochs": 200},
)
BLOBS = Setting(
    "blobs",
    shape={"width": 50, "depth": 4, "init": "xavier"},
    train={"optimizer": "adam", "lr": 1e-4, "batch_size": 256, "epochs": 150},
)
ONE_HOT = Setting(
    "digits",
    shape={"width": 30, "depth": 1, "init": "normal:1.0"},
    flaws={"squared": 1},
    train={"lr": 3.0, "batch_size": 10, "epochs": 12},
)
PARABOLA = Setting("parabola", shape={"width": 40, "depth": 2, "init": "xavier"}, train={"lr": 1e-3, "epochs": 80})
BOXES = Setting(
    "boxes",
    shape={"width": 2, "depth": 1, "activation": "sigmoid", "init": "xavier"},
    train={"optimizer": "adam", "batch_size": 16},
)
CHECKED = Setting("digits", shape={"width": 64, "depth": 2, "init": "he"}, train={"epochs": 20})
WIDE = Setting(
    "digits",
    shape={"width": 512, "depth": 2},
    flaws={"label_noise": 0.2},
    limit=200,
    train={"optimizer": "adam", "lr": 1e-3},
)

CASES: tuple[Case, ...] = (
    fault("autotrainer_circles", "AutoTrainer: eight sigmoid layers of five units", CIRCLES.having(shape={"norm": "batch"}, lr=1e-2), CIRCLES.having(shape={"activation": "sigmoid"}), "ARC101", allowed=(*FLAT, "OPT102", "ARC105"), knobs=("activation", "norm")),
    fault("autotrainer_blobs", "AutoTrainer: a ReLU on the logits", BLOBS, BLOBS.having(shape={"output": "relu"}), "ARC103", "ARC106", "ARC108", allowed=(*FLAT, "OPT102"), knobs=("output",)),
    fault("stackoverflow_48385830", "SO 48385830: no activations, squared error on one-hot targets, rate 3", ONE_HOT.having(shape={"activation": "sigmoid", "output": "softmax"}), ONE_HOT.having(shape={"activation": "none"}), "ARC112", "ARC111", "NUM101", "NUM102", "ARC102", "OPT101", "ARC107", allowed=(*FLAT, "NUM103"), knobs=("lr", "activation")),
    fault("stackoverflow_48934338", "SO 48934338: a curve at a rate a hundred times too high", PARABOLA, PARABOLA.having(lr=0.1), "OPT101", "NUM101", "NUM102", "ARC103", "OPT106", "ARC110", allowed=(*FLAT, "NUM103", "ARC102", "GEN102", "OPT105"), knobs=("lr", "clip")),
    fault("stackoverflow_50306988", "SO 50306988: five epochs at a low rate", BOXES.having(lr=5e-2, epochs=50), BOXES.having(lr=1e-3, epochs=50), "OPT102", allowed=FLAT, knobs=("lr",)),
    fault("checker_weights_001", "TheDeepChecker: all weights 0.01", CHECKED, CHECKED.having(shape={"init": "same:0.01"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("checker_decay", "TheDeepChecker: a weight decay of 0.2", CHECKED.having(weight_decay=1e-5), CHECKED.having(weight_decay=0.2), "OPT107", allowed=FLAT, knobs=("weight_decay",)),
    fault("checker_rate", "TheDeepChecker: a rate of 0.001", CHECKED, CHECKED.having(lr=1e-3, shape={"init": "xavier"}), "OPT102", allowed=FLAT, knobs=("lr",)),
    fault("checker_softmax", "TheDeepChecker: softmax before cross entropy", CHECKED, CHECKED.having(shape={"output": "softmax"}), "ARC106", allowed=(*FLAT, "OPT102"), knobs=("output",)),
    fault("stackoverflow_55328966", "SO 55328966: inputs 0 to 255", CHECKED, CHECKED.having(flaws={"raw_pixels": 1}), "DAT104", allowed=(*FLAT, "NUM101", "NUM102", "NUM103", "OPT101", "ARC102", "ARC103"), knobs=("standardise", "lr", "norm")),
    fault("traincheck_60335387", "TrainCheck, SO 60335387: gradients never zeroed", CHECKED, CHECKED.having(flaws={"gradients_pile_up": 1}), "NUM104", allowed=("NUM101", "NUM102", "NUM103", "ARC102", "ARC103", "OPT101", "OPT103", "OPT105")),
    fault("sagemaker_overfit", "after SageMaker: 200 digits, a fifth of the labels wrong, learned by heart", WIDE.having(epochs=8), WIDE.having(epochs=60), "GEN101", "DAT102", allowed=("GEN102", "DAT109", "GEN104"), knobs=("early_stop", "label_smoothing", "weight_decay")),
    fault("checker_rare", "TheDeepChecker: classes kept 1 in 25", CHECKED.having(flaws={"rare": 25}, class_weights="balanced"), CHECKED.having(flaws={"rare": 25}), "DAT101", allowed=("GEN102",), knobs=("class_weights", "sampler"), scored_by="balanced"),
)  # fmt: skip
