"""The finished model comes back ready to use, without its data, and never by unpickling."""

import csv
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from sklearn.datasets import load_diabetes, load_digits

import trainer
from trainer.compressing.packing import Packing, from_int8, pack, packable, to_int8, unpack
from trainer.config import parse
from trainer.export import ExportError, describe, load, main, save_model, write_model
from trainer.setup import Setup, build


def setup_of(source: str = "sklearn:digits", **sections: Any) -> Setup:
    sections.setdefault("data", {"source": source})
    return build(parse(sections | {"train": {"batch_size": 16}}, "test"))


def saved(folder: Path, setup: Setup) -> Path:
    save_model(folder, setup, dict(setup.model.state_dict()), step=7)
    return folder


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "resnet"])
def test_every_built_in_model_comes_back_to_the_bit(tmp_path: Path, name: str) -> None:
    setup = setup_of(model={"name": name, "width": 8})
    loaded = trainer.load(saved(tmp_path, setup))
    assert setup.source.test is not None
    assert setup.source.test.tensors is not None
    inputs = setup.source.test.tensors[0][:20]
    with torch.no_grad():
        assert torch.equal(loaded.outputs(inputs), setup.model.eval()(inputs))
    assert loaded.classes == tuple("0123456789")
    assert not loaded.model.training
    assert loaded.about["step"] == 7


def test_raw_images_are_predicted_as_the_prepared_ones(tmp_path: Path) -> None:
    setup = setup_of()
    loaded = load(saved(tmp_path, setup))
    raw = load_digits().images[:30]
    predictions = loaded.predict(raw)
    assert predictions.probabilities is not None
    assert torch.allclose(predictions.probabilities.sum(1), torch.ones(30))
    assert set(predictions.values) <= set(loaded.classes)
    prepared = loaded.preprocess(raw)
    assert setup.source.train.tensors is not None
    everything = torch.cat([part.tensors[0] for part in (setup.source.train, setup.source.val, setup.source.test)])  # type: ignore[union-attr,index]
    for image in prepared[:5]:
        assert (everything - image).flatten(1).abs().amax(1).min() < 1e-5


def test_a_regression_predicts_in_the_targets_own_units(tmp_path: Path) -> None:
    loaded = load(saved(tmp_path, setup_of("sklearn:diabetes")))
    values = loaded.predict(load_diabetes().data[:40]).values
    assert np.mean(values) == pytest.approx(load_diabetes().target.mean(), rel=0.25)


OWN = """
import torch, trainer
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
def make_task():
    return trainer.Task(torch.nn.Linear(4, 3), (X.astype('float32'), y), classes=['a', 'b', 'c'])
"""


def test_the_users_own_model_is_built_by_its_factory(tmp_path: Path) -> None:
    (tmp_path / "iris_task.py").write_text(textwrap.dedent(OWN))
    setup = setup_of(data={}, task={"factory": f"{tmp_path / 'iris_task.py'}:make_task"})
    loaded = load(saved(tmp_path, setup))
    inputs = torch.randn(5, 4)
    assert torch.equal(loaded.outputs(inputs), setup.model(inputs).detach())
    assert set(loaded.predict(inputs.numpy()).values) <= {"a", "b", "c"}


def test_a_factory_that_moved_can_be_named_anew(tmp_path: Path) -> None:
    file = tmp_path / "moved_task.py"
    file.write_text(textwrap.dedent(OWN))
    saved(tmp_path, setup_of(data={}, task={"factory": f"{file}:make_task"}))
    (tmp_path / "elsewhere").mkdir()
    file.rename(tmp_path / "elsewhere" / "moved_task.py")
    with pytest.raises(ExportError, match=r"moved_task.py: no such file .*factory="):
        load(tmp_path)
    assert load(tmp_path, factory=f"{tmp_path / 'elsewhere' / 'moved_task.py'}:make_task").kind == "classification"


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    saved(tmp_path, setup_of())
    with pytest.raises(ExportError, match=r"pruned.safetensors: no such model \(there is best\)"):
        load(tmp_path, "pruned")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x80\x04K\x01."], ids=["empty", "rubbish", "pickle"])
def test_a_file_that_is_no_model_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "best.safetensors").write_bytes(content)
    with pytest.raises(ExportError, match="is no readable model file"):
        load(tmp_path)


def test_a_strangers_safetensors_file_is_one_clear_line(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "best.safetensors")
    with pytest.raises(ExportError, match="has no description of ours"):
        load(tmp_path)


def test_predictions_are_written_as_a_table(tmp_path: Path) -> None:
    saved(tmp_path, setup_of("sklearn:diabetes"))
    np.save(tmp_path / "rows.npy", load_diabetes().data[:6])
    assert main([str(tmp_path), str(tmp_path / "rows.npy"), str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "prediction"]
    assert len(rows) == 7
    assert all(float(row[1]) for row in rows[1:])


def test_class_predictions_come_with_their_probabilities(tmp_path: Path) -> None:
    saved(tmp_path, setup_of())
    np.save(tmp_path / "images.npy", load_digits().images[:6])
    assert main([str(tmp_path), str(tmp_path / "images.npy"), str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        shares = {name[2:]: float(share) for name, share in row.items() if name.startswith("p_")}
        assert max(shares, key=shares.__getitem__) == row["prediction"]
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("missing", ["run", "data"])
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    run = tmp_path / "nowhere" if missing == "run" else saved(tmp_path, setup_of())
    assert main([str(run), str(tmp_path / "no.npy"), str(tmp_path / "out.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


# ------------------------------------------------------------------ packing


@settings(deadline=None, max_examples=50)
@given(
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    density=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_a_masked_weight_unpacks_with_its_zeros_and_half_precision(shape: list[int], density: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(shape, generator=generator) * (torch.rand(shape, generator=generator) < density)
    tensors, packed = pack({"w": weight, "b": torch.ones(3)}, Packing("mask"))
    back = unpack(tensors, packed)
    assert ((back["w"] == 0) >= (weight == 0)).all()
    assert ((back["w"] - weight).abs() <= 2**-11 * weight.abs() + 2**-25).all()
    assert torch.equal(back["b"], torch.ones(3))
    assert bool(packed) is packable(weight)


def test_weights_too_large_for_half_precision_keep_their_own() -> None:
    weight = torch.linspace(-1e6, 1e6, 400).reshape(20, 20)
    assert torch.equal(unpack(*pack({"w": weight}, Packing("mask")))["w"], weight)


@settings(deadline=None, max_examples=50)
@given(rows=st.integers(1, 30), columns=st.integers(1, 60), power=st.integers(-30, 30))
def test_int8_is_off_by_at_most_half_a_level_of_its_channel(rows: int, columns: int, power: int) -> None:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows)) * 10.0**power
    values, scale = to_int8(weight)
    assert ((from_int8(values, scale) - weight).abs() <= 0.5001 * scale[:, None]).all()


def test_an_int8_copy_is_a_quarter_of_the_bytes_and_loads_like_the_original(tmp_path: Path) -> None:
    setup = setup_of(model={"name": "mlp", "hidden": (256, 256)})
    whole = save_model(tmp_path, setup, dict(setup.model.state_dict()), 1)
    about = describe(setup, 1)
    small = write_model(tmp_path / "int8.safetensors", dict(setup.model.state_dict()), about, Packing("int8"))
    assert small.stat().st_size < 0.3 * whole.stat().st_size
    inputs = torch.randn(10, 1, 8, 8)
    assert torch.allclose(load(tmp_path, "int8").outputs(inputs), load(tmp_path).outputs(inputs), atol=0.05)


def test_an_all_zero_weight_survives_int8() -> None:
    values, scale = to_int8(torch.zeros(20, 20))
    assert torch.equal(from_int8(values, scale), torch.zeros(20, 20))
