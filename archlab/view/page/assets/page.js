// Put it together: every part's drawing, table and search, and the switch between light and dark.
function search(drawing) {
  const input = drawing.section.querySelector(".search"), list = drawing.section.querySelector(".found");
  let at = -1;
  list.id = `found-${Math.random().toString(36).slice(2)}`;
  input.setAttribute("aria-controls", list.id);
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); at = -1; };
  const go = path => { close(); input.value = path; drawing.reveal(path); };
  const matches = text => {
    const word = text.trim().toLowerCase();
    if (!word) return [];
    const rank = path => { const p = path.toLowerCase(); return p === word ? 0 : p.startsWith(word) ? 1 : p.includes(`.${word}`) ? 2 : 3; };
    return drawing.paths.filter(path => path && path.toLowerCase().includes(word)).sort((a, b) => rank(a) - rank(b) || a.length - b.length).slice(0, 12);
  };
  function show() {
    const found = matches(input.value);
    at = found.length ? 0 : -1;
    list.replaceChildren(...found.map((path, i) => {
      const item = document.createElement("li");
      item.role = "option";
      item.id = `${list.id}-${i}`;
      item.textContent = path;
      item.setAttribute("aria-selected", String(i === at));
      item.addEventListener("pointerdown", e => { e.preventDefault(); go(path); });
      return item;
    }));
    if (!found.length && input.value.trim()) {
      const none = document.createElement("li");
      none.textContent = "no module of that name";
      list.append(none);
    }
    list.hidden = !list.children.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (at === 0) input.setAttribute("aria-activedescendant", `${list.id}-0`);
  }
  function step(by) {
    const items = [...list.querySelectorAll("[role=option]")];
    if (!items.length) return;
    at = (at + by + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", items[at].id);
    items[at].scrollIntoView({ block: "nearest" });
  }
  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", e => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); step(e.key === "ArrowDown" ? 1 : -1); }
    else if (e.key === "Escape") close();
    else if (e.key === "Enter") {
      e.preventDefault();
      const item = list.querySelector("[aria-selected=true]");
      if (item) go(item.textContent); else if (matches(input.value).length) go(matches(input.value)[0]);
    }
  });
  return input;
}

function themes(button) {
  const names = ["auto", "light", "dark"], root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("archlab-theme"); } catch { return null; } };
  const set = name => {
    if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name;
    button.textContent = `Theme: ${name}`;
    try { localStorage.setItem("archlab-theme", name); } catch { /* a page from a file may not keep anything */ }
  };
  let now = Math.max(0, names.indexOf(kept()));
  set(names[now]);
  button.hidden = false;
  button.addEventListener("click", () => { now = (now + 1) % 3; set(names[now]); });
}

(() => {
  themes(document.querySelector("button.theme"));
  const searches = [];
  for (const part of document.querySelectorAll(".part")) {
    const drawing = viewer(part);
    moduleTable(part, drawing);
    if (drawing) searches.push(search(drawing));
  }
  for (const table of document.querySelectorAll("table.data:not(.modules)")) sortable(table);
  document.addEventListener("keydown", e => {
    if (e.key !== "/" || e.target.matches("input,select,textarea") || !searches.length) return;
    e.preventDefault();
    searches[0].focus();
  });
  addEventListener("beforeprint", () => { for (const item of document.querySelectorAll("details")) item.open = true; });
  document.documentElement.dataset.ready = "true";
})();
