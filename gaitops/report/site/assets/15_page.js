// The page: bar, rail, view, and the route in the address (#/fleet, #/org/NAME, #/repo/ID, ?at=SECTION).

const main = document.getElementById("main");
const rail = document.getElementById("rail");
let watcher = null;

/** The scope and section that the address names; the fleet when it names none that exists. */
function routed() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  let route = path;
  try {
    route = decodeURIComponent(path);
  } catch {
    // Not an encoding: taken as it stands.
  }
  const section = new URLSearchParams(query ?? "").get("at");
  return Object.hasOwn(DATA.scopes, route) ? { route, section, found: true } : { route: "fleet", section: null, found: route === "" };
}

function show(first) {
  const { route, section, found } = routed();
  const changed = main.dataset.route !== route;
  if (changed) drawScope(route);
  if (!found) announce("There is no such view; this is the fleet.");
  const target = section && document.getElementById(`section-${section}`);
  if (target) {
    target.scrollIntoView();
    target.querySelector("h2").focus({ preventScroll: true });
  } else if (changed && !first) {
    window.scrollTo(0, 0);
    main.querySelector("h1").focus({ preventScroll: true });
  }
}

function drawScope(route) {
  const scope = DATA.scopes[route];
  main.dataset.route = route;
  document.title = `${scope.name} · posture · ${DATA.meta.fleet}`;
  document.getElementById("crumbs").replaceChildren(el("li", { class: "brand" }, "gaitops posture"), ...scope.crumbs.map((crumb, at) => crumbItem(crumb, at === scope.crumbs.length - 1)));
  main.replaceChildren(
    el("div", { class: "head" }, el("h1", { tabindex: "-1" }, scope.name), factLine(scope.facts)),
    ...scope.sections.map((section, at) => sectionView(section, at === 0)),
    el("footer", null, DATA.meta.footer.map((line) => el("p", null, line))),
  );
  rail.replaceChildren(...scope.sections.map((section) => el("li", null, el("a", { href: address(route, section.id), "data-section": section.id }, section.title))));
  watchSections();
}

const crumbItem = ([name, route], last) =>
  el("li", null, last ? el("span", { "aria-current": "page" }, name) : link(route, name));

const factLine = (facts) =>
  el("dl", { class: "facts" }, facts.map(([label, kind, value]) => el("div", null, el("dt", null, label), el("dd", null, cellKind(kind).show(value, label)))));

function sectionView(section, first) {
  const heading = el("h2", { tabindex: "-1", id: `heading-${section.id}`, class: first ? "visually-hidden" : null }, section.title);
  return el(
    "section",
    { id: `section-${section.id}`, "aria-labelledby": heading.id, class: first ? "first" : null },
    heading,
    section.lead && el("p", { class: "lead" }, section.lead),
    section.blocks.map(drawBlock),
  );
}

/** Mark the section that is being read. */
function watchSections() {
  watcher?.disconnect();
  const links = new Map([...rail.querySelectorAll("a")].map((item) => [`section-${item.dataset.section}`, item]));
  const mark = (id) => links.forEach((item, name) => (name === id ? item.setAttribute("aria-current", "true") : item.removeAttribute("aria-current")));
  watcher = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting);
      if (seen) mark(seen.target.id);
    },
    { rootMargin: "-12% 0px -80% 0px" },
  );
  main.querySelectorAll("section[id]").forEach((section) => watcher.observe(section));
  mark(main.querySelector("section[id]")?.id);
}

/** Paper cannot be opened: everything folded is unfolded for print, and folded again. */
function unfoldForPrint() {
  const folded = [...main.querySelectorAll("details:not([open])")];
  folded.forEach((item) => {
    item.dispatchEvent(new Event("fill"));
    item.open = true;
  });
  window.addEventListener("afterprint", () => folded.forEach((item) => (item.open = false)), { once: true });
}

function start() {
  const words = el("button", { type: "button", class: "plain", on: { click: () => openGlossary(null) } }, "Glossary");
  document.getElementById("tools").append(finder(), words, themeSwitch());
  document.body.append(tip);
  window.addEventListener("hashchange", () => show(false));
  window.addEventListener("beforeprint", unfoldForPrint);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.querySelector("h1").focus();
  });
  show(true);
}

start();
