"""A plan is written on its page by small forms, decided by the supervisor, and carried out, without any script."""

import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from tests.console.conftest import System, hidden

CALM = dict.fromkeys(("basic_needs", "health", "family", "economic", "psychosocial", "legal"), 1)


async def a_case(system: System, **answers: int) -> str:
    async with system.api("cases", "peksos") as api:
        body = {"client_kind": "person", "client_id": str(uuid4()), "area": "31.74.01", "way_in": "walk-in"}
        case = (await api.post("/cases", json=body)).raise_for_status().json()
        filled = {"instrument": "general", "answers": CALM | {"safety": 0} | answers, "expected_version": 1}
        (await api.post(f"/cases/{case['id']}/assessments", json=filled)).raise_for_status()
    return str(case["id"])


async def give(browser: httpx.AsyncClient, case: str, path: str, **more: Any) -> httpx.Response:
    """Send a form of the plan's page."""
    page = (await browser.get(f"/cases/{case}/plan")).text
    data = {name: hidden(page, name) for name in ("csrf", "expected_version")} | {"key": str(uuid4())} | more
    return await browser.post(f"/cases/{case}{path}", data=data)


async def done(browser: httpx.AsyncClient, case: str, path: str, **more: Any) -> str:
    """A form that must be taken; returns the page that follows."""
    answer = await give(browser, case, path, **more)
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


async def test_a_plan_is_written_sent_back_approved_and_carried_out(system: System) -> None:
    case = await a_case(system, safety=3)
    async with system.signed_in("peksos") as worker, system.signed_in("supervisor") as supervisor:
        page = (await worker.get(f"/cases/{case}/plan")).text
        assert "Belum ada rencana." in page
        page = await done(worker, case, "/plan/add_goal", need="economic", text="Usaha <b>berjalan</b>", target="Laba")
        assert '<option value="pathway-kube-naik-kelas">' in page
        page = await done(
            worker, case, "/plan/add_step", kind="aid", goal="g1", stage="intervensi", service="sembako", due_days="7",
            amount="600000",
        )  # fmt: skip
        assert "Usaha &lt;b&gt;berjalan&lt;/b&gt;" in page
        assert "Rp 600.000" in page
        referral = {"kind": "referral", "goal": "g1", "stage": "pemberdayaan", "service": "izin-usaha"}
        await done(worker, case, "/plan/add_step", **referral, reason="licence", legal_basis="UU 11/2009", after=["s1"])
        refused = await give(worker, case, "/plan/submit")
        assert refused.status_code == 409
        assert "Beri tujuan untuk setiap kebutuhan yang berat" in refused.text
        await done(worker, case, "/plan/left_out", need="safety", why="Pelaku sudah ditahan")
        await done(worker, case, "/plan/order", **{"order-s1": "2", "order-s2": "1"})
        await done(worker, case, "/plan/submit")

        assert f"/cases/{case}/plan" in (await supervisor.get("/plans")).text
        more = {"comment": "Tambah kunjungan", "steps:s1": "Cukup?"}
        page = await done(supervisor, case, "/plan/return", **more)
        assert "Dikembalikan" in page
        page = (await worker.get(f"/cases/{case}/plan")).text
        assert "Tambah kunjungan" in page
        assert "Cukup?" in page
        visit = {"kind": "visit", "goal": "g1", "stage": "intervensi", "service": "monitoring"}
        await done(worker, case, "/plan/add_step", **visit)
        await done(worker, case, "/plan/submit")
        page = (await supervisor.get(f"/cases/{case}/plan")).text
        assert re.search(r"Berubah sejak pengajuan sebelumnya.*Baru: langkah s3", page, re.S)
        assert "Pelaku sudah ditahan" in page
        await done(supervisor, case, "/plan/approve", comment="Baik")

        step = re.search(r"/steps/([0-9a-f-]{36})/finish", (await worker.get(f"/cases/{case}/plan")).text)
        assert step
        refused = await give(worker, case, f"/steps/{step[1]}/finish", outcome="aid-given", note="Diterima Bu Ani")
        assert refused.status_code in (303, 422)
        page = await done(worker, case, "/goals/g1/progress", reached="some", note="Mulai berdagang")
        assert "Mulai berdagang" in page
        page = await done(worker, case, "/plan/revise")
        assert "Versi 2" in page
        page = await done(worker, case, "/revert", to="asesmen", reason="material-change", note="Suami wafat")
        assert "Kasus kembali ke tahap sebelumnya" in page


async def test_a_refused_form_keeps_what_was_typed_and_reads_in_english_too(system: System) -> None:
    case = await a_case(system)
    async with system.signed_in("peksos") as worker:
        await done(worker, case, "/plan/add_goal", need="economic", text="Usaha")
        wrong = {"kind": "visit", "goal": "g1", "stage": "intervensi", "service": "pakai spasi", "worker": "rekan-1"}
        refused = await give(worker, case, "/plan/add_step", **wrong)
        assert refused.status_code == 422
        assert 'value="pakai spasi"' in refused.text
        assert 'value="rekan-1"' in refused.text
        page = (await worker.get(f"/cases/{case}/plan?lang=en")).text
        assert "Write the plan" in page
        assert "PMKS" not in page
        labels = set(re.findall(r'<label for="([^"]+)"', page))
        fields = set(re.findall(r'<(?:input|select|textarea) id="([^"]+)"', page))
        assert fields <= labels
        assert len(fields) == len(re.findall(r'<(?:input|select|textarea) id="', page))


async def test_a_reader_sees_the_plan_without_forms_and_a_stale_form_is_refused(system: System) -> None:
    case = await a_case(system)
    async with system.signed_in("peksos") as worker, system.signed_in("supervisor") as supervisor:
        page = (await supervisor.get(f"/cases/{case}/plan")).text
        assert "/plan/add_goal" not in page
        await done(worker, case, "/plan/add_goal", need="economic", text="Usaha")
        stale = await give(worker, case, "/plan/add_goal", need="legal", text="Izin usaha", expected_version="1")
        assert stale.status_code == 409
        assert "Izin usaha" in stale.text
        assert (await give(worker, case, "/plan/nonsense")).status_code == 404
        assert (await worker.get("/plans")).status_code == 403
