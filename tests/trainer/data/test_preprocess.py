"""New raw data become the very inputs that training saw."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.data.written import configured
from trainer.data.fetch import Fetch
from trainer.data.preprocess import apply
from trainer.data.source import DataError, Source, open_source
from trainer.data.sources.idx import read_idx


def stored(source: Source) -> dict[str, Any]:
    """Return the preprocessing as it lies beside a model."""
    loaded: dict[str, Any] = json.loads(json.dumps(source.preprocessing))
    return loaded


def test_a_csv_becomes_what_training_saw(mixed_csv: Path) -> None:
    source = open_source(configured(f"csv:{mixed_csv}", target="target"))
    prepared = apply(stored(source), mixed_csv)
    assert source.train.tensors is not None
    place = {name: at for at, name in enumerate(prepared.identities)}
    rows = [place[source.train.identities(index)] for index in range(source.train.examples)]
    assert torch.equal(prepared.inputs[rows], source.train.tensors[0])


def test_a_part_of_a_table_is_read_the_same_way(mixed_csv: Path, tmp_path: Path) -> None:
    import pandas as pd

    source = open_source(configured(f"csv:{mixed_csv}", target="target"))
    whole = apply(stored(source), mixed_csv).inputs
    frame = pd.read_csv(mixed_csv).drop(columns="target")
    part = tmp_path / "part.csv"
    frame.iloc[20:23].to_csv(part, index=False)
    assert torch.equal(apply(stored(source), part).inputs, whole[20:23])
    assert torch.equal(apply(stored(source), frame.iloc[20:23]).inputs, whole[20:23])
    assert torch.equal(apply(stored(source), frame.iloc[20:23].to_dict("list")).inputs, whole[20:23])


def test_a_text_column_that_holds_only_numbers_in_new_data_stays_text(tmp_path: Path) -> None:
    path, new = tmp_path / "table.csv", tmp_path / "new.csv"
    codes = ["02", "7B", "9C"] * 20
    path.write_text("\n".join(["x,code,label", *[f"{at},{code},{'ab'[at % 2]}" for at, code in enumerate(codes)]]))
    new.write_text("x,code\n0,02\n")
    source = open_source(configured(f"csv:{path}", target="label"))
    prepared = apply(stored(source), new)
    assert torch.equal(prepared.inputs[0], apply(stored(source), path).inputs[0])


def test_new_categories_and_missing_cells_are_taken(mixed_csv: Path, tmp_path: Path) -> None:
    import pandas as pd

    source = open_source(configured(f"csv:{mixed_csv}", target="target"))
    frame = pd.read_csv(mixed_csv).drop(columns="target").iloc[:2]
    frame["region"] = ["elsewhere", None]
    frame["alcohol"] = np.nan
    inputs = apply(stored(source), frame).inputs
    assert torch.isfinite(inputs).all()
    frame = frame.drop(columns="alcohol").rename(columns={"ash": "ashes"})
    with pytest.raises(DataError, match="no column 'alcohol'"):
        apply(stored(source), frame)


@pytest.mark.parametrize("size", [0, 24])
def test_pictures_become_what_training_saw(pictures: Path, size: int) -> None:
    source = open_source(configured(f"images:{pictures}", size=size, transforms=["rotate:10"]))
    prepared = apply(stored(source), pictures)
    place = {name: at for at, name in enumerate(prepared.identities)}
    for split in (source.train, source.val):
        rows = [place[split.identities(index)] for index in range(split.examples)]
        seen = Fetch(split.dataset, None, 0).read(np.arange(split.examples), transformed=False)[0]
        assert torch.equal(prepared.inputs[rows], seen)
    one = pictures / source.val.identities(0)
    single = apply(stored(source), str(one))
    assert single.identities == (one.name,)
    assert torch.equal(single.inputs[0], prepared.inputs[place[source.val.identities(0)]])


def test_arrays_become_what_training_saw(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    source = open_source(configured("sklearn:digits"))
    assert source.val.tensors is not None
    rows = [int(source.val.identities(index).split()[1]) for index in range(source.val.examples)]
    raw = digits[0][rows]
    np.save(tmp_path / "raw.npy", raw)
    for given in (raw, torch.from_numpy(raw), raw.astype(np.uint8), raw[:, None], tmp_path / "raw.npy"):
        assert torch.equal(apply(stored(source), given).inputs, source.val.tensors[0])
    assert torch.equal(apply(stored(source), raw[3]).inputs[0], source.val.tensors[0][3])


def test_a_picture_file_of_digits_is_brought_to_their_scale(pictures: Path) -> None:
    source = open_source(configured("sklearn:digits"))
    inputs = apply(stored(source), pictures).inputs
    assert abs(float(inputs.mean())) < 0.2
    assert 0.7 < float(inputs.std()) < 1.2


def test_idx_files_become_what_training_saw(idx_folder: Callable[..., Path]) -> None:
    folder = idx_folder()
    source = open_source(configured(f"idx:{folder}"))
    assert source.test is not None
    assert source.test.tensors is not None
    images = folder / "t10k-images-idx3-ubyte.gz"
    assert torch.equal(apply(stored(source), images).inputs, source.test.tensors[0])
    assert torch.equal(apply(stored(source), read_idx(images)).inputs, source.test.tensors[0])


def test_an_array_of_rows_is_read_in_the_order_of_the_columns() -> None:
    from sklearn.datasets import load_wine

    source = open_source(configured("sklearn:wine"))
    assert source.train.tensors is not None
    rows = [int(source.train.identities(index).split()[1]) - 1 for index in range(source.train.examples)]
    assert torch.equal(apply(stored(source), load_wine().data[rows]).inputs, source.train.tensors[0])


@pytest.mark.parametrize(
    ("preprocessing", "raw", "says"),
    [
        pytest.param({"kind": "own", "shape": [4]}, "nowhere.npy", "no such file", id="missing file"),
        pytest.param({"kind": "own", "shape": [4]}, np.zeros((2, 3)), r"shape \[3\].* \[4\]", id="other shape"),
        pytest.param({"kind": "own", "shape": [4]}, ["a", "b"], "must be numbers", id="texts"),
        pytest.param({"kind": "new"}, np.zeros(2), "'new'", id="unknown kind"),
        pytest.param(
            {"kind": "image", "shape": [1, 8, 8], "divide_by": 16, "mean": [0], "std": [1]},
            np.zeros((2, 9, 9)),
            r"\[1, 8, 8\]",
            id="pictures of another size",
        ),
    ],
)
def test_raw_data_that_do_not_fit_are_told(preprocessing: dict[str, Any], raw: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        apply(preprocessing, raw)


def test_own_inputs_pass_as_a_model_takes_them() -> None:
    prepared = apply({"kind": "own", "shape": [4]}, np.ones((3, 4)))
    assert prepared.inputs.dtype == torch.float32
    assert prepared.identities == ("example 0", "example 1", "example 2")
    assert apply({"kind": "own", "shape": [4]}, np.ones(4)).inputs.shape == (1, 4)
