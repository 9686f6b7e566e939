// Dinas Koperasi: coaches groups. It takes every referral on, and gives a certificate at the end.
import { dueOn, listen } from "./border.mjs";

await listen("koperasi", "sinergi.referral.requested.v1", async (referral, command) => {
  if (referral.service !== "pembinaan-kube") return;
  const sent = referral.sent.slice(0, 10); // of the fact, not of the clock: the same when it comes again
  const number = `KOP-${referral.referral_id}`;
  await command("acknowledge", { receiver_reference: number });
  await command("accept", { expected_on: dueOn(referral.sent, 14) });
  await command("progress", { note: "Pembinaan dimulai." });
  const certificate = { kind: "certificate", number, issued_on: sent };
  await command("complete", { outcome: "service-given", given_on: sent, evidence: [certificate] });
});
