/** One order: where it stands (kept up to date), what is in it, where it goes. */

import * as api from "./api.js";
import { nameOf } from "./cart-lines.js";
import { el, lost, message, picture, show } from "./dom.js";
import { SHIPPING, dollars } from "./money.js";
import { describe, isFinal, steps } from "./order-status.js";
import { moment, orderId, time, times } from "./orders-data.js";
import { frame } from "./shell.js";
import { detailLink } from "./sock-list.js";

const SOON_MS = 1500;
const LATER_MS = 10_000;
const SOON_TRIES = 40;

const here = new URLSearchParams(window.location.search);
const path = here.get("order") ?? "";
let drawnItems = false;
let drawnStatus = null;
let troubled = false;

frame();
if (/^\/orders\/[\w-]+$/.test(path)) await follow();
else show(lost("This link names no order.", el("a", { href: "/customer-orders.html" }, "See your orders")));

async function follow() {
  for (let tries = 0; ; tries += 1) {
    const status = await load();
    if (isFinal(status)) return;
    await new Promise((resolve) => setTimeout(resolve, tries < SOON_TRIES ? SOON_MS : LATER_MS));
    while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

async function load() {
  let order;
  try {
    order = await api.order(path);
    if (!order || !Array.isArray(order.items)) throw new api.ShopError(404, null);
  } catch (problem) {
    if (problem.status === 404) {
      show(lost("There is no such order.", el("a", { href: "/customer-orders.html" }, "See your orders")));
      return "CANCELLED";
    }
    showTrouble();
    return null;
  }
  if (order.status !== drawnStatus || troubled) showStatus(order);
  if (!drawnItems) await showContent(order);
  return order.status;
}

/** Said once, however often the page tries: a reader is not to be called away every other second. */
function showTrouble() {
  if (troubled) return;
  troubled = true;
  const texts = ["This order cannot be read at the moment.", "This page keeps trying."];
  show(drawnItems ? message("bad", ...texts) : lost(...texts));
}

function showStatus(order) {
  drawnStatus = order.status;
  troubled = false;
  show();
  if (here.has("placed") && order.status !== "PAYMENT_FAILED") show(message("good", "Thank you. Your order is placed."));
  const { name, kind, means } = describe(order.status);
  document.getElementById("status").replaceChildren(el("span", { class: `status ${kind}` }, name));
  document.getElementById("means").textContent = means;
  const reachedAt = times(order);
  document.getElementById("timeline").replaceChildren(
    ...steps(order.status).map((step) => {
      const state = describe(step.status);
      const classes = [step.reached && "reached", step.now && "now", step.reached && state.kind === "bad" && "failed"];
      return el(
        "li",
        { class: classes.filter(Boolean).join(" "), "aria-current": step.now ? "step" : null },
        state.name,
        step.reached ? el("span", { class: "unseen" }, " (reached)") : el("span", { class: "unseen" }, " (not yet)"),
        step.reached && reachedAt[step.status] ? el("time", {}, time(reachedAt[step.status])) : null,
      );
    }),
  );
}

async function showContent(order) {
  drawnItems = true;
  document.title = `Order ${orderId(order)} – WeaveSocks`;
  document.getElementById("number").textContent = orderId(order);
  document.getElementById("date").textContent = moment(order.date);
  const { customer = {}, address = {}, card = {} } = order;
  lines("deliver", [
    `${customer.firstName ?? ""} ${customer.lastName ?? ""}`.trim(),
    `${address.number ?? ""} ${address.street ?? ""}`.trim(),
    `${address.city ?? ""} ${address.postcode ?? ""}`.trim(),
    address.country,
  ]);
  lines("pay", [card.longNum ? `Ending in ${card.longNum.slice(-4)}` : ""]);
  document.getElementById("shipping").textContent = dollars(SHIPPING);
  document.getElementById("total").textContent = dollars(order.total);
  document.getElementById("order").hidden = false;
  const socks = await Promise.all(order.items.map((item) => (item.itemId ? api.sock(item.itemId).catch(() => null) : null)));
  document.getElementById("rows").replaceChildren(...order.items.map((item, index) => row(item, socks[index])));
}

function row(item, sock) {
  const name = nameOf(item, sock);
  return el(
    "li",
    { class: "row plain" },
    picture(sock?.imageUrl?.[0], ""),
    el(
      "div",
      {},
      el("h2", {}, sock ? el("a", { href: detailLink(sock) }, name) : name),
      el("p", { class: "soft small" }, `${item.quantity} × ${dollars(item.unitPrice)}`),
    ),
    el("span", { class: "amount" }, dollars(item.quantity * item.unitPrice)),
  );
}

function lines(id, texts) {
  const shown = texts.filter(Boolean);
  document.getElementById(id).replaceChildren(...shown.flatMap((text, index) => (index ? [el("br"), text] : [text])));
}
