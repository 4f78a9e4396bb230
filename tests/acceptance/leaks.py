"""Searches material for secrets in every form in which a machine or a person might write them.

A secret is an integer or a text; its forms are decimal numbers at token borders, money, bytes in
both orders (hence words of the ABI, aligned or not), hexadecimal, field elements as provers keep
them, several character sets, escapes, and plain digests. Tokens of base64 are decoded first.
"""

import base64
import binascii
import hashlib
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.values import keccak
from zkp.field import R

# Shorter byte strings would be found by chance in some megabytes of hashes and signatures.
NUMBER_BYTES_MIN = 6
TEXT_BYTES_MIN = 6
_MONTGOMERY = 1 << 256
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_DIGITS = frozenset(b"0123456789")


@dataclass(frozen=True)
class Secret:
    """One value that nobody else may learn; `kind` is `amount`, `identity`, `name`, `salt`, …"""

    name: str
    kind: str
    value: int | str


@dataclass(frozen=True)
class Form:
    """One way to write a secret. `is_number`: no digit may stand before or behind it.

    `is_hex`: compared without regard to case.
    """

    secret: Secret
    name: str
    pattern: bytes
    is_number: bool = False
    is_hex: bool = False


@dataclass(frozen=True)
class Material:
    """Something to search: whose it is, of which kind, where it was found."""

    node: str
    kind: str
    place: str
    data: bytes


@dataclass(frozen=True)
class Finding:
    """A secret in some material."""

    form: Form
    material: Material

    def __str__(self) -> str:
        found = self.material
        secret = self.form.secret
        return f"{secret.name} ({self.form.name}) in {found.node} {found.kind} {found.place}"


def forms_of(secret: Secret) -> list[Form]:
    """Every form of a secret, each pattern once."""
    made = _number_forms(secret) if isinstance(secret.value, int) else _text_forms(secret)
    return list({(form.pattern, form.is_hex): form for form in made}.values())


def _number_forms(secret: Secret) -> Iterator[Form]:
    value = secret.value
    assert isinstance(value, int)
    yield Form(secret, "decimal", str(value).encode(), is_number=True)
    yield Form(secret, "decimal in hex", str(value).encode().hex().encode(), is_hex=True)
    if secret.kind == "amount":
        whole, cents = divmod(value, 100)
        for name, text in (
            ("fen in groups", f"{value:,}"),
            ("yuan", f"{whole}.{cents:02d}"),
            ("yuan in groups", f"{whole:,}.{cents:02d}"),
        ):
            yield Form(secret, name, text.encode(), is_number=True)
    yield from _integer_bytes(secret, "", value)
    yield from _integer_bytes(secret, "Montgomery ", value * _MONTGOMERY % R)


def _integer_bytes(secret: Secret, prefix: str, value: int) -> Iterator[Form]:
    data = value.to_bytes((value.bit_length() + 7) // 8)
    assert len(data) >= NUMBER_BYTES_MIN, f"{secret.name} is too small to be searched for"
    yield Form(secret, prefix + "big-endian", data)
    yield Form(secret, prefix + "little-endian", data[::-1])
    # Without a leading zero digit: a quantity, and the end of any padded word.
    yield Form(secret, prefix + "hexadecimal", f"{value:x}".encode(), is_hex=True)
    yield Form(secret, prefix + "hexadecimal, reversed", data[::-1].hex().encode(), is_hex=True)


def _text_forms(secret: Secret) -> Iterator[Form]:
    text = secret.value
    assert isinstance(text, str)
    octets = {
        charset: text.encode(charset) for charset in ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    }
    assert len(octets["utf-8"]) >= TEXT_BYTES_MIN, f"{secret.name} is too short to be searched for"
    for charset, data in octets.items():
        yield Form(secret, charset, data)
        yield Form(secret, charset + " in hex", data.hex().encode(), is_hex=True)
        yield Form(secret, charset + " reversed in hex", data[::-1].hex().encode(), is_hex=True)
    yield Form(secret, "JSON escapes", json.dumps(text)[1:-1].lower().encode(), is_hex=True)
    yield Form(secret, "percent escapes", urllib.parse.quote(text).lower().encode(), is_hex=True)
    for name, digest in (
        ("keccak", keccak(octets["utf-8"])),
        ("sha256", hashlib.sha256(octets["utf-8"]).digest()),
        ("sha3", hashlib.sha3_256(octets["utf-8"]).digest()),
    ):
        yield Form(secret, name, digest)
        yield Form(secret, name + " in hex", digest.hex().encode(), is_hex=True)


def search(materials: Iterable[Material], forms: Iterable[Form]) -> list[Finding]:
    """Every form of every secret in every material; equal data is searched once."""
    wanted = list(forms)
    seen: dict[bytes, list[Form]] = {}
    findings = []
    for material in materials:
        digest = hashlib.blake2b(material.data).digest()
        if digest not in seen:
            seen[digest] = _forms_in(material.data, wanted)
        findings += [Finding(form, material) for form in seen[digest]]
    return findings


def _forms_in(data: bytes, forms: list[Form]) -> list[Form]:
    whole = b"\n".join([data, *_decoded(data)])
    lower = whole.lower()
    return [form for form in forms if _stands_in(form, lower if form.is_hex else whole)]


def _stands_in(form: Form, data: bytes) -> bool:
    at = data.find(form.pattern)
    while at >= 0:
        if not form.is_number or _is_token(data, at, at + len(form.pattern)):
            return True
        at = data.find(form.pattern, at + 1)
    return False


def _is_token(data: bytes, start: int, end: int) -> bool:
    before = data[start - 1] if start else None
    behind = data[end] if end < len(data) else None
    return before not in _DIGITS and behind not in _DIGITS


def _decoded(data: bytes) -> Iterator[bytes]:
    """What the tokens of base64 in it stand for."""
    for match in _BASE64.finditer(data):
        token = match[0].translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        try:
            yield base64.b64decode(token + b"=" * (-len(token) % 4))
        except binascii.Error:
            continue
