/** One sock: its pictures, its story, and the button that puts it into the cart. */

import * as api from "./api.js";
import { el, lost, message, picture, show } from "./dom.js";
import { dollars } from "./money.js";
import { frame, showCount } from "./shell.js";
import { fill } from "./sock-list.js";

const id = new URLSearchParams(window.location.search).get("id") ?? "";

frame();
await showSock();

async function showSock() {
  let sock;
  try {
    sock = await api.sock(id);
  } catch (problem) {
    show(
      String(problem.body?.error).endsWith("not found")
        ? lost("There is no such sock.", el("a", { href: "/category.html" }, "See all socks"))
        : lost("The catalogue does not answer.", "Please try again in a moment."),
    );
    return;
  }
  document.title = `${sock.name} – WeaveSocks`;
  document.getElementById("name").textContent = sock.name;
  document.getElementById("price").textContent = dollars(sock.price);
  document.getElementById("description").textContent = sock.description;
  document.getElementById("stock").textContent = sock.count === 1 ? "One pair left" : `${sock.count} pairs in stock`;
  document
    .getElementById("tags")
    .replaceChildren(
      ...(sock.tag ?? []).map((tag) =>
        el("li", {}, el("a", { class: "chip", href: `/category.html?tags=${encodeURIComponent(tag)}` }, tag)),
      ),
    );
  document.getElementById("add").addEventListener("click", () => add(sock));
  showPictures(sock);
  document.getElementById("detail").hidden = false;
  await showOthers(sock);
}

function showPictures(sock) {
  const urls = [...new Set(sock.imageUrl ?? [])];
  const large = document.getElementById("picture");
  const thumbs = document.getElementById("thumbs");
  const choose = (url) => {
    large.replaceChildren(picture(url, `${sock.name} socks`));
    for (const button of thumbs.children) button.setAttribute("aria-pressed", String(button.dataset.url === url));
  };
  if (urls.length > 1) {
    thumbs.replaceChildren(
      ...urls.map((url, index) =>
        el(
          "button",
          { type: "button", "data-url": url, "aria-label": `Picture ${index + 1}`, on: { click: () => choose(url) } },
          picture(url, ""),
        ),
      ),
    );
  }
  choose(urls[0]);
}

async function add(sock) {
  try {
    await api.addToCart(sock.id);
  } catch {
    added(message("bad", `${sock.name} could not be added to your cart.`, "Please try again in a moment."));
    return;
  }
  const items = await showCount();
  // The shop accepts a sock whose price it could not find out, and keeps a row without either; so look.
  if (items && !items.some((item) => item.itemId === sock.id)) {
    const why = "The catalogue did not answer, and the cart got an empty line instead.";
    added(message("bad", `${sock.name} could not be added to your cart.`, why, toCart()));
    return;
  }
  added(message("good", `${sock.name} is in your cart.`, toCart()));
}

const toCart = () => el("a", { href: "/basket.html" }, "Go to your cart");

/** Beside the button, where the eye is. */
function added(box) {
  document.getElementById("added").replaceChildren(box);
}

async function showOthers(sock) {
  try {
    const others = await api.socks(`?sort=id&size=5&tags=${encodeURIComponent((sock.tag ?? []).join(","))}`);
    const chosen = others.filter((other) => other.id !== sock.id).slice(0, 4);
    fill(document.getElementById("others"), chosen);
    document.getElementById("also").hidden = chosen.length === 0;
  } catch {
    document.getElementById("also").hidden = true;
  }
}
