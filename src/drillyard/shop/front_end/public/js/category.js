/** The catalogue: filtered by tags (any of them), a page at a time; the address bar remembers both. */

import * as api from "./api.js";
import { el, message, show } from "./dom.js";
import { frame } from "./shell.js";
import { fill } from "./sock-list.js";

const SIZES = [3, 6, 9];
const here = new URLSearchParams(window.location.search);
const view = {
  tags: new Set((here.get("tags") ?? "").split(",").filter(Boolean)),
  page: positive(here.get("page"), 1),
  size: positive(here.get("size"), 6),
};

const list = document.getElementById("socks");
const shown = document.getElementById("shown");
const pager = document.getElementById("pager");
const sizes = document.getElementById("size");

frame();
sizes.replaceChildren(
  ...[...new Set([...SIZES, view.size])]
    .sort((a, b) => a - b)
    .map((size) => el("option", { value: size, selected: size === view.size }, String(size))),
);
sizes.addEventListener("change", () => go({ size: Number(sizes.value), page: 1 }));
await Promise.all([showTags(), showSocks()]);

async function showTags() {
  try {
    const tags = await api.tags();
    document.getElementById("tags").replaceChildren(
      ...tags.map((tag) => {
        const pressed = String(view.tags.has(tag));
        const chip = el("button", { class: "chip", type: "button", "aria-pressed": pressed }, tag);
        chip.addEventListener("click", () => {
          if (!view.tags.delete(tag)) view.tags.add(tag);
          chip.setAttribute("aria-pressed", String(view.tags.has(tag)));
          go({ page: 1 });
        });
        return el("li", {}, chip);
      }),
    );
  } catch {
    document.getElementById("filter").hidden = true;
  }
}

async function showSocks() {
  const tags = encodeURIComponent([...view.tags].join(","));
  try {
    const [total, socks] = await Promise.all([
      api.size(`?tags=${tags}`),
      api.socks(`?page=${view.page}&size=${view.size}&tags=${tags}`),
    ]);
    show();
    fill(list, socks);
    shown.textContent = `Showing ${socks.length} of ${total} products`;
    showPager(Math.max(1, Math.ceil(total / view.size)));
  } catch {
    list.replaceChildren();
    pager.replaceChildren();
    shown.textContent = "";
    show(message("bad", "The catalogue does not answer.", "Please try again in a moment."));
  }
}

function showPager(pages) {
  const step = (page, text) =>
    el("button", { class: "button quiet", type: "button", disabled: page < 1 || page > pages, on: { click: () => go({ page }) } }, text);
  pager.hidden = pages === 1 && view.page === 1;
  pager.replaceChildren(
    step(view.page - 1, "Previous"),
    el("span", { class: "soft" }, `Page ${view.page} of ${pages}`),
    step(view.page + 1, "Next page"),
  );
}

function go(change) {
  Object.assign(view, change);
  const query = new URLSearchParams({ tags: [...view.tags].join(","), page: view.page, size: view.size });
  window.history.replaceState(null, "", `?${query}`);
  showSocks();
}

function positive(text, otherwise) {
  const number = Number.parseInt(text ?? "", 10);
  return number >= 1 && number <= 1000 ? number : otherwise;
}
