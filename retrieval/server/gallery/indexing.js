/** The page of indexing: what the library holds, an update with its progress, and what failed with reasons. */

import { get, libraryUrl } from "./api.js";
import { button, fill, h } from "./dom.js";
import { JobLine, newestJobs, startJob } from "./jobs.js";
import { errorState } from "./states.js";
import { fileSize, shownDate } from "./numbers.js";
import { t } from "./texts.js";

const LISTED = 200; // failures that are listed

/** The page of indexing. */
export class IndexingPage {
  constructor(frame) {
    this.frame = frame;
    this.line = new JobLine((job) => this.#onEnd(job));
    this.facts = h("div.stack");
    this.report = h("div", { role: "status" });
    this.failures = h("div.stack");
    this.start = button(t("indexing.start"), () => this.#start(), { name: "indexing", primary: true });
    this.element = h(
      "div.page",
      {},
      h("h1", { tabindex: "-1" }, t("page.indexing")),
      this.facts,
      h("div.stack", {}, h("div", {}, this.start), this.line.element, this.report),
      h(
        "section.stack",
        { "aria-labelledby": "failures" },
        h("h2", { id: "failures" }, t("indexing.failures")),
        this.failures,
      ),
    );
  }

  /** Fetch and show what there is. */
  async show() {
    this.start.hidden = this.frame.library().read_only;
    try {
      const [status, failures, jobs] = await Promise.all([
        get(libraryUrl("status")),
        get(libraryUrl("failures")),
        newestJobs(),
      ]);
      this.#showStatus(status);
      this.#showFailures(failures);
      if (jobs.sync?.state === "running") this.line.follow(jobs.sync);
    } catch (error) {
      fill(
        this.facts,
        errorState(error, () => this.show()),
      );
    }
  }

  /** Forget what is shown. */
  reset() {
    this.line.stop?.();
    fill(this.report);
    fill(this.line.element);
  }

  async #start() {
    fill(this.report);
    try {
      this.line.follow(await startJob("sync"));
    } catch (error) {
      fill(this.report, h("p.note.error", {}, error.message));
    }
  }

  #onEnd({ state, result }) {
    this.frame.libraryChanged();
    if (state === "done") fill(this.report, h("p.note", {}, t("indexing.done", counts(result))));
    this.show();
  }

  #showStatus(status) {
    const numbers = [
      ["photos", status.photos.toLocaleString()],
      ["texts", status.texts.toLocaleString()],
      ["failed", status.failed.toLocaleString()],
      ["encoder", status.encoder ?? t("indexing.no-encoder")],
      ["size", status.catalog_bytes === undefined ? null : fileSize(status.catalog_bytes + (status.index_bytes ?? 0))],
    ];
    const shown = numbers.filter(([, value]) => value !== null);
    const sources = status.sources ?? [];
    fill(
      this.facts,
      h(
        "dl.numbers",
        {},
        shown.map(([name, value]) => h("div", {}, h("dt", {}, t(`indexing.${name}`)), h("dd", {}, value))),
      ),
      h("h2", {}, t("indexing.sources")),
      sources.length
        ? h(
            "ul.sources",
            { role: "list" },
            sources.map((source) => this.#source(source)),
          )
        : h("p", {}, t("empty.library-advice"), " ", h("code", {}, "recall index ~/Pictures")),
    );
    this.start.disabled = sources.length === 0;
  }

  #source({ path, synced_at: when }) {
    return h(
      "li",
      {},
      h("span.path", {}, path),
      h("span.quiet", {}, when ? t("indexing.synced", { when: shownDate(when) }) : t("indexing.never")),
    );
  }

  #showFailures(failures) {
    if (!failures.length) return fill(this.failures, h("p.quiet", {}, t("indexing.no-failures")));
    const rows = failures
      .slice(0, LISTED)
      .map(({ path, reason }) => h("tr", {}, h("td.path", {}, path), h("td", {}, reason)));
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, t("indexing.file")),
      h("th", { scope: "col" }, t("indexing.reason")),
    );
    const more = failures.length - rows.length;
    return fill(
      this.failures,
      h("p.quiet", {}, t("indexing.failures-note")),
      h(
        "div.table-scroll",
        { tabindex: "0", role: "group", "aria-label": t("indexing.failures") },
        h("table.table", {}, h("thead", {}, head), h("tbody", {}, rows)),
      ),
      more > 0 ? h("p.quiet", {}, t("indexing.more", { n: more })) : "",
    );
  }
}

function counts(result) {
  const { added = 0, changed = 0, moved = 0, removed = 0, failed = 0 } = result ?? {};
  return { added, changed, moved, removed, failed };
}
