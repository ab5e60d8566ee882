// An explorer of single items: question, answers, and what each layer would say. Needs no kernel.
// Data come from Python (modnoise/rote/widgets.py): { what, items: [{ question, true, given, noisy,
// layers: [[site, token, which], ...] }] }.
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const WORDS = { true: "true", wrong: "wrong label", other: "" };

function render({ model, el }) {
  const data = model.get("data");
  const id = `mn-${Math.random().toString(36).slice(2)}`;
  const select = element("select", { id });
  data.items.forEach((item, i) => {
    const kind = item.noisy ? "wrong label" : "clean";
    select.append(element("option", { value: i }, `${item.question} (${kind})`));
  });
  const head = element("tr"), body = element("tr");
  const reading = element("p", { class: "mn-reading", "aria-live": "polite" });

  function draw() {
    const i = Math.min(Math.max(Number(model.get("index")), 0), data.items.length - 1);
    const item = data.items[i];
    select.value = String(i);
    head.replaceChildren(element("th", { scope: "row" }, "behind layer"));
    body.replaceChildren(element("th", { scope: "row" }, `would say (${data.what})`));
    for (const [site, token, which] of item.layers) {
      head.append(element("th", { scope: "col" }, site));
      const cell = element("td", { class: `mn-${which}` }, element("strong", {}, token));
      if (WORDS[which]) cell.append(element("br"), element("small", {}, WORDS[which]));
      body.append(cell);
    }
    reading.textContent = item.noisy
      ? `${item.question}: true answer ${item.true}, remembered label ${item.given}.`
      : `${item.question}: answer ${item.true}, given rightly.`;
  }

  select.addEventListener("change", () => {
    model.set("index", Number(select.value));
    model.save_changes();
    draw();
  });
  model.on("change:index", draw);
  el.classList.add("mn-rote");
  el.append(
    element("div", { class: "mn-control" }, element("label", { for: id }, "item "), select),
    element("div", { class: "mn-scroll" },
      element("table", {}, element("thead", {}, head), element("tbody", {}, body))),
    reading,
  );
  draw();
}

export default { render };
