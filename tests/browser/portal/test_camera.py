"""A phone as a till: the customer's code is read by its camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Pages
from tests.browser.portal.conftest import cookies_of, kinds, looked_at
from tests.integration.gateway.house import House
from tests.integration.portal.desk import Desk

WIDTH, HEIGHT = 640, 480
CARD_OF_A_BANK = "6037991234567890"
REMEMBER_STREAMS = """
  window.streams = [];
  const devices = navigator.mediaDevices; // none on about:blank
  const open = devices?.getUserMedia.bind(devices);
  if (open) devices.getUserMedia = async (wanted) => {
    if (window.refusal) throw new DOMException("", window.refusal);
    window.streams.push(await open(wanted));
    return window.streams.at(-1);
  };
"""
A_DETECTOR_OF_THE_BROWSER = """
  window.seen = [];
  window.BarcodeDetector = class {
    static async getSupportedFormats() { return ["code_128", "qr_code"]; }
    async detect(picture) {
      if (!picture.width) throw new Error("there is no picture");
      return window.seen.map((rawValue) => ({ rawValue }));
    }
  };
"""
MUTE = """() => {
  const [track] = streams.at(-1).getVideoTracks();
  Object.defineProperty(track, "muted", { value: true, configurable: true });
}"""
REFUSED = {
    "NotAllowedError": "تنظیمات کنار نشانی",
    "NotFoundError": "دوربینی پیدا نشد",
    "NotReadableError": "جای دیگری در کار است",
    "UnknownError": "ممکن نشد",
}


@pytest.fixture
def till(pages: Pages, desk: Desk) -> Iterator[Page]:
    """Return a phone at the till, whose page remembers each stream of the camera."""
    page = pages.open()
    page.context.add_cookies(cookies_of(desk.person("cashier"), desk))  # type: ignore[arg-type]
    page.add_init_script(REMEMBER_STREAMS)
    yield page
    page.goto("about:blank")  # a browser that is closed while its camera runs waits for it forever


def test_the_camera_reads_the_code_to_a_booked_purchase(
    till: Page, house: House, desk: Desk, film: Path
) -> None:
    person = house.member()
    shoot(film, person.code(limit=100)["code"])
    asked: list[str] = []
    till.on("request", lambda request: asked.append(request.url))
    till.goto(f"{desk.url}/till")
    till.wait_for_load_state("networkidle")
    assert not [each for each in asked if "/qr-detector." in each]

    # Who says no is told how to say yes.
    till.context.grant_permissions(["geolocation"])  # and nothing else
    dialog = opened(till)
    says(dialog, REFUSED["NotAllowedError"])
    looked_at(till)
    till.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    till.context.grant_permissions(["camera"])
    till.locator("#amount").fill("20000")
    opened(till)
    expect(till.locator(".amounts")).to_contain_text("۲۰ امتیاز")
    expect(till.locator(".page-head")).to_contain_text("کد کیف را نشان داد")
    till.get_by_role("button", name="ثبت خرید").click()
    till.wait_for_url("**/till/acts/**")
    assert kinds(house, person) == ["issuance"]
    assert len([each for each in asked if "/qr-detector." in each]) == 1


def test_the_browsers_own_detector_keeps_looking_until_the_code_is_ours(
    till: Page, house: House, desk: Desk, film: Path
) -> None:
    person = house.member()
    shoot(film, CARD_OF_A_BANK)
    till.context.grant_permissions(["camera"])
    till.add_init_script(A_DETECTOR_OF_THE_BROWSER)
    till.goto(f"{desk.url}/till")

    dialog = opened(till)
    says(dialog, "درون کادر")
    expect(dialog.get_by_role("button", name="بستن")).to_be_focused()
    till.evaluate("seen = ['" + CARD_OF_A_BANK + "']")
    says(dialog, "این کد کیف پول پیوند نیست")
    looked_at(till)
    till.emulate_media(color_scheme="dark")
    looked_at(till)

    # Out of sight, by Escape or by the button: the camera is off.
    till.evaluate("""
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
      delete document.visibilityState;
    """)
    expect(dialog).to_be_hidden()
    all_off(till)
    ways: list[Callable[[], None]] = [
        lambda: till.keyboard.press("Escape"),
        lambda: dialog.get_by_role("button", name="بستن").click(),
        lambda: till.evaluate("() => window.dispatchEvent(new PageTransitionEvent('pagehide'))"),
    ]
    for close in ways:
        says(opened(till), "این کد کیف پول پیوند نیست")
        assert till.evaluate("streams.at(-1).active")
        close()
        expect(dialog).to_be_hidden()
        all_off(till)

    # A call takes the camera away and gives it back; nobody has ended it.
    says(opened(till), "این کد کیف پول پیوند نیست")
    till.evaluate(MUTE)
    says(dialog, REFUSED["NotReadableError"])
    till.evaluate("() => { delete streams.at(-1).getVideoTracks()[0].muted; }")
    says(dialog, "این کد کیف پول پیوند نیست")
    for name, words in REFUSED.items():
        till.evaluate("name => { window.refusal = name; }", name)
        till.keyboard.press("Escape")
        says(opened(till), words)
    till.evaluate("() => { window.refusal = null; window.seen = []; }")
    dialog.get_by_role("button", name="دوباره").click()
    says(dialog, "درون کادر")
    till.evaluate("code => { seen = [code]; }", person.code(limit=100)["code"])
    expect(till.locator(".notice.good")).to_be_visible()
    expect(till.locator("#amount")).to_be_focused()


def opened(page: Page) -> Locator:
    """Press the button beside the code; return the dialog."""
    page.locator("[data-camera]").first.click()
    return page.get_by_role("dialog")


def says(dialog: Locator, words: str) -> None:
    """Hold a dialog to what can be read on it."""
    expect(dialog).to_contain_text(words, use_inner_text=True)


def all_off(page: Page) -> None:
    """Wait until no stream that the page opened holds the camera any more."""
    page.evaluate("""async () => {
      while (streams.some((each) => each.active)) {
        await new Promise(requestAnimationFrame);
      }
    }""")


def shoot(film: Path, text: str) -> None:
    """Film a phone that shows ``text`` as the wallet does: aslant, and not in the middle."""
    symbol = segno.make_qr(text, version=2, error="m", boost_error=False)
    cells = [[0 if dark else 255 for dark in row] for row in symbol.matrix_iter(border=4)]
    code = Image.new("L", (len(cells), len(cells)))
    code.putdata([cell for row in cells for cell in row])
    scene = Image.new("L", (WIDTH, HEIGHT), 90)
    scene.paste(code.resize((260, 260)), (210, 90))
    scene = scene.rotate(11, resample=Image.Resampling.BICUBIC, fillcolor=90)
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    film.write_bytes(head + b"FRAME\n" + scene.tobytes() + colour)
