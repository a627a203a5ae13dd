"""Everything a run needs is built from its configuration: data, model, loss and metrics, tried on a few examples.

A mistake of the user's is found here, before step 0, and told in one line.
"""

from dataclasses import dataclass
from math import nan
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from trainer.config import Config
from trainer.data.own import open_task
from trainer.data.place import store_of
from trainer.data.source import DataError, Source, Split, open_source
from trainer.factory import FactoryError, open_factory, seed_all, their_error
from trainer.knobs import KnobValue
from trainer.metrics import Metrics
from trainer.models.build import ModelError, build_model
from trainer.models.layers import dropout_rates, in_target_units, set_dropout
from trainer.stepping.objective import Objective
from trainer.stepping.recomputing import NO_BLOCKS, names_of
from trainer.surgery import standardise, surgery, target_scale
from trainer.surgery.surgery import Operation, SurgeryError
from trainer.task import Task
from trainer.tryout import NOWHERE, TRIED_METRIC_EXAMPLES, Tried, TryoutError, try_metrics, try_out
from trainer.user_metrics import MetricError
from trainer.watching.drawn import frozen_as_drawn
from trainer.words import ModelInfo, TaskInfo

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class SetupError(Exception):
    """The run cannot start: a mistake in the configuration or in the user's task; the text is one line that says it."""


@dataclass
class Setup:
    """A run that is ready for its device."""

    info: TaskInfo
    model: nn.Module
    """On the CPU, initialised under the run's seed."""
    model_info: ModelInfo
    source: Source
    objective: Objective
    metrics: Metrics
    optimizer: Any
    """The user's own: a ready optimizer, a function from the model to one, or nothing."""
    build: dict[str, Any]
    """How to build the model again, as JSON types: what `trainer.export` writes beside the weights."""
    operated: tuple[Operation, ...]
    """What the knobs of model surgery have changed of the model."""
    unavailable: dict[str, str]
    """Knob → why it cannot turn in this run."""
    dropout: float
    """The rate that the model starts with; 0 where it has no dropout layer."""
    class_counts: tuple[int, ...]
    """Examples of each class in the training split; empty where they are not known."""
    made_s: float = 0.0
    """Seconds that the factory took to make the network, without what is imported only once."""


class SharedModel(Exception):
    """The user's factory gives one model object, however often it is called: there is no second one to train beside it."""


def build(config: Config) -> Setup:
    """Build model, data, loss and metrics, and try them on a few examples. The random generators are left seeded anew.

    Raises:
        SetupError: on the user's first mistake.
    """
    seed_all(config.train.seed)
    try:
        setup = _own(config) if config.task.factory else _named(config)
        _refuse_unfit(setup, config)
    except (DataError, ModelError, MetricError, FactoryError, TryoutError, SurgeryError) as mistake:
        raise SetupError(str(mistake)) from mistake
    seed_all(config.train.seed)
    return setup


def build_again(config: Config, setup: Setup) -> Setup:
    """Build the network of a run once more, with other knobs of surgery, for its data that are open already.

    The same seed draws the same weights, wherever in a run it happens. The random generators are left seeded anew.

    Args:
        config: Of the run, with the knobs of surgery as they are to be.
        setup: Of the run as it is: its data, metrics and description of the task are taken over.

    Raises:
        SetupError: when the network cannot be built so.
        SharedModel: when the user's factory gives no other model object than the one in training.
    """
    seed_all(config.train.seed)
    try:
        made = _own(config, setup) if config.task.factory else _named(config, setup)
    except (ModelError, FactoryError, TryoutError, SurgeryError) as mistake:
        raise SetupError(str(mistake)) from mistake
    seed_all(config.train.seed)
    return made


def _named(config: Config, known: Setup | None = None) -> Setup:
    source = known.source if known else open_source(config)
    begun = perf_counter()
    outputs = len(source.classes) if source.kind == "classification" else _columns(source.train)
    seed_all(config.train.seed)
    try:
        model = build_model(config.model, config.train.dropout, source.input_shape, outputs)
    except (ValueError, RuntimeError, TypeError) as error:
        raise SetupError(f"model.name: {config.model.name} cannot be built: {type(error).__name__}: {error}") from error
    variance = None
    if source.kind == "regression":
        mean, variance = _target_moments(source.train)
        model = in_target_units(model, mean, variance.sqrt())
    how = {
        "how": "named",
        "model": config.model.model_dump(mode="json") | {"pretrained": False},
        "input_shape": list(source.input_shape),
        "outputs": outputs,
        "target_scale": variance is not None,
    }
    objective = Objective(source.kind, None, _class_counts(source), variance)
    return _assemble(config, source, model, objective, how, perf_counter() - begun)


def _own(config: Config, known: Setup | None = None) -> Setup:
    factory = open_factory(config.task.factory, config.train.seed)
    begun = perf_counter()
    task = factory()
    made_s = perf_counter() - begun
    if known is not None:
        _refuse_shared(task.model, known.model)
    folder = Path(config.task.factory.rpartition(":")[0]).expanduser().resolve().parent
    try:
        source = known.source if known else open_task(task, config)
    except DataError:
        raise
    except Exception as error:
        raise SetupError(f"task.factory: reading the data fails: {their_error(error, folder)}") from error
    if config.train.dropout:
        set_dropout(task.model, config.train.dropout)
    how = {"how": "factory", "factory": config.task.factory, "seed": config.train.seed}
    objective = Objective(source.kind, task.loss, _class_counts(source))
    return _assemble(config, source, task.model, objective, how, made_s, task, folder)


def _refuse_shared(model: nn.Module, other: nn.Module) -> None:
    known = {id(part) for part in (*other.modules(), *other.parameters())}
    if any(id(part) in known for part in (*model.modules(), *model.parameters())):
        raise SharedModel("the task's factory returns the model that is being trained")


def _assemble(
    config: Config,
    source: Source,
    model: nn.Module,
    objective: Objective,
    how: dict[str, Any],
    made_s: float,
    task: Task | None = None,
    folder: Path = NOWHERE,
) -> Setup:
    if config.train.batch_size > source.train.examples:
        raise SetupError(
            f"train.batch_size is {config.train.batch_size}, but the training split has {source.train.examples} "
            f"examples: make it at most {source.train.examples}"
        )
    counts = _class_counts(source)
    objective.unavailable |= _foreign_targets(source, objective)
    metrics = Metrics(source.kind, len(source.classes), counts, task.metrics if task else ())
    name = config.model.name if task is None else "the model"
    tried = try_out(source, model, objective, folder, name)
    operated, whole = _operate(config, model, tried, objective, task)
    if operated:
        tried = try_out(source, model, objective, folder, f"{name}, operated as asked,")
    output_shape = tried.output_shape
    targets = source.val.targets
    baseline = guess = (nan, nan)
    constant = nan
    if targets is not None:
        try_metrics(metrics, targets[:TRIED_METRIC_EXAMPLES], output_shape)
    if source.train.targets is not None and targets is not None:
        baseline = metrics.baseline(objective, source.train.targets, targets, output_shape)
        guess = metrics.baseline(objective, source.train.targets, source.train.targets, output_shape)
        constant = metrics.best_constant(source.train.targets, targets, output_shape)
    standard = nan
    if "loss" not in objective.unavailable:
        objective.unavailable |= _no_standard_loss(source, tried)
    if "loss" not in objective.unavailable and source.train.targets is not None:
        objective.standard = True
        standard = metrics.baseline(objective, source.train.targets, source.train.targets, output_shape)[1]
        objective.standard = False
    rates = dropout_rates(model)
    setup = Setup(
        info=TaskInfo(
            kind=source.kind,
            classes=source.classes,
            inputs=source.inputs,
            input_shape=source.input_shape,
            train_examples=source.train.examples,
            val_examples=source.val.examples,
            test_examples=source.test.examples if source.test else 0,
            metric=metrics.main,
            higher_is_better=metrics.higher_is_better,
            baseline_metric=baseline[0],
            baseline_loss=baseline[1],
            baseline_train_loss=guess[1],
            best_constant_metric=constant,
            baseline_standard_loss=standard,
            order_matters=source.train.order_matters,
            in_memory=source.train.tensors is not None,
            source=source.name,
            store=store_of(source.train.dataset),
        ),
        model=model,
        model_info=describe_model(
            model,
            config.model.name if task is None else type(model).__name__,
            tried.flops,
            tuple(call.place for call in tried.anatomy.straight),
        ),
        source=source,
        objective=objective,
        metrics=metrics,
        optimizer=task.optimizer if task else None,
        build=how | {"surgery": [operation.stored() for operation in operated]},
        operated=operated,
        unavailable={},
        dropout=rates[0] if rates else 0.0,
        class_counts=counts,
        made_s=made_s,
    )
    setup.unavailable = _unavailable(setup, rates) | whole
    if unfit := standardise.refusal(model, tried.inputs):
        setup.unavailable["standardise"] = unfit
    bent = tried.anatomy.bent_behind()
    if unfit := target_scale.refusal(model, objective, tried.output_shape, tried.targets, bent):
        setup.unavailable["scale_targets"] = unfit
    objective.class_weights = config.train.class_weights if "class_weights" not in setup.unavailable else "none"
    objective.label_smoothing = config.train.label_smoothing if "label_smoothing" not in setup.unavailable else 0.0
    objective.logit_adjustment = config.train.logit_adjustment if "logit_adjustment" not in setup.unavailable else 0.0
    objective.focal = config.train.focal if "focal" not in setup.unavailable else 0.0
    return setup


def _operate(
    config: Config, model: nn.Module, tried: Tried, objective: Objective, task: Task | None
) -> tuple[tuple[Operation, ...], dict[str, str]]:
    """Operate the model as the knobs ask; return what was done, and why which knob of surgery cannot turn on it."""
    why = surgery.unavailable(
        model,
        tried.anatomy,
        objective,
        has_norm=any(isinstance(module, NORMS) for module in model.modules()),
        pretrained=task is None and config.model.pretrained,
        held=task is not None and isinstance(task.optimizer, torch.optim.Optimizer),
    )
    wanted: dict[str, KnobValue] = {knob: getattr(config.train, knob) for knob in surgery.OWN}
    for knob, own in surgery.OWN.items():
        reason = why.get(knob, "") or (surgery.unfit(tried.anatomy, wanted[knob]) if knob == "norm" else "")
        if wanted[knob] != own and reason:
            raise SurgeryError(f"train.{knob}: {reason}: leave it out")
    planned = surgery.plan(model, tried.anatomy, wanted)
    surgery.operate(model, planned)
    return planned, why


def describe_model(
    model: nn.Module, name: str, forward_flops: float = 0.0, straight: tuple[str, ...] = ()
) -> ModelInfo:
    """Say of a network what rules need to know."""
    modules = list(model.named_modules())
    return ModelInfo(
        name=name,
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        layers=tuple(place for place, module in modules if any(p.ndim > 1 for p in module.parameters(recurse=False))),
        has_conv=any(isinstance(module, CONVOLUTIONS) for _, module in modules),
        has_norm=any(isinstance(module, NORMS) for _, module in modules),
        has_dropout=bool(dropout_rates(model)),
        frozen_as_drawn=frozen_as_drawn(model),
        straight=straight,
        forward_flops=forward_flops,
        blocks=names_of(model),
    )


def _columns(split: Split) -> int:
    """Return how many numbers the target of one example has."""
    assert split.targets is not None
    return max(1, split.targets[0].numel())


def _target_moments(split: Split) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the training targets, [K] each; a constant column has variance 1."""
    assert split.targets is not None
    targets = split.targets.double().reshape(len(split.targets), -1)
    variance = targets.var(0, correction=0)
    return targets.mean(0).float(), torch.where(variance > 0, variance, 1.0).float()


def _class_counts(source: Source) -> tuple[int, ...]:
    if source.kind != "classification" or source.train.targets is None or source.train.targets.ndim != 1:
        return ()
    return tuple(torch.bincount(source.train.targets.long(), minlength=len(source.classes)).tolist())


def _foreign_targets(source: Source, objective: Objective) -> dict[str, str]:
    """Refuse to weigh classes of targets that are no class numbers (another index is ignored, say)."""
    targets = source.train.targets
    if source.kind == "classification" and targets is not None and targets.ndim != 1:
        stuck = {"class_weights", "logit_adjustment", "focal"} - set(objective.unavailable)
        return dict.fromkeys(stuck, "the targets are no plain class numbers")
    return {}


def _no_standard_loss(source: Source, tried: Tried) -> dict[str, str]:
    """Say why the standard loss of its kind cannot be taken in place of the task's own; nothing where it can."""
    bent, targets = tried.anatomy.bent_behind(), source.train.targets
    if source.kind == "classification":
        fits = tried.output_shape == (len(source.classes),) and targets is not None and targets.ndim == 1
    else:
        fits = targets is not None and torch.Size(tried.output_shape).numel() == targets[0].numel()
    if not fits:
        return {
            "loss": f"outputs of shape {list(tried.output_shape)} are not one number for each class or target column"
        }
    if bent:
        return {"loss": f"the standard loss takes raw outputs, and a {bent[-1]} stands behind the last layer"}
    return {}


def _unavailable(setup: Setup, rates: tuple[float, ...]) -> dict[str, str]:
    """Say of each knob that this task, model or data cannot turn why that is so."""
    why = dict(setup.objective.unavailable)
    if setup.source.inputs != "image":
        why |= dict.fromkeys(("augment", "augment_strength"), "only images can be augmented")
    if setup.source.inputs != "image" or not any(isinstance(m, nn.Conv2d) for m in setup.model.modules()):
        why["channels_last"] = "only a network with 2-d convolutions on images has channels to lay last"
    if not rates:
        why["dropout"] = "the model has no dropout layer (nn.Dropout)"
    elif len(set(rates)) > 1:
        why["dropout"] = "the model's dropout layers have different rates: one number cannot stand for them"
    if not setup.model_info.blocks:
        why["activation_checkpointing"] = NO_BLOCKS
    if setup.source.train.order_matters:
        why |= dict.fromkeys(
            ("shuffle", "sampler"), "the task says that the order of its examples matters (order_matters)"
        )
    elif setup.source.kind != "classification":
        why["sampler"] = "only a classification has classes to draw more often"
    elif setup.source.train.labels is None:
        why["sampler"] = "the class of each training example is not known"
    if setup.info.in_memory:
        why |= dict.fromkeys(("workers", "prefetch", "cache"), "the data lie in memory: there is no loader")
    return why


def _refuse_unfit(setup: Setup, config: Config) -> None:
    """Refuse a configuration that asks for what this run cannot do."""
    train = config.train
    asked = {
        "augment": train.augment,
        "channels_last": train.channels_last,
        "activation_checkpointing": train.activation_checkpointing,
        "dropout": train.dropout > 0 and not setup.model_info.has_dropout,
        "class_weights": train.class_weights != "none",
        "logit_adjustment": train.logit_adjustment > 0,
        "focal": train.focal > 0,
        "label_smoothing": train.label_smoothing > 0,
        "loss": train.loss != "own",
        "shuffle": bool(train.shuffle),
        "sampler": train.sampler != "none",
        "standardise": train.standardise,
        "scale_targets": train.scale_targets,
    }
    for knob, wanted in asked.items():
        if wanted and knob in setup.unavailable:
            raise SetupError(f"train.{knob}: {setup.unavailable[knob]}: leave it out")
