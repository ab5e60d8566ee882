// The experiment in one file, for the page "Train it in your browser": the noisy table, the
// two-layer net, AdamW, frequency filtration, accuracies. No dependency. Names, formulas and the
// order of axes are those of the Python package: tables.py, nets.py, training/fast.py, optim.py,
// metrics.py, fourier.py. All numbers are float64; a matrix (rows columns) lies row by row in a
// Float64Array. All of it is inside one function, because its text becomes the worker's source: a
// page opened from disk may not load a worker from a file.
"use strict";

function modnoiseCore() {
  // --- spec: what a run is, and what is refused -------------------------------------------------

  const OPERATIONS = ["add", "sub", "mul"];
  const ACTIVATIONS = ["relu", "quadratic", "gelu", "reverse_relu"];
  const BETA1 = 0.9, EPS = 1e-8, WARMUP = 10;

  /** Fields of a run in this page: default, limits, choices. */
  const FIELDS = {
    p: { value: 31, low: 3, high: 113, whole: true },
    width: { value: 128, low: 1, high: 1025, whole: true },
    noise: { value: 0.4, low: 0, high: 1 },
    op: { value: "add", choices: OPERATIONS },
    act: { value: "relu", choices: ACTIVATIONS },
    lr: { value: 1e-3, low: 0, high: 1, open: true },
    weight_decay: { value: 0.1, low: 0, high: 100 },
    beta2: { value: 0.999, low: 0, high: 0.99999 },
    seed: { value: 42, low: 0, high: 2 ** 31 - 1, whole: true },
    steps: { value: 1000, low: 1, high: 20000, whole: true },
  };

  const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i; // Number() also takes "0x1f"

  /** A text as part of a line: quoted, short, in plain characters. */
  const quoted = (text) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
    .replace(/[^ -~]/gu, (x) => `\\u{${x.codePointAt(0).toString(16)}}`);

  /** Texts by field to { run, errors }: errors names for each refused field what is allowed. */
  function checked(texts) {
    const run = {}, errors = Object.create(null);
    for (const [name, field] of Object.entries(FIELDS)) {
      const text = Object.hasOwn(texts, name) ? String(texts[name]).trim() : String(field.value);
      if (field.choices) {
        run[name] = text;
        if (!field.choices.includes(text)) {
          errors[name] = `${name} = ${quoted(text)} is not allowed: it must be ${field.choices.join(", ")}`;
        }
        continue;
      }
      const x = DECIMAL.test(text) ? Number(text) : NaN;
      const kind = field.whole ? "a whole number" : "a number";
      const above = field.open ? `above ${field.low} and at most` : `from ${field.low} to`;
      run[name] = x;
      if (!Number.isFinite(x) || (field.whole && !Number.isInteger(x)) || x < field.low
          || x > field.high || (field.open && x === field.low)) {
        errors[name] = `${name} = ${quoted(text)} is not allowed: it must be ${kind} ${above} ${field.high}`;
      }
    }
    for (const name of Object.keys(texts)) {
      if (!Object.hasOwn(FIELDS, name)) errors[name] = `${quoted(name)} is unknown (allowed: ${Object.keys(FIELDS).join(", ")})`;
    }
    return { run, errors };
  }

  /** What follows the # of an address: null if it names no field (a place on the page), else
   * { run, problem }; problem is empty, or one line that says why the link is refused. */
  function linked(text) {
    const pairs = [...new URLSearchParams(text)];
    if (!pairs.some(([name]) => Object.hasOwn(FIELDS, name))) return null;
    const { run, errors } = checked(Object.fromEntries(pairs)), reasons = Object.values(errors);
    const names = pairs.map(([name]) => name), twice = names.find((name, at) => names.indexOf(name) < at);
    if (twice !== undefined) reasons.push(`${quoted(twice)} is given twice`);
    const more = reasons.length > 3 ? `; and ${reasons.length - 3} more` : "";
    return { run, problem: reasons.slice(0, 3).join("; ") + more };
  }

  // --- random numbers: our own, not numpy's -----------------------------------------------------

  const SPLIT = 1, NOISE = 2, INIT = 3, CONTROL = 4; // streams of a seed

  /** A generator for one stream of a seed: sfc32 (Doty-Humphrey), 12 outputs thrown away. */
  function generator(seed, stream) {
    let a = 0, b = seed | 0, c = stream | 0, d = 1;
    function next() {
      const t = (((a + b) | 0) + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + t) | 0;
      return t >>> 0;
    }
    for (let i = 0; i < 12; i++) next();
    const uniform = () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53; // [0, 1)
    const integer = (low, high) => low + Math.floor(uniform() * (high - low)); // low ... high - 1
    function permutation(cells) {
      const order = Int32Array.from(cells);
      for (let i = order.length - 1; i > 0; i--) {
        const j = integer(0, i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    }
    return { uniform, integer, permutation };
  }

  // --- tables: all pairs (a, b) as a p x p table --------------------------------------------------

  const CLEAN = 0, NOISY = 1, VAL = 2, TEST = 3;

  /** a o b mod p for all pairs. */
  function trueLabels(op, p) {
    const rule = { add: (a, b) => a + b, sub: (a, b) => a - b + p, mul: (a, b) => a * b }[op];
    return Int32Array.from({ length: p * p }, (_, i) => rule(Math.floor(i / p), i % p) % p);
  }

  /** Half of the pairs for training, the others for test; a share `noise` of the training labels
   * replaced by a wrong class. One permutation: the noisy sets of one seed are nested. */
  function noisyTable({ op, p, noise, seed }) {
    const label = trueLabels(op, p), given = label.slice(), role = new Int32Array(p * p).fill(TEST);
    const train = generator(seed, SPLIT).permutation(label.keys()).subarray(0, p * p >> 1);
    const random = generator(seed, NOISE);
    const wrong = label.map(() => random.integer(1, p)); // drawn for every pair: nested labels too
    random.permutation(train).forEach((cell, i) => {
      const replaced = i < Math.round(noise * train.length);
      role[cell] = replaced ? NOISY : CLEAN;
      if (replaced) given[cell] = (label[cell] + wrong[cell]) % p;
    });
    return { p, true: label, given, role };
  }

  // --- nets: f(a, b) = W phi(U e_a + V e_b) + mu; U, V, W are (neuron p) ----------------------------

  /** U, V uniform in +-1/sqrt(p), W in +-1/sqrt(M), mu = 0, as torch.nn.Linear. */
  function newNet({ p, width, act, seed }) {
    const { uniform } = generator(seed, INIT);
    const draw = (fan) => Float64Array.from({ length: width * p }, () => (2 * uniform() - 1) / Math.sqrt(fan));
    return { p, width, act, U: draw(p), V: draw(p), W: draw(width), mu: new Float64Array(p) };
  }

  /** (rows columns) to (columns rows). */
  function transposed(x, rows, columns) {
    const out = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j];
    return out;
  }

  // Phi, the normal distribution function, as a table of nodes NEAR apart, each integrated from
  // the last by Simpson's rule; between nodes the cubic with Phi's values and slopes (error 1e-11).
  const FAR = 8, NEAR = 1 / 128;
  const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  const slopes = Float64Array.from({ length: 2 * FAR / NEAR + 2 }, (_, i) => density(i * NEAR - FAR));
  const nodes = new Float64Array(slopes.length);
  for (let i = 1; i < nodes.length; i++) {
    const middle = density((i - 0.5) * NEAR - FAR);
    nodes[i] = nodes[i - 1] + NEAR / 6 * (slopes[i - 1] + 4 * middle + slopes[i]);
  }
  function Phi(x) {
    if (!(x > -FAR)) return 0;
    if (x >= FAR) return 1;
    const i = Math.floor((x + FAR) / NEAR), t = (x + FAR) / NEAR - i, s = 1 - t;
    return s * s * ((1 + 2 * t) * nodes[i] + t * NEAR * slopes[i])
      + t * t * ((1 + 2 * s) * nodes[i + 1] - s * NEAR * slopes[i + 1]);
  }

  /** hidden = phi(pre), the first n entries. */
  function activate(act, pre, hidden, n) {
    if (act === "relu") for (let i = 0; i < n; i++) hidden[i] = pre[i] > 0 ? pre[i] : 0;
    else if (act === "reverse_relu") for (let i = 0; i < n; i++) hidden[i] = pre[i] < 0 ? -pre[i] : 0;
    else if (act === "quadratic") for (let i = 0; i < n; i++) hidden[i] = pre[i] * pre[i];
    else for (let i = 0; i < n; i++) hidden[i] = pre[i] * Phi(pre[i]);
  }

  /** dhidden * phi'(pre), in place. */
  function chain(act, dhidden, pre, n) {
    if (act === "relu") for (let i = 0; i < n; i++) dhidden[i] = pre[i] > 0 ? dhidden[i] : 0;
    else if (act === "reverse_relu") for (let i = 0; i < n; i++) dhidden[i] = pre[i] < 0 ? -dhidden[i] : 0;
    else if (act === "quadratic") for (let i = 0; i < n; i++) dhidden[i] *= 2 * pre[i];
    else for (let i = 0; i < n; i++) dhidden[i] *= Phi(pre[i]) + pre[i] * density(pre[i]);
  }

  /** C += A B for B (inner columns), C (rows columns); A's entry (i, k) is A[i rowA + k stepA], so
   * that A may be a transposed matrix. Tiles of 4 x 4 numbers stay in registers: 5 times faster
   * than the three plain loops, which is what all of the training waits for. */
  function addProduct(C, A, B, rows, inner, columns, rowA, stepA) {
    const whole = columns - columns % 4;
    let i = 0;
    for (; i + 4 <= rows; i += 4) {
      const a0 = i * rowA, a1 = a0 + rowA, a2 = a1 + rowA, a3 = a2 + rowA;
      const c0 = i * columns, c1 = c0 + columns, c2 = c1 + columns, c3 = c2 + columns;
      for (let j = 0; j < whole; j += 4) {
        let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
        let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
        for (let k = 0, a = 0, b = j; k < inner; k++, a += stepA, b += columns) {
          const x0 = A[a0 + a], x1 = A[a1 + a], x2 = A[a2 + a], x3 = A[a3 + a];
          const y0 = B[b], y1 = B[b + 1], y2 = B[b + 2], y3 = B[b + 3];
          s00 += x0 * y0; s01 += x0 * y1; s02 += x0 * y2; s03 += x0 * y3;
          s10 += x1 * y0; s11 += x1 * y1; s12 += x1 * y2; s13 += x1 * y3;
          s20 += x2 * y0; s21 += x2 * y1; s22 += x2 * y2; s23 += x2 * y3;
          s30 += x3 * y0; s31 += x3 * y1; s32 += x3 * y2; s33 += x3 * y3;
        }
        C[c0 + j] += s00; C[c0 + j + 1] += s01; C[c0 + j + 2] += s02; C[c0 + j + 3] += s03;
        C[c1 + j] += s10; C[c1 + j + 1] += s11; C[c1 + j + 2] += s12; C[c1 + j + 3] += s13;
        C[c2 + j] += s20; C[c2 + j + 1] += s21; C[c2 + j + 2] += s22; C[c2 + j + 3] += s23;
        C[c3 + j] += s30; C[c3 + j + 1] += s31; C[c3 + j + 2] += s32; C[c3 + j + 3] += s33;
      }
      for (let j = whole; j < columns; j++) {
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (let k = 0, a = 0, b = j; k < inner; k++, a += stepA, b += columns) {
          const y = B[b];
          s0 += A[a0 + a] * y; s1 += A[a1 + a] * y; s2 += A[a2 + a] * y; s3 += A[a3 + a] * y;
        }
        C[c0 + j] += s0; C[c1 + j] += s1; C[c2 + j] += s2; C[c3 + j] += s3;
      }
    }
    for (; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let s = 0;
        for (let k = 0, a = i * rowA, b = j; k < inner; k++, a += stepA, b += columns) s += A[a] * B[b];
        C[i * columns + j] += s;
      }
    }
  }

  const BLOCK = 48; // pairs at a time, so that their activations stay in the processor's cache

  /** Room for the activations and logits of one block of pairs. */
  function room(p, width) {
    const numbers = (n) => new Float64Array(BLOCK * n);
    return { pre: numbers(width), hidden: numbers(width), dhidden: numbers(width), logits: numbers(p) };
  }

  /** pre, hidden and logits of `pairs` pairs from `start` on; `lookup` is U^T over V^T, (2p neuron),
   * rowA and rowB its rows for each pair. */
  function forward({ p, width, act, lookup, W, mu }, rowA, rowB, start, pairs, { pre, hidden, logits }) {
    for (let i = 0; i < pairs; i++) {
      const u = rowA[start + i] * width, v = rowB[start + i] * width, row = i * width;
      for (let m = 0; m < width; m++) pre[row + m] = lookup[u + m] + lookup[v + m];
      logits.set(mu, i * p);
    }
    activate(act, pre, hidden, pairs * width);
    addProduct(logits, hidden, W, pairs, width, p, width, 1);
  }

  function lookupOf({ p, width, U, V }) {
    const lookup = new Float64Array(2 * p * width);
    lookup.set(transposed(U, width, p));
    lookup.set(transposed(V, width, p), p * width);
    return lookup;
  }

  /** p, width, U and V again, of a lookup. */
  function fromLookup({ p, width, lookup }) {
    const U = transposed(lookup.subarray(0, p * width), p, width);
    return { p, width, U, V: transposed(lookup.subarray(p * width), p, width) };
  }

  /** For scores: forward(start, pairs) gives logits, a row of `stride` numbers per pair, of at most
   * `block` pairs. */
  function plainForward(net, rowA, rowB) {
    const ready = { ...net, lookup: lookupOf(net) }, space = room(net.p, net.width);
    const give = (start, pairs) => {
      forward(ready, rowA, rowB, start, pairs, space);
      return space.logits;
    };
    return { forward: give, block: BLOCK, stride: net.p };
  }

  // --- training: full-batch AdamW, gradients by hand ----------------------------------------------

  /** Rows of the lookup and class of every training pair. */
  function trainingCells({ p, role, given }) {
    const cells = [...role.keys()].filter((i) => role[i] <= NOISY);
    return {
      rowA: Int32Array.from(cells, (i) => Math.floor(i / p)), rowB: Int32Array.from(cells, (i) => p + i % p),
      label: Int32Array.from(cells, (i) => given[i]),
    };
  }

  /** The numbers of update t of AdamW, x <- keep x - rate mean / (sqrt(square) / bias + eps):
   * mean and square go a share rest1 and rest2 of the way to the gradient and its square. */
  function adamw({ lr, weight_decay, beta2 }, t) {
    const now = lr * Math.min(t / WARMUP, 1);
    return {
      keep: 1 - now * weight_decay, rate: now / (1 - BETA1 ** t), bias: Math.sqrt(1 - beta2 ** t),
      rest1: 1 - BETA1, rest2: 1 - beta2, eps: EPS,
    };
  }

  /** The back end "JavaScript". Like FastEngine: with h = phi(pre), D = (softmax(f) - onehot)/n,
   * dW = h^T D, dmu = sum D, dpre = (D W^T) phi'(pre), dU[a] and dV[b] sums of dpre over pairs. */
  class Engine {
    constructor(run, net, table) {
      const { p, width, act, W, mu } = net;
      Object.assign(this, { run, p, width, act, updates: 0, lookup: lookupOf(net), W: W.slice(), mu: mu.slice() });
      this.params = [this.lookup, this.W, this.mu];
      [this.grads, this.mean, this.square] = [0, 1, 2].map(() => this.params.map((x) => new Float64Array(x.length)));
      Object.assign(this, trainingCells(table));
      this.n = this.label.length;
      this.room = room(p, width);
      this.name = "JavaScript, 1 thread";
    }

    /** Train; resolves with the mean cross-entropy before the last update. */
    async advance(steps) {
      let loss = 0;
      for (let i = 0; i < steps; i++) loss = this.step();
      return loss;
    }

    /** Resolves with the current weights, copied. */
    async read() {
      const { act, W, mu } = this;
      return { ...fromLookup(this), act, W: W.slice(), mu: mu.slice() };
    }

    /** Nothing is held. */
    close() {}

    /** Fills `grads` and returns the mean cross-entropy over the training pairs. */
    gradients() {
      const { p, width, act, n, label, room } = this, { pre, hidden, dhidden, logits: D } = room;
      const [dlookup, dW, dmu] = this.grads, WT = transposed(this.W, width, p);
      for (const grad of this.grads) grad.fill(0);
      let loss = 0;
      for (let start = 0; start < n; start += BLOCK) {
        const pairs = Math.min(BLOCK, n - start);
        forward(this, this.rowA, this.rowB, start, pairs, room);
        for (let i = 0, row = 0; i < pairs; i++, row += p) {
          const right = row + label[start + i];
          let most = -Infinity, sum = 0;
          for (let c = row; c < row + p; c++) most = Math.max(most, D[c]);
          loss += most - D[right];
          for (let c = row; c < row + p; c++) sum += (D[c] = Math.exp(D[c] - most));
          loss += Math.log(sum);
          for (let c = row; c < row + p; c++) D[c] /= sum * n;
          D[right] -= 1 / n;
          for (let c = 0; c < p; c++) dmu[c] += D[row + c];
        }
        addProduct(dW, hidden, D, width, pairs, p, 1, width);
        dhidden.fill(0);
        addProduct(dhidden, D, WT, pairs, p, width, p, 1);
        chain(act, dhidden, pre, pairs * width);
        for (let i = 0; i < pairs; i++) {
          const u = this.rowA[start + i] * width, v = this.rowB[start + i] * width, row = i * width;
          for (let m = 0; m < width; m++) {
            dlookup[u + m] += dhidden[row + m];
            dlookup[v + m] += dhidden[row + m];
          }
        }
      }
      return loss / n;
    }

    /** One update; returns the loss before it. */
    step() {
      const loss = this.gradients();
      const { keep, rate, bias, rest1, rest2, eps } = adamw(this.run, ++this.updates);
      this.params.forEach((x, which) => {
        const grad = this.grads[which], mean = this.mean[which], square = this.square[which];
        for (let i = 0; i < x.length; i++) {
          const g = grad[i];
          mean[i] += rest1 * (g - mean[i]);
          square[i] += rest2 * (g * g - square[i]);
          x[i] = x[i] * keep - rate * mean[i] / (Math.sqrt(square[i]) / bias + eps);
        }
      });
      return loss;
    }
  }

  // --- metrics: accuracy and cross-entropy by role --------------------------------------------------

  const ROLES = ["clean", "noisy", "recovered", "val", "test"];

  /** { accuracy, cross_entropy } by role (NaN for an empty one) and the answers to all pairs. noisy:
   * pairs with a wrong label, judged by it; recovered: the same pairs, judged by the true label. The
   * logits come from plainForward or from another back end's. */
  function scores(net, table, forwardOf = plainForward) {
    const { p } = net, all = Int32Array.from(table.role.keys());
    const rowA = all.map((i) => Math.floor(i / p)), rowB = all.map((i) => p + i % p);
    const answers = new Uint8Array(p * p), count = {}, right = {}, loss = {};
    for (const role of ROLES) count[role] = right[role] = loss[role] = 0;
    const { forward, block, stride } = forwardOf(net, rowA, rowB);
    for (let start = 0; start < p * p; start += block) {
      const pairs = Math.min(block, p * p - start), logits = forward(start, pairs);
      for (let i = 0, row = 0; i < pairs; i++, row += stride) {
        const cell = start + i;
        let best = 0, sum = 0;
        for (let c = 1; c < p; c++) if (logits[row + c] > logits[row + best]) best = c;
        for (let c = 0; c < p; c++) sum += Math.exp(logits[row + c] - logits[row + best]);
        answers[cell] = best;
        const judge = (role, label) => {
          count[role]++;
          right[role] += best === label;
          loss[role] += logits[row + best] + Math.log(sum) - logits[row + label];
        };
        judge(["clean", "noisy", "val", "test"][table.role[cell]], table.given[cell]);
        if (table.role[cell] === NOISY) judge("recovered", table.true[cell]);
      }
    }
    const accuracy = {}, cross_entropy = {};
    for (const role of ROLES) {
      cross_entropy[role] = loss[role] / count[role];
      accuracy[role] = Number.isFinite(loss[role]) ? right[role] / count[role] : NaN;
    }
    return { accuracy, cross_entropy, answers };
  }

  /** Steps at which a run is recorded: dense at first, then every 20th, 50th, 100th. */
  function recorded(step) {
    const every = [[20, 1], [60, 2], [200, 5], [1000, 20], [5000, 50], [Infinity, 100]].find(([to]) => step <= to)[1];
    return step % every === 0;
  }

  // --- fourier: frequency filtration (FF) -------------------------------------------------------------

  /** x^_k = p^(-1/2) sum_i x_i exp(-2 pi i k i / p), k = 1 ... p // 2, of each row of x (neuron p);
   * re and im are (neuron freq). */
  function spectrum(x, p) {
    const neurons = x.length / p, half = p >> 1, cosine = wave(p, 0), sine = wave(p, -Math.PI / 2);
    const re = new Float64Array(neurons * half), im = new Float64Array(neurons * half);
    for (let m = 0; m < neurons; m++) {
      for (let k = 1; k <= half; k++) {
        let real = 0, imaginary = 0;
        for (let i = 0; i < p; i++) {
          real += x[m * p + i] * cosine[k * i % p];
          imaginary -= x[m * p + i] * sine[k * i % p];
        }
        re[m * half + k - 1] = real / Math.sqrt(p);
        im[m * half + k - 1] = imaginary / Math.sqrt(p);
      }
    }
    return { re, im, half };
  }

  /** cos(2 pi i / p + angle) for i = 0 ... p - 1. */
  function wave(p, angle) {
    return Float64Array.from({ length: p }, (_, i) => Math.cos(2 * Math.PI * i / p + angle));
  }

  /** |x^_k|^2, (neuron freq). */
  function power({ re, im }) {
    return re.map((x, i) => x * x + im[i] * im[i]);
  }

  /** k_m = argmax over k of |w^_{m,k}|, from the output vectors alone. */
  function dominantFrequency(w, p) {
    const half = p >> 1, strong = power(spectrum(w, p));
    return Int32Array.from({ length: w.length / p }, (_, m) => {
      const row = strong.subarray(m * half, (m + 1) * half);
      return row.indexOf(Math.max(...row)) + 1;
    });
  }

  /** The part of each row of x at frequency k: (2 / sqrt p) |x^_k| cos(2 pi k i / p + arg x^_k);
   * half of it at k = p / 2. */
  function keepFrequency(x, k, p) {
    const { re, im, half } = spectrum(x, p), cosine = wave(p, 0), sine = wave(p, -Math.PI / 2);
    return x.map((_, at) => {
      const m = Math.floor(at / p), turn = k[m] * (at % p) % p, i = m * half + k[m] - 1;
      return (2 * k[m] === p ? 1 : 2) / Math.sqrt(p) * (re[i] * cosine[turn] - im[i] * sine[turn]);
    });
  }

  /** g^0, g^1 ... g^(p-2) mod p for the smallest primitive root g of p; null if p is no odd prime. */
  function logarithms(p) {
    for (let g = 2; g < p; g++) {
      const powers = [1];
      while (powers.length < p - 1) powers.push(powers.at(-1) * g % p);
      if (new Set(powers).size === p - 1 && !powers.includes(0)) return powers;
    }
    return null;
  }

  /** The rows of x (neuron p) in another order of the residues, which may leave some out. */
  function reordered(x, p, order) {
    return order ? Float64Array.from({ length: x.length / p * order.length },
      (_, i) => x[Math.floor(i / order.length) * p + order[i % order.length]]) : x;
  }

  /** The order of residues over which FF has its waves: null is 0, 1, 2 ...; for multiplication by a
   * prime p the discrete logarithm, in which it is addition. */
  const waveOrder = (op, p) => (op === "mul" ? logarithms(p) : null);

  /** FF: the nets of f^G and f^R. k_m comes from w_m alone and filters u_m and v_m too; mu is kept
   * in both. With `order` (logarithms) the waves run over the discrete logarithm; residue 0 has
   * none and stays in G. */
  function filtrate(net, { k = null, order = null } = {}) {
    const { p } = net, length = order ? order.length : p, pick = (x) => reordered(x, p, order);
    k = k ?? dominantFrequency(pick(net.W), length);
    const g = { ...net }, r = { ...net };
    for (const name of ["U", "V", "W"]) {
      const kept = keepFrequency(pick(net[name]), k, length);
      g[name] = kept;
      if (order) {
        g[name] = net[name].slice();
        kept.forEach((x, i) => { g[name][Math.floor(i / length) * p + order[i % length]] = x; });
      }
      r[name] = net[name].map((x, i) => x - g[name][i]);
    }
    return { g, r, k };
  }

  /** A control for FF: a frequency per neuron, uniform over 1 ... p // 2, blind to the weights. */
  function randomFrequency(width, p) {
    const { integer } = generator(0, CONTROL);
    return Int32Array.from({ length: width }, () => integer(1, (p >> 1) + 1));
  }

  /** The nets that are compared: full; G and R of FF; G_quadratic, which is G under x^2 with mu = 0;
   * G_random, the same at random frequencies, the control. */
  function parts(net, op) {
    const order = waveOrder(op, net.p), length = order ? order.length : net.p;
    const square = (x) => ({ ...x, act: "quadratic", mu: new Float64Array(net.p) });
    const { g, r } = filtrate(net, { order });
    const random = filtrate(net, { k: randomFrequency(net.width, length), order }).g;
    return { full: net, G: g, G_quadratic: square(g), R: r, G_random: square(random) };
  }

  /** What the filter alone makes of the given training labels, without any net: the table
   * T[a, b, c] keeps its Fourier modes whose three frequencies are equal up to sign and not 0; the
   * answer is the class with the largest value. */
  function labelPrior({ p, given, role }) {
    const half = p >> 1, waves = [wave(p, 0), wave(p, -Math.PI / 2)];
    const value = new Float64Array(p * p * p);
    for (let k = 1; k <= half; k++) {
      const at = (which, x) => waves[which][k * x % p], sums = new Float64Array(8);
      const signs = 2 * k === p ? 1 : 8; // modes (+-k, +-k, +-k)
      for (let cell = 0; cell < p * p; cell++) {
        if (role[cell] > NOISY) continue;
        const a = Math.floor(cell / p), b = cell % p;
        for (let s = 0; s < 8; s++) sums[s] += signs * at(s >> 2, a) * at((s >> 1) & 1, b) * at(s & 1, given[cell]);
      }
      for (let cell = 0; cell < p * p; cell++) {
        const a = Math.floor(cell / p), b = cell % p;
        let even = 0, odd = 0;
        for (let s = 0; s < 4; s++) {
          const ab = at(s >> 1, a) * at(s & 1, b);
          even += ab * sums[2 * s];
          odd += ab * sums[2 * s + 1];
        }
        for (let c = 0; c < p; c++) value[cell * p + c] += even * at(0, c) + odd * at(1, c);
      }
    }
    return Uint8Array.from({ length: p * p }, (_, cell) => {
      const row = value.subarray(cell * p, (cell + 1) * p);
      return row.indexOf(Math.max(...row));
    });
  }

  /** Share of right answers by role, of given answers to all pairs. */
  function accuracyOf(answers, table) {
    const accuracy = {};
    ROLES.forEach((role, at) => {
      const code = [CLEAN, NOISY, NOISY, VAL, TEST][at], label = role === "noisy" ? table.given : table.true;
      const cells = [...table.role.keys()].filter((i) => table.role[i] === code);
      accuracy[role] = cells.filter((i) => answers[i] === label[i]).length / cells.length;
    });
    return accuracy;
  }

  return {
    OPERATIONS, ACTIVATIONS, FIELDS, ROLES, CLEAN, NOISY, VAL, TEST, checked, linked, generator, trueLabels,
    noisyTable, newNet, lookupOf, fromLookup, plainForward, trainingCells, adamw, Engine, Phi, scores, recorded, spectrum, power, dominantFrequency,
    keepFrequency, logarithms, reordered, waveOrder, filtrate, randomFrequency, parts, labelPrior, accuracyOf,
  };
}

if (typeof module !== "undefined") module.exports = modnoiseCore();
