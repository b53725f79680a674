// Definitions: beside each word on hover and focus, and all together in the glossary.

const tip = el("div", { class: "tip", role: "tooltip", id: "tip", hidden: true });
let leaving = 0;

/** A word with its definition; plain text when the page has none for it. */
function term(key, text) {
  const entry = DATA.terms[key];
  if (!entry) return text;
  const button = el("button", { type: "button", class: "term", "aria-describedby": "tip" }, text ?? entry[0]);
  const show = () => showTip(button, entry[1]);
  fill(button, { on: { mouseenter: show, focus: show, mouseleave: hideSoon, blur: hideTip, click: () => openGlossary(key) } }, []);
  return button;
}

function showTip(button, text) {
  clearTimeout(leaving);
  tip.textContent = text;
  tip.hidden = false;
  const place = button.getBoundingClientRect();
  const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 12);
  const below = place.bottom + 6;
  const fits = below + tip.offsetHeight < window.innerHeight;
  tip.style.left = `${Math.max(12, left)}px`;
  tip.style.top = `${fits ? below : place.top - tip.offsetHeight - 6}px`;
}

function hideTip() {
  tip.hidden = true;
}

/** Long enough to move the pointer onto the text and read it there. */
function hideSoon() {
  leaving = setTimeout(hideTip, 250);
}

tip.addEventListener("mouseenter", () => clearTimeout(leaving));
tip.addEventListener("mouseleave", hideSoon);
document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
document.addEventListener("scroll", hideTip, { passive: true });

function openGlossary(key) {
  hideTip();
  const entries = Object.entries(DATA.terms).sort((a, b) => (a[1][0].toLowerCase() < b[1][0].toLowerCase() ? -1 : 1));
  const items = entries.map(([name, [word, meaning]]) => [
    el("dt", { "data-term": name, tabindex: "-1" }, word),
    el("dd", null, meaning),
  ]);
  const dialog = showDialog("What the words mean", [el("dl", { class: "glossary" }, items)]);
  const chosen = [...dialog.querySelectorAll("dt")].find((item) => item.dataset.term === key);
  chosen?.focus();
  chosen?.scrollIntoView({ block: "center" });
}
