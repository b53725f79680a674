// Find an organization or repository by name: a combobox with a list.

const PLACES = Object.entries(DATA.scopes).map(([route, scope]) => ({ route, name: scope.name, kind: scope.kind }));
const MOST_OPTIONS = 12;

function finder() {
  const list = el("ul", { class: "options", role: "listbox", id: "options", "aria-label": "Organizations and repositories", hidden: true });
  const field = el("input", {
    class: "field", type: "text", role: "combobox", placeholder: "Find a repository", "aria-label": "Find an organization or repository",
    "aria-expanded": "false", "aria-controls": "options", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
  });
  const state = { found: [], at: -1 };
  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const go = (place) => {
    field.value = "";
    close();
    location.hash = address(place.route);
  };
  const mark = (at) => {
    state.at = at;
    [...list.children].forEach((option, position) => option.setAttribute("aria-selected", position === at ? "true" : "false"));
    const chosen = list.children[at];
    if (chosen) field.setAttribute("aria-activedescendant", chosen.id);
    chosen?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.found = PLACES.filter((place) => words.every((word) => place.name.toLowerCase().includes(word))).slice(0, MOST_OPTIONS);
    list.replaceChildren(...state.found.map((place, at) => option(place, at, go)));
    const open = state.found.length > 0;
    list.hidden = !open;
    field.setAttribute("aria-expanded", open ? "true" : "false");
    mark(open && words.length ? 0 : -1);
  };
  field.addEventListener("input", search);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    const last = state.found.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      else mark(event.key === "ArrowDown" ? Math.min(last, state.at + 1) : Math.max(0, state.at - 1));
    } else if (event.key === "Enter" && !list.hidden && state.found[state.at]) {
      go(state.found[state.at]);
    } else if (event.key === "Escape") {
      close();
    }
  });
  return el("div", { class: "find" }, field, list);
}

function option(place, at, go) {
  const item = el("li", { role: "option", id: `option-${at}`, "aria-selected": "false" }, el("span", null, place.name), el("span", { class: "muted" }, place.kind));
  item.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    go(place);
  });
  return item;
}
