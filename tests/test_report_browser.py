"""The report in a real browser: it shows, sorts, filters and draws; nothing takes over."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graphad.report import gather, page
from graphad.sanitize import terminal
from tests.browser import CHROMIUM, MISSING, Browser, browser
from tests.nasty import CORPUS
from tests.report_store import hostile, plenty, stored

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
MADE = datetime(2026, 3, 3, tzinfo=UTC)
ROWS = "document.querySelectorAll('table.findings > tbody > tr:not(.more)')"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        one.looks()
        yield one


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return reports of one, fifty and 5,000 findings, and of hostile ones."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"one": plenty(1), "fifty": plenty(50), "many": plenty(5000), "hostile": hostile()}
    for name, found in made.items():
        facts = gather(stored(folder / name, found))
        (folder / f"{name}.html").write_bytes(page(facts, MADE))
    return {name: folder / f"{name}.html" for name in made}


def opened(window: Browser, path: Path) -> float:
    window.said.clear()
    window.asked.clear()
    return window.open(path)


def outside(window: Browser) -> list[str]:
    """Return what a page asked for that is not itself or in it."""
    return [url for url in window.asked if not re.match("file:|data:image/png;|blob:", url)]


def wait(window: Browser, expression: str) -> Any:
    """Return a value once it is true."""
    for _ in range(100):
        if found := window.js(expression):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {expression}")


@pytest.mark.parametrize(("name", "count"), [("one", 1), ("fifty", 50), ("many", 5000)])
def test_a_report_opens_without_a_complaint(
    window: Browser, pages: dict[str, Path], name: str, count: int
) -> None:
    opened(window, pages[name])
    assert window.said == []
    assert outside(window) == []
    assert window.js("document.querySelector('p.count').textContent") == f"{count:,} findings"
    assert window.js(f"{ROWS}.length") == min(count, 50)
    assert window.js("document.querySelectorAll('.graph canvas').length") >= 1
    assert window.js("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


def test_five_thousand_findings_open_within_three_seconds(
    window: Browser, pages: dict[str, Path]
) -> None:
    assert min(opened(window, pages["many"]) for _ in range(3)) < 3.0


def test_hostile_names_do_nothing_but_show(window: Browser, pages: dict[str, Path]) -> None:
    opened(window, pages["hostile"])
    window.js("document.querySelector('select[name=size]').value = '1000'")
    window.js("document.querySelector('form').dispatchEvent(new Event('input'))")
    titles = window.js(f"[...{ROWS}].map(row => row.querySelector('button').title)")
    for text in CORPUS:
        told = terminal(text.encode("utf-8", "backslashreplace").decode())
        assert told in titles or len(told) > 250
    window.js(f"{ROWS}.forEach(row => row.querySelector('button').click())")
    wait(window, f"document.querySelectorAll('tr.more > td').length === {len(CORPUS)}")
    window.js("document.querySelectorAll('.tree').forEach(tree => tree.open = true)")
    window.js("document.querySelectorAll('.events button').forEach(one => one.click())")
    assert window.js("document.title") == "graphad report"
    assert window.js("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert window.js("[...document.links].every(a => a.hash && a.pathname === location.pathname)")
    assert window.js("[...document.querySelectorAll('*')].every(one => "
                     "![...one.attributes].some(a => a.name.startsWith('on')))")  # fmt: skip
    assert window.js("document.documentElement.scrollWidth <= innerWidth")
    assert window.said == []
    assert outside(window) == []


def test_a_script_that_slipped_into_the_page_would_not_run(
    window: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["one"].read_text()
    evil = (
        "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
        "<style>h1 { display: none }</style><link rel=stylesheet href=http://192.0.2.1/x>"
    )
    (tmp_path / "evil.html").write_text(text.replace("<main>", f"<main>{evil}"))
    opened(window, tmp_path / "evil.html")
    assert window.js("document.title") == "graphad report"
    assert window.js("getComputedStyle(document.querySelector('h1')).display") == "block"
    assert any("Content Security Policy" in said for said in window.said)
    (tmp_path / "open.html").write_text(
        re.sub(r"<meta http-equiv[^>]*>", "", text.replace("<main>", f"<main>{evil}"))
    )
    opened(window, tmp_path / "open.html")
    assert window.js("document.title") == "taken", "the same without a policy is taken over"


def test_the_table_sorts_and_filters(window: Browser, pages: dict[str, Path]) -> None:
    opened(window, pages["many"])
    columns = window.js("[...document.querySelectorAll('th button')].map(b => b.textContent)")

    def press(name: str) -> None:
        window.js(f"document.querySelectorAll('.findings th button')[{heads.index(name)}].click()")

    def cells(name: str) -> list[str]:
        found: list[str] = window.js(
            f"[...{ROWS}].map(r => r.cells[{heads.index(name)}].innerText)"
        )
        return found

    def fill(**values: str) -> str:
        for name, value in values.items():
            window.js(f"document.querySelector('.filters').elements.{name}.value = {value!r}")
        window.js("document.querySelector('.filters').dispatchEvent(new Event('input'))")
        told: str = window.js("document.querySelector('p.count').textContent")
        return told

    heads = columns[-8:]
    found = plenty(5000)
    press("z")
    assert cells("z")[:3] == [f"{z:.2f}" for z in sorted((f.z for f in found), reverse=True)[:3]]
    assert window.js("document.querySelector('th[aria-sort=descending]').innerText") == "z ↓"
    press("z ↓" if "z ↓" in heads else "z")
    assert cells("z")[0] == f"{min(f.z for f in found):.2f}"
    press("Host")
    assert cells("Host")[0] == min(f.host for f in found)
    hosts = sum(f.host == "srv7" for f in found)
    assert fill(host="srv7") == f"{hosts} of 5,000 findings"
    assert set(cells("Host")) == {"srv7"}
    both = sum(f.host == "srv7" and f.severity == "high" for f in found)
    assert fill(severity="high") == f"{both} of 5,000 findings"
    assert fill(host="", severity="", text="PAYLOAD.bin /tmp/00042/") == "1 of 5,000 findings"
    part = [f for f in found if "2026-03-03T00:00" <= f.start < "2026-03-03T02:00"]
    assert fill(text="", **{"from": "2026-03-03 00:00", "until": "2026-03-03T02:00Z"}) == (
        f"{len(part)} of 5,000 findings"
    )
    assert fill(**{"from": "", "until": "", "text": "no such thing"}) == "0 of 5,000 findings"
    window.js("document.querySelector('.filters').reset()")
    wait(window, "document.querySelector('p.count').textContent === '5,000 findings'")
    window.js("document.querySelector('[data-step=\"1\"]').click()")
    assert window.js("document.querySelector('.pages span').textContent") == "51 to 100"


def test_a_row_opens_to_its_terms_and_log_lines_by_keyboard(
    window: Browser, pages: dict[str, Path]
) -> None:
    opened(window, pages["fifty"])
    window.key("/", "/")
    assert window.js("document.activeElement.name") == "text"
    window.js(f"{ROWS}[0].querySelector('button').focus()")
    window.key("Enter", "\r")
    text = wait(window, "document.querySelector('tr.more > td')?.innerText")
    assert "a.log, line 1" in text
    assert "type=SYSCALL msg=audit(" in text
    assert "odd 11.00" in text
    assert window.js("document.activeElement.getAttribute('aria-expanded')") == "true"
    window.key("Enter", "\r")
    assert window.js("document.querySelector('tr.more')") is None


def test_a_graph_is_read_by_keyboard(window: Browser, pages: dict[str, Path]) -> None:
    opened(window, pages["fifty"])
    window.js("document.querySelector('.graph').focus()")
    window.key("n", "n")
    text = wait(
        window, "(t => t.startsWith('Point') ? '' : t)(document.querySelector('.told').innerText)"
    )
    assert "—write→ /tmp/" in text
    assert "odd" in text
    assert "type=SYSCALL" in text
    assert window.js("document.querySelectorAll('tr.chosen').length") == 1
    window.js("document.querySelectorAll('details.incident > summary')[1].focus()")
    window.key("Enter", "\r")
    wait(
        window, "document.querySelectorAll('details.incident')[1].querySelector('canvas') !== null"
    )
    assert window.said == []


def test_the_wheel_scrolls_the_page_until_a_graph_was_clicked(
    window: Browser, pages: dict[str, Path]
) -> None:
    opened(window, pages["fifty"])
    middle = (
        "(r => [r.x + r.width / 2, r.y + 40])"
        "(document.querySelector('.graph').getBoundingClientRect())"
    )
    window.js("document.querySelector('.graph').scrollIntoView({block: 'center'})")
    x, y = window.js(middle)
    before = window.js("scrollY")
    window.mouse("mouseWheel", x, y, deltaX=0, deltaY=100)
    wait(window, f"scrollY > {before}")
    window.js("document.querySelector('.graph').scrollIntoView({block: 'center'})")
    time.sleep(0.3)
    x, y = window.js(middle)
    window.mouse("mousePressed", x, y, button="left", clickCount=1)
    window.mouse("mouseReleased", x, y, button="left", clickCount=1)
    assert window.js("document.activeElement.className.includes('graph')")
    before = window.js("scrollY")
    window.mouse("mouseWheel", x, y, deltaX=0, deltaY=100)
    time.sleep(0.3)
    assert window.js("scrollY") == before


def test_it_follows_the_colour_scheme_and_prints_on_white(
    window: Browser, pages: dict[str, Path]
) -> None:
    opened(window, pages["fifty"])
    back = "getComputedStyle(document.body).backgroundColor"
    assert window.js(back) == "rgb(255, 255, 255)"
    try:
        window.looks(scheme="dark")
        assert window.js(back) == "rgb(20, 23, 26)"
        window.js(
            "addEventListener('beforeprint', () => "
            f"globalThis.paper = [{back}, document.querySelectorAll('.graph img').length])"
        )
        assert window.pdf().startswith(b"%PDF")
        assert window.js("globalThis.paper") == ["rgb(255, 255, 255)", 1]
        assert window.js(back) == "rgb(20, 23, 26)"
        assert window.js("document.querySelectorAll('.graph img').length") == 0
    finally:
        window.looks()
    assert window.said == []


def test_a_cell_of_the_heat_map_shows_its_findings(window: Browser, pages: dict[str, Path]) -> None:
    opened(window, pages["fifty"])
    host, count = window.js(
        "(cell => (cell.dispatchEvent(new MouseEvent('click', {bubbles: true})), "
        "[cell.dataset.host, cell.textContent]))(document.querySelector('rect[data-host]'))"
    )
    found = re.search(r"(\d+) findings?", count)
    assert found is not None
    assert window.js(f"[...{ROWS}].length") == int(found[1])
    assert window.js(f"[...{ROWS}].every(row => row.cells[5].innerText === {host!r})")
    only = window.js(
        "(point => (point.dispatchEvent(new MouseEvent('click', {bubbles: true})), "
        "point.dataset.only))(document.querySelector('.time path.alert'))"
    )
    assert window.js("document.querySelector('p.count').textContent") == "1 of 50 findings"
    assert plenty(50)[int(only.partition("-")[2])].alert


def test_a_graph_that_does_not_fit_leaves_no_room_empty(
    window: Browser, pages: dict[str, Path]
) -> None:
    opened(window, pages["many"])
    seen = window.js("""(() => {
        const place = document.querySelector('.graph');
        const holder = [place, ...place.querySelectorAll('*')].find((one) => one._cyreg);
        const cy = holder._cyreg.cy;
        const whole = cy.elements().boundingBox();
        const seen = [];
        for (const wide of [0.3, 0.6, 0.9]) for (const tall of [0.3, 0.6, 0.9]) {
            place.style.width = `${0.7 * wide * whole.w}px`;
            place.style.height = `${0.7 * tall * whole.h}px`;
            cy.resize();
            place.dispatchEvent(new KeyboardEvent('keydown', {key: '0'}));
            const { x1, y1, x2, y2 } = cy.elements().renderedBoundingBox();
            seen.push([x1, x2, cy.width()], [y1, y2, cy.height()]);
        }
        return seen;
    })()""")
    assert len(seen) == 18
    for low, high, size in seen:
        assert high - low > size
        assert low <= 25
        assert high >= size - 25
