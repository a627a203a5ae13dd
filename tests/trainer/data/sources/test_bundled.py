"""The bundled sets open by name, split, scaled, the same every time."""

import pytest
import torch

from tests.trainer.data.written import configured
from trainer.data.source import DataError, open_source


@pytest.mark.parametrize(
    ("name", "kind", "inputs", "classes", "shape", "examples"),
    [
        pytest.param("digits", "classification", "image", 10, (1, 8, 8), 1797, id="digits"),
        pytest.param("iris", "classification", "table", 3, (4,), 150, id="iris"),
        pytest.param("wine", "classification", "table", 3, (13,), 178, id="wine"),
        pytest.param("breast_cancer", "classification", "table", 2, (30,), 569, id="breast cancer"),
        pytest.param("diabetes", "regression", "table", 0, (10,), 442, id="diabetes"),
    ],
)
def test_a_bundled_set_opens_by_name(
    name: str, kind: str, inputs: str, classes: int, shape: tuple[int, ...], examples: int
) -> None:
    source, again = (open_source(configured(f"sklearn:{name}")) for _ in range(2))
    assert (source.kind, source.inputs, len(source.classes), source.input_shape) == (kind, inputs, classes, shape)
    assert source.test is not None
    assert source.train.examples + source.val.examples + source.test.examples == examples
    assert source.train.tensors is not None
    assert again.train.tensors is not None
    values, targets = source.train.tensors
    assert values.dtype == torch.float32
    assert targets.dtype == (torch.int64 if classes else torch.float32)
    assert torch.equal(values, again.train.tensors[0])
    assert abs(float(values.mean())) < 1e-3
    assert abs(float(values.std()) - 1) < 0.02


def test_the_digits_read_from_their_file_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    source = open_source(configured("sklearn:digits", standardise=False))
    assert source.train.tensors is not None
    number = int(source.train.identities(4).split()[1])
    digits = load_digits()
    assert source.train.tensors[0][4, 0].mul(16).numpy() == pytest.approx(digits.images[number])
    assert int(source.train.tensors[1][4]) == digits.target[number]


@pytest.mark.parametrize(
    ("source", "data", "says"),
    [
        pytest.param("sklearn:digit", {}, "did you mean 'digits'", id="unknown name"),
        pytest.param("sklern:digits", {}, "did you mean 'sklearn'", id="unknown kind"),
        pytest.param("digits", {}, "write sklearn:NAME", id="no kind"),
        pytest.param("sklearn:digits", {"transforms": ["flip"]}, r"data\.transforms has no effect", id="transforms"),
        pytest.param("sklearn:iris", {"target": "x"}, r"data\.target is for csv", id="target"),
        pytest.param("sklearn:diabetes", {"rare": {"a": 0.5}}, "target is a number", id="rare"),
        pytest.param("sklearn:digits", {"rare": {"11": 0.5}}, "did you mean '1'", id="rare class"),
    ],
)
def test_a_mistake_in_the_source_is_one_line(source: str, data: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        open_source(configured(source, **data))
    assert "\n" not in str(raised.value)
