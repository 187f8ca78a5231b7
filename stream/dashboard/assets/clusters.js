// The tree of label clusters as it is now; what split, merged or moved lately stands out.

import {card, count, empty, h, link, number, when} from "./dom.js";
import {segments} from "./overview.js";

const ROW = 30, STEP = 26, FRESH = 3000;

export async function clusters(parameters, {ask, width}) {
  const data = await ask("clusters", {partition: parameters.partition ?? "0"});
  const choice = data.partitions.length > 1 ? segments("partition", Object.fromEntries(data.partitions.map((n) => [n, `partition ${n}`])), String(data.partition), parameters, true, "clusters") : null;
  const head = h("div.viewhead", {}, h("h1", {}, "Clusters"), h("span.note", {}, data.total ? `${count(data.total)} ${data.total === 1 ? "cluster" : "clusters"}` : ""), h("span.grow"), choice);
  if (!data.total) return [head, empty("No clusters yet", "Learners with label clusters, as iHOMER, write their tree every 500 offsets. Others have none.")];
  return [head, h("div.grid.loose", {}, h("div.twothirds", {}, tree(data, width > 1010 ? (width * 2) / 3 - 50 : width - 38)), h("div.third", {}, changes(data)))];
}

/** Where each leaf and inner node stands: leaves in rows, nodes as far left as they are deep. */
function layout(data) {
  const children = new Map(data.splits.map(([node, first, second]) => [node, [first, second]]));
  const below = new Set(data.splits.flatMap(([, first, second]) => [first, second]));
  const roots = [...new Set([...children.keys(), ...Object.keys(data.clusters).map(Number)])].filter((node) => !below.has(node));
  const places = new Map(), rows = [];
  const stack = roots.reverse().map((node) => [node, 0, false]);
  while (stack.length) {
    const [node, depth, done] = stack.pop();
    if (!children.has(node)) {
      if (data.clusters[node]) { places.set(node, {depth, row: rows.length}); rows.push(node); }
    } else if (!done) {
      const [first, second] = children.get(node);
      stack.push([node, depth, true], [second, depth + 1, false], [first, depth + 1, false]);
    } else {
      const at = children.get(node).map((child) => places.get(child)).filter(Boolean);
      places.set(node, {depth, row: at.reduce((sum, each) => sum + each.row, 0) / at.length, inner: true});
    }
  }
  return {children, places, rows};
}

function tree(data, width) {
  const {children, places, rows} = layout(data);
  const deepest = Math.max(1, ...[...places.values()].map((each) => each.depth));
  const step = Math.max(6, Math.min(STEP, (width * 0.42) / deepest));
  const edge = 16 + step * deepest, y = (row) => 18 + ROW * row, x = (each) => 12 + (each.inner ? step * each.depth : step * deepest);
  const fresh = new Map();
  for (const change of data.changes.toReversed()) if (change.offset >= newest(data) - FRESH) for (const label of change.labels ?? []) fresh.set(label, change.action);
  const most = Math.max(...rows.map((node) => data.clusters[node].count), 1);
  const lines = [...children].flatMap(([node, pair]) => pair.map((child) => [node, child])).filter(([node, child]) => places.has(node) && places.has(child)).map(([node, child]) => {
    const [from, to] = [places.get(node), places.get(child)];
    return h("path.edge", {d: `M${x(from)} ${y(from.row)}V${y(to.row)}H${x(to)}`});
  });
  const fits = Math.floor((width - edge - 40) / 7.2);
  return card("Tree", data.total > rows.length ? `the ${rows.length} largest of ${count(data.total)}` : "leaves are clusters; the dot grows with their messages",
    h("div.tree", {}, h("svg", {viewBox: `0 0 ${width} ${ROW * rows.length + 10}`, width, height: ROW * rows.length + 10, role: "group", "aria-label": "Tree of label clusters"},
      h("g", {}, lines),
      h("g", {}, rows.map((node) => {
        const each = data.clusters[node], changed = each.labels.map((label) => fresh.get(label)).find(Boolean);
        const text = named(each, fits - (changed ? 8 : 0));
        return h("g.row", {"data-key": `c${node}`, class: changed ? "fresh" : null, transform: `translate(${x(places.get(node))} ${y(places.get(node).row)})`},
          h("title", {}, `cluster ${node}: ${each.labels.join(", ")}`),
          h("circle.leaf", {r: (3 + 6 * Math.sqrt(each.count / most)).toFixed(1)}),
          h("svglink", {href: link("labels", {label: each.labels[0]})}, h("text.leafname", {x: 16, y: 4.5}, text, changed ? h("tspan.change", {dx: 10}, changed) : null)));
      })))));
}

const newest = (data) => Math.max(data.updates, ...data.changes.map((each) => each.offset));

function named(cluster, fits) {
  let text = "", shown = 0;
  for (const label of cluster.labels) {
    const longer = text ? `${text}, ${label}` : label;
    if (shown && longer.length > fits - 9) break;
    text = longer;
    shown += 1;
  }
  const cut = text.length > fits ? `${text.slice(0, Math.max(1, fits - 1))}…` : text;
  return cluster.size > shown ? `${cut}  +${cluster.size - shown}` : cut;
}

const changes = (data) => card("Changes", "latest first: the labels that moved", data.changes.length
  ? h("ul.list", {}, data.changes.slice(0, 25).map((each) => h("li", {"data-key": `n${each.number}`}, h("span.badge", {class: each.action === "split" ? "warn" : "good"}, each.action), h("a.clip.rowlink", {title: `similarity ${number(each.statistic)}, compared with ${number(each.threshold)}`, href: link("drift", {at: `${each.partition}/${each.offset}`})}, each.labels?.length ? each.labels.join(", ") : `cluster ${each.subject}`), h("span.note", {}, when(each.time) || count(each.offset)))))
  : h("p.soft", {}, "No cluster has split, merged or moved."));
