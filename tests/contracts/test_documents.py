"""The OpenAPI and AsyncAPI documents are the code's, and what breaks a client is seen."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sinergi_operator.breaking import asyncapi_breaks, openapi_breaks

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "shared" / "contracts"


def read(name: str) -> Any:
    return json.loads((CONTRACTS / name).read_text())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_committed_documents_are_the_code() -> None:
    command = [sys.executable, "-m", "sinergi_operator.contracts", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_breaks_a_client_over_http_is_seen() -> None:
    old = read("openapi/cases.json")
    assert openapi_breaks(old, copy.deepcopy(old)) == []
    new = copy.deepcopy(old)
    del new["paths"]["/tasks"]["get"]
    del new["paths"]["/cases"]["post"]["responses"]["201"]
    new["components"]["schemas"]["OpenCase"]["required"].append("extra")
    new["components"]["schemas"]["OpenCase"]["properties"]["area"]["type"] = "integer"
    asked = {"name": "reason", "in": "query", "required": True, "schema": {"type": "string"}}
    new["paths"]["/cases/{case_id}"]["get"]["parameters"].append(asked)
    assert sorted(openapi_breaks(old, new)) == [
        "GET /cases/{case_id}: parameter reason is now required",
        "GET /tasks was removed",
        "POST /cases: answer 201 was removed",
        "POST /cases: field area was changed",
        "POST /cases: field extra is now required",
    ]


def test_what_breaks_an_agency_over_nats_is_seen() -> None:
    old = read("asyncapi/agency.json")
    assert asyncapi_breaks(old, copy.deepcopy(old)) == []
    new = copy.deepcopy(old)
    del new["channels"]["referral"]["messages"]["referral.requested.v1"]
    new["channels"]["referral.accept"]["address"] = "sinergi.cmd.accept"
    del new["operations"]["referral.decline"]
    assert asyncapi_breaks(old, new) == [
        "message referral.requested.v1 of referral was removed",
        "channel referral.accept was moved",
        "operation referral.decline was removed",
    ]


def test_an_operation_tells_who_may_and_which_refusals_its_code_holds() -> None:
    close = read("openapi/cases.json")["paths"]["/cases/{case_id}/close"]["post"]
    assert (close["x-action"], close["x-roles"]) == ("case.close", ["supervisor"])
    assert "`self-approval`" in close["responses"]["403"]["description"]
    assert "`version-conflict`" in close["responses"]["409"]["description"]


def test_the_agencies_changelog_tells_each_event_and_command() -> None:
    page, agency = (ROOT / "docs" / "contracts-changelog.md").read_text(), read("asyncapi/agency.json")
    told = set(agency["components"]["messages"]) - {"request", "answer"}
    asked = {name for name, one in agency["operations"].items() if one["action"] == "send"}
    assert [name for name in sorted(told | asked) if f"`{name}`" not in page] == []
