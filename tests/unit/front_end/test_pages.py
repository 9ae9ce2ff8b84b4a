"""
The pages as files: complete, connected, and asking for nothing from elsewhere.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from drillyard.shop.front_end.pages import load

PAGES = load()
HTML = sorted(path for path in PAGES if path.endswith(".html"))
CODE = sorted(path for path in PAGES if path.endswith((".js", ".css", ".html")))


class Outline(HTMLParser):
    """What the checks below need of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def outline(path: str) -> Outline:
    parsed = Outline()
    parsed.feed(PAGES[path].body.decode())
    return parsed


def text(path: str) -> str:
    return PAGES[path].body.decode()


def test_the_pages_that_load_tests_and_documents_open_are_there() -> None:
    wanted = "index category detail basket checkout1 checkout4 customer-orders customer-order login register"
    assert {f"/{name}.html" for name in wanted.split()} <= set(HTML)
    assert "<title>WeaveSocks</title>" in text("/")


@pytest.mark.parametrize("path", HTML)
def test_a_page_has_language_title_landmarks_and_a_way_past_the_header(path: str) -> None:
    page = outline(path)

    assert page.of("html")[0]["lang"] == "en"
    assert page.of("title")
    assert page.of("main")[0]["id"] == "main"
    assert any(link.get("href") == "#main" for link in page.of("a"))
    assert any(meta.get("name") == "viewport" for meta in page.of("meta"))
    assert len(page.of("h1")) == 1


@pytest.mark.parametrize("path", HTML)
def test_every_field_has_a_label_and_every_id_is_used_once(path: str) -> None:
    page = outline(path)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    labelled = {label.get("for") for label in page.of("label")}

    assert len(ids) == len(set(ids))
    for field in page.of("input"):
        assert field["id"] in labelled


@pytest.mark.parametrize("path", HTML)
def test_a_page_links_only_to_files_that_exist_and_holds_no_inline_code(path: str) -> None:
    page = outline(path)

    for attributes in page.of("script", "link", "a", "img"):
        target = attributes.get("src") or attributes.get("href") or ""
        if not target.startswith("#"):
            assert target in PAGES, target
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert not re.search(r"<script[^>]*>(?!</script>)", text(path))


@pytest.mark.parametrize("path", [path for path in CODE if path.endswith(".js")])
def test_a_script_finds_its_modules_and_its_elements(path: str) -> None:
    code = text(path)
    for module in re.findall(r'from "\./([^"]+)"', code):
        assert f"/js/{module}" in PAGES
    wanted = set(re.findall(r'getElementById\("([^"]+)"\)', code))
    users = [page for page in HTML if f'src="{path}"' in text(page)]
    for page in users:
        ids = {attributes.get("id") for _, attributes in outline(page).tags}
        assert wanted <= ids, wanted - ids


@pytest.mark.parametrize("path", CODE)
def test_no_file_asks_for_anything_from_elsewhere_or_writes_markup(path: str) -> None:
    code = text(path).replace("http://www.w3.org/2000/svg", "")

    assert "http://" not in code
    assert "https://" not in code
    for dangerous in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert dangerous not in code


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/basket.html", "Proceed to checkout"),
        ("/checkout1.html", "Next"),
        ("/checkout4.html", "Place Order"),
        ("/detail.html", "Add to cart"),
        ("/js/order-failure.js", "Unable to process payment"),
        ("/js/order-failure.js", "Payment service unavailable"),
        ("/js/order-failure.js", "Please try again later"),
    ],
)
def test_buttons_and_texts_are_those_of_the_incident_documents(path: str, words: str) -> None:
    assert words in text(path)


def test_no_page_claims_to_know_what_the_bank_did() -> None:
    for path in CODE:
        assert not re.search(r"not (been )?charged|was charged|no money (has )?moved", text(path), re.IGNORECASE), path


async def test_a_page_forbids_everything_from_elsewhere(front_end: Any) -> None:
    policy = (await front_end.browser.get("/basket.html")).headers["content-security-policy"]

    assert policy.startswith("default-src 'self'; img-src 'self' data:;")
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", HTML)
def test_a_form_can_never_put_what_was_typed_into_an_address(path: str) -> None:
    for form in outline(path).of("form"):
        assert form["method"] == "post"
        assert "hidden" in form, "a form is shown by the script that listens to it"


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = "ink/paper ink/raised ink/sunken ink-soft/paper ink-soft/raised accent/paper accent/raised accent/good-wash"
PAIRS += " edge/raised edge/paper on-accent/accent good/good-wash wait/wait-wash bad/bad-wash ink/bad-wash ink/good-wash accent/bad-wash"


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("pair", PAIRS.split())
def test_text_and_the_edges_of_fields_stand_out_from_their_ground(scheme: int, pair: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", text("/css/shop.css"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme]))
    lighter, darker = sorted((luminance(colours[name]) for name in pair.split("/")), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= (3 if "edge" in pair else 4.5)


def test_the_older_order_pages_differ_in_one_file_and_offer_the_same_functions() -> None:
    older = load("v1")
    exported = re.compile(r"^export function (\w+)", re.MULTILINE)

    assert [path for path in PAGES if PAGES[path] != older[path]] == ["/js/order-status.js"]
    assert set(older) == set(PAGES)
    assert exported.findall(older["/js/order-status.js"].body.decode()) == exported.findall(text("/js/order-status.js"))
