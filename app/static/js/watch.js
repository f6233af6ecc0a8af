// Others change what the service decides by, too: it is looked at again now and then.

const EVERY_S = 15;

/** look(): what to do then; never while the page is hidden, and at once when it is not any more. */
export function installWatch(look) {
  const ifSeen = () => document.visibilityState === "visible" && look();
  setInterval(ifSeen, 1000 * EVERY_S);
  document.addEventListener("visibilitychange", ifSeen);
  window.addEventListener("focus", ifSeen);
}
