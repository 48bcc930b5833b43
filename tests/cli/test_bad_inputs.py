"""Whatever is typed, pasted or put into a file: a sentence, an exit code; never a traceback nor a live control."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.commands import COMMAND

#: Each command once, as somebody would type it; what stands in <> is tried with everything below.
TYPED: Final = """
resolve <1> --option <send> -m <because> --set <house=1> --override
resolve <1> --option <burn> -m <because>
confirm <1> --done -m <because>
approve <1> -m <because> --proposal <1> --as <bob@example.com>
deny <1> -m <because> --as <bob@example.com>
approvals
next --type <parcel_stuck> --priority <low> --resource <parcel:1> --team <support> --as <bob@example.com>
next --wait <1s>
claim <1> --as <bob@example.com>
extend <1>
release <1> -m <because>
hand-over <1> --to <bob@example.com> -m <because>
take-over <1> -m <because>
decline <1> -m <because>
defer <1> -m <because> --for <1h>
defer <1> -m <because> --until <2030-01-01T00:00:00Z>
escalate <1> -m <because> --to <support>
priority <1> <high> -m <because>
place <1> --before <2> -m <because> --for <24h>
place <1> --after <2> -m <because> --as <bob@example.com>
place <1> --first -m <because>
place <1> --by-deadline
note <1> <because>
amend <1> -m <because> --set <place=here>
amend <1> -m <because> --context <{"place":"here"}>
amend <1> -m <because> --context-file <file>
reopen <1> -m <because>
list --type <parcel_stuck> --priority <low> --resource <parcel:1> --team <support> --status <pending> --limit <10>
list --owner <alice@example.com> --text <because> --age <3d> --held <deferred> --field <place=shelf> --overdue
list --after <WzIsIjIwMjYtMDEtMDFUMDA6MDA6MDArMDA6MDAiLDFd> --not-overdue
show <1> --reveal -m <because>
mine --as <bob@example.com>
history <1>
types
shadow <bob@example.com> --idle <1> --once
add --type <parcel_stuck> --resource <parcel:1> --priority <low> --reason <because> --context <{"place":"here"}>
add --type <t> --resource-type <r> --resource-id <7> --priority <low> --reason <x> --sla-hours <24> --producer <p>
add --type <t> --resource-type <r> --resource-key <k> --priority <low> --reason <x> --dedup-key <d>
add --type <t> --resource <r:9> --priority <low> --reason <x> --occurred-at <2026-10-01T12:00:00Z> --context-file <file>
withdraw --type <parcel_stuck> --resource <parcel:1> -m <because> --producer <p>
withdraw --type <t> --resource-type <r> --resource-id <7> -m <because> --dedup-key <d>
import <file> --format <csv> --encoding <utf-8> --faults <10> --producer <p>
import <file> --dry-run
erase --subject <mail:ada@example.com> -m <because>
erase --subject-file <file> -m <because> --dry-run
sweep
metrics --format <prometheus> -o <out>
report --days <30> --until <2026-10-31> --top <2> --html <out>
report --json --quick
operator show <bob@example.com> --dir <nowhere>
operator record --dir <nowhere>
spool list
spool replay --any-database
alerts list --state <dead> --limit <10>
alerts retry <1>
alerts pause --until <2h> --reason <because>
audit verify <1>
audit verify --against <file>
audit head --items
audit export --from <2026-10-01> --to <2026-10-31> --format <csv> -o <out>
audit export --from <2026-10-01> --to <2026-10-31> --format jsonl
db migrate --dry-run --time-zone <UTC>
db status
db grants --producer <p> --operator <o> --worker <w> --console <c>
user add <ada> --role <operator> --no-password
user add <ada> --role <operator> --password-stdin --as <bob>
user list
user grant <ada> <viewer>
user revoke <ada> <viewer>
user password <ada> --password-stdin
user disable <ada>
user enable <ada>
user link <ada>
user history <ada> --limit <5>
token add <ada> --scope <viewer> --label <nightly> --days <3>
token list <ada>
token revoke <1>
init <folder>
practice --dir <file>
"""
#: What waits for a keystroke, sends something, hands the terminal over or takes minutes.
ELSEWHERE: Final = {"demo", "process", "doctor", "db shell", "alerts test", "worker", "serve"}

HOSTILE: Final = (
    "", " ", "\u200b", "0", "-1", "01", "1e1", "1.0", "٣", "9223372036854775808", "9" * 5000, "nan", "-inf",
    "true", "null", "\x1b[2J\x1b]0;owned\x07", "\u202etfel", "a\r\nYour choice [1-4]: 1", "\x9b2J",
    "\udcff", "x" * 10_000, "💥" * 60, "' or 1=1; drop table mrq_event; --", "%s %(id)s {0}", "=cmd|' /C calc'!A0",
    "<script>", "../../../etc/passwd", "/dev/null", "/proc/self/mem", "/", "nowhere/at/all", "-", "--", "-x", "@", ":",
    "=", "a=b=c", "{", "[]", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e400}', '{"a": "\\ud83d"}', '{"a": "\\u0000"}',
    "[" * 5000, "2026-02-30",
    "9999-12-31T23:59:59Z", "0001-01-01", "2026-10-01T00:00:00", "infinity", "1000000h", "0h", "parcel:", ":1",
    "parcel:1:1",
)  # fmt: skip
#: Raw, these act on a terminal; a line feed only ends a line of ours.
LIVE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]")
FILES: Final = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"[]", b"null\n", b"{}\n{}\n", b"a,b\n1\n", b'"', b"\x1b[2J\n",
    b"1\n" * 9,
    b"item_type,resource_type,resource_id,priority,reason\nt,r,\x1b[2J,low,x\nt,r,1,urgent,\xff\n",
    b'{"item_type": "t", "resource_type": "r", "resource_id": 1e400, "priority": "low", "reason": "\\ud83d"}\n',
    b"mrq audit head 9 items 00\n", b"1 1 zz\n", b"x" * 300_000,
)  # fmt: skip


def commands(group: Any = COMMAND, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command's name."""
    for name, one in getattr(group, "commands", {}).items():
        yield from commands(one, (*words, name))
    if not hasattr(group, "commands"):
        yield " ".join(words)


LINES: Final = [line.split() for line in TYPED.strip().splitlines()]
PLACES: Final = [
    (words, place) for words in LINES for place, word in enumerate(words) if word[0] == "<" and words[0] != "practice"
]
#: Where what is typed is written to: only below the test's own folder.
WRITTEN: Final = {"<folder>", "<out>"}


def typed(words: list[str], place: int | None, text: str, folder: Path) -> list[str]:
    """The words as typed, with `text` at one place."""
    named = {"<file>": str(folder / "file"), "<out>": str(folder / "out"), "<folder>": str(folder / "new")}
    given = [named.get(word, word[1:-1] if word[0] == "<" else word) for word in words]
    return [*given[:place], text, *given[place + 1 :]] if place is not None else given


def ill(ended: Any) -> str:
    """What is wrong with how a command ended; nothing where it did well."""
    if ended.code not in (0, 1, 2, 3, 5):
        return f"ended with {ended.code}"
    if "Traceback" in ended.err:
        return "traceback"
    if LIVE.search(ended.out.replace("\t", "")) or LIVE.search(ended.err):
        return "live control"
    if ended.code and not ended.err:
        return "said nothing"
    if ended.code and not ended.err.startswith("Usage:") and ended.err.count("\n") > 1:
        return "many lines"
    return ""


@pytest.fixture
def trial(mrq: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`trial(words, place, text)`: how the command ends, or what was wrong with it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a\n")
    mrq("add", "--type", "parcel_stuck", "--resource", "parcel:1", "--priority", "low", "--reason", "stuck")

    def trial(words: list[str], place: int | None = None, text: str = "") -> str:
        if place is not None and words[place] in WRITTEN and (".." in text or text[:1] in "/"):
            return ""
        line = typed(words, place, text, tmp_path)
        try:
            wrong = ill(mrq(*line, MRQ_ALERTS="none"))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            wrong = f"{type(error).__name__}: {error}"
        return wrong and f"{wrong}: {[word[:60] for word in line]}"

    return trial


def test_every_command_is_tried() -> None:
    """A new command is in this table, or in the list of those that are tried elsewhere."""
    tried = {name for name in commands() for words in LINES if words[: len(name.split())] == name.split()}
    assert tried | ELSEWHERE == set(commands())


@pytest.mark.slow
def test_whatever_is_typed_ends_with_a_sentence(trial: Any) -> None:
    """Every text at every place of every command. Slow: thousands of commands."""
    found = [trial(words, place, text) for words, place in PLACES for text in HOSTILE]
    assert [wrong for wrong in found if wrong] == []


def test_some_of_it_at_every_place(trial: Any) -> None:
    """The same with a few texts for each place, all of them over all places."""
    found = [trial(words) for words in LINES]
    found += [trial(words, place, text) for n, (words, place) in enumerate(PLACES) for text in HOSTILE[n % 20 :: 20]]
    assert [wrong for wrong in found if wrong] == []


def test_whatever_a_file_holds(trial: Any, tmp_path: Path) -> None:
    """Every command that reads a file, and every file: a sentence."""
    found = []
    for content in FILES:
        (tmp_path / "file").write_bytes(content)
        found += [trial(words) for words in LINES if "<file>" in words and words[0] != "practice"]
    assert [wrong for wrong in found if wrong] == []
