"""The operator hands in a list, watches it, finds somebody and looks at the area: with clicks, on desktop and phone."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_bptsp_answers import WIDTHS, open_browser, sign_in
from tests.registry.lists import TEBET, ministry_csv, ministry_row, people, someone


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_a_list_goes_in_and_somebody_is_found_in_it(
    chromium: Browser, console_url: str, logins: dict[str, str], pictures: Path, tmp_path: Path, width: str
) -> None:
    one = someone(name=f"Sumiyati Peramban {width.title()}")
    broken = ministry_row(someone())
    broken[4] = "31-02-1990"
    file = tmp_path / f"daftar-{width}.csv"
    file.write_bytes(ministry_csv([ministry_row(one), broken, *(ministry_row(each) for each in people(200))]))
    context = await open_browser(chromium, console_url, width)
    page = await context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    async def picture(name: str) -> None:
        await page.screenshot(path=pictures / f"{width}-registry-{name}.png", full_page=True)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} pixels wider than the screen"

    await sign_in(page, "operator", logins["operator"])
    await page.get_by_role("link", name="Daftar masuk").click()
    await page.get_by_label("Berkas").set_input_files(file)
    await picture("1-hand-in")
    await page.get_by_role("button", name="Serahkan daftar").click()
    await expect(page.get_by_role("heading", name="Baris bermasalah")).to_be_visible(timeout=60_000)
    await expect(page.get_by_text("Tanggal tidak ada.")).to_be_visible()
    await picture("2-import")

    await page.get_by_role("link", name="Warga").click()
    await page.get_by_label("NIK, KK, atau nama").fill("sumiati peramban " + width)
    await page.get_by_label("Untuk keperluan apa?").fill("verifikasi bantuan")
    await page.get_by_role("button", name="Cari").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await picture("3-found")
    await page.get_by_role("button", name="Buka data").first.click()
    await expect(page.get_by_role("heading", name=one.name.upper())).to_be_visible()
    await picture("4-person")

    await page.goto(f"/areas/{TEBET}")
    await expect(page.get_by_role("heading", name="Tebet")).to_be_visible()
    await picture("5-area")
    await page.get_by_role("link", name="Mutu data").click()
    await picture("6-quality")
    await page.goto("/reviews")
    await picture("7-reviews")
    assert errors == []
    await context.close()
