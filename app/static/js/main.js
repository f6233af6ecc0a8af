// The page: its parts put together, and what to do when one of them changes.

import { installCalibration } from "./calibration.js";
import { byId } from "./elements.js";
import { installInspecting } from "./inspecting.js";
import { installKey } from "./key.js";
import { installModel } from "./model.js";
import { notify } from "./notice.js";
import { installPart } from "./part.js";
import { installPictures } from "./picture.js";
import { afterPress } from "./press.js";
import { installRegion } from "./region.js";
import { installResults } from "./results.js";
import { putCategory } from "./service.js";
import { installStage } from "./stage.js";
import { isSamePart } from "./standing.js";
import { installWatch } from "./watch.js";

const MOST_LOOKED_AT = 16; // parts beside the one in the field

const stage = installStage();
const region = installRegion(stage.sheet, (points) => changeRegion([points]));
const results = installResults((entry) => inspecting.open(entry));
const part = installPart({ method: () => model.method(), onKnown, onChanged });
const model = installModel({ part, onMethod: () => inspecting.ask() });
const inspecting = installInspecting({ stage, part, model, results, onStage: allowRegion });

function onKnown(view) {
  allowRegion();
  stage.outline(Array.isArray(view?.roi) ? view.roi : []);
  byId("region-clear").hidden = !view?.roi;
  byId("region-text").textContent = view?.roi
    ? `Outside the region of interest of “${view.id}” the heatmap counts neither for the score nor for the boxes. The words are compared with the whole picture all the same.`
    : "";
  review();
}

/** What is shown and listed must hold by what is known now. */
function review() {
  inspecting.review();
  results.review();
}

function onChanged() {
  review();
  inspecting.askIfOutdated();
}

function allowRegion(isReady = true) {
  region.allow(isReady && part.isNamed() && stage.isShown());
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
  await part.changed(id);
}

/** What others may have changed, of all that is shown or listed. */
async function look() {
  const parts = results.parts();
  if (parts.length === 0) return;
  await model.look();
  const others = parts.filter((name) => !isSamePart(name, part.id())).slice(0, MOST_LOOKED_AT);
  await Promise.all(others.map((name) => part.lookUp(name, true)));
  await part.refresh(true);
}

installKey();
installPictures(inspecting.choose);
installCalibration({ part, onTrouble: (error) => notify("calibration", error) });
installWatch(look);
byId("question").addEventListener("submit", (event) => {
  event.preventDefault();
  inspecting.askNamed();
});
byId("category").addEventListener("input", () => {
  region.stop();
  review();
});
byId("category").addEventListener("change", () => {
  const isPending = inspecting.pending();
  // Enter submits as well, and a click on a sample brings its own part: either asks by itself.
  afterPress(() => isPending() && inspecting.askNamed());
});
byId("region-clear").addEventListener("click", () => changeRegion(null));
document.addEventListener("key-changed", model.introduce);
model.introduce();
