"""Parsers of what admission lives by: founding, recovery, grants, requests, logs, second factor."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cli.failure import CommandFailed
from cli.group.plan import load_plan
from cli.network.folder import Account, NetworkFile, load_network
from cli.officer.request import InvalidRequest, decode_request, signed_request
from ledger.codec import InvalidEncoding
from ledger.genesis import InvalidGenesis, decode_genesis, encode_genesis
from ledger.pin import parse_pin
from ledger.recovery import (
    InvalidRecovery,
    RecoveredValidator,
    decode_recovery,
    encode_recovery,
    recovery_of,
)
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, InvalidValue, keccak, to_hex
from node.audit.chain import Head, parse_head
from node.audit.entries import Entry, decode_line, encode_line
from node.chained_line import NO_ENTRY, InvalidEntry
from node.config import ConfigurationError
from node.departures import Departure, add_departure, read_departures
from node.founding import sign_founding
from node.membership import Organisation, draft
from node.pki import InvalidNodeCertificate, OrganisationCA, new_key, officer_request
from node.revocations import Revocations, load_revocations
from node.rpc.grants import Grants, InvalidGrant, load_grants, new_grant
from node.second_factor import SecondFactor, SecondFactorRefused
from tests.fuzz.ledger_subjects import HASH, blocks
from tests.fuzz.mutate import of_bytes, of_json
from tests.fuzz.subject import Subject

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OWN = 0o600

PLAN = b"""name = "refund"
observers = ["audit/audit-1"]

[[organisation]]
name = "tax"
recovery_key = "0x5b38da6a701c568545dcfcb03fcb875f56beddc4"

[[validator]]
node = "tax/tax-1"
key = "0x5b38da6a701c568545dcfcb03fcb875f56beddc4"

[[account]]
address = "0xab8483f64d9c6d1ecf9b849ae677dd3315835cb2"
org = "tax"
role = "member"
"""


def _file(load: Callable[[Path], Any], name: str, *, mode: int = OWN) -> Callable[[bytes], Any]:
    """A parser of a file as one of bytes; the file alone stands in its folder."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")

    def decode(data: bytes, kept: Any = folder) -> Any:
        path = Path(kept.name) / name
        path.write_bytes(data)
        path.chmod(mode)
        return load(path)

    return decode


def _written(write: Callable[[Path], object], name: str) -> bytes:
    """What a writer leaves in a file of that name."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _founding_subjects() -> list[Subject]:
    genesis = blocks()[0]
    name = genesis.organisations[0].name
    key = KeySigner(STANDARD, keccak(b"an organisation"))
    ca = OrganisationCA.create(name, NOW)
    organisation = Organisation(name, key.address, (ca.certificate,), frozenset())
    membership = draft("net", 1, 1, [organisation], {f"{name}/one": "10.0.0.1:1"})
    founded = sign_founding(genesis, membership, key)
    lists = Revocations().with_list(membership, name, ca.crl(NOW))
    recovery = recovery_of(
        HASH,
        number=7,
        block_hash=HASH,
        epoch=2,
        counter=1,
        members=[RecoveredValidator(Address(bytes([n]) * 20), f"tax/tax-{n}") for n in (1, 2)],
        signatures=[("tax", bytes(65))],
    )
    return [
        Subject(
            "founding genesis",
            [encode_genesis(founded), encode_genesis(genesis)],
            lambda data: decode_genesis(data, founding=True),
            encode_genesis,
            (InvalidGenesis,),
            (of_json, of_bytes),
            canonical=False,
        ),
        Subject("recovery", [encode_recovery(recovery)], decode_recovery, encode_recovery,
                (InvalidEncoding, InvalidRecovery)),
        Subject("group plan", [PLAN], _file(load_plan, "plan.toml"), None, (CommandFailed,),
                (of_bytes,), canonical=False),
        Subject(
            "file of revocations",
            [_written(lambda path: lists.save(path.parent, name), f"{name}.pem")],
            _file(lambda path: load_revocations(path.parent, membership), f"{name}.pem"),
            None,
            (InvalidNodeCertificate,),
            (of_bytes,),
            canonical=False,
        ),
        Subject("pin", [f"7:{to_hex(HASH)}".encode()], lambda data: parse_pin(data.decode()), None,
                (InvalidValue, UnicodeDecodeError), (of_bytes,), canonical=False),
    ]  # fmt: skip


def _access_subjects() -> list[Subject]:
    made, _ = new_grant(
        name="officer-17", organisation="audit", role="regulator", groups=("main",), days=9,
        now=NOW, with_token=True,
    )  # fmt: skip
    grants = Grants((made, msgspec.structs.replace(made, id="0" * 16, revoked=NOW)))
    request = signed_request(
        keccak(b"an officer"), organisation="audit", name="officer-17", role="regulator",
        certificate_request=officer_request("audit", "officer-17", new_key()).decode(),
    )  # fmt: skip
    network = NetworkFile(
        name="net",
        nodes=(),
        groups=(),
        accounts=(Account("a", "tax", "member", "0x" + "11" * 20, "accounts/a.json"),),
    )
    return [
        Subject(
            "grants",
            [_written(grants.save, "grants.json")],
            _file(load_grants, "grants.json"),
            lambda found: _written(found.save, "grants.json"),
            (InvalidGrant,),
            (of_json, of_bytes),
            canonical=False,
        ),
        Subject(
            "second factor",
            [_written(lambda path: SecondFactor(path).enrol("tax-1"), "second-factor")],
            _file(lambda path: SecondFactor(path)._load(), "second-factor"),
            msgspec.json.encode,
            (SecondFactorRefused,),
            (of_json, of_bytes),
            canonical=False,
        ),
        Subject("account request", [msgspec.json.encode(request)], decode_request,
                msgspec.json.encode, (InvalidRequest,), (of_json, of_bytes), canonical=False),
        Subject(
            "network.json",
            [msgspec.json.encode(network)],
            _file(lambda path: load_network(path.parent), "network.json"),
            msgspec.json.encode,
            (CommandFailed,),
            (of_json, of_bytes),
            canonical=False,
        ),
    ]  # fmt: skip


def _log_subjects() -> list[Subject]:
    entry = Entry(number=1, at="2026-11-21T00:00:00.000Z", kind="read", previous=NO_ENTRY)
    departure = Departure(
        at="2026-11-21T00:00:00+00:00", group="main", identity=to_hex(HASH), chain_id=7,
        stable_number=9, stable_hash=to_hex(HASH), address="0x" + "11" * 20, voted=False,
        did="destroyed", where="", files=3, size_bytes=9, envelopes=0,
    )  # fmt: skip

    def left_twice(path: Path) -> None:
        for _ in range(2):
            add_departure(path, departure)

    return [
        Subject("audit entry", [encode_line(entry)[0]], decode_line,
                lambda link: encode_line(link.entry)[0], (InvalidEntry,), (of_bytes,)),
        Subject("audit head", [Head(7, "a" * 64).encode()], _head, lambda head: head.encode(),
                (InvalidEntry,), (of_bytes,)),
        Subject(
            "departures",
            [_written(left_twice, "departures.jsonl")],
            _file(read_departures, "departures.jsonl"),
            None,
            (ConfigurationError,),
            (of_bytes,),
            canonical=False,
        ),
    ]  # fmt: skip


def _head(data: bytes) -> Head:
    found = parse_head(data)
    if found is None:
        raise InvalidEntry("no head")
    return found


def subjects() -> list[Subject]:
    """All of them."""
    return [*_founding_subjects(), *_access_subjects(), *_log_subjects()]
