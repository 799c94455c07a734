// The lesson: five pages, each with something to move. It tells the player after each page where the learner is.

import { contrast, greyOf, hexOf, luminance, ratio, readable, rgbOf } from "./colour.js";
import { begin, suspended } from "./scorm.js";

const WHITE = /** @type {const} */ ([255, 255, 255]);

const pages = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-page]")]);
const inputs = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("input")]);
const back = /** @type {HTMLButtonElement} */ (byId("back"));
const next = /** @type {HTMLButtonElement} */ (byId("next"));

/** @param {string} id @returns {any} */
function byId(id) {
  return document.getElementById(id);
}

/** @param {string} id @param {string | number} text */
function write(id, text) {
  byId(id).textContent = text;
}

/** @param {string} name */
function input(name) {
  return /** @type {HTMLInputElement} */ (inputs.find((one) => one.name === name));
}

/** @param {string} name */
function numberOf(name) {
  return input(name).valueAsNumber;
}

/** Write the value of a slider beside it, and give it colours. @param {string} name @param {string} unit */
function dress(name, unit, track = "") {
  const text = `${input(name).value}${unit}`;
  write(`${name}-value`, text);
  input(name).setAttribute("aria-valuetext", text);
  if (track) input(name).style.setProperty("--track", track);
}

/** @param {number[]} stops @param {(stop: number) => string} colourAt */
function gradient(stops, colourAt) {
  return `linear-gradient(90deg, ${stops.map(colourAt).join(", ")})`;
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const RAINBOW = [0, 60, 120, 180, 240, 300, 360];

// Each page draws its picture from the values of its inputs.

function drawWheel() {
  const [hue, saturation, lightness] = ["hue", "saturation", "lightness"].map(numberOf);
  const rgb = rgbOf(hue, saturation, lightness);
  dress(
    "hue",
    "°",
    gradient(RAINBOW, (stop) => `hsl(${stop} ${saturation}% ${lightness}%)`),
  );
  dress(
    "saturation",
    " %",
    gradient([0, 100], (stop) => `hsl(${hue} ${stop}% ${lightness}%)`),
  );
  dress(
    "lightness",
    " %",
    gradient([0, 50, 100], (stop) => `hsl(${hue} ${saturation}% ${stop}%)`),
  );
  byId("disc").setAttribute("fill", hexOf(rgb));
  byId("code").setAttribute("fill", luminance(rgb) > 0.18 ? "#000" : "#fff");
  write("code", hexOf(rgb));
  const angle = ((hue - 90) * Math.PI) / 180;
  for (const marker of [byId("marker"), byId("marker-inside")]) {
    marker.setAttribute("cx", 160 + 130 * Math.cos(angle));
    marker.setAttribute("cy", 160 + 130 * Math.sin(angle));
  }
  tint(hue);
}

function drawLight() {
  const isGrey = input("grey").checked;
  dress("even", " %");
  for (const one of /** @type {SVGElement[]} */ ([...byId("poster").querySelectorAll("[data-hue]")])) {
    const rgb = rgbOf(Number(one.dataset.hue), 100, numberOf("even"));
    one.style.fill = hexOf(isGrey ? greyOf(rgb) : rgb);
  }
  for (const [name, hue] of LIGHTS) {
    const light = `${Math.round(luminance(rgbOf(hue, 100, numberOf("even"))) * 100)} %`;
    byId(`light-${name}`).style.setProperty("--light", light.replace(" ", ""));
    write(`light-${name}-value`, light);
  }
}

/** @type {[string, number][]} */
const LIGHTS = [
  ["Yellow", 56],
  ["Green", 120],
  ["Cyan", 186],
  ["Red", 0],
  ["Blue", 238],
];

function drawContrast() {
  const [text, ground] = [rgbOf(225, 35, numberOf("text")), rgbOf(225, 35, numberOf("ground"))];
  const found = contrast(text, ground);
  for (const name of ["text", "ground"])
    dress(
      name,
      " %",
      gradient([0, 50, 100], (stop) => `hsl(225 35% ${stop}%)`),
    );
  Object.assign(byId("sample").style, { color: hexOf(text), background: hexOf(ground) });
  write("contrast-value", ratio(found));
  write("verdict", verdictOf(found));
  byId("scale-marker").setAttribute("cx", along(found));
  input("text").setAttribute("aria-valuetext", `${numberOf("text")} %. Contrast ${ratio(found)}. ${verdictOf(found)}`);
}

/** @param {number} value */
function verdictOf(value) {
  if (value < 3) return "Too little for anything.";
  if (value < 4.5) return "Enough for large text and icons.";
  return value < 7 ? "Enough for text." : "Very good for text, also for tired eyes.";
}

/** Where a contrast is on the scale, on which each doubling is as long as the one before. @param {number} value */
function along(value) {
  return 12 + (Math.log(value) / Math.log(21)) * 456;
}

/** @type {[string, number, number[], string][]} */
const DRINKS = [
  ["Coffee", 12, [8, 7.4, 5.6, 4.2, 3], ""],
  ["Tea", 110, [2, 2.8, 4, 5.9, 7], "2 10"],
  ["Water", 45, [5, 4.6, 5, 4.9, 5], "16 10"],
];

function drawChart() {
  const isBlind = input("blind").checked;
  const isShaped = input("shapes").checked;
  byId("lines").setAttribute("filter", isBlind ? "url(#red-green)" : "none");
  byId("labels").toggleAttribute("hidden", !isShaped);
  byId("lines").replaceChildren(
    ...DRINKS.map(([, hue, cups, dashes]) =>
      shape("polyline", {
        points: cups.map((cup, day) => `${50 + day * 85},${heightOf(cup)}`).join(" "),
        stroke: hexOf(readable(hue, 75, { from: 50, step: -1, against: [...WHITE], least: 3.6 })),
        "stroke-dasharray": isShaped ? dashes : "",
      }),
    ),
  );
}

/** @param {number} cups */
function heightOf(cups) {
  return 230 - cups * 25;
}

function drawPalette() {
  const hue = numberOf("tone");
  const isNight = input("night").checked;
  const ground = isNight ? rgbOf(hue, 25, 11) : rgbOf(hue, 45, 97);
  const note = isNight ? rgbOf(hue, 30, 19) : rgbOf(hue, 55, 90);
  const way = isNight ? { from: 20, step: /** @type {const} */ (1) } : { from: 75, step: /** @type {const} */ (-1) };
  const heading = readable(hue, 60, { ...way, against: ground, least: 7 });
  const body = readable(hue, 12, { ...way, against: ground, least: 4.5 });
  const pill = readable(hue, 65, { ...way, against: ground, least: 4.5 });
  const written = readable(hue, 50, { ...way, against: note, least: 4.5 });
  /** @type {[string, import("./colour.js").Rgb, import("./colour.js").Rgb][]} */
  const parts = [
    ["strong", heading, ground],
    [".body", body, ground],
    [".pill", ground, pill],
    [".note", written, note],
  ];
  dress(
    "tone",
    "°",
    gradient(RAINBOW, (stop) => `hsl(${stop} 65% 45%)`),
  );
  byId("card").style.background = hexOf(ground);
  for (const [selector, colour, background] of parts)
    Object.assign(byId("card").querySelector(selector).style, { color: hexOf(colour), background: hexOf(background) });
  write("least-value", ratio(Math.min(...parts.map(([, colour, background]) => contrast(colour, background)))));
  tint(hue);
}

/** Give the whole page a hue. @param {string | number | undefined} hue */
function tint(hue) {
  document.documentElement.style.setProperty("--hue", String(hue));
}

const DRAWINGS = [drawWheel, drawLight, drawContrast, drawChart, drawPalette];

/** Draw what stays the same. */
function prepare() {
  for (let hue = 0; hue < 360; hue += 4) {
    const [from, to] = [hue - 90, hue - 85.5].map((angle) => (angle * Math.PI) / 180);
    const points = [from, to].map((angle) => `${160 + 130 * Math.cos(angle)} ${160 + 130 * Math.sin(angle)}`);
    const path = { d: `M${points[0]} L${points[1]}`, stroke: `hsl(${hue} 85% 50%)`, "stroke-width": 44 };
    byId("wheel").append(shape("path", path));
  }
  for (const [name] of LIGHTS) {
    const bar = Object.assign(document.createElement("i"), { id: `light-${name}` });
    const value = Object.assign(document.createElement("span"), { id: `light-${name}-value` });
    byId("lights").append(Object.assign(document.createElement("span"), { textContent: name }), bar, value);
  }
  byId("scale").append(shape("rect", { x: 12, y: 10, width: 456, height: 8, rx: 4, fill: "var(--tint)" }));
  for (const mark of [1, 3, 4.5, 7, 21]) {
    const at = along(mark);
    byId("scale").append(shape("rect", { x: at - 1, y: 4, width: 2, height: 20, fill: "var(--edge)" }));
    const label = shape("text", { x: at, y: 46, "text-anchor": mark === 1 ? "start" : mark === 21 ? "end" : "middle" });
    label.textContent = String(mark);
    byId("scale").append(label);
  }
  for (const [name, , cups] of DRINKS) {
    const label = shape("text", { x: 404, y: heightOf(cups[4]) + 5 });
    label.textContent = name;
    byId("labels").append(label);
  }
}

function turnWheel(/** @type {PointerEvent} */ event) {
  if (!event.buttons) return;
  const wheel = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
  const right = event.clientX - wheel.x - wheel.width / 2;
  const down = event.clientY - wheel.y - wheel.height / 2;
  input("hue").value = String(((Math.atan2(down, right) * 180) / Math.PI + 450) % 360);
  drawWheel();
}

// Where the learner is. `cmi.location` is the name of the page, and `cmi.suspend_data` has everything else.

let shown = 0;
let seen = 0;

const session = begin(() => {
  keep();
  return "suspend"; // also when all is completed: who comes back finds the lesson as it was
});

/** Tell the player where the learner is, and what was moved. It sends nothing before it is asked to save. */
function keep() {
  const moved = Object.fromEntries(
    inputs
      .filter((one) => one.value !== one.defaultValue || one.checked)
      .map((one) => [one.name, one.type === "range" ? one.valueAsNumber : one.checked]),
  );
  session.set("cmi.location", pages[shown].dataset.page ?? "");
  session.set("cmi.suspend_data", JSON.stringify({ seen, moved }));
}

function report() {
  keep();
  session.set("cmi.progress_measure", seen / pages.length);
  session.set("cmi.completion_status", seen === pages.length ? "completed" : "incomplete");
  session.save();
}

function resume() {
  const { seen: before = 0, moved = {} } = suspended(session) ?? {};
  seen = before;
  for (const one of inputs) {
    if (one.type === "checkbox") one.checked = moved[one.name] === true;
    else one.value = moved[one.name] ?? one.defaultValue;
  }
  const place = session.get("cmi.location");
  return Math.max(
    0,
    pages.findIndex((page) => page.dataset.page === place),
  );
}

/** @param {number} number */
function show(number) {
  shown = number;
  seen = Math.max(seen, number + 1);
  for (const [at, page] of pages.entries()) page.hidden = at !== number;
  tint(pages[number].dataset.hue);
  DRAWINGS[number]();
  for (const [at, step] of [...byId("steps").children].entries()) step.classList.toggle("seen", at < seen);
  write("place", `Page ${number + 1} of ${pages.length}`);
  back.disabled = number === 0;
  const isLast = number === pages.length - 1;
  next.disabled = isLast && !session.isOpen;
  next.textContent = isLast ? "Go on to the questions" : "Next";
  report();
}

/** @param {number} number */
function turnTo(number) {
  show(number);
  scrollTo(0, 0);
  pages[number].querySelector("h1")?.focus({ preventScroll: true });
}

back.addEventListener("click", () => turnTo(shown - 1));
next.addEventListener("click", () => {
  if (shown < pages.length - 1) turnTo(shown + 1);
  else session.goOn();
});
for (const one of inputs) one.addEventListener("input", () => DRAWINGS[shown]());
for (const name of /** @type {const} */ (["pointerdown", "pointermove"]))
  document.querySelector(".wheel")?.addEventListener(name, /** @type {EventListener} */ (turnWheel));

prepare();
byId("preview").hidden = session.isOpen;
show(resume());
