/** The page with the map: coastlines that come with Recall, and the photos' positions in clusters. No tile is fetched. */

import { change } from "./address.js";
import { get, libraryUrl } from "./api.js";
import { clustersOf, kilometres } from "./clusters.js";
import { fill, h, iconButton } from "./dom.js";
import { filterChips } from "./filters.js";
import { MapCanvas } from "./map-canvas.js";
import { emptyState, errorState, state } from "./states.js";
import { t } from "./texts.js";

const NEAREST = 5; // kilometres around a cluster that cannot be taken apart
const LISTED = 60; // places in the list beside the map

/** The page with the map. */
export class MapPage {
  constructor(frame) {
    this.frame = frame;
    this.canvas = new MapCanvas(() => this.#showClusters());
    this.markers = h("div.map-markers");
    this.canvas.element.append(this.markers);
    this.places = h("div.map-places");
    this.note = h("p.map-note.quiet", { role: "status" });
    this.chips = h("ul.chips.map-chips", { role: "list", "aria-label": t("filters.set") });
    const zoom = h(
      "div.map-tools",
      {},
      iconButton("plus", t("map.zoom-in"), () => this.canvas.zoom(2)),
      iconButton("minus", t("map.zoom-out"), () => this.canvas.zoom(0.5)),
    );
    this.area = h("div.map-area", {}, this.canvas.element, zoom, this.chips, this.note);
    this.aside = h(
      "aside.map-side",
      { "aria-labelledby": "map-places" },
      h("h2", { id: "map-places" }, t("map.places")),
      this.places,
    );
    this.element = h("div.map-page", {}, h("h1.hidden", {}, t("page.map")), this.area, this.aside);
  }

  /** Fetch and show the positions of the photos that pass the address's filters. */
  async show(address, { force = false } = {}) {
    const { near: _, ...filters } = address.filters;
    const key = JSON.stringify([address.library, filters]);
    if (key === this.key && !force) return this.canvas.resize();
    this.key = key;
    this.frame.reportBusy(true);
    try {
      const values = new URLSearchParams({ filters: JSON.stringify(filters) });
      const [positions, facets] = await Promise.all([
        get(libraryUrl(`positions?${values}`)),
        get(libraryUrl(`facets?${values}`)),
        this.canvas.load(),
      ]);
      if (key === this.key) this.#showPositions(address, positions, facets);
    } catch (error) {
      this.key = null;
      fill(
        this.places,
        errorState(error, () => this.show(address, { force: true })),
      );
    } finally {
      this.frame.reportBusy(false);
    }
    return undefined;
  }

  /** Forget what is shown. */
  reset() {
    this.key = null;
  }

  #showPositions(address, positions, facets) {
    this.positions = positions;
    const count = positions.item_ids.length;
    fill(this.note, t("map.count", { n: count }));
    fill(this.chips, filterChips(address));
    this.canvas.resize();
    if (count) this.canvas.fit(positions);
    else this.#showClusters();
    this.#showPlaces(address, facets, count);
  }

  #showPlaces(address, facets, count) {
    if (!count && this.frame.library().photos === 0)
      return fill(this.places, emptyState({ ...address, query: "", parts: [] }, {}, this.frame.library()));
    if (!count) return fill(this.places, state("map", t("map.none"), t("map.none-advice")));
    const rows = facets.places
      .slice(0, LISTED)
      .map(({ value, count: n }) =>
        h(
          "li",
          {},
          h(
            "button.facet",
            { type: "button", onclick: () => this.#open({ place: value }) },
            h("span.facet-name", {}, value),
            h("span.facet-count", {}, n.toLocaleString()),
          ),
        ),
      );
    return fill(
      this.places,
      rows.length ? h("ul.facets", { role: "list" }, rows) : h("p.quiet", {}, t("map.no-names")),
    );
  }

  #showClusters() {
    if (!this.positions) return;
    const clusters = clustersOf(this.positions, (position) => this.canvas.project(position), this.canvas.size);
    fill(
      this.markers,
      clusters.map((cluster) => this.#marker(cluster)),
    );
  }

  #marker(cluster) {
    const marker = h(
      "button.marker",
      {
        type: "button",
        "aria-label": t("map.cluster", { n: cluster.count }),
        title: t("map.cluster", { n: cluster.count }),
        onclick: () => this.#openCluster(cluster),
      },
      cluster.count > 999 ? `${Math.round(cluster.count / 1000)}k` : String(cluster.count),
    );
    const size = Math.min(56, 24 + 5 * Math.log2(cluster.count));
    marker.style.width = marker.style.height = `${size}px`;
    marker.style.transform = `translate(${cluster.x - size / 2}px, ${cluster.y - size / 2}px)`;
    return marker;
  }

  #openCluster({ latitude, longitude, south, north, west, east }) {
    const corner = Math.max(kilometres(latitude, longitude, south, west), kilometres(latitude, longitude, north, east));
    const km = Number(Math.max(NEAREST, corner * 1.05).toFixed(1));
    this.#open({ near: { latitude: Number(latitude.toFixed(4)), longitude: Number(longitude.toFixed(4)), km } });
  }

  #open(filters) {
    change({ page: "photos", query: "", parts: [], filters, item: null });
  }
}
