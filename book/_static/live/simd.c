// Kernels of simd.js: one step of full-batch training in float32, four numbers at a time.
// The formulas are those of Engine in core.js. Compiled by scripts/simd.py into simd_wasm.js.
// Rows of neurons and of classes are padded with zeros to multiples of 8; pairs come in blocks.

typedef float f4 __attribute__((vector_size(16)));
typedef int i4 __attribute__((vector_size(16)));

// Filled by simd.js as 32-bit words in this order; (a b) is a matrix, row by row.
typedef struct {
  int p, classes, neurons, act;        // classes and neurons: padded
  int *row_a, *row_b, *label;          // (pairs) rows of lookup, class
  float *lookup, *W, *mu, *WT;         // (2p neurons), (neurons classes), (classes), W transposed
  float *dlookup, *dW, *dmu;           // gradients
  float *pre, *hidden, *dhidden, *logits;  // (BLOCK neurons) three times, (BLOCK classes)
} Net;

enum { BLOCK = 48, RELU = 0, QUADRATIC = 1, GELU = 2, REVERSE_RELU = 3 };

__attribute__((import_module("env"), import_name("log"))) double log_(double);

static f4 all(float x) { return (f4){x, x, x, x}; }
static f4 pick(i4 yes, f4 one, f4 other) { return (f4)(((i4)one & yes) | ((i4)other & ~yes)); }
static f4 load(const float *x) { return *(const f4 *)x; }
static void store(float *x, f4 value) { *(f4 *)x = value; }

/** exp(x) for x <= 0: 2^n times the series of exp(r), |r| <= log(2) / 2; 0 below -87. */
static f4 exponential(f4 x) {
  const f4 magic = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  i4 tiny = x < all(-87.0f);
  x = pick(tiny, all(-87.0f), x);
  f4 n = (x * all(1.44269504f) + magic) - magic;
  f4 r = (x - n * all(0.693359375f)) + n * all(2.12194440e-4f);
  f4 s = all(1.0f / 5040);
  const float terms[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  for (int i = 0; i < 7; i++) s = s * r + all(terms[i]);
  i4 power = (__builtin_convertvector(n, i4) + 127) << 23;
  return pick(tiny, all(0.0f), s * (f4)power);
}

/** Phi(x), the normal distribution function, and its slope (Abramowitz & Stegun 7.1.26). */
static f4 normal(f4 x, f4 *density) {
  f4 far = pick(x < all(0.0f), -x, x) * all(0.70710678f), bell = exponential(-far * far);
  f4 t = all(1.0f) / (all(1.0f) + all(0.3275911f) * far), s = all(1.061405429f);
  const float terms[] = {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f, 0.0f};
  for (int i = 0; i < 5; i++) s = s * t + all(terms[i]);
  f4 tail = all(0.5f) * s * bell;
  *density = bell * all(0.39894228f);
  return pick(x < all(0.0f), tail, all(1.0f) - tail);
}

static void activate(int act, const float *pre, float *hidden, int n) {
  f4 slope;
  for (int i = 0; i < n; i += 4) {
    f4 x = load(pre + i), y;
    if (act == RELU) y = pick(x > all(0.0f), x, all(0.0f));
    else if (act == REVERSE_RELU) y = pick(x < all(0.0f), -x, all(0.0f));
    else if (act == QUADRATIC) y = x * x;
    else y = x * normal(x, &slope);
    store(hidden + i, y);
  }
}

/** dhidden * phi'(pre), in place. */
static void chain(int act, float *dhidden, const float *pre, int n) {
  f4 slope;
  for (int i = 0; i < n; i += 4) {
    f4 x = load(pre + i), d = load(dhidden + i);
    if (act == RELU) d = pick(x > all(0.0f), d, all(0.0f));
    else if (act == REVERSE_RELU) d = pick(x < all(0.0f), -d, all(0.0f));
    else if (act == QUADRATIC) d *= all(2.0f) * x;
    else { f4 share = normal(x, &slope); d *= share + x * slope; }
    store(dhidden + i, d);
  }
}

/** C = A B, or C += A B with `add`: 4 rows and 8 columns at a time stay in registers. Rows are a
 * multiple of 4, columns one of 8; A's entry (i, k) is A[i row_a + k step_a]. */
static void product(float *C, const float *A, const float *B, int rows, int inner, int columns,
                    int row_a, int step_a, int add) {
  for (int j = 0; j < columns; j += 8) {
    for (int i = 0; i < rows; i += 4) {
      const float *a = A + i * row_a, *b = B + j;
      f4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
      for (int k = 0; k < inner; k++, a += step_a, b += columns) {
        f4 x = load(b), y = load(b + 4);
        f4 w = all(a[0]);
        s0 += w * x; t0 += w * y;
        w = all(a[row_a]);
        s1 += w * x; t1 += w * y;
        w = all(a[2 * row_a]);
        s2 += w * x; t2 += w * y;
        w = all(a[3 * row_a]);
        s3 += w * x; t3 += w * y;
      }
      float *c = C + i * columns + j;
      f4 sums[8] = {s0, t0, s1, t1, s2, t2, s3, t3};
      for (int r = 0; r < 4; r++, c += columns) {
        store(c, add ? load(c) + sums[2 * r] : sums[2 * r]);
        store(c + 4, add ? load(c + 4) + sums[2 * r + 1] : sums[2 * r + 1]);
      }
    }
  }
}

/** Number of pairs in a block with the empty rows that make it a multiple of 4. */
static int whole(int pairs) { return (pairs + 3) & ~3; }

/** Logits of `pairs` (at most BLOCK) pairs from `start` on. */
__attribute__((export_name("forward"))) void forward(const Net *net, int start, int pairs) {
  int neurons = net->neurons, classes = net->classes;
  for (int i = 0; i < whole(pairs); i++) {
    int at = i < pairs ? start + i : start;  // rows that fill up repeat the first
    const float *u = net->lookup + net->row_a[at] * neurons;
    const float *v = net->lookup + net->row_b[at] * neurons;
    float *row = net->pre + i * neurons;
    for (int m = 0; m < neurons; m += 4) store(row + m, load(u + m) + load(v + m));
  }
  activate(net->act, net->pre, net->hidden, whole(pairs) * neurons);
  for (int i = 0; i < whole(pairs); i++)
    for (int c = 0; c < classes; c += 4) store(net->logits + i * classes + c, load(net->mu + c));
  product(net->logits, net->hidden, net->W, whole(pairs), neurons, classes, neurons, 1, 1);
}

/** Logits to (softmax - onehot) share, row by row; the sum of the cross-entropies. */
static double soften(const Net *net, int start, int pairs, float share) {
  int classes = net->classes;
  double loss = 0;
  for (int i = 0; i < whole(pairs); i++) {
    float *row = net->logits + i * classes;
    if (i >= pairs) {
      for (int c = 0; c < classes; c += 4) store(row + c, all(0.0f));
      continue;
    }
    int right = net->label[start + i];
    float right_logit = row[right];
    for (int c = net->p; c < classes; c++) row[c] = -__builtin_inff();
    f4 most4 = load(row), sum4 = {0};
    for (int c = 4; c < classes; c += 4) {
      f4 x = load(row + c);
      most4 = pick(x > most4, x, most4);
    }
    float most = most4[0];
    for (int lane = 1; lane < 4; lane++) most = most4[lane] > most ? most4[lane] : most;
    for (int c = 0; c < classes; c += 4) {
      f4 e = exponential(load(row + c) - all(most));
      store(row + c, e);
      sum4 += e;
    }
    float sum = sum4[0] + sum4[1] + sum4[2] + sum4[3], scale = share / sum;
    loss += (double)(most - right_logit) + log_(sum);
    for (int c = 0; c < classes; c += 4) store(row + c, load(row + c) * all(scale));
    row[right] -= share;
    for (int c = 0; c < classes; c += 4) store(net->dmu + c, load(net->dmu + c) + load(row + c));
  }
  return loss;
}

/** Fills the gradients of the pairs start ... end - 1, each with weight `share`; returns the sum of
 * their cross-entropies. */
__attribute__((export_name("gradients"))) double gradients(const Net *net, int start, int end,
                                                           float share) {
  int neurons = net->neurons, classes = net->classes;
  double loss = 0;
  for (int i = 0; i < 2 * net->p * neurons; i += 4) store(net->dlookup + i, all(0.0f));
  for (int i = 0; i < neurons * classes; i += 4) store(net->dW + i, all(0.0f));
  for (int c = 0; c < classes; c += 4) store(net->dmu + c, all(0.0f));
  for (int m = 0; m < neurons; m++)
    for (int c = 0; c < classes; c++) net->WT[c * neurons + m] = net->W[m * classes + c];
  for (; start < end; start += BLOCK) {
    int pairs = end - start < BLOCK ? end - start : BLOCK;
    forward(net, start, pairs);
    loss += soften(net, start, pairs, share);
    product(net->dW, net->hidden, net->logits, neurons, whole(pairs), classes, 1, neurons, 1);
    product(net->dhidden, net->logits, net->WT, whole(pairs), classes, neurons, classes, 1, 0);
    chain(net->act, net->dhidden, net->pre, whole(pairs) * neurons);
    for (int i = 0; i < pairs; i++) {
      const float *d = net->dhidden + i * neurons;
      float *u = net->dlookup + net->row_a[start + i] * neurons;
      float *v = net->dlookup + net->row_b[start + i] * neurons;
      for (int m = 0; m < neurons; m += 4) {
        store(u + m, load(u + m) + load(d + m));
        store(v + m, load(v + m) + load(d + m));
      }
    }
  }
  return loss;
}

/** AdamW: x <- keep x - rate mean / (sqrt(square) / bias + eps), for n numbers, a multiple of 4. */
__attribute__((export_name("adamw"))) void adamw(float *x, const float *grad, float *mean,
                                                 float *square, int n, float rest1, float rest2,
                                                 float keep, float rate, float bias, float eps) {
  for (int i = 0; i < n; i += 4) {
    f4 g = load(grad + i), m = load(mean + i), s = load(square + i);
    m += all(rest1) * (g - m);
    s += all(rest2) * (g * g - s);
    store(mean + i, m);
    store(square + i, s);
    f4 size = __builtin_elementwise_sqrt(s) / all(bias) + all(eps);
    store(x + i, load(x + i) * all(keep) - all(rate) * m / size);
  }
}
