"""Two workspaces in one installation, each with one of everything that a request can name."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx2 as httpx
from sqlalchemy.orm import Session

import browser
import paged
from comments.failing import failed_comment
from installation import Installation
from oncue.lib import ids
from oncue.sandbox.identities import USERS
from oncue.sandbox.network import TOKEN_PREFIX
from oncue.workspaces import service as workspaces

Things: TypeAlias = Mapping[str, Any]
Made: TypeAlias = Mapping[str, Any]

THEIRS: Final = "Stranger"
"""What everything of the other workspace is called that has a name or a text."""

PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x00" * 30
ANNOUNCED: Final = {"filename": "a.png", "contentType": "image/png", "sizeBytes": len(PNG)}
LATER: Final = "2026-11-23T09:00:00Z"
WEEK: Final = {"timezone": "Europe/Berlin", "slots": [{"day": "MO", "time": "09:00"}]}
DAILY: Final = {"recurrenceRule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "timezone": "UTC"}

# Posts by what they are called. What can be done only once has one for each time.
DRAFTS: Final = ("draft", "ready", "doomed", "withdrawn", "old", "submitted")
SCHEDULED: Final = ("plain", "recurring", "ending")
FAILED: Final = ("failed", "failed for good", "failed elsewhere", "failed again")
PUBLISHED: Final = ("published", "public", "commented")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A workspace: the installation as its key sees it, its things by name, and its secrets.

    A thing is an id as requests write it, an account's number, or a cursor.
    """

    oncue: Installation
    things: Things
    secrets: Set[str]

    @property
    def workspace_id(self) -> UUID:
        return self.oncue.workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Who asks, and who is asked about."""

    mine: Tenant
    theirs: Tenant


async def furnish(installation: Installation) -> Two:
    """Put the same into the installation's workspace and into another one."""
    other = await installation.new_workspace(THEIRS)
    key = await installation.new_key(workspace_id=other)
    theirs = replace(
        installation,
        workspace_id=other,
        key=key,
        accounts={
            platform: await installation.new_account(platform, THEIRS.lower(), other)
            for platform in USERS
        },
        api=httpx.AsyncClient(
            transport=installation.api._transport,
            base_url=installation.api.base_url,
            headers={"authorization": f"Bearer {key}"},
        ),
    )
    return Two(
        mine=await tenant(installation, "oncue"), theirs=await tenant(theirs, THEIRS.lower())
    )


async def tenant(oncue: Installation, name: str) -> Tenant:
    """Fill a workspace whose accounts are the sandbox user of this name."""
    await oncue.db.write(lambda session: limit(session, oncue.workspace_id))
    title = name.capitalize()
    await oncue.api.put("/v1/queue/slots", json=WEEK)
    posts = await posts_of(oncue, title)
    job = await made(oncue, "/v1/posts/import", files=file("a.csv", b"content,accountIds\nHi,no"))
    await oncue.errands()
    media = await made(oncue, "/v1/media", files=file(f"{title}.png", PNG))
    doomed_media = await made(oncue, "/v1/media", files=file(f"{title}.png", PNG))
    awaited = await made(oncue, "/v1/media/upload", json=ANNOUNCED)
    personas = [await made(oncue, "/v1/personas", json={"name": title}) for _ in range(2)]
    hook = {"url": f"https://hooks.example/{title}"}
    webhooks = [await made(oncue, "/v1/webhooks", json=hook) for _ in range(2)]
    tested = await made(oncue, f"/v1/webhooks/{webhooks[0]['id']}/test")
    back = await browser.allow((await browser.begin(oncue, "TWITTER"))["authUrl"], user=name)
    doomed_account = await oncue.new_account("MASTODON", f"doomed-{name}", oncue.workspace_id)
    paged_account = await paged.connect(oncue, name)
    callbacks = (await oncue.api.get("/v1/webhooks/callbacks")).json()
    page = (await oncue.api.get("/v1/posts?limit=1")).json()
    things = {
        **{name: post["id"] for name, post in posts.items()},
        **{f"{name}'s platform": post["platforms"][0]["id"] for name, post in posts.items()},
        "account": oncue.account("TWITTER"),
        "doomed account": ids.to_typeid("acc", doomed_account.id),
        "paged account": ids.to_typeid("acc", paged_account.id),
        "code": back.said["code"],
        "state": back.said["state"],
        "number": oncue.accounts["TWITTER"].number,
        "job": job["jobId"],
        "media": media["id"],
        "doomed media": doomed_media["id"],
        "awaited media": awaited["mediaId"],
        "persona": personas[0]["id"],
        "doomed persona": personas[1]["id"],
        "webhook": webhooks[0]["id"],
        "doomed webhook": webhooks[1]["id"],
        "delivery": tested["data"]["id"],
        "callback": callbacks["data"][0]["id"],
        "cursor": page["pagination"]["next_cursor"],
    }
    secrets = {oncue.key, TOKEN_PREFIX + name, *(webhook["secret"] for webhook in webhooks)}
    return Tenant(oncue=oncue, things=things, secrets=secrets)


def limit(session: Session, workspace_id: UUID) -> None:
    """Give a workspace limits that it will not reach, so that they are looked at."""
    workspaces.set_posts_per_month(session, workspace_id, 10_000)
    workspaces.set_posts_per_day(session, workspace_id, dict.fromkeys(USERS, 10_000))


async def posts_of(oncue: Installation, text: str) -> Mapping[str, Made]:
    """A post of every status, and those that are used up."""
    said: Made = {"content": text}
    posts = {name: await oncue.create("TWITTER", **said) for name in DRAFTS}
    for name in SCHEDULED:
        posts[name] = await oncue.create("TWITTER", scheduledFor=LATER, **said)
    for name in ("recurring", "ending"):
        await made(oncue, f"/v1/posts/{posts[name]['id']}/recurrence", json=DAILY)
    for name in ("pending", "pending too"):
        posts[name] = await oncue.create("TWITTER", **said)
        await made(oncue, f"/v1/posts/{posts[name]['id']}/start-approval")
    posts["archived"] = await oncue.create("TWITTER", **said)
    await made(oncue, f"/v1/posts/{posts['archived']['id']}/archive")
    await oncue.fault(kind="reject", platform="TWITTER", times=len(FAILED))
    await oncue.fault(kind="accept_then_drop", platform="TELEGRAM")
    callback = {"X-Callback-Url": f"https://hooks.example/{text}"}
    going = [(name, "TWITTER") for name in FAILED] + [("unknown", "TELEGRAM")]
    for name, platform in [*going, *((name, "MASTODON") for name in PUBLISHED)]:
        posts[name] = await oncue.create(platform, **said)
        await made(oncue, f"/v1/posts/{posts[name]['id']}/publish", headers=callback)
    await oncue.run_due()
    await failed_comment(oncue, posts["commented"])
    return posts


async def made(oncue: Installation, path: str, **sent: Any) -> Made:
    answer = await oncue.api.post(path, **sent)
    assert answer.is_success, answer.text
    found: Made = answer.json()
    return found


def file(name: str, content: bytes) -> Mapping[str, tuple[str, bytes, str]]:
    """A file of a form, of the kind that its name says."""
    kind = "image/png" if name.endswith(".png") else "text/csv"
    return {"file": (name, content, kind)}
