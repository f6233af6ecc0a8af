// What an answer means, in words and bars.

import { byId, make, refusalText } from "./elements.js";
import * as words from "./words.js";

export function showVerdict(prediction, standing) {
  const { state, title } = words.decision(prediction);
  const regions = prediction.regions.map((region) => make("li", {}, words.place(region, prediction.image)));
  byId("verdict").replaceChildren(
    make("p", { class: `decision ${state}` }, make("span", { class: "sign", "aria-hidden": "true" }), title),
    make("p", { class: "reason" }, reason(prediction, standing)),
    scale(prediction),
    facts(prediction),
    ...(regions.length ? [make("h3", {}, "Where it stands out"), make("ol", { class: "regions" }, ...regions)] : []),
    ...notes(prediction),
  );
}

/** What holds no more is not shown as a decision. again(): to be asked again. */
export function showOutdated(prediction, why, again) {
  const { title } = words.decision(prediction);
  const limit = prediction.anomaly_threshold === null ? "" : `, rejected above ${words.score(prediction.anomaly_threshold)}`;
  byId("verdict").replaceChildren(
    make("p", { class: "decision outdated" }, make("span", { class: "sign", "aria-hidden": "true" }), "Out of date"),
    make("p", {}, why),
    make("p", { class: "hint" }, `The answer before was “${title}”: score ${words.score(prediction.anomaly_score)}${limit}.`),
    button("Ask again", again),
  );
}

/** The reason of the verdict that is shown, where it has become another. */
export function showReason(prediction, standing) {
  const text = reason(prediction, standing);
  const shown = byId("verdict").querySelector(".reason");
  if (shown && shown.textContent !== text) shown.textContent = text;
}

/** again(): null where that would not help. */
export function showRefusal(error, again = null) {
  byId("verdict").replaceChildren(
    make("p", { class: "refusal" }, ...refusalText(error)),
    ...(again ? [button("Try again", again)] : []),
  );
}

function button(text, work) {
  const found = make("button", { type: "button" }, text);
  found.addEventListener("click", () => work());
  return found;
}

export function showWaiting(text) {
  byId("verdict").replaceChildren(make("p", { class: "hint" }, text));
}

function reason(prediction, standing) {
  if (prediction.is_anomalous === null) {
    const why = standing?.reason ?? "this part is not calibrated";
    return `A score alone decides nothing: ${why}. Add good parts below.`;
  }
  return words.rarity(prediction.p_value, standing?.n);
}

function scale(prediction) {
  const threshold = prediction.anomaly_threshold;
  const end = Math.max(1, prediction.anomaly_score, threshold ?? 0);
  const { text, map } = prediction.score_parts;
  const share = (value) => `${(100 * Math.max(0, value)) / end}%`;
  const bar = make("div", { class: "bar", "aria-hidden": "true" },
    sized(make("span", { class: "part text" }), share(text)),
    sized(make("span", { class: "part map" }), share(map)));
  if (threshold !== null) {
    const line = make("span", { class: "threshold" });
    line.style.left = share(threshold);
    bar.append(line);
  }
  return bar;
}

function sized(element, width) {
  element.style.width = width;
  return element;
}

function facts(prediction) {
  const rows = [
    ["Score", words.score(prediction.anomaly_score), "strong"],
    ["of it the whole picture", words.score(prediction.score_parts.text), "text"],
    ["of it the worst spot", words.score(prediction.score_parts.map), "map"],
  ];
  if (prediction.anomaly_threshold !== null) {
    rows.push(["Rejected above", words.score(prediction.anomaly_threshold), "limit"]);
    rows.push(["p-value", prediction.p_value.toPrecision(2), ""]);
  }
  return make("dl", { class: "facts" }, ...rows.flatMap(([name, value, kind]) =>
    [make("dt", { class: kind }, name), make("dd", {}, value)]));
}

function notes(prediction) {
  const said = [`Asked as “${prediction.object}”, ${prediction.image.width} × ${prediction.image.height} px, ` +
    `${Math.round(prediction.timing_ms.total)} ms.`];
  if (prediction.heatmap.scale === "per_image") {
    said.push("The colours run from this picture’s own lowest to its own highest value: a good part has a hottest spot too.");
  }
  if (prediction.image.first_of_several) said.push("The file has several pictures; the first was looked at.");
  return said.map((text) => make("p", { class: "hint" }, text));
}
