// The shell: which view an address shows, navigation, the key, the theme, whether the service answers.
// Must not ask for anything that a view asks for.

import { html, render, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { key, servers as askServers, signals } from "./api.js";
import { announce } from "./parts/basics.js";
import { Job } from "./views/job.js";
import { Jobs } from "./views/jobs.js";
import { Keys } from "./views/keys.js";
import { Keyspace } from "./views/keyspace.js";
import { Overview } from "./views/overview.js";

const VIEWS = [
  ["", "Overview", Overview],
  ["keys", "Keys", Keys],
  ["keyspace", "Keyspace", Keyspace],
  ["jobs", "Jobs", Jobs],
];

/** `#/jobs/ID?state=done` as its parts. */
const parse = (hash) => {
  const [path, search] = hash.replace(/^#\/?/, "").split("?");
  const [room, id] = path.split("/");
  return { room, id: id ? decodeURIComponent(id) : null, fields: Object.fromEntries(new URLSearchParams(search ?? "")) };
};

const useRoute = () => {
  const [route, setRoute] = useState(parse(location.hash));
  useEffect(() => {
    const turn = () => setRoute(parse(location.hash));
    addEventListener("hashchange", turn);
    return () => removeEventListener("hashchange", turn);
  }, []);
  // What is typed stands in the address, so that a reload shows it again, without a step in the history for each letter.
  const setFields = (fields) => {
    const given = Object.entries(fields).filter(([, value]) => value);
    const search = given.length > 0 ? `?${new URLSearchParams(given)}` : "";
    window.history.replaceState(null, "", `#/${route.room}${route.id ? `/${encodeURIComponent(route.id)}` : ""}${search}`);
    setRoute({ ...route, fields: Object.fromEntries(given) });
  };
  return { ...route, setFields };
};

const useSignal = (name, first) => {
  const [value, setValue] = useState(first);
  useEffect(() => {
    const take = (event) => setValue(event.detail);
    signals.addEventListener(name, take);
    return () => signals.removeEventListener(name, take);
  }, []);
  return [value, setValue];
};

const KeyDialog = ({ wrong, done }) => {
  const own = useRef(null);
  const [typed, setTyped] = useState("");
  useEffect(() => own.current.showModal(), []);
  const keep = (event) => {
    event.preventDefault();
    key.keep(typed.trim());
    done(true);
  };
  return html`<dialog ref=${own} aria-labelledby="key-title" onCancel=${() => done(false)}>
    <form onSubmit=${keep}>
      <h2 id="key-title">API key</h2>
      ${wrong && html`<p class="warns">The service doesn't know this key, or not any more.</p>`}
      <p class="soft">It stays in this tab and is forgotten with it. <code>keypace serve --new-key operator</code> makes one.</p>
      <label for="key-text" class="away">API key</label>
      <input id="key-text" class="mono" type="password" autocomplete="off" placeholder="kp_…" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <div class="row"><button class="primary" type="submit" disabled=${typed.trim() === ""}>Use it</button><button type="button" onClick=${() => done(false)}>Not now</button></div>
    </form>
  </dialog>`;
};

const Theme = () => {
  const [dark, setDark] = useState(document.documentElement.dataset.theme === "dark");
  useEffect(() => {
    const look = () => setDark(document.documentElement.dataset.theme === "dark");
    addEventListener("keypace-theme", look);
    return () => removeEventListener("keypace-theme", look);
  }, []);
  const choose = () => dispatchEvent(new CustomEvent("keypace-theme-choice", { detail: dark ? "light" : "dark" }));
  return html`<button type="button" class="plain theme" aria-label=${dark ? "Light colours" : "Dark colours"} title=${dark ? "Light colours" : "Dark colours"} onClick=${choose}><i aria-hidden="true"></i></button>`;
};

const Head = ({ room, servers, server, choose, forget, ask }) => html`<header class="head">
  <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("h1")?.focus(); }}>To the content</a>
  <a class="mark" href="#/" aria-label="keypace, overview"><i aria-hidden="true"></i>keypace</a>
  <nav aria-label="Views">${VIEWS.map(([name, label]) => html`<a href=${`#/${name}`} aria-current=${room === name ? "page" : undefined}>${label}</a>`)}</nav>
  <div class="head-end">
    ${servers.length > 1 && html`<label><span class="away">Server</span><select value=${server} onChange=${(event) => choose(event.target.value)}>${servers.map((one) => html`<option value=${one.name}>${one.name}</option>`)}</select></label>`}
    ${ask && html`<button type="button" class="primary" onClick=${ask}>Enter an API key</button>`}
    ${key.read() && html`<button type="button" class="plain" onClick=${forget}>Forget the key</button>`}
    <${Theme} />
  </div>
</header>`;

const App = () => {
  const route = useRoute();
  const [answers] = useSignal("link", true);
  const [wanted, setWanted] = useSignal("key-wanted", null);
  const [servers, setServers] = useState([]);
  const [picked, setPicked] = useState(null);
  const [turn, setTurn] = useState(0);
  // Views ask again and again: a person who said "not now" is not asked again by each of them.
  const [isPutOff, setPutOff] = useState(false);
  useEffect(() => {
    askServers().then(setServers, () => setServers([]));
  }, [turn]);
  useEffect(() => announce(answers ? "" : "The service does not answer"), [answers]);
  const asked = route.fields.server ?? picked;
  const server = servers.some((one) => one.name === asked) ? asked : (servers[0]?.name ?? "");
  const choose = (name) => {
    setPicked(name);
    if (route.fields.server) route.setFields({ ...route.fields, server: name });
  };
  const keyed = (isKept) => {
    if (isKept) setWanted(null);
    setPutOff(!isKept);
    if (isKept) setTurn(turn + 1);
  };
  const forget = () => {
    key.forget();
    setPutOff(false);
    setTurn(turn + 1);
  };
  const View = VIEWS.find(([name]) => name === route.room)?.[2] ?? Overview;
  const page = route.room === "jobs" && route.id
    ? html`<${Job} key=${`${route.id} ${turn}`} id=${route.id} />`
    : html`<${View} key=${`${route.room} ${turn}`} fields=${route.fields} setFields=${route.setFields} servers=${servers} server=${server} />`;
  return html`<${Head} room=${route.room} servers=${servers} server=${server} choose=${choose} forget=${forget} ask=${wanted !== null && isPutOff && (() => setPutOff(false))} />
    ${!answers && html`<p class="offline" role="alert">The service does not answer. Jobs go on without this page; it looks again by itself.</p>`}
    <main id="main">${page}</main>
    ${wanted !== null && !isPutOff && html`<${KeyDialog} wrong=${wanted} done=${keyed} />`}`;
};

render(html`<${App} />`, document.getElementById("app"));
