"""Choices among literal findings, with a literal past."""

from advisor.deciding.assess import Standing
from advisor.deciding.causes import parts
from advisor.deciding.choose import Choice, choose
from advisor.deciding.history import History
from advisor.deciding.options import Scene
from advisor.ledger import (
    Entry,
    Judged,
    TrialHeard,
    TrialStarted,
)
from rules.vocabulary import Effect, Fix
from tests.advisor.literal import scene, started

LEARNING, SPEED, ROUNDING = Effect.CHANGES_LEARNING, Effect.SAME_MATHEMATICS, Effect.OTHER_ROUNDING


def history(*entries: Entry) -> History:
    made = History()
    made.hear(started())
    for entry in entries:
        made.enter(entry)
    return made


def attempt(
    trial: str, one: Fix, outcome: str, *, code: str = "OPT900", how: str = "fork", step: int = 300
) -> list[Entry]:
    return [
        TrialStarted(trial=trial, code=code, fix=one, how=how, old={}, expected_cost_s=1.0, step=step),
        TrialHeard(trial=trial, what="control", numbers={"steps": 40.0, "loss": 1.0}, step=step),
        Judged(trial=trial, code=code, outcome=outcome, why="a literal", cost_s=1.0, step=step),
    ]


def chosen(*standings: Standing, past: History | None = None, at: Scene | None = None) -> Choice:
    return choose(standings, parts(one.finding for one in standings), past or history(), at or scene())


def whys(choice: Choice) -> list[str]:
    return [no.why.partition(":")[0] for no in choice.refusals]
