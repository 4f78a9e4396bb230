"""`node.toml`: what is written is read back, and bad folders are refused with the way out."""

from pathlib import Path

import pytest

from node.config import (
    ConfigurationError,
    GroupConfig,
    LimitsConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    PeerConfig,
    RpcConfig,
    load_node_config,
    parse_address,
    save_node_config,
)
from node.keyfile import load_private_key, save_private_key

CONFIG = NodeConfig(
    name="tax-1",
    org="tax",
    p2p=ListenConfig("127.0.0.1:30301"),
    rpc=RpcConfig("127.0.0.1:8545"),
    default_group="transfer",
    group=(GroupConfig("transfer"), GroupConfig("health", role="observer")),
    peer=(PeerConfig("market/market-1", "[::1]:30302"),),
    limits=LimitsConfig(pool_count_max=7),
)


def test_a_saved_configuration_is_loaded_as_it_was(tmp_path: Path) -> None:
    save_node_config(CONFIG, NodeFolder(tmp_path / "n"))
    loaded = load_node_config(NodeFolder(tmp_path / "n"))
    assert loaded == CONFIG
    assert loaded.node_id == "tax/tax-1"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('engine = "auto"', 'engine = "geth"', "expected engine"),
        ('name = "tax-1"', 'name = "../tax"', "expected a name"),
        ('name = "tax-1"', 'nome = "tax-1"', "nome"),
        ("127.0.0.1:8545", "127.0.0.1", "host:port"),
        ("127.0.0.1:8545", "127.0.0.1:70000", "65535"),
        ('default_group = "transfer"', 'default_group = "none"', "not among the groups"),
        ("market/market-1", "tax/tax-1", "own peer"),
        ("market/market-1", "market-1", "org/name"),
        ("pool_count_max = 7", "pool_count_max = 0", "pool_count_max"),
        ("[rpc]", "[rpc", "node.toml"),
    ],
)
def test_a_bad_file_names_what_was_expected(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = NodeFolder(tmp_path)
    save_node_config(CONFIG, folder)
    text = folder.config.read_text()
    assert old in text
    folder.config.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=r"node\.toml") as caught:
        load_node_config(folder)
    assert words in str(caught.value)


def test_a_missing_or_half_written_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no node folder"):
        load_node_config(NodeFolder(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="incomplete"):
        load_node_config(NodeFolder(tmp_path))


def test_addresses_keep_ipv6_hosts_whole() -> None:
    assert parse_address("[::1]:80") == ("::1", 80)
    assert parse_address("localhost:0") == ("localhost", 0)


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "consensus.key"
    save_private_key(path, b"\x07" * 32)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_private_key(path) == b"\x07" * 32
    with pytest.raises(ConfigurationError, match="already"):
        save_private_key(path, b"\x08" * 32)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_private_key(path)


def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "consensus.key"
    path.write_text("07" * 31)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError) as caught:
        load_private_key(path)
    assert "0707" not in str(caught.value)
