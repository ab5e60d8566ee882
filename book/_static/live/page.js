// The page "Train it in your browser": form, drawings, guided story. All training happens in a
// worker (worker.js with core.js); this file sends it what the reader asks and draws what it reports.
"use strict";

(function page() {
  const core = modnoiseCore(), story = modnoiseStory(), { percent } = story;
  const $ = (id) => document.getElementById(`live-${id}`);
  const FIELDS = Object.keys(core.FIELDS), SHOWN_ROLES = ["clean", "noisy", "recovered", "test"];
  const PARTS = {
    full: "full net", G: "FF part", G_quadratic: "FF part, under x²", R: "residual",
    G_random: "control: random frequency, x²",
  };
  const PANELS = ["full", "G_quadratic", "R", "G_random"];
  const SPOKEN = 5000, DRAWN = 100; // milliseconds between two sentences, two drawings
  const LONG = 60; // seconds from which a story waits until its reader knows

  // --- state: one run at a time -------------------------------------------------------------------

  let worker = null;
  let current = null; // { run, table, count, prior, history, last } of the net in the worker
  let going = false;
  let goal = 0; // the step to which it is to train
  let done = null; // told when it stops: (reason) => ...
  let interrupted = false; // by a tab in the background

  /** A worker from the text of its functions: a file could not be loaded by a page from disk. */
  function newWorker() {
    const source = `"use strict";${modnoiseCore}${modnoiseSimd}${modnoiseWebgpu}const core = modnoiseCore();`
      + `(${modnoiseWorker})(core, modnoiseSimd(core, "${modnoiseWasm.base64}"), modnoiseWebgpu(core));`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const made = new Worker(address);
    URL.revokeObjectURL(address);
    return made;
  }

  function clear() {
    worker?.terminate();
    worker = current = done = null;
    going = interrupted = false;
  }

  /** A new net; resolves when the worker knows how long its training will take. */
  function start(run) {
    clear();
    current = { run, history: [], last: null, asked: $("back-end").value };
    worker = newWorker();
    const mine = current;
    worker.onmessage = ({ data }) => mine === current && heard(data);
    worker.onerror = failed;
    $("engine").textContent = "Timing a few updates.";
    worker.postMessage({ do: "new", run, backEnd: current.asked });
    return new Promise((resolve) => { mine.ready = resolve; });
  }

  function failed({ message }) {
    going = false;
    buttons();
    say(`The training stopped with an error: ${message}`);
  }

  /** Once at first, and again if a back end fails and another begins anew. */
  function prepared({ table, count, prior, backEnd, why, anew, time }) {
    Object.assign(current, { table, count, prior, backEnd, time, history: [], last: null });
    $("engine").textContent = `${why && `${anew ? "Begun anew" : "Not as asked"}: ${why}. `}Computed by ${backEnd}: about ${lasting(time)} `
      + `for ${current.run.steps} steps.`;
    current.ready();
  }

  /** Seconds in words. */
  const lasting = (seconds) => (seconds < 1 ? "a second" : seconds < 90 ? `${Math.ceil(seconds)} seconds`
    : `${Math.ceil(seconds / 60)} minutes`);

  function heard(message) {
    if (message.type === "ready") {
      prepared(message);
    } else if (message.type === "error") {
      failed(message);
    } else if (message.type === "record") {
      keep(message);
    } else if (message.reason !== "hidden") {
      going = interrupted = false;
      buttons();
      say(stopped(message));
      sentence(true);
      done?.(message.reason);
    }
  }

  /** Into the history goes what curves need; the latest answers and neurons stay in `last`. */
  function keep({ step, seconds, parts, inside }) {
    const slim = {};
    for (const [name, { accuracy, cross_entropy }] of Object.entries(parts)) slim[name] = { accuracy, cross_entropy };
    const history = current.history;
    if (history.at(-1)?.step === step) history.pop();
    history.push({ step, parts: slim });
    current.last = { step, parts: { ...current.last?.parts, ...parts }, inside: inside ?? current.last?.inside };
    $("progress").value = step / current.run.steps;
    const speed = step && seconds ? `, ${Math.round(step / seconds)} steps per second` : "";
    $("speed").textContent = `step ${step} of ${current.run.steps}${speed}`;
    redraw();
  }

  function stopped({ reason, step }) {
    if (reason === "diverged") return `Stopped at step ${step}: the loss is no longer finite. Try a smaller learning rate.`;
    return step >= current.run.steps ? `Done: step ${step}.` : `Paused at step ${step}.`;
  }

  /** Train to a step; resolves with the reason of the stop. */
  function go(until) {
    goal = until;
    going = true;
    buttons();
    say("Training.");
    worker.postMessage({ do: "go", until });
    return new Promise((resolve) => { done = resolve; });
  }

  /** A tab in the background does not train; it goes on by itself when it is looked at again. */
  function visibility() {
    if (document.hidden && going) {
      interrupted = true;
      worker.postMessage({ do: "pause", reason: "hidden" });
      say("Paused: this tab is in the background.");
    } else if (!document.hidden && interrupted) {
      interrupted = false;
      worker.postMessage({ do: "go", until: goal });
      say("Training.");
    }
  }

  const say = (text) => { $("status").textContent = text; };

  // --- form: what is asked, what is refused -----------------------------------------------------------

  const texts = () => Object.fromEntries(FIELDS.map((name) => [name, $(name).value]));

  /** The run in the form, or null with the reasons beside the fields. */
  function asked() {
    const { run, errors } = core.checked(texts());
    for (const name of FIELDS) refuse(name, errors[name] ?? "");
    showPython(Object.keys(errors).length ? null : run);
    return Object.keys(errors).length ? null : run;
  }

  function refuse(name, reason) {
    const input = $(name);
    input.setAttribute("aria-invalid", reason ? "true" : "false");
    $(`${name}-error`).textContent = reason;
  }

  function fill(run) {
    for (const [name, value] of Object.entries(run)) if (FIELDS.includes(name)) $(name).value = value;
  }

  /** Whether the worker's net is the one that the form asks for; more steps do not make another. */
  const same = (run) => current && current.asked === $("back-end").value && FIELDS.every((name) => name === "steps" || run[name] === current.run[name]);

  /** A button that cannot be used now keeps the focus of who uses it by keyboard. */
  const usable = (name, yes) => $(name).setAttribute("aria-disabled", yes ? "false" : "true");
  const onPress = (name, action) => $(name).addEventListener("click",
    () => $(name).getAttribute("aria-disabled") !== "true" && action());

  function buttons() {
    usable("train", !going);
    $("train").textContent = current?.last?.step && same(core.checked(texts()).run) ? "Continue" : "Train";
    usable("pause", going);
    usable("step", !going);
    usable("reset", current !== null);
    usable("story-next", !going);
    usable("story-paper", !going);
    usable("story-own", !going);
  }

  /** Takes the form's run into the worker unless it is there already; false if it is refused. */
  function ready() {
    const run = asked();
    if (!run) {
      say("Not started: a value is not allowed, see the form.");
      FIELDS.map($).find((input) => input.getAttribute("aria-invalid") === "true").focus();
      return false;
    }
    if (same(run)) {
      current.run = run;
    } else {
      forget();
      start(run);
    }
    return true;
  }

  function train(event) {
    event.preventDefault();
    if (going || !ready()) return;
    if (current.last?.step >= current.run.steps) {
      say(`This net has done its ${current.last.step} steps: raise "stop after step" to go on, or press Reset.`);
      return;
    }
    go(current.run.steps);
  }

  function step() {
    if (ready()) go((current.last?.step ?? 0) + 1);
  }

  function reset() {
    clear();
    forget();
    $("progress").value = 0;
    for (const name of ["speed", "words", "engine"]) $(name).textContent = "";
    say("Nothing is trained yet.");
    buttons();
    redraw();
  }

  function showPython(run) {
    if (!run) return;
    const fields = FIELDS.map((name) => `    ${name}=${JSON.stringify(run[name])},\n`).join("");
    const parts = core.waveOrder(run.op, run.p) ? 'parts(nets, log=True)["G_log_quadratic"]' : 'parts(nets)["G_quadratic"]';
    $("python").textContent = `import modnoise as mn\n\nrun = mn.Run(\n${fields}`
      + "    train_frac=0.5,\n    val_frac=0.0,\n    test_frac=0.5,\n)\n"
      + `nets, table, history = mn.train(run)\nmn.accuracy(mn.${parts}, table)`;
  }

  // --- link: the settings behind the # ----------------------------------------------------------------

  async function share() {
    const run = asked();
    if (!run) return say("No link: a value is not allowed, see the form.");
    const address = `${location.href.split("#")[0]}#${new URLSearchParams(run)}`;
    $("link").hidden = false;
    $("address").value = address;
    $("address").select();
    try {
      await navigator.clipboard.writeText(address);
      say("The link to these settings is on the clipboard.");
    } catch {
      say("The link to these settings is below: copy it from there.");
    }
  }

  function fromLink() {
    const link = core.linked(location.hash.slice(1));
    if (!link) return;
    if (link.problem) return say(`The link is refused, the form stays as it is: ${link.problem}.`);
    if (going) worker.postMessage({ do: "pause" });
    fill(link.run);
    asked();
    say("Settings taken from the link: press Train.");
    buttons();
  }

  // --- numbers and words ------------------------------------------------------------------------------

  const measure = () => document.querySelector("input[name=live-measure]:checked").value;
  const shown = (x, what) => (what === "accuracy" ? percent(x) : Number.isFinite(x) ? x.toFixed(3) : "–");

  function numbers() {
    const what = measure(), last = current?.last;
    $("caption").textContent = what === "accuracy" ? "Accuracy by part of the net" : "Mean cross-entropy (nats) by part of the net";
    const rows = Object.entries(PARTS).map(([name, title]) => [title, last?.parts[name]?.[what]]);
    if (what === "accuracy") rows.push(["control: FF of the labels, no net", current?.prior]);
    $("numbers").replaceChildren(...rows.map(([title, values]) => element("tr", {},
      element("th", { scope: "row" }, title),
      ...SHOWN_ROLES.map((role) => element("td", {}, values ? shown(values[role], what) : "–")))));
  }

  /** One sentence for those who do not see the numbers move, now and then. */
  let spoken = 0;
  function sentence(now = false) {
    if (!current?.last || (!now && performance.now() - spoken < SPOKEN)) return;
    spoken = performance.now();
    const { step, parts } = current.last, { clean, noisy, test } = parts.full.accuracy;
    const known = [[clean, "right"], [noisy, "wrong"]].filter(([share]) => Number.isFinite(share))
      .map(([share, which]) => `${percent(share)} of the ${which} labels`).join(" and ");
    $("words").textContent = `Step ${step}: the net knows ${known || "nothing"}; test ${percent(test)}, FF part under x² ${percent(parts.G_quadratic?.accuracy.test)}, `
      + `residual ${percent(parts.R?.accuracy.test)}; chance ${percent(1 / current.run.p)}.`;
  }

  // --- drawing ----------------------------------------------------------------------------------------

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /** A drawing with an axis box; x and y map data to its pixels. */
  function axes(label, { width = 340, height = 170, xMax, yMin = 0, yMax, ticks, xName }) {
    const [left, right, top, bottom] = [46, width - 8, 8, height - 34];
    const x = (value) => left + (right - left) * value / xMax;
    const y = (value) => bottom - (bottom - top) * (value - yMin) / (yMax - yMin);
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    drawing.append(svg("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` }));
    for (const [value, text] of ticks) {
      drawing.append(svg("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, text));
    }
    drawing.append(svg("text", { x: (left + right) / 2, y: height - 4, "text-anchor": "middle" }, xName));
    return { drawing, x, y, left, right, bottom };
  }

  const path = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

  function curves() {
    const what = measure(), history = current?.history ?? [];
    const xMax = Math.max(1, history.at(-1)?.step ?? 1);
    const named = (name) => history.filter(({ parts }) => name in parts);
    const losses = history.flatMap(({ parts }) => PANELS.flatMap((name) =>
      SHOWN_ROLES.map((role) => parts[name]?.cross_entropy[role]))).filter(Number.isFinite);
    const most = what === "accuracy" ? 1 : Math.max(1, Math.ceil(Math.min(20, Math.max(0, ...losses))));
    const ticks = what === "accuracy" ? [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]] : [[0, "0"], [most / 2, `${most / 2}`], [most, `${most}`]];
    $("curves").replaceChildren(...PANELS.map((name) => {
      const label = `${what === "accuracy" ? "Accuracy" : "Loss"} of the ${PARTS[name]} against the step, by role`;
      const { drawing, x, y, left, right, bottom } = axes(label, { xMax, yMax: most, ticks, xName: `step 0 to ${xMax}` });
      const chance = current && (what === "accuracy" ? 1 / current.run.p : Math.log(current.run.p));
      if (chance <= most) drawing.append(svg("path", { class: "chance", d: `M${left} ${y(chance)}H${right}` }));
      for (const role of SHOWN_ROLES) {
        const points = named(name).map(({ step, parts }) => [x(step), parts[name][what][role]])
          .filter(([, value]) => Number.isFinite(value)).map(([at, value]) => [at, y(Math.min(value, most))]);
        if (points.length) drawing.append(svg("path", { class: `curve ${role}`, d: path(points) }));
        if (points.length === 1) drawing.append(svg("circle", { class: `mark ${role}`, cx: points[0][0], cy: points[0][1], r: 2.5 }));
      }
      return element("figure", { class: "mn-panel" }, element("figcaption", {}, PARTS[name]), drawing);
    }));
  }

  /** What the answer to a pair says: [class of the colour, words]. */
  const KEYS = [
    ["clean", "clean pair, right"], ["noisy", "noisy pair, its wrong label"],
    ["recovered", "noisy pair, the true label"], ["test", "test pair, right"], ["wrong", "any other answer"],
  ];

  function kind(table, answers, cell) {
    const answer = answers[cell];
    if (table.role[cell] === core.NOISY) return answer === table.given[cell] ? 1 : answer === table.true[cell] ? 2 : 4;
    if (answer !== table.true[cell]) return 4;
    return table.role[cell] === core.CLEAN ? 0 : 3;
  }

  function map() {
    const canvas = $("map"), table = current?.table, part = $("map-part").value;
    const answers = current?.last?.parts[part]?.answers, p = current?.run.p ?? 31;
    canvas.width = canvas.height = p;
    const style = getComputedStyle(document.documentElement);
    const colours = ["clean", "noisy", "recovered", "test"].map((name) => style.getPropertyValue(`--mn-${name}`));
    const brush = canvas.getContext("2d"), counts = [0, 0, 0, 0, 0];
    for (let cell = 0; answers && cell < p * p; cell++) {
      const which = kind(table, answers, cell);
      counts[which]++;
      if (which === 4) continue;
      brush.fillStyle = colours[which];
      brush.fillRect(cell % p, Math.floor(cell / p), 1, 1);
    }
    $("keys").replaceChildren(...KEYS.map(([name, words], which) => element("li", { class: name },
      `${words}: ${answers ? counts[which] : "–"}`)));
    canvas.setAttribute("aria-label", answers
      ? `Map of the answers of the ${PARTS[part]} to all ${p} times ${p} pairs at step ${current.last.step}; the counts are in the list beside it`
      : "Map of the answers to all pairs: nothing is trained yet");
  }

  function answer() {
    const p = current?.run.p ?? Number($("p").value);
    const pair = ["a", "b"].map((name) => Number($(name).value));
    const legal = pair.every((x) => Number.isInteger(x) && x >= 0 && x < p);
    for (const name of ["a", "b"]) $(name).max = p - 1;
    if (!legal) return `a and b must be whole numbers from 0 to ${p - 1}.`;
    if (!current?.last) return "Nothing is trained yet.";
    const [a, b] = pair, cell = a * p + b, { table, last } = current;
    const sign = { add: "+", sub: "−", mul: "×" }[current.run.op];
    const role = ["clean training pair", "training pair with a wrong label", "", "test pair"][table.role[cell]];
    const given = table.role[cell] === core.NOISY ? `, given as ${table.given[cell]}` : "";
    const said = ["full", "G_quadratic", "R"].filter((name) => last.parts[name])
      .map((name) => `${PARTS[name]} ${last.parts[name].answers[cell]}`).join(", ");
    return `${a} ${sign} ${b} mod ${p} = ${table.true[cell]}; a ${role}${given}. Answers: ${said}.`;
  }

  function spectrumBars() {
    const inside = current?.last?.inside;
    const kept = inside?.kept ?? [], rest = inside?.rest ?? [], most = Math.max(1e-9, ...[...kept].map((x, i) => x + rest[i]));
    const total = (values) => [...values].reduce((sum, x) => sum + x, 0);
    const share = inside ? percent(total(kept) / (total(kept) + total(rest))) : "–";
    const label = `Power of W by frequency; FF keeps ${share} of it`;
    const { drawing, x, y, bottom } = axes(label, {
      width: Math.min(680, $("spectrum").clientWidth || 680), height: 190, xMax: Math.max(1, kept.length), yMax: most, ticks: [[0, "0"], [most, inside ? most.toPrecision(2) : ""]],
      xName: inside ? `frequency 1 to ${kept.length}; FF keeps ${share} of the power in W` : "frequency",
    });
    [...kept].forEach((value, i) => {
      const at = { x: x(i + 0.15), width: x(0.7) - x(0) };
      drawing.append(svg("rect", { class: "kept", ...at, y: y(value), height: bottom - y(value) }));
      drawing.append(svg("rect", { class: "rest", ...at, y: y(value + rest[i]), height: y(value) - y(value + rest[i]) }));
    });
    $("spectrum").replaceChildren(drawing);
  }

  function neurons() {
    const found = current?.last?.inside?.neurons ?? [];
    $("neurons").replaceChildren(...found.map(({ m, k, full, kept }) => element("figure", { class: "mn-neuron" },
      element("figcaption", {}, `neuron ${m}, frequency ${k}`),
      ...["u", "v", "w"].map((name, i) => {
        const most = Math.max(...full[i].map(Math.abs), ...kept[i].map(Math.abs));
        const { drawing, x, y } = axes(`${name} of neuron ${m} and its part at frequency ${k}`, {
          width: 220, height: 120, xMax: full[i].length - 1, yMin: -most, yMax: most, ticks: [[most, most.toFixed(2)], [-most, (-most).toFixed(2)]],
          xName: `${name}, residue`,
        });
        drawing.append(svg("path", { class: "curve whole", d: path([...full[i]].map((value, at) => [x(at), y(value)])) }));
        drawing.append(svg("path", { class: "curve kept", d: path([...kept[i]].map((value, at) => [x(at), y(value)])) }));
        return drawing;
      }))));
  }

  let planned = false, drawn = 0;
  /** Draw everything soon, but not too often; a tab in the background draws nothing. */
  function redraw() {
    if (planned) return;
    planned = true;
    setTimeout(() => requestAnimationFrame(() => {
      planned = false;
      drawn = performance.now();
      for (const draw of [numbers, curves, map, spectrumBars, neurons]) draw();
      $("answer").setAttribute("aria-live", going ? "off" : "polite");
      $("answer").textContent = answer();
      sentence();
    }), Math.max(0, drawn + DRAWN - performance.now()));
  }

  // --- the story --------------------------------------------------------------------------------------

  let told = []; // { holds, text } of the steps that were told
  let telling = false; // begun and not at its end
  let facts = null; // of the story's run

  const summary = () => ({ run: current.run, count: current.count, prior: current.prior, history: current.history, last: current.last });

  /** Show what was told; only what changed is written, and so spoken. */
  function tell() {
    const list = $("story-steps");
    story.STEPS.forEach(({ title, before }, i) => {
      const one = told[i], state = one ? (one.holds ? "holds" : "fails") : "open";
      const verdict = one ? [element("strong", { class: "state" }, one.holds ? "Holds in this run. " : "Does not hold in this run. "), one.text] : [before];
      const item = element("li", { class: state }, element("h3", {}, title), element("p", {}, ...verdict));
      const old = list.children[i];
      if (!old) list.append(item);
      else if (old.textContent !== item.textContent) old.replaceWith(item);
    });
    $("story-next").textContent = telling ? `Next: ${story.STEPS[told.length].title}`
      : told.length ? "Start again" : "Start the story";
  }

  /** A story told to its end stays; one in the middle has lost its net. */
  function forget() {
    if (telling) told = [];
    telling = false;
    $("story-time").textContent = "";
    tell();
  }

  async function begin(settings) {
    if (settings) fill(settings);
    const run = asked();
    if (!run) return ready();
    told = [];
    telling = true;
    $("story-time").textContent = "";
    tell();
    await start(run);
    const both = 2 * current.time;
    if (both < LONG) return next();
    $("story-time").textContent = `This net and its control will take about ${lasting(both)}, computed by `
      + `${current.backEnd}. Press "Next" to begin.`;
  }

  /** The next statement, after the training that it needs. */
  async function next() {
    const at = told.length, { steps } = at ? facts.run : current.run;
    const reasons = [];
    if (at === 0) reasons.push(await go(Math.ceil(story.FIRST * steps)));
    if (at === 1) reasons.push(await go(steps));
    if (at < 4) facts = summary();
    if (at === 2) $("map-part").value = "full";
    if (at === 3) $("map-part").value = "G_quadratic";
    if (at === 4) {
      if (current.run.noise !== 1) start({ ...facts.run, noise: 1 }); // else it was paused
      fill(current.run);
      asked();
      reasons.push(await go(steps));
      facts.control = summary();
      $("story-time").textContent = "What you see from here on is the second net, whose labels are all wrong.";
    }
    if (reasons.some((reason) => reason !== "until")) return; // paused or diverged: the reader goes on
    told.push(story.STEPS[at].tell(facts));
    telling = told.length < story.STEPS.length;
    tell();
    redraw();
  }

  // --- wiring -----------------------------------------------------------------------------------------

  for (const hidden of document.querySelectorAll(".mn-live")) hidden.hidden = false;
  $("off").remove();
  for (const name of FIELDS) {
    const input = $(name), error = element("p", { id: `live-${name}-error`, class: "mn-error", role: "alert" });
    input.after(error);
    input.setAttribute("aria-describedby", error.id);
    input.addEventListener("input", () => { asked(); buttons(); });
  }
  fill(Object.fromEntries(FIELDS.map((name) => [name, core.FIELDS[name].value])));
  $("map-part").append(...Object.entries(PARTS).map(([name, title]) => element("option", { value: name }, title)));
  $("form").addEventListener("submit", train);
  $("back-end").addEventListener("change", buttons);
  onPress("pause", () => worker.postMessage({ do: "pause" }));
  onPress("step", step);
  onPress("reset", reset);
  onPress("share", share);
  onPress("story-next", () => (telling ? next() : begin(story.SETTINGS)));
  onPress("story-paper", () => begin(story.PAPER));
  onPress("story-own", () => begin(null));
  for (const input of document.querySelectorAll("input[name=live-measure]")) input.addEventListener("change", redraw);
  $("map-part").addEventListener("change", redraw);
  for (const name of ["a", "b"]) $(name).addEventListener("input", redraw);
  $("map").addEventListener("click", (event) => {
    const p = current?.run.p ?? 31, box = $("map").getBoundingClientRect();
    const at = (offset, size) => Math.min(p - 1, Math.max(0, Math.floor(offset / size * p)));
    $("a").value = at(event.clientY - box.top, box.height);
    $("b").value = at(event.clientX - box.left, box.width);
    redraw();
  });
  document.addEventListener("visibilitychange", visibility);
  window.addEventListener("hashchange", fromLink);
  window.addEventListener("resize", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  asked();
  tell();
  buttons();
  fromLink();
  redraw();
  window.modnoise = { core, newWorker, history: () => current?.history }; // for the curious, and for tests
})();
