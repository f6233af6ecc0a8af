// The page: which part, which picture, and what to do when one of them changes.

import { installCalibration } from "./calibration.js";
import { byId, make } from "./elements.js";
import { installKey } from "./key.js";
import { installModel } from "./model.js";
import { notify } from "./notice.js";
import { installPart } from "./part.js";
import { installPictures } from "./picture.js";
import { afterPress } from "./press.js";
import { installRegion } from "./region.js";
import { installResults } from "./results.js";
import { predict, putCategory } from "./service.js";
import { installStage } from "./stage.js";
import { showRefusal, showVerdict, showWaiting } from "./verdict.js";

const NARROW = "(max-width: 700px)";

let current = null; // { file, shown }: shown resolves to whether the browser shows it as the service sees it
let turn = new AbortController(); // of what the user wanted last
let asked = null; // the part last asked for

const stage = installStage();
const region = installRegion(stage.sheet, (points) => changeRegion([points]));
const results = installResults(reopen);
const part = installPart({ method: () => model.method(), onKnown });
const model = installModel({ part, onMethod: ask });

/** Whatever the user wants next ends what is under way: its answer must not be laid over the new. */
function begin() {
  turn.abort();
  turn = new AbortController();
  stage.busy(false);
  return turn.signal;
}

/** picked: a file, or a promise of one. name: what a sample shows. */
async function choose(picked, name) {
  const signal = begin();
  let file;
  try {
    file = await picked;
  } catch (error) {
    if (!signal.aborted) showRefusal(error);
    return;
  }
  if (signal.aborted) return;
  if (name !== null) part.name(name);
  showWaiting("Opening the picture …");
  const chosen = putOnStage(file);
  await chosen.shown;
  if (chosen === current && part.id()) lookAtStage();
  if (!signal.aborted) await ask();
}

function putOnStage(file, shown = stage.show(file)) {
  region.allow(false);
  const chosen = { file, shown };
  current = chosen;
  shown.then(() => chosen === current && allowRegion());
  return chosen;
}

async function ask() {
  const signal = begin();
  if (!current) return;
  if (!part.isValid()) return showWaiting("Say what is on the picture.");
  const question = current;
  asked = part.id();
  stage.busy(true);
  showWaiting("Looking …");
  try {
    const { prediction, readable } = await answerTo(question, signal);
    await part.refresh();
    if (signal.aborted) return;
    show(prediction, readable);
    if (!readable) {
      await stage.picture.decode().catch(() => {});
      if (signal.aborted) return; // another picture is on the stage: no thumbnail of this one
    }
    results.add(question.file, prediction, readable, stage.picture);
  } catch (error) {
    if (!signal.aborted) fail(error);
  } finally {
    if (!signal.aborted) stage.busy(false);
  }
}

async function answerTo(question, signal) {
  const words = { category: part.id(), method: model.method() };
  const looked = (heatmap) => predict(question.file, { ...words, heatmap }, signal);
  if (await question.shown) {
    const prediction = await looked("map");
    if (stage.fits(prediction.image)) return { prediction, readable: true };
    question.shown = Promise.resolve(false); // turned or cut otherwise than the service does
  }
  return { prediction: await looked("overlay"), readable: false };
}

function show(prediction, readable) {
  stage.answer(prediction, readable);
  showVerdict(prediction, part.standingOf(prediction));
  allowRegion();
}

async function reopen({ file, prediction, readable }) {
  const signal = begin();
  part.name(prediction.category);
  model.choose(prediction.method);
  asked = part.id();
  showWaiting("Opening the picture …");
  const chosen = putOnStage(file, stage.show(file).then((shown) => shown && readable));
  await Promise.all([chosen.shown, part.refresh()]);
  if (signal.aborted) return;
  show(prediction, readable);
  lookAtStage();
}

/** On a narrow screen the picture lies below what was clicked. */
function lookAtStage() {
  if (window.matchMedia(NARROW).matches) byId("stage").scrollIntoView({ block: "center" });
}

function fail(error) {
  showRefusal(error);
  if (error.mayPass) {
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", ask);
    byId("verdict").append(again);
  }
}

function onKnown(view) {
  allowRegion();
  stage.outline(Array.isArray(view?.roi) ? view.roi : []);
  byId("region-clear").hidden = !view?.roi;
  byId("region-text").textContent = view?.roi ? `Only inside the region of interest of “${view.id}” is looked at.` : "";
}

function allowRegion() {
  region.allow(part.isNamed() && stage.isShown());
}

async function changeRegion(roi) {
  if (!part.mayEnd(Infinity)) return;
  const id = part.id();
  try {
    await putCategory(id, { roi });
  } catch (error) {
    return notify("region", error);
  }
  notify("region", null);
  await part.refresh();
  if (part.id() === id) await ask();
}

installKey();
installPictures(choose);
installCalibration({ part, onTrouble: (error) => notify("calibration", error) });
byId("question").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
byId("category").addEventListener("input", region.stop);
byId("category").addEventListener("change", () => {
  const { signal } = turn;
  // Enter submits as well, and a click on a sample brings its own part: either asks by itself.
  afterPress(() => {
    if (!signal.aborted && part.id() !== asked) ask();
  });
});
byId("region-clear").addEventListener("click", () => changeRegion(null));
document.addEventListener("key-changed", model.introduce);
model.introduce();
