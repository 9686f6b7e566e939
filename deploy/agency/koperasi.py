"""Dinas Koperasi: coaches groups. It takes every referral on, and gives a certificate at the end."""

from datetime import date, timedelta

from sinergi import Agency, ReferralRequested

agency = Agency("koperasi")


@agency.on(ReferralRequested)
async def coach(referral: ReferralRequested) -> None:
    if referral.service != "pembinaan-kube":
        return
    number = f"KOP-{referral.referral_id}"
    await agency.acknowledge(referral, receiver_reference=number)
    await agency.accept(referral, expected_on=date.today() + timedelta(days=14))
    await agency.progress(referral, note="Pembinaan dimulai.")
    certificate = {"kind": "certificate", "number": number, "issued_on": date.today()}
    await agency.complete(referral, outcome="service-given", evidence=[certificate])


if __name__ == "__main__":
    agency.run()
