// Scales and axes of charts.

/** Round steps from 0 to at least `most`: three to five of them. */
function ticks(most, whole) {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const size = whole ? Math.max(1, Math.ceil(step)) : step;
  const steps = Math.ceil(most / size - 1e-9);
  return Array.from({ length: steps + 1 }, (_, at) => at * size);
}

/** Which of `labels` have room at `width` pixels: every nth, the first always. */
function roomy(labels, width, each = 46) {
  const every = Math.max(1, Math.ceil((labels.length * each) / Math.max(width, 1)));
  return labels.map((_, at) => at % every === 0);
}

/** Lines and numbers of the vertical axis, and the line at zero. */
function verticalAxis(steps, write, y, left, right) {
  return steps.map((value) => [
    svg("line", { x1: left, x2: right, y1: y(value) + 0.5, y2: y(value) + 0.5, class: value ? "grid" : "base" }),
    svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, write(value)),
  ]);
}

/** Draw again whenever the room changes; `draw(width)` gives the SVG. */
function redrawn(frame, draw) {
  let width = 0;
  new ResizeObserver(() => {
    const room = Math.round(frame.clientWidth);
    if (room === width || room === 0) return;
    width = room;
    frame.replaceChildren(draw(room));
  }).observe(frame);
}

/** Chart and table of the same numbers, as two tabs. */
const chartAndTable = (title, key, chart, table, extra) => tabbed(title, key, ["Chart", "Table"], [chart, table], extra);

/** Several contents of which one is shown; arrow keys choose; print shows all. */
function tabbed(title, key, names, contents, extra, quiet) {
  const panels = contents.map((content) => el("div", { role: "tabpanel", id: newId("view") }, content));
  const tabs = names.map((name, at) =>
    el("button", { type: "button", role: "tab", id: newId("tab"), "aria-controls": panels[at].id }, name, hidden(` of ${title}`)),
  );
  const choose = (chosen, focus) => {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", at === chosen ? "true" : "false");
      tab.setAttribute("tabindex", at === chosen ? "0" : "-1");
      panels[at].hidden = at !== chosen;
      panels[at].setAttribute("aria-labelledby", tab.id);
    });
    if (focus) tabs[chosen].focus();
  };
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": `${title}: what to show` }, tabs);
  tabs.forEach((tab, at) => tab.addEventListener("click", () => choose(at, false)));
  list.addEventListener("keydown", (event) => {
    const now = tabs.indexOf(document.activeElement);
    const last = tabs.length - 1;
    const next = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now === 0 ? last : now - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(next, true);
  });
  choose(0, false);
  return el("figure", { class: "block" }, blockHead(quiet ? null : title, key, list), extra, panels);
}
