// Every view in light, dark and narrow: no rule of axe-core broken, nothing wider than the window, and a picture of each.

import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { open, shots, tab, until, violations, visit } from "./world.mjs";

const LOOKS = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { colorScheme: "light", viewport: { width: 360, height: 740 } }],
  ["narrow-dark", { colorScheme: "dark", viewport: { width: 360, height: 740 } }],
];

const fill = async (world) => {
  const { database } = world;
  await database.fill("session:web:", 240_000, ["EX", "86400"]);
  await database.fill("session:app:", 15_000, ["EX", "86400"]);
  await database.fill("cart:eu:", 9_000, ["EX", "3600"]);
  await database.fill("cart:us:", 7_000);
  await database.fill("user:profile:", 20_000);
  await database.fill("image_proxy:", 4_000, ["EX", "600"]);
  await database.send(["SET", "user:profile:\u202egnp.exe", "x".repeat(50_000)], ["RPUSH", "queue:mail:pending", ...Array.from({ length: 500 }, (_, place) => `mail ${place}`)]);
};

const make = (world, spec) => world.service.call("POST", "/v1/jobs", { server: "default", ...spec });

/** One job of each sort, so that each view has something to show. */
const jobs = async (world) => {
  const stats = await make(world, { kind: "stats", patterns: ["*"], depth: 2 });
  const spec = { kind: "delete", patterns: ["cart:us:*"], backup: true, budget: "1ms" };
  const used = await make(world, { ...spec, dry_run: true });
  const { confirm } = await world.service.reaches(used.id, "planned");
  const ended = await make(world, { ...spec, confirm });
  await world.service.reaches(ended.id, "done");
  const plan = await make(world, { ...spec, patterns: ["session:*"], filters: { ttl: "has" }, dry_run: true });
  const slow = { kind: "delete", patterns: ["session:web:*"], backup: true, budget: "100us" };
  const look = await make(world, { ...slow, dry_run: true, budget: "off" });
  const token = (await world.service.reaches(look.id, "planned")).confirm;
  for (const job of [stats, plan]) await world.service.reaches(job.id, "done", "planned");
  const running = await make(world, { ...slow, confirm: token });
  await world.service.reaches(running.id, "running");
  return { plan: plan.id, ended: ended.id, running: running.id };
};

test("every view is whole in light, dark and narrow", async (t) => {
  const world = await open();
  t.after(world.close);
  await fill(world);
  const { plan, ended, running } = await jobs(world);
  const views = [
    ["overview", "#/", ".server"],
    ["keys", "#/keys?pattern=session:*", ".keys li"],
    ["keys-all", "#/keys?pattern=*", ".scope-catch_all"],
    ["keys-none", "#/keys?pattern=nothing:*", ".empty"],
    ["keys-wrong", `#/keys?pattern=${"a".repeat(2000)}`, ".trouble"],
    ["keyspace", "#/keyspace", ".tile"],
    ["jobs", "#/jobs", ".jobs tbody tr"],
    ["plan", `#/jobs/${plan}`, ".confirm"],
    ["running", `#/jobs/${running}`, ".chart canvas"],
    ["ended", `#/jobs/${ended}`, ".figures"],
    ["no-job", "#/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV", ".trouble"],
  ];
  const folder = await shots();
  for (const [look, options] of LOOKS) {
    await t.test(look, async () => {
      const page = await tab(world, options);
      for (const [name, hash, there] of views) {
        await visit(page, world, hash);
        await page.locator(there).first().waitFor();
        await until("an end of loading", async () => (await page.locator(".loading").count()) === 0);
        await page.screenshot({ path: path.join(folder, `${name}-${look}.png`), fullPage: true });
        assert.deepEqual(await violations(page), [], `${name} in ${look}`);
        const beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert.ok(beyond <= 0, `${name} in ${look} is ${beyond} px too wide`);
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  }
  await t.test("all of it can be reached by keyboard", async () => {
    const page = await tab(world);
    await visit(page, world, "#/");
    const reached = new Set();
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate("document.activeElement.textContent.trim() || document.activeElement.getAttribute('aria-label')"));
    }
    for (const name of ["Overview", "Keys", "Keyspace", "Jobs", "Dark colours", "Look", "Find keys", "All jobs"]) assert.ok(reached.has(name), `${name} among ${[...reached].join(", ")}`);
    await page.getByRole("button", { name: "Dark colours" }).press("Enter");
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "dark");
    await page.reload();
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "dark");
  });
});
