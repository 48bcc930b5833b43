// The report's plots: pictures of the table of days, which stays beside them. One crosshair goes through all of them,
// by the mouse or by the arrow keys; what it stands on is said above each.
"use strict";
(() => {
  const DASHES = {dashed: [7, 4], dotted: [2, 4]};
  const DAY = 86400000, MONDAY = 3; // 1970-01-01 was a Thursday: weeks begin where these numbers divide by seven
  const short = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", timeZone: "UTC"});
  const weekday = new Intl.DateTimeFormat("en-GB", {weekday: "short", timeZone: "UTC"});
  const root = document.querySelector(".report"), table = root?.querySelector("[data-days]");
  if (!table) return;

  const rows = [...table.tBodies[0].rows], days = rows.map((row) => row.cells[0].textContent);
  const xs = days.map((day) => Date.parse(day) / DAY + MONDAY);
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.name);
  const cell = (name, at) => rows[at].cells[names.indexOf(name)].textContent;
  const number = (text) => { const found = parseFloat(text.replaceAll(",", "")); return Number.isNaN(found) ? null : found; };
  const dateOf = (x) => new Date((x - MONDAY) * DAY);
  const bare = rows.length <= 100;
  let plots = [], moving = false;

  // ------------------------------------------------------------ drawing

  function draw(figure) {
    const at = figure.querySelector(".canvas"), wanted = figure.dataset.plot.split(" ");
    const frame = getComputedStyle(at), ink = frame.color, line = frame.borderBottomColor, font = `12px ${frame.fontFamily}`;
    const percent = "percent" in figure.dataset;
    const series = wanted.map((name) => {
      const stroke = getComputedStyle(figure.querySelector(`.key.${name} .stroke`));
      return {
        stroke: stroke.color, width: 2, dash: DASHES[stroke.borderTopStyle], spanGaps: true,
        points: {show: bare && (percent || rows.length < 3), size: 5, fill: stroke.color},
      };
    });
    const plot = new window.uPlot({
      width: at.clientWidth, height: at.clientHeight, legend: {show: false},
      scales: {
        x: {time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high])},
        y: {range: (_, low, high) => [0, percent ? 100 : Math.max(4, high * 1.08)]},
      },
      axes: [
        {stroke: ink, font, size: 26, gap: 4, space: 64, grid: {show: false}, ticks: {stroke: line, size: 4, width: 1},
          incrs: [1, 2, 7, 14, 28, 56, 91, 182, 364, 728], values: (_, found) => found.map((x) => short.format(dateOf(x)))},
        {stroke: ink, font, size: 44, gap: 4, space: 30, grid: {stroke: line, width: 1}, ticks: {show: false},
          incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
          values: (_, found) => found.map((y) => (percent ? `${y}%` : y.toLocaleString("en")))},
      ],
      series: [{}, ...series],
      cursor: {y: false, drag: {x: false, y: false}, points: {size: 8}},
      hooks: {setCursor: [(moved) => follow(moved.cursor.idx)]},
    }, [xs, ...wanted.map((name) => days.map((_, at) => number(cell(name, at))))], at);
    return plot;
  }

  function drawAll() {
    for (const plot of plots) plot.destroy();
    plots = [...root.querySelectorAll("[data-plot]")].map(draw);
    say(null);
  }

  // ------------------------------------------------------------ the day that is looked at

  // What one plot's crosshair stands on, all of them do; none, and the last day is told.
  function follow(at) {
    if (moving) return;
    moving = true;
    for (const plot of plots) plot.setCursor(at == null ? {left: -10, top: -10} : {left: plot.valToPos(xs[at], "x"), top: 0});
    moving = false;
    say(at);
  }

  function say(at) {
    const shown = at ?? rows.length - 1, day = `${weekday.format(dateOf(xs[shown]))} ${days[shown]}`;
    for (const figure of root.querySelectorAll("[data-plot]")) {
      figure.querySelector("[data-day]").textContent = day;
      for (const value of figure.querySelectorAll("[data-value]")) value.textContent = cell(value.dataset.value, shown);
      const canvas = figure.querySelector(".canvas");
      canvas.setAttribute("aria-valuenow", shown);
      canvas.setAttribute("aria-valuetext", `${day}: ${figure.querySelector(".keyed").innerText.replace(/\s+/g, " ").trim()}`);
    }
  }

  const STEPS = {ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity};

  function step(event) {
    if (event.key === "Escape") return follow(null);
    const by = STEPS[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const now = plots[0].cursor.idx ?? rows.length - 1;
    follow(Math.min(rows.length - 1, Math.max(0, now + by)));
  }

  // ------------------------------------------------------------

  function arm() {
    for (const figure of root.querySelectorAll("[data-plot]")) {
      const at = figure.querySelector(".canvas"), title = figure.querySelector("h2").firstChild.textContent.trim();
      const told = {role: "slider", tabindex: 0, "aria-label": `${title}, by day`, "aria-valuemin": 0, "aria-valuemax": rows.length - 1};
      for (const [name, value] of Object.entries(told)) at.setAttribute(name, value);
      at.addEventListener("keydown", step);
      at.addEventListener("blur", () => follow(null));
    }
    drawAll();
    new ResizeObserver(() => {
      for (const plot of plots) {
        const {clientWidth: width, clientHeight: height} = plot.root.parentElement;
        if (width && (width !== plot.width || height !== plot.height)) plot.setSize({width, height});
      }
    }).observe(root);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", function again() {
      if (root.isConnected) drawAll();
      else dark.removeEventListener("change", again);
    });
  }

  if (window.uPlot) arm();
  else document.querySelector("[data-uplot]").addEventListener("load", arm);
})();
