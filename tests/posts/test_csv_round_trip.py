"""What is written as CSV is read as it was meant, and whatever else there is does no harm."""

import codecs
import csv
import io
from datetime import datetime
from typing import Final
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from oncue.lib.clock import iso, to_millisecond
from oncue.lib.ids import to_typeid
from oncue.posts.csv_reader import COLUMNS, BadFile, ImportFile, Row, RowError
from oncue.posts.values import ContentType, NewPost

HEADER: Final = ",".join(COLUMNS)
ACC: Final = to_typeid("acc", UUID("0197a5b2-7c3d-7abc-8def-00000000000a"))

# No file has them: NUL is refused, half of a surrogate pair has no encoding.
CHARACTERS: Final = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS: Final = st.text(CHARACTERS, min_size=1, max_size=60).filter(str.strip)
TAGS: Final = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0;|"), min_size=1
)
MOMENTS: Final = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  (Hypothesis adds the zone)
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.timezones(),
).map(to_millisecond)
POSTS: Final = st.builds(
    NewPost,
    content=TEXTS,
    account_ids=st.lists(st.uuids(), min_size=1, max_size=4).map(tuple),
    scheduled_for=st.none() | MOMENTS,
    content_type=st.none() | st.sampled_from(ContentType),
    tags=st.lists(TAGS.map(str.strip).filter(bool), max_size=4).map(tuple),
    first_comment=st.none() | TEXTS,
    media_ids=st.lists(st.uuids(), max_size=3).map(tuple),
    queue=st.booleans(),
)


def cells_of(post: NewPost, separator: str) -> list[str]:
    return [
        post.content,
        separator.join(to_typeid("acc", account) for account in post.account_ids),
        "" if post.scheduled_for is None else iso(post.scheduled_for),
        post.content_type or "",
        separator.join(post.tags),
        post.first_comment or "",
        separator.join(str(media_id) for media_id in post.media_ids),
        "true" if post.queue else "",
    ]


@given(
    posts=st.lists(POSTS, max_size=5),
    separator=st.sampled_from(";|"),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_writes_is_read_back_the_same(
    posts: list[NewPost], separator: str, delimiter: str, end: str, encoding: str
) -> None:
    written = io.StringIO(newline="")
    # Quotes everywhere: with them left out the writer forgets a line end that is not its own.
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([COLUMNS, *(cells_of(post, separator) for post in posts)])

    found = list(ImportFile(written.getvalue().encode(encoding)))

    assert found == [Row(number, post) for number, post in enumerate(posts, start=2)]


@given(posts=st.lists(POSTS, max_size=5), delimiter=st.sampled_from(",;\t"))
def test_quotes_are_needed_only_where_a_csv_writer_puts_them(
    posts: list[NewPost], delimiter: str
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerows([COLUMNS, *(cells_of(post, ";") for post in posts)])

    found = list(ImportFile(written.getvalue().encode()))

    assert found == [Row(number, post) for number, post in enumerate(posts, start=2)]


SCRAPS: Final = [*COLUMNS, *',;\t|"\r\n\0 ', ACC, "2026-06-15T14:00:00Z", "é", "\ufeff", "="]
MESSES: Final = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map((HEADER + "\n").encode().__add__),
    st.binary(max_size=200).map(codecs.BOM_UTF16_LE.__add__),
    st.lists(st.sampled_from(SCRAPS)).map(lambda scraps: "".join(scraps).encode()),
    st.lists(st.sampled_from(SCRAPS)).map(lambda scraps: f"{HEADER}\n{''.join(scraps)}".encode()),
)


@given(MESSES)
def test_whatever_the_bytes_they_are_rows_or_a_bad_file(data: bytes) -> None:
    try:
        file = ImportFile(data)
    except BadFile:
        return

    rows = list(file)

    assert len(rows) == len(file)
    assert all(found.messages for found in rows if isinstance(found, RowError))
    numbers = [found.number for found in rows]
    assert numbers == sorted(set(numbers))
