// The picture on the stage and the question about it: what the user wants next ends what was before.

import { byId } from "./elements.js";
import { predict } from "./service.js";
import { installSeveral } from "./several.js";
import { installShown } from "./shown.js";
import { knownModel, whyOutdated } from "./standing.js";

const NARROW = "(max-width: 700px)";
const TRIES = 3; // where what decides changes while a question is under way

/** onStage(isReady): what is on the stage has changed; whether it is there to be seen. */
export function installInspecting({ stage, part, model, results, onStage }) {
  let current = null; // { file, shown }: shown resolves to whether the browser shows it as the service sees it
  let turn = new AbortController(); // of what the user wanted last
  let asked = null; // the part last asked for
  const answer = installShown({ stage, part, onAgain: ask });
  const several = installSeveral({ results, ask: answerTo, question: () => (part.isValid() ? fields() : null), onAnswer });

  const fields = () => ({ category: part.id(), method: model.method() });

  /** The answer to what was wanted before must not be laid over the new. */
  function begin() {
    turn.abort();
    turn = new AbortController();
    stage.busy(false);
    return turn.signal;
  }

  /** picked: files, or a promise of one. name: what a sample shows, else null. */
  async function choose(picked, name) {
    const signal = begin();
    let files;
    try {
      files = [await picked].flat();
    } catch (error) {
      if (!signal.aborted) answer.refuse(error);
      return;
    }
    if (signal.aborted) return;
    if (files.length > 1) return chooseSeveral(files);
    if (name !== null) part.name(name);
    answer.wait("Opening the picture …");
    const chosen = putOnStage(files[0]);
    await chosen.shown;
    if (chosen === current && part.id()) lookAtStage();
    if (!signal.aborted) await ask();
  }

  function chooseSeveral(files) {
    const named = part.isValid();
    const [first] = several.add(files, named ? fields() : null);
    if (named) return open(first);
    putOnStage(files[0]);
    answer.wait(`Say what is on the ${files.length} pictures.`);
  }

  function putOnStage(file) {
    const chosen = { file, shown: stage.show(file) };
    current = chosen;
    onStage(false);
    chosen.shown.then(() => chosen === current && onStage(true));
    return chosen;
  }

  async function ask() {
    const signal = begin();
    if (!current) return;
    if (!part.isValid()) {
      stage.forget();
      return answer.wait("Say what is on the picture.");
    }
    const question = current;
    const words = fields();
    asked = words.category;
    stage.busy(true);
    answer.wait("Looking …");
    try {
      const found = await answerNow(question.file, words, signal);
      if (!signal.aborted) await show(found, question);
      if (!signal.aborted) results.put(question.file, found);
    } catch (error) {
      if (signal.aborted) return;
      results.fail(question.file, words, error);
      answer.refuse(error);
    } finally {
      several.report();
      if (!signal.aborted) stage.busy(false);
    }
  }

  /** One of the list was asked again: it takes the place of what is shown of it and holds no more. */
  function onAnswer(entry) {
    if (current?.file === entry.file && answer.isOutdated()) show(entry.answer, current);
  }

  async function answerTo(file, words, signal) {
    return { prediction: await predict(file, words, signal), askedOf: knownModel() };
  }

  /** An answer that holds when it comes, unless what decides changes all the time. */
  async function answerNow(file, words, signal) {
    for (let tries = 1; ; tries += 1) {
      const found = await answerTo(file, words, signal);
      await part.refresh();
      if (signal.aborted || tries === TRIES || whyOutdated(found) === null) return found;
    }
  }

  async function show(found, question) {
    const readable = (await question.shown) && stage.fits(found.prediction.image); // else it is turned or cut otherwise
    if (question !== current) return;
    await answer.show(found, readable);
    if (question === current) onStage(true);
  }

  /** One of the list: its answer, or, where that holds no more, another. */
  async function open(entry) {
    const signal = begin();
    const waited = several.isUnderWay(entry);
    if (entry.category) part.name(entry.category);
    else if (part.isValid()) Object.assign(entry, fields());
    if (entry.method) model.choose(entry.method);
    asked = part.id();
    answer.wait("Opening the picture …");
    const chosen = putOnStage(entry.file);
    await Promise.all([chosen.shown, part.refresh()]);
    if (signal.aborted) return;
    lookAtStage();
    if (several.isUnderWay(entry)) await waitFor(entry, signal);
    if (signal.aborted) return;
    const { state, answer: found, error } = entry;
    if (found?.prediction.heatmap.blob && whyOutdated(found) === null) await show(found, chosen);
    else if (state === "refused" && (waited || !error.mayPass)) answer.refuse(error);
    else if (state === "stopped" && waited) answer.wait("Not asked.");
    else await ask();
  }

  async function waitFor(entry, signal) {
    stage.busy(true);
    answer.wait("Looking …");
    await several.soon(entry);
    if (signal.aborted) return;
    await part.refresh();
    if (!signal.aborted) stage.busy(false);
  }

  /** On a narrow screen the picture lies below what was clicked. */
  function lookAtStage() {
    if (window.matchMedia(NARROW).matches) byId("stage").scrollIntoView({ block: "center" });
  }

  return {
    choose,
    ask,
    open,
    review() {
      answer.review();
      several.report();
    },
    /** The user has said what is on it: what waited for that is asked. */
    askNamed() {
      const first = part.isNamed() ? several.name() : null;
      return first ? open(first) : ask();
    },
    /** Tells whether the user has wanted something else, or asked about this part, since. */
    pending() {
      const { signal } = turn;
      return () => !signal.aborted && part.id() !== asked;
    },
    /** The user has changed what decides, and looks at an answer from before. */
    async askIfOutdated() {
      if (answer.isOutdated()) await ask();
    },
  };
}
