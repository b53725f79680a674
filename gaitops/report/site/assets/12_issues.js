// The queue of signals: {t: "issues", at: positions in DATA.issues, left}.

const ISSUES_SHOWN = 10;

function issuesBlock(block) {
  if (!block.at.length) return el("p", { class: "note block" }, "No signal is open here.");
  const list = el("ol", { class: "issues" }, block.at.slice(0, ISSUES_SHOWN).map(issueItem));
  const rest = block.at.slice(ISSUES_SHOWN);
  const more = el("button", { type: "button", class: "plain" }, `Show ${plural(rest.length, "more signal", "more signals")}`);
  more.addEventListener("click", () => {
    const items = rest.map((at, place) => issueItem(at, place + ISSUES_SHOWN));
    list.append(...items);
    more.remove();
    items[0].querySelector("summary").focus();
  });
  const left = block.left ? el("span", null, `${count(block.left)} more are not in this page.`) : null;
  return el("div", { class: "block" }, list, el("div", { class: "table-foot" }, rest.length ? more : null, left));
}

/** Details are drawn when they are opened first: a fleet has hundreds of signals. */
function issueItem(position, rank) {
  const issue = DATA.issues[position];
  const summary = el(
    "summary",
    { class: "issue-head" },
    el("span", { class: "rank" }, `${rank + 1}`),
    el("span", null, el("span", { class: "issue-title" }, issue.title), el("br"), el("span", { class: "issue-where" }, issue.where)),
    el("span", { class: "score" }, count(issue.score), hidden(" points")),
  );
  const details = el("details", null, summary);
  const open = () => details.childElementCount === 1 && details.append(issueBody(issue));
  details.addEventListener("toggle", open);
  details.addEventListener("fill", open);
  return el("li", null, details);
}

function issueBody(issue) {
  const parts = [
    issue.summary && el("p", null, issue.summary),
    statsLine(issue),
    part("Where", issue.repos.length && el("p", { class: "small" }, cellKind("repos").show(issue.repos), issue.reposLeft ? ` and ${count(issue.reposLeft)} more` : null)),
    part("Score, term by term", issue.terms.length && tableBlock({ k: "terms", rows: issue.terms, caption: "Score, term by term" })),
    part("Causes, with evidence", issue.causes.length && tableBlock({ k: "causes", rows: issue.causes, caption: "Causes" })),
    part("Gait says", issue.gait && el("p", { class: "small" }, issue.gait)),
    ...issue.fixes.map(fixPart),
    issue.fixes.length === 0 && part("What to do", el("p", { class: "small" }, issue.remedy)),
    part("Everything about it", commandBlock(issue.command, "command that shows this signal")),
  ];
  return el("div", { class: "issue-body" }, parts);
}

const fixPart = (fix) =>
  part(fix.title, [
    el("p", { class: "small" }, fix.why),
    fix.blocks.map(([label, text]) => [label === "commands" ? null : el("p", { class: "small muted" }, label), commandBlock(text, label)]),
  ]);

const part = (title, content) => (content ? el("div", null, el("h3", null, title), content) : null);

function statsLine(issue) {
  const shown = issue.facts.map(([label, kind, value]) => el("div", null, el("dt", null, label), el("dd", null, cellKind(kind).show(value, `${issue.title}, ${label}`))));
  return el("dl", { class: "facts" }, shown);
}
