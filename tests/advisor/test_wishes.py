"""Wishes of viewers: each is heard once, whatever becomes of the driver."""

from pathlib import Path

import pytest

from advisor.driving.wishes import WishReader, send_wish
from advisor.ledger import Wished
from advisor.runs import Run
from trainer.journal import JournalHeld, JournalWriter


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "wishes").mkdir()
    return Run(tmp_path)


def test_a_wish_is_heard_once_under_its_viewers_name(run: Run) -> None:
    reader = WishReader(run)
    send_wish(run, Wished(wish="accept", target="p1", viewer="me"))
    assert [(one.wish, one.target, one.viewer) for one in reader.read()] == [("accept", "p1", "me")]
    assert reader.read() == []


def test_a_viewer_cannot_speak_in_anothers_name(run: Run) -> None:
    (run.wishes / "me.jsonl").write_text(Wished(wish="stop", viewer="you").model_dump_json() + "\n")
    assert WishReader(run).read()[0].viewer == "me"


def test_a_new_driver_does_not_hear_again_what_the_old_one_heard(run: Run) -> None:
    for wish in ("pause", "resume", "freeze"):
        send_wish(run, Wished(wish=wish, viewer="me"))
    heard = WishReader(run).read()[:2]
    assert [one.wish for one in WishReader(run, ledger=heard).read()] == ["freeze"]


def test_a_line_that_is_no_wish_wishes_nothing_but_counts(run: Run) -> None:
    (run.wishes / "me.jsonl").write_text("nonsense\n" + Wished(wish="stop").model_dump_json() + "\n")
    heard = WishReader(run).read()
    assert [one.wish for one in heard] == ["", "stop"]
    assert WishReader(run, ledger=heard).read() == []


def test_two_viewers_of_one_name_are_refused(run: Run) -> None:
    held = JournalWriter(run.wishes / "me.jsonl")
    with pytest.raises(JournalHeld):
        send_wish(run, Wished(wish="stop", viewer="me"))
    held.close()
