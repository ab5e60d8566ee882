// What runs beside the page: one net in training, told by messages what to do, between which it
// trains for a moment at a time. Its text becomes the worker's source (page.js), so it may use only
// its arguments and what every worker has.
"use strict";

function modnoiseWorker(core, simd, webgpu) {
  const MOMENT = 40; // milliseconds of training between two looks at the messages
  const TIMED = { steps: 5, time: 150 }; // a back end is timed for so many updates or milliseconds
  const SHARED = 1e8; // multiplications per update from which several threads are tried
  const MOST_THREADS = 8;
  const SHOWN = 3; // neurons
  // run, table, net (its first weights), engine, until, going, reason (to stop), seconds, looked (the
  // step of the last thorough look), and how the back end was chosen: asked, not, backEnd.
  let now = null;
  let queue = Promise.resolve(); // a message is carried out after those before it

  // --- back ends: WebGPU, WebAssembly SIMD, JavaScript ---------------------------------------------

  const BACK_ENDS = {
    webgpu: [({ run, net, table }) => webgpu.Engine.make(run, net, table)],
    simd: [1, "all"].map((threads) => ({ run, net, table }) => {
      if (!simd.available) throw new Error("this browser has no WebAssembly SIMD");
      const all = Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1);
      const shared = 3 * (run.p * run.p >> 1) * run.p * run.width >= SHARED;
      if (threads === "all" && (all === 1 || !shared)) return null; // the same as one
      return new simd.Engine(run, net, table, threads === "all" ? all : 1);
    }),
    js: [({ run, net, table }) => new core.Engine(run, net, table)],
  };

  /** Seconds per update, of a few. */
  async function timed(engine) {
    await engine.advance(1);
    const start = performance.now();
    let steps = 0;
    do {
      await engine.advance(1);
      steps++;
    } while (steps < TIMED.steps && performance.now() - start < TIMED.time);
    return (performance.now() - start) / 1000 / steps;
  }

  /** The fastest back end of those that work: of the asked one, or of WebGPU and SIMD, and
   * JavaScript if there is neither. `not` are those that failed already. */
  async function choose(asked, not) {
    const order = [...new Set([asked, "webgpu", "simd", "js"])].filter((name) => name in BACK_ENDS && !not.has(name));
    let best = null, why = "";
    for (const name of order) {
      if (best && (asked !== "auto" || name === "js")) break;
      for (const make of BACK_ENDS[name]) {
        try {
          const engine = await make(now);
          if (!engine) continue;
          const each = await timed(engine).finally(() => engine.close());
          if (!best || each < best.each) best = { name, make, each };
        } catch (error) {
          why ||= name === asked ? error.message : "";
        }
      }
    }
    return { ...best, why };
  }

  /** Begin `now` from step 0 with the back end that is chosen. */
  async function begin(asked, not = new Set(), why = "") {
    const mine = now, chosen = await choose(asked, not);
    Object.assign(mine, { asked, not, backEnd: chosen.name, seconds: 0, engine: await chosen.make(mine) });
    const count = (code) => mine.table.role.filter((role) => role === code).length;
    const start = performance.now(), first = await look(true), looking = (performance.now() - start) / 1000;
    const { steps } = mine.run, looks = Array.from({ length: steps }, (_, i) => i + 1).filter(core.recorded);
    postMessage({
      type: "ready", run: mine.run, prior: mine.prior, table: mine.table, backEnd: mine.engine.name,
      why: why || chosen.why, anew: not.size > 0, time: steps * chosen.each + looks.filter(isThorough).length * looking,
      count: { clean: count(core.CLEAN), noisy: count(core.NOISY), test: count(core.TEST) },
    });
    postMessage(first);
  }

  // --- messages ---------------------------------------------------------------------------------

  const actions = {
    /** A new net; table and first weights may be given, as the tests do. */
    async new({ run, table, net, backEnd = "auto" }) {
      now?.engine?.close();
      now = { run, table: table ?? core.noisyTable(run), going: false, reason: null, until: 0 };
      now.net = net ? { ...run, ...net } : core.newNet(run);
      now.prior = core.accuracyOf(core.labelPrior(now.table), now.table);
      await begin(backEnd);
    },
    /** Train up to the step `until`. */
    async go({ until }) {
      Object.assign(now, { until, going: true });
      while (now.going) await train();
    },
  };

  onmessage = ({ data }) => {
    if (data.do === "pause") { // not after the training, but in it
      if (now) now.reason = data.reason ?? "pause";
      return;
    }
    if (now) now.reason = null;
    queue = queue.then(() => actions[data.do](data)).catch(({ message }) => postMessage({ type: "error", message }));
  };

  // A message to ourselves comes after those that wait already; timers would lose 4 ms each time.
  const channel = new MessageChannel();
  const breath = () => new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });

  // --- training -----------------------------------------------------------------------------------

  const isThorough = (step) => step % 20 === 0 || step > 200;

  /** Train for a moment, or to the next step that is recorded. */
  async function train() {
    const { engine, until } = now, start = performance.now(), before = engine.updates;
    let step = before, loss = 0;
    try {
      while (step < until && !now.reason && performance.now() - start < MOMENT) {
        const each = step > before ? (performance.now() - start) / (step - before) : MOMENT;
        let next = step + 1;
        while (next < until && !core.recorded(next)) next++;
        loss = await engine.advance(Math.max(1, Math.min(next - step, Math.floor(MOMENT / each))));
        step = engine.updates;
        if (!Number.isFinite(loss)) return await stop("diverged");
        if (core.recorded(step)) {
          now.seconds += (performance.now() - start) / 1000;
          postMessage(await look(isThorough(step)));
          return await breath();
        }
      }
      now.seconds += (performance.now() - start) / 1000;
      if (step >= until) return await stop("until");
      if (now.reason) return await stop(now.reason);
    } catch (error) {
      return await lost(error);
    }
    await breath();
  }

  /** The back end failed: the same net from step 0 with the next one. JavaScript does not fail. */
  async function lost({ message }) {
    const { engine, asked, not, backEnd } = now;
    engine.close();
    if (backEnd === "js") throw new Error(message);
    await begin(asked, not.add(backEnd), message);
  }

  async function stop(reason) {
    now.going = false;
    if (now.looked !== now.engine.updates) postMessage(await look(reason !== "diverged"));
    postMessage({ type: "stopped", reason, step: now.engine.updates });
  }

  /** Accuracies, losses and answers at this step; `thorough`: of the parts too, and what W holds. */
  async function look(thorough) {
    const { engine, run, table, seconds } = now, net = await engine.read(), step = engine.updates;
    const nets = thorough ? core.parts(net, run.op) : { full: net }, found = {};
    if (thorough) now.looked = step;
    const forwardOf = now.backEnd !== "js" && simd.available ? simd.forwardOf : core.plainForward;
    for (const [name, part] of Object.entries(nets)) found[name] = core.scores(part, table, forwardOf);
    return { type: "record", step, seconds, parts: found, inside: thorough ? inside(net, nets.G) : null };
  }

  /** Mean power of the output vectors by frequency, kept by FF and not, and the strongest neurons. */
  function inside(net, g) {
    const { width } = net, order = core.waveOrder(now.run.op, net.p), length = order ? order.length : net.p;
    const pick = (x) => core.reordered(x, net.p, order), w = pick(net.W);
    const whole = core.power(core.spectrum(w, length)), inG = core.power(core.spectrum(pick(g.W), length));
    const half = length >> 1;
    const kept = new Float64Array(half), rest = new Float64Array(half), strength = new Float64Array(width);
    whole.forEach((x, i) => {
      kept[i % half] += inG[i] / width;
      rest[i % half] += Math.max(0, x - inG[i]) / width;
      strength[Math.floor(i / half)] += inG[i];
    });
    const k = core.dominantFrequency(w, length);
    const strongest = [...strength.keys()].sort((one, other) => strength[other] - strength[one]);
    const neurons = strongest.slice(0, SHOWN).map((m) => {
      const row = (x) => pick(x).slice(m * length, (m + 1) * length);
      return { m, k: k[m], full: [net.U, net.V, net.W].map(row), kept: [g.U, g.V, g.W].map(row) };
    });
    return { kept, rest, neurons };
  }

  self.modnoise = () => now; // for tests
}
