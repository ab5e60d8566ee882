// A slider over recorded values: bars, numbers and one sentence follow it. Needs no kernel.
// Data come from Python (modnoise/widgets.py): { axis, values, parts, roles, rows, sentences, chance };
// a row is { part: { role: share } }, one per value on the slider, as is a sentence. The lists give
// the order, which objects lose in a stored notebook.
const NAMES = {
  full: "full network",
  G: "filtered (FF)",
  G_quadratic: "filtered, φ = x²",
  G_random: "random frequencies, φ = x²",
  G_random_relu: "random frequencies",
  every: "every frequency separately",
  R: "residual",
};
const percent = (x) => (x === null ? "–" : `${(100 * x).toFixed(1)} %`);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function bar(role, value, chance) {
  const fill = element("div", { class: `mn-fill mn-${role}` });
  fill.style.width = `${100 * (value ?? 0)}%`;
  const mark = element("div", { class: "mn-chance" });
  mark.style.left = `${100 * chance}%`;
  return element("div", { class: "mn-track", "aria-hidden": "true" }, fill, mark);
}

function render({ model, el }) {
  const data = model.get("data");
  const id = `mn-${Math.random().toString(36).slice(2)}`;
  const slider = element("input", {
    type: "range", min: 0, max: data.values.length - 1, step: 1, id,
    value: model.get("index"),
  });
  const shown = element("output", { for: id });
  const label = element("label", { for: id }, data.axis + " ");
  const body = element("div", { class: "mn-bars" });
  const reading = element("p", { class: "mn-reading", "aria-live": "polite" });

  function draw() {
    const i = Math.min(Math.max(Number(model.get("index")), 0), data.values.length - 1);
    const row = data.rows[i];
    slider.value = i;
    shown.textContent = data.values[i];
    slider.setAttribute("aria-valuetext", data.values[i]);
    body.replaceChildren();
    for (const part of data.parts) {
      const shares = row[part], roles = data.roles.filter((role) => role in shares);
      const title = element("div", { class: "mn-name" }, NAMES[part] ?? part);
      title.style.gridRow = `span ${roles.length}`;
      const line = element("div", { class: "mn-part" }, title);
      for (const role of roles) {
        const number = percent(shares[role]);
        line.append(
          bar(role, shares[role], data.chance),
          element("div", { class: "mn-number" }, roles.length > 1 ? `${role} ${number}` : number),
        );
      }
      body.append(line);
    }
    reading.textContent = data.sentences[i];
  }

  slider.addEventListener("input", () => {
    model.set("index", Number(slider.value));
    model.save_changes();
    draw();
  });
  model.on("change:index", draw);
  el.classList.add("mn-recorded");
  el.append(element("div", { class: "mn-control" }, label, slider, " ", shown), body, reading);
  draw();
}

export default { render };
