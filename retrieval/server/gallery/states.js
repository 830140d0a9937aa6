/** Empty and error states: what happened, and what to do. */

import { change, isSearch, readAddress } from "./address.js";
import { sentence } from "./api.js";
import { button, h, icon } from "./dom.js";
import { isFiltered } from "./filters.js";
import { t } from "./texts.js";

/** Return a state: an icon, a title, sentences and buttons. */
export function state(name, title, sentences, actions = []) {
  return h(
    "div.state",
    {},
    icon(name),
    h("h2", {}, title),
    [sentences]
      .flat()
      .filter(Boolean)
      .map((sentence) => (typeof sentence === "string" ? h("p", {}, sentence) : sentence)),
    actions.length ? h("div.row.centre", {}, actions) : "",
  );
}

/** Return what an empty grid says. */
export function emptyState(address, results, library, showUnlikely) {
  const clear = button(t("filter.clear"), () => change({ filters: {}, kind: "all", item: null }));
  const all = button(t("empty.all"), () =>
    change({ query: "", parts: [], filters: {}, kind: "all", literal: false, item: null }),
  );
  if (isSearch(address)) {
    const actions = [
      results.ids.length > 0 && button(t("empty.nearest"), showUnlikely),
      isFiltered(address) && clear,
      all,
    ];
    return state("search", t("empty.search"), [sentence(results.note ?? ""), t("empty.search-advice")], actions.filter(Boolean));
  }
  if (isFiltered(address)) return state("filter", t("empty.filtered"), t("empty.filtered-advice"), [clear]);
  const isEmpty = library.photos + library.texts === 0;
  return state(
    "photos",
    t("empty.library"),
    [isEmpty ? t("empty.library-advice") : "", h("pre.command", {}, h("code", {}, "recall index ~/Pictures"))],
    [button(t("page.indexing"), () => change({ page: "indexing" }))],
  );
}

/** Return what an error says, with a button that tries again. */
export function errorState(error, again) {
  const title =
    error.status === 0
      ? t("error.title-unreachable")
      : error.status === 401
        ? t("error.title-session")
        : t("error.title");
  const actions = [button(t("again"), again, { primary: true })];
  const isOfSearch = (error.status === 404 || error.status === 422) && readAddress().page === "photos";
  if (isOfSearch)
    actions.push(button(t("empty.all"), () => change({ query: "", parts: [], filters: {}, kind: "all", item: null })));
  const state_ = state("warning", title, error.message, actions);
  state_.setAttribute("role", "alert");
  return state_;
}
