/** A customer's orders with their true states, newest first; the list follows what happens to them. */

import { goAndLogIn, isLoggedIn } from "./account.js";
import * as api from "./api.js";
import { el, message, show } from "./dom.js";
import { dollars } from "./money.js";
import { describe, isFinal } from "./order-status.js";
import { frame } from "./shell.js";
import { moment, orderId } from "./orders-data.js";

const EVERY_MS = 3000;
const body = document.getElementById("rows");
let drawn = "";
let troubled = false;

frame();
if (isLoggedIn()) await follow();
else goAndLogIn();

async function follow() {
  for (;;) {
    const orders = await load();
    if (orders && orders.every((order) => isFinal(order.status))) return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

async function load() {
  let orders;
  try {
    orders = await api.orders();
  } catch (problem) {
    if (problem.body?.message === "User not logged in.") goAndLogIn();
    // Said once, however often the page tries: a reader is not to be called away every three seconds.
    if (!troubled) show(message("bad", "Your orders cannot be read at the moment.", "This page keeps trying."));
    troubled = true;
    return null;
  }
  if (troubled) show();
  troubled = false;
  if (JSON.stringify(orders) === drawn) return orders;
  drawn = JSON.stringify(orders);
  document.getElementById("nothing").hidden = orders.length > 0;
  document.getElementById("orders").hidden = orders.length === 0;
  body.replaceChildren(...orders.toReversed().map(row));
  return orders;
}

function row(order) {
  const id = orderId(order);
  const { name, kind } = describe(order.status);
  const link = el("a", { class: "number", href: `/customer-order.html?order=${encodeURIComponent(`/orders/${id}`)}` }, id);
  return el(
    "tr",
    {},
    el("td", {}, link),
    el("td", { class: "soft" }, moment(order.date)),
    el("td", {}, el("span", { class: `status ${kind}` }, name)),
    el("td", { class: "amount" }, dollars(order.total)),
  );
}
