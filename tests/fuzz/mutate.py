"""Damage to valid bytes, drawn from a seeded generator: of bytes, of RLP trees, of JSON trees.

Structured damage keeps the form and changes the contents, so that it gets past a parser's first
check; plain damage breaks the form.
"""

import json
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from ledger.codec import InvalidEncoding, decode, encode

Mutation = Callable[[Random, Sequence[bytes]], bytes]

_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**16 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_SIZES = (1, 2, 4, 8, 32)
_INSERTED_MAX = 70
_RLP_BYTES_MAX = 1 << 24
_DEPTH_MAX = 20


def of_bytes(random: Random, samples: Sequence[bytes]) -> bytes:
    """A sample with some bytes changed, cut, doubled, or mixed with another; or mere chance."""
    if random.random() < 0.05:
        return random.randbytes(random.randrange(200))
    data = bytearray(random.choice(samples))
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        _damage(random, data, samples)
    return bytes(data)


def _damage(random: Random, data: bytearray, samples: Sequence[bytes]) -> None:
    place = random.randrange(len(data) + 1)
    end = min(len(data), place + random.choice((1, 4, 32, random.randrange(1, 2 + len(data)))))
    kind = random.randrange(8)
    if kind == 0:
        del data[place:end]
    elif kind == 1:
        data[place:place] = random.randbytes(random.randrange(_INSERTED_MAX))
    elif kind == 2:
        data[place:place] = data[place:end]
    elif kind == 3:
        other = random.choice(samples)
        data[place:] = other[random.randrange(len(other) + 1) :]
    elif kind == 4:
        size = random.choice(_SIZES)
        number = random.choice(_NUMBERS) % (1 << 8 * size)
        data[place : place + size] = number.to_bytes(size, random.choice(("big", "little")))
    elif kind == 5 and place < len(data):
        data[place] = random.choice((0, 1, 0x7F, 0x80, 0xB8, 0xC0, 0xF8, 0xFF))
    elif place < len(data):
        data[place] ^= 1 << random.randrange(8)


def of_rlp(random: Random, samples: Sequence[bytes]) -> bytes:
    """A sample whose tree was changed and encoded again; strings that are RLP are trees, too."""
    data = random.choice(samples)
    for _ in range(random.choice((1, 1, 2, 4))):
        data = _changed_rlp(random, data, 0)
    return of_bytes(random, (data,)) if random.random() < 0.2 else data


def typed_rlp(random: Random, samples: Sequence[bytes]) -> bytes:
    """As `of_rlp`, for samples that have one byte before their tree unless they are lists."""
    data = random.choice(samples)
    start = 0 if data[0] >= 0xC0 else 1
    return data[:start] + of_rlp(random, (data[start:],))


def _changed_rlp(random: Random, data: bytes, depth: int) -> bytes:
    try:
        tree = decode(data, bytes_max=_RLP_BYTES_MAX)
    except InvalidEncoding:
        return of_bytes(random, (data,))
    return encode(_changed_item(random, tree, depth))


def _changed_item(random: Random, item: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        return item
    if isinstance(item, bytes):
        nested = len(item) > 1 and item[0] >= 0xC0 and random.random() < 0.8
        return _changed_rlp(random, item, depth + 1) if nested else _other_string(random, item)
    if not item or random.random() < 0.15:
        return random.choice((b"", [], [item], [*item, b""], [*item, item[0] if item else b"\1"]))
    place = random.randrange(len(item))
    if random.random() < 0.2:
        other = random.choice(item)
        kept = [*item[:place], *item[place + 1 :]]
        return random.choice((kept, [*item, other], [*item[:place], other, *item[place + 1 :]]))
    return [*item[:place], _changed_item(random, item[place], depth + 1), *item[place + 1 :]]


def _other_string(random: Random, item: bytes) -> Any:
    number = random.choice(_NUMBERS)
    choices = (
        b"",
        [],
        [item],
        item[:-1],
        item + b"\0",
        b"\0" + item,
        number.to_bytes((number.bit_length() + 7) // 8),
        random.randbytes(len(item)),
        random.randbytes(random.choice((1, 20, 32, 33, 65, 256))),
    )
    return random.choice(choices)


def of_json(random: Random, samples: Sequence[bytes]) -> bytes:
    """A sample with a value, a key or a list of it changed; sometimes damaged as text besides."""
    tree = json.loads(random.choice(samples))
    for _ in range(random.choice((1, 1, 2, 4))):
        tree = _changed_value(random, tree)
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return of_bytes(random, (text,)) if random.random() < 0.3 else text


def _changed_value(random: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.1:
            return {other: kept for other, kept in value.items() if other != key}
        if random.random() < 0.1:
            return {**value, random.choice(("", "x", key + "0")): value[key]}
        return {**value, key: _changed_value(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(len(value))
        changed = _changed_value(random, value[place])
        return random.choice(
            (
                [*value[:place], changed, *value[place + 1 :]],
                [*value[:place], *value[place + 1 :]],
                [*value, value[place]],
            )
        )
    if isinstance(value, str) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        middle = random.choice(("", "0", "g", "\0", "é", "Z", "9" * 90, value))
        return value[:place] + middle + value[place + random.randrange(2) :]
    return random.choice((None, True, 0, -1, 1.5, 2**53, 2**64, 10**40, "", "0x", "0x0", [], {}))


def framed(random: Random, samples: Sequence[bytes], frame: Callable[[bytes], bytes]) -> bytes:
    """Records, some of them damaged, in whole frames: what only a writer's bug leaves."""
    bodies = [
        of_bytes(random, samples) if random.random() < 0.5 else random.choice(samples)
        for _ in range(random.randrange(6))
    ]
    return b"".join(map(frame, bodies))


def checksummed(body: bytes) -> bytes:
    """A frame of a length, a CRC-32 of the body, and the body."""
    return len(body).to_bytes(4) + zlib.crc32(body).to_bytes(4) + body
