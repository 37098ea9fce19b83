"""CSV import as users see it: a file goes in, posts come out, and every mistake is told."""

import pytest

from api.answers import problem, rows
from api.importing import accepted, hand_in, imported, listed, status, table
from installation import Installation
from oncue.lib import ids
from oncue.posts.csv_template import ACCOUNTS
from statements import statements

pytestmark = pytest.mark.anyio

ALL = ("content", "accountIds", "scheduledFor", "contentType", "tags", "firstComment", "media")


@statements("V307", "V309", "V310", "V311", "V314")
async def test_a_file_of_posts_becomes_posts(installation: Installation) -> None:
    x, mastodon = installation.account("TWITTER"), installation.account("MASTODON")
    file = table(
        ALL,
        ("A draft", x),
        ("On cue", f"{x};{mastodon}", "2026-12-01T10:00:00+01:00", "text", "a|b", "First!"),
    )

    answer = await hand_in(installation, file)
    job_id = answer.json()["jobId"]
    before = await status(installation, job_id)
    await installation.errands()
    after = await status(installation, job_id)

    assert (answer.status_code, answer.json()) == (202, {"jobId": job_id, "status": "queued"})
    assert job_id.startswith("job_")
    assert before == {
        "jobId": job_id,
        "status": "queued",
        "dryRun": False,
        "totalRows": 0,
        "processedRows": 0,
        "successCount": 0,
        "failureCount": 0,
        "errors": [],
        "createdPostIds": [],
        "reason": None,
        "warning": None,
    }
    draft, scheduled = await listed(installation)
    assert after == before | {
        "status": "done",
        "totalRows": 2,
        "processedRows": 2,
        "successCount": 2,
        "createdPostIds": [draft["id"], scheduled["id"]],
    }
    assert (draft["status"], draft["content"]) == ("draft", "A draft")
    assert scheduled == scheduled | {
        "status": "scheduled",
        "content": "On cue",
        "scheduledFor": "2026-12-01T09:00:00.000Z",
        "contentType": "TEXT",
        "tags": ["a", "b"],
        "firstComment": "First!",
    }
    assert [platform["accountId"] for platform in scheduled["platforms"]] == [x, mastodon]


async def test_what_was_imported_goes_out_at_its_time(installation: Installation) -> None:
    mastodon = installation.account("MASTODON")

    await imported(installation, table(ALL[:3], ("Hello", mastodon, "2026-11-22T12:30:00Z")))
    await installation.run_due()
    early = installation.posts("MASTODON")
    installation.clock.advance(minutes=30)
    await installation.run_due()

    assert early == []
    assert [entry.text for entry in installation.posts("MASTODON")] == ["Hello"]


@statements("V310", "V312", "V313", "V314")
async def test_rows_that_are_no_posts_are_told_by_number_and_stop_no_other(
    installation: Installation,
) -> None:
    x = installation.account("TWITTER")
    file = table(
        ALL[:3],
        ("One\nof two lines", x),
        ("Two", x, "tomorrow"),
        ("", "", ""),
        ("Three", x),
        ("Four", x, "2026-11-22T11:00:00Z"),
        ("x" * 281, x, "2026-11-23T00:00:00Z"),
        ("x" * 281, x),
    )

    job = await imported(installation, file)

    assert job == job | {
        "status": "done",
        "reason": None,
        "totalRows": 6,
        "processedRows": 6,
        "successCount": 3,
        "failureCount": 3,
        "errors": [
            {"row": 3, "message": "Invalid scheduledFor date format"},
            {
                "row": 6,
                "message": "scheduledFor: 2026-11-22T11:00:00.000Z is 3600 seconds in the past; "
                "at most 60 are allowed",
            },
            {"row": 7, "message": "content: X takes 280 weighted characters; this has 281"},
        ],
    }
    posts = await listed(installation)
    assert job["createdPostIds"] == [post["id"] for post in posts]
    assert [post["content"] for post in posts] == ["One\nof two lines", "Three", "x" * 281]


@statements("V310")
async def test_everything_wrong_with_a_row_is_told_at_once(installation: Installation) -> None:
    nobodys = ACCOUNTS[0]
    x = installation.account("TWITTER")
    file = table(
        ALL[:4],
        ("", nobodys, "tomorrow", "poem"),
        ("Late", f"{x};{nobodys};999", "2026-11-22T11:00:00Z"),
    )

    job = await imported(installation, file)

    told = [(error["row"], error["message"].split(" is ")[0]) for error in job["errors"]]
    assert told == [
        (2, "content"),
        (2, "Invalid scheduledFor date format"),
        (2, 'contentType: "poem"'),
        (2, f"accountIds[0]: No account with id {nobodys}"),
        (3, "accountIds: No account with number 999"),
        (3, f"accountIds[1]: No account with id {nobodys}"),
        (3, "scheduledFor: 2026-11-22T11:00:00.000Z"),
    ]
    assert job["failureCount"] == 2


async def test_an_account_may_be_named_by_its_number(installation: Installation) -> None:
    x, mastodon = installation.accounts["TWITTER"], installation.accounts["MASTODON"]
    numbers = f"{mastodon.number};{x.number}"
    twice = f"{x.number};{installation.account('TWITTER')}"

    job = await imported(installation, table(("Hello", numbers), ("Hello", twice)))

    [post] = await listed(installation)
    assert [platform["platform"] for platform in post["platforms"]] == ["mastodon", "twitter"]
    [error] = job["errors"]
    assert (error["row"], "named twice" in error["message"]) == (3, True)


async def test_another_workspaces_accounts_are_nobodys(installation: Installation) -> None:
    other = await installation.new_workspace()
    theirs = await installation.new_account("MASTODON", "anna", other)
    named = ids.to_typeid("acc", theirs.id)

    job = await imported(installation, table(("Hello", named), ("Hello", str(theirs.number))))

    assert job["errors"] == [
        {"row": 2, "message": f"accountIds[0]: No account with id {named}"},
        {"row": 3, "message": f"accountIds: No account with number {theirs.number}"},
    ]


async def test_pictures_are_named_by_their_ids(installation: Installation) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01".ljust(64, b"\0")
    upload = await installation.api.post("/v1/media", files={"file": ("a.png", png, "image/png")})
    media, nobodys = upload.json()["id"], ACCOUNTS[0].replace("acc_", "media_")
    x = installation.account("TWITTER")

    job = await imported(
        installation,
        table(("content", "accountIds", "media"), ("Look", x, media), ("Look", x, nobodys)),
    )

    [post] = await listed(installation)
    assert [shown["id"] for shown in post["media"]] == [media]
    assert job["errors"] == [{"row": 3, "message": f"media: No media with id {nobodys}"}]


@pytest.mark.parametrize("text", ['=HYPERLINK("http://evil.test")', "+1", "-1", "@you", "\t=1"])
async def test_a_text_that_is_a_formula_to_a_spreadsheet_stays_as_it_is(
    installation: Installation, text: str
) -> None:
    await imported(installation, table((text, installation.account("MASTODON"))))

    assert [post["content"] for post in await listed(installation)] == [text]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
async def test_a_spreadsheets_own_encoding_and_delimiter_are_understood(
    installation: Installation, encoding: str, delimiter: str
) -> None:
    x, mastodon = installation.account("TWITTER"), installation.account("MASTODON")
    cells = [("content", "accountIds"), ("Grüße, 😀", f"{x}|{mastodon}")]
    text = "\r\n".join(delimiter.join(row) for row in cells)

    job = await imported(installation, text.encode(encoding))

    assert job["successCount"] == 1
    assert [post["content"] for post in await listed(installation)] == ["Grüße, 😀"]


@statements("V308")
@pytest.mark.parametrize("query", ["?dry_run=true", "?dryRun=true"])
async def test_a_dry_run_tells_the_same_and_creates_nothing(
    installation: Installation, query: str
) -> None:
    x = installation.account("TWITTER")
    file = table(
        ALL[:3],
        *[(f"Post {number}", x) for number in range(30)],
        ("Bad", x, "tomorrow"),
        ("Bad", "999", "2026-11-23T00:00:00Z"),
    )
    before = await rows(installation)

    tried = await imported(installation, file, query)
    kept = await rows(installation)
    real = await imported(installation, file, "?dry_run=false")

    records = {"import_job": 1, "import_row": 32}
    assert kept == dict(before) | records
    assert tried == real | {
        "jobId": tried["jobId"],
        "dryRun": True,
        "createdPostIds": [],
    }
    assert len(tried["errors"]) == 2
    assert len(real["createdPostIds"]) == real["successCount"] == 30


@statements("V306")
async def test_the_template_is_a_file_that_would_be_taken(installation: Installation) -> None:
    answer = await installation.api.get("/v1/posts/import/template")
    text = answer.text
    for example, platform in zip(ACCOUNTS, ("MASTODON", "BLUESKY"), strict=True):
        text = text.replace(example, installation.account(platform))

    job = await imported(installation, text.encode())
    as_it_is = await imported(installation, answer.content)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert (job["successCount"], job["failureCount"]) == (3, 0)
    assert (as_it_is["successCount"], as_it_is["failureCount"]) == (0, 3)


@statements("V315")
async def test_an_import_of_nobody_or_of_another_workspace_is_unknown(
    installation: Installation,
) -> None:
    job_id = await accepted(installation, table())
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    headers = {"authorization": f"Bearer {key}"}
    wrong = ["job_nothing", "nothing", ids.to_typeid("job", ids.new_id(installation.clock())), "7"]

    paths = [f"/v1/posts/import/{name}/status" for name in (*wrong, job_id)]
    answers = [problem(await installation.api.get(path, headers=headers)) for path in paths]

    assert answers == [(404, "NOT_FOUND", None)] * len(paths)
