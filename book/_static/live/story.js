// The story in five statements. Each is told from the numbers of the run in the page and says by
// itself whether it holds there: nothing is typed in.
"use strict";

function modnoiseStory() {
  const KNOWN = 0.5, MEMORIZED = 0.99, RECOVERED = 0.9, AHEAD = 0.1; // accuracies, ours
  const NEAR = 2, NOTHING = 3; // times chance, ours

  /** Settings for which all five hold, and which take a browser a few seconds. */
  const SETTINGS = {
    p: 47, width: 256, noise: 0.6, op: "add", act: "relu", lr: 0.001, weight_decay: 0.1, beta2: 0.999, seed: 42, steps: 300,
  };
  /** The paper's modulus, noise and decay, at the tempo of the package's scale `fast` (lr, beta2). */
  const PAPER = {
    p: 113, width: 513, noise: 0.8, op: "add", act: "relu", lr: 0.02, weight_decay: 0.1, beta2: 0.98, seed: 42, steps: 500,
  };
  const FIRST = 0.6; // share of the steps after which the first statement is told

  const percent = (x) => (Number.isFinite(x) ? `${(100 * x).toFixed(1)} %` : "–");
  const counted = (n) => n.toLocaleString("en");

  /** First recorded step at which the full net's accuracy in `role` is at least KNOWN; or null. */
  function known(history, role) {
    return history.find(({ parts }) => parts.full.accuracy[role] >= KNOWN)?.step ?? null;
  }

  function first({ history, count, last }) {
    if (!count.noisy || !count.clean) {
      return { holds: false, text: "This run has no pairs of both kinds to compare: choose a noise ratio between 0 and 1." };
    }
    const noisy = known(history, "noisy"), clean = known(history, "clean");
    const at = (step) => (step === null ? `not yet at step ${last.step}` : `at step ${step}`);
    return {
      holds: noisy !== null && (clean === null || noisy < clean),
      text: `Half of the ${counted(count.noisy)} wrong labels are known ${at(noisy)}, `
        + `half of the ${counted(count.clean)} right ones ${at(clean)}.`,
    };
  }

  function memorized({ count, last }) {
    const { noisy, recovered } = last.parts.full.accuracy;
    if (!count.noisy) return { holds: false, text: "This run has no wrong labels: choose a noise ratio above 0." };
    return {
      holds: noisy >= MEMORIZED,
      text: `At step ${last.step} the net answers ${percent(noisy)} of the ${counted(count.noisy)} pairs that have a `
        + `wrong label with just that label, and ${percent(recovered)} of them with the true one.`,
    };
  }

  function useless({ run, count, last }) {
    const { test } = last.parts.full.accuracy;
    return {
      holds: test <= NEAR / run.p,
      text: `On the ${counted(count.test)} pairs it has never seen the net is right for ${percent(test)}. `
        + `Guessing would give ${percent(1 / run.p)}.`,
    };
  }

  function filtered({ run, last, prior }) {
    const test = (part) => last.parts[part].accuracy.test;
    const found = test("G_quadratic"), random = test("G_random");
    const holds = found >= RECOVERED && found >= random + AHEAD;
    const caution = "All that neurons of a single wave can say is waves in a + b, in a − b, in a or in b, so the filter "
      + "brings a leaning to such rules with it. " + (prior.test >= found
      ? "As the labels alone are enough for it, this shows that the rule is still in the weights, not that it takes a net to find it."
      : "What the dominant frequencies add to the controls is what the net knows.");
    return {
      holds,
      text: `One frequency per neuron, under x²: right for ${percent(found)} of the same pairs `
        + `(under ${run.act}: ${percent(test("G"))}; the residual: ${percent(test("R"))}). Two controls: with a random `
        + `frequency per neuron ${percent(random)}; the same filter on the table of training labels, without any `
        + `net, ${percent(prior.test)}. ${caution}`,
    };
  }

  function nothing({ control: { run, last, prior } }) {
    const { noisy } = last.parts.full.accuracy, { test } = last.parts.G_quadratic.accuracy;
    return {
      holds: test < NOTHING / run.p,
      text: `Trained on wrong labels only, the net knows ${percent(noisy)} of them, and its FF part under x² is right `
        + `for ${percent(test)} of the other pairs; the filter on the labels alone for ${percent(prior.test)}. `
        + `Guessing gives ${percent(1 / run.p)}. What the filter finds was in the data.`,
    };
  }

  /** title; before: what is going to happen; tell(facts) to { holds, text }. facts: run, count, prior,
   * history and last of the run, and the same of `control`, the run at noise 1. */
  const STEPS = [
    { title: "The wrong labels come first", before: "Trains the net until it knows about half of its pairs.", tell: first },
    { title: "Everything is memorized", before: "Trains on to the last step.", tell: memorized },
    { title: "On new pairs the net is near chance", before: "Looks at the pairs that were held out.", tell: useless },
    { title: "Filtration recovers the rule", before: "Keeps one frequency of each neuron, beside two controls.", tell: filtered },
    { title: "Without a rule in the labels nothing is recovered", before: "Trains a second net, with noise 1.0: every label wrong.", tell: nothing },
  ];

  return { SETTINGS, PAPER, FIRST, STEPS, percent, known };
}

if (typeof module !== "undefined") module.exports = modnoiseStory();
