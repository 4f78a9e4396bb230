"""What the crate shows to Python; the words that explain each name stand in `native/src/`.

Addresses and hashes are bytes. Where the ledger has a name of its own for them (`Address`,
`Hash32`) the answer is `Any`, since a crate cannot know the ledger's names.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, final

__version__: str
INTERFACE: int

class _Account(Protocol):
    @property
    def nonce(self) -> int: ...
    @property
    def balance(self) -> int: ...
    @property
    def storage_root(self) -> bytes: ...
    @property
    def code_hash(self) -> bytes: ...

class _Reader(Protocol):
    """As `ledger.state.StateReader`."""

    @property
    def root(self) -> bytes: ...
    def account(self, address: Any, /) -> _Account | None: ...
    def storage(self, address: Any, slot: int, /) -> int: ...
    def code_by_hash(self, code_hash: Any, /) -> bytes: ...
    def node(self, node_hash: Any, /) -> bytes: ...

# address, gas, run, and the name of the crate's own in their place
_Precompile: TypeAlias = tuple[bytes, Callable[[bytes], int], Callable[[bytes], bytes], str | None]

# number, timestamp, coinbase, gas limit, chain id, ancestor hash, base fee, randao, excess blob gas
_Environment: TypeAlias = tuple[int, int, bytes, int, int, Callable[[int], bytes], int, bytes, int]

# sender, nonce, gas, to, value, data, access list, gas price
_AccessList: TypeAlias = Sequence[tuple[Any, Sequence[int]]]
_Transaction: TypeAlias = tuple[bytes, int, int, bytes | None, int, bytes, _AccessList, int]

# success, gas used, logs of (address, topics, data), created; or the reason of a drop
_Log: TypeAlias = tuple[Any, tuple[Any, ...], bytes]
_Outcome: TypeAlias = tuple[bool, int, list[_Log], Any] | str

# root, accounts of (address, None or (nonce, balance, storage root, code hash)), storage, codes,
# cleared, nodes
_Writes: TypeAlias = tuple[
    Any,
    list[tuple[Any, tuple[int, int, Any, Any] | None]],
    dict[Any, dict[int, int]],
    dict[Any, bytes],
    list[Any],
    dict[Any, bytes],
]

@final
class Engine:
    def __new__(
        cls,
        precompiles: Sequence[_Precompile],
        malformed: type[Exception],
        node_cache_bytes_max: int,
    ) -> Engine: ...
    def execute_block(
        self, env: _Environment, batch: Sequence[_Transaction], reader: _Reader, gated: bool
    ) -> tuple[list[_Outcome], _Writes]: ...
    def profile(self) -> list[float]: ...
    def call(
        self, env: _Environment, message: _Transaction, reader: _Reader, gated: bool
    ) -> tuple[bytes, int, str | None, bool]: ...
    def trace(
        self, env: _Environment, batch: Sequence[_Transaction], reader: _Reader
    ) -> dict[str, Any] | None: ...

# as _Transaction with the most that a unit of gas may cost as its price, then type, most priority
# fee, most blob fee, blob hashes
_AnyTransaction: TypeAlias = tuple[
    bytes, int, int, bytes | None, int, bytes, _AccessList, int, int, int, int, Sequence[bytes]
]

def run_on_ethereum(
    env: _Environment, fields: _AnyTransaction, reader: _Reader
) -> tuple[list[_Log], Any] | str: ...
def decode_transactions(batch: Sequence[bytes]) -> list[tuple[Any, ...] | None]: ...
def trie_update(
    root: bytes, changes: Sequence[tuple[bytes, bytes]], node: Callable[[Any], bytes]
) -> tuple[Any, dict[Any, bytes]]: ...
def trie_prove(
    root: bytes, keys: Sequence[bytes], node: Callable[[Any], bytes]
) -> list[tuple[bytes | None, tuple[bytes, ...]]]: ...
def ordered_root(values: Sequence[bytes]) -> bytes: ...
def rlp_encode(item: object) -> bytes: ...

@final
class Groth16ProvingKey:
    def __new__(cls, zkey: bytes) -> Groth16ProvingKey: ...
    @property
    def wires(self) -> int: ...
    def prove(self, witness: bytes, r: bytes, s: bytes) -> bytes | None: ...

@final
class Groth16VerifyingKey:
    def __new__(cls, points: bytes) -> Groth16VerifyingKey: ...
    def verify(self, proof: bytes, publics: bytes) -> bool: ...

def g1_sum_of_multiples(points: bytes, scalars: bytes) -> bytes: ...
def g2_sum_of_multiples(points: bytes, scalars: bytes) -> bytes: ...
def fft(values: bytes, *, inverse: bool = False) -> bytes: ...
def ecadd(data: bytes) -> bytes: ...
def ecmul(data: bytes) -> bytes: ...
def ecpairing(data: bytes) -> bytes: ...
