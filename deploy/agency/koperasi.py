"""Dinas Koperasi: coaches groups. It takes every referral on, and gives a certificate at the end."""

from datetime import date, timedelta

from sinergi import Agency, ReferralCancelRequested, ReferralRequested

agency = Agency("koperasi")


@agency.on(ReferralRequested)
async def coach(referral: ReferralRequested) -> None:
    if referral.service != "pembinaan-kube":
        return
    sent = referral.envelope.time.date()  # of the fact, not of the clock: the same when it comes again
    number = f"KOP-{referral.referral_id}"
    await agency.acknowledge(referral, receiver_reference=number)
    await agency.accept(referral, expected_on=max(sent + timedelta(days=14), date.today()))
    await agency.progress(referral, note="Pembinaan dimulai.")
    certificate = {"kind": "certificate", "number": number, "issued_on": sent}
    await agency.complete(referral, "service-given", given_on=sent, evidence=[certificate])


@agency.on(ReferralCancelRequested)
async def stop(referral: ReferralCancelRequested) -> None:
    await agency.command("confirm_cancel", referral)


if __name__ == "__main__":
    agency.run()
