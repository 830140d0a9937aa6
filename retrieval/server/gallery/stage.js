/** The middle of the viewer: the photo or the text, zoomed and moved, with the heat map over it. */

import { originalUrl, thumbnailUrl } from "./api.js";
import { fill, h } from "./dom.js";
import { nameOf } from "./items.js";
import { state } from "./states.js";
import { t } from "./texts.js";
import { Zoom } from "./zoom.js";

const SHOWN_BY_BROWSERS = ["JPEG", "PNG", "WEBP", "GIF"]; // the server sends other originals for saving only

/** Shows one item. */
export class Stage {
  /** @param {(by: number) => void} onSwipe Called with 1 or -1 when a finger turns to the next or previous item. */
  constructor(onSwipe) {
    this.picture = h("div.stage-picture");
    this.element = h("div.stage", {}, this.picture);
    this.zoom = new Zoom(this.element, this.picture, { onZoom: () => this.#sharpen(), onSwipe });
    new ResizeObserver(() => this.refit()).observe(this.element);
  }

  /** Show an item in place of what was shown. */
  show(item) {
    this.clear();
    this.item = item;
    if (item.kind !== "photo")
      return this.showState(h("article.stage-text", { tabindex: "0" }, item.text || nameOf(item)));
    this.ratio = item.width && item.height ? item.width / item.height : 1;
    const large = h("img", { alt: nameOf(item), draggable: "false" });
    const small = h("img", { alt: "", draggable: "false", src: thumbnailUrl(item.item_id) });
    large.addEventListener("load", () => (item.width ? 0 : this.#measure(large)));
    large.addEventListener("error", () => item === this.item && this.#showMissing());
    large.src = thumbnailUrl(item.item_id, "large");
    fill(this.picture, small, large);
    this.refit();
    return undefined;
  }

  /** Show something else than a photo: a text, or an error. */
  showState(content) {
    this.item = null;
    this.picture.hidden = true;
    this.element.querySelector(".stage-other")?.remove();
    this.element.append(h("div.stage-other", {}, content));
  }

  /** Show nothing. */
  clear() {
    this.item = null;
    this.heat = null;
    this.picture.hidden = false;
    this.element.querySelector(".stage-other")?.remove();
    fill(this.picture);
    this.zoom.reset();
  }

  /** Lay a picture over the photo, with an opacity of 0 to 1; null takes it away. */
  overlay(url, opacity) {
    this.heat?.remove();
    this.heat = url && h("img.stage-heat", { alt: t("why.heat-alt"), src: url, draggable: "false" });
    if (!this.heat) return;
    this.heat.style.opacity = opacity;
    this.picture.append(this.heat);
  }

  /** Give the photo the largest size that fits. */
  refit() {
    if (!this.item) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const fitted = Math.min(width, height * this.ratio);
    this.picture.style.width = `${fitted}px`;
    this.picture.style.height = `${fitted / this.ratio}px`;
    this.zoom.reset();
    this.zoom.largest = Math.max(3, (2 * (this.item.width ?? 0)) / Math.max(1, fitted));
  }

  #measure(image) {
    this.ratio = image.naturalWidth / image.naturalHeight;
    this.refit();
  }

  #sharpen() {
    const { item } = this;
    if (!item || item.collection || !SHOWN_BY_BROWSERS.includes(item.format)) return;
    if (this.picture.querySelector(".sharp")) return;
    const sharp = h("img.sharp", { alt: "", draggable: "false" });
    sharp.addEventListener("error", () => sharp.remove());
    sharp.src = originalUrl(item.item_id);
    this.picture.insertBefore(sharp, this.heat ?? null);
  }

  #showMissing() {
    this.showState(state("warning", t("picture.missing"), t("picture.missing-advice")));
  }
}
