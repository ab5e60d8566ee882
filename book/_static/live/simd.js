// The back end "WebAssembly SIMD": training in float32 by the kernels of simd.c, by one thread or
// several. A helper thread has its own share of the pairs: weights go out, gradients come back in
// the same buffer, and are added up in the order of the threads. All of it is inside one function,
// because its text becomes part of the worker's source.
"use strict";

function modnoiseSimd(core, base64) {
  const ACTS = ["relu", "quadratic", "gelu", "reverse_relu"], BLOCK = 48; // as in simd.c
  const bytes = Uint8Array.from(atob(base64), (x) => x.charCodeAt(0));
  const available = typeof WebAssembly === "object" && WebAssembly.validate(bytes);
  const program = available && new WebAssembly.Module(bytes);
  const padded = (n) => Math.ceil(n / 8) * 8;

  /** One net and a list of pairs in a memory of their own. `weights` is lookup, W and mu with
   * padding, in one piece; `grads` its gradients, in the same order. */
  class Room {
    constructor({ p, width }, { rowA, rowB, label }) {
      const neurons = padded(width), classes = padded(p), pairs = rowA.length;
      Object.assign(this, { p, width, neurons, classes, pairs });
      const { exports } = new WebAssembly.Instance(program, { env: { log: Math.log } });
      const number = { lookup: 2 * p * neurons, W: neurons * classes, mu: classes };
      this.size = number.lookup + number.W + number.mu;
      const sizes = { // the fields of Net in simd.c after act, in their order
        row_a: pairs, row_b: pairs, label: pairs, ...number, WT: number.W,
        dlookup: number.lookup, dW: number.W, dmu: classes, pre: BLOCK * neurons,
        hidden: BLOCK * neurons, dhidden: BLOCK * neurons, logits: BLOCK * classes,
      };
      const at = {};
      let end = Math.ceil(exports.__heap_base.value / 16) * 16;
      const take = (count) => { end += 4 * padded(count); return end - 4 * padded(count); };
      // What is trained lies together: see `weights`.
      for (const name of ["lookup", "W", "mu", "dlookup", "dW", "dmu"]) at[name] = take(sizes[name]);
      for (const name of Object.keys(sizes)) at[name] ??= take(sizes[name]);
      const [mean, square, net] = [take(this.size), take(this.size), take(4 + Object.keys(sizes).length)];
      const { memory } = exports, missing = end - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / 65536));
      const view = (from, count) => new Float32Array(memory.buffer, from, count);
      const whole = (from, count) => new Int32Array(memory.buffer, from, count);
      whole(at.row_a, pairs).set(rowA);
      whole(at.row_b, pairs).set(rowB);
      whole(at.label, pairs).set(label);
      this.head = whole(net, 4 + Object.keys(sizes).length);
      this.head.set([p, classes, neurons, 0, ...Object.keys(sizes).map((name) => at[name])]);
      Object.assign(this, {
        exports, at: { ...at, mean, square, net },
        weights: view(at.lookup, this.size), grads: view(at.dlookup, this.size),
        logits: view(at.logits, BLOCK * classes),
      });
    }

    /** Take the weights of a net of core.js, and its activation. */
    set(net) {
      const { p, width, neurons, classes, weights } = this, lookup = core.lookupOf(net);
      const W = weights.subarray(2 * p * neurons);
      weights.fill(0);
      for (let r = 0; r < 2 * p; r++) weights.set(lookup.subarray(r * width, (r + 1) * width), r * neurons);
      for (let m = 0; m < width; m++) W.set(net.W.subarray(m * p, (m + 1) * p), m * classes);
      W.set(net.mu, neurons * classes);
      this.head[3] = ACTS.indexOf(net.act);
    }

    /** The weights as a net of core.js. */
    net() {
      const { p, width, neurons, classes, weights } = this, W = weights.subarray(2 * p * neurons);
      const lookup = new Float64Array(2 * p * width), out = new Float64Array(width * p);
      for (let r = 0; r < 2 * p; r++) lookup.set(weights.subarray(r * neurons, r * neurons + width), r * width);
      for (let m = 0; m < width; m++) out.set(W.subarray(m * classes, m * classes + p), m * p);
      const mu = Float64Array.from(W.subarray(neurons * classes, neurons * classes + p));
      return { ...core.fromLookup({ p, width, lookup }), act: ACTS[this.head[3]], W: out, mu };
    }

    /** Fill `grads` from the pairs start ... end - 1; the sum of their cross-entropies. */
    gradients(start, end, share) {
      return this.exports.gradients(this.at.net, start, end, share);
    }
  }

  /** As core.Engine. `threads`: how many share the pairs. */
  class Engine {
    constructor(run, net, table, threads = 1) {
      const cells = core.trainingCells(table), n = cells.label.length;
      Object.assign(this, { run, n, updates: 0, room: new Room(net, cells) });
      this.room.set(net);
      const from = (thread) => Math.round(n * thread / threads);
      this.own = from(1);
      this.helpers = Array.from({ length: threads - 1 }, (_, i) =>
        helper({ p: net.p, width: net.width, act: net.act }, cells, from(i + 1), from(i + 2), 1 / n));
      this.name = `WebAssembly SIMD, ${threads} ${threads === 1 ? "thread" : "threads"}`;
    }

    async advance(steps) {
      let loss = 0;
      for (let i = 0; i < steps; i++) loss = this.helpers.length ? await this.together() : this.alone();
      return loss;
    }

    alone() {
      return this.update(this.room.gradients(0, this.n, 1 / this.n));
    }

    async together() {
      const { room, helpers } = this, answers = helpers.map((one) => one(room.weights));
      let loss = room.gradients(0, this.own, 1 / this.n);
      for (const answer of answers) {
        const { grads, sum } = await answer;
        for (let i = 0; i < grads.length; i++) room.grads[i] += grads[i];
        loss += sum;
      }
      return this.update(loss);
    }

    /** AdamW with the gradients; the mean cross-entropy before it. */
    update(sum) {
      const { at, size, exports } = this.room, { keep, rate, bias, rest1, rest2, eps } = core.adamw(this.run, ++this.updates);
      exports.adamw(at.lookup, at.dlookup, at.mean, at.square, size, rest1, rest2, keep, rate, bias, eps);
      return sum / this.n;
    }

    async read() {
      return this.room.net();
    }

    close() {
      for (const one of this.helpers) one.end();
    }
  }

  /** A thread that has its own pairs: a function of weights that resolves to { grads, sum }. */
  function helper(net, { rowA, rowB, label }, start, end, share) {
    const source = `"use strict";(${listen})((${modnoiseSimd})((${modnoiseCore})(), "${base64}"));`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    const part = (x) => x.slice(start, end);
    worker.postMessage({ net, cells: { rowA: part(rowA), rowB: part(rowB), label: part(label) }, share });
    let buffer = null;
    const ask = (weights) => new Promise((resolve, reject) => {
      buffer ??= new Float32Array(weights.length);
      buffer.set(weights);
      worker.onerror = () => reject(new Error("a helper thread stopped"));
      worker.onmessage = ({ data }) => { buffer = data.grads; resolve(data); };
      worker.postMessage({ weights: buffer }, [buffer.buffer]);
    });
    return Object.assign(ask, { end: () => worker.terminate() });
  }

  /** What a helper thread does. */
  function listen(simd) {
    let room = null, share = 0;
    onmessage = ({ data }) => {
      if (data.net) {
        room = new simd.Room(data.net, data.cells);
        room.head[3] = simd.ACTS.indexOf(data.net.act);
        share = data.share;
        return;
      }
      const grads = data.weights;
      room.weights.set(grads);
      const sum = room.gradients(0, room.pairs, share);
      grads.set(room.grads);
      postMessage({ grads, sum }, [grads.buffer]);
    };
  }

  let scorer = null; // the room of the last scored net: the next one has its shape

  /** As core.plainForward. */
  function forwardOf(net, rowA, rowB) {
    if (scorer?.p !== net.p || scorer.width !== net.width || scorer.pairs !== rowA.length) {
      scorer = new Room(net, { rowA, rowB, label: new Int32Array(rowA.length) });
    }
    const { exports, at, logits, classes } = scorer;
    scorer.set(net);
    const forward = (start, pairs) => {
      exports.forward(at.net, start, pairs);
      return logits;
    };
    return { forward, block: BLOCK, stride: classes };
  }

  return { available, ACTS, Room, Engine, forwardOf };
}

if (typeof module !== "undefined") module.exports = modnoiseSimd;
