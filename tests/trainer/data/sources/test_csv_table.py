"""A CSV with mixed columns, missing cells and a target of any kind."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.data.written import configured
from trainer.data.source import DataError, Source, open_source


def opened(path: Path, target: str = "target", **data: object) -> Source:
    return open_source(configured(f"csv:{path}", target=target, **data))


def test_mixed_columns_with_missing_cells_become_inputs(mixed_csv: Path) -> None:
    source = opened(mixed_csv)
    assert source.kind == "classification"
    assert source.classes == ("barbera", "barolo", "grignolino")
    assert source.test is not None
    assert source.train.examples + source.val.examples + source.test.examples == 176
    assert source.raw.dropped_targets == 2
    cells = 176 * 15
    assert source.raw.missing_share == pytest.approx((18 + 1 + 1) / cells, rel=0.01)
    regions = next(one for one in source.preprocessing["columns"] if one["name"] == "region")
    assert regions["type"] == "category"
    assert {"north", "south"} <= set(regions["values"])
    bottles = next(one for one in source.preprocessing["columns"] if one["name"] == "bottle")
    assert bottles["values"] == [], "a name that occurs once tells nothing"
    for split in (source.train, source.val, source.test):
        assert split.tensors is not None
        assert torch.isfinite(split.tensors[0]).all()


def test_filling_and_scaling_are_fitted_on_the_training_split_alone(mixed_csv: Path) -> None:
    import pandas as pd

    source = opened(mixed_csv)
    frame = pd.read_csv(mixed_csv)
    rows = [int(source.train.identities(index).split()[1]) - 1 for index in range(source.train.examples)]
    ash = frame["ash"].to_numpy()[rows]
    fitted = next(one for one in source.preprocessing["columns"] if one["name"] == "ash")
    assert fitted["fill"] == pytest.approx(np.nanmedian(ash))
    filled = np.where(np.isnan(ash), np.nanmedian(ash), ash)
    assert (fitted["mean"], fitted["std"]) == pytest.approx((filled.mean(), filled.std()))
    position = source.raw.numeric_features[2] if source.raw.numeric_features else -1
    assert source.train.tensors is not None
    assert source.train.tensors[0][:, position].numpy() == pytest.approx(
        (filled - filled.mean()) / filled.std(), abs=1e-5
    )


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        pytest.param(["yes", "no"] * 20, "classification", ("no", "yes"), id="texts"),
        pytest.param([3, 5] * 20, "classification", ("3", "5"), id="two whole numbers"),
        pytest.param([True, False] * 20, "classification", ("0", "1"), id="switches"),
        pytest.param([1.0, 2.0, None, 4.0] * 10, "classification", ("1", "2", "4"), id="whole, some missing"),
        pytest.param(list(range(40)), "regression", (), id="many whole numbers"),
        pytest.param([0.5, 1.5] * 20, "regression", (), id="fractions"),
    ],
)
def test_the_target_says_what_is_learned(
    tmp_path: Path, values: list[object], kind: str, classes: tuple[str, ...]
) -> None:
    path = tmp_path / "table.csv"
    lines = [f"{at * 0.5},{'' if value is None else value}" for at, value in enumerate(values)]
    path.write_text("\n".join(["x,label", *lines]))
    source = opened(path, "label")
    assert (source.kind, source.classes) == (kind, classes)
    assert source.raw.dropped_targets == values.count(None)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_found_in_the_header(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{at},{at % 3},{'ab'[at % 2]}".replace(",", separator) for at in range(30)]
    path.write_text("\n".join(["x,y,label".replace(",", separator), *rows]))
    assert opened(path, "label").input_shape == (2,)


def test_a_number_column_with_a_few_words_in_it_stays_a_number_column(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{'unknown' if at in (3, 9) else at * 1.5},{'ab'[at % 2]}" for at in range(60)]
    path.write_text("\n".join(["x,label", *rows]))
    source = opened(path, "label")
    assert source.input_shape == (1,)
    assert source.raw.missing_share == pytest.approx(2 / 60)


@pytest.mark.parametrize(
    ("content", "target", "says"),
    [
        pytest.param(None, "a", "no such file", id="missing file"),
        pytest.param("", "a", "is empty", id="empty file"),
        pytest.param("a,b\n", "a", "no rows", id="header only"),
        pytest.param("alpha,b\n1,2\n" * 1, "alfa", "did you mean 'alpha'", id="unknown target"),
        pytest.param("a,b\n1,2\n", "", r"data\.target is not set: .* a, b", id="no target named"),
        pytest.param("a\n1\n2\n", "a", "only the target column", id="no inputs"),
        pytest.param("a,b\n1,\n2,\n", "b", "no row has a value", id="target all missing"),
        pytest.param("a,b\n" + "1,x\n" * 30, "b", "one class, 'x'", id="one class"),
        pytest.param("a,b\n" + "".join(f"{n},t{n}\n" for n in range(30)), "b", "different texts", id="names as target"),
        pytest.param('a,b\n1,2,3,4\n"', "b", "not a CSV table", id="no table"),
        pytest.param("a,b\n" + "".join(f",{n % 2}\n" for n in range(30)), "b", None, id="a column without values"),
    ],
)
def test_tables_that_cannot_be_used_are_told(
    tmp_path: Path, content: str | None, target: str, says: str | None
) -> None:
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_text(content)
    if says is None:
        source = opened(path, target)
        assert source.train.tensors is not None
        assert not source.train.tensors[0].any()
        return
    with pytest.raises(DataError, match=says) as raised:
        opened(path, target)
    assert "\n" not in str(raised.value)


def test_unscaled_inputs_stay_as_they_are(mixed_csv: Path) -> None:
    source = opened(mixed_csv, standardise=False)
    assert source.train.tensors is not None
    assert float(source.train.tensors[0].max()) > 500
