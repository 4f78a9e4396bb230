"""The curve precompiles, by both backends, against py-evm's own, which py_ecc computes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from eth.exceptions import VMError
from eth.precompiles import ecadd, ecmul, ecpairing
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as reference

from zkp import precompiles
from zkp.backend import Backend

R = reference.curve_order
scalars = st.integers(min_value=0, max_value=R + 5)


def word(number: int) -> bytes:
    return number.to_bytes(32)


def g1(scalar: int) -> bytes:
    if scalar % R == 0:
        return bytes(64)
    x, y = reference.normalize(reference.multiply(reference.G1, scalar))
    return word(int(x)) + word(int(y))


def g2(scalar: int) -> bytes:
    if scalar % R == 0:
        return bytes(128)
    x, y = reference.normalize(reference.multiply(reference.G2, scalar))
    return b"".join(word(int(c)) for c in (*reversed(x.coeffs), *reversed(y.coeffs)))


def by_reference(precompile: Callable[[Any], Any], data: bytes) -> bytes | None:
    """py-evm's answer; None where it refuses the input."""
    computation = SimpleNamespace(
        msg=SimpleNamespace(data_as_bytes=data, data=data),
        output=b"",
        consume_gas=lambda *_, **__: None,
    )
    try:
        precompile(computation)
    except VMError:
        return None
    return bytes(computation.output)


def ours(function: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    try:
        return function(data)
    except precompiles.InvalidCurveInput:
        return None


@settings(max_examples=20, deadline=None)
@given(a=scalars, b=scalars, length=st.integers(min_value=0, max_value=140))
def test_ecadd(backend: Backend, a: int, b: int, length: int) -> None:
    data = (g1(a) + g1(b) + b"more")[:length]
    assert ours(backend.ecadd, data) == by_reference(ecadd, data)


@settings(max_examples=15, deadline=None)
@given(a=scalars, scalar=st.integers(min_value=0, max_value=2**256 - 1))
def test_ecmul(backend: Backend, a: int, scalar: int) -> None:
    data = g1(a) + word(scalar)
    assert ours(backend.ecmul, data) == by_reference(ecmul, data)


@pytest.mark.parametrize("scalar", [0, 1, 2, R - 1, R, R + 1, 2 * R + 2, 2**256 - 1])
def test_ecmul_at_the_edges(backend: Backend, scalar: int) -> None:
    for base in (0, 1, 2, R - 1):
        data = g1(base) + word(scalar)
        assert ours(backend.ecmul, data) == by_reference(ecmul, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        g1(3) + g2(4) + g1(-12 % R) + g2(1),
        g1(3) + g2(4) + g1(-11 % R) + g2(1),
        g1(0) + g2(4),
        g1(4) + g2(0),
        (g1(3) + g2(4))[:-1],
        word(1) + word(3) + g2(1),
        g1(1) + g2(1)[:-1] + bytes([g2(1)[-1] ^ 1]),
        word(1 + precompiles.g1.P) + word(2) + g2(1),
    ],
    ids=[
        "empty",
        "one",
        "not-one",
        "g1-infinity",
        "g2-infinity",
        "short",
        "off-g1",
        "off-g2",
        "unreduced",
    ],
)
def test_ecpairing(backend: Backend, data: bytes) -> None:
    assert ours(backend.ecpairing, data) == by_reference(ecpairing, data)
