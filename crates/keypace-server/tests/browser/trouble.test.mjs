// What goes wrong around a page: a tab that is closed, two tabs, a server and a service that go away, a foreign page, a
// key that is missing. The job goes on, or says why not.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import test from "node:test";
import { open, step, tab, until, visit } from "./world.mjs";

const KEYS = 300_000;

/** A delete of everything with `prefix`, planned and confirmed without a page, slow enough to be watched. */
const slowDelete = async (world, prefix) => {
  const spec = { kind: "delete", server: "default", patterns: [`${prefix}*`], backup: true, budget: "200us" };
  const planned = await world.service.call("POST", "/v1/jobs", { ...spec, budget: "off", dry_run: true });
  const { confirm } = await world.service.reaches(planned.id, "planned");
  return (await world.service.call("POST", "/v1/jobs", { ...spec, confirm })).id;
};

test("a page may go, and the job does not care", async (t) => {
  const world = await open();
  t.after(world.close);
  await world.database.fill("session:", KEYS);
  const id = await slowDelete(world, "session:");
  const first = await tab(world);
  const second = await tab(world, { colorScheme: "dark", viewport: { width: 360, height: 740 } });

  await step(second, "a tab that is closed and opened again finds it further on", async () => {
    await visit(first, world, `#/jobs/${id}`);
    await first.locator(".lanes tbody tr").waitFor();
    await first.close();
    const { progress } = await world.service.job(id);
    await until("progress without a page", async () => (await world.service.job(id)).progress.deleted > (progress.deleted ?? 0));
    const again = await tab(world);
    await visit(again, world, `#/jobs/${id}`);
    await again.locator(".lanes tbody tr").waitFor();
    assert.deepEqual(again.faults, []);
    await again.close();
  });

  await step(second, "what one tab orders shows in the other", async () => {
    const other = await tab(world);
    await visit(other, world, `#/jobs/${id}`);
    await visit(second, world, `#/jobs/${id}`);
    await other.getByRole("button", { name: "Pause" }).click();
    await second.locator(".title .state-paused").waitFor();
    await second.getByRole("button", { name: "Go on" }).click();
    await other.locator(".title .state-running").waitFor();
    assert.deepEqual([...other.faults, ...second.faults], []);
    await other.close();
  });

  await step(second, "a service that is killed and started again is found, and the job goes on", async () => {
    await world.service.stop();
    await second.getByText("Finding the way back to the service").waitFor();
    await world.service.start();
    await until("the live line", async () => (await second.getByText("Finding the way back").count()) === 0);
    await second.locator(".lanes tbody tr").waitFor();
  });

  await step(second, "it is cancelled only after a second word", async () => {
    await second.getByRole("button", { name: "Cancel" }).click();
    await second.getByRole("button", { name: "No", exact: true }).click();
    await second.getByRole("button", { name: "Cancel" }).click();
    await second.getByRole("button", { name: "Yes, cancel it" }).click();
    await second.locator(".title .state-cancelled").waitFor();
    assert.ok((await world.database.size()) > 0);
  });
});

test("a server that goes away is said to be away, and is waited for", async (t) => {
  const world = await open();
  t.after(world.close);
  await world.database.fill("session:", KEYS);
  const id = await slowDelete(world, "session:");
  const page = await tab(world);
  await visit(page, world, `#/jobs/${id}`);
  await page.locator(".lanes tbody tr").waitFor();
  await world.database.stop();
  // It waits for a while; what answers then has forgotten everything, so the job must not go on by itself.
  await page.getByText(/The server can't answer at the moment|does not answer|can't be reached|failed to|another/i).first().waitFor();
  await world.database.start();
  await until("an end of the waiting", async () => ["paused", "failed", "incomplete"].includes((await world.service.job(id)).state));
  await page.locator(".title .state-paused, .title .state-failed, .title .state-incomplete").waitFor();
  await page.locator(".notice").first().waitFor();
  await visit(page, world, "");
  await page.getByText("answers", { exact: true }).waitFor();
  assert.deepEqual(page.faults, []);
});

/** Serves one page that tries to reach `target` in each way a page has, and tells what it got. */
const foreignPage = async (target) => {
  const script = `
    const tell = async () => {
      const got = {};
      const ways = { read: () => fetch("${target}/v1/jobs"), blind: () => fetch("${target}/v1/jobs", { mode: "no-cors" }),
        write: () => fetch("${target}/v1/jobs", { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: '{"kind":"count","patterns":["*"]}' }),
        json: () => fetch("${target}/v1/jobs", { method: "POST", headers: { "content-type": "application/json" }, body: '{"kind":"count","patterns":["*"]}' }) };
      for (const [name, way] of Object.entries(ways)) got[name] = await way().then((answer) => answer.type + " " + answer.status, () => "nothing");
      got.socket = await new Promise((done) => { const socket = new WebSocket("${target.replace("http", "ws")}/v1/jobs/x/events?ticket=x"); socket.onopen = () => done("open"); socket.onerror = () => done("nothing"); });
      got.frame = await new Promise((done) => { const frame = document.createElement("iframe"); frame.src = "${target}/"; frame.onload = () => { try { done(frame.contentDocument ? "own" : "nothing"); } catch { done("nothing"); } }; document.body.append(frame); });
      document.title = JSON.stringify(got);
    };
    tell();`;
  const server = http.createServer((_, reply) => reply.setHeader("content-type", "text/html").end(`<body><script>${script}</script></body>`));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
};

test("a page of another origin and a rebound name get nothing", async (t) => {
  const world = await open();
  t.after(world.close);
  const foreign = await foreignPage(world.service.origin);
  t.after(foreign.close);
  const page = await tab(world);
  await page.goto(foreign.origin);
  const got = await until("what the foreign page got", async () => {
    const title = await page.title();
    return title.startsWith("{") && JSON.parse(title);
  });
  const { blind, write, ...read } = got;
  assert.deepEqual(read, { read: "nothing", json: "nothing", socket: "nothing", frame: "nothing" });
  // What can't be read may be sent all the same: the service must have refused it.
  for (const answer of [blind, write]) assert.ok(["nothing", "opaque 0"].includes(answer), answer);
  assert.deepEqual((await world.service.call("GET", "/v1/jobs")).jobs, []);

  const rebound = world.service.origin.replace("127.0.0.1", "localhost");
  const answer = await page.goto(`${rebound}/v1/jobs`);
  assert.equal(answer.status(), 403);
});

test("with keys the page asks for one, keeps it in the tab and sends it in no address", async (t) => {
  const secret = "kp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const hash = createHash("sha256").update(secret).digest("hex");
  const world = await open({ keys: `[keys.page]\nsha256 = "${hash}"\nscope = "operator"\n` });
  t.after(world.close);
  await world.database.fill("session:", 100);
  const page = await tab(world);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await visit(page, world, "");
  const typed = page.getByRole("textbox", { name: "API key" });
  await typed.fill("kp_wrong");
  await typed.press("Enter");
  await page.getByText("doesn't know this key").waitFor();
  await page.getByRole("textbox", { name: "API key" }).fill(secret);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("answers", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("answers", { exact: true }).waitFor();
  await visit(page, world, "#/keys?pattern=session:*");
  await page.getByRole("button", { name: "Count", exact: true }).click();
  await page.locator(".title .state-done").waitFor();
  assert.ok(asked.length > 0 && asked.every((url) => !url.includes("kp_")), "no address holds the key");
  const fresh = await page.context().newPage();
  await fresh.goto(`${world.service.origin}/#/`);
  await fresh.getByRole("textbox", { name: "API key" }).waitFor();
  await page.getByRole("button", { name: "Forget the key" }).click();
  await page.getByRole("textbox", { name: "API key" }).waitFor();
  assert.deepEqual(page.faults, []);
});
