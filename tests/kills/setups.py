"""Small real runs in which each state of a trial comes by, each a few seconds long."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.driving.orders import Orders, make_run
from advisor.runs import Run
from examples.digits_images import write as write_digits
from trainer.config import Config, parse


@dataclass(frozen=True)
class Setup:
    """A configuration, and how it is run."""

    sections: dict[str, dict[str, Any]]
    lockstep: bool = False
    pictures: bool = False
    """The digits lie as files, each decoded anew whenever it is drawn."""

    def make(self, folder: Path) -> Run:
        """Make the run's directory, in auto mode."""
        config = self.config(folder.parent)
        return make_run(folder, folder.name, Orders(config=config, mode="auto", lockstep=self.lockstep))

    def config(self, beside: Path) -> Config:
        """Return the configuration; pictures are written into the folder beside the run's."""
        raw = {
            "data": {"source": "sklearn:digits"} | self.sections.get("data", {}),
            "model": {"name": "mlp"} | self.sections.get("model", {}),
            "train": {"threads": 1, "batch_size": 32} | self.sections.get("train", {}),
            "advisor": {"compress": False} | self.sections.get("advisor", {}),
        }
        if self.pictures:
            pictures = beside / "pictures"
            if not pictures.is_dir():
                write_digits(pictures)
            raw["data"]["source"] = f"images:{pictures}"
        return parse(raw, "a run to be killed")


SETUPS = {
    "healthy": Setup({"model": {"hidden": [32]}, "train": {"epochs": 120, "batch_size": 64, "lr": 3e-3}}),
    "forked": Setup(
        {
            "data": {"rare": {"7": 0.05, "8": 0.05, "9": 0.05}},
            "model": {"hidden": [512, 512]},
            "train": {"epochs": 20, "lr": 1e-3},
        },
        lockstep=True,
    ),
    "swept": Setup(
        {"model": {"hidden": [512, 512]}, "train": {"epochs": 20, "optimizer": "sgd", "lr": 1e-4}}, lockstep=True
    ),
    "rescued": Setup(
        {"model": {"hidden": [256, 256]}, "train": {"epochs": 10, "optimizer": "sgd", "lr": 1e4}}, lockstep=True
    ),
    "timed": Setup(
        {"data": {"transforms": ["rotate:10"]}, "train": {"epochs": 35, "lr": 1e-3}},
        pictures=True,
    ),
    "saved": Setup(
        {"model": {"hidden": [1024, 1024]}, "train": {"epochs": 8, "lr": 1e-3, "checkpoint_every": 0.25}},
    ),
    "compressed": Setup(
        {
            "model": {"name": "cnn", "width": 8},
            "train": {"epochs": 4, "lr": 3e-3},
            "advisor": {"compress": True, "compress_loss": 0.02},
        }
    ),
}
"""By name; each is chosen for a state that it surely comes through."""
