"""Files that are no table of posts, are too large, or come twice."""

import pytest

from api.answers import invalid, problem, rows
from api.importing import accepted, hand_in, imported, listed, status, table
from installation import Installation
from oncue.posts.csv_import import OPEN_JOBS
from oncue.workspaces.keys import Scope
from statements import statements

pytestmark = pytest.mark.anyio

LIMIT = 5 * 1024 * 1024


@statements("V311", "V312")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"content,accountIds\nHel\0lo,1", "the file contains a NUL character: it is no text"),
        (
            b'content,accountIds\nHello,1\n"Bye,1',
            "row 3 cannot be read (unexpected end of data): look for a quote without its partner",
        ),
        (b"content,accountIds,content", "the header has the column content twice"),
        (b"content,tags\nHello,a", "the header lacks accountIds"),
        (b"\xff\xd8\xff\xe0 a picture", "the file is not valid UTF-8; save it as CSV UTF-8"),
        (b"\n\n", "the file is empty"),
        (b"content,accountIds\n" + b"Hello,1\n" * 5_001, "the file has more than 5000 rows"),
    ],
)
async def test_a_file_that_is_no_table_of_posts_fails_as_a_whole(
    installation: Installation, content: bytes, reason: str
) -> None:
    job = await imported(installation, content)

    assert job == job | {
        "status": "failed",
        "reason": reason,
        "totalRows": 0,
        "processedRows": 0,
        "errors": [],
        "createdPostIds": [],
    }
    assert await listed(installation) == []


async def test_a_bad_row_at_the_end_of_a_file_leaves_no_posts_of_those_before(
    installation: Installation,
) -> None:
    x = installation.account("TWITTER")

    job = await imported(installation, table(*[("Hello", x)] * 40) + b'"')

    assert job["status"] == "failed"
    assert await listed(installation) == []


async def test_a_header_alone_is_an_import_of_nothing(installation: Installation) -> None:
    job = await imported(installation, table())

    assert (job["status"], job["totalRows"], job["reason"]) == ("done", 0, None)


@statements("V307")
async def test_a_request_without_a_file_or_with_an_empty_one_is_refused(
    installation: Installation,
) -> None:
    before = await rows(installation)
    api = installation.api

    answers = [
        await hand_in(installation, b""),
        await api.post("/v1/posts/import", files={"csv": ("posts.csv", table(), "text/csv")}),
        await api.post("/v1/posts/import", data={"file": "content,accountIds"}),
        await api.post("/v1/posts/import", json={"file": "content,accountIds"}),
        await api.post("/v1/posts/import", content=table(), headers={"content-type": "text/csv"}),
        await api.post("/v1/posts/import"),
    ]

    assert [problem(answer) for answer in answers] == [invalid("file")] * len(answers)
    assert await rows(installation) == before


@pytest.mark.parametrize("query", ["?dry_run=perhaps", "?dry_run=", "?dryRun=2"])
async def test_an_unclear_dry_run_is_no_import(installation: Installation, query: str) -> None:
    answer = await hand_in(installation, table(), query)

    assert problem(answer) == invalid(query[1:].partition("=")[0])


async def test_a_file_may_have_five_megabytes_and_not_a_byte_more(
    installation: Installation,
) -> None:
    full = b"content,accountIds".ljust(LIMIT, b"\n")
    before = await rows(installation)

    over = await hand_in(installation, full + b"\n")
    unchanged = await rows(installation)
    job = await imported(installation, full)

    assert problem(over) == (413, "BAD_REQUEST", {"maxBytes": LIMIT})
    assert unchanged == before
    assert job["status"] == "failed"  # so many blank rows are more than a spreadsheet leaves
    assert job["reason"] == "the file has more than 100000 rows, blank ones counted"


async def test_a_strange_name_does_no_harm(installation: Installation) -> None:
    boundary = "x-boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a\0/../b"'
    body = f"{head}\r\n\r\n".encode() + table() + f"\r\n--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}

    answer = await installation.api.post("/v1/posts/import", content=body, headers=kind)

    assert answer.status_code == 202


@statements("V16")
async def test_an_import_takes_a_key_that_may_write_posts(installation: Installation) -> None:
    reader = {"authorization": f"Bearer {await installation.new_key(Scope.POSTS_READ)}"}
    writer = {"authorization": f"Bearer {await installation.new_key(Scope.POSTS_WRITE)}"}
    template = "/v1/posts/import/template"

    refused = await hand_in(installation, table(), headers=reader)
    taken = await hand_in(installation, table(), headers=writer)
    read = await installation.api.get(template, headers=reader)
    other = {"authorization": f"Bearer {await installation.new_key(Scope.ACCOUNTS_WRITE)}"}

    assert problem(refused)[:2] == (403, "AUTHORIZATION_ERROR")
    assert (taken.status_code, read.status_code) == (202, 200)
    assert (await installation.api.get(template, headers=other)).status_code == 403


async def test_a_file_that_is_sent_again_with_its_key_is_one_import(
    installation: Installation,
) -> None:
    key = {"idempotency-key": "monday"}
    file, other = (table((text, installation.account("TWITTER"))) for text in ("One", "Two"))

    first = await hand_in(installation, file, headers=key)
    again = await hand_in(installation, file, headers=key)  # with another boundary
    reused = await hand_in(installation, other, headers=key)
    tried = await hand_in(installation, file, "?dry_run=true", headers=key)
    await installation.errands()

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert problem(reused)[:2] == problem(tried)[:2] == (409, "IDEMPOTENCY_CONFLICT")
    assert [post["content"] for post in await listed(installation)] == ["One"]


async def test_the_same_file_twice_in_a_day_is_done_with_a_warning(
    installation: Installation,
) -> None:
    file = table(("Hello", installation.account("TWITTER")))

    tried = await imported(installation, file, "?dry_run=true")
    first = await imported(installation, file)
    again = await imported(installation, file)
    other = await imported(installation, file + b"\n")
    installation.clock.advance(days=1)
    next_day = await imported(installation, file)

    assert [job["warning"] for job in (tried, first, other, next_day)] == [None] * 4
    assert again["warning"] == (
        f"The same file was imported at 2026-11-22T12:00:00.000Z as {first['jobId']}"
    )
    assert again["successCount"] == 1
    assert len(await listed(installation)) == 4


async def test_a_file_that_failed_or_is_another_workspaces_is_no_reason_for_a_warning(
    installation: Installation,
) -> None:
    key = await installation.new_key(workspace_id=await installation.new_workspace())

    answer = await hand_in(installation, table(), headers={"authorization": f"Bearer {key}"})
    failed = [await imported(installation, b"nothing") for _ in range(2)]
    mine = await imported(installation, table())

    assert answer.status_code == 202
    assert [job["warning"] for job in (*failed, mine)] == [None] * 3


async def test_only_so_many_imports_of_a_workspace_can_wait(installation: Installation) -> None:
    jobs = [await accepted(installation, table()) for _ in range(OPEN_JOBS)]
    key = await installation.new_key(workspace_id=await installation.new_workspace())

    over = await hand_in(installation, table())
    others = await hand_in(installation, table(), headers={"authorization": f"Bearer {key}"})
    await installation.errands()
    later = await hand_in(installation, table())

    assert problem(over) == (409, "CONFLICT", {"limit": OPEN_JOBS})
    assert (others.status_code, later.status_code) == (202, 202)
    assert {(await status(installation, job))["status"] for job in jobs} == {"done"}
