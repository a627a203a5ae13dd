"""A training short enough for tests that start real processes."""

from pathlib import Path

import pytest

SHORT = """
[data]
source = "sklearn:digits"

[model]
name = "mlp"
hidden = [32]

[train]
epochs = 4
lr = 0.003
threads = 1

[advisor]
compress = false
"""


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A healthy training of some seconds, its process start included."""
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A training that no test waits for."""
    path = tmp_path / "long.toml"
    path.write_text(SHORT.replace("epochs = 4", "epochs = 4000"))
    return path
