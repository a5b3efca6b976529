// The form that narrows what a count or a delete takes: filters, budget, more patterns. Keeps what was typed, checks nothing:
// the service says what is wrong in words of its own.

import { html } from "../vendor/preact-htm.js";

/** What the form holds when nothing was typed. */
export const untouched = { more: "", types: "", exclude: "", idle_over: "", ttl: "", ttl_under: "", ttl_over: "", size_over: "", size_under: "", limit: "" };

const words = (text) => text.split(/[\s,]+/).filter(Boolean);
// Spaces stay: a pattern may begin or end with one.
const lines = (text) => text.split("\n").filter((line) => line.trim() !== "");

/** The filters as the service takes them, without those that say nothing; undefined where none says anything. */
export const filters = (typed) => {
  const own = {};
  if (words(typed.types).length > 0) own.types = words(typed.types);
  if (lines(typed.exclude).length > 0) own.exclude = lines(typed.exclude);
  for (const name of ["idle_over", "ttl", "ttl_under", "ttl_over", "size_over", "size_under"]) {
    if (typed[name].trim()) own[name] = typed[name].trim();
  }
  if (typed.limit.trim()) own.limit = Number(typed.limit);
  return Object.keys(own).length > 0 ? own : undefined;
};

/** All patterns: the one on top, and those of the form. */
export const patterns = (first, typed) => [first, ...lines(typed.more)].filter((one) => one !== "");

const Field = ({ name, label, hint, typed, change, type = "text" }) => html`<label class="field">
  <span>${label}</span>
  <input type=${type} name=${name} class="mono" placeholder=${hint} autocomplete="off" spellcheck=${false} value=${typed[name]} onInput=${(event) => change({ [name]: event.target.value })} />
</label>`;

const Area = ({ name, label, hint, typed, change }) => html`<label class="field wide">
  <span>${label}</span>
  <textarea rows="2" name=${name} class="mono" placeholder=${hint} spellcheck=${false} value=${typed[name]} onInput=${(event) => change({ [name]: event.target.value })}></textarea>
</label>`;

/** The form's fields; `change` gets what was typed anew. */
export const Selection = ({ typed, change }) => html`<div class="fields">
  <${Area} name="more" label="More patterns, one a line" hint="cart:*" typed=${typed} change=${change} />
  <${Area} name="exclude" label="But not, one a line" hint="session:admin:*" typed=${typed} change=${change} />
  <${Field} name="types" label="Types" hint="string hash" typed=${typed} change=${change} />
  <${Field} name="idle_over" label="Not used for" hint="30d" typed=${typed} change=${change} />
  <label class="field"><span>Expiry</span>
    <select name="ttl" value=${typed.ttl} onChange=${(event) => change({ ttl: event.target.value })}>
      <option value="">any</option><option value="has">has one</option><option value="none">never expires</option>
    </select></label>
  <${Field} name="ttl_under" label="Expires within" hint="1h" typed=${typed} change=${change} />
  <${Field} name="ttl_over" label="Expires after" hint="7d" typed=${typed} change=${change} />
  <${Field} name="size_over" label="Larger than" hint="1MiB" typed=${typed} change=${change} />
  <${Field} name="size_under" label="Smaller than" hint="1KiB" typed=${typed} change=${change} />
  <${Field} name="limit" label="No more than" hint="10000" type="number" typed=${typed} change=${change} />
</div>`;
