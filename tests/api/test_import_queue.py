"""Rows of an import that ask for the queue: each takes the next free slot, in the file's order."""

import asyncio

import pytest

from api.answers import rows
from api.importing import accepted, imported, listed, table
from api.queueing import MONDAY, TUESDAY, WEDNESDAY, daily, next_free, queued, set_slots
from installation import Installation
from oncue.publishing.importing import ROWS

pytestmark = pytest.mark.anyio

HEADER = ("content", "accountIds", "queue", "scheduledFor")
CONFLICT = "queue: cannot be true together with scheduledFor: give one of them"
TEXTS = [f"Post {number}" for number in range(2 * ROWS)]


async def test_fifty_rows_take_the_next_fifty_slots_in_order(installation: Installation) -> None:
    await set_slots(installation, daily("09:00", "18:00"))
    await queued(installation)
    expected = await next_free(installation, len(TEXTS))
    mastodon = installation.account("MASTODON")

    job = await imported(installation, table(HEADER, *[(text, mastodon, "true") for text in TEXTS]))

    _, *posts = await listed(installation)
    assert job["successCount"] == len(TEXTS) == 50
    assert [post["content"] for post in posts] == TEXTS
    assert [post["scheduledFor"] for post in posts] == expected
    assert {post["status"] for post in posts} == {"scheduled"}
    assert [post["queuePosition"] for post in posts] == list(range(2, 52))


async def test_only_rows_that_say_so_take_a_slot(installation: Installation) -> None:
    await set_slots(installation, daily("09:00"))
    mastodon = installation.account("MASTODON")

    await imported(
        installation,
        table(
            HEADER,
            ("A draft", mastodon, "false"),
            ("Queued", mastodon, " TRUE "),
            ("Planned", mastodon, "", WEDNESDAY),
            ("Queued too", mastodon, "True"),
        ),
    )

    assert [(post["content"], post["scheduledFor"]) for post in await listed(installation)] == [
        ("A draft", None),
        ("Queued", MONDAY),
        ("Planned", WEDNESDAY),
        ("Queued too", TUESDAY),
    ]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_a_row_that_is_refused_leaves_its_slot_to_the_next(
    installation: Installation, query: str
) -> None:
    await set_slots(installation, daily("09:00"))
    x = installation.account("TWITTER")
    file = table(
        HEADER,
        ("One", x, "true"),
        ("Both", x, "true", TUESDAY),
        ("Both, and nobody's", "999", "true", TUESDAY),
        ("", x, "true", TUESDAY),
        ("x" * 281, x, "true"),
        ("What", x, "maybe"),
        ("Two", x, "true"),
    )

    job = await imported(installation, file, query)

    assert [(error["row"], error["message"]) for error in job["errors"]] == [
        (3, CONFLICT),
        (4, "accountIds: No account with number 999"),
        (4, CONFLICT),
        (5, "content is required"),
        (5, CONFLICT),
        (6, "content: X takes 280 weighted characters; this has 281"),
        (7, 'queue: "maybe" is neither true nor false'),
    ]
    assert job["successCount"] == 2
    if query:
        assert await next_free(installation, 1) == [MONDAY]
    else:
        times = [(post["content"], post["scheduledFor"]) for post in await listed(installation)]
        assert times == [("One", MONDAY), ("Two", TUESDAY)]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_without_slots_every_such_row_is_told_so(
    installation: Installation, query: str
) -> None:
    mastodon = installation.account("MASTODON")
    before = await rows(installation)
    file = table(HEADER, ("One", mastodon, "true"), ("Two", f"{mastodon};999", "true"))

    job = await imported(installation, file, query)

    no_slots = "The queue has no slots: PUT /v1/queue/slots sets them"
    assert job["errors"] == [
        {"row": 2, "message": no_slots},
        {"row": 3, "message": "accountIds: No account with number 999"},
    ]
    assert await rows(installation) == dict(before) | {"import_job": 1, "import_row": 2}


async def test_imports_and_requests_beside_each_other_never_share_a_slot(
    installation: Installation,
) -> None:
    await set_slots(installation, daily("09:00"))
    mastodon = installation.account("MASTODON")
    file = table(HEADER, *[(text, mastodon, "true") for text in TEXTS])
    expected = await next_free(installation, len(TEXTS) + 10)
    await accepted(installation, file)

    await asyncio.gather(installation.errands(), *(queued(installation) for _ in range(10)))

    posts = await listed(installation)
    times = {post["content"]: post["scheduledFor"] for post in posts if post["content"] in TEXTS}
    assert sorted(post["scheduledFor"] for post in posts) == expected
    assert list(times) == TEXTS
    assert list(times.values()) == sorted(times.values())
