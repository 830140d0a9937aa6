/** "Why this one": what of the query speaks for a result, and where in the photo. */

import { libraryUrl, post, postForPicture } from "./api.js";
import { button, fill, h } from "./dom.js";
import { percent } from "./numbers.js";
import { t } from "./texts.js";

/** The part of the viewer's panel that explains a result. */
export class WhyPanel {
  constructor(search, item, stage) {
    Object.assign(this, { search, item, stage });
    this.content = h(
      "div.stack",
      {},
      button(t("why.ask"), () => this.#explain(), { name: "why" }),
    );
    this.element = h(
      "section.why",
      { "aria-labelledby": "why-title" },
      h("h3", { id: "why-title" }, t("why.title")),
      this.content,
    );
  }

  async #explain() {
    const body = { search: this.search, item_id: this.item.item_id };
    fill(this.content, h("p.quiet", { role: "status" }, t("why.busy")));
    try {
      const explanation = await post(libraryUrl("explain"), body);
      fill(this.content, this.#facts(explanation), this.#parts(explanation), this.#words(explanation));
      if (explanation.regions?.length) this.content.append(this.#heat(body));
    } catch (error) {
      fill(
        this.content,
        h("p.note", { role: "alert" }, error.message),
        button(t("again"), () => this.#explain()),
      );
    }
  }

  #facts({ rank, total, probability, reasons }) {
    const sentences = [
      probability === null ? null : t("why.probability", { percent: percent(probability) }),
      rank === null ? null : t("why.rank", { n: rank, total }),
      ...reasons,
    ];
    return sentences.filter(Boolean).map((sentence) => h("p", {}, sentence));
  }

  #parts({ part_scores: parts }) {
    if (parts.length < 2) return null;
    return bars(
      t("why.parts"),
      parts.map(({ part, score, weight }) => [weight < 0 ? `− ${part}` : part, score]),
      (score) => score.toFixed(2),
    );
  }

  #words({ word_effects: effects }) {
    const words = effects.filter(({ word }) => word !== null).map(({ word, effect }) => [word, effect]);
    return words.length ? bars(t("why.words"), words, (effect) => (effect > 0 ? "+" : "") + effect.toFixed(3)) : null;
  }

  #heat(body) {
    const opacity = h("input", {
      type: "range",
      min: "0",
      max: "100",
      value: "75",
      id: "heat-opacity",
      disabled: true,
    });
    const label = h("label", { for: "heat-opacity" }, t("why.opacity"));
    const show = button(
      t("why.heat"),
      async () => {
        if (this.url) return this.#toggleHeat(show, opacity);
        try {
          this.url = URL.createObjectURL(await postForPicture(libraryUrl("explain/heatmap"), body));
        } catch (error) {
          return fill(note, error.message);
        }
        return this.#toggleHeat(show, opacity);
      },
      { "aria-pressed": "false" },
    );
    const note = h("p.note", { role: "alert" });
    opacity.addEventListener("input", () => this.stage.heat && (this.stage.heat.style.opacity = opacity.value / 100));
    return h("div.stack", {}, h("div.row", {}, show), h("div.row", {}, label, opacity), note);
  }

  #toggleHeat(show, opacity) {
    const isShown = show.getAttribute("aria-pressed") !== "true";
    show.setAttribute("aria-pressed", String(isShown));
    opacity.disabled = !isShown;
    this.stage.overlay(isShown ? this.url : null, opacity.value / 100);
  }
}

function bars(title, rows, format) {
  const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-6);
  const lines = rows.map(([name, value]) => {
    const bar = h("span.bar", { class: value < 0 ? "negative" : "", "aria-hidden": "true" });
    bar.style.width = `${(100 * Math.abs(value)) / most}%`;
    return h(
      "li",
      {},
      h("span.bar-name", {}, name),
      h("span.bar-track", {}, bar),
      h("span.bar-value", {}, format(value)),
    );
  });
  return h("div", {}, h("h4", {}, title), h("ul.bars", { role: "list" }, lines));
}
