/** A stretch of the grid: a month, the likely results, or those below the line. */

import { h } from "./dom.js";

/** A heading, or none, with a list of pictures. */
export class Section {
  /** @param {{top: number, bottom: number, start: number, end: number, heading: number, name: string, content: Node}} place */
  constructor(place) {
    this.list = h("ul.tiles", { role: "list", "aria-label": place.name });
    const label = place.content ?? (place.heading ? h("h2.section-heading", {}, place.name) : null);
    this.element = h("section.section", {}, label, place.start < place.end && this.list);
    this.element.style.top = `${place.top}px`;
  }

  /** Put a tile into the list where its position wants it, so that reading order is the order of the results. */
  insert(tile, index) {
    let next = this.list.lastElementChild;
    let after = null;
    while (next && Number(next.dataset.index) > index) {
      after = next;
      next = next.previousElementSibling;
    }
    this.list.insertBefore(tile, after);
  }
}
