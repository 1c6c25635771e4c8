"use strict";
// Make room: a level's drawing with some of its boxes opened in place. Each axis is stretched where an
// opened box lies, so that order and straight lines stay; boxes keep their size, edges keep to them.
const SVG = "http://www.w3.org/2000/svg";
const HEAD = 34, PAD = 12, SIDES = ["top", "bottom", "left", "right"];

function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function numbers(text) { return (text.match(/-?\d+(\.\d+)?(e-?\d+)?/g) || []).map(Number); }

function pairs(text) {
  const found = numbers(text), points = [];
  for (let i = 0; i + 1 < found.length; i += 2) points.push([found[i], found[i + 1]]);
  return points;
}

function around(points) {
  const xs = points.map(p => p[0]), ys = points.map(p => p[1]);
  const box = { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
  return { ...box, cx: (box.x0 + box.x1) / 2, cy: (box.y0 + box.y1) / 2 };
}

function extent(element) {
  const points = [];
  for (const part of element.querySelectorAll("rect,circle,polygon,path")) {
    const at = name => +(part.getAttribute(name) || 0);
    if (part.hasAttribute("points")) points.push(...pairs(part.getAttribute("points")));
    else if (part.hasAttribute("d")) points.push(...pairs(part.getAttribute("d")));
    else if (part.hasAttribute("r")) points.push([at("cx") - at("r"), at("cy") - at("r")], [at("cx") + at("r"), at("cy") + at("r")]);
    else points.push([at("x"), at("y")], [at("x") + at("width"), at("y") + at("height")]);
  }
  return around(points);
}

// A template's SVG, read once: where its boxes, frames and edges are.
function readLevel(template) {
  const svg = template.content.querySelector("svg"), [, , width, height] = numbers(svg.getAttribute("viewBox"));
  const level = { size: { x0: 0, y0: 0, x1: width, y1: height }, boxes: new Map(), edges: [], frames: [] };
  for (const element of svg.children) {
    if (element.matches("g.node")) level.boxes.set(element.dataset.id, { element, ...extent(element) });
    else if (element.matches("g.edge")) level.edges.push(element);
    else if (element.matches("g.cluster[data-path]")) level.frames.push(element);
  }
  return level;
}

// A rising line through (place, new place): each interval [a, b] becomes at least `need` long.
function stretch(intervals) {
  const ends = [...new Set(intervals.flatMap(i => [i.a, i.b]))].sort((p, q) => p - q);
  const steps = [];
  let added = 0;
  for (let i = 0; i < ends.length; i++) {
    steps.push([ends[i], ends[i] + added]);
    if (i + 1 < ends.length) {
      const a = ends[i], b = ends[i + 1];
      const density = Math.max(1, ...intervals.filter(o => o.a <= a && o.b >= b).map(o => o.need / (o.b - o.a)));
      added += (b - a) * (density - 1);
    }
  }
  return value => {
    if (!steps.length || value <= steps[0][0]) return value;
    for (let i = 0; i + 1 < steps.length; i++) {
      const [a, to] = steps[i], [b, end] = steps[i + 1];
      if (value <= b) return to + (end - to) * (value - a) / (b - a);
    }
    return value + added;
  };
}

// A line of straight pieces as a path with round corners.
const RADIUS = 6;
function pathText(points) {
  const line = points.filter((p, i) => !i || Math.hypot(p[0] - points[i - 1][0], p[1] - points[i - 1][1]) > 0.05);
  const text = p => `${p[0].toFixed(1)},${p[1].toFixed(1)}`;
  const toward = (p, q, by) => { const d = Math.hypot(q[0] - p[0], q[1] - p[1]) || 1; return [p[0] + (q[0] - p[0]) * by / d, p[1] + (q[1] - p[1]) * by / d]; };
  let path = `M${text(line[0])}`;
  for (let i = 1; i + 1 < line.length; i++) {
    const [p, at, q] = line.slice(i - 1, i + 2);
    if (Math.abs((at[0] - p[0]) * (q[1] - at[1]) - (at[1] - p[1]) * (q[0] - at[0])) < 0.1) continue;
    const r = Math.min(RADIUS, Math.hypot(at[0] - p[0], at[1] - p[1]) / 2, Math.hypot(q[0] - at[0], q[1] - at[1]) / 2);
    path += `L${text(toward(at, p, r))}Q${text(at)} ${text(toward(at, q, r))}`;
  }
  return `${path}L${text(line[line.length - 1])}`;
}

// The corners of a drawn line: what is on a straight piece is left out.
function bends(points) {
  return points.filter((at, i) => {
    if (i === 0 || i === points.length - 1) return true;
    const p = points[i - 1], q = points[i + 1];
    return Math.abs((at[0] - p[0]) * (q[1] - at[1]) - (at[1] - p[1]) * (q[0] - at[0])) > 0.1;
  });
}

// Where an end of an edge goes: with its box; to the nearest side of the frame of an opened one.
function moved(point, box, at) {
  if (!box) return at.map(point);
  if (!box.frame) return [point[0] + box.dx, point[1] + box.dy];
  const { x, y, w, h } = box.frame, [px, py] = at.map(point);
  const away = { top: point[1] - box.y0, bottom: box.y1 - point[1], left: point[0] - box.x0, right: box.x1 - point[0] };
  const side = SIDES.reduce((best, name) => Math.abs(away[name]) < Math.abs(away[best]) ? name : best);
  if (side === "top" || side === "bottom")
    return [Math.min(Math.max(px, x + 6), x + w - 6), side === "top" ? y + away.top : y + h - away.bottom];
  return [side === "left" ? x + away.left : x + w - away.right, Math.min(Math.max(py, y + HEAD), y + h - 6)];
}

function moveEdge(edge, level, at) {
  const copy = edge.cloneNode(true);
  if (at.still) return copy;
  // A line that begins on another one has no box there.
  const tail = edge.dataset.shared ? null : level.boxes.get(edge.dataset.tail), head = level.boxes.get(edge.dataset.head);
  const path = copy.querySelector("path");
  if (!path) return copy;
  const points = bends(pairs(path.getAttribute("d"))), last = points.length - 1;
  const start = moved(points[0], tail, at), end = moved(points[last], head, at);
  const line = points.map((point, i) => i === 0 ? start : i === last ? end : at.map(point));
  // A box that keeps its size may stand beside the line that led to it: the last piece stays straight.
  if (last > 1) {
    const upright = Math.abs(points[last][0] - points[last - 1][0]) < 0.5;
    line[last - 1] = upright ? [end[0], line[last - 1][1]] : [line[last - 1][0], end[1]];
  }
  if (last > 2) {
    const upright = Math.abs(points[1][0] - points[0][0]) < 0.5;
    line[1] = upright ? [start[0], line[1][1]] : [line[1][0], start[1]];
  }
  path.setAttribute("d", pathText(line));
  for (const tip of copy.querySelectorAll("polygon"))
    tip.setAttribute("transform", `translate(${(end[0] - points[last][0]).toFixed(1)} ${(end[1] - points[last][1]).toFixed(1)})`);
  for (const dot of copy.querySelectorAll("circle")) {
    const [x, y] = at.map([+dot.getAttribute("cx"), +dot.getAttribute("cy")]);
    dot.setAttribute("cx", x.toFixed(1));
    dot.setAttribute("cy", y.toFixed(1));
  }
  for (const text of copy.querySelectorAll("text")) {
    const source = level.boxes.get(edge.dataset.tail), x = +text.getAttribute("x"), y = +text.getAttribute("y");
    const to = source && !source.frame ? [x + source.dx, y + source.dy]
      : source ? [source.frame.x + source.frame.in + x - source.cx, source.frame.y + source.frame.h + y - source.y1] : at.map([x, y]);
    text.setAttribute("x", to[0].toFixed(1));
    text.setAttribute("y", to[1].toFixed(1));
  }
  return copy;
}

function moveFrame(frame, at) {
  const copy = frame.cloneNode(true), rect = copy.querySelector("rect");
  const box = name => +rect.getAttribute(name), [x, y, w, h] = ["x", "y", "width", "height"].map(box);
  const [left, top] = at.map([x, y]), [right, low] = at.map([x + w, y + h]);
  Object.entries({ x: left, y: top, width: right - left, height: low - top }).forEach(([name, value]) => rect.setAttribute(name, value.toFixed(1)));
  // The name keeps to itself, and so do the numbers, which are smaller.
  const lead = new Map();
  for (const text of copy.querySelectorAll("text")) {
    const part = +text.getAttribute("font-size") > 8, from = +text.getAttribute("x");
    if (!lead.has(part)) lead.set(part, at.map([from, y])[0] - from);
    text.setAttribute("x", (from + lead.get(part)).toFixed(1));
    text.setAttribute("y", (+text.getAttribute("y") + top - y).toFixed(1));
  }
  return copy;
}

// Draw a level with what is open in it. `open(box)` gives the drawn inside of an opened box, or null.
function drawLevel(level, open, frameOf, decorate) {
  const opened = new Map();
  for (const [id, box] of level.boxes) {
    const inside = open(id);
    if (!inside) continue;
    const wide = Math.max(inside.w + 2 * PAD, inside.title);
    const left = PAD + inside.in.x, height = HEAD + inside.h + PAD;
    opened.set(id, { inside, left, right: wide - left, w: wide, h: height, box });
  }
  const all = [...opened.values()];
  const X = stretch(all.flatMap(o => [{ a: o.box.x0, b: o.box.cx, need: o.left }, { a: o.box.cx, b: o.box.x1, need: o.right }]));
  const Y = stretch(all.map(o => ({ a: o.box.y0, b: o.box.y1, need: o.h })));
  const at = { map: point => [X(point[0]), Y(point[1])], still: !opened.size };
  for (const [id, box] of level.boxes) {
    const own = opened.get(id), [cx, cy] = at.map([box.cx, box.cy]);
    box.dx = cx - box.cx;
    box.dy = cy - box.cy;
    box.frame = own ? { x: cx - own.left, y: (Y(box.y0) + Y(box.y1)) / 2 - own.h / 2, w: own.w, h: own.h, in: own.left } : null;
  }
  const group = make("g", { class: "level" });
  for (const frame of level.frames) group.append(moveFrame(frame, at));
  for (const edge of level.edges) group.append(moveEdge(edge, level, at));
  for (const [id, box] of level.boxes) {
    if (box.frame) {
      group.append(frameOf(id, box.frame, opened.get(id).inside, X(box.cx)));
      continue;
    }
    const copy = box.element.cloneNode(true);
    copy.setAttribute("transform", `translate(${box.dx.toFixed(1)} ${box.dy.toFixed(1)})`);
    group.append(decorate(id, copy, box));
  }
  const [x0, y0] = at.map([level.size.x0, level.size.y0]), [x1, y1] = at.map([level.size.x1, level.size.y1]);
  const port = (name, x, y) => {
    const box = level.boxes.get(name);
    return box ? { x: box.cx + box.dx - x0, y: box.cy + box.dy - y0 } : { x, y, none: true };
  };
  const w = x1 - x0, h = y1 - y0;
  return { group, x0, y0, w, h, in: port("port:in", w / 2, 0), out: port("port:out", w / 2, h) };
}
