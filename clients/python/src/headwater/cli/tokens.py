"""`headwater token create|list|revoke`."""

import click

from headwater.cli import output
from headwater.cli.period import Period
from headwater.client.http import API, connect, segment

ROLES = ("viewer", "runner", "editor", "promoter", "admin")


@click.group()
def token() -> None:
    """Create, list and revoke access tokens."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="runner", show_default=True, help="What it may do.")
@click.option("--project", default="", help='The only project it is good for. Default: yours; "*": all.')
@click.option("--expires", type=Period(), default=None, help="e.g. 12h or 90d.  [default: 90d]")
@output.json_option
def create(name: str, role: str, project: str, expires: int | None, as_json: bool) -> None:
    """Make a token. It is shown once."""
    conn = connect()
    body = {"name": name, "role": role, "project": project or conn.project}
    if expires:
        body["expiresIn"] = f"{expires}s"
    made = conn.call("POST", f"{API}/tokens", body)
    if as_json:
        output.print_json(made)
        return
    click.echo(made["secret"])
    info = made.get("token", {})
    until = output.when(info.get("expiresAt"))
    text = f"Token {info.get('tokenId', '')}: {role} of project {info.get('project', '')} until {until}."
    click.echo(f"{text} It is not shown again.", err=True)


@token.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List tokens, without their secrets."""
    found = list(connect().pages(f"{API}/tokens", "tokens"))
    if as_json:
        output.print_json(found)
        return
    rows = (
        (
            each.get("tokenId", ""),
            each.get("name", ""),
            each.get("role", ""),
            each.get("project", ""),
            output.when(each.get("expiresAt")),
            output.when(each.get("lastUsedAt")),
            "revoked" if each.get("revoked") else "",
        )
        for each in found
    )
    output.table(("TOKEN", "NAME", "ROLE", "PROJECT", "EXPIRES", "LAST USED", ""), rows, empty="No tokens.")


@token.command()
@click.argument("token_id", metavar="TOKEN")
@output.json_option
def revoke(token_id: str, as_json: bool) -> None:
    """Make a token useless, by its id."""
    connect().call("DELETE", f"{API}/tokens/{segment(token_id)}")
    output.print_json({"tokenId": token_id, "revoked": True}) if as_json else click.echo(
        f"Token {token_id} is revoked."
    )
