/** Filters: the panel with counts, and the chips of those that are set. */

import { change, changeFilter, readAddress } from "./address.js";
import { button, fill, h, iconButton } from "./dom.js";
import { shownDate } from "./numbers.js";
import { t } from "./texts.js";

const SHOWN = 6; // values of a group before "more"

/** Facets, in their order: the name of the counts, and the condition that a value sets. */
const GROUPS = [
  ["places", "place"],
  ["people", "person"],
  ["tags", "tag"],
  ["ratings", "min_rating"],
  ["cameras", "camera"],
  ["lenses", "lens"],
  ["formats", "format"],
  ["folders", "folder"],
  ["collections", "collection"],
];

/** The panel at the side; on a phone a sheet. */
export class FilterPanel {
  constructor() {
    this.open = new Set(["places", "people", "tags", "ratings"]);
    this.full = new Set();
    this.groups = h("div.filter-groups");
    this.element = h("section.filters", { "aria-label": t("filters") }, this.groups);
  }

  /** Show the counts for an address. */
  show(address, facets) {
    this.address = address;
    this.facets = facets;
    fill(
      this.groups,
      this.#kinds(),
      this.#dates(),
      GROUPS.map(([name, condition]) => this.#group(name, condition)),
      this.#orientation(),
    );
  }

  #kinds() {
    const counts = Object.fromEntries(this.facets.kinds.map(({ value, count }) => [value, count]));
    if (!(counts.text && counts.photo) && this.address.kind === "all") return null;
    return this.#fieldset(
      "kind",
      [
        ["all", "kind.all"],
        ["photos", "kind.photos"],
        ["texts", "kind.texts"],
      ],
      this.address.kind,
      (value) => change({ kind: value, item: null }),
    );
  }

  #orientation() {
    const choices = [
      ["", "orientation.any"],
      ["landscape", "orientation.landscape"],
      ["portrait", "orientation.portrait"],
    ];
    return this.#fieldset("orientation", choices, this.address.filters.orientation ?? "", (value) =>
      changeFilter("orientation", value),
    );
  }

  #fieldset(name, choices, chosen, choose) {
    const buttons = choices.map(([value, text]) =>
      h(
        "button.segment",
        { type: "button", "aria-pressed": String(value === chosen), onclick: () => choose(value) },
        t(text),
      ),
    );
    return h("div.filter-group", { role: "group", "aria-label": t(`filter.${name}`) }, h("div.segments", {}, buttons));
  }

  #dates() {
    const field = (name) => {
      const id = `filter-${name}`;
      const value = /^\d{4}-\d\d-\d\d$/.test(this.address.filters[name] ?? "") ? this.address.filters[name] : "";
      const input = h("input.input", { type: "date", id, value, onchange: () => changeFilter(name, input.value) });
      return h("div.field", {}, h("label", { for: id }, t(`filter.${name}`)), input);
    };
    const years = [...this.facets.years].sort((a, b) => (a.value < b.value ? 1 : -1));
    return this.#details("dates", [
      h("div.fields", {}, field("after"), field("before")),
      this.#values("years", "on", years),
    ]);
  }

  #group(name, condition) {
    const values = facetValues(name, this.facets[name] ?? []);
    const chosen = this.address.filters[condition];
    if (!values.length && chosen === undefined) return null;
    if (chosen !== undefined && !values.some(({ value }) => String(value) === String(chosen)))
      values.unshift({ value: chosen, count: 0 });
    return this.#details(name, this.#values(name, condition, values));
  }

  #values(name, condition, values) {
    const chosen = this.address.filters[condition];
    const shown = this.full.has(name) ? values : values.slice(0, SHOWN);
    const rows = shown.map((value) => h("li", {}, this.#value(name, condition, value, chosen)));
    const more =
      values.length > shown.length &&
      h(
        "button.link-button",
        { type: "button", onclick: () => this.#showAll(name) },
        t("filter.more", { n: values.length - shown.length }),
      );
    return [h("ul.facets", { role: "list" }, rows), more];
  }

  #value(name, condition, { value, count }, chosen) {
    const wanted = condition === "min_rating" ? Number(value) : value;
    const isChosen = String(chosen) === String(wanted);
    return h(
      "button.facet",
      {
        type: "button",
        "aria-pressed": String(isChosen),
        title: String(value),
        onclick: () => changeFilter(condition, isChosen ? null : wanted),
      },
      h("span.facet-name", {}, facetName(name, value)),
      h("span.facet-count", {}, count.toLocaleString()),
    );
  }

  #details(name, content) {
    const details = h(
      "details.filter-group",
      { open: this.open.has(name) },
      h("summary", {}, t(`filter.${name}`)),
      content,
    );
    details.addEventListener("toggle", () => (details.open ? this.open.add(name) : this.open.delete(name)));
    return details;
  }

  #showAll(name) {
    this.full.add(name);
    this.show(this.address, this.facets);
  }
}

/** Return the values of a group that a filter can have; a rating means that one or a higher one. */
function facetValues(name, values) {
  const given = values.filter(({ value }) => value !== null && value !== "");
  if (name === "formats") return given.filter(({ value }) => value !== "text"); // the type says it
  if (name !== "ratings") return given;
  let sum = 0;
  const rated = given.filter(({ value }) => Number(value) >= 0).sort((a, b) => Number(b.value) - Number(a.value));
  return rated.map(({ value, count }) => ({ value, count: (sum += count) }));
}

function facetName(name, value) {
  if (name === "ratings") return t(Number(value) === 5 ? "filter.stars" : "filter.stars-more", { n: Number(value) });
  if (name === "folders") return value.split(/[\\/]/).filter(Boolean).slice(-2).join("/") || value;
  return String(value);
}

/** Return a chip for each condition of an address; each can be taken away. */
export function filterChips(address) {
  const chips = Object.entries(address.filters).map(([name, value]) => {
    const text = t(`filter.is-${name}`, { value: shownValue(name, value) });
    return chip(text, () => changeFilter(name, null));
  });
  if (address.kind !== "all") chips.push(chip(t(`kind.${address.kind}`), () => change({ kind: "all", item: null })));
  if (chips.length > 1)
    chips.push(
      h(
        "li",
        {},
        button(t("filter.clear"), () => change({ filters: {}, kind: "all", item: null })),
      ),
    );
  return chips;
}

/** Return a chip with a button that takes it away. */
export function chip(text, drop, { label = t("filter.drop", { text }), title = text } = {}) {
  return h("li.chip", { title }, h("span.chip-name", {}, text), iconButton("close", label, drop));
}

function shownValue(name, value) {
  if (name === "near") return t("filter.near-value", { km: Math.max(1, Math.round(value.km)), place: degrees(value) });
  if (["after", "before", "on"].includes(name)) return shownDate(value);
  if (name === "folder") return facetName("folders", value);
  return String(value);
}

/** Return a position in degrees, for people. */
export function degrees({ latitude, longitude }) {
  const side = (number, [positive, negative]) => `${Math.abs(number).toFixed(2)}° ${number < 0 ? negative : positive}`;
  return `${side(latitude, ["N", "S"])} ${side(longitude, ["E", "W"])}`;
}

/** Whether anything is filtered. */
export const isFiltered = (address = readAddress()) =>
  Object.keys(address.filters).length > 0 || address.kind !== "all";
