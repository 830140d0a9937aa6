/** How numbers, sizes and dates are written. */

import { locale } from "./texts.js";

/** Return a share of 0 to 1 in per cent; null stays null. */
export const percent = (share) =>
  share === null || share === undefined
    ? null
    : new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(share);

/** Return a number of bytes, for people. */
export function fileSize(bytes) {
  const step = bytes < 1e3 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const digits = step > 1 && bytes / 1e3 ** step < 10 ? 1 : 0;
  return `${(bytes / 1e3 ** step).toLocaleString(locale, { maximumFractionDigits: digits })} ${["B", "kB", "MB", "GB"][step]}`;
}

/** Return a date of ISO 8601, or its year or month alone, for people; the time of a photo is the camera's own. */
export function shownDate(text) {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  if (!year || !/^\d{4}(-\d\d){0,2}([T ].*)?$/.test(text)) return text;
  if (!day) return monthName(text);
  const date = new Date(Date.UTC(year, month - 1, day));
  const time = /T(\d\d:\d\d)/.exec(text)?.[1];
  const words = date.toLocaleDateString(locale, { timeZone: "UTC", year: "numeric", month: "long", day: "numeric" });
  return time ? `${words}, ${time}` : words;
}

/** Return "May 2019" of "2019-05", and "2019" of "2019". */
export function monthName(text) {
  const [year, month] = text.split("-").map(Number);
  if (!month) return text;
  return new Date(Date.UTC(year, month - 1, 1)).toLocaleDateString(locale, {
    timeZone: "UTC",
    year: "numeric",
    month: "long",
  });
}
