"""What a user sees of an OAuth server of the sandbox: a question, or why there is none."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from aiohttp import web

from oncue.sandbox.oauth_terms import Asked

SOMEBODY: Final = "oncue"
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1em/1.5 sans-serif; max-width: 30em; margin: 3em auto }}</style>
<h1>{title}</h1>
{body}
</html>
"""
QUESTION: Final = """<p>It asks for this, and will have you sent to <code>{redirect_uri}</code>:</p>
<ul>{scopes}</ul>
<form method="post">
<p><label>Sandbox user <input name="user" value="{user}" list="users" required></label>
<datalist id="users">{users}</datalist></p>
<p><button name="approve" value="1">Allow</button> <button name="deny" value="1">Refuse</button></p>
</form>
<p>Anybody exists here. Nothing leaves this machine.</p>"""


def question(platform: str, asked: Asked, user: str, known: Iterable[str]) -> web.Response:
    """A form that posts `user` and `approve` or `deny` to where it came from."""
    users = sorted({SOMEBODY, user, *known})
    body = QUESTION.format(
        redirect_uri=escape(asked.redirect_uri),
        scopes="".join(f"<li><code>{escape(scope)}</code></li>" for scope in asked.scope.split()),
        user=escape(user),
        users="".join(f'<option value="{escape(name)}">' for name in users),
    )
    title = f"{asked.client_name} asks for your account on the sandbox's {platform.title()}"
    return _page(title, body)


def complaint(words: str, status: int) -> web.Response:
    """Without a good redirect_uri nobody can be sent back (RFC 6749, 4.1.2.1)."""
    return _page("You cannot allow this", f"<p>{escape(words)}</p>", status)


def shown(result: Mapping[str, str]) -> web.Response:
    """The result for a user to copy, where the application has no address."""
    rows = (f"<p>{escape(name)}: <code>{escape(it)}</code></p>" for name, it in result.items())
    return _page("Copy this into the application", "".join(rows))


def _page(title: str, body: str, status: int = 200) -> web.Response:
    text = PAGE.format(title=escape(title), body=body)
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
