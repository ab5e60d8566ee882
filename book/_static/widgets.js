// Runs between require.js and the widget manager: every module comes from the book's own folder.
"use strict";
{
  const folder = new URL("../vendor/widgets/", document.currentScript.src).href;
  window.require.config({ baseUrl: folder });
  // The manager typesets formulas through the queue of MathJax 2; give it that of MathJax 3.
  window.addEventListener("load", () => {
    const mathjax = window.MathJax;
    if (mathjax && !mathjax.Hub && mathjax.typesetPromise) {
      mathjax.Hub = { Queue: ([, , node]) => mathjax.typesetPromise(node ? [node] : undefined) };
    }
  });
}
