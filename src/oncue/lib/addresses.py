"""Which addresses a URL named by a user may lead to: one table of what is denied, and its keeper.

`ipaddress.is_global` is not asked: what it answers depends on the Python patch level.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

from yarl import URL

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

WEB_PORTS: Final = frozenset({80, 443})
URL_CHARACTERS: Final = 2048

# https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-; the rest is said here.
# Of IPv6 only 2000::/3 is handed out as public addresses: what lies around it is denied whole.
DENIED: Final[dict[str, str]] = {
    "0.0.0.0/8": "this host: Linux takes 0.0.0.0 for loopback",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT; 100.100.100.200 is Alibaba's metadata",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "Azure's host, a public address that only its machines reach",
    "169.254.0.0/16": "link-local; 169.254.169.254 is most clouds' metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments; 192.0.0.192 is Oracle's metadata",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112 sink",
    "192.52.193.0/24": "multicast tunnels",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112 sink",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
    "::/3": "loopback, IPv4 mapped, compatible, translated (NAT64 64:ff9b::/96, 64:ff9b:1::/48)",
    "2001::/23": "protocol assignments: Teredo, benchmarking, ORCHID",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112 sink",
    "3ffe::/16": "6bone, given back",
    "3fff::/20": "documentation",
    "4000::/2": "not assigned; 5f00::/16 is segment routing",
    "8000::/1": "not assigned; unique local fc00::/7, link-local, site-local, multicast",
}
_DENIED: Final = tuple(ip_network(network) for network in DENIED)

# Where an IPv6 address carries an IPv4 one: how many bits lie behind it, and what it is XORed with.
_CARRIERS: Final = (
    (IPv6Network("::/96"), 0, 0),
    (IPv6Network("::ffff:0:0/96"), 0, 0),
    (IPv6Network("::ffff:0:0:0/96"), 0, 0),
    (IPv6Network("64:ff9b::/96"), 0, 0),
    (IPv6Network("64:ff9b:1::/48"), 0, 0),
    (IPv6Network("2002::/16"), 80, 0),
    (IPv6Network("2001::/32"), 64, 0),
    (IPv6Network("2001::/32"), 0, 0xFFFFFFFF),
)
_PLAIN_IPV6: Final = frozenset({IPv6Address("::"), IPv6Address("::1")})  # ::/96, but no carriers

_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|\d+)")

NOT_PUBLIC: Final = "its host has no public address"


class NotAllowed(Exception):
    """A URL that a user may not have called; the message says why, and nothing about the host."""


class BadAllowance(ValueError):
    """An entry of ONCUE_OUTBOUND_ALLOW that is neither a host nor a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the operator opens to users' URLs: a name or network, on one port or (None) on any."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Read ONCUE_OUTBOUND_ALLOW: `n8n:5678, 10.1.0.0/16, [fd00::5]:9000`."""
        names, networks = set(), []
        for entry in filter(None, re.split(r"[\s,]+", text)):
            found, port = _entry(entry)
            if isinstance(found, str):
                names.add((found, port))
            else:
                networks.append((found, port))
        return cls(names=frozenset(names), networks=tuple(networks))

    def has_name(self, name: str, port: int) -> bool:
        return not self.names.isdisjoint({(name, port), (name, None)})

    def has_address(self, address: Address, port: int) -> bool:
        return any(address in network and of in {None, port} for network, of in self.networks)


NOTHING: Final = Allowed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a URL leads, as far as its text tells. `is_trusted`: the operator named its host."""

    url: URL
    host: str
    port: int
    address: Address | None
    is_trusted: bool


def is_denied(address: Address, allowed: Allowed, port: int) -> bool:
    """Whether no user's URL may lead here, judging also the IPv4 addresses carried inside."""
    if any(address in network for network in _DENIED) and not allowed.has_address(address, port):
        return True
    return any(is_denied(inner, allowed, port) for inner in _carried(address))


def check_url(
    url: str,
    *,
    allowed: Allowed = NOTHING,
    https_only: bool,
    ports: Collection[int] = WEB_PORTS,
) -> Target:
    """Judge a URL by its text; raises NotAllowed.

    It is read by the parser that the request will use, so that the two cannot differ. A host or
    address that the operator allows may be called on other ports and without TLS.
    """
    parsed = _parse(url)
    target = _target(parsed, allowed)
    address, port = target.address, target.port
    if address and is_denied(address, allowed, port):
        raise NotAllowed(NOT_PUBLIC)
    is_opened = allowed.has_address(address, port) if address else target.is_trusted
    if not is_opened and port not in ports:
        raise NotAllowed("its port is not one of the web's")
    if not is_opened and https_only and parsed.scheme != "https":
        raise NotAllowed("it does not begin with https://")
    return target


def check_addresses(target: Target, addresses: Iterable[str], allowed: Allowed) -> None:
    """Judge what a target's name stands for: raises NotAllowed if one of them is denied."""
    if target.is_trusted:
        return
    for written in addresses:
        address = _address(written.partition("%")[0])
        if address is None or is_denied(address, allowed, target.port):
            raise NotAllowed(NOT_PUBLIC)


def check_text(url: str) -> None:
    """Refuse what parsers drop or turn into something else; raises NotAllowed."""
    if len(url) > URL_CHARACTERS:
        raise NotAllowed(f"it is longer than {URL_CHARACTERS} characters")
    if "\\" in url or " " in url or not url.isprintable():
        raise NotAllowed("it holds a space, a backslash or an invisible character")


def _parse(url: str) -> URL:
    check_text(url)
    try:
        parsed = URL(url, encoded=url.isascii())  # as it was written: it may be signed
        port = parsed.port  # read only now
    except ValueError:
        raise NotAllowed("it is not a URL") from None
    if parsed.scheme not in {"http", "https"}:
        raise NotAllowed("it is neither http nor https")
    if not port:
        raise NotAllowed("it has no port that can be called")
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    if "@" in authority:
        raise NotAllowed("it holds a user name or password")
    if "[" in authority and ":" not in (parsed.raw_host or ""):
        raise NotAllowed("it holds in brackets what is no IPv6 address")
    return parsed


def _target(parsed: URL, allowed: Allowed) -> Target:
    host, port = (parsed.raw_host or "").lower(), parsed.port or 0
    address = _address(host)
    if address is None and (not _NAME.fullmatch(host) or _is_number(host)):
        raise NotAllowed("its host is neither a name nor a plainly written address")
    name = host.removesuffix(".")
    is_trusted = address is None and allowed.has_name(name, port)
    return Target(url=parsed, host=name, port=port, address=address, is_trusted=is_trusted)


def _is_number(host: str) -> bool:
    """Whether some resolver may take it for an IPv4 address: 2130706433, 0x7f.1, 127.1, 017.0.0.1.

    https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    return bool(_NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]))


def _address(text: str) -> Address | None:
    """An address in its plain form, without a zone; else None."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _carried(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address) or address in _PLAIN_IPV6:
        return
    value = int(address)
    for network, behind, mask in _CARRIERS:
        if address in network:
            yield IPv4Address(value >> behind & 0xFFFFFFFF ^ mask)
    if value >> 32 & 0xFDFFFFFF == 0x5EFE:  # ISATAP, RFC 5214: in the last half of any prefix
        yield IPv4Address(value & 0xFFFFFFFF)


def _entry(entry: str) -> tuple[Network | str, int | None]:
    head, colon, port = entry.rpartition(":")
    has_port = bool(colon) and (head.endswith("]") or ":" not in head)
    found = _network_or_name(head if has_port else entry)
    if found is None or (has_port and not _PORT.fullmatch(port)):
        raise BadAllowance(f"ONCUE_OUTBOUND_ALLOW: {entry!r} is neither a host nor a network")
    return found, int(port) if has_port else None


def _network_or_name(text: str) -> Network | str | None:
    try:
        return ip_network(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        name = text.lower().removesuffix(".")
        return None if not _NAME.fullmatch(name) or _is_number(name) else name
