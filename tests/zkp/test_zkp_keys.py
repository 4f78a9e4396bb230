"""The cached test key: made once, whole or not at all, never of another circuit."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zkp.builder import Builder, Circuit
from zkp.groth16 import prove, verify
from zkp.keys import load_test_key
from zkp.r1cs import circuit_id, decode_r1cs, encode_r1cs
from zkp.snarkjs.texts import decode_verifying_key


def power(exponent: int) -> Circuit:
    """out = x^exponent."""
    builder = Builder("power")
    out, x = builder.public("out"), builder.private("x")
    result = x
    for step in range(exponent - 1):
        result = builder.multiply(result, x, f"step{step}")
    builder.equal(result, out, "out", "expected the power")
    return builder.build()


def test_a_key_is_made_once_and_marked(tmp_path: Path) -> None:
    circuit, said = power(3), list[str]()
    folder = tmp_path / "build" / "keys"
    first = load_test_key(circuit, folder, said.append)
    assert any("making" in words for words in said)
    said.clear()
    second = load_test_key(circuit, folder, said.append)
    assert said == ["reading the test key for power"]
    assert second.proving == first.proving
    assert first.test_only
    assert first.circuit_id == circuit_id(first.r1cs_path.read_bytes())
    assert decode_r1cs(first.r1cs_path.read_bytes()) == circuit.system
    assert decode_verifying_key(first.vkey_path.read_text()) == first.proving.verifying
    names = [first.zkey_path, first.r1cs_path, first.vkey_path]
    assert sorted(folder.iterdir()) == sorted(names)


def test_another_circuit_gets_another_key(tmp_path: Path) -> None:
    cube, fourth = (load_test_key(power(exponent), tmp_path) for exponent in (3, 4))
    assert cube.zkey_path != fourth.zkey_path
    assert cube.circuit_id == circuit_id(encode_r1cs(power(3).system))


def test_a_damaged_or_foreign_key_is_made_again(tmp_path: Path) -> None:
    circuit = power(3)
    key = load_test_key(circuit, tmp_path)
    foreign = load_test_key(power(4), tmp_path).zkey_path.read_bytes()
    for content in (key.zkey_path.read_bytes()[:100], b"", foreign):
        key.zkey_path.write_bytes(content)
        again = load_test_key(circuit, tmp_path)
        proof, publics = prove(again.proving, circuit.assign({"out": 27, "x": 3}))
        assert verify(decode_verifying_key(again.vkey_path.read_text()), proof, publics)


def test_makers_that_start_together_agree(tmp_path: Path) -> None:
    circuit = power(2)
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: load_test_key(circuit, tmp_path).proving, range(4)))
    assert all(key == keys[0] for key in keys)
