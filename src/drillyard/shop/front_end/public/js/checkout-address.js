/** Checkout, first step: where the socks go and which card pays. An order takes the customer's first address and first card. */

import { goAndLogIn, isLoggedIn } from "./account.js";
import * as api from "./api.js";
import { message, show } from "./dom.js";
import { onSubmit } from "./form.js";
import { frame } from "./shell.js";

const REVIEW = "/checkout4.html";
const REPLACED_MAX = 20;

const form = document.getElementById("details");
const cardFields = document.getElementById("card-fields");
let address = null;
let card = null;

frame();
if (isLoggedIn()) await start();
else goAndLogIn();

async function start() {
  try {
    [address, card] = await Promise.all([api.address(), api.card()]);
  } catch {
    show(message("bad", "Your address and card cannot be read.", "Nothing was ordered. Please try again in a moment."));
    return;
  }
  if (address) {
    form.elements.address.value = streetLine(address);
    for (const name of ["city", "postcode", "country"]) form.elements[name].value = address[name] ?? "";
  }
  if (card) {
    document.getElementById("card-on-file").hidden = false;
    document.getElementById("card-end").textContent = card;
    cardFields.hidden = true;
    cardFields.disabled = true;
  }
  onSubmit(form, save);
}

async function save(fields) {
  try {
    await saveAddress(fields);
    if (!card) await api.addCard({ longNum: fields.longNum.replace(/[\s-]/g, ""), expires: fields.expires, ccv: fields.ccv });
  } catch {
    show(message("bad", "Your details could not be saved.", "Nothing was ordered. Please try again in a moment."));
    return false;
  }
  window.location.assign(REVIEW);
  return true;
}

/** Keeps an unchanged address; a changed one is added first and then the older ones go, so there is always one. */
async function saveAddress(fields) {
  const wanted = { ...split(fields.address), city: fields.city, postcode: fields.postcode, country: fields.country };
  if (address && Object.entries(wanted).every(([name, value]) => (address[name] ?? "") === value)) return;
  const { id } = await api.addAddress(wanted);
  for (let left = REPLACED_MAX; left > 0; left -= 1) {
    const first = await api.address();
    if (!first || first.id === id) return;
    await api.deleteAddress(first.id);
  }
}

function streetLine({ number, street }) {
  return [number, street].filter(Boolean).join(" ");
}

/** "123 Main Street" is number 123 of Main Street; what does not begin with a number is all street. */
function split(line) {
  const [, number, street] = /^\s*(\d+\S*)\s+(.+?)\s*$/.exec(line) ?? [null, "", line.trim()];
  return { number, street };
}
