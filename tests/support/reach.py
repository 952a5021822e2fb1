"""The tables of docs/reach.md: what Bayko and Londo see under each rule, in fixed words."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reach.md"
SIDES = ("Bayko", "Londo")

Cells = dict[str, str]  # a word for each row


def rules() -> dict[str, dict[str, Cells]]:
    """The cells of each rule by its heading, for each side."""
    found = {}
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        _, is_rule, table = text.partition("| | Bayko | Londo |\n|---|---|---|\n")
        if is_rule:
            rows = [
                [cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n\n")[0].splitlines()
            ]
            found[heading] = {side: {row[0]: row[place] for row in rows} for place, side in enumerate(SIDES, 1)}
    return found


def limits() -> list[list[str]]:
    """The rows of the table of limits: name, parameter, default, window, routes."""
    _, _, table = PAGE.read_text().partition(
        "| limit | parameter | default | window in seconds | counted |\n|---|---|---:|---:|---|\n"
    )
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n\n")[0].splitlines()]
