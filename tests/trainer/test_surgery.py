"""Model surgery on a zoo of models: what each knob does, what it leaves alone, and what it says where it cannot be done."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.trainer.running import config_of, of, run_with
from trainer.config import parse
from trainer.export import load
from trainer.setup import NORMS, SetupError, build
from trainer.stepping.objective import Objective
from trainer.surgery.anatomy import watched
from trainer.surgery.operated import BatchNorm, Shortcuts
from trainer.surgery.surgery import Operation, operate, operations, plan, unavailable, unfit
from trainer.watching.layers import LayerProbe
from trainer.wire import BeatTaken, Evaluated, LayersMeasured


class Nested(nn.Module):
    """A user's own net: blocks in blocks, a gate, and a layer that is no stack's."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(8, 16)
        self.act = nn.Sigmoid()
        self.body = nn.ModuleList([nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Dropout(0.0)) for _ in range(2)])
        self.gate = nn.Sigmoid()
        self.gated, self.mixed = nn.Linear(16, 16), nn.Linear(16, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out = self.act(self.stem(inputs))
        for block in self.body:
            out = block(out)
        out = self.mixed(out) * self.gate(self.gated(out))
        logits: torch.Tensor = self.head(out)
        return logits


class Attending(nn.Module):
    """A transformer encoder; its activation is a module where `act` is one, else the function relu."""

    def __init__(self, act: Any = "relu") -> None:
        super().__init__()
        self.split = nn.Unflatten(1, (2, 4))
        layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation=act, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(4, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.encoder(self.split(inputs)).mean(1))
        return logits


class Convolved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 4, 3, padding=1), nn.ELU(), nn.Conv1d(4, 4, 3, padding=1), nn.ELU(),
            nn.Flatten(), nn.Linear(16, 3),
        )  # fmt: skip

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.net(inputs)
        return logits


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return functional.softmax(self.head(functional.relu(self.hidden(inputs))), dim=1)


def stack(*behind: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3), *behind)


def named(name: str, **options: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from trainer.config import ModelConfig
        from trainer.models.build import build_model

        config = ModelConfig.model_validate({"name": name, "width": 4, "hidden": [16, 16], **options})
        shape = (8,) if name == "mlp" else (1, 8, 8)
        return build_model(config, 0.0, shape, 3)

    return make


ZOO: dict[str, Callable[[], nn.Module]] = {
    "mlp": named("mlp", activation="sigmoid"),
    "cnn": named("cnn", norm=False),
    "resnet": named("resnet"),
    "stack": stack,
    "nested": Nested,
    "attending": lambda: Attending(nn.GELU()),
    "convolved": Convolved,
}
VALUES: dict[str, tuple[Any, ...]] = {
    "activation": ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh"),
    "norm": ("batch", "layer"),
    "residual": (True,),
    "init": ("he", "xavier", "orthogonal", "torch"),
}
EVERY = [(name, knob, value) for name in ZOO for knob, values in VALUES.items() for value in values]


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model = ZOO[name]()
    shape = (6, 1, 8, 8) if name in ("cnn", "resnet") else (6, 8)
    return model.train(), torch.randn(*shape)


def looked_at(model: nn.Module, inputs: torch.Tensor) -> Any:
    with watched(model) as anatomy:
        model(inputs)
    return anatomy


def why(model: nn.Module, inputs: torch.Tensor, loss: Any = None, **options: bool) -> dict[str, str]:
    objective = Objective("classification", loss, (1, 1, 1))
    has_norm = any(isinstance(module, NORMS) for module in model.modules())
    asked = {"has_norm": has_norm, "pretrained": False, "held": False} | options
    return unavailable(model, looked_at(model, inputs), objective, **asked)


@pytest.mark.parametrize(("name", "knob", "value"), EVERY)
def test_an_operated_model_keeps_its_outputs_shape_and_its_weights_names_and_learns(
    name: str, knob: str, value: Any
) -> None:
    model, inputs = made(name)
    before = {key: part.clone() for key, part in model.state_dict().items()}
    shape = model(inputs).shape
    if why(model, inputs).get(knob):
        pytest.skip("cannot be turned on this one")
    planned = plan(model, looked_at(model, inputs), {knob: value})
    assert planned[0].places
    operate(model, planned)
    after = model.state_dict()
    assert {key: part.shape for key, part in before.items()}.items() <= {k: v.shape for k, v in after.items()}.items()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    targets = torch.arange(6) % 3
    losses = []
    for _ in range(12):
        outputs = model(inputs)
        assert outputs.shape == shape
        loss = functional.cross_entropy(outputs, targets)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert copy.deepcopy(model).eval()(inputs).shape == shape


def test_weights_drawn_as_pytorch_does_are_those_of_a_new_layer_and_are_said_to_be() -> None:
    model = nn.Sequential(nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 3))
    planned = plan(model, looked_at(model, torch.randn(6, 8)), {"init": "torch"})
    torch.manual_seed(1)
    operate(model, planned)
    torch.manual_seed(1)
    new = nn.Sequential(nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 3))
    assert all(map(torch.equal, model.parameters(), new.parameters()))
    assert planned[0].said() == "draw weights and biases as PyTorch does (reset_parameters): 0, 2"


@pytest.mark.parametrize("name", ZOO)
def test_own_touches_nothing(name: str) -> None:
    model, inputs = made(name)
    twin, _ = made(name)
    twin(inputs)  # the statistics of batch norms move with every look
    operate(model, plan(model, looked_at(model, inputs), {}))
    assert str(model) == str(twin)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())
    assert torch.equal(model.eval()(inputs), twin.eval()(inputs))


@pytest.mark.parametrize(("name", "knob", "value"), EVERY)
def test_a_plan_that_was_stored_operates_a_fresh_model_the_same_way(name: str, knob: str, value: Any) -> None:
    model, inputs = made(name)
    if why(model, inputs).get(knob):
        pytest.skip("cannot be turned on this one")
    planned = plan(model, looked_at(model, inputs), {knob: value})
    operate(model, planned)
    fresh, _ = made(name)
    operate(fresh, operations([operation.stored() for operation in planned]))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.eval()(inputs), model.eval()(inputs))


def test_a_gate_and_the_last_layer_are_left_alone() -> None:
    model, inputs = made("nested")
    operate(model, plan(model, looked_at(model, inputs), {"activation": "gelu", "norm": "layer"}))
    assert isinstance(model, Nested)
    assert isinstance(model.gate, nn.Sigmoid)
    assert isinstance(model.act, nn.GELU)
    assert not hasattr(model.head, "norm")
    assert hasattr(model.stem, "norm")


def test_a_shortcut_leads_around_layers_that_keep_their_width_and_no_others() -> None:
    model, inputs = made("stack")
    (operation,) = plan(model, looked_at(model, inputs), {"residual": True})
    assert operation.places == ("2>3",)
    plain = list(model.children())
    with torch.no_grad():
        entered = plain[1](plain[0](inputs))
        expected = plain[4](entered + plain[3](plain[2](entered)))
        operate(model, [operation])
        assert isinstance(model, Shortcuts)
        assert torch.equal(model(inputs), expected)


def test_an_activation_that_an_encoder_has_a_short_cut_for_is_replaced_in_evaluation_too() -> None:
    torch.manual_seed(0)
    model, inputs = Attending(nn.ReLU()).train(), torch.randn(6, 8)
    operate(model, plan(model, looked_at(model, inputs), {"activation": "tanh"}))
    trained = model(inputs)
    with torch.no_grad():
        assert torch.allclose(model.eval()(inputs), trained, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "loss", "knob", "reason"),
    [
        pytest.param(Functional, None, "activation", "Functional calls relu in its forward", id="functional"),
        pytest.param(Functional, None, "output", "Functional calls softmax in its forward", id="functional softmax"),
        pytest.param(Attending, None, "activation", "calls relu in its forward", id="inside an encoder"),
        pytest.param(Attending, None, "norm", "normalisation layers already", id="normed"),
        pytest.param(Attending, None, "residual", "no plain stack", id="no stack"),
        pytest.param(stack, None, "output", "no activation behind", id="raw"),
        pytest.param(lambda: stack(nn.LogSoftmax(1)), nn.NLLLoss(), "output", "NLLLoss", id="needed by the loss"),
        pytest.param(
            lambda: stack(nn.Sigmoid()), lambda o, t: o.sum(), "output", "may need the Sigmoid", id="own loss"
        ),
        pytest.param(lambda: nn.Linear(8, 3), None, "activation", "no hidden activation", id="linear"),
    ],
)
def test_what_cannot_be_operated_says_why(model: Callable[[], nn.Module], loss: Any, knob: str, reason: str) -> None:
    assert reason in why(model().train(), torch.randn(6, 8), loss)[knob]


@pytest.mark.parametrize("behind", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid(), nn.ReLU(), nn.Tanh()])
@pytest.mark.parametrize("loss", [None, nn.CrossEntropyLoss(label_smoothing=0.1), functional.cross_entropy])
def test_a_stray_output_is_left_out_where_the_loss_takes_raw_outputs(behind: nn.Module, loss: Any) -> None:
    torch.manual_seed(0)
    model, inputs = stack(behind), torch.randn(6, 8)
    assert "output" not in why(model, inputs, loss)
    raw = nn.Sequential(*list(model.children())[:5])(inputs)
    operate(model, plan(model, looked_at(model, inputs), {"output": "none"}))
    assert torch.equal(model(inputs), raw)


def test_an_activation_used_inside_and_behind_is_not_replaced() -> None:
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(8, 8), act, nn.Linear(8, 3), act)
    assert "use two" in why(model, torch.randn(6, 8))["activation"]


def test_batch_norm_passes_a_single_example_and_refuses_sequences() -> None:
    norm = BatchNorm(4).train()
    assert torch.isfinite(norm(torch.randn(1, 4))).all()
    model = nn.Sequential(nn.Unflatten(1, (2, 4)), nn.Linear(4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    anatomy = looked_at(model, torch.randn(6, 8))
    assert "take layer" in unfit(anatomy, "batch")
    assert not unfit(anatomy, "layer")


def test_what_is_done_is_said_in_words_for_the_models_own_code() -> None:
    model, inputs = made("nested")
    (operation,) = plan(model, looked_at(model, inputs), {"activation": "relu"})
    assert operation.said() == "replace nn.Sigmoid and nn.Tanh by nn.ReLU: act, body.0.1, body.1.1"
    assert Operation("residual", True, ("2>3",)).said().endswith("around 2 to 3")


# ---------------------------------------------------------------- in a run

OWN_TASK = """
import numpy as np
from torch import nn
from sklearn.datasets import load_digits
from trainer import Task

DIGITS = load_digits()

def task(seed):
    layers = [nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Dropout(0.1), nn.Linear(32, 10)]
    return Task(
        model=nn.Sequential(*layers, nn.Softmax(dim=1)),
        train=((DIGITS.data / 16).astype(np.float32), DIGITS.target.astype(np.int64)),
    )
"""


def test_an_operated_model_of_the_users_own_trains_and_loads_again(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN_TASK)
    asked = {"activation": "relu", "norm": "batch", "residual": True, "output": "none", "init": "he"}
    train = {"epochs": 3, "lr": 3e-3, **asked}
    config = parse({"task": {"factory": f"{tmp_path}/mine.py:task"}, "train": train}, "test")
    words, heard = run_with(tmp_path / "run", config)
    assert words.why == "finished"
    assert of(heard, LayersMeasured)[0].layers[0].dead_share is not None, "the layers' watch sees the new activation"
    assert of(heard, Evaluated)[-1].metrics["accuracy"] > 0.7
    loaded = load(tmp_path / "run")
    assert isinstance(loaded.model.get_submodule("1"), nn.ReLU)
    assert isinstance(loaded.model.get_submodule("6"), nn.Identity)
    outputs = loaded.outputs(torch.rand(5, 64))
    assert outputs.shape == (5, 10)
    assert not torch.allclose(outputs.sum(1), torch.ones(5)), "raw outputs"


def test_own_knobs_give_the_same_losses_to_the_bit_as_no_knobs(tmp_path: Path) -> None:
    _, plain = run_with(tmp_path / "plain", config_of(epochs=1))
    own = {"activation": "own", "init": "own", "norm": "own", "residual": False, "output": "own"}
    _, asked = run_with(tmp_path / "own", config_of(epochs=1, **own))
    assert [beat.loss for beat in of(plain, BeatTaken)] == [beat.loss for beat in of(asked, BeatTaken)]


@pytest.mark.parametrize(("knob", "value"), [("output", "none"), ("residual", True)])
def test_a_configuration_that_asks_for_what_cannot_be_operated_is_a_mistake(knob: str, value: Any) -> None:
    with pytest.raises(SetupError, match=f"train.{knob}: .*: leave it out"):
        build(config_of(**{knob: value}))


def test_the_layers_watch_works_on_an_operated_model() -> None:
    model, inputs = made("mlp")
    operate(
        model, plan(model, looked_at(model, inputs), {"activation": "leaky_relu", "norm": "layer", "residual": True})
    )
    probe = LayerProbe(model)
    functional.cross_entropy(model(inputs), torch.arange(6) % 3).backward()
    probe.before(model)
    report = probe.report(torch.optim.SGD(model.parameters(), lr=0.1))
    assert [layer.name for layer in report.layers] == ["hidden1", "hidden2", "head"]
    assert all(layer.dead_share is not None for layer in report.layers[:2])


@pytest.mark.parametrize(
    ("layers", "straight"),
    [
        pytest.param([nn.Linear(8, 6), nn.Dropout(), nn.Linear(6, 3)], ["0"], id="past dropout"),
        pytest.param([nn.Linear(8, 6), nn.Identity(), nn.Linear(6, 5), nn.Linear(5, 3)], ["0", "2"], id="three"),
        pytest.param([nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)], [], id="an activation"),
        pytest.param([nn.Linear(8, 6), nn.Softmax(1), nn.Linear(6, 3)], [], id="a softmax"),
        pytest.param([nn.Linear(8, 2), nn.Linear(2, 3)], [], id="two factors of low rank"),
    ],
)
def test_linear_layers_with_nothing_between_are_found_by_what_they_pass_on(
    layers: list[nn.Module], straight: list[str]
) -> None:
    model = nn.Sequential(*layers)
    assert [call.place for call in looked_at(model, torch.rand(6, 8)).straight] == straight


def test_an_activation_goes_behind_the_layers_of_a_net_that_has_none() -> None:
    model, inputs = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 5), nn.Linear(5, 3)), torch.rand(6, 8)
    names = list(model.state_dict())
    first, second = model[0](inputs), model[1]
    planned = plan(model, looked_at(model, inputs), {"activation": "relu"})
    assert [one.said() for one in planned] == ["put nn.ReLU behind 0, 1"]
    operate(model, planned)
    assert list(model.state_dict()) == names
    assert torch.equal(model[0](inputs), first.relu())
    assert model[1] is second
    normed = plan(model, looked_at(model, inputs), {})
    assert normed == ()
    both = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 5), nn.Linear(5, 3))
    operate(both, plan(both, looked_at(both, inputs), {"activation": "relu", "norm": "layer"}))
    out = both[0](inputs)
    assert float(out.detach().min()) == 0.0, "normalised first, then bent"
