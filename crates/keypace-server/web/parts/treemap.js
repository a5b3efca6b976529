// Prefixes as areas. For the eye and the pointer only: the table beside it says the same to everyone else.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { hierarchy, treemap, treemapSquarify } from "../vendor/d3-hierarchy.js";
import { bytes, count, visible } from "../format.js";

const SHADES = 5;
/** Smaller areas have no room for a name. */
const NAMED_PX = { width: 56, height: 30 };
const MOST_TILES = 250;

/** One level below `node` as areas, and the next level inside each where there is room. */
const layout = (node, by, width, height) => {
  const shallow = (own, depth) => ({
    node: own,
    value: own.children.length > 0 && depth < 2 ? own.own[by] : own[by],
    children: depth < 2 ? own.children.map((child) => shallow(child, depth + 1)) : [],
  });
  const tree = hierarchy(shallow(node, 0)).sum((own) => own.value);
  treemap().tile(treemapSquarify.ratio(1.4)).size([width, height]).paddingInner(2).paddingTop((own) => (own.depth === 1 && own.children ? 20 : 0))(tree);
  return tree.descendants().filter((tile) => tile.depth > 0 && tile.x1 - tile.x0 > 3 && tile.y1 - tile.y0 > 3).slice(0, MOST_TILES);
};

/** How much of it never expires, in steps. */
const shade = (node) => (node.keys > 0 ? Math.min(SHADES - 1, Math.floor((node.noTtl / node.keys) * SHADES)) : 0);

const Tile = ({ tile, by, open }) => {
  const { node } = tile.data;
  const box = { left: `${tile.x0}px`, top: `${tile.y0}px`, width: `${tile.x1 - tile.x0}px`, height: `${tile.y1 - tile.y0}px` };
  const has = tile.x1 - tile.x0 > NAMED_PX.width && tile.y1 - tile.y0 > NAMED_PX.height;
  const isBox = tile.depth === 1 && tile.children;
  const text = `${visible(node.full || node.name)}\n${count(node.keys)} keys, ${bytes(node.bytes)}`;
  return html`<div class="tile shade-${shade(node)} ${isBox ? "box" : ""}" style=${box} title=${text} onClick=${() => open(node)}>
    ${(has || (isBox && tile.x1 - tile.x0 > NAMED_PX.width)) &&
    html`<span class="tile-name">${visible(node.name)}</span>${has && !isBox && html`<span class="tile-value">${by === "bytes" ? bytes(node.bytes) : count(node.keys)}</span>`}`}
  </div>`;
};

/** The areas below `node`; `open` is called with the one that was chosen. */
export const Treemap = ({ node, by, open }) => {
  const place = useRef(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const resized = new ResizeObserver(() => place.current && setWidth(place.current.clientWidth));
    resized.observe(place.current);
    return () => resized.disconnect();
  }, []);
  const height = width < 480 ? 280 : 380;
  const tiles = width > 0 ? layout(node, by, width, height) : [];
  return html`<div class="treemap" aria-hidden="true">
    <div class="tiles" ref=${place} style=${{ height: `${height}px` }}>
      ${tiles.map((tile) => html`<${Tile} key=${tile.data.node.full || tile.data.node.name} tile=${tile} by=${by} open=${open} />`)}
    </div>
    <div class="treemap-legend"><span>all expire</span>${[0, 1, 2, 3, 4].map((step) => html`<i class="shade-${step}"></i>`)}<span>none ever does</span></div>
  </div>`;
};
