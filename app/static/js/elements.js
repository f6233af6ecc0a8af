// Small help with the document.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; texts are never read as HTML. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An error as a notice: what happened, what the service says, and what may be done. */
export function refusalText(error) {
  const parts = [make("strong", {}, `${error.title ?? "Something went wrong in this page"}. `), error.detail ?? error.message];
  if (error.requestId) parts.push(" ", make("small", {}, `Request ${error.requestId}`));
  return parts;
}

/** Rejects at once with the signal's reason when that aborts. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

export function debounce(work, afterMs) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), afterMs);
  };
}
