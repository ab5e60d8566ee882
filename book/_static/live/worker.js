// What runs beside the page: one net in training, told by messages what to do, between which it
// trains for a moment at a time. Its text becomes the worker's source (page.js), so it may use only
// its argument, the core, and what every worker has.
"use strict";

function modnoiseWorker(core) {
  const MOMENT = 40; // milliseconds of training between two looks at the messages
  const SHOWN = 3; // neurons
  let now = null; // { run, table, engine, thorough, until, going, seconds }

  // A message to ourselves comes after those that wait already; timers would lose 4 ms each time.
  const again = new MessageChannel();
  again.port1.onmessage = () => now?.going && train();

  const actions = {
    /** A new net; table and first weights may be given, as the tests do. */
    new({ run, table, net }) {
      const numbers = (given) => given && { ...run, ...given };
      now = { run, table: table ?? core.noisyTable(run), going: false, seconds: 0, until: 0 };
      now.engine = new core.Engine(run, numbers(net) ?? core.newNet(run), now.table);
      now.prior = core.accuracyOf(core.labelPrior(now.table), now.table);
      const count = (code) => now.table.role.filter((role) => role === code).length;
      postMessage({
        type: "ready", run, prior: now.prior, table: now.table,
        count: { clean: count(core.CLEAN), noisy: count(core.NOISY), test: count(core.TEST) },
      });
      record(true);
    },
    /** Train up to the step `until`. */
    go({ until }) {
      Object.assign(now, { until, going: true });
      again.port2.postMessage(null);
    },
    /** Stop after the step in progress. */
    pause({ reason = "pause" }) {
      if (now?.going) stop(reason);
    },
  };

  function train() {
    const start = performance.now();
    let loss = 0;
    while (now.engine.updates < now.until && performance.now() - start < MOMENT) {
      loss = now.engine.step();
      if (!Number.isFinite(loss)) return stop("diverged");
      const step = now.engine.updates;
      if (core.recorded(step)) record(step % 20 === 0 || step > 200);
    }
    now.seconds += (performance.now() - start) / 1000;
    if (now.engine.updates >= now.until) return stop("until");
    again.port2.postMessage(null);
  }

  function stop(reason) {
    now.going = false;
    record(reason !== "diverged");
    postMessage({ type: "stopped", reason, step: now.engine.updates });
  }

  /** Accuracies, losses and answers at this step; `thorough`: of the parts too, and what W holds. */
  function record(thorough) {
    const { engine, run, table, seconds } = now, net = engine.net, step = engine.updates;
    const nets = thorough ? core.parts(net, run.op) : { full: net };
    const found = {};
    for (const [name, part] of Object.entries(nets)) found[name] = core.scores(part, table);
    postMessage({ type: "record", step, seconds, parts: found, inside: thorough ? inside(net, nets.G) : null });
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

  onmessage = ({ data }) => actions[data.do](data);
}
