"""How far the advisor may go in a run."""

from dataclasses import dataclass
from typing import Literal, Self

from advisor.driving.plan import FullPlan
from trainer.config import Config

Mode = Literal["watch", "advise", "auto"]


@dataclass(frozen=True)
class Settings:
    """How far the advisor may go in this run."""

    mode: Mode = "auto"
    budget: float = 0.10
    mute: tuple[str, ...] = ()
    compress: bool = True
    compress_loss: float = 0.01
    lockstep: bool = False
    plan: FullPlan | None = None
    """What a former run kept, which the trainer does again."""

    @classmethod
    def from_config(cls, config: Config, mode: Mode, lockstep: bool) -> Self:
        """Return the settings of a configuration; how it is run decides the mode where the file leaves it open."""
        told = config.advisor
        return cls(told.mode or mode, told.budget, told.mute, told.compress, told.compress_loss, lockstep)
