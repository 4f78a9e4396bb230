"""TrieTests: the root after writing and deleting keys one by one, and all that is left at once.

A secure trie's keys are hashed. The crate's keys have 32 bytes, as all of a ledger's have.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trie.hexary import HexaryTrie

from ledger import trie
from ledger.native import is_available
from ledger.values import EMPTY_TRIE_ROOT, keccak
from tests.ethereum.results import Results
from tests.ethereum.samples import SUITES

Nodes = dict[bytes, bytes]
Update = Callable[[bytes, Mapping[bytes, bytes], Nodes], bytes]


def _in_python(root: Any, changes: Any, nodes: Any) -> bytes:
    after, fresh = trie.update(root, changes, nodes.__getitem__)
    nodes.update(fresh)
    return after


def _by_reference(root: bytes, changes: Mapping[bytes, bytes], nodes: Nodes) -> bytes:
    tree = HexaryTrie(nodes, root)
    for key, value in changes.items():
        tree[key] = value
    return tree.root_hash


_UPDATES: dict[str, Update] = {"python": _in_python, "reference": _by_reference}
if is_available():
    import quorate_native

    def _in_crate(root: bytes, changes: Mapping[bytes, bytes], nodes: Nodes) -> bytes:
        after, fresh = quorate_native.trie_update(root, list(changes.items()), nodes.__getitem__)
        nodes.update(fresh)
        return bytes(after)

    _UPDATES["crate"] = _in_crate


def trie_tests(implementation: str) -> Results:
    """Every test by one implementation."""
    results = Results()
    for path in sorted((SUITES / "TrieTests").glob("*.json")):
        secure = "secure" in path.name
        for name, test in json.loads(path.read_text(encoding="utf-8")).items():
            case = f"{path.name} {name}"
            if "root" not in test:
                results.add(case, "has no order of keys to ask for")
                continue
            pairs = test["in"].items() if isinstance(test["in"], dict) else test["in"]
            changes = [(_key(key, secure), _bytes(value or "")) for key, value in pairs]
            results.add(case, _fault(_UPDATES[implementation], changes, _bytes(test["root"])))
    return results


def _fault(update: Update, changes: Iterable[tuple[bytes, bytes]], expected: bytes) -> str | None:
    nodes: Nodes = {EMPTY_TRIE_ROOT: b"\x80"}
    root: bytes = EMPTY_TRIE_ROOT
    held: dict[bytes, bytes] = {}
    try:
        for key, value in changes:
            root = update(root, {key: value}, nodes)
            held[key] = value
        left = {key: value for key, value in held.items() if value}
        at_once = update(EMPTY_TRIE_ROOT, left, {EMPTY_TRIE_ROOT: b"\x80"})
    except ValueError as error:
        return f"refused: {error}"
    if root != expected:
        return f"expected root {expected.hex()}, got {root.hex()}"
    return None if at_once == expected else f"at once it is {at_once.hex()}"


def _key(text: str, secure: bool) -> bytes:
    return keccak(_bytes(text)) if secure else _bytes(text)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()
