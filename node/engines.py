"""The engines that a node can run blocks on, by name, with the precompiles each one needs.

The place where the ledger meets the curves: neither of the two knows the other.
"""

from collections.abc import Callable

from ledger.engine import Engine, MalformedInput, Precompile
from ledger.native import NativeEngine, is_available
from ledger.pyevm import PyEvmEngine
from ledger.values import Address
from node.config import ConfigurationError
from zkp.backend import ecadd, ecmul, ecpairing
from zkp.precompiles import InvalidCurveInput

PY_EVM = "py-evm"
NATIVE = "native"

_ECADD_GAS = 150
_ECMUL_GAS = 6_000
_ECPAIRING_GAS = 45_000
_ECPAIRING_PAIR_GAS = 34_000
_PAIR_BYTES = 192


def _address(number: int) -> Address:
    return Address(number.to_bytes(20))


def _refusing(function: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def run(data: bytes) -> bytes:
        try:
            return function(data)
        except InvalidCurveInput as error:
            raise MalformedInput(str(error)) from error

    return run


# Addresses and gas are EIP-196's, EIP-197's and EIP-1108's; only the arithmetic is faster, in Rust
# where the crate is built and on plain integers elsewhere: the same answers, see `zkp.backend`.
CURVE_PRECOMPILES = {
    _address(6): Precompile(lambda _: _ECADD_GAS, _refusing(ecadd)),
    _address(7): Precompile(lambda _: _ECMUL_GAS, _refusing(ecmul)),
    _address(8): Precompile(
        lambda data: _ECPAIRING_GAS + _ECPAIRING_PAIR_GAS * (len(data) // _PAIR_BYTES),
        _refusing(ecpairing),
    ),
}


def installed_engines() -> tuple[str, ...]:
    """The engines that nodes can run on here, the fastest first."""
    return (NATIVE, PY_EVM) if is_available() else (PY_EVM,)


def engine_named(name: str) -> Engine:
    """The execution engine of a node. Raises `ConfigurationError`."""
    if name == PY_EVM:
        return PyEvmEngine(CURVE_PRECOMPILES)
    if name != NATIVE:
        raise ConfigurationError(
            f'there is no engine {name!r}: set engine = "{PY_EVM}" or "{NATIVE}" in node.toml'
        )
    if not is_available():
        raise ConfigurationError(
            f"the engine {name!r} is not installed here: build the crate with "
            f'"maturin develop --release" in native/, or set engine = "{PY_EVM}" in node.toml'
        )
    return NativeEngine()
