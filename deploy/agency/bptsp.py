"""BPTSP: issues micro business licences (NIB) to those who bring a certificate of their business."""

from datetime import date, timedelta
from uuid import UUID

from sinergi import Agency, ReferralRequested

agency = Agency("bptsp")
NEEDED = "surat-keterangan-usaha"


@agency.on(ReferralRequested)
async def license_business(referral: ReferralRequested) -> None:
    if referral.service != "izin-usaha-mikro":
        return
    if NEEDED not in referral.documents:
        text = "Lampirkan surat keterangan usaha, lalu kirim lagi."
        await agency.decline(referral, "missing-documents", text, missing_documents=[NEEDED])
        return
    sent = referral.envelope.time.date()  # of the fact, not of the clock: the same when it comes again
    nib = {"kind": "nib", "number": f"{UUID(referral.referral_id).int % 10**13:013d}"}
    await agency.accept(referral, expected_on=max(sent + timedelta(days=7), date.today()))
    await agency.complete(referral, "licence-issued", given_on=sent, evidence=[nib])


if __name__ == "__main__":
    agency.run()
