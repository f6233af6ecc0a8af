// Figures in plain words. Knows nothing of the page.

import { asHigh } from "./standing.js";

export function score(value) {
  return value.toFixed(3);
}

/** At most so many digits behind the point, at least one. */
export function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits).replace(/\.?0+$/, "")} %`;
}

/** How many of n good parts scored as high; where n is not known, how often one would: the p-value
 * of split conformal prediction, (1 + as high) / (n + 1). */
export function rarity(p, n) {
  const count = n ? asHigh(p, n) : null;
  if (count !== null) {
    return count === 0
      ? `None of the ${n} good parts scored this high.`
      : `Of the ${n} good parts ${count} scored this high or higher.`;
  }
  const inHundred = 100 * p;
  if (p < 1 && inHundred >= 99.5) return "Nearly every good part of the calibration scored at least as high.";
  if (p >= 1) return "Every good part of the calibration scored at least as high.";
  const times = inHundred >= 10 ? inHundred.toFixed(0) : inHundred.toPrecision(2).replace(/\.0$/, "");
  return `A good part would score this high about ${times} ${times === "1" ? "time" : "times"} in 100.`;
}

export function decision(prediction) {
  if (prediction.is_anomalous === null) return { state: "undecided", title: "Not decided" };
  return prediction.is_anomalous
    ? { state: "reject", title: "Reject" }
    : { state: "pass", title: "Pass" };
}

export function place(region, image) {
  const [x0, y0, x1, y1] = region.box;
  const column = third((x0 + x1) / 2 / image.width, ["left", "centre", "right"]);
  const row = third((y0 + y1) / 2 / image.height, ["top", "middle", "bottom"]);
  const where = row === "middle" && column === "centre" ? "centre" : `${row} ${column}`;
  return `${where}, ${x1 - x0} × ${y1 - y0} px, ${percent(region.area, 2)} of the picture`;
}

function third(share, names) {
  return names[Math.min(2, Math.floor(3 * share))];
}

export function promise(state) {
  const average = percent(state.expected_rate);
  const sure = percent(state.rate_95);
  return `Of good parts like these, ${average} are rejected on average over such calibrations; ` +
    `of 100 such calibrations, 95 reject no more than ${sure}.`;
}

export function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
