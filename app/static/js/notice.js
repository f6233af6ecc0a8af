// The red line at the top: one sentence for each thing that went wrong, until that thing succeeds.

import { byId, make, refusalText } from "./elements.js";

const troubles = new Map();

/** topic: what was tried; error: why it failed, null once it has succeeded. */
export function notify(topic, error) {
  if (error) troubles.set(topic, error);
  else if (!troubles.delete(topic)) return;
  byId("notice").replaceChildren(...[...troubles.values()].map((each) => make("p", {}, ...refusalText(each))));
  byId("notice").hidden = troubles.size === 0;
}
