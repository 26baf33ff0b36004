// Draws the curves with uPlot and switches between light and dark. All values come from the element with the id "curve-data".
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("curve-data").textContent);
  const height = 240;
  const charts = [];
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const colorOf = (element) => getComputedStyle(element).color;

  function text(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3).replace(/\.?0+e/, "e");
    return String(+value.toPrecision(5));
  }

  // uPlot shows 0 to 100 where all values are 0.
  function range(plot, low, high) {
    if (low == null) return [0, 1];
    return low !== high ? uPlot.rangeNum(low, high, 0.1, true) : low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
  }

  function readout(plot, curve, lines) {
    const index = plot.cursor.idx;
    if (index == null) return "";
    const parts = lines.map((line, i) => [data.runs[line.run].name, plot.data[i + 1][index]]).filter((part) => part[1] != null);
    return parts.length === 0 ? "" : `step ${plot.data[0][index]}: ` + parts.map((part) => `${part[0]} ${text(part[1])}`).join(", ");
  }

  function draw(place, curve) {
    const output = place.nextElementSibling;
    const quiet = colorOf(output), grid = getComputedStyle(place.closest("figure")).borderTopColor;
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: quiet, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const options = {
      width: place.clientWidth, height, legend: { show: false },
      scales: { x: { time: false }, y: { range } },
      cursor: { sync: { key: "steps" }, drag: { x: true, y: false } },
      axes: [
        { ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6], values: (_, steps) => steps.map(text) },
        { ...axis, size: 64, values: (_, values) => values.map(text) },
      ],
      series: [{ label: "step" }].concat(curve.lines.map((line) => {
        const run = data.runs[line.run];
        const stroke = colorOf(document.querySelector("." + run.mark));
        return { label: run.name, stroke, width: 2, dash: run.dash, points: { size: 5, fill: stroke } };
      })),
      hooks: { setCursor: [(plot) => { output.textContent = readout(plot, curve, curve.lines); }] },
    };
    return new uPlot(options, uPlot.join(curve.lines.map((line) => [line.x, line.y])), place);
  }

  function redraw() {
    for (const chart of charts) {
      if (chart.plot) chart.plot.destroy();
      chart.plot = draw(chart.place, chart.curve);
    }
  }

  // The arrow keys move through the steps, as the mouse does; Home and End go to the first and last one.
  function onKey(event, chart) {
    const steps = chart.plot.data[0], at = chart.plot.cursor.idx;
    const next = { ArrowLeft: (at ?? steps.length) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: steps.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = Math.min(steps.length - 1, Math.max(0, next));
    const value = chart.plot.data.slice(1).map((values) => values[index]).find((found) => found != null);
    chart.plot.setCursor({ left: chart.plot.valToPos(steps[index], "x"), top: value == null ? 0 : chart.plot.valToPos(value, "y") });
  }

  for (const curve of data.curves) {
    const place = document.getElementById(curve.id);
    place.hidden = false;
    const chart = { place, curve, plot: null };
    charts.push(chart);
    place.addEventListener("keydown", (event) => onKey(event, chart));
  }
  redraw();

  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    for (const chart of charts) chart.plot.setSize({ width: chart.place.clientWidth, height });
  });

  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
  function show() {
    button.setAttribute("aria-pressed", String(isDark()));
    redraw();
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  systemDark.addEventListener("change", show);
  button.setAttribute("aria-pressed", String(isDark()));

  // Paper is light, and narrower or wider than the window.
  let themeBefore;
  addEventListener("beforeprint", () => {
    themeBefore = root.dataset.theme;
    root.dataset.theme = "light";
    redraw();
  });
  addEventListener("afterprint", () => {
    if (themeBefore === undefined) delete root.dataset.theme;
    else root.dataset.theme = themeBefore;
    redraw();
  });
})();
