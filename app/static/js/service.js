// The public HTTP API, and what can go wrong with it in a user's words.

import { canBeRead } from "./files.js";

const KEY = "clip-ad-key";
const WORDS = {
  400: "The file is damaged",
  401: "The key is not right",
  404: "The service does not know this part",
  413: "The picture is too large",
  415: "This is not a picture the service reads",
  422: "The service cannot take this",
  429: "The service is busy",
  500: "The service failed",
  503: "The service is not ready",
  504: "The service took too long",
};
const KEYLESS = "The service asks for a key";
const NOBODY = "The service does not answer";
const NO_REASON = "It gave no reason.";
const ENDED = "The service's answer is not complete";
const GATEWAY = new Set([502, 503, 504]);

/** What went wrong: `title` in the user's words, `detail` as the service says it. */
export class Refusal extends Error {
  /** status: 0 where no whole answer came. */
  constructor(status, detail, { title = wordsFor(status), retryAfter = null, requestId = null, mayPass = null } = {}) {
    super(detail);
    Object.assign(this, { status, title, detail, retryAfter, requestId });
    this.mayPass = mayPass ?? (status === 0 || status === 429 || GATEWAY.has(status));
  }

  /** Whether the service may have done all the same what it was asked for. */
  get mayBeDone() {
    return this.status === 0 || this.status >= 500;
  }
}

function wordsFor(status) {
  return status === 0 ? NOBODY : (WORDS[status] ?? `The service answered ${status}`);
}

/** Asks the user for a key; set by whoever can. Resolves to false when there will be none. */
let askForKey = async () => false;

export function onKeyNeeded(ask) {
  askForKey = ask;
}

export function setKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

export const getModel = () => request("model");
export const getCategories = () => request("categories");

/** quietly: asks nobody for a key. */
export const getCategory = (id, quietly = false) => request(`categories/${encodeURIComponent(id)}`, {}, quietly);

export function putCategory(id, change) {
  return request(`categories/${encodeURIComponent(id)}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(change),
  });
}

export function clearCalibration(id) {
  return request(`categories/${encodeURIComponent(id)}/calibration`, { method: "DELETE" });
}

export const getSamples = (id) => request(`categories/${encodeURIComponent(id)}/calibration`);

export function calibrate(id, files, signal) {
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name);
  return request(`categories/${encodeURIComponent(id)}/calibration`, { method: "POST", body: form, signal });
}

/** The answer as the service gives it, its heatmap's `data` as a `blob`. */
export async function predict(file, { category, method }, signal) {
  const form = new FormData();
  form.append("image", file, file.name);
  form.append("category", category);
  if (method) form.append("method", method);
  try {
    const prediction = await request("predict?heatmap=overlay", { method: "POST", body: form, signal });
    return { ...prediction, heatmap: unpacked(prediction.heatmap) };
  } catch (error) {
    // A browser says of a file that is gone what it says of a service that is.
    if (error.status !== 0 || (await canBeRead(file))) throw error;
    const detail = `${file.name}: it was moved, deleted or changed, or is a folder. Choose it again.`;
    throw new Refusal(0, detail, { title: "This file can no longer be read", mayPass: false });
  }
}

/** Many are kept: as a blob the browser need not hold them in memory. */
function unpacked({ data, ...rest }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k += 1) bytes[k] = text.charCodeAt(k);
  return { ...rest, blob: new Blob([bytes], { type: rest.media_type }) };
}

async function request(path, options = {}, quietly = false) {
  for (;;) {
    const sent = sessionStorage.getItem(KEY);
    const answer = await send(path, options, sent);
    if (answer.ok) return contentOf(answer);
    const refusal = await refusalOf(answer, sent !== null);
    // Another request may have brought a new key meanwhile.
    const renewed = sessionStorage.getItem(KEY) !== sent;
    if (answer.status !== 401 || quietly || !(renewed || (await askForKey(sent !== null)))) throw refusal;
  }
}

async function send(path, options, key) {
  const headers = { Accept: "application/json", ...options.headers };
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "It may have stopped, or the network is down. Your picture is still here: try again.");
  }
}

async function contentOf(answer) {
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "It broke off, or something between here and the service changed it. Try again.", { title: ENDED });
  }
}

async function refusalOf(answer, withKey) {
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  const title = answer.status === 401 && !withKey ? KEYLESS : undefined;
  try {
    const problem = await answer.json();
    return new Refusal(answer.status, problem.detail ?? problem.title ?? NO_REASON, { title, retryAfter, requestId: problem.request_id });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return new Refusal(answer.status, `It gave no reason (${answer.status} ${answer.statusText}).`, { title, retryAfter });
  }
}
