"""Drives a whole installation over HTTP and the model beside it, and compares the two."""

import asyncio
import shutil
import tempfile
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import httpx2 as httpx
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from installation import START, Clock, Installation, install
from machine.model import Post, Target, Trouble, World
from oncue.db.open import open_database
from oncue.lib.clock import iso
from oncue.settings import Settings

T = TypeVar("T")

PLATFORMS: Final = ("MASTODON", "BLUESKY")
MOST_POSTS: Final = 10
NEVER_ENDING: Final = 1_000_000
# Events that say a status, and the status they say.
SAYING: Final = {
    f"post.{status}": status
    for status in (
        "scheduled",
        "publishing",
        "published",
        "partial",
        "failed",
        "cancelled",
        "unpublished",
        "archived",
    )
}


class Lifecycle(RuleBasedStateMachine):
    """Anything anybody may do with posts, in any order, at any minute."""

    template: ClassVar[Path]  # a migrated, empty SQLite database

    posts: Bundle[str] = Bundle("posts")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.world = World(troubles=dict.fromkeys(PLATFORMS, "none"))
        self.last: dict[str, str] = {}  # each post's status when it was last looked at

    @initialize(target=posts)
    def begin(self) -> Any:
        """Much has happened already: with a post of every kind each rule can bite at once."""
        self.oncue = self.run(self._install())
        exhausted, partial, failed, published, draft, going = (
            self._create(PLATFORMS, None) for _ in range(6)
        )
        self._all("unavailable")
        self._publish(exhausted)
        self.pass_time(15)  # 2, 4 and 8 minutes, and one to spare
        self._publish(failed)
        self.work()
        self.trouble("MASTODON", "none")
        self.trouble("BLUESKY", "reject")
        self._publish(partial)
        self.work()
        self._all("none")
        self._publish(published)
        self.work()
        cancelled, scheduled = self._create(PLATFORMS, 3), self._create(PLATFORMS, 5)
        self._cancel(cancelled)
        self._publish(going)
        return multiple(exhausted, failed, partial, published, cancelled, draft, scheduled, going)

    def _all(self, trouble: Trouble) -> None:
        for platform in PLATFORMS:
            self.trouble(platform, trouble)

    async def _install(self) -> Installation:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(self.template, folder / "oncue.db")
        settings = Settings(data_dir=folder)
        db = open_database(settings)
        self.stack.push_async_callback(db.close)
        self.clock = Clock()
        return await self.stack.enter_async_context(install(settings, db, self.clock))

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def ask(self, method: str, path: str, **body: object) -> httpx.Response:
        return self.run(self.oncue.api.request(method, f"/v1/posts{path}", json=body or None))

    def at(self, minute: int) -> str:
        return iso(START + timedelta(minutes=minute))

    def expect(self, answer: httpx.Response, *, allowed: bool, success: int = 200) -> bool:
        """Hold an answer against what the model allows; whether it was allowed."""
        assert answer.status_code == (success if allowed else 409), (allowed, answer.text)
        return allowed

    @precondition(lambda self: len(self.world.posts) < MOST_POSTS)
    @rule(
        target=posts,
        platforms=st.sets(st.sampled_from(PLATFORMS), min_size=1),
        ahead=st.none() | st.integers(1, 10),
    )
    def create(self, platforms: set[str], ahead: int | None) -> str:
        return self._create(platforms, ahead)

    def _create(self, platforms: Collection[str], ahead: int | None) -> str:
        when = {} if ahead is None else {"scheduledFor": self.at(self.world.now + ahead)}
        post = self.run(self.oncue.create(*sorted(platforms), **when))
        made = Post(targets={platform: Target() for platform in sorted(platforms)})
        if ahead is not None:
            made.schedule(self.world.now + ahead)
        self.world.posts[post["id"]] = made
        return str(post["id"])

    @rule(name=posts, fresh=st.booleans())
    def edit(self, name: str, fresh: bool) -> None:
        """A version that is not the post's is a conflict, whatever else is allowed."""
        current = self.run(self.oncue.get(name))["updatedAt"]
        version = current if fresh else self.at(-1)
        answer = self.ask("PATCH", f"/{name}", content="Changed", version=version)
        self.expect(answer, allowed=fresh and self.world.posts[name].may("edit"))

    @rule(name=posts, ahead=st.integers(1, 10))
    def reschedule(self, name: str, ahead: int) -> None:
        post, minute = self.world.posts[name], self.world.now + ahead
        answer = self.ask("PATCH", f"/{name}", scheduledFor=self.at(minute))
        if self.expect(answer, allowed=post.may("edit")):
            post.schedule(minute)

    @rule(name=posts)
    def clear_schedule(self, name: str) -> None:
        post = self.world.posts[name]
        answer = self.ask("PATCH", f"/{name}", clearSchedule=True)
        if self.expect(answer, allowed=post.may("edit")):
            post.to_draft()

    @rule(name=posts)
    def publish(self, name: str) -> None:
        self._publish(name)

    def _publish(self, name: str) -> None:
        post = self.world.posts[name]
        answer = self.ask("POST", f"/{name}/publish")
        self.expect(answer, allowed=post.may("publish") and post.publish(self.world.now))

    @rule(name=posts)
    def cancel(self, name: str) -> None:
        self._cancel(name)

    def _cancel(self, name: str) -> None:
        post = self.world.posts[name]
        if self.expect(self.ask("POST", f"/{name}/cancel"), allowed=post.may("cancel")):
            post.cancel()

    @rule(name=posts)
    def retry(self, name: str) -> None:
        post = self.world.posts[name]
        if self.expect(self.ask("POST", f"/{name}/retry"), allowed=post.may("retry")):
            post.retry(self.world.now)

    @rule(name=posts, data=st.data())
    def fix(self, name: str, data: st.DataObject) -> None:
        post = self.world.posts[name]
        platform = data.draw(st.sampled_from(sorted(post.targets)))
        shown = self.run(self.oncue.get(name))["platforms"]
        [named] = [each["id"] for each in shown if each["platform"] == platform.lower()]
        answer = self.ask("POST", f"/{name}/platforms/{named}/fix")
        self.expect(answer, allowed=post.may("fix") and post.fix(platform, self.world.now))

    @rule(name=posts)
    def unpublish(self, name: str) -> None:
        post = self.world.posts[name]
        if self.expect(self.ask("POST", f"/{name}/unpublish"), allowed=post.may("unpublish")):
            post.unpublish()

    @precondition(lambda self: len(self.world.posts) < MOST_POSTS)
    @rule(target=posts, name=posts)
    def clone(self, name: str) -> str:
        answer = self.ask("POST", f"/{name}/clone")
        self.expect(answer, allowed=True, success=201)
        copy: str = answer.json()["id"]
        self.world.posts[copy] = self.world.posts[name].clone()
        return copy

    @rule(target=posts, name=consumes(posts))
    def delete(self, name: str) -> Any:
        post = self.world.posts[name]
        if self.expect(self.ask("DELETE", f"/{name}"), allowed=post.may("delete")):
            self.world.delete(name)
            return multiple()
        return name

    @rule(name=posts)
    def archive(self, name: str) -> None:
        post = self.world.posts[name]
        if self.expect(self.ask("POST", f"/{name}/archive"), allowed=post.may("archive")):
            post.archive()

    @rule(name=posts)
    def unarchive(self, name: str) -> None:
        post = self.world.posts[name]
        if self.expect(self.ask("POST", f"/{name}/unarchive"), allowed=post.may("unarchive")):
            post.unarchive()

    @rule(
        platform=st.sampled_from(PLATFORMS),
        trouble=st.sampled_from(["none", "reject", "unavailable"]),
    )
    def trouble(self, platform: str, trouble: Trouble) -> None:
        """From now on the network takes everything, refuses everything, or is down."""
        self.world.troubles[platform] = trouble
        self.run(self.oncue.forgive())
        for each, kind in self.world.troubles.items():
            if kind != "none":
                self.run(self.oncue.fault(kind=kind, platform=each, times=NEVER_ENDING))

    @rule()
    def work(self) -> None:
        self.run(self.oncue.run_due())
        self.world.work()

    @rule(minutes=st.integers(1, 9))
    def pass_time(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.advance(minutes=1)
            self.run(self.oncue.run_due())
        self.world.pass_time(minutes)

    @invariant()
    def every_post_is_as_the_model_has_it(self) -> None:
        assert self._shown() == {
            name: (
                post.status,
                {
                    platform: (target.status, target.retries)
                    for platform, target in post.targets.items()
                },
            )
            for name, post in self.world.posts.items()
        }

    def _shown(self) -> dict[str, Any]:
        if not self.world.posts:
            return {}
        listed = self.ask("GET", "?status=all&limit=100").json()["data"]
        return {
            post["id"]: (
                post["status"],
                {
                    each["platform"].upper(): (each["status"], each["retryCount"])
                    for each in post["platforms"]
                },
            )
            for post in listed
        }

    @invariant()
    def the_networks_have_what_was_published_and_nothing_twice(self) -> None:
        if not hasattr(self, "oncue"):
            return
        for platform in PLATFORMS:
            assert len(self.oncue.posts(platform)) == self.world.public(platform)

    @invariant()
    def a_changed_status_is_the_last_thing_the_events_say(self) -> None:
        for name, post in self.world.posts.items():
            if self.last.get(name) == post.status:
                continue
            self.last[name] = post.status
            events = self.ask("GET", f"/{name}/events").json()["events"]
            assert events[0]["type"] == "post.created"
            said = [SAYING[event["type"]] for event in events if event["type"] in SAYING]
            if post.status in SAYING.values() and not post.archived_from:
                assert said[-1] == post.status
            ended = ("published", "partial", "failed")
            assert not any(a == b and a in ended for a, b in pairwise(said))
