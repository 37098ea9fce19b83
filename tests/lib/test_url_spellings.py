"""Hostile ways to write a URL. Each is refused, whatever some resolver or parser makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.lib.addresses import NotAllowed, check_url

HOSTILE = [
    # numbers that some resolver takes for 127.0.0.1, 169.254.169.254 or 10.0.0.1
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7F000001/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://127.0.0.0x1/",
    "http://127.0x0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.1../",
    "http://127.000.000.001/",
    "http://0/",
    "http://0./",
    "http://0x/",
    "http://4294967295/",
    "http://99999999999/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://example.123/",
    "http://2852039166/",
    "http://0xA9FEA9FE/",
    "http://0251.0376.0251.0376/",
    "http://012.0.0.1/",
    # plain addresses
    "http://127.0.0.1/",
    "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[2606:4700::1%25eth0]/",
    "http://[v1.fe80]/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://[127.0.0.1]/",
    # letters that become digits and dots
    "http://①②⑦.⓪.⓪.①/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://127․0․0․1/",
    "http://١٢٧.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    # text that parsers disagree about
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://:@example.com/",
    "http://@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http://example.com/\\..",
    "http://example.com\t/",
    "\nhttp://example.com/",
    "http://exa\r\nmple.com/",
    "http://example.com/\r\nX-Evil: 1",
    "http://example.com/a b",
    "http://example.com/\x00",
    "http://exa\u200bmple.com/",
    "http://exa\u00admple.com/",
    "http://example.com/\u2028",
    "http://example.com/\ud800",
    "http://example.com＠127.0.0.1/",
    "http://example.com,127.0.0.1/",
    "http://example.com;127.0.0.1/",
    "http://exam'ple.com/",
    "http://*/",
    "http://-example.com/",
    "http://example-.com/",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com../",
    f"http://{'a' * 64}.com/",
    "http://example.com/".ljust(2049, "a"),
    # no host, no such port, no such scheme
    "",
    "http",
    "http:",
    "http://",
    "http:///",
    "http:///path",
    "http://./",
    "http://:80/",
    "http:/example.com/",
    "http:example.com",
    "//example.com/",
    "example.com",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://example.com:-1/",
    "http://example.com:8o/",
    "http://example.com:22/",
    "https://example.com:6379/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "wss://example.com/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_spellings_are_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_url(url, https_only=False)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com/hook?a=b#c", "example.com", 443),
        ("HTTP://EXAMPLE.COM", "example.com", 80),
        ("http://example.com:443/", "example.com", 443),
        ("https://example.com./", "example.com", 443),
        ("https://bücher.example/ü?q=ü", "xn--bcher-kva.example", 443),
        ("https://my_service.example/", "my_service.example", 443),
        ("https://1.example/", "1.example", 443),
        ("https://0x7f.example/", "0x7f.example", 443),
        ("https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700:4700::1111]/", "2606:4700:4700::1111", 443),
        ("https://example.com/a@b?c=@d#@e", "example.com", 443),
        ("https://example.com/".ljust(2048, "a"), "example.com", 443),
    ],
)
def test_decent_urls_pass(url: str, host: str, port: int) -> None:
    target = check_url(url, https_only=False)

    assert (target.host, target.port) == (host, port)


@given(st.text(max_size=40))
def test_any_other_text_is_judged_without_an_accident(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com{text}"):
        try:
            target = check_url(url, https_only=True)
        except NotAllowed:
            continue
        assert target.url.scheme == "https"
        assert target.port in {80, 443}
        assert target.url.raw_user is None
