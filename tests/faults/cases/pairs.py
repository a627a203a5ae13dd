"""Two faults at once on data and nets of their own: a clothes net, a regression, a small table, text."""

from tests.faults.case import Case, fault
from tests.faults.cases.bases import FASHION_CNN, FRIEDMAN, TEXT_GRU, WINE

FLAT = ("OPT103", "OPT104", "OPT109", "GEN103")
HIGH = ("OPT101", "NUM102", "OPT106")
RARE_LINES = TEXT_GRU.having(flaws={"rare": 12})

CASES: tuple[Case, ...] = (
    fault("softmax_and_rate_high_fashion", "clothes: softmax before cross entropy, and Adam at thirty times its rate", FASHION_CNN, FASHION_CNN.having(shape={"output": "softmax"}, lr=0.1), "ARC106", *HIGH, allowed=(*FLAT, "NUM103", "ARC102", "ARC103", "OPT105"), knobs=("output", "lr")),
    fault("same_weights_and_rate_low_friedman", "a regression: equal weights, and a rate three hundred times too low", FRIEDMAN, FRIEDMAN.having(shape={"init": "same:0.05"}, lr=1e-5), "ARC105", "OPT102", allowed=FLAT, knobs=("init", "lr")),
    fault("columns_and_same_weights_wine", "wines: raw columns, and weights within a thousandth of one value", WINE, WINE.having(shape={"init": "near:0.05"}, flaws={"raw_columns": 3}), "DAT104", "ARC105", allowed=(*FLAT, *HIGH, "NUM101", "NUM103", "ARC102", "ARC103"), knobs=("standardise", "init")),
    fault("rare_and_rate_low_text", "text: rare classes, and a rate a thousand times too low", RARE_LINES.having(class_weights="balanced"), RARE_LINES.having(lr=1e-5), "DAT101", "OPT102", allowed=("OPT103",), knobs=("lr", "class_weights"), scored_by="balanced"),
)  # fmt: skip
