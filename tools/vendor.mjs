// Makes the scripts of others that the pages are served with, from the versions in package-lock.json: `make vendor`.
// Each file begins with what it is of; LICENSES.txt has the licences of everything that is in them.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const TARGET = join(ROOT, "src/headway/dashboard/static");
const BUNDLES = { "plot.js": "@observablehq/plot", "htmx.js": "htmx.org" };
/** @type {Record<string, string>} */
const ENTRIES = {
  "plot.js": join(ROOT, "tools/plot.mjs"),
  "htmx.js": join(ROOT, "node_modules/htmx.org/dist/htmx.esm.js"),
};

function packageOf(/** @type {string} */ name) {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
}

function packagesIn(/** @type {import("esbuild").Metafile} */ metafile) {
  const names = Object.keys(metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

function licenceOf(/** @type {string} */ name) {
  const folder = join(ROOT, "node_modules", name);
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} brings no licence.`);
  return readFileSync(join(folder, file), "utf8").trim();
}

const licences = new Map();
for (const [file, name] of Object.entries(BUNDLES)) {
  const { version, license } = packageOf(name);
  const result = await build({
    entryPoints: [ENTRIES[file]],
    outfile: join(TARGET, file),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    nodePaths: [join(ROOT, "node_modules")],
    banner: { js: `/* ${name} ${version}, ${license}; licences in LICENSES.txt; made by tools/vendor.mjs */` },
  });
  for (const one of packagesIn(result.metafile)) {
    licences.set(`${one} ${packageOf(one).version}`, licenceOf(one));
  }
}

const parts = [...licences].sort().map(([name, text]) => `${name}\n${"=".repeat(name.length)}\n\n${text}\n`);
writeFileSync(join(TARGET, "LICENSES.txt"), parts.join("\n\n"));
