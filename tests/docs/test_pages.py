"""Every page: nothing in it escapes the other tests here, and its links lead somewhere."""

import itertools
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.blocks import ROOT, blocks, outside, pages

# What a block may be written in, and the module that checks it.
CHECKED = {
    "sh": "test_commands",  # requests: test_requests
    "bash": "test_commands",
    "python": "test_programs",  # the gateway: test_gateway
    "json": "test_requests",
    "yaml": "test_prometheus",
    "ini": "test_commands",
    "text": "test_names",
    "nginx": "test_commands",
}
ELSEWHERE = ("https://", "mailto:")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PICTURE = re.compile(r'(?:src|srcset)="([^"]+)"')


def test_there_are_the_pages_that_a_reader_expects() -> None:
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/http.md"} <= pages().keys()


@pytest.mark.parametrize("page", pages())
def test_every_block_is_of_a_kind_that_is_checked(page: str) -> None:
    for block in blocks(page):
        assert block.info in CHECKED, f"{block}: ```{block.info}"
    assert all((Path(__file__).parent / f"{name}.py").exists() for name in CHECKED.values())


@pytest.mark.parametrize("page", pages())
def test_no_code_hides_outside_the_blocks(page: str) -> None:
    lines = ["", *outside(page).splitlines()]
    for number, (before, line) in enumerate(itertools.pairwise(lines), start=1):
        where = f"{page}:{number}: {line!r}"
        assert "```" not in line, where  # indented, or never closed
        assert "~~~" not in line, where
        assert "<pre" not in line, where
        assert before.strip() or not re.match(r" {4}|\t", line), where


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    text = outside(page)
    for link in _LINK.findall(text) + _PICTURE.findall(text):
        if link.startswith(ELSEWHERE):
            continue
        path, _, heading = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        assert target.resolve().is_relative_to(ROOT), f"{page}: {link} leaves the project"
        if heading:
            assert heading in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


@pytest.mark.parametrize("page", [page for page in pages() if page.startswith("docs/")])
def test_the_readme_leads_to_every_page(page: str) -> None:
    assert f"]({page})" in pages()["README.md"]


def anchors(text: str) -> set[str]:
    """What GitHub calls a page's headings in links."""
    kept = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    names = re.findall(r"^#+ +(.+?) *$", kept, re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", name).lower() for name in names]
    return {re.sub(r"[^\w\- ]", "", name).replace(" ", "-") for name in plain}
