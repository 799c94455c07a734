// Talks to the player of SCORM 2004. This is all that a page needs to say how far a learner is.
//
// The player puts an object with the name API_1484_11 on one of the windows around the page. Its functions take and
// return texts. A page calls Initialize first, then GetValue and SetValue, and Terminate when the learner leaves.
// Commit asks the player to save now. SCORM 2004 4th Edition, Run-Time Environment, chapters 3 and 4.

/**
 * The part of the interface that is used here.
 * @typedef {{ Initialize(nothing: ""): string, Terminate(nothing: ""): string, Commit(nothing: ""): string,
 *   GetValue(name: string): string, SetValue(name: string, value: string): string, GetLastError(): string }} Interface
 */

const MOST_WINDOWS = 500;
const SECOND = 1000;

/**
 * Look for the interface: in a window itself, then in the windows around it.
 * @param {Window | null} from
 * @returns {Interface | null}
 */
function interfaceAround(from) {
  let place = from;
  for (let step = 0; place && step < MOST_WINDOWS; step += 1) {
    try {
      const found = /** @type {any} */ (place).API_1484_11;
      if (found) return found;
    } catch {
      return null; // a window of another site, into which nobody may look
    }
    place = place.parent === place ? null : place.parent;
  }
  return null;
}

/** Measures for how many seconds the page could be seen. A page in the background does not count. */
function stopwatch() {
  let seconds = 0;
  let since = document.hidden ? null : performance.now();
  const elapsed = () => seconds + (since === null ? 0 : (performance.now() - since) / SECOND);
  document.addEventListener("visibilitychange", () => {
    seconds = elapsed();
    since = document.hidden ? null : performance.now();
  });
  return elapsed;
}

/**
 * Begin a session with the player. Without a player the page works, and nothing is saved.
 *
 * `leave` is called before the learner leaves. It returns "suspend" when the learner shall go on here the next time,
 * or "normal" when this attempt has come to its end.
 * @param {() => "suspend" | "normal"} leave
 */
export function begin(leave) {
  const api = interfaceAround(window) ?? interfaceAround(window.opener);
  const isOpen = api?.Initialize("") === "true";
  const elapsed = stopwatch();
  let isEnded = !isOpen;

  /** @param {string} name */
  function get(name) {
    return isOpen && api ? api.GetValue(name) : "";
  }

  /** @param {string} name @param {string | number} value */
  function set(name, value) {
    if (isEnded || !api) return;
    if (api.SetValue(name, String(value)) !== "true") console.warn(`${name} is refused: error ${api.GetLastError()}`);
  }

  /** Save now: after each step, so that nothing is lost when the tab is closed. */
  function save() {
    if (isEnded || !api) return;
    set("cmi.session_time", `PT${elapsed().toFixed(0)}S`);
    api.Commit("");
  }

  function end() {
    if (isEnded || !api) return;
    set("cmi.exit", leave());
    set("cmi.session_time", `PT${elapsed().toFixed(0)}S`);
    isEnded = true;
    api.Terminate("");
  }

  /** End here, and ask the player to open what comes next. */
  function goOn() {
    set("adl.nav.request", "continue");
    end();
  }

  // pagehide comes in every way in which a page can be left, also on phones.
  addEventListener("pagehide", end);
  return { isOpen, get, set, save, goOn };
}

/**
 * The state in which the learner left, or null. It is a text of the page's own, which is JSON here.
 * @param {{ get(name: string): string }} session
 * @returns {any}
 */
export function suspended(session) {
  try {
    return JSON.parse(session.get("cmi.suspend_data"));
  } catch {
    return null; // the first visit, or an older form of the text
  }
}
