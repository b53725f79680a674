// Tables: sortable, filtered, in pieces when long, and with arrow keys from number to number.

const PIECE = 25;
const NEXT_PIECE = 500;

/** A block {t: "table", k, rows, caption}: what its columns are stands in DATA.specs[k]. */
function tableBlock(block) {
  const spec = { ...DATA.specs[block.k], ...(block.title ? { title: block.title } : {}) };
  const view = { rows: block.rows, shown: PIECE, sort: null, words: "" };
  const body = el("tbody");
  const foot = el("div", { class: "table-foot" });
  const heads = spec.columns.map((column, at) => head(column, at, () => sortBy(view, spec, at, heads, draw)));
  const table = el(
    "table",
    null,
    el("caption", { class: "visually-hidden" }, `${block.caption ?? spec.caption ?? spec.title}. Arrow keys move between its numbers and links.`),
    el("thead", null, el("tr", null, heads)),
    body,
  );
  function draw() {
    const rows = chosen(view, spec, block.rows);
    body.replaceChildren(...rows.slice(0, view.shown).map((row) => tableRow(row, spec)));
    foot.replaceChildren(...footer(view, rows.length, block, spec.empty, draw));
    oneTabStop(body);
  }
  table.addEventListener("keydown", (event) => moveInTable(event, body));
  draw();
  const filter = spec.filter && block.rows.length > 8 ? filterField(view, spec, draw) : null;
  return el(
    "div",
    { class: "block" },
    blockHead(spec.title, spec.term, filter),
    el("div", { class: "scroll" }, table),
    foot,
  );
}

const blockHead = (title, key, ...beside) =>
  title || beside.some(Boolean)
    ? el("div", { class: "block-head" }, title ? el("h3", null, term(key, title)) : null, beside)
    : null;

function head(column, at, sort) {
  const label = el("button", { type: "button", class: "sort", on: { click: sort } }, column.l);
  return el("th", { scope: "col", class: cellKind(column.k).class, title: DATA.terms[column.t]?.[1] }, label);
}

function sortBy(view, spec, at, heads, draw) {
  const kind = spec.columns[at].k;
  const first = ["n", "share", "duration", "time"].includes(kind) ? -1 : 1;
  view.sort = view.sort?.at === at ? { at, way: -view.sort.way } : { at, way: first };
  heads.forEach((cell) => cell.removeAttribute("aria-sort"));
  heads[at].setAttribute("aria-sort", view.sort.way === 1 ? "ascending" : "descending");
  draw();
}

function chosen(view, spec, rows) {
  const words = view.words.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = words.length ? rows.filter((row) => words.every((word) => JSON.stringify(row).toLowerCase().includes(word))) : rows;
  if (!view.sort) return kept;
  const key = cellKind(spec.columns[view.sort.at].k).key;
  const keyed = kept.map((row, at) => [key(row[view.sort.at]), at, row]);
  const compare = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) * view.sort.way || a[1] - b[1];
  return keyed.sort(compare).map((item) => item[2]);
}

function tableRow(row, spec) {
  const name = typeof row[0] === "string" ? row[0] : "";
  return el(
    "tr",
    null,
    spec.columns.map((column, at) => {
      const kind = cellKind(column.k);
      const what = [name, column.l].filter(Boolean).join(", ");
      return el(at ? "td" : "th", { class: kind.class, scope: at ? null : "row" }, kind.show(row[at], what));
    }),
  );
}

function footer(view, total, block, empty, draw) {
  const parts = [];
  const more = () => {
    view.shown += NEXT_PIECE;
    draw();
  };
  if (total > view.shown) {
    const next = Math.min(NEXT_PIECE, total - view.shown);
    parts.push(el("span", null, `${count(view.shown)} of ${count(total)} rows`));
    parts.push(el("button", { type: "button", class: "plain", on: { click: more } }, `Show ${count(next)} more`));
  } else if (!total) {
    parts.push(el("span", null, view.words ? "No row has these words." : empty));
  }
  if (block.left) parts.push(el("span", null, `${count(block.left)} more are not in this page.`));
  return parts;
}

function filterField(view, spec, draw) {
  const field = el("input", { class: "field", type: "search", placeholder: "Filter rows", "aria-label": `Filter ${spec.title || spec.caption || "rows"}` });
  field.addEventListener("input", () => {
    view.words = field.value;
    draw();
  });
  return el("div", { class: "filters" }, field);
}

// One stop for the tab key per table; inside, arrow keys go from cell to cell.

const stops = (node) => [...node.querySelectorAll("a, button")];

function oneTabStop(body) {
  stops(body).forEach((stop, at) => stop.setAttribute("tabindex", at ? "-1" : "0"));
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

function moveInTable(event, body) {
  const cell = event.target.closest("td, tbody th");
  if (!cell || event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.key in STEPS ? neighbour(event.target, cell, STEPS[event.key]) : edge(event.key, cell);
  if (!target) return;
  event.preventDefault();
  stops(body).forEach((stop) => stop.setAttribute("tabindex", "-1"));
  target.setAttribute("tabindex", "0");
  target.focus();
}

function neighbour(from, cell, [down, right]) {
  const row = cell.parentElement;
  if (right) {
    const inRow = stops(row);
    return inRow[inRow.indexOf(from) + right];
  }
  const column = [...row.children].indexOf(cell);
  let next = down > 0 ? row.nextElementSibling : row.previousElementSibling;
  while (next) {
    const found = stops(next.children[column])[0];
    if (found) return found;
    next = down > 0 ? next.nextElementSibling : next.previousElementSibling;
  }
  return null;
}

function edge(key, cell) {
  const inRow = stops(cell.parentElement);
  return key === "Home" ? inRow[0] : key === "End" ? inRow.at(-1) : null;
}
