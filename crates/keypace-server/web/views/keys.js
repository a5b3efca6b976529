// Finding keys: a pattern, what it matches and how far it reaches, at once; then a count or the plan of a delete.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import * as api from "../api.js";
import { count, keyName, keys } from "../format.js";
import { Empty, Loading, Section, Title, Trouble, announce } from "../parts/basics.js";
import { Selection, filters, patterns, untouched } from "../parts/selection.js";

const DEBOUNCE_MS = 250;
const PAGE_KEYS = 100;
/** What stays on the page at most: a browser is no place for a keyspace. */
const MOST_SHOWN = 5000;

const SCOPES = {
  scoped: ["scoped", "Only names that begin in one way can match."],
  unbounded: ["unbounded", "It begins with a wildcard: matches may stand anywhere in the keyspace."],
  catch_all: ["everything", "It matches every key there is."],
};

const nothing = { entries: [], cursor: null, complete: false, scope: null };

/** Asks for the first page a moment after the last key was typed, and for more where told to. */
const useMatches = (server, pattern) => {
  const [state, setState] = useState({ ...nothing, loading: false, problem: null });
  const running = useRef(null);
  const ask = async (cursor, before) => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setState((old) => ({ ...old, loading: true, problem: null }));
    try {
      const page = await api.keys({ server, pattern, limit: PAGE_KEYS, cursor }, abort.signal);
      if (abort.signal.aborted) return;
      const entries = [...before, ...page.keys];
      setState({ entries, cursor: page.cursor, complete: page.complete, scope: page.scope, loading: false, problem: null });
      announce(`${keys(entries.length)} shown${page.complete ? ", that is all" : ""}`);
    } catch (problem) {
      if (!abort.signal.aborted) setState({ ...nothing, loading: false, problem });
    }
  };
  useEffect(() => {
    running.current?.abort();
    if (pattern === "") {
      setState({ ...nothing, loading: false, problem: null });
      return undefined;
    }
    setState((old) => ({ ...old, loading: true }));
    const timer = setTimeout(() => ask(null, []), DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      running.current?.abort();
    };
  }, [server, pattern]);
  return { ...state, more: () => ask(state.cursor, state.entries) };
};

const Scope = ({ scope }) => {
  const [word, text] = SCOPES[scope] ?? [scope, ""];
  return html`<p class="scope scope-${scope}"><b>${word}</b> ${text}</p>`;
};

const Matches = ({ found, pattern }) => {
  if (pattern === "") return html`<${Empty} title="Type a pattern"><p><code>*</code> stands for anything, <code>?</code> for one character, <code>[ab]</code> for one of these. For example <code>session:*</code>.</p><//>`;
  if (found.problem) return html`<${Trouble} problem=${found.problem} retry=${found.more} />`;
  if (found.loading && found.entries.length === 0) return html`<${Loading} what="Looking for matches" />`;
  const canGoOn = !found.complete && found.cursor && found.entries.length < MOST_SHOWN;
  return html`
    ${found.scope && html`<${Scope} scope=${found.scope} />`}
    ${found.entries.length === 0 && found.complete && html`<${Empty} title="No key matches" />`}
    ${found.entries.length > 0 && html`<ul class="keys ${found.loading ? "stale" : ""}" aria-label="Matches" tabindex="0">${found.entries.map((entry) => html`<li><code>${keyName(entry)}</code></li>`)}</ul>`}
    <p class="row between">
      <span class="soft">${found.complete ? `${keys(found.entries.length)}, that is all.` : `${keys(found.entries.length)} so far; there may be more.`}</span>
      ${canGoOn && html`<button type="button" disabled=${found.loading} onClick=${found.more}>Look on</button>`}
    </p>`;
};

const Act = ({ server, pattern, scope }) => {
  const [typed, setTyped] = useState(untouched);
  const [budget, setBudget] = useState("1ms");
  const [backup, setBackup] = useState(true);
  const [all, setAll] = useState(false);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const isAll = scope === "catch_all";
  const begin = async (own) => {
    setBusy(true);
    setProblem(null);
    try {
      const job = await api.createJob({ server: server || undefined, patterns: patterns(pattern, typed), filters: filters(typed), budget: budget.trim() || undefined, ...own });
      location.hash = `#/jobs/${job.id}`;
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const plan = () => begin({ kind: "delete", dry_run: true, backup, ...(isAll && all ? { all: true } : {}) });
  const none = pattern === "" || busy;
  return html`<div class="act">
    <details><summary>Narrow it down</summary>
      <p class="soft">For the count and the plan; the list above shows every match of the first pattern.</p>
      <${Selection} typed=${typed} change=${(more) => setTyped((old) => ({ ...old, ...more }))} />
    </details>
    <div class="fields">
      <label class="field"><span>Budget</span><input class="mono" value=${budget} aria-describedby="budget-note" onInput=${(event) => setBudget(event.target.value)} /></label>
      <label class="check"><input type="checkbox" checked=${backup} onChange=${(event) => setBackup(event.target.checked)} /> <span>Back up what is deleted, so that it can be undone</span></label>
      ${isAll && html`<label class="check warns"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} /> <span>Every key: I mean all of them</span></label>`}
    </div>
    <p class="soft" id="budget-note">The budget is the extra wait that this work may cause any other client.</p>
    <div class="row">
      <button type="button" disabled=${none} onClick=${() => begin({ kind: "count" })}>Count</button>
      <button type="button" class="primary" disabled=${none || (isAll && !all)} onClick=${plan}>Plan a delete</button>
      <span class="soft">A plan deletes nothing.</span>
    </div>
    <${Trouble} problem=${problem} />
  </div>`;
};

export const Keys = ({ fields, servers, server, setFields }) => {
  const [pattern, setPattern] = useState(fields.pattern ?? "");
  useEffect(() => setPattern(fields.pattern ?? ""), [fields.pattern]);
  const found = useMatches(servers.length > 0 ? server : "", pattern);
  const type = (event) => {
    setPattern(event.target.value);
    setFields({ ...fields, pattern: event.target.value });
  };
  return html`<${Title}>Keys<//>
    <form class="find" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label for="pattern">Pattern</label>
      <input id="pattern" class="mono large" placeholder="session:*" autocomplete="off" autocapitalize="off" spellcheck=${false} value=${pattern} onInput=${type} />
    </form>
    <${Section} title="Matches" aside=${found.loading && html`<span class="soft">looking …</span>`}><${Matches} found=${found} pattern=${pattern} /><//>
    <${Section} title=${html`Count or delete ${found.complete && found.entries.length > 0 ? html`<span class="soft">${count(found.entries.length)} by the pattern</span>` : ""}`}>
      <${Act} server=${server} pattern=${pattern} scope=${found.scope} /><//>`;
};
