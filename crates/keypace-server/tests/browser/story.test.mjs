// The whole story on one page: look, measure, find, plan, confirm, watch, pause, slow, go on, undo, history; by keyboard
// and pointer, on a real server.

import assert from "node:assert/strict";
import test from "node:test";
import { jobOf, open, step, tab, until, visit } from "./world.mjs";

const SESSIONS = 100_000;
const CARTS = 5_000;

const number = (text) => Number(text.replace(/[^\d]/g, ""));
const figure = async (page, label) => number(await page.locator(`.figure:has(dt:text-is("${label}")) dd`).first().innerText());

test("a person deletes what nobody needs, and brings it back", async (t) => {
  const world = await open();
  t.after(world.close);
  await world.database.fill("session:web:", SESSIONS);
  await world.database.fill("cart:eu:", CARTS);
  const evil = "session:web:<img src=x onerror=alert(1)>\n";
  await world.database.send(["SET", evil, "1"], ["SET", Buffer.from([0x63, 0x61, 0x72, 0x74, 0x3a, 0xff]), "1"]);
  const all = await world.database.size();
  const page = await tab(world);

  await step(page, "the first view shows the server and its node", async () => {
    await visit(page, world, "");
    const server = page.locator(".server", { hasText: "default" });
    await server.getByText("answers", { exact: true }).waitFor();
    await server.getByRole("row").nth(1).waitFor();
  });

  await step(page, "the keyspace is measured, as areas and as a tree", async () => {
    await page.getByRole("link", { name: "Keyspace", exact: true }).click();
    await page.getByText("Not measured yet").waitFor();
    await page.getByRole("button", { name: "Measure" }).click();
    await page.locator(".tile").first().waitFor();
    const row = page.getByRole("row", { name: /session:/ }).first();
    assert.equal(number(await row.locator("td").first().innerText()), SESSIONS + 1);
    await row.getByRole("button").click();
    await page.getByRole("row", { name: /web:/ }).first().waitFor();
    assert.ok((await page.locator(".lead").innerText()).includes(`${all.toLocaleString("en")} keys`));
  });

  await step(page, "a pattern shows its matches and its scope at once, names as text", async () => {
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    const pattern = page.getByLabel("Pattern", { exact: true });
    await pattern.fill("*");
    await page.locator(".scope", { hasText: "everything" }).waitFor();
    await pattern.fill("session:web:<*");
    await page.locator(".keys code", { hasText: "<img src=x" }).waitFor();
    await page.locator(".scope", { hasText: "scoped" }).waitFor();
    assert.equal(await page.locator(".keys img").count(), 0);
    assert.ok((await page.locator(".keys code").first().innerText()).endsWith("\\x0a"));
    await pattern.fill("cart:\\[");
    await page.getByText("No key matches").waitFor();
    await pattern.fill("session:*");
    await page.getByRole("button", { name: "Look on" }).click();
    await until("a second page", async () => (await page.locator(".keys li").count()) > 100);
  });

  let plan;
  await step(page, "a plan says what would go, and needs the pattern typed", async () => {
    await page.getByLabel("Budget", { exact: true }).fill("500us");
    await page.getByRole("button", { name: "Plan a delete" }).click();
    plan = await jobOf(page);
    await page.locator(".state-planned").first().waitFor();
    assert.equal(await figure(page, "Would delete"), SESSIONS + 1);
    assert.ok((await page.locator(".keys code").count()) > 0);
    assert.match(await page.locator('.figure:has(dt:text-is("Will take"))').innerText(), /about/);
    const words = page.getByLabel(/Type .* to confirm/);
    const start = page.getByRole("button", { name: /^Delete / });
    assert.ok(await start.isDisabled());
    await words.fill("session:");
    assert.ok(await start.isDisabled());
    await words.fill("session:*");
    await words.press("Enter");
  });

  let running;
  await step(page, "it is watched live, paused, slowed and goes on", async () => {
    running = await jobOf(page, plan);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator(".title .state-paused").waitFor();
    const before = await world.database.size();
    assert.ok(before < all + 1 && before > all - SESSIONS - 1, `paused with ${before} of ${all} keys left`);
    await page.getByRole("button", { name: "Slower" }).click();
    await until("the slower budget", async () => (await world.service.job(running)).budget === "250us");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.locator(".title .state-running").waitFor();
    await page.locator(".lanes tbody tr").first().waitFor();
    await page.locator(".chart canvas").waitFor();
    await page.getByRole("button", { name: "Faster" }).click();
    await until("the faster budget", async () => (await world.service.job(running)).budget === "500us");
    await page.getByLabel("Budget: the extra wait").fill("off");
    await page.getByLabel("Budget: the extra wait").press("Enter");
    await page.locator(".title .state-done").waitFor();
    assert.equal(await world.database.size(), all - SESSIONS - 1);
    assert.equal(await figure(page, "Deleted"), SESSIONS + 1);
  });

  await step(page, "a used plan can't be used again", async () => {
    await visit(page, world, `#/jobs/${plan}`);
    await page.getByText("This plan was used").waitFor();
    assert.equal(await page.getByLabel(/Type .* to confirm/).count(), 0);
  });

  await step(page, "it is undone from its backup", async () => {
    await visit(page, world, `#/jobs/${running}`);
    await page.getByRole("button", { name: "Bring the keys back" }).click();
    await jobOf(page, running);
    await page.locator(".title .state-done").waitFor();
    assert.equal(await world.database.size(), all);
    assert.equal(await figure(page, "Brought back"), SESSIONS + 1);
  });

  await step(page, "the history has all of it", async () => {
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    for (const name of ["Restore", "Delete", "Plan of a delete", "Measure"]) await page.getByRole("link", { name, exact: true }).waitFor();
    await page.getByLabel("Kind").selectOption("restore");
    await until("one row", async () => (await page.locator(".jobs tbody tr").count()) === 1);
  });

  assert.deepEqual(page.faults, []);
});
