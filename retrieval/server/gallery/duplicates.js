/** The page of duplicates: photos of the same picture side by side. Nothing is deleted; paths can be copied. */

import { change } from "./address.js";
import { thumbnailUrl } from "./api.js";
import { button, fill, h, icon } from "./dom.js";
import { copyText } from "./dialog.js";
import { JobLine, newestJobs, startJob } from "./jobs.js";
import { errorState, state } from "./states.js";
import { fileSize } from "./numbers.js";
import { t } from "./texts.js";

const AT_ONCE = 50; // groups that are shown, and added by "more"

/** The page of duplicates. */
export class DuplicatesPage {
  constructor(frame) {
    this.frame = frame;
    this.line = new JobLine((job) => this.#showJob(job));
    this.groups = h("div.stack");
    this.start = button(t("duplicates.start"), () => this.#start(), { name: "duplicates", primary: true });
    this.element = h(
      "div.page",
      {},
      h("h1", { tabindex: "-1" }, t("page.duplicates")),
      h("p", {}, t("duplicates.intro")),
      h("div.stack", {}, h("div", {}, this.start), this.line.element),
      this.groups,
    );
  }

  /** Show the last search for duplicates. */
  async show() {
    try {
      const { duplicates } = await newestJobs();
      if (!duplicates) return;
      if (duplicates.state === "running") this.line.follow(duplicates);
      else this.#showJob(duplicates);
    } catch (error) {
      fill(
        this.groups,
        errorState(error, () => this.show()),
      );
    }
  }

  /** Forget what is shown. */
  reset() {
    this.line.stop?.();
    fill(this.line.element);
    fill(this.groups);
  }

  async #start() {
    fill(this.groups);
    try {
      this.line.follow(await startJob("duplicates"));
    } catch (error) {
      fill(
        this.groups,
        errorState(error, () => this.#start()),
      );
    }
  }

  #showJob(job) {
    if (job.state === "done") this.#show(job.result, AT_ONCE);
    else this.line.follow(job);
  }

  #show(result, count) {
    const { groups } = result;
    if (!groups.length) return fill(this.groups, state("done", t("duplicates.none"), t("duplicates.none-note")));
    const others = groups.flatMap((group) => group.others);
    const bytes = others.reduce((sum, photo) => sum + photo.reclaimable_bytes, 0);
    const copyAll = button(t("duplicates.copy-all"), () => copyPaths(others), { name: "copy" });
    const more = groups.length > count && button(t("more"), () => this.#show(result, count + AT_ONCE));
    return fill(
      this.groups,
      h(
        "div.row.between",
        { role: "status" },
        h("p", {}, t("duplicates.found", { n: groups.length, size: fileSize(bytes) })),
        copyAll,
      ),
      groups.slice(0, count).map((group, number) => this.#group(group, number)),
      more || "",
    );
  }

  #group({ best, others }, number) {
    const id = `group-${number}`;
    return h(
      "section.group",
      { "aria-labelledby": id },
      h(
        "div.row.between",
        {},
        h("h2", { id }, t("duplicates.group", { n: others.length + 1 })),
        button(t("duplicates.copy"), () => copyPaths(others), { name: "copy" }),
      ),
      h(
        "ul.pair-list",
        { role: "list" },
        [best, ...others].map((photo) => this.#photo(photo, photo === best)),
      ),
    );
  }

  #photo(photo, isBest) {
    const name = photo.path.split(/[\\/]/).pop();
    const image = h("img", { src: thumbnailUrl(photo.item_id), alt: "", loading: "lazy" });
    return h(
      "li.card",
      { class: isBest ? "best" : "" },
      h(
        "button.card-picture",
        {
          type: "button",
          "aria-label": t("duplicates.open", { name }),
          onclick: () => change({ item: photo.item_id }),
        },
        image,
      ),
      h("p.card-how", {}, isBest ? [icon("done"), t("duplicates.best")] : photo.how),
      h("p.card-name", { title: photo.path }, name),
      h("p.quiet", {}, `${t("detail.pixels", photo)}, ${fileSize(photo.bytes)}`),
      h("p.quiet.path", {}, photo.path),
    );
  }
}

function copyPaths(photos) {
  const paths = photos.filter(({ collection }) => !collection).map(({ path }) => path);
  copyText(paths.join("\n"), t("duplicates.copied", { n: paths.length }));
}
