// A table of modules: sorted by a column, filtered by words, its rows linked with the drawing.
function sortable(table) {
  const body = table.tBodies[0], first = [...body.rows], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort"), isNumber = head.classList.contains("n");
      const order = isNumber ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
      const next = order[(order.indexOf(now) + 1) % 3];
      heads.forEach(other => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", next);
      table.classList.toggle("sorted", next !== "none");
      const value = row => isNumber ? row.cells[column].dataset.v : row.cells[column].textContent.trim();
      const sign = next === "ascending" ? 1 : -1;
      const rows = next === "none" ? first : [...first].sort((a, b) => {
        const p = value(a), q = value(b);
        if (!isNumber) return sign * p.localeCompare(q, "en", { numeric: true });
        if (!p || !q) return !p - !q; // no number comes last
        return sign * (p - q);
      });
      for (const row of rows) name(row, next !== "none");
      body.append(...rows);
    });
  });
  // Out of the tree's order a short name says nothing.
  function name(row, whole) {
    if (row.dataset.path === undefined) return;
    const button = row.cells[0].querySelector("button") || row.cells[0];
    button.textContent = whole ? row.dataset.path || row.dataset.short : row.dataset.short;
  }
}

function moduleTable(part, drawing) {
  const table = part.querySelector("table.modules");
  if (!table) return;
  const rows = [...table.tBodies[0].rows], byPath = new Map(rows.map(row => [row.dataset.path, row]));
  for (const row of rows) {
    row.dataset.short = row.cells[0].textContent;
    row.cells[0].title = row.dataset.path;
    if (!drawing || !row.dataset.path) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...row.cells[0].childNodes);
    button.setAttribute("aria-label", `Show ${row.dataset.path} in the drawing`);
    row.cells[0].append(button);
    button.addEventListener("click", () => {
      if (drawing.reveal(row.dataset.path)) drawing.section.scrollIntoView({ block: "start" });
    });
  }
  sortable(table);
  const tools = table.closest(".section").querySelector(".bar-of-table");
  const filter = tools.querySelector(".filter"), which = tools.querySelector(".which"), count = tools.querySelector(".count");
  tools.hidden = false;
  const texts = new Map(rows.map(row => [row, `${row.dataset.path} ${row.textContent}`.toLowerCase()]));
  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const kept = (which.value !== "top" || +row.dataset.depth <= 2) && (which.value !== "leaf" || "leaf" in row.dataset);
      row.hidden = !(kept && words.every(word => texts.get(row).includes(word)));
      shown += !row.hidden;
    }
    const of = `${shown} of ${rows.length} modules`;
    count.textContent = !shown ? "nothing matches: words are parts of names, types, kernels, sizes" : shown === rows.length ? `${rows.length} modules` : of;
  }
  filter.addEventListener("input", show);
  which.addEventListener("change", show);
  show();
  if (!drawing) return;

  const titles = [...table.tHead.rows[0].cells].map(cell => cell.textContent.trim());
  drawing.onChoose((path, told) => {
    for (const row of table.querySelectorAll(".chosen")) row.classList.remove("chosen");
    const row = byPath.get(path);
    const box = document.createElement("div");
    if (!row) {
      const name = document.createElement("strong"), rest = document.createElement("p");
      name.textContent = told[0];
      rest.textContent = told.slice(1).join(" · ");
      box.append(name, rest);
      drawing.fill(box);
      return;
    }
    row.classList.add("chosen");
    const name = document.createElement("p"), strong = document.createElement("strong"), list = document.createElement("dl"), go = document.createElement("button");
    strong.textContent = path || "the model itself";
    go.type = "button";
    go.textContent = "Show in the table";
    go.addEventListener("click", () => {
      const folded = table.closest("details");
      if (folded) folded.open = true;
      filter.value = ""; which.value = "all"; show();
      row.scrollIntoView({ block: "center" });
      (row.querySelector("button") || row).focus({ preventScroll: true });
    });
    name.append(strong, " ", go);
    [...row.cells].slice(1).forEach((cell, i) => {
      const text = cell.textContent.trim();
      if (!text || text === "-") return;
      const pair = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = titles[i + 1];
      dd.textContent = text;
      pair.append(dt, dd);
      list.append(pair);
    });
    box.append(name, list);
    drawing.fill(box);
  });
}
