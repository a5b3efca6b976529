// What a person can tell a job to do: pause, go on, slower, faster, cancel, undo.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { budgetMicros, micros, writtenBudget } from "../format.js";
import { changeJob, createJob, resumeJob } from "../api.js";
import { Trouble, announce } from "./basics.js";

const DEFAULT_BUDGET = "1ms";
const LEAST_BUDGET_US = 50;

/** The job's budget in microseconds; null where it is off. */
export const budgetOf = (job) => budgetMicros(job.budget ?? DEFAULT_BUDGET);

const Pace = ({ job, act, busy }) => {
  const own = budgetOf(job);
  const [typed, setTyped] = useState(null);
  const change = (written) => act(() => changeJob(job.id, { budget: written }), `Budget ${written}`);
  const type = (event) => {
    event.preventDefault();
    if (typed) change(typed.trim());
    setTyped(null);
  };
  return html`<form class="pace" onSubmit=${type} aria-label="Pace">
    <button type="button" disabled=${busy || own === null || own <= LEAST_BUDGET_US} onClick=${() => change(writtenBudget(Math.max(LEAST_BUDGET_US, own / 2)))}>Slower</button>
    <label><span class="away">Budget: the extra wait of other clients</span>
      <input class="mono short" value=${typed ?? job.budget ?? DEFAULT_BUDGET} title=${`others may wait ${own === null ? "as long as it takes" : micros(own)}`}
        onInput=${(event) => setTyped(event.target.value)} onBlur=${() => typed === "" && setTyped(null)} /></label>
    ${typed !== null && html`<button type="submit" disabled=${busy}>Set</button>`}
    <button type="button" disabled=${busy || own === null} onClick=${() => change(writtenBudget(own * 2))}>Faster</button>
  </form>`;
};

const Cancel = ({ act, job, busy }) => {
  const [asked, setAsked] = useState(null);
  const first = useRef(null);
  useEffect(() => {
    if (asked !== null) first.current?.focus();
  }, [asked]);
  if (!asked) return html`<button type="button" key="ask" ref=${first} onClick=${() => setAsked(true)}>Cancel</button>`;
  return html`<span class="ask" key="asked" role="group" aria-label="Cancel for good?"><span>Cancel for good?</span>
    <button type="button" class="danger" disabled=${busy} ref=${first} onClick=${() => act(() => changeJob(job.id, { state: "cancelled" }), "Cancelling")}>Yes, cancel it</button>
    <button type="button" onClick=${() => setAsked(false)}>No</button></span>`;
};

const Undo = ({ job, act, busy }) => html`<button type="button" class="primary" disabled=${busy} onClick=${() =>
  act(async () => {
    const begun = await createJob({ kind: "restore", server: job.server, patterns: [], from_job: job.id });
    location.hash = `#/jobs/${begun.id}`;
  }, "Bringing the keys back")}>Bring the keys back</button>`;

const canUndo = (job) => job.kind === "delete" && job.has_backup && ["done", "incomplete", "cancelled", "failed"].includes(job.state);

/** The buttons that fit the job's state. `changed` gets the job as the service answers it. */
export const Orders = ({ job, changed }) => {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const place = useRef(null);
  const acted = useRef(false);
  // The button that was pressed goes with the state that it ended: the focus stays among its successors.
  useEffect(() => {
    if (acted.current && document.activeElement === document.body) place.current?.querySelector("button:not(:disabled)")?.focus();
    acted.current = false;
  }, [job.state]);
  const act = async (order, told) => {
    acted.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const answered = await order();
      announce(told);
      if (answered?.id) changed(answered);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  const { state } = job;
  const isOpen = ["waiting", "running", "paused"].includes(state);
  return html`<div class="orders" ref=${place}>
    ${["running", "waiting"].includes(state) && html`<button type="button" disabled=${busy} onClick=${() => act(() => changeJob(job.id, { state: "paused" }), "Pausing")}>Pause</button>`}
    ${state === "paused" && html`<button type="button" class="primary" disabled=${busy} onClick=${() => act(() => resumeJob(job.id), "Going on")}>Go on</button>`}
    ${["failed", "incomplete"].includes(state) && html`<button type="button" disabled=${busy} onClick=${() => act(() => resumeJob(job.id), "Going on")}>Go on from where it stopped</button>`}
    ${isOpen && html`<${Pace} job=${job} act=${act} busy=${busy} />`}
    ${isOpen && html`<${Cancel} key=${state} job=${job} act=${act} busy=${busy} />`}
    ${canUndo(job) && html`<${Undo} job=${job} act=${act} busy=${busy} />`}
    <${Trouble} problem=${problem} />
  </div>`;
};
