"""The example that writes digits as pictures does so once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.data.written import configured
from trainer.data.source import open_source

SCRIPT = Path(__file__).parents[3] / "examples" / "digits_images.py"


@pytest.mark.slow
def test_the_script_writes_the_digits_and_may_be_run_again(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, SCRIPT, tmp_path], check=True, capture_output=True)
        stamps = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.png")}
        assert len(stamps) == 1797
        missing = next(iter(stamps))
        missing.unlink()
    source = open_source(configured(f"images:{tmp_path}"))
    assert len(source.classes) == 10
    assert source.train.targets is not None
    assert np.ptp(np.bincount(source.train.targets.numpy())) < 10
