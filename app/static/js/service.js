// The public HTTP API, and what can go wrong with it in a user's words.

const KEY = "clip-ad-key";
const WORDS = {
  400: "The file is damaged",
  401: "The key is not right",
  404: "The service does not know this part",
  413: "The picture is too large",
  415: "This is not a picture the service reads",
  422: "The service cannot take this",
  429: "The service is busy",
  500: "The service failed on this picture",
  503: "The service is not ready",
  504: "The service took too long",
};
const NOBODY = "The service does not answer";
const GATEWAY = new Set([502, 503, 504]);

/** What went wrong: `title` in the user's words, `detail` as the service says it. */
export class Refusal extends Error {
  constructor(status, detail, retryAfter = null, requestId = null) {
    super(detail);
    this.status = status;
    this.title = status === 0 ? NOBODY : (WORDS[status] ?? `The service answered ${status}`);
    this.detail = detail;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }

  get mayPass() {
    return this.status === 0 || this.status === 429 || GATEWAY.has(this.status);
  }
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
export const getCategory = (id) => request(`categories/${encodeURIComponent(id)}`);

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

export function calibrate(id, files, signal) {
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name);
  return request(`categories/${encodeURIComponent(id)}/calibration`, { method: "POST", body: form, signal });
}

/** heatmap: `map` to lay over the picture, `overlay` where the browser cannot show the picture. */
export function predict(file, { category, method, heatmap }, signal) {
  const form = new FormData();
  form.append("image", file, file.name);
  form.append("category", category);
  if (method) form.append("method", method);
  return request(`predict?heatmap=${heatmap}`, { method: "POST", body: form, signal });
}

async function request(path, options = {}) {
  for (;;) {
    const sent = sessionStorage.getItem(KEY);
    const answer = await send(path, options, sent);
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const refusal = await refusalOf(answer);
    // Another request may have brought a new key meanwhile.
    const renewed = sessionStorage.getItem(KEY) !== sent;
    if (answer.status !== 401 || !(renewed || (await askForKey(sent !== null)))) throw refusal;
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

async function refusalOf(answer) {
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  try {
    const problem = await answer.json();
    return new Refusal(answer.status, problem.detail ?? problem.title, retryAfter, problem.request_id);
  } catch {
    return new Refusal(answer.status, `It gave no reason (${answer.status} ${answer.statusText}).`, retryAfter);
  }
}
