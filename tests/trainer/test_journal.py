"""A journal loses nothing that was written whole, and shows nothing that was not."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.journal import JournalHeld, JournalReader, JournalWriter, is_held

LINES = st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\x85\u2028\u2029")))


def whole(path: Path) -> list[str]:
    reader, lines = JournalReader(path), []
    while chunk := reader.read(limit_bytes=7):
        lines += chunk
    return lines


@given(lines=LINES)
def test_what_is_written_is_read_in_order(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("journal") / "lines.jsonl"
    writer = JournalWriter(path)
    for line in lines:
        writer.append(line)
    writer.close()
    assert whole(path) == lines


@given(torn=st.binary(min_size=1, max_size=30).filter(lambda tail: b"\n" not in tail))
def test_a_torn_tail_is_cut_off_and_the_rest_stays(tmp_path_factory: pytest.TempPathFactory, torn: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "lines.jsonl"
    path.write_bytes(b"one\ntwo\n" + torn)
    assert whole(path) == ["one", "two"], "a reader waits for the newline"
    writer = JournalWriter(path)
    writer.append("three")
    writer.close()
    assert whole(path) == ["one", "two", "three"]


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    writer = JournalWriter(path)
    writer.append("one")
    with pytest.raises(JournalHeld):
        JournalWriter(path)
    assert JournalReader(path).read() == ["one"]
    assert is_held(path)
    writer.close()
    assert not is_held(path)


def test_an_absent_file_has_no_lines(tmp_path: Path) -> None:
    assert JournalReader(tmp_path / "none").read() == []
    assert not is_held(tmp_path / "none")


def test_a_full_disk_drops_lines_and_counts_them(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    writer = JournalWriter(tmp_path / "lines.jsonl")
    os.dup2(os.open("/dev/full", os.O_WRONLY), writer._file)
    assert not writer.append("one", "two")
    assert writer.dropped == 2
