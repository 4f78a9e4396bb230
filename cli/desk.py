"""The `quorate desk` commands: an organisation's private files under a key or a passphrase.

A desk's folder is `DIR/desks/ORGANISATION` in a local network, and alone on its own machine.
"""

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failure import CommandFailed
from cli.new_file import check_new
from cli.output import JsonOption, emit_fields
from workflows.workspace import read_secret, write_private
from workflows.workspace_seal import (
    KEY_BYTES,
    PASSPHRASE_FILE_VARIABLE,
    Secret,
    key_file_secret,
    passphrase_in,
    passphrase_secret,
)
from workflows.workspace_sealing import reseal_workspace, seal_workspace, unseal_workspace

app = typer.Typer(help="An organisation's private files, encrypted. 部门私有文件加密。")

DONE = "Done 已完成"

FolderArgument = Annotated[Path, typer.Argument(metavar="DESK_DIR", help="The desk's folder.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key-file", help="A file with the key; made if it is not there.")
]
PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file of mode 600 with a passphrase.")
]


@app.command()
def seal(
    folder: FolderArgument,
    key_file: KeyOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt openings, declarations, details and the envelope key. 加密。"""
    secret = _secret(folder, key_file, passphrase_file)
    if secret is None:
        raise typer.BadParameter("give --key-file or --passphrase-file")
    emit_fields(DONE, {"sealed": seal_workspace(folder, secret), **_where(secret)}, as_json)


@app.command()
def unseal(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Take the encryption off again. 解密。"""
    emit_fields(DONE, {"unsealed": unseal_workspace(folder)}, as_json)


@app.command()
def rotate(
    folder: FolderArgument,
    key_file: KeyOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt all anew, under another key or passphrase if one is given. 更换密钥。"""
    secret = _secret(folder, key_file, passphrase_file)
    count = reseal_workspace(folder, secret)
    where = {} if secret is None else _where(secret)
    emit_fields(DONE, {"sealed": count, **where}, as_json)


@app.command()
def reveal(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sealed file of the desk.")],
    out: Annotated[Path, typer.Option("--out", help="A file that is not there yet; mode 600.")],
    as_json: JsonOption = False,
) -> None:
    """Write a sealed file in clear, to hand an opening over. 解封单个文件。"""
    check_new(out)
    data = read_secret(file)
    write_private(out, data)
    emit_fields(DONE, {"written": str(out), "bytes": len(data)}, as_json)


def _secret(folder: Path, key_file: Path | None, passphrase_file: Path | None) -> Secret | None:
    if key_file is not None and passphrase_file is not None:
        raise typer.BadParameter("give --key-file or --passphrase-file, not both")
    if passphrase_file is not None:
        return passphrase_secret(passphrase_in(passphrase_file))
    if key_file is None:
        return None
    if key_file.absolute().is_relative_to(folder.absolute()):
        raise CommandFailed(f"{key_file}: a key in the folder that it locks protects nothing")
    if not key_file.exists():
        write_private(key_file, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
    return key_file_secret(key_file)


def _where(secret: Secret) -> dict[str, Any]:
    """How the desk is opened from now on."""
    if "key_file" in secret.description:
        return {"key_file": secret.description["key_file"]}
    return {"set": PASSPHRASE_FILE_VARIABLE}
