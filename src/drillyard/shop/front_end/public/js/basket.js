/** The basket: quantities, removal, sums, and the way to the checkout. */

import { goAndLogIn, isLoggedIn } from "./account.js";
import * as api from "./api.js";
import { el, message, picture, show } from "./dom.js";
import { SHIPPING, dollars, subtotal } from "./money.js";
import { frame, showCount } from "./shell.js";
import { detailLink } from "./sock-list.js";

const rows = document.getElementById("rows");
const socks = new Map();

frame();
document.getElementById("checkout").addEventListener("click", (event) => {
  if (isLoggedIn()) return;
  event.preventDefault();
  goAndLogIn();
});
await load();

async function load() {
  let items;
  try {
    items = await api.cart();
  } catch {
    show(message("bad", "Your cart does not answer.", "Nothing in it is lost. Please try again in a moment."));
    return;
  }
  await Promise.all(items.map((item) => learn(item.itemId)));
  document.getElementById("nothing").hidden = items.length > 0;
  document.getElementById("basket").hidden = items.length === 0;
  rows.replaceChildren(...items.map(row));
  document.getElementById("subtotal").textContent = dollars(subtotal(items));
  document.getElementById("shipping").textContent = dollars(SHIPPING);
  document.getElementById("total").textContent = dollars(subtotal(items) + SHIPPING);
}

async function learn(id) {
  if (socks.has(id)) return;
  try {
    socks.set(id, await api.sock(id));
  } catch {
    // The row is still shown, by its number: a cart must be usable while the catalogue is away.
  }
}

function row(item) {
  const sock = socks.get(item.itemId);
  const name = sock?.name ?? `Sock ${item.itemId}`;
  return el(
    "li",
    { class: "row" },
    picture(sock?.imageUrl?.[0], ""),
    el(
      "div",
      {},
      el("h3", {}, sock ? el("a", { href: detailLink(sock) }, name) : name),
      el("p", { class: "soft small" }, `${dollars(item.unitPrice)} a pair`),
      el(
        "button",
        { class: "link-button small", type: "button", on: { click: () => change(() => api.removeFromCart(item.itemId)) } },
        "Remove",
        el("span", { class: "unseen" }, name),
      ),
    ),
    quantity(item, name),
    el("span", { class: "amount" }, dollars(item.quantity * item.unitPrice)),
  );
}

function quantity(item, name) {
  const step = (by, sign, verb) =>
    el(
      "button",
      {
        type: "button",
        "aria-label": `${verb} ${name}`,
        on: { click: () => change(() => setQuantity(item.itemId, item.quantity + by)) },
      },
      sign,
    );
  const number = el("output", { "aria-label": `Quantity of ${name}` }, String(item.quantity));
  return el("div", { class: "quantity" }, step(-1, "−", "One fewer of"), number, step(1, "+", "One more of"));
}

function setQuantity(id, wanted) {
  return wanted < 1 ? api.removeFromCart(id) : api.setQuantity(id, wanted);
}

async function change(action) {
  try {
    await action();
    show();
  } catch {
    show(message("bad", "Your cart could not be changed.", "Please try again in a moment."));
  }
  await load();
  showCount();
}
