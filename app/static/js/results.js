// The questions of this page with their answers: a list with small pictures, a filter, and a file.

import { byId, make } from "./elements.js";
import { isSamePart, whyOutdated } from "./standing.js";
import * as words from "./words.js";

const MOST = 200; // more where more are asked at once
const WITH_HEATMAP = 50; // the others are asked again when they are to be seen
const SIDE = 64;
const BOM = "\ufeff"; // without it Excel takes UTF-8 for something else
const COLUMNS = ["time", "file", "category", "object", "method", "anomaly_score", "anomaly_threshold", "p_value", "decision", "request_id", "outdated", "problem"];
const WITHOUT = { waiting: "Waiting", asking: "Looking …", stopped: "Not asked", refused: "No answer" };
const UNDER_WAY = new Set(["waiting", "asking"]);

/** An entry: { file, category, method, state, answer, error, time }; state: `answered`, where it has
 * an answer, or one of WITHOUT. onOpen(entry): the user wants to see one of them. */
export function installResults(onOpen) {
  const [table, empty, filter, search, csv] = ["results", "results-empty", "filter", "search", "csv"].map(byId);
  const body = table.querySelector("tbody");
  let entries = [];

  function paint() {
    const wanted = search.value.trim().toLowerCase();
    const found = entries.filter(({ kind, category, answer, file }) =>
      (filter.value === "all" || kind === filter.value) &&
      `${category} ${answer?.prediction.object ?? ""} ${file.name}`.toLowerCase().includes(wanted));
    const focused = document.activeElement;
    body.replaceChildren(...found.map((entry) => entry.row));
    if (body.contains(focused)) focused.focus({ preventScroll: true });
    table.hidden = found.length === 0;
    empty.hidden = found.length > 0;
    if (entries.length) empty.textContent = "No result matches.";
    csv.disabled = !found.some(isSettled);
    return found;
  }

  function repaint(entry) {
    describe(entry);
    if (filter.value !== "all" || search.value.trim()) paint();
    else if (isSettled(entry)) csv.disabled = false;
  }

  function describe(entry) {
    const { file, category, state, answer, error, row } = entry;
    const decided = answer && words.decision(answer.prediction);
    const why = answer && whyOutdated(answer);
    entry.kind = why ? "outdated" : (decided?.state ?? "none");
    const score = answer ? words.score(answer.prediction.anomaly_score) : "";
    const text = decided?.title ?? WITHOUT[state];
    const said = [file.name, category, entry.kind, text, why, score, words.clock(entry.time), error?.title].join("\n");
    if (said === entry.said) return;
    entry.said = said;
    entry.open.setAttribute("aria-label", answer ? `Show ${file.name} again` : `Show ${file.name}`);
    const [, time, part, number, decision] = row.children;
    time.textContent = words.clock(entry.time);
    part.replaceChildren(category, make("small", {}, file.name), ...(error ? [problem(error)] : []));
    number.textContent = score;
    decision.replaceChildren(make("span", { class: `tag ${entry.kind}` }, why ? "Out of date" : text),
      ...(why ? [make("small", {}, `${text} before. ${why}`)] : []));
  }

  function add(file, { category, method }, state) {
    const thumbnail = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    const open = make("button", { type: "button", class: "thumb" }, thumbnail);
    const row = make("tr", {}, make("td", {}, open), make("td"), make("td"), make("td", { class: "number" }), make("td"));
    const entry = { file, category, method, state, answer: null, error: null, time: new Date(), row, open, thumbnail };
    open.addEventListener("click", () => onOpen(entry));
    describe(entry);
    return entry;
  }

  function change(entry, state, { answer = null, error = null } = {}) {
    Object.assign(entry, { state, answer, error, time: new Date() });
    if (answer) {
      entry.method = answer.prediction.method;
      draw(answer.prediction.heatmap.blob, entry.thumbnail);
      forgetOldHeatmaps();
    }
    repaint(entry);
  }

  /** The entry of a question about a file; `method` is "" where it was left to the service. */
  function find(file, { category, method }) {
    return entries.find((each) => each.file === file && isSamePart(each.category, category) && (each.method === method || each.method === ""));
  }

  /** Newest first; what is under way stays. */
  function insert(added) {
    entries = [...added, ...entries];
    let room = Math.max(MOST, added.length);
    entries = entries.filter((entry) => {
      room -= 1;
      return room >= 0 || UNDER_WAY.has(entry.state);
    });
    paint();
  }

  function forgetOldHeatmaps() {
    const kept = entries.filter(({ answer }) => answer?.prediction.heatmap.blob).sort((one, other) => other.time - one.time);
    for (const { answer } of kept.slice(WITH_HEATMAP)) answer.prediction.heatmap.blob = null;
  }

  for (const field of [filter, search]) field.addEventListener("input", paint);
  csv.addEventListener("click", () => save(paint().filter(isSettled)));

  return {
    /** The parts that are decided about in the list, each once. */
    parts: () => [...new Set(entries.filter(({ answer }) => answer).map(({ category }) => category))],
    change,
    /** Files that are all to be asked about, as entries in their order. */
    addAll(files, question, state) {
      const added = files.map((file) => add(file, question, state));
      insert(added);
      return added;
    },
    /** An answer to the question about a file: in the place of an earlier one. */
    put(file, answer) {
      let entry = find(file, answer.prediction);
      if (!entry) {
        entry = add(file, answer.prediction, "asking");
        insert([entry]);
      }
      change(entry, "answered", { answer });
    },
    /** There is none, which a listed question without one is told by. */
    fail(file, question, error) {
      const entry = find(file, question);
      if (entry && !entry.answer) change(entry, "refused", { error });
    },
    /** What the service decides by may have changed. */
    review() {
      entries.forEach(describe);
      if (filter.value !== "all") paint();
    },
  };
}

const isSettled = ({ state }) => state === "answered" || state === "refused";

const problem = (error) => make("small", { class: "problem" }, `${error.title}. `, make("span", {}, error.detail ?? error.message));

async function draw(blob, canvas) {
  const picture = await createImageBitmap(blob).catch(() => null);
  if (!picture) return;
  const scale = Math.max(SIDE / picture.width, SIDE / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  picture.close();
}

function save(entries) {
  const lines = entries.map(({ file, category, method, answer, error, kind, time }) => {
    const decision = answer ? words.decision(answer.prediction).state : "";
    const fields = { category, method, ...answer?.prediction, time: time.toISOString(), file: file.name, decision,
      outdated: answer ? kind === "outdated" : null, problem: error && `${error.title}: ${error.detail ?? error.message}` };
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
