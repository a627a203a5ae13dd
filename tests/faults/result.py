"""What a run of the bench has shown, as lines of JSON that later runs of the bench read again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tests.faults.case import Case

ArmName = Literal["untouched", "auto", "reference", "again", "random"]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")


class Alarm(_Line):
    """A finding that came up in a run."""

    code: str
    severity: Literal["info", "warning", "error"]
    role: Literal["cause", "contributing", "symptom"]
    explained_by: str = ""
    step: int
    message: str


class Deed(_Line):
    """A fix that was tried or applied."""

    code: str
    fix: str
    how: str
    step: int
    outcome: str
    undone: bool = False


class Arm(_Line):
    """One run of a case."""

    score: float
    """On the test split, which no trial saw: accuracy, R² or mean recall."""
    validation: float
    """The best main metric on the validation split."""
    seconds: float
    """Of processor time: what else runs on the machine does not count."""
    steps_total: int
    extra_steps: int = 0
    """Steps that ended up in nothing: losing arms of forks, and what was rolled back."""
    ended: str
    text: str = ""
    """Why it failed, or what the advisor itself noted as an error."""
    alarms: tuple[Alarm, ...] = ()
    causes: tuple[str, ...] = ()
    """Codes that were called the cause, in the order in which they were."""
    longest_cause: str = ""
    """The code that was called the cause over the most steps."""
    deeds: tuple[Deed, ...] = ()

    @property
    def changed(self) -> tuple[Deed, ...]:
        """Fixes that took hold."""
        return tuple(deed for deed in self.deeds if deed.outcome in ("kept", "applied_untried"))


class Result(_Line):
    """All runs of one case with one seed."""

    case: str
    seed: int
    digest: str
    """Of the case as it was: a changed case is run anew."""
    arms: dict[ArmName, Arm] = Field(default_factory=dict)


def digest_of(case: Case) -> str:
    """Return what tells one version of a case's trainings from another."""
    trained = (case.name, case.faulty, case.reference, case.scored_by)
    return hashlib.sha1(repr(trained).encode()).hexdigest()[:12]


def read_results(folder: Path, cases: Iterable[Case]) -> dict[tuple[str, int], Result]:
    """Return the results in a folder that belong to these cases as they are now, by case and seed."""
    current = {case.name: digest_of(case) for case in cases}
    read: dict[tuple[str, int], Result] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # a line that was cut off while it was written
            result = Result.model_validate_json(line)
            if current.get(result.case) == result.digest:
                read[result.case, result.seed] = result
    return read
