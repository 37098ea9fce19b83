"""An import file, read row by row. Pure: bytes in, posts to create out.

The columns are those of decisions.md C36, `media` and `queue`. A row's number is what a
spreadsheet shows beside it: the header and blank rows count, and a quoted text of several lines
is one row (decisions.md C63).
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from oncue.lib.clock import to_millisecond
from oncue.lib.ids import BadId, from_typeid
from oncue.posts.values import ContentType, NewPost

COLUMNS: Final = (
    "content",
    "accountIds",
    "scheduledFor",
    "contentType",
    "tags",
    "firstComment",
    "media",
    "queue",
)
REQUIRED: Final = ("content", "accountIds")
DELIMITERS: Final = (",", ";", "\t")
LIST_SEPARATORS: Final = re.compile("[;|]")
YES_OR_NO: Final = {"": False, "false": False, "true": True}
ACCOUNT_NUMBER: Final = re.compile("[0-9]{1,9}")  # no UUID is as short

FILE_BYTES: Final = 5 * 1024 * 1024
FILE_ROWS: Final = 5_000
FILE_RECORDS: Final = 100_000  # blank rows counted: a spreadsheet may leave thousands behind
CELL_CHARACTERS: Final = 64 * 1024
CONTENT_CHARACTERS: Final = 10_000
COMMENT_CHARACTERS: Final = 2_200
LIST_ENTRIES: Final = 500

# Of somebody's mistakes, in the messages about them.
SHOWN_CHARACTERS: Final = 60
SHOWN_IDS: Final = 3

csv.field_size_limit(CELL_CHARACTERS)  # one limit for the whole process; only we read CSV


class BadFile(Exception):
    """The file cannot be read as a table of posts, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One post to create. Nothing was looked up: its accounts may not exist.

    Accounts that the row names by their number are in `account_numbers`, and not in the post.
    """

    number: int
    post: NewPost
    account_numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that is no post, and everything in it that cannot be read.

    `rest` is what can be, for whoever looks for more that is wrong; None where nothing can.
    """

    number: int
    messages: Sequence[str]
    rest: Row | None = field(default=None, compare=False)


class ImportFile:
    """A file whose structure is sound: len() says how many rows it has, iterating reads them.

    Raises BadFile when it is made, so that no row is acted on before the last one was seen.
    Blank rows are passed over. The rows may be iterated again, as after a crash.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) > FILE_BYTES:
            raise BadFile(f"the file has {len(data)} bytes; at most {FILE_BYTES} are allowed")
        self._data = data
        self._delimiter = _delimiter(data)
        records = self._records()
        _number, header = next(records, (0, []))
        self._columns = _columns(header)
        self._rows = 0
        for _record in records:
            self._rows += 1
            if self._rows > FILE_ROWS:
                raise BadFile(f"the file has more than {FILE_ROWS} rows")

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Row | RowError]:
        records = self._records()
        next(records)  # the header
        for number, cells in records:
            yield self._read(number, cells)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Every record that is not blank, with its number in the file."""
        number = 0
        try:
            reader = csv.reader(_lines(self._data), delimiter=self._delimiter, strict=True)
            for number, cells in enumerate(reader, start=1):
                if number > FILE_RECORDS:
                    raise BadFile(f"the file has more than {FILE_RECORDS} rows, blank ones counted")
                if any(cell.strip() for cell in cells):
                    yield number, cells
        except csv.Error as wrong:
            raise BadFile(
                f"row {number + 1} cannot be read ({wrong}): look for a quote without its partner"
            ) from None

    def _read(self, number: int, cells: Sequence[str]) -> Row | RowError:
        expected = len(self._columns)
        if any(cell.strip() for cell in cells[expected:]):
            message = (
                f"has {len(cells)} cells where the header has {expected}; "
                f'put quotes around a cell that contains "{self._delimiter}"'
            )
            return RowError(number, (message,))
        # A row may stop early: spreadsheets leave out empty cells at its end.
        return _row(number, dict(zip(self._columns, cells, strict=False)))


def _lines(data: bytes) -> Iterator[str]:
    """The file as text, line by line, with the line ends it has."""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    try:
        for line in io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline=""):
            if "\0" in line:
                raise BadFile("the file contains a NUL character: it is no text")
            yield line
    except UnicodeError:
        name = "UTF-16" if is_utf16 else "UTF-8"
        raise BadFile(f"the file is not valid {name}; save it as CSV UTF-8") from None


def _delimiter(data: bytes) -> str:
    """What the header is cut with. Other rows do not tell: their lists have a `;` too."""
    header = next((line for line in _lines(data) if line.strip()), "")
    return max(DELIMITERS, key=header.count)


def _columns(header: Sequence[str]) -> Sequence[str]:
    """The header's columns under their proper names, in the file's order.

    Empty cells at its end, as spreadsheets write them, are over nothing.
    """
    cells = list(header)
    while cells and not cells[-1].strip():
        cells.pop()
    if not cells:
        raise BadFile("the file is empty")
    proper = {name.lower(): name for name in COLUMNS}
    found: list[str] = []
    for cell in cells:
        name = proper.get(cell.strip().lower())
        if name is None:
            known = ", ".join(COLUMNS)
            raise BadFile(f"the header has an unknown column {_shown(cell)}; known are {known}")
        if name in found:
            raise BadFile(f"the header has the column {name} twice")
        found.append(name)
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise BadFile(f"the header lacks {' and '.join(missing)}")
    return found


def _row(number: int, cells: Mapping[str, str]) -> Row | RowError:
    wrong: list[str] = []
    content = _content(cells.get("content", ""), wrong)
    account_ids, account_numbers = _accounts(cells.get("accountIds", ""), wrong)
    post = NewPost(
        content=content,
        account_ids=account_ids,
        scheduled_for=_scheduled_for(cells.get("scheduledFor", ""), wrong),
        content_type=_content_type(cells.get("contentType", ""), wrong),
        tags=_list("tags", cells.get("tags", ""), wrong),
        first_comment=_first_comment(cells.get("firstComment", ""), wrong),
        media_ids=_media(cells.get("media", ""), wrong),
        queue=_queue(cells.get("queue", ""), wrong),
    )
    row = Row(number, post, account_numbers)
    return RowError(number, tuple(wrong), row) if wrong else row


def _content(cell: str, wrong: list[str]) -> str:
    """The text as it stands, also where it looks like a formula."""
    if not cell.strip():
        wrong.append("content is required")
    _check_length("content", cell, CONTENT_CHARACTERS, wrong)
    return cell


def _accounts(cell: str, wrong: list[str]) -> tuple[Sequence[UUID], Sequence[int]]:
    """The accounts named by an id, and those named by their number."""
    named = _list("accountIds", cell, wrong)
    if not named:
        wrong.append("accountIds is required")
    numbers = [name for name in named if ACCOUNT_NUMBER.fullmatch(name)]
    others = [name for name in named if name not in numbers]
    found = _ids("accountIds", "acc", "account", others, wrong)
    return found, tuple(int(number) for number in numbers)


def _media(cell: str, wrong: list[str]) -> Sequence[UUID]:
    return _ids("media", "media", "media", _list("media", cell, wrong), wrong)


def _ids(
    column: str, prefix: str, what: str, named: Sequence[str], wrong: list[str]
) -> Sequence[UUID]:
    found, bad = [], []
    for name in named:
        try:
            found.append(from_typeid(prefix, name))
        except BadId as why:
            bad.append(f"{column}: {_shown(name)} is no {what} id: {why}")
    wrong += bad[:SHOWN_IDS]
    if len(bad) > SHOWN_IDS:
        wrong.append(f"{column}: and {len(bad) - SHOWN_IDS} more like these")
    return tuple(found)


def _scheduled_for(cell: str, wrong: list[str]) -> datetime | None:
    """An ISO 8601 time with a zone, as UTC; in the document's words otherwise (V313)."""
    if not cell.strip():
        return None
    try:
        return to_millisecond(datetime.fromisoformat(cell.strip()))
    except (ValueError, OverflowError):
        wrong.append("Invalid scheduledFor date format")
        return None


def _content_type(cell: str, wrong: list[str]) -> ContentType | None:
    if not cell.strip():
        return None
    try:
        return ContentType(cell.strip().upper())
    except ValueError:
        wrong.append(f"contentType: {_shown(cell)} is not one of {', '.join(ContentType)}")
        return None


def _first_comment(cell: str, wrong: list[str]) -> str | None:
    _check_length("firstComment", cell, COMMENT_CHARACTERS, wrong)
    return cell if cell.strip() else None


def _queue(cell: str, wrong: list[str]) -> bool:
    """Spreadsheets write it in capitals."""
    found = YES_OR_NO.get(cell.strip().lower())
    if found is None:
        wrong.append(f"queue: {_shown(cell)} is neither true nor false")
    return bool(found)


def _list(column: str, cell: str, wrong: list[str]) -> Sequence[str]:
    """The parts of a list. In a file cut with `;` use `|`, or quotes around the list."""
    parts = [part.strip() for part in LIST_SEPARATORS.split(cell) if part.strip()]
    if len(parts) > LIST_ENTRIES:
        wrong.append(f"{column} may have {LIST_ENTRIES} entries; this has {len(parts)}")
    return tuple(parts[:LIST_ENTRIES])


def _check_length(column: str, cell: str, limit: int, wrong: list[str]) -> None:
    if len(cell) > limit:
        wrong.append(f"{column} may have {limit} characters; this has {len(cell)}")


def _shown(text: str) -> str:
    cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
    return f'"{cut}"'
