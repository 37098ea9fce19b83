"""Which addresses a user's URL may not lead to, and what the operator may open."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oncue.lib.addresses import (
    DENIED,
    NOT_PUBLIC,
    NOTHING,
    Address,
    Allowed,
    BadAllowance,
    NotAllowed,
    check_addresses,
    check_url,
    is_denied,
)

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::8.8.8.8",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:127.0.0.1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450::5eff:10.0.0.1",
    "3ffd:ffff::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_the_table_may_be_called(address: str) -> None:
    assert is_denied(ip_address(address), NOTHING, 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert not is_denied(ip_address(address), NOTHING, 443)


@pytest.mark.parametrize("network", DENIED)
def test_every_row_denies_from_its_first_address_to_its_last(network: str) -> None:
    row = ip_network(network)

    assert is_denied(row[0], NOTHING, 443)
    assert is_denied(row[-1], NOTHING, 443)


@given(st.ip_addresses(v=4))
@example(ip_address("168.63.129.16"))  # its neighbours are public
@example(ip_address("168.63.129.17"))
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_even_where_its_carrier_is_allowed(
    inner: Address,
) -> None:
    low = int(inner)
    carriers = [
        f"::{inner}",
        f"::ffff:{inner}",
        f"::ffff:0:{inner}",
        f"64:ff9b::{inner}",
        f"64:ff9b:1::{inner}",
        f"2002:{low >> 16:x}:{low & 0xFFFF:x}::",
        f"2001:0:{low >> 16:x}:{low & 0xFFFF:x}:0:0:f7f7:f7f7",  # client 8.8.8.8
        f"2001:0:808:808:0:0:{low >> 16 ^ 0xFFFF:x}:{low & 0xFFFF ^ 0xFFFF:x}",
        f"2a00:1450::5efe:{inner}",
    ]
    everything = Allowed.parse("::/0")

    verdicts = {
        is_denied(address, everything, 443)
        for address in map(ip_address, carriers)
        if address not in {ip_address("::"), ip_address("::1")}
    }

    assert verdicts == {is_denied(inner, NOTHING, 443)}


def test_only_https_where_only_https_will_do() -> None:
    with pytest.raises(NotAllowed, match="https://"):
        check_url("http://example.com/", https_only=True)

    assert check_url("https://example.com/", https_only=True).url.scheme == "https"


def test_ports_other_than_the_webs_can_be_configured() -> None:
    assert check_url("https://example.com:8443/", https_only=True, ports={8443}).port == 8443
    with pytest.raises(NotAllowed, match="port"):
        check_url("https://example.com/", https_only=True, ports={8443})


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://10.0.0.1:22/", "http://[::1]:6379/"])
def test_a_private_address_is_refused_in_the_same_words_whatever_the_port(url: str) -> None:
    with pytest.raises(NotAllowed) as refusal:
        check_url(url, https_only=False)

    assert str(refusal.value) == NOT_PUBLIC


@pytest.mark.parametrize(
    "answers",
    [
        ["10.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["::1", "8.8.8.8"],
        ["fe80::1%eth0"],
        ["8.8.8.8", "not an address"],
        ["127.1"],
    ],
)
def test_one_denied_answer_refuses_the_name(answers: list[str]) -> None:
    target = check_url("https://example.com/", https_only=True)

    with pytest.raises(NotAllowed, match=NOT_PUBLIC):
        check_addresses(target, answers, NOTHING)


def test_a_name_with_public_answers_only_passes() -> None:
    target = check_url("https://example.com/", https_only=True)

    check_addresses(target, ["8.8.8.8", "2606:4700:4700::1111"], NOTHING)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("10.1.0.0/16", "http://10.1.2.3/hook"),
        ("10.1.2.3", "http://10.1.2.3:5678/hook"),
        ("10.1.2.3:5678", "http://10.1.2.3:5678/hook"),
        ("::1", "http://[::1]:5678/"),
        ("[::1]:5678", "http://[::1]:5678/"),
        ("fd00::/8", "https://[fd00::5]/"),
        ("[fd00::/8]:5678", "http://[fd00::5]:5678/"),
        ("n8n", "http://n8n:5678/webhook/1"),
        ("N8N.:5678", "http://n8n.:5678/"),
        ("other, hooks.lan", "http://HOOKS.lan/"),
        ("hooks.example.com:8443", "https://hooks.example.com:8443/"),
    ],
)
def test_what_the_operator_allows_may_be_called_on_its_port_and_without_tls(
    entry: str, url: str
) -> None:
    allowed = Allowed.parse(entry)

    target = check_url(url, allowed=allowed, https_only=True)

    check_addresses(target, [str(target.address or "10.9.9.9")], allowed)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("", "https://10.1.2.3/"),
        ("10.1.2.3:5678", "https://10.1.2.3/"),
        ("10.1.2.3:5678", "https://10.1.2.3:5679/"),
        ("10.1.2.3", "https://10.1.2.4/"),
        ("n8n:5678", "https://n8n:5679/"),
        ("n8n", "https://n8n.example:5678/"),
        ("n8n", "http://example.com/"),
        ("n8n", "http://n8n:0/"),
        ("0.0.0.0/0", "https://[::ffff:10.0.0.1]/"),
        ("::/0", "https://[::ffff:10.0.0.1]/"),
        ("::/0", "https://10.0.0.1/"),
    ],
)
def test_what_the_operator_allows_opens_nothing_beside_it(entry: str, url: str) -> None:
    with pytest.raises(NotAllowed):
        check_url(url, allowed=Allowed.parse(entry), https_only=True)


def test_an_allowed_network_is_allowed_to_names_as_well() -> None:
    allowed = Allowed.parse("10.1.0.0/16")
    target = check_url("https://hooks.example/", allowed=allowed, https_only=True)

    check_addresses(target, ["10.1.2.3"], allowed)
    with pytest.raises(NotAllowed):
        check_addresses(target, ["10.1.2.3", "10.2.0.1"], allowed)


def test_entries_are_parted_by_commas_or_spaces() -> None:
    allowed = Allowed.parse(" n8n, 10.0.0.0/8\n[::1]:80,,hooks.lan:9000 ")

    assert allowed == Allowed(
        names=frozenset({("n8n", None), ("hooks.lan", 9000)}),
        networks=((ip_network("10.0.0.0/8"), None), (ip_network("::1"), 80)),
    )
    assert Allowed.parse("  ") == Allowed.parse(",") == NOTHING


@pytest.mark.parametrize(
    "entry",
    [
        "http://n8n:5678",
        "10.0.0.5/8",
        "10.0.0.0/33",
        "127.1",
        "2130706433",
        "*",
        "*.lan",
        "n8n:",
        "n8n:0",
        "n8n:x",
        "n8n:999999",
        "[::1]:",
        "a@b",
        "bücher.example",
    ],
)
def test_an_entry_that_means_nothing_certain_stops_the_start(entry: str) -> None:
    with pytest.raises(BadAllowance, match="ONCUE_OUTBOUND_ALLOW"):
        Allowed.parse(f"n8n,{entry}")
