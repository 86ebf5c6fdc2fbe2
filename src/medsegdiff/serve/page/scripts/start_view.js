// The first view: what to do, in three steps, and the session's earlier results.

import { spoken } from "./display.js";
import { field, h, speak } from "./elements.js";
import { imageChoice } from "./image_choice.js";
import { jobList } from "./job_list.js";
import { dimensions } from "./kinds.js";
import { recalled, remember } from "./last_sent.js";
import { send } from "./requests.js";
import { settingsForm } from "./settings_form.js";
import { trouble } from "./trouble.js";
import { uploadBar } from "./upload_bar.js";

/**
 * Choose an image, a model, and start.
 *
 * @param {string} [job] of which nothing came, so that its image and model are still chosen.
 */
export function startView(server, job) {
  if (server.models.length === 0) {
    return {
      title: "No model",
      element: trouble("There is no model to segment with",
        "Start the program with one: medsegdiff serve -m MODEL, where MODEL is a bundled model's name or the folder of a training."),
    };
  }
  const form = new StartForm(server, recalled(job));
  const jobs = jobList();
  return {
    element: h("div", { class: "start" },
      h("div", { class: "intro" },
        h("h1", {}, "Outline what matters in a medical image"),
        h("p", {}, "You get several plausible outlines, the one mask they agree on, and a map of where the model is unsure.")),
      form.element,
      jobs.element),
    leave: () => {
      form.leave();
      jobs.leave();
    },
  };
}

class StartForm {
  constructor(server, earlier) {
    this.server = server;
    this.images = imageChoice(server.limits.upload_bytes, () => this.refresh());
    this.settingsPlace = h("div", { class: "settings" });
    this.misfit = h("div", { class: "misfit", role: "status" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.button = h("button", { class: "primary large", type: "submit" }, "Segment");
    this.hint = h("p", { class: "hint", id: "segment-hint" });
    this.button.setAttribute("aria-describedby", "segment-hint");
    this.bar = uploadBar();
    this.element = h("form", { class: "steps", novalidate: true, onsubmit: (event) => this.submit(event) },
      this.step("1", "Choose an image", this.images.element),
      this.step("2", "Choose what to look for", this.modelChoice(), this.misfit, this.settingsPlace),
      this.step("3", "Segment", h("div", { class: "go" }, this.button, this.hint), this.bar.element, this.problem));
    this.useModel(earlier?.model ?? server.models[0].id);
    if (earlier?.image.files) this.images.take(earlier.image);
  }

  step(number, title, ...content) {
    return h("section", { class: "card step" },
      h("h2", {}, h("span", { class: "number", "aria-hidden": "true" }, number), title), content);
  }

  modelChoice() {
    this.about = h("p", { class: "hint" });
    this.select = h("select", { onchange: () => this.useModel(this.select.value) },
      this.server.models.map((model) => h("option", { value: model.id }, model.title)));
    return h("div", {}, field("Model", this.select), this.about);
  }

  useModel(id) {
    this.model = this.server.models.find((model) => model.id === id);
    this.select.value = id;
    this.about.textContent = spoken(this.model.description ?? "");
    this.form = settingsForm(this.model.settings_schema);
    this.settingsPlace.replaceChildren(
      h("details", {}, h("summary", {}, "Settings"), this.form.element));
    this.images.useSamples(this.model.samples ?? []);
    this.refresh();
  }

  refresh() {
    const chosen = this.images.chosen();
    this.button.disabled = !chosen;
    this.button.setAttribute("aria-disabled", String(this.isBusy === true)); // and keeps the focus
    this.hint.textContent = chosen ? `Draws the masks of ${chosen.title}.` : "Choose an image first.";
    this.problem.hidden = true;
    this.misfit.replaceChildren(...this.told(chosen));
  }

  /** What is said of files that the model will hardly take, with the models that do. */
  told(chosen) {
    const found = chosen?.files ? dimensions(chosen.files) : null;
    if (found === null || found === this.model.space_dims) return [];
    const kind = (dims) => (dims === 3 ? "volume" : "picture");
    const fitting = this.server.models.filter((model) => model.space_dims === found);
    const offer = (model) => h("button", { type: "button", onclick: () => {
      this.useModel(model.id);
      this.select.focus();
    } }, `Use ${model.title}`);
    const way = fitting.length > 0 ? "Choose a model that fits:" : `There is no model for ${kind(found)}s here. Start the program with one (-m MODEL), or choose another image.`;
    return [
      h("p", {}, `${chosen.title} looks like a ${kind(found)}, and this model takes ${kind(this.model.space_dims)}s. ${way}`),
      ...(fitting.length > 0 ? [h("p", { class: "actions" }, fitting.map(offer))] : []),
    ];
  }

  async submit(event) {
    event.preventDefault();
    const chosen = this.images.chosen();
    if (!chosen || this.isBusy) return;
    if (this.form.element.querySelector(":invalid")) this.settingsPlace.firstChild.open = true;
    if (!this.form.isValid()) return;
    this.isBusy = true;
    this.refresh();
    const upload = send("/api/jobs", this.body(chosen), (fraction) => this.bar.set(fraction));
    this.stop = upload.abort;
    this.bar.show(chosen, upload.abort);
    try {
      const { id } = await upload.done;
      remember(id, { image: chosen, model: this.model.id });
      location.hash = `job/${id}`;
    } catch (error) {
      this.isBusy = false;
      this.bar.hide();
      this.refresh();
      speak("");
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }

  body(chosen) {
    const body = new FormData();
    body.append("settings", JSON.stringify({ model: this.model.id, ...this.form.values() }));
    if (chosen.sample) body.append("sample", chosen.sample);
    else for (const file of chosen.files) body.append("files", file, file.name);
    if (chosen.folder) body.append("name", chosen.folder);
    return body;
  }

  leave() {
    if (this.isBusy) this.stop?.();
    this.images.leave();
  }
}
