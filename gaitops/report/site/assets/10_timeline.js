// Periods over time: {t: "timeline", k, from, to, rows}; rows are those of the table beside it.

const ROW = 30;
const TIMELINE_ROWS = 30;

function timelineBlock(block) {
  const spec = DATA.specs[block.k];
  if (!block.rows.length) return el("div", { class: "block" }, blockHead(spec.title, spec.term), el("p", { class: "note" }, spec.empty));
  const rows = block.rows.slice(0, TIMELINE_ROWS);
  const frame = el("div", { class: "chart" });
  redrawn(frame, (width) => drawTimeline(block, spec, rows, width));
  const left = block.rows.length - rows.length;
  const more = left > 0 && el("p", { class: "table-foot" }, `${count(left)} more in the table.`);
  return chartAndTable(spec.title, spec.term, [frame, more], tableBlock({ ...block, caption: spec.title, k: bare(block.k) }), null);
}

/** The columns of a spec without its title: the tabs beside it carry that. */
function bare(key) {
  DATA.specs[`${key} as table`] = { columns: DATA.specs[key].columns, empty: DATA.specs[key].empty };
  return `${key} as table`;
}

function drawTimeline(block, spec, rows, width) {
  const narrow = width < 560;
  const left = narrow ? 4 : Math.min(280, width * 0.34);
  const each = narrow ? ROW + 18 : ROW;
  const height = rows.length * each + 30;
  const span = Math.max(1, block.to - block.from);
  const x = (moment) => left + ((width - left - 8) * Math.min(Math.max(moment - block.from, 0), span)) / span;
  const defs = svg("defs");
  const title = svg("title", { id: newId("title") }, spec.title);
  const desc = svg("desc", { id: newId("desc") }, `${plural(rows.length, "period", "periods")} between ${time(block.from)} and ${time(block.to)} UTC. The table tab has every number.`);
  const look = paint(defs, spec.look);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": title.id, "aria-describedby": desc.id },
    title,
    desc,
    defs,
    dayLines(block, x, height - 24, width - left),
    rows.map((row, at) => period(row, spec, at * each, { x, narrow, each, look, width })),
  );
}

function dayLines(block, x, bottom, width) {
  const day = 86400;
  const first = Math.ceil(block.from / day) * day;
  const days = [];
  for (let moment = first; moment <= block.to; moment += day) days.push(moment);
  const room = roomy(days, width, 52);
  return days.map((moment, at) => [
    room[at] && svg("line", { x1: x(moment), x2: x(moment), y1: 0, y2: bottom, class: "grid" }),
    room[at] && at < days.length - 1 && svg("text", { x: x(moment) + 3, y: bottom + 16 }, shortDay(time(moment).slice(0, 10))),
  ]);
}

function period(row, spec, top, { x, narrow, each, look, width }) {
  const { name, start, end, n } = spec.timeline;
  const [value, proof] = plainNumber(row[n]);
  const label = name.map((at) => timelineName(row[at], spec.columns[at].k)).join(" · ");
  const from = x(row[start]);
  const size = Math.max(4, x(row[end]) - from);
  const barTop = top + (narrow ? 22 : 8);
  const right = from + size + 6;
  const inside = right + 70 > width;
  const open = () => openPanel(`${label}: ${count(value)}`, [{ label, value: count(value), proof }]);
  const group = svg(
    "g",
    null,
    svg("text", { x: narrow ? 0 : 0, y: narrow ? top + 14 : top + each / 2 + 4, class: "row" }, clipped(label, narrow ? width : x(0) - 12)),
    svg("rect", { x: from, y: barTop, width: size, height: 14, rx: 2, ...look }),
    svg("text", { x: inside ? from - 6 : right, y: barTop + 11, "text-anchor": inside ? "end" : "start" }, count(value)),
  );
  if (proof !== null) {
    group.setAttribute("data-open", "");
    group.addEventListener("click", open);
  }
  return group;
}

const timelineName = (value, kind) => (kind === "repo" ? shortName(value) : kind === "version" ? value.slice(value.lastIndexOf("@") + 1) : value);

/** As much of `text` as fits, for text that an SVG does not wrap. */
function clipped(text, width) {
  const most = Math.max(8, Math.floor(width / 6.6));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
