"""The `quorate store` commands: a stopped node's files encrypted, decrypted, or under a new key."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.failure import CommandFailed
from cli.options import NodeArgument
from cli.output import JsonOption, emit_fields
from cli.progress import say
from cli.second_factor import CodeOption, confirm
from cli.stopped_node import stopped_node
from ledger.sealing import MASTER_KEY_BYTES
from ledger.whole_file import replace_synced
from node.config import NodeConfig, NodeFolder, StoreConfig, save_node_config
from node.keyfile import save_private_key
from node.seal_conversion import convert_group
from node.sealing import StoreKey, read_store_key, store_key_path

app = typer.Typer(help="What a node keeps, encrypted at rest. 静态数据加密。")


@app.command()
def encrypt(
    folder: NodeArgument,
    key_file: Annotated[
        Path | None,
        typer.Option(help="Where the key is, or is to be made. By default keys/store.key."),
    ] = None,
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt all groups' stores, vote logs and journals; the node must be down. 加密。"""
    with _stopped(folder, code) as (home, config):
        path = store_key_path(home, config) or (key_file or home.store_key).absolute()
        if key_file is not None and path != key_file.absolute():
            raise CommandFailed(f"node.toml names {path}: use `quorate store rotate` for a new key")
        made = not path.exists()
        if made:
            save_private_key(path, secrets.token_bytes(MASTER_KEY_BYTES))
        key = read_store_key(path)
        if not config.store.encryption_key_file:
            # First: a conversion that is cut off then says what to do, and knows its key.
            inside = path.is_relative_to(home.path.absolute())
            named = path.relative_to(home.path.absolute()) if inside else path
            save_node_config(_with_key(config, str(named)), home)
        _convert(home, config, [None], key)
        _report(home, config, {"key_file": str(path), "key_made": made}, as_json)


@app.command()
def decrypt(folder: NodeArgument, code: CodeOption = None, as_json: JsonOption = False) -> None:
    """Take the encryption off again; the node must be down. 解密。"""
    with _stopped(folder, code) as (home, config):
        path = _named_key(home, config)
        _convert(home, config, [read_store_key(path)], None)
        save_node_config(_with_key(config, ""), home)
        _report(home, config, {"key_file": str(path), "key_kept": True}, as_json)


@app.command()
def rotate(folder: NodeArgument, code: CodeOption = None, as_json: JsonOption = False) -> None:
    """Encrypt all under a new key and destroy the old one; the node must be down. 更换密钥。"""
    with _stopped(folder, code) as (home, config):
        path = _named_key(home, config)
        fresh = path.with_name(path.name + ".new")
        if not fresh.exists():
            save_private_key(fresh, secrets.token_bytes(MASTER_KEY_BYTES))
        target = read_store_key(fresh)
        _convert(home, config, [read_store_key(path), None], target)
        replace_synced(fresh, path)
        _report(home, config, {"key_file": str(path)}, as_json)


@contextmanager
def _stopped(folder: Path, code: str | None) -> Iterator[tuple[NodeFolder, NodeConfig]]:
    """The node's folder, once whoever asks is known; the node is down and stays so."""
    confirm(NodeFolder(folder), code)
    with stopped_node(folder) as (home, config):
        yield home, config


def _named_key(home: NodeFolder, config: NodeConfig) -> Path:
    path = store_key_path(home, config)
    if path is None:
        raise CommandFailed("node.toml names no key file: nothing is encrypted here")
    return path


def _convert(
    home: NodeFolder, config: NodeConfig, known: Sequence[StoreKey | None], target: StoreKey | None
) -> None:
    for entry in config.group:
        convert_group(home, entry.name, known, target, partial(_tell, entry.name))


def _tell(group: str, line: str) -> None:
    say(f"{group}: {line}")


def _with_key(config: NodeConfig, path: str) -> NodeConfig:
    store: StoreConfig = msgspec.structs.replace(config.store, encryption_key_file=path)
    return msgspec.structs.replace(config, store=store)


def _report(home: NodeFolder, config: NodeConfig, value: dict[str, Any], as_json: bool) -> None:
    """What was done, and which earlier copies stay as they were."""
    groups = [entry.name for entry in config.group]
    left = [str(path) for name in groups for path in _left(home.group(name).path)]
    left += [str(home.archive)] if home.archive.is_dir() and os.listdir(home.archive) else []
    shown = {"groups": groups, **value, "left_as_they_were": left}
    emit_fields("Done 已完成", shown, as_json)


def _left(group: Path) -> list[Path]:
    """Stores and vote logs that were put aside earlier."""
    return sorted([*group.glob("db.corrupt.*"), *group.glob("wal.*")])
