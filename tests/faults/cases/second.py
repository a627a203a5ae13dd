"""Faulty trainings of the second hold-out: written down when the first one had been looked at, and run under no rule before
the rules were finished. Other data, nets, sizes and optimizers again."""

from dataclasses import replace

from tests.faults.case import Case, Setting, fault
from tests.faults.cases.code import BROKEN, RUNS_AWAY
from tests.faults.cases.data import BY_HEART, HELD_BACK, ORDER, SCALED
from tests.faults.cases.net import FLAT, SURGERY, VANISHES
from tests.faults.cases.rate import HIGH, LOW, RATE, SHAKEN, TOO_HIGH
from tests.faults.cases.second_bases import (
    BICLUSTER,
    BLURS,
    BRACKETS,
    CHEQUERS,
    CHIRPS,
    COLOUR,
    COVERED,
    EVENTS,
    FORECAST,
    GRAIN,
    GREATER,
    HALVES,
    HOUSES,
    KINDS,
    LOANS,
    MEDIAN,
    MODULAR,
    NEXT_LETTER,
    ODD,
    RATINGS,
    RECALL,
    S_CURVE,
    SAID,
    SAID_TWO_WAYS,
    SITES,
    STEPS,
    TEXTURE,
    THIRDS,
    UPRIGHT,
)

GUESSES = ("OPT103", "OPT109")
SCALE_KNOBS = ("standardise", "lr", "norm")
ADAGRAD = KINDS.having(flaws={"adagrad": 0.03})
NADAM = STEPS.having(flaws={"nadam": 5e-3})
DEEP_SHEET = Setting("s_curve", shape={"width": 40, "depth": 7, "init": "he"}, train={"lr": 0.03, "epochs": 30})
DEEP_BLOCKS = Setting("bicluster", shape={"width": 56, "depth": 6, "init": "he"}, train={"lr": 0.03, "epochs": 24})
PLAIN_SHEET = Setting("s_curve", shape={"width": 24, "depth": 2}, train={"lr": 0.03, "batch_size": 24, "epochs": 20})
COVERED_PLAIN = COVERED.having(shape={"norm": "none"})
RARE_KIND = COVERED.having(flaws={"last_is_rare": 25})
RARE_EVENTS = EVENTS.having(flaws={"last_is_rare": 10}, epochs=20)
RARE_BLURS = BLURS.having(flaws={"rare": 20}, optimizer="adam", lr=3e-3)
NOISY_SITES = SITES.having(
    shape={"width": 128}, flaws={"label_noise": 0.3}, optimizer="adam", lr=2e-3, batch_size=32, epochs=24
)
FEW_BLOCKS = BICLUSTER.having(
    shape={"width": 96}, flaws={"label_noise": 0.25}, limit=240, optimizer="adam", lr=2e-3, epochs=60
)
STEPS_SGD = STEPS.having(optimizer="sgd", lr=0.1)

WRITTEN: tuple[Case, ...] = (
    # rate, batch, schedule, optimizer
    fault("second_houses_rate_1000th", "prices: a wide and deep net, Adam at a thousandth of its rate", HOUSES, HOUSES.having(lr=3e-6), *LOW, allowed=GUESSES, knobs=RATE),
    fault("second_sites_rate_100x", "twenty classes: momentum at a hundred times its rate", SITES, SITES.having(lr=2.0), *TOO_HIGH, allowed=SHAKEN, knobs=RATE),
    fault("second_median_rate_100x", "the median of nine: a transformer with norms behind, at a hundred times its rate", MEDIAN, MEDIAN.having(lr=0.2), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("second_said_sgd", "code or documentation: pairs of letters on plain SGD at the rate of Adam", SAID, SAID.having(optimizer="sgd", lr=2e-2), "OPT115", *LOW, allowed=GUESSES, knobs=RATE),
    fault("second_ratings_sgd", "films: a factorisation machine on plain SGD", RATINGS, RATINGS.having(optimizer="sgd", lr=2e-2), "OPT115", *LOW, allowed=(*GUESSES, "OPT104", "GEN103"), knobs=RATE),
    fault("second_events_rate_low", "bursts: AdamW at a thousandth of its rate", EVENTS, EVENTS.having(lr=3e-6), *LOW, allowed=GUESSES, knobs=RATE),
    fault("second_forecast_rate_high", "a forecast: RMSprop at a rate of 0.3", FORECAST.having(optimizer="rmsprop", lr=1e-3), FORECAST.having(optimizer="rmsprop", lr=0.3), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("second_chirps_rate_60x", "tones that rise: dilated convolutions at sixty times their rate", CHIRPS, CHIRPS.having(lr=0.3), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("second_upright_clip", "which way is up: gradients clipped to a thousandth", UPRIGHT, UPRIGHT.having(clip=1e-3), "OPT112", *LOW, allowed=GUESSES, knobs=("clip", *RATE)),
    fault("second_bicluster_momentum_998", "blocks: a momentum of 0.998 at the rate for 0.9", BICLUSTER, BICLUSTER.having(momentum=0.998), "OPT114", *HIGH, "OPT105", allowed=SHAKEN, knobs=("momentum", *RATE)),
    fault("second_greater_batch_half", "the greater digit: half of the training split in each step", GREATER.having(optimizer="sgd", lr=0.1), GREATER.having(optimizer="sgd", lr=0.1, batch_size=900), "OPT113", *LOW, allowed=GUESSES, knobs=("batch_size", *RATE)),
    fault("second_colour_rate_500th", "wines: SGD at a five hundredth of its rate", COLOUR, COLOUR.having(lr=4e-5), *LOW, allowed=(*GUESSES, "DAT109", "GEN104"), knobs=RATE),
    fault("second_sheet_warmup_long", "a sheet: a warm-up over most of a run whose rate is low", S_CURVE, S_CURVE.having(lr=2e-5, warmup=0.8), *LOW, allowed=GUESSES, knobs=RATE, severe=False),
    fault("second_letters_rate_low", "the next letter: Adam at a two hundredth of its rate", NEXT_LETTER, NEXT_LETTER.having(lr=2.5e-5), *LOW, allowed=(*GUESSES, "GEN103"), knobs=RATE),
    fault("second_nadam_high", "a wavy curve: an optimizer of the user's own at a hundred times its rate", NADAM, STEPS.having(flaws={"nadam": 0.5}), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("second_adagrad_low", "marks: an Adagrad of the user's own at a thousandth of its rate", ADAGRAD, KINDS.having(flaws={"adagrad": 3e-5}), *LOW, allowed=(*GUESSES, "GEN103", "OPT104"), knobs=RATE),
    fault("second_upright_decays", "which way is up: a decay meant for each epoch is taken in each step", UPRIGHT, UPRIGHT.having(flaws={"decays_each_step": 0.02}), "OPT111", *LOW, allowed=(*GUESSES, "OPT104", "GEN103")),
    fault("second_steps_faint", "a wavy curve: hooks hold each gradient value within a hundred thousandth", STEPS_SGD, STEPS_SGD.having(flaws={"faint": 1e-5}), *LOW, "OPT112", "ARC101", allowed=(*GUESSES, "OPT104", "GEN103"), knobs=RATE),
    # initialisation, activation, depth, output, loss
    fault("second_sheet_sigmoid", "a sheet: seven sigmoid layers", DEEP_SHEET, DEEP_SHEET.having(shape={"activation": "sigmoid", "init": "xavier"}), *VANISHES, allowed=FLAT, knobs=SURGERY),
    fault("second_chequers_large", "a chequerboard: tanh, weights of a spread of 2", CHEQUERS, CHEQUERS.having(shape={"init": "normal:2.0"}), "ARC111", "ARC104", allowed=(*FLAT, "ARC102"), knobs=SURGERY),
    fault("second_greater_large", "the greater digit: tanh, weights of a spread of 3", GREATER, GREATER.having(shape={"init": "normal:3.0"}), "ARC111", "ARC104", allowed=FLAT, knobs=SURGERY),
    fault("second_sheet_zero", "a sheet: a net of shortcuts whose weights are all zero", S_CURVE, S_CURVE.having(shape={"init": "same:0"}), "ARC105", allowed=(*FLAT, "ARC103", "ARC113", "ARC111", "ARC101"), knobs=("init",)),
    fault("second_chirps_near", "tones that rise: filters within a thousandth of one value", CHIRPS, CHIRPS.having(shape={"init": "near:0.05"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("second_texture_same", "tumours: a gated net whose weights are all 0.02", TEXTURE, TEXTURE.having(shape={"init": "same:0.02"}), "ARC105", allowed=FLAT, knobs=("init",)),
    fault("second_blocks_small", "blocks: six layers that start at a spread of 0.01", DEEP_BLOCKS, DEEP_BLOCKS.having(shape={"init": "normal:0.01"}), "ARC111", "ARC101", allowed=(*FLAT, "OPT102"), knobs=SURGERY),
    fault("second_blocks_large", "blocks: six layers that start at a spread of 1", DEEP_BLOCKS, DEEP_BLOCKS.having(shape={"init": "normal:1.0"}), "ARC111", "ARC102", "NUM101", "NUM102", allowed=(*FLAT, "OPT101", "NUM103", "ARC103"), knobs=SURGERY),
    fault("second_sites_softmax", "twenty classes: softmax before cross entropy", SITES, SITES.having(shape={"output": "softmax"}), "ARC106", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("second_forecast_relu", "a forecast: a ReLU behind the output", FORECAST, FORECAST.having(shape={"output": "relu"}), "ARC103", "ARC108", allowed=FLAT, knobs=("output",)),
    fault("second_chirps_tanh", "tones that rise: a tanh behind an output whose target goes to 1.7", CHIRPS, CHIRPS.having(shape={"output": "tanh"}), "ARC104", "ARC108", allowed=FLAT, knobs=("output",), severe=False),
    fault("second_houses_sigmoid", "prices: a sigmoid behind the output of a regression", HOUSES, HOUSES.having(shape={"output": "sigmoid"}), "ARC108", "ARC104", allowed=FLAT, knobs=("output",)),
    fault("second_kinds_softmax", "marks: a softmax before a loss that takes each for itself", KINDS, KINDS.having(shape={"output": "softmax"}), "ARC106", "ARC108", allowed=("OPT102", *FLAT), knobs=("output",)),
    fault("second_kinds_one_of_many", "marks: the loss for one class each, where several may be right", KINDS, KINDS.having(flaws={"one_of_many": 1}), "ARC107", allowed=("OPT102", "NUM105", *FLAT), knobs=("loss",)),
    fault("second_chequers_straight", "a chequerboard, and no function between the layers", CHEQUERS, CHEQUERS.having(shape={"activation": "none"}), "ARC112", "GEN103", "OPT104", allowed=FLAT, knobs=("activation",)),
    fault("second_halves_dead", "the lower half of a digit: a layer that starts far below zero, ReLU", HALVES.having(shape={"activation": "relu"}), HALVES.having(shape={"activation": "relu"}, flaws={"dead_layer": 30}), "ARC103", allowed=(*FLAT, "ARC101", "ARC113"), knobs=("init", "activation")),
    fault("second_recall_absolute", "what follows the mark: mean absolute error on classes", RECALL, RECALL.having(flaws={"absolute": 1}), "ARC107", allowed=("OPT102", *FLAT), knobs=("loss",)),
    fault("second_upright_negated", "which way is up: the sign of the loss is wrong", UPRIGHT, UPRIGHT.having(flaws={"negated": 1}), "NUM105", allowed=("NUM101", "NUM102", "ARC102"), knobs=("loss",)),
    fault("second_sheet_summed", "a sheet: the squared errors of a batch are summed", PLAIN_SHEET, PLAIN_SHEET.having(flaws={"squares_summed": 1}), "NUM106", *TOO_HIGH, allowed=SHAKEN, knobs=("lr", "loss")),
    fault("second_median_every_pair", "the median of nine: outputs [B, 1] against targets [B]", MEDIAN, MEDIAN.having(flaws={"every_pair": 1}), "ARC109", allowed=("OPT103", "GEN103", "OPT104")),
    fault("second_loans_weights", "loans: class weights the wrong way round", LOANS.having(class_weights="sqrt"), LOANS.having(flaws={"common_first": 1}), "DAT101", "ARC107", allowed=("GEN101", *BY_HEART), knobs=("loss", "sampler"), scored_by="balanced", severe=False),
    fault("second_bicluster_hot", "blocks: the outputs are taken fifty times as large", BICLUSTER, BICLUSTER.having(flaws={"hot": 1}), *TOO_HIGH, "ARC107", "ARC111", allowed=(*SHAKEN, "OPT105", "OPT114", "GEN101"), knobs=("loss", "lr")),
    fault("second_texture_rounded", "tumours: the outputs are rounded, and nothing flows back", TEXTURE, TEXTURE.having(flaws={"rounded": 10}), "OPT108", "ARC101", allowed=(*FLAT, "OPT102")),
    # data
    fault("second_houses_raw", "prices: people and places as they are counted", HOUSES, replace(HOUSES, data="houses_raw"), "DAT104", allowed=SCALED, knobs=SCALE_KNOBS),
    fault("second_forecast_offset", "a forecast: readings that ride on an offset of 60 spreads", FORECAST, FORECAST.having(flaws={"offset": 60}), "DAT104", allowed=(*SCALED, "GEN103", "OPT104"), knobs=SCALE_KNOBS),
    fault("second_sheet_tiny", "a sheet whose places are a thousandth of a unit", PLAIN_SHEET, PLAIN_SHEET.having(flaws={"times": 1e-3}), "DAT104", allowed=(*SCALED, "OPT102", "GEN103", "OPT104"), knobs=SCALE_KNOBS),
    fault("second_texture_hundreds", "tumours: a target of 1500 ± 500", TEXTURE, TEXTURE.having(flaws={"target_scale": 500}), "ARC110", "OPT102", allowed=(*SCALED, "OPT104", "GEN103"), knobs=("scale_targets", "lr")),
    fault("second_ratings_hundreds", "films: a target of 300 ± 100", RATINGS, RATINGS.having(flaws={"target_scale": 100}), "ARC110", "OPT102", allowed=(*SCALED, "OPT104", "GEN103"), knobs=("scale_targets", "lr")),
    fault("second_sites_labels_30", "twenty classes: three labels in ten are wrong", NOISY_SITES.having(label_smoothing=0.2, weight_decay=1e-3, early_stop=True), NOISY_SITES, "DAT102", allowed=("GEN101", *BY_HEART), knobs=ORDER),
    fault("second_said_shuffled", "code or documentation: the labels were shuffled apart", SAID_TWO_WAYS, SAID_TWO_WAYS.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("second_forecast_shuffled", "a forecast: the targets were shuffled apart", FORECAST, FORECAST.having(flaws={"labels_shuffled": 1.0}), "DAT112", allowed=("OPT103", "GEN101", *BY_HEART, "GEN103")),
    fault("second_upright_turned", "which way is up: an augmentation turns the picture and keeps the label", UPRIGHT, UPRIGHT.having(flaws={"turned": 1}), "DAT112", allowed=("OPT103", "DAT102", "OPT104", "GEN103")),
    fault("second_letters_apart", "the next letter: inputs and labels are drawn apart", NEXT_LETTER, NEXT_LETTER.having(flaws={"apart": 1}), "DAT112", allowed=("OPT103", "DAT102", "OPT104", "GEN103", "GEN101", *BY_HEART)),
    fault("second_odd_one_buffer", "odd digits: every item is written into one buffer", ODD, ODD.having(flaws={"one_buffer": 1}), "DAT114", "DAT112", "DAT106", allowed=("OPT103", "DAT102", "OPT104", "GEN103", "GEN101", "OPT105", "RUN104", "OPT110", *BY_HEART)),
    fault("second_covered_rare", "covered clothes: bags are kept one in 25", RARE_KIND.having(class_weights="balanced"), RARE_KIND, "DAT101", allowed=("GEN101", "DAT109", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced"),
    fault("second_events_rare", "bursts: those that have one are kept one in ten", RARE_EVENTS.having(class_weights="balanced"), RARE_EVENTS, "DAT101", allowed=("GEN101", "DAT109", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced"),
    fault("second_blurs_rare", "blurs: the two that are strong are kept one in 20", RARE_BLURS.having(sampler="balanced"), RARE_BLURS, "DAT101", allowed=("GEN101", "DAT109", *BY_HEART), knobs=("class_weights", "sampler"), scored_by="balanced", severe=False),
    fault("second_greater_by_heart", "the greater digit: 150 pairs, a wide net, no regularisation", GREATER.having(limit=150, shape={"width": 48, "dropout": 0.4}, epochs=60, weight_decay=1e-3), GREATER.having(limit=150, shape={"width": 400}, epochs=100), "GEN101", "DAT109", allowed=("GEN102", "GEN104"), knobs=ORDER, severe=False),
    fault("second_steps_in_order", "a wavy curve: rows in the order of the target, and a loader that does not shuffle", STEPS, STEPS.having(flaws={"in_order": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103", "OPT102", "GEN101", "OPT104", "GEN103"), knobs=("shuffle",)),
    fault("second_said_in_order", "code or documentation: lines kind by kind, and a loader that does not shuffle", SAID_TWO_WAYS, SAID_TWO_WAYS.having(flaws={"in_order": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103", "OPT102", "GEN101"), knobs=("shuffle",)),
    fault("second_recall_sorted", "what follows the mark: the examples come sorted by label", RECALL, RECALL.having(flaws={"sorted": 1}), "DAT110", allowed=("NUM102", "NUM103", "OPT105", "OPT103")),
    fault("second_houses_leak", "prices: six tenths of the validation split are in the training split", HOUSES, HOUSES.having(flaws={"leak": 0.6}), "DAT105", severe=False),
    fault("second_loans_missing", "loans: one value in two hundred is missing", LOANS, LOANS.having(flaws={"missing": 0.005}), "DAT103", allowed=("NUM101",), knobs=("standardise",)),
    fault("second_colour_sentinel", "wines: -999 stands where a value is missing", COLOUR, COLOUR.having(flaws={"sentinel": 0.01}), "DAT115", "DAT104", "NUM103", allowed=(*SCALED, "DAT109", "GEN104"), knobs=("standardise", "clip")),
    fault("second_thirds_unit", "patients: the first column of one row in thirty is in another unit", THIRDS, THIRDS.having(flaws={"other_unit": 0.03}), "DAT115", "DAT104", "NUM103", allowed=(*SCALED, "GEN103", "OPT104", "OPT105"), knobs=("standardise", "clip")),
    fault("second_texture_column", "tumours: a column tells the answer", TEXTURE, TEXTURE.having(flaws={"leaky_column": 0.05}), "DAT108"),
    fault("second_bicluster_conflicts", "blocks: most rows are there twice, with two labels", BICLUSTER, BICLUSTER.having(flaws={"conflicts": 0.7}), "DAT106", allowed=("DAT102", "GEN101", *BY_HEART, "GEN103")),
    fault("second_odd_decay", "odd digits: a weight decay of 0.3 in Adam", ODD, ODD.having(weight_decay=0.3), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",)),
    fault("second_sites_decay", "twenty classes: a weight decay of 0.1", SITES, SITES.having(weight_decay=0.1), "OPT107", allowed=HELD_BACK, knobs=("weight_decay",), severe=False),
    fault("second_modular_dropout", "sums modulo five: a dropout of 0.7 in a transformer", MODULAR, MODULAR.having(shape={"dropout": 0.7}), "OPT107", allowed=(*HELD_BACK, "OPT102"), knobs=("dropout",)),
    fault("second_letters_dropout", "the next letter: a dropout of 0.95", NEXT_LETTER.having(shape={"dropout": 0.2}), NEXT_LETTER.having(shape={"dropout": 0.95}), "OPT107", allowed=HELD_BACK, knobs=("dropout",)),
    fault("second_greater_few", "the greater digit: only 30 of all pairs ever come", GREATER, GREATER.having(flaws={"few_again": 30}), "DAT114", "GEN101", allowed=BY_HEART),
    # the user's own code
    fault("second_chirps_pile_up", "tones that rise: gradients are never zeroed", CHIRPS, CHIRPS.having(flaws={"gradients_pile_up": 1}), "NUM104", allowed=RUNS_AWAY),
    fault("second_brackets_detached", "brackets: the last layer is cut off from all before it", BRACKETS, BRACKETS.having(flaws={"detached": 1}), "OPT108", allowed=("GEN103", "OPT104", "OPT102", "OPT103", "ARC101", "DAT101")),
    fault("second_grain_head_only", "noise on photographs: the optimizer holds the last layer alone", GRAIN.having(optimizer="momentum", lr=0.02), GRAIN.having(optimizer="momentum", lr=0.02, flaws={"head_only": 0.02}), "OPT108", allowed=("GEN103", "OPT104")),
    fault("second_odd_slow_norm", "odd digits: batch norms that forget a thousandth a step", ODD, ODD.having(shape={"memory": 0.001}), "RUN104", "OPT110", allowed=("OPT105", "GEN101", "GEN102")),
    fault("second_covered_evaluates", "covered clothes: dropout and batch statistics stay on while the net is judged", COVERED.having(shape={"dropout": 0.5}), COVERED.having(shape={"dropout": 0.5}, flaws={"never_evaluates": 1}), "RUN104", severe=False),
    fault("second_ratings_blind", "films: the net is given the same user and film always", RATINGS, RATINGS.having(flaws={"blind": 1}), "ARC113", allowed=("OPT103", "GEN103", "ARC103", "ARC105", "OPT109")),
    # midway
    fault("second_chirps_lose_scale", "tones that rise: from batch 200 on a hundred times larger", CHIRPS, CHIRPS.having(flaws={"inputs_large_from": 200}), "DAT113", allowed=RUNS_AWAY, begins=0.38),
    fault("second_greater_labels_change", "the greater digit: from item 9000 on the labels are those of other pairs", GREATER, GREATER.having(flaws={"labels_change_at": 9000}), "DAT113", allowed=BROKEN, begins=0.31),
    fault("second_houses_turn", "prices: from item 7000 on the inputs have the other sign", HOUSES, HOUSES.having(flaws={"inputs_turn_at": 7000}), "DAT113", allowed=BROKEN, begins=0.29),
    fault("second_upright_noise", "which way is up: from batch 130 on the inputs are noise", UPRIGHT, UPRIGHT.having(flaws={"inputs_noise_from": 130}), "DAT113", allowed=BROKEN, begins=0.39),
    fault("second_steps_missing", "a wavy curve: from batch 300 on each batch has a value that is no number", STEPS, STEPS.having(flaws={"inputs_missing_from": 300}), "DAT113", allowed=RUNS_AWAY, begins=0.23),
    fault("second_steps_rate_jumps", "a wavy curve: a schedule of the user's own multiplies the rate by a hundred", STEPS_SGD, STEPS_SGD.having(flaws={"schedule_explodes_at": 300}), "OPT111", "NUM102", "OPT101", "NUM101", allowed=RUNS_AWAY, knobs=("lr", "clip"), begins=0.23),
    # two at once
    fault("second_covered_255_softmax", "covered clothes in pixels 0 to 255, and softmax before cross entropy", COVERED_PLAIN, COVERED_PLAIN.having(shape={"output": "softmax"}, flaws={"raw_pixels": 1}), "DAT104", "ARC106", allowed=(*SCALED, "OPT102", *FLAT), knobs=("standardise", "lr", "norm", "output")),
    fault("second_sites_softmax_rate_low", "twenty classes: softmax before cross entropy at a fiftieth of the rate", SITES, SITES.having(shape={"output": "softmax"}, lr=4e-4), "ARC106", *LOW, allowed=FLAT, knobs=("output", "lr")),
    fault("second_events_rare_rate_low", "bursts: rare ones, at a hundredth of the rate", RARE_EVENTS.having(class_weights="balanced"), RARE_EVENTS.having(lr=3e-5), "DAT101", *LOW, allowed=("OPT103", "DAT109", "GEN101", *BY_HEART), knobs=("lr", "class_weights", "sampler"), scored_by="balanced"),
    fault("second_chequers_large_rate_high", "a chequerboard: weights of a spread of 2 at forty times the rate", CHEQUERS, CHEQUERS.having(shape={"init": "normal:2.0"}, lr=0.2), "ARC111", "ARC104", *HIGH, allowed=(*FLAT, *SHAKEN, "OPT105"), knobs=(*SURGERY, "lr")),
    fault("second_houses_raw_near", "prices: columns as they are counted, and weights within a thousandth of one value", HOUSES, replace(HOUSES, data="houses_raw").having(shape={"init": "near:0.03"}), "DAT104", "ARC105", allowed=(*SCALED, *FLAT, "ARC111"), knobs=("standardise", "init", "norm", "lr")),
    fault("second_letters_dropout_rate_low", "the next letter: a dropout of 0.9 at a fiftieth of the rate", NEXT_LETTER, NEXT_LETTER.having(shape={"dropout": 0.9}, lr=1e-4), "OPT107", *LOW, allowed=HELD_BACK, knobs=("dropout", "lr"), severe=False),
    fault("second_blocks_labels_few", "blocks: a quarter of the labels of 240 rows are wrong, and a wide net", FEW_BLOCKS.having(shape={"width": 16}, label_smoothing=0.1, weight_decay=1e-2, early_stop=True), FEW_BLOCKS, "DAT102", "GEN101", allowed=("GEN102", "DAT109", "GEN104"), knobs=ORDER, severe=False),
    fault("second_sheet_sigmoid_tiny", "a sheet: seven sigmoid layers on places of a thousandth of a unit", DEEP_SHEET, DEEP_SHEET.having(shape={"activation": "sigmoid", "init": "xavier"}, flaws={"times": 1e-3}), *VANISHES, "DAT104", allowed=(*FLAT, *SCALED, "OPT102"), knobs=(*SURGERY, "standardise")),
)  # fmt: skip

CASES = tuple(replace(case, held_out=True) for case in WRITTEN)
