// What an answer means, in words and bars.

import { byId, make, refusalText } from "./elements.js";
import * as words from "./words.js";

export function showVerdict(prediction, standing) {
  const { state, title } = words.decision(prediction);
  const regions = prediction.regions.map((region) => make("li", {}, words.place(region, prediction.image)));
  byId("verdict").replaceChildren(
    make("p", { class: `decision ${state}` }, make("span", { class: "sign", "aria-hidden": "true" }), title),
    ...reasons(prediction, standing),
    scale(prediction),
    facts(prediction),
    ...(regions.length ? [make("h3", {}, "Where it stands out"), make("ol", { class: "regions" }, ...regions)] : []),
    ...notes(prediction),
  );
}

export function showRefusal(error) {
  byId("verdict").replaceChildren(make("p", { class: "refusal" }, ...refusalText(error)));
}

export function showWaiting(text) {
  byId("verdict").replaceChildren(make("p", { class: "hint" }, text));
}

function reasons(prediction, standing) {
  if (prediction.is_anomalous === null) {
    const why = standing?.reason ?? "this part is not calibrated";
    return [make("p", {}, `A score alone decides nothing: ${why}. Add good parts below.`)];
  }
  return [make("p", {}, words.rarity(prediction.p_value, standing?.n))];
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
