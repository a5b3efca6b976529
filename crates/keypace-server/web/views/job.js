// One job, watched live: how it stands, what it may be told, and what it came to.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import * as api from "../api.js";
import * as history from "../history.js";
import { follow } from "../live.js";
import { Loading, Patterns, State, Title, Trouble, When, announce, isEnded, kindName } from "../parts/basics.js";
import { Orders, budgetOf } from "../parts/orders.js";
import { Outcome } from "../parts/outcome.js";
import { Plan } from "../parts/plan.js";
import { Running, spoken } from "../parts/running.js";

/** A screen reader hears of each tenth, not of each frame. */
const SPOKEN_STEPS = 10;

/** What the service says last of a job's states, told by `updated_at` where two answers cross. */
const newer = (old, told) => (old && old.updated_at && told.updated_at && told.updated_at < old.updated_at ? old : told);

const useJob = (id) => {
  const [state, setState] = useState({ job: null, progress: null, link: "lost", problem: null, turn: 0 });
  const kept = useRef(null);
  const step = useRef(-1);
  useEffect(() => {
    kept.current = null;
    step.current = -1;
    setState({ job: null, progress: null, link: "lost", problem: null, turn: 0 });
    const takeJob = (job) => {
      const last = kept.current;
      kept.current = newer(last, job);
      if (last && last.state !== job.state) announce(`${kindName(job)}: ${job.state}`);
      const progress = Object.keys(job.progress ?? {}).length > 0 ? job.progress : null;
      setState((old) => ({ ...old, job: kept.current, progress: old.progress ?? progress, turn: old.turn + 1 }));
    };
    const takeProgress = (progress) => {
      const job = kept.current;
      if (!job) return;
      history.record(id, progress, budgetOf(job), Date.now());
      const now = Math.floor(progress.share * SPOKEN_STEPS);
      if (now !== step.current) announce(spoken(job, progress));
      step.current = now;
      setState((old) => ({ ...old, progress, turn: old.turn + 1 }));
    };
    const take = (told) => {
      if (told.job) takeJob(told.job);
      if (told.progress) takeProgress(told.progress);
      if (told.link) setState((old) => (old.link === told.link ? old : { ...old, link: told.link }));
      if (told.problem) setState((old) => ({ ...old, problem: told.problem }));
    };
    const stop = follow(id, take);
    return () => {
      stop();
      history.rest(id);
    };
  }, [id]);
  const changed = (job) => {
    kept.current = newer(kept.current, job);
    setState((old) => ({ ...old, job: kept.current }));
  };
  return { ...state, changed };
};

const Facts = ({ job }) => html`<p class="facts soft">
  on <b>${job.server}</b>${job.budget ? ` · budget ${job.budget}` : ""}${job.backup ? " · with backup" : ""}${" · begun "}<${When} at=${job.created_at} />
  ${job.ended_at && html` · ended <${When} at=${job.ended_at} />`}
  ${job.restarts > 0 && html` · taken up again ${job.restarts} ${job.restarts === 1 ? "time" : "times"}`}
  ${job.from_job && html` · from <a href=${`#/jobs/${job.from_job}`}>the delete</a>`}
</p>`;

const FILTERS = { types: "type", exclude: "but not", idle_over: "not used for", ttl: "expiry", ttl_under: "expires within", ttl_over: "expires after", size_over: "larger than", size_under: "smaller than", limit: "no more than" };

const Filters = ({ filters }) => {
  const said = Object.entries(filters ?? {}).filter(([, value]) => value && (!Array.isArray(value) || value.length > 0));
  if (said.length === 0) return null;
  return html`<p class="facts">${said.map(([name, value]) => html`<span class="chip">${FILTERS[name] ?? name} <code>${Array.isArray(value) ? value.join(" ") : value}</code></span> `)}</p>`;
};

const Body = ({ job, progress, turn, id }) => {
  if (job.state === "planned") return html`<${Plan} job=${job} again=${() => planAgain(job)} />`;
  if (isEnded(job.state)) return html`<${Outcome} job=${job} />`;
  if (!progress) return html`<p class="soft">${job.state === "waiting" ? "It begins when its turn comes; this page may be closed meanwhile." : "It has not begun to walk yet."}</p>`;
  return html`<${Running} job=${job} progress=${progress} history=${history.of(id)} turn=${turn} />`;
};

const planAgain = async (job) => {
  const spec = { kind: "delete", dry_run: true, server: job.server, patterns: job.patterns, filters: job.filters, backup: Boolean(job.backup), all: job.all || undefined, budget: job.budget ?? undefined };
  const begun = await api.createJob(spec);
  location.hash = `#/jobs/${begun.id}`;
};

export const Job = ({ id }) => {
  const own = useJob(id);
  const { job } = own;
  if (own.problem && !job) return html`<${Title}>Job<//><${Trouble} problem=${own.problem} /><p><a href="#/jobs">All jobs</a></p>`;
  if (!job) return html`<${Title}>Job<//><${Loading} what="Loading the job" />`;
  const isOpen = !isEnded(job.state);
  return html`
    <${Title} key=${id} aside=${html`<${State} state=${job.state} />`}>${kindName(job)} <${Patterns} job=${job} /><//>
    <${Facts} job=${job} />
    <${Filters} filters=${job.filters} />
    ${isOpen && own.link === "lost" && html`<p class="notice" role="status">Finding the way back to the service. The job does not need this page.</p>`}
    ${job.reason && html`<p class="notice">${job.reason}</p>`}
    <${Orders} job=${job} changed=${own.changed} />
    <${Body} job=${job} progress=${own.progress} turn=${own.turn} id=${id} />
    ${job.kind === "stats" && job.state === "done" && html`<p><a href=${`#/keyspace?job=${job.id}`}>See it as a tree</a></p>`}`;
};
