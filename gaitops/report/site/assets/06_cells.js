// Cells of tables and values of figures, by kind: how each is shown and by what it is sorted.

/** Address of a view; whatever is in a name stays part of the name. */
const address = (route, section) => `#/${route.split("/").map(encodeURIComponent).join("/")}${section ? `?at=${section}` : ""}`;
const link = (route, text) => el("a", { href: address(route) }, text);

/** Repositories of a fleet usually lie on one host: then it is not repeated in every row. */
const HOSTS = new Set(Object.keys(DATA.scopes).filter((route) => route.startsWith("repo/")).map((route) => route.split("/")[1]));
const shortName = (name) => (HOSTS.size === 1 && HOSTS.has(name.split("/")[0]) ? name.slice(name.indexOf("/") + 1) : name);

/** A share with its parts: 92.3 % of 130. */
function share(value, what) {
  const [part, whole, proof] = value;
  const parts = whole ? ` ${count(part)} of ${count(whole)}` : "";
  return [number(percent(part, whole), whole ? proof : null, what), el("span", { class: "of" }, parts)];
}

/** org/policy@1.2.0: the number first, the policy's name below. */
function version(value) {
  const at = value.lastIndexOf("@");
  return at < 0 ? value : [value.slice(at + 1), el("span", { class: "prefix" }, value.slice(0, at))];
}

/** Date, and time of day below it where there is little room. */
function moment(value) {
  const text = time(value);
  return value === null ? text : [text.slice(0, 10), el("span", { class: "prefix" }, ` ${text.slice(11)}`)];
}

const plainNumber = (value) => (Array.isArray(value) ? value : [value, null]);
const known = (value, missing) => (value === null ? missing : value);

const CELLS = {
  text: { show: (value) => value, key: (value) => value },
  wide: { show: (value) => value, key: (value) => value, class: "wide" },
  n: {
    show: (value, what) => number(count(plainNumber(value)[0]), plainNumber(value)[1], what),
    key: (value) => known(plainNumber(value)[0], -1),
    class: "r",
  },
  share: { show: share, key: (value) => (value[1] ? value[0] / value[1] : -1), class: "r" },
  duration: {
    show: (value, what) => number(duration(plainNumber(value)[0]), plainNumber(value)[1], what),
    key: (value) => known(plainNumber(value)[0], -1),
    class: "r",
  },
  period: { show: (value) => `${time(value[0])} to ${time(value[1])} UTC`, key: (value) => value[0] },
  version: { show: version, key: (value) => value, class: "nowrap" },
  verdict: {
    show: (value) => el("span", { class: "state" }, swatch(DATA.looks.verdicts[value]), term(`verdict.${value}`, value.replaceAll("_", " "))),
    key: (value) => value,
    class: "nowrap",
  },
  time: { show: (value) => moment(value), key: (value) => known(value, 0), class: "nowrap" },
  repo: {
    show: (value) => (Object.hasOwn(DATA.scopes, `repo/${value}`) ? link(`repo/${value}`, shortName(value)) : value),
    key: (value) => value,
    class: "name",
  },
  org: {
    show: (value) => (Object.hasOwn(DATA.scopes, `org/${value}`) ? link(`org/${value}`, value) : value),
    key: (value) => value,
  },
  repos: {
    show: (value) => value.flatMap((name, at) => [at ? ", " : null, CELLS.repo.show(name)]),
    key: (value) => value.length,
    class: "wide",
  },
  state: { show: (value) => stateLabel(value), key: (value) => DATA.order.states.indexOf(value), class: "nowrap" },
  states: {
    show: (value) =>
      el("span", { class: "env-states" }, value.map(([place, state]) => el("span", null, stateLabel(state, place), hidden(` ${state}`)))),
    key: (value) => Math.min(...value.map(([, state]) => DATA.order.states.indexOf(state)), 99),
  },
  digest: {
    show: (value) => (value ? el("span", { class: "digest", title: value }, value.slice(0, 12)) : "none"),
    key: (value) => value ?? "",
  },
  tags: { show: (value) => el("span", { class: "tags" }, value.join(", ")), key: (value) => value.join(), class: "wide" },
};

const cellKind = (kind) => CELLS[kind] ?? CELLS.text;
