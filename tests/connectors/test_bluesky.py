"""Bluesky as conversations: what is asked, and what its answers come to mean."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation import converse, ok
from oncue.connectors.answers import Refusal, Refused, Reply, Unclear
from oncue.connectors.base import Account, Call, Effect, Exchange, Identity, Published, Session
from oncue.connectors.bluesky import Bluesky, tid
from oncue.connectors.spec import Draft, Media

BLUESKY = Bluesky()
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
ACCOUNT = Account(native_id=DID, username="maria.test", server="https://pds.test")
BEGUN = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
RKEY = tid(BEGUN, "dst_1")
URI = f"at://{DID}/app.bsky.feed.post/{RKEY}"
WRITTEN = ok({"uri": URI, "cid": "bafyreicid", "validationStatus": "valid"})
POSTED = Published(id=URI, url=f"https://bsky.app/profile/{DID}/post/{RKEY}")
PHOTO = Media(
    id="med_1", type="image/jpeg", bytes=900_000, sha256="0" * 64, alt="A cat", width=4, height=3
)
KEY = {"repo": DID, "collection": "app.bsky.feed.post", "rkey": RKEY}
SWAPPED = Refused("Record was at bafyreiother", code="InvalidSwap")


def draft(text: str = "Hello", **more: Any) -> Draft:
    return Draft(text=text, key="dst_1", begun_at=BEGUN, **more)


def record(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {
        "$type": "app.bsky.feed.post",
        "text": text,
        "createdAt": "2026-11-22T10:00:00.123456Z",
        **more,
    }


def put(what: dict[str, Any]) -> Call:
    return Call(
        "POST",
        "/xrpc/com.atproto.repo.putRecord",
        json={**KEY, "record": what, "swapRecord": None},
        effect=Effect.KEYED,
        name="post",
    )


def resolve(handle: str) -> Call:
    return Call("GET", "/xrpc/com.atproto.identity.resolveHandle", query={"handle": handle})


def upload(item: Media) -> Call:
    return Call(
        "POST",
        "/xrpc/com.atproto.repo.uploadBlob",
        body=item,
        headers={"content-type": item.type},
    )


def facet(start: int, end: int, kind: str, **feature: str) -> dict[str, Any]:
    return {
        "index": {"byteStart": start, "byteEnd": end},
        "features": [{"$type": f"app.bsky.richtext.facet#{kind}", **feature}],
    }


GET = Call("GET", "/xrpc/com.atproto.repo.getRecord", query=KEY)


def test_text_becomes_a_record_under_our_own_key() -> None:
    asked, published = converse(BLUESKY.publish(draft(), ACCOUNT), [WRITTEN])

    assert asked == [put(record())]
    assert published == POSTED


def test_a_publication_begun_again_asks_for_the_very_same_record() -> None:
    first, _ = converse(BLUESKY.publish(draft(), ACCOUNT), [WRITTEN])
    second, _ = converse(Bluesky().publish(draft(), ACCOUNT), [WRITTEN])

    assert first == second


def test_links_and_tags_are_marked_in_bytes() -> None:
    text = "👋🏽 Größe: https://oncue.test/ä. #Frühling! (#2026)"

    asked, _ = converse(BLUESKY.publish(draft(text), ACCOUNT), [WRITTEN])

    expected = [
        facet(18, 39, "link", uri="https://oncue.test/ä"),
        facet(41, 51, "tag", tag="Frühling"),
    ]
    assert asked == [put(record(text, facets=expected))]
    assert text.encode()[18:39].decode() == "https://oncue.test/ä"


def test_a_mention_needs_the_accounts_permanent_id_and_asks_for_it_once() -> None:
    text = "é @Maria.test, (@maria.test) and @nobody.test"

    asked, published = converse(
        BLUESKY.publish(draft(text), ACCOUNT),
        [ok({"did": "did:plc:maria"}), Refused("Unable to resolve handle"), WRITTEN],
    )

    expected = [
        facet(3, 14, "mention", did="did:plc:maria"),
        facet(17, 28, "mention", did="did:plc:maria"),
    ]
    assert asked == [
        resolve("maria.test"),
        resolve("nobody.test"),
        put(record(text, facets=expected)),
    ]
    assert published == POSTED


def test_a_mention_is_not_lost_because_the_server_is_busy() -> None:
    busy = Refused("Rate Limit Exceeded", Refusal.RATE_LIMITED)

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.publish(draft("@maria.test"), ACCOUNT), [busy])

    assert refused.value is busy


@pytest.mark.parametrize(
    "text",
    [
        "maria@oncue.test",
        "@maria",
        "@maria.test_x",
        "https://oncue.test/@maria.test",
        "https://oncue.test?by=(@maria.test #one",
    ],
)
def test_not_every_at_sign_is_a_mention(text: str) -> None:
    asked, _ = converse(BLUESKY.publish(draft(text), ACCOUNT), [WRITTEN])

    assert len(asked) == 1


def test_a_tag_longer_than_the_network_takes_stays_plain() -> None:
    text = "#" + "x" * 65

    asked, _ = converse(BLUESKY.publish(draft(text), ACCOUNT), [WRITTEN])

    assert asked == [put(record(text))]


def test_images_are_uploaded_first_and_described() -> None:
    plain = Media(id="med_2", type="image/png", bytes=10, sha256="1" * 64)
    blobs = [{"$type": "blob", "ref": {"$link": name}} for name in ("one", "two")]

    asked, published = converse(
        BLUESKY.publish(draft("Cats", media=[PHOTO, plain]), ACCOUNT),
        [ok({"blob": blobs[0]}), ok({"blob": blobs[1]}), WRITTEN],
    )

    images = [
        {"image": blobs[0], "alt": "A cat", "aspectRatio": {"width": 4, "height": 3}},
        {"image": blobs[1], "alt": ""},
    ]
    embed = {"$type": "app.bsky.embed.images", "images": images}
    assert asked == [upload(PHOTO), upload(plain), put(record("Cats", embed=embed))]
    assert published == POSTED


def test_a_record_that_is_there_already_is_ours_when_it_says_what_we_said() -> None:
    there = ok({"uri": URI, "cid": "bafyreiother", "value": record(facets=[{"since": "resolved"}])})

    asked, published = converse(BLUESKY.publish(draft(), ACCOUNT), [SWAPPED, there])

    assert asked == [put(record()), GET]
    assert published == POSTED


@pytest.mark.parametrize(
    "value", [record("Somebody else's"), record(createdAt="2026-11-22T10:00:00.123457Z")]
)
def test_another_record_under_our_key_is_not_taken_for_ours(value: dict[str, Any]) -> None:
    there = ok({"uri": URI, "cid": "bafyreiother", "value": value})

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.publish(draft(), ACCOUNT), [SWAPPED, there])

    assert refused.value is SWAPPED


def test_a_record_that_was_there_and_is_gone_is_no_success() -> None:
    gone = Refused("Could not locate record", code="RecordNotFound")

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.publish(draft(), ACCOUNT), [SWAPPED, gone])

    assert refused.value is SWAPPED


def test_a_record_we_cannot_look_at_now_is_looked_at_later() -> None:
    busy = Refused("Not Enough Resources", Refusal.TRY_LATER)

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.publish(draft(), ACCOUNT), [SWAPPED, busy])

    assert refused.value is busy


def test_any_other_no_to_the_record_is_a_no() -> None:
    no = Refused("Invalid app.bsky.feed.post record", code="InvalidRequest")

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.publish(draft(), ACCOUNT), [no])

    assert refused.value is no


def test_a_post_is_deleted_by_its_key() -> None:
    asked, _ = converse(BLUESKY.delete(URI, ACCOUNT), [ok({})])

    assert asked == [Call("POST", "/xrpc/com.atproto.repo.deleteRecord", json=KEY)]


def test_the_session_says_whose_credentials_these_are() -> None:
    asked, identity = converse(
        BLUESKY.identify(Account(native_id="")), [ok({"did": DID, "handle": "maria.test"})]
    )

    assert asked == [Call("GET", "/xrpc/com.atproto.server.getSession")]
    assert identity == Identity(
        native_id=DID, username="maria.test", display_name="maria.test", moves=True
    )


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.text())  # noqa: DTZ001
def test_every_record_key_has_the_form_a_post_needs(moment: datetime, key: str) -> None:
    assert re.fullmatch("[234567abcdefghij][234567a-z]{12}", tid(moment.replace(tzinfo=UTC), key))


def test_record_keys_grow_with_time_and_differ_by_draft() -> None:
    keys = [tid(BEGUN + timedelta(milliseconds=n), "dst_1") for n in range(100)]

    assert keys == sorted(set(keys))
    assert tid(BEGUN, "dst_1") != tid(BEGUN, "dst_2")


def test_of_a_thousand_posts_begun_at_once_none_has_the_key_of_another() -> None:
    keys = {tid(BEGUN, f"dst_{number}") for number in range(1_000)}

    assert len(keys) == 1_000


# Signing in.

SECRETS = {"identifier": "@maria.test", "appPassword": "abcd-efgh"}
TOKENS = {"accessJwt": "new access", "refreshJwt": "new refresh"}
SESSION = Session(secrets=TOKENS, expires_in=timedelta(minutes=100))
EARNED = ok({**TOKENS, "did": DID, "handle": "maria.test"})
CREATE = Exchange(
    "POST",
    "/xrpc/com.atproto.server.createSession",
    json={"identifier": "maria.test", "password": "abcd-efgh"},
)
REFRESH = Exchange(
    "POST",
    "/xrpc/com.atproto.server.refreshSession",
    headers={"authorization": "Bearer old refresh"},
)


def test_the_first_session_takes_the_app_password() -> None:
    asked, session = converse(BLUESKY.sign_in(SECRETS), [EARNED])

    assert asked == [CREATE]
    assert session == SESSION


def test_a_session_is_renewed_while_that_works() -> None:
    asked, session = converse(BLUESKY.sign_in({**SECRETS, "refreshJwt": "old refresh"}), [EARNED])

    assert asked == [REFRESH]
    assert session == SESSION


def test_a_session_too_old_to_renew_is_replaced() -> None:
    expired = Refused("Token has been revoked", Refusal.EXPIRED, code="ExpiredToken")

    asked, session = converse(
        BLUESKY.sign_in({**SECRETS, "refreshJwt": "old refresh"}), [expired, EARNED]
    )

    assert asked == [REFRESH, CREATE]
    assert session == SESSION


def test_a_busy_server_is_not_asked_for_a_new_session() -> None:
    busy = Refused("Not Enough Resources", Refusal.TRY_LATER)

    with pytest.raises(Refused) as refused:
        converse(BLUESKY.sign_in({**SECRETS, "refreshJwt": "old refresh"}), [busy])

    assert refused.value is busy


def test_a_call_is_signed_with_the_access_token() -> None:
    signed = BLUESKY.sign(upload(PHOTO), TOKENS)

    assert signed.headers == {"content-type": "image/jpeg", "authorization": "Bearer new access"}


# What answers mean.


@pytest.mark.parametrize(
    ("status", "error", "meaning"),
    [
        (400, "ExpiredToken", Refusal.EXPIRED),
        (400, "InvalidToken", Refusal.EXPIRED),
        (401, "AuthMissing", Refusal.EXPIRED),
        (401, "AuthenticationRequired", Refusal.RECONNECT),
        (401, "AuthFactorTokenRequired", Refusal.RECONNECT),
        (401, "AccountTakedown", Refusal.RECONNECT),
        (401, "AccountDeactivated", Refusal.RECONNECT),
        (429, "RateLimitExceeded", Refusal.RATE_LIMITED),
        (503, "NotEnoughResources", Refusal.TRY_LATER),
        (400, "InvalidRequest", Refusal.REJECTED),
        (400, "InvalidSwap", Refusal.REJECTED),
        (400, "BlobNotFound", Refusal.REJECTED),
    ],
)
def test_an_error_means_what_its_name_says(status: int, error: str, meaning: Refusal) -> None:
    with pytest.raises(Refused, match="In words") as refused:
        BLUESKY.judge(Reply(status, {"error": error, "message": "In words"}))

    assert (refused.value.meaning, refused.value.code) == (meaning, error)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"error": "InternalServerError", "message": "Internal Server Error"}),
        Reply(502, "<html>Bad gateway</html>"),
        Reply(200, "<html>Welcome</html>"),
    ],
)
def test_an_answer_that_does_not_tell_is_unclear(reply: Reply) -> None:
    with pytest.raises(Unclear):
        BLUESKY.judge(reply)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "InvalidRequest"}, "InvalidRequest"),
        ({"error": 7, "message": ""}, "Bluesky answered with status 400"),
        (None, "Bluesky answered with status 400"),
        ({"message": "x" * 9000}, "x" * 500),
    ],
)
def test_there_are_always_words_for_a_person(body: Any, words: str) -> None:
    assert BLUESKY.words(Reply(400, body)) == words


def test_the_server_says_how_long_to_wait_in_seconds_or_not_at_all() -> None:
    assert BLUESKY.retry_after(Reply(429, None, {"retry-after": "30"})) == timedelta(seconds=30)
    assert BLUESKY.retry_after(Reply(429, None, {"ratelimit-reset": "1795314403"})) is None


# What may be sent.


def test_a_full_post_may_be_sent() -> None:
    assert BLUESKY.check(draft("é" * 300, media=[PHOTO] * 4)) == []


@pytest.mark.parametrize(
    ("post", "broken"),
    [
        (draft("x" * 301), [("content", "CONTENT_TOO_LONG", 300, 301)]),
        (draft("👨‍👩‍👧‍👦" * 150), [("content", "CONTENT_TOO_LONG", 3000, 3750)]),
        (draft(media=[PHOTO] * 5), [("media", "TOO_MANY_MEDIA", 4, 5)]),
        (
            draft(media=[Media(id="m", type="image/png", bytes=2_000_001, sha256="0" * 64)]),
            [("media", "MEDIA_TOO_LARGE", 2_000_000, 2_000_001)],
        ),
        (
            draft(media=[Media(id="m", type="video/mp4", bytes=1, sha256="0" * 64)]),
            [("media", "MEDIA_TYPE_NOT_SUPPORTED", None, None)],
        ),
    ],
)
def test_a_broken_rule_is_named(
    post: Draft, broken: list[tuple[str, str, int | None, int | None]]
) -> None:
    problems = BLUESKY.check(post)

    assert [(each.field, each.code, each.limit, each.actual) for each in problems] == broken
