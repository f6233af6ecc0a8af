// Others change what the service decides by, too: it is looked at again now and then.

const EVERY_S = 15;

/** look(): what to do then; never while the page is hidden, and at once when it is not any more. */
export function installWatch(look) {
  let looking = false; // a service that hangs is not asked more and more
  async function ifSeen() {
    if (looking || document.visibilityState !== "visible") return;
    looking = true;
    await look().finally(() => {
      looking = false;
    });
  }
  setInterval(ifSeen, 1000 * EVERY_S);
  document.addEventListener("visibilitychange", ifSeen);
  window.addEventListener("focus", ifSeen);
}
