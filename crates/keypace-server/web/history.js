// What was seen of each job while it was watched: waits against the budget, and pauses by reason.
// Pure but for its own table; holds a bounded number of jobs and points, and draws nothing.

const MOST_JOBS = 8;
/** Past this every second point is dropped, so that the whole of a long run stays in view. */
const MOST_POINTS = 1200;
const FIRST_STEP_MS = 400;

const seen = new Map();

const fresh = () => ({ step: FIRST_STEP_MS, times: [], p50: [], p99: [], budget: [], pauses: new Map(), last: null });

/** What is known of a job; an empty record for one that wasn't watched. */
export const of = (id) => seen.get(id) ?? fresh();

/** Adds what a frame says. `now` is in milliseconds, `budget` in microseconds or null. */
export const record = (id, progress, budget, now) => {
  const own = seen.get(id) ?? fresh();
  seen.delete(id);
  seen.set(id, own);
  if (seen.size > MOST_JOBS) seen.delete(seen.keys().next().value);
  addPause(own, progress.paused_for ?? null, now);
  addPoint(own, progress.nodes ?? [], budget, now);
  return own;
};

const addPause = (own, reason, now) => {
  if (own.last?.reason) {
    const sum = own.pauses.get(own.last.reason);
    sum.ms += Math.max(0, now - own.last.at);
  }
  if (reason && own.last?.reason !== reason) {
    const sum = own.pauses.get(reason) ?? { times: 0, ms: 0 };
    sum.times += 1;
    own.pauses.set(reason, sum);
  }
  own.last = { reason, at: now };
};

/** Of the last seconds, not of the whole run: after hours one long wait would hide what is felt now. */
const highest = (nodes, percent) => {
  const known = nodes.map((node) => node[`canary_recent_${percent}_us`] ?? node[`canary_${percent}_us`]).filter((value) => Number.isFinite(value));
  return known.length > 0 ? Math.max(...known) : null;
};

const addPoint = (own, nodes, budget, now) => {
  const newest = own.times.at(-1);
  if (newest !== undefined && now - newest * 1000 < own.step) return;
  own.times.push(now / 1000);
  own.p50.push(highest(nodes, "p50"));
  own.p99.push(highest(nodes, "p99"));
  own.budget.push(budget);
  if (own.times.length <= MOST_POINTS) return;
  for (const name of ["times", "p50", "p99", "budget"]) own[name] = own[name].filter((_, place) => place % 2 === 0);
  own.step *= 2;
};

/** Nobody watches any more: a pause that was under way is not counted on. */
export const rest = (id) => {
  const own = seen.get(id);
  if (own) own.last = null;
};
