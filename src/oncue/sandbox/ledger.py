"""What the simulated networks hold: an append-only file that survives a kill -9."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["post", "comment", "delete", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing a network accepted. `media` describes files; `key` is the caller's own key."""

    seq: int
    platform: str
    account: str
    kind: Kind
    id: str
    parent: str | None
    text: str | None
    media: Sequence[Mapping[str, Any]]
    key: str | None
    at: str  # ISO 8601, UTC, milliseconds


class Ledger:
    """Entries in the order the networks accepted them. Without a file it lives in memory.

    An entry is on the disk before the caller is answered. A last line torn by a power cut
    was never answered, so it is dropped on the next start.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._file = file
        self._descriptor: int | None = None
        if file is not None:
            self._open(file)

    def _open(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = 0
        if file.exists():
            for line in file.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                self._entries.append(Entry(**json.loads(line)))
                whole += len(line)
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._descriptor, whole)
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def record(
        self,
        *,
        platform: str,
        account: str,
        kind: Kind,
        id: str,  # noqa: A002  (the ledger's own word)
        at: datetime,
        parent: str | None = None,
        text: str | None = None,
        media: Sequence[Mapping[str, Any]] = (),
        key: str | None = None,
    ) -> Entry:
        """Add an entry; it is durable when this returns."""
        entry = Entry(
            seq=self._entries[-1].seq + 1 if self._entries else 1,
            platform=platform,
            account=account,
            kind=kind,
            id=id,
            parent=parent,
            text=text,
            media=list(media),
            key=key,
            at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        if self._descriptor is not None:
            line = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
            os.write(self._descriptor, line.encode())
            os.fdatasync(self._descriptor)
        self._entries.append(entry)
        return entry

    def entries(
        self, *, platform: str | None = None, account: str | None = None, kind: Kind | None = None
    ) -> list[Entry]:
        """Entries in order, narrowed to what is asked for."""
        return [
            entry
            for entry in self._entries
            if platform in (None, entry.platform)
            and account in (None, entry.account)
            and kind in (None, entry.kind)
        ]

    def live_posts(self, platform: str, account: str) -> list[Entry]:
        """The posts and comments of an account that were not deleted, oldest first."""
        mine = self.entries(platform=platform, account=account)
        gone = {entry.id for entry in mine if entry.kind == "delete"}
        return [e for e in mine if e.kind in ("post", "comment") and e.id not in gone]

    def clear(self) -> None:
        """Forget everything, on the disk too. Numbers start again at 1."""
        self._entries.clear()
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
