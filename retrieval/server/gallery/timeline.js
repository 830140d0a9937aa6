/** The timeline: years, and the months of the year that is looked at, with their counts. */

import { fill, h } from "./dom.js";
import { monthName } from "./numbers.js";
import { t } from "./texts.js";

/** A list at the side; a click on a year or month calls `onChoose` with "2019" or "2019-05". */
export class Timeline {
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.list = h("ol.years", { role: "list" });
    this.element = h("nav.timeline", { "aria-label": t("timeline") }, this.list);
  }

  /** Show years, newest first: [{value, count, months}]. */
  show(years) {
    this.years = [...years].sort((a, b) => (a.value < b.value ? 1 : -1));
    this.element.hidden = years.length === 0;
    this.current = null;
    this.rows = new Map();
    const most = Math.max(1, ...years.map(({ count }) => count));
    fill(
      this.list,
      this.years.map((year) => this.#year(year, most)),
    );
  }

  /** Mark the month that is looked at, "2019-05" or null; its year opens. */
  mark(month) {
    if (!this.rows || month === this.current) return;
    this.current = month;
    for (const [value, { row, months, button }] of this.rows) {
      const isHere = month?.startsWith(value) ?? false;
      months.hidden = !isHere;
      row.classList.toggle("here", isHere);
      if (isHere) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      for (const entry of months.querySelectorAll("button")) {
        entry.classList.toggle("here", entry.dataset.value === month);
      }
    }
    if (month) this.#reveal(this.rows.get(month.slice(0, 4))?.row);
  }

  /** Scroll so that a row is in the window; `scrollIntoView` would move the place that the Tab key goes on from. */
  #reveal(row) {
    if (!row) return;
    const { scrollTop, clientHeight } = this.element;
    const bottom = row.offsetTop + row.offsetHeight;
    if (row.offsetTop < scrollTop) this.element.scrollTop = row.offsetTop;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  #year({ value, count, months }, most) {
    const bar = h("span.year-bar", { "aria-hidden": "true" });
    bar.style.width = `${Math.max(6, (100 * count) / most)}%`;
    const button = h(
      "button.year",
      { type: "button", title: t("timeline.count", { n: count, when: value }), onclick: () => this.onChoose(value) },
      h("span", {}, value),
      bar,
    );
    const list = h(
      "ol.months",
      { role: "list", hidden: true },
      [...months].sort((a, b) => (a.value < b.value ? 1 : -1)).map((month) => this.#month(month)),
    );
    const row = h("li", {}, button, list);
    this.rows.set(value, { row, months: list, button });
    return row;
  }

  #month({ value, count }) {
    const name = monthName(value);
    return h(
      "li",
      {},
      h(
        "button.month",
        {
          type: "button",
          "data-value": value,
          title: t("timeline.count", { n: count, when: name }),
          onclick: () => this.onChoose(value),
        },
        h("span", {}, name.split(" ")[0]),
        h("span.facet-count", {}, count.toLocaleString()),
      ),
    );
  }
}
