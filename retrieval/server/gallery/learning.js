/** The page of learning: what was judged, private words, tuning with its report, and versions to roll back. */

import { change } from "./address.js";
import { get, libraryUrl, post, remove, thumbnailUrl } from "./api.js";
import { button, fill, h, icon, iconButton } from "./dom.js";
import { confirmed, say } from "./dialog.js";
import { judgementsSent } from "./judge.js";
import { JobLine, newestJobs, startJob } from "./jobs.js";
import { tuningReport } from "./report.js";
import { errorState } from "./states.js";
import { shownDate } from "./numbers.js";
import { t } from "./texts.js";
import { wordCards } from "./words.js";

const SHOWN_QUERIES = 30;

/** The page of learning. */
export class LearningPage {
  constructor(frame) {
    this.frame = frame;
    this.line = new JobLine((job) => this.#onEnd(job));
    this.judged = h("div.stack");
    this.words = h("div.stack");
    this.tuning = h("div.stack");
    this.report = h("div.stack", { role: "status" });
    this.versions = h("div.stack");
    const section = (name, ...content) =>
      h("section.stack", { "aria-labelledby": name }, h("h2", { id: name }, t(`learning.${name}`)), content);
    this.element = h(
      "div.page",
      {},
      h("h1", { tabindex: "-1" }, t("page.learning")),
      section("judged", h("p.quiet", {}, t("learning.judged-note")), this.judged),
      section("words", h("p.quiet", {}, t("learning.words-note")), this.words),
      section("tuning", h("p.quiet", {}, t("learning.tuning-note")), this.tuning, this.line.element, this.report),
      section("versions", this.versions),
    );
  }

  /** Fetch and show everything. */
  async show() {
    const isReadOnly = this.frame.library().read_only;
    await Promise.all([
      this.#part(
        this.judged,
        judgementsSent().then(() => get(libraryUrl("judgements"))),
        (judgements) => {
          this.#showJudgements(judgements, isReadOnly);
          this.#showTuning(judgements, isReadOnly);
        },
      ),
      this.#part(this.words, get(libraryUrl("words")), (words) =>
        fill(
          this.words,
          wordCards(words, isReadOnly, () => this.show()),
        ),
      ),
      this.#part(this.versions, get(libraryUrl("versions")), (versions) => this.#showVersions(versions, isReadOnly)),
      this.#part(this.tuning, newestJobs(), ({ tune }) => tune?.state === "running" && this.line.follow(tune)),
    ]);
  }

  /** Show a part of the page, or why it is not there; the others are shown all the same. */
  async #part(place, answer, show) {
    try {
      show(await answer);
    } catch (error) {
      fill(
        place,
        errorState(error, () => this.show()),
      );
    }
  }

  /** Forget what is shown. */
  reset() {
    this.line.stop?.();
    fill(this.line.element);
    fill(this.report);
  }

  #showJudgements(judgements, isReadOnly) {
    if (!judgements.length) {
      const go = button(t("learning.to-photos"), () => change({ page: "photos" }));
      return fill(this.judged, h("p", {}, t("learning.nothing-judged")), h("div", {}, go));
    }
    const groups = Map.groupBy ? Map.groupBy(judgements, ({ query }) => query) : groupBy(judgements);
    const shown = [...groups].reverse().slice(0, SHOWN_QUERIES);
    return fill(
      this.judged,
      shown.map(([query, verdicts]) => this.#judgedQuery(query, verdicts, isReadOnly)),
    );
  }

  #judgedQuery(query, verdicts, isReadOnly) {
    const forget = iconButton("close", t("learning.forget", { query }), () => this.#forget(verdicts, query));
    const photos = verdicts.map((judgement) => {
      const name = (judgement.path ?? "").split(/[\\/]/).pop();
      const label = t(`judge.is-${judgement.verdict}`);
      const picture = judgement.item_id
        ? h("img", { src: thumbnailUrl(judgement.item_id), alt: name, loading: "lazy" })
        : h("span.thumb-text", {}, name);
      return h(
        "li.thumb",
        { class: judgement.verdict, title: `${name}: ${label}` },
        picture,
        h("span.tile-verdict", { role: "img", "aria-label": label }, icon(judgement.verdict)),
      );
    });
    return h(
      "div.judged",
      {},
      h("div.row.between", {}, h("h3", {}, query), isReadOnly ? "" : forget),
      h("ul.thumbs", { role: "list" }, photos),
    );
  }

  async #forget(verdicts, query) {
    if (
      !(await confirmed(
        t("learning.forget", { query }),
        t("learning.forget-note", { n: verdicts.length }),
        t("forget"),
      ))
    )
      return;
    try {
      await remove(libraryUrl("judgements"), { query });
      this.show();
    } catch (error) {
      say(error.message, { isError: true });
    }
  }

  #showTuning(judgements, isReadOnly) {
    const start = button(t("learning.tune"), () => this.#tune(), { name: "learning", primary: true });
    start.disabled = judgements.length === 0;
    fill(
      this.tuning,
      isReadOnly
        ? h("p", {}, t("read-only"))
        : h("div.row", {}, start, h("span.quiet", {}, t("learning.count", { n: judgements.length }))),
    );
  }

  async #tune() {
    fill(this.report);
    try {
      this.line.follow(await startJob("tune"));
    } catch (error) {
      fill(this.report, h("p.note.error", {}, error.message));
    }
  }

  #onEnd({ state, result }) {
    if (state === "done") fill(this.report, tuningReport(result));
    this.frame.libraryChanged();
    this.show();
  }

  #showVersions(versions, isReadOnly) {
    if (!versions.length) return fill(this.versions, h("p.quiet", {}, t("versions.none")));
    const active = versions.some(({ is_active: isActive }) => isActive);
    const back = button(t("versions.rollback"), () => this.#rollBack(), { name: "left" });
    const rows = [...versions].reverse().map((version) => this.#version(version));
    return fill(
      this.versions,
      h("ul.versions", { role: "list" }, rows),
      active && !isReadOnly ? h("div", {}, back) : "",
    );
  }

  #version(version) {
    const verdict = version.is_active
      ? t("versions.active")
      : version.report?.passed === false
        ? t("versions.discarded")
        : t("versions.inactive");
    return h(
      "li.version",
      { class: version.is_active ? "active" : "" },
      h(
        "details",
        {},
        h(
          "summary",
          {},
          h("strong", {}, t("versions.name", { n: version.id })),
          ` ${shownDate(version.made_at)}`,
          h("span.badge", {}, verdict),
        ),
        version.report ? tuningReport(version.report) : "",
      ),
    );
  }

  async #rollBack() {
    if (!(await confirmed(t("versions.rollback"), t("versions.rollback-note"), t("versions.rollback")))) return;
    try {
      await post(libraryUrl("rollback"), {});
      say(t("versions.rolled-back"));
      fill(this.report);
      this.frame.libraryChanged();
      this.show();
    } catch (error) {
      say(error.message, { isError: true });
    }
  }
}

function groupBy(judgements) {
  const groups = new Map();
  for (const judgement of judgements) groups.set(judgement.query, [...(groups.get(judgement.query) ?? []), judgement]);
  return groups;
}
