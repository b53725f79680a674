// The artifacts behind a number. A proof is [three parts of its selector, total, positions of artifacts that this page lists…].

const ARTIFACTS = DATA.artifacts;

/** What the page knows of the artifact at `position`. */
function artifact(position) {
  const at = (column) => ARTIFACTS[column][position];
  return {
    digest: ARTIFACTS.digests.slice(64 * position, 64 * position + 64),
    kind: ARTIFACTS.kinds[at("kind")],
    verdict: ARTIFACTS.verdicts[at("verdict")],
    made: at("made"),
    source: `${ARTIFACTS.folders[at("folder")]}${at("name")}`,
  };
}

/** Selector, total and listed positions of a proof. */
function proofAt(position) {
  const [metric, scope, point, total, ...listed] = DATA.proofs[position];
  return { selector: [metric, scope, point].map((part) => DATA.selectors[part]).join(""), total, listed };
}

/** A word of a command, quoted for a shell where it must be. */
const shellWord = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function artifactItem(position) {
  const { digest, kind, verdict, made, source } = artifact(position);
  const show = `gaitops evidence show ${digest}${DATA.meta.storeOption}`;
  return el(
    "li",
    null,
    el("div", { class: "full" }, `sha256:${digest}`),
    el(
      "div",
      { class: "row" },
      el("span", { class: "verdict" }, verdict.replaceAll("_", " ")),
      el("span", { class: "muted" }, kind.replaceAll("_", " ")),
      el("span", { class: "muted" }, made === null ? "time unknown" : `made ${time(made)} UTC`),
      copyButton(digest, "digest", digest.slice(0, 12)),
      copyButton(show, "command", `that shows ${digest.slice(0, 12)}`),
    ),
    source && el("div", { class: "small muted" }, source),
  );
}

/** One number of the panel: what it counts, how many artifacts, which of them. */
function proofGroup(label, value, proof, alone) {
  const { selector, total, listed: positions } = proofAt(proof);
  const command = selector.startsWith("gaitops ") ? selector : `${DATA.meta.proofCommand} --proof ${shellWord(selector)}`;
  return el(
    "div",
    null,
    alone ? null : el("h3", null, `${label}: ${value}`),
    el("p", { class: "small muted" }, listed(total, positions.length)),
    selector && commandBlock(command, "command that lists them all"),
    el("ul", { class: "artifacts" }, positions.map(artifactItem)),
  );
}

function listed(total, shown) {
  if (total === 0) return "Nothing is counted here, so no artifact stands behind it.";
  if (total === null) return `${plural(shown, "artifact is", "artifacts are")} shown here. The command lists all there are.`;
  if (shown === total) return `${plural(total, "artifact", "artifacts")}, newest first.`;
  return `${plural(total, "artifact", "artifacts")}; the newest ${count(shown)} are listed, ${count(total - shown)} are not. The command lists them all.`;
}

/** Open the panel for `groups` of {label, value, proof}; focus returns to where it was when it closes. */
function openPanel(title, groups) {
  const known = groups.filter((group) => group.proof !== null && group.proof !== undefined);
  const body = known.map((group) => proofGroup(group.label, group.value, group.proof, known.length === 1));
  showDialog(title, body.length ? [body, showHint()] : [el("p", { class: "muted" }, listed(0, 0))]);
}

/** How to look at one of the listed artifacts. */
const showHint = () => el("p", { class: "small muted" }, el("code", null, `gaitops evidence show DIGEST${DATA.meta.storeOption}`), " shows everything known of one of them.");

function showDialog(title, body) {
  const heading = el("h2", { id: newId("panel"), tabindex: "-1" }, title);
  const close = el("button", { type: "button", class: "close", on: { click: () => dialog.close() } }, "Close");
  const dialog = el(
    "dialog",
    { class: "panel", "aria-labelledby": heading.id },
    el("div", { class: "panel-head" }, heading, close),
    el("div", { class: "panel-body" }, body),
  );
  const before = document.activeElement;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  return dialog;
}

/** A number; a button when artifacts stand behind it. `what` says what it counts, for the panel and for listeners. */
function number(text, proof, what) {
  if (proof === null || proof === undefined) return el("span", { class: text === "0" ? "zero" : null }, text);
  const open = () => openPanel(`${what}: ${text}`, [{ label: what, value: text, proof }]);
  return el(
    "button",
    { type: "button", class: "n", "aria-haspopup": "dialog", "data-proof": proof, on: { click: open } },
    text,
    hidden(`, ${what}: show artifacts`),
  );
}
