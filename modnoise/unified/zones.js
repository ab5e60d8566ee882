// Two sliders, model size and training pairs: the recorded curve of that run, its dynamics, a sentence.
// Data come from Python (widgets.py): { sizes, pairs, steps, cells, sentences }; a cell is named
// "size,pairs" and holds three lists of accuracies in thousandths, one number per step.
const WIDTH = 640, HEIGHT = 220, LEFT = 48, RIGHT = 10, TOP = 8, BOTTOM = 28;
const LINES = ["clean", "test", "fresh"];

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function places(steps) {
  const first = Math.log(steps[0]), span = Math.log(steps.at(-1)) - first || 1;
  return steps.map((step) => LEFT + ((Math.log(step) - first) / span) * (WIDTH - LEFT - RIGHT));
}

export function height(thousandths) {
  return TOP + (1 - thousandths / 1000) * (HEIGHT - TOP - BOTTOM);
}

function axes(svg, steps) {
  for (const share of [0, 500, 1000]) {
    const y = height(share);
    svg.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
    svg.append(drawn("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, `${share / 10} %`));
  }
  const x = places(steps);
  for (const decade of [1, 10, 100, 1000, 10000, 100000]) {
    const at = steps.findIndex((step) => step >= decade);
    if (at < 0 || steps[0] > decade) continue;
    svg.append(drawn("text", { x: x[at], y: HEIGHT - 8, "text-anchor": "middle" }, decade.toLocaleString("en")));
  }
  svg.append(drawn("text", { x: WIDTH - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, "step"));
}

function render({ model, el }) {
  const data = model.get("data");
  const reading = element("p", { class: "mn-reading", "aria-live": "polite" });
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const controls = [["size", "model size d", data.sizes], ["pairs", "training pairs", data.pairs]];
  const inputs = controls.map(([name, text, values]) => {
    const id = `mn-${Math.random().toString(36).slice(2)}`;
    const input = element("input", { type: "range", min: 0, max: values.length - 1, step: 1, id });
    const shown = element("output", { for: id });
    input.addEventListener("input", () => {
      model.set(name, Number(input.value));
      model.save_changes();
      draw();
    });
    model.on(`change:${name}`, draw);
    const control = element("div", { class: "mn-control" }, element("label", { for: id }, text), input, shown);
    return { name, values, input, shown, control };
  });

  function draw() {
    const chosen = inputs.map(({ name, values, input, shown }) => {
      const i = Math.min(Math.max(Number(model.get(name)), 0), values.length - 1);
      input.value = i;
      shown.textContent = values[i].toLocaleString("en");
      input.setAttribute("aria-valuetext", shown.textContent);
      return values[i];
    });
    const key = chosen.join(","), cell = data.cells[key], x = places(data.steps);
    svg.replaceChildren();
    axes(svg, data.steps);
    for (const [i, name] of LINES.entries()) {
      const points = (cell ? cell[i] : []).map((y, j) => (y === null ? "" : `${x[j].toFixed(1)},${height(y).toFixed(1)}`));
      svg.append(drawn("polyline", { class: name, points: points.filter(Boolean).join(" ") }));
    }
    for (const [i, number] of numbers.entries()) {
      const last = cell ? cell[i].findLast((y) => y !== null) : undefined;
      number.textContent = last === undefined ? "–" : `${(last / 10).toFixed(1)} %`;
    }
    reading.textContent = data.sentences[key] || "No run is recorded here.";
    svg.setAttribute("aria-label", reading.textContent);
  }

  const names = [["mn-trained", "training pairs"], ["mn-held", "held-out pairs"],
    ["mn-fresh", "held out, as is the mirror (b, a)"]];
  const numbers = names.map(() => element("span", { class: "mn-number" }));
  const keys = element("ul", { class: "mn-keys" },
    ...names.map(([kind, text], i) => element("li", { class: kind }, `${text} `, numbers[i])));
  el.classList.add("mn-recorded", "mn-zones");
  el.append(...inputs.map((x) => x.control), reading, svg, keys);
  draw();
}

export default { render };
