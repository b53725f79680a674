// Shapes, colours and patterns: every state and every series differs in more than its colour.

const PATTERNS = {
  solid: () => [],
  slash: (ink) => [svg("path", { d: "M-1 1l2-2M0 6l6-6M5 7l2-2", stroke: ink, "stroke-width": 1.6 })],
  back: (ink) => [svg("path", { d: "M-1 5l2 2M0 0l6 6M5-1l2 2", stroke: ink, "stroke-width": 1.6 })],
  dots: (ink) => [svg("circle", { cx: 3, cy: 3, r: 1.35, fill: ink })],
  cross: (ink) => [svg("path", { d: "M0 0l6 6M6 0l-6 6", stroke: ink, "stroke-width": 1.2 })],
  lines: (ink) => [svg("path", { d: "M0 3h6", stroke: ink, "stroke-width": 1.8 })],
};

const colour = (name) => `var(--${name})`;

/** `fill` for a look ({colour, pattern}); patterns are put into `defs` once. */
function paint(defs, look) {
  if (look.pattern === "solid") return { fill: colour(look.colour) };
  const id = newId("pattern");
  const tint = svg("rect", { width: 6, height: 6, fill: colour(look.colour), opacity: 0.16 });
  const ink = PATTERNS[look.pattern](colour(look.colour));
  defs.append(svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, tint, ...ink));
  return { fill: `url(#${id})`, stroke: colour(look.colour), "stroke-width": 1 };
}

/** The little square of a legend. */
function swatch(look) {
  const defs = svg("defs");
  const box = svg("rect", { x: 1, y: 1, width: 11, height: 11, rx: 1.5, ...paint(defs, look) });
  return svg("svg", { class: "mark", viewBox: "0 0 13 13", "aria-hidden": "true" }, defs, box);
}

const STATE_SHAPES = {
  enforced: (ink) => [svg("circle", { cx: 6.5, cy: 6.5, r: 5.5, fill: ink })],
  shadow: (ink) => [
    svg("circle", { cx: 6.5, cy: 6.5, r: 4.9, fill: "none", stroke: ink, "stroke-width": 1.3 }),
    svg("path", { d: "M6.5 1.6a4.9 4.9 0 0 0 0 9.8z", fill: ink }),
  ],
  drifted: (ink) => [svg("path", { d: "M6.5 0.6L12.6 12H0.4z", fill: ink })],
  silent: (ink) => [svg("path", { d: "M1 6.5h11", stroke: ink, "stroke-width": 2.6 })],
  unknown: (ink) => [
    svg("circle", { cx: 6.5, cy: 6.5, r: 5, fill: "none", stroke: ink, "stroke-width": 1.4, "stroke-dasharray": "2.6 1.9" }),
  ],
};

/** A state with its shape; the word is always there. */
function stateLabel(state, text) {
  const shape = STATE_SHAPES[state] ?? STATE_SHAPES.unknown;
  const look = DATA.looks.states[state] ?? DATA.looks.states.unknown;
  const mark = svg("svg", { class: "mark", viewBox: "0 0 13 13", "aria-hidden": "true" }, ...shape(colour(look.colour)));
  return el("span", { class: "state" }, mark, text ?? state);
}
