// The chart of what other clients wait, against the budget. Draws what it is given; keeps and asks for nothing.

import { html, useEffect, useRef } from "../vendor/preact-htm.js";
import Plot from "../vendor/uplot.js";
import { micros } from "../format.js";

const HEIGHT_PX = 220;
const NARROW_PX = 480;
/** Marks of the time axis stand on whole seconds. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (second) => new Date(second * 1000).toLocaleTimeString("en", { hour12: false });

/** Below this nobody waits: a logarithm has no place for 0. */
const LEAST_US = 10;
const LEAST_TOP_US = 1000;

/** Whole powers of ten, so that one long wait leaves the budget and what is usual in view. */
const range = (_, __, most) => [LEAST_US, 10 ** Math.ceil(Math.log10(Math.max((most ?? 0) * 1.1, LEAST_TOP_US)))];
const raised = (values) => values.map((value) => (value === null ? null : Math.max(value, LEAST_US)));

const powers = (least, most) => (least > most * 1.001 ? [] : [least, ...powers(least * 10, most)]);

const options = (width) => {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [12, 8, 0, 0],
    scales: { x: { time: true }, y: { distr: 3, log: 10, range } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, incrs: STEPS_S, space: width < NARROW_PX ? 90 : 110, values: (_, marks) => marks.map(clock) },
      { ...axis, size: 64, splits: (_, __, least, most) => powers(least, most), values: (_, marks) => marks.map(micros) },
    ],
    series: [
      {},
      { label: "99 % wait less", stroke: colour("--accent"), width: 2, points: { show: false } },
      { label: "half wait less", stroke: colour("--soft"), width: 1.25, points: { show: false } },
      { label: "budget", stroke: colour("--bad"), width: 1.25, dash: [6, 4], points: { show: false } },
    ],
  };
};

/** `points` is what `history.js` keeps; `turn` changes with each frame. */
export const WaitChart = ({ points, turn }) => {
  const place = useRef(null);
  const plot = useRef(null);
  const shown = useRef(null);
  const data = () => [points.times, raised(points.p99), raised(points.p50), raised(points.budget)];
  useEffect(() => {
    const draw = () => {
      plot.current?.destroy();
      plot.current = new Plot(options(place.current.clientWidth), data(), place.current);
      plot.current.hooks.setCursor = [(own) => tell(own, points, shown.current)];
    };
    draw();
    const resized = new ResizeObserver(() => {
      const width = place.current?.clientWidth;
      if (width && plot.current && width !== plot.current.width) plot.current.setSize({ width, height: HEIGHT_PX });
    });
    resized.observe(place.current);
    addEventListener("keypace-theme", draw);
    return () => {
      resized.disconnect();
      removeEventListener("keypace-theme", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [points]);
  useEffect(() => plot.current?.setData(data()), [turn]);
  const last = points.times.length - 1;
  return html`<figure class="chart">
    <div ref=${place} role="img" aria-label=${sentence(points, last)}></div>
    <figcaption>
      <span class="swatch p99">99 % wait less than ${micros(points.p99[last])}</span>
      <span class="swatch p50">half wait less than ${micros(points.p50[last])}</span>
      ${Number.isFinite(points.budget[last]) && html`<span class="swatch budget">budget ${micros(points.budget[last])}</span>`}
      <span class="cursor" ref=${shown}></span>
    </figcaption>
  </figure>`;
};

const sentence = (points, last) =>
  last < 0
    ? "Chart of what other clients wait: nothing measured yet"
    : `Chart of what other clients wait: at last 99 % waited less than ${micros(points.p99[last])}, the budget being ${micros(points.budget[last])}`;

const tell = (plot, points, place) => {
  const at = plot.cursor.idx;
  if (!place) return;
  const known = at !== null && at !== undefined && plot.cursor.left >= 0;
  place.textContent = known ? `${clock(points.times[at])}: 99 % under ${micros(points.p99[at])}` : "";
};
