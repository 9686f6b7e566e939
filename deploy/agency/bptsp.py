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
    await agency.accept(referral, expected_on=date.today() + timedelta(days=7))
    nib = f"{UUID(referral.referral_id).int % 10**13:013d}"  # from the referral: the same when it comes again
    await agency.complete(referral, outcome="licence-issued", evidence=[{"kind": "nib", "number": nib}])


if __name__ == "__main__":
    agency.run()
