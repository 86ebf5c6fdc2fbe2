// The form of a model's settings, drawn from their JSON schema.

import { field, h } from "./elements.js";

const PLAIN = {
  members: ["Masks to draw", "Several plausible masks are drawn and fused into one. More take longer, and show better where the model is unsure."],
  steps: ["Steps for each mask", "From noise to mask. A few are enough; more take longer."],
  ensemble: ["How they are fused", null],
  seed: ["Seed", "The same image, settings and seed give the same masks again."],
};
const PLAIN_OPTIONS = {
  mean: "Mean of the probabilities",
  vote: "Majority vote",
  staple: "STAPLE: sure masks count more",
};

/**
 * Controls for every setting of a schema.
 *
 * @returns {{element: HTMLElement, values: () => object, isValid: () => boolean}}
 */
export function settingsForm(schema) {
  const entries = Object.entries(schema.properties ?? {});
  const controls = new Map(entries.map(([name, part]) => [name, control(resolved(part, schema))]));
  const element = h("div", { class: "fields" }, entries.map(([name, part]) => {
    const [title, hint] = PLAIN[name] ?? [part.title ?? name.replaceAll("_", " "), part.description];
    return field(title, controls.get(name), hint);
  }));
  const values = () => Object.fromEntries([...controls].map(([name, one]) => [name, read(one)]));
  const isValid = () => [...controls.values()].every((one) => one.reportValidity());
  return { element, values, isValid };
}

/** A setting and its value in the form's words. */
export function settingInWords(name, value) {
  return [PLAIN[name]?.[0] ?? name.replaceAll("_", " "), PLAIN_OPTIONS[value] ?? String(value)];
}

/** A setting with its `$ref` followed and the null of an optional one left out. */
function resolved(part, schema) {
  const choices = part.anyOf ?? part.oneOf ?? part.allOf;
  if (choices) {
    const known = choices.map((one) => resolved(one, schema)).filter((one) => one.type !== "null");
    const options = known.flatMap((one) => one.enum ?? (one.const === undefined ? [] : [one.const]));
    const merged = options.length > 0 ? { enum: options } : known[0];
    return { ...merged, default: part.default };
  }
  if (!part.$ref) return part;
  const target = part.$ref.split("/").slice(1).reduce((place, key) => place[key], schema);
  return resolved({ ...target, ...part, $ref: undefined }, schema);
}

function control(part) {
  if (part.enum) {
    const option = (value) => h("option", { value, selected: value === part.default },
      PLAIN_OPTIONS[value] ?? String(value));
    return h("select", { "data-kind": "text" }, part.enum.map(option));
  }
  if (part.type === "boolean") {
    return h("input", { type: "checkbox", checked: part.default === true, "data-kind": "boolean" });
  }
  if (part.type === "integer" || part.type === "number") {
    return h("input", {
      type: "number", required: true, value: part.default, inputmode: "numeric", "data-kind": "number",
      min: part.minimum ?? part.exclusiveMinimum, max: part.maximum ?? part.exclusiveMaximum,
      step: part.type === "integer" ? 1 : "any",
    });
  }
  return h("input", { type: "text", value: part.default ?? "", "data-kind": "text" });
}

function read(one) {
  if (one.dataset.kind === "boolean") return one.checked;
  return one.dataset.kind === "number" ? one.valueAsNumber : one.value;
}
