/** The page of photos: the results of a search or the whole library, with filters and the timeline. */

import { change, changeFilter, isSearch, readAddress } from "./address.js";
import { get, libraryUrl } from "./api.js";
import { fill, h, iconButton } from "./dom.js";
import { openDialog } from "./dialog.js";
import { filterChips, FilterPanel } from "./filters.js";
import { Grid } from "./grid.js";
import { judgeSearch, verdictOf } from "./judge.js";
import { loadResults, resultsKey, searchOf } from "./results.js";
import { sectionsOf } from "./sections.js";
import { emptyState, errorState } from "./states.js";
import { countLine, sortChoice, understoodChips, unknownWords } from "./summary.js";
import { t } from "./texts.js";
import { Timeline } from "./timeline.js";

/** The page with the grid. */
export class PhotosPage {
  /** @param {{reportBusy: (isBusy: boolean) => void, library: () => object}} frame What the page needs of its frame. */
  constructor(frame) {
    this.frame = frame;
    this.filters = new FilterPanel();
    this.timeline = new Timeline((when) => this.#jump(when));
    this.heading = h("h1.count", { tabindex: "-1", "aria-live": "polite" });
    this.tools = h("div.summary-tools");
    this.notes = h("div.summary-notes");
    this.canvas = h("div.canvas");
    this.state = h("div.state-place");
    const summary = h("header.summary", {}, h("div.summary-line", {}, this.heading, this.tools), this.notes);
    this.scroller = h("div.scroller", {}, summary, this.state, this.canvas);
    this.element = h("div.photos", {}, this.scroller, this.timeline.element);
    this.grid = new Grid(this.scroller, this.canvas, (first) => this.#atTop(first));
    this.places = new Map(); // where the grid was scrolled to, for Back
  }

  /** Show an address; nothing is fetched again where it shows the same results. */
  async show(address, { isBack = false, force = false } = {}) {
    const key = resultsKey(address);
    if (key === this.key && !force) return;
    if (this.key) this.places.set(this.key, [this.scroller.scrollTop, this.grid.active]);
    this.key = key;
    this.showsAll = this.showsUnlikely = false;
    this.loading?.abort();
    this.loading = new AbortController();
    this.frame.reportBusy(true);
    try {
      const [results] = await Promise.all([
        loadResults(address, { signal: this.loading.signal }),
        this.#showFacets(address),
      ]);
      if (key !== this.key) return;
      judgeSearch(isSearch(address) && !this.frame.library().read_only ? searchOf(address) : null);
      this.#showResults(address, results);
      if (isBack && this.places.has(key)) [this.scroller.scrollTop, this.grid.active] = this.places.get(key);
    } catch (error) {
      if (error.name !== "AbortError" && key === this.key) this.#showError(error);
    } finally {
      if (key === this.key) this.frame.reportBusy(false);
    }
  }

  /** Forget what is shown, so that the same address is fetched again. */
  reset() {
    this.key = null;
    this.places.clear();
  }

  /** Return the ids in their order, for the viewer. */
  get ids() {
    return this.shown?.ids ?? [];
  }

  /** Put the focus on an item's tile, or on the first. */
  focusItem(id) {
    const index = this.grid.indexOf(id);
    this.grid.focus(index < 0 ? this.grid.active : index);
  }

  /** Put the focus on the next result that has not been judged. */
  focusNextUnjudged() {
    const index = this.ids.findIndex((id, position) => position > this.grid.active && !verdictOf(id));
    if (index >= 0) this.grid.focus(index);
    else if (this.ids.length) this.grid.focus(0);
  }

  async #showFacets(address) {
    const values = new URLSearchParams({ filters: JSON.stringify(address.filters) });
    if (address.kind !== "all") values.set("kind", address.kind);
    if (this.facetsKey === `${address.library}?${values}`) return;
    const facets = await get(libraryUrl(`facets?${values}`), { signal: this.loading.signal });
    this.facetsKey = `${address.library}?${values}`;
    this.filters.show(address, facets);
    this.timeline.show(facets.years);
  }

  #showResults(address, results) {
    this.results = results;
    const isNothing = results.likely === 0 && !this.showsUnlikely;
    fill(this.state, isNothing ? emptyState(address, results, this.frame.library(), () => this.#showUnlikely()) : "");
    fill(this.heading, countLine(address, results));
    fill(this.tools, isNothing ? "" : sortChoice(address), this.#filterButton());
    fill(
      this.notes,
      unknownWords(address, results),
      h(
        "ul.chips",
        { role: "list", "aria-label": t("filters.set") },
        understoodChips(address, results),
        filterChips(address),
      ),
    );
    this.#showGrid();
  }

  #showGrid({ keep = false } = {}) {
    const { results } = this;
    const count = this.showsUnlikely ? results.ids.length : results.likely;
    this.shown = { ...results, ids: results.ids.slice(0, count), ratios: results.ratios.subarray(0, count) };
    const options = { showsUnlikely: this.showsUnlikely, width: this.canvas.clientWidth };
    const address = readAddress();
    this.grid.show(
      this.shown,
      sectionsOf(address, results, {
        ...options,
        onUnlikely: () => this.#showUnlikely(),
        onMore: () => this.#showMore(),
      }),
      { keep },
    );
    this.timeline.mark(null);
  }

  #showUnlikely() {
    this.showsUnlikely = true;
    fill(this.state);
    this.#showGrid({ keep: true });
    this.grid.focus(this.results.likely);
  }

  async #showMore() {
    this.frame.reportBusy(true);
    const key = this.key;
    try {
      const results = await loadResults(readAddress(), { all: true });
      if (key !== this.key) return;
      this.results = results;
      this.#showGrid({ keep: true });
    } catch (error) {
      this.#showError(error);
    } finally {
      this.frame.reportBusy(false);
    }
  }

  #showError(error) {
    fill(this.heading, t("page.photos"));
    fill(this.tools, this.#filterButton());
    fill(this.notes, h("ul.chips", { role: "list", "aria-label": t("filters.set") }, filterChips(readAddress())));
    this.shown = null;
    this.grid.show({ ids: [], ratios: new Float32Array(0), kinds: [], days: null }, []);
    fill(
      this.state,
      errorState(error, () => this.show(readAddress(), { force: true })),
    );
  }

  #filterButton() {
    return iconButton("filter", t("filters"), () => this.#openSheet(), { class: "narrow-only" });
  }

  #openSheet() {
    const place = this.filters.element.parentElement;
    const dialog = openDialog(t("filters"), this.filters.element);
    dialog.classList.add("sheet");
    dialog.addEventListener("close", () => place?.append(this.filters.element));
  }

  #jump(when) {
    const { sort } = readAddress();
    const isByDate = this.results?.days && ["", "-date", "date"].includes(sort);
    const index = isByDate ? this.results.days.findIndex((day) => day?.startsWith(when)) : -1;
    if (index < 0) return changeFilter("on", when);
    this.grid.reveal(index, { top: true });
    this.grid.active = index;
    return this.timeline.mark(this.results.days[index].slice(0, 7));
  }

  #atTop(first) {
    const day = this.results?.days?.[first];
    if (this.results?.days) this.timeline.mark(day ? day.slice(0, 7) : null);
  }
}

/** Search for what looks like an item. */
export function searchSimilar(id) {
  change({
    page: "photos",
    query: "",
    parts: [{ kind: "item_id", value: id, weight: 1 }],
    literal: false,
    item: null,
    sort: "",
  });
}
