"""Secrets at rest: AES-256-GCM, each ciphertext bound to its row by associated data.

A sealed secret reads v1:<key id>:<nonce>:<ciphertext>. The key id says which master key
sealed it, so that keys can be changed one after the other; the associated data names the row
and the field (db/sealed.py), so that a ciphertext moved to another row is refused.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oncue.accounts import key_file as files
from oncue.db.sealed import Place

VERSION: Final = "v1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D: 96 bits, random, at most 2**32 per key
SETTING: Final = "ONCUE_SECRET_KEYS"
FINGERPRINT_CHARACTERS: Final = 8
KEY_ID_CHARACTERS: Final = 40  # fewer than a key has: what is longer may be one, and is not shown


class VaultError(RuntimeError):
    """Keys that are missing, malformed or wrong. The message says what an operator can do."""


class KeyUnknown(VaultError):
    """A secret is sealed with a key that is not among ours."""


class Tampered(Exception):
    """A ciphertext that does not belong where it was found, or was changed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Master keys by id; `current` seals, every one of them opens."""

    current: str
    by_id: Mapping[str, bytes] = field(repr=False)

    @property
    def unused(self) -> Sequence[str]:
        """The ids of those that seal nothing any more."""
        return [key_id for key_id in self.by_id if key_id != self.current]

    def told(self) -> list[str]:
        """The keys as anybody may know them, the current one first: id and fingerprint.

        The latter tells two keys of one id apart, and nothing about either.
        """
        return [f"{key_id}/{_fingerprint(key)}" for key_id, key in self.by_id.items()]

    def goes_on_from(self, earlier: "Keys") -> bool:
        """Whether the key that sealed so far is here still: these are the same keys, changed."""
        return self.by_id.get(earlier.current) == earlier.by_id[earlier.current]


class Vault:
    """Seals with the current key and opens with every one.

    Keys from a file are read again once it changes: before anything is sealed, and where a
    secret names a key that is not known. Any number of threads may use it.
    """

    def __init__(self, keys: Keys, file: Path | None = None, stamp: str = "") -> None:
        self._file = file
        self._held = keys, stamp

    def __repr__(self) -> str:
        return f"Vault(current={self.current!r})"

    @property
    def current(self) -> str:
        return self.keys.current

    @property
    def keys(self) -> Keys:
        return self._held[0]

    @property
    def stamp(self) -> str:
        """What tells that the key file has changed since."""
        return self._held[1]

    @property
    def source(self) -> str:
        """Where the keys come from: the same for two processes that have them from one place."""
        return f"file {self.stamp}" if self._file else "environment"

    def seal(self, secret: str, place: Place) -> str:
        """Encrypt `secret` for one field of one row.

        Raises VaultError where the key file has changed to something that may not be trusted.
        """
        self.look_again()
        keys = self.keys
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(keys.by_id[keys.current])
        sealed = cipher.encrypt(nonce, secret.encode(), _bound(place))
        return f"{VERSION}:{keys.current}:{_text(nonce)}:{_text(sealed)}"

    def open(self, sealed: str, place: Place) -> str:
        """Decrypt; raises Tampered where `place` is not what it was sealed for, and
        KeyUnknown where its key is not among ours.
        """  # noqa: D205
        match sealed.split(":"):
            case [version, key_id, nonce, ciphertext]:
                pass
            case _:
                raise Tampered("what was found is no sealed secret")
        if version != VERSION:
            raise VaultError(f"A secret is sealed as {version}, which this Oncue cannot open")
        try:
            opened = AESGCM(self._key(key_id)).decrypt(
                base64.b64decode(nonce, validate=True),
                base64.b64decode(ciphertext, validate=True),
                _bound(place),
            )
        except (InvalidTag, ValueError):  # the latter: no base64, or no nonce
            raise Tampered("a secret does not belong to the row it was found in") from None
        return opened.decode()

    def derived(self, purpose: str) -> Sequence[bytes]:
        """A key for another purpose from each master key, that of the one that seals first.

        HKDF (RFC 5869): who has a derived key knows nothing of the master key. Raises VaultError.
        """
        self.look_again()
        keys = self.keys
        names = [keys.current, *keys.unused]
        return [
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(
                keys.by_id[name]
            )
            for name in names
        ]

    def look_again(self) -> None:
        """Take over what the key file says by now; raises VaultError where that is in doubt."""
        if self._file is None or files.stamp(self._file) in ("", self.stamp):
            return
        offered = self.offered()
        if offered is None:
            return
        if not offered.keys.goes_on_from(self.keys):
            raise VaultError(
                f"{self._file} has changed and lacks the key {self.current!r}, which seals here"
            )
        self.adopt(offered)

    def offered(self) -> "Vault | None":
        """The key file's keys, where these may be others than ours; raises VaultError."""
        if self._file is None:
            return None
        try:
            return _read(self._file)
        except FileNotFoundError:
            return None

    def adopt(self, other: "Vault") -> None:
        """Go on with the other's keys: they are known to be right."""
        self._held = other.keys, other.stamp

    def _key(self, key_id: str) -> bytes:
        """The key of this id. A file may have got it just now, and a key that does not fit
        opens nothing.
        """  # noqa: D205
        if key_id not in self.keys.by_id and (offered := self.offered()) is not None:
            if offered.keys.goes_on_from(self.keys):
                self.adopt(offered)
            elif key_id in offered.keys.by_id:
                return offered.keys.by_id[key_id]
        try:
            return self.keys.by_id[key_id]
        except KeyError:
            raise KeyUnknown(
                f"The secret keys lack {key_id!r}, with which a secret here is sealed. Put it "
                f"back from its backup: into {self._file or SETTING}, behind the others."
            ) from None


def key_id_of(sealed: str) -> str:
    """Which master key sealed this."""
    return sealed.split(":")[1]


def parse_keys(text: str) -> Vault:
    """A vault from "id:base64,id:base64"; raises VaultError."""
    return Vault(_parse(text, SETTING))


def new_key() -> str:
    """A fresh master key, as a line of the key file."""
    return _line(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))


def open_vault(secret_keys: str, key_file: Path) -> Vault:
    """The vault the settings describe; raises VaultError where there are no keys."""
    if secret_keys:
        return parse_keys(secret_keys)
    try:
        return _read(key_file)
    except FileNotFoundError:
        raise VaultError(
            f"There are no secret keys: {key_file} does not exist and {SETTING} is not "
            "set. `oncue init` makes a key for a new installation; for an existing one, put the "
            "key file back from its backup."
        ) from None


def create_key_file(key_file: Path) -> None:
    """Write a key file that only its owner can read; never over an existing one."""
    files.create(key_file, new_key() + "\n")


def add_new_key(key_file: Path) -> None:
    """Put a new key in front of the file's. One that a crash kept from its place is put there.

    Raises VaultError and OSError; nothing has changed then.
    """
    text, _stamp = files.read(key_file)
    present = _parse(text, key_file)
    pending = files.left_over(key_file)
    if pending is None or not _follows(pending, present):
        pending = f"{new_key()}\n{text.strip()}\n"
    files.replace(key_file, pending)


def keep_current_key(key_file: Path) -> None:
    """Take every key but the first out of the file. Raises VaultError and OSError."""
    keys = _read(key_file).keys
    files.replace(key_file, _line(keys.current, keys.by_id[keys.current]) + "\n")


def _follows(text: str, present: Keys) -> bool:
    """Whether these are the present keys behind a new one."""
    try:
        keys = _parse(text, "")
    except VaultError:
        return False
    kept = {key_id: key for key_id, key in keys.by_id.items() if key_id != keys.current}
    return kept == present.by_id


def _read(key_file: Path) -> Vault:
    """The file's keys; raises FileNotFoundError, VaultError."""
    try:
        text, stamp = files.read(key_file)
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as wrong:
        raise VaultError(f"{key_file} cannot be read: {wrong}") from None
    return Vault(_parse(text, key_file), key_file, stamp)


def _parse(text: str, where: object) -> Keys:
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        key_id, colon, encoded = entry.partition(":")
        if not colon or not 1 <= len(key_id) <= KEY_ID_CHARACTERS:
            raise VaultError(f"{where} reads id:base64,id:base64")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise VaultError(f"The secret key {key_id!r} is not base64") from None
        if len(key) != KEY_BYTES:
            raise VaultError(f"The secret key {key_id!r} has {len(key)} bytes, not {KEY_BYTES}")
        if key_id in keys:
            raise VaultError(f"The secret key {key_id!r} is there twice")
        keys[key_id] = key
    if not keys:
        raise VaultError(f"{where} is empty")
    return Keys(next(iter(keys)), keys)


def _line(key_id: str, key: bytes) -> str:
    return f"{key_id}:{_text(key)}"


def _fingerprint(key: bytes) -> str:
    return hmac.digest(key, b"oncue key", hashlib.sha256).hex()[:FINGERPRINT_CHARACTERS]


def _bound(place: Place) -> bytes:
    return f"{place}|{VERSION}".encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
