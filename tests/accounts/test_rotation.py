"""A change of keys waits for every process, and gives up on one that will never have them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from accounts.sealing import fill, keys_in_use, opened, with_new_key
from installation import MASTER_KEY, Installation
from oncue.accounts import credentials
from oncue.accounts.holders import Holder, KeyHolder
from oncue.accounts.rotation import Rotation
from oncue.accounts.vault import Vault, VaultError, parse_keys
from oncue.db.database import Database, Topic

pytestmark = pytest.mark.anyio

T = TypeVar("T")

BEAT = timedelta(seconds=5)
OLD = parse_keys(MASTER_KEY)


def ignore(_count: int) -> None:
    """Nobody watches."""


@dataclass
class Others:
    """Processes beside the rotation: what they do while it waits, by the second."""

    oncue: Installation
    plan: dict[int, Callable[[Session], None]] = field(default_factory=dict)
    waited: float = 0.0
    heard: list[str] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        before, self.waited = int(self.waited), self.waited + seconds
        self.oncue.clock.advance(seconds=seconds)
        for second in range(before + 1, int(self.waited) + 1):
            if second in self.plan:
                await self.oncue.db.write(self.plan[second])

    async def starts(self, vault: Vault, *, source: str = "environment") -> UUID:
        """Another process comes up with these keys."""
        row = {
            "id": uuid4(),
            "name": "process 7 on web-2",
            "keys": vault.keys.told(),
            "source": source,
            "seen_at": self.oncue.clock(),
        }
        await self.oncue.db.write(
            lambda session: session.execute(insert(KeyHolder).values(row)).close()
        )
        return UUID(str(row["id"]))

    def says(self, holder_id: UUID, **facts: object) -> Callable[[Session], None]:
        """What makes a process report, with these facts changed."""

        def report(session: Session) -> None:
            session.execute(
                update(KeyHolder)
                .where(KeyHolder.id == holder_id)
                .values(seen_at=self.oncue.clock(), **facts)
            )

        return report


@pytest.fixture
def others(installation: Installation) -> Others:
    return Others(installation)


def rotation(others: Others, vault: Vault, db: Database | None = None) -> Rotation:
    oncue = others.oncue
    mine = Holder(id=uuid4(), name="this", db=oncue.db, vault=vault, now=oncue.clock, beat=BEAT)
    return Rotation(
        db=db or oncue.db,
        vault=vault,
        holder=mine,
        now=oncue.clock,
        sleep=others.sleep,
        say=others.heard.append,
    )


async def in_use(oncue: Installation) -> set[str]:
    return await oncue.db.read(keys_in_use)


async def test_alone_it_seals_everything_anew_and_nothing_needs_the_old_key(
    others: Others,
) -> None:
    await fill(others.oncue)
    vault, told = with_new_key(), list[int]()
    before = await others.oncue.db.read(lambda session: opened(session, vault))

    rotated = await rotation(others, vault).run(told.append)

    assert (rotated.resealed, rotated.unreadable, rotated.left) == (12, [], {})
    assert sum(told) == 12
    assert await in_use(others.oncue) == {"new"}
    assert await others.oncue.db.read(lambda session: opened(session, vault)) == before
    assert (others.waited, others.heard) == (0, [])


async def test_once_more_it_finds_nothing_to_do(others: Others) -> None:
    await rotation(others, with_new_key()).run(ignore)

    again = await rotation(others, with_new_key()).run(ignore)

    assert (again.resealed, again.left) == (0, {})


async def test_it_begins_once_every_process_seals_with_the_new_key(others: Others) -> None:
    vault = with_new_key()
    other = await others.starts(OLD)
    others.plan[2] = others.says(other)
    others.plan[4] = others.says(other, keys=vault.keys.told())
    rotated = await rotation(others, vault).run(ignore)

    assert 4 <= others.waited < 5
    assert rotated.resealed == 4


async def test_a_process_that_keeps_to_other_keys_is_named_and_nothing_is_sealed_anew(
    others: Others,
) -> None:
    other = await others.starts(OLD)
    others.plan = {second: others.says(other) for second in range(1, 100)}

    with pytest.raises(VaultError, match=r"do not seal with 'new'.*process 7 on web-2") as refused:
        await rotation(others, with_new_key()).run(ignore)

    assert "restart each process" in str(refused.value)
    assert 5 <= others.waited < 6
    assert await in_use(others.oncue) == {"test"}


async def test_another_key_of_the_same_id_is_another_key(others: Others) -> None:
    impostor = parse_keys("new:" + "x" * 43 + "=")
    other = await others.starts(impostor)
    others.plan = {second: others.says(other) for second in range(1, 100)}

    with pytest.raises(VaultError, match="process 7 on web-2"):
        await rotation(others, with_new_key()).run(ignore)


async def test_a_process_that_was_killed_is_waited_for_until_it_counts_as_gone(
    others: Others,
) -> None:
    await others.starts(OLD)

    rotated = await rotation(others, with_new_key()).run(ignore)

    assert rotated.resealed == 4
    assert 14 < others.waited < 16
    assert others.heard == ["Waiting for a sign of process 7 on web-2, or for none to come"]


async def test_a_key_is_made_only_where_everybody_has_the_same_file(others: Others) -> None:
    mine = rotation(others, OLD)
    other = await others.starts(OLD, source=OLD.source)
    await mine.share_the_file()
    assert others.waited == 0

    others.plan = {second: others.says(other, source="file 1-2-3") for second in range(1, 100)}
    await others.sleep(1)

    with pytest.raises(VaultError, match=r"from elsewhere.*process 7 on web-2"):
        await mine.share_the_file()


@dataclass
class Busy:
    """A database in which something is sealed with the old key after every write, for a while."""

    oncue: Installation
    times: int

    async def write(self, work: Callable[[Session], T]) -> T:
        result = await self.oncue.db.write(work)
        if self.times > 0:
            self.times -= 1
            await self.oncue.db.write(self._renew)
        return result

    async def read(self, work: Callable[[Session], T]) -> T:
        return await self.oncue.db.read(work)

    async def drain(self) -> None:
        await self.oncue.db.drain()

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def _renew(self, session: Session) -> None:
        account = self.oncue.accounts["MASTODON"]
        renewed = {"accessToken": f"the last but {self.times}"}
        credentials.store(
            session, OLD, account.workspace_id, account.id, renewed, None, self.oncue.clock()
        )


async def test_what_is_sealed_with_the_old_key_meanwhile_is_done_too(others: Others) -> None:
    vault = with_new_key()

    rotated = await rotation(others, vault, Busy(others.oncue, times=8)).run(ignore)

    assert rotated.resealed > 4
    assert await in_use(others.oncue) == {"new"}
    found = await others.oncue.db.read(lambda session: opened(session, vault))
    assert '{"accessToken": "the last but 0"}' in found["account_secret.sealed"]


async def test_it_does_not_run_after_somebody_who_never_stops_sealing_with_the_old_key(
    others: Others,
) -> None:
    with pytest.raises(VaultError, match="goes on sealing"):
        await rotation(others, with_new_key(), Busy(others.oncue, times=10_000)).run(ignore)


async def test_an_old_key_is_not_retired_while_anything_is_sealed_with_it(others: Others) -> None:
    vault = with_new_key()
    assert await rotation(others, vault).retire() == {"test": 4}

    await rotation(others, vault).run(ignore)

    assert await rotation(others, vault).retire() == {}


async def test_an_old_key_is_not_retired_while_a_process_seals_with_it(others: Others) -> None:
    await rotation(others, with_new_key()).run(ignore)
    other = await others.starts(OLD)
    others.plan = {second: others.says(other) for second in range(100)}

    with pytest.raises(VaultError, match="process 7 on web-2"):
        await rotation(others, with_new_key()).retire()
