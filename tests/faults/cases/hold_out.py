"""Faulty trainings that nobody looked at while writing a rule: other data, nets, sizes and optimizers than the main bench."""

from dataclasses import replace

from tests.faults.case import Case, fault
from tests.faults.cases.code import BROKEN, RUNS_AWAY
from tests.faults.cases.data import BY_HEART, HELD_BACK, ORDER, SCALED
from tests.faults.cases.hold_out_bases import (
    ADDING,
    CIRCUIT,
    COUNTING,
    DOCS,
    DOCS_CONV,
    HASTIE,
    IRIS,
    NOISY_DIGITS,
    PARITY,
    PATCHES,
    PHASE,
    QUANTILES,
    ROLL,
    SHIRTS,
    SHOES,
    SPARSE,
    TAGS,
    TWINS,
    WAVES,
)
from tests.faults.cases.net import FLAT, SURGERY, VANISHES
from tests.faults.cases.rate import HIGH, LOW, RATE, SHAKEN, TOO_HIGH

GUESSES = ("OPT103", "OPT109")
LARGE_START = ("ARC111", "ARC102", "NUM101", "NUM102")
NOISY_SHELLS = QUANTILES.having(shape={"width": 160}, flaws={"label_noise": 0.25}, optimizer="adam", lr=2e-3, epochs=40)
RARE_SHELLS = HASTIE.having(shape={"width": 64}, flaws={"rare": 25})
RARE_SHOES = SHOES.having(flaws={"rare": 30})
DEEP_SHELLS = QUANTILES.having(shape={"depth": 7, "activation": "relu", "init": "he", "width": 40}, lr=0.01, epochs=24)
LEARNS_TAIL = PHASE.having(shape={"depth": 5, "width": 48})

WRITTEN: tuple[Case, ...] = (
    # rate, batch, schedule, optimizer
    fault("held_wide_rate_1000th", "a wide net: Adam at a thousandth of its rate", HASTIE, HASTIE.having(lr=3e-6), *LOW, allowed=GUESSES, knobs=RATE),
    fault("held_gelu_rate_100x", "Nesterov at a hundred times its rate", QUANTILES, QUANTILES.having(lr=2.0), *TOO_HIGH, allowed=SHAKEN, knobs=RATE),
    fault("held_lstm_rate_50x", "the adding problem: an LSTM at fifty times its rate", ADDING, ADDING.having(lr=0.5), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("held_mixer_rate_1000th", "shirts: a mixer at a thousandth of its rate", SHIRTS, SHIRTS.having(lr=3e-6), *LOW, allowed=GUESSES, knobs=RATE),
    fault("held_docs_sgd", "documentation: plain SGD at the rate of Adam", DOCS, DOCS.having(optimizer="sgd", lr=5e-3), *LOW, "OPT115", allowed=GUESSES, knobs=RATE),
    fault("held_roll_rmsprop_high", "a rolled sheet: RMSprop at a rate of 0.5", ROLL.having(optimizer="rmsprop", lr=1e-3), ROLL.having(optimizer="rmsprop", lr=0.5), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("held_waves_rate_20x", "signals: momentum at twenty times its rate", WAVES, WAVES.having(lr=0.4), *TOO_HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("held_patches_batch_whole", "photographs: half of the training split in each step", PATCHES.having(optimizer="sgd", lr=0.1), PATCHES.having(optimizer="sgd", lr=0.1, batch_size=512), "OPT113", *LOW, allowed=GUESSES, knobs=("batch_size", *RATE)),
    fault("held_shoes_clip", "shoes: gradients clipped to a thousandth", SHOES, SHOES.having(clip=1e-3), "OPT112", *LOW, allowed=GUESSES, knobs=("clip", *RATE)),
    fault("held_waves_momentum_997", "signals: a momentum of 0.997 at the rate for 0.9", WAVES, WAVES.having(momentum=0.997), "OPT114", *HIGH, "OPT105", allowed=SHAKEN, knobs=("momentum", *RATE)),
    fault("held_counting_rate_100th", "counting: a transformer at a hundredth of its rate", COUNTING, COUNTING.having(lr=3e-5), *LOW, allowed=GUESSES, knobs=RATE, severe=False),
    fault("held_straight_rate_500th", "a linear regression at a five hundredth of its rate", SPARSE, SPARSE.having(lr=4e-5), *LOW, allowed=GUESSES, knobs=RATE),
    fault("held_autoencoder_rate_low", "an autoencoder at a thousandth of its rate", NOISY_DIGITS, NOISY_DIGITS.having(lr=5e-6), *LOW, allowed=GUESSES, knobs=RATE),
    fault("held_tags_rate_low", "several tags at once: a rate of a millionth", TAGS, TAGS.having(lr=1e-6), *LOW, allowed=GUESSES, knobs=RATE),
    # initialisation, activation, depth, output, loss
    fault("held_deep_sigmoid", "seven sigmoid layers on shells", DEEP_SHELLS, DEEP_SHELLS.having(shape={"activation": "sigmoid", "init": "xavier"}), *VANISHES, allowed=FLAT, knobs=SURGERY),
    fault("held_roll_tanh_large", "a rolled sheet: tanh, weights of a spread of 2", ROLL.having(shape={"activation": "tanh"}), ROLL.having(shape={"activation": "tanh", "init": "normal:2.0"}), "ARC111", "ARC104", allowed=FLAT, knobs=SURGERY),
    fault("held_waves_zero", "signals: filters that start at zero", WAVES, WAVES.having(shape={"init": "same:0"}), "ARC105", "ARC103", allowed=FLAT, knobs=("init",)),
    fault("held_twins_same", "twins: weights within a thousandth of one value", TWINS, TWINS.having(shape={"init": "near:0.03"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("held_mixer_same", "shirts: a mixer whose weights are all 0.02", SHIRTS, SHIRTS.having(shape={"init": "same:0.02"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("held_phase_large", "a regression: five layers of a spread of 1", LEARNS_TAIL, LEARNS_TAIL.having(shape={"init": "normal:1.0"}), *LARGE_START, allowed=(*FLAT, "OPT101", "NUM103", "ARC103"), knobs=SURGERY),
    fault("held_deep_small", "seven layers that start at a spread of 0.01", DEEP_SHELLS, DEEP_SHELLS.having(shape={"init": "normal:0.01"}), "ARC111", "ARC101", allowed=(*FLAT, "OPT102"), knobs=SURGERY),
    fault("held_mixer_softmax", "shirts: softmax before cross entropy", SHIRTS, SHIRTS.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("held_parity_softmax", "parity: softmax before cross entropy", PARITY, PARITY.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("held_counting_sigmoid", "counting: a sigmoid behind the logits", COUNTING, COUNTING.having(shape={"output": "sigmoid"}), "ARC106", "ARC108", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("held_docs_relu", "documentation: a ReLU behind the logits", DOCS_CONV, DOCS_CONV.having(shape={"output": "relu"}), "ARC106", "ARC103", "ARC108", allowed=FLAT, knobs=("output",), severe=False),
    fault("held_circuit_relu", "a regression: a ReLU behind the output", CIRCUIT, CIRCUIT.having(shape={"output": "relu"}), "ARC103", "ARC108", allowed=FLAT, knobs=("output",)),
    fault("held_autoencoder_sigmoid", "an autoencoder: a sigmoid behind an output whose target lies in [-1, 1]", NOISY_DIGITS, NOISY_DIGITS.having(shape={"output": "sigmoid"}), "ARC108", "ARC104", allowed=FLAT, knobs=("output",)),
    fault("held_tags_sigmoid", "several tags at once: a sigmoid before a loss that applies one itself", TAGS, TAGS.having(shape={"output": "sigmoid"}), "ARC106", "ARC108", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("held_shells_straight", "shells that no plane parts, and no function between the layers", QUANTILES, QUANTILES.having(shape={"activation": "none"}), "ARC112", "GEN103", "OPT104", allowed=FLAT, knobs=("activation",)),
    fault("held_waves_dead", "signals: a convolution that starts far below zero, ReLU", WAVES.having(shape={"activation": "relu"}), WAVES.having(shape={"activation": "relu"}, flaws={"dead_layer": 20}), "ARC103", allowed=(*FLAT, "ARC101"), knobs=("init", "activation")),
    fault("held_counting_absolute", "counting: mean absolute error on classes", COUNTING, COUNTING.having(flaws={"absolute": 1}), "ARC107", allowed=("OPT102", *FLAT), knobs=("loss",)),
    fault("held_shirts_negated", "shirts: the sign of the loss is wrong", SHIRTS, SHIRTS.having(flaws={"negated": 1}), "NUM105", allowed=("NUM101", "NUM102", "ARC102"), knobs=("loss",)),
    fault("held_waves_summed", "signals: the loss of a batch is a sum", WAVES, WAVES.having(flaws={"summed": 1}), "NUM106", *TOO_HIGH, allowed=SHAKEN, knobs=("lr", "loss")),
    fault("held_roll_every_pair", "a rolled sheet: outputs [B, 1] against targets [B]", ROLL, ROLL.having(flaws={"every_pair": 1}), "ARC109", allowed=("OPT103", "GEN103", "OPT104")),
    # data
    fault("held_patches_255", "photographs in pixels 0 to 255, no norms", PATCHES.having(shape={"norm": "none"}), PATCHES.having(shape={"norm": "none"}, flaws={"raw_pixels": 1}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("held_circuit_raw", "a circuit in ohms, henries and farads", CIRCUIT, replace(CIRCUIT, data="circuit_raw"), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("held_iris_columns", "iris: columns on scales of 1 to 1000", IRIS.having(optimizer="sgd", lr=0.05), IRIS.having(optimizer="sgd", lr=0.05, flaws={"raw_columns": 3}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("held_waves_offset", "signals that ride on an offset of 40 spreads", WAVES, WAVES.having(flaws={"offset": 40}), "DAT104", allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("held_target_hundreds", "a straight line: a target of hundreds, Adam", SPARSE.having(optimizer="adam", lr=1e-2), SPARSE.having(optimizer="adam", lr=1e-2, flaws={"target_scale": 300}), "ARC110", "OPT102", allowed=(*SCALED, "OPT104", "GEN103"), knobs=("scale_targets", "lr")),
    fault("held_labels_25", "shells: a quarter of the labels are wrong", NOISY_SHELLS.having(label_smoothing=0.1, weight_decay=1e-2, early_stop=True), NOISY_SHELLS, "DAT102", allowed=("GEN101", *BY_HEART), knobs=ORDER),
    fault("held_docs_shuffled", "documentation: the labels were shuffled apart", DOCS, DOCS.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("held_circuit_shuffled", "a circuit: the targets were shuffled apart", CIRCUIT, CIRCUIT.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "GEN101", *BY_HEART, "GEN103")),
    fault("held_shells_rare", "one of two classes is kept one in 25", RARE_SHELLS.having(class_weights="balanced"), RARE_SHELLS, "DAT101", allowed=("GEN101", "DAT109", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced"),
    fault("held_shoes_rare", "shoes: one of three kinds is kept one in 30", RARE_SHOES.having(class_weights="balanced"), RARE_SHOES, "DAT101", allowed=("GEN101", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced", severe=False),
    fault("held_shells_by_heart", "200 points, three layers of 256, no regularisation", QUANTILES.having(shape={"width": 256}, limit=200, optimizer="adam", lr=1e-3, epochs=12, weight_decay=1e-2), QUANTILES.having(shape={"width": 256}, limit=200, optimizer="adam", lr=1e-3, epochs=120), "GEN101", "DAT109", allowed=("GEN102", "GEN104"), knobs=ORDER, severe=False),
    fault("held_roll_in_order", "a rolled sheet: the loader does not shuffle rows that lie in the order of the target", ROLL, ROLL.having(flaws={"in_order": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103", "OPT102", "GEN101"), knobs=("shuffle",)),
    fault("held_waves_sorted", "signals: the examples come sorted by label", WAVES, WAVES.having(flaws={"sorted": 1}), "DAT110", allowed=("NUM103", "OPT105", "OPT103")),
    fault("held_shells_leak", "shells: half of the validation split is in the training split", HASTIE.having(epochs=10), HASTIE.having(epochs=10, flaws={"leak": 0.5}), "DAT105", severe=False),
    fault("held_waves_missing", "signals: one reading in three hundred is missing", WAVES, WAVES.having(flaws={"missing": 0.003}), "DAT103", allowed=("NUM101",), knobs=("standardise",)),
    fault("held_shells_broken", "shells: one row in 120 is two hundred times too large", QUANTILES, QUANTILES.having(flaws={"broken": 0.008}), "DAT115", "NUM103", allowed=("NUM102", "ARC102", "OPT101"), knobs=("standardise", "clip")),
    fault("held_shells_column", "shells: a column tells the class", QUANTILES, QUANTILES.having(flaws={"leaky_column": 0.05}), "DAT108"),
    fault("held_shoes_decay", "shoes: a weight decay of 0.3", SHOES, SHOES.having(weight_decay=0.3), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",)),
    fault("held_shells_dropout", "shells: a dropout of 0.8 in three layers", QUANTILES.having(shape={"dropout": 0.1}), QUANTILES.having(shape={"dropout": 0.8}), "OPT107", allowed=HELD_BACK, knobs=("dropout",)),
    fault("held_twins_few", "twins: only 30 of all pairs ever come", TWINS, TWINS.having(flaws={"few_again": 30}), "DAT114", "GEN101", allowed=BY_HEART),
    # the user's own code
    fault("held_waves_pile_up", "signals: gradients are never zeroed", WAVES, WAVES.having(flaws={"gradients_pile_up": 1}), "NUM104", allowed=RUNS_AWAY),
    fault("held_lstm_frozen", "the adding problem: all but the head is frozen by mistake", ADDING, ADDING.having(flaws={"frozen_body": 1}), "OPT108", allowed=("GEN103", "OPT104", "OPT102")),
    fault("held_mixer_head_only", "shirts: the optimizer holds the head alone", SHIRTS, SHIRTS.having(flaws={"head_only": 0.03}), "OPT108", allowed=("GEN103", "OPT104")),
    fault("held_twins_evaluates", "twins: dropout stays on while the net is judged", TWINS.having(shape={"dropout": 0.5}), TWINS.having(shape={"dropout": 0.5}, flaws={"never_evaluates": 1}), "RUN104", severe=False),
    fault("held_docs_blind", "documentation: the net is given the same characters always", DOCS, DOCS.having(flaws={"blind": 1}), "ARC113", allowed=("OPT103", "GEN103", "ARC103", "ARC105", "OPT109")),
    # midway
    fault("held_waves_lose_scale", "signals: from batch 250 on a hundred times larger", WAVES, WAVES.having(flaws={"inputs_large_from": 250}), "DAT113", allowed=RUNS_AWAY, begins=0.49),
    fault("held_patches_labels_change", "photographs: from item 7000 on the labels are those of other examples", PATCHES, PATCHES.having(flaws={"labels_change_at": 7000}), "DAT113", allowed=BROKEN, begins=0.50),
    fault("held_circuit_noise", "a circuit: from batch 300 on the inputs are noise", CIRCUIT, CIRCUIT.having(flaws={"inputs_noise_from": 300}), "DAT113", allowed=BROKEN, begins=0.43),
    fault("held_shells_rate_jumps", "shells: a schedule of the user's own multiplies the rate by a hundred", QUANTILES.having(optimizer="sgd", lr=0.1), QUANTILES.having(optimizer="sgd", lr=0.1, flaws={"schedule_explodes_at": 250}), "OPT111", "NUM102", "OPT101", "NUM101", allowed=RUNS_AWAY, knobs=("lr", "clip"), begins=0.45),
    # two at once
    fault("held_patches_255_rate_high", "photographs in pixels 0 to 255 at thirty times the rate, no norms", PATCHES.having(shape={"norm": "none"}), PATCHES.having(shape={"norm": "none"}, flaws={"raw_pixels": 1}, lr=0.1), "DAT104", *HIGH, allowed=SCALED, knobs=("standardise", "lr", "norm")),
    fault("held_sigmoid_rate_low", "seven sigmoid layers at a low rate", DEEP_SHELLS, DEEP_SHELLS.having(shape={"activation": "sigmoid", "init": "xavier"}, lr=1e-4), *VANISHES, *LOW, allowed=FLAT, knobs=(*SURGERY, "lr")),
    fault("held_shoes_rare_softmax", "shoes: rare classes, and softmax before cross entropy", RARE_SHOES.having(class_weights="balanced"), RARE_SHOES.having(shape={"output": "softmax"}), "ARC106", "DAT101", allowed=("OPT102", "GEN101", *FLAT, *BY_HEART), knobs=("output", "class_weights", "sampler"), scored_by="balanced"),
    fault("held_decay_rate_high", "a wide net: a high weight decay at a high rate", HASTIE.having(optimizer="sgd", lr=0.1), HASTIE.having(optimizer="sgd", lr=3.0, weight_decay=0.1), "OPT107", *TOO_HIGH, allowed=(*SHAKEN, *HELD_BACK), knobs=("weight_decay", "lr")),
    fault("held_counting_smoothing", "counting: a label smoothing of 0.6 at a low rate", COUNTING, COUNTING.having(label_smoothing=0.6, lr=1e-4), "OPT107", *LOW, allowed=HELD_BACK, knobs=("label_smoothing", "lr"), severe=False),
)  # fmt: skip

CASES = tuple(replace(case, held_out=True) for case in WRITTEN)
