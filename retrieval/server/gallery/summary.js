/** What stands above the grid: how many results there are, what was understood of the words, and the order. */

import { change, isSearch } from "./address.js";
import { h } from "./dom.js";
import { chip } from "./filters.js";
import { t } from "./texts.js";

const LIST_ORDERS = ["-date", "date", "name", "-rating", "-added"];
const SEARCH_ORDERS = ["score", "-date", "date", "name"];

/** Return the number of results, for people. */
export function countLine(address, results) {
  if (results.isSearch) {
    const words = address.query ? t("count.for", { query: address.query }) : "";
    return [
      t(results.more ? "count.results-more" : "count.results", { n: results.likely }),
      words && h("span.quiet", {}, ` ${words}`),
    ];
  }
  const texts = results.kinds.reduce((sum, kind) => sum + (kind === "text"), 0);
  const photos = results.ids.length - texts;
  return [t("count.photos", { n: photos }), texts ? h("span.quiet", {}, ` ${t("count.texts", { n: texts })}`) : ""];
}

/** Return the choice of the order. */
export function sortChoice(address) {
  const orders = isSearch(address) ? SEARCH_ORDERS : LIST_ORDERS;
  const chosen = orders.includes(address.sort) ? address.sort : orders[0];
  const options = orders.map((order) => h("option", { value: order, selected: order === chosen }, t(`sort.${order}`)));
  const select = h(
    "select.input",
    { id: "sort", onchange: () => change({ sort: select.value === orders[0] ? "" : select.value, item: null }) },
    options,
  );
  return h("span.row", {}, h("label.quiet.wide-only", { for: "sort" }, t("sort")), setLabel(select));
}

function setLabel(select) {
  select.setAttribute("aria-label", t("sort"));
  return select;
}

/** Return a chip for each thing that was understood of the words; each can be taken as words instead. */
export function understoodChips(address, { understood }) {
  if (address.literal)
    return [
      chip(t("understood.literal"), () => change({ literal: false, item: null }), {
        label: t("understood.understand"),
      }),
    ];
  if (!understood) return [];
  const asWords = () => change({ literal: true, item: null });
  const make = (text) => chip(text, asWords, { label: t("understood.drop", { text }) });
  return [
    ...understood.filters.map((text) => make(text)),
    ...understood.excluded.map((text) => make(t("understood.excluded", { text }))),
    ...(understood.unmatched ?? []).map((text) => make(t("understood.unmatched", { text }))),
  ];
}

/** Return a line for words that the encoder does not know, with suggestions. */
export function unknownWords(address, { unknownWords: unknown }) {
  return Object.entries(unknown).map(([word, suggestions]) =>
    h(
      "p.note",
      {},
      t("unknown.word", { word }),
      suggestions.length ? ` ${t("unknown.suggest")} ` : "",
      suggestions.map((suggestion) => [replaceButton(address, word, suggestion), " "]),
    ),
  );
}

function replaceButton(address, word, suggestion) {
  const query = address.query.replaceAll(word, suggestion);
  return h("button.link-button", { type: "button", onclick: () => change({ query, item: null }) }, suggestion);
}
