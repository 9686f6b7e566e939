"""The conformance check tells a right plug-in from a wrong one, and names the rule that is broken."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from sinergi.problems import Refused
from sinergi.provision import durable_exists
from sinergi_operator.conformance import RULES, Check, Verdict
from sinergi_operator.cutting import cut
from sinergi_operator.directory import AGENCIES, SERVICES
from sinergi_operator.nats_config import SYSTEM_USER
from tests.harness.stack import eventually
from tests.operator.office import Office

ROOT = Path(__file__).parents[2]
RIGHT, WRONG = ROOT / "deploy" / "agency" / "koperasi.py", Path(__file__).with_name("wrong_plugin.py")
SERVICE = "pembinaan-kube"


@pytest.fixture(scope="module", autouse=True)
async def koperasi(office: Office) -> None:
    """The agency whose plug-in is tried, as the demo enters it."""
    await office.operator.put("referrals", "/directory/agencies/koperasi", AGENCIES["koperasi"])
    await office.operator.put("referrals", f"/directory/services/{SERVICE}", SERVICES[SERVICE])
    await eventually(lambda: durable_exists(office.nats, "REFERRALS", "koperasi"))


@asynccontextmanager
async def plug_in(office: Office, program: Path) -> AsyncIterator[None]:
    """It works as koperasi until the block ends."""
    backend = office.stack.backend
    keys = {"SINERGI_NATS_URL": backend.nats_url, "SINERGI_NATS_SEED_FILE": str(backend.seed_file("koperasi"))}
    arguments = [str(program), *keys.values()] if program == WRONG else [str(program)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=os.environ | keys)
    try:
        await eventually(lambda: _listens(office))
        yield
    finally:
        process.kill()
        await process.wait()


async def tried(office: Office, patience: float, *, cutting: bool) -> dict[str, Verdict]:
    """The verdicts by rule."""
    said: list[Verdict] = []
    backend = office.stack.backend
    line = partial(cut, backend.nats_url, backend.seed_file(SYSTEM_USER), "koperasi") if cutting else None
    check = Check(
        "koperasi", SERVICE, "group", office.nats, office.operator, office.supervisor, line, patience, quiet=0.5
    )
    kept = await check.run(said.append)
    assert kept == all(one.kept is not False for one in said)
    return {one.rule: one for one in said}


async def test_a_plug_in_that_is_not_there_or_has_no_consumer_is_not_tried(office: Office) -> None:
    for code, slug in (("koperasi", "no-plug-in"), ("tiada", "no-consumer")):
        check = Check(code, SERVICE, "group", office.nats, office.operator, office.supervisor, patience=0.2)
        with pytest.raises(Refused, match=slug):
            await check.run(lambda verdict: None)


@pytest.mark.slow
async def test_the_sample_plug_in_keeps_every_rule(office: Office) -> None:
    async with plug_in(office, RIGHT):
        verdicts = await tried(office, 30, cutting=True)
    assert {rule: one.kept for rule, one in verdicts.items()} == dict.fromkeys(RULES.values(), True), verdicts


@pytest.mark.slow
async def test_a_wrong_plug_in_is_told_which_rules_it_breaks(office: Office) -> None:
    async with plug_in(office, WRONG):
        verdicts = await tried(office, 4, cutting=False)
    broken = {rule for rule, one in verdicts.items() if one.kept is False}
    assert broken == {RULES[rule] for rule in ("after", "twice", "version", "stop")}, verdicts
    assert verdicts[RULES["line"]].kept is None


def test_the_rules_that_are_tried_stand_in_the_agencies_guide() -> None:
    guide = (ROOT / "docs" / "agency.md").read_text().split("\n## The rules\n")[1].split("\n## ")[0]
    assert set(RULES.values()) <= set(re.findall(r"\*\*(.+?)\.?\*\*", guide))


async def _listens(office: Office) -> bool:
    return bool((await office.nats.jetstream().consumer_info("REFERRALS", "koperasi")).num_waiting)
