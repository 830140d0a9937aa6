/** The HTTP API of `recall serve`. Every address is relative, so that a server behind a proxy's path works, too. */

import { t } from "./texts.js";

/** Return a message of the server as a sentence, which begins with a capital letter. */
export const sentence = (message) => message.charAt(0).toUpperCase() + message.slice(1);

/** What the server says went wrong: `message` is its sentence for people. */
export class ApiError extends Error {
  constructor(status, message) {
    super(sentence(message));
    this.status = status;
  }
}

let library = "";

/** Choose the library that calls without a library's name mean. */
export function useLibrary(name) {
  library = name;
}

/** Return the address of something of the present library. */
export const libraryUrl = (path) => `api/libraries/${encodeURIComponent(library)}/${path}`;

/** Return the address of a photo's thumbnail. */
export const thumbnailUrl = (itemId, size = "small") => libraryUrl(`items/${itemId}/thumbnail?size=${size}`);

/** Return the address of a photo's file. */
export const originalUrl = (itemId) => libraryUrl(`items/${itemId}/original`);

/** Return what a GET of an address answers, as values. */
export const get = (url, options = {}) => call(url, { ...options, method: "GET" });

/** Return what a POST with a JSON body answers, as values. */
export const post = (url, body, options = {}) => send("POST", url, body, options);

/** Return what a DELETE answers; a JSON body is sent if one is given. */
export const remove = (url, body) => send("DELETE", url, body);

/** Return the picture that a POST with a JSON body answers. */
export async function postForPicture(url, body) {
  const response = await fetchOrExplain(url, jsonRequest("POST", body));
  return response.blob();
}

/** Send a picture's file, and return its name on the server: {picture, width, height}. */
export function uploadPicture(file) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return call(libraryUrl("pictures"), { method: "POST", body: file, headers });
}

function send(method, url, body, options = {}) {
  return call(url, { ...options, ...(body === undefined ? { method } : jsonRequest(method, body)) });
}

function jsonRequest(method, body) {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

async function call(url, options) {
  const response = await fetchOrExplain(url, options);
  return response.status === 204 ? null : response.json();
}

async function fetchOrExplain(url, options) {
  let response;
  try {
    response = await fetch(url, { ...options, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, t("error.unreachable"));
  }
  if (!response.ok) throw new ApiError(response.status, await sentenceOf(response));
  return response;
}

async function sentenceOf(response) {
  if (response.status === 401) return t("error.session");
  try {
    const problem = await response.json();
    const first = problem.errors?.[0];
    return first?.detail && !problem.detail
      ? first.detail
      : problem.detail || problem.title || t("error.status", { n: response.status });
  } catch {
    return t("error.status", { n: response.status });
  }
}
