/** Starts the gallery: the frame with the pages, the search box and the viewer, drawn from the address. */

import { change, onAddress, PAGES, readAddress, writeAddress } from "./address.js";
import { get, useLibrary } from "./api.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { messageBoard } from "./dialog.js";
import { DuplicatesPage } from "./duplicates.js";
import { IndexingPage } from "./indexing.js";
import { forgetItems } from "./items.js";
import { onSingleKeys, showKeys } from "./keys.js";
import { LearningPage } from "./learning.js";
import { MapPage } from "./map.js";
import { PhotosPage } from "./photos.js";
import { SearchBox } from "./search-box.js";
import { errorState, state } from "./states.js";
import { t } from "./texts.js";
import { Viewer } from "./viewer.js";

/** The frame around the pages. */
class Gallery {
  constructor(libraries) {
    this.libraries = libraries;
    this.search = new SearchBox();
    const frame = {
      library: () => this.library,
      reportBusy: (isBusy) => this.#showBusy(isBusy),
      libraryChanged: () => this.#libraryChanged(),
    };
    this.pages = {
      photos: new PhotosPage(frame),
      map: new MapPage(frame),
      learning: new LearningPage(frame),
      duplicates: new DuplicatesPage(frame),
      indexing: new IndexingPage(frame),
    };
    this.viewer = new Viewer({
      library: frame.library,
      ids: () => (readAddress().page === "photos" ? this.pages.photos.ids : []),
      onClosed: (id) => readAddress().page === "photos" && this.pages.photos.focusItem(id),
    });
    this.main = h("main.main", { id: "main" });
    this.nav = h("ul.nav-list", { role: "list" });
    this.side = h("div.side", {}, h("nav.nav", { "aria-label": t("pages") }, this.nav));
    this.busy = h("div.busy", { "aria-hidden": "true", hidden: true });
    this.#build();
  }

  #build() {
    const skip = h("a.skip", { href: "#main", onclick: (event) => this.#skip(event) }, t("skip"));
    const help = iconButton("help", t("keys.title"), showKeys, { class: "wide-only" });
    const brand = h("a.brand", { href: "#/photos", onclick: (event) => this.#home(event) }, t("brand"));
    const header = h("header.top", {}, brand, this.#librarySelect(), this.search.element, help);
    const over = [messageBoard(), this.viewer.dialog, this.search.dropArea];
    fill(document.body, skip, header, this.busy, this.side, this.main, over);
    document.body.classList.add("ready");
    onAddress((address, step) => this.show(address, step));
    onSingleKeys({
      "/": () => this.search.focus(),
      "?": showKeys,
      j: () => readAddress().page === "photos" && this.pages.photos.focusNextUnjudged(),
      ArrowDown: () => this.#focusPage(),
    });
  }

  /** Draw an address. */
  async show(address, step = {}) {
    this.#chooseLibrary(address);
    this.search.show(address);
    this.#showNav(address);
    const page = this.pages[address.page];
    if (this.page !== address.page) {
      this.page = address.page;
      fill(this.main, page.element);
      this.side.append(this.pages.photos.filters.element);
      this.side.classList.toggle("with-filters", address.page === "photos");
      if (this.isShown) this.main.querySelector("h1")?.focus();
    }
    this.isShown = true;
    document.title = [address.query || t(`page.${address.page}`), t("brand")].join(" · ");
    const shown = page.show(address, step);
    if (address.item === null || address.page !== "photos" || page.ids.length) this.viewer.show(address);
    await shown;
    if (readAddress().item === address.item) this.viewer.show(address);
  }

  #chooseLibrary(address) {
    const library = this.libraries.find(({ name }) => name === address.library) ?? this.libraries[0];
    if (library === this.library) return;
    this.library = library;
    useLibrary(library.name);
    forgetItems();
    for (const page of Object.values(this.pages)) page.reset();
    if (this.select) this.select.value = library.name;
  }

  /** Fetch the numbers of the library again; its photos are fetched when they are next shown. */
  async #libraryChanged() {
    forgetItems();
    this.pages.photos.reset();
    this.pages.photos.facetsKey = null;
    this.pages.map.reset();
    try {
      const libraries = await get("api/libraries");
      Object.assign(
        this.library,
        libraries.find(({ name }) => name === this.library.name),
      );
    } catch {
      // the old numbers stay
    }
  }

  #librarySelect() {
    if (this.libraries.length < 2) return "";
    const go = () =>
      change({ library: this.select.value, query: "", parts: [], filters: {}, kind: "all", sort: "", item: null });
    this.select = h("select.input.libraries", { "aria-label": t("libraries"), onchange: go });
    this.select.append(...this.libraries.map(({ name }) => h("option", { value: name }, name)));
    return this.select;
  }

  #showNav(address) {
    const link = (page) => {
      const target = {
        ...address,
        page,
        item: null,
        ...(page === "photos" || page === "map"
          ? {}
          : { query: "", parts: [], filters: {}, sort: "", kind: "all", literal: false }),
      };
      return h(
        "a.nav-link",
        {
          href: writeAddress(target),
          "aria-current": page === address.page ? "page" : null,
          onclick: (event) => follow(event, target),
        },
        icon(page),
        h("span", {}, t(`page.${page}`)),
      );
    };
    fill(
      this.nav,
      PAGES.map((page) => h("li", {}, link(page))),
    );
  }

  #home(event) {
    follow(event, {
      page: "photos",
      query: "",
      parts: [],
      filters: {},
      kind: "all",
      sort: "",
      literal: false,
      item: null,
    });
  }

  #skip(event) {
    event.preventDefault();
    this.#focusPage();
  }

  #focusPage() {
    if (this.page === "photos" && this.pages.photos.ids.length) this.pages.photos.focusItem(null);
    else this.main.querySelector("h1, button, a")?.focus();
  }

  #showBusy(isBusy) {
    clearTimeout(this.busyTimer);
    if (isBusy) this.busyTimer = setTimeout(() => (this.busy.hidden = false), 200);
    else this.busy.hidden = true;
    this.main.setAttribute("aria-busy", String(isBusy));
  }
}

function follow(event, values) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  change(values);
}

async function start() {
  document.documentElement.lang = t("language");
  try {
    const libraries = await get("api/libraries");
    if (!libraries.length)
      return fill(document.body, state("photos", t("error.no-library"), t("error.no-library-advice")));
    return await new Gallery(libraries).show(readAddress());
  } catch (error) {
    return fill(
      document.body,
      h(
        "main.main",
        {},
        errorState(error, () => location.reload()),
      ),
      messageBoard(),
    );
  }
}

start();
