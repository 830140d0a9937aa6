/** Zooms and moves a picture with the wheel, pointers, fingers, or by call. */

const SWIPE = 48; // pixels that a finger moves to the side to turn to the next picture
const STEP = 2.5; // what a double click and the key zoom to

/** Transforms `picture` inside of `area`. */
export class Zoom {
  constructor(area, picture, { onZoom, onSwipe }) {
    Object.assign(this, { area, picture, onZoom, onSwipe, scale: 1, x: 0, y: 0, largest: 8 });
    this.pointers = new Map();
    area.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    area.addEventListener("dblclick", (event) => this.toggle(event));
    area.addEventListener("pointerdown", (event) => this.#onDown(event));
    area.addEventListener("pointermove", (event) => this.#onMove(event));
    area.addEventListener("pointerup", (event) => this.#onUp(event));
    for (const name of ["pointercancel", "lostpointercapture"]) {
      area.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
  }

  /** Whether the picture is larger than the window. */
  get isZoomed() {
    return this.scale > 1.001;
  }

  /** Show all of the picture again. */
  reset() {
    this.scale = 1;
    this.x = this.y = 0;
    this.#apply();
  }

  /** Zoom in where the pointer is, or in the middle; zoom out if it is zoomed. */
  toggle(event = null) {
    if (this.isZoomed || this.picture.hidden) return this.reset();
    return this.#zoomTo(STEP, ...this.#fromCentre(event));
  }

  /** Move the picture by pixels. */
  pan(x, y) {
    this.x += x;
    this.y += y;
    this.#apply();
  }

  #fromCentre(event) {
    if (!event) return [0, 0];
    const box = this.area.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  #zoomTo(scale, atX, atY) {
    const wanted = Math.min(Math.max(scale, 1), this.largest);
    const factor = wanted / this.scale;
    this.x = atX - (atX - this.x) * factor;
    this.y = atY - (atY - this.y) * factor;
    this.scale = wanted;
    this.#apply();
    if (this.isZoomed) this.onZoom();
  }

  #apply() {
    const reachX = Math.max(0, (this.picture.offsetWidth * this.scale - this.area.clientWidth) / 2);
    const reachY = Math.max(0, (this.picture.offsetHeight * this.scale - this.area.clientHeight) / 2);
    this.x = Math.min(Math.max(this.x, -reachX), reachX);
    this.y = Math.min(Math.max(this.y, -reachY), reachY);
    this.picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.area.classList.toggle("zoomed", this.isZoomed);
  }

  #onWheel(event) {
    if (this.picture.hidden) return;
    event.preventDefault();
    this.#zoomTo(this.scale * Math.exp(-event.deltaY * 0.002), ...this.#fromCentre(event));
  }

  #onDown(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, event);
    this.start = event;
    if (this.isZoomed || this.pointers.size > 1) this.area.setPointerCapture(event.pointerId);
  }

  #onUp(event) {
    const [x, y] = [event.clientX - (this.start?.clientX ?? 0), event.clientY - (this.start?.clientY ?? 0)];
    const isAlone = this.pointers.delete(event.pointerId) && this.pointers.size === 0;
    if (!isAlone || this.isZoomed || event.pointerType === "mouse") return;
    if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) this.onSwipe(x < 0 ? 1 : -1);
  }

  #onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 1 && this.isZoomed)
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    if (this.pointers.size === 2) this.#pinch(event, before);
    this.pointers.set(event.pointerId, event);
  }

  #pinch(event, before) {
    const other = [...this.pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const distance = (point) => Math.hypot(point.clientX - other.clientX, point.clientY - other.clientY);
    const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    this.#zoomTo((this.scale * distance(event)) / Math.max(1, distance(before)), ...this.#fromCentre(middle));
  }
}
