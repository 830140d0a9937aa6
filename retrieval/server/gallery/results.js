/** What the grid shows: the results of a search, or all items of the library. */

import { get, libraryUrl, post } from "./api.js";
import { isSearch } from "./address.js";

const FIRST = 1000; // hits that are asked for first
const MOST = 5000; // the most that the server lists at once

/** Return the search of an address as the server takes it. */
export function searchOf(address) {
  const search = { filters: address.filters, kind: address.kind, literal: address.literal };
  if (address.query) search.query = address.query;
  if (address.parts.length) search.parts = address.parts.map(({ kind, value, weight }) => ({ [kind]: value, weight }));
  if (address.sort && address.sort !== "score") search.sort = address.sort;
  return search;
}

/** Return what makes two addresses show the same results. */
export const resultsKey = (address) => JSON.stringify([address.library, searchOf(address)]);

/**
 * Return the results of an address.
 * @returns {Promise<Results>} `ids`, `ratios`, `kinds` (of each), `days` (of all items only), `likely` (the first ones that
 *   are), and of a search `expected`, `understood`, `unknownWords`, `note` and `more`.
 */
export async function loadResults(address, { all = false, signal } = {}) {
  return isSearch(address) ? search(address, all, signal) : list(address, signal);
}

async function search(address, all, signal) {
  const body = { ...searchOf(address), k: all ? MOST : FIRST };
  const answer = await post(libraryUrl("search/layout"), body, { signal });
  return {
    ...columns(answer),
    isSearch: true,
    days: null,
    probabilities: answer.probabilities,
    likely: answer.likely,
    more: answer.more && !all,
    expected: answer.expected,
    understood: answer.understood,
    unknownWords: answer.unknown_words ?? {},
    note: answer.note,
  };
}

async function list(address, signal) {
  const values = new URLSearchParams({ filters: JSON.stringify(address.filters), sort: address.sort || "-date" });
  if (address.kind !== "all") values.set("kind", address.kind);
  const answer = await get(libraryUrl(`layout?${values}`), { signal });
  return {
    ...columns(answer),
    isSearch: false,
    days: answer.days,
    likely: answer.item_ids.length,
    more: false,
    unknownWords: {},
  };
}

function columns({ item_ids: ids, widths, heights, kinds }) {
  const ratios = new Float32Array(ids.length);
  for (let index = 0; index < ids.length; index += 1) {
    const isPhoto = kinds[index] === "photo";
    ratios[index] =
      isPhoto && widths[index] > 0 && heights[index] > 0 ? widths[index] / heights[index] : isPhoto ? 1 : 1.2;
  }
  return { ids, ratios, kinds };
}
