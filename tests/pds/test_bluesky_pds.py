"""A whole installation publishes to the real Bluesky server. `make pds` installs that."""

import base64
from dataclasses import replace

import pytest

from installation import Installation
from oncue.accounts.line import Line
from oncue.accounts.models import Account
from oncue.connectors.answers import Refused
from oncue.connectors.base import Account as Speaker
from oncue.connectors.bluesky import Bluesky
from oncue.connectors.conversation import drive
from oncue.connectors.spec import Draft
from oncue.lib.http import NeverAnswered
from pds.pds import LossyClient, Person, sign_up

pytestmark = pytest.mark.anyio

BLUESKY = Bluesky()
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Killed(BaseException):
    """The process ends here, with whatever it has written so far."""


def line_of(oncue: Installation, account: Account) -> Line:
    """The account's way to the network."""
    return Line(oncue.services.wire, BLUESKY, account.id, oncue.workspace_id, account.server)


def speaker(account: Account) -> Speaker:
    return Speaker(native_id=account.native_id, username=account.username, server=account.server)


async def test_text_is_published_with_what_it_links_to(
    oncue: Installation, maria: Person, account: Account
) -> None:
    content = f"👋 https://oncue.test/é #hi @{maria.handle}"

    post = await oncue.publish("BLUESKY", content=content)

    [record] = await maria.records()
    [platform] = post["platforms"]
    assert (post["status"], platform["platformPostId"]) == ("published", record["uri"])
    assert record["value"]["text"] == content
    text = content.encode()
    assert [
        (text[each["index"]["byteStart"] : each["index"]["byteEnd"]].decode(), each["features"][0])
        for each in record["value"]["facets"]
    ] == [
        (
            "https://oncue.test/é",
            {"$type": "app.bsky.richtext.facet#link", "uri": "https://oncue.test/é"},
        ),
        ("#hi", {"$type": "app.bsky.richtext.facet#tag", "tag": "hi"}),
        (f"@{maria.handle}", {"$type": "app.bsky.richtext.facet#mention", "did": maria.did}),
    ]


async def test_an_image_is_published_with_its_description(
    oncue: Installation, maria: Person, account: Account
) -> None:
    uploaded = await oncue.api.post(
        "/v1/media",
        files={"file": ("pixel.png", PIXEL, "image/png")},
        data={"altText": "A pixel"},
    )
    assert uploaded.status_code == 201, uploaded.text

    post = await oncue.publish("BLUESKY", content="Look", media=[uploaded.json()["id"]])

    assert post["status"] == "published"
    [record] = await maria.records()
    [image] = record["value"]["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A pixel", {"width": 1, "height": 1})
    assert (image["image"]["mimeType"], image["image"]["size"]) == ("image/png", len(PIXEL))


async def test_a_post_is_deleted_and_deleting_it_again_is_no_error(
    oncue: Installation, maria: Person, account: Account
) -> None:
    post = await oncue.publish("BLUESKY")
    record_id = post["platforms"][0]["platformPostId"]
    line = line_of(oncue, account)

    for _ in range(2):
        await drive(BLUESKY.delete(record_id, speaker(account)), line.send, oncue.clock.sleep)

    assert await maria.records() == []


async def test_a_post_whose_answer_was_lost_is_sent_again_and_there_once(
    oncue: Installation, maria: Person, account: Account, client: LossyClient
) -> None:
    client.loses = NeverAnswered("the connection is gone")

    post = await oncue.publish("BLUESKY")

    assert post["status"] == "published"
    assert client.posts_sent == 2
    assert len(await maria.records()) == 1


async def test_a_post_the_server_had_when_the_process_died_is_there_once(
    oncue: Installation, maria: Person, account: Account, client: LossyClient
) -> None:
    client.loses = Killed()
    with pytest.raises(Killed):
        await oncue.publish("BLUESKY")
    [record] = await maria.records()

    assert await oncue.worker.sweep() == 1  # as the next start does
    await oncue.run_due()

    [post] = (await oncue.api.get("/v1/posts")).json()["data"]
    assert (post["status"], post["platforms"][0]["platformPostId"]) == ("published", record["uri"])
    assert client.posts_sent == 2
    assert await maria.records() == [record]


async def test_a_mention_that_resolves_only_later_does_not_double_the_post(
    oncue: Installation, maria: Person, account: Account, client: LossyClient
) -> None:
    otto = f"otto-{maria.handle}"
    client.loses = Killed()
    with pytest.raises(Killed):
        await oncue.publish("BLUESKY", content=f"Hello @{otto}")
    await sign_up(maria.http, maria.url, otto)

    await oncue.worker.sweep()
    await oncue.run_due()  # the server says InvalidSwap: the facets differ

    [post] = (await oncue.api.get("/v1/posts")).json()["data"]
    assert post["status"] == "published"
    [record] = await maria.records()
    assert "facets" not in record["value"]


async def test_another_post_under_the_same_key_is_refused(
    oncue: Installation, maria: Person, account: Account
) -> None:
    line, draft = line_of(oncue, account), Draft(text="First", key="1", begun_at=oncue.clock())
    await drive(BLUESKY.publish(draft, speaker(account)), line.send, oncue.clock.sleep)

    other = BLUESKY.publish(replace(draft, text="Something else"), speaker(account))
    with pytest.raises(Refused, match="Record was at"):
        await drive(other, line.send, oncue.clock.sleep)

    assert [record["value"]["text"] for record in await maria.records()] == ["First"]
