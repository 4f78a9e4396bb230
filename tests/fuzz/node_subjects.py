"""The node's parsers: frames, requests, gossip, its documents, and its two logs on disk."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from cli.failure import CommandFailed
from cli.network.manifest import find_manifest, load_manifest
from consensus.log_codec import encode_entry
from ledger.codec import InvalidEncoding, encode
from ledger.suite import STANDARD, KeySigner
from ledger.values import keccak
from node.config import (
    ConfigurationError,
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    PeerConfig,
    RpcConfig,
    load_node_config,
    render_node_config,
)
from node.gossip import decode_gossip
from node.journal import JOURNAL_HEAD, Journal, Refusal
from node.membership import InvalidMembership, Organisation, decode_membership, draft
from node.p2p import frames
from node.p2p import requests as lanes
from node.pki import (
    InvalidNodeCertificate,
    OrganisationCA,
    certificate_request,
    decode_certificate,
    decode_der_certificate,
    encode_certificate,
    new_key,
    read_crl,
    read_request,
)
from node.requests import (
    BatchAnswer,
    BatchRequest,
    BlocksAnswer,
    BlocksRequest,
    EnvelopeDelivery,
    EnvelopeReceipt,
    HeaderAnswer,
    HeaderRequest,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from node.wal import LostLog, WriteAheadLog
from tests.fuzz.consensus_subjects import log_entries
from tests.fuzz.ledger_subjects import HASH, raw_transactions
from tests.fuzz.mutate import checksummed, framed, of_bytes, of_json
from tests.fuzz.subject import Finding, Subject
from tests.simulation.simulated_files import SimulatedFiles

_CHUNK_BYTES_MAX = 1 << 16
_DOCUMENT_BYTES_MAX = 1 << 20
_WAL_HEAD = b"head of the fuzzed log"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _decode_frame(data: bytes) -> frames.Frame:
    """As a link reads one: the prefix, then a body of just the length that it names."""
    prefix = data[: frames.PREFIX_BYTES]
    if len(prefix) < frames.PREFIX_BYTES:
        raise frames.InvalidFrame("cut short")
    kind, size = frames.decode_prefix(
        prefix, chunk_bytes_max=_CHUNK_BYTES_MAX, document_bytes_max=_DOCUMENT_BYTES_MAX
    )
    body = data[frames.PREFIX_BYTES :]
    if len(body) != size:
        raise frames.InvalidFrame("a link would wait for more, or read the next frame")
    return frames.decode_body(kind, body)


def _frames() -> list[bytes]:
    made: list[frames.Frame] = [
        frames.Hello(bytes(frames.INSTANCE_BYTES), 7),
        frames.Open(HASH, 3, wants_reply=True),
        frames.Data(HASH, frames.Lane.GOSSIP, 3, 2, 9, b"part"),
        frames.Credit(HASH, frames.Lane.BULK, 3, 9_000),
        frames.Ping(5),
        frames.Pong(5),
        frames.Bye("idle"),
        frames.MembershipDocument(b"{}"),
        frames.RevocationDocument(bytes(frames.AUTHORITY_BYTES), b"list"),
    ]
    return [frames.encode_frame(frame) for frame in made]


def _wire_subjects() -> list[Subject]:
    requests = (
        BlocksRequest(5, 64),
        BatchRequest(HASH),
        EnvelopeDelivery("tax", b"sealed"),
        HeaderRequest(7, HASH),
    )
    answers = (
        BlocksAnswer(((b"block", b"certificate"), (b"", b""))),
        BatchAnswer(b"proposal"),
        EnvelopeReceipt(HASH),
        HeaderAnswer(b"header", b"record"),
    )
    invalid = (InvalidEncoding,)
    asked = [lanes.encode_request(lanes.Request(7, "blocks", b"payload"))]
    told = [lanes.encode_response(lanes.Response(7, lanes.Status.OK, b"payload"))]
    return [
        Subject(
            "frame",
            _frames(),
            _decode_frame,
            frames.encode_frame,
            (frames.InvalidFrame,),
            (of_bytes, _reframed),
        ),
        Subject(
            "group request",
            [encode_request(request) for request in requests],
            decode_request,
            encode_request,
            invalid,
        ),
        Subject(
            "group answer",
            [encode_answer(answer) for answer in answers],
            decode_answer,
            encode_answer,
            invalid,
        ),
        Subject("gossip", [encode(raw_transactions()), encode([])], decode_gossip, encode, invalid),
        Subject(
            "lane request",
            asked,
            lanes.decode_request,
            lanes.encode_request,
            (lanes.InvalidRequest,),
            (of_bytes,),
        ),
        Subject(
            "lane response",
            told,
            lanes.decode_response,
            lanes.encode_response,
            (lanes.InvalidRequest,),
            (of_bytes,),
        ),
    ]


def _reframed(random: Any, samples: Any) -> bytes:
    """A frame with a damaged body whose length is right again."""
    data = random.choice(samples)
    body = of_bytes(random, (data[frames.PREFIX_BYTES :] or b"\0",))
    return (1 + len(body)).to_bytes(4) + data[4:5] + body


def _document_subjects() -> list[Subject]:
    ca = OrganisationCA.create("tax", NOW)
    signer = KeySigner(STANDARD, keccak(b"an organisation"))
    entry = Organisation("tax", signer.address, (ca.certificate,), frozenset({7, 9}))
    unsigned = draft("net", 3, 1, [entry], {"tax/tax-1": "10.0.0.1:30300"})
    config = NodeConfig(
        name="tax-1",
        org="tax",
        p2p=ListenConfig("127.0.0.1:1"),
        rpc=RpcConfig("127.0.0.1:2"),
        group=(GroupConfig("main"),),
        peer=(PeerConfig("market/market-1", "127.0.0.1:3"),),
    )
    return [
        Subject(
            "membership",
            [unsigned.signed(STANDARD, signer).encode()],
            decode_membership,
            lambda document: document.encode(),
            (InvalidMembership,),
            (of_json, of_bytes),
        ),
        Subject(
            "certificate in PEM",
            [encode_certificate(ca.certificate)],
            decode_certificate,
            encode_certificate,
            (InvalidNodeCertificate,),
            (of_bytes,),
            canonical=False,
        ),
        Subject(
            "certificate in DER",
            [_der(ca.certificate)],
            decode_der_certificate,
            _der,
            (InvalidNodeCertificate,),
            (of_bytes,),
            canonical=False,
        ),
        Subject(
            "revocation list",
            [ca.crl(NOW), _revoked(ca)],
            lambda data: read_crl(data, ca.certificate),
            None,
            (InvalidNodeCertificate,),
            (of_bytes,),
            canonical=False,
        ),
        Subject(
            "certificate request",
            [certificate_request("tax/tax-1", new_key())],
            read_request,
            None,
            (InvalidNodeCertificate,),
            (of_bytes,),
            canonical=False,
        ),
        Subject(
            "node.toml",
            [render_node_config(config).encode()],
            _through_file(lambda path: load_node_config(NodeFolder(path.parent)), "node.toml"),
            lambda config: render_node_config(config).encode(),
            (ConfigurationError,),
            (of_bytes,),
            canonical=False,
        ),
        Subject(
            "manifest",
            [find_manifest(name).read_bytes() for name in ("four-departments", "two-groups")],
            _through_file(load_manifest, "network.toml"),
            None,
            (CommandFailed,),
            (of_bytes,),
            canonical=False,
        ),
    ]


def _revoked(ca: OrganisationCA) -> bytes:
    other = OrganisationCA(ca.organisation, ca.certificate, ca._key)
    other.revoke([7, 1 << 150])
    return other.crl(NOW)


def _der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    encoded: bytes = certificate.public_bytes(Encoding.DER)
    return encoded


def _through_file(load: Callable[[Path], Any], name: str) -> Callable[[bytes], Any]:
    """A parser of a file as one of bytes."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")

    def decode(data: bytes, kept: Any = folder) -> Any:
        path = Path(kept.name) / name
        path.write_bytes(data)
        return load(path)

    return decode


def _read_journal(path: Path) -> bytes:
    """The file that the journal leaves of a file; another start leaves it alone."""
    _close(Journal(path))
    left = path.read_bytes()
    again = Journal(path)
    _close(again)
    if path.read_bytes() != left:
        raise Finding("a journal that was recovered is not left alone by the next start")
    return left


def _close(journal: Journal) -> None:
    journal._file.close()


def _log_subjects() -> list[Subject]:
    raws = raw_transactions()
    refusal = msgspec.json.encode(Refusal("NONCE_USED", "taken"))
    bodies = [b"a" + keccak(raw) + raw for raw in raws]
    bodies += [b"s" + keccak(raws[0]), b"r" + keccak(raws[1]) + refusal]
    journal = JOURNAL_HEAD + b"".join(map(checksummed, bodies))
    records = [encode_entry(entry) for entry in log_entries()]
    wal = b"".join(map(_wal_frame, (_WAL_HEAD, *records)))
    return [
        Subject(
            "journal",
            [journal, JOURNAL_HEAD],
            _through_file(_read_journal, "journal"),
            lambda left: left,
            (OSError,),
            (of_bytes, lambda r, _: JOURNAL_HEAD + framed(r, bodies, checksummed)),
            canonical=False,
        ),
        Subject(
            "write-ahead log",
            [wal],
            _recover,
            lambda records: b"".join(map(_wal_frame, (_WAL_HEAD, *records))),
            (LostLog,),
            (
                of_bytes,
                lambda r, _: _wal_frame(_WAL_HEAD) + framed(r, records, _wal_frame),
                partial(_grown, wal),
            ),
            canonical=False,
        ),
    ]


def _wal_frame(record: bytes) -> bytes:
    import zlib

    size = len(record).to_bytes(4)
    return size + zlib.crc32(size + record).to_bytes(4) + record


def _grown(wal: bytes, random: Any, _: Any) -> bytes:
    """Whole records and then a torn one."""
    return wal + of_bytes(random, (_wal_frame(b"torn"),))


def _recover(data: bytes) -> list[bytes]:
    """The records of a log of which only the head was synced for certain."""
    files = SimulatedFiles()
    WriteAheadLog.create(files, _WAL_HEAD).close()
    [name] = [name for name in files.names() if not name.endswith(".end")]
    files.truncate(name, 0)
    files.append(name, data)
    log, records = WriteAheadLog.recover(files, _WAL_HEAD)
    again, same = WriteAheadLog.recover(files, _WAL_HEAD)
    if same != records or again.size_bytes != log.size_bytes:
        raise Finding("a log that was recovered reads differently at the next start")
    return records


def subjects() -> list[Subject]:
    """All of them."""
    return [*_wire_subjects(), *_document_subjects(), *_log_subjects()]
