// What a job came to: its Summary in figures, what failed, and what the pace did. Draws what it is given.

import { html } from "../vendor/preact-htm.js";
import { bytes, count, keyName, micros, millis } from "../format.js";
import { Figure, Section } from "./basics.js";
import { Pauses, toldPauses } from "./running.js";

const OUTCOMES = {
  count: [["matched", "Matched"]],
  delete: [["matched", "Matched"], ["deleted", "Deleted"], ["already_gone", "Already gone"], ["skipped", "Left alone"], ["failed", "Failed", "bad"], ["unknown", "Not known", "bad"]],
  restore: [["matched", "In the backup"], ["restored", "Brought back"], ["existing", "Were there"], ["expired", "Expired since"], ["refused", "Refused", "bad"], ["failed", "Failed", "bad"]],
  stats: [["keys", "Keys"], ["bytes", "Memory"]],
};
/** Shown even where it is 0. */
const ALWAYS = new Set(["matched", "deleted", "restored", "keys", "bytes"]);

const rowsOf = (job, result) => {
  const rows = OUTCOMES[job.kind] ?? Object.keys(result).filter((name) => Number.isFinite(result[name]) && name !== "elapsed_ms").map((name) => [name, name.replaceAll("_", " ")]);
  return rows.filter(([name]) => Number.isFinite(result[name]) && (result[name] > 0 || ALWAYS.has(name)));
};

const Figures = ({ job, result }) => html`<dl class="figures">
  ${rowsOf(job, result).map(([name, label, tone]) => html`<${Figure} key=${name} label=${label} tone=${tone}>${name === "bytes" ? bytes(result[name]) : count(result[name])}<//>`)}
  ${Number.isFinite(result.elapsed_ms) && html`<${Figure} label="Took">${millis(result.elapsed_ms)}<//>`}
</dl>`;

const Errors = ({ errors }) => html`<ul class="errors">${errors.map((error) => html`<li>
  <p><b>${count(error.count)} ×</b> ${error.text}</p>
  ${error.sample_keys?.length > 0 && html`<p class="soft">for example ${error.sample_keys.slice(0, 3).map((key) => html`<code>${keyName(key)}</code> `)}</p>`}
</li>`)}</ul>`;

const Pace = ({ pace }) => html`<dl class="figures small">
  <${Figure} label="Budget">${pace.budget_us === null ? "off" : micros(pace.budget_us)}<//>
  <${Figure} label="Half waited less">${micros(pace.canary_p50_us ?? Number.NaN)}<//>
  <${Figure} label="99 % waited less">${micros(pace.canary_p99_us ?? Number.NaN)}<//>
  <${Figure} label="Longest wait">${micros(pace.canary_max_us ?? Number.NaN)}<//>
  <${Figure} label="Over the budget" note="commands">${count(pace.over_budget)}<//>
</dl>`;

const ByPattern = ({ job, rows }) => html`<div class="scrolls" tabindex="0" role="region" aria-label="Counts by pattern"><table>
  <thead><tr><th scope="col">Pattern</th><th scope="col" class="num">Matched</th>${job.kind !== "count" && html`<th scope="col" class="num">${job.kind === "restore" ? "Brought back" : "Deleted"}</th>`}</tr></thead>
  <tbody>${rows.map((row) => html`<tr><td><code>${row.pattern}</code></td><td class="num">${count(row.matched)}</td>${job.kind !== "count" && html`<td class="num">${count(row.restored ?? row.deleted)}</td>`}</tr>`)}</tbody>
</table></div>`;

/** All of an ended job's result. */
export const Outcome = ({ job }) => {
  const result = job.result ?? {};
  if (Object.keys(result).length === 0) return html`<p class="soft">No result was kept.</p>`;
  const unwalked = (result.shards ?? []).filter((shard) => !shard.complete);
  const pauses = toldPauses(result.pace);
  return html`
    <${Figures} job=${job} result=${result} />
    ${result.limited && html`<p>A limit ended it: what lies beyond was not asked for.</p>`}
    ${unwalked.length > 0 && html`<p class="warns">Not walked whole: ${unwalked.map((shard) => html`<code>${shard.node}</code> `)}</p>`}
    ${result.errors?.length > 0 && html`<${Section} title="What went wrong"><${Errors} errors=${result.errors} /><//>`}
    ${result.by_pattern?.length > 1 && html`<${Section} title="By pattern"><${ByPattern} job=${job} rows=${result.by_pattern} /><//>`}
    ${result.pace && html`<${Section} title="What other clients waited"><${Pace} pace=${result.pace} /><//>`}
    ${pauses.length > 0 && html`<${Section} title="Pauses"><${Pauses} rows=${pauses} /><//>`}`;
};
