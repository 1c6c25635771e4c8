// The drawing of one model: what is open, what is chosen, which heat; everything else follows from these.
function viewer(part) {
  const section = part.querySelector(".drawing");
  if (!section) return null;
  const data = JSON.parse(section.querySelector("script.data").textContent);
  const templates = new Map([...section.querySelectorAll("template")].map(t => [t.dataset.level, t]));
  const stage = section.querySelector(".stage"), facts = section.querySelector(".facts"), scale = section.querySelector(".scale");
  const levels = new Map(), open = new Set(data.first), parents = new Map();
  for (const [key, level] of Object.entries(data.levels))
    for (const [box, inner] of Object.entries(level.opens)) parents.set(inner, { key, box });
  let heat = null, chosen = null, range = null, onChoose = () => {};
  section.querySelector(".still").hidden = true;
  section.querySelector(".viewer").hidden = false;

  const world = make("g"), canvas = make("svg", { class: "archlab", "aria-hidden": "false" }, world);
  stage.append(canvas);
  const view = camera(stage, world, () => {});
  const levelOf = key => { if (!levels.has(key)) levels.set(key, readLevel(templates.get(key))); return levels.get(key); };
  const place = (key, box) => `${key} ${box}`;

  // Heat: a strip beside each box that is drawn, and in the header of each open module.
  function heatRange() {
    if (heat === null) return null;
    const shown = [];
    const collect = key => {
      for (const [box, values] of Object.entries(data.levels[key].heat)) {
        const inner = data.levels[key].opens[box];
        if (!levelOf(key).boxes.has(box)) continue;
        if (inner && open.has(inner)) collect(inner);
        else if (values[heat] !== null) shown.push(values[heat]);
      }
    };
    collect(data.top);
    const positive = shown.filter(v => v > 0);
    const { share, total } = data.scales[heat], any = shown.length > 0;
    // One scale for a layer and for the stage around it: shares lie between a thousandth and all.
    return share ? { low: total / 1000, high: total, any } : { high: Math.max(...shown, 0), low: Math.min(...positive), any };
  }
  const isNothing = value => value === 0 && data.scales[heat].share;
  function colour(value) {
    const steps = data.heat.length;
    let at = 0;
    if (value > 0 && range.high > range.low) at = Math.log(value / range.low) / Math.log(range.high / range.low);
    return data.heat[Math.max(0, Math.min(steps - 1, Math.floor(at * steps)))];
  }
  function heatText(key, box) {
    const values = data.levels[key].heat[box];
    if (heat === null || !values) return "";
    const { title, share, total } = data.scales[heat], value = values[heat];
    if (value === null) return `${title}: not available`;
    return share ? `${(100 * value / (total || 1)).toFixed(1)} % of ${title}` : `${title} ${+value.toPrecision(4)}`;
  }
  function showScale() {
    scale.hidden = heat === null;
    if (heat === null) return;
    const { title, share } = data.scales[heat];
    const swatches = data.heat.map(c => { const i = document.createElement("i"); i.style.background = c; return i; });
    const ends = !range.any ? "not available for any box shown"
      : share ? `share of all ${title}, 0.1 … 100 %, logarithmic`
      : `${title}, ${+range.low.toPrecision(4)} … ${+range.high.toPrecision(4)}, logarithmic`;
    scale.replaceChildren(...swatches, ` strip at the right of each box: ${ends}; grey: not available. Folded rows count all their members.`);
  }

  function decorate(key) {
    return (id, copy, box) => {
      const inner = data.levels[key].opens[id];
      Object.assign(copy.dataset, { at: place(key, id), x: box.cx, y: box.y0 });
      if (copy.classList.contains("port")) return copy;
      copy.append(make("rect", { class: "ring", x: box.x0 - 2, y: box.y0 - 2, width: box.x1 - box.x0 + 4, height: box.y1 - box.y0 + 4, rx: 3 }));
      copy.setAttribute("role", "button");
      copy.setAttribute("aria-label", copy.querySelector("title").textContent.split("\n").slice(0, 2).join(": "));
      if (inner) {
        copy.classList.add("openable");
        copy.setAttribute("tabindex", "0");
        copy.setAttribute("aria-expanded", "false");
        copy.append(make("text", { class: "plus", x: box.x1 - 13, y: box.y0 + 13 }, "+"));
      }
      const values = heat === null ? null : data.levels[key].heat[id];
      if (values && !isNothing(values[heat])) {
        const value = values[heat];
        const fill = value === null ? "var(--hatch)" : colour(value);
        const strip = make("rect", { class: "strip", x: box.x1 + 1, y: box.y0, width: 8, height: box.y1 - box.y0, fill });
        if (value === null) strip.setAttribute("stroke-dasharray", "2 2");
        copy.append(strip);
        copy.querySelector("title").textContent += `\n${heatText(key, id)}`;
      }
      return copy;
    };
  }
  function frameOf(key, depth) {
    return (id, frame, inside, entry) => {
      const inner = data.levels[key].opens[id], level = data.levels[inner];
      const group = make("g", { class: `frame box openable${depth % 2 ? " odd" : ""}` });
      Object.assign(group.dataset, { at: place(key, id), path: level.path, x: entry, y: frame.y, told: [level.path, ...level.facts].join("\n") });
      const head = make("g", { class: "head", tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": `${level.path}: close` },
        make("rect", { x: frame.x + 1, y: frame.y + 1, width: frame.w - 2, height: HEAD - 5, rx: 5 }),
        make("text", { class: "sign", x: frame.x + 8, y: frame.y + 17 }, "−"),
        make("text", { class: "title", x: frame.x + 20, y: frame.y + 15 }, `${level.path} ${level.type}`.trim()),
        make("text", { class: "more", x: frame.x + 20, y: frame.y + 27 }, [...level.facts, heatText(key, id)].filter(Boolean).join(" · ")));
      const values = heat === null ? null : data.levels[key].heat[id];
      if (values && !isNothing(values[heat])) {
        const fill = values[heat] === null ? "var(--hatch)" : colour(values[heat]);
        head.append(make("rect", { class: "strip", x: frame.x + frame.w - 13, y: frame.y + 4, width: 8, height: HEAD - 11, style: `fill:${fill}` }));
      }
      const ports = [];
      const top = frame.y + HEAD + inside.in.y, low = frame.y + HEAD + inside.out.y;
      if (!inside.in.none) ports.push(make("path", { class: "link", d: `M${entry},${frame.y}L${entry},${top}` }));
      const exit = frame.x + PAD + (entry - frame.x - PAD - inside.in.x) + inside.out.x, base = frame.y + frame.h;
      if (!inside.out.none) ports.push(make("path", { class: "link", d: `M${exit},${low}C${exit},${base} ${entry},${low} ${entry},${base}` }));
      const inset = make("g", { transform: `translate(${entry - inside.in.x - inside.x0} ${frame.y + HEAD - inside.y0})` }, inside.group);
      group.append(make("rect", { class: "body", x: frame.x, y: frame.y, width: frame.w, height: frame.h, rx: 6 }), ...ports, head, inset,
        make("rect", { class: "ring", x: frame.x - 2, y: frame.y - 2, width: frame.w + 4, height: frame.h + 4, rx: 7 }));
      return group;
    };
  }
  function draw(key, depth) {
    const { opens } = data.levels[key];
    const inside = id => {
      const inner = opens[id];
      if (!inner || !open.has(inner)) return null;
      const level = data.levels[inner];
      const letters = Math.max(`${level.path} ${level.type}`.length * 6.9, [...level.facts, heat === null ? "" : "100.0 % of activation memory"].join(" · ").length * 5.3);
      return { ...draw(inner, depth + 1), title: letters + 34 };
    };
    return drawLevel(levelOf(key), inside, frameOf(key, depth), decorate(key));
  }

  let drawing = null;
  function render() {
    range = heatRange();
    drawing = draw(data.top, 0);
    const at = make("g", { transform: `translate(${-drawing.x0} ${-drawing.y0})` }, drawing.group);
    world.replaceChildren(at);
    const input = world.querySelector(".level > .box.input");
    const middle = input ? centreOf(input).x : drawing.w / 2;
    view.resize({ w: drawing.w, h: drawing.h, middle });
    showScale();
    mark();
  }
  function mark() {
    for (const old of world.querySelectorAll(".chosen, .found-now")) old.classList.remove("chosen", "found-now");
    if (chosen) find(chosen)?.classList.add("chosen");
  }
  const find = at => world.querySelector(`[data-at="${CSS.escape(at)}"]`);
  function centreOf(element) {
    const own = element.querySelector(".ring") || element, box = own.getBBox();
    const to = own.getCTM(), base = world.getCTM();
    const m = base.inverse().multiply(to);
    const point = (x, y) => ({ x: m.a * x + m.c * y + m.e, y: m.b * x + m.d * y + m.f });
    return point(box.x + box.width / 2, box.y + Math.min(box.height / 2, 150));
  }
  // Where the edge from above comes in: the same place for a box and for its frame.
  const screen = element => { const m = element.getScreenCTM(), x = +element.dataset.x, y = +element.dataset.y; return { x: m.a * x + m.e, y: m.d * y + m.f }; };

  // Open or close a box; it stays where it is on the screen, and keeps the focus.
  function toggle(at, wanted) {
    const [key, ...rest] = at.split(" "), box = rest.join(" "), inner = data.levels[key].opens[box];
    if (!inner || open.has(inner) === wanted) return;
    const before = find(at), stood = before && screen(before), focused = before && before.contains(document.activeElement);
    if (open.has(inner)) open.delete(inner); else open.add(inner);
    render();
    const after = find(at);
    if (stood && after) {
      const now = screen(after);
      view.move(stood.x - now.x, stood.y - now.y);
    }
    if (focused && after) (after.querySelector(":scope > .head") || after).focus({ preventScroll: true });
    if (after) into(after);
  }
  // Bring the top of a box into the stage, where it is above or below it.
  function into(element) {
    const { y } = screen(element), r = stage.getBoundingClientRect();
    if (y < r.top + 6) view.move(0, r.top + 24 - y);
    else if (y > r.bottom - 40) view.move(0, r.bottom - 80 - y);
  }
  stage.addEventListener("focusin", e => {
    const element = e.target.closest("[data-at]");
    if (element && e.target.matches(":focus-visible")) into(element);
  });
  function choose(at, path) {
    chosen = at;
    mark();
    const element = find(at), title = element && element.querySelector(":scope > title");
    onChoose(path, (title ? title.textContent : element?.dataset.told ?? path).split("\n"));
  }
  function act(element) {
    const box = element.closest("[data-at]");
    if (!box || box.classList.contains("port")) return;
    const inHead = element.closest(".head");
    if (box.classList.contains("frame") && !inHead) { choose(box.dataset.at, box.dataset.path); return; }
    toggle(box.dataset.at);
    choose(box.dataset.at, box.dataset.path ?? "");
  }
  world.addEventListener("click", e => act(e.target));
  stage.addEventListener("keydown", e => {
    if ((e.key === "Enter" || e.key === " ") && e.target !== stage) { e.preventDefault(); act(e.target); }
  });

  // Show a module: open what is around it, and look at it.
  function reveal(path) {
    let name = path;
    while (!(name in data.places) && name) name = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
    if (!(name in data.places)) return false;
    const [key, id] = data.places[name];
    if (id === "" || key === undefined) return false;
    for (let k = key; k !== data.top; k = parents.get(k).key) open.add(k);
    render();
    const group = world.querySelector(`[data-at="${CSS.escape(place(key, id))}"]`) || [...world.querySelectorAll("[data-path]")].find(e => e.dataset.path === name);
    if (!group) return false;
    const to = centreOf(group), k = Math.max(view.look.k, 0.7), wide = stage.clientWidth;
    const frame = group.parentElement.closest(".frame");
    const around = frame && frame.getBBox().width * k < wide ? centreOf(frame) : null;
    view.centre(drawing.w * k < wide ? drawing.w / 2 : around ? around.x : to.x, to.y);
    choose(group.dataset.at || place(key, id), path);
    group.classList.add("found-now");
    const target = group.querySelector(":scope > .head") || group;
    if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
    target.focus({ preventScroll: true });
    return true;
  }

  function fill(rows) {
    facts.replaceChildren(rows);
  }
  const select = section.querySelector("select.heat");
  // Side by side one measure is shown for all.
  const setHeat = title => {
    const index = data.scales.findIndex(scale => scale.title === title);
    heat = index < 0 ? null : index;
    select.value = index < 0 ? "" : String(index);
    keepLook(render);
  };
  select.addEventListener("change", () => {
    const title = select.value === "" ? "" : data.scales[+select.value].title;
    document.dispatchEvent(new CustomEvent("heat", { detail: title }));
  });
  document.addEventListener("heat", e => setHeat(e.detail));
  const keepLook = change => { const { x, y, k } = view.look; change(); Object.assign(view.look, { x, y, k }); view.show(); };
  const press = (name, act) => section.querySelector(name).addEventListener("click", act);
  press(".in", () => view.zoom(1.25));
  press(".out", () => view.zoom(0.8));
  press(".whole", () => view.whole());
  press(".open-all", () => { Object.keys(data.levels).forEach(k => open.add(k)); render(); view.begin(); });
  press(".close-all", () => { open.clear(); open.add(data.top); render(); view.begin(); });
  render();
  if (templates.size === 1) stage.style.height = `${Math.round(Math.min(stage.clientHeight, Math.max(220, drawing.h * 1.15 + 40)))}px`;
  view.begin();
  new ResizeObserver(() => view.show()).observe(stage);
  return { reveal, fill, paths: Object.keys(data.places), section, onChoose: f => { onChoose = f; } };
}
