"""Counting text as networks do, and finding what is a link in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.connectors.text import Span, graphemes, hashtags, links, utf8_bytes

FAMILY = "👨‍👩‍👧‍👦"
ANY_TEXT = st.text() | st.lists(
    st.sampled_from(
        ["http://", "https://a.b", "/", ".", ")", "(", " ", "#", "tag", "1", "é", FAMILY]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "seen", "in_bytes"),
    [
        ("", 0, 0),
        ("abc", 3, 3),
        ("é", 1, 2),
        ("e\N{COMBINING ACUTE ACCENT}", 1, 3),
        ("\r\n", 1, 2),
        ("🇩🇪🇫🇷", 2, 16),
        (FAMILY, 1, 25),
        ("👍🏽", 1, 8),
    ],
)
def test_a_person_counts_characters_and_a_protocol_counts_bytes(
    text: str, seen: int, in_bytes: int
) -> None:
    assert (graphemes(text), utf8_bytes(text)) == (seen, in_bytes)


@given(st.text())
def test_there_are_never_more_graphemes_than_code_points_nor_more_of_these_than_bytes(
    text: str,
) -> None:
    assert graphemes(text) <= len(text) <= utf8_bytes(text)


@given(st.text(), st.text())
def test_graphemes_may_melt_together_but_never_split(one: str, other: str) -> None:
    assert graphemes(one + other) <= graphemes(one) + graphemes(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://oncue.test/a.", ["https://oncue.test/a"]),
        (
            "https://oncue.test/, https://oncue.test/b?",
            ["https://oncue.test/", "https://oncue.test/b"],
        ),
        ("(https://oncue.test/a)", ["https://oncue.test/a"]),
        ("(see https://oncue.test/a_(b))", ["https://oncue.test/a_(b)"]),
        ("[here](https://oncue.test/a)!", ["https://oncue.test/a"]),
        ("**https://oncue.test**", ["https://oncue.test"]),
        ("“https://oncue.test/x”", ["https://oncue.test/x"]),
        ("<https://oncue.test/x>", ["https://oncue.test/x"]),
        ("HTTP://ONCUE.TEST/?q=1&r=[2]#end", ["HTTP://ONCUE.TEST/?q=1&r=[2]#end"]),
        ("http://münchen.test/größe", ["http://münchen.test/größe"]),
        ("http://localhost:8080/~maria/", ["http://localhost:8080/~maria/"]),
        ("詳しくは https://oncue.test/a。", ["https://oncue.test/a"]),
        ("oncue.test, ftp://oncue.test, mailto:a@oncue.test", []),
        ("https:// https://... xhttps://oncue.test", []),
    ],
)
def test_links_end_where_a_reader_would_say(text: str, found: list[str]) -> None:
    assert [span.text for span in links(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#one #two", ["#one", "#two"]),
        ("So #spring-time, (#Sonne)!", ["#spring-time", "#Sonne"]),
        ("#größe ＃日本語。", ["#größe", "＃日本語"]),
        ("#c++ #2026goals #☀️", ["#c++", "#2026goals", "#☀️"]),
        ("#1 #2026 # #! ## #\ufe0f\u20e3 a#b", []),
        ("#one#two", ["#one"]),
    ],
)
def test_hashtags_are_words_after_the_sign(text: str, found: list[str]) -> None:
    assert [span.text for span in hashtags(text)] == found


def test_a_span_counts_code_points() -> None:
    assert links(f"{FAMILY} https://oncue.test") == [Span(8, 26, "https://oncue.test")]


@given(ANY_TEXT)
def test_spans_are_what_the_text_has_there_in_order_and_apart(text: str) -> None:
    for spans in (links(text), hashtags(text)):
        assert [text[span.start : span.end] for span in spans] == [span.text for span in spans]
        ends = [0, *(span.end for span in spans)]
        assert all(end <= span.start for end, span in zip(ends, spans, strict=False))


@given(
    st.text(alphabet="abcXYZ019/-_=&%+~é", max_size=50).map(
        lambda end: "https://a.test/" + end + "x"
    )
)
def test_an_address_among_words_is_found_whole(address: str) -> None:
    assert [span.text for span in links(f"See {address}, now")] == [address]
