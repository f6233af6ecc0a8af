// What the service was last known to decide by, and whether an answer still rests on it.
// Knows nothing of the page.

const views = new Map(); // of parts, by the service's own names for them
const names = new Map(); // as they were looked up, to the service's own
let model = null; // the fingerprint of the one that is served

const plain = (name) => name.trim().normalize("NFC").toLowerCase();
const own = (name) => names.get(plain(name)) ?? plain(name);

/** Which names are one part only the service knows: it is asked, its rule is not written again here. */
export const isSamePart = (one, other) => own(one) === own(other);

/** view: as `/categories/{id}` has it. */
export function learnPart(name, view) {
  names.set(plain(name), plain(view.id));
  views.set(plain(view.id), view);
}

export function learnModel(fingerprint) {
  model = fingerprint;
}

export const knownModel = () => model;

/** Of a category's calibrations the method's, or the first. */
export function stateOf(view, method) {
  return view?.calibrations.find((each) => each.method === method) ?? view?.calibrations[0];
}

/** The calibration an answer rests on, as far as it is known. */
export const standingOf = ({ category, method }) => stateOf(views.get(own(category)), method);

/** Why the service would not say the same now; null where it would, as far as is known.
 * askedOf: the model's fingerprint then, null where that was not known yet. n: the good parts it was said to rest on, if it was said. */
export function whyOutdated({ prediction, askedOf, n }) {
  if (askedOf !== null && askedOf !== model) return "The service has another model now.";
  const view = views.get(own(prediction.category));
  if (!view) return null;
  if (view.fingerprint && view.fingerprint !== prediction.model.fingerprint) {
    return "Its words, its region or the model have changed since.";
  }
  return restsOn(prediction, stateOf(view, prediction.method), n) ? null : "The good parts or the rate have changed since.";
}

function restsOn(prediction, state, n) {
  if (prediction.calibrated !== state.calibrated) return false;
  if (!prediction.calibrated) return true;
  return prediction.anomaly_threshold === state.anomaly_threshold && prediction.map_threshold === state.map_threshold &&
    (n ?? state.n) === state.n && asHigh(prediction.p_value, state.n) !== null;
}

/** How many of n good parts scored as high, by a p-value (1 + as high) / (n + 1); null where it is not of n. */
export function asHigh(p, n) {
  const count = p * (n + 1) - 1;
  return Math.abs(count - Math.round(count)) < 0.01 ? Math.round(count) : null;
}
