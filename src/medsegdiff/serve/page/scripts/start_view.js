// The first view: what to do, in three steps, and the session's earlier results.

import { h, field } from "./elements.js";
import { imageChoice } from "./image_choice.js";
import { jobList } from "./job_list.js";
import { send } from "./requests.js";
import { settingsForm } from "./settings_form.js";
import { trouble } from "./trouble.js";
import { uploadBar } from "./upload_bar.js";

/** Choose an image, a model, and start. */
export function startView(server) {
  if (server.models.length === 0) {
    return {
      title: "No model",
      element: trouble("There is no model to segment with",
        "Start the program with one: medsegdiff serve -m MODEL, where MODEL is a bundled model's name or the folder of a training."),
    };
  }
  const form = new StartForm(server);
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
  constructor(server) {
    this.server = server;
    this.model = server.models[0];
    this.images = imageChoice(server.limits.upload_bytes, () => this.refresh());
    this.settingsPlace = h("div", { class: "settings" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.button = h("button", { class: "primary large", type: "submit" }, "Segment");
    this.hint = h("p", { class: "hint", id: "segment-hint" });
    this.button.setAttribute("aria-describedby", "segment-hint");
    this.bar = uploadBar();
    this.element = h("form", { class: "steps", novalidate: true, onsubmit: (event) => this.submit(event) },
      this.step("1", "Choose an image", this.images.element),
      this.step("2", "Choose what to look for", this.modelChoice(), this.settingsPlace),
      this.step("3", "Segment", h("div", { class: "go" }, this.button, this.hint), this.bar.element, this.problem));
    this.useModel(this.model.id);
  }

  step(number, title, ...content) {
    return h("section", { class: "card step" },
      h("h2", {}, h("span", { class: "number", "aria-hidden": "true" }, number), title), content);
  }

  modelChoice() {
    this.about = h("p", { class: "hint" });
    const select = h("select", { onchange: () => this.useModel(select.value) },
      this.server.models.map((model) => h("option", { value: model.id }, model.title)));
    return h("div", {}, field("Model", select), this.about);
  }

  useModel(id) {
    this.model = this.server.models.find((model) => model.id === id);
    this.about.textContent = this.model.description ?? "";
    this.form = settingsForm(this.model.settings_schema);
    this.settingsPlace.replaceChildren(
      h("details", {}, h("summary", {}, "Settings"), this.form.element));
    this.images.useSamples(this.model.samples ?? []);
    this.refresh();
  }

  refresh() {
    const chosen = this.images.chosen();
    this.button.disabled = !chosen || this.isBusy === true;
    this.hint.textContent = chosen ? `Draws the masks of ${chosen.title}.` : "Choose an image first.";
    this.problem.hidden = true;
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
      location.hash = `job/${id}`;
    } catch (error) {
      this.isBusy = false;
      this.bar.hide();
      this.refresh();
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }

  body(chosen) {
    const body = new FormData();
    body.append("settings", JSON.stringify({ model: this.model.id, ...this.form.values() }));
    if (chosen.sample) body.append("sample", chosen.sample);
    else for (const file of chosen.files) body.append("files", file, file.name);
    return body;
  }

  leave() {
    if (this.isBusy) this.stop?.();
    this.images.leave();
  }
}
