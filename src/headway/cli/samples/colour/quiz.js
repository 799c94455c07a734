// The quiz: five questions, of which four have choices, and one is answered by a slider. It reports every answer as an
// interaction, and the score and the result at the end. Who has failed may try again.

import { contrast, hexOf, ratio, rgbOf } from "./colour.js";
import { begin, suspended } from "./scorm.js";

/**
 * A question. `choices` are the texts (or the hues) by which it can be answered, by their names. One without choices
 * asks for a contrast from `least` to `most`.
 * @typedef {{ id: string, asked: string, hint: string, why: string, choices?: Record<string, string>, right?: string,
 *   hues?: Record<string, number>, least?: number, most?: number }} Question
 * @typedef {{ response: string, isRight: boolean }} Answer
 */

/** @type {Question[]} */
const QUESTIONS = [
  {
    id: "wheel",
    asked: "You move a colour around the wheel. What changes?",
    hint: "One of three numbers.",
    choices: { hue: "The hue", saturation: "The saturation", lightness: "The lightness" },
    right: "hue",
    why: "The place on the wheel is the hue. The distance from grey, and from black to white, stay the same.",
  },
  {
    id: "light",
    asked: "Which of these colours gives the most light?",
    hint: "All three have the same lightness, 50 %.",
    choices: { blue: "Blue", yellow: "Yellow", red: "Red" },
    hues: { blue: 238, yellow: 56, red: 0 },
    right: "yellow",
    why: "Yellow is made of red and green light, which eyes see best. Blue gives least.",
  },
  {
    id: "least",
    asked: "How much contrast does text need at least?",
    hint: "Text of a usual size, at level AA.",
    choices: { three: "3:1", four: "4.5:1", seven: "7:1", all: "21:1" },
    right: "four",
    why: "4.5:1 is for text, and 3:1 for large text and icons. Level AAA asks for 7:1.",
  },
  {
    id: "alone",
    asked: "A form marks a wrong field by a red border, and by nothing else. What is missing?",
    hint: "Think of somebody who sees red and green alike.",
    choices: { red: "A brighter red", word: "A word or an icon beside the field", wide: "A red background, too" },
    right: "word",
    why: "Who does not see the red needs a second sign: a word, a shape or a place.",
  },
  {
    id: "slider",
    asked: "Make the text readable, and keep it soft.",
    hint: "Find a contrast of at least 4.5:1, and not more than 7:1. Here, you do not see the number.",
    least: 4.5,
    most: 7,
    why: "Between the two, text is readable and still quiet.",
  },
];
const PASS_MARK = 0.8; // where the player does not say it

/** @param {string} id @returns {any} */
function byId(id) {
  return document.getElementById(id);
}

/** @param {string} id @param {string} text */
function write(id, text) {
  byId(id).textContent = text;
}

/** @param {string} name @param {Record<string, any>} properties @param {...(Node | string)} content */
function element(name, properties, ...content) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...content);
  return made;
}

/** The answers of this try, in the order of the questions. @type {Answer[]} */
let answers = [];
let tries = 1;
let asked = performance.now();

const session = begin(() => (isOver() ? "normal" : "suspend"));
const passMark = Number(session.get("cmi.scaled_passing_score")) || PASS_MARK;

function isOver() {
  return answers.length === QUESTIONS.length;
}

/** The share of right answers, from 0 to 1. */
function score() {
  return answers.filter(({ isRight }) => isRight).length / QUESTIONS.length;
}

// The questions.

/** @param {Question} question */
function ask(question) {
  write("place", `Question ${answers.length + 1} of ${QUESTIONS.length}`);
  write("asked", question.asked);
  write("hint", question.hint);
  byId("choices").disabled = false;
  byId("choices").replaceChildren(...(question.choices ? choicesOf(question) : sliderOf()));
  byId("answer").hidden = true;
  asked = performance.now();
  showParts("question", "check");
}

/** @param {Question} question */
function choicesOf({ choices = {}, hues }) {
  return Object.entries(choices).map(([name, text]) => {
    const radio = element("input", { type: "radio", name: "choice", value: name, required: true });
    const label = element("label", { className: "choice" }, radio, element("span", {}, text));
    if (hues) label.append(swatchOf(hues[name]));
    return label;
  });
}

/** @param {number} hue */
function swatchOf(hue) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.background = hexOf(rgbOf(hue, 100, 50));
  return swatch;
}

function sliderOf() {
  const sample = element(
    "div",
    { className: "sample" },
    element("strong", {}, "Soft, and readable"),
    element("span", {}, "A text that is quiet beside its heading, and that everybody can read."),
  );
  const slider = element("input", { type: "range", name: "lightness", max: 100, value: 82 });
  const label = element("label", { className: "slider" }, element("b", {}, "Lightness of the text"), slider);
  function draw() {
    Object.assign(sample.style, { color: hexOf(textColour()), background: "#ffffff" });
  }
  slider.addEventListener("input", draw);
  byId("choices").replaceChildren(sample, label);
  draw();
  return [sample, label];
}

function textColour() {
  return rgbOf(225, 30, byId("choices").querySelector("input").valueAsNumber);
}

/** What the learner has answered, as the interaction says it. @param {Question} question */
function responseTo({ choices }) {
  if (choices) return byId("choices").querySelector(":checked").value;
  return contrast(textColour(), [255, 255, 255]).toFixed(2);
}

/** @param {Question} question @param {string} response */
function isRight({ right, least = 0, most = 0 }, response) {
  return right ? response === right : Number(response) >= least && Number(response) <= most;
}

function check() {
  const question = QUESTIONS[answers.length];
  const response = responseTo(question);
  const answer = { response, isRight: isRight(question, response) };
  answers.push(answer);
  reportAnswer(question, answer);
  byId("choices").disabled = true;
  const said = question.choices ? "" : `Your text has a contrast of ${ratio(Number(response))}. `;
  write("answer", `${answer.isRight ? "Right." : "Not right."} ${said}${question.why}`);
  byId("answer").classList.toggle("is-right", answer.isRight);
  byId("answer").hidden = false;
  write("next", isOver() ? "See the result" : "Next question");
  showParts("question", "next");
  byId("next").focus();
}

// What the player is told.

/**
 * Add an interaction to those that there are. They are numbered from 0, and `cmi.interactions._count` says how many.
 * @param {Question} question @param {Answer} answer
 */
function reportAnswer(question, answer) {
  const interaction = `cmi.interactions.${session.get("cmi.interactions._count") || 0}`;
  session.set(`${interaction}.id`, `${question.id}-${tries}`); // the id comes first, and the type before the answer
  session.set(`${interaction}.type`, question.choices ? "choice" : "numeric");
  session.set(`${interaction}.timestamp`, `${new Date().toISOString().slice(0, 22)}Z`); // to hundredths of a second
  session.set(`${interaction}.correct_responses.0.pattern`, question.right ?? `${question.least}[:]${question.most}`);
  session.set(`${interaction}.learner_response`, answer.response);
  session.set(`${interaction}.result`, answer.isRight ? "correct" : "incorrect");
  session.set(`${interaction}.latency`, `PT${((performance.now() - asked) / 1000).toFixed(0)}S`);
  session.set(`${interaction}.description`, question.asked);
  report();
}

function report() {
  session.set("cmi.location", answers.length);
  session.set("cmi.suspend_data", JSON.stringify({ answers, tries }));
  session.set("cmi.progress_measure", answers.length / QUESTIONS.length);
  session.set("cmi.completion_status", isOver() ? "completed" : "incomplete");
  if (isOver()) reportResult();
  session.save();
}

function reportResult() {
  const right = answers.filter(({ isRight }) => isRight).length;
  session.set("cmi.score.min", 0);
  session.set("cmi.score.max", QUESTIONS.length);
  session.set("cmi.score.raw", right);
  session.set("cmi.score.scaled", right / QUESTIONS.length);
  session.set("cmi.success_status", score() >= passMark ? "passed" : "failed");
}

// What the learner sees.

/** Show one part of the page, and one button. @param {"question" | "result"} part @param {string} button */
function showParts(part, button) {
  for (const id of ["question", "result"]) byId(id).hidden = id !== part;
  for (const id of ["check", "next", "again"]) byId(id).hidden = id !== button;
  for (const [at, step] of [...byId("steps").children].entries()) step.classList.toggle("seen", at < answers.length);
}

function showResult() {
  const isPassed = score() >= passMark;
  const percentage = `${Math.round(score() * 100)} %`;
  write("place", "The result");
  write("outcome", isPassed ? "You have passed" : "Not yet");
  write("advice", isPassed ? "Well seen." : `${Math.round(passMark * 100)} % are needed. You may try again.`);
  write("score", percentage);
  byId("ring").setAttribute("aria-label", `Your score: ${percentage}`);
  byId("answers").replaceChildren(
    ...answers.map((answer, at) =>
      element(
        "li",
        { className: answer.isRight ? "is-right" : "" },
        element("b", { ariaHidden: "true" }, answer.isRight ? "✓" : "✗"),
        element("span", {}, `${QUESTIONS[at].asked} ${answer.isRight ? "Right." : "Not right."}`),
      ),
    ),
  );
  showParts("result", isPassed ? "" : "again");
  requestAnimationFrame(() =>
    byId("ring")
      .querySelector(".score")
      .setAttribute("stroke-dasharray", `${score() * 100} 100`),
  );
}

/** Show what comes: the next question, or the result. */
function show() {
  if (isOver()) showResult();
  else ask(QUESTIONS[answers.length]);
}

function turn() {
  show();
  scrollTo(0, 0);
  byId(isOver() ? "outcome" : "asked").focus({ preventScroll: true });
}

function tryAgain() {
  answers = [];
  tries += 1;
  byId("ring").querySelector(".score").setAttribute("stroke-dasharray", "0 100");
  report();
  turn();
}

byId("question").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  if (!byId("choices").disabled) check();
});
byId("next").addEventListener("click", turn);
byId("again").addEventListener("click", tryAgain);

({ answers = [], tries = 1 } = suspended(session) ?? {});
byId("preview").hidden = session.isOpen;
write("mark", `${Math.round(passMark * 100)} % are needed to pass.`);
show();
