// Does what its stdin says with the published block, and prints what each step gave.
(async () => {
  const { createClient, createCluster } = require("redis");
  const [url, kind, keyFile, scripts] = process.argv.slice(2);
  const client = kind === "one" ? createClient({ url }) : createCluster({ rootNodes: [{ url }] });
  await client.connect();
  let records;
  try {
    if (kind === "one") {
      @USE@
    }
    records = await Records.open(client, "session", keyFile, scripts);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`refused: ${error.word}\n`);
    process.exit(1);
  }
  for (const line of readFileSync(0, "utf8").trim().split("\n")) {
    const step = JSON.parse(line);
    const owner = Buffer.from(step.owner, "hex");
    try {
      if (step.do === "put") {
        await records.put(owner, step.id, Buffer.from(step.body, "hex"), step.ttl);
        console.log("put");
      } else if (step.do === "touch") {
        console.log(`touch ${await records.touch(owner, step.id, step.ttl)}`);
      } else {
        console.log(`delete ${await records.delete(owner, step.id)}`);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      console.log(`refused ${error.word}`);
    }
  }
  await client.close();
})();
