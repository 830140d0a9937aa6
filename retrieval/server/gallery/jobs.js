/** Long work on the server: started, watched by its events, cancelled. */

import { get, libraryUrl, post, remove } from "./api.js";
import { button, fill, h } from "./dom.js";
import { t } from "./texts.js";

/** Start a job and return it. */
export function startJob(kind, values = {}) {
  return post(libraryUrl("jobs"), { kind, ...values });
}

/** Return the jobs of the library, the newest of each kind by its kind. */
export async function newestJobs() {
  const jobs = await get(libraryUrl("jobs"));
  return Object.fromEntries(jobs.map((job) => [job.kind, job]));
}

/** Call `onChange` with a job at each of its events until it ends; return a function that stops it. */
export function watchJob(job, onChange) {
  const events = new EventSource(libraryUrl(`jobs/${job.job}/events`));
  const onEvent = (event) => {
    const values = JSON.parse(event.data);
    if (values.state !== "running") events.close();
    onChange(values);
  };
  for (const name of ["progress", "done", "failed", "cancelled"]) events.addEventListener(name, onEvent);
  return () => events.close();
}

/** A line with a job's progress, and a button that cancels it. */
export class JobLine {
  /** @param {(job: object) => void} onEnd Called when the job has ended. */
  constructor(onEnd) {
    this.onEnd = onEnd;
    this.element = h("div.job", { role: "status" });
  }

  /** Follow a job until it ends. */
  follow(job) {
    this.stop?.();
    this.#show(job);
    if (job.state === "running") this.stop = watchJob(job, (values) => this.#onChange(values));
  }

  #onChange(job) {
    this.#show(job);
    if (job.state !== "running") this.onEnd(job);
  }

  #show(job) {
    if (job.state !== "running") return fill(this.element, this.#ending(job));
    const { stage = null, done = 0, total = null } = job.progress ?? {};
    const label = stage ? t("job.stage", { stage }) : t(`job.${job.kind}`);
    const bar = h("progress.progress", { "aria-label": label, max: total || null, value: total ? done : null });
    const numbers = total ? t("job.progress", { n: done, total }) : "";
    const cancel = button(t("cancel"), () => remove(libraryUrl(`jobs/${job.job}`)).catch(() => {}));
    return fill(
      this.element,
      h("div.row.between", {}, h("span", {}, label), h("span.quiet", {}, numbers)),
      h("div.row", {}, bar, cancel),
    );
  }

  #ending({ state, problem }) {
    if (state === "failed") return h("p.note.error", {}, problem?.detail ?? problem?.title ?? t("job.failed"));
    return state === "cancelled" ? h("p.note", {}, t("job.cancelled")) : null;
  }
}
