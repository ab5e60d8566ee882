// The back end "WebGPU": training in float32 by kernels in WGSL. Everything stays on the device;
// the loss is read back, and the weights when they are to be drawn. mu is the last row of W, for a
// neuron that is always 1. All of it is inside one function, because its text becomes part of the
// worker's source.
"use strict";

function modnoiseWebgpu(core) {
  const ACTS = ["relu", "quadratic", "gelu", "reverse_relu"];
  const AHEAD = 32; // updates that are handed to the device at a time
  const LINE = 65535 * 64; // invocations of one row of workgroups; more go into the next rows

  const HEAD = `
struct Net { pairs: u32, p: u32, width: u32, act: u32 };
fn line(id: vec3u) -> u32 { return id.y * ${LINE}u + id.x; }
`;
  const PHI = `
/** Phi(x), the normal distribution function, and its slope (Abramowitz & Stegun 7.1.26). */
fn normal(x: f32) -> vec2f {
  let far = abs(x) * 0.70710678;
  let bell = exp(-far * far);
  let t = 1.0 / (1.0 + 0.3275911 * far);
  let s = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  let tail = 0.5 * s * bell;
  return vec2f(select(1.0 - tail, tail, x < 0.0), bell * 0.39894228);
}
`;

  const KERNELS = {
    /** hidden = phi(U e_a + V e_b), (pairs width + 1), its last column 1. */
    hide: `${HEAD}${PHI}
@group(0) @binding(0) var<uniform> net: Net;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = line(id);
  let columns = net.width + 1u;
  if (at >= net.pairs * columns) { return; }
  let i = at / columns;
  let m = at % columns;
  if (m == net.width) { hidden[at] = 1.0; return; }
  let x = weights[cells[i] * net.width + m] + weights[cells[net.pairs + i] * net.width + m];
  var y = max(x, 0.0);
  if (net.act == 1u) { y = x * x; }
  if (net.act == 2u) { y = x * normal(x).x; }
  if (net.act == 3u) { y = max(-x, 0.0); }
  hidden[at] = y;
}`,
    /** C = A B in tiles of 64 x 64, 4 x 4 numbers per thread; A (rows inner) and B (inner columns)
     * with strides, so that either may be a transposed matrix. */
    multiply: `
struct Shape {
  rows: u32, inner: u32, columns: u32, first_a: u32, row_a: u32, step_a: u32,
  first_b: u32, row_b: u32, step_b: u32, first_c: u32,
};
@group(0) @binding(0) var<uniform> s: Shape;
@group(0) @binding(1) var<storage, read> A: array<f32>;
@group(0) @binding(2) var<storage, read> B: array<f32>;
@group(0) @binding(3) var<storage, read_write> C: array<f32>;
var<workgroup> a: array<f32, 1024>;
var<workgroup> b: array<f32, 1024>;
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let top = group.y * 64u;
  let left = group.x * 64u;
  let me = local.y * 16u + local.x;
  var sums: array<vec4f, 4>;
  for (var k = 0u; k < s.inner; k += 16u) {
    for (var n = me; n < 1024u; n += 256u) {
      let i = top + n / 16u;
      let ka = k + n % 16u;
      let kb = k + n / 64u;
      let j = left + n % 64u;
      a[n] = 0.0;
      b[n] = 0.0;
      if (i < s.rows && ka < s.inner) { a[n] = A[s.first_a + i * s.row_a + ka * s.step_a]; }
      if (kb < s.inner && j < s.columns) { b[n] = B[s.first_b + kb * s.row_b + j * s.step_b]; }
    }
    workgroupBarrier();
    for (var q = 0u; q < 16u; q++) {
      let at = q * 64u + local.x * 4u;
      let row = vec4f(b[at], b[at + 1u], b[at + 2u], b[at + 3u]);
      for (var r = 0u; r < 4u; r++) { sums[r] += a[(local.y * 4u + r) * 16u + q] * row; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let i = top + local.y * 4u + r;
      let j = left + local.x * 4u + c;
      if (i < s.rows && j < s.columns) { C[s.first_c + i * s.columns + j] = sums[r][c]; }
    }
  }
}`,
    /** Logits of each pair to (softmax - onehot) / pairs, and its cross-entropy. */
    soften: `${HEAD}
@group(0) @binding(0) var<uniform> net: Net;
@group(0) @binding(1) var<storage, read> cells: array<u32>;
@group(0) @binding(2) var<storage, read_write> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = line(id);
  if (i >= net.pairs) { return; }
  let row = i * net.p;
  let right = row + cells[2u * net.pairs + i];
  var most = logits[row];
  for (var c = 1u; c < net.p; c++) { most = max(most, logits[row + c]); }
  var sum = 0.0;
  loss[i] = most - logits[right];
  for (var c = 0u; c < net.p; c++) {
    let e = exp(logits[row + c] - most);
    logits[row + c] = e;
    sum += e;
  }
  loss[i] += log(sum);
  for (var c = 0u; c < net.p; c++) { logits[row + c] /= sum * f32(net.pairs); }
  logits[right] -= 1.0 / f32(net.pairs);
}`,
    /** dhidden phi'(pre), in place; (pairs width). */
    chain: `${HEAD}${PHI}
@group(0) @binding(0) var<uniform> net: Net;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read_write> dhidden: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = line(id);
  if (at >= net.pairs * net.width) { return; }
  let i = at / net.width;
  let m = at % net.width;
  let x = weights[cells[i] * net.width + m] + weights[cells[net.pairs + i] * net.width + m];
  var slope = select(0.0, 1.0, x > 0.0);
  if (net.act == 1u) { slope = 2.0 * x; }
  if (net.act == 2u) { let phi = normal(x); slope = phi.x + x * phi.y; }
  if (net.act == 3u) { slope = select(0.0, -1.0, x < 0.0); }
  dhidden[at] *= slope;
}`,
    /** Gradient of each row of the lookup: the sum over its pairs, which are listed one after
     * another; row r has the entries lists[r] ... lists[r + 1] - 1. */
    gather: `${HEAD}
@group(0) @binding(0) var<uniform> net: Net;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> dhidden: array<f32>;
@group(0) @binding(3) var<storage, read_write> grads: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = line(id);
  if (at >= 2u * net.p * net.width) { return; }
  let row = at / net.width;
  var sum = 0.0;
  for (var n = lists[row]; n < lists[row + 1u]; n++) { sum += dhidden[lists[n] * net.width + at % net.width]; }
  grads[at] = sum;
}`,
    /** AdamW: x <- keep x - rate mean / (sqrt(square) / bias + eps). */
    update: `${HEAD}
struct Adam { keep: f32, rate: f32, bias: f32, rest1: f32, rest2: f32, eps: f32 };
@group(0) @binding(0) var<uniform> adam: Adam;
@group(0) @binding(1) var<storage, read> grads: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> square: array<f32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = line(id);
  if (at >= arrayLength(&weights)) { return; }
  let g = grads[at];
  let m = mean[at] + adam.rest1 * (g - mean[at]);
  let s = square[at] + adam.rest2 * (g * g - square[at]);
  mean[at] = m;
  square[at] = s;
  weights[at] = weights[at] * adam.keep - adam.rate * m / (sqrt(s) / adam.bias + adam.eps);
}`,
  };

  /** A device, or an error that says why there is none. */
  async function newDevice() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error("this browser has no WebGPU device");
    return { device: await adapter.requestDevice(), info: adapter.info };
  }

  /** As core.Engine. */
  class Engine {
    static async make(run, net, table) {
      const { device, info } = await newDevice();
      return new Engine(device, info, run, net, table);
    }

    constructor(device, info, run, net, table) {
      const { p, width, act } = net, cells = core.trainingCells(table), n = cells.label.length;
      const named = [info?.vendor, info?.architecture].filter(Boolean).join(" ");
      const name = `WebGPU${named ? ` (${named})` : ""}`, problem = null;
      Object.assign(this, { device, run, p, width, act, n, updates: 0, name, problem });
      device.lost.then(({ message, reason }) => { this.problem ??= message || reason; });
      device.addEventListener("uncapturederror", ({ error }) => { this.problem ??= error.message; });

      const lookup = 2 * p * width, size = lookup + (width + 1) * p, use = GPUBufferUsage;
      this.size = size;
      const buffer = (count, usage = 0) => device.createBuffer({ size: 4 * count, usage: use.STORAGE | usage });
      const filled = (values, usage = use.STORAGE) => {
        const made = device.createBuffer({ size: values.byteLength, usage: usage | use.COPY_DST });
        device.queue.writeBuffer(made, 0, values);
        return made;
      };
      const uniform = (...values) => filled(Uint32Array.from(values), use.UNIFORM);
      this.weights = filled(this.flat(net), use.STORAGE | use.COPY_SRC);
      const [grads, mean, square] = [0, 1, 2].map(() => buffer(size));
      const pairs = filled(joined(cells)), lists = filled(listed(cells, p));
      const hidden = buffer(n * (width + 1)), logits = buffer(n * p), dhidden = buffer(n * width);
      this.loss = buffer(n, use.COPY_SRC);
      this.adam = Array.from({ length: AHEAD }, () => device.createBuffer({ size: 24, usage: use.UNIFORM | use.COPY_DST }));

      const shape = uniform(n, p, width, ACTS.indexOf(act));
      const pipelines = {};
      for (const [kernel, code] of Object.entries(KERNELS)) {
        pipelines[kernel] = device.createComputePipeline({
          layout: "auto", compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
        });
      }
      const pass = (kernel, groups, ...buffers) => ({
        pipeline: pipelines[kernel], groups,
        bound: device.createBindGroup({
          layout: pipelines[kernel].getBindGroupLayout(0),
          entries: buffers.map((one, binding) => ({ binding, resource: { buffer: one } })),
        }),
      });
      const line = (count) => [Math.min(Math.ceil(count / 64), LINE / 64), Math.ceil(count / LINE)];
      const product = (A, B, C, rows, inner, columns, ...strides) => pass("multiply",
        [Math.ceil(columns / 64), Math.ceil(rows / 64)], uniform(rows, inner, columns, ...strides), A, B, C);
      this.passes = [
        pass("hide", line(n * (width + 1)), shape, this.weights, pairs, hidden),
        product(hidden, this.weights, logits, n, width + 1, p, 0, width + 1, 1, lookup, p, 1, 0),
        pass("soften", line(n), shape, pairs, logits, this.loss),
        product(hidden, logits, grads, width + 1, n, p, 0, 1, width + 1, 0, p, 1, lookup),
        product(logits, this.weights, dhidden, n, p, width, 0, p, 1, lookup, 1, p, 0),
        pass("chain", line(n * width), shape, this.weights, pairs, dhidden),
        pass("gather", line(lookup), shape, lists, dhidden, grads),
      ];
      this.updating = this.adam.map((scalars) => pass("update", line(size), scalars, grads, mean, square, this.weights));
    }

    /** lookup, W and mu of a net of core.js in one piece. */
    flat(net) {
      const lookup = core.lookupOf(net), flat = new Float32Array(this.size);
      flat.set(lookup);
      flat.set(net.W, lookup.length);
      flat.set(net.mu, lookup.length + net.W.length);
      return flat;
    }

    async advance(steps) {
      for (let done = 0; done < steps; done += AHEAD) this.several(Math.min(AHEAD, steps - done));
      const loss = await this.copied(this.loss, this.n);
      return loss.reduce((sum, x) => sum + x, 0) / this.n;
    }

    /** Hand the device a few updates. */
    several(steps) {
      const { device } = this, encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
      for (let i = 0; i < steps; i++) {
        const { keep, rate, bias, rest1, rest2, eps } = core.adamw(this.run, ++this.updates);
        device.queue.writeBuffer(this.adam[i], 0, Float32Array.of(keep, rate, bias, rest1, rest2, eps));
        for (const { pipeline, bound, groups } of [...this.passes, this.updating[i]]) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bound);
          pass.dispatchWorkgroups(...groups);
        }
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    }

    async read() {
      const { p, width, act } = this, flat = Float64Array.from(await this.copied(this.weights, this.size));
      const at = 2 * p * width, lookup = flat.subarray(0, at);
      return { ...core.fromLookup({ p, width, lookup }), act, W: flat.slice(at, at + width * p), mu: flat.slice(at + width * p) };
    }

    /** The numbers in a buffer of the device. */
    async copied(buffer, count) {
      const { device } = this, size = 4 * count;
      const there = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, there, 0, size);
      device.queue.submit([encoder.finish()]);
      try {
        await there.mapAsync(GPUMapMode.READ);
      } catch (error) {
        this.problem ??= error.message;
      }
      this.healthy();
      const numbers = new Float32Array(there.getMappedRange().slice(0));
      there.destroy();
      return numbers;
    }

    /** Nothing of a device that was lost, or ran out of memory, is believed. */
    healthy() {
      if (this.problem) throw new Error(`the WebGPU device was lost: ${this.problem}`);
    }

    close() {
      this.device.destroy();
    }
  }

  /** Rows of the lookup and classes, one after another. */
  function joined({ rowA, rowB, label }) {
    return Uint32Array.from([...rowA, ...rowB, ...label]);
  }

  /** For every row of the lookup where its list begins, and where the last one ends; then the lists
   * of pairs. */
  function listed({ rowA, rowB }, p) {
    const lists = Array.from({ length: 2 * p }, () => []);
    rowA.forEach((row, i) => lists[row].push(i));
    rowB.forEach((row, i) => lists[row].push(i));
    let end = 2 * p + 1;
    const starts = lists.map((list) => (end += list.length) - list.length);
    return Uint32Array.from([...starts, end, ...lists.flat()]);
  }

  return { Engine, newDevice };
}

if (typeof module !== "undefined") module.exports = modnoiseWebgpu;
