"""Literal facts for the tests of rules: a healthy run in its middle, and what a test changes about it."""

from dataclasses import replace
from math import inf, nan
from typing import Any

from rules.facts import (
    AllocatorFacts,
    BranchFacts,
    ClassFacts,
    ColumnFact,
    CoolingFacts,
    DeviceFacts,
    Evaluation,
    Facts,
    FetcherFacts,
    FetchFacts,
    GradientFacts,
    Growth,
    GrowthFacts,
    HeldBackFacts,
    HostFacts,
    InputFacts,
    KnobFacts,
    LabelFacts,
    LayerFact,
    LayerFacts,
    LoaderFacts,
    LossFacts,
    MemoryFacts,
    ModelFacts,
    NeighbourFacts,
    OrderFacts,
    OutputFacts,
    PaceFacts,
    PhaseFacts,
    ProbeFacts,
    RateFacts,
    RunFacts,
    SplitFacts,
    StallFacts,
    StreamCheck,
    StreamFacts,
    TableFacts,
    TaskFacts,
    UtilisationFacts,
    ValidationFacts,
)
from rules.vocabulary import Finding, Rule, Value

KNOBS: dict[str, Value] = {
    "lr": 0.1,
    "schedule": "constant",
    "warmup": 0.0,
    "optimizer": "sgd",
    "momentum": 0.9,
    "beta2": 0.999,
    "weight_decay": 1e-4,
    "clip": 0.0,
    "batch_size": 64,
    "micro_batch": 0,
    "replicas": 1,
    "amp": "off",
    "tf32": False,
    "augment": False,
    "augment_strength": 0.5,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "logit_adjustment": 0.0,
    "focal": 0.0,
    "shuffle": True,
    "sampler": "none",
    "loss": "own",
    "standardise": False,
    "scale_targets": False,
    "early_stop": False,
    "ema": 0.0,
    "activation": "own",
    "init": "own",
    "norm": "own",
    "residual": False,
    "output": "own",
    "workers": 0,
    "prefetch": 2,
    "cache": False,
    "channels_last": False,
    "compile": "off",
    "activation_checkpointing": False,
    "threads": 2,
    "async_checkpoints": False,
    "eval_every": 1.0,
}
"""What the knobs hold unless a test says otherwise."""


def knobs(turnable: frozenset[str] = frozenset(KNOBS), **values: Value) -> KnobFacts:
    """Return the knobs with some values changed."""
    return KnobFacts(values={**KNOBS, **values}, turnable=turnable)


def evaluations(
    losses: list[float],
    metrics: list[float] | None = None,
    *,
    error: float = 0.01,
    every: int = 100,
    train: float = 0.2,
    train_metric: float = 0.95,
) -> ValidationFacts:
    """Return evaluations, one every `every` steps."""
    metrics = metrics or [0.9] * len(losses)
    return ValidationFacts(
        evaluations=tuple(
            Evaluation(every * (place + 1), loss, metric, error, train, train_metric)
            for place, (loss, metric) in enumerate(zip(losses, metrics, strict=True))
        ),
        higher_is_better=True,
    )


def layers(*grad_norms: float, dead: float = 0.1, saturated: float = 0.0, ratio: float = 1e-3) -> tuple[LayerFact, ...]:
    """Return layers with these gradient norms, from input to output."""
    return tuple(
        LayerFact(f"layer{place}", "Linear", norm, 1.0, ratio, dead, saturated) for place, norm in enumerate(grad_norms)
    )


def look(step: int, **changes: Any) -> StreamCheck:
    """Return what a healthy batch looks like where it enters the net."""
    wobble = 0.01 * (step % 3)
    usual = StreamCheck(
        step, mean=0.1 + wobble, std=1.0 - wobble, broken_share=0.0, alike=False, agreement=0.8 + wobble
    )
    return replace(usual, **changes)


def grows(of: str = "host", **changes: Any) -> Growth:
    """Return a memory that rises by half a mebibyte a step, on a machine with eight gibibytes to spare."""
    usual = Growth(
        of=of, bytes_per_step=512 << 10, grown_bytes=200 << 20, steps=400, ordered=True, limit_bytes=16 << 30,
        free_bytes=8 << 30, step_s=0.002,
    )  # fmt: skip
    return replace(usual, **changes)


HEALTHY: dict[str, Any] = {
    "run": RunFacts(step=500, steps_total=1000, epoch=5.0, steps_per_epoch=100, batch_size=64),
    "task": TaskFacts(
        kind="classification",
        inputs="image",
        classes=tuple("0123456789"),
        train_examples=6400,
        val_examples=1000,
        metric="accuracy",
        higher_is_better=True,
        baseline_metric=0.1,
        baseline_loss=2.3,
    ),
    "loss": LossFacts(
        at_start=2.4,
        now=0.3,
        best=0.29,
        best_step=490,
        fall_share=0.15,
        noise_share=0.2,
        above_best_steps=0,
        non_finite_steps=0,
        curve=((10, 2.3), (100, 1.0), (250, 0.5), (500, 0.3)),
        highest_early=2.6,
    ),
    "gradients": GradientFacts(at_start=2.0, now=1.0, p90=2.5, largest=4.0),
    "rate": RateFacts(set=0.1, held=0.1),
    "validation": evaluations([1.2, 0.8, 0.6, 0.5, 0.45], [0.6, 0.7, 0.8, 0.85, 0.9]),
    "layers": LayerFacts(layers=layers(0.2, 0.3, 0.5), checks=3, tensors=6),
    "outputs": OutputFacts(
        step=50,
        examples=64,
        shape=(10,),
        target_shape=(),
        behind=(),
        rms=1.2,
        first_rms=0.3,
        spread=0.9,
        zero_share=0.0,
        sums_to_one=False,
        reach_low=-inf,
        reach_high=inf,
        target_mean=nan,
        target_std=nan,
        target_low=nan,
        target_high=nan,
        loss=1.6,
        loss_kind="cross_entropy",
        loss_factor=1.0,
        floor_share=nan,
        sum_factor=1.0,
        pairing_share=1.0,
        target_use_share=1.0,
        order_share=0.0,
    ),
    "phases": PhaseFacts(
        step_s=0.002,
        step_p95_s=0.003,
        samples_per_s=32_000,
        evaluation_share=0.02,
        checkpoint_share=0.001,
        shares={
            "input_wait": 0.02,
            "to_device": 0.03,
            "forward": 0.3,
            "backward": 0.45,
            "optimizer": 0.1,
            "advisor": 0.005,
            "other": 0.095,
        },
    ),
    "loader": LoaderFacts(
        wait_share=0.02, wait_s=0.00004, fetch_s=0.001, workers=1, prefetch=2, cached=False, decoded_bytes=50 << 20
    ),
    "fetch": FetchFacts(median_s=0.001, p95_s=0.0012, first_s=0.001, last_s=0.001, store="ext4"),
    "fetcher": FetcherFacts(
        own_share=0.9,
        queued_share=0.03,
        asleep_share=0.07,
        others_share=0.0,
        read_bytes=64 * 2048.0,
        disk_bytes=0.0,
        read_calls=128.0,
    ),
    "host": HostFacts(
        cores=4, idle_cores=2.0, memory_bytes=16 << 30, memory_free_bytes=8 << 30, others_cores=0.1, io_stall_share=0.0
    ),
    "device": DeviceFacts(type="cpu", name="a processor", amp_dtypes=("bf16",), memory_bytes=16 << 30),
    "cooling": CoolingFacts(
        samples=30,
        heat_share=0.0,
        brake_share=0.0,
        capped_share=0.0,
        temperature_c=60.0,
        clock_share=0.98,
        power_limit_w=400.0,
    ),
    "held_back": HeldBackFacts(hot_share=0.0, quota_share=0.0, cores=4.0),
    "pace": PaceFacts(
        steps=500, slow=3, excess_share=0.01, excess_s=0.006, usual_s=0.002, worst_s=0.01, met={"waiting": 2, "work": 1}
    ),
    "stall": StallFacts(silent_s=0.0, usual_s=0.002),
    "neighbours": NeighbourFacts(devices=4, idle=0, looks=6),
    "utilisation": UtilisationFacts(
        busy_share=0.9, memory_share=0.5, power_w=200, temperature_c=60, throttled_share=0.0
    ),
    "memory": MemoryFacts(peak_bytes=1 << 30, peak_share=0.1, reserved_bytes=1 << 30, ran_out=0, micro_batch=64),
    "growth": GrowthFacts(growths=(grows(bytes_per_step=100.0, ordered=False),)),
    "allocator": AllocatorFacts(reserved_bytes=6 << 30, needed_bytes=5 << 30, memory_bytes=16 << 30),
    "classes": ClassFacts(counts=(640,) * 10, recalls=(0.9,) * 10),
    "order": OrderFacts(alike=0.1, by_chance=0.1, neighbours=6399, classes=True),
    "labels": LabelFacts(noise_share=0.01, suspects=5, epochs=5),
    "inputs": InputFacts(
        features=64,
        constant_features=3,
        missing_share=0.0,
        mean_abs=0.2,
        std_low=0.5,
        std_high=1.0,
        abs_max=9.0,
        association=60.0,
        association_examples=400,
    ),
    "table": TableFacts(columns=(ColumnFact("age", 0.0, 60, 1.0, 0.4),), examples=6400),
    "splits": SplitFacts(duplicate_share=0.0, conflicting_share=0.0, val_overlap_share=0.0, test_overlap_share=0.0),
    "stream": StreamFacts(
        first=tuple(look(step) for step in range(10, 101, 10)), later=tuple(look(step) for step in range(310, 501, 10))
    ),
    "model": ModelFacts(
        parameters=50_000, layers=3, has_conv=True, has_norm=False, has_dropout=True, evaluation_difference=0.0
    ),
    "knobs": knobs(),
    "probes": ProbeFacts(),
    "branch": BranchFacts(snapshots=(0, 200, 400)),
}
"""A run of 1000 steps of which half are done, and nothing is wrong with it."""


def situation(**changes: Any) -> dict[str, Any]:
    """Return the healthy run's groups with changes: a dict changes fields of its group, anything else replaces it."""
    changed = {
        name: replace(HEALTHY[name], **change) if isinstance(change, dict) else change
        for name, change in changes.items()
    }
    return {**HEALTHY, **changed}


def assessed(rule: Rule, changes: dict[str, Any]) -> Finding | None:
    """Return what a rule says about the healthy run with these changes."""
    groups = situation(**changes)
    return rule(**{name: groups[name] for name in rule.needs})


def missing_without(rule: Rule, group: str) -> tuple[str, ...]:
    """Return what the rule misses in facts that lack one group."""
    return Facts({name: facts for name, facts in HEALTHY.items() if name != group}).missing(rule.needs)
