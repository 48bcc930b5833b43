"""`mrq user`, `mrq token`: who may speak, and what about."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import asking, open_queue, print_json
from manual_resolution.errors import InvalidInput

if TYPE_CHECKING:
    from manual_resolution.store.people import Change, Person, Token

Name = Annotated[str, typer.Argument(metavar="NAME", help="Their name, as in the history.", show_default=False)]
Anybody = Annotated[str | None, typer.Argument(metavar="NAME", help="Whose; else everybody's.", show_default=False)]
Roles = Annotated[
    list[str],
    typer.Argument(metavar="ROLE", help="Such as viewer, or operator:quiz_orphaned.", show_default=False),
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def register(app: typer.Typer) -> None:
    """Add `mrq user` and `mrq token`."""
    users = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="People and their roles.")
    for name, command, *examples in (
        (
            "add",
            add,
            "mrq user add ada@example.com --role admin --role approver",
            "mrq user add cleanup --role service --no-password",
        ),
        ("list", list_, "mrq user list"),
        ("grant", grant, "mrq user grant bob@example.com operator:blacklist_disputed"),
        ("revoke", revoke, "mrq user revoke bob@example.com approver"),
        ("password", password, "mrq user password bob@example.com"),
        ("disable", disable, "mrq user disable bob@example.com"),
        ("enable", enable, "mrq user enable bob@example.com"),
        ("link", link, "mrq user link bob@example.com"),
        ("history", history, "mrq user history bob@example.com"),
    ):
        users.command(name, epilog=given.example(*examples))(command)
    app.add_typer(users, name="user", rich_help_panel=given.LOOKING_AFTER)
    tokens = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Tokens that programs speak with.")
    made = given.example("mrq token add cleanup --scope service --label 'nightly cleanup' --days 30")
    tokens.command("add", epilog=made)(add_token)
    tokens.command("list", epilog=given.example("mrq token list cleanup"))(list_tokens)
    tokens.command("revoke", epilog=given.example("mrq token revoke 7"))(revoke_token)
    app.add_typer(tokens, name="token", rich_help_panel=given.LOOKING_AFTER)


# ------------------------------------------------------------------ people


def add(
    name: Name,
    role: Annotated[
        list[str],
        typer.Option(metavar="ROLE", help="viewer, operator, approver, admin or service; may be repeated."),
    ],
    from_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Nobody signs in as them.")] = False,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Add a person. The first one must be an admin; from then on a name in the terminal is looked up."""
    from manual_resolution.permission import Grants

    Grants.of(*role)
    typed = None if no_password and not from_stdin else typed_password(name, from_stdin)
    with closing(open_queue()) as queue:
        first = not queue.people.are_kept()
        found = queue.people.add(asking(as_), name, role, typed)
    print_person(found, as_json, f"{found.name} is added: {', '.join(found.roles)}.")
    if first:
        print(
            "From now on only people who are added here may speak: scripts that run `mrq` need a name that is.",
            file=sys.stderr,
        )


def list_(as_: given.As = None, as_json: given.Json = False) -> None:
    """List people and their roles."""
    with closing(open_queue()) as queue:
        found = queue.people.everybody(asking(as_))
    if as_json:
        print_json([one.as_json() for one in found])
    elif found:
        print("\n".join(person_lines(found)))
    else:
        print("Nobody is kept: whoever has the database may do everything. `mrq user add NAME --role admin` begins.")


def grant(name: Name, roles: Roles, as_: given.As = None, as_json: given.Json = False) -> None:
    """Give somebody roles."""
    with closing(open_queue()) as queue:
        found = queue.people.grant(asking(as_), name, *roles)
    print_person(found, as_json, f"{found.name} has {', '.join(found.roles)} now.")


def revoke(name: Name, roles: Roles, as_: given.As = None, as_json: given.Json = False) -> None:
    """Take roles from somebody. The last admin stays one."""
    with closing(open_queue()) as queue:
        found = queue.people.revoke(asking(as_), name, *roles)
    print_person(found, as_json, f"{found.name} has {', '.join(found.roles) or 'no role'} now.")


def password(name: Name, from_stdin: FromStdin = False, as_: given.As = None, as_json: given.Json = False) -> None:
    """Set a password, typed hidden and twice. Every session of theirs ends."""
    typed = typed_password(name, from_stdin)
    with closing(open_queue()) as queue:
        found = queue.people.set_password(asking(as_), name, typed)
    print_person(found, as_json, f"{found.name} has a new password; every session of theirs has ended.")


def disable(name: Name, as_: given.As = None, as_json: given.Json = False) -> None:
    """Let somebody in no more. Their sessions and tokens end at once; what they did stays theirs."""
    with closing(open_queue()) as queue:
        found = queue.people.disable(asking(as_), name)
    print_person(found, as_json, f"{found.name} is disabled: no session and no token of theirs is left.")


def enable(name: Name, as_: given.As = None, as_json: given.Json = False) -> None:
    """Let somebody in again. Their old sessions and tokens stay ended."""
    with closing(open_queue()) as queue:
        found = queue.people.enable(asking(as_), name)
    print_person(found, as_json, f"{found.name} may speak again: {', '.join(found.roles) or 'no role'}.")


def link(name: Name, as_: given.As = None, as_json: given.Json = False) -> None:
    """Print a one-time link that signs somebody in within five minutes. It proves no more than a terminal does."""
    with closing(open_queue()) as queue:
        token = queue.people.link(asking(as_), name)
        base = (queue.settings.console_url or "http://127.0.0.1:8787").rstrip("/")
    address = f"{base}/?token={token}"
    print_json({"link": address}) if as_json else print(address)


def history(
    name: Anybody = None,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many, 1 to 1000.", min=1, max=1000)] = 100,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Show what changed about people and tokens, the latest first."""
    with closing(open_queue()) as queue:
        found = queue.people.history(asking(as_), name, limit)
    if as_json:
        print_json([one.as_json() for one in found])
    else:
        print("\n".join(change_lines(found)) if found else "Nothing is on record.")


# ------------------------------------------------------------------ tokens


def add_token(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(metavar="ROLE", help="What it may do: a role they have, or a lesser one; may be repeated."),
    ],
    label: Annotated[str, given.option("--label", metavar="TEXT", help="What it is for.")] = "token",
    days: Annotated[int, typer.Option(metavar="N", min=1, max=90, help="How long it lasts.")] = 90,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Make a token and print it, this once."""
    from manual_resolution.inert import inert
    from manual_resolution.worded import instant_text

    with closing(open_queue()) as queue:
        found, text = queue.people.add_token(asking(as_), name, label, scope, days)
    if as_json:
        print_json(found.as_json() | {"token": text})
        return
    print(text)
    until = instant_text(found.expires_at)
    told = f"Token {found.id} of {found.person} for {', '.join(found.scopes)}, until {until}."
    print(f"{inert(told)} It is not shown again.", file=sys.stderr)


def list_tokens(name: Anybody = None, as_: given.As = None, as_json: given.Json = False) -> None:
    """List tokens, without their secrets. The newest comes first."""
    with closing(open_queue()) as queue:
        found = queue.people.tokens(asking(as_), name)
    if as_json:
        print_json([one.as_json() for one in found])
    else:
        print("\n".join(token_lines(found)) if found else "There are no tokens: `mrq token add` makes one.")


def revoke_token(
    number: Annotated[str, typer.Argument(metavar="N", help="The token's number.", show_default=False)],
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """End a token at once."""
    from manual_resolution.intake import item_id

    wanted = item_id(number, "token")
    with closing(open_queue()) as queue:
        found = queue.people.revoke_token(asking(as_), wanted)
    print_json(found.as_json()) if as_json else print(f"Token {wanted} has ended.")


# ------------------------------------------------------------------ reading and showing


def typed_password(name: str, from_stdin: bool) -> str:
    """A password from standard input, or typed hidden and twice. It is never shown and stands in no history."""
    if from_stdin:
        return sys.stdin.readline(2000).rstrip("\r\n")
    if not (sys.stdin and sys.stdin.isatty()):
        raise InvalidInput("password", None, "typed at a terminal, or --password-stdin, or --no-password")
    from getpass import getpass

    from manual_resolution.inert import inert

    first = getpass(f"Password for {inert(name)} (12 characters or more): ")
    if getpass("The same again: ") != first:
        raise InvalidInput("password", "(hidden)", "typed the same twice")
    return first


def print_person(person: "Person", as_json: bool, sentence: str) -> None:
    """A person as JSON, or the sentence about them."""
    from manual_resolution.cli.terminal import say

    print_json(person.as_json()) if as_json else say(sentence)


def person_lines(people: "Sequence[Person]") -> Iterator[str]:
    """A line each."""
    from manual_resolution.inert import inert

    width = max(len(inert(one.name)) for one in people)
    for one in people:
        notes = [*(["disabled"] if one.disabled_at else []), *([] if one.has_password else ["no password"])]
        told = f"  ({', '.join(notes)})" if notes else ""
        yield f"{inert(one.name):<{width}}  {', '.join(one.roles) or 'no role'}{told}"


def token_lines(tokens: "Sequence[Token]") -> Iterator[str]:
    """A line each."""
    from manual_resolution.inert import inert
    from manual_resolution.worded import instant_text

    for one in tokens:
        state = f"until {instant_text(one.expires_at)}" if one.is_live else "has ended"
        used = f"used {instant_text(one.used_at)}" if one.used_at else "never used"
        yield inert(f"{one.id}  {one.person}  {one.label}: {', '.join(one.scopes)}  ({state}, {used})")


def change_lines(changes: "Sequence[Change]") -> Iterator[str]:
    """A line each: when, who, what, about whom."""
    from manual_resolution.inert import inert
    from manual_resolution.worded import instant_text

    for one in changes:
        yield inert(f"{instant_text(one.at)}  {one.actor} ({one.via}): {one.verb} {one.person}{facts(one.data)}")


def facts(data: dict[str, Any]) -> str:
    """What else is known of a change: `, role viewer`."""
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in data.items()}
    return "".join(f", {name.replace('_', ' ')} {value}" for name, value in shown.items())
