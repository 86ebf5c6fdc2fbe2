// Everything that is asked of the server: JSON, uploads with their progress, live events.

/** What is said while nothing can be heard of the server. */
export const LOST = "The server cannot be reached. This goes on as soon as it answers again.";

/** The server's own sentence about what it refused. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The JSON behind an address. */
export async function getJson(url) {
  return answered(await reached(url));
}

/** The bytes of a listed file, as a Blob. */
export async function getBlob(url) {
  const response = await reached(url);
  if (!response.ok) await answered(response);
  return response.blob();
}

/** Cancel a job, or delete it with its files. */
export async function remove(url) {
  const response = await reached(url, { method: "DELETE" });
  if (!response.ok && response.status !== 404) await answered(response);
}

/**
 * Send a form and follow how much of it has left.
 *
 * @returns {{done: Promise<object>, abort: () => void}} the server's answer, and how to stop.
 */
export function send(url, form, onFraction = () => {}) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onFraction(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(parsed(request.responseText) ?? {});
      else reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new Refused(0, "The upload was stopped.")));
  });
  request.open("POST", url);
  request.send(form);
  return { done, abort: () => request.abort() };
}

/**
 * Follow server-sent events; the browser connects anew where the line breaks.
 *
 * @param {(last: object|null) => void} onEnd nothing more will come; null if the server has refused.
 * @param {(isLost: boolean) => void} onLost the line is broken, or stands again.
 * @returns {() => void} stop listening.
 */
export function listen(url, onState, onEnd = () => {}, onLost = () => {}) {
  const source = new EventSource(url);
  source.addEventListener("open", () => onLost(false));
  source.addEventListener("error", () => {
    onLost(true);
    if (source.readyState === EventSource.CLOSED) onEnd(null);
  });
  source.addEventListener("progress", (event) => onState(JSON.parse(event.data)));
  source.addEventListener("end", (event) => {
    source.close();
    onEnd(parsed(event.data));
  });
  return () => source.close();
}

async function reached(url, options = {}) {
  try {
    return await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw unreachable();
  }
}

async function answered(response) {
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text, response.headers.get("Retry-After"));
  return parsed(text) ?? {};
}

function refusal(status, text, retryAfter) {
  const said = parsed(text)?.error;
  const wait = status === 429 && retryAfter ? ` Try again in ${retryAfter} seconds.` : "";
  if (said?.message) return new Refused(status, said.message);
  return new Refused(status, `The server answered with code ${status}.${wait}`);
}

function unreachable() {
  return new Refused(0, "The server cannot be reached. Is the program still running?");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
