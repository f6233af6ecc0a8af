// Several pictures at once: all are asked about, few at a time, and none stops another.

import { byId, pause } from "./elements.js";
import { whyOutdated } from "./standing.js";
import * as words from "./words.js";

const AT_ONCE = 2;
const TRIES = 20;
const COUNTED = {
  pass: "passed", reject: "rejected", undecided: "not decided", outdated: "out of date", refused: "without an answer", stopped: "not asked",
};
const SETTLED = new Set(["answered", "refused"]);

/** ask(file, { category, method }, signal): the answer. question(): the fields as they stand, null
 * (and a word to the user) where they lack something. onAnswer(entry): one has its answer. */
export function installSeveral({ results, ask, question, onAnswer }) {
  const [panel, said, bar, stop, onward] = ["several", "several-said", "several-bar", "several-stop", "several-onward"].map(byId);
  let entries = []; // those the panel counts
  let workers = 0;
  let stopped = new AbortController();

  const waiting = () => entries.filter(({ state }) => state === "waiting");
  const unasked = () => entries.filter(({ state, error }) => state === "stopped" || (state === "refused" && (error.mayPass || error.status === 401)));
  const outdated = () => entries.filter(({ answer: found }) => found && whyOutdated(found));

  function begin() {
    if (stopped.signal.aborted) stopped = new AbortController();
    while (workers < AT_ONCE) {
      workers += 1;
      work(stopped.signal);
    }
    report();
  }

  async function work(signal) {
    await null; // the first of them may yet be chosen
    for (let [entry] = waiting(); entry && !signal.aborted; [entry] = waiting()) {
      await answer(entry, signal);
      report();
    }
    workers -= 1;
    report();
  }

  async function answer(entry, signal) {
    results.change(entry, "asking");
    try {
      const found = await patiently(() => ask(entry.file, entry, signal), signal);
      if (entry.state === "asking") settle(entry, "answered", { answer: found });
    } catch (error) {
      if (entry.state !== "asking") return; // answered in another way meanwhile
      if (signal.aborted) return settle(entry, "stopped");
      settle(entry, "refused", { error });
      // Without a key there is no answer to any, and nobody wants to be asked for it time and again.
      if (error.status === 401) waiting().forEach((each) => settle(each, "refused", { error }));
    }
  }

  function settle(entry, ...how) {
    results.change(entry, ...how);
    entry.onSettled?.();
    if (entry.answer) onAnswer(entry);
  }

  /** After 429 nothing was computed, and there will be room. */
  async function patiently(work, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (error.status !== 429 || tries >= TRIES) throw error;
        await pause(error.retryAfter ?? 1, signal);
      }
    }
  }

  function report() {
    const busy = workers > 0;
    panel.hidden = entries.length === 0;
    bar.hidden = stop.hidden = !busy;
    bar.value = entries.filter(({ state }) => SETTLED.has(state)).length / Math.max(1, entries.length);
    const [others, again] = [unasked().length, outdated().length];
    onward.hidden = busy || others + again === 0;
    onward.textContent = again ? `Ask again about ${others + again}` : `Ask about the other ${others}`;
    const text = busy ? `Asking about ${entries.length} pictures …` : summary();
    if (said.textContent !== text) said.textContent = text; // it is read aloud: not at each step
  }

  function summary() {
    const counts = new Map();
    for (const { answer: found, state } of entries) {
      const decided = found && (whyOutdated(found) ? "outdated" : words.decision(found.prediction).state);
      const kind = COUNTED[decided ?? state];
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return `${entries.length} pictures: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}.`;
  }

  function goOn() {
    const asked = question();
    if (!asked) return;
    for (const entry of [...unasked(), ...outdated()]) {
      if (entry.category === "") Object.assign(entry, asked);
      results.change(entry, "waiting");
    }
    begin();
  }

  stop.addEventListener("click", () => {
    stopped.abort();
    waiting().forEach((entry) => settle(entry, "stopped"));
  });
  onward.addEventListener("click", goOn);

  return {
    /** They are listed at once. asked: the fields; null: they wait for the part's name. */
    add(files, asked) {
      if (workers === 0) entries = unasked();
      const added = results.addAll(files, asked ?? { category: "", method: "" }, asked ? "waiting" : "stopped");
      entries.push(...added);
      if (asked) begin();
      else report();
      return added;
    },
    /** What has waited for a name is asked now. Returns the first of it, or null. */
    name() {
      const [first] = entries.filter(({ category }) => category === "");
      if (first) goOn();
      return first ?? null;
    },
    isUnderWay: ({ state }) => state === "waiting" || state === "asking",
    /** The next of all. Resolves when it has its answer or none. */
    soon(entry) {
      entries = [entry, ...entries.filter((each) => each !== entry)];
      return new Promise((resolve) => {
        entry.onSettled = resolve;
      });
    },
    /** One of them may have been answered otherwise, or hold no more. */
    report,
  };
}
