// The page: which part, which picture, and what to do when one of them changes.

import { installCalibration, showCalibration } from "./calibration.js";
import { byId, debounce, make, refusalText } from "./elements.js";
import { installKey } from "./key.js";
import { installPictures } from "./picture.js";
import { installRegion } from "./region.js";
import { installResults } from "./results.js";
import { getCategories, getCategory, getModel, predict, putCategory } from "./service.js";
import { installStage } from "./stage.js";
import { showRefusal, showVerdict, showWaiting } from "./verdict.js";

const RETRY_S = 2;
const NARROW = "(max-width: 700px)";
const category = () => byId("category").value.trim();
const method = () => byId("method").value;

let current = null; // { file, readable }
let model = null;
let asked = null; // cancels the question under way
let standing = null; // the calibration of the chosen part

const stage = installStage();
const region = installRegion(stage.sheet, (points) => changeRegion([points]));
const results = installResults(reopen);

function notify(error) {
  const notice = byId("notice");
  notice.hidden = !error;
  if (error) notice.replaceChildren(...refusalText(error));
}

async function choose(file, name) {
  if (name !== null) byId("category").value = name;
  current = { file, readable: false };
  const chosen = current;
  chosen.readable = await stage.show(file);
  if (chosen !== current) return; // another was chosen meanwhile
  if (category()) lookAtStage();
  await ask();
}

async function ask() {
  if (!current) return;
  if (!byId("category").reportValidity()) return showWaiting("Say what is on the picture.");
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  const question = current;
  stage.busy(true);
  showWaiting("Looking …");
  try {
    const heatmap = question.readable ? "map" : "overlay";
    const prediction = await predict(question.file, { category: category(), method: method(), heatmap }, signal);
    notify(null);
    await refreshCategory();
    if (signal.aborted) return;
    show(prediction);
    await byId("picture").decode().catch(() => {});
    await results.add(question.file, prediction, question.readable, byId("picture"));
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (!signal.aborted) stage.busy(false);
  }
}

function show(prediction) {
  stage.answer(prediction, current.readable);
  showVerdict(prediction, standing);
}

async function reopen({ file, prediction, readable }) {
  asked?.abort();
  byId("category").value = prediction.category;
  current = { file, readable };
  await stage.show(file);
  await refreshCategory();
  show(prediction);
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

/** What is known of the chosen part; quiet about one that nobody has asked for yet. */
async function refreshCategory() {
  const id = category();
  if (!id) return describe(null);
  try {
    describe(await getCategory(id));
  } catch (error) {
    if (error.status === 404) describe(null, id);
    else if (error.status !== 422) notify(error);
  }
}

function describe(view, id = "") {
  standing = showCalibration(view ?? (id ? unknown(id) : null), method() || model?.default_method);
  region.allow(Boolean(id || view));
  const roi = Array.isArray(view?.roi) ? view.roi : [];
  stage.outline(roi);
  byId("region-clear").hidden = !view?.roi;
  byId("region-text").textContent = view?.roi ? `Only inside the region of interest of “${view.id}” is looked at.` : "";
}

function unknown(id) {
  const none = { method: "", n: 0, needed: 19, outdated: 0, repeated: 0, calibrated: false, reason: "there are no good parts yet" };
  return { id, alpha: 0.05, roi: null, calibrations: [none] };
}

async function changeRegion(roi) {
  try {
    await putCategory(category(), { roi });
    await refreshCategory();
    await ask();
  } catch (error) {
    notify(error);
  }
}

async function introduce() {
  for (;;) {
    try {
      model = await getModel();
      const categories = await getCategories();
      byId("categories").replaceChildren(...categories.map(({ id }) => make("option", { value: id })));
      break;
    } catch (error) {
      byId("model").textContent = error.title ?? error.message;
      if (!error.mayPass) return notify(error);
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter ?? RETRY_S)));
    }
  }
  byId("model").textContent = `${model.backbone} on ${model.device}, ${model.methods.length > 1 ? "linear heads loaded" : "from words alone"}`;
  byId("demo").hidden = !model.demo;
  const several = model.methods.length > 1;
  byId("method").replaceChildren(...model.methods.map((name) => {
    const text = name === "sdp" ? "words alone (SDP)" : "with linear heads (SDP+)";
    return make("option", { value: name, selected: name === model.default_method }, text);
  }));
  byId("method").hidden = byId("method-label").hidden = !several;
  await refreshCategory();
}

installKey();
installPictures(choose, notify);
installCalibration({ category, onChange: refreshCategory, onTrouble: notify });
byId("question").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
byId("category").addEventListener("input", debounce(refreshCategory, 300));
byId("category").addEventListener("change", ask);
byId("method").addEventListener("change", () => refreshCategory().then(ask));
byId("region-clear").addEventListener("click", () => changeRegion(null));
document.addEventListener("key-changed", introduce);
introduce();
