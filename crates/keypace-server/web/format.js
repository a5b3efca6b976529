// Numbers, sizes, times and names as people read them. Pure: asks nobody, keeps nothing.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `12,345`. */
export const count = (value) => (Number.isFinite(value) ? whole.format(value) : "–");

/** `1 key`, `12,345 keys`. */
export const keys = (value) => `${count(value)} ${value === 1 ? "key" : "keys"}`;

/** `42 %`, and never 100 before the end. */
export const share = (value) => {
  if (!Number.isFinite(value)) return "–";
  const hundred = value * 100;
  if (hundred > 0 && hundred < 10) return `${hundred.toFixed(1)} %`;
  return `${value < 1 ? Math.floor(hundred) : 100} %`;
};

/** `1.5 MiB`. */
export const bytes = (value) => {
  if (!Number.isFinite(value)) return "–";
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < SIZES.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${SIZES[unit]}`;
};

/** Microseconds as `250 µs`, `1.5 ms`, `2 s`. */
export const micros = (value) => {
  if (!Number.isFinite(value)) return "–";
  if (value < 1000) return `${Math.round(value)} µs`;
  if (value < 1e6) return `${trim(value / 1000)} ms`;
  return `${trim(value / 1e6)} s`;
};

/** Milliseconds as `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export const millis = (value) => {
  if (!Number.isFinite(value)) return "–";
  if (value < 1000) return `${Math.round(value)} ms`;
  const seconds = Math.round(value / 1000);
  if (value < 10_000) return `${(value / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
};

const trim = (value) => (value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(2))));

const UNITS = { us: 1, "µs": 1, ms: 1000, s: 1e6 };

/** A budget as it is written (`250us`, `1ms`) in microseconds; null for `off` or what is none. */
export const budgetMicros = (text) => {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s)\s*$/.exec(text ?? "");
  return parts ? Number(parts[1]) * UNITS[parts[2]] : null;
};

/** Microseconds as a budget is written: `250us`, `1500us`, `2ms`. */
export const writtenBudget = (value) => {
  const rounded = Math.max(1, Math.round(value));
  return rounded % 1000 === 0 ? `${rounded / 1000}ms` : `${rounded}us`;
};

/** A point in time as the service writes it, in milliseconds; null where there is none. */
export const instant = (value) => {
  if (value === null || value === undefined || value === "") return null;
  const time = typeof value === "number" ? value : Date.parse(value);
  return Number.isFinite(time) ? time : null;
};

/** `just now`, `5 min ago`, `3 h ago`, then the date. */
export const ago = (value, now) => {
  const time = instant(value);
  if (time === null) return "–";
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
};

/** The whole of it, for a title. */
export const exactTime = (value) => {
  const time = instant(value);
  return time === null ? "" : new Date(time).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
};

// Controls, and marks that reorder or hide text: a name must look like what it is.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const escaped = (mark) => {
  const code = mark.charCodeAt(0);
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
};

/** Text with everything that can't be seen escaped. */
export const visible = (text) => String(text ?? "").replace(HIDDEN, escaped);

/** A key of the service, `{key}` or `{key_b64}`, as it can be shown. */
export const keyName = (entry) => {
  if (typeof entry === "string") return visible(entry);
  if (entry?.key_b64 === undefined || entry.key_b64 === null) return visible(entry?.key);
  const raw = Uint8Array.from(atob(entry.key_b64), (mark) => mark.charCodeAt(0));
  return Array.from(raw, (byte) =>
    byte >= 0x20 && byte < 0x7f ? (byte === 0x5c ? "\\\\" : String.fromCharCode(byte)) : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
};
