"""The `quorate group` commands: found a group, sign, join, leave, and list what a node carries."""

import typer

from cli.group import carried, founding, listing, shown, taking_part

app = typer.Typer(help="Groups, ledgers of their own on one network. 群组。")

app.command()(founding.create)
app.command()(founding.sign)
app.command()(founding.key)
app.command()(listing.admit)
app.command()(listing.dismiss)
app.command()(taking_part.join)
app.command()(taking_part.leave)
app.command("list")(carried.list_)
app.command()(shown.show)
