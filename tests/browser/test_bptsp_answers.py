"""BPTSP's desk officer answers a referral with clicks alone, on a desktop and on a phone."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from services.console.page import number
from tests.console.conftest import System

NIB = "9120001234567"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


async def sign_in(page: Page, username: str, password: str) -> None:
    await page.goto("/login")
    await page.get_by_label("Nama pengguna").fill(username)
    await page.get_by_label("Kata sandi").fill(password)
    await page.get_by_role("button", name="Masuk").click()
    await expect(page.get_by_role("heading", name="Kotak masuk")).to_be_visible()


async def open_browser(chromium: Browser, console_url: str, width: str) -> BrowserContext:
    wide, high = WIDTHS[width]
    context = await chromium.new_context(base_url=console_url, viewport={"width": wide, "height": high}, locale="id-ID")
    context.set_default_timeout(15_000)
    return context


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_bptsp_answers_a_referral_that_arrives_while_the_inbox_is_open(
    chromium: Browser,
    console_url: str,
    logins: dict[str, str],
    system: System,
    pictures: Path,
    width: str,
) -> None:
    context = await open_browser(chromium, console_url, width)
    page = await context.new_page()
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: broken.append(str(error)))

    async def picture(name: str) -> None:
        await page.screenshot(path=pictures / f"{width}-{name}.png", full_page=True)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} pixels wider than the screen"

    await page.goto("/login")
    await picture("1-login")
    await sign_in(page, "bptsp", logins["bptsp"])

    referral = await system.referral()  # the page is not touched: it shows the message by itself
    title = f"Rujukan baru {number(referral)}"
    await expect(page.get_by_role("heading", name=title)).to_be_visible()
    await picture("2-inbox")

    await page.get_by_role("button", name=f"Buka: {title}").click()
    await expect(page).to_have_url(f"{console_url}/referrals/{referral}")
    await page.get_by_text("Tolak", exact=True).first.click()
    await page.get_by_text("Setujui", exact=True).first.click()
    await picture("3-referral")

    await page.get_by_label("Perkiraan tanggal selesai").fill((date.today() + timedelta(days=7)).isoformat())
    await page.get_by_role("button", name="Setujui").click()
    await expect(page.get_by_role("status")).to_contain_text("Setujui")

    await page.get_by_text("Selesaikan", exact=True).first.click()
    form = page.locator("details.answer-complete")
    await form.get_by_label("Hasil").select_option("licence-issued")
    await form.get_by_label("Nomor NIB").fill(NIB)
    await picture("4-complete")
    await form.get_by_role("button", name="Selesaikan").click()

    await expect(page.get_by_role("status")).to_contain_text("Selesaikan")
    await expect(page.get_by_text(f"NIB {NIB}")).to_be_visible()
    steps = page.locator(".timeline > li > strong")
    await expect(steps).to_have_text(["Selesai", "Disetujui", "Diminta"])
    await picture("5-timeline")

    await page.goto("/referrals")
    await expect(page.get_by_role("link", name=number(referral))).to_be_visible()
    await picture("6-list")
    assert broken == []
    await context.close()


async def test_the_worker_reads_the_answer_without_any_script(
    chromium: Browser, console_url: str, logins: dict[str, str], system: System
) -> None:
    referral = await system.referral()
    context = await chromium.new_context(base_url=console_url, java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, "peksos", logins["peksos"])
    await page.goto(f"/referrals/{referral}")
    await page.get_by_text("Batalkan", exact=True).first.click()
    await page.locator("details.answer-cancel select").select_option("plan-changed")
    await page.get_by_role("button", name="Batalkan").click()
    await expect(page.locator("h1 .badge")).to_have_text("Dibatalkan")
    await context.close()
