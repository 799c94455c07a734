// Builds the JavaScript client from clients/javascript/src: `make client`, and before `npm pack`. The service serves the
// one file that is built, and the npm package has it with its types. With a folder as its argument, it builds only the
// file, and there.

import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const CLIENT = join(ROOT, "clients/javascript");
const FILE = "headway-client.js";
const { name, version, license } = JSON.parse(readFileSync(join(CLIENT, "package.json"), "utf8"));

function bundle(/** @type {string} */ folder) {
  return build({
    entryPoints: [join(CLIENT, "src/index.ts")],
    outfile: join(folder, FILE),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: `/* ${name} ${version}, ${license}; made by tools/client.mjs */` },
  });
}

const [folder] = process.argv.slice(2);
if (folder) {
  await bundle(folder);
} else {
  const built = join(CLIENT, "dist");
  rmSync(built, { recursive: true, force: true });
  await bundle(built);
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), ["--project", CLIENT], { stdio: "inherit" });
  copyFileSync(join(ROOT, "LICENSE"), join(CLIENT, "LICENSE"));
  copyFileSync(join(built, FILE), join(ROOT, "src/headway/http/api", FILE));
}
