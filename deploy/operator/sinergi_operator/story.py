"""The first loop as a story: two lists in, a KUBE formed, its case worked, two referrals answered, everyone told.

It acts only through the services' HTTP APIs, as the people of the story would, and checks at the end that all of it
really happened. Raises `AssertionError` with a sentence when something did not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sinergi.problems import Refused
from sinergi_operator.lists import hand_in
from sinergi_operator.place import Api, Place, console
from sinergi_operator.samples import generate
from sinergi_operator.watch import Watch

AREA = "31.74"
HEADS = 10
PATIENCE_SECONDS = 60.0
#: why Dinsos may hand the data on: UU 11/2009 (kesejahteraan sosial), UU 13/2011 (penanganan fakir miskin)
LEGAL_BASIS = "public-task:uu-13-2011"
LETTER = "surat-keterangan-usaha"


class Story:
    """One telling. `people` is the size of the generated population."""

    def __init__(self, place: Place, folder: Path, people: int, seed: int) -> None:
        self._place, self._folder, self._people, self._seed = place, folder, people, seed
        self._operator, self._worker = place.sign_in("operator"), place.sign_in("peksos")
        self._supervisor, self._bptsp = place.sign_in("supervisor"), place.sign_in("bptsp")

    async def tell(self) -> None:
        """Play it from beginning to end, with every fact on the screen as it happens."""
        nats = await self._place.connect()
        watch = Watch(nats, console)
        await watch.start()
        try:
            await self._play()
            await self._check_that_everyone_was_told()
        finally:
            await watch.stop()
            await nats.close()
            for api in (self._operator, self._worker, self._supervisor, self._bptsp):
                await api.close()
        self._check_that_it_was_heard(watch)

    async def _play(self) -> None:
        _chapter("1. Two lists come in: the ministry's and the city's")
        await self._import_lists()
        _chapter("2. Ten heads of family of one kecamatan form a KUBE")
        group, area = await self._form_group()
        _chapter("3. Identifikasi, asesmen, rencana: the social worker's path")
        case = await self._open_and_plan(group, area)
        _chapter("4. The supervisor approves: the first referral goes to Dinas Koperasi, which does the work")
        await self._approve(case)
        await self._step_is(case, "coaching", "completed")
        _chapter("5. The next step goes to BPTSP, which declines for a missing document, gets it, and issues the NIB")
        declined = await self._step_is(case, "licence", "declined")
        await self._send_again(case, declined)
        await self._step_is(case, "licence", "completed")
        _chapter("6. The sender reads the outcomes; terminasi, with follow-ups")
        await self._close_referrals(case)
        await self._close_case(case)

    # ----------------------------------------------------------------- lists

    async def _import_lists(self) -> None:
        files = await asyncio.to_thread(generate, self._folder, self._people, self._seed, AREA)
        console.print(
            f"   generated {files.ministry_rows:,} rows (ministry, {files.ministry.name}) and {files.city_rows:,} rows "
            f"(city, {files.city.name}); {files.in_both:,} people stand in both"
        )
        first = await self._import(files.ministry, "ministry")
        second = await self._import(files.city, "city")
        for name, told in (("ministry", first), ("city", second)):
            console.print(
                f"   {name}: {told['rows_good']:,} good, {told['rows_bad']:,} bad and reported, "
                f"{told['persons_new']:,} new people, {told['persons_matched']:,} matched, "
                f"{told['pairs_for_review']:,} pairs for a human"
            )
        assert second["persons_matched"] > files.in_both * 0.5, "the two lists should match on most people of both"

    async def _import(self, file: Path, source: str) -> dict[str, Any]:
        told = await hand_in(self._operator, file, source, f"   import {source}")
        assert told["state"] == "completed", f"the import of the {source} list failed: {told['problem']}"
        return told

    # ----------------------------------------------------------------- group

    async def _form_group(self) -> tuple[str, str]:
        """Heads of family of one kecamatan who are in no group yet."""
        kecamatan = await self._some_kecamatan()
        heads = await self._heads(kecamatan)
        assert len(heads) == HEADS, f"fewer than {HEADS} heads of family with a NIK are left in {kecamatan}"
        formed = await self._worker.post("registry", "/groups", _kube(kecamatan, heads))
        console.print(f"   {HEADS} heads of family of kecamatan {kecamatan} are KUBE …{formed['id'][-6:]}")
        return formed["id"], kecamatan

    async def _some_kecamatan(self) -> str:
        found = await self._worker.post("registry", "/persons/search", _search(AREA, 1))
        return ".".join(found["items"][0]["area"].split(".")[:3])

    async def _heads(self, kecamatan: str) -> list[str]:
        found = await self._worker.post("registry", "/persons/search", _search(kecamatan, HEADS * 3))
        return [one["id"] for one in found["items"] if one["nik_masked"]][:HEADS]

    # ------------------------------------------------------------------ case

    async def _open_and_plan(self, group: str, area: str) -> str:
        supervisor = self._place.logins["supervisor"].sub
        opened = await self._worker.post(
            "cases",
            "/cases",
            {"client_kind": "group", "client_id": group, "area": area, "way_in": "registry", "supervisor": supervisor},
        )
        case = str(opened["id"])
        answers = {
            "basic_needs": 2, "health": 1, "family": 1, "economic": 3, "psychosocial": 1, "legal": 1, "safety": 0,
        }  # fmt: skip
        assessed = await self._act(case, "assessments", instrument="general", answers=answers)
        console.print(f"   assessed: risk [bold]{assessed['risk']}[/]")
        await self._act(case, "plan", method="put", **PLAN)
        await self._act(case, "plan/submit")
        return case

    async def _approve(self, case: str) -> None:
        await self._act(case, "plan/approve", api=self._supervisor, comment="Setuju, lanjutkan.")

    async def _send_again(self, case: str, step: dict[str, Any]) -> None:
        console.print(
            f"   BPTSP declined: the document [bold]{LETTER}[/] was missing. The worker adds it and sends again."
        )
        await self._act(case, f"steps/{step['id']}/resend", documents=[LETTER], reason="dokumen dilengkapi")

    async def _close_referrals(self, case: str) -> None:
        """The sender has read the outcome of each: the loop is closed."""
        for step in (await self._worker.get("cases", f"/cases/{case}"))["steps"]:
            referral = await self._worker.get("referrals", f"/referrals/{step['referral_id']}")
            await self._worker.post(
                "referrals", f"/referrals/{referral['id']}/close", {"expected_version": referral["version"]}
            )

    async def _close_case(self, case: str) -> None:
        await self._act(
            case,
            "closure",
            reason="goals-met",
            outcomes={"business": "met", "licence": "met"},
            client_view="Terima kasih.",
        )
        closed = await self._act(case, "close", api=self._supervisor, comment="Tujuan tercapai.")
        told = await self._supervisor.get("cases", f"/cases/{case}")
        due = ", ".join(str(one["due_on"]) for one in told["follow_ups"])
        console.print(f"   the case is in [bold]{closed['state']}[/]; follow-ups due {due}")
        assert len(told["follow_ups"]) == 3, "terminasi must schedule three follow-ups"

    async def _act(
        self, case: str, path: str, *, api: Api | None = None, method: str = "post", **body: Any
    ) -> dict[str, Any]:
        """Give a command at the version the case has now; a fact that overtakes us means: read again."""
        api = api or self._worker
        for _ in range(5):
            version = (await api.get("cases", f"/cases/{case}"))["version"]
            try:
                send = api.put if method == "put" else api.post
                answer: dict[str, Any] = await send(
                    "cases", f"/cases/{case}/{path}", body | {"expected_version": version}
                )
            except Refused as no:
                if no.slug != "version-conflict":
                    raise
            else:
                return answer
        raise AssertionError(f"the case changed under each of five tries of {path}")

    async def _step_is(self, case: str, key: str, state: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            steps = (await self._worker.get("cases", f"/cases/{case}"))["steps"]
            return next((step for step in steps if step["key"] == key and step["state"] == state), None)

        found: dict[str, Any] = await _eventually(look, f"the step {key} never became {state}")
        return found

    # ---------------------------------------------------------------- checks

    async def _check_that_everyone_was_told(self) -> None:
        """Inboxes and mails: worker, supervisor, and BPTSP's desk (DOMAIN.md: the sender always knows)."""
        _chapter("Everyone concerned was told")
        for name, api in (("peksos", self._worker), ("supervisor", self._supervisor), ("bptsp", self._bptsp)):
            box = await api.get("notify", "/inbox")
            assert box["total"] > 0, f"the inbox of {name} is empty"
            console.print(f"   inbox of {name}: {box['total']} messages, the last: {box['items'][0]['title']}")
        if self._place.mail:
            mails = await _eventually(self._mails, "a mail to one of the four addresses never came")
            console.print(f"   mails by SMTP: {mails}")

    async def _mails(self) -> dict[str, int] | None:
        """Address -> mails kept by the demo's SMTP server; None while an address has none."""
        assert self._place.mail
        addresses = ["pembinaan@koperasi", "izin-usaha@bptsp", "peksos@dinsos", "supervisor@dinsos"]
        texts = [file.read_text(errors="replace") for file in self._place.mail.glob("*.eml")]
        counts = {one: sum(f"\nTo: {one}.example" in text for text in texts) for one in addresses}
        return counts if all(counts.values()) else None

    def _check_that_it_was_heard(self, watch: Watch) -> None:
        for name in ("koperasi", "bptsp", "cases-referrals", "referrals-cases", "notify-referrals", "notify-cases"):
            assert watch.heard[name], f"{name} acknowledged no fact"
        assert watch.told["sinergi.case.closed.v1"] == 1, "the case did not come to terminasi"
        assert watch.told["sinergi.referral.completed.v1"] == 2, "two referrals should have been completed"
        console.print(f"   {sum(watch.told.values())} facts told, {sum(watch.heard.values())} times heard")


PLAN: dict[str, Any] = {
    "goals": [
        {"key": "business", "need": "economic", "text": "Usaha kelompok berjalan dan dibina"},
        {"key": "licence", "need": "legal", "text": "Usaha kelompok berizin (NIB)"},
    ],
    "steps": [
        {
            "key": "coaching", "goal": "business", "stage": "intervensi", "kind": "referral",
            "service": "pembinaan-kube", "after": [], "reason": "economic-empowerment",
            "legal_basis": LEGAL_BASIS, "priority": "routine", "documents": [],
        },
        {
            "key": "licence", "goal": "licence", "stage": "pemberdayaan", "kind": "referral",
            "service": "izin-usaha-mikro", "after": ["coaching"], "reason": "business-licence",
            "legal_basis": LEGAL_BASIS, "priority": "routine", "documents": [],
        },
    ],
}  # fmt: skip


def _kube(kecamatan: str, heads: list[str]) -> dict[str, Any]:
    officers = ["ketua", "sekretaris", "bendahara"]
    roles = officers + ["anggota"] * (len(heads) - len(officers))
    members = [{"person_id": head, "role": role} for head, role in zip(heads, roles, strict=True)]
    return {"kind": "kube", "name": "KUBE Maju Bersama", "area": kecamatan, "members": members}


def _search(area: str, size: int) -> dict[str, Any]:
    return {"area": area, "heads_only": True, "ungrouped": True, "size": size, "purpose": "pembentukan KUBE"}


async def _eventually(look: Callable[[], Awaitable[Any]], otherwise: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := await look()):
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.1)
    return found


def _chapter(title: str) -> None:
    console.print(f"\n[bold]{title}[/]", soft_wrap=True)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
    )
