"""A stopped node's stores read wholly, everything in them computed anew."""

from cli.finding import Finding
from cli.finding_codes import Code
from ledger.genesis import genesis_block
from ledger.keyvalue import CorruptStore, StoreInUse
from ledger.sealing import WrongSealKey
from ledger.store import BlockStore
from ledger.store_check import check_store
from node.config import NodeConfig, NodeFolder
from node.group_assembly import read_genesis
from node.sealing import group_seals, open_database


def findings_of_stores(folder: NodeFolder, config: NodeConfig) -> list[Finding]:
    """Of each group in `node.toml`. Raises ConfigurationError where a genesis cannot be read."""
    return [_of_store(folder, config, group.name) for group in config.group]


def _of_store(folder: NodeFolder, config: NodeConfig, name: str) -> Finding:
    what, group = f"store of {name}", folder.group(name)

    def wrong(seen: str, remedy: str) -> Finding:
        return Finding(Code.STORE, what, False, seen, remedy)

    if not group.database.is_dir():
        return wrong("there is none", "start the node: it fetches all from peers")
    genesis = read_genesis(group)
    try:
        seals = group_seals(folder, config, genesis_block(genesis).hash)
        database = open_database(group.database, seals)
        try:
            store = BlockStore(database, genesis.suite)
            window_blocks = genesis.parameters.window_blocks
            census = check_store(store, genesis.suite, window_blocks=window_blocks)
        finally:
            database.close()
    except StoreInUse:
        return wrong("a running node has it open", "stop the node, then look again")
    except WrongSealKey as error:
        return wrong(str(error), "have node.toml name the key that the store was encrypted under")
    except CorruptStore as error:
        remedy = f"move {group.database} away: the node fetches all from peers when it starts"
        return wrong(str(error), remedy)
    return Finding(
        Code.STORE,
        what,
        True,
        f"blocks 0 to {census.head}, {census.transactions} transactions, {census.accounts} "
        f"accounts, {census.slots} slots, {census.trie_nodes} trie nodes: all agree",
    )
