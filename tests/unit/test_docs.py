"""Links and references of the documentation and the code lead somewhere."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from messaging.model import limits
from operators.schema import template
from tests.support import reach

ROOT = Path(__file__).parents[2]
FILES = [ROOT / name for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()]
PAGES = [file for file in FILES if file.suffix == ".md"]


def anchors(page: Path) -> set[str]:
    """The anchors of a page: its headings, as GitHub spells them, and ids."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings} | set(
        re.findall(r'<a id="([^"]+)">', text)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text)
    for path, anchor in links:
        target = (page.parent / path) if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_and_anchor_that_is_named_is_there() -> None:
    named = {
        match.groups()
        for file in FILES
        if file.is_file() and file.suffix in ("", ".md", ".py", ".toml", ".yaml", ".yml")
        for match in re.finditer(r"\b(docs/[a-z_-]+\.md)\b(?:#([\w-]+))?", file.read_text())
    }
    assert {name for name, _ in named if not (ROOT / name).exists()} == set()
    assert {(name, anchor) for name, anchor in named if anchor and anchor not in anchors(ROOT / name)} == set()


def test_decisions_are_numbered_and_have_a_date_and_a_status() -> None:
    text = (ROOT / "docs" / "decisions.md").read_text()
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    states = re.findall(
        r"^## \d+\. .*\n\n\*\d{4}-\d\d-\d\d · (accepted|superseded by \[(\d+)\]\(#\2-[\w-]+\))\*$", text, re.MULTILINE
    )

    assert numbers == list(range(1, text.count("\n## ") + 1))
    assert len(states) == len(numbers)


def test_the_diffs_of_extending_are_changes_that_the_code_has() -> None:
    page = (ROOT / "docs" / "extending.md").read_text()
    diffs = re.findall(r"^```diff\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    assert len(diffs) == 3
    for diff in diffs:
        subprocess.run(["git", "apply", "--reverse", "--check", "-C0"], cwd=ROOT, input=diff, text=True, check=True)


def test_the_costs_in_the_readme_are_those_of_the_page_about_costs() -> None:
    cost = (ROOT / "docs" / "cost.md").read_text()
    (row,) = re.findall(r"^\| \*\*It costs\*\* .*$", (ROOT / "README.md").read_text(), re.MULTILINE)

    named = re.findall(r"\$[\d.,]*\d", row)
    assert len(named) == 4
    assert [amount for amount in named if amount not in cost] == []


TESTS = {
    name
    for file in FILES
    if file.suffix == ".py" and "tests" in file.parts and file.exists()
    for name in (file.stem, *re.findall(r"def (test_\w+)", file.read_text()))
}
# Pages that speak of the present. Decisions and changes also name what was.
PRESENT = [page for page in PAGES if page.name not in ("decisions.md", "CHANGELOG.md") and page.exists()]


@pytest.mark.parametrize("page", PRESENT, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`(test_\w+…?)`", page.read_text())

    for name in named:
        begins = name.removesuffix("…")
        assert any(test.startswith(begins) if name.endswith("…") else test == name for test in TESTS), name


@pytest.mark.parametrize("page", [ROOT / "docs" / "glossary.md", ROOT / "docs" / "access_patterns.md"])
def test_every_name_in_code_that_a_page_gives_exists(page: Path) -> None:
    """`module.name` in the tables, for modules of the shared code and of the operators."""
    modules = {
        file.stem: file.read_text()
        for file in FILES
        if file.suffix == ".py" and file.exists() and {"messaging", "operators"} & set(file.parts)
    }
    for module, name in re.findall(r"`(?:operators\.)?([a-z_]+)\.(\w+)(?:\.\w+)?`", page.read_text()):
        if module in modules:
            assert re.search(rf"^(?:class|def) {name}\b|^{name}\b|    def {name}\b", modules[module], re.MULTILINE), (
                name
            )


def test_the_limits_that_a_page_states_are_those_of_the_template_and_the_code() -> None:
    parameters = template()["Parameters"]
    stated = {row[0]: row[1:4] for row in reach.limits()}
    made = [
        limits.messages_per_minute(1),
        limits.conversations_per_day(1),
        limits.pending_requests(1, int(parameters["RequestPauseDays"]["Default"])),
        limits.lookups_per_hour(1),
        limits.reports_per_day(1),
        limits.tickets_per_hour(1),
    ]

    assert list(stated) == list(limits.NAMES) == [limit.name for limit in made]
    for limit in made:
        parameter, default, seconds = stated[limit.name]
        assert (default, seconds) == (str(parameters[parameter]["Default"]), str(limit.seconds))


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which PyYAML keeps the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key is there twice"
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_a_description_says_nothing_twice(name: str) -> None:
    assert yaml.load((ROOT / name).read_text(), _UniqueKeys)  # noqa: S506 - a safe loader
