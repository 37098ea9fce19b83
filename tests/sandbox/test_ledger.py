"""The ledger is the simulated networks' memory, and a kill -9 must not touch it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from oncue.sandbox.faults import Faults
from oncue.sandbox.ledger import Entry, Kind, Ledger
from oncue.sandbox.network import World

NOW = datetime(2026, 11, 22, 9, 30, 0, 123_456, tzinfo=UTC)


def note(
    ledger: Ledger, id_: str, *, kind: Kind = "post", platform: str = "P", account: str = "maria"
) -> Entry:
    return ledger.record(platform=platform, account=account, kind=kind, id=id_, at=NOW)


def ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]


def world(ledger: Ledger) -> World:
    return World(ledger=ledger, faults=Faults(), now=lambda: NOW, base_url="http://sandbox")


def test_an_entry_says_everything_about_what_was_accepted() -> None:
    entry = Ledger().record(
        platform="TWITTER",
        account="maria",
        kind="comment",
        id="7",
        at=NOW,
        parent="6",
        text="Grüße",
        media=({"type": "image/png", "bytes": 3},),
        key="pp_1",
    )

    assert entry == Entry(
        seq=1,
        platform="TWITTER",
        account="maria",
        kind="comment",
        id="7",
        parent="6",
        text="Grüße",
        media=[{"type": "image/png", "bytes": 3}],
        key="pp_1",
        at="2026-11-22T09:30:00.123Z",
    )


def test_an_entry_is_on_the_disk_before_the_caller_is_answered(tmp_path: Path) -> None:
    file = tmp_path / "new" / "ledger.jsonl"
    ledger = Ledger(file)

    entry = note(ledger, "1")

    reader = Ledger(file)  # as after a kill -9: the first was never closed
    assert reader.entries() == [entry]
    ledger.close()
    reader.close()


def test_a_torn_last_line_is_dropped_and_the_next_entry_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    whole = note(ledger, "1")
    note(ledger, "torn")
    ledger.close()
    file.write_bytes(file.read_bytes()[:-10])

    mended = Ledger(file)
    after = note(mended, "2")
    mended.close()

    reader = Ledger(file)
    assert reader.entries() == [whole, after]
    assert after.seq == 2
    reader.close()


def test_clearing_forgets_on_the_disk_too_and_numbers_start_again(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    note(ledger, "1")

    ledger.clear()
    after = note(ledger, "2")
    ledger.close()

    reader = Ledger(file)
    assert reader.entries() == [after]
    assert after.seq == 1
    reader.close()


def test_a_closed_ledger_may_be_closed_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")

    ledger.close()
    ledger.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["1", "2", "3", "4"]),
        ({"platform": "P"}, ["1", "2", "4"]),
        ({"account": "maria"}, ["1", "3", "4"]),
        ({"kind": "upload"}, ["4"]),
        ({"platform": "P", "account": "maria", "kind": "post"}, ["1"]),
        ({"account": "nobody"}, []),
    ],
)
def test_entries_are_narrowed_to_what_is_asked_for(
    wanted: dict[str, Kind], found: list[str]
) -> None:
    ledger = Ledger()
    note(ledger, "1")
    note(ledger, "2", account="ines")
    note(ledger, "3", platform="Q")
    note(ledger, "4", kind="upload")

    assert ids(ledger.entries(**wanted)) == found


def test_live_posts_are_the_accounts_posts_and_comments_that_were_not_deleted() -> None:
    ledger = Ledger()
    note(ledger, "kept")
    note(ledger, "answer", kind="comment")
    note(ledger, "gone")
    note(ledger, "file", kind="upload")
    note(ledger, "gone", kind="delete")
    note(ledger, "kept", kind="delete", account="ines")  # her own, not this one
    note(ledger, "elsewhere", platform="Q")

    assert ids(ledger.live_posts("P", "maria")) == ["kept", "answer"]


def test_a_number_is_never_given_twice_not_even_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    before = world(ledger)
    album = [before.serial() for _ in range(10)]  # the most numbers one entry uses up
    note(ledger, ",".join(map(str, album)))
    ledger.close()

    reader = Ledger(file)
    after = world(reader)

    assert len({*album, after.serial(), after.serial()}) == 12
    reader.close()
