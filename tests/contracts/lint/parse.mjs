// parse.mjs FILE...: each AsyncAPI document, with the schemas that it points to, must be valid for AsyncAPI's own parser.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
let wrong = 0;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(await readFile(file, "utf8"), { source: file });
  const told = diagnostics.filter((one) => one.severity <= 1);
  for (const one of told) console.error(`${file}: ${one.path.join(".")}: ${one.message} (${one.code})`);
  if (!document || told.length) wrong += 1;
  else console.log(`${file}: ${document.allChannels().all().length} channels, ${document.allMessages().all().length} messages`);
}
process.exit(wrong);
