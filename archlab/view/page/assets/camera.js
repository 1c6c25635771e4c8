// What of the drawing is seen: drag, wheel, keys, buttons. `look` is {x, y, k}: screen = place · k + (x, y).
function camera(stage, world, changed) {
  const look = { x: 0, y: 0, k: 1 };
  let size = { w: 1, h: 1 }, active = false;
  const show = () => { world.setAttribute("transform", `translate(${look.x.toFixed(2)} ${look.y.toFixed(2)}) scale(${look.k.toFixed(4)})`); changed(); };
  const area = () => { const r = stage.getBoundingClientRect(); return { w: r.width, h: r.height, left: r.left, top: r.top }; };
  const zoom = (factor, x, y) => {
    const a = area(), px = x ?? a.w / 2, py = y ?? a.h / 2;
    const k = Math.min(4, Math.max(0.03, look.k * factor)), by = k / look.k;
    Object.assign(look, { k, x: px - (px - look.x) * by, y: py - (py - look.y) * by });
    show();
  };
  const move = (dx, dy) => { look.x += dx; look.y += dy; show(); };
  const whole = () => {
    const a = area(), k = Math.min(1.25, (a.w - 24) / size.w, (a.h - 24) / size.h);
    Object.assign(look, { k, x: (a.w - size.w * k) / 2, y: Math.max(12, (a.h - size.h * k) / 2) });
    show();
  };
  // At first: as wide as the stage, but so that text can be read; the input on top.
  const begin = () => {
    const a = area(), k = Math.min(1.15, Math.max(0.62, (a.w - 24) / size.w));
    Object.assign(look, { k, x: size.w * k < a.w ? (a.w - size.w * k) / 2 : a.w / 2 - (size.middle ?? size.w / 2) * k, y: 12 });
    show();
  };
  const centre = (x, y) => { const a = area(); look.k = Math.max(look.k, 0.7); look.x = a.w / 2 - x * look.k; look.y = a.h / 2 - y * look.k; show(); };
  let from = null, travelled = 0;
  stage.addEventListener("pointerdown", e => { if (e.button === 0) { from = [e.clientX, e.clientY]; travelled = 0; active = true; } });
  stage.addEventListener("pointermove", e => {
    if (!from) return;
    const dx = e.clientX - from[0], dy = e.clientY - from[1];
    travelled += Math.abs(dx) + Math.abs(dy);
    if (travelled > 4) {
      if (!stage.classList.contains("moving")) { stage.classList.add("moving"); stage.setPointerCapture(e.pointerId); }
      move(dx, dy);
      from = [e.clientX, e.clientY];
    }
  });
  const stop = () => { from = null; stage.classList.remove("moving"); };
  stage.addEventListener("pointerup", stop);
  stage.addEventListener("pointercancel", stop);
  stage.addEventListener("click", e => { if (travelled > 4) { e.stopPropagation(); e.preventDefault(); } }, true);
  document.addEventListener("pointerdown", e => { if (!stage.contains(e.target)) active = false; });
  stage.addEventListener("wheel", e => {
    if (!(e.ctrlKey || e.metaKey || active)) return;
    e.preventDefault();
    const a = area();
    zoom(Math.exp(-Math.max(-60, Math.min(60, e.deltaY)) / 260), e.clientX - a.left, e.clientY - a.top);
  }, { passive: false });
  const keys = { ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
    "+": () => zoom(1.2), "=": () => zoom(1.2), "-": () => zoom(1 / 1.2), "0": whole };
  stage.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key]();
  });
  return { look, zoom, move, whole, begin, centre, show, resize: to => { size = to; } };
}
