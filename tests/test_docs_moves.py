"""The table of moves in the documents."""

import pytest

from manual_resolution.moves import as_markdown


def test_the_documents_show_the_moves_as_they_are(pytestconfig: pytest.Config) -> None:
    """`docs/design/moves.md` is a heading and the table that the code and the database's test use."""
    heading, _, table = (pytestconfig.rootpath / "docs/design/moves.md").read_text().partition("| from |")
    assert heading.startswith("# Moves\n")
    assert "|" not in heading
    assert f"| from |{table}" == as_markdown()
