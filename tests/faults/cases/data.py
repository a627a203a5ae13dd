"""Faults of the data, and of how much is made of them: scale, labels, leaks, balance, regularisation, memorising."""

from tests.faults.case import Case, Setting, fault
from tests.faults.cases.bases import (
    BREAST,
    DIABETES,
    DIGITS,
    DIGITS_CNN,
    DIGITS_GRU,
    FASHION,
    FASHION_CNN,
    FASHION_RES,
    FRIEDMAN,
    TANGLE,
    TEXT,
    WINE,
)

SCALED = ("NUM101", "NUM102", "NUM103", "OPT101", "OPT103", "OPT109", "ARC102", "ARC103", "ARC104")
HELD_BACK = ("OPT103", "GEN103", "OPT104", "OPT109", "ARC101")
BY_HEART = ("GEN102",)
ORDER = ("weight_decay", "label_smoothing", "early_stop", "dropout")
PARABOLA = Setting("parabola", shape={"width": 32}, train={"optimizer": "adam", "lr": 1e-2, "epochs": 60})
SLOW_DIGITS = DIGITS.having(shape={"width": 128})

WIDE = Setting(
    "digits", shape={"width": 256}, limit=200, train={"optimizer": "adam", "lr": 1e-3, "epochs": 60, "batch_size": 16}
)
RARE = DIGITS.having(flaws={"rare": 25}, epochs=30)
RARE_TANGLE = TANGLE.having(flaws={"rare": 25, "smoothed": 1})
RARE_FASHION = FASHION_CNN.having(flaws={"rare": 25})
NOISY = DIGITS.having(flaws={"label_noise": 0.2}, optimizer="adam", lr=2e-3)
NOISY_FASHION = FASHION.having(flaws={"label_noise": 0.3}, optimizer="adam", lr=2e-3)

CASES: tuple[Case, ...] = (
    fault("pixels_255", "pixels 0 to 255", SLOW_DIGITS, SLOW_DIGITS.having(flaws={"raw_pixels": 1}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("pixels_255_fashion", "clothes: pixels 0 to 255", FASHION, FASHION.having(flaws={"raw_pixels": 1}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("pixels_255_cnn", "a convolutional net on pixels 0 to 255", DIGITS_CNN, DIGITS_CNN.having(flaws={"raw_pixels": 1}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("columns_3_decades", "columns on scales of 1 to 1000", BREAST, BREAST.having(flaws={"raw_columns": 3}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("columns_4_decades", "wines: columns on scales of 1 to 10000", WINE, WINE.having(flaws={"raw_columns": 4}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("pixels_255_res", "a residual net on pixels 0 to 255 of clothes", FASHION_RES.having(shape={"norm": "none"}), FASHION_RES.having(shape={"norm": "none"}, flaws={"raw_pixels": 1}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm"), severe=False),
    fault("pixels_tiny", "pixels divided by 255 twice, to a recurrent net", DIGITS_GRU, DIGITS_GRU.having(flaws={"raw_pixels": 1 / 255**2}), "DAT104", allowed=SCALED, knobs=("standardise", "lr")),
    fault("values_missing_tangle", "a table: one value in two hundred is missing", TANGLE, TANGLE.having(flaws={"missing": 0.005}), "DAT103", allowed=("NUM101",), knobs=("standardise",)),
    fault("columns_1_decade", "columns on scales of 1 to 30", TANGLE, TANGLE.having(flaws={"raw_columns": 1.5}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm"), severe=False),
    fault("inputs_offset", "every input 50 spreads off zero", FRIEDMAN, FRIEDMAN.having(flaws={"offset": 50}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm"), severe=False),
    fault("target_thousands", "a target of thousands", DIABETES, DIABETES.having(flaws={"target_scale": 1000}), "ARC102", "NUM101", "NUM102", "ARC110", allowed=SCALED, knobs=("scale_targets", "lr", "clip")),
    fault("target_tens", "a target of tens", FRIEDMAN, FRIEDMAN.having(flaws={"target_scale": 30}), "OPT102", "ARC110", allowed=(*SCALED, "GEN103", "OPT104"), knobs=("scale_targets", "lr",), severe=False),
    fault("labels_shuffled", "the labels were shuffled apart from the inputs", DIGITS, DIGITS.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("labels_shuffled_text", "text: the labels were shuffled apart from the inputs", TEXT, TEXT.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("labels_shuffled_friedman", "the targets were shuffled apart from the inputs", FRIEDMAN, FRIEDMAN.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "GEN101", *BY_HEART, "GEN103")),
    fault("labels_off_by_one", "each input comes with the label of the next one", DIGITS, DIGITS.having(flaws={"neighbours": 1}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("target_tens_diabetes", "a small table: a target of 120 ± 40", DIABETES.having(optimizer="adam", lr=3e-3), DIABETES.having(optimizer="adam", lr=3e-3, flaws={"target_scale": 40}), "OPT102", "ARC110", allowed=(*SCALED, "GEN103", "OPT104"), knobs=("scale_targets", "lr",), severe=False),
    fault("target_tiny_friedman", "a target of 0.003 ± 0.001", FRIEDMAN, FRIEDMAN.having(flaws={"target_scale": 0.001}), "ARC110", allowed=(*SCALED, "GEN103", "OPT104"), knobs=("scale_targets", "lr"), severe=False),
    fault("target_far_parabola", "a curve whose target lies at 16000 ± 3700", PARABOLA, PARABOLA.having(flaws={"target_scale": 100}), "ARC110", "OPT102", allowed=(*SCALED, "OPT104", "GEN103"), knobs=("scale_targets", "lr")),
    fault("labels_20", "a fifth of the labels are wrong", NOISY.having(label_smoothing=0.1, weight_decay=1e-2, early_stop=True), NOISY, "DAT102", allowed=("GEN101", *BY_HEART), knobs=ORDER),
    fault("labels_30_fashion", "clothes: three labels in ten are wrong", NOISY_FASHION.having(label_smoothing=0.1, weight_decay=1e-2, early_stop=True), NOISY_FASHION, "DAT102", allowed=("GEN101", *BY_HEART), knobs=ORDER),
    fault("labels_8", "one label in twelve is wrong", NOISY.having(flaws={"label_noise": 0.08}, label_smoothing=0.1, early_stop=True), NOISY.having(flaws={"label_noise": 0.08}), "DAT102", allowed=("GEN101", *BY_HEART), knobs=ORDER, severe=False),
    fault("classes_rare", "five classes are kept one in 25", RARE.having(class_weights="balanced"), RARE, "DAT101", allowed=BY_HEART, knobs=("class_weights", "sampler"), scored_by="balanced"),
    fault("classes_rare_fashion", "clothes: five classes are kept one in 25", RARE_FASHION.having(class_weights="balanced"), RARE_FASHION, "DAT101", allowed=("GEN101", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced"),
    fault("classes_rare_breast", "a table: one class is kept one in 25", BREAST.having(flaws={"rare": 25}, class_weights="balanced"), BREAST.having(flaws={"rare": 25}), "DAT101", allowed=("DAT109", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced", severe=False),
    fault("order_sorted", "the examples come sorted by label", DIGITS, DIGITS.having(flaws={"sorted": 1}), "DAT110", allowed=("NUM103", "OPT105", "OPT103"), knobs=()),
    fault("order_sorted_fashion", "clothes: the examples come sorted by label", FASHION, FASHION.having(flaws={"sorted": 1}), "DAT110", allowed=("NUM103", "OPT105", "OPT103"), knobs=()),
    fault("order_of_loader_friedman", "a regression: the loader does not shuffle, and the rows come sorted by the target", FRIEDMAN, FRIEDMAN.having(flaws={"in_order": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103", "OPT102", "GEN101"), knobs=("shuffle",)),
    fault("order_of_loader_text", "text: the loader does not shuffle, and the lines come module by module", TEXT, TEXT.having(flaws={"in_order": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103", "OPT102", "GEN101"), knobs=("shuffle",)),
    fault("classes_rare_own_loss", "a table: one class is kept one in 25, under a loss of the user's own", RARE_TANGLE.having(sampler="balanced"), RARE_TANGLE, "DAT101", allowed=("GEN101", "DAT109", *BY_HEART), knobs=("sampler", "loss"), scored_by="balanced"),
    fault("loader_few", "only 40 of all examples ever come", DIGITS, DIGITS.having(flaws={"few_again": 40}), "GEN101", "DAT114", allowed=BY_HEART),
    fault("splits_leak", "the validation split is in the training split", TANGLE, TANGLE.having(flaws={"leak": 1.0}), "DAT105"),
    fault("splits_leak_some", "a fifth of the validation split is in the training split", DIGITS_CNN, DIGITS_CNN.having(flaws={"leak": 0.2}), "DAT105", severe=False),
    fault("validation_raw", "what is judged by is not scaled as the training examples are", DIGITS, DIGITS.having(flaws={"raw_validation": 127.5}), "DAT116", allowed=("GEN101", "OPT105")),
    fault("rows_doubled", "eight examples in ten are copies of a few", TANGLE, TANGLE.having(flaws={"duplicates": 0.8}), "DAT114", "DAT106", "GEN101", allowed=BY_HEART),
    fault("rows_conflict", "half of the examples are there twice, with two labels", DIGITS, DIGITS.having(flaws={"conflicts": 0.5}), "DAT106", allowed=("DAT102", "GEN101", *BY_HEART)),
    fault("values_missing", "values are missing in one example in four", BREAST, BREAST.having(flaws={"missing": 0.01}), "DAT103", allowed=("NUM101",), knobs=("standardise",)),
    fault("inputs_broken", "one example in 150 is two hundred times too large", DIGITS, DIGITS.having(flaws={"broken": 0.007}), "DAT115", "NUM103", allowed=("NUM102", "ARC102"), knobs=("standardise", "clip"), severe=False),
    fault("column_leaks", "a column tells the answer", BREAST, BREAST.having(flaws={"leaky_column": 0.01}), "DAT108"),
    fault("inputs_blind", "the net is given zeros", DIGITS, DIGITS.having(flaws={"blind": 1}), "ARC113", allowed=("OPT103", "GEN103", "ARC103", "ARC105", "OPT109")),
    fault("by_heart", "digits with a fifth of wrong labels, a wide net, no regularisation", WIDE.having(flaws={"label_noise": 0.2}, weight_decay=1e-2, label_smoothing=0.1), WIDE.having(flaws={"label_noise": 0.2}), "DAT102", "GEN101", allowed=("GEN102", "DAT109", "GEN104"), knobs=ORDER),
    fault("by_heart_tangle", "a table: 150 rows and a wide net", TANGLE.having(shape={"width": 256}, limit=150, epochs=20, optimizer="adam", lr=1e-3, batch_size=16, weight_decay=1e-2), TANGLE.having(shape={"width": 256}, limit=150, epochs=150, optimizer="adam", lr=1e-3, batch_size=16), "GEN101", "DAT109", allowed=("GEN102", "GEN104"), knobs=ORDER, severe=False),
    fault("by_heart_diabetes", "a regression with a wide net and no regularisation", DIABETES, DIABETES.having(shape={"width": 256, "depth": 2}, optimizer="adam", lr=3e-3, epochs=60), "GEN101", "DAT109", allowed=("GEN102", "GEN104"), knobs=ORDER),
    fault("by_heart_text", "text: a wide transformer on 300 lines", TEXT.having(limit=300, epochs=12), TEXT.having(limit=300, epochs=60, shape={"width": 64}), "GEN101", "DAT109", allowed=("GEN102", "GEN104"), knobs=ORDER),
    fault("decay_high", "a weight decay of 0.3", DIGITS, DIGITS.having(weight_decay=0.3), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",)),
    fault("decay_high_fashion", "clothes: a weight decay of 0.2", FASHION, FASHION.having(weight_decay=0.2), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",)),
    fault("decay_high_tangle", "a table: a weight decay of 0.05", TANGLE, TANGLE.having(weight_decay=0.05), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",), severe=False),
    fault("dropout_high", "a dropout of 0.9", DIGITS.having(shape={"dropout": 0.1}), DIGITS.having(shape={"dropout": 0.9}), "OPT107", allowed=HELD_BACK, knobs=("dropout",)),
    fault("dropout_high_fashion", "clothes: a dropout of 0.85", FASHION.having(shape={"dropout": 0.1}), FASHION.having(shape={"dropout": 0.85}), "OPT107", allowed=HELD_BACK, knobs=("dropout",)),
    fault("dropout_high_tangle", "a table: a dropout of 0.9", TANGLE, TANGLE.having(shape={"dropout": 0.9}), "OPT107", allowed=HELD_BACK, knobs=("dropout",), severe=False),
    fault("smoothing_high", "a label smoothing of 0.5 at a low rate", DIGITS, DIGITS.having(label_smoothing=0.5, lr=3e-3), "OPT107", "OPT102", allowed=HELD_BACK, knobs=("label_smoothing", "lr"), severe=False),
)  # fmt: skip
