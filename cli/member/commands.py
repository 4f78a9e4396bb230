"""The `quorate member` commands, each organisation's part on its own machine."""

import typer

from cli.member import certificates, document
from cli.member.show import show

app = typer.Typer(help="Organisations and their certificates. 成员机构与证书。")

app.command()(certificates.create)
app.command()(show)
app.command()(certificates.request)
app.command()(certificates.issue)
app.command()(certificates.install)
app.command()(certificates.revoke)
app.command()(document.change)
app.command()(document.sign)
app.command()(document.publish)
