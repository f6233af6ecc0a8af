// The answer that is shown, on the stage and in words: never one that the service would not give now.

import { isSamePart, standingOf, whyOutdated } from "./standing.js";
import { showOutdated, showReason, showRefusal, showVerdict, showWaiting } from "./verdict.js";

/** part: the one in the field. onAgain(): the user wants it asked again. */
export function installShown({ stage, part, onAgain }) {
  let answer = null; // { prediction, askedOf, n }, as `standing.js` compares it
  let why = null; // it is out of date, if it is
  let latest = 0; // what comes later takes the place of what is still being drawn

  const isOfPart = () => isSamePart(part.id(), answer.prediction.category);

  function withdraw() {
    latest += 1;
    answer = null;
    why = null;
  }

  /** Something may have changed. */
  function review() {
    if (!answer) return;
    const { prediction } = answer;
    const before = why;
    why = isOfPart() ? whyOutdated(answer) : `It was asked as “${prediction.category}”.`;
    if (why === null && before === null) return showReason(prediction, standingOf(prediction));
    if (why === before) return;
    stage.outdate(why !== null);
    if (why) showOutdated(prediction, why, onAgain);
    else showVerdict(prediction, standingOf(prediction));
  }

  return {
    /** Resolves when all of it is to be seen, or something else has come. */
    async show(found, readable) {
      withdraw();
      const mine = latest;
      await stage.answer(found.prediction, readable);
      if (mine !== latest) return;
      const standing = standingOf(found.prediction);
      found.n ??= standing?.n;
      answer = found;
      showVerdict(found.prediction, standing);
      review();
    },
    wait(text) {
      withdraw();
      showWaiting(text);
    },
    refuse(error) {
      withdraw();
      stage.forget();
      showRefusal(error, error.mayPass ? onAgain : null);
    },
    review,
    /** Whether this very question would be answered otherwise now. */
    isOutdated: () => answer !== null && isOfPart() && whyOutdated(answer) !== null,
  };
}
