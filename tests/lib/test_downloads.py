"""Fetching a file that a user names: redirects, caps, and nothing left behind."""

import asyncio
import gzip
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from loopback import Answer, Names, answering, endless, hang, serving
from oncue.lib.addresses import NOT_PUBLIC, Allowed, NotAllowed
from oncue.lib.outbound import Downloaded, GuardedClient, TooLarge, Unreachable

pytestmark = pytest.mark.anyio

SOON = timedelta(seconds=5)
SHORT = timedelta(seconds=0.2)
CAP = 1_000_000
FURTHER = answering(302, location="/on")


@pytest.fixture
def to_file(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


def content(file: Path) -> bytes | None:
    """What was written there; None if there is no file."""
    return file.read_bytes() if file.exists() else None


def client(**names: list[list[str]]) -> GuardedClient:
    """A client that may reach 127.0.0.1, and to which names mean what is given."""
    allowed = Allowed.parse("127.0.0.1")
    return GuardedClient(allowed, resolver=Names(**names), ports=range(65536))


async def test_a_file_is_fetched_as_it_is(to_file: Path) -> None:
    photo = bytes(range(256)) * 1_000
    async with serving(answering(200, photo, content_type="image/png")) as server:
        fetched = await client().download(f"{server.url}/a.png", to_file, CAP, SOON)

    assert fetched == Downloaded(size_bytes=256_000, claimed_type="image/png")
    assert content(to_file) == photo
    assert b"\r\nAccept-Encoding: identity\r\n" in server.asked[0]


async def test_a_file_of_exactly_the_cap_is_fetched(to_file: Path) -> None:
    async with serving(answering(200, b"x" * 1_000)) as server:
        await client().download(server.url, to_file, 1_000, SOON)

    assert content(to_file) == b"x" * 1_000


@pytest.mark.parametrize(
    "answer",
    [
        answering(200, b"x" * 1_001),
        endless(b"HTTP/1.1 200 OK\r\n\r\n"),
        endless(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1_001,
        answering(200, gzip.compress(bytes(1_001)), content_encoding="gzip"),
    ],
    ids=["one byte more", "endless", "announced", "chunked", "compressed"],
)
async def test_more_than_the_cap_is_cut_and_nothing_stays(answer: Answer, to_file: Path) -> None:
    async with serving(answer) as server:
        with pytest.raises(TooLarge, match="larger than 1000 bytes"):
            await client().download(server.url, to_file, 1_000, SOON)

    assert content(to_file) is None


async def test_a_body_longer_than_it_says_is_no_file(to_file: Path) -> None:
    async with serving(endless(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")) as server:
        with pytest.raises(Unreachable, match="not HTTP"):
            await client().download(server.url, to_file, CAP, SOON)

    assert content(to_file) is None


async def test_a_body_shorter_than_it_says_is_no_file(to_file: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf") as server:
        with pytest.raises(Unreachable, match="broke off"):
            await client().download(server.url, to_file, CAP, SOON)

    assert content(to_file) is None


async def test_a_body_that_does_not_end_in_time_is_no_file(to_file: Path) -> None:
    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await hang(writer)

    async with serving(half) as server:
        with pytest.raises(Unreachable, match="no answer within"):
            await client().download(server.url, to_file, CAP, SHORT)

    assert content(to_file) is None


async def test_a_compressed_file_is_unpacked(to_file: Path) -> None:
    packed = gzip.compress(b"hello" * 100)
    async with serving(answering(200, packed, content_encoding="gzip")) as server:
        fetched = await client().download(server.url, to_file, CAP, SOON)

    assert fetched.size_bytes == 500
    assert content(to_file) == b"hello" * 100


async def test_a_gzip_bomb_is_stopped_at_the_cap_without_taking_memory(to_file: Path) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    async with serving(answering(200, bomb, content_encoding="gzip")) as server:
        tracemalloc.start()
        with pytest.raises(TooLarge):
            await client().download(server.url, to_file, CAP, SOON)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert most < 8_000_000
    assert content(to_file) is None


@pytest.mark.parametrize("status", [204, 206, 304, 400, 403, 404, 500])
async def test_only_200_brings_a_file(status: int, to_file: Path) -> None:
    async with serving(b"HTTP/1.1 %d Said\r\ncontent-length: 0\r\n\r\n" % status) as server:
        with pytest.raises(Unreachable, match=f"it answers {status}"):
            await client().download(server.url, to_file, CAP, SOON)

    assert content(to_file) is None


async def test_a_file_that_is_there_already_is_left_alone(to_file: Path) -> None:
    async with serving(answering(200, b"mine"), answering(200, b"theirs")) as server:
        await client().download(server.url, to_file, CAP, SOON)
        with pytest.raises(FileExistsError):
            await client().download(server.url, to_file, CAP, SOON)

    assert content(to_file) == b"mine"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_to_the_letter(status: int, to_file: Path) -> None:
    signed = "/%7Eb%2Fc?x=%2F&y=+%2B&z=%zz"
    async with serving(answering(status, location=signed), answering(200, b"photo")) as server:
        await client().download(f"{server.url}{signed}", to_file, CAP, SOON)

    assert content(to_file) == b"photo"
    assert [asked.split(b" ")[1].decode() for asked in server.asked] == [signed, signed]


async def test_three_redirects_are_followed(to_file: Path) -> None:
    async with serving(FURTHER, FURTHER, FURTHER, answering(200, b"photo")) as server:
        await client().download(server.url, to_file, CAP, SOON)

    assert content(to_file) == b"photo"


async def test_a_fourth_redirect_is_not_followed(to_file: Path) -> None:
    async with serving(FURTHER, FURTHER, FURTHER, FURTHER, answering(200, b"photo")) as server:
        with pytest.raises(Unreachable, match="more than 3 times"):
            await client().download(server.url, to_file, CAP, SOON)

    assert len(server.asked) == 4
    assert content(to_file) is None


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://127.0.0.2/",
        "http://[::1]/",
        "http://2130706433/",
        "http://inside.test/",
        "http://moved.test/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1:0/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://127.0.0.1\\@example.com/",
        "http://[::1/",
        "http:\t//127.0.0.1/",
    ],
)
async def test_a_redirect_is_judged_like_a_url_of_its_own(location: str, to_file: Path) -> None:
    guarded = client(inside_test=[["10.0.0.1"]], moved_test=[["127.0.0.1", "10.0.0.1"]])
    async with serving(answering(302, location=location)) as server:
        with pytest.raises(NotAllowed):
            await guarded.download(server.url, to_file, CAP, SOON)

    assert len(server.asked) == 1
    assert content(to_file) is None


async def test_a_redirect_to_a_private_name_says_no_more_than_a_private_address(
    to_file: Path,
) -> None:
    async with serving(answering(302, location="http://inside.test/")) as server:
        with pytest.raises(NotAllowed, match=NOT_PUBLIC):
            await client(inside_test=[["10.0.0.1"]]).download(server.url, to_file, CAP, SOON)


async def test_headers_stay_with_the_origin_they_were_given_for(to_file: Path) -> None:
    async def on_to_other(writer: asyncio.StreamWriter) -> None:
        writer.write(answering(302, location=f"{other.url}/c"))

    async def back_home(writer: asyncio.StreamWriter) -> None:
        writer.write(answering(302, location=f"{server.url}/d"))

    secret = {"authorization": "Bearer secret"}
    near = answering(302, location="/b")
    async with (
        serving(near, on_to_other, answering(200, b"photo")) as server,
        serving(back_home) as other,
    ):
        await client().download(f"{server.url}/a", to_file, CAP, SOON, secret)

    assert [b"Bearer secret" in asked for asked in server.asked] == [True, True, False]
    assert [b"Bearer secret" in asked for asked in other.asked] == [False]
