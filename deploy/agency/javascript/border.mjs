// All that an agency needs of Sinergi's border, with the NATS project's own libraries and nothing of ours.
import { readFileSync } from "node:fs";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";

const RETRY_MS = [1_000, 5_000, 30_000, 120_000, 600_000]; // the last one repeats: nothing is given up

/** Hear each referral fact of `type`; `handle(referral, command)`. An event is acknowledged when `handle` returns. */
export async function listen(agency, type, handle) {
  const seed = new TextEncoder().encode(readFileSync(process.env.SINERGI_NATS_SEED_FILE, "utf8").trim());
  const servers = process.env.SINERGI_NATS_URL.split(",");
  const authenticator = nkeyAuthenticator(seed);
  const nc = await connect({ servers, authenticator, name: agency, maxReconnectAttempts: -1 });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => nc.drain().catch(() => process.exit(0)));

  const js = jetstream(nc, { apiPrefix: "SIN.API" });
  // The server knows our consumer as "me"; `bind` spares the calls that only the core may make.
  const consumer = js.consumers.getConsumerFromInfo({ stream_name: "REFERRALS", name: "me", config: {} });
  console.log(JSON.stringify({ event: "agency.listening", agency }));
  while (!nc.isClosed() && !nc.isDraining()) {
    try {
      const messages = await consumer.consume({ max_messages: 16, expires: 5_000, bind: true });
      for await (const message of messages) await receive(nc, message, type, handle);
    } catch (wrong) {
      console.error(JSON.stringify({ event: "agency.waiting", error: wrong.name }));
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // the consumer is gone: the core makes it again
  }
}

async function receive(nc, message, type, handle) {
  try {
    if (message.headers.get("ce-type") === type) {
      await handle({ ...message.json(), sent: message.headers.get("ce-time") }, commands(nc, message.headers));
    }
    message.ack();
  } catch (wrong) {
    if (wrong.slug === "version-conflict") return message.ack(); // a newer fact is on its way
    const tries = message.info.deliveryCount;
    console.error(JSON.stringify({ event: "agency.handler_failed", tries, error: wrong.slug ?? wrong.name }));
    message.nak(RETRY_MS[Math.min(tries, RETRY_MS.length) - 1]);
  }
}

/** Commands about one event's referral: each expects the version that the one before it left. */
function commands(nc, headers) {
  let version = Number(headers.get("ce-sequence"));
  const referral_id = headers.get("ce-partitionkey");
  return async (name, fields = {}) => {
    const idempotency_key = `${headers.get("ce-id")}:${name}`; // the same when the event comes again
    const request = { ...fields, referral_id, expected_version: version, idempotency_key };
    const reply = await nc.request(`sinergi.cmd.referral.${name}`, JSON.stringify(request), { timeout: 10_000 });
    const answer = reply.json();
    if (answer.problem) {
      const { type, detail } = answer.problem;
      throw Object.assign(new Error(detail), { slug: type.split(":").at(-1) });
    }
    version = answer.version;
    return answer;
  };
}

/** The date (YYYY-MM-DD) `days` after an ISO time, never in the past. */
export function dueOn(time, days) {
  const due = Math.max(Date.parse(time) + days * 86_400_000, Date.now());
  return new Date(due).toISOString().slice(0, 10);
}
