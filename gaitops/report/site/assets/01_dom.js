// Building elements. Text goes in as text nodes and attributes, never as markup: data is other people's.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `attributes` may hold `on: {event: handler}`; null and false children are left out. */
const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);

/** An SVG element, likewise. */
const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === "on") {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : value);
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const hidden = (text) => el("span", { class: "visually-hidden" }, text);

let lastId = 0;
/** An id that is new in this page. */
const newId = (stem) => `${stem}-${++lastId}`;

/** Say something to people who listen: for changes that are only seen. */
function announce(text) {
  document.getElementById("live").textContent = text;
}

/** A button that copies `text`, and says so; `which` is for listeners, who hear many of them. */
function copyButton(text, what, which) {
  const word = el("span", null, `Copy ${what}`.trim());
  const button = el("button", { type: "button", class: "copy" }, word, which ? hidden(` ${which}`) : null);
  button.addEventListener("click", async () => {
    word.textContent = (await copied(text, button)) ? "Copied" : "Press Ctrl+C";
    announce(word.textContent);
    setTimeout(() => (word.textContent = `Copy ${what}`.trim()), 1600);
  });
  return button;
}

async function copied(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard for this page (some browsers refuse it to files): select the text, so that one key press copies it.
    const area = el("textarea", { class: "visually-hidden", readonly: true, "aria-label": "text to copy" });
    area.value = text;
    beside.after(area);
    area.select();
    area.addEventListener("blur", () => area.remove());
    return false;
  }
}

/** A command or file to copy. */
const commandBlock = (text, label) =>
  el("div", { class: "cmd" }, el("pre", { tabindex: "0", "aria-label": label }, text), copyButton(text, "", label));
