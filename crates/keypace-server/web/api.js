// Requests to the service: the key, the errors, one function a route. Must not draw anything, nor keep the key anywhere
// but in this tab's session storage.

const KEY = "keypace-key";

/** What the rest of the page listens to: `key-wanted`, `link` (detail: whether the service answers). */
export const signals = new EventTarget();

/** An answer that is no success, in the service's own words. Status 0: there was no answer. */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

export const key = {
  read: () => sessionStorage.getItem(KEY),
  keep: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

const say = (name, detail) => signals.dispatchEvent(new CustomEvent(name, { detail }));

const headers = (body) => {
  const own = { accept: "application/json" };
  const secret = key.read();
  if (secret) own.authorization = `Bearer ${secret}`;
  if (body !== undefined) own["content-type"] = "application/json";
  return own;
};

/** Sends one request; throws a Problem for all that is not a success. */
export const call = async (method, path, body, signal) => {
  const options = { method, headers: headers(body), signal, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    say("link", false);
    throw new Problem(0, "No answer", "The service does not answer. Its jobs go on without this page, or once it is back.");
  }
  say("link", true);
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401) say("key-wanted", Boolean(key.read()));
  throw await problem(response);
};

const problem = async (response) => {
  const told = await response.json().catch(() => ({}));
  const title = told.title ?? `Status ${response.status}`;
  const wait = response.status === 429 ? Number(response.headers.get("retry-after")) : 0;
  const detail = wait > 0 ? `${told.detail ?? title} (again in ${wait} s)` : told.detail;
  return new Problem(response.status, title, detail);
};

const query = (fields) => {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
};
const jobPath = (id) => `/v1/jobs/${encodeURIComponent(id)}`;

export const servers = async (signal) => listed(await call("GET", "/v1/servers", undefined, signal), "servers");
export const keys = (fields, signal) => call("GET", `/v1/keys${query(fields)}`, undefined, signal);
export const createJob = (spec) => call("POST", "/v1/jobs", spec);
export const job = (id, signal) => call("GET", jobPath(id), undefined, signal);
export const changeJob = (id, change) => call("PATCH", jobPath(id), change);
export const resumeJob = (id) => call("POST", `${jobPath(id)}/resume`);
export const ticket = async (id) => (await call("POST", "/v1/tickets", { job: id })).ticket;

/** A page of jobs, the newest first: `{jobs, next}`. */
export const jobs = async (fields = {}, signal) => {
  const told = await call("GET", `/v1/jobs${query(fields)}`, undefined, signal);
  return { jobs: listed(told, "jobs"), next: told.next ?? null };
};

const listed = (told, name) => (Array.isArray(told) ? told : (told?.[name] ?? []));
