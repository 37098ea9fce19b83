"""Secrets at rest: AES-256-GCM, each ciphertext bound to its row by associated data.

A sealed secret reads v1:<key id>:<nonce>:<ciphertext>. The key id says which master key
sealed it, so that keys can be changed one after the other; the associated data names the
workspace, the account and the field, so that a ciphertext moved to another row is refused.
"""

import base64
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = "v1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D: 96 bits, random, at most 2**32 per key


class VaultError(RuntimeError):
    """Keys that are missing, malformed or wrong. The message says what an operator can do."""


class Tampered(Exception):
    """A ciphertext that does not belong where it was found, or was changed."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Master keys by id; `current` seals, every one of them opens."""

    current: str
    _keys: Mapping[str, bytes] = field(repr=False)

    def seal(self, secret: str, *context: UUID | str) -> str:
        """Encrypt `secret` for the row that `context` names, in this order."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._keys[self.current]).encrypt(nonce, secret.encode(), _bound(context))
        return f"{VERSION}:{self.current}:{_text(nonce)}:{_text(sealed)}"

    def open(self, sealed: str, *context: UUID | str) -> str:
        """Decrypt; raises Tampered where `context` is not what it was sealed for, and
        VaultError where its key is not among ours.
        """  # noqa: D205
        match sealed.split(":"):
            case [version, key_id, nonce, ciphertext]:
                pass
            case _:
                raise Tampered("what was found is no sealed secret")
        if version != VERSION:
            raise VaultError(f"A secret is sealed as {version}, which this Oncue cannot open")
        if key_id not in self._keys:
            raise VaultError(f"ONCUE_SECRET_KEYS lacks the key {key_id!r} that sealed a secret")
        try:
            opened = AESGCM(self._keys[key_id]).decrypt(
                base64.b64decode(nonce, validate=True),
                base64.b64decode(ciphertext, validate=True),
                _bound(context),
            )
        except (InvalidTag, ValueError):  # the latter: no base64, or no nonce
            raise Tampered("a secret does not belong to the row it was found in") from None
        return opened.decode()

    def derived(self, purpose: str) -> Sequence[bytes]:
        """A key for another purpose from each master key, that of the one that seals first.

        HKDF (RFC 5869): who has a derived key knows nothing of the master key.
        """
        names = [self.current, *(name for name in self._keys if name != self.current)]
        return [
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(
                self._keys[name]
            )
            for name in names
        ]


def key_id_of(sealed: str) -> str:
    """Which master key sealed this."""
    return sealed.split(":")[1]


def parse_keys(text: str) -> Vault:
    """A vault from "id:base64,id:base64"; raises VaultError."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        key_id, colon, encoded = entry.partition(":")
        if not colon or not key_id:
            raise VaultError("ONCUE_SECRET_KEYS reads id:base64,id:base64")
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
        raise VaultError("ONCUE_SECRET_KEYS is empty")
    return Vault(next(iter(keys)), keys)


def new_key() -> str:
    """A fresh master key, as a line of the key file."""
    return f"{secrets.token_hex(4)}:{_text(secrets.token_bytes(KEY_BYTES))}"


def open_vault(secret_keys: str, key_file: Path) -> Vault:
    """The vault the settings describe; raises VaultError where there are no keys."""
    if secret_keys:
        return parse_keys(secret_keys)
    try:
        return parse_keys(key_file.read_text())
    except FileNotFoundError:
        raise VaultError(
            f"There are no secret keys: {key_file} does not exist and ONCUE_SECRET_KEYS is not "
            "set. `oncue init` makes a key for a new installation; for an existing one, put the "
            "key file back from its backup."
        ) from None


def create_key_file(key_file: Path) -> None:
    """Write a key file that only its owner can read; never over an existing one."""
    key_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _bound(context: tuple[UUID | str, ...]) -> bytes:
    return "|".join([*map(str, context), VERSION]).encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
