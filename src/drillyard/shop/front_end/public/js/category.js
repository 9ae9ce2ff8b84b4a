/** The catalogue: filtered by tags (any of them), a page at a time; the address bar and the way back remember both. */

import * as api from "./api.js";
import { el, message, show } from "./dom.js";
import { frame } from "./shell.js";
import { fill } from "./sock-list.js";

const SIZES = [3, 6, 9];
const view = { tags: new Set(), page: 1, size: 6 };
let asked = 0;

const list = document.getElementById("socks");
const shown = document.getElementById("shown");
const pager = document.getElementById("pager");
const sizes = document.getElementById("size");
const chips = document.getElementById("tags");
const heading = document.querySelector("h1");

frame();
heading.tabIndex = -1;
read();
sizes.addEventListener("change", () => go({ size: Number(sizes.value), page: 1 }));
window.addEventListener("popstate", () => {
  read();
  press();
  showSocks();
});
await Promise.all([showTags(), showSocks()]);

/** Takes the view from the address. */
function read() {
  const here = new URLSearchParams(window.location.search);
  view.tags = new Set((here.get("tags") ?? "").split(",").filter(Boolean));
  view.page = positive(here.get("page"), 1);
  view.size = positive(here.get("size"), 6);
  sizes.replaceChildren(
    ...[...new Set([...SIZES, view.size])]
      .sort((a, b) => a - b)
      .map((size) => el("option", { value: size, selected: size === view.size }, String(size))),
  );
}

async function showTags() {
  try {
    const tags = await api.tags();
    const chip = (tag, text, onClick) =>
      el("li", {}, el("button", { class: "chip", type: "button", "data-tag": tag, on: { click: onClick } }, text));
    chips.replaceChildren(
      chip("", "all", () => go({ tags: new Set(), page: 1 })),
      ...tags.map((tag) =>
        chip(tag, tag, () => {
          if (!view.tags.delete(tag)) view.tags.add(tag);
          go({ page: 1 });
        }),
      ),
    );
    press();
  } catch {
    document.getElementById("filter").hidden = true;
  }
}

function press() {
  for (const chip of chips.querySelectorAll("button")) {
    const { tag } = chip.dataset;
    chip.setAttribute("aria-pressed", String(tag ? view.tags.has(tag) : view.tags.size === 0));
  }
}

async function showSocks() {
  asked += 1;
  const mine = asked;
  const tags = encodeURIComponent([...view.tags].join(","));
  try {
    const [total, socks] = await Promise.all([
      api.size(`?tags=${tags}`),
      api.socks(`?page=${view.page}&size=${view.size}&tags=${tags}`),
    ]);
    if (mine !== asked) return; // A later click asked for something else.
    show();
    fill(list, socks, "h2");
    shown.textContent = `Showing ${socks.length} of ${total} products`;
    document.getElementById("nothing").hidden = socks.length > 0;
    showPager(Math.max(1, Math.ceil(total / view.size)));
  } catch {
    if (mine !== asked) return;
    list.replaceChildren();
    pager.replaceChildren();
    shown.textContent = "";
    show(message("bad", "The catalogue does not answer.", "Please try again in a moment."));
  }
}

function showPager(pages) {
  const step = (page, text) => {
    const turn = () => {
      go({ page });
      heading.focus({ preventScroll: true }); // This button is about to go, and the keyboard is to stay in the page.
      window.scrollTo(0, 0);
    };
    return el("button", { class: "button quiet", type: "button", disabled: page < 1 || page > pages, on: { click: turn } }, text);
  };
  pager.hidden = pages === 1 && view.page === 1;
  pager.replaceChildren(
    step(view.page - 1, "Previous"),
    el("span", { class: "soft" }, `Page ${view.page} of ${pages}`),
    step(view.page + 1, "Next page"),
  );
}

function go(change) {
  Object.assign(view, change);
  press();
  const query = new URLSearchParams({ tags: [...view.tags].join(","), page: view.page, size: view.size });
  window.history.pushState(null, "", `?${query}`);
  showSocks();
}

function positive(text, otherwise) {
  const number = Number.parseInt(text ?? "", 10);
  return number >= 1 && number <= 1000 ? number : otherwise;
}
