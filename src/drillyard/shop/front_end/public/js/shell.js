/**
 * Header and footer of every page: brand, ways around, who is logged in, how many socks are in the cart.
 */

import { customerName, isLoggedIn, logOut } from "./account.js";
import * as api from "./api.js";
import { drawing, el } from "./dom.js";

const pieces = el("span");
const unit = el("span", { class: "on-wide" }, "Cart");
const account = el("span");

/** Draws the frame; the account and the cart's count fill in when they are known. */
export function frame() {
  const here = window.location.pathname;
  const link = (href, text) => el("a", { href, "aria-current": here === href ? "page" : null }, text);
  document.querySelector(".site-header").replaceChildren(
    el(
      "div",
      { class: "width" },
      el("a", { class: "brand", href: "/" }, drawing("sock"), "WeaveSocks"),
      el("nav", { "aria-label": "Shop" }, link("/category.html", "Catalogue")),
      el("nav", { "aria-label": "Account" }, account),
      el(
        "a",
        { class: "cart-link", href: "/basket.html", "aria-current": here === "/basket.html" ? "page" : null },
        drawing("basket", false),
        el("span", { id: "cart-count" }, pieces, unit),
      ),
    ),
  );
  document
    .querySelector(".site-footer")
    .replaceChildren(
      el(
        "div",
        { class: "width" },
        el("p", {}, "WeaveSocks is a practice shop. No sock is real, no money moves: never enter a real card or password."),
      ),
    );
  showAccount();
  showCount();
  // A page that the way back took out of the browser's memory shows what was true then: a cart since ordered, a name since gone.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}

/** Counts the socks in the cart again. What is in it, or null while that cannot be had. */
export async function showCount() {
  try {
    const items = await api.cart();
    const sum = items.reduce((total, item) => total + item.quantity, 0);
    pieces.textContent = String(sum);
    unit.textContent = sum === 1 ? " item in cart" : " items in cart";
    return items;
  } catch {
    pieces.textContent = "";
    unit.textContent = "Cart";
    return null;
  }
}

async function showAccount() {
  if (!isLoggedIn()) {
    showStranger();
    return;
  }
  const orders = () => el("a", { href: "/customer-orders.html" }, "Your orders");
  account.replaceChildren(orders());
  const name = await customerName();
  if (name === null) {
    showStranger();
    return;
  }
  const leave = el("button", { class: "link-button", type: "button", on: { click: leaveShop } }, "Log out");
  const greeting = name ? el("span", { class: "greeting soft small on-wide", title: name }, `Logged in as ${name}`) : null;
  account.replaceChildren(el("span", { class: "account" }, greeting ?? "", orders(), leave));
}

function showStranger() {
  const next = encodeURIComponent(window.location.pathname + window.location.search);
  account.replaceChildren(
    el(
      "span",
      { class: "account" },
      el("a", { href: `/login.html?next=${next}` }, "Login"),
      el("a", { href: `/register.html?next=${next}` }, "Register"),
    ),
  );
}

function leaveShop() {
  logOut();
  window.location.assign("/");
}
