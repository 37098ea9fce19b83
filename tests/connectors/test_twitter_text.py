"""X's own conformance file, and what it does not cover."""

import os
import time
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contract import CONTRACTS
from oncue.connectors.twitter_text import (
    as_written,
    cashtags,
    essence,
    is_valid,
    links,
    weighted_length,
)

# Cases of the file that do not describe today's counting.
OTHER_RULES: Final = {
    "Invalid Tweet: 141 characters": "configuration v1: 140 characters",
    "Invalid Tweet: 141 characters (due to newline)": "configuration v1: 140 characters",
    "Count a mix of single byte single word, and double word unicode characters": (
        "configuration v2: the parts of an emoji count one by one"
    ),
    "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers": (
        "configuration v2: the parts of an emoji count one by one"
    ),
    "Valid url: port and userinfo": "a valid URL, but nothing X makes a link of in a text",
    "Valid url: ipv4": "a valid URL, but nothing X makes a link of in a text",
    "Valid url: ipv6": "a valid URL, but nothing X makes a link of in a text",
    "Valid url: sub delims and question marks": "in a text X ends this link before the plus",
}
V2: Final = "WeightedTweetsCounterTest"
V3: Final = "WeightedTweetsWithDiscountedEmojiCounterTest"


def cases(*sections: str) -> list[Any]:
    """The named sections of X's file, as parameters; empty where the file is not at hand."""
    file = Path(CONTRACTS, "twitter", "twitter-text-validate.yml")
    if not file.exists():
        assert not os.environ.get("CI"), f"CI needs the contracts: {file} is missing"
        return []
    tests = yaml.safe_load(file.read_text())["tests"]
    return [
        pytest.param(
            case["text"], case["expected"], id=case["description"], marks=marks(name, case)
        )
        for name in sections
        for case in tests[name]
    ]


def marks(section: str, case: dict[str, Any]) -> list[pytest.MarkDecorator]:
    reason = OTHER_RULES.get(case["description"])
    return [pytest.mark.xfail(reason=reason)] if reason and section != V3 else []


@pytest.mark.parametrize(("text", "valid"), cases("tweets"))
def test_a_text_is_valid_as_x_says(text: str, valid: bool) -> None:
    assert is_valid(text) is valid


@pytest.mark.parametrize(("text", "expected"), cases(V3, V2, "UnicodeDirectionalMarkerCounterTest"))
def test_a_text_counts_as_x_counts_it(text: str, expected: dict[str, Any]) -> None:
    assert weighted_length(text) == expected["weightedLength"]
    assert is_valid(text) is expected["valid"]


@pytest.mark.parametrize(("text", "valid"), cases("urls", "urls_without_protocol"))
def test_a_link_is_found_whole_or_not_at_all(text: str, valid: bool) -> None:
    assert (links(text) == [text]) is valid


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("©", 1),
        ("©\ufe0f", 2),
        ("☺\ufe0e", 4),
        ("🇩🇪🇫🇷", 4),
        ("#\ufe0f\u20e3", 2),
        ("👩🏽\u200d🚀", 2),
        ("\U0001fae8", 2),  # shaking face: newer than twitter-text's list
        ("e\u0301", 1),
        ("今", 2),
        ("今天去example.com看", 10 - 2 + 23),
        ("hello.world", 23),
        ("file.txt", 8),
        ("maria@example.com", 17),
        ("https://t.co/abc/def", 23 + 4),
        ("https://en.wikipedia.org/wiki/X_(social_network)", 23),
        ("(https://example.com/a)", 2 + 23),
        ("https://example.com.", 23 + 1),
    ],
)
def test_a_detail_counts_as_twitter_text_counts_it(text: str, length: int) -> None:
    assert weighted_length(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "a." * 30_000,
        "あ" * 60_000,
        "http://" + "あ-" * 30_000,
        "http://a.co/" + "(a" * 30_000,
        "http://a.co/" + "a(b)!" * 12_000,
        "http://a.co/?" + "!" * 60_000,
        "👨\u200d" * 30_000,
    ],
    ids=lambda text: text[:16],
)
def test_a_text_made_to_be_slow_is_counted_quickly(text: str) -> None:
    began = time.process_time()

    weighted_length(text)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$TWTR is up", ["TWTR"]),
        ("$A $brk.b, $C_d!", ["A", "brk.b", "C_d"]),
        ("it costs $5, pay US$TWTR or $toolong", []),
    ],
)
def test_cashtags_are_ticker_symbols_after_a_blank(text: str, found: list[str]) -> None:
    assert cashtags(text) == found


def test_what_x_rewrote_is_written_back() -> None:
    urls = [
        {"url": "https://t.co/aaa", "expanded_url": "http://example.com"},
        {"url": "https://t.co/bbb", "expanded_url": "https://x.com/m/status/1/photo/1"},
    ]

    text = as_written("1 &lt; 2 &amp;amp; https://t.co/aaa https://t.co/bbb", urls, has_media=True)

    assert text == "1 < 2 &amp; http://example.com"


@pytest.mark.parametrize(
    ("ours", "listed"),
    [
        ("See Example.com", "See http://example.com"),
        ("See https://example.com/.", "See https://example.com."),
        ("e\u0301 \n one", "é one"),
    ],
)
def test_what_x_adds_or_drops_makes_no_difference(ours: str, listed: str) -> None:
    assert essence(ours) == essence(listed)


def test_another_text_makes_a_difference() -> None:
    assert essence("example.com/a") != essence("example.com/b")
