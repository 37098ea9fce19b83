"""What the rows of an import file may look like, and what is said of one that is wrong."""

import codecs
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest

from oncue.lib.ids import to_typeid
from oncue.posts.csv_reader import COLUMNS, ImportFile, Row, RowError
from oncue.posts.values import ContentType, NewPost
from statements import statements

ONE: Final = UUID("0197a5b2-7c3d-7abc-8def-00000000000a")
TWO: Final = UUID("0197a5b2-7c3d-7abc-8def-00000000000b")
ACC: Final = to_typeid("acc", ONE)
ACC2: Final = to_typeid("acc", TWO)
HEADER: Final = ",".join(COLUMNS)


def read(text: str, encoding: str = "utf-8") -> list[Row | RowError]:
    return list(ImportFile(text.encode(encoding)))


def row(cells: str) -> Row | RowError:
    """The one row of a file with every column."""
    [found] = read(f"{HEADER}\r\n{cells}\r\n")
    return found


def plain(number: int, content: str) -> Row:
    return Row(number, NewPost(content=content, account_ids=(ONE,)))


def test_every_column_becomes_a_field_of_the_post() -> None:
    media = to_typeid("media", ONE)

    found = row(f"Hello,{ACC};{ACC2}, 2026-06-15T14:00:00Z , text , a|b;c ,First!,{media}, TRUE ")

    assert found == Row(
        2,
        NewPost(
            content="Hello",
            account_ids=(ONE, TWO),
            scheduled_for=datetime(2026, 6, 15, 14, tzinfo=UTC),
            content_type=ContentType.TEXT,
            tags=("a", "b", "c"),
            first_comment="First!",
            media_ids=(ONE,),
            queue=True,
        ),
    )


def test_what_is_left_blank_is_left_out() -> None:
    found = row(f"Hello,{ACC}, ,, ; ,,, ")

    assert found == plain(2, "Hello")


def test_a_time_with_an_offset_becomes_utc() -> None:
    found = row(f"Hello,{ACC},2026-06-15T14:00:00+05:45,,,")

    assert isinstance(found, Row)
    assert found.post.scheduled_for == datetime(2026, 6, 15, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ['=HYPERLINK("http://evil")', "'=1+1", "+1", "@you", "  so  "])
def test_a_text_stays_as_it_is_also_where_a_spreadsheet_sees_a_formula(text: str) -> None:
    quoted = text.replace('"', '""')

    found = row(f'"{quoted}",{ACC},,,,')

    assert found == plain(2, text)


@statements("V313")
@pytest.mark.parametrize(
    "time",
    [
        "tomorrow",
        "2026-06-15",
        "2026-06-15T14:00:00",
        "15/06/2026 14:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1781532000",
    ],
)
def test_a_time_that_is_no_time_or_has_no_zone_is_an_error_in_the_documents_words(
    time: str,
) -> None:
    found = row(f"Hello,{ACC},{time},,,")

    assert found == RowError(2, ("Invalid scheduledFor date format",))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (f",{ACC},,,,", "content is required"),
        (f" \t,{ACC},,,,", "content is required"),
        ("Hello,,,,,", "accountIds is required"),
        ("Hello", "accountIds is required"),
        ("Hello,;|,,,,", "accountIds is required"),
        (
            "Hello,post_00000000000000000000000000,,,,",
            (
                'accountIds: "post_00000000000000000000000000" is no account id: '
                "acc_ ids are expected here"
            ),
        ),
        (
            f"Hello,{'x' * 61},,,,",
            f'accountIds: "{"x" * 60}..." is no account id: neither an id with a prefix nor a UUID',
        ),
        (
            f"Hello,{ACC},,POEM,,",
            'contentType: "POEM" is not one of TEXT, IMAGE, VIDEO, CAROUSEL, THREAD, STORY, REEL',
        ),
        (
            f"Hello,{ACC},,,,,{ACC}",
            f'media: "{ACC}" is no media id: media_ ids are expected here',
        ),
        (f"Hello,{ACC},,,,,,soon", 'queue: "soon" is neither true nor false'),
        (f"{'x' * 10_001},{ACC},,,,", "content may have 10000 characters; this has 10001"),
        (f"Hello,{ACC},,,,{'x' * 2_201}", "firstComment may have 2200 characters; this has 2201"),
        (f"Hello,{ACC},,,{'x;' * 501},", "tags may have 500 entries; this has 501"),
        (f"Hello,{f'{ACC};' * 501},,,,", "accountIds may have 500 entries; this has 501"),
        (
            f"Hello, everyone,{ACC},,,,First!,,x",
            'has 9 cells where the header has 8; put quotes around a cell that contains ","',
        ),
    ],
)
def test_a_wrong_cell_is_named_with_what_is_wrong(cells: str, message: str) -> None:
    assert row(cells) == RowError(2, (message,))


def test_the_longest_texts_pass() -> None:
    found = row(f"{'é' * 10_000},{ACC},,,,{'😀' * 2_200}")

    assert isinstance(found, Row)


def test_everything_wrong_with_a_row_is_said_at_once() -> None:
    found = row(",no;nor,soon,poem,,")

    assert isinstance(found, RowError)
    assert [message.split(" is ")[0] for message in found.messages] == [
        "content",
        'accountIds: "no"',
        'accountIds: "nor"',
        "Invalid scheduledFor date format",
        'contentType: "poem"',
    ]


def test_of_many_wrong_ids_in_a_cell_the_first_three_are_named() -> None:
    found = row("Hello,a;b;c;d,,,,")

    assert isinstance(found, RowError)
    assert [message.split(" is ")[0] for message in found.messages] == [
        'accountIds: "a"',
        'accountIds: "b"',
        'accountIds: "c"',
        "accountIds: and 1 more like these",
    ]


def test_an_account_may_be_named_by_its_number() -> None:
    found = row(f"Hello,7;{ACC};12")

    assert found == Row(2, NewPost(content="Hello", account_ids=(ONE,)), (7, 12))


@pytest.mark.parametrize("number", ["-1", "1.5", "٣", "1234567890"])
def test_what_only_looks_like_an_accounts_number_is_none(number: str) -> None:
    found = row(f"Hello,{number}")

    assert isinstance(found, RowError)


def test_what_can_be_read_of_a_bad_row_is_there_to_be_looked_at() -> None:
    found = row(f"Hello,{ACC};7;nobody,never,,,")

    assert isinstance(found, RowError)
    assert len(found.messages) == 2
    assert found.rest == Row(2, NewPost(content="Hello", account_ids=(ONE,)), (7,))


def test_columns_come_in_any_order_and_case_and_optional_ones_may_be_missing() -> None:
    found = read(f"TAGS, AccountIDs ,content\nnews,{ACC},Hello\n")

    assert found == [Row(2, NewPost(content="Hello", account_ids=(ONE,), tags=("news",)))]


def test_a_header_may_have_empty_cells_to_spare_over_nothing() -> None:
    found = read(f"content,accountIds,,\nHello,{ACC},,\nHello,{ACC},,Oops\n")

    assert found[0] == Row(2, NewPost(content="Hello", account_ids=(ONE,)))
    assert isinstance(found[1], RowError)


@pytest.mark.parametrize("cells", [f"Hello,{ACC}", f"Hello,{ACC},,,,,,,,"])
def test_a_row_may_lack_empty_cells_at_its_end_or_have_some_to_spare(cells: str) -> None:
    assert row(cells) == plain(2, "Hello")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_line_ends_and_encodings_are_told_from_the_file(
    delimiter: str, end: str, encoding: str
) -> None:
    text = end.join(
        [delimiter.join(["content", "accountIds"]), delimiter.join(["Grüße 😀", ACC]), ""]
    )

    assert read(text, encoding) == [plain(2, "Grüße 😀")]


def test_utf_16_is_read_in_either_byte_order() -> None:
    text = f"content,accountIds\nHello,{ACC}\n"

    little = ImportFile(codecs.BOM_UTF16_LE + text.encode("utf-16-le"))
    big = ImportFile(codecs.BOM_UTF16_BE + text.encode("utf-16-be"))

    assert list(little) == list(big) == [plain(2, "Hello")]


def test_semicolons_in_the_lists_of_a_file_do_not_make_them_its_delimiter() -> None:
    found = read(f"content,accountIds,tags\nHello,{ACC},a;b;c;d;e\n")

    assert found == [
        Row(2, NewPost(content="Hello", account_ids=(ONE,), tags=("a", "b", "c", "d", "e")))
    ]


@pytest.mark.parametrize("accounts", [f"{ACC}|{ACC2}", f'"{ACC};{ACC2}"', f'"{ACC} ; {ACC2} "'])
def test_a_file_cut_with_semicolons_has_lists_with_bars_or_in_quotes(accounts: str) -> None:
    found = read(f"content;accountIds;tags\nHello, you;{accounts};\n")

    assert found == [Row(2, NewPost(content="Hello, you", account_ids=(ONE, TWO)))]


def test_a_bare_list_in_a_file_cut_with_semicolons_is_an_error_of_that_row() -> None:
    found = read(f"content;accountIds\nHello;{ACC};{ACC2}\nBye;{ACC}\n")

    assert found == [
        RowError(
            2, ('has 3 cells where the header has 2; put quotes around a cell that contains ";"',)
        ),
        plain(3, "Bye"),
    ]


def test_a_text_of_several_lines_is_one_row_and_keeps_its_line_ends() -> None:
    found = read(f'content,accountIds\n"a\nb\r\nc",{ACC}\nlast,\n')

    assert found == [plain(2, "a\nb\r\nc"), RowError(3, ("accountIds is required",))]


@pytest.mark.parametrize("blank", ["", "   ", ",", " , ", '""'])
def test_a_blank_row_is_passed_over_but_counts_as_it_does_in_a_spreadsheet(blank: str) -> None:
    text = f"content,accountIds\n{blank}\nfirst,{ACC}\n{blank}\n{blank}\nsecond,{ACC}\n{blank}"

    file = ImportFile(text.encode())

    assert list(file) == [plain(3, "first"), plain(6, "second")]
    assert len(file) == 2


def test_the_header_may_follow_blank_rows() -> None:
    assert read(f"\n;\ncontent;accountIds\nHello;{ACC}\n") == [plain(4, "Hello")]


def test_a_header_alone_is_a_file_without_rows() -> None:
    file = ImportFile(HEADER.encode())

    assert (len(file), list(file)) == (0, [])


def test_a_file_can_be_read_twice_and_is_as_long_as_it_says() -> None:
    file = ImportFile(f"content,accountIds\nHello,{ACC}\n,\nBye,\n".encode())

    once, again = list(file), list(file)

    assert once == again
    assert len(once) == len(file) == 2
