"""How tests speak of first comments."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from installation import Installation
from oncue.connectors.base import Account, Published, Steps
from oncue.db.database import Database
from oncue.lib import ids
from oncue.media.models import MediaFile
from oncue.posts.models import Comment
from oncue.publishing.comment_runs import LEASE, next_due
from oncue.publishing.comments import Commenter
from scripted_networks import LinkedIn

TEXT: Final = "First!"
PICTURED: Final = frozenset({"INSTAGRAM", "PINTEREST", "SNAPCHAT"})
FILMED: Final = frozenset({"TIKTOK", "YOUTUBE"})


class Looking(LinkedIn):
    """Asks once more, after it has commented."""

    def comment(self, post: Published, text: str, account: Account) -> Steps[str]:
        made = yield from super().comment(post, text, account)
        yield from self.identify(account)
        return made


async def published(oncue: Installation, platform: str, **fields: Any) -> dict[str, Any]:
    """A post with a first comment that is out on this network; the comment is not yet."""
    kinds = {"firstComment": TEXT} | await shown_with(oncue, platform) | fields
    post = await oncue.publish(platform, **kinds)
    assert post["status"] == "published", post
    return post


async def shown_with(oncue: Installation, platform: str) -> dict[str, Any]:
    """The media without which a network takes no post."""
    if platform in PICTURED:
        return {"media": [await file(oncue, "image/jpeg")]}
    return {"media": [await file(oncue, "video/mp4")]} if platform in FILMED else {}


async def file(oncue: Installation, type_: str) -> str:
    """A file that is ready and goes out as it is; nobody will ask for its bytes."""
    await oncue.api.patch("/v1/workspace", json={"mendMedia": False})
    media_id = ids.new_id(oncue.clock())

    def work(session: Session) -> None:
        session.add(
            MediaFile(
                id=media_id,
                workspace_id=oncue.workspace_id,
                filename="file",
                content_type=type_,
                size_bytes=3,
                sha256="a" * 64,
                alt_text="",
                status="ready",
                created_at=oncue.clock(),
            )
        )

    await oncue.db.write(work)
    return ids.to_typeid("media", media_id)


async def comment_of(oncue: Installation, post: Mapping[str, Any]) -> Any:
    """What the post's only destination shows of its first comment."""
    [platform] = (await oncue.get(post["id"]))["platforms"]
    return platform["firstComment"]


async def row_of(oncue: Installation, post: Mapping[str, Any]) -> Comment | None:
    destination_id: UUID = ids.from_typeid("pp", post["platforms"][0]["id"])

    def look(session: Session) -> Comment | None:
        found = session.get(Comment, destination_id)
        if found is not None:
            session.expunge(found)
        return found

    return await oncue.db.read(look)


async def types_of_events(oncue: Installation, post: Mapping[str, Any]) -> list[str]:
    answer = await oncue.api.get(f"/v1/posts/{post['id']}/events")
    return [event["type"] for event in answer.json()["events"]]


async def until_ended(oncue: Installation) -> None:
    """Let time pass, from one thing that is due to the next, until no comment waits."""
    for _ in range(100):
        await oncue.errands()
        due = await oncue.db.read(next_due)
        if due is None:
            return
        oncue.clock.now = max(oncue.clock.now, due)
    raise AssertionError("it is never over")


async def lease_over(oncue: Installation) -> None:
    oncue.clock.advance(seconds=LEASE / timedelta(seconds=1))


def commenter(oncue: Installation, db: Database | None = None) -> Commenter:
    """Another process's."""
    return Commenter(
        db=db or oncue.db,
        wire=oncue.services.wire,
        now=oncue.clock,
        sleep=oncue.clock.sleep,
        lookup_seconds=oncue.services.settings.lookup_seconds,
    )
