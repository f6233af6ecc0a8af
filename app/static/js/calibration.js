// The chosen part's calibration: its state, its wanted rate, its end.

import { byId, make } from "./elements.js";
import { installGoodParts } from "./goodparts.js";
import { clearCalibration, putCategory } from "./service.js";
import { stateOf } from "./standing.js";
import * as words from "./words.js";

/** onTrouble(error): null once what failed has succeeded. */
export function installCalibration({ part, onTrouble }) {
  async function change(id, work) {
    await work.then(() => onTrouble(null), onTrouble);
    await part.changed(id);
  }

  installGoodParts(part);
  byId("calibration-clear").addEventListener("click", () => {
    const id = part.id();
    if (!window.confirm(`Forget all good parts of “${id}”? Nothing will be decided until there are new ones.`)) return;
    change(id, clearCalibration(id));
  });
  byId("alpha-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const alpha = Number(byId("alpha").value) / 100;
    if (part.isValid() && part.mayEnd(neededFor(alpha))) change(part.id(), putCategory(part.id(), { alpha }));
  });
}

/** The fewest good parts from which a threshold follows: k = floor(alpha (n + 1)) is 1. */
const neededFor = (alpha) => Math.ceil(1 / alpha - 1 - 1e-9);

/** view: as `/categories/{id}` has it, or null where nothing is known of it. */
export function showCalibration(view, method) {
  const state = stateOf(view, method);
  byId("calibration-state").replaceChildren(...sentences(view, state));
  byId("calibration-clear").hidden = !state || state.n + state.outdated === 0;
  if (document.activeElement !== byId("alpha")) byId("alpha").value = (100 * (view?.alpha ?? 0.05)).toPrecision(3) / 1;
}

function sentences(view, state) {
  if (!view) return [make("p", {}, "Name the part above first.")];
  const title = make("p", { class: `standing ${state.calibrated ? "pass" : "undecided"}` },
    make("span", { class: "sign", "aria-hidden": "true" }), `${view.id}: ${state.n} of at least ${state.needed} good parts`);
  const meter = make("progress", { max: state.needed, value: Math.min(state.n, state.needed), "aria-label": "Good parts" });
  const text = state.calibrated ? words.promise(state) : `${capital(state.reason)}.`;
  const repeated = state.repeated ? [make("p", { class: "hint" }, `${state.repeated} of them are the same file as another: the rates then promise too much.`)] : [];
  return [title, ...(state.calibrated ? [] : [meter]), make("p", {}, text), ...repeated];
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
