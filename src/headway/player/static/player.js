// Plays the content of a lesson: gives it the interface of SCORM 1.2 or 2004, and sends what it reports to the service.
//
// This script runs in one of two places. On the player page it makes a frame for the content, and puts the interface
// on its own window, where content looks for it. In a sandbox, windows can not see each other. There the service puts
// this script into the first page of the content too, and it makes the interface there. The name of the window then
// says which launch it is: a window keeps its name when it goes to another page.
//
// A commit is kept until the service has answered it, on the device where it may be. Without a connection it is sent
// again later, at the latest when a player page is opened the next time.

(() => {
  const NAME = "headway ";
  const KEPT = "headway-commit ";
  const PLAIN = "text/plain;charset=UTF-8"; // as a beacon: no browser asks first whether it may send that
  const HEARTBEAT = 60_000;
  const OFTEN = 10_000;
  const AGAIN = 5_000;
  const SECOND = 1_000;
  const PATIENCE = 60_000;
  const TOO_LARGE = 413;
  const GIVEN_UP = [400, 401, 403, 404, 409, 422]; // if the service says so: the same commit is never accepted later
  const OF_A_SESSION = ["entry", "exit", "session_time", "total_time"]; // elements that are not of the state
  const COMMITS = /\/launches\/[^/]+\/commits$/;
  const NO_TIME = /^(PT?(0+(\.0+)?[YMDHS])*)?$|^0+:0+:0+(\.0+)?$/;
  const TIME = /^(?:P(?:(\d+)D)?T?)?(?:(\d+)[H:])?(?:(\d+)[M:])?(?:([\d.]+)S?)?$/; // of both versions

  /**
   * `madeAt` is when the content's state last changed.
   * @typedef {{ address: string, sequence: number, madeAt: number, body: any }} Kept
   * @typedef {{ address: string, last?: Kept, seconds?: number }} Place
   * @typedef {{ launch: string, title: string, scorm: "1.2" | "2004" | null, is_sco: boolean | null,
   *   commit_url: string, content_url: string | null, cmi: any }} Launch
   */

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const above = window.parent;
  /** Where this page sends commits; others are of launches before it. */
  let own = "";

  /** Where commits are kept: while this page is open, and where it is allowed on the device. */
  const kept = (() => {
    /** @type {Record<string, string>} */
    const memory = {};
    /** @type {Storage | null} */
    let device = null;
    try {
      device = window.localStorage;
    } catch {
      // a sandbox has no storage
    }
    return {
      /** @param {string} name @param {Kept} commit */
      put(name, commit) {
        memory[name] = JSON.stringify(commit); // content of the same origin may empty the device's storage
        try {
          device?.setItem(name, memory[name]);
        } catch {
          // the device is full
        }
      },
      /** @param {string} name */
      has: (name) => name in memory || Boolean(device && name in device),
      /** @param {string} name */
      remove(name) {
        device?.removeItem(name);
        delete memory[name];
      },
      /** @returns {[string, Kept][]} */
      all() {
        return Object.entries({ ...device, ...memory })
          .filter(([name]) => name.startsWith(KEPT))
          .flatMap(([name, text]) => readKept(text).map((commit) => /** @type {[string, Kept]} */ ([name, commit])))
          .sort(([, one], [, other]) => one.madeAt - other.madeAt || one.sequence - other.sequence);
      },
    };
  })();

  /**
   * A kept commit in a list; an empty list where something else is written there: content has the same storage.
   * @param {string} text
   * @returns {Kept[]}
   */
  function readKept(text) {
    try {
      const commit = JSON.parse(text);
      const { origin, pathname } = new URL(commit.address, location.href);
      resultIn(commit.body);
      return origin === location.origin && COMMITS.test(pathname) ? [commit] : [];
    } catch {
      return [];
    }
  }

  /** @param {string} event @param {string} [detail] */
  function tell(event, detail) {
    above.postMessage({ headway: event, detail }, "*"); // says nothing that the page above may not know
  }

  /** @param {Kept} commit */
  function bodyOf({ body, madeAt }) {
    return JSON.stringify({ ...body, commitAgeSeconds: Math.max(0, (Date.now() - madeAt) / SECOND) });
  }

  /** @param {Kept} commit @param {string} event @param {string} [detail] */
  function tellOf({ address }, event, detail) {
    if (address === own) tell(event, detail);
  }

  /** Say that a commit waits, unless a later one has been sent instead. @param {Kept} commit */
  function tellThatWaits(commit) {
    if (kept.has(nameOf(commit))) tellOf(commit, "waiting");
  }

  /**
   * Whether the service has taken a commit or has given it up, by its answer; null when it may be sent again. Proxies
   * and the sign-in pages of networks answer too, but not as the service does.
   * @param {Kept} commit
   * @param {number} status
   * @param {string} text
   */
  function isTaken(commit, status, text) {
    const { code = "", result } = answerIn(text);
    const isRefused = status === TOO_LARGE || (GIVEN_UP.includes(status) && code !== "");
    if (!isRefused && result !== true) {
      tellThatWaits(commit);
      return null;
    }
    kept.remove(nameOf(commit));
    if (isRefused) tellOf(commit, "refused", code);
    else if (!kept.all().some(([, { address }]) => address === commit.address)) tellOf(commit, "saved");
    return !isRefused;
  }

  /**
   * An answer of the API; empty when something between here and the service answered.
   * @param {string} text
   * @returns {{ code?: string, detail?: string, result?: boolean }}
   */
  function answerIn(text) {
    try {
      return JSON.parse(text) ?? {};
    } catch {
      return {};
    }
  }

  /** @param {Kept} commit */
  function nameOf(commit) {
    return `${KEPT}${commit.address} ${commit.sequence}`;
  }

  /** @param {Kept} commit */
  function keep(commit) {
    kept.put(nameOf(commit), commit);
    const says = resultIn(commit.body);
    for (const [name, older] of kept.all()) {
      const isNeedless = older.address === commit.address && older.sequence < commit.sequence;
      if (isNeedless && resultIn(older.body) === says) kept.remove(name);
    }
  }

  /** What counts of a commit even if a later one says something else. @param {any} body */
  function resultIn({ cmi }) {
    const { core = cmi } = cmi;
    return JSON.stringify([core.lesson_status, core.completion_status, core.success_status, core.score]);
  }

  /**
   * Send a commit, and wait for the answer, as content expects it.
   * @param {Kept} commit
   */
  function sendNow(commit) {
    const request = new XMLHttpRequest();
    request.open("POST", commit.address, false);
    request.setRequestHeader("Content-Type", PLAIN);
    try {
      request.send(bodyOf(commit));
    } catch {
      navigator.sendBeacon(commit.address, new Blob([bodyOf(commit)], { type: PLAIN })); // for a page that is left
      tellThatWaits(commit);
      return null;
    }
    return isTaken(commit, request.status, request.responseText);
  }

  /**
   * Send a commit, after what its launch has said before: the service takes no commit of a launch after a later one.
   * @param {Kept} commit
   */
  function sendInOrder(commit) {
    for (const [, older] of kept.all()) {
      if (older.address === commit.address && older.sequence < commit.sequence) sendNow(older);
    }
    return sendNow(commit);
  }

  let isSending = false;

  /** Send everything that is kept, the oldest first. Stops where the service can not be reached. */
  async function sendKept() {
    if (isSending) return;
    isSending = true;
    for (const [, commit] of kept.all()) {
      if ((await sendLater(commit)) === null) break;
    }
    isSending = false;
  }

  /** Send a commit while content goes on. @param {Kept} commit */
  async function sendLater(commit) {
    const headers = { "Content-Type": PLAIN };
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      const answer = await fetch(commit.address, { method: "POST", headers, body: bodyOf(commit), signal });
      return isTaken(commit, answer.status, await answer.text());
    } catch {
      tellThatWaits(commit);
      return null;
    }
  }

  /** Counts the time for which the page is visible. */
  function stopwatch() {
    let seconds = 0;
    let since = document.hidden ? null : performance.now();
    document.addEventListener("visibilitychange", () => {
      if (since !== null) seconds += (performance.now() - since) / SECOND;
      since = document.hidden ? null : performance.now();
    });
    return () => seconds + (since === null ? 0 : (performance.now() - since) / SECOND);
  }

  /** @param {number} seconds @param {boolean} isClock */
  function spanOf(seconds, isClock) {
    const whole = Math.round(seconds);
    if (!isClock) return `PT${whole}S`;
    const parts = [whole / 3600, (whole / 60) % 60, whole % 60].map((part) =>
      String(Math.floor(part)).padStart(2, "0"),
    );
    return parts.join(":");
  }

  /** The seconds in a time span, as content of either version says it. @param {string} span */
  function secondsIn(span) {
    const [days, hours, minutes, seconds] = (TIME.exec(span) ?? []).slice(1).map((part) => Number(part ?? 0));
    return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
  }

  /**
   * Make the interface for content on this window.
   * @param {Launch} launch
   * @param {Place} place
   */
  function begin(launch, place) {
    own = launch.commit_url;
    const isOld = launch.scorm === "1.2";
    const elapsed = stopwatch();
    const { seconds: before = 0 } = place; // on the pages of this launch before this one
    let last = place.last;
    let isOpen = false;
    let isChanged = false;
    let changedAt = 0;
    let isOwnCommit = false; // content has not asked for it, so it does not wait for the answer
    let lastCommit = performance.now();

    /** @param {any} body */
    function commit(body) {
      // By the clock, so that the numbers grow from page to page too.
      const sequence = Math.max((last?.sequence ?? 0) + 1, Date.now());
      const part = body.cmi.core ?? body.cmi;
      const said = part.session_time ?? "";
      const seconds = before + (NO_TIME.test(said) ? elapsed() : secondsIn(said));
      if (before || NO_TIME.test(said)) part.session_time = spanOf(seconds, isOld);
      noteState();
      const whole = { ...body, commitSequence: sequence, stateUnchanged: isUnchanged };
      last = { address: launch.commit_url, sequence, madeAt, body: whole };
      lastCommit = performance.now();
      isChanged = false;
      keep(last);
      if (window.name.startsWith(NAME)) window.name = NAME + JSON.stringify({ ...place, last, seconds });
      if (!isOwnCommit) return sendInOrder(last) !== false;
      sendKept();
      return true;
    }

    const service = {
      /** @param {string} _address @param {any} body */
      processHttpRequest(_address, body) {
        const isKept = commit(body);
        return { result: isKept ? "true" : "false", errorCode: isKept ? 0 : 101 };
      },
      updateSettings() {
        // it has none
      },
    };
    const { Scorm12API, Scorm2004API } = /** @type {any} */ (window);
    const settings = { lmsCommitUrl: launch.commit_url, dataCommitFormat: "json", httpService: service, logLevel: 5 };
    const api = isOld ? new Scorm12API(settings) : new Scorm2004API(settings);
    const prefix = isOld ? "LMS" : "";
    load(api, launch.cmi);
    // A window in which nothing happens sends its time, and the state that it began with: that may be an old one.
    let lastState = stateOf(api);
    let madeAt = last?.madeAt ?? Date.now();
    let isUnchanged = last?.body.stateUnchanged ?? true;

    function noteState() {
      const state = stateOf(api);
      if (state === lastState) return;
      lastState = state;
      madeAt = Date.now();
      isUnchanged = false;
    }

    api.on(`${prefix}Initialize`, () => {
      isOpen = true;
      tell("begun");
    });
    api.on(`${prefix}SetValue.cmi.*`, () => {
      isChanged = true;
      changedAt = performance.now();
    });
    api.on(isOld ? "LMSFinish" : "Terminate", () => {
      isOpen = false;
      tell("ended");
    });
    api.on("SequenceNext", () => tell("continue"));
    api.on("SequencePrevious", () => tell("previous"));

    // As soon as content pauses: a page that is left may be closed before what it sends has arrived.
    function commitChanges() {
      if (isChanged) noteState(); // a window that is hidden commits when it is left
      const now = performance.now();
      const isDue = isChanged && (now - changedAt > SECOND || now - lastCommit > OFTEN);
      if (!isOpen || document.hidden || !(isDue || now - lastCommit > HEARTBEAT)) return;
      isOwnCommit = true;
      api[`${prefix}Commit`]("");
      isOwnCommit = false;
    }
    setInterval(commitChanges, SECOND);

    // A window that is closed is hidden too. What was sent is not sent again: a browser sends 64 KiB from a page that is
    // left, and no more. At `beforeunload` the name of a window can still be written for its next page. That page may ask
    // for the state before the service has what is sent here.
    function commitBeforeLeaving() {
      const isDue = isChanged || performance.now() - lastCommit > SECOND;
      if (isOpen && isDue) api[`${prefix}Commit`]("");
    }
    addEventListener("beforeunload", commitBeforeLeaving);
    addEventListener("pagehide", commitBeforeLeaving);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) commitBeforeLeaving();
    });
    /** @type {any} */ (window)[isOld ? "API" : "API_1484_11"] = api;
  }

  /** The state of content as a text, in which two states can be compared. @param {any} api */
  function stateOf({ cmi }) {
    return JSON.stringify(cmi, (name, value) => (OF_A_SESSION.includes(name) ? undefined : value));
  }

  /**
   * Load the state in which the learner left the content. Where the interface refuses a value, it loads the others.
   * @param {any} api
   * @param {any} cmi
   */
  function load(api, cmi) {
    try {
      api.loadFromJSON(cmi);
    } catch {
      loadParts(api, cmi, "cmi");
    }
  }

  /** @param {any} api @param {any} part @param {string} name */
  function loadParts(api, part, name) {
    for (const [key, value] of Object.entries(part)) {
      if (typeof value === "object") loadParts(api, value, `${name}.${key}`);
      else
        try {
          api.setCMIValue(`${name}.${key}`, value);
        } catch {
          // content begins without this value
        }
    }
  }

  /**
   * Report an asset, which can not report anything itself: it is completed when it is shown.
   * @param {Launch} launch
   */
  function beginAsset(launch) {
    own = launch.commit_url;
    const elapsed = stopwatch();
    function report() {
      const sequence = Date.now();
      const cmi = { completion_status: "completed", session_time: spanOf(elapsed(), false) };
      const made = {
        address: launch.commit_url,
        sequence,
        madeAt: Date.now(),
        body: { cmi, commitSequence: sequence },
      };
      keep(made);
      sendNow(made);
    }
    report();
    addEventListener("pagehide", report);
  }

  /** @param {Launch} launch */
  function scriptFor({ scorm }) {
    return scorm === "1.2" ? script.dataset.scorm12 : script.dataset.scorm2004;
  }

  /** The player page. */
  async function play(/** @type {string} */ address) {
    const isSandboxed = script.dataset.sandboxed === "true";
    await sendKept();
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) throw new Error(answerIn(await answer.text()).detail);
    /** @type {Launch} */
    const launch = await answer.json();
    if (!launch.content_url) throw new Error("The content of this lesson is in no package here.");
    const frame = document.createElement("iframe");
    frame.title = launch.title;
    frame.allow = "autoplay; clipboard-write; fullscreen";
    addEventListener("message", ({ source, data }) => {
      if (source === frame.contentWindow) above.postMessage(data, "*");
    });
    if (launch.is_sco && isSandboxed) frame.name = NAME + JSON.stringify({ address });
    if (launch.is_sco && !isSandboxed) {
      await loaded(scriptFor(launch) ?? "");
      begin(launch, { address });
    }
    frame.src = launch.content_url;
    document.body.replaceChildren(frame);
    if (!launch.is_sco) frame.addEventListener("load", () => beginAsset(launch), { once: true });
    setInterval(sendKept, AGAIN);
    addEventListener("online", sendKept);
  }

  function loaded(/** @type {string} */ address) {
    return new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement("script"), {
        src: address,
        onload: resolve,
        onerror: reject,
      });
      document.head.append(element);
    });
  }

  /** The first page of content in a sandbox. Everything has to be ready before the next script of the page runs. */
  function playHere(/** @type {Place} */ place) {
    if (place.last) sendNow(place.last); // that of the page before may not have arrived
    /** @type {Launch} */
    const launch = JSON.parse(fetchNow(place.address));
    const interfaces = fetchNow(scriptFor(launch) ?? "");
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { value: memoryStorage() });
    }
    Object.assign(window, { parent: window }); // else content that looks there for the interface breaks off
    // Not document.write, which XHTML does not have.
    script.after(Object.assign(document.createElement("script"), { textContent: interfaces }));
    begin(launch, place);
    setInterval(sendKept, AGAIN);
    addEventListener("online", sendKept);
  }

  /** What is at an address, before the next script of the page runs. @param {string} address */
  function fetchNow(address) {
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    request.send();
    if (request.status !== 200) throw new Error(answerIn(request.responseText).detail);
    return request.responseText;
  }

  /** A storage that is gone with the page, for content that needs one. */
  function memoryStorage() {
    const values = new Map();
    return {
      get length() {
        return values.size;
      },
      clear: () => values.clear(),
      getItem: (/** @type {string} */ name) => values.get(String(name)) ?? null,
      key: (/** @type {number} */ position) => [...values.keys()][position] ?? null,
      removeItem: (/** @type {string} */ name) => void values.delete(String(name)),
      setItem: (/** @type {string} */ name, /** @type {string} */ value) =>
        void values.set(String(name), String(value)),
    };
  }

  const { launch } = script.dataset;
  if (launch) {
    addEventListener("DOMContentLoaded", () => {
      play(launch).catch((/** @type {Error} */ error) => {
        document.body.textContent = error.message || "This lesson could not be opened. Load the page again.";
        tell("failed", error.message);
      });
    });
  } else if (window.name.startsWith(NAME)) {
    try {
      playHere(JSON.parse(window.name.slice(NAME.length)));
    } catch (error) {
      tell("failed", /** @type {Error} */ (error).message);
    }
  }
})();
