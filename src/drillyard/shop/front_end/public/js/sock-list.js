/**
 * A grid of socks: picture, name, price.
 */

import { el, picture } from "./dom.js";
import { dollars } from "./money.js";

/** The page of one sock. */
export function detailLink(sock) {
  return `/detail.html?id=${encodeURIComponent(sock.id)}`;
}

/** Fills a list element with socks, their names being headings of that level. */
export function fill(list, socks, level = "h3") {
  list.replaceChildren(...socks.map((sock) => entry(sock, level)));
}

function entry(sock, level) {
  return el(
    "li",
    { class: "sock" },
    picture(sock.imageUrl?.[0], ""),
    el(
      "div",
      { class: "about" },
      el(level, { class: "name" }, el("a", { href: detailLink(sock) }, sock.name)),
      el("span", { class: "amount" }, dollars(sock.price)),
    ),
  );
}
