"""Healthy trainings that nobody looked at while writing a rule."""

from dataclasses import replace

from tests.faults.case import Case, healthy
from tests.faults.cases.healthy import SMALL
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

CONVERGED = ("GEN102",)

WRITTEN: tuple[Case, ...] = (
    healthy("held_ok_iris", "iris in batches of eight, AdamW", IRIS, allowed=(*SMALL, *CONVERGED)),
    healthy("held_ok_wide", "one layer of 512, Adam", HASTIE.having(epochs=10), allowed=CONVERGED),
    healthy("held_ok_batch_512", "batches of 512 at a rate to match", HASTIE.having(batch_size=512, lr=1e-2, epochs=40), allowed=CONVERGED),
    healthy("held_ok_gelu", "Nesterov with a cosine, three GELU layers", QUANTILES.having(schedule="cosine")),
    healthy("held_ok_layer_norm", "GELU with layer norm and dropout, AdamW", QUANTILES.having(shape={"norm": "layer", "dropout": 0.1}, optimizer="adamw", lr=3e-3)),
    healthy("held_ok_rmsprop", "a regression with tanh, RMSprop", CIRCUIT),
    healthy("held_ok_one_cycle", "a regression, AdamW on one cycle", PHASE.having(schedule="one-cycle")),
    healthy("held_ok_straight", "a linear regression on a straight line under noise", SPARSE, allowed=(*CONVERGED, "GEN103")),
    healthy("held_ok_roll", "a rolled sheet, SiLU, batches of 128", ROLL),
    healthy("held_ok_roll_small_validation", "a rolled sheet, 40 validation examples", ROLL.having(flaws={"small_validation": 40}), allowed=("GEN104",)),
    healthy("held_ok_tags", "several tags at once", TAGS),
    healthy("held_ok_grouped", "patches of photographs, group norm", PATCHES),
    healthy("held_ok_grouped_augmented", "patches of photographs, augmented, with dropout", PATCHES.having(shape={"dropout": 0.1}, augment=True)),
    healthy("held_ok_mixer", "shirts, an MLP-mixer with warm-up", SHIRTS.having(warmup=0.05, schedule="cosine", epochs=12)),
    healthy("held_ok_shoes", "shoes, momentum with a stepped rate", SHOES.having(schedule="step")),
    healthy("held_ok_parity", "the parity of two of twenty bits: a wait, then a fall", PARITY),
    healthy("held_ok_adding", "the adding problem, an LSTM", ADDING),
    healthy("held_ok_counting", "counting a symbol, a transformer with norms first", COUNTING),
    healthy("held_ok_docs", "documentation, an LSTM that is clipped at 1", DOCS.having(clip=1.0, epochs=8), allowed=("GEN101",)),
    healthy("held_ok_docs_conv", "documentation, convolutions over characters, dropout", DOCS_CONV.having(shape={"dropout": 0.3}, epochs=6), allowed=("GEN101",)),
    healthy("held_ok_waves", "signals in batches of four", WAVES.having(batch_size=4, lr=3e-3, epochs=5)),
    healthy("held_ok_waves_norm", "signals, batch norm, SGD", WAVES.having(shape={"norm": "batch"}, optimizer="sgd", lr=0.1)),
    healthy("held_ok_twins", "are two digits the same", TWINS, allowed=("GEN101",)),
    healthy("held_ok_autoencoder", "an autoencoder that takes noise away", NOISY_DIGITS),
    healthy("held_ok_autoencoder_tanh", "a tanh behind an output whose target lies in [-1, 1]", NOISY_DIGITS.having(shape={"output": "tanh"})),
)  # fmt: skip

CASES = tuple(replace(case, held_out=True) for case in WRITTEN)
