/** Draws the coastlines; the map is moved and zoomed with pointer, wheel and arrow keys. Equirectangular projection. */

import { debounce, h } from "./dom.js";
import { t } from "./texts.js";

const CLOSEST = 400; // pixels a degree
const KEY_STEP = 80;

/** A canvas with the map, in an element that can have markers. */
export class MapCanvas {
  constructor(onMove) {
    this.onMove = debounce(onMove, 0);
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.element = h("div.map", { tabindex: "0", role: "group", "aria-label": t("map.label") }, this.canvas);
    Object.assign(this, { scale: 3, longitude: 10, latitude: 20, rings: [], size: { width: 1, height: 1 } });
    this.element.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.element.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.element.addEventListener("pointermove", (event) => this.#onDrag(event));
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, () => (this.from = null));
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    new ResizeObserver(() => this.resize()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Fetch the coastlines once. */
  async load() {
    if (this.rings.length) return;
    const response = await fetch("gallery/coastlines.json");
    const { rings, per_degree: unit } = await response.json();
    this.rings = rings.map((steps) => absolute(steps, unit));
  }

  /** Return the pixels of a position, [longitude, latitude]. */
  project([longitude, latitude]) {
    return [
      this.size.width / 2 + (longitude - this.longitude) * this.scale,
      this.size.height / 2 - (latitude - this.latitude) * this.scale,
    ];
  }

  /** Fill the element anew. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    this.size = { width, height };
    const pixels = devicePixelRatio || 1;
    this.canvas.width = width * pixels;
    this.canvas.height = height * pixels;
    this.#moved();
  }

  /** Show all of some positions. */
  fit({ latitudes, longitudes }) {
    const [south, north] = span(latitudes);
    const [west, east] = span(longitudes);
    const wide = (this.size.width * 0.8) / Math.max(east - west, 4);
    const high = (this.size.height * 0.8) / Math.max(north - south, 4);
    this.scale = Math.min(wide, high, CLOSEST / 8);
    this.longitude = (west + east) / 2;
    this.latitude = (south + north) / 2;
    this.#moved();
  }

  /** Zoom by a factor around a point, else the middle. */
  zoom(factor, [x, y] = [this.size.width / 2, this.size.height / 2]) {
    const before = this.#at(x, y);
    this.scale = Math.min(this.scale * factor, CLOSEST);
    this.scale = Math.max(this.scale, this.size.width / 360, this.size.height / 180 / 1.6);
    const after = this.#at(x, y);
    this.longitude += before[0] - after[0];
    this.latitude += before[1] - after[1];
    this.#moved();
  }

  #at(x, y) {
    return [
      this.longitude + (x - this.size.width / 2) / this.scale,
      this.latitude - (y - this.size.height / 2) / this.scale,
    ];
  }

  #moved() {
    this.scale = Math.max(this.scale, this.size.width / 360);
    const halfWidth = this.size.width / 2 / this.scale;
    const halfHeight = this.size.height / 2 / this.scale;
    this.longitude = clamp(this.longitude, Math.min(-180 + halfWidth, 0), Math.max(180 - halfWidth, 0));
    this.latitude = clamp(this.latitude, Math.min(-90 + halfHeight, 0), Math.max(90 - halfHeight, 0));
    this.#draw();
    this.onMove();
  }

  #draw() {
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.element);
    const pixels = this.canvas.width / this.size.width;
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    context.fillStyle = style.getPropertyValue("--land");
    context.strokeStyle = style.getPropertyValue("--coast");
    context.lineWidth = 1;
    context.beginPath();
    for (const ring of this.rings) this.#trace(context, ring);
    context.fill("evenodd");
    context.stroke();
  }

  #trace(context, ring) {
    for (let index = 0; index < ring.length; index += 2) {
      const [x, y] = this.project([ring[index], ring[index + 1]]);
      if (index === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.closePath();
  }

  #onWheel(event) {
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY * 0.002), [event.clientX - box.left, event.clientY - box.top]);
  }

  #onDown(event) {
    if (event.target.closest("button") || event.button !== 0) return;
    this.from = event;
    this.element.setPointerCapture(event.pointerId);
  }

  #onDrag(event) {
    if (!this.from) return;
    this.longitude -= (event.clientX - this.from.clientX) / this.scale;
    this.latitude += (event.clientY - this.from.clientY) / this.scale;
    this.from = event;
    this.#moved();
  }

  #onKey(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key === "+" || event.key === "-") this.zoom(event.key === "+" ? 1.5 : 1 / 1.5);
    else if (event.key in steps) {
      this.longitude += (steps[event.key][0] * KEY_STEP) / this.scale;
      this.latitude += (steps[event.key][1] * KEY_STEP) / this.scale;
      this.#moved();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function absolute(steps, unit) {
  const ring = new Float32Array(steps.length);
  let [x, y] = [0, 0];
  for (let index = 0; index < steps.length; index += 2) {
    x += steps[index];
    y += steps[index + 1];
    ring[index] = x / unit;
    ring[index + 1] = y / unit;
  }
  return ring;
}

function span(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
