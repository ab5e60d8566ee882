// A slider over recorded steps; rows of small grey pictures follow it. Needs no kernel.
// Data come from Python (widgets.py): { axis, values, side, names, rows }; per value on the slider
// the names of its rows, and per row its pictures, a byte per pixel, as base64.
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function unpack(text, side) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const found = [];
  for (let i = 0; i < bytes.length; i += side * side) found.push(bytes.slice(i, i + side * side));
  return found;
}

function picture(bytes, side) {
  const canvas = element("canvas", { width: side, height: side, "aria-hidden": "true" });
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  bytes.forEach((grey, i) => image.data.set([grey, grey, grey, 255], 4 * i));
  context.putImageData(image, 0, 0);
  return canvas;
}

function render({ model, el }) {
  const data = model.get("data");
  const id = `mn-${Math.random().toString(36).slice(2)}`;
  const slider = element("input", {
    type: "range", min: 0, max: data.values.length - 1, step: 1, id, value: model.get("index"),
  });
  const shown = element("output", { for: id, "aria-live": "polite" });
  const body = element("div", {});

  function draw() {
    const i = Math.min(Math.max(Number(model.get("index")), 0), data.values.length - 1);
    slider.value = i;
    shown.textContent = data.values[i];
    slider.setAttribute("aria-valuetext", data.values[i]);
    body.replaceChildren(...data.rows[i].map((text, k) => element(
      "div", { class: "mn-line" }, element("div", { class: "mn-name" }, data.names[i][k]),
      ...unpack(text, data.side).map((bytes) => picture(bytes, data.side)),
    )));
  }

  slider.addEventListener("input", () => {
    model.set("index", Number(slider.value));
    model.save_changes();
    draw();
  });
  model.on("change:index", draw);
  el.classList.add("mn-pictures");
  el.append(
    element("div", { class: "mn-control" }, element("label", { for: id }, data.axis + " "), slider,
      " ", shown),
    body,
  );
  draw();
}

export default { render };
