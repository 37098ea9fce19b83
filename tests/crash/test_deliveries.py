"""Kill -9 on the way of an event to its receiver: none is lost, and a doubled one is the same."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crash.receiver import Receiver, receiving
from crash.site import Site
from installation import MASTER_KEY
from oncue.accounts.vault import parse_keys
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.lib.crashpoints import AFTER_SEND, BEFORE_SEND, IN_DISPATCH
from oncue.outbox import Event
from oncue.webhooks import service as webhooks
from oncue.webhooks.models import Delivery
from oncue.webhooks.service import NewEndpoint
from oncue.webhooks.signing import new_secret
from processes import KILLED, eventually

POSTS = 10
TOLD = {"post.created", "post.publishing", "post.published"}
OPENED = {"ONCUE_OUTBOUND_ALLOW": "127.0.0.1"}
LONGER_THAN_A_LEASE = 90

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize("point", [IN_DISPATCH, BEFORE_SEND, AFTER_SEND])
def test_a_server_dies_with_what_it_was_about_to_tell(
    on_sqlite: Site, receiver: Receiver, point: str
) -> None:
    begin(on_sqlite, receiver)
    assert on_sqlite.serve(ONCUE_CRASH_AT=f"{point}:2", **OPENED).ended() == KILLED

    on_sqlite.serve(**OPENED)
    until_told(on_sqlite)

    check(on_sqlite, receiver)


def test_one_of_two_workers_dies_again_and_again(on_postgres: Site, receiver: Receiver) -> None:
    begin(on_postgres, receiver)
    other = on_postgres.start("worker", **OPENED)
    for enough in range(1, 10, 2):
        dying = on_postgres.start("worker", **OPENED)
        until_heard(receiver, enough)
        dying.kill()

    until_told(on_postgres)

    assert other.is_running()
    check(on_postgres, receiver)


def begin(site: Site, receiver: Receiver) -> None:
    """Have posts sent out of which the receiver wants to hear everything."""
    accounts = site.connect("MASTODON", "BLUESKY")
    new = NewEndpoint(url=receiver.url, events=sorted(TOLD))
    vault, secret = parse_keys(MASTER_KEY), new_secret(b"s" * 32)

    def make(session: Session) -> None:
        webhooks.create(session, vault, site.workspace_id, new, secret, utc_now())

    site.transact(make)
    site.publish_all([f"Post {number}" for number in range(POSTS)], accounts)


def until_heard(receiver: Receiver, count: int) -> None:
    eventually(lambda: len(receiver.heard) >= count, f"{count} messages are heard")


def until_told(site: Site) -> None:
    def left(session: Session) -> int:
        events = select(func.count()).where(Event.dispatched_at.is_(None))
        waiting = select(func.count()).where(Delivery.next_at.is_not(None))
        return (session.scalar(events) or 0) + (session.scalar(waiting) or 0)

    site.until_settled()
    eventually(lambda: site.transact(left) == 0, "everything is told", LONGER_THAN_A_LEASE)


def check(site: Site, receiver: Receiver) -> None:
    """Every event was told, under its own id and in the same words however often."""
    happened = site.transact(
        lambda session: {
            ids.to_typeid("evt", event.id): event.type
            for event in session.scalars(select(Event).where(Event.type.in_(TOLD)))
        }
    )
    said = dict(receiver.heard)
    assert len(happened) == len(TOLD) * POSTS
    assert {message_id: body["type"] for message_id, body in said.items()} == happened
    assert all(said[message_id] == body for message_id, body in receiver.heard)
