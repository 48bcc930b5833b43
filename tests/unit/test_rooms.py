"""Each thing is where a reader looks for it."""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src/manual_resolution"
TEXTS = {str(one.relative_to(PACKAGE)): one.read_text(encoding="utf-8") for one in PACKAGE.rglob("*.py")}

#: A host's own tables; a server that is being made; whether one answers at all; a report's one moment.
ELSEWHERE = r"workflows/|embedded\.py|worker\.py|reports\.py"


def test_only_the_store_speaks_sql() -> None:
    """No statement is executed outside store/, but for what is not about the queue's tables."""
    speaking = [name for name, text in TEXTS.items() if re.search(r"\.execute(many)?\(", text)]
    assert any(name.startswith("store/") for name in speaking)
    assert [name for name in speaking if not re.match(f"store/|{ELSEWHERE}", name)] == []


def test_every_module_fits_in_one_reading() -> None:
    """No module is longer than 400 lines."""
    assert {name: text.count("\n") for name, text in TEXTS.items() if text.count("\n") > 400} == {}
