"""Setting up a run: what is built, what is left as it was, and one clear line for each mistake."""

import random
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from trainer.config import Config, parse, read
from trainer.setup import Setup, SetupError, build


def config(**sections: dict[str, Any]) -> Config:
    if "task" not in sections:
        sections.setdefault("data", {"source": "sklearn:digits"})
    sections["train"] = {"batch_size": 16} | sections.get("train", {})
    return parse(sections, "test")


OWN = """
import numpy as np, torch
from sklearn.datasets import load_breast_cancer
from torch import nn
import trainer

X, y = load_breast_cancer(return_X_y=True)
X = ((X - X.mean(0)) / X.std(0)).astype("float32")

class Net(nn.Module):
    def __init__(self, outputs=2):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(30, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, outputs))
    def forward(self, x):
        return self.body(x)
"""


def own(folder: Path, code: str, name: str = "my_task.py") -> Config:
    (folder / name).write_text(textwrap.dedent(OWN) + textwrap.dedent(code))
    return config(task={"factory": f"{folder / name}:make_task"})


def mistake(folder: Path, code: str, name: str = "my_task.py") -> str:
    with pytest.raises(SetupError) as caught:
        build(own(folder, code, name))
    text = str(caught.value)
    assert "\n" not in text
    return text


# ------------------------------------------------------------------ by name


def test_digits_are_ready_to_train() -> None:
    setup = build(config(model={"name": "cnn"}))
    assert (setup.info.kind, setup.info.metric, setup.info.input_shape) == ("classification", "accuracy", (1, 8, 8))
    assert setup.info.baseline_loss == pytest.approx(np.log(10), abs=0.02)
    assert setup.info.baseline_metric == pytest.approx(0.1, abs=0.02)
    assert sum(setup.class_counts) == setup.info.train_examples
    assert setup.model_info.has_conv
    assert setup.model_info.has_norm
    assert setup.model_info.layers == ("conv1", "conv2", "conv3", "head")
    assert set(setup.unavailable) == {
            "workers", "prefetch", "cache", "norm", "residual", "output", "loss", "scale_targets"
        }  # fmt: skip


def test_forward_operations_are_those_of_the_layers() -> None:
    setup = build(config(model={"name": "mlp", "hidden": (32,)}))
    assert setup.model_info.forward_flops == 2 * (64 * 32 + 32 * 10)


def test_one_seed_gives_one_model_and_the_trial_run_leaves_no_trace() -> None:
    first, second = build(config(model={"name": "cnn"})), build(config(model={"name": "cnn"}))
    for (name, value), other in zip(first.model.state_dict().items(), second.model.state_dict().values(), strict=True):
        assert torch.equal(value, other), name
    buffers = dict(first.model.named_buffers())
    assert all(int(count) == 0 for name, count in buffers.items() if name.endswith("num_batches_tracked"))
    assert all(parameter.grad is None for parameter in first.model.parameters())


def test_setting_up_leaves_the_generators_where_the_seed_puts_them() -> None:
    build(config(train={"seed": 5}))
    drawn = (random.random(), float(np.random.random()), float(torch.rand(1)))
    build(config(model={"name": "resnet", "width": 4}, train={"seed": 5}))
    assert drawn == (random.random(), float(np.random.random()), float(torch.rand(1)))


def test_a_regression_starts_at_the_mean_of_its_target_and_its_loss_is_relative() -> None:
    setup = build(config(data={"source": "sklearn:diabetes"}))
    assert setup.source.train.tensors is not None
    inputs, targets = setup.source.train.tensors
    outputs = setup.model(inputs)
    assert float(outputs.detach().mean()) == pytest.approx(float(targets.mean()), rel=0.2)
    assert setup.info.baseline_loss == pytest.approx(1.0, abs=0.15)
    assert setup.info.baseline_metric == pytest.approx(0.0, abs=0.05)
    assert {"class_weights", "label_smoothing", "augment", "channels_last"} <= set(setup.unavailable)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        pytest.param({"model": {"name": "cnm"}}, "did you mean 'cnn'", id="unknown-model"),
        pytest.param(
            {"data": {"source": "sklearn:wine"}, "model": {"name": "cnn"}}, "cnn needs images", id="model-of-images"
        ),
        pytest.param({"data": {"source": "sklearn:digit"}}, "digits", id="unknown-set"),
        pytest.param({"train": {"batch_size": 5000}}, r"batch_size is 5000, .* has 1079 examples", id="batch"),
        pytest.param(
            {"data": {"source": "sklearn:wine"}, "train": {"augment": True}},
            "only images can be augmented",
            id="augment",
        ),
        pytest.param(
            {"data": {"source": "sklearn:diabetes"}, "train": {"class_weights": "sqrt"}}, "class_weights", id="weights"
        ),
        pytest.param({"train": {"channels_last": True}}, "train.channels_last: only a network with", id="layout"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_clear_line(sections: dict[str, Any], says: str) -> None:
    with pytest.raises(SetupError, match=says) as caught:
        build(config(**sections))
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ the user's own


def test_the_users_own_task_is_ready_to_train(tmp_path: Path) -> None:
    setup = build(own(tmp_path, "def make_task(): return trainer.Task(Net(), (X, y), classes=['bad', 'good'])"))
    assert (setup.info.kind, setup.info.classes, setup.info.inputs) == ("classification", ("bad", "good"), "table")
    assert setup.model_info.name == "Net"
    assert setup.dropout == 0.3
    assert setup.build["how"] == "factory"
    assert setup.objective.user_loss is None


def test_the_factory_gets_the_seed_if_it_takes_one(tmp_path: Path) -> None:
    task = own(
        tmp_path,
        """
        def make_task(seed):
            task = trainer.Task(Net(), (X, y))
            task.model.seed = seed
            return task
        """,
    )
    setup = build(task.model_copy(update={"train": task.train.model_copy(update={"seed": 11})}))
    assert setup.model.seed == 11


def test_a_dropout_rate_of_the_configuration_is_laid_over_the_models(tmp_path: Path) -> None:
    task = own(tmp_path, "def make_task(): return trainer.Task(Net(), (X, y))")
    changed = task.model_copy(update={"train": task.train.model_copy(update={"dropout": 0.1})})
    assert build(changed).dropout == 0.1


def test_dropout_layers_of_different_rates_are_no_single_knob(tmp_path: Path) -> None:
    code = """
    def make_task():
        return trainer.Task(nn.Sequential(nn.Linear(30, 9), nn.Dropout(0.1), nn.Dropout(0.5), nn.Linear(9, 2)), (X, y))
    """
    assert "different rates" in build(own(tmp_path, code)).unavailable["dropout"]


def test_a_file_named_like_one_of_our_packages_is_still_the_users(tmp_path: Path) -> None:
    code = "def make_task(): return trainer.Task(Net(), (X, y))"
    assert build(own(tmp_path, code, name="rules.py")).model_info.name == "Net"


def test_own_optimizer_loss_and_metrics_come_through(tmp_path: Path) -> None:
    code = """
    def make_task():
        def hits(outputs, targets):
            return (outputs.argmax(1) == targets).float().mean()
        model = Net()
        return trainer.Task(model, (X, y), loss=nn.CrossEntropyLoss(label_smoothing=0.1), metrics=[hits],
                            optimizer=lambda m: torch.optim.SGD(m.parameters(), 0.1))
    """
    setup = build(own(tmp_path, code))
    assert setup.info.metric == "hits"
    assert callable(setup.optimizer)
    assert isinstance(setup.objective.user_loss, nn.CrossEntropyLoss)
    assert {"class_weights", "label_smoothing"} <= set(setup.unavailable)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("def other(): pass", "has no function 'make_task' (it has ", id="no-function"),
        pytest.param("def make_task(): return 3", "make_task returned int: return a trainer.Task", id="no-task"),
        pytest.param("def make_task(): return trainer.Task(3, (X, y))", "model is int", id="no-module"),
        pytest.param("def make_task(): raise KeyError('size')", "my_task.py:16: KeyError: 'size'", id="raises"),
        pytest.param("def make_task(): import sys; sys.exit(3)", "SystemExit: 3", id="exits"),
        pytest.param("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'", id="import"),
        pytest.param("def make_task(:", "my_task.py:16: SyntaxError", id="syntax"),
        pytest.param(
            "def make_task(): return trainer.Task(Net(), (X[:, :7], y))",
            "the model does not take a batch of shape [4, 7]",
            id="inputs-do-not-fit",
        ),
        pytest.param(
            "def make_task(): return trainer.Task(Net(1), (X, y))", "returns [4, 1], but the targets have 2", id="head"
        ),
        pytest.param(
            "def make_task(): return trainer.Task(Net(), (X, y), loss=lambda o, t: o.nonsense)",
            "the loss does not take outputs [4, 2] with targets [4] (torch.int64): ",
            id="loss",
        ),
        pytest.param(
            "def make_task(): return trainer.Task(Net(), (X, y), loss=lambda o, t: o.detach().mean())",
            "the loss does not depend on a trainable weight",
            id="no-gradient",
        ),
        pytest.param(
            "def make_task(): return trainer.Task(Net(), (X, y), metrics=[lambda o, t: {}['x']])",
            "the metric metric raises KeyError",
            id="metric",
        ),
        pytest.param(
            """
            class Rows(torch.utils.data.Dataset):
                def __len__(self): return 99
                def __getitem__(self, i): raise OSError('disk on fire')
            def make_task(): return trainer.Task(Net(), Rows())
            """,
            "OSError: disk on fire",
            id="data-set-raises",
        ),
        pytest.param("def make_task(): return trainer.Task(Net(), (X, y[:5]))", "5 targets", id="lengths"),
        pytest.param(
            """
            class Two(Net):
                def forward(self, x): return self.body(x), x
            def make_task(): return trainer.Task(Two(), (X, y))
            """,
            "the model returns tuple: return one tensor",
            id="tuple",
        ),
        pytest.param(
            """
            class Flat(Net):
                def forward(self, x): return self.body(x).mean(0)
            def make_task(): return trainer.Task(Flat(), (X, y))
            """,
            "keep the batch dimension first",
            id="no-batch",
        ),
    ],
)
def test_a_mistake_in_the_users_code_is_one_clear_line(tmp_path: Path, code: str, says: str) -> None:
    assert says in mistake(tmp_path, code)


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        pytest.param("nowhere.py:make", "nowhere.py: no such file", id="no-file"),
        pytest.param("task.py", "write it as path/to/file.py:function", id="no-function"),
    ],
)
def test_a_factory_that_is_not_there_is_one_clear_line(factory: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        build(config(task={"factory": factory}))


def test_nan_in_the_inputs_is_no_mistake(tmp_path: Path) -> None:
    setup: Setup = build(own(tmp_path, "X[3, 4] = float('nan')\ndef make_task(): return trainer.Task(Net(), (X, y))"))
    assert setup.info.train_examples > 0


@pytest.mark.parametrize(
    ("targets", "outputs", "kind"),
    [
        pytest.param("X[:, 0].copy()", 1, "regression", id="one-column"),
        pytest.param("np.stack([y, 1 - y, y], 1).astype('float32')", 3, "multilabel", id="zeros-and-ones"),
    ],
)
def test_the_loss_follows_the_target(tmp_path: Path, targets: str, outputs: int, kind: str) -> None:
    setup = build(own(tmp_path, f"def make_task(): return trainer.Task(Net({outputs}), (X, {targets}))"))
    assert setup.info.kind == setup.objective.kind == kind


def test_the_example_of_an_own_task_is_ready_to_train() -> None:
    setup = build(read(Path(__file__).parents[2] / "examples" / "own_task.toml"))
    assert (setup.info.metric, setup.info.input_shape, setup.dropout) == ("accuracy", (8, 8), 0.1)
    assert setup.info.test_examples == 360
    assert setup.info.train_examples + setup.info.val_examples == 1437
