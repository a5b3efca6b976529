// What people write with ioredis: scanStream with a COUNT of 1000, and UNLINK of each page as it comes.
//
// Usage: ioredis.js URL PATTERN. Prints how many keys were removed, and the time from the first SCAN to the last reply.
"use strict";

const Redis = require("ioredis");

async function main() {
  const [url, match] = process.argv.slice(2);
  const client = new Redis(url);
  await client.ping();
  const begun = performance.now();
  let removed = 0;
  for await (const keys of client.scanStream({ match, count: 1000 })) {
    if (keys.length > 0) removed += await client.unlink(...keys);
  }
  console.log(JSON.stringify({ removed, work_ms: performance.now() - begun }));
  client.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
