// A world of its own for each test: a server program, a keypace that serves it, and a browser. All on loopback or a unix
// socket, all in one temporary folder, all ended by the process that was started.

import { spawn } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests by \`cargo xtask browser\``);
  return value;
};
const modules = need("KEYPACE_TEST_MODULES");
const require = createRequire(path.join(modules, "here.js"));
const { chromium } = require("playwright-core");

/** How long anything may take before a test gives up on it. */
export const PATIENCE_MS = 30_000;

/** Looks again and again until `look` gives something; the last reason it gave nothing becomes the failure. */
export const until = async (what, look) => {
  const end = Date.now() + PATIENCE_MS;
  let reason = "it gave nothing";
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      reason = error.message;
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`gave up waiting: ${what} (${reason})`);
};

const ended = (child) => new Promise((done) => (child.exitCode !== null || child.signalCode ? done() : child.once("exit", done)));

const freePort = () =>
  new Promise((done, fail) => {
    const server = net.createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** Sends commands in one go and waits for as many replies; errors are thrown. Only for replies of one line. */
const talk = (socketPath, commands) =>
  new Promise((done, fail) => {
    const socket = net.connect(socketPath);
    const lines = [];
    let rest = "";
    socket.once("error", fail);
    socket.on("data", (data) => {
      const parts = (rest + data.toString("latin1")).split("\r\n");
      rest = parts.pop();
      lines.push(...parts);
      if (lines.length >= commands.length) {
        socket.end();
        const wrong = lines.find((line) => line.startsWith("-"));
        if (wrong) fail(new Error(wrong));
        else done(lines);
      }
    });
    const bulk = (word) => {
      const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
      return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
    };
    for (const words of commands) socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.map(bulk)]));
  });

/** A Redis or Valkey that nobody else uses. */
class Database {
  constructor(folder) {
    this.socket = path.join(folder, "redis.sock");
    this.folder = folder;
  }

  async start() {
    const words = ["--port", "0", "--unixsocket", this.socket, "--dir", this.folder, "--save", "", "--appendonly", "no"];
    this.child = spawn(need("KEYPACE_TEST_SERVER"), words, { stdio: "ignore" });
    await until("the server program answers", async () => (await talk(this.socket, [["PING"]]))[0] === "+PONG");
  }

  send(...commands) {
    return talk(this.socket, commands);
  }

  /** `count` keys with this prefix, each with a value of some bytes. */
  async fill(prefix, count, more = []) {
    const value = "v".repeat(64);
    for (let from = 0; from < count; from += 20_000) {
      const some = Array.from({ length: Math.min(20_000, count - from) }, (_, place) => ["SET", `${prefix}${from + place}`, value, ...more]);
      await this.send(...some);
    }
  }

  async size() {
    return Number((await this.send(["DBSIZE"]))[0].slice(1));
  }

  async stop() {
    this.child?.kill("SIGKILL");
    if (this.child) await ended(this.child);
  }
}

/** `keypace serve` over that database. */
class Service {
  constructor(folder, database) {
    this.folder = folder;
    this.database = database;
    this.said = "";
  }

  async start(keys = "") {
    this.port ??= await freePort();
    this.origin = `http://127.0.0.1:${this.port}`;
    const config = path.join(this.folder, "serve.toml");
    const data = path.join(this.folder, "data");
    await mkdir(data, { recursive: true });
    const text = `listen = "127.0.0.1:${this.port}"\ndata_dir = "${data}"\n[servers.default]\nurl = "unix://${this.database.socket}"\n${keys}`;
    await writeFile(config, text, { mode: 0o600 });
    this.child = spawn(need("KEYPACE_TEST_PROGRAM"), ["--config", config, "serve"], { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: this.folder } });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (data) => (this.said = (this.said + data).slice(-20_000)));
    await until("the service answers", async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.said}`);
      return (await fetch(`${this.origin}/readyz`)).ok;
    });
  }

  async call(method, where, body) {
    const options = { method, headers: body ? { "content-type": "application/json" } : {}, body: body ? JSON.stringify(body) : undefined };
    const response = await fetch(`${this.origin}${where}`, options);
    const told = await response.json();
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${JSON.stringify(told)}`);
    return told;
  }

  job(id) {
    return this.call("GET", `/v1/jobs/${id}`);
  }

  /** Waits until the job is in one of these states. */
  async reaches(id, ...states) {
    return until(`job ${id} to be ${states.join(" or ")}`, async () => {
      const job = await this.job(id);
      if (!states.includes(job.state)) throw new Error(`it is ${job.state}: ${job.reason ?? JSON.stringify(job.progress)}`);
      return job;
    });
  }

  async stop(signal = "SIGKILL") {
    this.child?.kill(signal);
    if (this.child) await ended(this.child);
  }
}

/** Everything at once; `close` ends all of it. What the page logs as an error makes `close` fail. */
export const open = async ({ keys } = {}) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "keypace-browser-"));
  const database = new Database(folder);
  const service = new Service(folder, database);
  let browser;
  const close = async () => {
    await browser?.close();
    await service.stop();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await database.start();
    await service.start(keys);
    browser = await chromium.launch({ executablePath: need("KEYPACE_TEST_CHROMIUM"), args: ["--no-sandbox"] });
  } catch (error) {
    await close();
    throw error;
  }
  return { folder, database, service, browser, close };
};

/** A tab of its own window. `faults` gathers what went wrong in the page itself: broken policy, uncaught errors. */
export const tab = async (world, options = {}) => {
  const context = await world.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    // Requests that fail are what some tests are about; the page answers for the rest.
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) page.faults.push(message.text());
  });
  return page;
};

/** Opens a view, and waits for its heading. */
export const visit = async (page, world, hash) => {
  await page.goto("about:blank");
  await page.goto(`${world.service.origin}/${hash}`);
  await page.locator("h1").waitFor();
};

/** One step of a story: where it fails the story ends, with a picture and what the page said. */
export const step = async (page, name, run) => {
  try {
    await run();
  } catch (error) {
    const picture = path.join(await shots(), "failed.png");
    const text = page.isClosed() ? "" : await page.locator("body").innerText().catch(() => "");
    if (text) await page.screenshot({ path: picture, fullPage: true });
    throw new Error(`${name}: ${error.message}\n${page.faults.join("\n")}\nthe page says (see ${picture}):\n${text.slice(0, 1500)}`, { cause: error });
  }
};

/** The id of the job that the address shows. */
export const jobOf = async (page, other) =>
  until("the page of a job", async () => {
    const found = /#\/jobs\/([0-9A-Z]+)$/.exec(page.url());
    return found && found[1] !== other && found[1];
  });

/** What axe-core finds wrong, by rule and place. */
export const violations = async (page) => {
  const session = await page.context().newCDPSession(page);
  const run = (expression) => session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  await run(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
  const found = await run("axe.run().then((all) => all.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html}`)))");
  await session.detach();
  return found.result.value;
};

/** Where screenshots are kept. */
export const shots = async () => {
  const folder = path.join(modules, "shots");
  await mkdir(folder, { recursive: true });
  return folder;
};
