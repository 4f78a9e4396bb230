"""What an officer asks with: a file that holds no secret, signed by the account that asks.

It travels from the officer to the organisation's administrator and its CA. The signature shows
that whoever wrote it holds the account's key, and binds the certificate request to the account.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from cli.failure import CommandFailed
from cli.result_file import write_result
from contracts.roles import InvalidRole, role_named
from ledger.bounded_file import read_bounded
from ledger.suite import STANDARD, InvalidSignature, KeySigner
from ledger.values import (
    Hash32,
    InvalidValue,
    address_from_hex,
    checksum_address,
    from_hex,
    keccak,
    to_hex,
)
from node.config import NAME_LENGTH_MAX, is_name

FORMAT = 1
REQUEST_BYTES_MAX = 16 * 1024
CSR_LENGTH_MAX = 8 * 1024
_TAG = b"quorate/account-request/1"
_Name = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]


class InvalidRequest(CommandFailed):
    """A request that cannot be followed; the message says what to do."""


class AccountRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is a pseudonym; `certificate_request` is PKCS #10 in PEM, empty for none;
    `signature` is the account's over all other fields."""

    format: int
    organisation: _Name
    name: _Name
    role: Annotated[str, msgspec.Meta(max_length=32)]
    address: Annotated[str, msgspec.Meta(max_length=42)]
    certificate_request: Annotated[str, msgspec.Meta(max_length=CSR_LENGTH_MAX)] = ""
    signature: Annotated[str, msgspec.Meta(max_length=132)] = ""

    @property
    def digest(self) -> Hash32:
        """What the account signs."""
        unsigned = msgspec.structs.replace(self, signature="")
        return keccak(_TAG + b"\0" + msgspec.json.encode(unsigned))


def signed_request(private_key: bytes, **fields: str) -> AccountRequest:
    """A request with the account's address and signature. Raises InvalidRequest."""
    signer = KeySigner(STANDARD, private_key)
    address = checksum_address(signer.address)
    plain = AccountRequest(format=FORMAT, address=address, **fields)
    signature = to_hex(signer.sign(plain.digest))
    return checked(msgspec.structs.replace(plain, signature=signature))


def save_request(path: Path, request: AccountRequest) -> None:
    """Write it. Raises OSError."""
    write_result(path, msgspec.json.format(msgspec.json.encode(request)) + b"\n")


def load_request(path: Path) -> AccountRequest:
    """Read and check a request. Raises InvalidRequest."""
    try:
        data = read_bounded(path, REQUEST_BYTES_MAX, InvalidRequest)
    except OSError as error:
        raise InvalidRequest(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return decode_request(data)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path}: {error}") from error


def decode_request(data: bytes) -> AccountRequest:
    """A request from its bytes, checked with its signature. Raises InvalidRequest."""
    if len(data) > REQUEST_BYTES_MAX:
        raise InvalidRequest(f"expected at most {REQUEST_BYTES_MAX} bytes: this is no request")
    try:
        return checked(msgspec.json.decode(data, type=AccountRequest))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"expected an account request, got another form ({error}): "
            "make it with: quorate account request"
        ) from error


def checked(request: AccountRequest) -> AccountRequest:
    """The request itself, or InvalidRequest."""
    if request.format != FORMAT:
        raise InvalidRequest(f"expected format {FORMAT}, got {request.format}")
    for name in (request.organisation, request.name):
        if not is_name(name):
            raise InvalidRequest(f"expected a name of a-z, 0-9 and inner . _ -, got {name!r}")
    try:
        role_named(request.role)
        address = address_from_hex(request.address)
        signer = STANDARD.recover(request.digest, from_hex(request.signature))
    except (InvalidRole, InvalidValue, InvalidSignature) as error:
        raise InvalidRequest(str(error)) from error
    if signer != address:
        raise InvalidRequest(
            f"expected the signature of {request.address}, got another's: the file was changed, or "
            "whoever wrote it does not hold that account's key"
        )
    return request
