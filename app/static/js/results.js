// The last answers of this page: a list with small pictures, a filter, and a file.

import { byId, make } from "./elements.js";
import * as words from "./words.js";

const MOST = 50;
const SIDE = 64;
const BOM = "\ufeff"; // without it Excel takes UTF-8 for something else
const COLUMNS = ["time", "file", "category", "object", "method", "anomaly_score", "anomaly_threshold", "p_value", "decision", "request_id"];

/** onOpen(entry): the user wants to see one of them again. */
export function installResults(onOpen) {
  const [table, empty, filter, search, csv] = ["results", "results-empty", "filter", "search", "csv"].map(byId);
  const body = table.querySelector("tbody");
  let entries = [];

  function shown() {
    const wanted = search.value.trim().toLowerCase();
    return entries.filter(({ prediction, file }) =>
      (filter.value === "all" || words.decision(prediction).state === filter.value) &&
      `${prediction.category} ${prediction.object} ${file.name}`.toLowerCase().includes(wanted));
  }

  function paint() {
    const rows = shown();
    body.replaceChildren(...rows.map(row));
    table.hidden = rows.length === 0;
    empty.hidden = rows.length > 0;
    if (entries.length) empty.textContent = "No result matches.";
    csv.disabled = rows.length === 0;
  }

  function row(entry) {
    const { state, title } = words.decision(entry.prediction);
    const open = make("button", { type: "button", class: "thumb", "aria-label": `Show ${entry.file.name} again` }, entry.thumbnail);
    open.addEventListener("click", () => onOpen(entry));
    return make("tr", {},
      make("td", {}, open),
      make("td", {}, words.clock(entry.time)),
      make("td", {}, entry.prediction.category, make("small", {}, entry.file.name)),
      make("td", { class: "number" }, words.score(entry.prediction.anomaly_score)),
      make("td", {}, make("span", { class: `tag ${state}` }, title)));
  }

  for (const field of [filter, search]) field.addEventListener("input", paint);
  csv.addEventListener("click", () => save(shown()));

  return {
    add(file, prediction, readable, picture) {
      const thumbnail = thumbnailOf(picture);
      entries = [{ file, prediction, readable, thumbnail, time: new Date() }, ...entries].slice(0, MOST);
      paint();
    },
  };
}

function thumbnailOf(picture) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  if (!picture.naturalWidth) return canvas;
  const scale = Math.max(SIDE / picture.naturalWidth, SIDE / picture.naturalHeight);
  const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
  canvas.getContext("2d").drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  return canvas;
}

function save(entries) {
  const lines = entries.map(({ file, prediction, time }) => {
    const fields = { ...prediction, time: time.toISOString(), file: file.name, decision: words.decision(prediction).state };
    return COLUMNS.map((name) => cell(fields[name])).join(",");
  });
  const text = BOM + [COLUMNS.join(","), ...lines, ""].join("\r\n");
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "clip-ad-results.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A leading `'` keeps spreadsheets from running a file's name as a formula. */
function cell(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
