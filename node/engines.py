"""The engines that a node can run blocks on, by name, with the precompiles each one needs.

The place where the ledger meets the curves: neither of the two knows the other.
"""

from collections.abc import Callable

from ledger.crate import why_missing
from ledger.engine import Engine, MalformedInput, Precompile
from ledger.gate import GROTH16_PRECOMPILE, POSEIDON_PRECOMPILE
from ledger.native import NativeEngine
from ledger.values import Address
from node.config import ConfigurationError
from zkp.own_precompiles import (
    InvalidPrecompileInput,
    groth16_verify_call,
    groth16_verify_gas,
    poseidon_call,
    poseidon_gas,
)
from zkp.precompiles import InvalidCurveInput, ecadd, ecmul, ecpairing

PY_EVM = "py-evm"
NATIVE = "native"
AUTO = "auto"

_REMEDY = (
    "run `make install` in the checkout where cargo is installed, or install the wheel "
    "quorate-native of this version"
)

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
        except (InvalidCurveInput, InvalidPrecompileInput) as error:
            raise MalformedInput(str(error)) from error

    return run


# Addresses and gas are EIP-196's, EIP-197's and EIP-1108's; only the arithmetic is faster than
# py-evm's own. Plain Python even where the crate is built: two engines that must agree are worth
# more when neither computes for the other.
CURVE_PRECOMPILES = {
    _address(6): Precompile(lambda _: _ECADD_GAS, _refusing(ecadd)),
    _address(7): Precompile(lambda _: _ECMUL_GAS, _refusing(ecmul)),
    _address(8): Precompile(
        lambda data: _ECPAIRING_GAS + _ECPAIRING_PAIR_GAS * (len(data) // _PAIR_BYTES),
        _refusing(ecpairing),
    ),
}

# Rules of every group; py-evm runs them in plain Python too.
OWN_PRECOMPILES = {
    POSEIDON_PRECOMPILE: Precompile(poseidon_gas, _refusing(poseidon_call), native="poseidon"),
    GROTH16_PRECOMPILE: Precompile(
        groth16_verify_gas, _refusing(groth16_verify_call), native="groth16_verify"
    ),
}


def installed_engines() -> tuple[str, ...]:
    """The engines that nodes can run on here, the fastest first."""
    return (PY_EVM,) if why_missing() else (NATIVE, PY_EVM)


def why_not_native() -> str | None:
    """Why nodes cannot run on the native engine here, and the way out; None where they can."""
    reason = why_missing()
    return reason and f"{reason}; {_REMEDY}"


def resolve_engine(name: str) -> str:
    """The engine that a node runs on here: `auto` is the fastest that is installed."""
    return installed_engines()[0] if name == AUTO else name


def engine_named(name: str) -> Engine:
    """The execution engine of a node, `auto` resolved. Raises `ConfigurationError`."""
    name = resolve_engine(name)
    if name == PY_EVM:
        # A third of a node's start is this import: who runs natively does without.
        from ledger.pyevm import PyEvmEngine  # noqa: PLC0415

        return PyEvmEngine({**CURVE_PRECOMPILES, **OWN_PRECOMPILES})
    if name != NATIVE:
        raise ConfigurationError(
            f'there is no engine {name!r}: set engine = "{AUTO}", "{NATIVE}" or "{PY_EVM}" '
            "in node.toml"
        )
    missing = why_not_native()
    if missing is not None:
        raise ConfigurationError(
            f"node.toml asks for the engine {name!r}, and {missing}. "
            f'Or set engine = "{AUTO}" in node.toml, to run on what is there'
        )
    return NativeEngine(OWN_PRECOMPILES)
