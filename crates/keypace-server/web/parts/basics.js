// The small pieces that every view is made of. Must not ask the service for anything.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { ago, exactTime } from "../format.js";

/** Says something to a screen reader, without moving the focus. */
export const announce = (text) => {
  const region = document.getElementById("said");
  if (region && region.textContent !== text) region.textContent = text;
};

/** The heading of a view: it takes the focus when the view is opened, and names the window. */
export const Title = ({ children, aside }) => {
  const own = useRef(null);
  useEffect(() => {
    document.title = `${own.current.textContent} · keypace`;
    own.current.focus({ preventScroll: true });
  }, []);
  return html`<div class="title"><h1 ref=${own} tabindex="-1">${children}</h1>${aside}</div>`;
};

/** A section with a heading of its own. */
export const Section = ({ title, aside, children }) =>
  html`<section><div class="section-head"><h2>${title}</h2>${aside}</div>${children}</section>`;

/** Nothing there yet, and what to do about it. */
export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;

/** Lines where text will be. */
export const Loading = ({ what = "Loading" }) =>
  html`<div class="loading" role="status"><span class="away">${what}</span><i></i><i></i><i></i></div>`;

/** What may be another way the next time; what was asked wrongly stays wrong. */
const isPassing = (problem) => problem.status === 0 || problem.status === 429 || problem.status >= 500;

/** What went wrong, in the service's words, and a way to try again where that may help. */
export const Trouble = ({ problem, retry }) =>
  problem &&
  html`<div class="trouble" role="alert">
    <p>${problem.message}</p>
    ${retry && isPassing(problem) && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;

const STATES = {
  waiting: "Waiting",
  running: "Running",
  paused: "Paused",
  planned: "Planned",
  cancelled: "Cancelled",
  failed: "Failed",
  incomplete: "Incomplete",
  done: "Done",
};

/** A job's state: a word, and a mark whose shape says the same. */
export const State = ({ state }) => html`<span class="state state-${state}"><i aria-hidden="true"></i>${STATES[state] ?? state}</span>`;

/** A figure with what it is. */
export const Figure = ({ label, children, note, tone }) =>
  html`<div class="figure ${tone ?? ""}"><dt>${label}</dt><dd>${children}</dd>${note && html`<dd class="note">${note}</dd>`}</div>`;

/** A bar from 0 to 1. */
export const Bar = ({ value, label, thin }) => {
  const known = Number.isFinite(value);
  const hundred = known ? Math.max(0, Math.min(100, value * 100)) : 0;
  return html`<div class="bar ${thin ? "thin" : ""}" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
    aria-valuenow=${known ? Math.floor(hundred) : undefined}><i style=${{ width: `${hundred}%` }}></i></div>`;
};

/** How long ago, with the exact time in reach. */
export const When = ({ at }) => {
  const now = useNow(15_000);
  return html`<time title=${exactTime(at)} datetime=${exactTime(at)}>${ago(at, now)}</time>`;
};

/** The time, anew every so often. */
export const useNow = (everyMs) => {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
};

/** How soon a service that did not answer is asked again. */
const AWAY_MS = 2000;

/**
 * Asks for something, and again every `everyMs` where that is given; what was known stays while it is asked anew.
 * `ask` gets a signal that ends it.
 */
export const useAnswer = (ask, needs, everyMs) => {
  const [state, setState] = useState({ value: undefined, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const run = async () => {
      try {
        const value = await ask(abort.signal);
        if (!abort.signal.aborted) setState({ value, problem: null, loading: false });
        if (everyMs && !abort.signal.aborted) timer = setTimeout(run, everyMs);
      } catch (problem) {
        if (abort.signal.aborted) return;
        // That nothing answers is said once, above the view; here it is asked again until something does.
        const isAway = problem.status === 0;
        setState((old) => ({ value: old.value, problem: isAway ? null : problem, loading: isAway && old.value === undefined }));
        if (everyMs || isAway) timer = setTimeout(run, everyMs ?? AWAY_MS);
      }
    };
    run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...needs, turn]);
  return { ...state, again: () => setTurn((old) => old + 1) };
};

/** What a job is about, in one line. */
export const Patterns = ({ job, most = 3 }) => {
  const patterns = job.patterns ?? [];
  if (patterns.length === 0) return html`<span class="soft">${job.kind === "restore" ? "all of a backup" : "–"}</span>`;
  return html`<span class="patterns">${patterns.slice(0, most).map((one) => html`<code>${one}</code> `)}
    ${patterns.length > most && html`<span class="soft">and ${patterns.length - most} more</span>`}</span>`;
};

export const isEnded = (state) => ["planned", "cancelled", "failed", "incomplete", "done"].includes(state);

const KINDS = { count: "Count", delete: "Delete", stats: "Measure", reindex: "Reindex", restore: "Restore" };

/** What kind of job it is, for a person. */
export const kindName = (job) => (job.kind === "delete" && job.dry_run ? "Plan of a delete" : (KINDS[job.kind] ?? job.kind));
