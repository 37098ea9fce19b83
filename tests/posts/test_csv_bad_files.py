"""Files that are no table of posts: each is refused as a whole, with the reason."""

import codecs
from typing import Final
from uuid import UUID

import pytest

from oncue.lib.ids import to_typeid
from oncue.posts.csv_reader import COLUMNS, BadFile, ImportFile
from statements import statements

ACC: Final = to_typeid("acc", UUID("0197a5b2-7c3d-7abc-8def-00000000000a"))
HEADER: Final = ",".join(COLUMNS)
KNOWN: Final = ", ".join(COLUMNS)
LONG: Final = 64 * 1024


def reason(data: bytes) -> str:
    with pytest.raises(BadFile) as refused:
        ImportFile(data)
    return str(refused.value)


@statements("V312")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("\ufeff\r\n  \r\n,,\r\n", "the file is empty"),
        ("content,tags\nHello,a\n", "the header lacks accountIds"),
        ("Hello world\n", f'the header has an unknown column "Hello world"; known are {KNOWN}'),
        ("content,,accountIds\n", f'the header has an unknown column ""; known are {KNOWN}'),
        ("tags\na\n", "the header lacks content and accountIds"),
        ("content,accountIds,CONTENT\n", "the header has the column content twice"),
        (
            f"content,accountIds\nHe\0llo,{ACC}\n",
            "the file contains a NUL character: it is no text",
        ),
        (
            f'content,accountIds\nHello,{ACC}\n"Bye,{ACC}\n',
            "row 3 cannot be read (unexpected end of data): look for a quote without its partner",
        ),
        (
            f'content,accountIds\n"Hello" you,{ACC}\n',
            "row 2 cannot be read (',' expected after '\"'): look for a quote without its partner",
        ),
        (
            f"content,accountIds\n{'x' * (LONG + 1)},{ACC}\n",
            (
                "row 2 cannot be read (field larger than field limit (65536)): "
                "look for a quote without its partner"
            ),
        ),
    ],
)
def test_a_file_that_is_no_table_of_posts_is_refused_with_the_reason(text: str, why: str) -> None:
    assert reason(text.encode()) == why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (HEADER.encode() + b"\ncaf\xe9", "the file is not valid UTF-8; save it as CSV UTF-8"),
        (b"\xff\xfea\x00b", "the file is not valid UTF-16; save it as CSV UTF-8"),
        (b"\xff\xfe\x00\xd8a\x00", "the file is not valid UTF-16; save it as CSV UTF-8"),
        (
            codecs.BOM_UTF32_LE + HEADER.encode("utf-32-le"),
            "the file contains a NUL character: it is no text",
        ),
        (
            HEADER.encode().ljust(5 * 1024 * 1024 + 1),
            "the file has 5242881 bytes; at most 5242880 are allowed",
        ),
    ],
)
def test_bytes_that_are_no_text_or_too_many_are_refused_with_the_reason(
    data: bytes, why: str
) -> None:
    assert reason(data) == why


def test_five_thousand_rows_pass_and_one_more_does_not() -> None:
    full = b"content,accountIds\n" + b"Hello,\n\n" * 5_000

    assert len(ImportFile(full)) == 5_000
    assert reason(full + b"Hello,") == "the file has more than 5000 rows"


def test_a_spreadsheets_empty_rows_pass_but_not_without_end() -> None:
    full = b"content,accountIds\nHello,\n".ljust(100_024, b"\n")

    assert len(ImportFile(full)) == 1
    assert reason(full + b",") == "the file has more than 100000 rows, blank ones counted"
