// The page's pure modules: what a person reads of numbers, sizes, budgets and names. Needs no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

/** A module without imports of its own, whatever node takes its name for. */
const load = async (name) => {
  const text = await readFile(new URL(`../../web/${name}`, import.meta.url), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
};
const format = await load("format.js");
const tree = await load("tree.js");
const history = await load("history.js");

test("numbers are read as people write them", () => {
  assert.equal(format.count(1234567), "1,234,567");
  assert.equal(format.keys(1), "1 key");
  assert.equal(format.share(0.9999), "99 %");
  assert.equal(format.share(1), "100 %");
  assert.equal(format.share(0.004), "0.4 %");
  assert.equal(format.share(undefined), "–");
  assert.equal(format.bytes(1536), "1.5 KiB");
  assert.equal(format.micros(250), "250 µs");
  assert.equal(format.micros(1500), "1.5 ms");
  assert.equal(format.millis(200_000), "3 min 20 s");
});

test("a budget is halved and doubled without loss", () => {
  assert.equal(format.budgetMicros("1ms"), 1000);
  assert.equal(format.budgetMicros("off"), null);
  assert.equal(format.writtenBudget(format.budgetMicros("1ms") / 2), "500us");
  assert.equal(format.writtenBudget(format.budgetMicros("250us") * 4), "1ms");
});

test("a name shows every byte that can't be seen", () => {
  assert.equal(format.keyName({ key: "a\n<b>\u202e" }), "a\\x0a<b>\\u{202e}");
  assert.equal(format.keyName({ key_b64: Buffer.from([0x61, 0x5c, 0xff, 0x00]).toString("base64") }), "a\\\\\\xff\\x00");
});

const rows = [
  { prefix: "user:web:", keys: 10, bytes: 100, no_ttl: 10, types: { hash: 10 } },
  { prefix: "user:", keys: 2, bytes: 5, no_ttl: 0, types: { string: 2 } },
  { prefix: "cart:", keys: 3, bytes: 500, no_ttl: 0, types: { string: 3 } },
  { prefix: "", keys: 1, bytes: 1, no_ttl: 1, types: { string: 1 } },
  { prefix: "(others)", keys: 4, bytes: 4, no_ttl: 0, types: { string: 4 } },
];

test("a tree's nodes are the sums of their rows, the largest first", () => {
  const root = tree.build(rows, "bytes");
  assert.equal(root.keys, 20);
  assert.deepEqual(root.children.map((node) => node.name), ["cart:", "user:", "(others)", "(no prefix)"]);
  const user = root.children[1];
  assert.deepEqual([user.keys, user.bytes, user.own.keys, user.children.length], [12, 105, 2, 1]);
  assert.equal(tree.mainType(user), "hash");
  assert.deepEqual(tree.pathTo(root, "user:web:").map((node) => node.name), ["All keys", "user:", "web:"]);
  assert.deepEqual(tree.pathTo(root, "gone:"), [root]);
});

test("a prefix becomes a pattern of just its names", () => {
  assert.equal(tree.patternOf("a[1]*:"), "a\\[1\\]\\*:*");
  assert.equal(tree.patternOf("a\\x00:"), null);
});

test("pauses are summed by reason, and a long run keeps its beginning in few points", () => {
  const frame = (paused_for, p99) => ({ paused_for, nodes: [{ canary_p50_us: 1, canary_p99_us: p99 }, {}] });
  history.record("job", frame("latency", 5), 1000, 0);
  history.record("job", frame("latency", 6), 1000, 100);
  history.record("job", frame(null, 7), 1000, 300);
  const own = history.record("job", frame("replica", 8), 1000, 900);
  assert.deepEqual([...own.pauses], [["latency", { times: 1, ms: 300 }], ["replica", { times: 1, ms: 0 }]]);
  assert.deepEqual(own.p99, [5, 8]);
  for (let at = 1; at < 5000; at += 1) history.record("job", frame(null, at), 1000, 1000 * at);
  assert.ok(own.times.length <= 1200 && own.times[0] === 0, `${own.times.length} points from ${own.times[0]}`);
});

test("the chart shows what others wait now, and the whole run where only that is told", () => {
  const node = { canary_p50_us: 100, canary_p99_us: 90_000 };
  const now = { ...node, canary_recent_p50_us: 80, canary_recent_p99_us: 300 };
  const points = history.record("waits", { nodes: [now, { ...now, canary_recent_p99_us: 400 }] }, 1000, 0);
  history.record("waits", { nodes: [node] }, 1000, 60_000);
  assert.deepEqual([points.p99, points.p50], [[400, 90_000], [80, 100]]);
});
