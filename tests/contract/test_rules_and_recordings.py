"""Every rule is fired by a recorded run: a real training, or, where it says so, one with a number that had to be told."""

import pytest

from rules.catalogue import all_rules
from tests.runs.recording import about, appearances, judge

FIRED_BY = {
    "ARC101": "gradient_vanishes",
    "ARC102": "gradient_explodes",
    "ARC103": "units_dead",
    "ARC104": "units_saturated",
    "ARC105": "units_equal",
    "ARC106": "softmax_twice",
    "ARC107": "loss_absolute",
    "ARC108": "logits_cut_off",
    "ARC109": "loss_of_all_pairs",
    "ARC110": "target_far",
    "ARC111": "weights_wild",
    "ARC112": "net_straight",
    "ARC113": "inputs_blind",
    "DAT101": "classes_rare",
    "DAT102": "labels_some_wrong",
    "DAT103": "table_messy",
    "DAT104": "inputs_unscaled",
    "DAT105": "table_messy",
    "DAT106": "table_messy",
    "DAT107": "table_messy",
    "DAT108": "table_messy",
    "DAT109": "data_few",
    "DAT110": "order_sorted",
    "DAT111": "images_broken",
    "DAT112": "labels_random",
    "DAT113": "labels_move",
    "DAT114": "loader_repeats",
    "DAT115": "examples_broken",
    "DAT116": "validation_raw",
    "DEV101": "precision_full",
    "DEV102": "precision_full",
    "DEV103": "batch_small",
    "DEV104": "threads_many",
    "DEV109": "batch_small",
    "GEN101": "data_few",
    "GEN102": "labels_some_wrong",
    "GEN103": "net_too_small",
    "GEN104": "healthy_tiny_validation",
    "INP101": "loader_slow",
    "INP102": "workers_hurt",
    "INP103": "reads_slow",
    "INP104": "items_costly",
    "INP105": "cache_cold",
    "INP106": "items_uneven",
    "INP107": "cores_short",
    "INP108": "lock_held",
    "MEM101": "memory_nearly_full",
    "MEM103": "graphs_kept",
    "MEM102": "memory_runs_out",
    "NUM101": "rate_explodes",
    "NUM102": "rate_diverges",
    "NUM103": "rate_jumps",
    "NUM105": "loss_without_floor",
    "NUM106": "loss_summed",
    "NUM104": "gradients_kept",
    "OPT101": "rate_stuck",
    "OPT102": "rate_low",
    "OPT103": "labels_random",
    "OPT104": "labels_some_wrong",
    "OPT105": "metric_swings",
    "OPT106": "no_warm_up",
    "OPT107": "decay_high",
    "OPT108": "layers_forgotten",
    "OPT109": "rate_low",
    "OPT110": "norms_outrun",
    "OPT111": "rate_jumps",
    "OPT112": "clip_tiny",
    "OPT113": "batch_whole",
    "OPT114": "momentum_long",
    "OPT115": "words_rare",
    "RUN101": "evaluates_often",
    "RUN102": "checkpoints_often",
    "RUN103": "batch_small",
    "RUN104": "dropout_always",
    "RUN106": "stands_still",
    "SIZ101": "healthy_sgd",
}
"""One recording of each rule, the plainest where several fire it."""

TOLD = {"memory_nearly_full"}
"""Recordings with a number that no machine without an accelerator can give; their run.json says which."""


def test_every_rule_that_is_acted_on_has_a_recording() -> None:
    assert set(FIRED_BY) == {rule.code for rule in all_rules() if rule.state == "ready"}


@pytest.mark.parametrize(("code", "name"), FIRED_BY.items())
def test_a_recorded_run_fires_the_rule(code: str, name: str) -> None:
    entries, _ = judge(name)
    assert code in dict(appearances(entries))


def test_a_told_number_is_marked() -> None:
    assert {name for name in FIRED_BY.values() if "not_measured" in about(name)} == TOLD
