// The first view: servers with their nodes, what is at work, and a pattern to begin with.

import { html, useState } from "../vendor/preact-htm.js";
import * as api from "../api.js";
import { share } from "../format.js";
import { Bar, Empty, Loading, Patterns, Section, State, Title, Trouble, When, isEnded, kindName, useAnswer } from "../parts/basics.js";

const SERVERS_MS = 10_000;
const JOBS_MS = 2_000;
const RECENT = 20;
const MOST_ENDED = 5;

const Nodes = ({ nodes, of }) => html`<div class="scrolls" tabindex="0" role="region" aria-label=${`Nodes of ${of}`}><table>
  <thead><tr><th scope="col">Node</th><th scope="col">Role</th><th scope="col">Version</th></tr></thead>
  <tbody>${nodes.map((node) => html`<tr key=${node.node}><td><code>${node.node}</code></td><td>${node.role}</td><td class="tabular">${node.version}</td></tr>`)}</tbody>
</table></div>`;

const Server = ({ server }) => html`<article class="server">
  <header>
    <h3>${server.name}</h3>
    <span class="reach ${server.reachable ? "" : "bad"}"><i aria-hidden="true"></i>${server.reachable ? "answers" : "does not answer"}</span>
  </header>
  <p class="soft">${[server.product, server.version].filter(Boolean).join(" ") || "product unknown"}${server.role ? ` · ${server.role}` : ""} · database ${server.database ?? 0} · <code>${server.address}</code></p>
  ${server.nodes?.length > 0 && html`<${Nodes} nodes=${server.nodes} of=${server.name} />`}
  <p class="links"><a href=${`#/keys?server=${encodeURIComponent(server.name)}`}>Find keys</a> <a href=${`#/keyspace?server=${encodeURIComponent(server.name)}`}>What it is made of</a></p>
</article>`;

const AtWork = ({ jobs }) => html`<ul class="work">${jobs.map((job) => html`<li key=${job.id}>
  <a href=${`#/jobs/${job.id}`}><span class="work-what">${kindName(job)} <${Patterns} job=${job} /></span><${State} state=${job.state} /></a>
  ${job.state === "running" && html`<${Bar} thin value=${job.progress?.share} label=${`${kindName(job)}: share walked`} />`}
  <span class="soft">${job.state === "running" ? `${share(job.progress?.share)} walked on ${job.server}` : html`${job.server} · <${When} at=${job.ended_at ?? job.updated_at ?? job.created_at} />`}</span>
</li>`)}</ul>`;

const Begin = () => {
  const [typed, setTyped] = useState("");
  const go = (event) => {
    event.preventDefault();
    location.hash = `#/keys?${new URLSearchParams({ pattern: typed })}`;
  };
  return html`<form class="begin" onSubmit=${go} role="search">
    <label for="begin-pattern">Which keys?</label>
    <div class="row"><input id="begin-pattern" class="mono" placeholder="session:*" autocomplete="off" autocapitalize="off" spellcheck=${false} value=${typed} onInput=${(event) => setTyped(event.target.value)} />
    <button class="primary" type="submit">Look</button></div>
  </form>`;
};

const OPEN = ["running", "paused", "waiting"];

/** Jobs that are open are asked for by their state: one that runs for hours has many newer ones before it. */
const standing = async (signal) => {
  const pages = await Promise.all([...OPEN.map((state) => ({ state, limit: RECENT })), { limit: RECENT }].map((fields) => api.jobs(fields, signal)));
  // One that changed its state meanwhile is in two of them.
  const jobs = [...new Map(pages.flatMap((page) => page.jobs).map((job) => [job.id, job])).values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  return { open: jobs.filter((job) => !isEnded(job.state)), ended: jobs.filter((job) => isEnded(job.state)).slice(0, MOST_ENDED) };
};

export const Overview = () => {
  const servers = useAnswer(api.servers, [], SERVERS_MS);
  const jobs = useAnswer(standing, [], JOBS_MS);
  const open = jobs.value?.open ?? [];
  const ended = jobs.value?.ended ?? [];
  return html`<${Title}>Overview<//>
    <${Begin} />
    <${Section} title="Servers">
      <${Trouble} problem=${servers.problem} retry=${servers.again} />
      ${servers.loading && html`<${Loading} what="Loading servers" />`}
      ${servers.value?.length === 0 && html`<${Empty} title="No server is configured"><p>Name one in the configuration file, or start the service with <code>--url</code>.</p><//>`}
      <div class="servers">${(servers.value ?? []).map((server) => html`<${Server} key=${server.name} server=${server} />`)}</div>
    <//>
    <${Section} title="At work" aside=${html`<a href="#/jobs">All jobs</a>`}>
      <${Trouble} problem=${jobs.problem} retry=${jobs.again} />
      ${jobs.loading ? html`<${Loading} what="Loading jobs" />` : open.length > 0 ? html`<${AtWork} jobs=${open} />` : jobs.value && html`<p class="soft">Nothing at the moment.</p>`}
    <//>
    ${ended.length > 0 && html`<${Section} title="Lately"><${AtWork} jobs=${ended} /><//>`}`;
};
