// How a job goes on: share, speed, what others wait, lanes, pauses. Draws what it is given.

import { html } from "../vendor/preact-htm.js";
import { count, keys, micros, millis, share } from "../format.js";
import { Bar, Figure } from "./basics.js";
import { WaitChart } from "./chart.js";

const REASONS = {
  latency: "Other clients would wait longer than the budget",
  others: "Other clients keep the server busy by themselves",
  replica: "A replica lags behind",
  memory: "The server's memory is near its limit",
  lazyfree: "Freed values pile up on the server",
  rate: "The ceiling on keys a second is reached",
  saving: "The server saves to disk, and idle times don't count meanwhile",
  server: "The server can't answer at the moment",
};

/** Why a run waits, in a sentence. */
export const reasonText = (reason) => REASONS[reason] ?? reason;

/** The figures of a run under way. */
export const Figures = ({ job, progress }) => {
  const done = progress.restored ?? progress.deleted;
  return html`<dl class="figures">
    <${Figure} label="Walked" note=${progress.verify_pass ? `verifying, walk ${progress.verify_pass}` : undefined}>${share(progress.share)}<//>
    <${Figure} label="Keys a second">${count(progress.keys_per_s)}<//>
    <${Figure} label="Left">${Number.isFinite(progress.eta_ms) ? millis(progress.eta_ms) : "–"}<//>
    <${Figure} label="Matched" note=${`of ${count(progress.scanned)} looked at`}>${count(progress.matched)}<//>
    ${["delete", "restore"].includes(job.kind) && !job.dry_run && html`<${Figure} label=${job.kind === "restore" ? "Brought back" : "Deleted"}>${count(done)}<//>`}
    ${progress.failed > 0 && html`<${Figure} label="Failed" tone="bad">${count(progress.failed)}<//>`}
  </dl>`;
};

/** The bar over the whole, and why the run waits if it does. */
export const Share = ({ job, progress }) => html`<div class="share">
  <${Bar} value=${progress.share} label="Share of the keyspace walked" />
  <p class="waits">${job.state === "running" && progress.paused_for
    ? html`<b>Waits:</b> ${reasonText(progress.paused_for)}.`
    : html` `}</p>
</div>`;

/** One lane a node. */
export const Lanes = ({ nodes }) => html`<table class="lanes">
  <caption class="away">Nodes: share walked, size of a step, waits of other clients</caption>
  <thead><tr><th scope="col">Node</th><th scope="col">Walked</th><th scope="col" class="num">COUNT</th><th scope="col" class="num">Half wait less</th><th scope="col" class="num">99 % wait less</th></tr></thead>
  <tbody>${nodes.map((node) => html`<tr key=${node.node}>
    <th scope="row"><code>${node.node}</code></th>
    <td class="lane"><${Bar} thin value=${node.share} label=${`Share of ${node.node} walked`} /><span>${share(node.share)}</span></td>
    <td class="num">${count(node.count)}</td>
    <td class="num">${micros(node.canary_p50_us ?? Number.NaN)}</td>
    <td class="num">${micros(node.canary_p99_us ?? Number.NaN)}</td>
  </tr>`)}</tbody>
</table>`;

/** What was waited for, the longest first: `[{reason, ms, times?}]`. */
export const Pauses = ({ rows, none }) => {
  const most = Math.max(...rows.map((row) => row.ms), 1);
  if (rows.length === 0) return html`<p class="soft">${none}</p>`;
  return html`<ul class="pauses">${rows.map((row) => html`<li key=${row.reason}>
    <span>${reasonText(row.reason)}</span>
    <span class="pause-bar" aria-hidden="true"><i style=${{ width: `${(row.ms / most) * 100}%` }}></i></span>
    <span class="num">${millis(row.ms)}${row.times ? html` <span class="soft">· ${count(row.times)} ${row.times === 1 ? "time" : "times"}</span>` : ""}</span>
  </li>`)}</ul>`;
};

/** Rows of pauses seen while watching. */
export const seenPauses = (history) =>
  [...history.pauses].map(([reason, sum]) => ({ reason, ...sum })).sort((one, other) => other.ms - one.ms);

/** Rows of pauses as a Summary has them. */
export const toldPauses = (pace) =>
  Object.entries(pace?.paused_ms ?? {}).filter(([, ms]) => ms > 0).map(([reason, ms]) => ({ reason, ms })).sort((one, other) => other.ms - one.ms);

/** All of a run under way. */
export const Running = ({ job, progress, history, turn }) => html`
  <${Share} job=${job} progress=${progress} />
  <${Figures} job=${job} progress=${progress} />
  <section><div class="section-head"><h2>What other clients wait</h2></div>
    ${history.times.length > 1
      ? html`<${WaitChart} points=${history} turn=${turn} />`
      : html`<p class="soft">The chart begins with the first measurements.</p>`}
  </section>
  ${progress.nodes?.length > 0 && html`<section><div class="section-head"><h2>Nodes</h2></div><${Lanes} nodes=${progress.nodes} /></section>`}
  <section><div class="section-head"><h2>Pauses</h2><span class="soft">while this page watched</span></div>
    <${Pauses} rows=${seenPauses(history)} none="None so far." />
  </section>`;

/** `12,345 keys matched`, for the screen reader. */
export const spoken = (job, progress) => `${share(progress.share)} walked, ${keys(progress.matched)} matched`;
