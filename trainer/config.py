"""What a run is asked to do: the configuration file, its keys and their meaning.

No torch is imported here: the command line reads a configuration before anything heavy is loaded.
`advisor config --explain` prints the descriptions of this file; there is no other documentation of the keys.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator


class ConfigError(Exception):
    """The configuration cannot be used; the text says which key and what to do."""


Optimizer = Literal["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "step", "cosine", "one-cycle"]
Amp = Literal["off", "auto", "bf16", "fp16"]
ClassWeights = Literal["none", "sqrt", "balanced"]
Sampler = Literal["none", "sqrt", "balanced"]
Mode = Literal["watch", "advise", "auto"]


def spared_twice(compile_mode: str, activation_checkpointing: bool) -> str:
    """Return why compiling and computing activations again cannot be had together; nothing where they can."""
    if compile_mode == "off" or not activation_checkpointing:
        return ""
    return (
        "a compiled pass decides itself what it computes again, so activation_checkpointing is for passes that are not"
    )


def weighed_twice(class_weights: str, sampler: str, logit_adjustment: float = 0.0) -> str:
    """Return why these class weights, this sampler and this adjustment cannot be had together; nothing where they can."""
    if logit_adjustment and (class_weights, sampler) != ("none", "none"):
        return f"logit_adjustment {logit_adjustment:g} evens out the classes: class_weights and sampler would do it a second time"
    if "none" in (class_weights, sampler) or "balanced" not in (class_weights, sampler):
        return ""
    return f"class_weights {class_weights!r} would weigh the rare classes a second time, beyond balance"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataConfig(_Section):
    """Where the examples come from and how they are split."""

    source: str = Field("", description="sklearn:NAME, idx:FOLDER, images:FOLDER or csv:FILE; paths start at this file")
    target: str = Field("", description="csv: the column to predict")
    val_fraction: float = Field(0.2, gt=0, lt=1, description="share held out for validation where no split is given")
    test_fraction: float = Field(
        0.2, ge=0, lt=1, description="share held out for the final test; no trial ever sees it"
    )
    split_seed: int = Field(0, description="seed of the split; the run's own seed does not move it")
    size: int = Field(0, ge=0, description="images: side in pixels after resizing; 0 keeps the size of the first image")
    channels: Literal[0, 1, 3] = Field(0, description="images: 1 grey, 3 colour, 0 as the first image has it")
    transforms: tuple[str, ...] = Field(
        (), description="images: per-item transforms in order, e.g. ['rotate:10', 'crop:2', 'flip', 'blur:1']"
    )
    standardise: bool = Field(True, description="scale inputs by the mean and spread of the training split")
    limit: int = Field(0, ge=0, description="use only the first so many examples after a seeded shuffle; 0 = all")
    rare: dict[str, float] = Field(
        default_factory=dict, description="keep only this share of a class in the training split, e.g. {'7' = 0.04}"
    )


class ModelConfig(_Section):
    """Which network is trained."""

    name: str = Field("mlp", description="linear, mlp, cnn, resnet or torchvision:NAME (needs the vision extra)")
    hidden: tuple[int, ...] = Field((128, 64), description="mlp: width of each hidden layer")
    width: int = Field(32, gt=0, description="cnn, resnet: channels of the first stage")
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "none"] = Field(
        "relu", description="activation function of the built-in models"
    )
    init: Literal["default", "he", "xavier"] = Field("default", description="initialisation of the built-in models")
    norm: bool = Field(True, description="cnn, resnet: batch norm after each convolution")
    pretrained: bool = Field(False, description="torchvision: start from published weights (downloads them)")


class TrainConfig(_Section):
    """How it is trained; a knob of the same name can change most of these while the run goes on."""

    epochs: float = Field(10, gt=0, description="passes over the training split")
    batch_size: int = Field(64, gt=0, description="examples behind one optimizer step")
    micro_batch: int = Field(0, ge=0, description="examples on the device at once; the rest is accumulated; 0 = all")
    replicas: int = Field(
        1,
        ge=1,
        description="processes that share each batch, each on a GPU (or core) of its own; 1 = the trainer alone",
    )
    lr: float = Field(3e-4, ge=0, description="base learning rate, before schedule and warm-up")
    optimizer: Optimizer = Field("adamw", description="sgd, momentum, nesterov, adam, adamw or rmsprop")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum, nesterov, rmsprop: the momentum")
    beta2: float = Field(0.999, ge=0, lt=1, description="adam, adamw: decay of the second moment")
    weight_decay: float = Field(
        0.05, ge=0, description="decay of weights, not of biases and norms; left out: 0.05 with adamw, else 0"
    )
    schedule: Schedule = Field("cosine", description="constant, step, cosine or one-cycle, counted in samples")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the run over which the rate rises linearly")
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0 = no clipping")
    amp: Amp = Field("off", description="mixed precision: off, auto, bf16 or fp16 (true = auto, false = off)")
    tf32: bool = Field(
        False,
        description="CUDA: multiply fp32 matrices with 10 bits of mantissa (TF32) instead of 23; left out: as torch has it",
    )
    augment: bool = Field(False, description="images: augment on the batch, on the device")
    augment_strength: float = Field(0.5, ge=0, le=1, description="images: strength of the augmentation, 0 to 1")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the built-in models (and of a model that has any)")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes")
    class_weights: ClassWeights = Field("none", description="weights of the loss: none, sqrt or balanced")
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        le=2,
        description="times the log frequency of each class that the loss adds to its output; 1 = all classes alike, 0 = none",
    )
    focal: float = Field(
        0.0,
        ge=0,
        le=5,
        description="focal loss: each loss times (1 - p)^focal, p the probability of the right class; 0 = none",
    )
    shuffle: bool | None = Field(
        None, description="a new order in every epoch; left out: as the task's own loader has it, else true"
    )
    sampler: Sampler = Field(
        "none",
        description="draw examples with replacement, rare classes more often: none, sqrt or balanced (all alike)",
    )
    loss: Literal["own", "standard"] = Field(
        "own",
        description="standard: cross entropy for classes, squared error for numbers, in place of a task's own loss",
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay per step of a running mean of the weights, which is judged and kept; 0 = none",
    )
    activation: Literal["own", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = Field(
        "own", description="replace the hidden activation functions of any model; own = leave them"
    )
    init: Literal["own", "he", "xavier", "orthogonal", "torch"] = Field(
        "own",
        description="draw the initial weights of any model anew; torch: as PyTorch's own layers do; own = leave them",
    )
    norm: Literal["own", "batch", "layer"] = Field(
        "own", description="put a normalisation behind each hidden layer of any model that has none; own = leave it"
    )
    residual: bool = Field(False, description="add a shortcut around each hidden layer that keeps its width")
    output: Literal["own", "none"] = Field(
        "own", description="none: take a softmax, sigmoid, tanh or ReLU away from behind the last layer"
    )
    standardise: bool = Field(
        False, description="let any model standardise its inputs by the training split: mean 0, spread 1"
    )
    scale_targets: bool = Field(
        False,
        description="a regression: learn in spreads about the mean of the training targets; outputs keep their unit",
    )
    early_stop: bool = Field(False, description="stop when the validation metric has stopped improving")
    workers: int = Field(0, ge=0, description="loader processes; 0 = in the trainer")
    prefetch: int = Field(2, ge=1, description="batches each worker prepares ahead")
    cache: bool = Field(
        False, description="keep decoded items in memory (needs room: at most a quarter of free memory)"
    )
    channels_last: bool = Field(False, description="images: memory layout that convolutions may prefer")
    compile: Literal["off", "default", "max-autotune-no-cudagraphs"] = Field(
        "off", description="torch.compile the forward and backward pass in this mode: minutes at first, faster later"
    )
    activation_checkpointing: bool = Field(
        False,
        description="keep less of a model's repeated blocks for the backward pass, and compute it again there: less memory, "
        "more time",
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    threads: int = Field(0, ge=0, description="CPU threads of the trainer; 0 = torch's own choice")
    seed: int = Field(0, ge=0, description="seed of initialisation, order, dropout and augmentation")
    deterministic: bool = Field(False, description="only algorithms that repeat to the bit")
    eval_every: float = Field(1.0, gt=0, description="epochs between two evaluations")
    checkpoint_every: float = Field(
        0.0, ge=0, description="epochs between numbered checkpoints; 0 = only best and last"
    )
    async_checkpoints: bool = Field(
        False,
        description="write checkpoints from a copy while the training goes on: memory for one more copy on the host",
    )
    memory_limit: float = Field(
        0.0,
        ge=0,
        description="test aid, CPU only: MiB of a simulated device. Parameters, gradients, optimizer state and whatever "
        "the kernels of a step or an evaluation make are counted while they live, and the kernel whose result does not "
        "fit raises out-of-memory, in the middle of forward, backward or update; 0 = none",
    )

    @model_validator(mode="before")
    @classmethod
    def _decay_of_the_optimizer(cls, given: Any) -> Any:
        """0.05 suits decoupled decay (AdamW); added to the gradient of the others it stops a small net from learning."""
        if isinstance(given, dict) and "weight_decay" not in given and given.get("optimizer", "adamw") != "adamw":
            return {**given, "weight_decay": 0.0}
        return given

    @field_validator("amp", mode="before")
    @classmethod
    def _amp_as_switch(cls, value: Any) -> Any:
        return {True: "auto", False: "off"}.get(value, value) if isinstance(value, bool) else value

    @field_validator("class_weights", mode="before")
    @classmethod
    def _class_weights_as_switch(cls, value: Any) -> Any:
        return {True: "sqrt", False: "none"}.get(value, value) if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _spared_once(self) -> Self:
        if why := spared_twice(self.compile, self.activation_checkpointing):
            raise ValueError(f"train.activation_checkpointing: {why}: leave one of them out")
        return self

    @model_validator(mode="after")
    def _weighed_once(self) -> Self:
        if why := weighed_twice(self.class_weights, self.sampler, self.logit_adjustment):
            knob = "logit_adjustment" if self.logit_adjustment else f"sampler {self.sampler!r}"
            raise ValueError(f"train.{knob}: {why}: leave one of them out")
        return self

    @field_validator("schedule", mode="before")
    @classmethod
    def _schedule_spelling(cls, value: Any) -> Any:
        return "one-cycle" if value in ("onecycle", "one_cycle", "1cycle") else value


class AdvisorConfig(_Section):
    """How far the advisor may go."""

    mode: Mode | None = Field(None, description="watch, advise or auto; left out: advise in the UI, auto headless")
    budget: float = Field(0.10, ge=0, le=1, description="share of the run that all trials together may cost")
    mute: tuple[str, ...] = Field((), description="rule codes that are not assessed")
    compress: bool = Field(True, description="try pruning and INT8 on the finished model")
    compress_loss: float = Field(0.01, ge=0, le=1, description="loss of the metric that compression may cost")


class TaskConfig(_Section):
    """The user's own task."""

    factory: str = Field(
        "", description="path/to/file.py:function that returns a trainer.Task; replaces data and model"
    )


class RunConfig(_Section):
    """Where the run is kept."""

    dir: str = Field("", description="the run's own folder; left out: runs/<time>_<name>")


class Config(_Section):
    """A whole configuration: one TOML file."""

    data: DataConfig = Field(default_factory=DataConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    advisor: AdvisorConfig = Field(default_factory=AdvisorConfig)
    task: TaskConfig = Field(default_factory=TaskConfig)
    run: RunConfig = Field(default_factory=RunConfig)

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if not self.data.source and not self.task.factory:
            raise ValueError("nothing to train on: set data.source (for example 'sklearn:digits') or task.factory")
        if self.data.source and self.task.factory:
            raise ValueError("data.source and task.factory exclude each other: keep one")
        if self.data.val_fraction + self.data.test_fraction >= 1:
            raise ValueError("data.val_fraction + data.test_fraction leave nothing to train on: make them smaller")
        if self.train.micro_batch > self.train.batch_size:
            raise ValueError("train.micro_batch is larger than train.batch_size: make it smaller, or 0")
        return self


def keys() -> dict[str, type[_Section]]:
    """Return every section name with its model, in the order of the file."""
    return {name: field.annotation for name, field in Config.model_fields.items()}  # type: ignore[misc]


def parse(raw: dict[str, Any], source: str) -> Config:
    """Validate a configuration that was read from `source`.

    Raises:
        ConfigError: on the first fault, as one line; an unknown key comes with the nearest right one.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as invalid:
        raise ConfigError(f"{source}: {_one_line(invalid)}") from None


def read(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read a TOML file and lay `section.key=value` overrides over it.

    `data.source` and `task.factory` come back absolute: relative paths start at the file's folder, those of an
    override at the working directory.

    Raises:
        ConfigError: when the file or an override cannot be used.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file: give the path of a TOML configuration") from None
    except (IsADirectoryError, PermissionError, UnicodeDecodeError) as unreadable:
        raise ConfigError(f"{path}: cannot be read as a TOML file ({unreadable.__class__.__name__})") from None
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{path}: not valid TOML: {broken}") from None
    _absolute(raw, path.resolve().parent)
    for override in overrides:
        _lay_over(raw, override)
    return parse(raw, str(path))


def amend(config: Config, overrides: tuple[str, ...]) -> Config:
    """Lay `section.key=value` overrides over a configuration; relative paths start at the working directory.

    Raises:
        ConfigError: when an override cannot be used.
    """
    raw = config.model_dump(mode="json")
    for override in overrides:
        _lay_over(raw, override)
    return parse(raw, "--set")


def _lay_over(raw: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (sign and dot and section and name):
        raise ConfigError(f"--set {override}: write it as section.key=value, for example --set train.lr=0.1")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = raw.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"--set {override}: {section!r} is no section")
    laid = {section: {name: value}}
    _absolute(laid, Path.cwd())
    table[name] = laid[section][name]
    other = {("data", "source"): ("task", "factory"), ("task", "factory"): ("data", "source")}.get((section, name))
    if other and value and isinstance(raw.get(other[0]), dict):
        raw[other[0]].pop(other[1], None)


def _absolute(raw: dict[str, Any], folder: Path) -> None:
    """Make the paths of a raw configuration absolute, starting at `folder`."""
    data, task, run = (raw.get(section) for section in ("data", "task", "run"))
    if isinstance(data, dict) and isinstance(data.get("source"), str):
        kind, colon, place = data["source"].partition(":")
        if colon and kind != "sklearn":
            data["source"] = f"{kind}:{folder / Path(place).expanduser()}"
    if isinstance(task, dict) and isinstance(task.get("factory"), str) and task["factory"]:
        task["factory"] = str(folder / Path(task["factory"]).expanduser())
    if isinstance(run, dict) and isinstance(run.get("dir"), str) and run["dir"]:
        run["dir"] = str(folder / Path(run["dir"]).expanduser())


def _one_line(invalid: ValidationError) -> str:
    error = invalid.errors(include_url=False)[0]
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(place)
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not place or isinstance(error["input"], dict):  # what is wrong between two keys names them itself
        return message
    return f"{place}: {message} (it is {error['input']!r})"


def _unknown(place: str) -> str:
    known = [f"{section}.{key}" for section, model in keys().items() for key in model.model_fields]
    near = difflib.get_close_matches(place, known, n=1, cutoff=0.0 if "." in place else 0.6)
    if "." not in place:
        near = difflib.get_close_matches(place, list(keys()), n=1) or near
    return f"unknown key {place!r}" + (f": did you mean {near[0]!r}?" if near else "")
