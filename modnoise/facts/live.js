// Rules and facts, solved while a slider moves: errors on both against the penalty. Needs no kernel.
// Equations, names and formulas are those of modnoise/facts/theory.py and limits.py.
// State: { eps, alpha, lam, angle, points }; angles in degrees, null is the best one. A point is a
// simulation, { eps, alpha, lambda, angle, gen, mem, gen_sd, mem_sd }, with the errors of its means.

// --- the equations; angles in radians

const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** Phi, the normal distribution function: a power series, far out a continued fraction. */
export function Phi(x) {
  if (Math.abs(x) > 40) return x > 0 ? 1 : 0;
  if (Math.abs(x) > 3) {
    let below = Math.abs(x);
    for (let k = 60; k >= 1; k--) below = Math.abs(x) + k / below;
    return x > 0 ? 1 - density(x) / below : density(x) / below;
  }
  let term = x, sum = x;
  for (let k = 1; Math.abs(term) > 1e-17; k++) sum += (term *= x * x / (2 * k + 1));
  return 0.5 + density(x) * sum;
}

/** E[y z] of a label and the teacher's output. */
const signal = (eps) => (1 - eps) * Math.sqrt(2 / Math.PI);

/** Kernel ridge regression: V/b = v is the positive root of r v^2 + (r + alpha - 1) v = 1. */
export function ridge(alpha, eps, lam, angle) {
  const linear = Math.cos(angle) ** 2, own = Math.sin(angle) ** 2;
  const r = (lam + own) / linear, c = signal(eps), b = own ? 1 + own / lam : 1;
  const half = r + alpha - 1, root = Math.sqrt(half * half + 4 * r);
  const v = half > 0 ? 2 / (half + root) : (root - half) / (2 * r);
  const share = v / (1 + v), m = alpha * c * share, A = alpha * share * share;
  const q = (m * m + A * (1 - 2 * c * m)) / (1 - A), tau = b * (1 + v) - 1;
  const gen = Math.acos(Math.min(1, m / Math.sqrt(q))) / Math.PI;
  return { m, q, V: b * v, tau, gen, mem: Phi(-tau / Math.sqrt(q)) };
}

/** The angle whose interpolator learns the rule as the best ridge does; a right angle at eps = 1. */
export const bestAngle = (eps) => Math.acos(signal(eps));

/** E_gen of the Bayes-optimal learner; x = 1 - q = 1 / (1 + qhat) is found by damped iteration. */
export function bayes(alpha, eps) {
  if (eps === 1) return 0.5;
  let x = 1 / (1 + alpha);
  for (let i = 0; i < 20000; i++) {
    const next = 1 / (1 + 2 * alpha * (1 - eps) ** 2 / x * information(x, eps));
    const done = Math.abs(next - x) < 1e-11 * x;
    x = (x + next) / 2;
    if (done) break;
  }
  return Math.acos(Math.sqrt(Math.max(0, 1 - x))) / Math.PI;
}

/** E[phi(a t)^2 / ((1 - eps) Phi(a t) + eps/2)] for a^2 = 1/x - 1, by the trapezoid rule. */
function information(x, eps) {
  const wide = Math.sqrt((2 - x) / x), step = 0.2;
  let sum = 0;
  for (let w = -10; w < 10 + step / 2; w += step) {
    const Z = (1 - eps) * Phi(Math.sqrt(1 / x - 1) * w / wide) + eps / 2;
    sum += Math.exp(-w * w / 2) / Z;
  }
  return sum * step / (2 * Math.PI) ** 1.5 / wide;
}

export const EXPONENTS = Array.from({ length: 81 }, (_, i) => (i - 60) / 10); // of the penalty

/** Ridge at every penalty of the drawing. */
export const curve = (alpha, eps, angle) =>
  EXPONENTS.map((x) => ridge(alpha, eps, 10 ** x, angle));

// --- words and numbers

const RADIANS = Math.PI / 180;
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const degrees = (x) => `${Number(x.toFixed(1))}°`;
const raised = (n) => String(n).replace(/./g, (x) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(x)]);

function penalty(lam) {
  if (lam > 9e-4) return `${Number(lam.toPrecision(2))}`;
  const [digits, power] = lam.toExponential(1).split("e");
  return `${digits === "1.0" ? "" : `${Number(digits)} × `}10${raised(Number(power))}`;
}

/** Everything that the page shows at one position of the sliders. */
export function solve({ eps, alpha, lam, angle }) {
  const best = bestAngle(eps), turned = angle === null ? Math.min(best, 89 * RADIANS) : angle * RADIANS;
  return {
    eps, alpha, lam, angle: angle === null ? turned / RADIANS : angle,
    kernel: ridge(alpha, eps, lam, turned), linear: ridge(alpha, eps, lam, 0),
    curves: { kernel: curve(alpha, eps, turned), linear: curve(alpha, eps, 0) },
    bayes: bayes(alpha, eps),
    best: eps < 1 ? { angle: best / RADIANS, gen: ridge(alpha, eps, 0, best).gen } : null,
  };
}

export function sentence({ lam, angle, kernel, linear, best }) {
  const told = `With penalty λ = ${penalty(lam)} the kernel at ${degrees(angle)} is wrong on ` +
    `${percent(kernel.gen)} of new inputs and has lost ${percent(kernel.mem)} of the facts; the ` +
    `linear learner is wrong on ${percent(linear.gen)} and has lost ${percent(linear.mem)}. `;
  if (!best) return `${told}There is no rule to learn: all labels are by a coin.`;
  if (kernel.gen - best.gen < 5e-4 && kernel.mem < 5e-4)
    return `${told}Memorizing is free here: no penalty or angle learns the rule noticeably better.`;
  return `${told}Without penalty, at ${degrees(best.angle)}, it would be wrong on ` +
    `${percent(best.gen)} and would have lost none; no penalty or angle learns the rule better.`;
}

// --- the drawing

const HEIGHT = 300, BOX = { left: 44, right: 14, top: 12, bottom: 42 };

/** The drawing as SVG: solid the kernel, dashed the linear learner; circles rule, squares facts. */
export function drawing(found, points, width) {
  const right = width - BOX.right, low = HEIGHT - BOX.bottom;
  const X = (exponent) => BOX.left + (right - BOX.left) * (exponent + 6) / 8;
  const Y = (error) => low - (low - BOX.top) * error / 0.5;
  const parts = [axes(X, Y, right, low)];
  parts.push(line("bayes", [[BOX.left, Y(found.bayes)], [right, Y(found.bayes)]]));
  for (const [learner, curve] of Object.entries(found.curves).reverse())
    for (const kind of ["gen", "mem"])
      parts.push(line(`${kind} ${learner}`, curve.map((one, i) => [X(EXPONENTS[i]), Y(one[kind])])));
  for (const point of matching(points, found))
    for (const kind of ["gen", "mem"]) parts.push(bar(point, kind, X, Y));
  if (found.best) parts.push(free(X(-6), Y(found.best.gen), found.best));
  const at = X(Math.log10(found.lam));
  parts.push(`<line class="at" x1="${at}" x2="${at}" y1="${BOX.top}" y2="${low}"/>`);
  for (const kind of ["gen", "mem"]) parts.push(mark(`${kind} dot`, kind, at, Y(found.kernel[kind]), 6));
  return parts.join("");
}

const fixed = (x) => x.toFixed(1);
const line = (name, places) =>
  `<polyline class="${name}" points="${places.map((xy) => xy.map(fixed).join()).join(" ")}"/>`;

function axes(X, Y, right, low) {
  const parts = [];
  for (const error of [0, 0.1, 0.2, 0.3, 0.4, 0.5]) {
    parts.push(`<line class="grid" x1="${BOX.left}" x2="${right}" y1="${Y(error)}" y2="${Y(error)}"/>`);
    parts.push(`<text class="y" x="${BOX.left - 8}" y="${Y(error) + 4}">${Math.round(100 * error)} %</text>`);
  }
  for (const x of [-6, -4, -2, 0, 2])
    parts.push(`<text class="x" x="${X(x)}" y="${low + 18}">${penalty(10 ** x)}</text>`);
  parts.push(`<text class="x" x="${(BOX.left + right) / 2}" y="${HEIGHT - 6}">penalty λ</text>`);
  return parts.join("");
}

/** A circle or a square. */
function mark(name, kind, x, y, size) {
  if (kind === "gen") return `<circle class="${name}" cx="${fixed(x)}" cy="${fixed(y)}" r="${size}"/>`;
  return `<rect class="${name}" x="${fixed(x - size)}" y="${fixed(y - size)}" width="${2 * size}" height="${2 * size}"/>`;
}

/** Where facts are stored at no cost for the rule: no penalty, the best angle. */
function free(x, y, { angle }) {
  const corners = [[x - 8, y], [x, y - 8], [x + 8, y], [x, y + 8]];
  return `<polygon class="free" points="${corners.map((xy) => xy.map(fixed).join()).join(" ")}"/>` +
    `<text class="free" x="${x + 10}" y="${fixed(y - 14)}">memorize for free: ${degrees(angle)}</text>`;
}

/** The simulations at the sliders' values: of the linear learner, and of kernels within half a degree. */
export function matching(points, { eps, alpha, angle }) {
  const same = (a, b) => Math.abs(a - b) < 1e-6;
  return points.filter((one) => same(one.eps, eps) && same(one.alpha, alpha) &&
    (one.angle === 0 || Math.abs(one.angle - angle) <= 0.5));
}

function bar(point, kind, X, Y) {
  const x = X(Math.log10(point.lambda)), y = Y(point[kind]), far = 2 * point[`${kind}_sd`];
  const name = `${kind} run${point.angle ? "" : " hollow"}`;
  return `<line class="${name}" x1="${fixed(x)}" x2="${fixed(x)}" y1="${fixed(Y(point[kind] - far))}" ` +
    `y2="${fixed(Y(point[kind] + far))}"/>${mark(name, kind, x, y, 3)}`;
}

// --- the widget

const SLIDERS = {
  eps: { label: "share of facts ε", min: 0.05, max: 1, step: 0.05, shown: (x) => `${Math.round(100 * x)} %` },
  alpha: { label: "examples per dimension n/d", min: 0.5, max: 16, step: 0.5, shown: String },
  lam: { label: "penalty λ", min: -6, max: 2, step: 0.1, shown: penalty,
    to: Math.log10, from: (x) => 10 ** Number(x) },
  angle: { label: "angle of the kernel γ", min: 0, max: 89, step: 1, shown: degrees },
};
const KEYS = [
  ["gen", "wrong on new inputs (the rule)"], ["mem", "facts not stored"],
  ["solid", "kernel"], ["dashed", "linear learner"], ["dotted", "Bayes-optimal, on the rule"],
];

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** One slider with its label; `changed` is told its value. */
function slider(name, id, changed) {
  const { label, min, max, step, shown, to = Number, from = Number } = SLIDERS[name];
  const input = element("input", { type: "range", id: `${id}-${name}`, min, max, step });
  const told = element("output", { for: input.id });
  input.addEventListener("input", () => changed(from(input.value)));
  const show = (value) => {
    input.value = to(value);
    told.textContent = shown(value);
    input.setAttribute("aria-valuetext", shown(value));
  };
  return { show, row: [element("label", { for: input.id }, label), input, told] };
}

function table(found) {
  const row = (tag, name, cells) => element("tr", null, element("th", { scope: "row" }, name),
    ...cells.map((x) => element(tag, tag === "th" ? { scope: "col" } : null, x)));
  const head = row("th", "", [`kernel at ${degrees(found.angle)}`, "linear", "Bayes-optimal"]);
  head.firstChild.replaceWith(element("td"));
  return element("table", null, element("thead", null, head), element("tbody", null,
    row("td", "wrong on new inputs", [found.kernel.gen, found.linear.gen, found.bayes].map(percent)),
    row("td", "facts not stored", [...[found.kernel.mem, found.linear.mem].map(percent), "–"])));
}

function legend(runs) {
  const keys = runs ? [...KEYS, ["run", "runs, two standard errors"]] : KEYS;
  return element("ul", { class: "mn-keys" },
    ...keys.map(([name, text]) => element("li", { class: `mn-${name}` }, text)));
}

function render({ model, el }) {
  const id = `mn-${Math.random().toString(36).slice(2)}`, names = Object.keys(SLIDERS);
  const state = () => Object.fromEntries(names.map((name) => [name, model.get(name) ?? null]));
  const set = (name, value) => { model.set(name, value); model.save_changes(); draw(); };
  const sliders = Object.fromEntries(names.map((name) => [name, slider(name, id, (x) => set(name, x))]));
  const follow = element("input", { type: "checkbox", id: `${id}-best` });
  const plot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const numbers = element("div", { class: "mn-numbers" });
  const reading = element("p", { class: "mn-reading", "aria-live": "polite" });
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", "Errors on the rule and on the facts against the penalty");
  let found, width = 0;

  function redraw() {
    width = Math.max(260, Math.min(704, Math.floor(el.clientWidth) || 640));
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    plot.innerHTML = drawing(found, model.get("points") ?? [], width);
  }
  function draw() {
    found = solve(state());
    for (const name of names) sliders[name].show(found[name]);
    follow.checked = state().angle === null;
    redraw();
    numbers.replaceChildren(table(found));
    reading.textContent = sentence(found);
  }

  follow.addEventListener("change", () => set("angle", follow.checked ? null : found.angle));
  for (const name of [...names, "points"]) model.on(`change:${name}`, draw);
  el.classList.add("mn-facts");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Errors on rule and facts, solved in the page");
  const best = element("label", { class: "mn-follow", for: follow.id }, follow, " the best angle for this share");
  el.append(element("div", { class: "mn-controls" }, ...names.flatMap((name) => sliders[name].row), best),
    plot, legend((model.get("points") ?? []).length), numbers, reading);
  draw();
  const observer = new ResizeObserver(() => { if (Math.abs(el.clientWidth - width) > 1) redraw(); });
  observer.observe(el);
  return () => observer.disconnect();
}

export default { render };
