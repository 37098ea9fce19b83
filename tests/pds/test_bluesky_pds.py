"""The Bluesky connector against the real server. `make pds` installs it."""

import base64
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from oncue.connectors.base import Call, Draft, Media, Published, Refusal, Refused
from pds.pds import Person, need_installation, newcomer, running

pytestmark = pytest.mark.anyio

BEGUN = datetime.now(UTC)
NUMBERS = itertools.count(1)
HELLO = Draft(text="👋 https://oncue.test/é #hi", key="dst_1", begun_at=BEGUN)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PHOTO = Media(
    id="med_1",
    type="image/png",
    bytes=len(PIXEL),
    sha256=hashlib.sha256(PIXEL).hexdigest(),
    alt="A pixel",
    width=1,
    height=1,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need_installation()
    with running(tmp_path_factory.mktemp("pds")) as url:
        yield url


@pytest.fixture
async def maria(server: str) -> AsyncIterator[Person]:
    """A newcomer in every test, so that nobody has posted yet."""
    async with ClientSession() as http:
        yield await newcomer(http, server, f"maria{next(NUMBERS)}.test")


async def records(person: Person) -> list[dict[str, Any]]:
    query = {"repo": person.account.native_id, "collection": "app.bsky.feed.post"}
    listing = await person.ask(Call("GET", "/xrpc/com.atproto.repo.listRecords", query=query))
    found: list[dict[str, Any]] = listing["records"]
    return found


async def publish(person: Person, draft: Draft) -> Published:
    return await person.run(person.connector.publish(draft, person.account))


async def test_text_is_published_with_what_it_links_to_and_deleted(maria: Person) -> None:
    draft = replace(HELLO, text=f"{HELLO.text} @{maria.account.username}")
    published = await publish(maria, draft)

    [record] = await records(maria)
    assert record["uri"] == published.id
    assert record["value"]["text"] == draft.text
    text = draft.text.encode()
    assert [
        (text[each["index"]["byteStart"] : each["index"]["byteEnd"]].decode(), each["features"][0])
        for each in record["value"]["facets"]
    ] == [
        (
            "https://oncue.test/é",
            {"$type": "app.bsky.richtext.facet#link", "uri": "https://oncue.test/é"},
        ),
        ("#hi", {"$type": "app.bsky.richtext.facet#tag", "tag": "hi"}),
        (
            f"@{maria.account.username}",
            {"$type": "app.bsky.richtext.facet#mention", "did": maria.account.native_id},
        ),
    ]

    for _ in range(2):
        await maria.run(maria.connector.delete(published.id, maria.account))
    assert await records(maria) == []


async def test_an_image_is_published_with_its_description(maria: Person) -> None:
    maria.files["med_1"] = PIXEL

    await publish(maria, replace(HELLO, text="", media=[PHOTO]))

    [record] = await records(maria)
    [image] = record["value"]["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A pixel", {"width": 1, "height": 1})
    assert (image["image"]["mimeType"], image["image"]["size"]) == ("image/png", len(PIXEL))


async def test_a_post_sent_twice_is_there_once(maria: Person) -> None:
    first = await publish(maria, HELLO)
    second = await publish(maria, HELLO)

    assert first == second
    assert len(await records(maria)) == 1


async def test_a_mention_that_resolves_only_later_does_not_double_the_post(maria: Person) -> None:
    draft = replace(HELLO, text="Hello @otto.test")
    first = await publish(maria, draft)
    await newcomer(maria.http, maria.url, "otto.test")

    second = await publish(maria, draft)  # the server says InvalidSwap: the facets differ

    assert first == second
    [record] = await records(maria)
    assert "facets" not in record["value"]


async def test_another_post_under_the_same_key_is_refused(maria: Person) -> None:
    await publish(maria, HELLO)

    with pytest.raises(Refused, match="Record was at"):
        await publish(maria, replace(HELLO, text="Something else"))

    assert [record["value"]["text"] for record in await records(maria)] == [HELLO.text]


async def test_a_session_is_renewed_or_else_begun_anew(maria: Person) -> None:
    before = maria.secrets["refreshJwt"]
    await maria.sign_in()
    renewed = maria.secrets["refreshJwt"]
    maria.secrets = {**maria.secrets, "refreshJwt": "nonsense"}
    await maria.sign_in()

    assert len({before, renewed, maria.secrets["refreshJwt"]}) == 3
    maria.secrets = {**maria.secrets, "refreshJwt": "", "appPassword": "wrong"}
    with pytest.raises(Refused) as refused:
        await maria.sign_in()
    assert refused.value.meaning is Refusal.RECONNECT


async def test_a_token_the_server_does_not_know_is_expired_to_us(maria: Person) -> None:
    maria.secrets = {**maria.secrets, "accessJwt": "nonsense"}

    with pytest.raises(Refused) as refused:
        await publish(maria, HELLO)

    assert refused.value.meaning is Refusal.EXPIRED
