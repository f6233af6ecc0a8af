// The part in the field: its name, and what the service knows of it.

import { showCalibration } from "./calibration.js";
import { byId, debounce, make } from "./elements.js";
import { notify } from "./notice.js";
import { getCategory } from "./service.js";
import { isSamePart, learnPart, standingOf } from "./standing.js";

const NAME = /[\p{L}\p{N}]/u; // without one `..` would be looked up, another path of the service

/** method(): the chosen one. onKnown(view): as `/categories/{id}` has it, null where nothing is known.
 * onChanged(): something of a part was changed here. */
export function installPart({ method, onKnown, onChanged }) {
  const field = byId("category");
  let known = null;
  let latest = null; // the look-up begun last: an earlier one that answers later tells nothing

  const id = () => field.value.trim();
  const isNamed = () => NAME.test(field.value);

  function check() {
    field.setCustomValidity(field.value === "" || isNamed() ? "" : "A name has at least one letter or digit.");
  }

  /** quietly: nobody asked for it, so nobody is asked for a key. */
  function refresh(quietly = false) {
    const mine = look(id(), () => mine === latest, quietly);
    latest = mine;
    return mine;
  }

  async function look(name, isLatest, quietly) {
    if (!isNamed()) return describe(null);
    let view = null;
    let error = null;
    try {
      view = await getCategory(name, quietly);
    } catch (refusal) {
      error = refusal;
    }
    if (!error || error.status === 404) learnPart(name, view ?? unknown(name));
    if (!isLatest()) return latest;
    if (error && error.status !== 404) {
      // What was known is of another part by now.
      if (!known || !isSamePart(known.id, name)) describe(null);
      return notify("part", error.status === 422 ? null : error);
    }
    notify("part", null);
    return describe(view ?? unknown(name));
  }

  function describe(view) {
    known = view;
    if (view?.registered) suggest([view.id]);
    showCalibration(view, method());
    onKnown(view);
  }

  function suggest(ids) {
    const list = byId("categories");
    const there = new Set([...list.options].map((option) => option.value));
    list.append(...ids.filter((each) => !there.has(each)).map((value) => make("option", { value })));
  }

  /** What the service knows of a part that need not be the one in the field. */
  async function lookUp(name, quietly = false) {
    const view = await getCategory(name, quietly).catch(({ status }) => (status === 404 ? unknown(name) : null));
    if (view) learnPart(name, view);
  }

  async function changed(name) {
    await (isSamePart(name, id()) ? refresh() : lookUp(name));
    onChanged();
  }

  field.addEventListener("input", check);
  field.addEventListener("input", debounce(() => refresh(), 300));
  check();

  return {
    id,
    isNamed,
    refresh,
    lookUp,
    changed,
    suggest,
    name(text) {
      field.value = text;
      check();
    },
    /** Tells the user what the name lacks, if anything. */
    isValid: () => field.reportValidity(),
    /** Whether decisions may end, where there are some and a change asks for more good parts. */
    mayEnd(needed) {
      const state = standingOf({ category: id(), method: method() });
      if (!state?.calibrated || state.n >= needed) return true;
      const wanted = needed === Infinity ? "New good parts will be" : `At least ${needed} good parts will be`;
      return window.confirm(`“${known?.id ?? id()}” is decided by ${state.n} good parts now. ${wanted} needed; until then nothing is decided. Go on?`);
    },
  };
}

function unknown(id) {
  const none = { method: "", n: 0, needed: 19, outdated: 0, repeated: 0, calibrated: false, reason: "there are no good parts yet" };
  return { id, registered: false, alpha: 0.05, roi: null, calibrations: [none] };
}
