// A planned delete: what it would remove, what it will cost, and the words that start it.

import { html, useState } from "../vendor/preact-htm.js";
import { bytes, count, keyName, keys, millis } from "../format.js";
import { createJob } from "../api.js";
import { Figure, Section, Trouble } from "./basics.js";

/** What has to be typed: the patterns themselves, with a space between. */
export const words = (job) => (job.patterns ?? []).join(" ");

/** The delete that a plan stands for. */
const confirmed = (job) => ({
  kind: "delete",
  server: job.server,
  patterns: job.patterns,
  filters: job.filters,
  budget: job.budget ?? undefined,
  backup: Boolean(job.backup),
  all: job.all || undefined,
  confirm: job.confirm,
});

/** How many keys a plan is about: what was counted, else what the first look made of it. */
export const plannedKeys = (job) => job.result?.would_delete ?? job.plan?.estimate ?? 0;

const ofAll = (plan) => (plan.total_keys > 0 ? `of ${count(plan.total_keys)} keys on the server` : undefined);
const undo = (job, plan) => {
  if (!job.backup) return "can not be undone";
  return Number.isFinite(plan.free_bytes) ? `can be undone; ${bytes(plan.free_bytes)} free` : "can be undone";
};

const Cost = ({ job, plan }) => html`<dl class="figures">
  <${Figure} label="Would delete" note=${ofAll(plan)}>${count(plannedKeys(job))}<//>
  <${Figure} label="Memory" note="estimate">${bytes(plan.bytes ?? Number.NaN)}<//>
  <${Figure} label="Will take" note=${`a guess, at a budget of ${job.budget ?? "1ms"}`}>${Number.isFinite(plan.expected_ms) ? `about ${millis(plan.expected_ms)}` : "–"}<//>
  <${Figure} label="Backup" note=${undo(job, plan)} tone=${job.backup ? "" : "bad"}>${job.backup ? "yes" : "none"}<//>
</dl>`;

const Samples = ({ samples }) => html`<ul class="keys">${samples.map((sample) => html`<li><code>${keyName(sample)}</code></li>`)}</ul>`;

const Confirm = ({ job, planned }) => {
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const wanted = words(job);
  const fits = typed === wanted;
  const start = async (event) => {
    event.preventDefault();
    if (!fits || busy) return;
    setBusy(true);
    try {
      const begun = await createJob(confirmed(job));
      location.hash = `#/jobs/${begun.id}`;
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return html`<form class="confirm" onSubmit=${start}>
    <p>This deletes ${keys(planned)} on <b>${job.server}</b>${job.backup ? ", after each was written to a backup" : ", and there is no way back"}.
      It stops by itself before more than 110 % of that are gone.</p>
    <label for="confirm-words">Type <code>${wanted}</code> to confirm</label>
    <div class="row">
      <input id="confirm-words" class="mono" autocomplete="off" autocapitalize="off" spellcheck=${false} value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <button class="danger" type="submit" disabled=${!fits || busy}>Delete ${keys(planned)}</button>
    </div>
    <${Trouble} problem=${problem} />
  </form>`;
};

/** All of a planned delete. `job.confirm` is there while it can be confirmed by this key. */
export const Plan = ({ job, again }) => {
  const plan = job.plan ?? {};
  const planned = plannedKeys(job);
  return html`
    <${Cost} job=${job} plan=${plan} />
    ${plan.samples?.length > 0 && html`<${Section} title="Some of them"><${Samples} samples=${plan.samples} /><//>`}
    ${planned === 0
      ? html`<p>Nothing matches: there is nothing to delete.</p>`
      : html`<${Section} title="Delete">${job.confirm
          ? html`<${Confirm} job=${job} planned=${planned} />`
          : html`<p>This plan was used, belongs to another key or is older than 15 minutes. <button type="button" onClick=${again}>Plan it again</button></p>`}<//>`}`;
};
