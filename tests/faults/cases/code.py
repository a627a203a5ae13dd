"""Mistakes in a user's own code, faults that arise midway, and two faults at once."""

from tests.faults.case import Case, Setting, fault
from tests.faults.cases.bases import (
    BREAST,
    DIABETES,
    DIGITS,
    DIGITS_CNN,
    DIGITS_DEEP,
    DIGITS_RES,
    FASHION,
    FASHION_CNN,
    FRIEDMAN,
    TANGLE,
    TEXT_GRU,
)

RUNS_AWAY = ("NUM101", "NUM102", "NUM103", "ARC102", "OPT101", "ARC103", "OPT103", "OPT105")
BROKEN = ("NUM102", "NUM103", "OPT105", "GEN101", "GEN102", "DAT102", "ARC102", "OPT110")
DROPS = DIGITS.having(shape={"dropout": 0.5, "width": 128})
CIRCLES = Setting("circles", shape={"width": 16}, train={"epochs": 30, "lr": 0.05})
RARE = DIGITS.having(flaws={"rare": 25})

CODE: tuple[Case, ...] = (
    fault("gradients_pile_up", "gradients are never zeroed", DIGITS, DIGITS.having(flaws={"gradients_pile_up": 1}), "NUM104", allowed=RUNS_AWAY),
    fault("gradients_pile_up_tangle", "a table: gradients are never zeroed", TANGLE.having(lr=0.01), TANGLE.having(lr=0.01, flaws={"gradients_pile_up": 1}), "NUM104", allowed=RUNS_AWAY),
    fault("evaluates_in_train_mode", "dropout stays on while the net is judged", DROPS, DROPS.having(flaws={"never_evaluates": 1}), "RUN104", severe=False),
    fault("evaluates_in_train_mode_norm", "batch statistics stay on while the net is judged", DIGITS_RES, DIGITS_RES.having(flaws={"never_evaluates": 1}), "RUN104", severe=False),
    fault("layers_forgotten", "the optimizer holds the head alone", DIGITS_DEEP.having(shape={"depth": 3, "width": 16}), DIGITS_DEEP.having(shape={"depth": 3, "width": 16}, flaws={"head_only": 0.03}), "OPT108", allowed=("GEN103", "OPT104")),
    fault("gradients_kept_by_hooks", "circles: hooks add each gradient to all before it", CIRCLES, CIRCLES.having(flaws={"gradients_kept": 1}), "NUM104", allowed=RUNS_AWAY),
    fault("evaluates_in_train_mode_friedman", "a regression: dropout in functional form that is never told the mode", FRIEDMAN, FRIEDMAN.having(flaws={"drops_always": 0.2}), "RUN104", severe=False),
    fault("body_at_rate_zero", "a table: the optimizer's first group has a rate of 0", TANGLE, TANGLE.having(flaws={"body_at_zero": 0.05}), "OPT108", allowed=("GEN103", "OPT104"), severe=False),
    fault("body_frozen", "a convolutional net whose body is frozen by mistake", DIGITS_CNN, DIGITS_CNN.having(flaws={"frozen_body": 1}), "OPT108", allowed=("GEN103", "OPT104", "OPT102"), severe=False),
    fault("body_frozen_tangle", "a table: all but the last layer are frozen by mistake", TANGLE, TANGLE.having(flaws={"frozen_body": 1}), "OPT108", allowed=("GEN103", "OPT104", "OPT102")),
    fault("labels_shuffled_diabetes", "the targets of a small table were shuffled apart from the inputs", DIABETES, DIABETES.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "GEN101", "GEN102", "GEN103")),
    fault("labels_shuffled_fashion", "clothes: the labels were shuffled apart from the inputs", FASHION_CNN, FASHION_CNN.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", "GEN102", "GEN103")),
    fault("loader_few_breast", "a table: only 24 of all examples ever come", BREAST, BREAST.having(flaws={"few_again": 24}), "DAT114", "GEN101", allowed=("GEN102",)),
    fault("inputs_blind_text", "text: the net is given the same characters always", TEXT_GRU, TEXT_GRU.having(flaws={"blind": 1}), "ARC113", allowed=("OPT103", "GEN103", "ARC103", "ARC105", "OPT109")),
    fault("layers_forgotten_fashion", "clothes: the optimizer holds the head alone", FASHION_CNN, FASHION_CNN.having(flaws={"head_only": 0.03}), "OPT108", allowed=("GEN103", "OPT104"), severe=False),
)  # fmt: skip

MIDWAY: tuple[Case, ...] = (
    fault("schedule_explodes", "a schedule of the user's own multiplies the rate by a hundred", DIGITS, DIGITS.having(flaws={"schedule_explodes_at": 300}), "OPT111", "NUM102", "OPT101", "NUM101", allowed=RUNS_AWAY, knobs=("lr", "clip"), begins=0.39),
    fault("schedule_explodes_tangle", "a table: the rate jumps by a hundred", TANGLE, TANGLE.having(flaws={"schedule_explodes_at": 400}), "OPT111", "NUM102", "OPT101", "NUM101", allowed=RUNS_AWAY, knobs=("lr", "clip"), begins=0.57),
    fault("schedule_explodes_breast", "a table of measurements: the rate jumps by a hundred", BREAST.having(lr=0.1), BREAST.having(lr=0.1, flaws={"schedule_explodes_at": 260}), "OPT111", "NUM102", "OPT101", "NUM101", allowed=RUNS_AWAY, knobs=("lr", "clip"), begins=0.43),
    fault("inputs_lose_scale", "from batch 300 on the training inputs are a hundred times larger", DIGITS, DIGITS.having(flaws={"inputs_large_from": 300}), "DAT113", allowed=RUNS_AWAY, begins=0.39),
    fault("inputs_lose_scale_fashion", "clothes: from batch 300 on the training inputs are a hundred times larger", FASHION, FASHION.having(flaws={"inputs_large_from": 300}), "DAT113", allowed=RUNS_AWAY, begins=0.45),
    fault("inputs_become_noise", "from batch 300 on the training inputs are noise", DIGITS_CNN, DIGITS_CNN.having(flaws={"inputs_noise_from": 300}), "DAT113", allowed=BROKEN, begins=0.48),
    fault("inputs_become_noise_friedman", "a regression: from batch 300 on the training inputs are noise", FRIEDMAN, FRIEDMAN.having(flaws={"inputs_noise_from": 300}), "DAT113", allowed=BROKEN, begins=0.45),
    fault("values_go_missing", "from batch 250 on each batch has a value that is no number", BREAST, BREAST.having(flaws={"inputs_missing_from": 250}), "DAT113", allowed=RUNS_AWAY, begins=0.42),
    fault("values_go_missing_cnn", "clothes: from batch 200 on each batch has a value that is no number", FASHION_CNN, FASHION_CNN.having(flaws={"inputs_missing_from": 200}), "DAT113", allowed=RUNS_AWAY, begins=0.45),
    fault("labels_change", "from item 12000 on the labels are those of other examples", DIGITS, DIGITS.having(flaws={"labels_change_at": 12000}), "DAT113", allowed=BROKEN, begins=0.43),
    fault("inputs_turn", "a table: from item 5000 on the loader delivers inputs with their sign turned", BREAST, BREAST.having(flaws={"inputs_turn_at": 5000}), "DAT113", allowed=BROKEN, begins=0.49),
    fault("labels_change_fashion", "clothes: from item 18000 on the labels are those of other examples", FASHION, FASHION.having(flaws={"labels_change_at": 18000}), "DAT113", allowed=BROKEN, begins=0.37),
)  # fmt: skip

PAIRS: tuple[Case, ...] = (
    fault("rare_and_rate_low", "rare classes, and a low rate", RARE.having(class_weights="balanced"), RARE.having(lr=2e-3), "DAT101", "OPT102", allowed=("OPT103",), knobs=("lr", "class_weights", "sampler"), scored_by="balanced"),
    fault("raw_pixels_and_sigmoid", "pixels 0 to 255 into eight sigmoid layers", DIGITS_DEEP, DIGITS_DEEP.having(shape={"activation": "sigmoid", "init": "xavier"}, flaws={"raw_pixels": 1}), "DAT104", "ARC101", "ARC104", allowed=("OPT103", "OPT109", *RUNS_AWAY), knobs=("activation", "lr", "norm")),
    fault("softmax_and_rate_low", "softmax before cross entropy, and a low rate", DIGITS, DIGITS.having(shape={"output": "softmax"}, lr=1e-3), "ARC106", "OPT102", allowed=("OPT103", "OPT109", "OPT104", "GEN103"), knobs=("output", "lr")),
    fault("decay_and_rate_high", "a high weight decay at a high rate", FASHION, FASHION.having(weight_decay=0.2, lr=1.0), "OPT107", "OPT101", "NUM102", "NUM101", allowed=("OPT103", "GEN103", "OPT104", "OPT109", *RUNS_AWAY), knobs=("weight_decay", "lr")),
    fault("noise_and_rare", "a fifth of the labels are wrong, and rare classes", DIGITS.having(flaws={"rare": 10, "label_noise": 0.2}, class_weights="sqrt", label_smoothing=0.1, weight_decay=1e-3), DIGITS.having(flaws={"rare": 10, "label_noise": 0.2}), "DAT102", "DAT101", allowed=("GEN101", "GEN102"), knobs=("class_weights", "sampler", "label_smoothing"), scored_by="balanced", severe=False),
    fault("sorted_and_rate_high", "sorted by label, at a high rate", TANGLE, TANGLE.having(flaws={"sorted": 1}, lr=0.5), "DAT110", allowed=RUNS_AWAY),
    fault("columns_and_rate_high", "raw columns at a high rate", BREAST, BREAST.having(flaws={"raw_columns": 2}, lr=1.0), "DAT104", "OPT101", allowed=RUNS_AWAY, knobs=("lr", "norm")),
    fault("same_weights_and_decay", "equal weights under a high weight decay", DIGITS, DIGITS.having(shape={"init": "same:0.01"}, weight_decay=0.1), "ARC105", "OPT107", allowed=("OPT103", "GEN103", "OPT104", "OPT109"), knobs=("init", "weight_decay")),
)  # fmt: skip

CASES = CODE + MIDWAY + PAIRS
