"""Faults of rate, schedule, optimizer and batch."""

from tests.faults.case import Case, fault
from tests.faults.cases.bases import (
    BREAST_LINEAR,
    DIGITS,
    DIGITS_CNN,
    DIGITS_GRU,
    DIGITS_RES,
    FASHION,
    FASHION_CNN,
    FRIEDMAN,
    ORDERS,
    TANGLE,
    TEXT,
    TEXT_BAG,
    WORDS_BAG,
)

HIGH = ("OPT101", "NUM102", "OPT106")
TOO_HIGH = (*HIGH, "NUM101")
LOW = ("OPT102",)
SHAKEN = ("NUM103", "ARC102", "ARC103", "ARC104", "OPT103", "OPT109", "OPT110")
"""What a rate that is far too high leaves behind."""
RATE = ("lr", "warmup", "clip", "schedule", "optimizer")

CASES: tuple[Case, ...] = (
    fault("digits_rate_30x", "SGD at thirty times its rate", DIGITS, DIGITS.having(lr=3.0), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("digits_rate_1e4x", "SGD at ten thousand times its rate", DIGITS, DIGITS.having(lr=1e3), *TOO_HIGH, allowed=SHAKEN, knobs=RATE),
    fault("digits_rate_8x", "SGD a little beyond what is stable", DIGITS, DIGITS.having(lr=0.8), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE, severe=False),
    fault("digits_adam_1", "Adam at a rate of 1", DIGITS.having(optimizer="adam", lr=3e-3), DIGITS.having(optimizer="adam", lr=1.0), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("digits_adam_01", "Adam at a rate of 0.1", DIGITS.having(optimizer="adam", lr=3e-3), DIGITS.having(optimizer="adam", lr=0.1), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE, severe=False),
    fault("digits_rate_1e4th", "SGD at a ten thousandth of its rate", DIGITS, DIGITS.having(lr=1e-5), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("digits_rate_100th", "SGD at a hundredth of its rate", DIGITS, DIGITS.having(lr=1e-3), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("digits_rate_20th", "SGD at a twentieth of its rate", DIGITS, DIGITS.having(lr=5e-3), *LOW, knobs=RATE, severe=False),
    fault("digits_adam_1e6", "Adam at a rate of a millionth", DIGITS.having(optimizer="adam", lr=3e-3), DIGITS.having(optimizer="adam", lr=1e-6), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("cnn_rate_100x", "momentum at a hundred times its rate", DIGITS_CNN, DIGITS_CNN.having(lr=3.0), *TOO_HIGH, allowed=SHAKEN, knobs=RATE),
    fault("cnn_rate_1000th", "momentum at a thousandth of its rate", DIGITS_CNN, DIGITS_CNN.having(lr=3e-5), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("cnn_momentum_999", "a momentum of 0.999 at the rate for 0.9", DIGITS_CNN, DIGITS_CNN.having(momentum=0.999), "OPT114", *HIGH, "OPT105", allowed=SHAKEN, knobs=("momentum", *RATE)),
    fault("resnet_rate_100x", "a residual net at a hundred times its rate", DIGITS_RES, DIGITS_RES.having(lr=3.0), *HIGH, "OPT110", allowed=SHAKEN, knobs=RATE),
    fault("resnet_rate_1000th", "a residual net at a thousandth of its rate", DIGITS_RES, DIGITS_RES.having(lr=3e-5), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("gru_rate_100x", "a recurrent net at a hundred times its rate", DIGITS_GRU, DIGITS_GRU.having(lr=0.5), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("fashion_rate_30x", "clothes: SGD at thirty times its rate", FASHION, FASHION.having(lr=3.0), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("fashion_rate_1000th", "clothes: SGD at a thousandth of its rate", FASHION, FASHION.having(lr=1e-4), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("fashion_cnn_rate_100x", "clothes: Adam at a hundred times its rate", FASHION_CNN, FASHION_CNN.having(lr=0.3), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("text_rate_100x", "a transformer at a hundred times its rate", TEXT, TEXT.having(lr=0.2), *HIGH, allowed=SHAKEN, knobs=RATE),
    fault("text_rate_1000th", "a transformer at a thousandth of its rate", TEXT, TEXT.having(lr=2e-6), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("bag_sgd", "a text classifier on plain SGD at a small rate", TEXT_BAG, TEXT_BAG.having(optimizer="sgd", lr=1e-3), "OPT115", *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("words_sgd", "lines as bags of words, on plain SGD at 0.1", WORDS_BAG, WORDS_BAG.having(optimizer="sgd", lr=0.1), "OPT115", *LOW, allowed=("OPT103", "OPT109", "GEN101", "GEN102"), knobs=RATE),
    fault("orders_sgd", "a table of rare categories, on plain SGD at 0.02", ORDERS, ORDERS.having(optimizer="sgd", lr=0.02), "OPT115", *LOW, allowed=("OPT103", "OPT109", "GEN103"), knobs=RATE, severe=False),
    fault("friedman_rate_100x", "a regression at a hundred times its rate", FRIEDMAN, FRIEDMAN.having(lr=0.3), *HIGH, "OPT105", allowed=SHAKEN, knobs=RATE),
    fault("friedman_rate_1000th", "a regression at a thousandth of its rate", FRIEDMAN, FRIEDMAN.having(lr=3e-6), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("breast_rate_1e4th", "a linear model at a ten thousandth of its rate", BREAST_LINEAR, BREAST_LINEAR.having(lr=3e-6), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE),
    fault("tangle_rate_100x", "a table: SGD at a hundred times its rate", TANGLE, TANGLE.having(lr=5.0), *TOO_HIGH, allowed=SHAKEN, knobs=RATE),
    fault("tangle_batch_whole", "the whole training split in each step, at the rate for small batches", TANGLE, TANGLE.having(batch_size=1100), "OPT113", *LOW, knobs=("batch_size", *RATE), severe=False),
    fault("digits_clip_tiny", "gradients clipped to a norm of a ten thousandth", DIGITS, DIGITS.having(clip=1e-4), "OPT112", *LOW, allowed=("OPT103", "OPT109"), knobs=("clip", *RATE)),
    fault("digits_warmup_long", "a warm-up over half of a run whose rate is low", DIGITS, DIGITS.having(lr=3e-3, warmup=0.5), *LOW, allowed=("OPT103", "OPT109"), knobs=RATE, severe=False),
    fault("fashion_batch_half", "clothes: half of the training split in each step, at the rate for small batches", FASHION, FASHION.having(batch_size=900), "OPT113", *LOW, knobs=("batch_size", *RATE)),
    fault("text_clip_tiny", "a bag of characters on momentum, clipped to a hundredth of its gradient", TEXT_BAG.having(optimizer="momentum", lr=0.5), TEXT_BAG.having(optimizer="momentum", lr=0.5, clip=1e-3), "OPT112", *LOW, allowed=("OPT103", "OPT109"), knobs=("clip", *RATE)),
    fault("fashion_momentum_998", "clothes: a momentum of 0.998 at the rate for 0.9", FASHION.having(optimizer="momentum", lr=0.02), FASHION.having(optimizer="momentum", lr=0.02, momentum=0.998), "OPT114", *HIGH, "OPT105", allowed=SHAKEN, knobs=("momentum", *RATE)),
)  # fmt: skip
