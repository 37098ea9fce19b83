"""Servers die by kill -9 at every step of an upload; the next one ends with the file, told once."""

import http.client
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crash.site import Site
from media import files
from oncue.lib.crashpoints import MEDIA_ARRIVED, MEDIA_POINTS
from oncue.media.models import MediaObject
from oncue.outbox import Event
from processes import KILLED, ask, eventually, until_served

pytestmark = pytest.mark.timeout(300)

PICTURE = files.picture("PNG")
SOON = {"ONCUE_HEARTBEAT_SECONDS": "1"}  # after which a dead server's file is taken again


def begin(site: Site, **environment: str) -> None:
    until_served(site.serve(**SOON, **environment), f"{site.url}/healthz")


def key_of(site: Site) -> dict[str, str]:
    return {"authorization": f"Bearer {site.key}"}


def put(site: Site, ticket: Any) -> int:
    """PUT the picture where the ticket says, on the server that there is now."""
    address = urlsplit(ticket["uploadUrl"])
    url = f"{site.url}{address.path}?{address.query}"
    with urlopen(Request(url, PICTURE, method="PUT")) as answer:
        status: int = answer.status
    return status


def shown(site: Site, media_id: str) -> Any:
    return ask("GET", f"{site.url}/v1/media/{media_id}", **key_of(site))


def test_an_upload_survives_a_death_at_every_step(on_sqlite: Site) -> None:
    site = on_sqlite
    begin(site, ONCUE_CRASH_AT=MEDIA_ARRIVED)
    asked = {"filename": "a.png", "contentType": "image/png", "sizeBytes": len(PICTURE)}
    ticket = ask("POST", f"{site.url}/v1/media/upload", asked, **key_of(site))
    with pytest.raises((URLError, ConnectionError, http.client.HTTPException)):
        put(site, ticket)
    assert site.processes[-1].ended() == KILLED
    first, *others = MEDIA_POINTS
    begin(site, ONCUE_CRASH_AT=first)
    assert shown(site, ticket["mediaId"])["status"] == "pending"
    assert put(site, ticket) == 200
    assert site.processes[-1].ended() == KILLED
    for point in others:
        assert site.serve(**SOON, ONCUE_CRASH_AT=point).ended() == KILLED, point

    begin(site)
    eventually(lambda: shown(site, ticket["mediaId"])["status"] == "ready", "it is ready")

    check(site, ticket["mediaId"])


def check(site: Site, media_id: str) -> None:
    """The file is the picture, told of once; all else that is kept has an end."""
    with urlopen(shown(site, media_id)["url"]) as answer:
        assert answer.read() == PICTURE

    def look(session: Session) -> tuple[int, int]:
        told = select(func.count()).where(Event.type == "media.uploaded")
        in_use = select(func.count()).where(MediaObject.doomed_at.is_(None))
        return session.scalar(told) or 0, session.scalar(in_use) or 0

    assert site.transact(look) == (1, 2)  # the picture, and a small one of it
