/** The basket: one line for each sock, quantities, removal, sums, and the way to the checkout. */

import { goAndLogIn, isLoggedIn } from "./account.js";
import * as api from "./api.js";
import { gathered, nameOf } from "./cart-lines.js";
import { el, message, picture, show } from "./dom.js";
import { SHIPPING, dollars, subtotal } from "./money.js";
import { frame, showCount } from "./shell.js";
import { detailLink } from "./sock-list.js";

const rows = document.getElementById("rows");
const heading = document.querySelector("h1");
const socks = new Map();
let lines = [];
let saved = Promise.resolve();

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
    show(message("bad", "Your cart does not answer.", "Please try again in a moment."));
    return;
  }
  lines = gathered(items);
  await Promise.all(lines.map((line) => learn(line.itemId)));
  rows.replaceChildren(...lines.map(row));
  paint();
}

async function learn(id) {
  if (!id || socks.has(id)) return;
  try {
    socks.set(id, await api.sock(id));
  } catch {
    // The line is still shown, by its number: a cart must be usable while the catalogue is away.
  }
}

/** Shows what the lines hold now. Rows stay where they are, so that the keyboard does not lose its place. */
function paint() {
  for (const line of lines) {
    line.number.textContent = String(line.quantity);
    line.amount.textContent = dollars(line.quantity * line.unitPrice);
  }
  document.getElementById("nothing").hidden = lines.length > 0;
  document.getElementById("basket").hidden = lines.length === 0;
  document.getElementById("subtotal").textContent = dollars(subtotal(lines));
  document.getElementById("shipping").textContent = dollars(SHIPPING);
  document.getElementById("total").textContent = dollars(subtotal(lines) + SHIPPING);
}

function row(line) {
  const sock = socks.get(line.itemId);
  const name = nameOf(line, sock);
  line.number = el("output", { "aria-label": `Quantity of ${name}` });
  line.amount = el("span", { class: "amount" });
  line.row = el(
    "li",
    { class: "row" },
    picture(sock?.imageUrl?.[0], ""),
    el(
      "div",
      {},
      el("h2", {}, sock ? el("a", { href: detailLink(sock) }, name) : name),
      el("p", { class: "soft small" }, `${dollars(line.unitPrice)} a pair`),
      line.itemId ? button("Remove", name, () => change(line, 0)) : button("Empty the cart", "", emptyCart),
    ),
    line.itemId ? quantity(line, name) : el("span", {}, line.number),
    line.amount,
  );
  return line.row;
}

function button(text, name, onClick) {
  const rest = name ? el("span", { class: "unseen" }, ` ${name}`) : null;
  return el("button", { class: "link-button small", type: "button", on: { click: onClick } }, text, rest);
}

function quantity(line, name) {
  const step = (by, sign, verb) =>
    el(
      "button",
      { type: "button", "aria-label": `${verb} ${name}`, on: { click: () => change(line, line.quantity + by) } },
      sign,
    );
  return el("div", { class: "quantity" }, step(-1, "−", "One fewer of"), line.number, step(1, "+", "One more of"));
}

/** Shown at once and saved in the order of the clicks; what could not be saved is shown again as the cart has it. */
function change(line, wanted) {
  if (wanted < 1) forget(line);
  else line.quantity = wanted;
  paint();
  save(() => put(line, wanted));
}

function emptyCart() {
  lines = [];
  rows.replaceChildren();
  paint();
  focusOn(heading);
  save(api.emptyCart);
}

function save(action) {
  saved = saved.then(action).then(
    () => {
      show();
      return showCount();
    },
    async () => {
      show(message("bad", "Your cart could not be changed.", "Please try again in a moment."));
      await load();
    },
  );
}

/** Of a sock that the cart holds in several rows, the first ones go and the last one gets the quantity. */
async function put(line, wanted) {
  for (const last = wanted < 1 ? 0 : 1; line.rows > last; line.rows -= 1) await api.removeFromCart(line.itemId);
  if (wanted >= 1) await api.setQuantity(line.itemId, wanted);
}

function forget(line) {
  const neighbour = lines[lines.indexOf(line) + 1] ?? lines[lines.indexOf(line) - 1];
  lines = lines.filter((other) => other !== line);
  line.row.remove();
  focusOn(neighbour?.row.querySelector("button") ?? heading);
}

function focusOn(element) {
  if (element === heading) heading.tabIndex = -1;
  element.focus({ preventScroll: true });
}
