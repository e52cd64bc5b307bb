"""The classroom in a real browser: a class is made, one listener marks by link and keys, another on a shared screen.

The panel is served alone, so that this does not depend on where the page hangs it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, served
from PIL import Image
from visitor import Visitor

pytestmark = pytest.mark.browser
EXAMPLES = ROOT / "assets" / "examples"
LINE, NEXT = ".ek-class-line", ".ek-class-next"
SERVER = """
import sys
import gradio as gr
from page.classroom_panel import classroom_panel
from page.texts import i18n
from page.theme import head, theme
with gr.Blocks(title="Classroom", analytics_enabled=False) as demo:
    classroom_panel()
demo.queue(default_concurrency_limit=2)
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), theme=theme(), head=head(), i18n=i18n(),
            footer_links=[], run_history=False, ssr_mode=False, show_error=False)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the panel alone, with a cache of its own."""
    cache = tmp_path_factory.mktemp("served") / "cache"
    with served("-c", SERVER, GRADIO_TEMP_DIR=str(cache), GRADIO_ANALYTICS_ENABLED="False") as url:
        yield url


@pytest.fixture
def come(browser: Any, place: str) -> Iterator[Any]:
    """Open the panel, at a link or at its beginning, as a visitor of one's own."""
    visitors: list[Visitor] = []

    def arrive(link: str = "", *, width: int = 1180, height: int = 900) -> Any:
        size = {"width": width, "height": height}
        visitors.append(Visitor.come(browser, place, link=link, shown=".ek-class", viewport=size))
        return visitors[-1].page

    yield arrive
    for visitor in visitors:
        visitor.leave()


def wait_text(page: Any, where: str, words: str) -> None:
    script = "([where, words]) => document.querySelector(where).textContent.includes(words)"
    page.wait_for_function(script, arg=[where, words])


def make_class(page: Any) -> str:
    """Make a class of two pictures and return the link for listeners."""
    page.set_input_files("#ek-class-pictures input[type=file]", [str(EXAMPLES / n) for n in ("happy.jpg", "sad.jpg")])
    page.wait_for_selector("#ek-class-pictures .file")
    field = page.locator("#ek-class-duration input[type=number]")
    field.fill("10")
    field.press("Tab")
    page.click("#ek-class-make")
    wait_text(page, LINE, "The class is ready: 2 pieces.")
    return str(page.locator(".ek-class-link").input_value())


def begin(page: Any, name: str) -> None:
    page.fill("#ek-class-listener", name)
    page.keyboard.press("Enter")


def test_a_class_from_pictures_to_the_reveal(come: Any, tmp_path: Path) -> None:
    teacher = come()
    link = make_class(teacher)
    teacher.locator("#ek-class-setup").wait_for(state="hidden")
    phone = come(link, width=390, height=844)
    phone.wait_for_selector("#ek-class-listener:visible")
    _mark_by_keys(phone)
    wait_text(teacher, ".ek-class-progress", "Ada: 2 of 2")  # the teacher's screen follows by itself
    _mark_on_the_shared_screen(teacher)
    for page in (teacher, phone):
        assert "happy.jpg" not in page.content()
    _check_report(teacher, tmp_path)
    teacher.click(".ek-class-reveal-it")
    assert teacher.locator(".ek-class-revealed").is_hidden()  # it asks once more
    teacher.click(".ek-class-reveal-it")
    for page in (teacher, phone):
        if page is phone:  # who asks before the teacher's screen shows it is told that the class goes on
            phone.click(".ek-class-look")
        page.wait_for_selector(".ek-class-revealed li img:visible")
        assert page.locator(".ek-class-revealed .ek-class-spot").count() == 4
        assert page.locator(".ek-class-revealed ol").text_content().count("2 listeners felt on average") == 2
        width = "(node) => { node.loading = 'eager'; return node.decode().then(() => node.naturalWidth); }"
        assert page.locator(".ek-class-revealed li img").first.evaluate(width) > 100
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def _mark_by_keys(phone: Any) -> None:
    """Everything by keyboard, on a phone; a mark must be made, and a reload loses nothing."""
    begin(phone, "Ada")
    wait_text(phone, ".ek-class-title", "Piece 1 of 2")
    assert phone.evaluate("document.activeElement.className") == "ek-class-title"
    duration = "() => document.querySelector('.ek-class-mark audio').duration > 9"
    phone.wait_for_function(duration)
    phone.locator(NEXT).press("Enter")
    wait_text(phone, LINE, "Please mark on the plane")
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "ArrowDown"):
        phone.keyboard.press(key)  # the plane has the focus now
    assert phone.locator(LINE).text_content() == "Valence 6.0, arousal 4.9."
    assert phone.locator(".ek-class-valence").input_value() == "6"
    assert phone.locator(".ek-class-valence").get_attribute("aria-valuetext") == "6.0, pleasant"
    phone.locator(NEXT).press("Enter")
    wait_text(phone, ".ek-class-title", "Piece 2 of 2")
    phone.reload()
    phone.wait_for_selector(".ek-class-mark:visible")
    assert phone.locator(".ek-class-title").text_content() == "Piece 2 of 2"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator(".ek-class-arousal").press("ArrowRight")
    phone.locator(NEXT).press("Enter")
    phone.wait_for_selector(".ek-class-done:visible")


def _mark_on_the_shared_screen(teacher: Any) -> None:
    """The teacher's screen passed around: a taken name is told, the plane is dragged on."""
    teacher.click(".ek-class-pass")
    begin(teacher, "ada")
    wait_text(teacher, LINE, "There is another ada in this class")
    begin(teacher, "Ben")
    for number in (1, 2):
        wait_text(teacher, ".ek-class-title", f"Piece {number} of 2")
        box = teacher.locator(".ek-class-mark .ek-plane").bounding_box()
        teacher.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        teacher.mouse.down()
        teacher.mouse.move(box["x"] + box["width"], box["y"], steps=4)  # beyond its edge
        teacher.mouse.up()
        assert teacher.locator(".ek-class-arousal").input_value() == "9"
        teacher.click(NEXT)
    teacher.wait_for_selector(".ek-class-another:visible")
    teacher.click(".ek-class-leave")
    wait_text(teacher, ".ek-class-progress", "Ben: 2 of 2")


def _check_report(teacher: Any, tmp_path: Path) -> None:
    teacher.click(".ek-class-report")
    teacher.wait_for_selector(".ek-class-files:visible")
    assert "only 2 listeners and 2 pieces" in teacher.locator(".ek-class-caution").text_content()
    paths = {}
    for name in ("answers.csv", "report.md", "agreement.png"):
        with teacher.expect_download() as coming:
            teacher.click(f'.ek-class-files a[download$="{name}"]')
        paths[name] = tmp_path / name
        coming.value.save_as(paths[name])
    rows = list(csv.DictReader(paths["answers.csv"].read_text(encoding="utf-8").splitlines()))
    assert [(r["listener"], r["piece"], r["marked_valence"], r["marked_arousal"]) for r in rows] == [
        ("Ada", "1", "6", "4.9"),
        ("Ada", "2", "5", "5.1"),
        ("Ben", "1", "9", "9"),
        ("Ben", "2", "9", "9"),
    ]
    assert {row["picture"] for row in rows} == {"happy.jpg", "sad.jpg"}
    assert re.search(r"2 listeners, 2 pieces marked of 2, 4 marks", paths["report.md"].read_text(encoding="utf-8"))
    with Image.open(paths["agreement.png"]) as image:
        assert image.size == (1650, 620)


def test_wrong_links_pictures_and_stopping_get_a_sentence(come: Any, place: str, tmp_path: Path) -> None:
    page = come(f"{place}/?class=nowhere")
    wait_text(page, LINE, "There is no class of this code")
    assert page.locator("#ek-class-make").is_visible()
    page.click("#ek-class-make")
    wait_text(page, LINE, "There are no pictures yet")
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    page.set_input_files("#ek-class-pictures input[type=file]", [str(text)])
    page.wait_for_selector("#ek-class-pictures .file")
    page.click("#ek-class-make")
    wait_text(page, LINE, "holiday.png is not a picture")
    page.fill("#ek-class-code", "abcd-efgh")
    page.keyboard.press("Enter")
    wait_text(page, LINE, "There is no class of this code")


def test_two_classes_at_once_do_not_mix_and_one_is_deleted(come: Any) -> None:
    pair = [come(), come()]
    links = [make_class(page) for page in pair]
    assert links[0] != links[1]
    listener = come(links[1])
    listener.wait_for_selector("#ek-class-listener:visible")
    begin(listener, "Ada")
    wait_text(listener, ".ek-class-title", "Piece 1 of 2")
    listener.locator(".ek-class-valence").fill("8")
    listener.click(NEXT)
    wait_text(pair[1], ".ek-class-progress", "Ada: 1 of 2")
    assert pair[0].locator(".ek-class-progress").text_content() == ""
    own = pair[0].locator(".ek-class-own").input_value()
    again = come(own)  # the teacher's own link brings the class back
    again.wait_for_selector(".ek-class-teacher:visible")
    for _ in range(2):
        again.click(".ek-class-forget")
    wait_text(again, LINE, "The class and all its answers are deleted.")
    gone = come(links[0])
    wait_text(gone, LINE, "There is no class of this code")
    assert listener.locator(".ek-class-title").text_content() == "Piece 2 of 2"


def test_the_offline_sheet_saves_what_the_report_reads(browser: Any, tmp_path: Path) -> None:
    from pipelines.classroom_answers import read_answers
    from pipelines.classroom_records import Classroom, Piece, Point
    from pipelines.classroom_sheet import write_sheet

    at = Point(5.0, 6.0)
    classroom = Classroom("7b", 0, tuple(Piece(i, f"{i}.jpg", "symbolic", at, at, 1.0) for i in (1, 2, 3)))
    context = browser.new_context(accept_downloads=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(write_sheet(classroom, tmp_path).as_uri())
    page.click("#save")
    assert page.locator("#said").text_content() == "Please give your name or number first."
    page.fill("#name", 'Zoë "Z"')
    page.locator("section").nth(0).locator("input").nth(0).fill("7.5")
    page.locator("section").nth(2).locator("svg").click(position={"x": 1, "y": 1})  # beyond the upper left
    with page.expect_download() as coming:
        page.click("#save")
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    assert saved.name == "answers-Zoë-Z-.csv"
    marks = read_answers([saved], classroom).marks
    assert [(m.listener, m.piece, m.at) for m in marks] == [
        ('Zoë "Z"', 1, Point(7.5, 5.0)),
        ('Zoë "Z"', 3, Point(1.0, 9.0)),
    ]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
