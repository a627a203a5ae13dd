"""The knob catalogue: what may change in a running job, when it turns, and what that means for the mathematics.

A knob has the name of its `train.` configuration key, so the final knobs are a configuration again.
No torch is imported here: the catalogue travels with the trainer's first event.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

KnobValue = bool | int | float | str
"""What a knob can hold. Booleans come first: `true` must not become 1."""

Turns = Literal["live", "reload", "restart"]
"""Live: from the next step. Reload: at a loader rebuild that keeps its place. Restart: by checkpoint, stop, start."""

KnobEffect = Literal["free", "same_mathematics", "other_rounding", "changes_learning"]


class KnobError(Exception):
    """A knob cannot take that value; the text says why."""


class Knob(BaseModel):
    """One knob: its value now, what it may become, and what turning it changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    value: KnobValue
    turns: Turns
    effect: KnobEffect
    low: float | None = None
    high: float | None = None
    choices: tuple[KnobValue, ...] = ()
    unavailable: str = ""
    """Why the knob cannot be turned in this run; empty when it can."""

    def check(self, value: KnobValue) -> KnobValue:
        """Return `value` in the knob's own type.

        Raises:
            KnobError: when the knob cannot be turned here, or not to that value.
        """
        if self.unavailable:
            raise KnobError(f"{self.name} cannot be turned here: {self.unavailable}")
        if self.choices and value not in self.choices:
            raise KnobError(f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}")
        fitted = _fit(self, value)
        if isinstance(fitted, int | float) and not isinstance(fitted, bool):
            if self.low is not None and fitted < self.low:
                raise KnobError(f"{self.name} must be at least {self.low:g}, not {value!r}")
            if self.high is not None and fitted > self.high:
                raise KnobError(f"{self.name} must be at most {self.high:g}, not {value!r}")
        return fitted


def _fit(knob: Knob, value: KnobValue) -> KnobValue:
    match knob.value:
        case bool():
            fits = isinstance(value, bool)
        case int():
            fits = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
            return int(value) if fits else _refuse(knob, value)
        case float():
            fits = isinstance(value, int | float) and not isinstance(value, bool) and value == value
            return float(value) if fits else _refuse(knob, value)
        case _:
            fits = isinstance(value, str)
    return value if fits else _refuse(knob, value)


def _refuse(knob: Knob, value: KnobValue) -> KnobValue:
    raise KnobError(f"{knob.name} takes {_KINDS[type(knob.value)]}, not {value!r}")


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


class KnobSpec(BaseModel):
    """What is true of a knob in every run."""

    model_config = ConfigDict(frozen=True)

    turns: Turns
    effect: KnobEffect
    low: float | None = None
    high: float | None = None
    choices: tuple[KnobValue, ...] = ()


SPECS: dict[str, KnobSpec] = {
    "lr": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=1e4),
    "schedule": KnobSpec(turns="live", effect="changes_learning", choices=("constant", "step", "cosine", "one-cycle")),
    "warmup": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=0.5),
    "optimizer": KnobSpec(
        turns="live",
        effect="changes_learning",
        choices=("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"),
    ),
    "momentum": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=0.9999),
    "beta2": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=0.99999),
    "weight_decay": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=10.0),
    "clip": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=1e9),
    "batch_size": KnobSpec(turns="reload", effect="changes_learning", low=1),
    "micro_batch": KnobSpec(turns="live", effect="other_rounding", low=0),
    "replicas": KnobSpec(turns="live", effect="other_rounding", low=1),
    "amp": KnobSpec(turns="live", effect="other_rounding", choices=("off", "auto", "bf16", "fp16")),
    "tf32": KnobSpec(turns="live", effect="other_rounding"),
    "augment": KnobSpec(turns="live", effect="changes_learning"),
    "augment_strength": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=1.0),
    "dropout": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=0.9),
    "label_smoothing": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=0.5),
    "loss": KnobSpec(turns="live", effect="changes_learning", choices=("own", "standard")),
    "class_weights": KnobSpec(turns="live", effect="changes_learning", choices=("none", "sqrt", "balanced")),
    "logit_adjustment": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=2.0),
    "focal": KnobSpec(turns="live", effect="changes_learning", low=0.0, high=5.0),
    "shuffle": KnobSpec(turns="reload", effect="changes_learning"),
    "sampler": KnobSpec(turns="reload", effect="changes_learning", choices=("none", "sqrt", "balanced")),
    "standardise": KnobSpec(turns="live", effect="changes_learning"),
    "scale_targets": KnobSpec(turns="live", effect="changes_learning"),
    "ema": KnobSpec(turns="live", effect="free", low=0.0, high=0.99999),
    "activation": KnobSpec(
        turns="restart",
        effect="changes_learning",
        choices=("own", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh"),
    ),
    "init": KnobSpec(
        turns="restart", effect="changes_learning", choices=("own", "he", "xavier", "orthogonal", "torch")
    ),
    "norm": KnobSpec(turns="restart", effect="changes_learning", choices=("own", "batch", "layer")),
    "residual": KnobSpec(turns="restart", effect="changes_learning"),
    "output": KnobSpec(turns="restart", effect="changes_learning", choices=("own", "none")),
    "early_stop": KnobSpec(turns="live", effect="free"),
    "workers": KnobSpec(turns="reload", effect="same_mathematics", low=0, high=64),
    "prefetch": KnobSpec(turns="reload", effect="same_mathematics", low=1, high=64),
    "cache": KnobSpec(turns="reload", effect="same_mathematics"),
    "channels_last": KnobSpec(turns="live", effect="other_rounding"),
    "compile": KnobSpec(
        turns="live", effect="other_rounding", choices=("off", "default", "max-autotune-no-cudagraphs")
    ),
    "activation_checkpointing": KnobSpec(turns="live", effect="same_mathematics"),
    "threads": KnobSpec(turns="live", effect="same_mathematics", low=1, high=1024),
    "async_checkpoints": KnobSpec(turns="live", effect="same_mathematics"),
    "eval_every": KnobSpec(turns="live", effect="same_mathematics", low=0.01, high=1000.0),
}
"""Every knob of the house. One that a run lacks is in its catalogue too, with the reason why it cannot be turned.

`micro_batch` and `replicas` are other rounding for a net without batch norm only (each process has the statistics of its
own share); with it the trainer's catalogue says that they change learning, and how many `replicas` this machine has devices
for. `workers`, `prefetch` and `cache` keep the mathematics because each fetch is seeded by its batch. A `cache` of
items whose transforms draw random numbers keeps the decoded item and runs those transforms afresh.
"""


def catalogue(
    values: dict[str, KnobValue], unavailable: dict[str, str], effects: dict[str, KnobEffect] | None = None
) -> tuple[Knob, ...]:
    """Return the catalogue of a run from its values and the reasons for what cannot be turned."""
    return tuple(
        Knob(
            name=name,
            value=values[name],
            turns=spec.turns,
            effect=(effects or {}).get(name, spec.effect),
            low=spec.low,
            high=spec.high,
            choices=spec.choices,
            unavailable=unavailable.get(name, ""),
        )
        for name, spec in SPECS.items()
    )
