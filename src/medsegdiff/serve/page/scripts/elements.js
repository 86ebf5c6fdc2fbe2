// Elements from code: no markup is ever made from text, so nothing that a file is called can run.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `on…` attributes are listeners, false and null leave one out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** A small square of a class's colour; decoration beside its name. */
export function swatch(color) {
  return svg("svg", { class: "swatch", viewBox: "0 0 12 12", "aria-hidden": "true" },
    svg("rect", { width: 12, height: 12, rx: 2, fill: color }));
}

/** A labelled control; the hint is read with it. */
export function field(label, control, hint = null) {
  const id = control.id || freshId();
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" },
    h("label", { for: id }, label),
    control,
    hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

/** Buttons of which one is chosen: radio buttons that look like a switch. */
export function choice(legend, options, chosen, onChoose) {
  const name = freshId();
  const one = ({ value, title }) => h("label", {},
    h("input", {
      type: "radio", name, value, checked: value === chosen, onchange: () => onChoose(value),
    }),
    h("span", {}, title));
  return h("fieldset", { class: "choice" }, h("legend", {}, legend), options.map(one));
}

/** A slider with its value beside it. */
export function slider(label, { min, max, step = 1, value, text = String, onInput }) {
  const output = h("span", { class: "value", "aria-hidden": "true" }, text(value)); // the input says it as well
  const input = h("input", { type: "range", min, max, step, value, "aria-valuetext": text(value) });
  const changed = () => {
    output.textContent = text(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    changed();
    onInput(Number(input.value));
  });
  const element = field(label, input);
  element.classList.add("slider");
  element.append(output);
  const set = (next) => {
    input.value = next;
    changed();
  };
  return { element, input, set };
}

/** Say something to a screen reader without moving the focus. */
export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

let made = 0;

/** An id that nothing else on the page has. */
export function freshId() {
  made += 1;
  return `part-${made}`;
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}
