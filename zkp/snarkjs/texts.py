"""snarkjs's JSON: verification keys, proofs, public signals. Numbers are decimal strings.

Reading is strict: canonical decimals, the named curve and protocol, affine points. A parsed key is
checked; a parsed proof is not, since `verify` answers False for whatever is wrong with it.
"""

import json
from collections.abc import Sequence
from typing import Any

from zkp.curve.ate import U, final_exponentiation, miller_product
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2Point
from zkp.groth16.keys import PUBLICS_MAX, InvalidKey, Proof, VerifyingKey

TEXT_BYTES_MAX = 1 << 20
_DIGITS_MAX = 80
# One list for each public input and some more. Bounds the depth as well: Python's own limit on
# recursion does not protect a parser once a package (py_ecc does) has raised it to 100,000.
_BRACKETS_MAX = PUBLICS_MAX + 100
# snarkjs's final exponentiation (Fuentes-Castañeda, Knapp and Rodríguez-Henríquez, 2011) gives the
# pairing to this power of the curve's parameter; only its `vk_alphabeta_12` shows that.
_PAIRING_POWER = 2 * U * (6 * U * U + 3 * U + 1)
_KIND = {"protocol": "groth16", "curve": "bn128"}


class InvalidText(ValueError):
    """A JSON file that is not what snarkjs writes under that name."""


def encode_verifying_key(key: VerifyingKey) -> str:
    """`verification_key.json`, with the pairing of alpha and beta that snarkjs precomputes."""
    scaled = G1.multiply(key.alpha1, _PAIRING_POWER)
    paired = final_exponentiation(miller_product([(scaled, key.beta2)]))
    return _dump(
        {
            **_KIND,
            "nPublic": key.publics,
            "vk_alpha_1": _g1_texts(key.alpha1),
            "vk_beta_2": _g2_texts(key.beta2),
            "vk_gamma_2": _g2_texts(key.gamma2),
            "vk_delta_2": _g2_texts(key.delta2),
            "vk_alphabeta_12": [
                [[str(value) for value in pair] for pair in half] for half in paired
            ],
            "IC": [_g1_texts(point) for point in key.ic],
        }
    )


def decode_verifying_key(text: str | bytes) -> VerifyingKey:
    """The key in `verification_key.json`. Raises `InvalidText` or `InvalidKey`."""
    document = _document(text, "verification key")
    points = document.get("IC")
    if not isinstance(points, list) or not 1 <= len(points) <= PUBLICS_MAX + 1:
        raise InvalidText(f"IC: expected a list of 1 to {PUBLICS_MAX + 1} points")
    alpha, beta, gamma, delta = (
        document.get(name) for name in ("vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2")
    )
    alpha1, beta2 = _g1(alpha, "vk_alpha_1"), _g2(beta, "vk_beta_2")
    gamma2, delta2 = _g2(gamma, "vk_gamma_2"), _g2(delta, "vk_delta_2")
    if alpha1 is None or beta2 is None or gamma2 is None or delta2 is None:
        raise InvalidKey("a point of the key is the identity: the verification key is damaged")
    ic = tuple(_g1(point, "IC") for point in points)
    if document.get("nPublic") != len(ic) - 1:
        raise InvalidText(f"nPublic: expected {len(ic) - 1}, one less than IC has points")
    key = VerifyingKey(alpha1, beta2, gamma2, delta2, ic)
    key.check()
    return key


def encode_proof(proof: Proof) -> str:
    """`proof.json`."""
    points = {"pi_a": _g1_texts(proof.a), "pi_b": _g2_texts(proof.b), "pi_c": _g1_texts(proof.c)}
    return _dump({**points, **_KIND})


def decode_proof(text: str | bytes) -> Proof:
    """The proof in `proof.json`; its points are not checked. Raises `InvalidText`."""
    document = _document(text, "proof")
    a, c = (_g1(document.get(name), name) for name in ("pi_a", "pi_c"))
    b = _g2(document.get("pi_b"), "pi_b")
    if a is None or b is None or c is None:
        raise InvalidText("a point of the proof is the identity: no prover makes such a proof")
    return Proof(a, b, c)


def encode_publics(publics: Sequence[int]) -> str:
    """`public.json`."""
    return _dump([str(value) for value in publics])


def decode_publics(text: str | bytes) -> tuple[int, ...]:
    """The numbers in `public.json`, not checked against r. Raises `InvalidText`."""
    values = _load(text, "public signals")
    if not isinstance(values, list) or len(values) > PUBLICS_MAX:
        raise InvalidText(f"public signals: expected a list of at most {PUBLICS_MAX} decimals")
    return tuple(_number(value, "public signal") for value in values)


def decode_inputs(text: str | bytes) -> dict[str, int]:
    """A circuit's inputs in `input.json`: names with decimals, in strings if they are long.

    Raises `InvalidText`. Which names a circuit wants, and what is below r, is its own question.
    """
    values = _load(text, "inputs")
    if not isinstance(values, dict):
        raise InvalidText("inputs: expected a JSON object of names and decimals")
    inputs: dict[str, int] = {}
    for name, value in values.items():
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        inputs[name] = _number(str(value) if whole else value, f"input {name!r:.100}")
    return inputs


def _dump(document: object) -> str:
    return json.dumps(document, indent=1)


def _load(text: str | bytes, what: str) -> Any:
    if len(text) > TEXT_BYTES_MAX:
        raise InvalidText(f"{what}: {len(text)} bytes, expected at most {TEXT_BYTES_MAX}")
    try:
        decoded = text if isinstance(text, str) else text.decode()
        brackets = decoded.count("[") + decoded.count("{")
        if brackets > _BRACKETS_MAX:
            raise ValueError(f"{brackets} opening brackets, at most {_BRACKETS_MAX}")
        return json.loads(decoded)
    except ValueError as error:
        raise InvalidText(f"{what}: expected JSON as snarkjs writes it: {error}") from None


def _document(text: str | bytes, what: str) -> dict[str, Any]:
    document = _load(text, what)
    if not isinstance(document, dict):
        raise InvalidText(f"{what}: expected a JSON object")
    for name, expected in _KIND.items():
        if document.get(name) != expected:
            raise InvalidText(f"{what}: {name} is {document.get(name)!r}, expected {expected!r}")
    return document


def _number(value: object, what: str) -> int:
    if not isinstance(value, str) or not 0 < len(value) <= _DIGITS_MAX:
        raise InvalidText(f"{what}: expected a decimal string of at most {_DIGITS_MAX} digits")
    if not (value.isascii() and value.isdigit()) or (value[0] == "0" and value != "0"):
        raise InvalidText(f"{what}: {value!r} is no canonical decimal")
    return int(value)


def _numbers(value: object, count: int, what: str) -> list[int]:
    if not isinstance(value, list) or len(value) != count:
        raise InvalidText(f"{what}: expected a list of {count} numbers")
    return [_number(item, what) for item in value]


def _g1(value: object, what: str) -> G1Point | None:
    x, y, z = _numbers(value, 3, what)
    if (x, y, z) == (0, 1, 0):
        return None
    if z != 1:
        raise InvalidText(f"{what}: expected an affine point, its third number 1")
    return x, y


def _g2(value: object, what: str) -> G2Point | None:
    if not isinstance(value, list) or len(value) != 3:
        raise InvalidText(f"{what}: expected a list of 3 pairs of numbers")
    (x0, x1), (y0, y1), z = (_numbers(pair, 2, what) for pair in value)
    if (x0, x1, y0, y1, *z) == (0, 0, 1, 0, 0, 0):
        return None
    if z != [1, 0]:
        raise InvalidText(f"{what}: expected an affine point, its third pair 1, 0")
    return (x0, x1), (y0, y1)


def _g1_texts(point: G1Point | None) -> list[str]:
    return ["0", "1", "0"] if point is None else [str(point[0]), str(point[1]), "1"]


def _g2_texts(point: G2Point) -> list[list[str]]:
    return [[str(value) for value in pair] for pair in (*point, (1, 0))]
