"""The settings that a framework writes beside its log: Lightning's `hparams.yaml`, Ultralytics' `args.yaml`.

Only plain scalars at the top level are read; that is what both write, and all that a diagnosis asks for.
"""

import re
from pathlib import Path

from advisor.logs.frame import Frame, number
from advisor.logs.telling import EPOCH_STEPS

FILES = ("hparams.yaml", "args.yaml")
LARGEST_BYTES = 1 << 16
SCALAR = re.compile(r"^([A-Za-z]\w*):[ \t]+([^\s#&*!|>{\[][^\n]*?)[ \t]*$", re.MULTILINE)


def read_settings(folder: Path, frame: Frame) -> None:
    """Read the settings that lie beside a log, if any do."""
    for name in FILES:
        try:
            text = (folder / name).read_bytes()[:LARGEST_BYTES].decode("utf-8", "replace")
        except OSError:
            continue
        for key, value in SCALAR.findall(text):
            told = value.strip("'\"")
            if told and told != "null":
                frame.settings[key] = told if (numeric := number(told)) is None else numeric
        epochs = frame.settings.get("epochs")
        if name == "args.yaml" and frame.axis == "epoch" and isinstance(epochs, float) and 0 < epochs < 1e6:
            frame.steps_total = int(epochs) * EPOCH_STEPS
