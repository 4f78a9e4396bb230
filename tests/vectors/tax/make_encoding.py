"""Prints encoding.json: the canonical encoding once more, from its description alone.

Run by hand when the description changes: python make_encoding.py > encoding.json
"""

import json

from Crypto.Hash import keccak

TYPES = ["resident", "passport", "hk_macao_permit", "taiwan_permit", "foreign_resident"]
CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"

IDENTITIES = [
    # GB 11643-1999's own example number, and spellings of it
    ("resident", "11010519491231002X", "11010519491231002X"),
    ("resident", "11010519491231002x", "11010519491231002X"),
    ("resident", " １１０１０５１９４９１２３１００２ｘ ", "11010519491231002X"),
    ("resident", "440524188001010014", "440524188001010014"),
    ("passport", "e12345678", "E12345678"),
    ("hk_macao_permit", "H1234567802", "H1234567802"),
    ("taiwan_permit", "12345678", "12345678"),
    ("foreign_resident", "911124198108030024", "911124198108030024"),
    ("organisation", "91350100m000100y43", "91350100M000100Y43"),
]
COMPANIES = ["91350100M000100Y43", "00000000000000000" + "0"]
DOCUMENTS = ["股权转让合同", "a"]


def identity_element(kind: str, number: str) -> int:
    tag = TYPES.index(kind) + 1 if kind in TYPES else 6
    hexadecimal = f"{tag:02x}{len(number):02x}" + "".join(f"{ord(c):02x}" for c in number)
    return int(hexadecimal.ljust(62, "0"), 16)


def company_element(code: str) -> int:
    return sum(CREDIT.index(c) * 31 ** (17 - place) for place, c in enumerate(code))


def document_element(text: str) -> int:
    digest = keccak.new(digest_bits=256, data=text.encode()).hexdigest()
    return int(digest[:62], 16)


print(
    json.dumps(
        {
            "identities": [
                {
                    "type": kind,
                    "written": written,
                    "canonical": number,
                    "element": str(identity_element(kind, number)),
                }
                for kind, written, number in IDENTITIES
            ],
            "companies": [{"code": c, "element": str(company_element(c))} for c in COMPANIES],
            "documents": [{"text": t, "element": str(document_element(t))} for t in DOCUMENTS],
        },
        ensure_ascii=False,
        indent=1,
    )
)
