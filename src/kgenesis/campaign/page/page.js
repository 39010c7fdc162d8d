"use strict";
(function () {
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { displaylogo: false, responsive: true, displayModeBar: false, scrollZoom: false };

  // colours are CSS variables, so that light and dark choose their own
  function coloured(text) {
    const style = getComputedStyle(root);
    return JSON.parse(text.replace(/var\(--([\w-]+)\)/g, function (_, name) {
      return style.getPropertyValue("--" + name).trim().replace(/\s+/g, " ").replace(/"/g, "'");
    }));
  }
  function draw(figure) {
    const place = figure.querySelector(".plot");
    const wanted = coloured(JSON.stringify(figures[figure.dataset.key]));
    figure.classList.add("live");
    const slim = place.clientWidth < 480;
    if (slim) { wanted.layout.font.size = 11; wanted.layout.legend.font.size = 11; }
    return Plotly.react(place, wanted.data, wanted.layout, config).catch(function () { figure.classList.remove("live"); });
  }
  if (window.Plotly) {
    const all = Array.from(document.querySelectorAll("figure[data-key]"));
    const seen = new IntersectionObserver(function (entries) {
      for (const entry of entries) {
        if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
      }
    }, { rootMargin: "600px" });
    all.forEach(function (figure) { seen.observe(figure); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
      all.filter(function (figure) { return figure.classList.contains("live"); }).forEach(draw);
    });
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach(function (head, column) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      const plain = document.createElement("span"); // browsers leave buttons out of headings repeated in print
      plain.className = "for-print";
      plain.textContent = head.textContent;
      head.replaceChildren(button, plain);
      button.addEventListener("click", function () {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th[aria-sort]").forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = function (row) {
          const cell = row.cells[column];
          return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent.trim();
        };
        const rows = Array.from(body.rows).sort(function (a, b) {
          const x = key(a), y = key(b);
          if (typeof x === "number" && typeof y === "number") { return up ? x - y : y - x; }
          if (typeof x === "number") { return -1; }
          if (typeof y === "number") { return 1; }
          return up ? x.localeCompare(y, root.lang) : y.localeCompare(x, root.lang);
        });
        body.append.apply(body, rows);
      });
    });
  }
})();
