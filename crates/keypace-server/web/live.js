// Follows one job over a WebSocket, and finds back to it by a new ticket whenever the line breaks.
// Must not draw anything, and must not put the API key into an address: a ticket is good for one connection.

import { Problem, job as askJob, signals, ticket } from "./api.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** How often the job itself is asked for meanwhile: orders that another tab gave show in its state. */
const LOOK_MS = 2000;

/**
 * Follows the job until it ends or the answer is called. `on` gets `{job}`, `{progress}`, `{link}` ("live", "lost") and
 * `{problem}` where there is no use in going on.
 */
export const follow = (id, on) => {
  const state = { stopped: false, ended: false, socket: null, wait: FIRST_WAIT_MS, timer: 0, look: 0 };
  const again = () => {
    if (state.stopped || state.ended || state.timer) return;
    on({ link: "lost" });
    state.timer = setTimeout(() => {
      state.timer = 0;
      connect(id, on, state, again);
    }, state.wait * (0.75 + Math.random() / 2));
    state.wait = Math.min(state.wait * 2, LONGEST_WAIT_MS);
  };
  const look = async () => {
    if (state.stopped || state.ended || state.timer) return;
    try {
      const job = await askJob(id);
      if (!state.stopped && !state.ended) on({ job });
    } catch (error) {
      if (error.status === 404) on({ problem: error });
    }
  };
  state.look = setInterval(look, LOOK_MS);
  connect(id, on, state, again);
  return () => {
    state.stopped = true;
    clearTimeout(state.timer);
    clearInterval(state.look);
    state.socket?.close();
  };
};

const connect = async (id, on, state, again) => {
  let pass;
  try {
    pass = await ticket(id);
  } catch (error) {
    if (error instanceof Problem && [401, 403, 404].includes(error.status)) {
      clearInterval(state.look);
      on({ problem: error });
    } else again();
    return;
  }
  if (state.stopped) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const path = `/v1/jobs/${encodeURIComponent(id)}/events?ticket=${encodeURIComponent(pass)}`;
  const socket = new WebSocket(`${scheme}://${location.host}${path}`);
  state.socket = socket;
  socket.onmessage = (event) => {
    if (!state.stopped) take(JSON.parse(event.data), on, state);
  };
  socket.onclose = again;
};

const take = (frame, on, state) => {
  state.wait = FIRST_WAIT_MS;
  signals.dispatchEvent(new CustomEvent("link", { detail: true }));
  on({ link: "live" });
  if (frame.type === "progress") on({ progress: frame.progress });
  else if (frame.job) on({ job: frame.job });
  if (frame.type === "end") {
    state.ended = true;
    clearInterval(state.look);
  }
};
