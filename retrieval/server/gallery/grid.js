/** The grid: it is windowed, only what is in or near the window has elements. */

import { debounce } from "./dom.js";
import { lastAtMost, justify, neighbourRow, visibleRange } from "./justified.js";
import { loadItems } from "./items.js";
import { judge, onJudgement } from "./judge.js";
import { Section } from "./section.js";
import { describeTile, loadPicture, markTile, makeTile } from "./tile.js";

const GAP = 4;
const SETTLED = 90; // milliseconds without scrolling after which details are fetched
const FAST = 1.5; // windows scrolled since the last frame from which on pictures wait for the end of the movement

/** A justified grid in a scrolling element. */
export class Grid {
  /**
   * @param {HTMLElement} scroller The element that scrolls.
   * @param {HTMLElement} canvas The element in it that is as high as all rows.
   * @param {(top: number) => void} onScroll Called when another picture is at the top.
   */
  constructor(scroller, canvas, onScroll) {
    Object.assign(this, { scroller, canvas, onScroll });
    this.tiles = new Map();
    this.sections = new Map();
    this.active = 0; // the picture that the arrow keys start from
    this.lastTop = 0;
    this.layout = justify(new Float32Array(0), 1, { target: 1, gap: GAP, sections: [] });
    this.fetchDetails = debounce(() => this.#describe(), SETTLED);
    this.loadPictures = debounce(() => this.#loadPictures(), SETTLED);
    scroller.addEventListener("scroll", () => this.#schedule(), { passive: true });
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
    canvas.addEventListener("focusin", (event) => this.#onFocus(event));
    new ResizeObserver(() => this.#resize()).observe(canvas);
    onJudgement((id) => this.#mark(id));
  }

  /** Show results, from the top unless `keep`; `sections` are {start, heading, name, content}. */
  show(results, sections, { keep = false } = {}) {
    this.results = results;
    this.wanted = sections;
    this.#clear();
    if (!keep) {
      this.active = 0;
      this.scroller.scrollTop = 0;
    }
    this.#place();
  }

  /** Return the position of an item, -1 if it is not shown. */
  indexOf(id) {
    return this.results ? this.results.ids.indexOf(id) : -1;
  }

  /** Return the number of pictures shown. */
  get count() {
    return this.layout.count;
  }

  /** Scroll so that a picture is in the window; `top` puts its row at the top. */
  reveal(index, { top = false } = {}) {
    const row = this.layout.rows[index];
    const [start, height] = [this.layout.rowTops[row] + this.canvas.offsetTop, this.layout.rowHeights[row]];
    const { scrollTop, clientHeight } = this.scroller;
    if (top) this.scroller.scrollTop = start - 48;
    else if (start < scrollTop + 8) this.scroller.scrollTop = start - 8;
    else if (start + height > scrollTop + clientHeight - 8) this.scroller.scrollTop = start + height - clientHeight + 8;
    this.#render();
  }

  /** Put the keyboard's focus on a picture. */
  focus(index) {
    if (index < 0 || index >= this.count) return;
    this.active = index;
    this.reveal(index);
    this.#makeActive();
    this.tiles.get(index)?.firstChild.focus({ preventScroll: true });
  }

  #clear() {
    this.canvas.replaceChildren();
    this.tiles.clear();
    this.sections.clear();
  }

  #resize() {
    const width = this.canvas.clientWidth;
    if (!this.results || width === this.width || width === 0) return;
    const [first] = visibleRange(this.layout, this.scroller.scrollTop - this.canvas.offsetTop, 0);
    this.#clear();
    this.#place();
    if (first > 0 && first < this.count) this.reveal(first, { top: true });
  }

  #place() {
    this.width = this.canvas.clientWidth;
    const target = this.width < 560 ? 118 : this.width < 900 ? 160 : 196;
    this.layout = justify(this.results.ratios, this.width, { target, gap: GAP, sections: this.wanted });
    this.sectionStarts = this.layout.sections.map(({ start }) => start);
    this.canvas.style.height = `${this.layout.height}px`;
    this.#render();
  }

  #schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#render();
    });
  }

  #render() {
    const top = this.scroller.scrollTop - this.canvas.offsetTop;
    const height = this.scroller.clientHeight;
    const moved = Math.abs(top - this.lastTop);
    this.lastTop = top;
    const [first, end] = visibleRange(this.layout, top - height * 0.6, top + height * 1.6);
    this.#dropOutside(first, end);
    this.#fillSections(first, end);
    this.#makeActive();
    if (moved > FAST * height) this.loadPictures();
    else this.#loadPictures();
    this.fetchDetails();
    if (this.count) this.onScroll(visibleRange(this.layout, Math.max(top, 0) + 50, 0)[0]);
  }

  #dropOutside(first, end) {
    for (const [index, tile] of this.tiles) {
      const isKept = (index >= first && index < end) || tile.contains(document.activeElement);
      if (isKept) continue;
      tile.remove();
      this.tiles.delete(index);
    }
    for (const [number, section] of this.sections) {
      const { start, end: last } = this.layout.sections[number];
      if ((last >= first && start <= end) || section.list.childElementCount) continue;
      section.element.remove();
      this.sections.delete(number);
    }
  }

  #fillSections(first, end) {
    const { sections } = this.layout;
    const from = Math.max(lastAtMost(this.sectionStarts, first) - 1, 0); // one before, which may be a line without pictures
    for (let number = from; number < sections.length && sections[number].start <= end; number += 1) {
      const place = sections[number];
      let section = this.sections.get(number);
      if (!section) {
        section = new Section(place);
        this.sections.set(number, section);
        this.canvas.append(section.element);
      }
      for (let index = Math.max(first, place.start); index < Math.min(end, place.end); index += 1) {
        if (!this.tiles.has(index)) section.insert(this.#newTile(index, place.top), index);
      }
    }
  }

  #newTile(index, sectionTop) {
    const { layout, results } = this;
    const row = layout.rows[index];
    const tile = makeTile({ id: results.ids[index], kind: results.kinds[index], index, count: layout.count });
    tile.dataset.index = index;
    tile.style.transform = `translate(${layout.lefts[index]}px, ${layout.rowTops[row] - sectionTop}px)`;
    tile.style.width = `${layout.widths[index]}px`;
    tile.style.height = `${layout.rowHeights[row]}px`;
    this.tiles.set(index, tile);
    return tile;
  }

  #loadPictures() {
    for (const tile of this.tiles.values()) loadPicture(tile);
  }

  async #describe() {
    const indexes = [...this.tiles.keys()];
    const ids = indexes.map((index) => this.results.ids[index]);
    try {
      await loadItems(ids);
    } catch {
      return; // names are missing then, the pictures show all the same
    }
    for (const tile of this.tiles.values()) describeTile(tile);
  }

  #mark(id) {
    for (const tile of this.tiles.values()) {
      if (id === undefined || Number(tile.dataset.id) === id) markTile(tile);
    }
  }

  #onFocus(event) {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    this.active = Number(tile.dataset.index);
    this.#makeActive();
  }

  /** Give the active picture, or the first in the window, the grid's only stop of the Tab key. */
  #makeActive() {
    let stop = this.tiles.get(this.active);
    if (!stop) {
      const row = Math.max(lastAtMost(this.layout.rowTops, this.lastTop), 0);
      stop = this.tiles.get(this.layout.rowStarts[row]);
    }
    if (stop === this.stop && stop?.isConnected) return;
    this.stop?.firstChild.setAttribute("tabindex", "-1");
    stop?.firstChild.setAttribute("tabindex", "0");
    this.stop = stop;
  }

  #onKey(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = Number(tile.dataset.index);
    const steps = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: this.count - 1 };
    if (event.key in steps) this.focus(Math.min(Math.max(steps[event.key], 0), this.count - 1));
    else if (event.key === "ArrowUp") this.focus(neighbourRow(this.layout, index, -1));
    else if (event.key === "ArrowDown") this.focus(neighbourRow(this.layout, index, 1));
    else if (event.key === "+" || event.key === "-") judge(this.results.ids[index], event.key === "+" ? "good" : "bad");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
