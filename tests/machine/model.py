"""The document's rules for a post as a pure model: minutes for time, a word for every status.

It knows nothing of Oncue. What the API answers and what the networks hold is compared with it.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Trouble: TypeAlias = Literal["none", "reject", "unavailable"]

# The document's table (V196-V205), and C62 for archive: where each operation may start.
OPEN_IN: Final[Mapping[str, Collection[str]]] = {
    "edit": {"draft", "approved", "scheduled", "partial", "failed", "cancelled"},
    "publish": {"draft", "approved", "scheduled", "cancelled"},
    "cancel": {"draft", "approved", "scheduled"},
    "retry": {"partial", "failed"},
    "fix": {"partial", "failed"},
    "delete": {"draft", "approved", "scheduled", "partial", "failed", "cancelled"},
    "unpublish": {"published", "partial"},
    "archive": {"published", "unpublished", "cancelled", "failed", "partial", "draft"},
    "unarchive": {"archived"},
}
RETRIES: Final = 3


@dataclass
class Target:
    """A destination: what is shown of it, and when something happens to it next."""

    status: str = "pending"
    due: int | None = None
    retries: int = 0
    public: int = 0  # how often the network has accepted it

    def stand_down(self) -> None:
        if self.status != "published":
            self.status, self.due = "pending", None

    def send(self, at: int) -> None:
        self.status, self.due = "pending", at


@dataclass
class Post:
    """A post as the document sees it."""

    targets: dict[str, Target]
    status: str = "draft"
    archived_from: str = ""

    def may(self, operation: str) -> bool:
        return self.status in OPEN_IN[operation]

    @property
    def open(self) -> list[Target]:
        return [target for target in self.targets.values() if target.status != "published"]

    def schedule(self, at: int) -> None:
        self.status = "scheduled"
        for target in self.open:
            target.retries = 0
            target.send(at)

    def to_draft(self) -> None:
        self.status = "draft"
        self.stand_down()

    def publish(self, now: int) -> bool:
        if not self.open:
            return False
        self.status = "publishing"
        for target in self.open:
            target.send(now)
        return True

    def cancel(self) -> None:
        self.status = "cancelled"
        self.stand_down()

    def retry(self, now: int) -> None:
        for target in self.targets.values():
            if target.status != "failed":
                continue
            if target.due is not None:  # planned already: that counts once
                target.status, self.status = "pending", "publishing"
            elif target.retries < RETRIES:
                target.retries += 1
                target.send(now + 2**target.retries)
                self.status = "publishing"

    def fix(self, platform: str, now: int) -> bool:
        target = self.targets[platform]
        if target.status == "published":
            return False
        target.retries = 0
        target.send(now)
        self.status = "publishing"
        return True

    def unpublish(self) -> None:
        self.status = "unpublished"
        self.stand_down()

    def clone(self) -> "Post":
        return Post(targets={platform: Target() for platform in self.targets})

    def archive(self) -> None:
        self.archived_from, self.status = self.status, "archived"
        for target in self.targets.values():
            target.due = None

    def unarchive(self) -> None:
        self.status = self.archived_from

    def stand_down(self) -> None:
        for target in self.targets.values():
            target.stand_down()

    def work(self, now: int, troubles: Mapping[str, Trouble]) -> None:
        """What the worker makes of everything that is due."""
        due = {
            platform: target
            for platform, target in self.targets.items()
            if target.due is not None and target.due <= now
        }
        for platform, target in due.items():
            self._attempt(target, now, troubles[platform])
        if due:
            self.status = self._rolled_up()

    def _attempt(self, target: Target, now: int, trouble: Trouble) -> None:
        target.due = None
        if trouble == "none":
            target.status = "published"
            target.public += 1
            return
        target.status = "failed"
        if trouble == "unavailable" and target.retries < RETRIES:
            target.retries += 1
            target.due = now + 2**target.retries

    def _rolled_up(self) -> str:
        shown = [target.status for target in self.targets.values()]
        going = any(t.status == "pending" and t.due is not None for t in self.targets.values())
        if going:
            return "publishing"
        if set(shown) == {"published"}:
            return "published"
        return "partial" if "published" in shown else "failed"


@dataclass
class World:
    """Every post there ever was, the clock, and what is wrong with each network."""

    troubles: dict[str, Trouble]
    posts: dict[str, Post] = field(default_factory=dict)
    deleted: list[Post] = field(default_factory=list)
    now: int = 0

    def work(self) -> None:
        for post in self.posts.values():
            post.work(self.now, self.troubles)

    def pass_time(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now += 1
            self.work()

    def public(self, platform: str) -> int:
        """How many posts the network has accepted, whatever became of them here."""
        everything = [*self.posts.values(), *self.deleted]
        return sum(post.targets[platform].public for post in everything if platform in post.targets)

    def delete(self, name: str) -> None:
        self.deleted.append(deepcopy(self.posts.pop(name)))
