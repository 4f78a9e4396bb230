"""What operators and organisations read while a lost quorum is recovered, without any network."""

import json
from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.network.create import create_network
from cli.network.manifest import find_manifest
from cli.recovery import Language, apply_, propose, show, sign
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.chain import Chain
from ledger.genesis import load_genesis
from ledger.keyvalue import LevelDB
from ledger.proposal import propose as make_proposal
from ledger.pyevm import PyEvmEngine
from ledger.recovery import RecoveredValidator, recovery_of
from ledger.recovery_file import recovery_json
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from node.config import ConfigurationError, NodeFolder
from node.keyfile import load_private_key

MANIFEST = find_manifest("four-departments")
SIGNERS = ("tax", "market", "data")
BLOCKS, LAST = 4, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recovery") / "network"
    create_network(MANIFEST, folder, 22_900, lambda _: None)
    return folder


@pytest.fixture
def node(made: Path) -> NodeFolder:
    """The survivor, down, with four blocks of the old set."""
    home = NodeFolder(made / "nodes" / "tax-1")
    group = home.group("equity")
    keys = [
        KeySigner(STANDARD, load_private_key(NodeFolder(folder).group("equity").consensus_key))
        for folder in sorted((made / "nodes").iterdir())
    ]
    chain = _chain(home)
    for number in () if chain.head.number else range(1, BLOCKS + 1):
        _, validators = chain.validators_for(number)
        executed = chain.execute(
            make_proposal(
                STANDARD, group=chain.group, epoch=0, sequence=number, origin_view=0,
                proposer=validators.primary(0), timestamp_ms=2_000_000_000_000,
                transactions=(),
            )
        )  # fmt: skip
        digest = checkpoint_digest(STANDARD, chain.group, 0, number, executed.hash)
        votes = {key.address: key.sign(digest) for key in keys if key.address in validators}
        chain.commit(executed, certificate_of(0, number, executed.hash, votes))
    chain.close()
    assert group.database.is_dir()
    return home


def _chain(home: NodeFolder) -> Chain:
    group = home.group("equity")
    database = LevelDB(group.database)
    return Chain(load_genesis(group.genesis), BlockStore(database, STANDARD), PyEvmEngine())


def certificate(home: NodeFolder, file: Path) -> Path:
    chain = _chain(home)
    members = [RecoveredValidator(KeySigner(STANDARD, bytes([1]) * 32).address, "tax/tax-9")]
    recovery = recovery_of(
        chain.group,
        number=LAST,
        block_hash=chain.header(LAST).hash,
        epoch=2,
        counter=1,
        members=members,
    )
    chain.close()
    file.write_bytes(recovery_json(recovery))
    return file


def genesis_of(home: NodeFolder) -> Path:
    return home.group("equity").genesis


def key_of(made: Path, organisation: str) -> Path:
    return made / "organisations" / organisation / "recovery.key"


def test_from_signature_to_signature_and_onto_a_node_that_is_down(
    made: Path, node: NodeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, genesis = certificate(node, tmp_path / "recovery.json"), genesis_of(node)
    for organisation in SIGNERS[:2]:
        sign(file, genesis, key_of(made, organisation), as_json=True)
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["complete"], said["organisations"]) == (False, ["market", "tax"])
    with pytest.raises(CommandFailed, match="2 of 4 organisations signed it"):
        apply_(node.path, file)
    for lang, words in ((Language.en, "2 of 3 signatures"), (Language.zh, "尚不能应用")):
        show(file, genesis, lang=lang)
        assert words in capsys.readouterr().out
    sign(file, genesis, key_of(made, "data"))
    assert "it can be applied" in capsys.readouterr().out
    apply_(node.path, file, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["changed"], said["void"], said["running"]) == (True, [3, 4], False)
    apply_(node.path, file)
    assert "already" in capsys.readouterr().out
    chain = _chain(node)
    assert (chain.head.number, len(chain.void_blocks())) == (LAST, 2)
    chain.close()


def test_a_key_that_others_can_read_or_that_is_no_recovery_key_signs_nothing(
    made: Path, node: NodeFolder, tmp_path: Path
) -> None:
    file = tmp_path / "recovery.json"
    chain = _chain(node)
    chain.close()
    members = [RecoveredValidator(KeySigner(STANDARD, bytes([1]) * 32).address, "tax/tax-9")]
    recovery = recovery_of(
        chain.group, number=1, block_hash=chain.group, epoch=2, counter=9, members=members
    )
    file.write_bytes(recovery_json(recovery))
    before = file.read_bytes()
    readable = tmp_path / "readable.key"
    readable.write_bytes(key_of(made, "tax").read_bytes())
    readable.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        sign(file, genesis_of(node), readable)
    with pytest.raises(CommandFailed, match="no organisation's recovery key"):
        sign(file, genesis_of(node), made / "organisations" / "tax" / "organisation.key")
    assert file.read_bytes() == before
    file.write_text("{}")
    with pytest.raises(CommandFailed, match="not a recovery certificate"):
        show(file, genesis_of(node))


def test_a_proposal_needs_a_node_and_overwrites_nothing(made: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="--rpc URL"):
        propose(tmp_path / "new.json", ["tax/tax-1"], network=made)
    with pytest.raises(CommandFailed, match="--genesis FILE"):
        propose(tmp_path / "new.json", ["tax/tax-1"])
    (tmp_path / "old.json").write_text("mine")
    with pytest.raises(CommandFailed, match="is there already"):
        propose(tmp_path / "old.json", ["tax/tax-1"], network=made)
