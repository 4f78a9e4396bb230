"""`quorate zk powers`: phase 1 of a set-up, in `.ptau` files that snarkjs reads and writes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failure import CommandFailed
from cli.output import JsonOption, emit
from cli.progress import Spoken
from cli.result_file import write_result
from cli.zk_circuits import read
from zkp.phase1.contribute import apply_beacon, contribute, first_powers
from zkp.phase1.prepare import prepare
from zkp.phase1.verify import verify_powers
from zkp.snarkjs.contributions import BEACON_BYTES_MAX, NAME_CHARS_MAX, Beacon
from zkp.snarkjs.ptau import POWER_MAX, POWER_MIN, PowersOfTau, decode_ptau, encode_ptau
from zkp.snarkjs.randomness import BEACON_EXPONENT_MAX, BEACON_EXPONENT_MIN
from zkp.work import Work

app = typer.Typer(help="Phase 1: powers of tau, .ptau files. 通用初始化（第一阶段）。")

OldPowers = Annotated[Path, typer.Argument(metavar="PTAU", help="The .ptau file.")]
NewPowers = Annotated[Path, typer.Option("--out", help="The .ptau file to write.")]
Name = Annotated[str | None, typer.Option("--name", help="What the file calls the contribution.")]


@app.command()
def new(
    power: Annotated[
        int, typer.Option(min=POWER_MIN, max=POWER_MAX, help="For circuits of up to 2^POWER rows.")
    ],
    out: NewPowers,
    as_json: JsonOption = False,
) -> None:
    """Begin: powers that nobody has contributed to. 新建。"""
    _write(first_powers(power), out, as_json)


@app.command("contribute")
def contribute_(
    ptau: OldPowers,
    out: NewPowers,
    name: Name = None,
    entropy: Annotated[
        str, typer.Option(help="Mixed into the system's randomness; need not be secret.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Multiply secrets in that this process forgets. 贡献随机性。"""
    made = contribute(
        decode_ptau(read(ptau)),
        name=_name(name),
        entropy=entropy,
        work=Work(progress=Spoken().parts),
    )
    _write(made, out, as_json)


@app.command()
def beacon(
    ptau: OldPowers,
    out: NewPowers,
    value: Annotated[str, typer.Option(help="The beacon's public value, hexadecimal.")],
    exponent: Annotated[
        int,
        typer.Option(
            min=BEACON_EXPONENT_MIN, max=BEACON_EXPONENT_MAX, help="It is hashed 2^EXPONENT times."
        ),
    ] = BEACON_EXPONENT_MIN,
    name: Name = None,
    as_json: JsonOption = False,
) -> None:
    """Multiply in what a public beacon gives; anybody can repeat it. 应用公共信标。"""
    try:
        raw = bytes.fromhex(value.removeprefix("0x"))
    except ValueError:
        raise CommandFailed("--value: expected hexadecimal digits, two a byte") from None
    if not 0 < len(raw) <= BEACON_BYTES_MAX:
        raise CommandFailed(f"--value: expected 1 to {BEACON_BYTES_MAX} bytes, got {len(raw)}")
    work = Work(progress=Spoken().parts)
    beacon_value = Beacon(raw, exponent)
    _write(
        apply_beacon(decode_ptau(read(ptau)), beacon_value, name=_name(name), work=work),
        out,
        as_json,
    )


@app.command("prepare")
def prepare_(ptau: OldPowers, out: NewPowers, as_json: JsonOption = False) -> None:
    """Compute what phase 2 takes from the powers. 为第二阶段准备。"""
    _write(prepare(decode_ptau(read(ptau)), Work(progress=Spoken().parts)), out, as_json)


@app.command()
def verify(ptau: OldPowers, as_json: JsonOption = False) -> None:
    """Check powers and contributions: exit code 0 if all fit. 验证。"""
    powers = decode_ptau(read(ptau))
    verify_powers(powers, Work(progress=Spoken().parts))
    value = _describe(powers)
    emit({"valid": True, **value}, as_json, lambda: f"valid: {_words(powers)}")


def _name(name: str | None) -> str | None:
    if name is not None and len(name) > NAME_CHARS_MAX:
        raise CommandFailed(f"--name: expected at most {NAME_CHARS_MAX} characters")
    # snarkjs keeps no empty names.
    return name or None


def _write(powers: PowersOfTau, out: Path, as_json: bool) -> None:
    write_result(out, encode_ptau(powers))
    value = {"ptau": str(out), **_describe(powers)}
    emit(value, as_json, lambda: f"{_words(powers)}: {out}")


def _describe(powers: PowersOfTau) -> dict[str, Any]:
    return {
        "power": powers.power,
        "ceremony_power": powers.ceremony_power,
        "prepared": powers.lagrange is not None,
        "contributions": [
            {
                "name": made.note.name,
                "kind": made.note.kind.name.lower(),
                "beacon": made.note.beacon and made.note.beacon.value.hex(),
                "next_challenge": made.next_challenge.hex(),
            }
            for made in powers.contributions
        ],
    }


def _words(powers: PowersOfTau) -> str:
    prepared = "prepared" if powers.lagrange is not None else "not prepared"
    return f"2^{powers.power} powers, {len(powers.contributions)} contributions, {prepared}"
