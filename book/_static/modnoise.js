// Folded parts of a page: links open what they point at, one button opens all, paper shows all.
// Written open; a script at the end of each page folds them. Without scripts all is open.
(() => {
  const folds = () => [...document.querySelectorAll("article details.mn-fold")];

  function reveal(target) {
    if (!target) return;
    for (let node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
    const own = target.matches("section") && target.querySelector(":scope > details.mn-section");
    if (own) own.open = true;
    target.scrollIntoView({ behavior: "instant" }); // the page still grows
  }

  function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id) reveal(document.getElementById(id));
  }

  function button() {
    if (!folds().some((fold) => fold.matches(".mn-code, .mn-section"))) return;
    const made = document.createElement("button");
    made.type = "button";
    made.className = "mn-unfold";
    const draw = () => {
      const open = folds().every((fold) => fold.open);
      made.textContent = open ? "Fold all" : "Unfold all";
      made.setAttribute("aria-expanded", String(open));
    };
    made.addEventListener("click", () => {
      const open = !folds().every((fold) => fold.open);
      for (const fold of folds()) fold.open = open;
      draw();
    });
    document.addEventListener("toggle", draw, true);
    draw();
    const chips = document.querySelector("article .mn-chips");
    if (chips) {
      const place = document.createElement("li");
      place.className = "mn-last";
      place.append(made);
      chips.append(place);
    } else {
      document.querySelector("article h1")?.after(made);
    }
  }

  // The scorecard's lines by verdict, paper and setting.
  function filters(board) {
    const lines = [...board.querySelectorAll(".mn-line")];
    const bar = document.createElement("div");
    bar.className = "mn-filters";
    const count = document.createElement("output");
    const selects = ["verdict", "paper", "setting"].map((name) => {
      const label = document.createElement("label");
      const select = document.createElement("select");
      const values = [...new Set(lines.map((line) => line.dataset[name]))];
      for (const value of ["all", ...values]) select.append(new Option(value, value));
      select.name = name;
      label.append(`${name} `, select);
      bar.append(label);
      select.addEventListener("change", draw);
      return select;
    });
    function draw() {
      for (const line of lines) {
        line.hidden = selects.some(({ name, value }) => value !== "all" && line.dataset[name] !== value);
      }
      const shown = lines.filter((line) => !line.hidden).length;
      count.textContent = `${shown} of ${lines.length} claims`;
      const chosen = selects.some(({ value }) => value !== "all");
      for (const paper of board.querySelectorAll(".mn-paper")) {
        paper.hidden = !paper.querySelector(".mn-line:not([hidden])");
        if (paper.tagName === "DETAILS") paper.open = chosen;
      }
    }
    bar.append(count);
    board.prepend(bar);
    draw();
  }

  // Widgets and formulas come late and push the target away, until the reader moves.
  let moved = false;
  for (const kind of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    window.addEventListener(kind, () => { moved = true; }, { once: true, passive: true });
  }
  const again = () => { if (!moved) follow(); };
  window.addEventListener("load", () => {
    again();
    window.formulas?.then(again);
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".mn-board").forEach(filters);
    button();
    follow();
  });
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]'); // the hash may be there already
    if (link && link.hash === location.hash) follow();
  });

  let before = [];
  window.addEventListener("beforeprint", () => {
    before = folds().filter((fold) => !fold.open);
    for (const fold of before) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const fold of before) fold.open = false;
    before = [];
  });
})();
