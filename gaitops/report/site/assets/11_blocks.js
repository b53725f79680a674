// The other blocks of a section: figures, states, notes, side by side.

const BLOCKS = {
  stats: statsBlock,
  states: statesBlock,
  table: tableBlock,
  chart: chartBlock,
  timeline: timelineBlock,
  issues: issuesBlock,
  note: (block) => el("p", { class: "note block" }, block.text),
  tabs: tabsBlock,
  pair: (block) => el("div", { class: "pair" }, block.blocks.map(drawBlock)),
};

const drawBlock = (block) => BLOCKS[block.t](block);

/** Figures with their labels: {t: "stats", k, v}; a null value says that nothing is known. */
function statsBlock(block) {
  const spec = DATA.specs[block.k];
  const items = spec.figures.map((figure, at) => el("div", null, el("dt", null, term(figure.t, figure.l)), figureValue(figure, block.v[at])));
  return el("div", { class: "block" }, blockHead(spec.title, spec.term), el("dl", { class: "stats" }, items));
}

/** Blocks of which one is shown: {t: "tabs", title, tabs: [[label, block]...]}. */
function tabsBlock(block) {
  return tabbed(block.title, null, block.tabs.map(([label]) => label), block.tabs.map(([, own]) => drawBlock(own)), null, true);
}

function figureValue(figure, value) {
  if (value === null) return [el("dd", { class: "value zero" }, figure.none ?? "no data"), el("dd", { class: "sub" }, "")];
  const alarm = figure.alarm && plainNumber(value)[0] > 0 ? " alarm" : "";
  if (figure.k === "share") {
    const [part, whole, proof] = value;
    const parts = whole ? `${count(part)} of ${count(whole)} ${figure.of ?? ""}` : `none of 0 ${figure.of ?? ""}`;
    return [el("dd", { class: `value${alarm}` }, number(percent(part, whole), whole ? proof : null, figure.l)), el("dd", { class: "sub" }, parts)];
  }
  const shown = cellKind(figure.k).show(value, figure.l);
  return [el("dd", { class: `value${alarm}` }, shown), el("dd", { class: "sub" }, figure.sub ?? "")];
}

/** Where how many places stand: {t: "states", v: [[value, proof]...] in DATA.order.states, of}. */
function statesBlock(block) {
  const states = DATA.order.states.map((state, at) => ({ state, value: block.v[at][0], proof: block.v[at][1], look: DATA.looks.states[state] }));
  const whole = states.reduce((sum, one) => sum + one.value, 0);
  const legend = states.map((one) =>
    el(
      "li",
      null,
      el("span", { class: "value" }, number(count(one.value), one.value ? one.proof : null, `${one.state}, ${block.noun}`)),
      el("span", null, term(`state.${one.state}`, stateLabel(one.state))),
      el("span", { class: "sub" }, percent(one.value, whole)),
    ),
  );
  const bar = el("div", { class: "chart" });
  redrawn(bar, (width) => stateBar(states, whole, width, block.noun));
  return el(
    "div",
    { class: "states block" },
    bar,
    el("ul", { class: "legend" }, legend),
    el("p", { class: "small muted" }, `Of ${plural(whole, block.one, block.noun)}. Percentages are of all of them, unknown ones included.`),
  );
}

function stateBar(states, whole, width, noun) {
  const defs = svg("defs");
  const name = `States of ${count(whole)} ${noun}: ${states.map((one) => `${count(one.value)} ${one.state}`).join(", ")}`;
  const shown = states.filter((one) => one.value);
  let x = 0;
  const room = width - 2 * (shown.length - 1);
  const parts = shown.map((one) => {
    const size = (room * one.value) / whole;
    const rect = svg("rect", { x: x + 0.5, y: 0.5, width: Math.max(2, size - 1), height: 19, rx: 2, ...paint(defs, one.look) });
    x += size + 2;
    return rect;
  });
  const empty = whole ? null : svg("rect", { x: 0.5, y: 0.5, width: width - 1, height: 19, rx: 2, fill: "none", class: "grid" });
  return svg("svg", { viewBox: `0 0 ${width} 20`, role: "img", "aria-label": name }, defs, parts, empty);
}
