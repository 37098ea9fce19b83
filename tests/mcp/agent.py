"""Somebody else's MCP server on its standard input and output: an existing client of the API."""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

PROGRAM: Final = (
    Path(__file__).parent / "node_modules" / "@voxburst" / "mcp-server" / "dist" / "index.js"
)
PROTOCOL: Final = "2025-06-18"  # https://modelcontextprotocol.io/specification/2025-06-18


class ToolFailed(Exception):
    """The tool answered with an error: the API's own, as its client read it."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.error = error


@dataclass
class Agent:
    """Talks JSON-RPC with the server, one line a message."""

    _process: "subprocess.Popen[str]"
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def greet(self) -> str:
        """Begin the conversation; the server's name."""
        who = {"name": "oncue-tests", "version": "1"}
        about = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": who}
        answer = self._ask("initialize", about)
        self._say({"method": "notifications/initialized"})
        name: str = answer["serverInfo"]["name"]
        return name

    def call(self, tool: str, **arguments: object) -> Any:
        """What the tool answers; raises ToolFailed."""
        answer = self._ask("tools/call", {"name": tool, "arguments": arguments})
        [content] = answer["content"]
        told = json.loads(content["text"])
        if answer.get("isError"):
            raise ToolFailed(told)
        return told

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self._numbers)
        self._say({"id": number, "method": method, "params": params})
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            message = json.loads(line)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
        raise AssertionError("the MCP server has ended")

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()


@contextmanager
def started(url: str, key: str, log: Path) -> Iterator[Agent]:
    """The MCP server, pointed at an Oncue by the settings it documents."""
    environment = {**os.environ, "VOXBURST_API_URL": url, "VOXBURST_API_KEY": key}
    with log.open("w") as errors:
        process = subprocess.Popen(
            ["node", str(PROGRAM)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield Agent(process)
        finally:
            process.kill()
            process.communicate()


def need_installation() -> None:
    """Skip where the server is not installed; in CI that is a failure."""
    if PROGRAM.exists():
        return
    if os.environ.get("CI"):
        raise AssertionError("CI needs the MCP client: run `make mcp`")
    pytest.skip("the MCP client is not installed (run `make mcp`; needs Node.js)")
