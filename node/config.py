"""A node's folder on disk and its `node.toml`: where things are and what the node is told.

Not the network's truth: members, validators and parameters come from genesis and state. What
stands here is local (ports, peers' addresses, bounds) and may differ from node to node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from ledger.bounded_file import read_bounded
from ledger.pin import parse_pin
from ledger.values import InvalidValue
from ledger.whole_file import write_whole

NAME_LENGTH_MAX = 64
GROUPS_COUNT_MAX = 64
PEERS_COUNT_MAX = 512
CONFIG_BYTES_MAX = 1 << 20
PATH_LENGTH_MAX = 512

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

ENGINES = ("auto", "native", "py-evm")
"""`auto` is native where its crate is built when the node starts, else py-evm."""
ROLES = ("validator", "observer")


class ConfigurationError(Exception):
    """A node's folder cannot be used as it is; the message says what to change."""


class ListenConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a listener binds: `host:port`; port 0 asks the system for a free one."""

    listen: str


class RpcConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`listen` is the operator's, on loopback; `tls_listen` is for everybody else, with TLS 1.3
    and authentication, and is not opened where it is empty.

    certificate and key: PEM files, in the node's folder where relative; without them the node's
    own certificate is shown.
    """

    listen: str
    tls_listen: str = ""
    certificate: str = ""
    key: str = ""


class AuditConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """second_factor: commands that act on this node ask for a one-time code."""

    log_retention_days_min: Annotated[int, msgspec.Meta(ge=180, le=36_500)] = 180
    second_factor: bool = False


class StoreConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """encryption_key_file: a file of mode 600 with the key under which the groups' stores, vote
    logs and journals are kept, in the node's folder where relative; empty: they are not encrypted.
    """

    encryption_key_file: str = ""


class GroupConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group that this node carries. The role is what was intended; state decides.

    trust: `NUMBER:HASH`, a block that a node without blocks must find in what peers give it;
    without one it asks f + 1 organisations.
    """

    name: str
    role: str = "validator"
    trust: str = ""


class PeerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another node of the network: its id (`org/name`) and where it listens (`host:port`)."""

    node: str
    address: str


class LimitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local bounds; nothing here changes what a block means."""

    pool_count_max: Annotated[int, msgspec.Meta(ge=1)] = 16_384
    pool_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 64 << 20
    pool_sender_count_max: Annotated[int, msgspec.Meta(ge=1)] = 1_024
    envelope_bytes_max: Annotated[int, msgspec.Meta(ge=1, le=(1 << 20) - 1024)] = (1 << 20) - 1024


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`level` as the standard library names it; the file is rotated at `file_bytes_max`."""

    level: str = "info"
    file_bytes_max: Annotated[int, msgspec.Meta(ge=1 << 16)] = 32 << 20
    files_count_max: Annotated[int, msgspec.Meta(ge=1)] = 4


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `node.toml`. `node_id` is the network-wide name, as in the TLS certificate."""

    name: str
    org: str
    p2p: ListenConfig
    rpc: RpcConfig
    engine: str = "auto"
    default_group: str = ""
    group: tuple[GroupConfig, ...] = ()
    peer: tuple[PeerConfig, ...] = ()
    limits: LimitsConfig = msgspec.field(default_factory=LimitsConfig)
    log: LogConfig = msgspec.field(default_factory=LogConfig)
    audit: AuditConfig = msgspec.field(default_factory=AuditConfig)
    store: StoreConfig = msgspec.field(default_factory=StoreConfig)

    @property
    def node_id(self) -> str:
        return f"{self.org}/{self.name}"


@dataclass(frozen=True)
class GroupFolder:
    """What a node keeps of one group."""

    path: Path

    @property
    def genesis(self) -> Path:
        return self.path / "genesis.json"

    @property
    def consensus_key(self) -> Path:
        """Of this group alone: a key that two groups know would tell either of the other."""
        return self.path / "consensus.key"

    @property
    def database(self) -> Path:
        return self.path / "db"

    @property
    def wal(self) -> Path:
        return self.path / "wal"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def recovery(self) -> Path:
        return self.path / "recovery"


@dataclass(frozen=True)
class NodeFolder:
    """The layout of a node's folder; it can be carried to another machine as it stands."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "node.toml"

    @property
    def departures(self) -> Path:
        return self.path / "departures.jsonl"

    @property
    def archive(self) -> Path:
        return self.path / "archive"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def tls_key(self) -> Path:
        return self.keys / "tls.key"

    @property
    def tls(self) -> Path:
        return self.path / "tls"

    @property
    def tls_certificate(self) -> Path:
        return self.tls / "node.crt"

    @property
    def revocations(self) -> Path:
        return self.tls / "revocations"

    @property
    def membership(self) -> Path:
        return self.path / "membership.json"

    @property
    def envelopes(self) -> Path:
        return self.path / "envelopes"

    @property
    def audit(self) -> Path:
        return self.path / "audit"

    @property
    def audit_key(self) -> Path:
        return self.keys / "audit.key"

    @property
    def store_key(self) -> Path:
        return self.keys / "store.key"

    @property
    def second_factor(self) -> Path:
        return self.keys / "second-factor"

    @property
    def grants(self) -> Path:
        return self.path / "access" / "grants.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def pid_file(self) -> Path:
        return self.path / "node.pid"

    def group(self, name: str) -> GroupFolder:
        return GroupFolder(self.path / "groups" / name)


def parse_address(text: str) -> tuple[str, int]:
    """`host:port` as a pair; IPv6 hosts stand in brackets. Raises `ConfigurationError`."""
    host, separator, port_text = text.rpartition(":")
    if not separator or not host or not port_text.isascii() or not port_text.isdigit():
        raise ConfigurationError(f"expected an address as host:port, found {text!r}")
    port = int(port_text) if len(port_text) <= 5 else 65536
    if port > 65535:
        raise ConfigurationError(f"expected a port up to 65535, found {text!r}")
    return host.removeprefix("[").removesuffix("]"), port


def is_name(text: str) -> bool:
    """Whether `text` can name a node, an organisation or a group (and so a folder)."""
    return len(text) <= NAME_LENGTH_MAX and _NAME.fullmatch(text) is not None


def check_node_config(config: NodeConfig) -> None:
    """Raises `ConfigurationError` at the first value that cannot be used."""
    _check_names(config)
    if config.engine not in ENGINES:
        raise ConfigurationError(f"expected engine {' or '.join(ENGINES)}, found {config.engine!r}")
    if len(config.group) > GROUPS_COUNT_MAX or len(config.peer) > PEERS_COUNT_MAX:
        raise ConfigurationError(
            f"expected at most {GROUPS_COUNT_MAX} groups and {PEERS_COUNT_MAX} peers, "
            f"found {len(config.group)} and {len(config.peer)}"
        )
    groups = [group.name for group in config.group]
    peers = [peer.node for peer in config.peer]
    if len(set(groups)) != len(groups) or len(set(peers)) != len(peers):
        raise ConfigurationError("a group or a peer is listed twice; remove one of the two")
    if config.default_group and config.default_group not in groups:
        raise ConfigurationError(
            f"default_group {config.default_group!r} is not among the groups {groups}"
        )
    for role in (group.role for group in config.group):
        if role not in ROLES:
            raise ConfigurationError(f"expected role {' or '.join(ROLES)}, found {role!r}")
    for trust in (group.trust for group in config.group if group.trust):
        try:
            parse_pin(trust)
        except InvalidValue as error:
            raise ConfigurationError(f"trust: {error}") from error
    if config.node_id in peers:
        raise ConfigurationError(f"the node {config.node_id!r} is listed as its own peer")
    for address in (config.p2p.listen, config.rpc.listen, *(p.address for p in config.peer)):
        parse_address(address)
    _check_rpc(config.rpc)
    _check_path("[store] encryption_key_file", config.store.encryption_key_file)


def load_node_config(folder: NodeFolder) -> NodeConfig:
    """Read and check `node.toml`. Raises `ConfigurationError`, also for a half-written folder."""
    if not folder.path.is_dir():
        raise ConfigurationError(
            f"there is no node folder {folder.path}; create one with `quorate network create`"
        )
    try:
        data = read_bounded(
            folder.config, CONFIG_BYTES_MAX, ConfigurationError, remedy="restore the file"
        )
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {folder.config}: {error.strerror}; "
            "the folder is incomplete, create the network again or copy the file back"
        ) from error
    try:
        config = msgspec.toml.decode(data, type=NodeConfig)
        check_node_config(config)
    except (msgspec.DecodeError, UnicodeDecodeError, ConfigurationError) as error:
        raise ConfigurationError(f"{folder.config}: {error}") from error
    return config


def save_node_config(config: NodeConfig, folder: NodeFolder) -> None:
    """Write `node.toml` whole or not at all."""
    check_node_config(config)
    write_whole(folder.config, render_node_config(config).encode())


def render_node_config(config: NodeConfig) -> str:
    """`node.toml`'s text. Every value was checked: names and addresses need no escapes."""
    plain = msgspec.to_builtins(config)
    tables = {key: plain.pop(key) for key in ("p2p", "rpc", "limits", "log", "audit", "store")}
    arrays = {key: plain.pop(key) for key in ("group", "peer")}
    lines = _render_values(plain)
    for name, values in tables.items():
        lines += ["", f"[{name}]", *_render_values(values)]
    for name, entries in arrays.items():
        for entry in entries:
            given = {key: value for key, value in entry.items() if value != ""}
            lines += ["", f"[[{name}]]", *_render_values(given)]
    return "\n".join(lines) + "\n"


def _render_values(values: dict[str, object]) -> list[str]:
    return [f"{key} = {_render_value(value)}" for key, value in values.items()]


def _render_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'


def _check_rpc(rpc: RpcConfig) -> None:
    if rpc.tls_listen:
        parse_address(rpc.tls_listen)
    if bool(rpc.certificate) != bool(rpc.key):
        raise ConfigurationError("[rpc] certificate and key belong together: name both or neither")
    _check_path("[rpc] certificate", rpc.certificate)
    _check_path("[rpc] key", rpc.key)


def _check_path(what: str, text: str) -> None:
    if len(text) > PATH_LENGTH_MAX or any(sign in text for sign in '"\\\n\r'):
        raise ConfigurationError(f"{what}: expected a plain path, found {text[:80]!r}")


def _check_names(config: NodeConfig) -> None:
    for name in (config.name, config.org, *(group.name for group in config.group)):
        if not is_name(name):
            raise ConfigurationError(
                f"expected a name of at most {NAME_LENGTH_MAX} characters a-z 0-9 . _ -, "
                f"found {name!r}"
            )
    for peer in config.peer:
        organisation, separator, name = peer.node.partition("/")
        if not separator or not is_name(organisation) or not is_name(name):
            raise ConfigurationError(f"expected a peer's node id as org/name, found {peer.node!r}")
