// The keyspace as a tree, made of the prefixes of a stats job. Pure: draws nothing, asks nobody.

/** What the service calls keys that have no row of their own. */
const OTHERS = "(others)";
const SEPARATOR = ":";

const fresh = (name, full) => ({ name, full, keys: 0, bytes: 0, noTtl: 0, own: { keys: 0, bytes: 0 }, types: {}, children: [] });

/** The segments of a prefix, each with its separator. */
const segments = (prefix) => prefix.split(SEPARATOR).slice(0, -1).map((part) => part + SEPARATOR);

/** A tree whose nodes hold the sums of what is below them, the largest first. */
export const build = (rows, by = "bytes") => {
  const root = fresh("All keys", "");
  for (const row of rows ?? []) {
    const path = row.prefix === OTHERS ? [OTHERS] : row.prefix === "" ? ["(no prefix)"] : segments(row.prefix);
    add(root, path.length > 0 ? path : [row.prefix], row);
  }
  sort(root, by);
  return root;
};

const add = (root, path, row) => {
  let node = root;
  let full = "";
  sum(node, row);
  for (const name of path) {
    full += name;
    let next = node.children.find((child) => child.name === name);
    if (!next) {
      next = fresh(name, full);
      next.isPrefix = row.prefix !== OTHERS && row.prefix !== "";
      node.children.push(next);
    }
    sum(next, row);
    node = next;
  }
  node.own.keys += row.keys;
  node.own.bytes += row.bytes;
};

const sum = (node, row) => {
  node.keys += row.keys;
  node.bytes += row.bytes;
  node.noTtl += row.no_ttl ?? 0;
  for (const [type, keys] of Object.entries(row.types ?? {})) node.types[type] = (node.types[type] ?? 0) + keys;
};

const sort = (node, by) => {
  node.children.sort((one, other) => other[by] - one[by] || (one.name < other.name ? -1 : 1));
  for (const child of node.children) sort(child, by);
};

/** The node that `full` names, and those above it; the root alone where there is none. */
export const pathTo = (root, full) => {
  const path = [root];
  let node = root;
  while (node && node.full !== full) {
    node = node.children.find((child) => full.startsWith(child.full));
    if (!node) return [root];
    path.push(node);
  }
  return path;
};

/** The type that most keys have. */
export const mainType = (node) => Object.entries(node.types).sort((one, other) => other[1] - one[1])[0]?.[0] ?? "–";

/** The pattern of all names with this prefix; null where its bytes are shown escaped and so aren't known here. */
export const patternOf = (prefix) => (prefix.includes("\\") ? null : `${prefix.replace(/[*?[\]]/g, "\\$&")}*`);
