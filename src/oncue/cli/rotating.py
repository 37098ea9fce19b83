"""oncue keys rotate-secrets: another secret key for everything that is sealed, while it is used."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress

from oncue.accounts.resealing import Unreadable
from oncue.accounts.rotation import Rotated, Rotation
from oncue.accounts.vault import (
    SETTING,
    VaultError,
    add_new_key,
    keep_current_key,
    open_vault,
)
from oncue.accounts.vault_check import in_use, verify_vault
from oncue.cli.common import console, errors, print_json, settings
from oncue.cli.workspaces import AsJson
from oncue.db.open import open_database
from oncue.lib import ids, logs
from oncue.lib.clock import utc_now
from oncue.lib.locks import Locked, held
from oncue.runtime import CannotStart, new_holder, reporting, upgrade_schema
from oncue.settings import Settings

LOCK_FILE: Final = "rotation.lock"
COMMAND: Final = "oncue keys rotate-secrets"
ONE_KEY: Final = (
    f"{SETTING} has one key, so there is none to change to. Put a new one in front of it, as in "
    '"$(openssl rand -hex 4):$(openssl rand -base64 32),<the present ones>", restart every '
    "process with it, and run this again with the same setting."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What the command has done, and with which key."""

    key_id: str
    made_key: bool
    unused: list[str]
    rotated: Rotated


def rotate_secrets(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what there is to do, and change nothing.")
    ] = False,
    remove_old: Annotated[
        bool,
        typer.Option(
            "--remove-old", help="Only take out old keys, with which nothing is sealed any more."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change the secret key: seal every secret anew with another, while Oncue runs.

    Cut short, it goes on where it stopped when it is run again. Exit 1 where a secret cannot
    be opened; it is named, and stays as it is.
    """
    current = settings()
    logs.configure("warning")
    if dry_run:
        _count(current, as_json=as_json)
    elif remove_old:
        with _alone(current):
            removed = asyncio.run(_remove_old(current))
        _tell_removed(current, removed, as_json=as_json)
    else:
        with _alone(current):
            changed = asyncio.run(_rotate(current, is_shown=not as_json))
        _tell_changed(current, changed, as_json=as_json)
        raise typer.Exit(1 if changed.rotated.unreadable else 0)


async def _rotate(current: Settings, *, is_shown: bool) -> Changed:
    async with _rotation(current) as rotation:
        vault, made_key = rotation.vault, not rotation.vault.keys.unused
        if made_key:
            if current.secret_keys:
                raise VaultError(ONE_KEY)
            await rotation.share_the_file()
            with _written(current):
                add_new_key(current.key_file)
            vault.look_again()
        use = await rotation.db.read(in_use)
        is_hidden = not (is_shown and errors.is_terminal)
        with Progress(console=errors, transient=True, disable=is_hidden) as progress:
            task = progress.add_task("sealing anew", total=_of_others(use, vault.current))
            async with reporting(rotation.holder):
                rotated = await rotation.run(lambda count: progress.advance(task, count))
        unused = [key_id for key_id in vault.keys.unused if key_id not in rotated.left]
        return Changed(key_id=vault.current, made_key=made_key, unused=unused, rotated=rotated)


async def _remove_old(current: Settings) -> list[str]:
    """The ids of the keys that were taken out, or may be taken out of the setting."""
    async with _rotation(current) as rotation:
        old = list(rotation.vault.keys.unused)
        if not old:
            return []
        async with reporting(rotation.holder):
            left = await rotation.retire()
        if still := [f"{left[key_id]} with {key_id}" for key_id in old if key_id in left]:
            raise VaultError(f"There are secrets sealed still: {', '.join(still)}. Run `{COMMAND}`")
        if not current.secret_keys:
            with _written(current):
                keep_current_key(current.key_file)
        return old


@asynccontextmanager
async def _rotation(current: Settings) -> AsyncIterator[Rotation]:
    """Everything opened and checked."""
    vault, db = open_vault(current.secret_keys, current.key_file), open_database(current)
    try:
        await upgrade_schema(current, db)
        await db.write(lambda session: verify_vault(session, vault))
        holder = new_holder(current, db, vault)
        yield Rotation(db=db, vault=vault, holder=holder, now=utc_now, say=_mention)
    finally:
        await db.close()


@contextmanager
def _alone(current: Settings) -> Iterator[None]:
    """One at a time: two would put their keys in each other's place."""
    try:
        with held(current.data_dir / LOCK_FILE):
            yield
    except Locked:
        raise CannotStart(f"Another `{COMMAND}` is at work already; let it end.") from None


@contextmanager
def _written(current: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as trouble:
        raise VaultError(
            f"{current.key_file} cannot be changed: {trouble.strerror}. It is as it was."
        ) from None


def _count(current: Settings, *, as_json: bool) -> None:
    vault = open_vault(current.secret_keys, current.key_file)

    async def look() -> Mapping[str, Mapping[str, int]]:
        db = open_database(current)
        try:
            await upgrade_schema(current, db)
            return await db.read(in_use)
        finally:
            await db.close()

    use = asyncio.run(look())
    makes_key = not vault.keys.unused and not current.secret_keys
    to_reseal = _of_others(use, "" if makes_key else vault.current)
    if as_json:
        print_json({"makesKey": makes_key, "toReseal": to_reseal, "secrets": use})
        return
    whose = "a new key" if makes_key else vault.current
    _say(f"{_secrets(to_reseal)} would be sealed anew with {whose}.")
    for name, by_key in use.items():
        for key_id, count in by_key.items():
            _say(f"  {name}: {count} with {key_id}")


def _tell_changed(current: Settings, changed: Changed, *, as_json: bool) -> None:
    rotated = changed.rotated
    if as_json:
        facts = {
            "keyId": changed.key_id,
            "madeKey": changed.made_key,
            "resealed": rotated.resealed,
            "unreadable": [_facts(each) for each in rotated.unreadable],
            "left": rotated.left,
            "unusedKeyIds": changed.unused,
        }
        print_json(facts)
        return
    if changed.made_key:
        _say(f"A new key, {changed.key_id}, is in {current.key_file}.")
    _say(f"{_secrets(rotated.resealed)} sealed anew with {changed.key_id}.")
    for each in rotated.unreadable:
        found = _facts(each)
        _say(
            f"  {found['table']}.{found['column']} of {found['id']} cannot be opened: "
            f"{found['reason']}"
        )
    if changed.unused and not (changed.made_key or rotated.resealed or current.secret_keys):
        _say("No new key was made: the last change is not over while its old key is there.")
    if changed.unused:
        _say(_farewell(current, changed.unused))


def _farewell(current: Settings, unused: list[str]) -> str:
    where = SETTING if current.secret_keys else str(current.key_file)
    return (
        f"Nothing is sealed with {', '.join(unused)} any more. Backups made until now need it: "
        f"for as long as you keep them keep a copy of {where} too, in another place. Then "
        f"`{COMMAND} --remove-old` takes it out."
    )


def _tell_removed(current: Settings, removed: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"removed": removed})
    elif not removed:
        _say("There is no old key.")
    elif current.secret_keys:
        _say(
            f"Nothing needs {', '.join(removed)} any more: take it out of {SETTING} before the "
            "next start."
        )
    else:
        _say(f"Took {', '.join(removed)} out of {current.key_file}. Backups made before need it.")


def _of_others(use: Mapping[str, Mapping[str, int]], current: str) -> int:
    """How many secrets other keys have sealed."""
    return sum(
        count for by_key in use.values() for key_id, count in by_key.items() if key_id != current
    )


def _facts(unreadable: Unreadable) -> dict[str, Any]:
    column, kind = unreadable.column, unreadable.column.fact.kind
    shown = [ids.to_typeid(kind, value) if kind else str(value) for value in unreadable.key]
    return {
        "table": column.table.name,
        "column": column.column.name,
        "id": ", ".join(shown),
        "reason": unreadable.reason,
    }


def _secrets(count: int) -> str:
    return "1 secret" if count == 1 else f"{count} secrets"


def _say(words: str) -> None:
    """One line, however long: people copy commands from it."""
    console.print(words, highlight=False, markup=False, soft_wrap=True)


def _mention(words: str) -> None:
    """Beside what the command prints."""
    errors.print(words, highlight=False, markup=False, soft_wrap=True)
