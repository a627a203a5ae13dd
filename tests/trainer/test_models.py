"""Built-in models fit their data, repeat under a seed, and learn."""

import importlib.util

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainer.config import ModelConfig
from trainer.models import ModelError, build_model
from trainer.models.layers import dropout_rates, set_dropout

IMAGE, TABLE = (1, 8, 8), (13,)
needs_vision = pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="needs the vision extra")


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "resnet"])
@pytest.mark.parametrize("shape", [IMAGE, (3, 32, 32), (1, 28, 28), (3, 5, 9)])
def test_every_model_maps_images_to_one_output_a_class(name: str, shape: tuple[int, ...]) -> None:
    model = build_model(ModelConfig(name=name, width=4), 0.0, shape, 7)
    assert model(torch.randn(3, *shape)).shape == (3, 7)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_dense_models_take_tables(name: str) -> None:
    assert build_model(ModelConfig(name=name), 0.0, TABLE, 1)(torch.randn(3, *TABLE)).shape == (3, 1)


def test_attention_drops_as_the_layers_around_it_do() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.7)
    set_dropout(layer, 0.0)
    assert (layer.self_attn.dropout, set(dropout_rates(layer))) == (0.0, {0.0})
    set_dropout(layer, 0.7)
    assert layer.self_attn.dropout == 0.7


def test_what_drops_at_a_rate_of_its_own_keeps_it() -> None:
    model = nn.ModuleList([nn.Dropout(0.3), nn.LSTM(4, 4, 2), nn.LSTM(4, 4, 2, dropout=0.1)])
    assert dropout_rates(model) == (0.3,)
    set_dropout(model, 0.0)
    set_dropout(model, 0.2)
    assert [one.dropout for one in model if isinstance(one, nn.LSTM)] == [0.0, 0.1]


@pytest.mark.parametrize(
    ("model", "own"),
    [
        pytest.param([nn.Dropout(0.5), nn.LSTM(4, 4, 2, dropout=0.3)], 0.3, id="at a rate of its own"),
        pytest.param([nn.Dropout(0.5), nn.LSTM(4, 4, 2, dropout=0.5)], 0.5, id="along with the others"),
    ],
)
def test_a_turn_that_is_taken_back_leaves_the_net_as_it_was(model: list[nn.Module], own: float) -> None:
    net = nn.ModuleList(model)
    for rate in (0.3, 0.5):
        set_dropout(net, rate)
    assert [one.dropout for one in net if isinstance(one, nn.LSTM)] == [own]


def test_a_recurrent_layer_that_lies_alone_drops_nothing() -> None:
    with pytest.warns(UserWarning, match="dropout"):
        model = nn.LSTM(4, 4, dropout=0.2)
    assert dropout_rates(model) == ()


def test_a_recurrent_net_without_a_dropout_layer_has_a_rate_too() -> None:
    model = nn.LSTM(4, 4, 2, dropout=0.6)
    assert dropout_rates(model) == (0.6,)
    set_dropout(model, 0.0)
    assert (model.dropout, dropout_rates(model)) == (0.0, (0.0,))


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "resnet"])
def test_every_built_in_model_has_a_dropout_rate_to_turn(name: str) -> None:
    model = build_model(ModelConfig(name=name, width=4), 0.0, IMAGE, 10)
    assert set(dropout_rates(model)) == {0.0}
    set_dropout(model, 0.5)
    assert set(dropout_rates(model)) == {0.5}
    model.train()
    inputs = torch.randn(4, *IMAGE)
    assert not torch.equal(model(inputs), model(inputs))


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet"])
@pytest.mark.parametrize("init", ["default", "he", "xavier"])
def test_one_seed_gives_one_model(name: str, init: str) -> None:
    def weights() -> list[torch.Tensor]:
        torch.manual_seed(3)
        return list(build_model(ModelConfig(name=name, width=4, init=init), 0.1, IMAGE, 10).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(), weights(), strict=True))


def test_he_keeps_the_signal_through_thirty_relu_layers_and_the_default_lets_it_fade() -> None:
    inputs = torch.randn(256, 64, generator=torch.Generator().manual_seed(0))

    def spread(init: str) -> float:
        torch.manual_seed(0)
        model = build_model(ModelConfig(name="mlp", hidden=(64,) * 30, init=init), 0.0, (64,), 10)
        return float(model(inputs).detach().std(dim=0).mean())

    assert spread("he") > 0.1
    assert spread("default") < 1e-3


def test_the_activation_is_the_one_asked_for() -> None:
    model = build_model(ModelConfig(name="mlp", activation="tanh"), 0.0, TABLE, 2)
    assert sum(isinstance(module, nn.Tanh) for module in model.modules()) == 2


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_norm_can_be_left_out(name: str) -> None:
    model = build_model(ModelConfig(name=name, norm=False, width=4), 0.0, IMAGE, 10)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert torch.isfinite(model(torch.randn(2, *IMAGE))).all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("resnt", "did you mean 'resnet'", id="misspelt"),
        pytest.param("transformer", "choose from linear, mlp, cnn, resnet", id="strange"),
    ],
)
def test_an_unknown_model_comes_with_the_nearest_right_one(name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        build_model(ModelConfig(name=name), 0.0, TABLE, 2)


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_a_convolution_wants_images(name: str) -> None:
    with pytest.raises(ModelError, match=r"needs images .* \[13\]: take mlp"):
        build_model(ModelConfig(name=name), 0.0, TABLE, 2)


@pytest.mark.parametrize(("name", "least"), [("linear", 0.88), ("mlp", 0.92), ("cnn", 0.95), ("resnet", 0.95)], ids=str)
def test_every_model_learns_digits(name: str, least: float) -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    torch.manual_seed(0)
    shuffled = torch.randperm(len(images))
    inputs = torch.tensor(images / 8 - 1, dtype=torch.float32).reshape(-1, *IMAGE)[shuffled]
    targets = torch.tensor(labels)[shuffled]
    model = build_model(ModelConfig(name=name, width=8), 0.0, IMAGE, 10)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(5):
        for rows in torch.randperm(1400).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
    model.eval()
    assert (model(inputs[1400:]).argmax(1) == targets[1400:]).float().mean() > least


@needs_vision
def test_a_torchvision_model_takes_grey_images_and_our_classes() -> None:
    model = build_model(ModelConfig(name="torchvision:resnet18"), 0.0, (1, 32, 32), 4)
    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 4)


@needs_vision
def test_a_misspelt_torchvision_model_comes_with_the_nearest() -> None:
    with pytest.raises(ModelError, match="did you mean 'torchvision:resnet18'"):
        build_model(ModelConfig(name="torchvision:resnet_18"), 0.0, (3, 32, 32), 4)


@needs_vision
def test_weights_that_cannot_be_downloaded_are_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="could not be downloaded"):
        build_model(ModelConfig(name="torchvision:squeezenet1_1", pretrained=True), 0.0, (3, 64, 64), 4)
