// BPTSP: issues micro business licences (NIB) to those who bring a certificate of their business.
import { dueOn, listen } from "./border.mjs";

const NEEDED = "surat-keterangan-usaha";

await listen("bptsp", "sinergi.referral.requested.v1", async (referral, command) => {
  if (referral.service !== "izin-usaha-mikro") return;
  if (!referral.documents.includes(NEEDED)) {
    const text = "Lampirkan surat keterangan usaha, lalu kirim lagi.";
    await command("decline", { reason: "missing-documents", text, missing_documents: [NEEDED] });
    return;
  }
  const sent = referral.sent.slice(0, 10); // of the fact, not of the clock: the same when it comes again
  const digits = BigInt(`0x${referral.referral_id.replaceAll("-", "")}`) % 10n ** 13n;
  const nib = { kind: "nib", number: String(digits).padStart(13, "0") };
  await command("accept", { expected_on: dueOn(referral.sent, 7) });
  await command("complete", { outcome: "licence-issued", given_on: sent, evidence: [nib] });
});
