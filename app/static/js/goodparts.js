// Good pictures on their way into a calibration: few at a time, and none twice.

import { byId, make, pause, refusalText } from "./elements.js";
import { canBeRead, canHash, sha256 } from "./files.js";
import { installDrop } from "./picture.js";
import { calibrate, getSamples } from "./service.js";

const AT_ONCE = 4; // pictures in a request: few enough to see progress and to stop in between
const TRIES = 20;

export function installGoodParts(part) {
  const [progress, bar, said] = ["progress", "bar", "said"].map((name) => byId(`calibration-${name}`));
  const [outcome, problems, onward] = ["outcome", "problems", "onward"].map((name) => byId(`calibration-${name}`));
  let stopped = null; // cancels the sending under way
  let left = null; // the sending that broke off

  function begin(files) {
    if (stopped || !part.isValid()) return;
    // answered: of how many the fate is known. doubtful: whether the next few may have been kept.
    send({ id: part.id(), files, answered: 0, measured: 0, doubtful: false });
  }

  async function send(job) {
    stopped = new AbortController();
    const { signal } = stopped;
    let failure = null;
    problems.replaceChildren();
    outcome.textContent = "";
    onward.hidden = true;
    progress.hidden = false;
    try {
      while (job.answered < job.files.length) {
        signal.throwIfAborted();
        bar.value = job.answered / job.files.length;
        said.textContent = `${job.answered} of ${job.files.length} measured`;
        await sendNext(job, signal);
        part.refresh();
      }
    } catch (error) {
      failure = error;
    }
    stopped = null;
    progress.hidden = true;
    conclude(job, failure, signal.aborted);
  }

  async function sendNext(job, signal) {
    const next = job.files.slice(job.answered, job.answered + AT_ONCE);
    const kept = job.doubtful ? new Set((await samplesOf(job.id)).map((each) => each.image_sha256)) : null;
    const wanted = [];
    let there = 0;
    for (const file of next) {
      if (!(await canBeRead(file))) complain(file.name, "This file can no longer be read");
      else if (kept?.has(await sha256(file))) there += 1;
      else wanted.push(file);
    }
    if (wanted.length) {
      const answer = await patiently(job, signal, () => calibrate(job.id, wanted, signal));
      for (const { filename, problem } of answer.entries) {
        if (problem) complain(filename, problem.detail);
      }
      job.measured += answer.added;
    }
    job.measured += there;
    job.answered += next.length;
    job.doubtful = false;
  }

  /** Only after 429 nothing can have been kept: whatever else is sent again may count twice. */
  async function patiently(job, signal, work) {
    for (let tries = 1; ; tries += 1) {
      job.doubtful = true;
      try {
        return await work();
      } catch (error) {
        job.doubtful = signal.aborted || error.mayBeDone;
        if (error.status !== 429 || tries >= TRIES) throw error;
        said.textContent = `${error.title}; waiting`;
        await pause(error.retryAfter ?? 1, signal);
      }
    }
  }

  function conclude(job, failure, byUser) {
    const rest = job.files.length - job.answered;
    const sentences = [`“${job.id}”: ${job.measured} of ${job.files.length} pictures were measured.`];
    if (failure && !byUser) complain(...refusalText(failure));
    if (job.doubtful) {
      const few = Math.min(AT_ONCE, rest);
      sentences.push(`The ${few === 1 ? "next one" : `next ${few}`} may or may not have been kept.`);
      count(job);
    }
    const canGoOn = rest > 0 && (byUser || failure?.mayPass || job.doubtful);
    if (canGoOn && job.doubtful && !canHash()) sentences.push("Look at the count before you send them again: the same picture must not count twice.");
    outcome.textContent = sentences.join(" ");
    left = job;
    onward.textContent = `Go on with the other ${rest}`;
    onward.hidden = !canGoOn || (job.doubtful && !canHash());
    part.changed(job.id);
  }

  async function count(job) {
    const samples = await samplesOf(job.id).catch(() => null);
    if (samples && left === job && !stopped) outcome.append(` The service has ${samples.length} good parts of it now.`);
  }

  function complain(name, ...details) {
    const text = typeof name === "string" ? [`${name}: `, ...details] : [name, ...details];
    problems.append(make("li", {}, ...text));
  }

  installDrop(byId("drop-good"), byId("pick-good"), byId("files-good"), begin);
  byId("calibration-stop").addEventListener("click", () => stopped?.abort());
  onward.addEventListener("click", () => !stopped && send(left));
}

async function samplesOf(id) {
  try {
    return (await getSamples(id)).samples;
  } catch (error) {
    if (error.status === 404) return []; // not even the part was kept
    throw error;
  }
}
