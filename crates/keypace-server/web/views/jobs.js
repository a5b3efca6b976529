// The history of jobs, the newest first.

import { html, useState } from "../vendor/preact-htm.js";
import * as api from "../api.js";
import { bytes, keys, share } from "../format.js";
import { plannedKeys } from "../parts/plan.js";
import { Empty, Loading, Patterns, State, Title, Trouble, When, kindName, useAnswer } from "../parts/basics.js";

const PAGE = 50;
const LOOK_MS = 3000;
const KINDS = ["", "count", "delete", "stats", "restore", "reindex"];
const STATES = ["", "running", "waiting", "paused", "planned", "done", "incomplete", "failed", "cancelled"];

/** What a job came to, in a few words. */
const came = (job) => {
  const result = job.result ?? {};
  if (job.state === "running" || job.state === "paused") return `${share(job.progress?.share)} walked`;
  if (job.state === "planned") return `would delete ${keys(plannedKeys(job))}`;
  if (job.kind === "stats" && Number.isFinite(result.keys)) return `${keys(result.keys)}, ${bytes(result.bytes)}`;
  if (Number.isFinite(result.restored)) return `brought back ${keys(result.restored)}`;
  if (job.kind === "delete" && Number.isFinite(result.deleted)) return `deleted ${keys(result.deleted)}`;
  if (Number.isFinite(result.matched)) return keys(result.matched);
  return job.reason ?? "–";
};

const Table = ({ jobs }) => html`<table class="jobs">
  <thead><tr><th scope="col">What</th><th scope="col">State</th><th scope="col">Came to</th><th scope="col">Server</th><th scope="col">Begun</th></tr></thead>
  <tbody>${jobs.map((job) => html`<tr key=${job.id}>
    <th scope="row"><a href=${`#/jobs/${job.id}`}>${kindName(job)}</a> <${Patterns} job=${job} most=${2} /></th>
    <td><${State} state=${job.state} /></td>
    <td class="tabular">${came(job)}</td>
    <td class="soft">${job.server}</td>
    <td class="soft"><${When} at=${job.created_at} /></td>
  </tr>`)}</tbody>
</table>`;

const Choice = ({ label, value, values, set }) => html`<label class="field inline"><span>${label}</span>
  <select value=${value} onChange=${(event) => set(event.target.value)}>${values.map((one) => html`<option value=${one}>${one || "any"}</option>`)}</select></label>`;

export const Jobs = ({ fields, setFields }) => {
  const [older, setOlder] = useState({ jobs: [], next: undefined, problem: null });
  const kind = fields.kind ?? "";
  const state = fields.state ?? "";
  const list = useAnswer((signal) => api.jobs({ kind, state, limit: PAGE }, signal), [kind, state], LOOK_MS);
  const set = (more) => {
    setOlder({ jobs: [], next: undefined, problem: null });
    setFields({ ...fields, ...more });
  };
  const newest = list.value?.jobs ?? [];
  const shown = [...newest, ...older.jobs.filter((job) => !newest.some((one) => one.id === job.id))];
  const next = older.next === undefined ? list.value?.next : older.next;
  const more = async () => {
    try {
      const page = await api.jobs({ kind, state, limit: PAGE, before: next });
      setOlder((old) => ({ jobs: [...old.jobs, ...page.jobs], next: page.next, problem: null }));
    } catch (problem) {
      setOlder((old) => ({ ...old, problem }));
    }
  };
  return html`<${Title}>Jobs<//>
    <div class="row"><${Choice} label="Kind" value=${kind} values=${KINDS} set=${(one) => set({ kind: one })} /><${Choice} label="State" value=${state} values=${STATES} set=${(one) => set({ state: one })} /></div>
    <${Trouble} problem=${list.problem ?? older.problem} retry=${list.again} />
    ${list.loading && html`<${Loading} what="Loading jobs" />`}
    ${!list.loading && !list.problem && shown.length === 0 && html`<${Empty} title="No jobs"><p>${kind || state ? "None like that." : html`Begin with <a href="#/keys">a pattern</a>.`}</p><//>`}
    ${shown.length > 0 && html`<${Table} jobs=${shown} />`}
    ${next && html`<p><button type="button" onClick=${more}>Older jobs</button></p>`}`;
};
