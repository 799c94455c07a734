// Runs the vendored scorm-again as a page would, without a browser: reads one session from standard input, plays it, and
// prints what content was answered, what was sent, and why the CMI object could not be loaded (null: it could).
// A session: version, settings, load (the CMI object to load first, or null) and calls (a method's name and its values).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInThisContext } from "node:vm";

const STATIC = join(import.meta.dirname, "../../src/headway/player/static");
const sent = [];

globalThis.window = globalThis;
globalThis.XMLHttpRequest = class {
  open(_method, address) {
    this.address = address;
  }

  setRequestHeader(name, value) {
    if (name === "Content-Type") this.type = value;
  }

  send(body) {
    sent.push({ way: "request", address: this.address, type: this.type, body: Promise.resolve(body) });
    this.status = 200;
    this.responseText = '{"result": true, "errorCode": 0}';
  }
};
const navigator = {
  sendBeacon(address, blob) {
    sent.push({ way: "beacon", address, type: blob.type, body: blob.text() });
    return true;
  },
};
Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });

const { version, settings, load, calls } = JSON.parse(readFileSync(0, "utf8"));
const name = version === "1.2" ? "12" : "2004";
runInThisContext(readFileSync(join(STATIC, `scorm${name}.min.js`), "utf8"));
const api = new globalThis[`Scorm${name}API`]({ lmsCommitUrl: "https://headway.test/commit", logLevel: 5, ...settings });
let refused = null;
try {
  if (load) api.loadFromJSON(load);
} catch (error) {
  refused = String(error);
}
const prefix = version === "1.2" ? "LMS" : "";
const answers = calls.map(([method, ...values]) => String(api[prefix + method](...values)));
const bodies = await Promise.all(sent.map(async (one) => ({ ...one, body: await one.body })));
process.stdout.write(JSON.stringify({ answers, refused, sent: bodies }), () => process.exit());
