// Light, dark, or what the system says; remembered where the browser lets a page remember.

const THEMES = ["auto", "light", "dark"];

function remembered() {
  try {
    return localStorage.getItem("gaitops-theme");
  } catch {
    return null; // Some browsers give files no storage.
  }
}

function useTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("gaitops-theme", theme);
  } catch {
    // Not remembered, still used.
  }
}

function themeSwitch() {
  const now = THEMES.includes(remembered()) ? remembered() : "auto";
  useTheme(now);
  const choices = THEMES.map((theme) =>
    el(
      "label",
      null,
      el("input", { type: "radio", name: "theme", value: theme, checked: theme === now, on: { change: () => useTheme(theme) } }),
      theme[0].toUpperCase() + theme.slice(1),
    ),
  );
  return el("fieldset", { class: "switch" }, el("legend", { class: "visually-hidden" }, "Colours"), choices);
}
