"""A message is mailed to those who have an address: once, later if need be, and never given up in silence."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from services.notify.mail import MailSettings, Sender
from tests.harness.stack import Running, eventually
from tests.notify.conftest import Post
from tests.notify.stories import Story

Publish = Callable[..., Awaitable[str]]


async def contact(notify: Running, recipient: str, email: str) -> None:
    async with notify.client(role="operator") as client:
        (await client.put(f"/contacts/{recipient}", json={"email": email})).raise_for_status()


async def deliveries(notify: Running, state: str, recipient: str) -> list[dict[str, Any]]:
    async with notify.client(role="operator") as client:
        answer = await client.get("/deliveries", params={"state": state, "size": 100})
        return [one for one in answer.json()["items"] if one["recipient"] == recipient]


async def mailed(notify: Running, publish_fact: Publish, email: str) -> Story:
    """A story whose desk has this address, and whose referral was just requested."""
    story = Story()
    await contact(notify, f"desk:{story.agency}:{story.desk}", email)
    await publish_fact(story.requested("Siti Aminah"), story.referral_id, 1)
    return story


def address() -> str:
    return f"{uuid4().hex[:10]}@bptsp.test"


async def test_a_mail_arrives_once_with_a_link_and_without_personal_data(
    notify: Running, publish_fact: Publish, post: Post
) -> None:
    email = address()
    story = await mailed(notify, publish_fact, email)
    recipient = f"desk:{story.agency}/{story.desk}"
    (sent,) = await eventually(lambda: deliveries(notify, "sent", recipient))
    (mail,) = post.to(email)
    body = mail.get_content()
    assert mail["Subject"].startswith("[Sinergi] Rujukan baru ")
    assert mail["From"] == "sinergi@dinsos.test"
    assert mail["Message-ID"] == f"<{sent['id']}@dinsos.test>"
    assert f"http://console.test/referrals/{story.referral_id}" in body
    assert "Siti" not in mail.as_string()
    assert not re.search(r"\b\d{16}\b", body)
    assert (sent["tries"], sent["problem"]) == (1, None)


async def test_many_senders_send_each_mail_once(notify: Running, publish_fact: Publish, post: Post) -> None:
    settings = notify.context.settings
    assert isinstance(settings, MailSettings)
    others = [asyncio.create_task(Sender(notify.context, settings).run()) for _ in range(3)]
    emails = [address() for _ in range(12)]
    for email in emails:
        await mailed(notify, publish_fact, email)

    async def all_there() -> bool:
        return all(post.to(email) for email in emails)

    await eventually(all_there)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert [len(post.to(email)) for email in emails] == [1] * 12


async def test_a_recipient_without_an_address_gets_no_mail(notify: Running, publish_fact: Publish, post: Post) -> None:
    before = len(post.mails)
    story = Story()
    await publish_fact(story.requested(), story.referral_id, 1)
    await mailed(notify, publish_fact, email := address())

    async def arrived() -> bool:
        return bool(post.to(email))

    await eventually(arrived)
    assert len(post.mails) == before + 1


async def test_a_mail_waits_for_a_server_that_is_down(notify: Running, publish_fact: Publish, post: Post) -> None:
    email = address()
    post.close()
    try:
        story = await mailed(notify, publish_fact, email)
        recipient = f"desk:{story.agency}/{story.desk}"

        async def tried() -> list[Any]:
            return [one for one in await deliveries(notify, "waiting", recipient) if one["problem"]]

        assert await eventually(tried)
    finally:
        post.open()
    assert await eventually(lambda: deliveries(notify, "sent", recipient))
    assert len(post.to(email)) == 1


async def test_a_mail_that_the_server_puts_off_is_sent_again(
    notify: Running, publish_fact: Publish, post: Post
) -> None:
    email = address()
    post.answers[email] = ["451 try again later", "451 try again later"]
    story = await mailed(notify, publish_fact, email)
    (sent,) = await eventually(lambda: deliveries(notify, "sent", f"desk:{story.agency}/{story.desk}"))
    assert sent["tries"] == 3
    assert len(post.to(email)) == 1


async def test_a_mail_that_the_server_refuses_for_good_has_failed_and_the_operator_sees_it(
    notify: Running, publish_fact: Publish, post: Post
) -> None:
    email = address()
    post.answers[email] = ["550 no such mailbox"]
    story = await mailed(notify, publish_fact, email)
    (failed,) = await eventually(lambda: deliveries(notify, "failed", f"desk:{story.agency}/{story.desk}"))
    assert (failed["tries"], failed["problem"]) == (1, "smtp 550")
    assert post.to(email) == []
    assert email not in str(failed)


async def test_a_mail_that_is_put_off_for_ever_has_failed_after_the_last_try(
    notify: Running, publish_fact: Publish, post: Post
) -> None:
    email = address()
    post.answers[email] = ["451 try again later"] * 50
    story = await mailed(notify, publish_fact, email)
    recipient = f"desk:{story.agency}/{story.desk}"
    (failed,) = await eventually(lambda: deliveries(notify, "failed", recipient), timeout=30)
    assert (failed["tries"], failed["problem"]) == (11, "smtp 451")


async def test_one_refused_mail_does_not_hold_up_the_others(notify: Running, publish_fact: Publish, post: Post) -> None:
    bad, good = address(), address()
    post.answers[bad] = ["451 try again later"] * 3
    await mailed(notify, publish_fact, bad)
    await mailed(notify, publish_fact, good)

    async def both() -> bool:
        return len(post.to(good)) == len(post.to(bad)) == 1

    await eventually(both)


@pytest.mark.parametrize(
    ("recipient", "email"),
    [
        ("desk:bptsp:loket", "no address"),
        ("desk:bptsp:loket", "a@b,c@d"),
        ("desk:bptsp", "a@b.test"),
        ("somebody", "a@b.test"),
        ("user:", "a@b.test"),
    ],
)
async def test_a_contact_that_is_not_as_it_must_be_is_refused(notify: Running, recipient: str, email: str) -> None:
    async with notify.client(role="operator") as client:
        answer = await client.put(f"/contacts/{recipient}", json={"email": email})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:sinergi:problem:contact-not-valid")


@pytest.mark.parametrize("role", ["social_worker", "desk_officer", "supervisor", "auditor"])
async def test_contacts_and_deliveries_are_the_operators_alone(notify: Running, role: str) -> None:
    async with notify.client(role=role) as client:
        assert (await client.put("/contacts/user:me", json={"email": "a@b.test"})).status_code == 403
        assert (await client.get("/deliveries")).status_code == 403
