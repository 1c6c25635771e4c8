// Boxes of a level do not overlap, frames hold what is in them, arrows end where their box begins.
() => {
  const faults = [];
  const area = (e, name) => (e.querySelector(`:scope > ${name}`) || e).getBoundingClientRect();
  const zoom = document.querySelector(".stage svg > g").getCTM().a;
  for (const level of document.querySelectorAll(".stage .level")) {
    const boxes = [...level.children].filter(e => e.matches(".box:not(.port)"));
    const areas = boxes.map(e => area(e, ".ring"));
    areas.forEach((a, i) => areas.slice(i + 1).forEach((b, j) => {
      const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (w > 5 * zoom && h > 5 * zoom) faults.push(`overlap ${boxes[i].dataset.at} ${boxes[i + j + 1].dataset.at}`);
    }));
    const frame = level.closest(".frame");
    if (frame) {
      const outer = area(frame, ".body");
      areas.forEach((a, i) => {
        if (a.left < outer.left - 1 || a.right > outer.right + 1 || a.top < outer.top - 1 || a.bottom > outer.bottom + 1)
          faults.push(`outside ${boxes[i].dataset.at}`);
      });
    }
    const byId = new Map(boxes.map((e, i) => [e.dataset.at.split(" ").slice(1).join(" "), areas[i]]));
    for (const edge of level.querySelectorAll(":scope > .edge")) {
      // Round the boxes that are not its own, too.
      const path = edge.querySelector("path"), matrix = path && path.getScreenCTM();
      const ends = [edge.dataset.tail, edge.dataset.head];
      for (let i = 1; path && i < 24; i++) {
        const p = path.getPointAtLength(path.getTotalLength() * i / 24);
        const x = matrix.a * p.x + matrix.e, y = matrix.d * p.y + matrix.f, inner = 8 * zoom;
        for (const [id, a] of byId) {
          if (ends.includes(id) || x < a.left + inner || x > a.right - inner || y < a.top + inner || y > a.bottom - inner) continue;
          faults.push(`edge ${ends.join(" -> ")} crosses ${id}`);
        }
      }
      const tip = edge.querySelector("polygon"), to = byId.get(edge.dataset.head);
      if (!tip || !to || edge.matches(".skip") || edge.matches(".repeat")) continue;
      const t = tip.getBoundingClientRect();
      const dx = Math.max(to.left - t.right, t.left - to.right, 0), dy = Math.max(to.top - t.bottom, t.top - to.bottom, 0);
      if (Math.hypot(dx, dy) > 6 * zoom) faults.push(`arrow ${edge.dataset.tail} -> ${edge.dataset.head} ends ${(Math.hypot(dx, dy) / zoom).toFixed(0)} away`);
    }
  }
  return faults;
}
