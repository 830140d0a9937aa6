/** What is known of an item: its metadata as a list. */

import { changeFilter, readAddress, change } from "./address.js";
import { h } from "./dom.js";
import { degrees } from "./filters.js";
import { fileSize, shownDate } from "./numbers.js";
import { t } from "./texts.js";

/** Return the details of an item. */
export function itemDetails(item) {
  const rows = [
    ["title", item.title],
    ["description", item.description],
    [
      "taken",
      item.taken_at && [shownDate(item.taken_at), item.taken_from === "file" ? ` ${t("detail.from-file")}` : ""],
    ],
    ["places", links(item.places, "place")],
    ["position", item.latitude !== null && positionLink(item)],
    ["people", links(item.people, "person")],
    ["tags", links(item.tags, "tag")],
    ["rating", item.rating !== null && t("filter.stars", { n: item.rating })],
    ["camera", item.camera && links([item.camera], "camera")],
    ["lens", item.lens && links([item.lens], "lens")],
    ["size", item.width && t("detail.pixels", { width: item.width, height: item.height })],
    ["file", [item.format, item.size ? fileSize(item.size) : null].filter(Boolean).join(", ")],
    ["collection", item.collection],
    ["path", h("span.path", {}, item.collection ? item.id : item.path)],
    ["uri", item.uri],
  ];
  const metadata = Object.entries(item.metadata ?? {}).map(([name, value]) => [
    name,
    JSON.stringify(value).replace(/^"|"$/g, ""),
  ]);
  const shown = rows.map(([name, value]) => [t(`detail.${name}`), value]).concat(metadata);
  return h(
    "dl.details",
    {},
    shown
      .filter(([, value]) => value && value.length !== 0)
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

function links(values, condition) {
  return values?.length
    ? values.flatMap((value, position) => [
        position ? ", " : "",
        h("button.link-button", { type: "button", onclick: () => follow(condition, value) }, value),
      ])
    : null;
}

function follow(condition, value) {
  change({ page: "photos", query: "", parts: [], sort: "", item: null, filters: { [condition]: value }, kind: "all" });
}

function positionLink({ latitude, longitude }) {
  const position = { latitude, longitude };
  const near = () => {
    if (readAddress().page === "photos") changeFilter("near", { ...position, km: 1 });
    else follow("near", { ...position, km: 1 });
  };
  return h("button.link-button", { type: "button", onclick: near }, degrees(position));
}
