// Makes the scripts and fonts of others that the pages are served with, from the versions in package-lock.json:
// `make vendor`. Each script begins with what it is of; LICENSES.txt has the licences of everything that is in the files.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import subsetFont from "subset-font";

const ROOT = join(import.meta.dirname, "..");
const TARGET = join(ROOT, "src/headway/dashboard/static");
const PLAYER = join(ROOT, "src/headway/player/static");
const BUNDLES = { "htmx.js": "htmx.org" };
/** @type {Record<string, string>} */
const ENTRIES = {
  "htmx.js": join(ROOT, "node_modules/htmx.org/dist/htmx.esm.js"),
};
// Classic scripts, taken as they are: each sets one class, Scorm12API or Scorm2004API, on the window that it is run in.
const COPIES = { "scorm12.min.js": "scorm-again", "scorm2004.min.js": "scorm-again" };

// The fonts, cut to the characters that headway.css says they are for, and to what the pages use of them.
const WEIGHTS = { min: 400, max: 700 };
/** @type {Record<string, { package: string, file: string, axes: import("subset-font").Axes, features?: string[] }>} */
const FONTS = {
  "inter.woff2": {
    package: "inter-ui",
    file: "variable/InterVariable.woff2",
    axes: { wght: WEIGHTS, opsz: 14 }, // the shapes for small sizes: those for large ones take half as much again
    features: ["ccmp", "kern", "locl", "mark", "mkmk", "tnum"],
  },
  "vazirmatn.woff2": {
    package: "@fontsource-variable/vazirmatn",
    file: "files/vazirmatn-arabic-wght-normal.woff2",
    axes: { wght: WEIGHTS }, // and all features: Arabic is not written right without them
  },
};

/** The characters of a font's `unicode-range` in headway.css. */
function charactersOf(/** @type {string} */ font) {
  const rules = readFileSync(join(TARGET, "headway.css"), "utf8").match(/@font-face \{[^}]+\}/g) ?? [];
  const rule = rules.find((one) => one.includes(`url("${font}")`));
  if (!rule) throw new Error(`headway.css has no rule for ${font}.`);
  return [...rule.matchAll(/U\+([0-9A-F]+)(?:-([0-9A-F]+))?/g)]
    .flatMap(([, first, last = first]) => {
      const start = Number.parseInt(first, 16);
      return Array.from({ length: Number.parseInt(last, 16) - start + 1 }, (_, position) => start + position);
    })
    .map((code) => String.fromCodePoint(code))
    .join("");
}

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

function bannerOf(/** @type {string} */ name) {
  const { version, license } = packageOf(name);
  return `/* ${name} ${version}, ${license}; licences in LICENSES.txt; made by tools/vendor.mjs */`;
}

function writeLicences(/** @type {string} */ folder, /** @type {Set<string>} */ names) {
  const titles = [...names].map((name) => ({ title: `${name} ${packageOf(name).version}`, text: licenceOf(name) }));
  const parts = titles
    .sort((one, other) => (one.title < other.title ? -1 : 1))
    .map(({ title, text }) => `${title}\n${"=".repeat(title.length)}\n\n${text}\n`);
  writeFileSync(join(folder, "LICENSES.txt"), parts.join("\n\n"));
}

const inPages = new Set();
for (const [file, name] of Object.entries(BUNDLES)) {
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
    banner: { js: bannerOf(name) },
  });
  for (const one of packagesIn(result.metafile)) {
    inPages.add(one);
  }
}

for (const [name, font] of Object.entries(FONTS)) {
  const whole = readFileSync(join(ROOT, "node_modules", font.package, font.file));
  const options = { targetFormat: "woff2", variationAxes: font.axes, keepFeatures: font.features };
  writeFileSync(join(TARGET, name), await subsetFont(whole, charactersOf(name), options));
  inPages.add(font.package);
}

writeLicences(TARGET, inPages);

for (const [file, name] of Object.entries(COPIES)) {
  const script = readFileSync(join(ROOT, "node_modules", name, "dist", file), "utf8");
  const withoutMap = script.replace(/^\/\/# sourceMappingURL=.*\n?/m, ""); // a browser would ask for the map
  writeFileSync(join(PLAYER, file), `${bannerOf(name)}\n${withoutMap}`);
}
writeLicences(PLAYER, new Set(Object.values(COPIES)));
