"""The demo's audit: what Oncue says it published against what the networks say they hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Json: TypeAlias = Mapping[str, Any]

PUBLISHED: Final = "published"
SEEN_BY_READERS: Final = ("post", "comment", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What Oncue says of one text on one network. `id` is the network's, where Oncue has it."""

    platform: str
    text: str
    status: str
    id: str | None

    @property
    def times(self) -> int:
        """How often the network should hold it."""
        return 1 if self.status == PUBLISHED else 0

    def is_about(self, entry: Json) -> bool:
        return bool(entry["platform"] == self.platform and entry["text"] == self.text)

    def names(self, entry: Json) -> bool:
        """Whether Oncue's id is the entry's; some networks put an address before it."""
        return self.id is None or self.id.rpartition("/")[2] == entry["id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One line of the audit. Without a claim, a network holds what Oncue knows nothing of."""

    claim: Claim | None
    entries: Sequence[Json]

    @property
    def agrees(self) -> bool:
        if self.claim is None:
            return False
        return len(self.entries) == self.claim.times and all(map(self.claim.names, self.entries))


def claims_of(post: Json, corrected: Mapping[str, str]) -> list[Claim]:
    """What Oncue says of a post; `corrected` has the texts given to /fix, by destination."""
    items = [item["content"] for item in post["threadPosts"]]
    return [
        Claim(
            platform=destination["platform"].upper(),
            text=text,
            status=destination["status"],
            id=destination["platformPostId"] if number == 0 else None,
        )
        for destination in post["platforms"]
        for number, text in enumerate(
            items or [corrected.get(destination["id"]) or post["content"]]
        )
    ]


def audit(claims: Sequence[Claim], ledger: Iterable[Json]) -> list[Verdict]:
    """Every claim with the entries that are about it, then every entry that no claim is about."""
    entries = [entry for entry in ledger if entry["kind"] in SEEN_BY_READERS]
    verdicts = [
        Verdict(claim=claim, entries=[entry for entry in entries if claim.is_about(entry)])
        for claim in claims
    ]
    strangers = [e for e in entries if not any(claim.is_about(e) for claim in claims)]
    return verdicts + [Verdict(claim=None, entries=[entry]) for entry in strangers]
