// Columns over time: {t: "chart", k, x, v, p, of}. v and p have one list per series; of holds the wholes of shares.

const HEIGHT = 204;
const EDGE = { top: 22, bottom: 24, left: 44, right: 4 };

function chartBlock(block) {
  const spec = DATA.specs[block.k];
  const series = (block.series ?? spec.series).map((item, at) => ({ ...item, values: block.v[at], proofs: block.p?.[at] ?? [] }));
  const chart = { block, spec, series, isShare: Boolean(block.of), total: totals(series, block.x.length) };
  if (!block.x.length || Math.max(...chart.total) === 0) return emptyChart(spec);
  const readout = el("p", { class: "readout" });
  const frame = el("div", { class: "chart", tabindex: "0", role: "group", "aria-label": chartName(chart), "aria-describedby": (readout.id = newId("readout")) });
  const cursor = { at: null, mark: null };
  const point = (at) => {
    cursor.at = at;
    readout.replaceChildren(...readoutOf(chart, at));
    cursor.mark?.(at);
  };
  redrawn(frame, (width) => draw(chart, width, cursor, point));
  frame.addEventListener("keydown", (event) => chartKey(event, chart, cursor, point));
  frame.addEventListener("pointerleave", () => point(null));
  point(null);
  return chartAndTable(spec.title, spec.term, frame, chartTable(chart), readout);
}

const totals = (series, length) => Array.from({ length }, (_, at) => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));

const emptyChart = (spec) => el("div", { class: "block" }, blockHead(spec.title, spec.term), el("p", { class: "note" }, `No evidence for this in the period: ${spec.empty ?? "nothing to draw"}.`));

const chartName = (chart) =>
  `${chart.spec.title}, ${chart.block.x[0]} to ${chart.block.x.at(-1)}. Left and right arrows read the values, Enter lists the artifacts of a column, the table tab has every number.`;

/** Values of one column, or of the whole period. */
function readoutOf(chart, at) {
  const { series, block, isShare } = chart;
  const when = at === null ? "Whole period" : block.x[at];
  const sum = (values) => (at === null ? values.reduce((a, b) => a + (b ?? 0), 0) : (values[at] ?? 0));
  const parts = series.map((one) => {
    const value = sum(one.values);
    const text = isShare ? percent(value, sum(block.of)) : count(value);
    return el("span", null, swatch(one.look), one.l, el("b", null, text));
  });
  const whole = isShare ? ` of ${count(sum(block.of))}` : "";
  return [el("span", null, el("b", null, when), whole), ...parts];
}

function chartKey(event, chart, cursor, point) {
  const last = chart.block.x.length - 1;
  const now = cursor.at;
  const next = { ArrowRight: now === null ? 0 : Math.min(last, now + 1), ArrowLeft: now === null ? last : Math.max(0, now - 1), Home: 0, End: last }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    point(next);
    announce(document.getElementById(event.currentTarget.getAttribute("aria-describedby")).innerText.replaceAll("\n", " "));
  } else if (event.key === "Enter" && now !== null) {
    openColumn(chart, now);
  } else if (event.key === "Escape") {
    point(null);
  }
}

function openColumn(chart, at) {
  const groups = chart.series.map((one) => ({ label: one.l, value: count(one.values[at] ?? 0), proof: one.proofs[at] }));
  openPanel(`${chart.spec.title}, ${chart.block.x[at]}`, groups);
}

function draw(chart, width, cursor, point) {
  const { block, spec, series } = chart;
  const heights = chart.isShare ? block.of.map((whole, at) => (whole ? (100 * chart.total[at]) / whole : 0)) : chart.total;
  const steps = ticks(Math.max(...heights), !chart.isShare);
  const floor = HEIGHT - EDGE.bottom;
  const y = (value) => floor - ((floor - EDGE.top) * value) / steps.at(-1);
  const band = (width - EDGE.left - EDGE.right) / block.x.length;
  const bar = Math.max(1, Math.min(34, band * 0.68));
  const defs = svg("defs");
  const title = svg("title", { id: newId("title") }, spec.title);
  const desc = svg("desc", { id: newId("desc") }, description(chart));
  const middle = (at) => EDGE.left + band * (at + 0.5);
  const highlight = svg("rect", { class: "cursor", y: EDGE.top, height: floor - EDGE.top, width: band, visibility: "hidden" });
  cursor.mark = (at) => {
    highlight.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at !== null) highlight.setAttribute("x", EDGE.left + band * at);
  };
  cursor.mark(cursor.at);
  const paints = series.map((one) => paint(defs, one.look));
  const columns = block.x.map((_, at) => column(chart, at, middle(at) - bar / 2, bar, y, paints));
  const room = roomy(block.x, width - EDGE.left, spec.label ?? 46);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-labelledby": title.id, "aria-describedby": desc.id },
    title,
    desc,
    defs,
    verticalAxis(steps, (value) => count(value) + (chart.isShare ? " %" : ""), y, EDGE.left, width - EDGE.right),
    svg("text", { x: 0, y: 10 }, `${chart.isShare ? "percent" : spec.unit} per ${spec.per ?? DATA.meta.point}`),
    highlight,
    columns,
    block.x.map((label, at) => room[at] && svg("text", { x: middle(at), y: HEIGHT - 6, "text-anchor": "middle" }, shortDay(label))),
    block.x.map((_, at) => hitArea(chart, at, EDGE.left + band * at, band, point)),
  );
}

const description = (chart) =>
  `${chart.isShare ? "Percent" : chart.spec.unit} per ${chart.spec.per ?? DATA.meta.point}. ${chart.series.map((one) => `${one.l}: ${count(one.values.reduce((a, b) => a + (b ?? 0), 0))}`).join("; ")}. The table tab has every number.`;

function column(chart, at, x, width, y, paints) {
  let base = 0;
  const scale = chart.isShare ? 100 / (chart.block.of[at] || 1) : 1;
  return chart.series.map((one, which) => {
    const value = (one.values[at] ?? 0) * scale;
    if (!value) return null;
    const top = y(base + value);
    const rect = svg("rect", { x, width, y: top + 0.5, height: Math.max(1, y(base) - top - 1), ...paints[which] });
    base += value;
    return rect;
  });
}

/** Where the pointer reads and opens a column; the keyboard has the arrow keys and Enter. */
function hitArea(chart, at, x, width, point) {
  const area = svg("rect", { x, y: 0, width, height: HEIGHT, fill: "transparent", "data-open": true });
  area.addEventListener("pointerenter", () => point(at));
  area.addEventListener("click", () => openColumn(chart, at));
  return area;
}

/** The same numbers as a table. */
function chartTable(chart) {
  const { block, spec, series, isShare } = chart;
  const kind = isShare ? "share" : "n";
  const key = `table of ${block.k}`;
  DATA.specs[key] = { empty: "No rows.", columns: [{ k: "text", l: spec.per ?? DATA.meta.point }, ...series.map((one) => ({ k: kind, l: one.l }))] };
  const cell = (one, at) => (isShare ? [one.values[at], block.of[at], one.proofs[at] ?? null] : [one.values[at] ?? 0, one.proofs[at] ?? null]);
  const rows = block.x.map((label, at) => [label, ...series.map((one) => cell(one, at))]);
  return tableBlock({ k: key, rows, caption: spec.title });
}
