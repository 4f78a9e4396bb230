"""snarkjs as the judge of ceremonies: our contributions on its keys, its own on ours."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ceremony_keys import BEACON, SYSTEM, moved
from zkp.ceremony.contribute import apply_beacon, contribute
from zkp.ceremony.key_file import CeremonyKey, decode_key, encode_key
from zkp.ceremony.transcript import contribution_hash
from zkp.ceremony.verify import InvalidContribution, verify_history
from zkp.r1cs import encode_r1cs

Snarkjs = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, snarkjs: Snarkjs) -> Path:
    """A circuit, a phase 1 by snarkjs, and the initial key that snarkjs makes of them."""
    made = tmp_path_factory.mktemp("ceremony")
    (made / "c.r1cs").write_bytes(encode_r1cs(SYSTEM))
    for arguments in (
        ("powersoftau", "new", "bn128", "4", made / "0.ptau"),
        ("powersoftau", "contribute", made / "0.ptau", made / "1.ptau", "-e=some text"),
        ("powersoftau", "prepare", "phase2", made / "1.ptau", made / "c.ptau"),
        ("groth16", "setup", made / "c.r1cs", made / "c.ptau", made / "initial.zkey"),
    ):
        done = snarkjs(*arguments)
        assert done.returncode == 0, done.stdout
    return made


@pytest.fixture(scope="module")
def initial(folder: Path) -> CeremonyKey:
    return decode_key((folder / "initial.zkey").read_bytes())


def judged(snarkjs: Snarkjs, folder: Path, key: CeremonyKey, name: str) -> str:
    """What `snarkjs zkey verify` says of a key of ours."""
    path = folder / name
    path.write_bytes(encode_key(key))
    return snarkjs("zkey", "verify", folder / "c.r1cs", folder / "c.ptau", path).stdout


def test_an_initial_key_keeps_all_that_snarkjs_wrote(folder: Path, initial: CeremonyKey) -> None:
    """It has its sections in another order there, which is all that differs."""
    written = encode_key(initial)
    assert len(written) == (folder / "initial.zkey").stat().st_size
    assert decode_key(written) == initial


def test_contributions_on_each_others_keys(
    snarkjs: Snarkjs, folder: Path, initial: CeremonyKey
) -> None:
    ours = contribute(initial, "tax", "a text")
    (folder / "ours.zkey").write_bytes(encode_key(ours))
    files = (folder / "ours.zkey", folder / "theirs.zkey")
    assert snarkjs("zkey", "contribute", *files, "--name=market", "-e=noise").returncode == 0
    theirs = decode_key((folder / "theirs.zkey").read_bytes())
    finished = apply_beacon(theirs, BEACON, "beacon")
    said = judged(snarkjs, folder, finished, "finished.zkey")
    assert "ZKey Ok!" in said, said
    made = verify_history(initial, finished)
    assert [one.note.name for one in made] == ["tax", "market", "beacon"]
    # The hashes by which people compare are the same on both sides.
    for one in made:
        assert contribution_hash(one).hex()[:8] in said


def test_the_beacon_is_snarkjss_to_the_byte(
    snarkjs: Snarkjs, folder: Path, initial: CeremonyKey
) -> None:
    ours = contribute(initial, "tax")
    (folder / "before.zkey").write_bytes(encode_key(ours))
    files = (folder / "before.zkey", folder / "beacon.zkey")
    exponent = str(BEACON.iterations_exponent)
    done = snarkjs("zkey", "beacon", *files, BEACON.value.hex(), exponent, "--name=beacon")
    assert done.returncode == 0, done.stdout
    made = encode_key(apply_beacon(ours, BEACON, "beacon"))
    assert (folder / "beacon.zkey").read_bytes() == made


def test_what_we_refuse_snarkjs_refuses(
    snarkjs: Snarkjs, folder: Path, initial: CeremonyKey
) -> None:
    good = contribute(initial, "tax")
    for number, wrong in enumerate(
        (
            replace(good, l=[moved(good.l[0]), *good.l[1:]]),
            replace(good, h=[moved(good.h[0]), *good.h[1:]]),
            replace(good, delta2=initial.delta2),
        )
    ):
        with pytest.raises(InvalidContribution):
            verify_history(initial, wrong)
        assert "ZKey Ok!" not in judged(snarkjs, folder, wrong, f"wrong{number}.zkey")
