"use strict";
// Make room: a level's drawing with some of its boxes opened in place. Each axis is stretched where an
// opened box lies, so that order, lanes and straight lines stay; boxes keep their size, edges keep to them.
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
  for (const part of element.querySelectorAll("polygon,path,ellipse,text")) {
    if (part.hasAttribute("points")) points.push(...pairs(part.getAttribute("points")));
    else if (part.hasAttribute("d")) points.push(...pairs(part.getAttribute("d")));
    else {
      const x = +(part.getAttribute("cx") || part.getAttribute("x")), y = +(part.getAttribute("cy") || part.getAttribute("y"));
      points.push([x, y]);
    }
  }
  return around(points);
}

// A template's SVG, read once: where its boxes, lanes, frames and edges are.
function readLevel(template) {
  const svg = template.content.querySelector("svg"), graph = svg.querySelector("g.graph");
  const [, , width, height] = numbers(svg.getAttribute("viewBox"));
  const shift = numbers(graph.getAttribute("transform").split("translate")[1]);
  const level = { size: { x0: -shift[0], y0: -shift[1], x1: width - shift[0], y1: height - shift[1] },
    boxes: new Map(), lanes: new Map(), edges: [], frames: [] };
  for (const element of graph.children) {
    if (element.matches("g.node")) level.boxes.set(element.dataset.id, { element, ...extent(element) });
    else if (element.matches("g.lane")) {
      const text = element.querySelector("text"), at = extent(element);
      const middle = text ? at.x0 + 2.2 * text.textContent.length : at.cx;
      level.lanes.set(element.dataset.lane, { element, ...at, cx: middle, cy: at.cy - 3 });
    } else if (element.matches("g.edge")) level.edges.push(element);
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

// Cut each cubic curve in pieces: what is stretched piece by piece goes round the boxes that it went round.
const PIECES = 6;
function cut(points) {
  const between = (p, q, t) => [p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t];
  const result = [points[0]];
  for (let i = 0; i + 3 < points.length; i += 3) {
    let [a, b, c, d] = points.slice(i, i + 4);
    for (let n = PIECES; n > 0; n--) {
      const t = 1 / n, ab = between(a, b, t), bc = between(b, c, t), cd = between(c, d, t);
      const abc = between(ab, bc, t), bcd = between(bc, cd, t), middle = between(abc, bcd, t);
      result.push(ab, abc, middle);
      [a, b, c] = [middle, bcd, cd];
    }
  }
  return result;
}

function pathText(points) {
  const text = points.map(p => `${p[0].toFixed(1)},${p[1].toFixed(1)}`);
  return `M${text[0]}C${text.slice(1).join(" ")}`;
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
  const tail = level.boxes.get(edge.dataset.tail) || level.lanes.get(edge.dataset.tail);
  const head = level.boxes.get(edge.dataset.head) || level.lanes.get(edge.dataset.head);
  const path = edge.querySelector("path");
  if (!path) return copy;
  const drawn = pairs(path.getAttribute("d")), points = at.still ? drawn : cut(drawn), last = points.length - 1;
  const start = moved(points[0], tail, at), end = moved(points[last], head, at);
  const near = (point, other, goes) => [point[0] + goes[0] - other[0], point[1] + goes[1] - other[1]];
  const line = points.map((point, i) => {
    if (i === 0) return start;
    if (i === last) return end;
    if (i === 1 && tail) return near(point, points[0], start);
    if (i === last - 1 && head) return near(point, points[last], end);
    return at.map(point);
  });
  copy.querySelector("path").setAttribute("d", pathText(line));
  for (const tip of copy.querySelectorAll("polygon")) {
    const shape = pairs(tip.getAttribute("points")), middle = around(shape);
    const atStart = Math.hypot(middle.cx - points[0][0], middle.cy - points[0][1]) < Math.hypot(middle.cx - points[last][0], middle.cy - points[last][1]);
    const [from, to] = atStart ? [points[0], start] : [points[last], end];
    tip.setAttribute("transform", `translate(${(to[0] - from[0]).toFixed(1)} ${(to[1] - from[1]).toFixed(1)})`);
  }
  for (const text of copy.querySelectorAll("text")) {
    const x = +text.getAttribute("x"), y = +text.getAttribute("y");
    let best = 0;
    points.forEach((p, i) => { if (Math.abs(p[1] - y) < Math.abs(points[best][1] - y)) best = i; });
    text.setAttribute("x", x + line[best][0] - points[best][0]);
    text.setAttribute("y", y + line[best][1] - points[best][1]);
  }
  return copy;
}

function moveFrame(frame, at) {
  const copy = frame.cloneNode(true);
  let corner = null;
  for (const path of copy.querySelectorAll("path,polygon")) {
    const name = path.hasAttribute("d") ? "d" : "points", points = pairs(path.getAttribute(name));
    corner = corner || around(points);
    const to = points.map(at.map);
    path.setAttribute(name, name === "d" ? pathText(to) : to.map(p => p.join(",")).join(" "));
  }
  if (corner) {
    for (const text of copy.querySelectorAll("text")) {
      const x = +text.getAttribute("x"), y = +text.getAttribute("y"), right = x > corner.cx;
      const from = [right ? corner.x1 : corner.x0, corner.y0], to = at.map(from);
      text.setAttribute("x", x + to[0] - from[0]);
      text.setAttribute("y", y + to[1] - from[1]);
    }
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
    box.frame = own ? { x: cx - own.left, y: (Y(box.y0) + Y(box.y1)) / 2 - own.h / 2, w: own.w, h: own.h } : null;
  }
  for (const lane of level.lanes.values()) {
    const [cx, cy] = at.map([lane.cx, lane.cy]);
    lane.dx = cx - lane.cx;
    lane.dy = cy - lane.cy;
    lane.frame = null;
  }
  const group = make("g", { class: "level" });
  for (const frame of level.frames) group.append(moveFrame(frame, at));
  for (const edge of level.edges) group.append(moveEdge(edge, level, at));
  for (const lane of level.lanes.values()) {
    const copy = lane.element.cloneNode(true);
    copy.setAttribute("transform", `translate(${lane.dx.toFixed(1)} ${lane.dy.toFixed(1)})`);
    group.append(copy);
  }
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
