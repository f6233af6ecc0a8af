// Calibrating the chosen category: its state, good pictures sent few by few, alpha.

import { byId, make, refusalText } from "./elements.js";
import { installDrop } from "./picture.js";
import { calibrate, clearCalibration, putCategory } from "./service.js";
import * as words from "./words.js";

const AT_ONCE = 4; // pictures in a request: few enough to see progress and to stop in between
const TRIES = 20;

/** category(): the chosen one's id, or "". onChange(): something about it has changed. */
export function installCalibration({ category, onChange, onTrouble }) {
  const [progress, bar, said, problems] =
    ["calibration-progress", "calibration-bar", "calibration-said", "calibration-problems"].map(byId);
  let stopped = null;

  async function send(files) {
    const id = category();
    if (!id) return byId("category").reportValidity();
    if (stopped) return;
    stopped = new AbortController();
    problems.replaceChildren();
    progress.hidden = false;
    let sent = 0;
    try {
      for (; sent < files.length && !stopped.signal.aborted; sent += AT_ONCE) {
        bar.value = sent / files.length;
        said.textContent = `${sent} of ${files.length} measured`;
        const answer = await patiently(() => calibrate(id, files.slice(sent, sent + AT_ONCE), stopped.signal));
        for (const entry of answer.entries) {
          if (entry.problem) problems.append(make("li", {}, `${entry.filename}: ${entry.problem.detail}`));
        }
        onChange();
      }
    } catch (error) {
      if (error.name !== "AbortError") problems.append(make("li", {}, ...refusalText(error)));
    } finally {
      stopped = null;
      progress.hidden = true;
      onChange();
    }
  }

  async function patiently(work) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error.status === 429 || error.status === 503) || tries >= TRIES) throw error;
        said.textContent = `${error.title}; waiting`;
        await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter ?? 1)));
        stopped?.signal.throwIfAborted();
      }
    }
  }

  installDrop(byId("drop-good"), byId("pick-good"), byId("files-good"), send);
  byId("calibration-stop").addEventListener("click", () => stopped?.abort());
  byId("calibration-clear").addEventListener("click", async () => {
    const id = category();
    if (!window.confirm(`Forget all good parts of “${id}”? Nothing will be decided until there are new ones.`)) return;
    await clearCalibration(id).catch(onTrouble);
    onChange();
  });
  byId("alpha-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const id = category();
    if (!id) return byId("category").reportValidity();
    await putCategory(id, { alpha: Number(byId("alpha").value) / 100 }).catch(onTrouble);
    onChange();
  });
}

/** view: as `/categories/{id}` has it, or null where nothing is known of it. */
export function showCalibration(view, method) {
  const state = view?.calibrations.find((each) => each.method === method) ?? view?.calibrations[0];
  byId("calibration-state").replaceChildren(...sentences(view, state));
  byId("calibration-clear").hidden = !state || state.n + state.outdated === 0;
  if (document.activeElement !== byId("alpha")) byId("alpha").value = (100 * (view?.alpha ?? 0.05)).toPrecision(3) / 1;
  return state;
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
