// A line over days, as SVG. Nothing else is needed, so there is no chart library.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360, HEIGHT = 150, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 22;

function draw(parent, kind, attributes, text) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// Round numbers from low to high, about `count` of them.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const out = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) out.push(at * step);
  return out;
}

// `points` are [day, value]; `marks` are {day, text}; `describe` is read aloud in place of the picture.
function lineChart(box, points, { colour, marks, describe, least }) {
  const values = points.map((point) => point[1]);
  box.replaceChildren();
  if (points.length < 2) {
    const wait = document.createElement("p");
    wait.className = "muted";
    wait.textContent = "The line begins when there is enough to see.";
    box.append(wait);
    return;
  }
  let low = Math.min(...values, least[0]), high = Math.max(...values, least[1]);
  if (high - low < 1e-9) high = low + 1;
  const first = points[0][0], last = Math.max(points[points.length - 1][0], first + 0.05);
  const x = (day) => LEFT + (WIDTH - LEFT - RIGHT) * (day - first) / (last - first);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low);
  const svg = draw(box, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": describe });
  for (const value of ticks(low, high, 4)) {
    draw(svg, "line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) });
    draw(svg, "text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, String(+value.toPrecision(3)));
  }
  for (const day of ticks(first, last, 5)) {
    draw(svg, "text", { x: x(day), y: HEIGHT - 8, "text-anchor": "middle" }, String(+day.toPrecision(4)));
  }
  draw(svg, "text", { x: LEFT - 5, y: HEIGHT - 8, "text-anchor": "end" }, "day");
  for (const mark of marks.filter((one) => one.day >= first && one.day <= last)) {
    const line = draw(svg, "line", { class: "mark", x1: x(mark.day), x2: x(mark.day), y1: TOP, y2: HEIGHT - BOTTOM });
    draw(line, "title", {}, mark.text);
  }
  const path = points.map(([day, value], at) => `${at ? "L" : "M"}${x(day).toFixed(1)} ${y(value).toFixed(1)}`);
  draw(svg, "path", { class: "line", d: path.join(""), stroke: colour });
}
