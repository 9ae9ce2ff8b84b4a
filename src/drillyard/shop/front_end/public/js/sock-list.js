/**
 * A grid of socks: picture, name, price.
 */

import { el, picture } from "./dom.js";
import { dollars } from "./money.js";

/** The page of one sock. */
export function detailLink(sock) {
  return `/detail.html?id=${encodeURIComponent(sock.id)}`;
}

/** Fills a list element with socks. */
export function fill(list, socks) {
  list.replaceChildren(...socks.map(entry));
}

function entry(sock) {
  return el(
    "li",
    { class: "sock" },
    picture(sock.imageUrl?.[0], ""),
    el(
      "div",
      { class: "about" },
      el("h3", {}, el("a", { href: detailLink(sock) }, sock.name)),
      el("span", { class: "amount" }, dollars(sock.price)),
    ),
  );
}
