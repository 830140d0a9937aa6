/**
 * The address of the page: what is searched, filtered and opened. It stands behind `#`, which browsers send to no server,
 * so that searches are in no log; Back, Forward, bookmarks and sent links work because the page is drawn from it alone.
 */

/** The pages of the gallery. */
export const PAGES = ["photos", "map", "learning", "duplicates", "indexing"];

/** The conditions that the address may hold, by the names that the server has for them. */
export const FILTER_NAMES = [
  "folder",
  "after",
  "before",
  "on",
  "name",
  "format",
  "camera",
  "lens",
  "tag",
  "person",
  "place",
  "orientation",
  "min_rating",
  "collection",
  "near",
];

const EMPTY = { page: "photos", library: "", query: "", parts: [], literal: false, kind: "all", sort: "", item: null };
const PART_KINDS = { t: "text", i: "item_id", u: "picture" };
const PART_LETTERS = { text: "t", item_id: "i", picture: "u" };
const listeners = [];

/** Return the address as values. */
export function readAddress(hash = location.hash) {
  const [page, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const values = new URLSearchParams(search);
  const address = { ...EMPTY, page: PAGES.includes(page) ? page : "photos" };
  address.library = values.get("library") ?? "";
  address.query = values.get("q") ?? "";
  address.parts = values.getAll("part").map(readPart).filter(Boolean);
  address.literal = values.has("literal");
  address.kind = ["photos", "texts"].includes(values.get("kind")) ? values.get("kind") : "all";
  address.sort = values.get("sort") ?? "";
  address.item = /^\d+$/.test(values.get("item") ?? "") ? Number(values.get("item")) : null;
  address.filters = readFilters(values);
  return address;
}

function readPart(text) {
  const [letter, weight, ...rest] = text.split(":");
  const kind = PART_KINDS[letter];
  const value = rest.join(":");
  const number = Number(weight);
  if (!kind || !value || !Number.isFinite(number) || number === 0) return null;
  return { kind, value: kind === "item_id" ? Number(value) : value, weight: number };
}

function readFilters(values) {
  const filters = {};
  for (const name of FILTER_NAMES) {
    const value = values.get(name);
    if (value === null || value === "") continue;
    if (name === "near") {
      const [latitude, longitude, km] = value.split(",").map(Number);
      if ([latitude, longitude, km].every(Number.isFinite)) filters.near = { latitude, longitude, km };
    } else filters[name] = name === "min_rating" ? Number(value) : value;
  }
  return filters;
}

/** Return the text of an address, for links: `#/photos?q=dog`. */
export function writeAddress(address) {
  const values = new URLSearchParams();
  if (address.library) values.set("library", address.library);
  if (address.query) values.set("q", address.query);
  for (const { kind, value, weight } of address.parts)
    values.append("part", `${PART_LETTERS[kind]}:${weight}:${value}`);
  if (address.literal) values.set("literal", "1");
  if (address.kind !== "all") values.set("kind", address.kind);
  if (address.sort) values.set("sort", address.sort);
  for (const [name, value] of Object.entries(address.filters)) {
    values.set(name, name === "near" ? `${value.latitude},${value.longitude},${value.km}` : value);
  }
  if (address.item !== null) values.set("item", address.item);
  const text = values.toString();
  return `#/${address.page}${text ? `?${text}` : ""}`;
}

/** Go to an address; `replace` leaves no step for Back. */
export function go(address, { replace = false } = {}) {
  const text = writeAddress(address);
  if (text === location.hash) return;
  if (replace) history.replaceState(history.state, "", text);
  else history.pushState({ inside: true }, "", text);
  announce({ isBack: false });
}

/** Go to the present address with some values changed. */
export function change(values, options) {
  go({ ...readAddress(), ...values }, options);
}

/** Set or, with null, take away one condition; the photo that is open is closed. */
export function changeFilter(name, value) {
  const { [name]: _, ...filters } = readAddress().filters;
  change({ filters: value === null || value === "" ? filters : { ...filters, [name]: value }, item: null });
}

/** Whether the address searches, rather than lists all. */
export const isSearch = (address) => address.query !== "" || address.parts.length > 0;

/** Whether the last step was made in the page, so that Back stays in it. */
export const cameFromInside = () => history.state?.inside === true;

/** Call a function with the address at each change, and whether Back or Forward was the reason: {isBack}. */
export function onAddress(listener) {
  listeners.push(listener);
}

function announce(step) {
  const address = readAddress();
  for (const listener of listeners) listener(address, step);
}

addEventListener("popstate", () => announce({ isBack: true }));
