// What a keyspace is made of: areas and a tree with counts and bytes, and the biggest keys, from a stats job.

import { html, useEffect, useState } from "../vendor/preact-htm.js";
import * as api from "../api.js";
import { bytes, count, exactTime, keyName, share, visible } from "../format.js";
import { Bar, Empty, Loading, Section, State, Title, Trouble, When, isEnded, useAnswer } from "../parts/basics.js";
import { Treemap } from "../parts/treemap.js";
import { build, mainType, pathTo, patternOf } from "../tree.js";

const RECENT = 20;
const FOLLOW_MS = 1000;
const MOST_ROWS = 200;

const Measure = ({ server, begun }) => {
  const [pattern, setPattern] = useState("*");
  const [budget, setBudget] = useState("1ms");
  const [depth, setDepth] = useState("2");
  const [problem, setProblem] = useState(null);
  const start = async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      begun(await api.createJob({ kind: "stats", server: server || undefined, patterns: [pattern || "*"], budget: budget.trim() || undefined, depth: Number(depth) || undefined }));
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<form class="measure" onSubmit=${start}>
    <label class="field"><span>Keys</span><input class="mono" value=${pattern} onInput=${(event) => setPattern(event.target.value)} /></label>
    <label class="field"><span>Budget</span><input class="mono short" value=${budget} onInput=${(event) => setBudget(event.target.value)} /></label>
    <label class="field"><span>Levels of the tree</span><input class="mono short" type="number" min="1" max="16" value=${depth} onInput=${(event) => setDepth(event.target.value)} /></label>
    <button class="primary" type="submit">Measure</button>
    <${Trouble} problem=${problem} />
  </form>`;
};

const Row = ({ node, whole, depth, open, toggle, by }) => {
  const isOpen = open.has(node.full || node.name);
  const has = node.children.length > 0;
  const pattern = node.isPrefix ? patternOf(node.full) : null;
  const name = visible(node.name);
  return html`<tr>
      <th scope="row"><span class="tree-name" style=${{ paddingInlineStart: `${depth * 1.1}rem` }}>
        ${has ? html`<button type="button" class="twist" aria-expanded=${isOpen ? "true" : "false"} aria-label=${`${name}: what is below`} onClick=${() => toggle(node)}></button>` : html`<i class="twist" aria-hidden="true"></i>`}
        ${pattern ? html`<a href=${`#/keys?${new URLSearchParams({ pattern })}`}><code>${name}</code></a>` : html`<code>${name}</code>`}</span></th>
      <td class="num">${count(node.keys)}</td>
      <td class="num">${bytes(node.bytes)}</td>
      <td class="part"><${Bar} thin value=${whole[by] > 0 ? node[by] / whole[by] : 0} label=${`${name}: share of ${by}`} /></td>
      <td class="wide-only">${mainType(node)}</td>
      <td class="num wide-only">${share(node.keys > 0 ? node.noTtl / node.keys : 0)}</td>
    </tr>
    ${isOpen && node.children.slice(0, MOST_ROWS).map((child) => html`<${Row} key=${child.full || child.name} node=${child} whole=${whole} depth=${depth + 1} open=${open} toggle=${toggle} by=${by} />`)}`;
};

const Tree = ({ node, by }) => {
  const [open, setOpen] = useState(new Set());
  const toggle = (one) => setOpen((old) => {
    const next = new Set(old);
    const name = one.full || one.name;
    if (!next.delete(name)) next.add(name);
    return next;
  });
  return html`<div class="scrolls" tabindex="0" role="region" aria-label="Keyspace by prefix"><table class="tree">
    <thead><tr><th scope="col">Prefix</th><th scope="col" class="num">Keys</th><th scope="col" class="num">Memory</th><th scope="col">Part of all</th><th scope="col" class="wide-only">Mostly</th><th scope="col" class="num wide-only">Never expire</th></tr></thead>
    <tbody>${node.children.slice(0, MOST_ROWS).map((child) => html`<${Row} key=${child.full || child.name} node=${child} whole=${node} depth=${0} open=${open} toggle=${toggle} by=${by} />`)}</tbody>
  </table></div>`;
};

const Biggest = ({ rows }) => html`<div class="scrolls" tabindex="0" role="region" aria-label="The biggest keys"><table>
  <thead><tr><th scope="col">Key</th><th scope="col">Type</th><th scope="col" class="num">Memory</th></tr></thead>
  <tbody>${rows.map((row) => html`<tr><td><code>${keyName(row)}</code></td><td>${row.type}</td><td class="num">${bytes(row.bytes)}</td></tr>`)}</tbody>
</table></div>`;

const Crumbs = ({ path, go }) => html`<nav class="crumbs" aria-label="Prefix"><ol>${path.map((node, place) => html`<li>
  ${place === path.length - 1 ? html`<b aria-current="true">${visible(node.name)}</b>` : html`<button type="button" class="link" onClick=${() => go(node.full)}>${visible(node.name)}</button>`}</li>`)}</ol></nav>`;

/** All that a finished stats job tells. */
const Report = ({ job }) => {
  const [by, setBy] = useState(job.result.bytes > 0 ? "bytes" : "keys");
  const [at, setAt] = useState("");
  const root = build(job.result.prefixes, by);
  const path = pathTo(root, at);
  const node = path.at(-1);
  const { result } = job;
  if (result.keys === 0) return html`<${Empty} title="There are no keys"><p>Nothing matched ${(job.patterns ?? []).join(" ")} on ${job.server}.</p><//>`;
  return html`
    <p class="lead"><b>${count(result.keys)}</b> keys, <b>${bytes(result.bytes)}</b>${result.bytes_error > 0 ? html` <span class="soft">± ${bytes(2 * result.bytes_error)}</span>` : ""}
      <span class="soft"> · ${(job.patterns ?? []).join(" ")} on ${job.server}, <${When} at=${job.ended_at ?? job.created_at} />${result.complete ? "" : " · not walked whole"}</span></p>
    <div class="row between"><${Crumbs} path=${path} go=${setAt} />
      <div class="choice" role="group" aria-label="Areas by">${["bytes", "keys"].map((one) => html`<button type="button" aria-pressed=${by === one ? "true" : "false"} onClick=${() => setBy(one)}>${one === "bytes" ? "Memory" : "Keys"}</button>`)}</div></div>
    <${Treemap} node=${node} by=${by} open=${(tile) => tile.children.length > 0 && setAt(tile.full)} />
    <${Tree} key=${node.full} node=${node} by=${by} />
    ${result.bytes_note && html`<p class="soft">${result.bytes_note}</p>`}
    ${result.biggest?.length > 0 && html`<${Section} title="The biggest keys"><${Biggest} rows=${result.biggest} /><//>`}`;
};

const Pending = ({ job }) => html`<div class="pending"><p><${State} state=${job.state} /> <a href=${`#/jobs/${job.id}`}>Measuring ${(job.patterns ?? []).join(" ")}</a> <span class="soft">${share(job.progress?.share)} walked</span></p>
  <${Bar} value=${job.progress?.share} label="Share measured" />${job.reason && html`<p>${job.reason}</p>`}</div>`;

export const Keyspace = ({ fields, servers, server, setFields }) => {
  const list = useAnswer((signal) => api.jobs({ kind: "stats", limit: RECENT }, signal), [server, fields.job]);
  const mine = (list.value?.jobs ?? []).filter((job) => servers.length === 0 || job.server === server);
  const pending = mine.find((job) => !isEnded(job.state));
  const done = mine.filter((job) => ["done", "incomplete"].includes(job.state));
  const chosen = fields.job ?? done[0]?.id;
  const report = useAnswer((signal) => (chosen ? api.job(chosen, signal) : Promise.resolve(null)), [chosen]);
  useEffect(() => {
    if (!pending) return undefined;
    const timer = setInterval(list.again, FOLLOW_MS);
    return () => clearInterval(timer);
  }, [pending?.id]);
  const begun = () => {
    setFields({ ...fields, job: undefined });
    list.again();
  };
  const hasReport = report.value?.result?.prefixes;
  return html`<${Title}>Keyspace<//>
    <${Measure} server=${server} begun=${begun} />
    <${Trouble} problem=${list.problem ?? report.problem} retry=${list.again} />
    ${pending && html`<${Pending} job=${pending} />`}
    ${(list.loading || report.loading) && html`<${Loading} what="Loading the last measurement" />`}
    ${!list.loading && !chosen && !pending && !list.problem && html`<${Empty} title="Not measured yet"><p>Measuring walks the keyspace within the budget, and shows where keys and memory are. It changes nothing.</p><//>`}
    ${done.length > 1 && html`<label class="field inline"><span>Measured</span><select value=${chosen} onChange=${(event) => setFields({ ...fields, job: event.target.value })}>
      ${done.map((job) => html`<option value=${job.id}>${exactTime(job.ended_at ?? job.created_at)} · ${(job.patterns ?? []).join(" ")}</option>`)}</select></label>`}
    ${hasReport && html`<${Report} key=${report.value.id} job=${report.value} />`}`;
};
