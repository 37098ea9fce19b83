"""The demo: the whole way of a post on simulated networks, and its audit."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.operators import Operator
from oncue.cli import demo_calendar
from oncue.cli.demo_calendar import Desk, Line
from oncue.cli.demo_ledger import Claim, Verdict, audit, claims_of
from oncue.lib.http import Request

NETWORKS = {"TWITTER", "BLUESKY", "MASTODON", "TELEGRAM"}
HELLO = Claim(platform="MASTODON", text="Hello", status="published", id="7")


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calendar with hardly anything in it."""
    monkeypatch.setattr(demo_calendar, "PEACEFUL", {})
    monkeypatch.setattr(demo_calendar, "AHEAD", timedelta())


def entry(**facts: Any) -> Mapping[str, Any]:
    return {"platform": "MASTODON", "kind": "post", "text": "Hello", "id": "7"} | facts


def test_the_demo_goes_as_planned_and_the_networks_agree(operator: Operator) -> None:
    said = operator.types("demo", "--json")

    assert (said.code, said.err) == (0, "")
    report = said.json
    assert report["agrees"] is True
    assert report["seconds"] < 20
    assert all(line["asPlanned"] for line in report["destinations"])
    assert all(verdict["agrees"] for verdict in report["ledger"])
    published = [line for line in report["destinations"] if line["status"] == "published"]
    assert {line["platform"] for line in published} == NETWORKS
    assert all(line["url"] for line in published)
    failed = [line["note"] for line in report["destinations"] if line["status"] == "failed"]
    assert [note.split()[0] for note in failed] == ["This", "tries", "OUTCOME_UNKNOWN:"]
    late = [line for line in report["destinations"] if line["latenessMs"] is not None]
    assert {line["platform"] for line in late} == NETWORKS
    assert all(0 <= line["latenessMs"] < 2_000 for line in late)


def test_the_demo_for_people_shows_both_sides_and_keeps_its_data_where_it_is_told(
    operator: Operator, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"

    said = operator.types("demo", "--data-dir", str(folder))

    assert said.code == 0
    assert "✓ A thread of three on X" in said.out
    assert "https://x.com/oncue/status/" in said.out
    assert said.out.count("agrees") == 19
    assert "DIFFERS" not in said.out
    assert {"oncue.db", "secret-keys", "sandbox-ledger.jsonl"} <= {f.name for f in folder.iterdir()}
    assert not operator.folder.exists()


def test_the_demo_does_not_touch_a_folder_that_is_in_use(
    operator: Operator, tmp_path: Path
) -> None:
    (tmp_path / "oncue.db").write_bytes(b"precious")

    said = operator.types("demo", "--data-dir", str(tmp_path))

    assert (said.code, said.out) == (1, "")
    assert "is not empty" in said.err
    assert (tmp_path / "oncue.db").read_bytes() == b"precious"


@pytest.mark.usefixtures("hurry")
def test_a_post_that_went_out_behind_oncues_back_is_a_difference(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_calendar, "TROUBLED", {"Somebody posts by hand": _post_by_hand})

    said = operator.types("demo", "--json")

    assert said.code == 1
    [differing] = [verdict for verdict in said.json["ledger"] if not verdict["agrees"]]
    assert differing["status"] is None
    assert [stranger["text"] for stranger in differing["entries"]] == ["By hand"]


@pytest.mark.usefixtures("hurry")
def test_a_plan_that_fails_is_shown_to_people_too(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def disappoint(_desk: Desk) -> list[Line]:
        return [Line(what="hope", platform="TWITTER", status="failed", as_planned=False)]

    monkeypatch.setattr(demo_calendar, "TROUBLED", {"Hope": disappoint, "Hand": _post_by_hand})

    said = operator.types("demo")

    assert said.code == 1
    assert "1 not as planned, 1 lines on which the two differ" in said.out
    assert said.out.count("DIFFERS") == 1


@pytest.mark.usefixtures("hurry")
def test_an_answer_the_demo_cannot_use_ends_it(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask_nonsense(desk: Desk) -> list[Line]:
        await desk.ask("GET", "/v1/nothing")
        return []

    monkeypatch.setattr(demo_calendar, "TROUBLED", {"Nonsense": ask_nonsense})

    said = operator.types("demo", "--json")

    assert (said.code, said.out) == (1, "")
    assert "the demo could not go on: GET" in said.err


@pytest.mark.parametrize(
    ("claim", "entries", "agrees"),
    [
        (HELLO, [entry()], True),
        (HELLO, [entry(id="8")], False),
        (HELLO, [], False),
        (HELLO, [entry(), entry()], False),
        (Claim(platform="MASTODON", text="Hello", status="published", id=None), [entry()], True),
        (Claim(platform="MASTODON", text="Hello", status="published", id="a/b/7"), [entry()], True),
        (Claim(platform="MASTODON", text="Hello", status="failed", id=None), [], True),
        (Claim(platform="MASTODON", text="Hello", status="failed", id=None), [entry()], False),
    ],
)
def test_a_published_text_is_held_exactly_once_and_any_other_never(
    claim: Claim, entries: list[Mapping[str, Any]], agrees: bool
) -> None:
    [verdict] = audit([claim], entries)

    assert verdict.agrees is agrees
    assert verdict.entries == entries


@pytest.mark.parametrize(
    "stranger", [entry(text="Other"), entry(platform="TWITTER"), entry(kind="delete", text=None)]
)
def test_what_no_claim_is_about_is_a_difference_of_its_own(stranger: Mapping[str, Any]) -> None:
    verdicts = audit([HELLO], [entry(), stranger, entry(kind="upload", text=None)])

    assert verdicts == [
        Verdict(claim=HELLO, entries=[entry()]),
        Verdict(claim=None, entries=[stranger]),
    ]
    assert [verdict.agrees for verdict in verdicts] == [True, False]


def test_a_thread_claims_each_of_its_items_and_a_corrected_text_replaces_the_posts() -> None:
    destination = {"id": "pp_1", "platform": "twitter", "status": "published"}
    destination |= {"platformPostId": "9"}
    post = {"content": "Told", "threadPosts": [], "platforms": [destination]}
    items = [{"content": "one"}, {"content": "two"}]

    thread = claims_of(post | {"threadPosts": items}, {})
    corrected = claims_of(post, {"pp_1": "Better"})

    assert [(claim.text, claim.id) for claim in thread] == [("one", "9"), ("two", None)]
    assert [(claim.text, claim.id) for claim in corrected] == [("Better", "9")]


async def _post_by_hand(desk: Desk) -> list[Line]:
    await desk.http.send(
        Request(
            method="POST",
            url=f"{desk.sandbox}/mastodon/api/v1/statuses",
            headers={"authorization": "Bearer sandbox:oncue"},
            json={"status": "By hand"},
        )
    )
    return []
