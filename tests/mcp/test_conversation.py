"""A client that others wrote for the documented API works when it is pointed at Oncue."""

import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from crash.site import Site
from mcp.agent import Agent, ToolFailed, need_installation, started
from media import files
from oncue.lib import ids
from oncue.settings import Settings
from processes import eventually, simulated, until_served

LATER = "2099-01-01T12:00:00Z"
TEXTS = {"content": "Hello from an agent"}


@pytest.fixture
def site(tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    """A server of our own, with an account on Mastodon and one on Telegram."""
    need_installation()
    shutil.copy(sqlite_template, tmp_path / "oncue.db")
    with simulated(tmp_path) as world:
        site = Site(Settings(data_dir=tmp_path), world)
        site.connect("MASTODON", "TELEGRAM")
        try:
            until_served(site.serve(ONCUE_OUTBOUND_ALLOW="127.0.0.1"), f"{site.url}/healthz")
            yield site
        finally:
            site.close()


@pytest.fixture
def agent(site: Site, tmp_path: Path) -> Iterator[Agent]:
    with started(site.url, site.key, tmp_path / "mcp-log") as agent:
        assert agent.greet() == "voxburst"
        yield agent


def account(agent: Agent, platform: str) -> str:
    [found] = [each for each in agent.call("list_accounts") if each["platform"] == platform]
    named: str = found["id"]
    return named


def settled(agent: Agent, post_id: str) -> Any:
    """The post, once publishing has ended."""
    eventually(
        lambda: agent.call("get_post", postId=post_id)["status"] != "publishing", "it settles"
    )
    return agent.call("get_post", postId=post_id)


def test_it_lists_accounts_and_shows_one(agent: Agent) -> None:
    listed = agent.call("list_accounts")

    assert {each["platform"] for each in listed} == {"mastodon", "telegram"}
    assert agent.call("get_account", accountId=listed[0]["id"]) == listed[0]


def test_it_creates_lists_updates_cancels_and_deletes_a_post(agent: Agent) -> None:
    mastodon = account(agent, "mastodon")
    post = agent.call("create_post", **TEXTS, accountIds=[mastodon], scheduledFor=LATER)
    listed = agent.call("list_posts", status="scheduled", accountId=mastodon, limit=10)
    updated = agent.call(
        "update_post", postId=post["id"], content="Better", platformOverrides={"MASTODON": {}}
    )
    cancelled = agent.call("cancel_post", postId=post["id"])
    agent.call("delete_post", postId=post["id"])

    assert post["status"] == "scheduled"
    assert [each["id"] for each in listed["data"]] == [post["id"]]
    assert (updated["content"], cancelled["status"]) == ("Better", "cancelled")
    with pytest.raises(ToolFailed) as gone:
        agent.call("get_post", postId=post["id"])
    assert (gone.value.error["error"], gone.value.error["statusCode"]) == ("NOT_FOUND", 404)


def test_it_attaches_a_picture_by_its_url(agent: Agent, picture_url: str) -> None:
    mastodon = account(agent, "mastodon")

    post = agent.call(
        "create_post",
        **TEXTS,
        accountIds=[mastodon],
        scheduledFor=LATER,
        mediaUrls=[picture_url],
    )

    [media] = post["media"]
    assert (media["status"], media["contentType"]) == ("ready", "image/png")
    assert media["filename"] == "fox.png"


@pytest.fixture
def picture_url() -> Iterator[str]:
    """A picture on a web server of this machine."""

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.picture("PNG")
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/fox.png?size=1"
        server.shutdown()


def test_it_validates_a_text(agent: Agent) -> None:
    told = agent.call("validate_content", content="x" * 300, platforms=["twitter", "mastodon"])

    assert told["valid"] is False
    assert {name: each["valid"] for name, each in told["platforms"].items()} == {
        "TWITTER": False,
        "MASTODON": True,
    }


def test_it_retries_a_post_that_failed(agent: Agent, site: Site) -> None:
    site.world.fault(kind="reject", platform="TELEGRAM")
    due_now = "2020-01-01T00:00:00Z"
    with pytest.raises(ToolFailed) as refused:
        agent.call(
            "create_post", **TEXTS, accountIds=[account(agent, "telegram")], scheduledFor=due_now
        )
    post_id = publish_by_hand(site, account(agent, "telegram"))
    failed = settled(agent, post_id)
    retried = agent.call("retry_post", postId=post_id)

    assert refused.value.error["error"] == "VALIDATION_ERROR"
    assert failed["status"] == "failed"
    assert retried["status"] == "publishing"
    assert [each["retryCount"] for each in retried["retriedPlatforms"]] == [1]


def test_a_bad_key_ends_it_before_it_begins(site: Site, tmp_path: Path) -> None:
    with (
        started(site.url, "oncue_live_nonsense", tmp_path / "mcp-log") as agent,
        pytest.raises((AssertionError, BrokenPipeError)),
    ):
        agent.greet()

    assert "UNAUTHORIZED" in (tmp_path / "mcp-log").read_text()


def publish_by_hand(site: Site, account_id: str) -> str:
    """Post at once: the client has no tool for it."""
    post_id = site.publish("Now", [ids.from_typeid("acc", account_id)])
    return ids.to_typeid("post", post_id)
