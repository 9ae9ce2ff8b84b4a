/** Checkout, last step: everything at a glance, and the button that places the order. */

import { goAndLogIn, isLoggedIn } from "./account.js";
import * as api from "./api.js";
import { gathered, nameOf } from "./cart-lines.js";
import { el, message, show } from "./dom.js";
import { SHIPPING, dollars, subtotal } from "./money.js";
import { explain } from "./order-failure.js";
import { frame, showCount } from "./shell.js";

const progress = document.getElementById("progress");

frame();
if (isLoggedIn()) await start();
else goAndLogIn();

async function start() {
  let items;
  let address;
  let card;
  try {
    [items, address, card] = await Promise.all([api.cart(), api.address(), api.card()]);
  } catch {
    show(message("bad", "Your order cannot be shown.", "Nothing was ordered. Please try again in a moment."));
    return;
  }
  if (items.length === 0) {
    document.getElementById("nothing").hidden = false;
    return;
  }
  if (!address || !card) {
    window.location.replace("/checkout1.html");
    return;
  }
  document
    .getElementById("address")
    .replaceChildren(
      ...[`${address.number} ${address.street}`.trim(), `${address.city} ${address.postcode}`.trim(), address.country].flatMap(
        (line) => [line, el("br")],
      ),
    );
  document.getElementById("card").textContent = `Card ending in ${card}`;
  await showItems(items);
  document.getElementById("review").hidden = false;
}

async function showItems(items) {
  const lines = gathered(items);
  const socks = await Promise.all(lines.map((line) => (line.itemId ? api.sock(line.itemId).catch(() => null) : null)));
  document
    .getElementById("items")
    .replaceChildren(
      ...lines.map((line, index) =>
        el(
          "div",
          {},
          el("dt", {}, `${line.quantity} × ${nameOf(line, socks[index])}`),
          el("dd", { class: "amount" }, dollars(line.quantity * line.unitPrice)),
        ),
      ),
      el("div", {}, el("dt", {}, "Delivery"), el("dd", { class: "amount" }, dollars(SHIPPING))),
      el("div", { class: "total" }, el("dt", {}, "Total"), el("dd", { class: "amount" }, dollars(subtotal(items) + SHIPPING))),
    );
}

// Not disabled while an order is on its way: each click places an order, as in the shop that this one stands for.
document.getElementById("place").addEventListener("click", async () => {
  progress.textContent = "Placing your order…";
  show();
  let order;
  try {
    order = await api.placeOrder();
  } catch (problem) {
    const { title, lines } = explain(problem.status, typeof problem.body?.message === "string" ? problem.body.message : "");
    progress.textContent = "";
    show(message("bad", title, ...lines, el("p", {}, el("a", { href: "/customer-orders.html" }, "See your orders"))));
    return;
  }
  try {
    await api.emptyCart();
  } catch {
    // The order stands; a cart that could not be emptied is only shown again.
  }
  showCount();
  window.location.assign(`/customer-order.html?order=${encodeURIComponent(`/orders/${order.id}`)}&placed=1`);
});
