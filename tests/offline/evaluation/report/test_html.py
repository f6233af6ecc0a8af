"""The page: well formed, alone, harmless, and readable for those who cannot see it."""

from html.parser import HTMLParser
from itertools import pairwise

import pytest

from app.offline.evaluation.figures import Evaluation
from app.offline.evaluation.report.html import report_html
from tests.offline.evaluation.report.examples import (
    HOSTILE,
    MODEL,
    UNDECODABLE,
    bare,
    case,
    evaluation_of,
    object_evaluation,
    odd,
    score,
    usual,
)

VOID = {"meta", "img", "input", "link", "br"}


class Page(HTMLParser):
    """Tags with their attributes, and the visible text; fails where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


EVALUATIONS = {
    "usual": usual(),
    "odd": odd(),
    "bare": evaluation_of(("sdp", [bare("x")])),
    "one object": evaluation_of(("sdp", [object_evaluation()])),
    "no cases": evaluation_of(("sdp", [object_evaluation(cases=[])])),
    "five methods": evaluation_of(*((f"m{i}", [object_evaluation()]) for i in range(5))),
}


@pytest.fixture(params=EVALUATIONS, name="page")
def _page(request: pytest.FixtureRequest) -> Page:
    return Page(report_html(EVALUATIONS[request.param]))


def page_of(evaluation: Evaluation) -> Page:
    return Page(report_html(evaluation))


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name == "src":
                assert str(value).startswith("data:image/webp;base64,")
            if name == "href":
                assert str(value).startswith("#")
    policy = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert str(policy[0]).startswith("default-src 'none'; img-src data:;")


def test_the_style_fetches_nothing_and_knows_the_dark() -> None:
    style = report_html(usual()).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_pictures_drawings_and_heads_can_be_read_out(page: Page) -> None:
    assert all(image["alt"] for image in page.all("img"))
    assert all("aria-label" in svg or "aria-hidden" in svg for svg in page.all("svg"))
    assert all("scope" in head for head in page.all("th"))
    labelled = {section["aria-labelledby"] for section in page.all("section")}
    assert labelled == {"figures-title", "settings-title", "curves-title", "gallery-title"}


def test_headings_skip_no_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4", "h5")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_links_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a")} <= {f"#{each}" for each in ids}


def test_figures_settings_and_differences_are_there() -> None:
    text = page_of(usual()).text
    assert "Evaluation of SDP, SDP+ on mvtec" in text
    assert "bottle 83 63 87.5 35.9 30.4 75.3 90.9" in text
    assert "mean 166 126 82.5" in text
    assert "SDP+ \N{MINUS SIGN} SDP +7.5" in text
    assert f"fingerprint {MODEL['fingerprint']}" in text
    assert "limit \N{EN DASH}" in text
    assert "PRO 75.3" in text


def test_a_hostile_name_is_text_alone() -> None:
    text = report_html(odd())
    page = Page(text)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    hostile = HOSTILE.replace("\x1b", r"\x1b").replace("\n", r"\n")
    assert any(hostile in str(image["alt"]) for image in page.all("img"))
    assert hostile in page.text
    assert UNDECODABLE.replace("\udce9", r"\udce9") in page.text


@pytest.mark.parametrize("where", ["layout", "root", "domain", "digest"])
def test_so_is_every_other_text(where: str) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    facts = vars(usual()) | {where: evil, "asked": {evil: evil, "list": [evil]}}
    page = page_of(Evaluation(**facts))
    assert not any("onerror" in attributes for attributes in page.all("img"))
    assert evil in page.text


def test_style_in_a_name_does_not_leave_it() -> None:
    name = '</style><b id="x">{}'
    page = page_of(evaluation_of(("sdp", [object_evaluation(name)])))
    assert page.all("b") == []
    assert name in page.text


def test_absent_figures_are_dashes() -> None:
    text = page_of(evaluation_of(("sdp", [bare("x")]))).text
    assert "x 1 1" + " \N{EN DASH}" * 10 in text
    assert "there are no curves" in text
    assert "nan" not in text.lower().split()


def test_the_gallery_says_what_is_a_mistake_and_what_was_left_out() -> None:
    cases = [case(score(), mistake=0.5)] * 4 + [case(score(), mistake=0.0)]
    evaluation = evaluation_of(("sdp", [object_evaluation(cases=cases)]))
    page = Page(report_html(evaluation, most_cases=3))
    classes = [article["class"] for article in page.all("article")]
    assert classes == ["case", "case", "case fine"]
    assert "2 more are left out here" in page.text
    assert "higher than 50 % of the anomalous ones" in page.text


def test_size_is_bounded_by_the_number_of_cases() -> None:
    many = evaluation_of(("sdp", [object_evaluation(cases=[case(score())] * 300)]))
    assert len(report_html(many, most_cases=4)) < 120_000


def test_the_same_evaluation_gives_the_same_page() -> None:
    assert report_html(usual()) == report_html(usual())
