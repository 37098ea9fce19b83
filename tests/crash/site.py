"""One installation whose processes come and go, and what is to be true of it in the end."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from installation import MASTER_KEY, connect
from oncue.accounts.models import Account
from oncue.accounts.vault import parse_keys
from oncue.accounts.vault_check import verify_vault
from oncue.db.open import open_database
from oncue.lib import ids
from oncue.lib.clock import utc_now
from oncue.posts import service as posts
from oncue.posts.lifecycle import UNFINISHED, State
from oncue.posts.models import Destination, Post, Step
from oncue.posts.remedies import OUTCOME_UNKNOWN
from oncue.posts.values import NewPost, ThreadEntry
from oncue.settings import Settings
from oncue.workspaces import keys
from oncue.workspaces import service as workspaces
from oncue.workspaces.keys import ALL_SCOPES, Dialect
from processes import PATIENCE, Process, World, ask, eventually, free_port, start

T = TypeVar("T")

EVERYWHERE: Final = ("TWITTER", "BLUESKY", "MASTODON", "TELEGRAM")
QUICK: Final = {
    "ONCUE_LOOKUP_SECONDS": "0.3,0.3,0.3",
    "ONCUE_HEARTBEAT_SECONDS": "2",
    "ONCUE_DATABASE_CONNECTIONS": "10",  # others crash beside us, on the same PostgreSQL
}


@dataclass
class Site:
    """One installation: its database, and every process that was ever started on it.

    Everything a test does itself it does as the server would, from beside it.
    """

    settings: Settings
    world: World
    workspace_id: UUID = field(init=False)
    key: str = field(init=False, repr=False)
    url: str = ""
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        def populate(session: Session) -> tuple[UUID, str]:
            now = utc_now()
            verify_vault(session, parse_keys(MASTER_KEY))
            owner = workspaces.create(session, "Test", now).id
            made = keys.create(session, owner, dialect=Dialect.NATIVE, scopes=ALL_SCOPES, now=now)
            return owner, made.key

        self.workspace_id, self.key = self.transact(populate)

    def start(self, *command: str, **environment: str) -> Process:
        log = self.settings.data_dir / f"log-{len(self.processes) + 1}"
        mine = {
            "ONCUE_DATA_DIR": str(self.settings.data_dir),
            "ONCUE_DATABASE_URL": self.settings.database_url,
            "ONCUE_SECRET_KEYS": MASTER_KEY,
            "ONCUE_SANDBOX_URL": self.world.url,
        }
        process = start(log, *command, **(mine | QUICK | environment))
        self.processes.append(process)
        return process

    def serve(self, **environment: str) -> Process:
        """An `oncue serve`; it need not answer yet."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        return self.start("serve", "--port", str(port), **environment)

    def close(self) -> None:
        """End what still runs, and say what all of them said, for whoever reads a failed test."""
        for process in self.processes:
            process.kill()
            sys.stdout.write(f"--- oncue {' '.join(process.command)}\n{process.says()}")

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run one function on the site's database, beside whatever else does."""

        async def run() -> T:
            db = open_database(self.settings)
            try:
                return await db.write(work)
            finally:
                await db.close()

        return asyncio.run(run())

    def connect(self, *platforms: str, users: Sequence[str] = ("oncue",)) -> list[UUID]:
        """Connect each of the sandbox users on each platform; the accounts' ids."""
        vault, owner = parse_keys(MASTER_KEY), self.workspace_id

        def work(session: Session) -> list[UUID]:
            return [
                connect(session, vault, owner, platform, user, utc_now()).id
                for user in users
                for platform in platforms
            ]

        return self.transact(work)

    def publish(self, content: str, accounts: Sequence[UUID], *thread: str) -> UUID:
        """Have a post sent out at once, now or when the next process comes up."""
        return self.publish_all([content], accounts, *thread)[0]

    def publish_all(
        self, contents: Sequence[str], accounts: Sequence[UUID], *thread: str
    ) -> list[UUID]:
        """Have a post of each content sent out at once, in one transaction."""
        items = [ThreadEntry(sequence=n, content=text) for n, text in enumerate(thread, start=1)]

        def work(session: Session) -> list[UUID]:
            now, made = utc_now(), []
            for content in contents:
                new = NewPost(content=content, account_ids=accounts, thread=items)
                made.append(posts.create(session, self.workspace_id, new, now))
                posts.publish(session, self.workspace_id, made[-1], now)
            return made

        return self.transact(work)

    def shown(self, post_id: UUID) -> dict[str, Any]:
        """The post as the API shows it."""
        url = f"{self.url}/v1/posts/{ids.to_typeid('post', post_id)}"
        post: dict[str, Any] = ask("GET", url, authorization=f"Bearer {self.key}")
        return post

    def in_doubt(self) -> set[str]:
        """The networks that were asked for something and whose answer is not recorded."""

        def look(session: Session) -> set[str]:
            steps = select(Destination.platform).join(Step, Step.destination_id == Destination.id)
            return set(session.scalars(steps.where(Step.reply.is_(None))))

        return self.transact(look)

    def is_settled(self) -> bool:
        """Whether nothing is left to do."""

        def left(session: Session) -> int:
            unfinished = select(func.count()).where(Destination.state.in_(UNFINISHED))
            return session.scalar(unfinished) or 0

        return self.transact(left) == 0

    def until_settled(self, within: float = PATIENCE) -> None:
        eventually(self.is_settled, "everything has settled", within)

    def verdict(self) -> Counter[str]:
        """How many destinations are "published" and how many "unknown"; nothing else may be.

        What is published the networks have exactly once, and what is unknown once at most; they
        have nothing that Oncue does not know of. Only Telegram can leave it unknown.
        """
        accepted = Counter(
            (entry["platform"], entry["account"], entry["text"]) for entry in self.world.posts()
        )
        verdict = Counter[str]()
        for row, account, post in self._outcomes():
            texts = [item["content"] for item in post.thread] or [post.content]
            times = [accepted.pop((row.platform, account.username, text), 0) for text in texts]
            facts = (row.platform, row.state, row.error, texts, times)
            if row.state == State.PUBLISHED:
                assert times == [1] * len(texts), facts
                verdict["published"] += 1
            else:
                assert row.platform == "TELEGRAM", facts
                assert row.needs_review, facts
                assert (row.error or "").startswith(OUTCOME_UNKNOWN), facts
                assert max(times) <= 1, facts
                verdict["unknown"] += 1
        assert not accepted, "posts that nobody asked for"
        return verdict

    def _outcomes(self) -> Sequence[tuple[Destination, Account, Post]]:
        def look(session: Session) -> Sequence[tuple[Destination, Account, Post]]:
            return session.execute(
                select(Destination, Account, Post)
                .join(Account, Account.id == Destination.account_id)
                .join(Post, Post.id == Destination.post_id)
            ).all()

        return self.transact(look)
