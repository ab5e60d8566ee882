// Formulas are set when the page stands and the browser has nothing else to do: MathJax is large.
// Sphinx takes this file for MathJax itself and adds it to the pages that have formulas.
(() => {
  const source = new URL("../vendor/mathjax/tex-mml-chtml.js", document.currentScript.src).href;
  window.formulas = new Promise((done, failed) => {
    const start = () => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => MathJax.startup.promise.then(done, failed);
      script.onerror = failed;
      document.head.append(script);
    };
    const idle = window.requestIdleCallback ?? ((call) => setTimeout(call)); // Safari has none
    window.addEventListener("load", () => idle(start));
  });
})();
