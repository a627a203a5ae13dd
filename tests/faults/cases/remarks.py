"""Trainings that learn, of which something is worth saying all the same; and the faults that only few rules can name."""

from tests.faults.case import Case, Setting, fault, remark
from tests.faults.cases.bases import BREAST, DIGITS, TANGLE, WINE
from tests.faults.cases.healthy import SMALL

PICTURES = Setting("pictures", "cnn", train={"optimizer": "momentum", "lr": 0.03, "epochs": 24})
RIDDLE = Setting("riddle", shape={"width": 16, "depth": 1}, train={"lr": 0.1, "epochs": 20})
NORMED = DIGITS.having(shape={"norm": "batch"})

CASES: tuple[Case, ...] = (
    remark("columns_constant", "a table: eight of twenty columns hold one value", TANGLE.having(flaws={"constant_columns": 8}, epochs=12), "DAT107"),
    remark("columns_constant_breast", "a table: six of thirty columns hold one value", BREAST.having(flaws={"constant_columns": 6}), "DAT107", allowed=SMALL),
    remark("run_too_long", "digits: ten times as many epochs as it takes", DIGITS.having(epochs=120), "GEN102"),
    remark("run_too_long_wine", "wines: a run that goes on long after its best", WINE.having(epochs=200), "GEN102", allowed=SMALL),
    remark("validation_tiny", "digits: 30 validation examples", DIGITS.having(flaws={"small_validation": 30}), "GEN104"),
    remark("validation_tiny_tangle", "a table: 40 validation examples", TANGLE.having(flaws={"small_validation": 40}, epochs=12), "GEN104"),
    fault("files_torn", "a folder of pictures: one file in fifteen is cut off", PICTURES, PICTURES.having(flaws={"torn": 0.07}), "DAT111"),
    remark("files_torn_few", "a folder of pictures: two files are cut off", PICTURES.having(flaws={"torn": 0.006}), "DAT111"),
    fault("parity_all", "the parity of twenty bits, of which a small net learns nothing", RIDDLE.having(data="riddle_short"), RIDDLE, "OPT103", "GEN103", allowed=("OPT104", "OPT109")),
    fault("loss_cold", "the outputs are divided by 100000 before the cross entropy", DIGITS, DIGITS.having(flaws={"cold": 1e5}), "OPT103", "ARC107", "OPT102", allowed=("OPT104", "OPT109", "GEN103"), knobs=("loss", "lr")),
    fault("steps_too_short", "batch norm behind weights of a spread of 30: no step turns them", NORMED, NORMED.having(shape={"init": "normal:30"}), "OPT109", "OPT102", "ARC111", allowed=("OPT103", "OPT104", "GEN103", "ARC102"), knobs=("init", "lr")),
    fault("steps_too_short_tangle", "a table: AdamW at a rate of a ten millionth", TANGLE.having(optimizer="adamw", lr=3e-3), TANGLE.having(optimizer="adamw", lr=1e-7), "OPT109", "OPT102", allowed=("OPT103",), knobs=("lr",)),
)  # fmt: skip
