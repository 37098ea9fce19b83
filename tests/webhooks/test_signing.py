"""Deliveries are signed so that the reference verifier, and a plain HMAC, accept them."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from oncue.webhooks.signing import (
    DEFAULT_PLAIN_HEADER,
    ROTATION_GRACE,
    Secret,
    is_plain_header,
    living,
    new_secret,
    rotate,
    sign,
)

BODY = '{"type":"post.published","data":{"content":"Grüße 🎉"}}'.encode()
OLD = new_secret(b"o" * 32)
NEW = new_secret(b"n" * 32)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def now() -> datetime:
    """The verifier knows one clock only: the machine's."""
    return datetime.now(UTC)


def accepts(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Whether a receiver built on the reference verifier takes the delivery."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_reference_verifier_accepts_a_delivery() -> None:
    headers = sign("evt_1", BODY, [Secret(value=NEW)], now())

    assert Webhook(NEW).verify(BODY, headers)["type"] == "post.published"


def test_the_headers_are_these_to_the_letter() -> None:
    headers = sign("evt_1", BODY, [Secret(value=NEW)], NOON)

    signed = b"evt_1.1795348800." + BODY
    expected = base64.b64encode(hmac.digest(b"n" * 32, signed, "sha256")).decode()
    assert headers == {
        "webhook-id": "evt_1",
        "webhook-timestamp": "1795348800",
        "webhook-signature": f"v1,{expected}",
        "X-Oncue-Signature": f"sha256={hmac.digest(NEW.encode(), BODY, 'sha256').hex()}",
    }


@pytest.mark.parametrize("position", [0, len(BODY) // 2, len(BODY) - 1])
def test_one_flipped_bit_is_refused(position: int) -> None:
    headers = sign("evt_1", BODY, [Secret(value=NEW)], now())
    broken = bytearray(BODY)
    broken[position] ^= 1

    assert not accepts(NEW, broken.decode(errors="replace").encode(), headers)


def test_another_secret_another_id_or_another_time_is_refused() -> None:
    headers = sign("evt_1", BODY, [Secret(value=NEW)], now())
    other_second = str(int(headers["webhook-timestamp"]) + 1)

    assert accepts(NEW, BODY, headers)
    assert not accepts(OLD, BODY, headers)
    assert not accepts(NEW, BODY, headers | {"webhook-id": "evt_2"})
    assert not accepts(NEW, BODY, headers | {"webhook-timestamp": other_second})


@pytest.mark.parametrize(("seconds", "is_fresh"), [(-301, False), (-290, True), (310, False)])
def test_a_delivery_is_good_for_five_minutes(seconds: int, is_fresh: bool) -> None:
    headers = sign("evt_1", BODY, [Secret(value=NEW)], now() + timedelta(seconds=seconds))

    assert accepts(NEW, BODY, headers) is is_fresh


def test_a_retry_keeps_the_id_and_is_signed_anew() -> None:
    first = sign("evt_1", BODY, [Secret(value=NEW)], NOON)
    again = sign("evt_1", BODY, [Secret(value=NEW)], NOON + timedelta(seconds=5))

    assert again["webhook-id"] == first["webhook-id"]
    assert again["webhook-timestamp"] != first["webhook-timestamp"]
    assert again["webhook-signature"] != first["webhook-signature"]


def test_during_a_rotation_both_secrets_verify() -> None:
    secrets = rotate([Secret(value=OLD)], NEW, now())

    headers = sign("evt_1", BODY, secrets, now())

    assert len(headers["webhook-signature"].split(" ")) == 2
    assert accepts(OLD, BODY, headers)
    assert accepts(NEW, BODY, headers)


def test_after_the_grace_only_the_new_secret_verifies() -> None:
    secrets = rotate([Secret(value=OLD)], NEW, now() - ROTATION_GRACE)

    headers = sign("evt_1", BODY, secrets, now())

    assert len(headers["webhook-signature"].split(" ")) == 1
    assert not accepts(OLD, BODY, headers)
    assert accepts(NEW, BODY, headers)


def test_rotating_twice_leaves_each_retired_secret_its_own_day() -> None:
    newest = new_secret(b"x" * 32)
    later = NOON + timedelta(hours=1)

    secrets = rotate(rotate([Secret(value=OLD)], NEW, NOON), newest, later)

    assert secrets == [
        Secret(value=newest),
        Secret(value=NEW, ends_at=later + ROTATION_GRACE),
        Secret(value=OLD, ends_at=NOON + ROTATION_GRACE),
    ]
    assert living(secrets, NOON + timedelta(hours=24)) == secrets[:2]
    assert living(secrets, later + timedelta(hours=24)) == secrets[:1]
    assert living(secrets, NOON + timedelta(hours=23)) == secrets


def test_the_plain_signature_is_the_newest_secrets_and_in_the_endpoints_header() -> None:
    secrets = rotate([Secret(value=OLD)], NEW, NOON)

    headers = sign("evt_1", BODY, secrets, NOON, plain_header="X-Hub-Signature-256")

    expected = hmac.new(NEW.encode(), BODY, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert DEFAULT_PLAIN_HEADER not in headers


@pytest.mark.parametrize(
    "name",
    [
        "X-Oncue-Signature",
        "x-hub-signature-256",
        "Signature",
        "X-VoxBurst-Signature",
        "a" * 55 + "signature",
    ],
)
def test_a_plain_signature_may_go_under_any_name_of_a_signature(name: str) -> None:
    assert is_plain_header(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "Authorization",
        "webhook-signature",
        "Webhook-Signature-2",
        "X Signature",
        "X-Signature\r\nHost",
        "X-Signature\n",
        "X-Signature:",
        "X-\u017fignature",
        "X-Únterschrift-signature",
        "a" * 56 + "signature",
    ],
)
def test_a_plain_signature_goes_under_no_name_that_http_goes_by(name: str) -> None:
    assert not is_plain_header(name)


def test_a_secret_is_its_bytes_in_base64() -> None:
    assert new_secret(bytes(range(24))) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    assert len(base64.b64decode(new_secret(bytes(64)).removeprefix("whsec_"))) == 64


@pytest.mark.parametrize("length", [0, 23, 65])
def test_a_secret_that_is_too_short_or_too_long_is_not_made(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        new_secret(bytes(length))


def test_a_secret_does_not_show_itself() -> None:
    assert NEW not in repr(Secret(value=NEW))
